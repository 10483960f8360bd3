# make run    set up and start dreaming: make run ARGS="--source film.mp4"
# make test   set up and pass the checks: lint, types, tests
# make lint   lint and types alone
# make oldest the fast tests with the oldest allowed versions; make oldest PYTHON=python3.13 RESOLUTION=highest

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: run test lint oldest clean

run: $(VENV)/installed
	$(BIN)/hallucinate $(ARGS)

test: lint
	$(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

oldest:
	.ci/oldest $(PYTHON) $(RESOLUTION)

# "make run" installs what it takes to run; "make test" the tools of the tests beside it.
$(VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --editable .
	@$(BIN)/python -c 'import cv2' || { echo 'OpenCV needs two libraries: sudo apt-get install libgl1 libglib2.0-0'; exit 1; }
	touch $@

$(VENV)/installed-test: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --editable '.[test]'
	touch $@ $(VENV)/installed

clean:
	rm -rf $(VENV) dist build
