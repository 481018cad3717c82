# `make` alone lists the verbs. Every verb sets up by itself; nothing else has to be installed.

VENV := .venv
STAMP := $(VENV)/.ready
PY := $(VENV)/bin/python
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c '$(NEW_ENOUGH)' 2>/dev/null && { echo $$p; break; }; done)

T ?= tests
N ?= 2
# What stands on the command line, by name: a slip like DRYRUN=1 is refused (shared/ops/typed.py).
TYPED = $(strip $(foreach one,$(.VARIABLES),$(if $(filter command,$(origin $(one))),$(one))))
OPS = MAKE_TYPED="$(TYPED)" exec $(PY) -m shared.ops
# $(call told,NAME,--name): --name with what the command line says. It travels in the environment, so that
# the shell reads no quotes and no breaks of it; NAME or EMAIL of somebody's own environment are not meant.
told = $(and $(filter command,$(origin $1)),$($1),$2 "$$$1")
said = $(and $(filter command,$(origin $1)),$(filter-out 0 no false,$($1)),$2)

.DEFAULT_GOAL := help
.PHONY: help setup version simulate demo up test lint audit check format sandbox bench bench-claims chaos migrate backfill closing \
	backup restore restored psql rotate-keys accept-keys token staff erase-customer doctor image sbom render rehearse schema \
	refresh-tables lock

help: ## List the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## Set up .venv; every other verb does so when needed

# The stamp comes last and a half-made folder is cleared, so an interrupted set-up is repeated.
$(STAMP): requirements/dev.txt
	@test -n "$(PYTHON)" || { \
		echo "Notaponte needs Python 3.11 or newer; name one: make setup PYTHON=python3.12" >&2; \
		exit 1; }
	@test ! -L $(VENV) || { \
		echo "$(VENV) is a link: what it leads to may be others', and is not set up from here." >&2; \
		exit 1; }
	@echo "Setting up $(VENV); this takes about half a minute." >&2
	@$(PYTHON) -m venv --clear $(VENV)
	@$(PY) -m pip install -qq --require-hashes --no-deps --no-compile \
		--disable-pip-version-check -r requirements/dev.txt
	@touch $@

version: $(STAMP) ## Which version and commit this is
	@$(OPS) version

demo: $(STAMP) ## A month of sales on this machine, and the closing that proves it (KEEP=1 stays)
	@exec $(PY) -m deploy.demo

up: $(STAMP) ## The whole system on this machine, for real accounts (TIMINGS=1 tells its start)
	@$(OPS) up $(if $(TIMINGS),--timings)

test: $(STAMP) ## Run every test, or T=path; N=processes
	@$(PY) -m pytest -n $(N) $(T)

lint: $(STAMP) ## Format, lint, types, import contracts, secrets in the tree, dependencies
	@$(PY) -m ruff format --check --quiet .
	@$(PY) -m ruff check --quiet .
	@$(PY) -m mypy --no-error-summary
	@$(VENV)/bin/lint-imports
	@$(PY) -m deploy.secrets_scan
	@$(PY) -m deploy.audit

audit: $(STAMP) ## Ask OSV, or else PyPI, about every locked package, and keep the answer for lint
	@exec $(PY) -m deploy.audit --online

check: lint test ## lint and test

format: $(STAMP) ## Format and mend what can be mended by itself
	@$(PY) -m ruff format .
	@$(PY) -m ruff check --fix .

sandbox: $(STAMP) ## The stand-ins for Vindi and eNotas alone
	@exec $(PY) -m services.sandbox

bench: $(STAMP) ## The benchmarks; a table, and JSON under build/
	@exec $(PY) -m tests.bench $(ARGS)

simulate: $(STAMP) ## A month of 10,000 tenants in a model: ARGS="--tenants 50 --sales 5000"
	@exec $(PY) -m deploy.simulate $(ARGS)

bench-claims: $(STAMP) ## What a claim costs with ten thousand and ten million sales; plans printed
	@exec $(PY) -m tests.bench claims

chaos: $(STAMP) ## The fault campaign; a table, and JSON under build/
	@exec $(PY) -m tests.chaos $(ARGS)

migrate: $(STAMP) ## Bring the database to head (DISTRIBUTED=citus on a coordinator, SQL=1 prints)
	@$(OPS) migrate $(if $(filter citus,$(DISTRIBUTED)),--citus) $(if $(SQL),--sql)

