"""`LICENSES.md`: the licence and the source of each file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from analysis.exports.bundle_facts import BundleFacts
from analysis.exports.terms import ATTRIBUTION, LICENCES, choose_licence, label_licence


def render(facts: BundleFacts) -> Mapping[str, bytes]:
    """Return the licences of all files."""
    labels = {file.path: label_licence(choose_licence(facts, file.contents.registry)) for file in facts.files}
    rows = "".join(f"| `{path}` | {label} |\n" for path, label in labels.items())
    notice = f"{facts.notice}\n\n" if facts.notice else ""
    text = (
        "# Licences\n\nA file with rows of several sources is under the strictest of their licences.\n\n"
        f"{notice}{''.join(_explain_labels(set(labels.values())))}\n| file | licence |\n|---|---|\n{rows}"
    )
    return {"LICENSES.md": text.encode("utf-8")}


def _explain_labels(labels: set[str]) -> Iterator[str]:
    """Yield a line for each licence that a file has."""
    for label, licence in LICENCES.items():
        if label in labels:
            page = f" See {licence['path']}." if licence["path"].startswith("https:") else ""
            yield f"- {label}: {licence['title']}.{page}\n"
    if "CC-BY-SA-4.0" in labels:
        yield f"\nFor CC-BY-SA-4.0, name the source and share alike: {ATTRIBUTION}.\n"
