# Six targets; `make setup` is what the others need. See README.md.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# durable_rules 2.0.28 needs this on Python 3.13 and later, and with gcc 14 and later; it does no harm before.
export CPPFLAGS := -DPyEval_CallObject=PyObject_CallObject $(CPPFLAGS)

.PHONY: run test setup fix bench bench-policies

run: setup
	@$(BIN)/dfks serve --config dfks.yaml

test: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell
	$(BIN)/pytest

fix: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup
	$(BIN)/python -m bench

bench-policies: setup
	$(BIN)/python -m bench.policies

setup: $(VENV)/.stamp

$(VENV)/.stamp: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@
