# One target for each task; `make help` lists them. Everything is installed into $(VENV), nothing outside is touched.

PYTHON ?= python3
VENV ?= .venv
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
ARGS ?=

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
NATIVE := $(wildcard grammar/native/*)
CPP := $(wildcard grammar/native/*.cpp grammar/native/*.hpp tests/native/*.cpp tests/native/*.hpp)
PACKAGES := -p latticework
CHECKED := build/typecheck
SANITIZED := build/sanitize

.PHONY: help demo test lint format typecheck bench sanitize wheel clean
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

demo: $(VENV)/installed ## install, then write a person record with the built-in model
	@$(BIN)/latticework generate --model builtin --schema docs/examples/person.json \
	  --prompt "$$(cat docs/examples/person.prompt.txt)" $(ARGS)

test: $(VENV)/installed-dev ## run every test (ARGS="-k name" to choose some)
	OMP_NUM_THREADS=1 $(BIN)/pytest -n $(JOBS) --dist worksteal $(ARGS)

lint: $(VENV)/installed-dev typecheck ## ruff, clang-format, mypy --strict on an installed wheel
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/clang-format --dry-run --Werror $(CPP)

format: $(VENV)/installed-dev ## lay out the Python and C++ sources
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/clang-format -i $(CPP)

# The wheel is laid out in a folder of its own, because mypy cannot see through the editable install.
typecheck: $(VENV)/installed-dev
	@rm -rf $(CHECKED)
	$(PIP) install --quiet --no-build-isolation --no-deps --target $(CHECKED) .
	cd $(CHECKED) && MYPYPATH=. $(abspath $(BIN))/mypy --config-file $(abspath pyproject.toml) $(PACKAGES)

bench: $(VENV)/installed-bench ## compare with other engines on the data in LATTICEWORK_DATA (ARGS="--help" lists options)
	$(BIN)/python benchmarks/maskbench.py $(or $(ARGS),--sample 300)

# The sanitizers' runtime must be in the process before Python is, and Python keeps its memory to itself (so no leak check
# there). Without `site` no editable install is seen, and what is imported is the sanitized build.
SITE = $(shell $(BIN)/python -c "import sysconfig; print(sysconfig.get_path('purelib'))")
RUNTIMES = $(shell $(CXX) -print-file-name=libasan.so):$(shell $(CXX) -print-file-name=libstdc++.so.6)
CRASHES = $(wildcard tests/suites/fuzz/*)
CHECKS = $(or $(ARGS),tests/grammar/test_automaton.py tests/grammar/test_matcher.py)
RUNS ?= 2000

sanitize: $(VENV)/installed-dev ## fuzz the native core, and run its tests, under the address and undefined-behaviour sanitizers
	$(BIN)/cmake -G Ninja -S tests/native -B $(SANITIZED)/fuzz -DCMAKE_MAKE_PROGRAM=$(abspath $(BIN))/ninja
	$(BIN)/cmake --build $(SANITIZED)/fuzz
	$(SANITIZED)/fuzz/fuzz_automaton --runs $(RUNS) --seed 1
	$(if $(CRASHES),$(SANITIZED)/fuzz/fuzz_automaton $(CRASHES))
	@rm -rf $(SANITIZED)/site
	$(PIP) install --quiet --no-build-isolation --no-deps --target $(SANITIZED)/site -C install.strip=false \
	  -C build-dir=$(SANITIZED)/module -C cmake.define.LATTICEWORK_SANITIZE=ON -C cmake.build-type=RelWithDebInfo .
	LD_PRELOAD=$(RUNTIMES) ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
	  PYTHONPATH=$(SANITIZED)/site:$(SITE) $(BIN)/python -S $(BIN)/pytest -p no:cacheprovider --timeout 1200 $(CHECKS)

wheel: $(VENV)/installed-dev ## build the wheel and the source distribution into dist/
	$(PIP) wheel --no-build-isolation --no-deps --wheel-dir dist .
	$(BIN)/python -c "from scikit_build_core.build import build_sdist; print('dist/' + build_sdist('dist'))"

clean: ## remove what was built (the environment stays)
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# The build tools first: the project is then built with them in place, so that a second build is an incremental one.
$(VENV)/build-tools: constraints.txt | $(BIN)/python
	$(PIP) install --quiet -c constraints.txt scikit-build-core nanobind ninja cmake
	@touch $@

$(VENV)/installed: pyproject.toml $(NATIVE) $(VENV)/build-tools
	$(PIP) install --quiet -c constraints.txt --no-build-isolation --editable .
	@touch $@

$(VENV)/installed-dev: pyproject.toml $(NATIVE) $(VENV)/build-tools
	$(PIP) install --quiet -c constraints.txt --no-build-isolation --editable '.[dev]'
	@touch $@ $(VENV)/installed

$(VENV)/installed-bench: $(VENV)/installed-dev
	$(PIP) install --quiet -c constraints.txt --no-build-isolation --editable '.[dev,bench]'
	@touch $@
