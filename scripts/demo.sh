#!/bin/sh
# The main job from nothing: model files, then one sweep on this host.
set -eu
cd "$(dirname "$0")/.."
herd=.venv/bin/herd
"$herd" models fetch smollm2-135m Q4_1 Q8_0 Q4_0
"$herd" models fetch demo-truncated
exec "$herd" sweep +sweep=demo
