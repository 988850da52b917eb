#!/bin/bash
# heavy
# The first set-up in Chromium by keyboard alone and without JavaScript: key presses counted, the booklet made; then each
# step inspected. The packages come from the lock file in tests/browser; without Node or Chromium this is skipped.
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
exec node "$B/wizard.mjs"
