# Badgeclock. `make help` says what each target does.

SHELL := /bin/bash
VENV := .venv/bin
PYTHON ?= $(shell for p in python3.11 python3 python3.12 python3.13; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v "$$p"; break; }; done)
PORT ?= /dev/ttyUSB0
# One file's tests stay on one worker: they share a MicroPython process, a broker or a store. They wait more than they
# work: on two cores, four workers end sooner than three, and three a third sooner than two. The files come in the order
# of tests/conftest.py, the longest first; pytest-xdist's own order is by the number of tests.
PYTEST = $(VENV)/python -m pytest -n $(PYTEST_WORKERS) --dist loadfile --no-loadscope-reorder
PYTEST_WORKERS ?= 4
UV_VERSION := 0.13.9
# Every test starts programs of ours, and each would compile them again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo check test bench torture lint rooms trace lock docs wheel manuals changelog release deb firmware flash clean
.DEFAULT_GOAL := help

help: ## say what each target does
	@sed -n 's/^\([a-z]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

setup: ## make .venv and .toolchain complete; quick, and without network, when nothing changed
	@if [ -z "$(PYTHON)" ]; then echo "setup: Python 3.11 or newer is missing; tried python3.11, python3," \
		"python3.12 and python3.13 on PATH. To do: install it, or run 'make setup PYTHON=/path/to/python3'." >&2; exit 1; fi
	@mkdir -p build && flock build/setup.lock bash -c \
		'host_tools/venv.sh "$(PYTHON)" && $(VENV)/python host_tools/badgeclock/toolchain/fetch.py'

demo: setup ## a virtual clock, the bridge and the sandboxed authority on this machine
	@$(VENV)/badgeclock demo

check: setup ## an answer in two minutes: the gates, one way of a punch, what the change touches
	@$(VENV)/python -m tests.check

test: setup ## every test but the torture and bench runs
	$(PYTEST) -m "not torture and not bench" --every-statement tests

torture: export BADGECLOCK_FUZZ_S ?= 3600
torture: setup ## the long runs: every power cut, soak, faults by seed (REPLAY='...': one case again)
ifdef REPLAY
	@$(VENV)/python -m tests.torture '$(REPLAY)'
else
	$(PYTEST) -m torture --timeout 3600 tests
endif

bench: setup ## measure; writes build/bench.json and docs/performance.md
	$(VENV)/python -m tests.bench

lint: setup ## the quality gates alone
	$(VENV)/python -m pytest -n $(PYTEST_WORKERS) tests/test_gates.py tests/test_firmware_arrows.py

rooms: setup ## draw the rooms from the code's own imports into docs/rooms.md (REV=commit: print those of another commit)
	@$(VENV)/python -m tests.rooms $(if $(REV),--rev $(REV))

trace: setup ## print which modules one punch really runs through, on clock and bridge, beside the way in README.md
	@$(VENV)/python -m tests.trace

docs: ## build the documents' site, strictly: build/site/index.html
	@host_tools/locked_venv.sh "$(PYTHON)" build/docs-env requirements-docs.lock
	@build/docs-env/bin/python host_tools/make_docs.py build/docs-env/bin/zensical

wheel: setup ## build the wheel, with the firmware compiled: build/dist/badgeclock-VERSION-py3-none-any.whl
	@$(VENV)/python host_tools/make_wheel.py build/dist

manuals: setup ## the manual pages, and completion for bash and fish: build/manuals
	@$(VENV)/python host_tools/make_manuals.py build/manuals

changelog: ## print the notes of the next release, from changelog.d
	@host_tools/locked_venv.sh "$(PYTHON)" build/release-env requirements-release.lock
	@build/release-env/bin/towncrier build --draft --version "$$(sed -n 's/^__version__ = "\(.*\)"$$/\1/p' host_tools/badgeclock/__init__.py)"

release: setup ## the files of a release but the board's image: wheel, firmware, SBOMs, notes, SHA256SUMS in build/release
	@host_tools/locked_venv.sh "$(PYTHON)" build/release-env requirements-release.lock
	@$(VENV)/python host_tools/make_release.py build/release build/release-env

SUITE ?= trixie
deb: setup ## the Debian package of the bridge for SUITE=trixie or bookworm, in build/deb
	@$(VENV)/python host_tools/make_deb.py build/deb $(SUITE)

firmware: ## build the board's own MicroPython image with docker or podman: build/badgeclock-esp32.bin
	@boards/esp32_devkit/build_image.sh build/badgeclock-esp32.bin

flash: setup ## put MicroPython on a clock, the release's image: make flash PORT=/dev/ttyUSB0 [IMAGE=file.bin]
	$(VENV)/badgeclock clock flash $(PORT) $(if $(IMAGE),--image $(IMAGE))

# Universal: one lock for every Python from 3.11 on. uv is only needed here, so it has its own environment.
UV = build/uv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command "make lock"
lock: ## remake the pinned, hashed requirements (UPGRADE=1: with the newest versions)
	@test -x build/uv/bin/uv || { $(PYTHON) -m venv build/uv && build/uv/bin/python -m pip install -q uv==$(UV_VERSION); }
	$(UV) $(if $(UPGRADE),--upgrade) --group build -o requirements-build.lock
	$(UV) $(if $(UPGRADE),--upgrade) --group release -o requirements-release.lock
	$(UV) $(if $(UPGRADE),--upgrade) --group docs -o requirements-docs.lock
	$(UV) $(if $(UPGRADE),--upgrade) --group typings -o requirements-typings.lock
	$(UV) $(if $(UPGRADE),--upgrade) --all-extras -c requirements-build.lock pyproject.toml -o requirements.lock
	$(UV) $(if $(UPGRADE),--upgrade) --group dev -c requirements.lock -c requirements-build.lock -o requirements-dev.lock

clean: ## remove what make made: .venv, .toolchain, build
	rm -rf .venv .toolchain build
