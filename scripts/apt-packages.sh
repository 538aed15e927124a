#!/bin/sh
# What a bare Debian or Ubuntu lacks for `make demo` and `make test`. Needs root.
set -eu
missing=""
# The second line is for the tests of the fleet: hosts of their own, in namespaces and a Debian root.
# The third is for agent tasks: the browser, and the sandbox for what a model writes.
for package in git make python3-venv libgomp1 util-linux \
    debootstrap faketime iproute2 openssh-client procps \
    bubblewrap chromium; do
    dpkg -s "$package" >/dev/null 2>&1 || missing="$missing $package"
done
[ -z "$missing" ] && exit 0
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
# shellcheck disable=SC2086
apt-get install -q -y --no-install-recommends $missing
