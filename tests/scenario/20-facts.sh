#!/bin/bash
# Facts, their seal and the state at a glance, as a person meets them.
# timeout: 120
: "${MAMORI_SRC:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${MAMORI:=$MAMORI_SRC/build/mamori}"
. "$MAMORI_SRC/tests/tap.sh"
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
unset MAMORI_LANG
export MAMORI_STATE=$dir/state LANG=C.UTF-8
m() { "$MAMORI" "$@"; }
mj() { "$MAMORI" --json "$@" 2>/dev/null; }
json() { python3 -c 'import json,sys
o=json.loads(sys.stdin.read())
print(eval(sys.argv[1],{"o":o,"len":len,"sum":sum}))' "$1"; }
add() { m fact add --check vault.restore.drill --subject "system:$1" --outcome pass "${@:2}"; }

# -- wrong usage -------------------------------------------------------------------------------
status "no command" 2 m
status "unknown command" 2 m frobnicate
status "unknown option" 2 m --frobnicate status
status "unknown language" 2 m --lang fr status
status "state without a value" 2 m status --state
status "unknown second command" 2 m fact frobnicate
status "unknown option of a command" 2 m fact list --frobnicate
status "a number that is none" 2 m fact list --limit ten
status "a time that is none" 2 m fact list --since yesterday
status "status takes nothing" 2 m status now
status "verify takes no names" 2 m verify all
status "fact show wants a number" 2 m fact show x
status "add without a subject" 2 m fact add --check a.b --outcome pass
status "add with an outcome that is none" 2 m fact add --check a.b --subject k:i --outcome good
status "add with a name that is none" 2 m fact add --check AB --subject k:i --outcome pass
status "add from the future" 2 m fact add --check a.b --subject k:i --outcome pass --at 2999-01-01T00:00:00Z
status "people cannot measure" 2 m fact add --check a.b --subject k:i --outcome pass --by measured
status "help is no failure" 0 m --help
status "nor is that of a command" 0 m fact --help
status "version" 0 m --version
status "no state yet" 3 m status
status "no state to verify" 3 m verify
is "nothing was made by all that" "$(ls "$dir")" ""
is "a failure under --json is one object" "$(mj status | json 'o["ok"]')" False

# -- declaring and reading ---------------------------------------------------------------------
name='電子カルテ 追加 髙橋 﨑 𠮷野 葛󠄀 ① ㈱ ｶﾅ ～'
ok "declare a fact" add "$name" --note "$name"
is "seq under --json, options anywhere" "$(m fact add --check human.training --subject person:1 --json --outcome fail 2>/dev/null | json 'o["seq"]')" 2
is "two facts" "$(m fact list --json | json 'len(o["facts"])')" 2
is "the name comes back" "$(mj fact list --check vault.restore.drill | json 'o["facts"][0]["subject"]["id"]')" "$name"
is "so does the note" "$(mj fact show 1 | json 'o["facts"][0]["observed"]["note"]')" "$name"
is "it is declared, not measured" "$(mj fact show 1 | json 'o["facts"][0]["source"]["by"]')" declared
is "by group" "$(mj fact list --check human. | json 'len(o["facts"])')" 1
is "by subject" "$(mj fact list --subject person:1 | json 'len(o["facts"])')" 1
is "since tomorrow" "$(mj fact list --since 2999-01-01 | json 'len(o["facts"])')" 0
is "since a week ago" "$(mj fact list --since 7d | json 'len(o["facts"])')" 2
is "the newest one" "$(mj fact list --limit 1 | json 'o["facts"][0]["seq"]')" 2
status "a number that is not there" 3 m fact show 99
echo '{"check":"a.b","subject":{"kind":"k","id":"i"},"outcome":"na","at":"2026-11-22T03:10:00+09:00","source":{"by":"vendor","module":"letter","version":"1","host":"post"}}' >"$dir/fact.json"
ok "a whole fact from a file" m fact add "$dir/fact.json"
ok "and from standard input" sh -c '"$1" fact add - <"$2"' sh "$MAMORI" "$dir/fact.json"
sed 's/vendor/measured/' "$dir/fact.json" >"$dir/lie.json"
status "but not one that says it was measured" 2 m fact add "$dir/lie.json"
echo "the photograph" >"$dir/photo"
ok "evidence" m fact add --check a.b --subject k:i --outcome pass --evidence "$dir/photo"
ln -s photo "$dir/link"
ok "evidence through a symbolic link" m fact add --check a.b --subject k:i --outcome pass --evidence "$dir/link"
head -c 70000 /dev/zero >"$dir/large"
status "a fact that is no fact" 2 m fact add /dev/null
status "a fact that is too large" 3 m fact add "$dir/large"
status "a fact that is not there" 3 m fact add "$dir/none"
status "evidence that is not there" 3 m fact add --check a.b --subject k:i --outcome pass --evidence "$dir/none"
is "the state is closed to others" "$(stat -c %a "$dir/state" "$dir/state/keys" "$dir/state/keys/facts.key" | tr '\n' ' ')" "700 700 600 "

# -- verifying ---------------------------------------------------------------------------------
status "verify" 0 m verify
is "verify leaves a fact" "$(mj fact list --check ledger.verify | json 'o["facts"][0]["outcome"]')" pass
is "unless asked not to" "$(mj verify --no-fact | json 'o["ok"], o["first_bad"]')" "(True, None)"
is "so there is still one" "$(mj fact list --check ledger.verify | json 'len(o["facts"])')" 1
status "status" 0 m status
is "declared is not green" "$(mj status | json '[e["verdict"] for e in o["engines"] if e["name"]=="vault"][0]')" grey
is "the ledger is green" "$(mj status | json '[e["verdict"] for e in o["engines"] if e["name"]=="ledger"][0]')" green
is "what is not installed says so" "$(mj status | json '[e["state"] for e in o["engines"] if e["name"]=="journal"][0]')" "not set up"
is "every engine is counted" "$(mj status | json 'sum(o["verdicts"].values())==len(o["engines"])' 2>/dev/null)" True

cp -a "$dir/state" "$dir/good"
restore() { rm -rf "$dir/state" && cp -a "$dir/good" "$dir/state"; }
size=$(stat -c %s "$dir/state/facts/log")
flip "$dir/state/facts/log" $((size - 300))
status "a flipped byte is found" 1 m verify
is "and named" "$(mj verify 2>/dev/null | json 'o["ok"], o["first_bad"]["ledger"], o["first_bad"]["seq"] > 0')" "(False, 'facts', True)"
status "status is red then" 1 m status
is "only the record is; the rest is unknown" "$(mj status | json 'o["verdicts"]["red"], o["verdicts"]["green"]')" "(1, 0)"
status "nothing is added to it" 1 add emr
is "and nothing changed" "$(stat -c %s "$dir/state/facts/log")" "$size"
restore
flip "$dir/state/facts/log" 120
status "a flipped byte in the first record" 1 m verify --no-fact
restore
truncate -s -1 "$dir/state/facts/log"
status "a cut tail" 1 m verify --no-fact
restore
printf 'x' >>"$dir/state/facts/log"
status "a write that was interrupted is no damage" 0 m verify --no-fact
ok "and is mended by the next fact" add emr
status "verify" 0 m verify --no-fact
restore
rm -rf "$dir/state/facts"
status "the whole record gone" 1 m verify --no-fact
status "is not begun anew" 1 add emr
restore
chmod u+w "$dir"/state/evidence/*/*
echo "another photograph" >"$(echo "$dir"/state/evidence/*/*)"
status "changed evidence" 1 m verify --no-fact
is "is named" "$(mj verify --no-fact 2>/dev/null | json 'o["first_bad"]["ledger"]')" evidence
restore
# an older copy of everything in facts/: sound in itself, but the state remembers more
cp -a "$dir/state/facts" "$dir/old"
ok "two more facts" add emr
status "which verify remembers" 0 m verify
rm -rf "$dir/state/facts" && cp -a "$dir/old" "$dir/state/facts"
status "the record set back to yesterday's copy" 1 m verify --no-fact
restore

