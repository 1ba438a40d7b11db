# Every target is one line; what it does is in devtools/<verb>.py or ringback/<verb>.py.
PYTHON := $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v $$p; break; }; done)
DEV := .venv/bin/python -m devtools
OPS := .venv/bin/python -m ringback
# Three on two cores: tests of processes wait for them a third of their time.
PYTEST := .venv/bin/python -m pytest -n 3 --dist loadgroup

# A test may start eight services: each would compile Ringback's sources anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup requirements demo live up down test test-fast check rules sim sim-mutants bench chaos chart-cluster \
	drill screenshots schemas audit licences sbom unmaintained image image-test

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' Makefile

setup: ## system packages (apt, when missing), virtual environment, Python packages; quick when nothing changed
	@$(if $(PYTHON),$(PYTHON) -m devtools.setup,echo "Ringback needs Python 3.11 or newer, and none of python3.13, python3.12, python3.11, python3 is. On Debian 12 or Ubuntu 24.04: apt-get install python3 python3-venv" >&2; exit 1)

requirements: setup ## resolve requirements/*.in anew into the hashed *.txt
	@$(DEV) requirements

demo: setup ## a morning at the company, live, with every service a real process (PHONES=asterisk: with SIP phones; FAST=1: short)
	@$(DEV) demo $(if $(FAST),--fast) $(if $(SVG),--svg $(SVG)) $(if $(PHONES),--phones $(PHONES)) $(if $(LISTEN),--listen $(LISTEN))

live: setup ## a company of forty that works all day, on simulated phones, until Ctrl-C
	@$(DEV) live

up: setup ## start the embedded parts and all services on loopback
	@$(OPS) up

down: ## stop what `make up` started
	@$(OPS) down

test: setup ## every test, on three workers (ARGS="tests/unit -k place" for some)
	@$(PYTEST) $(ARGS)

test-fast: setup ## what needs no broker, no database and no simulation: unit, contract and tidy tests
	@$(PYTEST) tests/unit tests/contract tests/tidy -m "not slow" $(ARGS)

check: setup ## ruff, mypy --strict, import-linter, licences, tidiness
	@$(DEV) check

rules: setup ## each rule of docs/rules.md with the tests that prove it
	@$(DEV) rules

sim: export SEEDS ?= 200
sim: setup ## the simulation, 200 seeds (SEEDS=300 SEED_FROM=7000 for others, SEED=42 for one)
	@$(PYTEST) tests/sim $(ARGS)

chaos: setup ## faults on real parts, 20 minutes, into docs/chaos.md (ARGS="--morning asterisk --seed 7" for less)
	@$(DEV) chaos $(ARGS)

chart-cluster: setup ## the chart on a Kubernetes API server of our own (KUBECONFIG=…: on yours; NODE=1: with pods that run)
	@$(DEV) cluster test $(if $(CACHED),--if-cached) $(if $(NODE),--node) $(if $(filter command%,$(origin KUBECONFIG)),--kubeconfig $(KUBECONFIG)) $(ARGS)

drill: setup ## a backup is restored, and a lost Kafka replaced, on real parts: six to twelve minutes
	@.venv/bin/python -m pytest -n 0 -s tests/e2e/drill_disasters.py $(ARGS)

sim-mutants: setup ## plants each known bug in turn and shows the morning that betrays it
	@.venv/bin/python -m tests.sim.run_mutants $(ARGS)

bench: setup ## every figure with its baseline, 25 minutes, into docs/benchmarks.md (ARGS="--only host", ARGS=--quick)
	@$(DEV) bench $(ARGS)

schemas: setup ## what is generated from code: contracts/schemas, pages of docs, new golden samples
	@$(DEV) schemas

audit: setup ## known vulnerabilities of every package (ARGS="--records all.zip" offline, ARGS=--allow-unanswered)
	@$(DEV) audit $(ARGS)

licences: setup ## the licence of every package, refused if not permitted; writes docs/licences.md
	@$(DEV) licences $(ARGS)

sbom: setup ## the bill of materials of production (CycloneDX), into .run/ringback.cdx.json
	@$(DEV) sbom $(ARGS)

unmaintained: setup ## packages without a release for two years, each to be named in docs/decisions
	@$(DEV) unmaintained $(ARGS)

image: setup ## the container image with its bill of materials, into a cache (FRESH=1: every layer anew; BASE=name)
	@$(DEV) image $(if $(FRESH),--fresh) $(if $(BASE),--base $(BASE))

screenshots: setup ## pictures of the console's screens, into docs/console, with axe at 0 in both languages
	@.venv/bin/python -m pytest -n 0 tests/integration/console/walks/screenshots.py $(ARGS)

image-test: image ## every service from the image: read-only root, no capabilities, real parts; size, user, labels, ffmpeg
	@.venv/bin/python -m pytest -n 0 tests/image/proof.py $(ARGS)
