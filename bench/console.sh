#!/bin/bash
# console.sh [--build DIR] [--rows N] [--users N]
#
# The console's limits: a binder of a hospital of 200 beds; lists of 10,000 records; all of mamorid's memory, idle; 50
# people at once. Everything over HTTPS on the loopback, on a state of its own. One line a measure, tab-separated: what,
# figure, unit, limit (MISSED when it is), load average. CPU-ms are mamorid's own, which a loaded machine does not change
# as much as the time on the clock. Exit status 1 when a limit is missed. Needs python3, curl, pdfinfo.
set -u
here=$(cd "$(dirname "$0")" && pwd) || exit 3
build=$here/../build-bench
export ROWS=10000 USERS=50
while [ $# -gt 1 ]; do
	case $1 in
	--build) build=$2 ;;
	--rows) ROWS=$2 ;;
	--users) USERS=$2 ;;
	*) sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
	esac
	shift 2
done
[ $# = 0 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
build=$(realpath "$build") || exit 2
MAMORI_SRC=$(realpath "$here/..") MAMORI_BUILD=$build MAMORI=$build/mamori PYTHONDONTWRITEBYTECODE=1 exec python3 "$here/console.py"
