"""`CITATION.cff`: how to cite the bundle."""

from __future__ import annotations

import json
from collections.abc import Mapping

from analysis.exports.bundle_facts import ATTRIBUTION, BundleFacts


def render(facts: BundleFacts) -> Mapping[str, bytes]:
    """The citation. Text is quoted as JSON, which is YAML."""
    last = facts.complete_snapshots[-1] if facts.complete_snapshots else None
    digests = [one.digest for one in facts.complete_snapshots if one.digest]
    lines = [
        "cff-version: 1.2.0",
        'message: "If you use these snapshots, please cite them, and the paper whose metrics they serve."',
        "type: dataset",
        f"title: {json.dumps(facts.title, ensure_ascii=False)}",
        f"abstract: {json.dumps(_make_abstract(facts), ensure_ascii=False)}",
        "authors:",
        '  - name: "The hub-observatory developers"',
        *([f"date-released: {last.date}"] if last else []),
        *(
            [
                "identifiers:",
                *(
                    f'  - {{type: other, value: "sha256:{digest}", description: "content of a snapshot"}}'
                    for digest in digests
                ),
            ]
            if digests
            else []
        ),
        "references:",
        "  - type: conference-paper",
        '    title: "What do we know about Hugging Face? A systematic literature review and quantitative validation of'
        ' qualitative claims"',
        "    authors:",
        *(
            f"      - {{family-names: {family}, given-names: {given}}}"
            for family, given in (
                ("Jones", "Jason"),
                ("Jiang", "Wenxin"),
                ("Synovic", "Nicholas"),
                ("Thiruvathukal", '"George K."'),
                ("Davis", '"James C."'),
            )
        ),
        "    year: 2024",
        "    doi: 10.1145/3674805.3686665",
    ]
    return {"CITATION.cff": ("\n".join(lines) + "\n").encode("utf-8")}


def _make_abstract(facts: BundleFacts) -> str:
    said = f"{len(facts.complete_snapshots):,} complete snapshots of {', '.join(facts.registries) or 'no registry'}."
    return f"{said} Contains data of {ATTRIBUTION}." if facts.has_ecosystems_data else said
