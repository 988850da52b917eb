# timeout: 400
# Generations that nobody can remove before their time, and the only way in which people can: two of them, a week of
# waiting, and never the last ones that a drill proved. And a generation in which everything turned to noise.
. "$MAMORI_SRC/tests/tap.sh"
export MAMORI_STATE=$PWD/state LC_ALL=C.UTF-8
age=$MAMORI_BUILD/tests/keep-age
[ -x "$age" ] || skip_all "the helper that lets days pass was not built"
vault() { "$MAMORI" --lang en vault "$@"; }
json() { vault "$@" --json 2>/dev/null; }
# get FILE EXPRESSION: a value of a JSON file.
get() { python3 -c 'import json,sys; d=json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$1" "$2"; }
newest_fact() { "$MAMORI" fact list --json 2>/dev/null | python3 -c '
import json, sys
f = [x for x in json.load(sys.stdin)["facts"] if x["check"] == sys.argv[1]]
print(f[-1]["outcome"] if f else "none")' "$1"; }

mkdir -p state src/追加
for i in $(seq 60); do seq "$i" 400 >"src/追加/髙橋-$i.txt"; done
ok "a vault" vault init repo --recovery-out key
day() {
	seq "$1" $((RANDOM + 1000)) >"src/day-$1.txt"
	json backup repo src >"backup-$1" && "$MAMORI" drill restore --repo repo --files 5 >/dev/null 2>&1 &&
	    "$age" state repo 1
}
days=0
for d in 1 2 3 4 5 6 7; do day $d && days=$((days + 1)); done
is "a week of backups, each proved by a drill" $days 7
json list repo >list
is "each is locked, by the box" "$(get list '[g["locked_until"] is not None and g["verified"] for g in d["generations"]].count(True)')" 7
is "and that is a fact" "$(newest_fact vault.locked.generations)" pass

vault prune repo --policy guideline --json >prune 2>/dev/null
is "nothing that is locked is removed" "$? $(get prune 'd["removed"], d["refused"][0]["why"]')" "0 (0, 'locked')"
status "an unknown policy is refused" 2 vault prune repo --policy none
status "there is no pruning without a policy" 2 vault prune repo

ok "the recovery key names an approver" vault approver add repo --name 院長 --out one --key key
echo 'きょうは 葛󠄀 の花がさく' >pass && echo 'something else 99' >pass2 && echo 12345678 >pass3
status "a passphrase that is easy to guess is refused" 2 vault approver add repo --name '𠮷野 葛󠄀' --out two --key key --passphrase-file pass3
ok "and leaves no key" test ! -e two
ok "and another, with a passphrase" vault approver add repo --name '𠮷野 葛󠄀' --out two --key key --passphrase-file pass
ok "whose key is not in the file" sh -c 'grep -q ^sealed: two && ! grep -q kana two'
no "an approver's key is not the recovery key" vault approver add repo --name 業者 --out three --key one
ok "no key was left behind then" test ! -e three
status "without the recovery key nobody is named" 2 vault approver add repo --name 業者 --out three
is "two may approve" "$(vault approver list repo --json | python3 -c 'import json,sys; print(len(json.load(sys.stdin)["approvers"]))')" 2

"$age" state repo 30
status "a month later removal can be asked for, and waits" 1 vault prune repo --policy guideline
json prune repo --policy guideline --approver-key one >prune
is "one person is not enough" "$(get prune 'd["removed"], d["pending"]["approvals_needed"], d["pending"]["days_left"]')" "(0, 1, 7)"
is "everybody can see it" "$(newest_fact vault.prune.pending)" fail
json prune repo --policy guideline --approver-key one >prune
is "nor is the same one twice" "$(get prune 'd["pending"]["approvals_needed"]')" 1
ok "anybody can stop it" vault prune repo --cancel
is "and that is seen, too" "$(newest_fact vault.prune.pending)" pass
"$age" state repo 8
status "the second one's key does nothing without its passphrase" 3 vault prune repo --policy guideline --approver-key two
status "nor with another" 3 vault prune repo --policy guideline --approver-key two --passphrase-file pass2
status "a passphrase belongs to the key before it" 2 vault prune repo --policy guideline --passphrase-file pass --approver-key two
json prune repo --policy guideline --approver-key one --approver-key two --passphrase-file pass >prune
is "asked for again, it waits again" "$(get prune 'd["removed"], d["pending"]["approvals_needed"], d["pending"]["days_left"]')" "(0, 0, 7)"
"$age" state repo 6
status "six days are not seven" 1 vault prune repo --policy guideline
is "a backup while it waits" "$(json backup repo src >b; echo $?)" 0
"$age" state repo 1
gone=$(get list 'd["generations"][0]["id"]')
ok "parity for all that is there" vault parity repo --to par
json prune repo --policy guideline >prune
is "then it is done" "$? $(get prune 'd["removed"] > 0 and d["freed_bytes"] > 0 and d["pending"] is None')" "0 True"
json list repo >list
is "what was removed stays listed as that" "$(get list 'd["generations"][0]["removed"], d["generations"][-1]["removed"]')" "(True, False)"
no "and cannot be restored" vault restore repo "$gone" --to out0 --key key
n=0
for g in $(get list '" ".join(g["id"] for g in d["generations"] if not g["removed"])'); do
	vault restore repo "$g" --to "out-$g" --key key >/dev/null 2>&1 && n=$((n + 1))
done
is "every other one can" $n "$(get list '[g["removed"] for g in d["generations"]].count(False)')"
ok "and the newest is what the source is" diff -r src "out-$(get list 'd["generations"][-1]["id"]')/src"
is "no backup was left unfinished" "$(get prune 'd["leftover_bytes"]')" 0
ok "what is gone on purpose is no damage" vault verify repo --data --key key
ok "and the records hold" "$MAMORI" verify

# ---- parity, of which some members are gone
is "what is left is protected less: prune says so" "$(get prune 'd["parity"]["weak"] > 0, d["parity"]["uncovered"]')" "(True, 0)"
is "and a fact" "$(newest_fact vault.parity)" fail
vault verify repo >out 2>&1
ok "verify says what to do" grep -q "Run: mamori vault parity" out
vault parity repo --to par --json >made 2>/dev/null
is "parity is made anew for what is left" "$(get made 'd["ok"], d["made"] > 0, d["removed"] > 0')" "(True, True, True)"
json verify repo >verified
is "then all is protected again" "$(get verified 'd["ok"], d["parity"]["weak"], d["parity"]["full"] == d["parity"]["segments"]')" "(True, 0, True)"
is "and nothing is left to do" "$(json parity repo --to par | python3 -c 'import json,sys; print(json.load(sys.stdin)["made"])')" 0
ls repo/seg >before
rm $(ls -Sr repo/seg | head -2 | sed 's,^,repo/seg/,')
status "two segments are lost" 1 vault verify repo --data
json verify repo --data --repair --key key >fixed # where the parity lies is known here
is "they come back, and nothing that was removed does" "$(get fixed 'd["ok"], d["repaired"]["repaired"], d["repaired"]["lost"]') $(ls repo/seg | cmp - before && echo same)" "(True, 2, 0) same"
json prune repo --policy guideline >prune
is "the next removal begins from the beginning" "$(get prune 'd["removed"], d["pending"]["approvals_needed"]')" "(0, 2)"

ok "a policy that keeps more can be set by anybody" vault policy repo --set year
no "one that keeps less cannot" vault policy repo --set guideline
no "nor by one person" vault policy repo --set guideline --approver-key one
ok "another vault" vault init other --recovery-out key2
cat >typist.py <<'PY'
# typist.py ANSWERS COMMAND...: the command at a terminal of its own, where somebody types these lines, each when asked.
import os, pty, signal, sys
signal.alarm(60)
answers = sys.argv[1].split("|")
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
out = new = b""
while True:
    try:
        d = os.read(fd, 4096)
    except OSError:
        break
    if not d:
        break
    out, new = out + d, new + d
    if new.endswith(b": ") and answers:
        new = b""
        os.write(fd, answers.pop(0).encode() + b"\n")
_, status = os.waitpid(pid, 0)
sys.stdout.buffer.write(out)
sys.exit(os.waitstatus_to_exitcode(status))
PY
at_tty() { python3 typist.py "$1" "$MAMORI" --lang en vault "${@:2}"; }
ok "but by two, one of whom types his passphrase" at_tty "$(cat pass)" policy repo --set guideline --approver-key one --approver-key two
at_tty 'my own long words 99|my own long words 98|my own long words 99|my own long words 99' approver add other --name C --out typed --key key2 >out
is "a new passphrase is asked for twice, until both are the same, and never shown" "$? $(grep -c differ out) $(grep -c 'own long' out) $(grep -c ^sealed: typed)" "0 1 0 1"
at_tty '' approver add other --name D --out clear --key key2 >out
is "none is possible, and said" "$? $(grep -c 'has no passphrase' out) $(grep -c ^kana: clear)" "0 1 1"

no "its recovery key is no authority here" vault approver add repo --name x --out four --key key2
no "nor an approver's key of this one there" vault policy other --set guideline --approver-key one
mkdir thief && cp -r state/. thief/ && rm thief/vault/*/keep.key
MAMORI_STATE=$PWD/thief
ok "with a client's keys alone one can back up" vault backup repo src
status "but not ask for a removal" 3 vault prune repo --policy guideline
MAMORI_STATE=$PWD/state

# the key with which this machine looks after the vault is gone, and a thief has it
json list repo >list
cp -r state thief2 && rm state/vault/*/keep.key
vault backup repo src >out 2>&1
is "a backup goes on, and says what to do" "$? $(grep -c 'vault adopt repo' out)" "0 1"
status "nothing can be removed then" 3 vault prune repo --policy guideline
ok "the vault holds" vault verify repo
no "another vault's recovery key does not help" vault adopt repo --key key2
no "nor an approver's key" vault adopt repo --key one
ok "nor was a key left behind" sh -c '! ls state/vault/*/keep.key'
mkdir stick0
ok "a disk filled before the next removal" vault carry repo stick0
json adopt repo --key key >adopted
is "the recovery key does" "$(get adopted '(d["already"], d["keepers"])')" "(False, 1)"
is "once" "$(json adopt repo --key key | python3 -c 'import json,sys; print(json.load(sys.stdin)["already"])')" True
json list repo >list2
is "locks are as before, and what came in meanwhile is locked, too" "$(python3 -c 'import json
a, b = ([(g["id"], g["locked_until"] is not None, g["removed"], g["verified"]) for g in json.load(open(f))["generations"]] for f in ("list", "list2"))
print([x for x in zip(a, b) if x[0] != x[1] and (x[0][1] or not x[1][1])], len(b) - len(a), all(x[1] for x in b if not x[2]))')" "[] 1 True"
is "so are the people" "$(vault approver list repo --json | python3 -c 'import json,sys; print(len(json.load(sys.stdin)["approvers"]))')" 2
status "the thief's key opens nothing" 3 env MAMORI_STATE="$PWD/thief2" "$MAMORI" vault prune repo --policy guideline
MAMORI_STATE=$PWD/thief2 vault clock >out 2>&1
is "and its machine is told" "$? $(grep -c 'not the vault' out)" "1 1"
"$age" state repo 8
json prune repo --policy guideline --approver-key one --approver-key two --passphrase-file pass >prune
is "removal works again, with what was asked for before" "$(get prune 'd["removed"] > 0')" True
ok "and the vault holds" vault verify repo --data --key key
ok "and the records" "$MAMORI" verify
# the disk from before the removal, brought up to date: what went here comes out of it no more
ok "brought up to date" vault carry repo stick0
ok "unpacked" env MAMORI_STATE="$PWD/elsewhere" "$MAMORI" vault unpack stick0 --to unpacked0 --key key
is "segments that were removed stay removed" "$(ls unpacked0/seg | sort | md5sum)" "$(ls repo/seg | sort | md5sum)"
ok "and that is whole" env MAMORI_STATE="$PWD/elsewhere" "$MAMORI" vault verify unpacked0 --data --key key
# a record of locks that somebody damaged stands in nobody's way
hurt() { rm -rf hurt && cp -a repo hurt && flip "hurt/$1" "$2"; } # FILE OFFSET: a vault with one byte changed there
back() { # DISK: what unpacking says, the generations that are listed as removed, whether it knows locks
	rm -rf unpacked2
	MAMORI_STATE=$PWD/elsewhere json unpack "$1" --to unpacked2 --key key >unpacked.json
	echo "$? $(get unpacked.json 'd["ok"], d["keep_lost"]') $(find unpacked2 -name keep | wc -l)"
}
mkdir drawer2
hurt keep/log 300
json carry hurt drawer2 >carried
is "the data is carried all the same, and what is missing is said" "$? $(get carried 'd["ok"], d["keep_lost"]')" "0 (True, True)"
is "and comes back" "$(back drawer2)" "0 (True, False) 0"
ok "what is in it" env MAMORI_STATE="$PWD/elsewhere" "$MAMORI" vault restore unpacked2 latest --to out-hurt --key key
MAMORI_STATE=$PWD/elsewhere vault adopt unpacked2 --key key >out 2>&1
is "a new record begins" "$? $(grep -c 'From now on this machine looks after' out) $(grep -c 'are as before' out)" "0 1 0"
# and a disk that has a good one keeps it: the flipped byte is within a signature that opening a vault does not look at
hurt keep/log 480
json list hurt >removed
is "opening one reads its record" "$(get removed 'any(g["removed"] for g in d["generations"])')" True
json carry hurt stick0 >carried
is "a record with a wrong signature does not take its place" "$? $(get carried 'd["ok"], d["keep_lost"]')" "0 (True, True)"
is "nor does none" "$(rm -rf hurt/keep; json carry hurt stick0 >carried; echo "$? $(get carried 'd["ok"], d["keep_lost"]')")" "0 (True, True)"
is "it comes back as it was" "$(back stick0)" "0 (True, False) 1"
hurt log/log 200
for at in $(seq 200 32 1400); do
	cat repo/log/log >hurt/log/log && flip hurt/log/log "$at"
	vault list hurt >/dev/null 2>&1 && break
done
ok "the log has such bytes, too" vault list hurt
status "such a log does not take the place of the one on the disk" 1 vault carry hurt stick0
vault carry hurt stick0 >out 2>&1
ok "which is said" grep -q "log of the vault does not hold" out
is "and true" "$(back stick0)" "0 (True, False) 1"
# one chunk after the other goes bad: what was removed on purpose is neither damaged nor missed then
: >counts
for chunk in $(ls stick0/mamori-disk/c000); do
	rm -rf bad && cp -a stick0 bad && flip "bad/mamori-disk/c000/$chunk" 100000
	back bad >rc 2>/dev/null # nothing comes back without the log
	get unpacked.json 'd["damaged"], d["absent"] if not d["keep_lost"] else 0' >>counts 2>/dev/null
done
is "none is missed ($(sort counts | uniq -c | tr -s ' \n' ' '))" "$(grep -vcE '^\([0-9]+, 0\)$' counts)" 0
ok "what is wanted and damaged is counted" grep -q '^([1-9]' counts
ok "and what was removed is not" test "$(grep -o '[0-9]*' counts | sort -n | tail -1)" -le "$(ls repo/seg | wc -l)"
# a vault that was put back to an older state knows less than the disk
cp -a repo older
json backup repo src >/dev/null
ok "the disk goes on" vault carry repo stick0
status "an older vault is not carried over it" 1 vault carry older stick0
vault carry older stick0 >out 2>&1
ok "in words" grep -q "older state" out
# a record of locks that was begun anew does not take the place of the one there was
cp -a repo anew && rm -rf anew/keep
MAMORI_STATE=$PWD/elsewhere ok "a new record" "$MAMORI" vault adopt anew --key key
json carry anew stick0 >carried
is "the disk keeps its own" "$? $(get carried 'd["ok"], d["keep_lost"]')" "0 (True, True)"
is "which comes back" "$(back stick0)" "0 (True, False) 1"
json list unpacked2 >removed
is "with what was removed" "$(get removed 'any(g["removed"] for g in d["generations"])')" True
# a disk that was first filled after all that, on the day this house is gone
mkdir drawer
json list repo --key key >list3
ok "carried" vault carry repo drawer
ok "a vault comes out of it, elsewhere" env MAMORI_STATE="$PWD/elsewhere" "$MAMORI" vault unpack drawer --to unpacked --key key
ok "what was removed on purpose is no damage there" env MAMORI_STATE="$PWD/elsewhere" "$MAMORI" vault verify unpacked --data --key key
vault list unpacked --json --key key >there 2>/dev/null
is "and listed as that; locks are as they were" "$(python3 -c 'import json
a, b = ([(g["id"], g["removed"], g["locked_until"] is not None) for g in json.load(open(f))["generations"]] for f in ("list3", "there"))
print(a == b, any(x[1] for x in a))' 2>/dev/null)" "True True"
ok "with the recovery key that machine goes on with it" env MAMORI_STATE="$PWD/elsewhere" "$MAMORI" vault adopt unpacked --key key --writer
is "and adds" "$(MAMORI_STATE=$PWD/elsewhere json backup unpacked src >b; get b 'd["ok"]')" True

rm -rf state/vault/*/
no "a machine that lost everything" vault backup repo src
ok "is let in again, too" vault adopt repo --key key --writer
json backup repo src >b
is "and adds" "$(get b 'd["ok"]')" True
ok "what comes back" vault restore repo latest --to out-after --key key
ok "is what was there" diff -r src out-after/src

for f in src/追加/*; do head -c 6000 /dev/urandom >"$f.locked" && rm "$f"; done
json backup repo src >b
is "a generation of noise is kept, and in doubt" "$(get b 'd["ok"], d["doubt"] is not None')" "(True, True)"
is "and an alarm" "$(newest_fact vault.generation.poison)" fail
json backup repo src >b
is "so is the next one, although nothing changed" "$(get b 'd["doubt"]["reason"].split()[0]')" after
json list repo >list
is "the list says so" "$(get list '[g["doubted"] for g in d["generations"]][-2:]')" "[True, True]"
no "a doubt is not lifted without a key" vault accept repo latest
ok "an approver can lift it" vault accept repo latest --approver-key two --passphrase-file pass
json list repo >list
is "for those that follow, too" "$(get list 'any(g["doubted"] for g in d["generations"])')" False
done_testing
