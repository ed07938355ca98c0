# The two commands of the README are `make demo` and `make test`; all others serve them.
INPUT ?=
TOPIC ?=
PYTHON := .venv/bin/python

.PHONY: help setup demo test lint format bench clean
.DEFAULT_GOAL := help

help: ## Show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

setup: ## Make .venv with everything (ROS_DISTRO=kilted for the other ROS 2 wheels)
	@scripts/setup dev

demo: ## A simulated drive through the node over DDS, masks against truth; or INPUT=bag, video or folder (TOPIC= of a bag)
	@scripts/setup runtime
	@$(PYTHON) -m seg_node.demo $(if $(INPUT),"$(INPUT)") $(if $(TOPIC),--topic "$(TOPIC)")

test: ## Run all tests
	@scripts/setup dev
	@scripts/test

lint: ## Check format, style and types
	@scripts/setup dev
	@scripts/lint

format: ## Mend format and style
	@scripts/setup dev
	@.venv/bin/ruff check --fix -q . ; .venv/bin/ruff format .

bench: ## Measure latency, throughput and memory (several minutes; leave the machine alone)
	@scripts/setup dev
	@$(PYTHON) -m bench all

clean: ## Remove .venv and all that was made
	rm -rf .venv build install log out .pytest_cache .hypothesis .mypy_cache .ruff_cache
