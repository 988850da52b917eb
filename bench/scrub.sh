#!/bin/bash
# scrub.sh [--build DIR] [--files N] [--runs N]
#
# The scrub without a key (`mamori vault verify REPO --data`) beside reading the same bytes (`cat`): a vault of N random files
# of 128 MiB (24), page cache dropped before each command (root), the two taking turns; then the scrub once more from memory.
# Prints the rows for BENCHMARKS.md (medians). Needs twice the size in $MAMORI_BENCH_DIR (default /tmp).
set -u
export LC_ALL=C.UTF-8
here=$(cd "$(dirname "$0")" && pwd) || exit 3
build=$here/../build-bench files=24 runs=5
while [ $# -gt 0 ]; do
	case $1 in
	--build) build=$2; shift ;;
	--files) files=$2; shift ;;
	--runs) runs=$2; shift ;;
	*) sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
	esac
	shift
done
mamori=$(realpath "$build")/mamori || exit 3
[ -x "$mamori" ] && [ "$(id -u)" = 0 ] || { echo "scrub.sh: needs a build, and root to drop the page cache" >&2; exit 3; }
top=$(mktemp -d "${MAMORI_BENCH_DIR:-/tmp}/mamori-scrub.XXXXXX") || exit 3
trap 'rm -rf "$top"' EXIT
cd "$top" && export MAMORI_STATE=$top/state && mkdir src || exit 3
for i in $(seq "$files"); do head -c 128M /dev/urandom >"src/$i" || exit 3; done
"$mamori" vault init repo --recovery-out key >/dev/null && "$mamori" vault backup repo src --name scrub >/dev/null 2>&1 || exit 3
sync
bytes=$(cat repo/seg/* | wc -c)
cold() { echo 3 >/proc/sys/vm/drop_caches; }
timed() { # FILE COMMAND...: milliseconds
	local t0
	t0=$(date +%s%N)
	"${@:2}" >/dev/null || { echo "scrub.sh: ${*:2} failed" >&2; exit 3; }
	echo $((($(date +%s%N) - t0) / 1000000)) >>"$1"
}
row() { # WHAT FILE
	sort -n "$2" | awk -v what="$1" -v b="$bytes" '{v[NR] = $1} END {m = NR % 2 ? v[(NR+1)/2] : (v[NR/2]+v[NR/2+1])/2
	printf "| %s | %.2f s (%.2f to %.2f) | %.1f GB/s |\n", what, m / 1000, v[1] / 1000, v[NR] / 1000, b / m / 1e6}'
}
for _ in $(seq "$runs"); do
	cold; timed cat cat repo/seg/*
	cold; timed scrub "$mamori" vault verify repo --data
	timed warm "$mamori" vault verify repo --data
done
echo "$((bytes >> 20)) MiB, $runs runs, load $(cut -d' ' -f1 /proc/loadavg)"
echo "| | time: median (all) | rate |"
echo "|---|---|---|"
row '`cat`, cold' cat
row 'scrub, cold' scrub
row 'scrub, from memory' warm
