#!/bin/sh
# Create the virtual environment that `make demo` and `make test` use: scripts/setup.sh FOLDER
# Says in one line what the system lacks.
set -eu
venv=$1
python=${PYTHON:-python3}

fail() {
    echo "herd: $1" >&2
    exit 1
}

cd "$(dirname "$0")/.."
command -v "$python" >/dev/null || fail "$python is missing: install python3 (3.11 or newer)"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$("$python" --version) is too old: herd needs 3.11 or newer (make PYTHON=python3.12 ...)"
"$python" -c 'import ensurepip' 2>/dev/null || fail "the venv module is missing: install python3-venv"
command -v setpriv >/dev/null || fail "setpriv is missing: install util-linux"
ldconfig -p 2>/dev/null | grep -q libgomp.so.1 || /sbin/ldconfig -p 2>/dev/null | grep -q libgomp.so.1 ||
    fail "libgomp.so.1 is missing: install libgomp1"

echo "herd: setting up $venv (once)"
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    --constraint constraints.txt --editable '.[engine,hub,agent,dev]' ||
    fail "the packages cannot be installed: see pip's message above"
touch "$venv/.ready"
