# `make help` lists what there is. Everything runs in .venv, made on first use.

PYTHON ?= python3
DESIGN ?= digits-lstm-ternary
FAMILY ?= lstm
FRAMES ?=
BOARD ?= icebreaker
PDK ?=

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# One thread per process: tests and simulations run side by side, and floats add up in one order.
export OMP_NUM_THREADS := 1
# The same Verilog, byte for byte, on every run.
export PYTHONHASHSEED := 0
# A path of another project must not shadow sim/, hdl/ or golden/.
unexport PYTHONPATH PYTHONHOME

.DEFAULT_GOAL := help
.PHONY: help sim test regress verilog train wave bench fpga asic lint clean

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*##  */\1\t/p' $(MAKEFILE_LIST) | expand -t 10

sim: $(STAMP)  ## the main job: trained networks to Verilog, run on real data, equal to golden
	@$(BIN)/ternstone sim --all $(if $(FRAMES),--frames $(FRAMES))

test: lint  ## lint and the tests, without the slow tier
	@$(BIN)/pytest -q -n 2 -m "not slow" --hypothesis-profile=fixed

regress: $(STAMP)  ## the slow tier: whole data sets, and random designs that no run has seen yet
	@$(BIN)/pytest -q -n 2 -m "slow or hypothesis" --hypothesis-profile=new

verilog: $(STAMP)  ## Verilog of every ready design, in build/
	@$(BIN)/ternstone generate --all

train: $(STAMP)  ## train DESIGN=digits-lstm-ternary anew, into models/
	@$(BIN)/ternstone train $(DESIGN)

wave: $(STAMP)  ## one frame of DESIGN=digits-lstm-ternary with its waveform
	@$(BIN)/ternstone sim $(DESIGN) --frames 1 --wave

bench: $(VENV)/.synth  ## headline figures of FAMILY=lstm, measured
	@$(BIN)/ternstone bench $(FAMILY)

fpga: $(VENV)/.fpga  ## a bitstream of DESIGN=digits-lstm-ternary for BOARD=icebreaker
	@$(BIN)/ternstone fpga $(DESIGN) --board $(BOARD)

asic: $(VENV)/.synth  ## area and timing of DESIGN=digits-lstm-ternary in cells of PDK, or of a kit that is there
	@$(BIN)/ternstone asic $(DESIGN) $(if $(PDK),--pdk $(PDK))

lint: $(STAMP)  ## style, types, and which room may import which
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@PYTHONPATH=. $(BIN)/lint-imports --no-logo

clean:  ## remove what was built, but for .venv
	rm -rf build *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis .import_linter_cache

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	    echo 'error: Python must be 3.11 or newer, not "$(PYTHON)"' \
	         '(name another: make PYTHON=python3.11)' >&2; exit 2; }
	@echo 'Setting up $(VENV) (once; some minutes of downloads) ...' >&2
	@$(PYTHON) -m venv $(VENV) || { \
	    echo 'error: python3 -m venv failed (Debian, Ubuntu: apt install python3-venv)' >&2; exit 2; }
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

$(VENV)/.synth $(VENV)/.fpga: $(VENV)/.%: $(STAMP)
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[$*]'
	@touch $@
