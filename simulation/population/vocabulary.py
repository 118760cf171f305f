"""The vocabulary of invented names and cards."""

from __future__ import annotations

import random

ADJECTIVES = (
    "amber",
    "birch",
    "cobalt",
    "dusky",
    "early",
    "fern",
    "glacial",
    "hollow",
    "ivory",
    "juniper",
    "keen",
    "lunar",
    "mellow",
    "north",
    "opal",
    "pale",
    "quiet",
    "rapid",
    "silver",
    "tidal",
    "umber",
    "velvet",
    "wild",
)
AUTHOR_SUFFIXES = (
    "lab",
    "works",
    "ai",
    "research",
    "studio",
    "collective",
    "group",
    "institute",
    "team",
    "forge",
    "nlp",
    "vision",
    "audio",
    "systems",
    "commons",
    "garage",
    "school",
    "house",
    "press",
    "union",
    "yard",
    "crew",
)
FAMILIES = (
    "Lumen",
    "Tarn",
    "Kestrel",
    "Moraine",
    "Sedge",
    "Pharos",
    "Quill",
    "Basalt",
    "Cirrus",
    "Drift",
    "Ember",
    "Fjord",
    "Gneiss",
    "Harbor",
    "Isthmus",
    "Jetty",
    "Karst",
    "Loess",
    "Mistral",
    "Nadir",
    "Osprey",
    "Plover",
)
SIZES = ("tiny", "small", "base", "large", "1b", "3b", "7b", "8b", "13b", "32b", "70b")
NOUNS = (
    "parser",
    "loader",
    "router",
    "schema",
    "stream",
    "buffer",
    "cache",
    "color",
    "format",
    "glob",
    "hash",
    "index",
    "lexer",
    "merge",
    "option",
    "path",
    "query",
    "retry",
    "socket",
    "table",
    "token",
    "vector",
    "yarn",
)
PREFIXES = ("fast", "tiny", "core", "easy", "micro", "multi", "node", "open", "safe", "smart", "true", "uni")
LIBRARIES = (
    ("transformers", "text-generation", "llama"),
    ("transformers", "text-classification", "bert"),
    ("transformers", "fill-mask", "roberta"),
    ("diffusers", "text-to-image", "unet"),
    ("sentence-transformers", "sentence-similarity", "mpnet"),
    ("transformers", "image-classification", "vit"),
    ("transformers", "automatic-speech-recognition", "whisper"),
    ("timm", "image-feature-extraction", "vit"),
)
RELATIONS = ("finetune", "adapter", "quantized", "merge")
RELATION_WEIGHTS = (38, 37, 20, 5)
SUFFIXES = {"finetune": "instruct", "adapter": "lora", "quantized": "GGUF", "merge": "merge"}
LICENCES = ("apache-2.0", "mit", "cc-by-4.0", "cc-by-nc-4.0", "openrail", "llama2", "other", "bsd-3-clause")
LANGUAGES = ("en", "de", "fr", "zh", "es", "ja", "no", "pt", "ar", "hi")
SPACE_KITS = ("gradio", "streamlit", "docker", "static")
SENTENCES = (
    "This model was trained on a public corpus and evaluated on held-out text.",
    "It is intended for research and has not been tested for medical or legal use.",
    "The training data may contain social bias; outputs can be wrong or offensive.",
    "Training took four days on eight accelerators with a cosine schedule.",
    "Load it with the usual pipeline call; see the example below.",
    "We report accuracy and macro F1, averaged over three seeds.",
    "Please cite our report if you use these weights.",
    "Known limits: short contexts, rare languages and numbers.",
)
SECTIONS = (
    "Model description",
    "Intended use",
    "Limitations",
    "Training data",
    "Training procedure",
    "Evaluation",
    "How to use",
    "Citation",
    "Contact",
    "Environmental impact",
)


def draw_namespace(rng: random.Random, author_count: int) -> str:
    """Return an author. A few authors publish most repositories."""
    number = int(author_count * rng.random() ** 3)
    first, second = (
        ADJECTIVES[number % len(ADJECTIVES)],
        AUTHOR_SUFFIXES[number // len(ADJECTIVES) % len(AUTHOR_SUFFIXES)],
    )
    round_trip = number // (len(ADJECTIVES) * len(AUTHOR_SUFFIXES))
    return f"{first}-{second}" + (str(round_trip) if round_trip else "")


def draw_original_title(rng: random.Random) -> str:
    """Return the second half of the name of a repository that is not derived from another."""
    return f"{rng.choice(FAMILIES)}-{rng.choice(SIZES)}"


def draw_derived_title(rng: random.Random, parent: str, relation: str) -> str:
    """Return the second half of a child's name, built on its parent's."""
    stem = parent.rsplit("/", 1)[-1][:48]
    return f"{stem}-{SUFFIXES[relation]}" + (f"-{rng.randrange(100)}" if rng.random() < 0.5 else "")
