"""`snippets/`: the first lines for pandas, DuckDB, R and datasets, to be run in the folder of the bundle.

CSV and JSON lines have no types. A reader that guesses them takes a name for a number, a package called `null` for
nothing, and a column that is empty in the first file for a column of another type. So each snippet states the types.
"""

from __future__ import annotations

from collections.abc import Mapping

from analysis.exports.bundle_facts import BundleFacts
from analysis.exports.descriptors.readme import DEFAULT_VIEW, LOADABLE_FORMATS
from analysis.exports.tables import Column

PANDAS_TYPES = {"INTEGER": "Int64", "REAL": "Float64", "TEXT": "string"}
DUCKDB_TYPES = {"INTEGER": "BIGINT", "REAL": "DOUBLE", "TEXT": "VARCHAR"}
R_TYPES = {"INTEGER": "numeric", "REAL": "numeric", "TEXT": "character"}
PANDAS = {
    "parquet": 'ranking = pandas.read_parquet("parquet/v1_ranking")',
    "jsonl": (
        'files = sorted(pathlib.Path("jsonl/v1_ranking").glob("*.jsonl"))\n'
        "rows = [json.loads(line) for file in files for line in file.open(encoding='ascii')]\n"
        "columns = {name: pandas.array([row[name] for row in rows], dtype=kind) for name, kind in TYPES.items()}\n"
        "ranking = pandas.DataFrame(columns)"
    ),
    "csv": (
        'files = sorted(pathlib.Path("csv/v1_ranking").glob("*.csv"))\n'
        "options = {'dtype': TYPES, 'keep_default_na': False, 'na_values': ['']}\n"
        "ranking = pandas.concat([pandas.read_csv(file, **options) for file in files])"
    ),
    "sqlite": (
        "connection = sqlite3.connect('sqlite/observatory.sqlite')\n"
        "ranking = pandas.read_sql('SELECT * FROM v1_ranking', connection, dtype=TYPES)"
    ),
}
PANDAS_MODULES = {"jsonl": ("json", "pathlib"), "csv": ("pathlib",), "sqlite": ("sqlite3",)}
DUCKDB = {
    "parquet": "read_parquet('parquet/v1_ranking/*.parquet')",
    "jsonl": "read_json('jsonl/v1_ranking/*.jsonl', format = 'newline_delimited', columns = {types})",
    "csv": (
        "read_csv('csv/v1_ranking/*.csv', header = true, delim = ',', quote = '\"', escape = '\"', nullstr = '',"
        " allow_quoted_nulls = false, types = {types})"
    ),
}
QUERY = "SELECT date, rank, name FROM {} LIMIT 10;\n"
R = {
    "parquet": 'ranking <- arrow::open_dataset("parquet/v1_ranking") |> dplyr::collect()\n',
    "jsonl": (
        "read <- function(f) {\n"
        "  rows <- jsonlite::stream_in(file(f), verbose = FALSE)\n"
        "  for (name in names(types)) rows[[name]] <- as(rows[[name]], types[[name]])\n"
        "  rows[names(types)]\n"
        "}\n"
        'ranking <- do.call(rbind, lapply(Sys.glob("jsonl/v1_ranking/*.jsonl"), read))\n'
    ),
    "csv": (
        'read <- function(f) read.csv(f, colClasses = types, na.strings = "", check.names = FALSE)\n'
        'ranking <- do.call(rbind, lapply(Sys.glob("csv/v1_ranking/*.csv"), read))\n'
    ),
    "sqlite": (
        'connection <- DBI::dbConnect(RSQLite::SQLite(), "sqlite/observatory.sqlite")\n'
        'ranking <- DBI::dbReadTable(connection, "v1_ranking")\n'
    ),
}


def render(facts: BundleFacts) -> Mapping[str, bytes]:
    """Return the snippets for the best format of the bundle that has the rankings, or nothing."""
    columns = next((table.columns for table in facts.tables if table.name == DEFAULT_VIEW), ())
    format_name = facts.choose_format((*LOADABLE_FORMATS, "sqlite"))
    if format_name is None or not columns:
        return {}
    snippets = {
        "snippets/with_pandas.py": _render_pandas(format_name, columns),
        "snippets/with_r.R": f"{_render_r_types(format_name, columns)}{R[format_name]}head(ranking)\n",
    }
    if format_name in DUCKDB:
        types = ", ".join(f"'{column.name}': '{DUCKDB_TYPES[column.type]}'" for column in columns)
        source = DUCKDB[format_name].replace("{types}", f"{{{types}}}")
        snippets["snippets/with_duckdb.sql"] = QUERY.format(source)
        snippets["snippets/with_datasets.py"] = (
            "import pathlib\n\nfrom datasets import load_dataset\n\n"
            'ranking = load_dataset(str(pathlib.Path.cwd()), "v1_ranking", split="train")\n'
            "print(ranking[0])\n"
        )
    return {name: text.encode() for name, text in snippets.items()}


def _render_pandas(format_name: str, columns: tuple[Column, ...]) -> str:
    modules = "".join(f"import {module}\n" for module in PANDAS_MODULES.get(format_name, ()))
    imports = "\n".join(filter(None, (modules, "import pandas\n\n")))
    entries = "".join(f"    {column.name!r}: {PANDAS_TYPES[column.type]!r},\n" for column in columns)
    types = "" if format_name == "parquet" else f"TYPES = {{\n{entries}}}\n"
    return f"{imports}{types}{PANDAS[format_name]}\nprint(ranking.head())\n"


def _render_r_types(format_name: str, columns: tuple[Column, ...]) -> str:
    if format_name not in ("jsonl", "csv"):
        return ""
    types = ", ".join(f'{column.name} = "{R_TYPES[column.type]}"' for column in columns)
    return f"types <- c({types})\n"
