#!/bin/bash
# heavy
# The console in Chromium: a director's first hour without JavaScript, and every page inspected. The packages come from
# the lock file in tests/browser; without Node, Chromium or a way to get them this is skipped.
# timeout: 600
. "$MAMORI_SRC/tests/tap.sh"
. "$MAMORI_SRC/tests/browser/ready.sh"
# what follows is the script's own TAP
exec node "$B/journey.mjs"
