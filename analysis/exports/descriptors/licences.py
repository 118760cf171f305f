"""`LICENSES.md`: the licence and the source of each file."""

from __future__ import annotations

from collections.abc import Mapping

from analysis.exports.bundle_facts import BundleFacts
from analysis.exports.terms import (
    ATTRIBUTION,
    ECOSYSTEMS_LICENCE,
    HUB_LICENCE,
    IMPORT_LICENCE,
    LOCAL_LICENCE,
    choose_licence,
)


def render(facts: BundleFacts) -> Mapping[str, bytes]:
    """Return the licences of all files."""
    rows = "".join(
        f"| `{file.path}` | {choose_licence(facts, file.contents.registry)['name']} |\n" for file in facts.files
    )
    notice = f"{facts.notice} {LOCAL_LICENCE['title']}.\n\n" if facts.notice else ""
    ecosystems = f"- {ECOSYSTEMS_LICENCE['name']}: {ECOSYSTEMS_LICENCE['title']}, {ECOSYSTEMS_LICENCE['path']}.\n"
    ecosystems += f"  Name the source and share alike: {ATTRIBUTION}.\n"
    imports = f"- other: {IMPORT_LICENCE['title']}.\n\n"
    text = (
        "# Licences\n\nA file with rows of several sources is under the strictest of their licences.\n\n"
        f"{notice}"
        f"{ecosystems if facts.has_ecosystems_data else ''}"
        f"- other: {HUB_LICENCE['title']}. See {HUB_LICENCE['path']}.\n\n"
        f"{imports if any(snapshot.origin == 'import' for snapshot in facts.snapshots) else ''}"
        f"| file | licence |\n|---|---|\n{rows}"
    )
    return {"LICENSES.md": text.encode("utf-8")}