# -- another sealed record that the state knows of, on a medium of its own
restore
mkdir "$dir/medium" && cp -a "$dir/state/facts" "$dir/medium/log"
known=$(echo "$dir"/state/seals/*.json)
other=$dir/state/seals/00112233445566778899aabbccddeeff.json
sed 's|"dir":"."|"dir":"'"$dir"'/medium"|; s|"kind":"facts"|"kind":"vault"|; s|"name":"facts"|"name":"log"|' "$known" >"$other"
is "two sealed records" "$(mj verify --no-fact | json 'o["ok"], len(o["ledgers"])')" "(True, 2)"
mv "$dir/medium" "$dir/unplugged"
status "one that is not there is not well" 1 m verify
is "and counted" "$(mj verify --no-fact | json 'o["unreachable"], o["first_bad"]["ledger"]')" "(1, 'vault')"
is "the fact says so" "$(mj fact list --check ledger.verify --newest | json 'o["facts"][0]["outcome"]')" fail
mv "$dir/unplugged" "$dir/medium"
status "plugged in again" 0 m verify --no-fact
flip "$dir/medium/log/log" 200
status "a flipped byte over there" 1 m verify --no-fact
is "is named" "$(mj verify --no-fact | json 'o["first_bad"]["ledger"], o["first_bad"]["seq"]')" "('vault', 0)"
rm -f "$other"
echo '{}' >"$other"
status "a spoiled list of seals" 1 m verify --no-fact
is "under --json, too, one object" "$(mj verify --no-fact | json 'o["ok"]')" False
restore

# -- the worst moments -------------------------------------------------------------------------
for i in $(seq 30); do
	"$MAMORI" --json fact add --check a.kill --subject "k:$i" --outcome pass >>"$dir/acked" 2>/dev/null &
	pid=$!
	sleep "0.00$((i % 10))"
	kill -KILL $pid 2>/dev/null
	wait $pid 2>/dev/null
done
acked=$(grep -c '"seq"' "$dir/acked")
there=$(mj fact list --check a.kill --limit 1000 | json 'len(o["facts"])')
ok "kill -9 while adding: $acked acknowledged, $there there" test "$there" -ge "$acked"
status "the record holds" 0 m verify --no-fact
ok "and takes facts" add emr

restore
for i in 1 2 3 4; do
	(for k in 1 2 3 4 5; do mj fact add --check a.many --subject "k:$i$k" --outcome pass; done >>"$dir/many.$i" 2>&1) &
done
wait
is "four at the same time" "$(mj fact list --check a.many | json 'len(o["facts"])')" 20
status "the record holds" 0 m verify --no-fact

if [ "$(id -u)" = 0 ] && mkdir -p "$dir/small" && mount -t tmpfs -o size=64k tmpfs "$dir/small" 2>/dev/null; then
	trap 'umount "$dir/small"; rm -rf "$dir"' EXIT
	full=$dir/small/state
	n=0
	while out=$(m --state "$full" fact add --check a.full --subject "k:$n" --outcome pass --note "$(printf '%0900d' 0)" 2>&1); do
		n=$((n + 1))
		[ $n -lt 200 ] || break
	done
	ok "a full disk refuses after $n facts" test $n -gt 3 -a $n -lt 200
	status "with status 3" 3 m --state "$full" fact add --check a.full --subject k:i --outcome pass --note "$(printf '%0900d' 0)"
	status "what was recorded holds" 0 m --state "$full" verify --no-fact
	is "all of it" "$(mj --state "$full" fact list --check a.full | json 'len(o["facts"])')" "$n"
	mount -o remount,size=256k "$dir/small"
	ok "with room again it goes on" m --state "$full" fact add --check a.full --subject k:i --outcome pass
	status "and holds" 0 m --state "$full" verify --no-fact
else
	skip "a full disk" "needs root to mount a small file system"
fi
done_testing
