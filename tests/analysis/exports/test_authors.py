"""The author of a bundle is who exports it, in every descriptor and citation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from analysis.export import main
from analysis.exports.authors import BundleAuthor, choose_authors, parse_author
from db import UsageError
from tests.analysis.conftest import History, descending_rows

ORCID = "https://orcid.org/0000-0002-1825-0097"
ADA, LAB = BundleAuthor("Ada Lovelace", ORCID), BundleAuthor("Registry Lab", "https://lab.example")


@pytest.mark.parametrize(
    ("text", "author"),
    [
        (f"Ada Lovelace <{ORCID}>", ADA),
        ("  Ada   Lovelace <0000-0002-1825-0097> ", ADA),
        ("Registry Lab <https://lab.example>", LAB),
        ("Müller, J.", BundleAuthor("Müller, J.")),
    ],
)
def test_an_author_is_a_name_with_an_orcid_or_a_url(text: str, author: BundleAuthor) -> None:
    assert parse_author(text) == author


@pytest.mark.parametrize("text", ["", "  ", "<https://a.example>", "Ada <ada@lab.example>", "ada@lab.example",
                                  "Ada <x>", "Ada <https://u@lab.example>", "Ada <0000-0002>"])  # fmt: skip
def test_an_e_mail_address_and_what_is_no_url_are_refused(text: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_author(text)
    assert raised.value.why == ("E-mail addresses are not kept." if "@" in text else "")


def test_the_command_line_comes_before_the_environment() -> None:
    assert choose_authors([], "Ada Lovelace <0000-0002-1825-0097>; Registry Lab <https://lab.example>;") == (ADA, LAB)
    assert choose_authors(["Registry Lab <https://lab.example>"], "Ada Lovelace") == (LAB,)
    assert choose_authors([], None) == ()


def export(folder: Path, *options: str) -> Path:
    history = History(folder / "observatory.db")
    history.add_snapshot("2026-01-01", descending_rows("abc"), source="https://huggingface.co")
    assert main([str(folder / "out"), "--db", str(history.path), "--format", "csv", *options]) == 0
    return folder / "out"


def test_every_descriptor_and_citation_names_the_authors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = export(
        tmp_path, "--author", "Ada Lovelace <0000-0002-1825-0097>", "--author", "Registry Lab <https://lab.example>"
    )
    citation = yaml.safe_load((out / "CITATION.cff").read_text("utf-8"))
    assert citation["authors"] == [
        {"name": "Ada Lovelace", "orcid": ORCID}, {"name": "Registry Lab", "website": "https://lab.example"}
    ]  # fmt: skip
    assert citation["references"][0]["title"] == "hub-observatory"
    assert json.loads((out / "croissant.json").read_text("utf-8"))["creator"] == [
        {"@type": "Person", "name": "Ada Lovelace", "url": ORCID},
        {"@type": "Organization", "name": "Registry Lab", "url": "https://lab.example"},
    ]
    assert json.loads((out / "datapackage.json").read_text("utf-8"))["contributors"] == [
        {"title": "Ada Lovelace", "roles": ["creator"], "path": ORCID},
        {"title": "Registry Lab", "roles": ["creator"], "path": "https://lab.example"},
    ]
    assert f"Author: Ada Lovelace ({ORCID}); Registry Lab (https://lab.example)." in (out / "README.md").read_text(
        "utf-8"
    )
    capsys.readouterr()
    assert main(["cite", str(out)]) == 0
    assert capsys.readouterr().out.startswith("Ada Lovelace; Registry Lab. hub-observatory export ")
    assert main(["cite", str(out), "--format", "bibtex"]) == 0
    entry = capsys.readouterr().out
    assert "author = {{Ada Lovelace} and {Registry Lab}}" in entry and "year = {2026}" in entry
    assert main(["cite", "--format", "bibtex"]) == 2


def test_without_an_author_a_bundle_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OBSERVATORY_AUTHOR", raising=False)
    out = export(tmp_path)
    assert yaml.safe_load((out / "CITATION.cff").read_text("utf-8"))["authors"] == [{"name": "No author given"}]
    assert "Author: No author given." in (out / "README.md").read_text("utf-8")
    assert "contributors" not in json.loads((out / "datapackage.json").read_text("utf-8"))
    capsys.readouterr()
    assert main(["cite", str(out), "--format", "bibtex"]) == 0
    data, software = capsys.readouterr().out.split("@software")
    assert "author" not in data and "hub-observatory developers" in software


def test_bibtex_has_no_year_without_snapshots_and_no_letter_that_tex_would_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    history = History(tmp_path / "observatory.db")
    history.add_snapshot("2026-01-01", descending_rows("abc"), "failed", reason="a test")
    line = [str(tmp_path / "out"), "--db", str(history.path), "--format", "csv", "--author", r"A\B^C~D_E"]
    assert main(line) == 0
    capsys.readouterr()
    assert main(["cite", str(tmp_path / "out"), "--format", "bibtex"]) == 0
    entry = capsys.readouterr().out
    assert r"A\textbackslash{}B\textasciicircum{}C\textasciitilde{}D\_E" in entry
    assert "year" not in entry


def test_an_e_mail_address_is_refused_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    history = History(tmp_path / "observatory.db")
    history.add_snapshot("2026-01-01", descending_rows("abc"))
    line = [str(tmp_path / "out"), "--db", str(history.path), "--author", "Ada <ada@lab.example>"]
    assert main(line) == 2
    assert "E-mail addresses are not kept." in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
