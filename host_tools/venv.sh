#!/bin/bash
# Makes .venv complete: the locked packages, each checked by hash, and this package in place (editable).
# Usage: venv.sh PYTHON, from the checkout's root. Does nothing, and needs no network, when nothing changed.
#
# .venv is made again when the Python or the checkout's place changes; when only the locks change, packages are replaced in
# it, so that what runs from it is not pulled away. A package that left the locks stays until `make clean`.
set -euo pipefail

python=$1
locks=(requirements-build.lock requirements-typings.lock requirements.lock requirements-dev.lock)
typings=${BADGECLOCK_TOOLCHAIN:-.toolchain}/typings

fingerprint() { sha256sum | cut -c1-16; }
package='import tomllib
told = tomllib.load(open("pyproject.toml", "rb"))
print(told["build-system"], told["project"], told["tool"]["setuptools"])'
place=.venv/place-$({ echo "$PWD"; "$python" -VV; } | fingerprint)
content=.venv/content-$({ cat "${locks[@]}" "$0" host_tools/badgeclock/__init__.py; "$python" -c "$package"; echo "$typings"; } | fingerprint)
if [ -e "$place" ] && [ -e "$content" ] && [ -d "$typings" ]; then exit 0; fi

echo "setup: Python packages (about a minute)"
if [ ! -e "$place" ]; then
    rm -rf .venv
    if refusal=$("$python" -m venv .venv 2>&1); then
        :
    elif rm -rf .venv && command -v virtualenv >/dev/null && virtualenv -q -p "$python" .venv; then
        :
    elif rm -rf .venv && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null \
        && { apt-get install -y -q python3-venv || { apt-get update -q && apt-get install -y -q python3-venv; }; } \
            >/dev/null 2>&1 \
        && "$python" -m venv .venv; then
        :
    else
        rm -rf .venv
        echo "setup: no virtual environment can be made with $python; tried 'python -m venv' (it said:" \
            "$(echo "$refusal" | head -n 1)), then virtualenv, then, if root, to install python3-venv. To do:" \
            "'apt-get install python3-venv' as root, or install virtualenv, then run 'make setup' again." >&2
        exit 1
    fi
    touch "$place"
fi
rm -f .venv/content-*

install() {
    .venv/bin/python -m pip --disable-pip-version-check install -q --no-deps "$@" && return
    echo "setup: the locked Python packages could not be installed; pip's own words are above. What was there before is" \
        "kept. To do: check the network and 'pip config list', then run 'make setup' again." >&2
    exit 1
}
install --require-hashes -r requirements-build.lock
install --require-hashes --no-build-isolation -r requirements.lock
install --require-hashes --no-build-isolation -r requirements-dev.lock
new=$typings.new
rm -rf "$new"
install --require-hashes --target "$new" -r requirements-typings.lock
rm -rf "$typings"
mv "$new" "$typings"
install --no-build-isolation -e .
touch "$content"
