"""The files that command lines of the documents read: small, and of the shape of the real ones."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pyarrow
import pyarrow.parquet

from analysis.scoring import ITEMS
from tests.crawler.importers.test_collections import DUMP, PACKAGES, make_release, model, write_parquet, write_peatmoss
from tests.crawler.importers.test_importers import make_row as make_hub_row
from tests.crawler.importers.test_librarian_bots import COLUMNS
from tests.crawler.importers.test_librarian_bots import make_row as make_row_with_card

CARD = "---\nlicense: mit\n---\n# Owl\n\nOwl is a small language model for Welsh, trained on ten books.\n"
REDACTIONS = '[[redaction]]\nname = "someone/model"\n'


def write_text(path: Path, text: str) -> None:
    """Write a text, compressed if the name of the file says so."""
    path.write_bytes(gzip.compress(text.encode(), mtime=0) if path.suffix == ".gz" else text.encode())


def write_pypi_list(path: Path) -> None:
    """Write a list with ranks and counts, as of hugovk/top-pypi-packages."""
    rows = [f"{rank},package-{rank},{10_000 - rank}" for rank in range(1, 121)]
    write_text(path, "\n".join(["rank,project,download_count", *rows, ""]))


def write_later_pypi_list(path: Path) -> None:
    """Write a list of the same form with other counts."""
    rows = [f"{rank},package-{rank + 3},{20_000 - rank}" for rank in range(1, 121)]
    write_text(path, "\n".join(["rank,project,download_count", *rows, ""]))


def write_manifest(path: Path) -> None:
    """Write a manifest of two lists, and the lists beside it."""
    write_npm_list(path.with_name("november.csv.gz"))
    write_later_pypi_list(path.with_name("july.csv.gz"))
    rows = ["november.csv.gz,2022-11-10,npm,last-week,package,rank,",
            "july.csv.gz,2022-07-10,pypi,last-30-days,project,rank,download_count"]  # fmt: skip
    write_text(path, "\n".join(["file,date,registry,counter,id,rank,value", *rows, ""]))


def write_npm_list(path: Path) -> None:
    """Write a list with ranks and no counts, as of wooorm/npm-high-impact."""
    write_text(path, "\n".join(["rank,package", *(f"{rank},package-{rank}" for rank in range(1, 121)), ""]))


def write_hub_list(path: Path) -> None:
    """Write a list with counts and no ranks, as of huggingfaceR."""
    rows = [f"someone/model-{number},{10_000 - number}" for number in range(120)]
    write_text(path, "\n".join(["modelId,downloads", *rows, ""]))


def write_cards(path: Path) -> None:
    """Write cards as JSON lines."""
    rows = [
        {"modelId": f"someone/model-{number}", "downloads": number, "card": f"{CARD}\nNo. {number}\n"}
        for number in range(3)
    ]
    write_text(path, "".join(json.dumps(row) + "\n" for row in rows))


def write_labels(path: Path) -> None:
    """Write cards with the answers of a reader."""
    labels = dict.fromkeys(ITEMS, False) | {"description": True, "training": True}
    write_text(path, "".join(json.dumps({"card": f"{CARD}{number}", "labels": labels}) + "\n" for number in range(5)))


def write_librarian_bots(path: Path) -> None:
    """Write a file of librarian-bots."""
    schema = pyarrow.schema(list(COLUMNS.items()))
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([make_row_with_card("someone/owl", CARD)], schema), path)


def write_ptmtorrent(path: Path) -> None:
    """Write a metadata file of PTMTorrent."""
    row = {"modelId": "gpt2", "sha": "s", "lastModified": "2022-11-30T00:00:00.000Z", "tags": [], "downloads": 5,
           "likes": 2, "_id": "621ffdc036468d709f174321", "pipeline_tag": None, "library_name": None}  # fmt: skip
    write_text(path, json.dumps([row]))


def write_top_pypi_packages(path: Path) -> None:
    """Write a file of top-pypi-packages."""
    rows = [{"download_count": 9, "project": "boto3"}]
    write_text(path, json.dumps({"last_update": "2022-12-01 00:08:12", "rows": rows}))


WRITERS: dict[str, Callable[[Path], object]] = {
    "pypi_2022-07-01.csv.gz": write_pypi_list,
    "pypi_2022-10-01.csv.gz": write_later_pypi_list,
    "lists.csv": write_manifest,
    "npm_2022-11-03.csv.gz": write_npm_list,
    "hf_2022-02-15.csv.gz": write_hub_list,
    "models.json.gz": lambda path: write_text(path, json.dumps([make_hub_row()])),
    "cards_2022-02-15.jsonl.gz": write_cards,
    "cards.jsonl.gz": write_cards,
    "cards.jsonl": write_cards,
    "labelled.jsonl": write_labels,
    "train-00000-of-00005.parquet": write_librarian_bots,
    "models.parquet": lambda path: write_parquet(path, [model(number) for number in range(3)]),
    "PeaTMOSS.db": lambda path: write_peatmoss(path, "2023"),
    "dump.sql.gz": lambda path: write_text(path, DUMP),
    "hf_metadata.json": write_ptmtorrent,
    "top-pypi-packages-30-days.json": write_top_pypi_packages,
    "packages.csv.gz": lambda path: write_text(path, make_release(PACKAGES)),
    "redactions.toml": lambda path: write_text(path, REDACTIONS),
}


def write_inputs(folder: Path, commands: Iterable[str]) -> None:
    """Write the files that command lines read. A file that an export creates is not written."""
    for command in commands:
        for word in command.split() if " export " not in command else ():
            name = re.sub(r".*/", "", word)
            if name in WRITERS and not (folder / word).exists():
                (folder / word).parent.mkdir(parents=True, exist_ok=True)
                WRITERS[name](folder / word)
