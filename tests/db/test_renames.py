"""The known renames: each is dated, and the recorded lists of the Hub show it."""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path

import pytest

from db.renames import Rename, current_name, load_renames, other_name

MODELS = "huggingface/models"
FIRST_WITHOUT_BARE_NAMES = date(2024, 1, 1)


def test_every_rename_is_dated_and_has_a_source() -> None:
    for rename in load_renames():
        assert rename.last_former < rename.first_current, rename
        assert re.search(r"\d{4}-\d\d-\d\d|\d+\.\d+\.\d+", rename.source), rename
        assert rename.current_name.endswith(f"/{rename.former_name}"), rename


def test_every_name_occurs_once() -> None:
    names = [name for rename in load_renames() for name in (rename.former_name, rename.current_name)]
    assert len(names) == len(set(names)) == 2 * 68


@pytest.mark.parametrize("name", ["GPT2", "Habana/gpt2", "openai-community/GPT2", "gpt2 "])
def test_other_names_stand_for_themselves(name: str) -> None:
    assert (current_name(MODELS, name), other_name(MODELS, name)) == (name, name)


def test_a_rename_belongs_to_its_registry() -> None:
    assert current_name("huggingface/datasets", "gpt2") == "gpt2"
    assert other_name("npm", "openai-community/gpt2") == "openai-community/gpt2"


def read_names(file: Path) -> frozenset[str]:
    """Return the names of a recorded list."""
    with gzip.open(file, "rt", encoding="utf-8", newline="") as stream:
        rows = json.load(stream) if ".json" in file.suffixes else csv.DictReader(stream)
        return frozenset(row["modelId"] for row in rows)


@cache
def read_lists(folder: Path) -> Mapping[date, frozenset[str]]:
    """Return the names of every recorded list of the Hub by its day."""
    files = [
        file for kind in ("hf_hub", "hf_top300_daily", "hf_lineage") for file in folder.glob(f"{kind}/hf_*.csv.gz")
    ]
    lists = {date.fromisoformat(re.findall(r"\d{4}-\d\d-\d\d", file.name)[0]): read_names(file) for file in files}
    pages = [read_names(file) for file in folder.glob("hf_api/api_models_page*.json.gz")]
    return lists | {date(2024, 7, 11): frozenset[str]().union(*pages)}


@pytest.mark.real_data
def test_the_old_names_are_all_names_without_an_owner_in_the_lists_of_the_whole_hub(real_data: Path) -> None:
    lists = read_lists(real_data)
    whole = [names for day, names in lists.items() if day < FIRST_WITHOUT_BARE_NAMES]
    assert len(whole) == 3
    for names in whole:
        assert {name for name in names if "/" not in name} == {rename.former_name for rename in load_renames()}


@pytest.mark.real_data
def test_no_recorded_list_contradicts_a_rename(real_data: Path) -> None:
    for day, names in read_lists(real_data).items():
        for rename in load_renames():
            assert not (day <= rename.last_former and rename.current_name in names), (day, rename)
            assert not (day >= rename.first_current and rename.former_name in names), (day, rename)


@pytest.mark.real_data
def test_a_rename_that_names_a_list_as_its_source_is_in_that_list(real_data: Path) -> None:
    listed = read_lists(real_data)[date(2024, 7, 11)]

    def names_the_list(rename: Rename) -> bool:
        return "2024-07-11" in rename.source

    assert {rename.current_name for rename in load_renames() if names_the_list(rename)} == {
        rename.current_name for rename in load_renames() if rename.current_name in listed
    }
