# Everything a newcomer types. `make` alone lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
DATA ?=
ARGS ?=

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(VENV)/.installed  ## .venv with the pinned packages (needs Python, pip and make)

$(VENV)/.installed: requirements.txt pyproject.toml scripts/setup.sh
	@scripts/setup.sh $(VENV)
	@touch $@

$(VENV)/.spark: $(VENV)/.installed requirements-spark.txt
	@echo "setup: Spark, for the tests that hold the engines together (needs Java 17 to run)"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements-spark.txt
	@touch $@

demo: setup  ## a recommender goes stale and gets itself replaced: make demo [DATA=path] [ARGS=--keep]
	@$(BIN)/evergreen demo $(if $(DATA),--data "$(DATA)") $(ARGS)

test: setup $(VENV)/.spark lint  ## lint, types, import contracts and every test (the live ones last, alone)
	@OMP_NUM_THREADS=1 $(BIN)/pytest -m "not live" --numprocesses 3 --dist loadscope --no-loadscope-reorder --durations 15 $(ARGS)  # one of them waits for pods; XGBoost's idle threads would take the others' cores
	@$(BIN)/pytest -m live $(ARGS)

test-quick: setup  ## the unit tests only (no Airflow started)
	@$(BIN)/pytest -m "not live and not airflow and not postgres and not kubernetes" --numprocesses 2 $(ARGS)

lint: setup  ## ruff, mypy strict, import-linter
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports --no-cache

format: setup  ## lets ruff rewrite the sources
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

bench: setup bench-env  ## sketch against scan and peers; a year of judgements; training; a night's validation
	@$(BIN)/python tests/bench/sketch.py $(ARGS)
	@$(BIN)/python tests/bench/judge_year.py
	@$(BIN)/python tests/bench/train.py
	@$(BIN)/python tests/bench/validate.py

bench-decisions: setup bench-env  ## false alarms and delays, ours and peers'; the gate's errors (ARGS=--quick)
	@$(BIN)/python tests/bench/decisions.py $(ARGS)
	@$(BIN)/python tests/bench/gate.py $(if $(findstring --quick,$(ARGS)),--quick)

bench-gate: setup  ## how often the gate promotes noise, finds 3 %, and holds a bad slice (ARGS=--quick)
	@$(BIN)/python tests/bench/gate.py $(ARGS)

bench-refreshed: setup  ## alarms about a champion refreshed daily on half a year of sales: [DATA=path]
	@$(BIN)/python tests/bench/refreshed.py $(if $(DATA),--data "$(DATA)") $(ARGS)

bench-backtest: setup  ## five policies of retraining on half a year of sales, and the curve: [DATA=path]
	@$(BIN)/python tests/bench/backtest.py $(if $(DATA),--data "$(DATA)") $(ARGS)

bench-train: setup  ## memory and time of training, on disk and in memory (ARGS=--quick)
	@$(BIN)/python tests/bench/train.py $(ARGS)

bench-validate: setup  ## a night's validation against plain Great Expectations (ARGS="--rows 100000")
	@$(BIN)/python tests/bench/validate.py $(ARGS)

bench-panel: setup  ## how long the panel's data takes: 100 models x 30 days (ARGS="--models 200")
	@$(BIN)/python tests/bench/panel.py $(ARGS)

bench-env: setup
	@scripts/bench_env.sh

bench-loop: setup  ## stale against daily refreshed on half a year of sales: make bench-loop [DATA=path]
	@$(BIN)/python tests/bench/loop.py $(if $(DATA),--data "$(DATA)") $(ARGS)

requirements: setup  ## compile requirements.txt from pyproject.toml again
	@$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.12 --no-annotate --no-emit-index-url --quiet -o requirements.txt --custom-compile-command "make requirements"

images: setup  ## build the trainer's image and Airflow's with docker or podman: [ENGINE=podman] [ARGS=--help]
	@scripts/images.sh $(ARGS)

PIN = $(BIN)/uv pip compile --constraints requirements.txt --universal --python-version 3.12 --no-annotate --no-emit-index-url --quiet --custom-compile-command "make trainer-requirements"
trainer-requirements: setup  ## compile the images' pins again, to the versions of requirements.txt
	@$(PIN) docker/trainer/requirements.in -o docker/trainer/requirements.txt
	@xgboost=$$(sed -n 's/^xgboost-cpu==/xgboost==/p' requirements.txt) && sed "s/^xgboost-cpu$$/$$xgboost/" docker/trainer/requirements.in | $(PIN) - -o docker/trainer/requirements-gpu.txt
	@$(PIN) docker/mlflow/requirements.in -o docker/mlflow/requirements.txt
	@$(PIN) pyproject.toml -o docker/airflow/requirements.txt

docs: setup  ## write docs/reference/ and DAGS.md from the code again
	@$(BIN)/python scripts/generate_docs.py

clean:  ## remove the environment and all state
	@rm -rf $(VENV) .evergreen demo

.PHONY: help setup demo test test-quick lint format bench bench-decisions bench-gate bench-refreshed bench-env bench-loop bench-backtest bench-panel bench-train bench-validate requirements images trainer-requirements docs clean
