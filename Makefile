# Two commands matter: `make demo` and `make test`. Both set everything up first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: setup demo test unit simulations lint integration clean

setup: $(READY)

$(READY): pyproject.toml constraints.txt scripts/setup.sh
	@PYTHON="$(PYTHON)" scripts/setup.sh $(VENV)

demo: $(READY)
	@scripts/demo.sh

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

unit: $(READY)
	$(BIN)/python -m pytest -n 2 -m "not simulation" tests/unit

# Verdicts on thousands of simulated comparisons: error rates and power.
simulations: $(READY)
	$(BIN)/python -m pytest -n 2 -m simulation tests/unit

# Fleets take ports and namespaces of the whole machine: one test at a time.
integration: $(READY)
	$(BIN)/python -m pytest -n 2 --dist loadfile tests/integration \
	    --ignore-glob='*/test_fleet*' --ignore-glob='*/test_node*'
	$(BIN)/python -m pytest tests/integration/test_fleet*.py tests/integration/test_node*.py

test: lint unit simulations integration

clean:
	rm -rf $(VENV) herd-data
