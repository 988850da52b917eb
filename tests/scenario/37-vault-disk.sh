# timeout: 120
# Copies on removable disks: which disk lies where, nothing to see for who finds one, and back with the recovery key alone.
. "$MAMORI_SRC/tests/tap.sh"
export MAMORI_STATE=$PWD/state
vault() { "$MAMORI" --lang en vault "$@"; }
json() { "$MAMORI" --json --lang en vault "$@" 2>/dev/null; }

mkdir -p "src/追加 髙橋" stick drawer
head -c 9000000 /dev/urandom >src/image
for i in $(seq 30); do echo "record $i 葛󠄀" >"src/追加 髙橋/$i"; done
ok "init" vault init repo --recovery-out key
ok "backup" vault backup repo src --name emr
ok "carried" vault carry repo stick --label "金曜の赤いディスク"
is "everything" "$(json carry repo stick | jq -c '[.copied,.damaged,.ok]')" "[0,0,true]"

# ---- a finder learns nothing but the size
is "files of two sizes only" "$(find stick/mamori-disk -type f -printf '%s\n' | sort -un | tr '\n' ' ')" "4096 4194304 "
is "all of one time" "$(find stick/mamori-disk -type f -printf '%T@\n' | sort -u | wc -l)" 1
id=$(sed -n 's/^id: //p' repo/mamori-vault)
no "no name, no id, no text of the vault" grep -rqa -e "$id" -e MAMORI-VAULT -e MMRISEG -e MMRILEDG stick
ok "it does not compress" sh -c 'a=$(cat stick/mamori-disk/c000/000 | wc -c); b=$(zstd -q -c stick/mamori-disk/c000/000 | wc -c); [ $b -ge $a ]'

# ---- plugged in is not offline
status "where no disk is known there is nothing to be too old" 0 env MAMORI_STATE="$PWD/nodisk" sh -c 'mkdir nodisk; "$MAMORI" --lang en vault disk check >none'
ok "which is said, with what to do" sh -c 'grep -q "nothing to check" none && grep -q "vault carry" none'
is "and no fact claims anything" "$(MAMORI_STATE=$PWD/nodisk "$MAMORI" --json fact list 2>/dev/null | grep -c vault.offline.age)" 0
status "while it is plugged in: no offline copy" 1 vault disk check
vault disk check >out 2>&1
ok "says to take it off" grep -q "Take one off" out
is "a fact says so" "$("$MAMORI" --json fact list | jq -c '[.facts[]|select(.check=="vault.offline.age")]|last|[.subject.id,.outcome]')" '["emr","fail"]'
ok "where it will lie" vault disk move "金曜の赤いディスク" "院長室の金庫"
mv stick drawer/
ok "off and away: an offline copy" vault disk check
is "a fact says so, too" "$("$MAMORI" --json fact list | jq -c '[.facts[]|select(.check=="vault.offline.age")]|last|[.subject.id,.outcome]')" '["emr","pass"]'
is "the book" "$(json disk list | jq -c '.disks[0]|[.label,.lies,.attached,.copied_at!=null]')" '["金曜の赤いディスク","院長室の金庫",false,true]'

# ---- a second disk in turn; only what is new is copied
mkdir stick
echo more >src/more
ok "the next generation" vault backup repo src --name emr
ok "another disk" vault carry repo stick --label blue
is "two disks" "$(json disk list | jq '.disks|length')" 2
mv stick drawer/blue && mv drawer/stick stick
n=$(json carry repo stick | jq .copied_bytes)
ok "the first one in turn gets the new segments only ($n bytes)" test "$n" -gt 0 -a "$n" -lt 2000000
ok "proved whole" vault carry repo stick --prove

# ---- back, on a clean machine, with the recovery key alone
status "without a key: no" 3 env MAMORI_STATE="$PWD/clean" "$MAMORI" vault unpack stick --to back0
ok "with the recovery key" env MAMORI_STATE="$PWD/clean" "$MAMORI" vault unpack stick --to back --key key
ok "it is the same vault" cmp repo/log/log back/log/log
ok "restored from it" env MAMORI_STATE="$PWD/clean" "$MAMORI" vault restore back emr --to out1 --key key
ok "the same" diff -r src out1/src
ok "verified from it" env MAMORI_STATE="$PWD/clean" "$MAMORI" vault verify back --data --key key
ok "this machine's own key opens it, too" vault unpack stick --to back2

# ---- what goes wrong
ok "a vault of another clinic" env MAMORI_STATE="$PWD/other" "$MAMORI" vault init other-repo --recovery-out other-key
status "its disk is not this one" 3 env MAMORI_STATE="$PWD/other" "$MAMORI" vault carry other-repo stick
env MAMORI_STATE="$PWD/other" "$MAMORI" --lang en vault carry other-repo stick >out 2>&1
ok "in words" grep -q "another clinic" out
status "nor is its key" 3 env MAMORI_STATE="$PWD/clean" "$MAMORI" vault unpack stick --to back3 --key other-key
status "a disk that is not there" 3 vault carry repo nowhere
status "nothing to unpack" 3 vault unpack drawer --to back4 --key key
# one flipped byte costs what lies there, is named, and nothing wrong is given back
cp -a stick bad
flip bad/mamori-disk/c000/001 100000
MAMORI_STATE=$PWD/clean "$MAMORI" --json vault unpack bad --to back5 --key key >u.json 2>/dev/null
is "a damaged disk says no" $? 1
ok "and counts" jq -e '.damaged >= 1' u.json
status "a proof finds it" 1 env MAMORI_STATE="$PWD/state" "$MAMORI" vault carry repo bad --prove
# stopped half-way: the disk holds what it held
head -c 8000000 /dev/urandom >src/image2
ok "a third generation" vault backup repo src --name emr
cp -a stick half
("$MAMORI" vault carry repo half >/dev/null 2>&1 & p=$!; sleep 0.05; kill -9 $p; wait $p) 2>/dev/null
ok "killed while copying: still opens" env MAMORI_STATE="$PWD/clean" "$MAMORI" vault unpack half --to back6 --key key
ok "and goes on" vault carry repo half
ok "to the end" env MAMORI_STATE="$PWD/clean" "$MAMORI" vault unpack half --to back7 --key key
ok "with everything" cmp repo/log/log back7/log/log
# a damaged vault is not carried over what is good
seg=$(ls -S repo/seg | head -1)
cp -a repo hurt
flip "hurt/seg/$seg" 50000
mkdir new
status "a damaged segment is named and not copied" 1 vault carry hurt new
done_testing
