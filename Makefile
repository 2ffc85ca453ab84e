# The two commands: `make serve` and `make test`. Both set up what they need.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PORT ?= 7860
PIP := $(BIN)/pip --disable-pip-version-check --quiet
# The rules that the page's accessibility is checked against; without npm those tests are skipped.
AXE := $(if $(shell command -v npm),tests/axe/node_modules/.package-lock.json)
# Where the benchmark sets lie; they are not part of the project.
DATA ?= ../shared

.PHONY: serve test check fix bench faults requirements screenshots clean

serve: $(VENV)/.runtime
	$(BIN)/qa serve --port $(PORT)

test: $(VENV)/.dev $(AXE)
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses 2 --dist worksteal  # two cores, one thread each

check: $(VENV)/.dev
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/python tests/count_lines.py

fix: $(VENV)/.dev
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/quality.py --data $(DATA)/benchmarks \
		--questions $(DATA)/questions/seeds_dev.jsonl

# Hours: fuzzing, kills, a failing disk, load; the tables are in docs/reliability.md.
faults: $(VENV)/.dev
	$(PIP) install --constraint constraints.txt --no-build-isolation --editable '.[dev,faults]'
	$(BIN)/python benchmarks/faults/run.py

requirements: $(VENV)/.dev
	$(PIP) install pip-tools
	mkdir -p build
	$(BIN)/pip-compile --quiet --generate-hashes --constraint constraints.txt --allow-unsafe \
		--strip-extras --no-emit-index-url --no-emit-find-links --no-annotate --no-header \
		--output-file build/requirements.txt pyproject.toml requirements.in
	{ grep '^#' requirements.in; sed -e 's/^\(torch==[^+ ]*\)+cpu/\1/' build/requirements.txt; } \
		> requirements.txt

screenshots: $(VENV)/.dev $(AXE)
	QA_SCREENSHOTS=build/screenshots $(BIN)/pytest tests/browser/test_pictures.py
	cp build/screenshots/answer-1440-light.png docs/images/answer.png
	cp build/screenshots/differences-1440-dark.png docs/images/differences.png

tests/axe/node_modules/.package-lock.json: tests/axe/package-lock.json
	npm ci --prefix tests/axe --silent --no-audit --no-fund

clean:
	rm -rf $(VENV) build tests/axe/node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis dist

# The constraints pin every version, torch's CPU build among them: see docs/installing.md.
# The packages that the application needs are checked against the hashes in requirements.txt,
# which are those of Linux on x86-64. Elsewhere: the same versions, without hashes.
MISMATCH := A package is not the tested one, or cannot be downloaded. Usually it is torch: see docs/installing.md in \
this folder. To install without hashes: make serve HASHES=no
HASHES ?= $(if $(filter Linux-x86_64,$(shell uname -s)-$(shell uname -m)),yes,no)
$(VENV)/.runtime: pyproject.toml constraints.txt requirements.txt
	$(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV): some minutes the first time …"
ifeq ($(HASHES),yes)
	@$(PIP) install --require-hashes --requirement requirements.txt || { echo "$(MISMATCH)"; exit 1; }
	$(PIP) install --no-deps --no-build-isolation --editable .
else
	$(PIP) install --constraint constraints.txt --editable .
endif
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime
	$(PIP) install --constraint constraints.txt hatchling editables
	$(PIP) install --constraint constraints.txt --no-build-isolation --editable '.[dev]'
	@touch $@
