"""Figures as files: SVG, PNG and PDF drawn without a browser or a network, CSV, and the specification."""

from __future__ import annotations

import csv
import io
import json
import re
import struct
import zlib
from collections.abc import Iterable, Iterator
from types import ModuleType
from xml.etree import ElementTree

from analysis.reporting.figures._figure import Figure, Spec

SVG_NAMESPACE = "http://www.w3.org/2000/svg"
# Everything that Vega draws our specifications with. Nothing else gets into a page.
ELEMENTS = {"svg", "g", "path", "text", "tspan", "rect", "line", "defs", "clipPath", "linearGradient", "stop"}
ATTRIBUTES = {
    "class", "clip-path", "d", "display", "dy", "fill", "fill-opacity", "font-family", "font-size", "font-style",
    "font-weight", "gradientUnits", "height", "id", "offset", "opacity", "stop-color", "stroke", "stroke-dasharray",
    "stroke-dashoffset", "stroke-linecap", "stroke-linejoin", "stroke-miterlimit", "stroke-opacity", "stroke-width",
    "text-anchor", "transform", "version", "viewBox", "width", "x", "x1", "x2", "y", "y1", "y2",
}  # fmt: skip
MISSING_LIBRARY = "Figures need a library that is not installed: pip install vl-convert-python"


class DrawingError(Exception):
    """Failure to draw a figure, with the reason as its message."""


def render_image(figure: Figure, kind: str) -> bytes:
    """Draw the figure with its sentences, as `svg`, `png` or `pdf`.

    Raises:
        DrawingError: the library that draws is not installed.
    """
    if kind == "svg":
        return _render_svg(figure.standalone_spec).encode()
    if kind == "png":
        png = _import_renderer().vegalite_to_png(figure.standalone_spec, allowed_base_urls=[], scale=1.6)
        return _compress_png(bytes(png))
    return bytes(_import_renderer().vegalite_to_pdf(figure.standalone_spec, allowed_base_urls=[]))


def csv_table(figure: Figure) -> str:
    r"""Return the numbers as CSV, with a `'` before each cell that a spreadsheet would run as a formula.

    >>> csv_table(Figure("a", "trust", "", "", "", "", ("x", "y"), (("=1+1", -0.5),), {}, {}))
    "x,y\r\n'=1+1,-0.5\r\n"
    """
    buffer = io.StringIO()
    rows = [[_escape_formula(cell) for cell in row] for row in figure.rows]
    csv.writer(buffer).writerows([figure.columns, *rows])
    return buffer.getvalue()


