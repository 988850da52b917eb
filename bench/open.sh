#!/bin/bash
# open.sh [--build DIR] [--sizes "GB..."] [--runs N] [--cold]
#
# PostgreSQL from a generation: how long from `mamori vault open` until the server, started on the folder, gives its first
# answer (one row by its key out of the middle of the largest table), and whether that grows with the size. For each size a
# cluster is filled by pgbench, stopped, and kept as a generation; each run begins with an empty overlay; with
# --cold (root) also without the page cache. Beside it, once, an ordinary restore of the same. Prints the rows for BENCHMARKS.md. Needs room
# for about three times the largest size in $MAMORI_BENCH_DIR (default /tmp), and somebody who may open /dev/fuse.
set -u
export LC_ALL=C.UTF-8
here=$(cd "$(dirname "$0")" && pwd) || exit 3
build=$here/../build-bench sizes='0.2 1 5' runs=3 cold=0
while [ $# -gt 0 ]; do
	case $1 in
	--build) build=$2; shift ;;
	--sizes) sizes=$2; shift ;;
	--runs) runs=$2; shift ;;
	--cold) cold=1 ;;
	*) sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
	esac
	shift
done
mamori=$(realpath "$build")/mamori || exit 3
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -n 1)
[ -x "$mamori" ] && [ -n "$bin" ] || { echo "open.sh: needs a build and postgresql" >&2; exit 3; }
top=$(mktemp -d "${MAMORI_BENCH_DIR:-/tmp}/mamori-open.XXXXXX") || exit 3
chmod 755 "$top"
at=$top/at data=$top/pg/data others=
pg() { "$@"; }
if [ "$(id -u)" = 0 ]; then # a server is never root
	pg() { (cd / && runuser -u postgres -- "$@"); }
	others=--allow-other
fi
mkdir "$top/pg" "$top/state" && chmod 700 "$top/state"
[ -z "$others" ] || chown postgres "$top/pg"
export MAMORI_STATE=$top/state
start() { pg "$bin/pg_ctl" -D "$1" -l "$top/pg/log" -o "-k $top/pg -c listen_addresses=''" -w -t 300 start >/dev/null; }
stop() { pg "$bin/pg_ctl" -D "$1" -m "$2" -w stop >/dev/null 2>&1; }
ask() { pg psql -h "$top/pg" -d postgres -Atc "$1"; }
off() { grep -qF " $at fuse" /proc/mounts && { fusermount3 -u "$at" 2>/dev/null || umount -l "$at"; }; }
finish() { stop "$at" immediate; off; stop "$data" immediate; rm -rf "$top"; }
trap finish EXIT
ms() { echo $(($(date +%s%N) / 1000000)); }
median() { sort -n | awk '{v[NR]=$1} END {print NR % 2 ? v[(NR+1)/2] : (v[NR/2]+v[NR/2+1])/2}'; }

fill() { # GB: pgbench makes about 15 MB a unit of scale
	rm -rf "$data" && pg "$bin/initdb" -A trust -D "$data" >/dev/null && start "$data" || return
	scale=$(awk -v g="$1" 'BEGIN {printf "%d", g * 1024 / 15 + 0.5}')
	pg "$bin/pgbench" -h "$top/pg" -i -q -s "$scale" postgres >"$top/pg/fill" 2>&1 && stop "$data" fast
}
once() { # first answer, in ${took}; the answer in ${answer}
	rm -rf "$top/ov" && mkdir -p "$at"
	[ $cold = 0 ] || { sync; echo 3 >/proc/sys/vm/drop_caches; }
	local t0
	t0=$(ms)
	"$mamori" vault open "$top/repo" db "$at" --overlay "$top/ov" --path "$data" --lazy $others >/dev/null &&
	    start "$at" && answer=$(ask "SELECT aid FROM pgbench_accounts WHERE aid = $((scale * 50000))") || return
	took=$(($(ms) - t0))
	fetched=$(du -sm "$top/ov/data" | cut -f1)
	stop "$at" fast
	off
}

"$mamori" vault init "$top/repo" --recovery-out "$top/key" >/dev/null || exit 3
echo "| database | first answer: median (all runs), ms | fetched until then, MiB | ordinary restore, ms | load |"
echo "|---|---|---|---|---|"
for gb in $sizes; do
	fill "$gb" || { echo "open.sh: no database of $gb GB; see below" >&2; tail -3 "$top/pg/fill" "$top/pg/log" >&2; exit 3; }
	mb=$(du -sm "$data" | cut -f1)
	"$mamori" vault backup "$top/repo" "$data" --name db >/dev/null 2>&1
	all=
	for _ in $(seq "$runs"); do
		once && [ "$answer" = $((scale * 50000)) ] || { echo "open.sh: no answer at $gb GB" >&2; tail -3 "$top/pg/log" >&2; exit 3; }
		all="$all $took"
	done
	t0=$(ms)
	"$mamori" vault restore "$top/repo" db --to "$top/back" >/dev/null || exit 3
	whole=$(($(ms) - t0))
	rm -rf "$top/back"
	echo "| $mb MiB | $(tr ' ' '\n' <<<"${all# }" | median) (${all# }) | $fetched | $whole | $(cut -d' ' -f1 /proc/loadavg) |"
done
