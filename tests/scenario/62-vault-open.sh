#!/bin/bash
# heavy
# Serve first, hydrate after: a generation to work in at once; nothing synced is lost when the server is killed; a
# database starts on it and goes on.
# timeout: 300
: "${MAMORI_SRC:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${MAMORI:=$MAMORI_SRC/build/mamori}"
. "$MAMORI_SRC/tests/tap.sh"
# where another user (the database's) may enter
dir=$(mktemp -d -p /tmp mamori-open.XXXXXX) || exit 1
dir=$(cd "$dir" && pwd -P)
chmod 755 "$dir"
at=$dir/at
# also where the server is dead and the folder does not answer
mounted() { grep -qF " $1 fuse" /proc/mounts; }
off() { mounted "$1" && { fusermount3 -u -z "$1" 2>/dev/null || umount -l "$1"; }; }
pg_stop() { :; }
cleanup() {
	pg_stop
	off "$at"
	rm -rf "$dir"
}
trap cleanup EXIT
unset MAMORI_LANG
export MAMORI_STATE=$dir/state LANG=C.UTF-8
mkdir -m 700 "$MAMORI_STATE"
m() { "$MAMORI" --lang en "$@"; }
gone() { for _ in $(seq 200); do mounted "$1" || return 0; sleep 0.05; done; return 1; }
# whole OVERLAY: wait until everything has arrived
whole() { for _ in $(seq 600); do m vault hydrate "$1" >/dev/null 2>&1 && return 0; sleep 0.1; done; return 1; }

src=$dir/src
mkdir -p "$src/記録/深い" "$src/many" "$src/empty"
printf 'カルテ' >"$src/記録/追加 髙橋 﨑 𠮷野 葛󠄀 ① ㈱ ｶﾅ ～.txt"
head -c 5000000 /dev/urandom >"$src/big.bin"
cp "$src/big.bin" "$src/cut.bin"
cp "$src/big.bin" "$src/grow.bin"
ln "$src/big.bin" "$src/記録/second"
ln -s big.bin "$src/link"
truncate -s 40M "$src/sparse"
for i in $(seq 400); do echo "$i" >"$src/many/$i"; done
chmod 400 "$src/many/7"
touch -d '2001-02-03 04:05:06.5 UTC' "$src/big.bin" "$src/記録/深い"
ok "a vault" m vault init "$dir/repo" --recovery-out "$dir/key"
ok "a generation" m vault backup "$dir/repo" "$src" --name emr

mkdir "$at"
status "without a place for the data" 2 m vault open "$dir/repo" latest "$at"
status "a path that is not there" 3 m vault open "$dir/repo" latest "$at" --overlay "$dir/o0" --path "$src/none"
status "not an overlay" 3 m vault hydrate "$src"
if ! [ -r /dev/fuse ] || ! [ -w /dev/fuse ] || ! command -v fusermount3 >/dev/null ||
    ! m vault open "$dir/repo" latest "$at" --overlay "$dir/ov" --lazy --key "$dir/key" >"$dir/out" 2>&1; then
	skip "opening" "this machine does not let us mount: $(tail -n 1 "$dir/out" 2>/dev/null)"
	done_testing
	exit
fi

# -- the same as the source, and writable --------------------------------------------------------
top=$at/src
listing() { (cd "$1" && find . -printf '%P|%y|%m|%s|%T@|%l|%n\n' | sed 's/|d|\([0-7]*\)|[0-9]*|\([^|]*\)|\(.*\)|[0-9]*$/|d|\1|\2|\3/' | sort); }
contents() { (cd "$1" && find . -type f -print0 | sort -z | xargs -0 sha256sum); }
listing "$src" >"$dir/l1"
contents "$src" >"$dir/c1"
listing "$top" >"$dir/l2"
ok "names, kinds, modes, sizes, times, links" cmp "$dir/l1" "$dir/l2"
status "not everything has arrived" 1 m vault hydrate "$dir/ov"
is "one byte from the middle" "$(tail -c +2500001 "$top/big.bin" | head -c 1 | od -An -tx1)" "$(tail -c +2500001 "$src/big.bin" | head -c 1 | od -An -tx1)"
contents "$top" >"$dir/c2"
ok "every byte" cmp "$dir/c1" "$dir/c2"
listing "$top" >"$dir/l2"
ok "reading changed no time" cmp "$dir/l1" "$dir/l2"
ok "it can be written" sh -c "printf new >'$top/新しい'; printf more >>'$top/many/1'"
is "and read again" "$(cat "$top/many/1")" "1
more"
status "served by one only" 3 m vault open "$dir/repo" latest "$dir/src/empty" --overlay "$dir/ov"
off "$at"; gone "$at"
is "the source is untouched" "$(cat "$src/many/1")" 1

