# Everything is set up in .venv, which each target makes if it is not there.
PYTHON ?= python3
VENV   ?= .venv
RUN     = $(VENV)/bin/python -m
WORKERS ?= 2

.PHONY: help snapshot demo test test-slow test-spark test-faults test-years check docs clean

help:                   ## what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## */\t/'

snapshot: $(VENV)/ready  ## the top 1,000 of Hugging Face, npm and PyPI now, then the report
	$(RUN) schedules.cli crawl snapshot huggingface/models npm pypi --top 1000 --resume || [ $$? -eq 3 ]
	$(RUN) schedules.cli compute
	$(RUN) schedules.cli report

demo: $(VENV)/ready      ## the same on a simulated Hub, without a network
	$(RUN) schedules.cli demo

test: $(VENV)/ready      ## every test
	$(RUN) pytest -q -n $(WORKERS) --dist worksteal -m "not slow and not spark"

test-slow: $(VENV)/ready ## and every point of what the tests take a sample of
	$(RUN) pytest -q -n $(WORKERS) --dist loadfile -m "slow and not years"

test-spark: $(VENV)/ready ## those that start a Spark on this machine (Java)
	$(RUN) pytest -q -m spark tests/analysis/engines

test-faults: $(VENV)/ready ## every fault of docs/reliability.md, at every point
	MEASURED=docs/measured.json $(RUN) pytest -q -n $(WORKERS) --dist worksteal -m "fault and not years"

test-years: $(VENV)/ready ## twenty years in a box, each held against what truly was
	MEASURED=docs/measured.json $(RUN) pytest -q -n $(WORKERS) --dist worksteal -m years

check: $(VENV)/ready     ## style and types
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy

clean:                   ## remove what was set up
	rm -rf $(VENV) build *.egg-info

$(VENV)/ready: setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "hub-observatory needs Python 3.11 or newer; say which with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "python3-venv is missing: sudo apt-get install python3-venv"; exit 1; }
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --editable '.[all]'
	@touch $@
