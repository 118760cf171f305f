"""A figure as files: SVG, PNG and PDF drawn without a browser or a network, its numbers, its specification."""

from __future__ import annotations

import csv
import io
import json
import re
import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

from analysis.reporting.figures._figure import Figure

SVG_NAMESPACE = "http://www.w3.org/2000/svg"
# All that Vega draws our specifications with. What is not in here does not get into a page.
ELEMENTS = {"svg", "g", "path", "text", "tspan", "rect", "line", "defs", "clipPath", "linearGradient", "stop"}
ATTRIBUTES = {
    "class", "clip-path", "d", "display", "dy", "fill", "fill-opacity", "font-family", "font-size", "font-style",
    "font-weight", "gradientUnits", "height", "id", "offset", "opacity", "stop-color", "stroke", "stroke-dasharray",
    "stroke-dashoffset", "stroke-linecap", "stroke-linejoin", "stroke-miterlimit", "stroke-opacity", "stroke-width",
    "text-anchor", "transform", "version", "viewBox", "width", "x", "x1", "x2", "y", "y1", "y2",
}  # fmt: skip
MISSING_LIBRARY = "Figures need a library that is not installed: pip install 'hub-observatory[report]'"


class DrawingError(Exception):
    """The figure cannot be drawn here; the reason is for a person."""


def render_image(figure: Figure, kind: str) -> bytes:
    """The figure with its sentences, as `svg`, `png` or `pdf`.

    Raises:
        CannotDraw: the library that draws is not installed.
    """
    if kind == "svg":
        return _render_svg(figure.standalone_spec).encode()
    if kind == "png":
        return _small(_import_renderer().vegalite_to_png(figure.standalone_spec, allowed_base_urls=[], scale=1.6))
    return _import_renderer().vegalite_to_pdf(figure.standalone_spec, allowed_base_urls=[])


def csv_table(figure: Figure) -> str:
    r"""The numbers as CSV. A cell that a spreadsheet would take for a formula gets a `'` in front.

    >>> csv_table(Figure("a", "trust", "", "", "", "", ("x", "y"), (("=1+1", -0.5),), {}, {}))
    "x,y\r\n'=1+1,-0.5\r\n"
    """
    made = io.StringIO()
    writer = csv.writer(made)
    writer.writerow(figure.columns)
    writer.writerows([_escape_formula(cell) for cell in row] for row in figure.rows)
    return made.getvalue()


def specification_json(figure: Figure) -> str:
    """The Vega-Lite specification, with its sentences."""
    return json.dumps(figure.standalone_spec, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def render_drawing(figure: Figure, narrow: bool) -> str:
    """The figure as SVG for the middle of a page, without sentences; nothing in it can act.

    Raises:
        CannotDraw: the library that draws is not installed, or something was drawn that we do not know.
    """
    root = ElementTree.fromstring(_render_svg(figure.narrow if narrow else figure.wide))
    prefix = f"{figure.name}-{'narrow' if narrow else 'wide'}-"
    for element in root.iter():
        for name in ("aria-hidden", "aria-label", "aria-roledescription", "role", "pointer-events"):
            element.attrib.pop(name, None)  # the drawing is one image, with one alternative text
        _check_element(element)
        for name, value in element.attrib.items():
            element.set(name, _prefix_id(name, value, prefix))
    root.attrib.pop("height", None)
    root.set("class", "narrow" if narrow else "wide")
    root.set("role", "img")
    root.set("aria-label", figure.alt_text)
    ElementTree.register_namespace("", SVG_NAMESPACE)
    return ElementTree.tostring(root, encoding="unicode")


def write_figures(figures: Sequence[Figure], folder: Path) -> list[Path]:
    """Write each figure as SVG, PNG, PDF, CSV and .vl.json; the files that were written.

    Raises:
        CannotDraw: the library that draws is not installed.
        OSError: the folder cannot be written to.
    """
    contents: Mapping[str, bytes]
    _import_renderer()
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for figure in figures:
        contents = {kind: render_image(figure, kind) for kind in ("svg", "png", "pdf")}
        contents = {**contents, "csv": csv_table(figure).encode(), "vl.json": specification_json(figure).encode()}
        for kind, content in contents.items():
            written.append(folder / f"{figure.name}.{kind}")
            written[-1].write_bytes(content)
    return written


def javascript_bundle() -> str:
    """Vega, Vega-Lite and what embeds them, as one script in ASCII that reaches for nothing.

    Raises:
        CannotDraw: the library that has it is not installed.
    """
    return _escape_non_ascii(_import_renderer().javascript_bundle())


def _import_renderer() -> object:
    try:
        import vl_convert
    except ImportError as error:
        raise DrawingError(MISSING_LIBRARY) from error
    return vl_convert


def _render_svg(spec: Mapping[str, object]) -> str:
    """Its identifiers are numbered anew: the library counts them on through a process."""
    drawn = _import_renderer().vegalite_to_svg(dict(spec), allowed_base_urls=[])
    for number, name in enumerate(dict.fromkeys(re.findall(r' id="([\w-]+)"', drawn))):
        drawn = drawn.replace(f' id="{name}"', f' id="part-{number}"').replace(f"url(#{name})", f"url(#part-{number})")
    return drawn


def _small(png: bytes) -> bytes:
    """The same image, packed as tightly as PNG allows: a quarter of what it comes as."""
    at, kept, packed = 8, [], b""
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        name, content = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        at += length + 12
        if name == b"IDAT":
            packed += content
        else:
            kept.append((name, content))
    kept.insert(-1, (b"IDAT", zlib.compress(zlib.decompress(packed), 9)))
    chunks = (struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
              for name, body in kept)  # fmt: skip
    return png[:8] + b"".join(chunks)


def _check_element(element: ElementTree.Element) -> None:
    space, _, name = element.tag.rpartition("}")
    names = {key for key in element.attrib if key not in ATTRIBUTES}
    links = [value for value in element.attrib.values() if re.search(r"url\((?!#[\w-]+\))|:\s*//|javascript:", value)]
    if space != "{" + SVG_NAMESPACE or name not in ELEMENTS or names or links:
        raise DrawingError(f"The drawing has something in it that does not belong there: {name} {sorted(names)}.")


def _prefix_id(name: str, value: str, prefix: str) -> str:
    """Names within a drawing are its own: several stand in one page."""
    return prefix + value if name == "id" else re.sub(r"url\(#", f"url(#{prefix}", value)


def _escape_formula(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(tuple("=+-@\t\r＝＋－＠")) else cell


def _escape_non_ascii(script: str) -> str:
    r"""The same script in ASCII: outside it, characters stand in strings and patterns only, where \u means the same.

    >>> _escape_non_ascii('"é𝄞"')
    '"\\u00e9\\ud834\\udd1e"'
    """
    return re.sub(
        r"[^\n\x20-\x7e\t]",
        lambda found: "".join(f"\\u{int.from_bytes(pair, 'big'):04x}" for pair in _utf16_units(found[0])),
        script.replace("</script", "<\\/script").replace("<!--", "\\x3c!--"),
    )


def _utf16_units(character: str) -> list[bytes]:
    encoded = character.encode("utf-16-be")
    return [encoded[at : at + 2] for at in range(0, len(encoded), 2)]
