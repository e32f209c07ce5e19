# Every target sets up what it needs; nothing but Python >= 3.11 and make is assumed.
PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
STAMP   = $(VENV)/.ready

.PHONY: demo test test-long check bench bench-large docs mutate format clean shells

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

# how many processes run the tests: a number, or `auto` for one a core
WORKERS ?= auto

# zsh and fish where the machine lets us install them; a test that misses one skips and says so
shells:
	sh tests/shells/install.sh

demo: $(STAMP)
	$(BIN)/python tests/demo.py

test: $(STAMP) shells
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m 'not long'

# (with each hx as a process that is started anew: see tests/cli/forks.py)
test-long: $(STAMP) shells
	HX_TESTS_START=anew $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --hypothesis-profile=long

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q -m 'not long' tests/docs

bench: $(STAMP)
	$(BIN)/python bench/run.py

bench-large: $(STAMP)
	$(BIN)/python bench/large.py

# which faults in a module its tests do not notice: make mutate FILE=src/hx/... [TESTS="tests/..."]
mutate: $(STAMP)
	$(BIN)/python tests/mutate.py $(FILE) $(TESTS)

docs: $(STAMP)
	$(BIN)/python tests/docs/generate.py

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
