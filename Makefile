# The ways in. Everything is installed into .venv from requirements.txt, all of it pinned.
# On Linux with a GPU-less machine, PIP_EXTRA_INDEX_URL can name PyTorch's index of CPU builds: a smaller download.
PYTHON ?= python3
PORT ?= 5000
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export MLFLOW_DISABLE_TELEMETRY := true
export DO_NOT_TRACK := true
export DVC_NO_ANALYTICS := true

.PHONY: help install repro quick coverage textbook test lint format ui lock clean clean-store clean-cache

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

install: .venv/installed ## install the pinned packages into .venv

.venv/installed: requirements.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

repro: install ## run the whole pipeline (what is up to date is not run again)
	dvc repro

quick: install ## a study of seconds in a temporary copy; leaves this folder as it is
	python -m benchmarks.quick

coverage: install ## how often the intervals of a verdict hold the truth, by simulation
	python -m benchmarks.coverage

textbook: install ## L2 of a textbook's listing: on the predictions, as written, and on the weights, as meant
	python -m benchmarks.textbook

test: install ## run the tests, with coverage
	python -m pytest --cov --cov-report=term:skip-covered

lint: install ## check style, formatting and types
	ruff check .
	ruff format --check .
	mypy

format: install ## format the code
	ruff check --fix .
	ruff format .

ui: install ## serve the MLflow UI on this machine alone (PORT=5000)
	python -m stages.tracking flush
	mlflow ui --backend-store-uri sqlite:///$(CURDIR)/mlflow/mlflow.db --host 127.0.0.1 --port $(PORT)

lock: ## make requirements.txt anew from the packages that pyproject.toml names
	rm -rf .venv/lock && $(PYTHON) -m venv .venv/lock
	$(PYTHON) -c "import tomllib; p = tomllib.load(open('pyproject.toml', 'rb'))['project']; print(*p['dependencies'], *p['optional-dependencies']['dev'], sep='\n')" > .venv/direct
	.venv/lock/bin/python -m pip install --quiet -r .venv/direct
	{ head -2 requirements.txt; .venv/lock/bin/python -m pip freeze | sed 's/+cpu//'; } > .venv/locked
	mv .venv/locked requirements.txt && rm -rf .venv/lock

clean: ## remove what tests and linters leave behind
	rm -rf .pytest_cache .ruff_cache .mypy_cache .hypothesis .coverage htmlcov
	find stages tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

clean-store: ## empty the member store and the compiled kernels; always safe
	rm -rf .ridgeline

clean-cache: install ## remove from DVC's cache what neither the workspace nor a commit or experiment names
	dvc gc --all-commits --all-experiments --force
