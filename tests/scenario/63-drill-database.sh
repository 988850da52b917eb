#!/bin/bash
# heavy
# A database is started from its newest generation in isolation, read to the end, and certified; damage is found.
# timeout: 400
: "${MAMORI_SRC:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${MAMORI:=$MAMORI_SRC/build/mamori}"
. "$MAMORI_SRC/tests/tap.sh"
dir=$(mktemp -d -p /tmp mamori-drill.XXXXXX) || exit 1
dir=$(cd "$dir" && pwd -P)
chmod 755 "$dir"
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -n 1)
# a server does not run as root, and neither does a part of this test
if [ "$(id -u)" = 0 ]; then
	id postgres >/dev/null 2>&1 && user=postgres || user=nobody
	as() { (cd / && runuser -u "$user" -- "$@"); }
else
	as() { "$@"; }
fi
cleanup() {
	[ -n "$bin" ] && as "$bin/pg_ctl" -D "$dir/src/data" -m immediate stop >/dev/null 2>&1
	rm -rf "$dir"
}
trap cleanup EXIT
unset MAMORI_LANG
export MAMORI_STATE=$dir/state LANG=C.UTF-8
m() { "$MAMORI" --lang en "$@"; }
mkdir -m 700 "$MAMORI_STATE"
mkdir "$dir/src"
[ "$(id -u)" = 0 ] && chown "$user" "$dir/src"

ok "a vault" m vault init "$dir/repo" --recovery-out "$dir/key"
as sqlite3 "$dir/src/予約.db" "CREATE TABLE t (a TEXT); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) INSERT INTO t SELECT '追加 髙橋 𠮷野 ' || i FROM n; CREATE INDEX ti ON t (a);"
m vault backup "$dir/repo" "$dir/src" --name clinic >/dev/null
m --json drill database --system clinic --repo "$dir/repo" >"$dir/out" 2>"$dir/err"
r=$?
if [ "$(jq -r .outcome "$dir/out")" = unknown ]; then
	skip "database drills" "$(jq -r .detail "$dir/out")"
	done_testing
	exit
fi
is "an SQLite database is whole" "$r $(jq -r '.databases[0] | .kind + .outcome' "$dir/out")" "0 sqlitepass"
is "and named" "$(jq -r '.databases[0].path' "$dir/out")" "/src/予約.db"
cert=$(jq -r .certificate "$dir/out")
file=$MAMORI_STATE/evidence/${cert:0:2}/$cert
ok "its certificate holds" m drill verify "$file"
ok "anywhere" m --state "$dir/none" drill verify "$file"
sed 's/"outcome": "pass"/"outcome": "fail"/' "$file" >"$dir/forged"
ok "(the forged one differs)" sh -c "! cmp -s '$file' '$dir/forged'"
status "a changed certificate does not" 1 m drill verify "$dir/forged"
status "something else is no certificate" 3 m drill verify "$dir/key"
is "a fact points at it" "$(m --json fact list 2>/dev/null | jq -r '.facts[] | select(.check == "vault.database.drill") | .outcome + " " + .evidence[0]')" "pass $cert"
ok "the record and its evidence verify" m verify

# a vault on another machine: the process that serves the generation makes its own connection
"$MAMORI" vault serve --repo "$dir/srv" --listen 127.0.0.1:0 >"$dir/ready" 2>"$dir/server.log" &
server=$!
for _ in $(seq 300); do [ -s "$dir/ready" ] && break; sleep 0.1; done
far=mamori://127.0.0.1:$(jq -r .port "$dir/ready")/far
m --json vault serve --repo "$dir/srv" --code far --role both 2>/dev/null | jq -r .code >"$dir/code"
m --state "$dir/state2" vault enrol "$far" --code-file "$dir/code" >/dev/null
m --state "$dir/state2" vault init "$far" --recovery-out "$dir/key2" >/dev/null
m --state "$dir/state2" vault backup "$far" "$dir/src" --name clinic >/dev/null
m --json --state "$dir/state2" drill database --system clinic --repo "$far" >"$dir/out" 2>"$dir/err"
is "a database of a vault elsewhere is whole" "$? $(jq -r '.databases[0] | .kind + .outcome' "$dir/out")" "0 sqlitepass"
m --json --state "$dir/state2" drill database --system clinic --repo "$far" --key "$dir/key2" >"$dir/out" 2>"$dir/err"
is "with the recovery key, too" "$? $(jq -r '.databases[0] | .kind + .outcome' "$dir/out")" "0 sqlitepass"
kill $server
wait $server 2>/dev/null
m --json --state "$dir/state2" drill database --system clinic --repo "$far" >"$dir/out" 2>"$dir/err"
is "a server that is not there proves nothing" $? 3

