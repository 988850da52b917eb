# timeout: 200
# Any two of sixteen segments and their two parity files lost, or bytes flipped anywhere: everything comes back, without a key.
. "$MAMORI_SRC/tests/tap.sh"
export MAMORI_STATE=$PWD/state
vault() { "$MAMORI" --lang en vault "$@"; }
json() { "$MAMORI" --json --lang en vault "$@" 2>/dev/null; }
fresh() { rm -rf bad badpar && cp -a good bad && cp -a par badpar; }
same() { diff -rq good/seg bad/seg && cmp good/log/log bad/log/log; }

mkdir src
ok "init" vault init good --recovery-out key
for i in $(seq 10); do # small generations, so that there are many segments of one size
	head -c 300000 /dev/urandom >"src/$i"
	vault backup good "src/$i" --name "s$i" >/dev/null || echo "# backup $i failed"
done
ok "parity" vault parity good --to par
is "again: nothing to do" "$(json parity good --to par | jq -c '[.made,.ok,.segments]')" "[0,true,$(ls good/seg | wc -l)]"
n=$(ls good/seg | wc -l)
ok "there are many segments ($n)" test "$n" -ge 20
vault parity good --to par >out
ok "that it lies on the same disk is said" grep -q "same disk" out

big=($(ls -S good/seg)) # the first ten are of one size class
fresh
rm "bad/seg/${big[0]}" "bad/seg/${big[3]}"
status "two segments lost" 1 vault verify bad --data
ok "repaired" vault verify bad --data --repair --parity badpar
ok "byte for byte" same
fresh
rm "bad/seg/${big[1]}"
rm "$(ls badpar/*.0 | head -1)"
rm "$(ls badpar/*.0 | tail -1)"
ok "a segment and a parity file" vault verify bad --data --repair --parity badpar
ok "byte for byte" same
fresh
for i in 0 1 2 3 4 5 6 7 8 9; do flip "bad/seg/${big[$i]}" $((5000 + 33000 * i)); done
ok "every one of ten damaged, each at another place" vault verify bad --data --repair --parity badpar
ok "byte for byte" same
ok "the damaged ones are kept" test "$(ls bad/damaged | wc -l)" = 10
fresh
flip "bad/seg/${big[2]}" 50                                              # header
flip "bad/seg/${big[4]}" $(($(stat -c %s "bad/seg/${big[4]}") - 4100))   # page hashes
truncate -s 1000 "bad/seg/${big[4]}"
flip "bad/seg/${big[5]}" $(($(stat -c %s "bad/seg/${big[5]}") - 4000))   # footer
echo more >>"bad/seg/${big[6]}"
flip "$(ls badpar/*.0 | head -1)" 5000
flip "$(ls badpar/*.1 | tail -1)" 60
ok "headers, hashes, footers, lengths, and parity files themselves" vault verify bad --data --repair --parity badpar
ok "byte for byte" same
fresh
rm "bad/seg/${big[0]}" "bad/seg/${big[1]}" "bad/seg/${big[2]}"
json verify bad --data --repair --parity badpar >r.json
is "three lost: says no" $? 1
is "and how many" "$(jq .repaired.lost r.json)" 3
cp -a good second
flip "second/seg/${big[0]}" 9000
rm "second/seg/${big[5]}"
ok "with a second copy, itself damaged" vault verify bad --data --repair --parity badpar --from second
ok "byte for byte" same
fresh
rm "bad/seg/${big[7]}"
ok "from a second copy alone" vault verify bad --data --repair --from second
ok "byte for byte" same
ok "where parity was made last is known" vault verify bad --data --repair
fresh
status "a repair needs something to repair from" 2 env MAMORI_STATE="$PWD/elsewhere" "$MAMORI" vault verify bad --data --repair
ok "a vault of somebody else" vault init other --recovery-out other-key
status "is no second copy" 2 vault verify bad --data --repair --from other
# a group that grows is made anew, and the old files go
head -c 300000 /dev/urandom >src/11
ok "another generation" vault backup good src/11 --name s11
ok "parity follows" vault parity good --to par
is "two files a group" "$(ls par | sed 's/-..\.[01]$//' | sort | uniq -c | awk '$1!=2' | wc -l)" 0
rm "$(ls par/*.1 | head -1)"
json verify good >v.json
is "a parity file that is missing: the vault holds, and is protected less" "$(jq -c '[.ok,.parity.weak>0,.parity.uncovered]' v.json)" "[true,true,0]"
ok "made again" vault parity good --to par
is "all of it is protected" "$(json verify good | jq -c '[.parity.weak,.parity.full==.parity.segments]')" "[0,true]"
fresh
flip "bad/seg/${big[0]}" 7000
status "damage is not taken into parity" 1 vault parity bad --to badpar2
done_testing
