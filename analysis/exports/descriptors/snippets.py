"""`snippets/`: the first lines for pandas, DuckDB, R and datasets, to be run in the folder of the bundle."""

from __future__ import annotations

from collections.abc import Mapping

from analysis.exports.bundle_facts import BundleFacts
from analysis.exports.descriptors.readme import LOADABLE_FORMATS

READERS = {
    "parquet": ("pandas.read_parquet", "read_parquet", 'arrow::open_dataset("{0}") |> dplyr::collect()'),
    "jsonl": (
        "pandas.concat(map(lambda path: pandas.read_json(path, lines=True, dtype=False), {1}))",
        "read_json",
        'do.call(rbind, lapply(Sys.glob("{0}/*.jsonl"), function(f) jsonlite::stream_in(file(f))))',
    ),
    "csv": (
        "pandas.concat(map(pandas.read_csv, {1}))",
        "read_csv",
        'do.call(rbind, lapply(Sys.glob("{0}/*.csv"), read.csv))',
    ),
}
QUERY = "SELECT date, rank, name FROM {0}('{1}/*.{2}') LIMIT 10;\n"


def render(facts: BundleFacts) -> Mapping[str, bytes]:
    """Return the snippets for the best format of the bundle, or nothing if it has SQLite only."""
    format_name = facts.choose_format(LOADABLE_FORMATS)
    if format_name is None:
        return {}
    folder = f"{format_name}/v1_ranking"
    files = f'sorted(pathlib.Path("{folder}").glob("*.{format_name}"))'
    pandas, duckdb, r = READERS[format_name]
    expression = f'{pandas}("{folder}")' if format_name == "parquet" else pandas.format(folder, files)
    return {
        "snippets/with_pandas.py": (
            f"import pathlib\n\nimport pandas\n\nranking = {expression}\nprint(ranking.head())\n"
        ).encode(),
        "snippets/with_duckdb.sql": QUERY.format(duckdb, folder, format_name).encode(),
        "snippets/with_r.R": f"ranking <- {r.format(folder)}\nhead(ranking)\n".encode(),
        "snippets/with_datasets.py": (
            b"import pathlib\n\nfrom datasets import load_dataset\n\n"
            b'ranking = load_dataset(str(pathlib.Path.cwd()), "v1_ranking", split="train")\n'
            b"print(ranking[0])\n"
        ),
    }
