"""The sections that a report leaves out because they would be empty, with the reason, unless a limitation says why."""

from __future__ import annotations

import re
from collections.abc import Iterator

from analysis.reporting.rows import Report
from analysis.reporting.wording import join_words

NO_PARENT = "no listed package states what it was made from"
METRIC_SECTIONS = {  # the section and the reason why it is empty, by the beginning of its metrics' names
    "turnover": ("turnover", "no list has two complete snapshots that can be compared"),
    "descendants": ("descendants", NO_PARENT),
    "preservation": ("library preservation", NO_PARENT),
    "documentation": ("documentation", "no card has been scored"),
}


def describe_omissions(report: Report) -> str:
    """Return which sections are left out and why, in one line; nothing if every section has content."""
    sections: dict[str, list[str]] = {}
    for section, reason in _list_omissions(report):
        sections.setdefault(reason, []).append(section)
    reasons = [f"{join_words(names)}, because {reason}" for reason, names in sections.items()]
    return f"Not shown: {'; '.join(reasons)}." if reasons and report["snapshots"] else ""


def _list_omissions(report: Report) -> Iterator[tuple[str, str]]:
    defined = [result for result in report["results"] if result["value"] is not None]
    # The metric `turnover_as_published` has results of single lists too, so turnover goes by the names of results.
    present = {result["metric"] for result in defined if not result["metric"].startswith("turnover")}
    present |= {result["name"] for result in defined if result["metric"] == "turnover"}
    present |= {"descendants"} if report["base_models"] else set()
    explained = {word for sentence in report["unknown"] for word in re.findall(r"\w+", sentence)}
    for metric, (section, reason) in METRIC_SECTIONS.items():
        if metric not in explained and not any(name.startswith(metric) for name in present):
            yield section, reason
    if not report["claims"]:
        yield "claims of the paper", "Hugging Face is not in this report"
