#!/bin/bash
# Makes an environment of locked packages, each checked by hash: locked_venv.sh PYTHON FOLDER LOCK, from the checkout's root.
# Does nothing, and needs no network, when neither changed.
set -euo pipefail

python=$1 folder=$2 lock=$3
content=$folder/content-$({ cat "$lock" "$0"; echo "$PWD"; "$python" -VV; } | sha256sum | cut -c1-16)
if [ -e "$content" ]; then exit 0; fi
rm -rf "$folder"
if ! "$python" -m venv "$folder" || ! "$folder/bin/python" -m pip --disable-pip-version-check install -q --no-deps \
    --require-hashes -r "$lock"; then
    rm -rf "$folder"
    echo "the packages of $lock could not be installed; the words of venv or pip are above. Kept: everything else." \
        "To do: check the network and 'pip config list', then run the same again." >&2
    exit 1
fi
touch "$content"
