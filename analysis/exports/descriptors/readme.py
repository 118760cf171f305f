"""`README.md`: for people, and a dataset card of the Hub, so that `datasets.load_dataset` opens the folder."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from analysis.exports.bundle_facts import ATTRIBUTION, BundleFacts, collect_terms
from analysis.exports.columns import describe_table

READABLE_FORMATS = {"parquet": "parquet", "jsonl": "jsonl", "csv": "csv"}
DEFAULT_VIEW = "v1_ranking"


def render(facts: BundleFacts) -> Mapping[str, bytes]:
    """The card, and the snippets it speaks of."""
    text = "\n".join(
        [*_front_matter(facts), *_summary(facts), *_limits(facts), *_tables(facts), *_reading(facts), *_rights(facts)]
    )
    return {"README.md": text.encode("utf-8") + b"\n"}


def choose_format(facts: BundleFacts) -> str | None:
    """The form that programs read, of those that are there: the best one."""
    there = {file.contents.format for file in facts.files}
    return next((form for form in READABLE_FORMATS if form in there), None)


def _front_matter(facts: BundleFacts) -> Iterator[str]:
    form = choose_format(facts)
    yield "---"
    if facts.has_ecosystems_data:
        yield "license: cc-by-sa-4.0"
    else:
        yield from ("license: other", "license_name: hub-facts", "license_link: LICENSES.md")
    yield f"pretty_name: {json.dumps(facts.title, ensure_ascii=False)}"
    yield from ("tags:", "- mining-software-repositories", "- rankings", "- snapshots")
    names = _views_with_rows(facts, form)
    if names:
        yield "configs:"
    for name in sorted(names, key=lambda name: (name != DEFAULT_VIEW, name)):
        yield f"- config_name: {name}"
        yield from ("  data_files:", "  - split: train", f'    path: "{form}/{name}/*.{form}"')
        if name == DEFAULT_VIEW:
            yield "  default: true"
    yield "---"


def _views_with_rows(facts: BundleFacts, format_name: str | None) -> list[str]:
    views = {table.name for table in facts.tables if not table.is_lake}
    found = [one.contents for one in facts.files if one.contents.format == format_name]
    return sorted({str(one.table) for one in found if one.table in views and one.rows})


def _summary(facts: BundleFacts) -> Iterator[str]:
    others = [one for one in facts.snapshots if one.status != "complete"]
    yield f"\n# {facts.title}\n"
    yield (
        f"{len(facts.complete_snapshots):,} complete snapshots, exported by hub-observatory. Snapshots are never changed; only "
        "complete ones are here with their rows."
    )
    if others:
        yield f"Not complete, and listed in `v1_snapshot` with the reason: {len(others):,}."
    yield "\n| snapshot | registry | date | status | content (sha256) |\n|---|---|---|---|---|"
    for one in facts.snapshots:
        yield f"| {one.number} | {one.registry} | {one.date} | {one.status} | {(one.digest or 'withheld')[:16]} |"


def _limits(facts: BundleFacts) -> Iterator[str]:
    yield "\n## What to know before use\n"
    yield "- Counters are as they were served: they freeze, catch up and fall (`v1_quality_event`). NULL is not 0."
    yield "- Compare two snapshots only if their `registry`, `by` and `counter` are equal; ties have no order."
    yield "- `dictionary.csv` has the unit, source, caveat, licence and class of personal data of every column."
    yield "- Personal data: names of accounts. There are no addresses, no texts of cards and no configurations here."
    if facts.is_pseudonymised:
        yield "- Names are pseudonyms, the same throughout this bundle. Counters are public: this is not anonymity."
    if facts.redacted_packages:
        counts = ", ".join(f"{table} {rows:,}" for table, rows in sorted(facts.redacted_rows.items()) if rows)
        yield f"- Packages left out on request: {facts.redacted_packages:,}; rows: {counts or 'none'}."
        yield "  The content hashes are of the lists before that."


def _tables(facts: BundleFacts) -> Iterator[str]:
    yield "\n## Tables\n\n| table | what it is |\n|---|---|"
    for table in facts.tables:
        yield f"| `{table.name}` | {describe_table(table).partition('. ')[0].rstrip('.')} |"


def _reading(facts: BundleFacts) -> Iterator[str]:
    yield "\n## Reading\n"
    yield "`snippets/` has the first lines for pandas, DuckDB, R and datasets. In CSV, text that a spreadsheet would"
    yield "calculate begins with a `'` that is not its own: remove one `'` from text that begins with one or more of"
    yield "them before `=`, `+`, `-`, `@`, a tab, a line break, or the full-width forms of those signs."


def _rights(facts: BundleFacts) -> Iterator[str]:
    licences, sources = collect_terms(facts, None)
    yield "\n## Citation, sources and licences\n"
    yield "`CITATION.cff` says how to cite this, `LICENSES.md` has each file's licence and `manifest.json` its hash.\n"
    if facts.has_ecosystems_data:
        yield f"Package ranks and counts: {ATTRIBUTION}.\n"
    yield from (f"- source: {json.dumps(one['title'], ensure_ascii=False)[1:-1]}" for one in sources)
    yield from (f"- licence: {one['name']}, {one['path']}" for one in licences)
    yield "\nTo have something taken out, write to whoever published this bundle; later releases leave it out."
