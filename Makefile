# What a newcomer needs is make and Python >= 3.11; everything else comes from the lock file.

.DEFAULT_GOAL := help
.PHONY: help run demo test faults check bench format install lock clean
.DELETE_ON_ERROR:

PYTEST := .venv/bin/python -m pytest
STAMP := .venv/installed

help: ## these lines
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 20

run: $(STAMP) ## start Kafka, PostgreSQL and the services on this machine
	@exec .venv/bin/python -m services

demo: $(STAMP) ## post 69,659 real purchases and look at what became of them
	@exec .venv/bin/rapport demo

test: $(STAMP) ## all tests, on the real Kafka and PostgreSQL (ARGS="-k word" for some)
	@$(PYTEST) -n 2 --dist loadfile -m "not slow" $(ARGS)

faults: $(STAMP) ## kill, stall and starve a running system, then count (ARGS="--scale 0.1")
	@$(PYTEST) -q -m slow --timeout 1800
	@HISTORIES=2000 $(PYTEST) -q --timeout 3600 tests/profile/test_rebuilt_equals_live.py
	@exec .venv/bin/python -m tests.faults $(ARGS)

check: $(STAMP) ## format, lint, types, imports, OpenAPI, tests: the same as CI
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@.venv/bin/rapport openapi --check
	@$(MAKE) --no-print-directory test

bench: $(STAMP) ## speed, as ratios against limits measured in the same run
	@exec .venv/bin/python -m bench $(ARGS)

format: $(STAMP) ## put the code in its form
	@.venv/bin/ruff format .
	@.venv/bin/ruff check --fix .

install: $(STAMP) ## the environment in .venv, with the servers' programs
	@:

COMPILE = uv pip compile -q --universal --generate-hashes --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links pyproject.toml

lock: ## write both lock files anew from pyproject.toml (needs uv)
	@$(COMPILE) --upgrade --extra dev -o requirements.lock
	@$(COMPILE) --constraint requirements.lock -o deploy/requirements.lock

clean: ## remove the environment and caches; the data folder .rapport stays
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamp holds the folder's name: an environment that was moved is made anew.
ifneq ($(shell cat $(STAMP) 2>/dev/null),$(CURDIR))
.PHONY: $(STAMP)
endif

$(STAMP): requirements.lock pyproject.toml shared/embedded/kafka_jars.txt deploy/environment.sh
	@sh deploy/environment.sh
