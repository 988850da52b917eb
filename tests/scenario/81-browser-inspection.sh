#!/bin/bash
# heavy
# An inspection in Chromium: answers, evidence, plan, vendor, both rounds, the binder; a passkey. The packages come from
# the lock file in tests/browser; without Node, Chromium or a way to get them this is skipped.
# timeout: 600
. "$MAMORI_SRC/tests/tap.sh"
B=$MAMORI_SRC/tests/browser
command -v node >/dev/null || skip_all "node is not installed"
export CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v chromium-browser)}
[ -n "$CHROMIUM" ] || skip_all "chromium is not installed"
if [ ! -d "$B/node_modules/playwright-core" ] || [ ! -d "$B/node_modules/axe-core" ]; then
	command -v npm >/dev/null || skip_all "npm is not installed"
	(cd "$B" && timeout 120 npm ci --ignore-scripts --no-audit --no-fund) >npm.log 2>&1 ||
		skip_all "the packages of tests/browser cannot be fetched here"
fi
# what follows is the script's own TAP
command -v pdftotext >/dev/null || skip_all "pdftotext is missing"
exec node "$B/inspection.mjs"
