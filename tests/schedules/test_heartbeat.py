"""The daemon ends when its lock file is taken away, because a second daemon could start."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from db import ObservatoryError
from db.connection import hold_writer_lock
from schedules.heartbeat import Heartbeat, heartbeat_file


@pytest.mark.parametrize("is_replaced", [False, True])
@pytest.mark.fault("A9")
def test_a_lock_file_that_was_deleted_or_replaced_is_noticed(tmp_path: Path, is_replaced: bool) -> None:
    store = tmp_path / "folder" / "observatory.db"
    store.parent.mkdir()
    with hold_writer_lock(Path(f"{store}.daemon")):
        heartbeat = Heartbeat(store)
        heartbeat.require_file()
        heartbeat_file(store).rename(tmp_path / "aside")
        if is_replaced:
            heartbeat_file(store).touch()
        with pytest.raises(ObservatoryError, match="deleted or replaced"):
            heartbeat.require_file()
        heartbeat.write()


def test_a_folder_that_is_gone_may_come_back(tmp_path: Path) -> None:
    store = tmp_path / "folder" / "observatory.db"
    store.parent.mkdir()
    with hold_writer_lock(Path(f"{store}.daemon")):
        heartbeat = Heartbeat(store)
        shutil.rmtree(store.parent)
        assert not heartbeat.has_lost_file()
