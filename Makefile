# The entry points. Everything is installed into .venv from requirements.txt, all of it pinned.
# On Linux with a GPU-less machine, PIP_EXTRA_INDEX_URL can name PyTorch's index of CPU builds: a smaller download.
PYTHON ?= python3
PORT ?= 5000
REV ?= HEAD
SHARED ?= mlflow/shared
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(value PATH)
# The names that a user gives (files, runs, revisions, addresses) are data: their text reaches a recipe through the
# environment, as "$$CSV", and neither make nor the shell interprets a $(…), a quote or a blank in it.
NAMES := CSV PORT PRESET REV REVS RUN RUNS SHARED MLFLOW_TRACKING_URI
define as_written
ifeq ($(origin $1),command line)
override $1 := $$(value $1)
export $1
endif
endef
$(foreach name,$(NAMES),$(eval $(call as_written,$(name))))
export PORT REV SHARED
STORE = "$${MLFLOW_TRACKING_URI:-sqlite:///$$PWD/mlflow/mlflow.db}"
export MLFLOW_DISABLE_TELEMETRY := true
export DO_NOT_TRACK := true
export DVC_NO_ANALYTICS := true

.PHONY: help install repro quick preset textbook check test test-lines benchmark coverage peers small-data shampoo lint dag format sync reproduce diff promote forecast export serve ui \
	server lock clean clean-store clean-cache

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

install: .venv/installed ## install the pinned packages into .venv

.venv/installed: requirements.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

repro: install ## run the whole pipeline (what is up to date is not run again)
	@python -m stages.check params.yaml
	dvc repro
	@python -m stages.report.headline data/report

quick: install ## a study of seconds in a temporary copy; leaves this folder as it is
	python -m benchmarks.quick

preset: install ## run a preset's studies as experiments, and print what they came to (PRESET=presets/etth1.yaml)
	@test -n "$$PRESET" || { echo 'name a preset: make preset PRESET=presets/etth1.yaml' >&2; exit 2; }
	python -m stages.presets --forecasters data/report/forecasters.csv -- "$$PRESET"

textbook: install ## L2 of a textbook's listing: on the predictions, as written, and on the weights, as meant
	python -m benchmarks.textbook

coverage: install ## how often the intervals of a verdict hold the truth, by simulation
	python -m benchmarks.coverage

# Two test files at a time, since most tests wait for a process that they started; in the order of their names, since
# in the order of their numbers of tests the longest would run last.
PYTEST := python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

check: lint ## check style, formatting and types, and run the quick tests of what has changed
	@tests=$$(python -m tests.support.changed) && python -m pytest -n 2 -q -m "not slow" $$tests || \
		test $$? = 5  # all of them are slow

test: install ## run the tests
	$(PYTEST)

test-lines: install ## run the tests and report which lines of the stages they run (takes half as long again)
	$(PYTEST) --cov --cov-report=term:skip-covered

benchmark: install ## measure the trainer against torch's modules (half an hour); writes benchmarks/results
	python -m benchmarks.trainer

peers: install .venv-peers/installed ## this pipeline's GRU and LSTM and neuralforecast's, on the same windows
	python -m benchmarks.peers

.venv-peers/installed: pyproject.toml
	test -x .venv-peers/bin/python || $(PYTHON) -m venv .venv-peers
	$(PYTHON) -c "import tomllib; p = tomllib.load(open('pyproject.toml', 'rb'))['project']; print(*p['optional-dependencies']['peers'], sep='\n')" > .venv-peers/direct
	.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check -r .venv-peers/direct
	touch $@

small-data: install ## what the chosen λ gains over λ = 0 where 10, 30 and 100 % of the training part are there
	python -m benchmarks.small_data

shampoo: install ## a published study of L2 on an LSTM, run from params alone (two minutes)
	python -m benchmarks.shampoo

lint: install ## check style, formatting and types
	ruff check .
	ruff format --check .
	mypy

dag: install ## write into dvc.yaml which code each stage uses, as its imports say
	python -m tests.support.dag

format: install ## format the code
	ruff check --fix .
	ruff format .

sync: install ## log to MLflow what files, commits and experiments have and it lacks (REVS="…": these alone)
	set -f; python -m stages.tracking sync -- $$REVS

reproduce: install ## rerun a run's study from scratch and compare (RUN=<run id, experiment or revision>)
	@test -n "$$RUN" || { echo 'name a run: make reproduce RUN=<run id, experiment or revision>' >&2; exit 2; }
	python -m stages.tracking reproduce -- "$$RUN"

diff: install ## compare studies or members, as a page in tmp/diff (RUNS="a b …": run ids, experiments or revisions)
	@test -n "$$RUNS" || { echo 'name two or more: make diff RUNS="HEAD my-experiment"' >&2; exit 2; }
	set -f; python -m stages.compare -- $$RUNS

promote: install ## register a committed study's chosen model, and make it the champion (REV=HEAD)
	python -m stages.tracking promote -- "$$REV"

forecast: install ## forecast the next steps of the study's series, or of CSV=<unique_id, ds, y>, into tmp/forecast
	python -m stages.serving --model data/report/chosen/model.safetensors --series data/series --out tmp/forecast $${CSV:+"--csv=$$CSV"}

export: install ## write the chosen model as plain torch modules with a loader, into tmp/export
	python -m stages.serving.export --model data/report/chosen/model.safetensors --out tmp/export

serve: install ## answer forecasts over HTTP with the champion, on this machine alone (PORT=5000)
	@MLFLOW_TRACKING_URI=$(STORE) python -m stages.serving.registry.ready
	RIDGELINE_COMPILED="$${RIDGELINE_COMPILED:-$$PWD/.ridgeline/compiled}" MLFLOW_TRACKING_URI=$(STORE) \
		mlflow models serve --model-uri models:/ridgeline@champion --env-manager local --host 127.0.0.1 --port "$$PORT"

ui: install ## serve the MLflow UI on this machine alone (PORT=5000)
	-python -m stages.tracking sync
	@echo "studies:  http://127.0.0.1:$$PORT/#/experiments/1/runs?workflowType=machine_learning&viewStateShareKey=studies&compareRunsMode=CHART"
	@echo "networks: http://127.0.0.1:$$PORT/#/experiments/1/runs?workflowType=machine_learning&viewStateShareKey=members"
	mlflow ui --backend-store-uri $(STORE) --host 127.0.0.1 --port "$$PORT"

server: install ## an MLflow server that several clones share, on this machine alone (PORT=5000; its folder: SHARED)
	mkdir -p -- "$$SHARED"
	cd -- "$$SHARED" && mlflow server --backend-store-uri "sqlite:///$$PWD/mlflow.db" \
		--artifacts-destination "$$PWD/artifacts" --host 127.0.0.1 --port "$$PORT"

lock: ## rebuild requirements.txt from the packages that pyproject.toml names
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
