#!/bin/bash
# Builds the board's own MicroPython image in ESP-IDF's own container: `make firmware`.
# Usage: build_image.sh TARGET.bin, from anywhere. Needs git, and docker or podman (CONTAINER names another).
#
# MicroPython is checked out under build/micropython at the commit below. ESP-IDF 5.2 to 5.3.2 and 5.4.0 flush no cache
# when a partition is written beyond a mapping's first 64 KB, and a clock then imports what was there before: mended in
# 5.2.6, 5.3.3 and 5.4.1.
set -euo pipefail

MICROPYTHON_TAG=v1.25.0
MICROPYTHON_COMMIT=f498a16c7db6d4b2de200b3e0856528dfe0613c3
MICROPYTHON_SOURCE=${MICROPYTHON_SOURCE:-https://github.com/micropython/micropython.git}
IDF_VERSION=v5.3.3
IDF_IMAGE=${IDF_IMAGE:-docker.io/espressif/idf:$IDF_VERSION}

fail() {
    echo "firmware: $1. Kept: everything as it was. To do: $2." >&2
    exit 1
}

[ $# = 1 ] || fail "one argument is needed, the file to write" "run 'make firmware'"
target=$(realpath -m "$1")
root=$(cd "$(dirname "$0")/../.." && pwd)
board=$(basename "$(dirname "$(realpath "$0")")")
source=$root/build/micropython

container=${CONTAINER:-}
for program in docker podman; do
    [ -n "$container" ] || ! command -v "$program" >/dev/null || container=$program
done
[ -n "$container" ] || fail "neither docker nor podman is on PATH; ESP-IDF's compiler runs in its own container" \
    "install one of them, or take the release's image: badgeclock clock flash PORT"
refusal=$("$container" info 2>&1 >/dev/null) || fail "$container does not run ($(echo "$refusal" | head -n 1))" \
    "start its service, or name another program: make firmware CONTAINER=podman"
command -v git >/dev/null || fail "git is missing" "install git"

if [ "$(git -C "$source" rev-parse HEAD 2>/dev/null)" != "$MICROPYTHON_COMMIT" ]; then
    rm -rf "$source"
    git clone -q --depth 1 --branch "$MICROPYTHON_TAG" -c advice.detachedHead=false "$MICROPYTHON_SOURCE" "$source" \
        || fail "MicroPython $MICROPYTHON_TAG cannot be fetched from $MICROPYTHON_SOURCE" "check the network"
    [ "$(git -C "$source" rev-parse HEAD)" = "$MICROPYTHON_COMMIT" ] \
        || fail "$MICROPYTHON_SOURCE has another $MICROPYTHON_TAG than the commit $MICROPYTHON_COMMIT" "name another source"
fi

# As the caller, so that build/ is theirs. Rootless podman maps the caller only when asked.
user=(--user "$(id -u):$(id -g)")
[ "$(basename "$container")" != podman ] || user=(--userns=keep-id)
"$container" run --rm "${user[@]}" -e HOME=/tmp -e SOURCE_DATE_EPOCH="$(git -C "$source" log -1 --format=%ct)" \
    -v "$root:/badgeclock" -w /badgeclock/build/micropython "$IDF_IMAGE" bash -c "
        set -e
        make -C mpy-cross
        make -C ports/esp32 BOARD_DIR=/badgeclock/boards/$board submodules
        make -C ports/esp32 BOARD_DIR=/badgeclock/boards/$board
    " || fail "the build ended with an error; its own words are above" "correct that, then run 'make firmware' again"
mkdir -p "$(dirname "$target")"
cp "$source/ports/esp32/build-$board/firmware.bin" "$target"
echo "firmware: $target, $(stat -c %s "$target") bytes, SHA-256 $(sha256sum "$target" | cut -c1-64)"
