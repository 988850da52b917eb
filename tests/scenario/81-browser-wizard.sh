#!/bin/bash
# heavy
# The first set-up in Chromium by keyboard alone and without JavaScript: key presses counted, the booklet made; then each
# step inspected. The packages come from the lock file in tests/browser; without Node or Chromium this is skipped.
# timeout: 600
. "$MAMORI_SRC/tests/tap.sh"
. "$MAMORI_SRC/tests/browser/ready.sh"
# what follows is the script's own TAP
exec node "$B/wizard.mjs"
