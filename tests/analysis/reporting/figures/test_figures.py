"""All figures: found in their folder, in order, drawn without anything active, and written under fixed names."""

from __future__ import annotations

import csv
import io
import json
from xml.etree import ElementTree

import pytest

from analysis.reporting.figures import _render, draw_figures
from analysis.reporting.figures._figure import Figure
from analysis.reporting.rows import Report
from tests.analysis.reporting.figures.documents import empty_report, full_report, make_snapshot, report_of
from tests.analysis.reporting.figures.payloads import PAYLOADS
from tests.environments import hide_library

NAMES = [
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
vl_convert = pytest.importorskip("vl_convert", reason="vl-convert-python draws figures and is not installed")


def figure_called(name: str, report: Report) -> Figure:
    (figure,) = [figure for figure in draw_figures(report) if figure.name == name]
    return figure


def snapshots_figure(registry: str) -> Figure:
    return figure_called("snapshots", report_of(make_snapshot(1, registry, "2026-01-05")))


def test_a_full_document_has_every_figure_in_the_order_of_the_sections() -> None:
    assert [figure.name for figure in draw_figures(full_report())] == NAMES


def test_an_empty_document_has_no_figure() -> None:
    assert draw_figures(empty_report()) == []


def test_one_snapshot_has_no_line_to_draw() -> None:
    report = report_of(make_snapshot(1, "npm", "2026-01-05"))
    assert [figure.name for figure in draw_figures(report)] == ["snapshots"]


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_says_what_it_shows(name: str) -> None:
    figure = figure_called(name, full_report())
    assert figure.title[0].isupper() or figure.title.startswith("huggingface/models") or figure.title[0].isdigit()
    assert "n " in figure.sample and "2026" in figure.sample
    assert figure.rows and all(len(row) == len(figure.columns) for row in figure.rows)
    assert figure.title in figure.alt_text


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("narrow", [False, True])
def test_a_drawing_is_one_image_of_known_elements(name: str, narrow: bool) -> None:
    root = ElementTree.fromstring(_render.render_drawing(figure_called(name, full_report()), narrow))
    assert {element.tag.rpartition("}")[2] for element in root.iter()} <= _render.ELEMENTS
    assert root.get("role") == "img" and root.get("aria-label")


def test_two_drawings_share_no_id() -> None:
    report = full_report()
    report["snapshots"].append(make_snapshot(99, "cargo", "2026-03-01"))
    drawings = [_render.render_drawing(figure, narrow) for figure in draw_figures(report) for narrow in (False, True)]
    ids = [
        element.get("id")
        for drawing in drawings
        for element in ElementTree.fromstring(drawing).iter()
        if element.get("id")
    ]
    assert len(ids) == len(set(ids))


def test_a_payload_is_only_text_in_a_drawing() -> None:
    snapshots = [make_snapshot(number, payload, "2026-01-05") for number, payload in enumerate(PAYLOADS)]
    root = ElementTree.fromstring(_render.render_drawing(figure_called("snapshots", report_of(*snapshots)), False))
    names = {key for element in root.iter() for key in element.attrib}
    assert {element.tag.rpartition("}")[2] for element in root.iter()} <= _render.ELEMENTS
    assert names <= _render.ATTRIBUTES | {"role", "aria-label"}
    texts = [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert sum("alert" in text for text in texts) > 30


def test_a_drawing_with_an_unknown_element_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    svg = '<svg xmlns="http://www.w3.org/2000/svg"><a href="x"/></svg>'
    monkeypatch.setattr(_render, "_render_svg", lambda spec: svg)
    with pytest.raises(_render.DrawingError, match="unknown element"):
        _render.render_drawing(figure_called("snapshots", full_report()), False)


def test_control_characters_of_a_name_are_shown_and_break_nothing() -> None:
    assert "U+001B" in _render.render_drawing(snapshots_figure("a\x00\x1b\u202e\ud800b"), False)


def test_in_the_csv_a_number_is_a_number_and_a_formula_is_text() -> None:
    (row,) = csv.DictReader(io.StringIO(_render.csv_table(snapshots_figure("=HYPERLINK(1)"))))
    assert (row["list"], row["depth"]) == ("'=HYPERLINK(1)", "1000")


def test_the_files_of_figures_have_fixed_names_and_the_same_content_each_time() -> None:
    figures = [snapshots_figure("../../x")]
    first, second = dict(_render.render_files(figures)), dict(_render.render_files(figures))
    assert sorted(first) == [f"snapshots.{kind}" for kind in ("csv", "pdf", "png", "svg", "vl.json")]
    assert {name for name in first if first[name] != second[name]} <= {"snapshots.pdf"}
    assert first["snapshots.png"].startswith(b"\x89PNG") and first["snapshots.pdf"].startswith(b"%PDF")
    assert json.loads(first["snapshots.vl.json"])["title"]["text"] == ["The snapshot is complete"]


def test_the_compressed_png_is_smaller_and_ends_as_a_png_does() -> None:
    figure = snapshots_figure("npm")
    png = vl_convert.vegalite_to_png(figure.standalone_spec, allowed_base_urls=[], scale=1.6)
    compressed = _render.render_image(figure, "png")
    assert len(compressed) < len(png) / 2
    assert compressed[-12:] == png[-12:]


def test_without_the_library_the_reason_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    hide_library(monkeypatch, "vl_convert")
    with pytest.raises(_render.DrawingError, match="pip install vl-convert-python"):
        dict(_render.render_files(draw_figures(full_report())))


def test_the_bundle_is_ascii_and_ends_no_script() -> None:
    script = _render.javascript_bundle()
    assert script.isascii() and "</script" not in script.lower() and "<!--" not in script
