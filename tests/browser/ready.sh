# Sourced by the scripts that drive a browser (after tap.sh): Node, Chromium ($CHROMIUM) and the packages of the lock file
# in this folder ($B), or everything is skipped with the reason. Scripts run side by side: one of them fetches at a time,
# and the mark that is written last says that all of it is there.
B=$MAMORI_SRC/tests/browser
command -v node >/dev/null || skip_all "node is not installed"
export CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v chromium-browser)}
[ -n "$CHROMIUM" ] || skip_all "chromium is not installed"
ready() { [ "$B/node_modules/.ready" -nt "$B/package-lock.json" ]; }
if ! ready; then
	command -v npm >/dev/null || skip_all "npm is not installed"
	(
		flock 9
		! ready || exit 0
		# what somebody fetched by hand will do: npm begins by removing it, and here may be no network
		if [ ! -s "$B/.fetching" ] && [ "$B/node_modules/.package-lock.json" -nt "$B/package-lock.json" ]; then
			touch "$B/node_modules/.ready"
			exit 0
		fi
		echo fetching >&9
		cd "$B" && timeout 120 npm ci --ignore-scripts --no-audit --no-fund && touch node_modules/.ready && : >.fetching
	) 9>>"$B/.fetching" >npm.log 2>&1 || skip_all "the packages of tests/browser cannot be fetched here"
fi
