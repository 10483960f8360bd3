# make run    set up and start dreaming: make run ARGS="--source film.mp4"
# make test   set up and pass the checks: lint, types, tests
# make docs   build the site into out/site
# make lint   lint and types alone
# make lint-web, make test-web   those of the pages alone
# make oldest the fast tests with the oldest allowed versions; make oldest PYTHON=python3.13 RESOLUTION=highest

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: run test lint lint-web test-web oldest clean

run: $(VENV)/installed
	$(BIN)/hallucinate $(ARGS)

test: lint test-web
	$(BIN)/python -m pytest -n logical --maxprocesses 4 $(ARGS)

lint: $(VENV)/installed-test lint-web
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

lint-web: node_modules/installed
	npm run --silent lint

test-web: node_modules/installed
	npm test --silent

# The pages themselves are served as they are; npm has only what checks them.
node_modules/installed: package-lock.json
	@command -v npm >/dev/null || { echo 'The checks of the pages need Node.js 18 or newer: sudo apt-get install nodejs npm'; exit 1; }
	npm ci --no-audit --no-fund
	touch $@

oldest:
	.ci/oldest $(PYTHON) $(RESOLUTION)

# "make run" installs what it takes to run; "make test" the tools of the tests beside it.
$(VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --editable .
	@$(BIN)/python -c 'import cv2' || { echo 'OpenCV needs two libraries: sudo apt-get install libgl1 libglib2.0-0'; exit 1; }
	touch $@

# The site, without network and with warnings as errors; open out/site/index.html.
.PHONY: docs
docs: $(VENV)/installed-docs
	$(BIN)/mkdocs build --strict

$(VENV)/installed-docs: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --editable '.[docs]'
	touch $@ $(VENV)/installed

$(VENV)/installed-test: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --editable '.[test]'
	touch $@ $(VENV)/installed

clean:
	rm -rf $(VENV) node_modules dist build
