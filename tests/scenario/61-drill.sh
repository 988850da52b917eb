#!/bin/bash
# Drills: damage on a copy, everything back, the source untouched, a signed fact left.
# timeout: 240
: "${MAMORI_SRC:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${MAMORI:=$MAMORI_SRC/build/mamori}"
. "$MAMORI_SRC/tests/tap.sh"
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
unset MAMORI_LANG
export MAMORI_STATE=$dir/state LANG=C.UTF-8
mkdir -m 700 "$MAMORI_STATE"
m() { "$MAMORI" "$@"; }
mj() { "$MAMORI" --json "$@" 2>/dev/null; }
json() { python3 -c 'import json,sys
o=json.loads(sys.stdin.read())
print(eval(sys.argv[1],{"o":o,"len":len}))' "$1"; }
state_of() { (cd "$1" && find . -printf '%P|%y|%m|%s|%T@|%C@|%i|%l\n' | sort; find . -type f -print0 | sort -z | xargs -0 sha256sum) | sha256sum; }

emr=$dir/emr lab=$dir/検査
mkdir -p "$emr/ssmix2/000/001/00000001/20260401/OMP-01" "$emr/empty" "$lab"
printf 'MSH|^~\\&|追加 髙橋 﨑 𠮷野 葛󠄀 ① ㈱ ｶﾅ ～' >"$emr/ssmix2/000/001/00000001/20260401/OMP-01/00000001_1"
for i in $(seq 1 200); do head -c $((i * 37)) /dev/urandom >"$emr/scan-$i.pdf"; done
head -c 3000000 /dev/urandom >"$emr/image.dcm"
: >"$emr/nothing"
ln "$emr/image.dcm" "$emr/same-image.dcm"
ln -s image.dcm "$emr/link"
truncate -s 5M "$emr/sparse.db"
seq 1 200000 >"$lab/results.csv"
printf x >"$lab/$(printf 'odd\377name')"
long=$(printf 'n%.0s' $(seq 250))
echo long >"$emr/$long"
before_emr=$(state_of "$emr") before_lab=$(state_of "$lab")

# -- nothing to drill with yet -------------------------------------------------------------------
status "no vault" 3 m drill ransomware
status "wrong usage" 2 m drill
status "no such drill" 2 m drill earthquake
status "--files is not for ransomware" 2 m drill ransomware --files 3
ok "a vault" m vault init "$dir/repo" --recovery-out "$dir/key"
status "no generation" 3 m drill ransomware
ok "one system" m vault backup "$dir/repo" "$emr" --name emr
ok "another" m vault backup "$dir/repo" "$lab" --name 検査
status "a system that is not there" 3 m drill ransomware --system none

# -- ransomware ----------------------------------------------------------------------------------
ok "the drill" m drill ransomware
out=$(mj drill ransomware)
is "ok" "$(json 'o["ok"]' <<<"$out")" True
is "nothing lost" "$(json 'o["lost"]' <<<"$out")" 0
is "every file took part" "$(json 'o["files"]' <<<"$out")" 207
is "every file of the copy was damaged" "$(json 'o["damaged"]' <<<"$out")" 207
is "both systems" "$(json 'len(o["systems"])' <<<"$out")" 2
ok "the first chart was an SS-MIX2 file" test "$(json '"ssmix2/" in o["first_chart"]' <<<"$out")" = True
ok "first chart before everything" test "$(json 'o["first_chart_seconds"] < o["seconds"]' <<<"$out")" = True
is "the source is untouched" "$(state_of "$emr")" "$before_emr"
is "of the other system too" "$(state_of "$lab")" "$before_lab"
is "nothing is left behind" "$(ls "$MAMORI_STATE/drill")" ""
ok "it speaks Japanese first" sh -c '"$1" --lang ja drill ransomware --system emr | grep -q "失われたファイルは 0 件"' sh "$MAMORI"
is "a fact each" "$(mj fact list --check vault.ransomware.drill | json 'len(o["facts"])')" 3
is "measured" "$(mj fact list --check vault.ransomware.drill --limit 1 | json 'o["facts"][0]["source"]["by"], o["facts"][0]["outcome"], o["facts"][0]["observed"]["lost"]')" "('measured', 'pass', 0)"
out=$(mj drill ransomware --size 1M)
is "a smaller drill" "$(json 'o["ok"], o["whole"]' <<<"$out")" "(True, False)"
out=$(mj drill ransomware --system emr --keep)
kept=$(json 'o["folder"]' <<<"$out")
ok "a kept copy is really damaged" test "$(find "$kept/copy" -name '*.drill-locked' | wc -l)" -gt 50
ok "with a note in its folders" test -e "$kept/copy/1/emr/DRILL-NOTE-訓練.txt"
is "only for us" "$(stat -c %a "$kept")" 700
undamaged=0
for i in $(seq 1 200); do cmp -s "$emr/scan-$i.pdf" "$kept/copy/1/emr/scan-$i.pdf" && undamaged=$((undamaged + 1)); done
is "no file of it is whole" $undamaged 0
ok "what came back is the source" diff -r --no-dereference "$emr" "$kept/back/1/emr"

# -- a file that changed since is no loss, nor is a source that is gone --------------------------
echo more >>"$emr/scan-1.pdf"
mv "$lab" "$lab.away"
out=$(mj drill ransomware)
is "compared with the generation where the source went on" "$(json 'o["ok"], o["lost"], o["files"]' <<<"$out")" "(True, 0, 207)"
mv "$lab.away" "$lab"

# -- restore drill -------------------------------------------------------------------------------
out=$(mj drill restore --files 20)
is "some files" "$(json 'o["ok"], o["mismatch"], o["files"]' <<<"$out")" "(True, 0, 20)"
is "a whole system" "$(mj drill restore --system emr | json 'o["ok"], o["mismatch"], o["files"], o["whole"]')" "(True, 0, 205, True)"
ok "a fact for a system" test "$(mj fact list --check vault.restore.drill --subject system:emr | json 'len(o["facts"]) >= 1')" = True
status "a whole system wants a name" 2 m drill restore --whole
is "with the recovery key on a machine without its own" "$(mkdir -m 700 "$dir/other" && mj --state "$dir/other" drill restore --repo "$dir/repo" --key "$dir/key" --system emr | json 'o["ok"]')" True

# -- a drill that was killed ---------------------------------------------------------------------
"$MAMORI" drill ransomware >/dev/null 2>&1 &
pid=$!
for _ in $(seq 500); do [ "$(ls -d "$MAMORI_STATE"/drill/*/copy/1 2>/dev/null | wc -l)" = 2 ] && break; sleep 0.01; done
kill -9 $pid
wait $pid 2>/dev/null
ok "the next one" m drill restore --files 3
mkdir -p "$MAMORI_STATE/drill/9/copy" && chmod 700 "$MAMORI_STATE/drill/9" && touch -d '1 hour ago' "$MAMORI_STATE/drill/9"
ok "and one after a drill killed at its first step" m drill restore --files 3
is "clears up after it, and leaves what was kept" "$(ls -d "$MAMORI_STATE"/drill/* | wc -l)" 1

# -- a damaged vault -----------------------------------------------------------------------------
rm -rf "$kept"
for f in $(ls -S "$dir/repo/seg" | head -n 1); do
	chmod u+w "$dir/repo/seg/$f"
	dd if=/dev/urandom of="$dir/repo/seg/$f" bs=4096 count=8 seek=129 conv=notrunc status=none
done
status "a damaged vault is a no" 1 m drill restore --system emr
status "for the other drill too" 1 m drill ransomware --system emr
is "and a fact that says so" "$(mj fact list --check vault.ransomware.drill --limit 1 | json 'o["facts"][0]["outcome"]')" fail
is "the source is still untouched" "$(rm -f "$emr/x"; sha256sum <"$emr/image.dcm")" "$(sha256sum <"$emr/same-image.dcm")"
done_testing
