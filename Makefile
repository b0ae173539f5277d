# Every target is one line to run; each makes the environment it needs. `make help` lists them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

# Those that ask the API server what another version may answer otherwise.
VERSION_TESTS := tests/api/test_kinds.py tests/api/test_rbac.py tests/api/test_versions.py \
  tests/chart/test_api_server.py tests/chart/test_versions.py

# Tests mostly wait, for programs and for time to pass: two files at once. WORKERS=0 runs one after the other.
WORKERS ?= 2
PYTEST  := $(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
export KUBERNETES
# Every target with a description.
.PHONY: $(shell sed -n 's/^\([a-z0-9-]*\):.*\#\# .*/\1/p' $(firstword $(MAKEFILE_LIST)))

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

$(STAMP): pyproject.toml dev/requirements.txt
	@echo "making the environment in $(VENV): about a minute"
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "powercap needs Python 3.11 or newer: set PYTHON=python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r dev/requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

test: ## lint, unit, API and chart tests, two of them at a time
	@$(MAKE) --no-print-directory $(STAMP)
	@$(MAKE) --no-print-directory -j2 lint unit
	@$(MAKE) --no-print-directory -j2 api chart

lint: $(STAMP) ## ruff, mypy strict, import contracts, sizes, CRDs up to date
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m dev.sizes
	$(BIN)/python -m powercap_api.generate --check
	$(BIN)/python -m powercap_api.generate --check charts/powercap/files/crds
	$(BIN)/python -m dev.docs.chart_readme --check
	$(BIN)/python -m dev.docs.chart_schema --check
	$(BIN)/python -m dev.docs.metrics_table --check
	$(BIN)/python -m dev.docs.markets_page --check
	$(BIN)/python -m dev.docs.reference --check
	$(BIN)/python -m dev.docs.savings --check
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	$(BIN)/python -m dev.release check

unit: $(STAMP) ## unit tests: no network, no cluster
	$(PYTEST) tests/unit

long: $(STAMP) ## what `make test` leaves out, or does less of: months, thousands of nodes, two operators, waits for leases
	POWERCAP_LONG=1 $(PYTEST) -m 'long or longer' tests/unit tests/api

unit-pythons: $(STAMP) ## unit tests on every Python from 3.11 to 3.14 that is on this machine, and which were not run
	$(BIN)/python -m dev.pythons $(ARGS)

image-python: $(STAMP) ## the agent's unit tests on the Python that its image ships
	$(BIN)/python -m dev.pythons image

api: $(STAMP) ## tests on a real API server, which they start and end themselves: KUBERNETES=1.30 takes another version
	$(PYTEST) tests/api

chart: $(STAMP) ## tests of the Helm chart: rendered, and judged by a real API server
	$(PYTEST) tests/chart

oldest: $(STAMP) ## what depends on the API server's version, on the oldest that is stated: kinds, rights, the chart
	KUBERNETES=$(firstword $(sort $(notdir $(wildcard dev/cluster/programs/versions/*)))) \
	  $(PYTEST) $(VERSION_TESTS)

sight: $(STAMP) ## metrics, alerts, dashboard and page with a real Prometheus and a real browser; ARGS are pytest's
	$(BIN)/python -m dev.sight $(ARGS)

e2e: $(STAMP) ## the chart on a real kubelet with real containers: root on Linux; ARGS are pytest's, KUBERNETES as for api
	$(BIN)/python -m dev.e2e $(ARGS)

kernel: $(STAMP) ## the agent on the real drivers of Linux 6.1 and 6.12 in QEMU, judged by raw registers: root on Debian 12
	$(BIN)/python -m dev.kernel $(ARGS)

e2e-cluster: $(STAMP) ## a shorter way on the cluster of KUBECONFIG (kind, k3s), with OPERATOR_IMAGE and AGENT_IMAGE
	@test -n "$(KUBECONFIG)" -a -n "$(OPERATOR_IMAGE)" -a -n "$(AGENT_IMAGE)" || \
	  { echo "set KUBECONFIG, OPERATOR_IMAGE and AGENT_IMAGE (name:tag, as the nodes can pull or already have them)"; exit 2; }
	POWERCAP_E2E_ON_CLUSTER=1 KUBECONFIG='$(KUBECONFIG)' OPERATOR_IMAGE='$(OPERATOR_IMAGE)' \
	  AGENT_IMAGE='$(AGENT_IMAGE)' $(BIN)/pytest tests/e2e/test_any_cluster.py

sbom: $(STAMP) ## an SBOM of the operator's image in CycloneDX, from its pins, in build/
	@mkdir -p build
	$(BIN)/uv tool run --quiet --from 'cyclonedx-bom>=7,<8' cyclonedx-py requirements dev/requirements-operator.txt \
	  --pyproject pyproject.toml --output-reproducible --of JSON -o build/powercap-operator.cdx.json

images: $(STAMP) ## build both images with buildah, on a base made from Debian's packages
	$(BIN)/python -m dev.images

images-try: $(STAMP) ## build and start both images on other bases, all if none is named: BASES="python-3.13 python-3.14 arm64"
	$(BIN)/python -m dev.images try $(BASES)

release: ## name a version everywhere and date it in the changelog: VERSION=0.2.0
	@test -n "$(VERSION)" || { echo "set VERSION, such as make release VERSION=0.2.0"; exit 2; }
	$(PYTHON) -m dev.release set '$(VERSION)'

crds: $(STAMP) ## write crds/*.yaml and the chart's copies from the models, and the reference of fields and values
	$(BIN)/python -m powercap_api.generate
	$(BIN)/python -m powercap_api.generate charts/powercap/files/crds
	$(BIN)/python -m dev.docs.chart_readme
	$(BIN)/python -m dev.docs.chart_schema
	$(BIN)/python -m dev.docs.metrics_table
	$(BIN)/python -m dev.docs.markets_page
	$(BIN)/python -m dev.docs.reference

docs: $(STAMP) ## the documentation as a site, in build/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

pins: $(STAMP) ## pin every dependency by version and hash in dev/requirements.txt: UPGRADE=1 takes the newest versions
	$(BIN)/uv pip compile --quiet $(if $(UPGRADE),--upgrade) --universal --generate-hashes --no-emit-index-url \
	  --python-version 3.11 --extra dev --no-emit-package powercap \
	  --custom-compile-command "make pins" --output-file dev/requirements.txt pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url \
	  --python-version 3.11 --extra operator --no-emit-package powercap --constraint dev/requirements.txt \
	  --custom-compile-command "make pins" --output-file dev/requirements-operator.txt pyproject.toml

demo: $(STAMP) ## the whole way on this machine: KEEP=1 leaves it running, PAGE=file.html serves a saved page
	$(BIN)/python -m dev.demo $(if $(KEEP),--keep) $(if $(PAGE),--page '$(PAGE)')

bench: $(STAMP) ## measure latencies, memory and requests: a table with how each figure was taken
	$(BIN)/python -m dev.bench

scale: $(STAMP) ## what NODES=5000 cost a control plane, with simulated agents: EDITS=10 edits 30 s apart
	$(BIN)/python -m dev.scale --nodes $(or $(NODES),1000) --edits $(or $(EDITS),10) \
	  $(if $(QUICK),--quick)

fuzz: $(STAMP) ## damage all that is read (pages, budgets, streams, state, CSV, policies): FUZZ=100000 inputs each
	POWERCAP_FUZZ_EXAMPLES=$(or $(FUZZ),100000) $(BIN)/pytest --durations=0 $$(find tests/unit -name '*_fuzz.py')

chaos: $(STAMP) ## faults between real programs for MINUTES=2, or EDITS=10000; SEED of an earlier run; KEEP=folder
	$(BIN)/python -m dev.chaos $(if $(MINUTES),--minutes $(MINUTES)) $(if $(EDITS),--edits $(EDITS)) \
	  $(if $(SEED),--seed $(SEED)) $(if $(LATE),--late $(LATE)) $(if $(KEEP),--keep '$(KEEP)')

soak: $(STAMP) ## DAYS=400 delivery days on a real API server by a clock that is set: faults, edits, and what must hold; SEED, KEEP=folder
	$(BIN)/python -m dev.soak $(if $(DAYS),--days $(DAYS)) $(if $(SEED),--seed $(SEED)) $(if $(KEEP),--keep '$(KEEP)')

mutants: $(STAMP) ## how many small changes to operator and agent a test notices: TOTAL=200 of all, by SEED
	$(BIN)/python -m dev.mutants $(if $(TOTAL),--total $(TOTAL)) $(if $(SEED),--seed $(SEED))

figures: $(STAMP) ## draw the strategies' curves for docs/strategies.md
	$(BIN)/python -m dev.figures

cluster: $(STAMP) ## start only the control plane, and print the KUBECONFIG to use
	$(BIN)/python -m dev.cluster up

cluster-down: $(STAMP) ## end it
	$(BIN)/python -m dev.cluster down

clean: ## remove what make made here (the built control plane stays in the cache)
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