# a page of the database is wrong: copied faithfully, so only the drill can tell
size=$(stat -c %s "$dir/src/予約.db")
as sh -c "head -c 3000 /dev/zero | tr '\\0' Z | dd of='$dir/src/予約.db' bs=1 seek=$((size / 2)) conv=notrunc status=none"
m vault backup "$dir/repo" "$dir/src" --name clinic >/dev/null
m --json drill database --system clinic --repo "$dir/repo" >"$dir/out" 2>"$dir/err"
is "a broken database is found" "$? $(jq -r .outcome "$dir/out")" "1 fail"
ok "and what is wrong is said" [ -n "$(jq -r '.databases[0].detail' "$dir/out")" ]
as rm "$dir/src/予約.db"
echo text >"$dir/src/notes"
m vault backup "$dir/repo" "$dir/src" --name clinic >/dev/null
is "nothing to check" "$(m --json drill database --system clinic --repo "$dir/repo" 2>/dev/null | jq -r .outcome)" na
no "nothing is left behind" sh -c "ls -d '$MAMORI_STATE'/drill-database* 2>/dev/null"
is "whose turn it is" "$(m --json drill database --next --repo "$dir/repo" 2>/dev/null | jq -r .outcome)" na
status "no such system" 3 m drill database --system none --repo "$dir/repo"
status "without a system" 2 m drill database --repo "$dir/repo"

# somebody who is not root, through a user namespace
if [ "$(id -u)" = 0 ]; then
	as sqlite3 "$dir/src/own.db" "CREATE TABLE t (a); INSERT INTO t VALUES (1)"
	as env "MAMORI_STATE=$dir/src/state" "$MAMORI" vault init "$dir/src/repo" --recovery-out "$dir/src/key" >/dev/null
	as env "MAMORI_STATE=$dir/src/state" "$MAMORI" vault backup "$dir/src/repo" "$dir/src/own.db" --name own >/dev/null
	as env "MAMORI_STATE=$dir/src/state" "$MAMORI" --json drill database --system own --repo "$dir/src/repo" >"$dir/out" 2>/dev/null
	case $(jq -r .outcome "$dir/out") in
	unknown) skip "without root" "$(jq -r .detail "$dir/out")" ;;
	*) is "without root" "$(jq -r .outcome "$dir/out")" pass ;;
	esac
	rm -rf "$dir/src/state" "$dir/src/repo" "$dir/src/own.db" "$dir/src/key"
fi

if [ -z "$bin" ]; then
	skip "PostgreSQL" "it is not installed"
	done_testing
	exit
fi
as "$bin/initdb" -D "$dir/src/data" -A trust -U orca -E UTF8 --locale=C.UTF-8 >"$dir/log" 2>&1
sql() { as "$bin/psql" -h "$dir/src" -U orca -d postgres -AtqXc "$1"; }
ok "a database server" as "$bin/pg_ctl" -D "$dir/src/data" -l "$dir/src/log" -o "-k $dir/src -c listen_addresses=''" -w start
sql "CREATE TABLE chart AS SELECT i AS id, '髙橋 ' || i AS name FROM generate_series(1, 50000) i; CREATE INDEX ON chart (id); CHECKPOINT"
sql "INSERT INTO chart SELECT i, 'later' FROM generate_series(50001, 60000) i"
# taken while it runs: what a night's copy of an open database is
m vault backup "$dir/repo" "$dir/src" --name clinic >/dev/null
as "$bin/pg_ctl" -D "$dir/src/data" -m immediate stop >/dev/null 2>&1
m --json drill restore --system clinic --repo "$dir/repo" >"$dir/out" 2>"$dir/err"
is "a whole system with its database" "$? $(jq -r '.ok, .database.outcome' "$dir/out" | tr '\n' ' ')" "0 true pass "
is "under its own superuser, measured" "$(jq -r '.database.databases[0] | .kind, .first_answer_ms > 0, .bytes > 500000' "$dir/out" | tr '\n' ' ')" "postgresql true true "
ok "both certificates verify" sh -c "for f in \$(find '$MAMORI_STATE/evidence' -type f); do '$MAMORI' drill verify \$f || exit 1; done"
f=$(find "$dir/src/data/base" -type f -size +1000k | sort | head -n 1)
as sh -c "head -c 100000 /dev/urandom | dd of='$f' bs=8192 seek=20 conv=notrunc status=none"
m vault backup "$dir/repo" "$dir/src" --name clinic >/dev/null
m --json drill database --system clinic --repo "$dir/repo" >"$dir/out" 2>"$dir/err"
is "a table that was overwritten is found" "$? $(jq -r .outcome "$dir/out")" "1 fail"
done_testing
