# Each target creates the environment .venv if it is missing. Those for developers add the tools for the tests.
PYTHON ?= python3
VENV   ?= .venv
RUN     = $(VENV)/bin/python -m
WORKERS ?= 2

.PHONY: help snapshot demo test test-slow test-spark test-faults test-years test-walk test-ci test-replay check clean

help:                   ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## */\t/'

snapshot: $(VENV)/ready  ## take snapshots of the top 1,000 of Hugging Face, npm and PyPI, then report
	$(RUN) schedules.cli crawl snapshot huggingface/models npm pypi --top 1000 --resume || [ $$? -eq 3 ]
	$(RUN) schedules.cli compute
	$(RUN) schedules.cli report

demo: $(VENV)/ready      ## run everything once on a simulated Hub, without a network
	$(RUN) schedules.cli demo

test: $(VENV)/ready-tests ## run the tests
	$(RUN) pytest -q -n $(WORKERS) --dist worksteal -m "not slow and not years and not spark and not walk and not replay and not ci"

test-slow: $(VENV)/ready-tests ## run the slow tests: every point of what the others sample
	$(RUN) pytest -q -n $(WORKERS) --dist loadfile -m "slow and not years"

test-spark: $(VENV)/ready-tests ## run the tests that start Spark on this machine (needs Java)
	$(RUN) pytest -q -m spark tests/analysis/compute/engines

test-faults: $(VENV)/ready-tests ## try every fault of docs/reliability.md, at every point
	MEASURED=docs/measured.json $(RUN) pytest -q -n $(WORKERS) --dist worksteal -m "fault and not years"

test-years: $(VENV)/ready-tests ## compare twenty simulated years with their truth (YEARS=seed01 for one of them)
	MEASURED=docs/measured.json $(RUN) pytest -q -n $(WORKERS) --dist worksteal -m years $(if $(YEARS),-k $(YEARS))

test-walk: $(VENV)/ready-tests ## run every command line of the documents in a new environment (needs the package index)
	$(RUN) pytest -q -m walk tests/test_walk.py

test-ci: $(VENV)/ready-tests ## run the tests that take long, and that every check runs
	$(RUN) pytest -q -n $(WORKERS) --dist worksteal -m "ci and not slow"

test-replay: $(VENV)/ready-tests ## let the daemon run the shipped schedules for simulated days (REPLAY_DAYS, default: 40)
	$(RUN) pytest -q -m replay tests/test_shipped_schedules.py

check: $(VENV)/ready-tests ## check style and types
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy

clean:                   ## remove the environment
	rm -rf $(VENV) build *.egg-info

$(VENV)/ready: setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "hub-observatory needs Python 3.11 or newer. Select it with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "python3-venv is missing: sudo apt-get install python3-venv"; exit 1; }
	@echo "Installing into $(VENV): about 900 MB on disk, 200 MB of which are downloaded. See docs/install.md."
	$(VENV)/bin/pip install --disable-pip-version-check --editable .
	@touch $@

$(VENV)/ready-tests: $(VENV)/ready
	@echo "Adding Spark, DuckDB and the tools for the tests to $(VENV): about 910 MB more on disk."
	$(VENV)/bin/pip install --disable-pip-version-check --editable '.[all]'
	@touch $@
