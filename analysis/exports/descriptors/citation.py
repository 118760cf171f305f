"""`CITATION.cff`: the citation of the bundle."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from analysis.exports.authors import NO_AUTHOR, BundleAuthor
from analysis.exports.bundle_facts import BundleFacts
from analysis.exports.terms import ATTRIBUTION
from db import __version__

PAPER_AUTHORS = (
    ("Jones", "Jason"),
    ("Jiang", "Wenxin"),
    ("Synovic", "Nicholas"),
    ("Thiruvathukal", '"George K."'),
    ("Davis", '"James C."'),
)


def render(facts: BundleFacts) -> Mapping[str, bytes]:
    """Return the citation, with text quoted as JSON, which is valid YAML."""
    lines = [
        "cff-version: 1.2.0",
        'message: "If you use these snapshots, please cite them, and the paper whose metrics they serve."',
        "type: dataset",
        f"title: {json.dumps(facts.title, ensure_ascii=False)}",
        f"abstract: {json.dumps(_make_abstract(facts), ensure_ascii=False)}",
        "authors:",
        *_author_lines(facts),
        *_snapshot_lines(facts),
        *_reference_lines(),
    ]
    return {"CITATION.cff": ("\n".join(lines) + "\n").encode("utf-8")}


def _author_lines(facts: BundleFacts) -> Iterator[str]:
    """Yield those who exported the bundle. The format requires an entry."""
    for author in facts.authors or (BundleAuthor(NO_AUTHOR),):
        yield f"  - name: {json.dumps(author.name, ensure_ascii=False)}"
        if author.url:
            yield f"    {'orcid' if author.orcid else 'website'}: {json.dumps(author.url)}"


def _reference_lines() -> list[str]:
    """Return the references to the program, and to the paper whose metrics the snapshots serve."""
    return [
        "references:",
        "  - type: software",
        "    title: hub-observatory",
        f"    version: {json.dumps(__version__)}",
        "    authors:",
        '      - name: "The hub-observatory developers"',
        "  - type: conference-paper",
        '    title: "What do we know about Hugging Face? A systematic literature review and quantitative validation of'
        ' qualitative claims"',
        "    authors:",
        *(f"      - {{family-names: {surname}, given-names: {forename}}}" for surname, forename in PAPER_AUTHORS),
        "    year: 2024",
        "    doi: 10.1145/3674805.3686665",
    ]


def _snapshot_lines(facts: BundleFacts) -> Iterator[str]:
    """Yield the date of the last complete snapshot, and the digest of every complete snapshot."""
    if facts.complete_snapshots:
        yield f"date-released: {facts.complete_snapshots[-1].date}"
    digests = [snapshot.digest for snapshot in facts.complete_snapshots if snapshot.digest]
    if digests:
        yield "identifiers:"
    for digest in digests:
        yield f'  - {{type: other, value: "sha256:{digest}", description: "content of a snapshot"}}'


def _make_abstract(facts: BundleFacts) -> str:
    text = f"{len(facts.complete_snapshots):,} complete snapshots of {', '.join(facts.registries) or 'no registry'}."
    attribution = f"Contains data of {ATTRIBUTION}." if facts.has_ecosystems_data else ""
    return " ".join(part for part in (text, attribution, facts.notice) if part)
