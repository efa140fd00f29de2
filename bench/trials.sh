#!/bin/sh
# The short campaign on both backends and the quick bench, side by side: all three wait more than they work, and none of
# them judges how fast anything was. Fails when one of them does.
node dist/bench/chaos/main.js --recipients 2000 --kills 8 --seed 1 --json &
redis=$!
node dist/bench/chaos/main.js --recipients 2000 --kills 8 --seed 2 --backend postgres --json &
postgres=$!
node dist/bench/speed/main.js --quick
failed=$?
wait "$redis" || failed=1
wait "$postgres" || failed=1
exit "$failed"
