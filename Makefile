# Two commands do everything: `make run` (the demo) and `make test`. Both install only
# into this checkout; `APT=1 make test`, as root on Debian, also what tests want of the
# system.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help run test soak bench check format clean

help:
	@echo "make run    the demo: a directory, a name server, two clusters, sample apps"
	@echo "            (its options are given as DEMO='--data DIR'; DEMO=--tour tells all)"
	@echo "make test   linters, types, import contracts and every test"
	@echo "make soak   the tests that can go on for ever, EFFORT=20 times as far"
	@echo "make bench  what a query and a request cost, beside the peers that are installed"
	@echo "            (APT=1, as root on Debian: installs them)"
	@echo "make format let ruff format the code"
	@echo "make clean  remove what was installed (not the demo's data)"

run: $(VENV)/.run
	@exec $(BIN)/domicile demo --end-with-parent $(DEMO)

test: $(VENV)/.test
	@bash scripts/test

soak: $(VENV)/.test
	@bash scripts/soak

bench: $(VENV)/.run
	@bash scripts/bench

check: $(VENV)/.test
	@bash scripts/check

format: $(VENV)/.test
	$(BIN)/ruff format . && $(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) build *.egg-info src/*.egg-info

$(VENV)/.python:
	@command -v $(PYTHON) >/dev/null || { echo \
	    "Domicile needs Python 3.11 or newer, and there is no $(PYTHON): install it, or say make PYTHON=..." >&2; exit 1; }
	@$(PYTHON) scripts/make_environment.py $(VENV)
	@touch $@

$(VENV)/.run: $(VENV)/.python pyproject.toml requirements/pins.txt
	@echo "installing Domicile into $(VENV) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check -c requirements/pins.txt -e .
	@touch $@

$(VENV)/.test: $(VENV)/.run requirements/test.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check -c requirements/pins.txt -r requirements/test.txt
	@touch $@
