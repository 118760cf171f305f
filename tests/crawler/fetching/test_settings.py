"""Which modules of Scrapy a crawl loads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.crawler.conftest import HUB, ROOT, environment
from tests.simulated import Simulation

RUN_AND_LIST_MODULES = """
import sys
from crawler.__main__ import main
code = main(sys.argv[1:])
print(*(name for name in sys.modules if name.startswith("scrapy.")))
sys.exit(code)
"""
REMOTE_ACCESS = ("scrapy.extensions.telnet", "scrapy.extensions.remote_control", "scrapy.extensions.feedexport")
UNUSED_MIDDLEWARES = {
    f"scrapy.downloadermiddlewares.{name}" for name in ("cookies", "httpauth", "httpcache", "redirect", "robotstxt")
}


def test_a_crawl_loads_no_remote_access_and_no_unused_middleware_of_scrapy(tmp_path: Path) -> None:
    with Simulation(models=30, datasets=5, spaces=5, packages=5) as hub:
        arguments = ["snapshot", HUB, "--top", "10", "--quiet", "--db", str(tmp_path / "o.db")]
        command = [sys.executable, "-c", RUN_AND_LIST_MODULES, *arguments]
        process = subprocess.run(command, cwd=ROOT, env=environment(hub), capture_output=True, text=True, check=True)
    loaded = set(process.stdout.splitlines()[-1].split())
    assert "scrapy.downloadermiddlewares.httpcompression" in loaded
    assert not loaded & {*REMOTE_ACCESS, *UNUSED_MIDDLEWARES}
