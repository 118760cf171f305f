"""`LICENSES.md`: whose the data is, file by file, and on what terms."""

from __future__ import annotations

from collections.abc import Mapping

from analysis.exports.bundle_facts import ATTRIBUTION, ECOSYSTEMS, HUB, Facts, terms


def tell(facts: Facts) -> Mapping[str, bytes]:
    """The terms of every file."""
    rows = "".join(f"| `{file.path}` | {terms(facts, file.written.registry)[0][0]['name']} |\n" for file in facts.files)
    ecosystems = f"- {ECOSYSTEMS['name']}: {ECOSYSTEMS['title']}, {ECOSYSTEMS['path']}.\n"
    ecosystems += f"  Name the source and share alike: {ATTRIBUTION}.\n"
    text = (
        "# Licences\n\nA file with rows of several sources is under the strictest of their licences.\n\n"
        f"{ecosystems if facts.ecosystems else ''}- other: {HUB['title']}. See {HUB['path']}.\n\n"
        f"Snapshots whose `origin` is import stay under the licence of their `source`, which `v1_snapshot` names.\n\n"
        f"| file | licence |\n|---|---|\n{rows}"
    )
    return {"LICENSES.md": text.encode("utf-8")}
