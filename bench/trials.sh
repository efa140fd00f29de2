#!/bin/sh
# The quick bench, and then the short campaign on both backends, side by side: they wait more than they work, but a machine that
# is busy with something else keeps their gateways from reading what was sent in time. Fails when one of them does.
node dist/bench/speed/main.js --quick
failed=$?
node dist/bench/chaos/main.js --recipients 2000 --kills 8 --seed 1 --json &
redis=$!
node dist/bench/chaos/main.js --recipients 2000 --kills 8 --seed 2 --backend postgres --json &
postgres=$!
wait "$redis" || failed=1
wait "$postgres" || failed=1
exit "$failed"
