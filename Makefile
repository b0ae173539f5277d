# Every target is one line to run; each makes the environment it needs. `make help` lists them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help test lint unit api crds pins demo bench fuzz figures cluster cluster-down clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

$(STAMP): pyproject.toml dev/requirements.txt
	@echo "making the environment in $(VENV): about a minute"
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "powercap needs Python 3.11 or newer: set PYTHON=python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r dev/requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

test: lint unit api ## lint, unit tests and API tests: what CI runs

lint: $(STAMP) ## ruff, mypy strict, import contracts, CRDs up to date
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m powercap_api.generate --check

unit: $(STAMP) ## unit tests: no network, no cluster
	$(BIN)/pytest tests/unit

api: $(STAMP) ## tests on a real API server, which they start and end themselves
	$(BIN)/pytest tests/api

crds: $(STAMP) ## write crds/*.yaml from the models
	$(BIN)/python -m powercap_api.generate

pins: $(STAMP) ## pin every dependency by version and hash in dev/requirements.txt
	$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --no-emit-index-url \
	  --python-version 3.11 --extra dev --no-emit-package powercap \
	  --custom-compile-command "make pins" --output-file dev/requirements.txt pyproject.toml

demo: $(STAMP) ## the whole way on this machine: KEEP=1 leaves it running, PAGE=file.html serves a saved page
	$(BIN)/python -m dev.demo $(if $(KEEP),--keep) $(if $(PAGE),--page '$(PAGE)')

bench: $(STAMP) ## measure latencies, memory and requests: a table with how each figure was taken
	$(BIN)/python -m dev.bench

fuzz: $(STAMP) ## damage pages at random for minutes: FUZZ=100000 examples
	POWERCAP_FUZZ_EXAMPLES=$(or $(FUZZ),100000) $(BIN)/pytest tests/unit/operator/test_page_fuzz.py

figures: $(STAMP) ## draw the strategies' curves for docs/strategies.md
	$(BIN)/python -m dev.figures

cluster: $(STAMP) ## start only the control plane, and print the KUBECONFIG to use
	$(BIN)/python -m dev.cluster up

cluster-down: $(STAMP) ## end it
	$(BIN)/python -m dev.cluster down

clean: ## remove what make made here (the built control plane stays in the cache)
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
