"""The figures together: found, in order, drawn without anything in them that could act, written under fixed names."""

from __future__ import annotations

import csv
import io
import json
import sys
from xml.etree import ElementTree

import pytest

from analysis.reporting.figures import _render, draw_figures
from tests.analysis.reporting.figures.documents import empty, full, snapshot
from tests.analysis.reporting.figures.payloads import PAYLOADS

ALL = [
    "snapshots",
    "turnover",
    "turnover-as-published",
    "descendants",
    "preservation",
    "lineage",
    "documentation-groups-rules",
    "documentation-rules",
    "claims",
]
drawn_here = pytest.importorskip("vl_convert", reason="figures are drawn by vl-convert-python, which is not installed")


def of(report: dict, name: str):
    (found,) = [one for one in draw_figures(report) if one.name == name]
    return found


def test_a_full_document_has_every_figure_in_the_order_of_the_sections():
    assert [one.name for one in draw_figures(full())] == ALL


def test_an_empty_document_has_none():
    assert draw_figures(empty()) == []


def test_one_snapshot_has_no_line_to_draw():
    assert [one.name for one in draw_figures({**empty(), "snapshots": [snapshot(1, "npm", "2026-01-05")]})] == [
        "snapshots"
    ]


@pytest.mark.parametrize("name", ALL)
def test_a_figure_says_what_it_shows(name):
    made = of(full(), name)
    assert made.title[0].isupper() or made.title.startswith("huggingface/models: ") or made.title[0].isdigit()
    assert "n " in made.sample and "2026" in made.sample
    assert made.rows and all(len(row) == len(made.columns) for row in made.rows)
    assert made.title in made.alt_text


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("narrow", [False, True])
def test_a_drawing_is_one_image_of_known_elements(name, narrow):
    root = ElementTree.fromstring(_render.render_drawing(of(full(), name), narrow))
    assert {element.tag.rpartition("}")[2] for element in root.iter()} <= _render.ELEMENTS
    assert root.get("role") == "img" and root.get("aria-label")


def test_two_drawings_share_no_id():
    made = full()
    made["snapshots"].append(snapshot(99, "cargo", "2026-03-01"))
    texts = [_render.render_drawing(one, narrow) for one in draw_figures(made) for narrow in (False, True)]
    ids = [element.get("id") for text in texts for element in ElementTree.fromstring(text).iter() if element.get("id")]
    assert len(ids) == len(set(ids))


def test_no_payload_gets_more_than_text_into_a_drawing():
    rows = [snapshot(number, payload, "2026-01-05") for number, payload in enumerate(PAYLOADS)]
    root = ElementTree.fromstring(_render.render_drawing(of({**empty(), "snapshots": rows}, "snapshots"), False))
    names = {key for element in root.iter() for key in element.attrib}
    assert {element.tag.rpartition("}")[2] for element in root.iter()} <= _render.ELEMENTS
    assert names <= _render.ATTRIBUTES | {"role", "aria-label"}
    texts = [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert sum("alert" in text for text in texts) > 30


def test_a_drawing_with_something_unknown_in_it_is_refused(monkeypatch):
    monkeypatch.setattr(
        _render, "_render_svg", lambda spec: '<svg xmlns="http://www.w3.org/2000/svg"><a href="x"/></svg>'
    )
    with pytest.raises(_render.DrawingError, match="does not belong"):
        _render.render_drawing(of(full(), "snapshots"), False)


def test_control_characters_of_a_name_are_shown_and_break_nothing():
    made = of({**empty(), "snapshots": [snapshot(1, "a\x00\x1b\u202e\ud800b", "2026-01-05")]}, "snapshots")
    assert "U+001B" in _render.render_drawing(made, False)


def test_a_number_in_the_csv_is_the_number_and_a_formula_is_text():
    made = of({**empty(), "snapshots": [snapshot(1, "=HYPERLINK(1)", "2026-01-05")]}, "snapshots")
    (row,) = list(csv.DictReader(io.StringIO(_render.csv_table(made))))
    assert (row["list"], row["depth"]) == ("'=HYPERLINK(1)", "1000")


def test_they_are_written_under_names_of_our_own_and_twice_the_same(tmp_path):
    made = draw_figures({**empty(), "snapshots": [snapshot(1, "../../x", "2026-01-05")]})
    first = {path.name: path.read_bytes() for path in _render.write_figures(made, tmp_path / "one")}
    again = {path.name: path.read_bytes() for path in _render.write_figures(made, tmp_path / "two")}
    assert sorted(first) == [f"snapshots.{kind}" for kind in ("csv", "pdf", "png", "svg", "vl.json")]
    assert {name for name in first if first[name] != again[name]} <= {"snapshots.pdf"}
    assert first["snapshots.png"].startswith(b"\x89PNG") and first["snapshots.pdf"].startswith(b"%PDF")
    assert json.loads(first["snapshots.vl.json"])["title"]["text"] == ["The snapshot is complete"]


def test_without_the_library_the_reason_names_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(_render.DrawingError, match=r"hub-observatory\[report\]"):
        _render.write_figures(draw_figures(full()), tmp_path)


def test_the_bundle_is_ascii_and_ends_no_script():
    script = _render.javascript_bundle()
    assert script.isascii() and "</script" not in script.lower() and "<!--" not in script
