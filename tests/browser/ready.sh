# Sourced by the scripts that drive a browser (after tap.sh): Node, Chromium ($CHROMIUM) and the packages of the lock file
# in this folder ($B), or everything is skipped with the reason. Scripts run side by side: one of them fetches at a time,
# and the mark that is written last says that all of it is there.
B=$MAMORI_SRC/tests/browser
command -v node >/dev/null || skip_all "node is not installed"
export CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v chromium-browser)}
[ -n "$CHROMIUM" ] || skip_all "chromium is not installed"
if [ ! "$B/node_modules/.ready" -nt "$B/package-lock.json" ]; then
	command -v npm >/dev/null || skip_all "npm is not installed"
	(
		flock 9
		[ ! "$B/node_modules/.ready" -nt "$B/package-lock.json" ] || exit 0
		cd "$B" && timeout 120 npm ci --ignore-scripts --no-audit --no-fund && touch node_modules/.ready
	) 9>"$B/.fetching" >npm.log 2>&1 || skip_all "the packages of tests/browser cannot be fetched here"
fi
