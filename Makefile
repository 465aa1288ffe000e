.PHONY: help run test lint format docs locks kzgrs_test_params clean

help:           ## this list
	@awk -F ':.*## ' '/^[a-z_]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run:            ## the demo on this machine
	scripts/run-examples.sh -t 60 -v 1 -e 1 local

test:           ## every check and test
	scripts/run-tests.sh

lint:           ## style, types and layers only
	scripts/prepare-venv.sh dev
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/lint-imports --no-cache
	.venv/bin/mypy

format:         ## what ruff can put right by itself
	scripts/prepare-venv.sh dev
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

docs:           ## the generated pages of docs/, and the Python API as HTML in .tmp/api-docs
	scripts/prepare-venv.sh dev
	.venv/bin/python scripts/write-reference.py
	.venv/bin/python scripts/build-api-docs.py

locks:          ## resolve the dependencies anew
	scripts/update-locks.sh --upgrade

kzgrs_test_params: ## KZG parameters for tests, where there are none
	scripts/make-kzgrs-test-params.sh

clean:          ## what runs and builds left behind; .venv stays
	rm -rf .tmp dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
