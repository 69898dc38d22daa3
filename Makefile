# Two commands do everything: `make run` (the demo) and `make test`. Both install only
# into this checkout; `APT=1 make test`, as root on Debian, also what tests want of the
# system.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP = $(BIN)/pip install --quiet --disable-pip-version-check -c requirements/pins.txt

# What is compiled, where there is a C compiler: what has a .pxd beside it.
DECLARED := $(wildcard src/domicile/*/*.pxd)
HOT := $(DECLARED) $(DECLARED:.pxd=.py) $(wildcard src/domicile/*/*.pyx)

.DEFAULT_GOAL := help
.PHONY: help run test soak bench compile check format clean

help:
	@echo "make run    the demo: a directory, a name server, two clusters, sample apps"
	@echo "            (its options are given as DEMO='--data DIR'; DEMO=--tour tells all)"
	@echo "make test   linters, types, import contracts and every test"
	@echo "make soak   the tests that can go on for ever, EFFORT=20 times as far"
	@echo "make bench  what a query and a request cost, beside the peers that are installed"
	@echo "            (APT=1, as root on Debian: installs them)"
	@echo "make compile  what is compiled anew; DOMICILE_COMPILE=require|auto|off says how"
	@echo "make format let ruff format the code"
	@echo "make clean  remove what was installed (not the demo's data)"

run: $(VENV)/.compiled
	@exec $(BIN)/domicile demo --end-with-parent $(DEMO)

test: $(VENV)/.test
	@bash scripts/test

soak: $(VENV)/.test
	@bash scripts/soak

bench: $(VENV)/.compiled
	@bash scripts/bench

compile: $(VENV)/.run
	@bash scripts/compile

check: $(VENV)/.test
	@bash scripts/check

format: $(VENV)/.test
	$(BIN)/ruff format . && $(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) build *.egg-info src/*.egg-info
	find src -name '*.so' -delete -o -name compiled.sha256 -delete

$(VENV)/.python:
	@command -v $(PYTHON) >/dev/null || { echo \
	    "Domicile needs Python 3.11 or newer, and there is no $(PYTHON): install it, or say make PYTHON=..." >&2; exit 1; }
	@$(PYTHON) scripts/make_environment.py $(VENV)
	@touch $@

$(VENV)/.run: $(VENV)/.python pyproject.toml requirements/pins.txt requirements/build.txt
	@echo "installing Domicile into $(VENV) ..."
	@$(PIP) -r requirements/build.txt
	@DOMICILE_COMPILE=off $(PIP) --no-build-isolation -e .
	@touch $@

$(VENV)/.compiled: $(VENV)/.run setup.py $(HOT)
	@bash scripts/compile
	@touch $@

$(VENV)/.test: $(VENV)/.compiled requirements/test.txt
	@$(PIP) -r requirements/test.txt
	@touch $@
