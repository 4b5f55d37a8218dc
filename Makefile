# Two commands matter: `make run` and `make test`. `make help` lists the rest.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
# Test files run side by side; most of a test is one thread of a small model.
PYTEST ?= -n 2 --dist loadfile
# For machines without an NVIDIA GPU: `make setup TORCH_INDEX=<PyTorch's CPU wheel index>` avoids the CUDA libraries.
INDEX  := $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))

.PHONY: help setup run test check lint browser bench clean

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 10

setup: $(VENV)/.app  ## make the environment and install what the app needs

run: setup  ## start the app (options: make run ARGS="--port 8000")
	@$(BIN)/python app.py $(ARGS)

test: $(VENV)/.dev browser  ## lint, types and every test, the browser's included
	@$(MAKE) --no-print-directory lint
	$(BIN)/python -m pytest -q $(PYTEST)

check: $(VENV)/.dev  ## the quick part: lint, types, and the tests that take seconds
	@$(MAKE) --no-print-directory lint
	$(BIN)/python -m pytest -q $(PYTEST) -m "not slow and not browser"

lint: $(VENV)/.dev
	$(BIN)/ruff check -q .
	$(BIN)/ruff format -q --check .
	$(BIN)/mypy app.py front llm rag training

bench: $(VENV)/.dev  ## the measurements behind docs/benchmarks.md
	$(BIN)/python -m benchmarks

browser:  ## Chromium for the tests of the page, from Debian's packages where that is possible
	@sh tests/browser.sh

clean:  ## remove the environment (never the data)
	rm -rf $(VENV)

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.app: requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install -q --disable-pip-version-check $(INDEX) -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.app
	$(BIN)/python -m pip install -q --disable-pip-version-check $(INDEX) -r requirements-dev.txt
	@touch $@
