# Every target works alone, first, in an empty clone: it makes the environments that it needs.
# Python 3.11, 3.12 or 3.13 is all that must be there (and this make). `make help` lists the targets.

SHELL := /bin/sh
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
ENV ?= staging
NAME ?= shop
DEV := .venvs/dev/bin/python
LOCAL := PYTHONPATH=.:layers/sdk $(DEV)
SAM := .venvs/sam/bin/sam
export PYTHONDONTWRITEBYTECODE := 1
export SAM_CLI_TELEMETRY := 0

# Any Python that runs starts the bootstrap; the bootstrap then finds the best one (REFUNDKIT_PYTHON chooses).
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11 python; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 8))' >/dev/null 2>&1 && echo $$name && break; done)
BOOTSTRAP = @test -n "$(PYTHON)" || { echo "error: no Python was found; install Python 3.11, 3.12 or 3.13" >&2; exit 1; }; \
	$(PYTHON) -m local.bootstrap

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## Run the whole stack on this machine: http://localhost:3000 (Ctrl-C stops it)
	$(BOOTSTRAP) dev ministack sam
	@$(LOCAL) -m local.run

stop: ## Stop the stack that `make run` started
	$(BOOTSTRAP) dev
	@$(LOCAL) -m local.run --stop

demo: ## Tell a story against the running stack, every line checked
	$(BOOTSTRAP) dev
	@$(LOCAL) -m local.demo

org: ## Add an organization to the running stack: make org NAME=shop
	$(BOOTSTRAP) dev
	@$(LOCAL) -m local.org "$(NAME)"

admin: ## Operate the running stack, or one on AWS: make admin ARGS="organizations list" (or "--stack NAME …")
	$(BOOTSTRAP) dev
	@$(DEV) -m local.admin $(ARGS)

logs: ## What the functions of the running stack logged (FOLLOW=1 goes on)
	$(BOOTSTRAP) dev
	@$(DEV) -m local.function_logs $(if $(FOLLOW),--follow)

test: ## All checks and tests, the whole stack included
	$(BOOTSTRAP) dev dev-3.11 ministack sam schemathesis
	@$(DEV) -m local.testing test

check: ## Formatting, linters, types, import rules and the template
	$(BOOTSTRAP) dev sam
	@$(DEV) -m local.testing check

full: ## What `make test` does, and the slow tests
	$(BOOTSTRAP) dev dev-3.11 dev-3.12 ministack sam schemathesis browser
	@$(DEV) -m local.testing full

mutation: ## Change auth, money, policies, risk and errors in one place at a time: the unit tests must notice (ONLY=money)
	$(BOOTSTRAP) mutation
	@.venvs/mutation/bin/python -m local.mutation $(ONLY)

bench: ## Count and measure: start-up, write units, cost
	$(BOOTSTRAP) dev ministack sam
	@$(DEV) -m tests.bench

build: ## Build for Lambda (python3.13, arm64) into .aws-sam/build, and check the layers
	$(BOOTSTRAP) dev sam
	@$(DEV) -m local.release build

deploy: ## Build and deploy to AWS: make deploy ENV=staging (or production)
	$(BOOTSTRAP) dev sam
	@$(DEV) -m local.release deploy "$(ENV)"

openapi: ## Write the API's description anew
	$(BOOTSTRAP) dev
	@PYTHONPATH=.:layers/core:layers/sdk $(DEV) -m local.drift

format: ## Format the sources and apply the linter's safe fixes
	$(BOOTSTRAP) dev
	@$(DEV) -m ruff check --fix-only --quiet . ; $(DEV) -m ruff format --quiet .

lock: ## Compile the pinned, hashed requirements anew (UPGRADE=1 moves the open ones)
	$(BOOTSTRAP) boot
	@$(PYTHON) -m local.lock $(if $(UPGRADE),--upgrade)

clean: stop ## Stop the stack; remove environments, builds and caches
	@rm -rf .venvs .aws-sam .local .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help run stop demo org admin logs test check full mutation bench build deploy openapi format lock clean
