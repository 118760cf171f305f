"""Front matter from strangers: its fields are read, and dangerous YAML is refused."""

from __future__ import annotations

import random
import tracemalloc
from collections import Counter

import pytest

from crawler.cards.content import parse_card
from crawler.cards.front_matter import FrontMatterLimitError, extract_block, parse_block, parse_front_matter

LINES = [  # a line of YAML, and the value that its author intended
    ("language: no", {"language": "no"}),
    ("language: [no, en]", {"language": ["no", "en"]}),
    ("language: on", {"language": "on"}),
    ("language: y", {"language": "y"}),
    ("version: 1.10", {"version": "1.10"}),
    ("version: 1e3", {"version": "1e3"}),
    ("time: 12:30:45", {"time": "12:30:45"}),
    ("date: 2022-02-15", {"date": "2022-02-15"}),
    ("octal: 010", {"octal": "010"}),
    ("license: null", {"license": "null"}),
    ("license: ~", {"license": "~"}),
    ("license:", {"license": ""}),
    ("inference: false", {"inference": "false"}),
    ("license: 'no'", {"license": "no"}),
    ("a: &x [one]\nb: *x", {"a": ["one"], "b": ["one"]}),
    ("<<: {a: b}", {"<<": {"a": "b"}}),
    ("1: one", {"1": "one"}),
    ("? [a]\n: b", None),
    ("", {}),
    ("null", {}),
]


def bomb(levels: int) -> str:
    """Return the billion laughs: each line expands to ten times the line above."""
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(("line", "expected"), LINES)
@pytest.mark.fault("D10")
def test_every_plain_scalar_stays_a_string(line: str, expected: dict[str, object] | None) -> None:
    if expected is None:
        assert parse_front_matter(f"---\n{line}\n---\n").state == "broken"
    else:
        assert parse_block(line) == expected


@pytest.mark.parametrize("levels", [5, 8, 12])
@pytest.mark.fault("E2")
def test_an_alias_bomb_is_refused_before_it_expands(levels: int) -> None:
    tracemalloc.start()
    assert parse_front_matter(f"---\n{bomb(levels)}\n---\n").state == "refused"
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


@pytest.mark.parametrize(
    "block", ["[" * 31 + "]" * 31, "a: " + "{b: " * 40 + "}" * 40, "\n".join(f"k{n}: v" for n in range(10_001))]
)
@pytest.mark.fault("E2")
def test_front_matter_that_is_too_deep_or_too_large_is_refused(block: str) -> None:
    with pytest.raises(FrontMatterLimitError):
        parse_block(block)


def test_front_matter_just_below_the_limits_is_read() -> None:
    assert parse_block("a: " + "[" * 28 + "]" * 28)
    assert len(parse_block("\n".join(f"k{n}: v" for n in range(9_000)))) == 9_000
    assert parse_block("a: &x b\n" + "\n".join(f"k{n}: *x" for n in range(20)))


def test_endless_front_matter_is_refused_and_a_long_card_without_front_matter_is_not() -> None:
    assert parse_front_matter("---\n" + "a: b\n" * 20_000).state == "refused"
    assert parse_front_matter("# A model\n" * 20_000).state == "none"
    assert parse_front_matter("---\na: b\n").state == "none"


