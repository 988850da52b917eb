#!/bin/bash
# heavy
# An inspection in Chromium: answers, evidence, plan, vendor, both rounds, the binder; a passkey. The packages come from
# the lock file in tests/browser; without Node, Chromium or a way to get them this is skipped.
# timeout: 600
. "$MAMORI_SRC/tests/tap.sh"
. "$MAMORI_SRC/tests/browser/ready.sh"
# what follows is the script's own TAP
command -v pdftotext >/dev/null || skip_all "pdftotext is missing"
exec node "$B/inspection.mjs"
