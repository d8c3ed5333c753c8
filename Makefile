# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Every target works in a fresh clone, in a directory of any name, and makes the virtual environment it needs.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Ansible insists on a UTF-8 locale, and a bare Debian sets none.
ifeq ($(shell uname -s),Linux)
export LC_ALL := C.UTF-8
endif
export PYTHONDONTWRITEBYTECODE := 1
# What a caller's shell says about Python and Ansible must not reach the targets.
unexport PYTHONPATH PYTHONHOME ANSIBLE_CONFIG VIRTUAL_ENV

python := .venv/bin/python
# Tests run in this many processes.
PYTEST_WORKERS ?= 2
PYTEST_ARGS ?=
CHANGELOG_ARGS ?= generate

# Tools that look for a collection find this checkout below .build/c, whatever the checkout is called.
in_checkout = PATH="$(CURDIR)/.venv/bin:$$PATH" PYTHONPATH="$(CURDIR)/.build/c" ANSIBLE_COLLECTIONS_PATH="$(CURDIR)/.build/c"
# Every worker compiles all tests and rewrites their assertions, unless what came of it is kept, which costs nothing beside the sources.
pytest = $(in_checkout) PYTHONDONTWRITEBYTECODE= PYTHONPYCACHEPREFIX="$(CURDIR)/.build/pycache" $(python) -m pytest \
  -n $(PYTEST_WORKERS) --dist loadscope --no-loadscope-reorder --durations=15

.PHONY: help setup test test-unit test-long fault-kinds lint sanity bench demo changelog clean

help:  ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

setup:  ## Make the development virtual environment and the collection layout
	@tools/venv.sh .venv requirements-dev.txt
	@mkdir -p .build/c/ansible_collections/appban
	@[ "$$(readlink .build/c/ansible_collections/appban/endpoint)" = ../../../.. ] \
	  || ln -sfn ../../../.. .build/c/ansible_collections/appban/endpoint

test: setup  ## Run all tests but those of test-long (PYTEST_ARGS='-k name' and PYTEST_WORKERS=N are passed on)
	@tools/lab_tools.sh
	@tools/nano_servers.sh $$([ "$${CI:-}" = true ] || echo --optional)
	@$(pytest) -m 'not long' $(PYTEST_ARGS)

test-unit: setup  ## Run the quick ones of tests/unit, without lab hosts and whole servers: a minute, for the loop at the desk
	@$(pytest) -m 'not long and not heavy' tests/unit $(PYTEST_ARGS)

test-long: setup  ## Run what is slow by nature: random campaigns, hosts' faults, vendors' traps, a kill at every write, upgrades, old and new ansible-core
	@tools/lab_tools.sh
	@tools/nano_servers.sh $$([ "$${CI:-}" = true ] || echo --optional)
	@$(pytest) -m long $(PYTEST_ARGS)

fault-kinds: setup  ## List the kinds of fault, the tests that hold them and the commits in which those failed
	@$(in_checkout) $(python) -m tests.faults

lint: setup  ## Run the linters, the type checker and the release checks
	@tools/venv.sh .build/venv-lint requirements-lint.txt
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then tools/debian_packages.sh shellcheck || true; fi
	@$(in_checkout) $(python) tools/lint.py $(LINT_ARGS)

sanity: setup  ## Run ansible-test sanity with every ansible-core from 2.16 on (SANITY_ARGS=--cores=2.16,2.22 for some)
	@$(in_checkout) $(python) tools/sanity.py $(SANITY_ARGS)

bench: setup  ## Measure; writes .build/bench.json (BENCH_ARGS=--quick for the quick half)
	@tools/lab_tools.sh
	@$(in_checkout) $(python) -m tests.benchmarks.run $(BENCH_ARGS)

demo: setup  ## Show a ban from policy to evidence in simulated and real MDM servers and on throwaway hosts
	@tools/lab_tools.sh
	@$(in_checkout) $(python) -m tests.lab.demo $(DEMO_ARGS)

changelog: setup  ## Make a release's changelog from the fragments (CHANGELOG_ARGS=release)
	@tools/venv.sh .build/venv-lint requirements-lint.txt
	@tools/changelog.sh $(CHANGELOG_ARGS)

clean:  ## Remove what the targets have generated
	@rm -rf .venv .build .pytest_cache .mypy_cache .ruff_cache .hypothesis tests/output
