# The two commands of the README are `make demo` and `make test`; each sets up from nothing.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
STAMP := $(VENV)/.setup

.PHONY: setup demo test lint nightly lock clean pictures

setup: $(STAMP)

$(STAMP): requirements/dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Parvis needs Python 3.11 or newer; $(PYTHON) is older. Try: make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	  || { echo "Python's venv module is missing. Try: apt-get install python3-venv" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV)
	@echo "installing the locked packages into $(VENV) …"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	@PYTHONWARNINGS=ignore $(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup
	@$(BIN)/parvis demo $(ARGS)

test: setup
	$(BIN)/pytest -n 4 --dist worksteal -m "not nightly" $(ARGS)

nightly: setup
	$(BIN)/pytest $(ARGS)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Needs uv (pip install uv). Universal: the same files serve x86-64 and 64-bit Arm.
lock:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --no-annotate --extra edge pyproject.toml -o requirements/edge.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --no-annotate --no-deps requirements/faces.in -o requirements/faces.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --no-annotate --extra server pyproject.toml -o requirements/server.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --no-annotate --extra edge --extra server --extra dev pyproject.toml requirements/build.in -o requirements/dev.lock

clean:
	rm -rf $(VENV) build *.egg-info

# The pictures of README and docs, from an invented town. Needs Debian's chromium.
pictures: setup
	@$(BIN)/python -m bench.screenshots $(ARGS)
