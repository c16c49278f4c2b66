# Two commands for newcomers: `make demo` and `make test`. Both install what they need by themselves
# into .lab/ (and a few Debian packages), and leave the machine's own services alone.

LAB := $(if $(OVERDIAL_LAB),$(OVERDIAL_LAB),.lab)
BIN := $(LAB)/venv/bin
ARGS ?=
MODE ?= power
FACTOR ?= 20
.DEFAULT_GOAL := help

.PHONY: $(shell sed -n 's/^\([a-z-]*\):.*/\1/p' $(firstword $(MAKEFILE_LIST)))

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: ## Everything that the demo and the tests need (idempotent)
	@deploy/lab/packages.sh
	@deploy/lab/asterisk.sh
	@deploy/lab/tools.sh
	@deploy/lab/venv.sh

demo: install ## Watch a campaign on a private Asterisk and MariaDB; MODE=preview, ARGS="--agents 5 --contacts 60 --duration 90 --plain"
	@"$(BIN)/overdial" demo --lab "$(LAB)" --mode "$(MODE)" $(ARGS)

test: install ## All tests: unit, contract, integration, acceptance (installs curl, ffmpeg, openssl)
	@deploy/lab/packages.sh curl ffmpeg openssl
	@OVERDIAL_LAB="$(LAB)" deploy/lab/tests.sh $(ARGS)

test-unit: ## The pure tests only (seconds, nothing but Python)
	@deploy/lab/venv.sh
	@"$(BIN)/python" -m pytest tests/unit $(ARGS)

watch-test: install ## A real Prometheus on a running campaign: every rule, alert and panel
	@OVERDIAL_LAB="$(LAB)" "$(BIN)/python" -m pytest tests/acceptance/test_watch.py tests/unit/test_metrics.py $(ARGS)

lint: ## ruff, mypy --strict, import contracts
	@deploy/lab/venv.sh
	@"$(BIN)/ruff" check .
	@"$(BIN)/ruff" format --check .
	@"$(BIN)/mypy"
	@"$(BIN)/lint-imports" --no-logo

docs: ## The documentation as a site in .lab/site; fails on broken links
	@deploy/lab/venv.sh
	@deploy/lab/docs.sh

bench-call: install ## CPU per call of the engine beside Asterisk's, AMI events per call
	@"$(BIN)/python" -m bench.call --lab "$(LAB)" $(ARGS)

bench-pacing: ## Pacing against the peers in a simulator; ARGS="--agents 20 --seeds 12", "--decision", "--contacts"
	@deploy/lab/venv.sh
	@"$(BIN)/python" -m bench.pacing $(ARGS)

bench-live: install ## Progressive, fixed overdial and Predictive on real Asterisk and SIPp; ARGS="--agents 20 --seconds 240"
	@"$(BIN)/python" -m bench.live --lab "$(LAB)" $(ARGS)

bench-api: install ## 200 requests/s to the HTTP APIs beside a running campaign: the pacer's delay with and without
	@"$(BIN)/python" -m bench.api --lab "$(LAB)" $(ARGS)

bench-caller-ids: ## What the choice of a caller ID costs among ten, a thousand, ten thousand numbers
	@deploy/lab/venv.sh
	@"$(BIN)/python" -m bench.caller_ids $(ARGS)

amd: install ## Answering-machine detection on a spoken corpus: confusion matrix (installs espeak-ng and sox)
	@deploy/lab/packages.sh espeak-ng sox
	@"$(BIN)/python" -m bench.amd --lab "$(LAB)" $(ARGS)

bench-spool: install ## Loading beside LOAD DATA, claims among millions beside claims among thousands; ARGS="--rows 100000 --spool 500000"
	@"$(BIN)/python" -m bench.spool --lab "$(LAB)" $(ARGS)

bench-maintain: install ## The longest transaction while old rows leave; ARGS="--rows 1000000 --old 200000"
	@"$(BIN)/python" -m bench.maintain --lab "$(LAB)" $(ARGS)

bench-records: install ## Pages of getrecords over a million CDRs, by filter and depth; ARGS="--rows 100000"
	@"$(BIN)/python" -m bench.records --lab "$(LAB)" $(ARGS)

browser: install ## A page on another origin in headless Chromium uses the HTTP APIs (installs chromium)
	@deploy/lab/packages.sh chromium
	@OVERDIAL_LAB="$(LAB)" "$(BIN)/python" -m pytest tests/browser/other_origin.py $(ARGS)

fuzz: install ## More broken requests to both HTTP APIs than `make test` has; FACTOR=20
	@OVERDIAL_LAB="$(LAB)" OVERDIAL_FUZZ="$(FACTOR)" "$(BIN)/python" -m pytest tests/fuzz --timeout 3600 $(ARGS)

chaos: install ## Break real parts at random moments and check what holds; ARGS="--kills 80 --seed 7"
	@"$(BIN)/python" -m tests.chaos --lab "$(LAB)" $(ARGS)

lock: ## Pin all dependencies anew, with hashes (needs uv)
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-emit-find-links --no-header --no-annotate -q -o requirements/runtime.txt
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-emit-find-links --no-header --no-annotate -q -o requirements/dev.txt
	uv pip compile --group docs --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-emit-find-links --no-header --no-annotate -q -o requirements/docs.txt
	echo "$$(sed -n 's/^\(hatchling==[^ ]*\).*/\1/p' requirements/dev.txt)" | uv pip compile - --universal --python-version 3.11 \
	    --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate -q -o requirements/build.txt

clean: ## Remove everything that was installed or made below .lab/
	rm -rf "$(LAB)"