# -- changes to what has not arrived, and kill -9 ------------------------------------------------
mkdir "$dir/want"
cp -a "$src" "$dir/want/"
want=$dir/want/src
change() {
	printf 'XYZ' | dd of="$1/big.bin" bs=1 seek=1310719 conv=notrunc status=none
	truncate -s 200001 "$1/cut.bin" && truncate -s 300000 "$1/cut.bin"
	head -c 262144 /dev/zero | tr '\0' A | dd of="$1/grow.bin" bs=131072 seek=3 conv=notrunc status=none
	printf tail >>"$1/grow.bin"
	mv "$1/many" "$1/moved" && rm "$1/moved/3" && mv "$1/moved/4" "$1/moved/5"
	ln "$1/moved/6" "$1/six" && printf six >>"$1/six"
	rm "$1/記録/second" && printf again >"$1/記録/second"
	mkdir "$1/made" && printf x >"$1/made/x"
}
"$MAMORI" --lang en vault open "$dir/repo" latest "$at" --overlay "$dir/ov2" --lazy --foreground >"$dir/out" 2>&1 &
pid=$!
for _ in $(seq 200); do mountpoint -q "$at" && break; sleep 0.05; done
no "a folder whose names are not here is not empty" rmdir "$top/many"
change "$top"
change "$want"
sync -f "$top/big.bin" 2>/dev/null
for f in big.bin cut.bin grow.bin moved/5 six 記録/second made/x; do sync "$top/$f"; done
stat "$at" >/dev/null # the kernel now remembers the folder, also when nobody serves it
kill -KILL $pid
wait $pid 2>/dev/null
ok "after kill -9 it goes on" m vault open "$dir/repo" latest "$at" --overlay "$dir/ov2"
contents "$want" >"$dir/c1"
contents "$top" >"$dir/c2"
ok "with every change that was synced" cmp "$dir/c1" "$dir/c2"
ok "the rest arrives by itself" whole "$dir/ov2"
off "$at"; gone "$at"
no "not over something" m vault hydrate "$dir/ov2" --finish "$dir/src"
ok "it becomes an ordinary folder" m vault hydrate "$dir/ov2" --finish "$dir/done"
contents "$dir/done/src" >"$dir/c2"
ok "whole, without the vault" cmp "$dir/c1" "$dir/c2"
ok "holes stay holes" [ "$(du -k "$dir/done/src/sparse" | cut -f1)" -lt 4000 ]
no "and the overlay is gone" test -e "$dir/ov2"

# -- another generation, a torn journal ----------------------------------------------------------
echo later >"$src/later"
m vault backup "$dir/repo" "$src" --name emr >/dev/null
status "an overlay of another generation" 3 m vault open "$dir/repo" latest "$at" --overlay "$dir/ov"
first=$(m vault list "$dir/repo" --json 2>/dev/null | jq -r '.generations[0].id')
head -c 17 /dev/urandom >>"$dir/ov/journal"
ok "a torn journal" m vault open "$dir/repo" "$first" "$at" --overlay "$dir/ov" --key "$dir/key"
is "holds what was done" "$(cat "$top/新しい" && cat "$top/many/1")" "new1
more"
ok "and is finished" whole "$dir/ov"
off "$at"; gone "$at"

