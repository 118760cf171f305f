"""The store is used without pandas and numpy, and both stay usable."""

from __future__ import annotations

import subprocess
import sys

import pytest

from db.database import hide_modules


def test_a_command_of_the_store_does_not_import_pandas_and_numpy_and_may_import_them_later() -> None:
    code = (
        "import sys, db.store, schedules.status; print({'numpy', 'pandas'} & set(sys.modules));"
        " import pandas; print(pandas.NaT is pandas.NaT)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["set()", "True"]


def test_a_hidden_module_is_found_again() -> None:
    with hide_modules("sqlite3.dump"), pytest.raises(ModuleNotFoundError, match="No module"):
        sys.modules.pop("sqlite3.dump", None)
        __import__("sqlite3.dump")
    assert __import__("sqlite3.dump")
