# The two commands of the README are `make demo` and `make test`; all others serve them.
INPUT ?=
TOPIC ?=
BUNDLE ?=
ADAPTER ?=
PYTHON := .venv/bin/python

.PHONY: help setup demo quickstart adapt test lint format bench clean
.DEFAULT_GOAL := help

help: ## Show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: ## Make .venv with everything (ROS_DISTRO=kilted for the other ROS 2 wheels)
	@scripts/setup dev

demo: ## A simulated drive through the node over DDS, masks against truth; or INPUT=bag, video or folder (TOPIC= of a bag); BUNDLE= and ADAPTER= of another model
	@scripts/setup runtime
	@$(PYTHON) -m seg_node.demo $(if $(INPUT),"$(INPUT)") $(if $(TOPIC),--topic "$(TOPIC)") \
		$(if $(BUNDLE),--bundle "$(BUNDLE)") $(if $(ADAPTER),--adapter "$(ADAPTER)")

quickstart: ## Draw roads, train a tiny lane net on them and make a bundle of it, in minutes
	@scripts/setup dev
	@scripts/quickstart

adapt: ## Adapt the quickstart's bundle to the night, from 20 pictures
	@scripts/setup dev
	@scripts/quickstart_adapt

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
