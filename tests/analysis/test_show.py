"""`observatory show`: one package, by any of its names, in a new process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from db.connection import open_for_writing
from db.identity import derive_stable_id
from db.rows import Observation
from db.store import Store
from tests.analysis.conftest import MODELS, History, add_snapshot
from tests.analysis.lookups import ROOT, build_store, model, read_lookup, run_lookup
from tests.db.builders import query


def test_a_former_name_and_the_id_find_the_package(lookup_store: Path) -> None:
    for name in ("owner/alpha-v2", "owner/alpha", "id-alpha"):
        document = read_lookup(lookup_store, "show", name)
        assert (document["package"], document["name"]) == ("id-alpha", "owner/alpha-v2")
    assert document["names"] == [
        {"name": "owner/alpha", "since": "2026-01-01", "until": "2026-02-01", "last_listed": "2026-01-01"},
        {"name": "owner/alpha-v2", "since": "2026-02-01", "until": None, "last_listed": "2026-03-02"},
    ]
    assert document["url"] == "https://huggingface.co/owner/alpha-v2"


def test_each_day_has_its_rank_and_depth_and_partial_lists_have_none(lookup_store: Path) -> None:
    (series,) = read_lookup(lookup_store, "show", "owner/alpha")["series"]
    assert (series["by"], series["counter"]) == ("downloads", "last-30-days")
    assert [(day["date"], day["rank"], day["depth"], day["downloads"]) for day in series["days"]] == [
        ("2026-01-01", 1, 6, 100),
        ("2026-02-01", 2, 6, 150),
        ("2026-03-02", 3, 4, 120),  # the other list of this day is too short to have it
    ]


def test_relatives_cards_and_events_are_named_with_their_dates(lookup_store: Path) -> None:
    document = read_lookup(lookup_store, "show", "owner/alpha")
    assert document["children"]["by_relation"] == {"finetune": 2}
    assert [(row["name"], row["downloads"], row["downloads_date"]) for row in document["children"]["leading"]] == [
        ("owner/gamma", 301, "2026-03-02"),
        ("owner/delta", 50, "2026-01-01"),
    ]
    (card,) = document["cards"]
    assert (card["since"], card["state"], card["size"], card["answered"]) == ("2026-02-01", "card", 7, ["description"])
    assert [(event["date"], event["kind"], event["after"]) for event in document["events"]] == [
        ("2026-02-01", "renamed", "owner/alpha-v2")
    ]
    child = read_lookup(lookup_store, "show", "owner/gamma", "--as-of", "2026-01-15")
    assert child["parents"] == [
        {"name": "owner/alpha", "package": "id-alpha", "relation": "finetune", "since": "2026-01-01"}
    ]
    assert child["traits"] == [{"trait": "task", "value": "text", "since": "2026-01-01"}]


def test_nothing_after_the_day_of_as_of_is_shown(lookup_store: Path) -> None:
    document = read_lookup(lookup_store, "show", "owner/alpha", "--as-of", "2026-01-31")
    assert (document["as_of"], document["name"], document["last_seen"]) == ("2026-01-31", "owner/alpha", "2026-01-01")
    assert [day["date"] for day in document["series"][0]["days"]] == ["2026-01-01"]
    assert (document["cards"], document["events"]) == ([], [])
    assert {row["downloads"] for row in document["children"]["leading"]} == {None, 50}
    process = run_lookup(lookup_store, "show", "owner/epsilon", "--as-of", "2026-01-31")
    message = "error: 'owner/epsilon' was not observed up to 2026-01-31; it is first seen on 2026-02-01."
    assert (process.returncode, process.stderr.splitlines()[0]) == (1, message)


def test_a_name_of_lists_of_names_ends_with_the_last_list_that_has_it(history: History) -> None:
    for date, name in (("2021-06-19", "gpt2"), ("2022-07-02", "gpt2"), ("2026-08-07", "openai-community/gpt2")):
        row = Observation(derive_stable_id(MODELS.name, name), name, downloads=9)
        history.add_snapshot(date, [row], origin="import")
    text = " ".join(run_lookup(history.path, "show", "gpt2").stdout.split())
    assert "gpt2 since 2021-06-19, last seen 2022-07-02; openai-community/gpt2 since 2026-08-07" in text


def test_a_name_of_two_registries_is_shown_shortly_until_one_is_chosen(lookup_store: Path) -> None:
    short = read_lookup(lookup_store, "show", "twin")
    assert [row["registry"] for row in short["packages"]] == ["huggingface/models", "npm"]
    assert "Choose one of them with --registry." in run_lookup(lookup_store, "show", "twin").stdout
    document = read_lookup(lookup_store, "show", "twin", "--registry", "npm")
    assert document["url"] == "https://packages.ecosyste.ms/registries/npm.example/packages/twin"
    assert document["series"][0]["days"][0]["rank"] == 1


def test_a_package_that_took_a_name_over_is_shown_and_the_former_holder_is_named(tmp_path: Path) -> None:
    build_store(tmp_path / "s.db")
    with open_for_writing(tmp_path / "s.db") as database:
        add_snapshot(Store(database), "2026-04-01", [model("new", 9, "owner/alpha")])
    document = read_lookup(tmp_path / "s.db", "show", "owner/alpha")
    assert document["package"] == "id-new"
    assert [(row["package"], row["name"]) for row in document["other_packages"]] == [("id-alpha", "owner/alpha-v2")]


def test_an_unknown_name_is_answered_with_similar_names(lookup_store: Path) -> None:
    for name, similar in (
        ("OWNER/Alpha-V2", "owner/alpha-v2"),
        ("owner/epsilom", "owner/epsilon"),
        ("tool", "@scope/"),
    ):
        process = run_lookup(lookup_store, "show", name)
        assert (process.returncode, process.stdout) == (1, "")
        assert f"Similar names: {similar}" in process.stderr


def test_a_wrong_registry_is_wrong_usage(lookup_store: Path) -> None:
    process = run_lookup(lookup_store, "show", "twin", "--registry", "nmp")
    assert (process.returncode, "Did you mean npm?" in process.stderr) == (2, True)
    process = run_lookup(lookup_store, "show", "owner/beta", "--registry", "npm")
    assert (process.returncode, "It is in huggingface/models." in process.stderr) == (2, True)


def test_a_redacted_package_is_not_shown_and_not_suggested(lookup_store: Path) -> None:
    for name in ("owner/secret", "id-secret", "owner/secre"):
        process = run_lookup(lookup_store, "show", name)
        assert process.returncode == 1
        assert "Similar names: owner/secret" not in process.stderr


@pytest.mark.parametrize("columns", [60, 80])
def test_no_line_is_longer_than_the_terminal(lookup_store: Path, columns: int) -> None:
    lines = run_lookup(lookup_store, "show", "owner/alpha", columns=columns).stdout.splitlines()
    assert [line for line in lines if len(line) > columns] == []
    assert "     1 │ •" in lines
    assert "  2026-03-02     3      4        120     12" in lines
    assert any("2 finetune" in line for line in lines)
    assert "  since 2026-02-01: 7 bytes, answers 1 of 5 questions: description" in lines or columns == 60


def test_the_command_imports_none_of_the_large_libraries(lookup_store: Path) -> None:
    code = f"""
import sys
from analysis.show import main as show
from analysis.top import main as top
assert show(["owner/alpha", "--db", {str(lookup_store)!r}]) == 0
assert top(["huggingface/models", "--db", {str(lookup_store)!r}]) == 0
large = {{"jinja2", "msgspec", "numpy", "pandas", "pyarrow", "rich", "scipy", "scrapy", "sqlite_utils"}}
sys.exit(" ".join(large & set(sys.modules)) or 0)
"""
    process = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (process.returncode, process.stderr) == (0, "")


def test_the_commands_change_nothing(lookup_store: Path) -> None:
    before = lookup_store.read_bytes()
    assert run_lookup(lookup_store, "show", "owner/alpha").returncode == 0
    assert lookup_store.read_bytes() == before
    assert query(lookup_store, "SELECT count(*) FROM package WHERE is_listed = 1") == [(12,)]
