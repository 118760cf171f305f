"""A manifest that cannot be read is refused with the reason that it has."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from analysis.exports.manifest import MANIFEST, MANIFEST_SCHEMA, InvalidBundleError, compute_bundle_id, read_manifest

SOUND = {"schema": MANIFEST_SCHEMA, "files": [], "id": compute_bundle_id([])}
DAMAGED = "Its manifest.json was damaged or changed."


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "It has no manifest.json."),
        ("{", DAMAGED),
        ("[]", DAMAGED),
        (json.dumps({**SOUND, "id": "of other files"}), DAMAGED),
        (json.dumps({**SOUND, "schema": None}), DAMAGED),
        (
            json.dumps({**SOUND, "schema": MANIFEST_SCHEMA + 1}),
            f"Its manifest.json has schema {MANIFEST_SCHEMA + 1}. This version reads schema {MANIFEST_SCHEMA}.",
        ),
    ],
)
def test_an_unreadable_manifest_is_refused_with_its_reason(tmp_path: Path, text: str | None, why: str) -> None:
    if text is not None:
        (tmp_path / MANIFEST).write_text(text, "utf-8")
    with pytest.raises(InvalidBundleError) as raised:
        read_manifest(tmp_path)
    assert raised.value.why == why


def test_a_manifest_that_the_system_does_not_open_is_not_called_damaged(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).mkdir()
    with pytest.raises(InvalidBundleError) as raised:
        read_manifest(tmp_path)
    assert re.match("Its manifest.json cannot be read. .*folder", raised.value.why)


def test_a_sound_manifest_is_returned(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text(json.dumps(SOUND), "utf-8")
    assert read_manifest(tmp_path) == SOUND
