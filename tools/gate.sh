# Sourced by the gates that build. A gate builds into its own build-NAME directory.
# shellcheck shell=bash
jobs=${JOBS:-$(nproc)}
clang=$(command -v clang-14 || command -v clang || echo clang-is-missing)

# fresh_build DIR CC FLAGS...: configure DIR, again if its flags are not these.
fresh_build() {
	local dir=$1 cc=$2
	shift 2
	if [ ! -f "$dir/build.ninja" ] || [ "$(cat "$dir/.flags" 2>/dev/null)" != "$cc $*" ]; then
		rm -rf "$dir"
		CC=$cc meson setup "$@" "$dir" >"$dir.log" 2>&1 || { cat "$dir.log"; rm -f "$dir.log"; return 1; }
		rm -f "$dir.log"
		echo "$cc $*" >"$dir/.flags"
	fi
}

# ninja_all DIR [TARGET...]: build as much as can be built; print only what went wrong.
ninja_all() {
	local dir=$1 log rc
	shift
	log=$(mktemp)
	ninja -C "$dir" -k 0 -j "$jobs" "$@" >"$log" 2>&1
	rc=$?
	[ $rc = 0 ] || grep -aE '(error|warning|undefined reference|FAILED|ninja): ?' "$log" | head -80
	grep -ac '^\[' "$log" | sed "s|^|$dir: steps: |"
	rm -f "$log"
	return $rc
}
