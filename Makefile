# One command from a clone: the environment is built if there is none, and again when setup.py has changed.
VENV ?= .venv
PYTHON ?= python3
PYTEST_ARGS ?=
ROOMS ?= weights,zoo,evaluation,server,engine
RUNS ?= 500
SEED ?= 0

BIN := $(abspath $(VENV))/bin
STAMP := $(VENV)/.usmm-installed
SUPPLY := $(abspath $(VENV))/supply
SUPPLY_STAMP := $(SUPPLY)/.installed

.PHONY: help install demo test check lock sbom audit mutations clean

help:
	@echo 'make demo    make phantom patients, train both stages of MSMFN in small, test, show where the results are'
	@echo 'make test    run the test suite            (PYTEST_ARGS="tests/evaluation/stats -x" for a part of it)'
	@echo 'make check   style, types and the layers'
	@echo 'make lock    write requirements/ci.lock: the versions of this environment with their SHA-256 hashes'
	@echo 'make sbom    write sbom.json, the bill of materials of this environment (CycloneDX), and licences.csv'
	@echo 'make audit   compare the locked versions with ADVISORIES=..., a copy of pypa/advisory-database'
	@echo 'make mutations  change the code in one place at a time: the tests must notice (hours; ROOMS=weights,zoo RUNS=200)'
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

# an environment of their own: these tools must not appear in what they describe
$(SUPPLY_STAMP): $(STAMP)
	test -x $(SUPPLY)/bin/python || $(BIN)/python -m venv $(SUPPLY)
	$(SUPPLY)/bin/python -m pip install 'uv>=0.9' 'cyclonedx-bom>=7'
	touch $@

# --upgrade: else uv keeps the hashes of the old file; the constraints hold the versions
lock: $(SUPPLY_STAMP)
	$(BIN)/python -m pip list --format=freeze --exclude usmm > $(SUPPLY)/installed.txt
	$(SUPPLY)/bin/uv pip compile setup.py --extra dev --generate-hashes --upgrade --no-annotate --quiet --python $(BIN)/python \
		--constraint $(SUPPLY)/installed.txt --custom-compile-command 'make lock' --output-file requirements/ci.lock

sbom: $(SUPPLY_STAMP)
	$(SUPPLY)/bin/cyclonedx-py environment --mc-type library --output-reproducible --output-file sbom.json $(BIN)/python
	$(BIN)/python requirements/licences.py sbom.json licences.csv

audit:
	@test -n '$(ADVISORIES)' || { echo 'make audit needs ADVISORIES=..., a copy of pypa/advisory-database'; exit 2; }
	@$(MAKE) --no-print-directory install
	$(BIN)/python requirements/audit.py requirements/ci.lock '$(ADVISORIES)'

# for a night; ROOMS, RUNS and SEED are the options of the proof
mutations: $(STAMP)
	$(BIN)/python -m pip install -e '.[dev,mutation]'
	$(BIN)/python proofs/prove.py mutations --rooms $(ROOMS) --runs $(RUNS) --seed $(SEED) --processes 2 --out mutations.jsonl

clean:
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
	find usmm tools tests proofs -name __pycache__ -type d -prune -exec rm -rf {} +