backfill: $(STAMP) ## Past sales: TENANT=… SINCE=2026-01-01 [UNTIL=…] [DRY_RUN=1] [COMPETENCIA=today]
	@$(OPS) backfill --tenant "$$TENANT" --since "$$SINCE" $(if $(UNTIL),--until "$$UNTIL") \
		$(if $(DRY_RUN),--dry-run) $(if $(COMPETENCIA),--competencia "$$COMPETENCIA") \
		$(if $(REASON),--reason "$$REASON")

closing: $(STAMP) ## A month's closing: TENANT=… MONTH=2026-10; exit 1 when unbalanced
	@$(OPS) closing --tenant "$$TENANT" --month "$$MONTH"

backup: $(STAMP) ## Copy the embedded database, and keep its WAL from then on (KEEP=7)
	@$(OPS) backup $(call told,KEEP,--keep)

restore: $(STAMP) ## Put it back, while `up` rests: the latest, or AT=2026-11-29T14:05
	@$(OPS) restore $(call told,AT,--at)

restored: $(STAMP) ## A database elsewhere was restored: look before sending ([SINCE=…])
	@$(OPS) restored $(call told,SINCE,--since)

psql: $(STAMP) ## Look into the database, reading only: [SQL="SELECT …"]
	@$(OPS) psql $(call told,SQL,--sql)

erase-customer: $(STAMP) ## Erase one customer: TENANT=… TICKET=… REASON=… [CUSTOMER=Vindi's number; else it asks for the document]
	@$(OPS) erase-customer --tenant "$$TENANT" --ticket "$$TICKET" --reason "$$REASON" \
		$(if $(CUSTOMER),--customer "$$CUSTOMER")

token: $(STAMP) ## Tokens of the internal API: NAME=… SCOPE=read|support|operator DAYS=90 [REVOKE=1]; none lists
	@$(OPS) token $(call told,NAME,--name) $(call told,SCOPE,--scope) \
		$(call told,DAYS,--days) $(call said,REVOKE,--revoke)

staff: $(STAMP) ## Our own people in the panel: ROLE=support|operator [EMAIL=…] invites, EMAIL=… REMOVE=1 dismisses, or ends an invitation; none lists
	@$(OPS) staff $(call told,ROLE,--role) $(call told,EMAIL,--email) $(call said,REMOVE,--remove)

rotate-keys: $(STAMP) ## Seal every secret afresh under the first of SECRET_KEYS
	@$(OPS) rotate-keys

accept-keys: $(STAMP) ## Start under SECRET_KEYS although a key that sealed something is lost
	@$(OPS) accept-keys

doctor: $(STAMP) ## Look at everything that has to be right: [TENANT=…] [QUESTIONS=1] [REPORT=file.json]
	@$(OPS) doctor $(if $(TENANT),--tenant "$$TENANT") $(if $(QUESTIONS),--questions) \
		$(if $(REPORT),--report "$$REPORT")

image: $(STAMP) ## Build the one image on its pinned base, and its SBOM, where an engine is
	@exec $(PY) -m deploy.image build

sbom: $(STAMP) ## What is in the image, as CycloneDX: build/sbom.json
	@exec $(PY) -m deploy.image sbom

render: $(STAMP) ## Kubernetes manifests into build/k8s/
	@$(PY) -m deploy.render

rehearse: $(STAMP) ## Hold manifests against three versions of Kubernetes and our policies; compose too
	@$(PY) -m deploy.rehearse

schema: $(STAMP) ## shared/db/schema.sql from the migrations
	@$(PY) -m deploy.schema

refresh-tables: $(STAMP) ## Check the official tables, or renew one: ARGS="--table nbs --source …"
	@exec $(PY) -m deploy.refresh_tables $(ARGS)

# In a folder of its own, so that the tool that locks is not a requirement itself.
lock: $(STAMP) ## Lock requirements afresh, with hashes
	@$(PYTHON) -m venv --clear build/lock
	@build/lock/bin/pip install -qq --disable-pip-version-check pip-tools
	@for name in run dev; do \
		build/lock/bin/pip-compile --quiet --generate-hashes --no-header --strip-extras \
			--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --allow-unsafe --upgrade \
			--output-file requirements/$$name.txt requirements/$$name.in; done
