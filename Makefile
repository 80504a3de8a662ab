# Two commands for a fresh machine with Python 3.11+ and make: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export HF_HUB_OFFLINE ?= 1
# `make demo` runs unattended; BirdNET's weights are CC BY-NC-SA 4.0: set ACCEPT_LICENCES= to be asked.
ACCEPT_LICENCES ?= --accept-licences

.PHONY: demo test test-models check fix clean

demo: $(VENV)/.base
	$(BIN)/lookhear fetch offline $(ACCEPT_LICENCES)
	$(BIN)/lookhear locate docs/powdermill.ogg -o demo -f html json geojson kml csv raven audacity
	@echo "The page is at $(CURDIR)/demo/powdermill.html"

test: check
	$(BIN)/pytest -q -n auto

test-models: $(VENV)/.train
	$(BIN)/lookhear fetch offline $(ACCEPT_LICENCES)
	$(BIN)/pytest -q -n auto -m "(models or slow) and not gpu and not network"
	$(MAKE) demo

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy

fix: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

$(VENV)/bin/python:
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Lookhear needs Python 3.11 or newer.')"
	$(PYTHON) -m venv $(VENV)

$(VENV)/.base: pyproject.toml $(VENV)/bin/python
	$(BIN)/python -m pip install -q -e .
	@touch $@

$(VENV)/.dev: pyproject.toml $(VENV)/bin/python
	$(BIN)/python -m pip install -q -e ".[dev]"
	@touch $@ $(VENV)/.base

$(VENV)/.train: pyproject.toml $(VENV)/.dev
	$(BIN)/python -m pip install -q -e ".[dev,train]"
	@touch $(VENV)/.base $(VENV)/.dev $@

clean:
	rm -rf $(VENV) build *.egg-info demo
