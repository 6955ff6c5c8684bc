#!/bin/sh
# Makes the environment .venv from requirements.lock; may be interrupted anywhere and run again.
set -eu
cd "$(dirname "$0")/.."
place=$(pwd -P)

say() { printf '%s\n' "$1" >&2; }
fail() { say "$1"; exit 1; }

is_recent() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
    for name in ${PYTHON:-} python3.13 python3.12 python3.11 python3 python; do
        if is_recent "$name"; then echo "$name"; return; fi
    done
    fail "Python 3.11 or newer is needed and none was found: install one, or name it with PYTHON=..."
}

make_environment() {
    rm -rf .venv
    if "$python" -m venv .venv >/dev/null 2>&1; then return; fi
    # Some systems split pip off: the environment is then made without one of its own.
    rm -rf .venv
    "$python" -m venv --without-pip .venv ||
        fail "$python cannot make an environment: install its venv module (Debian: python3-venv)."
    "$python" -m pip --version >/dev/null 2>&1 ||
        fail "$python has neither ensurepip nor pip: install one of them (Debian: python3-venv)."
}

pip() {
    if .venv/bin/python -m pip --version >/dev/null 2>&1; then
        .venv/bin/python -m pip --disable-pip-version-check "$@"
    else
        "$python" -m pip --disable-pip-version-check --python .venv/bin/python "$@"
    fi
}

python=$(find_python)
"$python" shared/embedded/machine.py || exit 1
if ! is_recent .venv/bin/python || [ "$(cat .venv/place 2>/dev/null)" != "$place" ]; then
    make_environment
    printf '%s' "$place" >.venv/place
fi
rm -f .venv/installed
say "Installing what requirements.lock names into .venv; the first time this takes a minute or two."
pip install -q --no-input --require-hashes -r requirements.lock
pip install -q --no-input --no-deps --no-build-isolation --no-index --editable .
say "Fetching Kafka."
.venv/bin/python -m shared.embedded
printf '%s' "$place" >.venv/installed
