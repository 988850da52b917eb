# Sourced by the scripts that drive a browser (after tap.sh): Node, Chromium ($CHROMIUM) and the packages of the lock file
# in this folder ($B), or everything is skipped with the reason. Scripts run side by side: one of them fetches at a time.
B=$MAMORI_SRC/tests/browser
command -v node >/dev/null || skip_all "node is not installed"
export CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v chromium-browser)}
[ -n "$CHROMIUM" ] || skip_all "chromium is not installed"
ready() { [ "$B/node_modules/.package-lock.json" -nt "$B/package-lock.json" ]; } # npm writes it last
if ! ready; then
	command -v npm >/dev/null || skip_all "npm is not installed"
	(
		flock 9
		! ready || exit 0
		rm -f "$B/node_modules/.package-lock.json"
		cd "$B" && timeout 120 npm ci --ignore-scripts --no-audit --no-fund && ready
	) 9>"$B/.fetching" >npm.log 2>&1 || skip_all "the packages of tests/browser cannot be fetched here"
fi
