# Needs Python 3.11, 3.12 or 3.13; everything else is installed into .venv, which belongs to this Makefile.
# Name another interpreter with `make PYTHON=/path/to/python3.12 ...`; pass options to demo and test with ARGS="...".

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input -qq
ARGS ?=

SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3 python; do \
	$$python -c '$(SUPPORTED)' 2>/dev/null && echo $$python && break; done)

# What is installed. FOLDER is written last and removed first: without it, or when it names another folder (a copied
# checkout), the environment is unfinished and is built from nothing.
FOLDER := $(VENV)/.installed-for
CORE := $(VENV)/.installed-core
DEV := $(VENV)/.installed-dev

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo test coverage bench-peers hooks lint format docs lock wheel clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(CORE) ## install, then train and serve on a small data set
	$(BIN)/deca-tf demo $(ARGS)

test: $(DEV) ## install with the development tools, then run the tests, a process for each core up to four
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

coverage: $(DEV) ## run the tests and report which lines of the code they run; no share is required
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder --cov --cov-report=term:skip-covered \
		--cov-report=html:build/coverage $(ARGS)

hooks: $(DEV) ## run the checks of `make lint` before every commit
	$(BIN)/pre-commit install

bench-peers: $(DEV) build/peers/.installed ## time training and evaluation beside other people's, e.g. ARGS="--dataset ml-100k"
	$(BIN)/python -m benchmarks.peers.run $(ARGS)

build/peers/.installed: benchmarks/peers/requirements.txt
	$(PYTHON) -m venv --clear build/peers
	build/peers/bin/python -m pip --disable-pip-version-check --no-input -qq install --requirement $<
	@touch $@

lint: $(DEV) ## check format, code, the import directions, types, prose and generated tables
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/python -m tools.prose
	$(BIN)/python -m tools.docs --check

docs: $(DEV) ## fill the tables of README and docs, and the rooms' exports, from the code
	$(BIN)/python -m tools.docs

format: $(DEV) ## format the code and repair what can be repaired
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

define check_python
	@test -n "$(PYTHON)" || { echo "deca-tf needs Python 3.11, 3.12 or 3.13, and none was found. Install one, or" \
		"name it: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c '$(SUPPORTED)' || { echo "deca-tf needs Python 3.11, 3.12 or 3.13. Received: PYTHON=$(PYTHON)," \
		"which is '$$($(PYTHON) --version 2>&1)'. Name another: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; \
		exit 1; }
endef

# $(call install,EXTRA,STAMPS)
define install
	$(check_python)
	@echo "Installing deca-tf$(1) into $(VENV): some minutes and 3 GB the first time"
	@test "$$(cat $(FOLDER) 2>/dev/null)" = "$(CURDIR)" || $(PYTHON) -m venv --clear $(VENV)
	@rm -f $(FOLDER)
	$(PIP) install --constraint constraints.txt --editable '.$(1)'
	@touch $(2)
	@echo "$(CURDIR)" > $(FOLDER)
endef

ifneq ($(shell cat $(FOLDER) 2>/dev/null),$(CURDIR))
UNFINISHED := unfinished
.PHONY: $(UNFINISHED)
endif

$(CORE): pyproject.toml constraints.txt $(UNFINISHED)
	$(call install,,$(CORE))

$(DEV): pyproject.toml constraints.txt $(UNFINISHED)
	$(call install,[dev],$(CORE) $(DEV))

# Packages of which Python 3.13 needs another release than 3.11, where the pins are made: they are pinned below it only.
UNLIKE := google-apitools

lock: ## pin the newest releases that pyproject.toml allows into constraints.txt
	$(check_python)
	$(PYTHON) -m venv --clear build/lock
	build/lock/bin/python -m pip --disable-pip-version-check --no-input -qq install --upgrade setuptools '.[dev]'
	{ echo "# What a clean install of deca-tf[dev] brings, pinned. Regenerate with \`make lock\`, then run \`make test\`."; \
		build/lock/bin/python -m pip freeze --all --exclude pip --exclude deca-tf | \
		sed -E 's/^($(UNLIKE))==.*/&; python_version < "3.13"/'; } > build/constraints.txt
	mv build/constraints.txt constraints.txt
	rm -rf build/lock

# The wheel is tried where nothing of the checkout is on the path: in an environment of its own, from another folder.
TRIAL := build/wheel
RELEASE := build/release/bin/python

build/release/.installed: tools/release-requirements.txt
	$(check_python)
	$(PYTHON) -m venv --clear build/release
	$(RELEASE) -m pip --disable-pip-version-check --no-input -qq install --requirement $<
	@touch $@

wheel: build/release/.installed ## build the wheel and the source archive into dist, check them, and run the demo from the wheel
	rm -rf dist $(TRIAL)
	$(RELEASE) -m build --no-isolation --outdir dist .
	$(RELEASE) -m twine check --strict dist/*
	$(PYTHON) -m tools.wheel dist
	$(PYTHON) -m venv $(TRIAL)/environment
	$(TRIAL)/environment/bin/python -m pip --disable-pip-version-check --no-input -qq install \
		--constraint constraints.txt dist/*.whl
	mkdir $(TRIAL)/elsewhere
	cd $(TRIAL)/elsewhere && ../environment/bin/deca-tf demo $(ARGS)

clean: ## remove the environment, caches and builds
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .import_linter_cache .mypy_cache
	find deca_tf pipelines tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
