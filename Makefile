# Needs python3 (3.11 or later) and a network; everything goes into .venv.

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/installed
PEERS := $(VENV)/peers
AUDIT := $(VENV)/audit
FUZZER := $(VENV)/fuzzer

.DEFAULT_GOAL := help
.PHONY: help install run test trust soak screenshots bench audit image lock

help: ## What can be made
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

install: $(READY) ## All set-up, into .venv; every other target does it first

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit(1)' || \
	{ echo >&2 "'$(PYTHON)' is not Python 3.11 or later. Name one: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || \
	{ echo >&2 "'$(PYTHON)' lacks venv or ensurepip. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	@touch $@

run: install ## Serve on $PORT (8000 unless set) and $HOST (127.0.0.1)
	exec $(BIN)/python -m app --host '$(HOST)' --port '$(PORT)'

test: install ## All checks and tests
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n auto --dist loadgroup

trust: install $(FUZZER) ## The figures of the README's section on reliability, in about an hour
	$(BIN)/python -m tests.trust

soak: install ## What a server holds that is asked for an hour, each time something else
	$(BIN)/python -m tests.trust.soak

# It has wheels for some machines and Pythons alone; the figures say where it was missing.
$(FUZZER): tests/fuzzing.txt $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement $< || \
	echo >&2 "NO ATHERIS: the parsers are fuzzed blindly alone"
	@touch $@

screenshots: install ## Pictures of the explorer, into benchmarks/results/page, with Chromium
	$(BIN)/python -m tests.web.screenshots

bench: install $(PEERS) ## Measure, beside PyTorch, SciPy and onnxruntime
	$(BIN)/python -m benchmarks panel
	$(BIN)/python -m benchmarks growth

$(PEERS): benchmarks/requirements.txt $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

# What it finds comes on standard output; without its data there is none, and nothing is known.
audit: $(AUDIT)/installed ## Look up known faults of the locked packages
	@$(AUDIT)/bin/pip-audit --requirement requirements.lock --require-hashes --disable-pip --vulnerability-service osv \
	  --progress-spinner off >$(AUDIT)/found 2>$(AUDIT)/log || \
	{ if [ -s $(AUDIT)/found ]; then cat $(AUDIT)/found; exit 1; fi; \
	  echo >&2 "NOT AUDITED: the data on known faults could not be reached, or read:"; tail -n 1 $(AUDIT)/log >&2; }

$(AUDIT)/installed: tests/audit.txt
	@$(PYTHON) -m venv $(AUDIT)
	$(AUDIT)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

image: ## The container image, with Docker
	docker build --tag convarith .

lock: ## Renew requirements.lock within the ranges of pyproject.toml
	$(PYTHON) -m venv $(VENV)/lock
	$(VENV)/lock/bin/pip install --quiet --disable-pip-version-check uv
	$(VENV)/lock/bin/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
	  --fork-strategy fewest --generate-hashes --no-emit-index-url --upgrade --quiet \
	  --custom-compile-command 'make lock' --output-file requirements.lock
