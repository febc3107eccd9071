#!/bin/bash
# Makes .venv complete: exactly the locked packages, each checked by hash, and this package in place (editable).
# Usage: venv.sh PYTHON, from the checkout's root. Does nothing, and needs no network, when nothing changed.
set -euo pipefail

python=$1
locks="requirements-build.lock requirements-typings.lock requirements.lock"
typings=${BADGECLOCK_TOOLCHAIN:-.toolchain}/typings

# shellcheck disable=SC2086
stamp=.venv/stamp-$({ cat pyproject.toml $locks "$0"; echo "$PWD $typings"; "$python" -VV; } | sha256sum | cut -c1-16)
if [ -e "$stamp" ] && [ -d "$typings" ]; then exit 0; fi

echo "setup: Python packages (once, about a minute)"
rm -rf .venv "$typings"
if ! refusal=$("$python" -m venv .venv 2>&1); then
    rm -rf .venv
    tried="'$python -m venv'"
    if command -v virtualenv >/dev/null && virtualenv -q -p "$python" .venv; then
        :
    elif [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null \
        && { apt-get install -y -q python3-venv || { apt-get update -q && apt-get install -y -q python3-venv; }; } >/dev/null 2>&1 \
        && "$python" -m venv .venv; then
        :
    else
        rm -rf .venv
        echo "setup: no virtual environment can be made with $python: $(echo "$refusal" | head -n 1)" \
            "Tried $tried, then virtualenv, then (as root) installing python3-venv. To do:" \
            "'apt-get install python3-venv' as root, or install virtualenv, then run 'make setup' again." >&2
        exit 1
    fi
fi

pip=".venv/bin/python -m pip --disable-pip-version-check install -q --no-deps"
unreachable() {
    echo "setup: the locked Python packages could not be installed; pip's own words are above. Nothing else was changed." \
        "To do: check the network and 'pip config list', then run 'make setup' again." >&2
    exit 1
}
$pip --require-hashes -r requirements-build.lock || unreachable
$pip --require-hashes --no-build-isolation -r requirements.lock || unreachable
$pip --require-hashes --target "$typings" -r requirements-typings.lock || unreachable
$pip --no-build-isolation -e . || unreachable
touch "$stamp"