def specification_json(figure: Figure) -> str:
    """Return the Vega-Lite specification, with its sentences."""
    return json.dumps(figure.standalone_spec, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def render_drawing(figure: Figure, narrow: bool) -> str:
    """Draw the figure as SVG for a page, without sentences and without anything active.

    Raises:
        DrawingError: the library that draws is not installed, or the drawing holds an unknown element or attribute.
    """
    root = ElementTree.fromstring(_render_svg(figure.narrow if narrow else figure.wide))
    prefix = f"{figure.name}-{'narrow' if narrow else 'wide'}-"
    for element in root.iter():
        for name in ("aria-hidden", "aria-label", "aria-roledescription", "role", "pointer-events"):
            element.attrib.pop(name, None)  # the drawing is one image with one alternative text
        _check_element(element)
        for name, value in element.attrib.items():
            element.set(name, _prefix_id(name, value, prefix))
    root.attrib.pop("height", None)
    root.attrib.update({"class": "narrow" if narrow else "wide", "role": "img", "aria-label": figure.alt_text})
    ElementTree.register_namespace("", SVG_NAMESPACE)
    return ElementTree.tostring(root, encoding="unicode")


def render_files(figures: Iterable[Figure]) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the content of each file of each figure: SVG, PNG, PDF, CSV and .vl.json.

    Raises:
        DrawingError: the library that draws is not installed.
    """
    for figure in figures:
        yield from ((f"{figure.name}.{kind}", render_image(figure, kind)) for kind in ("svg", "png", "pdf"))
        yield f"{figure.name}.csv", csv_table(figure).encode()
        yield f"{figure.name}.vl.json", specification_json(figure).encode()


def javascript_bundle() -> str:
    """Return Vega, Vega-Lite and vega-embed as one script in ASCII that loads nothing.

    Raises:
        DrawingError: the library with the script is not installed.
    """
    return _escape_non_ascii(_import_renderer().javascript_bundle())


def _import_renderer() -> ModuleType:
    try:
        import vl_convert
    except ImportError as error:
        raise DrawingError(MISSING_LIBRARY) from error
    return vl_convert


def _render_svg(spec: Spec) -> str:
    """Draw a specification as SVG with ids numbered from 0. The library numbers them through the whole process."""
    svg = str(_import_renderer().vegalite_to_svg(spec, allowed_base_urls=[]))
    for number, name in enumerate(dict.fromkeys(re.findall(r' id="([\w-]+)"', svg))):
        svg = svg.replace(f' id="{name}"', f' id="part-{number}"').replace(f"url(#{name})", f"url(#part-{number})")
    return svg


def _compress_png(png: bytes) -> bytes:
    """Compress the image data of a PNG again, at the highest level.

    The renderer compresses for speed: the seven figures of the demonstration take 1.4 MB, and 350 kB after this step.
    Without this step a page, which may hold 1 MB of drawings and files, would have to leave out PNG files.
    """
    all_chunks = list(_iter_chunks(png))
    image_data = b"".join(content for kind, content in all_chunks if kind == b"IDAT")
    chunks = [(kind, content) for kind, content in all_chunks if kind != b"IDAT"]
    chunks.insert(-1, (b"IDAT", zlib.compress(zlib.decompress(image_data), 9)))
    return png[:8] + b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )


def _iter_chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the kind and the content of each chunk of a PNG."""
    position = 8
    while position < len(png):
        (length,) = struct.unpack(">I", png[position : position + 4])
        yield png[position + 4 : position + 8], png[position + 8 : position + 8 + length]
        position += length + 12


def _check_element(element: ElementTree.Element) -> None:
    """Raise if an element or attribute is unknown, or if an attribute could load anything."""
    namespace, _, name = element.tag.rpartition("}")
    names = {key for key in element.attrib if key not in ATTRIBUTES}
    links = [value for value in element.attrib.values() if re.search(r"url\((?!#[\w-]+\))|:\s*//|javascript:", value)]
    if namespace != "{" + SVG_NAMESPACE or name not in ELEMENTS or names or links:
        raise DrawingError(f"The drawing holds an unknown element or attribute: {name} {sorted(names)}.")


def _prefix_id(name: str, value: str, prefix: str) -> str:
    """Return an attribute with its ids prefixed, because one page holds several drawings."""
    return prefix + value if name == "id" else re.sub(r"url\(#", f"url(#{prefix}", value)


def _escape_formula(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(tuple("=+-@\t\r\uff1d\uff0b\uff0d\uff20")) else cell


def _escape_non_ascii(script: str) -> str:
    r"""Return a script in ASCII. Its other characters stand in strings and patterns only, where \u means the same.

    >>> _escape_non_ascii('"é𝄞"')
    '"\\u00e9\\ud834\\udd1e"'
    """
    return re.sub(
        r"[^\n\x20-\x7e\t]",
        lambda match: "".join(f"\\u{int.from_bytes(unit, 'big'):04x}" for unit in _utf16_units(match[0])),
        script.replace("</script", "<\\/script").replace("<!--", "\\x3c!--"),
    )


def _utf16_units(character: str) -> list[bytes]:
    encoded = character.encode("utf-16-be")
    return [encoded[start : start + 2] for start in range(0, len(encoded), 2)]
