# Two commands are enough: `make train` and `make test`. Both install what is missing first, in seconds when nothing is.
# `make check` is for whoever changes the code: lint, types and a fast test of every room, before each commit.
# Settings: PYTHON (3.11 to 3.13; if not given, the first one found, else the one that apt has), MINUTES, SEED, RUN,
# DATA_DIR, and ARGS for anything else that `impasto train` takes.
SHELL := /bin/bash
PYTHON ?=
VENV := .venv
BIN := $(VENV)/bin
MINUTES ?= 15
SEED ?= 0
RUN ?=
DATA_DIR ?= $(wildcard ../shared/data)
ARGS ?=
DATA := $(if $(DATA_DIR),--data-dir $(DATA_DIR))

.PHONY: train test test-slow check quick faults soak fuzz bench lint install clean

train: install
	$(BIN)/impasto train mnist --preset laptop --minutes $(MINUTES) --seed $(SEED) $(if $(RUN),--run $(RUN)) $(DATA) $(ARGS)

test: install
	$(BIN)/python -m pytest -q

test-slow: install
	$(BIN)/python -m pytest -q -m slow

check: install
	$(MAKE) --no-print-directory --jobs 2 --output-sync lint quick

quick: install
	$(BIN)/python -m pytest -q @tests/quick.txt

faults: install
	$(BIN)/python -m tests.faults --out docs/reliability.md --log docs/faults.jsonl $(ARGS)

soak: install
	$(BIN)/python -m tests.faults.soak --out docs/reliability.md $(ARGS)

fuzz: install
	$(BIN)/python -m tests.fuzz --out docs/reliability.md $(ARGS)

bench: install
	$(BIN)/impasto bench $(DATA) $(ARGS)

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt $(shell find pymypaint -name build -prune -o \( -name '*.cpp' -o -name '*.h' -o -name '*.py' -o -name '*.pyi' -o -name '*.txt' -o -name '*.cmake' -o -name '*.toml' \) -print)
	deploy/install.sh "$(PYTHON)" "$(VENV)"
	touch $@

clean:
	rm -rf $(VENV) build pymypaint/build
