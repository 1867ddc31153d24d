# Each target makes the environment it needs. `make quickstart` first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export XLA_PYTHON_CLIENT_PREALLOCATE = false

.PHONY: quickstart test test-all lint format bench clean help

help:  ## what the targets do
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

quickstart: $(VENV)/.run  ## the whole loop on a laptop: arenas, SFT, RL, evaluation, export, report
	$(BIN)/astra quickstart $(ARGS)

test: $(VENV)/.dev  ## the tests that CI runs
	$(BIN)/python -m pytest -m "not slow" $(ARGS)

test-all: $(VENV)/.dev  ## slow tests too: other seeds, real weights, ten thousand sessions
	$(BIN)/python -m pytest --timeout 3600 $(ARGS)

lint: $(VENV)/.dev  ## ruff and pyright
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

format: $(VENV)/.dev  ## ruff's formatter and its safe fixes
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev  ## every benchmark, one after the other
	@for name in $$(grep -l "^if __name__" benchmarks/*.py | xargs -n1 basename | sed 's/\.py$$//'); do \
		$(BIN)/python -m benchmarks.$$name || exit 1; done

clean:  ## removes environments and caches, keeps runs
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis *.egg-info

# The stamps record what an environment was last installed with.
$(VENV)/.run: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet $(PIP_ARGS) --editable ".[eval]"
	@touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet $(PIP_ARGS) --editable ".[dev]"
	@touch $@ $(VENV)/.run

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
