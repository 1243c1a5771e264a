.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKFLOWS := .github/workflows/*.yml docs/examples/github-actions.yml
TESTS_OF_POLICIES := tests/database/test_attacks.py tests/database/test_limits.py \
	tests/sms/test_records.py tests/database/test_credentials.py
# Other projects' plugins take longer to start than most mutants to be noticed.
PYTEST_ALONE := PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 $(BIN)/python -m pytest -p ephraim_db.pytest_plugin

# Hundreds of programs are started here: what Python compiles is kept, whatever the machine says.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo test test-rls lint screenshots release-check reference bench faults clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.ready node_modules/.ready ## make .venv and node_modules with everything in them

$(VENV)/.ready: pyproject.toml
	@echo "setting up $(VENV) from PyPI (half a minute, or a few on a slow machine)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $@

node_modules/.ready: package.json $(VENV)/.ready
	@echo "setting up node_modules from npm (about 10 s)"
	@PATH="$(CURDIR)/$(BIN):$$PATH" npm install --no-package-lock --no-audit --no-fund --loglevel=error \
		--fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=5000
	@touch $@

SERVE ?= 1
demo: setup ## the whole story on a local Supabase, then the settings page until Ctrl-C (SERVE=0: not)
	@$(BIN)/ephraim-db demo $(if $(filter 0,$(SERVE)),--no-serve)

test: setup ## run the whole suite
	@$(BIN)/python -m pytest -n auto --dist worksteal -q

test-rls: setup ## only what holds our policies, on the database in EPHRAIM_DB_URL if it is set
	@$(PYTEST_ALONE) -q -x tests/rls/test_contract_table.py
	@$(PYTEST_ALONE) -q -x $(TESTS_OF_POLICIES)

faults: setup ## kill, cut and fill at every statement, not only at a few (minutes)
	@EPHRAIM_DB_FAULTS=all $(BIN)/python -m pytest -n auto --dist worksteal -q tests/faults

lint: setup ## ruff, mypy, sqlfluff, squawk, and the workflows
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy --python-version 3.11
	@$(BIN)/mypy --python-version 3.14
	@$(BIN)/mypy --strict tests
	@$(BIN)/sqlfluff lint --processes 0 --disable-progress-bar supabase src
	@$(BIN)/squawk supabase/migrations/*.sql supabase/optional/*.sql
	@$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows $(WORKFLOWS)
	@$(BIN)/zizmor --offline --quiet $(WORKFLOWS)

screenshots: setup ## the pictures in docs/settings-page.md
	@$(BIN)/python -m tests.web.screenshots

release-check: setup ## build, install and try what would be released (minutes)
	@$(BIN)/python -m tests.release

reference: setup ## write docs/reference from docstrings and --help
	@$(BIN)/python -m tests.docs.reference

FUZZ ?= 60
fuzz: setup $(VENV)/.fuzz ## try ever new inputs (FUZZ=600: seconds for each of 13 targets)
	@$(BIN)/python -m tests.fuzz $(FUZZ)

$(VENV)/.fuzz: pyproject.toml $(VENV)/.ready
	@$(BIN)/python -m pip install --quiet --group fuzz
	@touch $@

ONLY ?=
bench: setup $(VENV)/.bench ## measure beside others, and write docs/benchmarks (ONLY=rls: a part)
	@$(BIN)/python -m bench $(ONLY)

$(VENV)/.bench: pyproject.toml $(VENV)/.ready
	@$(BIN)/python -m pip install --quiet --group bench
	@touch $@

clean: ## remove what set-up made
	rm -rf $(VENV) node_modules