# -- a database ----------------------------------------------------------------------------------
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -n 1)
if [ -z "$bin" ]; then
	skip "a database" "PostgreSQL is not installed"
	done_testing
	exit
fi
mkdir "$dir/pg"
if [ "$(id -u)" = 0 ]; then
	chown postgres "$dir/pg"
	pg() { (cd / && runuser -u postgres -- "$@"); }
	others=--allow-other
else
	pg() { "$@"; }
	others=
fi
data=$dir/pg/data
pg "$bin/initdb" -D "$data" -A trust -E UTF8 --locale=C.UTF-8 >"$dir/out" 2>&1
start() { pg "$bin/pg_ctl" -D "$1" -l "$dir/pg/log" -o "-k $dir/pg -c listen_addresses=''" -w -t 60 start >/dev/null; }
sql() { pg "$bin/psql" -h "$dir/pg" -d postgres -AtqXc "$1"; }
ok "a database" start "$data"
pg_stop() { pg "$bin/pg_ctl" -D "${db:-$data}" -m immediate stop >/dev/null 2>&1; }
sql "CREATE TABLE chart (id serial PRIMARY KEY, name text, n bigint); INSERT INTO chart (name, n) SELECT '𠮷野 髙橋 ' || i, i FROM generate_series(1, 200000) i;"
pg "$bin/pg_ctl" -D "$data" -m fast -w stop >/dev/null
ok "kept" m vault backup "$dir/repo" "$data" --name db
"$MAMORI" --lang en vault open "$dir/repo" db "$at" --overlay "$dir/ov3" --path "$data" $others --foreground >"$dir/out" 2>&1 &
pid=$!
for _ in $(seq 200); do mountpoint -q "$at" && break; sleep 0.05; done
db=$at
ok "it starts on the opened generation" start "$at"
is "and answers" "$(sql "SELECT name FROM chart WHERE id = 123456")" "𠮷野 髙橋 123456"
is "and takes work" "$(sql "INSERT INTO chart (name, n) SELECT 'new', i FROM generate_series(1, 1000) i; UPDATE chart SET n = -n WHERE id % 100 = 0; SELECT count(*) FROM chart")" 201000
postmaster=$(head -n 1 "$at/postmaster.pid")
children=$(pgrep -P "$postmaster")
kill -KILL $pid
wait $pid 2>/dev/null
# the power went away for the database, too: none of its processes may be left
# shellcheck disable=SC2086
kill -KILL $postmaster $children 2>/dev/null
left() { for p in $postmaster $children; do [ -d "/proc/$p" ] && return 0; done; return 1; }
for _ in $(seq 300); do left || break; sleep 0.1; done
off "$at"; gone "$at"
rm -f "$dir/pg/.s.PGSQL.5432" "$dir/pg/.s.PGSQL.5432.lock"
ok "opened again after kill -9" m vault open "$dir/repo" db "$at" --overlay "$dir/ov3" --path "$data" $others
pg rm -f "$at/postmaster.pid"
ok "the database recovers" start "$at" || tail -n 20 "$dir/pg/log" | sed 's/^/# /'
is "nothing committed is lost" "$(sql "SELECT count(*), sum(CASE WHEN n < 0 THEN 1 ELSE 0 END) FROM chart")" "201000|2010"
is "every row can be read" "$(sql "SELECT count(name) FROM chart WHERE length(name) > 0")" 201000
ok "all of it arrives" whole "$dir/ov3"
pg "$bin/pg_ctl" -D "$at" -m fast -w stop >/dev/null
db=
off "$at"; gone "$at"
ok "and is an ordinary folder" m vault hydrate "$dir/ov3" --finish "$dir/pg/new"
ok "that starts without the vault" start "$dir/pg/new"
is "with the same rows" "$(sql "SELECT count(*) FROM chart")" 201000
pg "$bin/pg_ctl" -D "$dir/pg/new" -m fast -w stop >/dev/null
done_testing
