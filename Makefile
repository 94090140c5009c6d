# `make demo` and `make test` set themselves up on a fresh machine: Python >= 3.10, no root.
VENV ?= .venv
PYTHON ?= python3
BIN = $(VENV)/bin

# One process a core, each with one thread of torch: more threads would wait for each other.
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 4

.PHONY: demo test test-slow soak bench results docs lint clean

demo: $(VENV)/.installed-demo
	$(BIN)/python -m experiments.demo

test: lint
	$(PYTEST)

test-slow: $(VENV)/.installed-dev
	$(PYTEST) -m slow

soak: $(VENV)/.installed-dev  # damaged inputs and kills at random moments, about an hour
	MGF_SOAK=1 $(PYTEST) tests/faults -m "slow or not slow"

bench: $(VENV)/.installed-bench
	$(BIN)/python -m benchmarks.step --shape small --rounds 3
	$(BIN)/python -m benchmarks.step --shape base --rounds 3
	$(BIN)/python -m benchmarks.profile --front_end logmel
	$(BIN)/python -m benchmarks.profile --front_end waveform
	$(BIN)/python -m benchmarks.contrastive
	$(BIN)/python -m benchmarks.attention
	$(BIN)/python -m benchmarks.kmeans
	$(BIN)/python -m benchmarks.dino
	$(BIN)/python -m benchmarks.data
	$(BIN)/python -m benchmarks.metrics
	$(BIN)/python -m benchmarks.features
	$(BIN)/python -m benchmarks.cache

results: $(VENV)/.installed-dev  # RESULTS.md and tables of other pages, of docs/results.csv
	$(BIN)/python -m experiments.results

docs: $(VENV)/.installed-docs  # the site, build/docs/index.html; warnings are errors
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs build/docs

lint: $(VENV)/.installed-dev
	$(BIN)/python -m ruff check .
	$(BIN)/python -m yamllint --strict .
	$(BIN)/lint-imports
	$(BIN)/basedpyright --pythonpath $(BIN)/python

clean:  # the virtual environment stays
	rm -rf build dist *.egg-info .pytest_cache .ruff_cache

# The virtual environment is used again for as long as setup.py and constraints.txt stand still.
define install
test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
$(BIN)/pip install -c constraints.txt -e ".[$(1)]"
endef

$(VENV)/.installed-demo: setup.py constraints.txt
	$(call install,demo)
	touch $@

$(VENV)/.installed-dev: setup.py constraints.txt
	$(call install,all)
	touch $(VENV)/.installed-demo $@

$(VENV)/.installed-bench: setup.py constraints.txt
	$(call install,bench)
	touch $@

$(VENV)/.installed-docs: setup.py constraints.txt
	$(call install,docs)
	touch $@
