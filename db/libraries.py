"""Which package to install for a module that is missing, and what to do about a library that cannot be loaded."""

from __future__ import annotations

import shlex
import sys

from db import ObservatoryError

OURS = ("analysis", "crawler", "db", "schedules", "simulation")
PACKAGES = {  # named otherwise
    "OpenSSL": "pyopenssl",
    "markdown_it": "markdown-it-py",
    "vl_convert": "vl-convert-python",
    "yaml": "pyyaml",
}


def make_install_command(module: str) -> str:
    """Return the command that installs the package of a module into the environment of this program.

    It names the package and not an extra of this program, so that it is right for a clone and for a wheel.
    """
    package = PACKAGES.get(module, module.replace("_", "-"))
    return f"{shlex.quote(sys.executable)} -m pip install {package}"


def describe_missing_library(error: ImportError) -> ObservatoryError | None:
    """Return the error for a library that is not installed or cannot be loaded, None if the module is one of ours."""
    module = (error.name or "").partition(".")[0]
    if (error.path or "").endswith(".so"):
        return ObservatoryError(
            f"The library {error.path} cannot be loaded.",
            why=f"The system says: {error}.",
            fix="Run the same command again. If it fails again, reinstall the program.",
            more="docs/install.md",
        )
    if module in ("", *OURS) or not isinstance(error, ModuleNotFoundError):
        return None
    return ObservatoryError(
        f"This command needs {module}, which is not installed.",
        why="It is an extra, or the installation is incomplete.",
        fix=f"Install it with `{make_install_command(module)}`.",
        more="docs/install.md",
    )
