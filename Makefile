# `make demo` and `make test` do all set-up themselves.
EXPERIMENT ?= projection/digits
JOBS ?= 2
BIN = .venv/bin
IMPORTED = lightning.pytorch.cli, matplotlib.figure, skimage.metrics, sklearn.datasets, torchmetrics, torchvision, wandb

setup: .venv/ready

.venv/ready: requirements.lock pyproject.toml
	test -x $(BIN)/python || uv venv --seed .venv || python3 -m venv .venv
	$(BIN)/python -m pip install -q uv || true
	$(BIN)/uv pip install -q --python $(BIN)/python -r requirements.lock || $(BIN)/python -m pip install -q -r requirements.lock
	$(BIN)/python -m pip install -q --no-deps --no-build-isolation -e .
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -c "import $(IMPORTED)"  # compiled once, imports take a third of the time
	touch $@

demo: setup
	$(BIN)/python -m lightning_cgan.demo

test: setup
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile -m "not slow and not gpu and not slurm"

# Plants known mistakes one after another and runs the tests that should see them; MUTANTS: areas or ids, all when empty
mutants: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.mutants --jobs $(JOBS) $(if $(MUTANTS),--only $(MUTANTS))

lint: setup
	$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

bench: setup
	$(BIN)/python -m benchmarks.speed

rings: setup
	$(BIN)/python -m benchmarks.rings

labels: setup
	$(BIN)/python -m benchmarks.labels

relations: setup
	$(BIN)/python -m benchmarks.relations

readme: setup
	$(BIN)/python -m benchmarks.readme

fit: setup
	$(BIN)/lightning-cgan fit --config experiments/$(EXPERIMENT).yaml

.PHONY: setup demo test mutants lint types bench rings labels relations readme fit
