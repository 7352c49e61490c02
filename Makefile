# Twelve targets; `make setup` is what the others need. See README.md.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# durable_rules 2.0.28 calls what Python 3.13 no longer has.
export CPPFLAGS := $(shell $(PYTHON) -c 'import sys; print("-DPyEval_CallObject=PyObject_CallObject" * (sys.version_info >= (3, 13)))') $(CPPFLAGS)
# What is compiled to C, see pyproject.toml: a change of it is built again.
COMPILED := $(wildcard $(addprefix dfks_rules/,sip/*.py csta/*.py presence/*.py service/*.py model/*.py \
  $(addprefix store/,cache.py commit.py dialogs.py disk.py gathering.py group.py journal.py plan.py \
  remembered.py sqlite.py tables.py) \
  $(addprefix transport/,datagrams.py transports.py turns.py udp.py) \
  $(addprefix policy/deciding/,live.py policy_set.py) \
  $(addprefix app/,driver.py sending.py tokens.py records/line.py records/ring.py)))
# What is written in C, see hatch_build.py.
NATIVE := $(wildcard dfks_rules/*/native/*.[ch])

# Most tests wait for much of their time, so that three of them keep two processors busy.
BESIDE := -n 3
# To collect all others takes a quarter of a minute.
ALONE = $(shell grep -rl 'mark\.alone' tests --include='test_*.py')
# Another solver, which the proofs of policies are compared with; without it, that test is skipped.
SECOND_OPINION := 'z3-solver>=4.12'

.PHONY: run test test-long chaos setup fix bench bench-compare bench-policies soak wheels console-vendor

run: setup
	@$(BIN)/dfks serve

test: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell
	$(BIN)/pytest $(BESIDE) -m "not long and not alone"
	$(BIN)/pytest -m "not long and alone" $(ALONE)

# Takes up to half an hour: mutated messages, fuzzing, load, lost datagrams, whatever else is slow.
# DFKS_TEST_FUZZ_SECONDS (25 for each target) and DFKS_TEST_MUTATIONS (1,000,000) make it shorter;
# DFKS_TEST_SEED repeats one failure of random policies, which says its seed.
# DFKS_TEST_SIMULATION_SECONDS (60) and DFKS_TEST_NEMESIS_SECONDS (75) are for nights.
# DFKS_TEST_CONTAINER=1 also builds the container image (buildah); DFKS_TEST_WHEELS names wheels that are there.
test-long: setup
	-$(BIN)/python -m pip install --quiet --disable-pip-version-check $(SECOND_OPINION)
	$(BIN)/pytest $(BESIDE) -m "long and not alone"
	$(BIN)/pytest -m "long and alone" $(ALONE)

# Seconds in which three nodes and their PostgreSQL are killed, paused and cut off under 120 phones,
# as root on Linux in network namespaces that lose packets; the history and the nodes' logs are then
# in var/nemesis/.
chaos: DURATION = 3600
chaos: setup
	DURATION=$(DURATION) $(BIN)/pytest -m long -s tests/long/test_nemesis_nodes.py

fix: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/python -m tests.helpers.reference

bench: setup
	$(BIN)/python -m bench

# REV, a revision or another checkout, against this one: what does a change cost?
bench-compare: setup
	$(BIN)/python -m bench.compare $(or $(REV),$(error REV=REVISION is missing))

bench-policies: setup
	$(BIN)/python -m bench.policies

# Into dist/: what deploy/Containerfile and deploy/debian/build.sh install.
wheels: setup
	rm -rf dist
	deploy/wheels.sh dist

# What others wrote of the console, as its lock file says; with its list of hashes and licences.
console-vendor:
	npm ci --prefix deploy/console --no-audit --no-fund
	node deploy/console/build.mjs

# Seconds of mixed traffic; it fails when memory, descriptors or tasks grow.
DURATION ?= 1800
soak: setup
	$(BIN)/python -m bench.soak $(DURATION)

setup: $(VENV)/.stamp

$(VENV)/.stamp: pyproject.toml hatch_build.py $(COMPILED) $(NATIVE)
	find dfks_rules -name '*.so' -delete
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@
