# One command from a clone: the environment is built if there is none, and again when setup.py has changed.
VENV ?= .venv
PYTHON ?= python3
PYTEST_ARGS ?=

BIN := $(abspath $(VENV))/bin
STAMP := $(VENV)/.usmm-installed

.PHONY: help install demo test check lock clean

help:
	@echo 'make demo    make phantom patients, train both stages of MSMFN in small, test, show where the results are'
	@echo 'make test    run the test suite            (PYTEST_ARGS="tests/evaluation/stats -x" for a part of it)'
	@echo 'make check   style, types and the layers'
	@echo 'make lock    write requirements/ci.lock: versions and SHA-256 sums of this environment'
	@echo 'make install build the environment only    (VENV=.venv, PYTHON=python3)'
	@echo 'make clean   remove build leftovers and caches; the environment and results stay'

install: $(STAMP)

$(STAMP): setup.py
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -e '.[dev]'
	touch $@

demo: $(STAMP)
	$(BIN)/usmm demo

test: $(STAMP)
	# a file at a time on every core; OMP_NUM_THREADS keeps the processes from taking each other's
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile $(PYTEST_ARGS)

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_imports.py

lock: $(STAMP)
	$(BIN)/python proofs/lock.py

clean:
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
	find usmm tools tests proofs -name __pycache__ -type d -prune -exec rm -rf {} +
