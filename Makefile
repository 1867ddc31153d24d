# Each target makes the environment it needs. `make quickstart` first.
PYTHON ?= python3
# Processes that run tests: each takes up to 2 GB.
WORKERS ?= 2
VENV ?= .venv
BIN := $(VENV)/bin
# SGLang's own environment, 3.5 GB: its dependencies are not ours.
SGLANG := .venv-sglang
SGLANG_PYTHON ?= python3.11
SGLANG_PORT ?= 30000
SGLANG_PINS := tools/sglang_cpu/requirements.txt
# Benchmarks with environments of their own: their pins are not ours.
BFCL := .venv-bfcl
TAU2 := .venv-tau2
TRL := .venv-trl
export XLA_PYTHON_CLIENT_PREALLOCATE = false

.PHONY: quickstart test test-all test-sglang sglang-cpu sglang-serve bfcl bfcl-v3 tau2 trl mcp-servers lint format bench clean help

help:  ## what the targets do
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

quickstart: $(VENV)/.run  ## the whole loop on a laptop: arenas, SFT, RL, evaluation, export, report
	$(BIN)/astra quickstart $(ARGS)

test: $(VENV)/.dev  ## the tests that CI runs
	$(BIN)/python -m pytest -m "not slow and not sglang" --numprocesses $(WORKERS) --dist loadfile $(ARGS)

test-all: $(VENV)/.dev  ## slow tests too: other seeds, real weights, ten thousand sessions, SGLang if it is installed
	$(BIN)/python -m pytest --timeout 3600 $(ARGS)

test-sglang: sglang-cpu  ## the tests that ask a real SGLang server, which they start
	$(BIN)/python -m pytest -m sglang $(ARGS)

sglang-cpu: $(SGLANG)/.installed $(SGLANG)/smollm2/config.json  ## SGLang for a CPU, and SmolLM2-135M for it

sglang-serve: sglang-cpu  ## serves SmolLM2-135M on port 30000, or SGLANG_PORT
	$(SGLANG)/bin/python tools/sglang_cpu/serve.py $(SGLANG)/smollm2 --port $(SGLANG_PORT) $(ARGS)

tau2: $(TAU2)/.installed  ## tau2-bench's environments and evaluators, for `astra eval tau2`

bfcl: $(BFCL)/.installed  ## BFCL's data and checkers, for `astra eval bfcl`

bfcl-v3: $(BFCL)-v3/.installed  ## those of BFCL v3, for `astra eval bfcl --config.version=v3`

trl: $(TRL)/.installed  ## TRL's trainer on a CPU, for `python -m benchmarks.sft`

mcp-servers: .mcp/servers.jsonl  ## real MCP servers that run offline, each in an environment of its own

lint: $(VENV)/.dev  ## ruff and pyright
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

format: $(VENV)/.dev  ## ruff's formatter and its safe fixes
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev trl  ## every benchmark but the paper's ablations, which take hours, and those that want servers
	@for name in $$(grep -l "^if __name__" benchmarks/*.py | grep -v -e paper_ablations -e engines -e completions_server | xargs -n1 basename | sed 's/\.py$$//'); do \
		$(BIN)/python -m benchmarks.$$name || exit 1; done

clean:  ## removes environments and caches, keeps runs
	rm -rf $(VENV) $(SGLANG) $(BFCL) $(BFCL)-v3 $(TAU2) $(TRL) .mcp .pytest_cache .ruff_cache .hypothesis *.egg-info

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

.mcp/servers.jsonl: tools/mcp_servers/install.py
	$(PYTHON) tools/mcp_servers/install.py .mcp

$(BFCL)/.installed $(BFCL)-v3/.installed $(TAU2)/.installed: .venv-%/.installed: tools/%/requirements.txt
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --no-deps --requirement $<
	@touch $@

$(TRL)/.installed: tools/trl/requirements.txt
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet $(PIP_ARGS) --requirement $<
	@touch $@

# PyTorch with what it needs; everything else without, as SGLang asks for CUDA's packages too.
$(SGLANG)/.installed: $(SGLANG_PINS)
	@$(SGLANG_PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || { echo >&2 \
		"SGLang needs Python 3.11, which $(SGLANG_PYTHON) is not: name one with SGLANG_PYTHON=/path/to/python3.11"; \
		exit 1; }
	$(SGLANG_PYTHON) -m venv $(SGLANG)
	$(SGLANG)/bin/python -m pip install --quiet --upgrade pip
	$(SGLANG)/bin/python -m pip install --quiet $(PIP_ARGS) $$(grep ^torch== $(SGLANG_PINS))
	$(SGLANG)/bin/python -m pip install --quiet $(PIP_ARGS) --no-deps --requirement $(SGLANG_PINS)
	@touch $@

$(SGLANG)/smollm2/config.json: | $(SGLANG)/.installed $(VENV)/.dev
	$(BIN)/astra convert smollm2 $(SGLANG)/smollm2
