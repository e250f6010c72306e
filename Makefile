# The commands of the project. `make demo` and `make test` set up what they need on a fresh machine.
.PHONY: demo test check bench lock audit clean

VENV := .venv
BIN := $(VENV)/bin
# Which Python makes the environment; by itself python3, or another that fits.
PYTHON ?=
# Real meter data for the savings bench: https://github.com/EECi/Cambridge-Estates-Building-Energy-Archive
DATA ?= ../shared/data

# Where this is set, each of the hundred processes of a test run would compile all modules again.
unexport PYTHONDONTWRITEBYTECODE

demo: $(VENV)/.runtime assets
	$(BIN)/bkkenergy demo $(ARGS)

# `make demo --exit` is not for make to understand: `make demo ARGS=--exit`, or this.
demo-exit: $(VENV)/.runtime assets
	$(BIN)/bkkenergy demo --exit
.PHONY: demo-exit

# How many processes run tests: a module's tests stay together, and each process has servers and ports of its own.
# Two more than there are cores, since half of the time tests wait for servers. tests/conftest.py has the order of files.
JOBS ?= $(shell expr $$(nproc) + 2)
PYTEST_JOBS = -n $(JOBS) --dist loadfile --no-loadscope-reorder

test: $(VENV)/.dev assets-required system-packages
	$(BIN)/pytest $(PYTEST_JOBS) $(ARGS)

# What needs no server and is not slow: the domain, and stores and ledger on SQLite. It waits for nothing: a process a core.
test-fast: JOBS = $(shell nproc)
test-fast: export TEST_FAST = 1
test-fast: $(VENV)/.dev
	$(BIN)/pytest $(PYTEST_JOBS) -m "not (broker or influx or postgres or browser or slow)" tests/unit tests/contract $(ARGS)
.PHONY: test-fast

# The containers' deployment on a real Docker engine with a data folder and a network of its own (as root; a quarter of an hour).
# BKKENERGY_TEST_INFLUXDB=PATH puts another influxd, 1.x or 2.x, into the place of Debian's.
test-containers: $(VENV)/.dev
	deploy/install-test-packages docker.io docker-compose debootstrap iptables iproute2 util-linux mount curl poppler-utils openssl git
	tests/containers/run $(CURDIR)/$(BIN)/python $(ARGS)
.PHONY: test-containers

# The laws with inputs at random, and many bent payloads; `make test` and CI take the same inputs each time.
# A failure prints what repeats it: @reproduce_failure(...), or FUZZ_SEED=N for the bent payloads. What an input may take is
# CPU time; a test of thousands of them, on a busy machine, takes longer than others may.
FUZZ ?= 100000
fuzz: $(VENV)/.dev
	CI= FUZZ=$(FUZZ) $(BIN)/pytest $(PYTEST_JOBS) --timeout 7200 -m 'hypothesis or fuzz' tests/unit $(ARGS)

# The suite on another Python, with a virtual environment of its own: make test-another-python ANOTHER=python3.13; ARGS: what of it.
ANOTHER ?= python3
ANOTHER_VENV := var/venv-another
test-another-python: $(ANOTHER_VENV)/.dev system-packages
	$(ANOTHER_VENV)/bin/python -VV
	$(ANOTHER_VENV)/bin/pytest $(PYTEST_JOBS) $(ARGS)

$(ANOTHER_VENV)/.dev: requirements-dev.lock pyproject.toml
	mkdir -p $(dir $(ANOTHER_VENV))
	deploy/make-venv $(ANOTHER) $(ANOTHER_VENV) requirements-dev.lock
	touch $@
.PHONY: fuzz test-another-python

# Small faults put into the core one by one, and how many the tests find: docs/mutants.md (an hour with MUTANTS=20;
# ARGS='--minutes 25': as many as there is time for).
MUTANTS ?= 20
mutants: $(VENV)/.dev
	$(BIN)/python -m tests.mutants --each $(MUTANTS) $(ARGS)
.PHONY: mutants

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/bkkenergy check
	$(BIN)/python tests/longest.py
	$(BIN)/python -m tests.deadcode

# The manifests of deploy/kubernetes by kustomize and by the schemas of Kubernetes; needs kubectl. What lacks is skipped and said.
check-kubernetes: $(VENV)/.dev
	test -x var/kubernetes/bin/python || $(BIN)/python -m venv --system-site-packages var/kubernetes
	var/kubernetes/bin/pip install -q 'kubernetes-validate>=1.32' pyyaml
	PYTHONPATH=$$(echo var/kubernetes/lib/python*/site-packages) $(BIN)/pytest -q -rs tests/integration/test_kubernetes.py
.PHONY: check-kubernetes

# What must hold before a release: no current figure has expired or comes from memory alone.
release-check: check
	$(BIN)/bkkenergy figures check
.PHONY: release-check

# Each speed beside a peer, an old commit or an empty page, and docs/benchmarks.md (an hour; ARGS=--short: twenty minutes; ARGS=--quick: whether each runs).
# What could not be installed or run, and each target that was missed, is named at the end; it fails then.
bench: $(VENV)/.dev system-packages
	deploy/install-test-packages wrk
	-command -v npm >/dev/null || deploy/install-test-packages npm
	-npm install --silent --no-audit --no-fund --prefix var/peer node-red@4 node-red-contrib-influxdb@0.7
	$(BIN)/python -m tests.bench.all --data $(DATA) --node-red $(CURDIR)/var/peer $(ARGS)

# The pages that are made: the references of commands, settings and library, and the notebooks with their pictures.
docs: $(VENV)/.dev
	$(BIN)/python -m tests.reference_cli
	$(BIN)/python -m tests.reference_settings
	$(BIN)/python -m tests.reference
	$(BIN)/python -W ignore::DeprecationWarning -m tests.notebooks
.PHONY: docs

# Servers, browser and fonts that the tests start: Debian's packages.
system-packages:
	deploy/install-test-packages
.PHONY: system-packages

$(VENV)/.runtime: requirements.lock pyproject.toml
	python=$$(deploy/find-python $(PYTHON)) && deploy/make-venv "$$python" $(VENV) requirements.lock
	touch $@

# What the web app takes from npm: where it cannot be fetched the explorer shows still pictures. The tests need it.
assets: $(VENV)/.runtime
	deploy/make-assets $(BIN)/python
assets-required: $(VENV)/.dev
	deploy/make-assets --required $(BIN)/python
.PHONY: assets assets-required

$(VENV)/.dev: requirements-dev.lock pyproject.toml
	python=$$(deploy/find-python $(PYTHON)) && deploy/make-venv "$$python" $(VENV) requirements-dev.lock
	touch $@ $(VENV)/.runtime

# Exact versions with hashes, without any index's name; needs uv. Those that are locked stay; UPGRADE=1 takes the newest.
LOCK := uv pip compile pyproject.toml --extra archive --extra broker --extra oidc --extra passkeys --extra poll --extra postgres --extra roofs --extra traces --group build --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate --quiet $(if $(UPGRADE),--upgrade)
lock:
	$(LOCK) -o requirements.lock
	$(LOCK) --group dev -o requirements-dev.lock

# Known vulnerabilities of what is locked, and the bill of materials (var/sbom.cdx.json); does not pass where it is offline.
audit: $(VENV)/.runtime
	test -x var/audit/bin/pip-audit || { $(BIN)/python -m venv var/audit && var/audit/bin/pip install -q 'pip-audit>=2.9,<3' 'cyclonedx-bom>=7,<8'; }
	var/audit/bin/python deploy/audit requirements.lock requirements-dev.lock

clean:
	rm -rf $(VENV) var dist