@pytest.mark.parametrize(
    ("text", "state"), [(" ", "none"), ("\n", "none"), ("---\n", "read"), ("-", "none"), ("---\n ", "refused")]
)
@pytest.mark.timeout(20)
@pytest.mark.fault("E12")
def test_every_text_is_parsed_in_limited_time(text: str, state: str) -> None:
    assert parse_front_matter(text * (1_000_000 // len(text))).state == state


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_kind_of_line_ending_is_read(end: str) -> None:
    text = end.join(["---", "license: mit", "---", "# A"])
    assert extract_block(text) is not None
    assert parse_front_matter(text).fields == ("license",)


@pytest.mark.parametrize(
    ("block", "fields"),
    [
        ("license: mit\ntags:\n- pytorch\n- arxiv:1810.04805", ("frameworks", "license", "paper", "tags")),
        ("library_name: transformers\npipeline_tag: fill-mask", ("libraries", "model_task")),
        ("base_model: a/b\nwidget:\n- text: Hello", ("base_model", "demo")),
        ("tags: []\nlicense: ''\ndatasets:\n-\nmetrics: null", ()),
        ("co2_eq_emissions: 0.5\ndatasets: [squad]", ("carbon_emitted", "datasets")),
        (
            "co2_eq_emissions: {emissions: 1, hardware_used: a GPU}\ndatasets: a/b",
            ("carbon_emitted", "dataset_address", "datasets", "hardware"),
        ),
        ("tags: [bert, owl]", ("architecture", "tags")),
        (
            "model-index:\n- name: m\n  results:\n  - task: {type: t}\n    dataset: {type: d, name: d}\n"
            "    metrics:\n    - {type: accuracy, value: 0.9}",
            ("evaluation",),
        ),
        ("model-index: nonsense\nlicense: mit", ("license",)),
        ("tags: {a: b}\nlicense: mit", ("license", "tags")),
        ("self: x\nignore_metadata_errors: y\neval_results: z\nlicense: mit", ("license",)),
    ],
)
def test_only_fields_with_a_value_are_counted(block: str, fields: tuple[str, ...]) -> None:
    assert parse_front_matter(f"---\n{block}\n---\n# A").fields == fields


@pytest.mark.parametrize(
    "block", ["license: mit\nlicense: gpl", "a: b\nco2: {x: 1, x: 2}", "'a': b\na: c", "{a: b, a: b}"]
)
def test_a_duplicate_key_is_broken(block: str) -> None:
    assert parse_front_matter(f"---\n{block}\n---\n").state == "broken"
    assert parse_block("a: {b: c}\nd: {b: c}") == {"a": {"b": "c"}, "d": {"b": "c"}}


PIECES = (
    "---", "\n", "- ", "a", "license: mit", ": ", "&x ", "*x", "[", "]", "{", "}", "'", '"', "|", ">", "#", "!",
    "!!python/name:a.b ", "? ", "<<: ", "\t", "  ", "\r\n", "\0", "\ufeff", "é", "🦉", "%YAML 1.1", "...",
    "tags:\n- pytorch", "model-index:\n- name: m", "results: []", "widget: 1", "co2_eq_emissions:", "0x1f", "~",
    "\x07", "\ud800", "@", "`", ",", "language: no",
)  # fmt: skip


def make_random_text(random_source: random.Random) -> str:
    """Return front matter of random pieces, mostly between two lines of hyphens."""
    block = "".join(
        random_source.choice(PIECES) + random_source.choice(("", "", "\n")) for _ in range(random_source.randint(0, 40))
    )
    return f"---\n{block}\n---\n# A" if random_source.random() < 0.9 else block


@pytest.mark.parametrize("seeds", [range(10_000), pytest.param(range(10_000, 300_000), marks=pytest.mark.slow)])
def test_no_front_matter_raises(seeds: range) -> None:
    states = Counter(parse_front_matter(make_random_text(random.Random(seed))).state for seed in seeds)
    assert set(states) <= {"none", "read", "refused", "broken"}
    assert min(states["none"], states["read"], states["broken"]) > len(seeds) // 200


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("See https://arxiv.org/abs/1810.04805 and github.com/owls/nest.", ("github", "paper")),
        ("- **Funded by [optional]:** The Owl Trust", ("grant",)),
        ("- **Funded by [optional]:** [More Information Needed]\nsee github.com/owls, arxiv.org/list", ()),
    ],
)
def test_some_fields_are_found_in_the_text(text: str, fields: tuple[str, ...]) -> None:
    assert parse_card(text.encode()).fields == fields


@pytest.mark.parametrize("block", ["a: [", "- a\n- b", "just words", "a: b: c", "\tx: y", "a: *undefined", "a: \x07"])
def test_front_matter_that_is_not_a_mapping_is_broken(block: str) -> None:
    assert parse_front_matter(f"---\n{block}\n---\n").state == "broken"
