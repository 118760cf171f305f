"""`README.md`: a page for people and a dataset card of the Hub, with which `datasets.load_dataset` opens the folder."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from analysis.exports.authors import NO_AUTHOR
from analysis.exports.bundle_facts import BundleFacts
from analysis.exports.columns import describe_column, describe_table
from analysis.exports.terms import ATTRIBUTION, choose_licence, collect_terms, label_licence
from db.dictionary import ColumnDescription

LOADABLE_FORMATS = ("parquet", "jsonl", "csv")  # the best first
DEFAULT_VIEW = "v1_ranking"
UNTYPED_FORMATS = ("jsonl", "csv")
FEATURE_TYPES = {"INTEGER": "int64", "REAL": "float64", "TEXT": "string"}
# A package may be called `null`, which pandas would take for a missing name.
TYPE_OPTIONS = {"csv": ("  keep_default_na: false", '  na_values: [""]')}


def render(facts: BundleFacts) -> Mapping[str, bytes]:
    """Return the dataset card."""
    sections = (_front_matter, _summary, _removals, _limits, _tables, _reading, _rights)
    text = "\n".join(line for section in sections for line in section(facts))
    return {"README.md": text.encode("utf-8") + b"\n"}


def _front_matter(facts: BundleFacts) -> Iterator[str]:
    format_name = facts.choose_format(LOADABLE_FORMATS)
    yield "---"
    yield from _license_lines(facts)
    yield f"pretty_name: {json.dumps(facts.title, ensure_ascii=False)}"
    yield from ("tags:", "- mining-software-repositories", "- rankings", "- snapshots")
    if any(snapshot.is_local for snapshot in facts.snapshots):
        yield "- simulated"
    names = _views_with_rows(facts, format_name)
    if names:
        yield "configs:"
    for name in sorted(names, key=lambda name: (name != DEFAULT_VIEW, name)):
        yield f"- config_name: {name}"
        yield from ("  data_files:", "  - split: train", f'    path: "{format_name}/{name}/*.{format_name}"')
        yield from TYPE_OPTIONS.get(str(format_name), ())
        if format_name in UNTYPED_FORMATS:
            yield from _feature_lines(facts, name, str(format_name))
        if name == DEFAULT_VIEW:
            yield "  default: true"
    yield "---"


def _feature_lines(facts: BundleFacts, view: str, format_name: str) -> Iterator[str]:
    """Yield the types of a view. Without them the first file decides, and it may lack every value of a column."""
    (table,) = (table for table in facts.tables if table.name == view)
    yield "  features:"
    for column in table.columns:
        dtype = _feature_type(column.type, describe_column(table, column), format_name)
        yield from (f"  - name: {json.dumps(column.name)}", f"    dtype: {dtype}")


def _feature_type(column_type: str, description: ColumnDescription, format_name: str) -> str:
    """Return the type of a column for `datasets`, which reads CSV with pandas and JSON lines with pyarrow.

    pandas has no integer that is missing. pyarrow takes a text that is an instant for an instant.
    """
    if format_name == "csv" and column_type == "INTEGER" and description["nullable"]:
        return "float64"
    if format_name == "jsonl" and description["unit"].startswith(("instant", "day")):
        return "timestamp[s]"
    return FEATURE_TYPES[column_type]


def _license_lines(facts: BundleFacts) -> tuple[str, ...]:
    if facts.has_ecosystems_data:
        return ("license: cc-by-sa-4.0",)
    name = label_licence(choose_licence(facts, None))
    return ("license: other", f"license_name: {name}", "license_link: LICENSES.md")


def _views_with_rows(facts: BundleFacts, format_name: str | None) -> list[str]:
    views = {table.name for table in facts.tables if not table.is_lake}
    files = [file.contents for file in facts.files if file.contents.format == format_name]
    return sorted({str(file.table) for file in files if file.table in views and file.rows})


def _summary(facts: BundleFacts) -> Iterator[str]:
    incomplete = sum(snapshot.status != "complete" for snapshot in facts.snapshots)
    yield f"\n# {facts.title}\n"
    if facts.notice:
        yield f"**{facts.notice}**\n"
    yield (
        f"{len(facts.complete_snapshots):,} complete snapshots, exported by hub-observatory. A snapshot never changes. "
        "Only complete snapshots are here with their rows."
    )
    if incomplete:
        yield f"Snapshots that are not complete are listed in `v1_snapshot` with the reason: {incomplete:,}."
    yield "\n| snapshot | registry | date | status | content (sha256) |\n|---|---|---|---|---|"
    for snapshot in facts.snapshots:
        digest = (snapshot.digest or "withheld")[:16]
        yield f"| {snapshot.number} | {snapshot.registry} | {snapshot.date} | {snapshot.status} | {digest} |"


def _removals(facts: BundleFacts) -> Iterator[str]:
    if facts.tombstones:
        yield "\n## Removed snapshots\n"
        yield "These were wrong imports. An earlier release may have had their rows. No number here uses them.\n"
    for tombstone in facts.tombstones:
        reason = json.dumps(tombstone.reason, ensure_ascii=False)
        yield (
            f"- snapshot {tombstone.number}, {tombstone.registry} of {tombstone.date}, removed on"
            f" {tombstone.removed_on}: {reason}"
        )


def _limits(facts: BundleFacts) -> Iterator[str]:
    yield "\n## What to know before use\n"
    yield "- Counters are as the registry served them: they freeze, catch up and fall (`v1_quality_event`)."
    yield "  NULL is not 0."
    yield "- Compare two snapshots only if their `registry`, `by` and `counter` are equal. Ties have no order."
    yield "- `dictionary.csv` has the unit, source, caveat, licence and class of personal data of every column."
    yield "- Personal data: names of accounts. There are no e-mail addresses, texts of cards or configurations here."
    if facts.is_pseudonymised:
        yield "- Names are pseudonyms, the same throughout this bundle. Counters are public: this is not anonymity."
    if facts.redacted_packages:
        counts = ", ".join(f"{table} {rows:,}" for table, rows in sorted(facts.redacted_rows.items()) if rows)
        yield "- Some packages are left out: on request, or because their names have an address or a token."
        yield f"  Packages left out: {facts.redacted_packages:,}; rows: {counts or 'none'}."
        yield "  The content hashes are of the lists before the packages were left out."


def _tables(facts: BundleFacts) -> Iterator[str]:
    yield "\n## Tables\n\n| table | content |\n|---|---|"
    for table in facts.tables:
        yield f"| `{table.name}` | {describe_table(table).partition('. ')[0].rstrip('.')} |"


def _reading(facts: BundleFacts) -> Iterator[str]:
    yield "\n## Reading\n"
    yield "`snippets/` has the first lines for pandas, DuckDB, R and datasets."
    yield "In CSV, text that a spreadsheet would calculate has a `'` put before it. To restore the text, remove one `'`"
    yield "from text that begins with one or more `'` followed by `=`, `+`, `-`, `@`, a tab, a line break, or a"
    yield "full-width form of those signs."


def _rights(facts: BundleFacts) -> Iterator[str]:
    licences, sources = collect_terms(facts, None)
    yield "\n## Citation, sources and licences\n"
    yield "`CITATION.cff` has the citation, `LICENSES.md` the licence of each file, and `manifest.json` its hash.\n"
    names = [f"{author.name} ({author.url})" if author.url else author.name for author in facts.authors]
    yield f"Author: {json.dumps('; '.join(names), ensure_ascii=False)[1:-1] or NO_AUTHOR}. Made with hub-observatory.\n"
    if facts.has_ecosystems_data:
        yield f"Package ranks and counts: {ATTRIBUTION}.\n"
    yield from (f"- source: {json.dumps(source['title'], ensure_ascii=False)[1:-1]}" for source in sources)
    yield from (f"- licence: {label_licence(licence)}, {licence['path']}" for licence in licences)
    yield "\nTo have data removed, write to whoever published this bundle. Later releases leave it out."
