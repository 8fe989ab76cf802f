# Wants CPython 3.11 or newer with pip, and make. Everything else goes into virtual environments in this folder.
PYTHON ?= python3
VENV := .venv
VENV_NEWEST := .venv-newest
VENV_DDEV := .venv-ddev
DDEV := 20.1.0
PYTEST_ARGS ?=
# A file is run by one process, so that what its tests share is made once.
PARALLEL := -n auto --dist loadfile
DEMO_ARGS ?=
BENCH_ARGS ?=

# Both distributions of the checkout. The newest leg leaves out `deps`, whose pin of boto3 is the Agent's.
TEST_TOOLS := -e './tools[simulator,sql,api,preview,report,test]'
RUN := -e '.[deps]' -e './tools[simulator]'
TEST := -e '.[deps]' $(TEST_TOOLS)
NEWEST := -e . $(TEST_TOOLS)
PROJECTS := pyproject.toml tools/pyproject.toml

PIP := -m pip --disable-pip-version-check install --quiet
# Versions are pinned where they were pinned for this Python. The environment, and no option, as it also reaches the
# environments in which packages are built; newer pips have a name of their own for that.
PYTHON_VERSION = $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
pin_file = $(if $(wildcard $(1)),$(CURDIR)/$(1))
pinned = PIP_CONSTRAINT='$(call pin_file,$(1))' PIP_BUILD_CONSTRAINT='$(call pin_file,$(1))'
PINS = .ci/pins/python-$(PYTHON_VERSION).txt
PINS_NEWEST := .ci/pins/newest.txt
PINS_DDEV := .ci/pins/ddev.txt
# The newest of these is what that leg is for.
FREE_IN_NEWEST := ^(boto3|botocore|s3transfer)=

.DEFAULT_GOAL := help
.PHONY: help demo test test-all test-slow test-newest lint format bench wheel ddev generate pins clean

help: ## Show what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.run ## Watch jobs from creation to their end, without AWS
	@$(VENV)/bin/bedrock-jobs demo $(DEMO_ARGS)

test: $(VENV)/.test ## Run the tests, but for the slow ones
	$(VENV)/bin/python -m pytest $(PARALLEL) -m 'not slow' $(PYTEST_ARGS)

test-slow: $(VENV)/.test ## Run the slow tests: a thousand accounts, builds, kills, floods
	$(VENV)/bin/python -m pytest -m slow $(PYTEST_ARGS)

test-all: test test-slow test-newest ## Run all tests, and those of `test` again on Python 3.13 with the newest boto3

test-newest: ## Run the tests on Python 3.13, if it is there, with the newest boto3
	@if python=$$(.ci/python313); then \
		$(MAKE) --no-print-directory $(VENV_NEWEST)/.test NEWEST_PYTHON="$$python" && \
		$(VENV_NEWEST)/bin/python -m pytest $(PARALLEL) -m 'not slow' $(PYTEST_ARGS); \
	else echo 'skipped: no Python 3.13'; fi

lint: $(VENV)/.test ## Check style and types
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy

format: $(VENV)/.test ## Mend what ruff can mend
	$(VENV)/bin/ruff check --fix
	$(VENV)/bin/ruff format

bench: $(VENV)/.run ## Measure polls of 100, 1,000 and 10,000 jobs
	$(VENV)/bin/python -m benchmarks $(BENCH_ARGS)

wheel: $(VENV)/.run ## Build the wheel that an Agent installs, and that of the tools
	rm -rf dist
	$(call pinned,$(PINS)) $(VENV)/bin/python -m pip --disable-pip-version-check wheel --quiet --no-deps --wheel-dir dist . ./tools
	@ls dist/*.whl

ddev: ## Run Datadog's own validations, if Python 3.13 is there
	@if python=$$(.ci/python313); then \
		$(MAKE) --no-print-directory $(VENV_DDEV)/.$(DDEV) DDEV_PYTHON="$$python" && \
		PATH="$(CURDIR)/$(VENV_DDEV)/bin:$$PATH" .ci/ddev; \
	else echo 'skipped: no Python 3.13'; fi

generate: ## Make the configuration's models and example anew from spec.yaml; wants Python 3.13
	@python=$$(.ci/python313) && \
		$(MAKE) --no-print-directory $(VENV_DDEV)/.$(DDEV) DDEV_PYTHON="$$python" && \
		PATH="$(CURDIR)/$(VENV_DDEV)/bin:$$PATH" .ci/generate

pins: ## Pin anew what CI installs, each at its newest version; wants Python 3.11 and 3.13
	rm -rf .venv* .ci/pins/*.txt
	$(MAKE) --no-print-directory $(VENV)/.test && .ci/pin $(PINS) $(VENV)/bin/python
	python=$$(.ci/python313) && \
		$(MAKE) --no-print-directory $(VENV_NEWEST)/.test NEWEST_PYTHON="$$python" && \
		.ci/pin $(PINS_NEWEST) $(VENV_NEWEST)/bin/python '$(FREE_IN_NEWEST)' && \
		$(MAKE) --no-print-directory $(VENV_DDEV)/.$(DDEV) DDEV_PYTHON="$$python" && \
		.ci/pin $(PINS_DDEV) $(VENV_DDEV)/bin/python

clean: ## Remove what was made here
	rm -rf .venv .venv-* build dist .coverage .benchmarks .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Said before anything is made; written so that Python 2 understands it.
OLD_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11) and \
	"Python 3.11 or newer is needed, and $(PYTHON) is %d.%d: name another one, as in make PYTHON=python3.13" % sys.version_info[:2])
environment = @$(PYTHON) -c '$(OLD_ENOUGH)' && { test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV); }

# The stamps are made last, so that an installation that was broken off is made anew.
$(VENV)/.run: $(PROJECTS) $(wildcard .ci/pins/*.txt)
	$(environment)
	$(call pinned,$(PINS)) $(VENV)/bin/python $(PIP) $(RUN)
	@touch $@

$(VENV)/.test: $(PROJECTS) $(wildcard .ci/pins/*.txt)
	$(environment)
	$(call pinned,$(PINS)) $(VENV)/bin/python $(PIP) $(TEST)
	@touch $(VENV)/.run $@

$(VENV_NEWEST)/.test: $(PROJECTS) $(wildcard .ci/pins/*.txt)
	$(NEWEST_PYTHON) -m venv $(VENV_NEWEST)
	$(call pinned,$(PINS_NEWEST)) $(VENV_NEWEST)/bin/python $(PIP) --upgrade --upgrade-strategy eager $(NEWEST)
	@touch $@

$(VENV_DDEV)/.$(DDEV): $(wildcard $(PINS_DDEV))
	$(DDEV_PYTHON) -m venv --clear $(VENV_DDEV)
	$(call pinned,$(PINS_DDEV)) $(VENV_DDEV)/bin/python $(PIP) ddev==$(DDEV)
	@touch $@
