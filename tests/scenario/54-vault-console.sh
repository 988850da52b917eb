#!/bin/bash
# What waits for somebody's word in a vault, in the console: a removal that two people must approve and anybody can
# refuse, a generation in doubt, all generations, the policy, disks, and when the recovery key was last proved.
# timeout: 180
. "$MAMORI_SRC/tests/tap.sh"
. "$MAMORI_SRC/tests/web.sh"
mamorid=$MAMORI_BUILD/daemon/mamorid/mamorid
age=$MAMORI_BUILD/tests/keep-age
[ -x "$mamorid" ] || skip_all "mamorid was not built"
[ -x "$age" ] || skip_all "the helper that lets days pass was not built"
command -v sqlite3 >/dev/null || skip_all "sqlite3 is missing"
export TZ=Asia/Tokyo MAMORI_STATE=$PWD/state LC_ALL=C.UTF-8
pid=
trap '[ -z "$pid" ] || { kill $pid; wait $pid; } 2>/dev/null' EXIT
vault() { "$MAMORI" --lang en vault "$@"; }
has() { grep -qF -- "$1" page.html; }
start() {
	rm -f ready
	"$mamorid" --state "$MAMORI_STATE" --program "$MAMORI" --listen 127.0.0.1:0 >ready 2>log &
	pid=$!
	for _ in $(seq 600); do
		[ -s ready ] && break
		kill -0 $pid 2>/dev/null || return 1
		sleep 0.1
	done
	url=$(sed -n 's/.*"url": *"\([^"]*\)".*/\1/p' ready)
	setup=$(sed -n 's/.*"setup": *"\([^"]*\)".*/\1/p' ready)
}
db() { sqlite3 -cmd '.timeout 5000' "$MAMORI_STATE/records.db" "$1"; }

# a vault with a week of generations that a month has unlocked, two who may approve, and a request
mkdir -p state src/追加
for i in $(seq 60); do seq "$i" 400 >"src/追加/髙橋-$i.txt"; done
start
tap_result $? "the console starts" "$(cat log)"
vault init repo --recovery-out key >/dev/null 2>&1
for d in 1 2 3 4 5 6 7; do
	seq "$d" 2000 >"src/day-$d.txt"
	vault backup repo src --name karute >/dev/null 2>&1
	"$MAMORI" drill restore --repo repo --system karute --files 3 >/dev/null 2>&1
	"$age" state repo 1
done
vault approver add repo --name 院長 --out one --key key >/dev/null 2>&1
echo 'きょうは 葛󠄀 の花がさく' >pass
vault approver add repo --name '𠮷野 葛󠄀' --out two --key key --passphrase-file pass >/dev/null 2>&1
"$age" state repo 30
db "INSERT INTO places (id, repo, name_ja, name_en, at) VALUES ('main', '$PWD/repo', '保管庫 ㈱', 'vault', 1)"
db "INSERT INTO systems (id, name_ja, name_en, kind, paths, place, at) VALUES ('karute', '電子カルテ 﨑', 'chart', 'chart', '[\"$PWD/src\"]', 'main', 1)"
vault prune repo --policy guideline --by 'たなか' >/dev/null 2>&1
is "a removal waits" $? 1
web_begin "$url" "$setup"
tap_result $? "a director" "$web_status"

web_get /vault
is "the vault" "$web_status" 200
ok "says that a removal waits" has '消す申請が待っています'
ok "and how long anybody can refuse" has '待ち時間はあと 7 日です'
ok "that nobody proved the recovery key" has 'この鍵で開けて確かめた記録がありません'
web_post /vault/places/main/state
web_task
is "its state" "$web_status" 200
ok "is read" grep -qF '保管庫のようす' page.html
ok "who asked" has 'たなか'
ok "the policy in words" has '毎日の世代を5つ残します'
ok "who may approve" has '𠮷野 葛󠄀'
is "every generation is there" "$(grep -c 'restore?place=main&amp;gen=' page.html)" 7
request=$(sed -n 's/.*name="request" value="\([0-9]*\)".*/\1/p' page.html | head -1)
ok "the request has a number" test -n "$request"

web_file /vault/places/main/approve "request=$request" "policy=guideline"
is "without a key" "$web_status" 303
web_follow
ok "nothing is approved" has '鍵のファイルが選ばれていません'
web_file /vault/places/main/approve "request=$request" "policy=guideline" "key=@key"
web_task
ok "the recovery key is no approver's key" has 'not an approver'
web_file /vault/places/main/approve "request=$request" "policy=guideline" "key=@one"
web_task
ok "one person approves" has '承認 1 人'
web_file /vault/places/main/approve "request=$request" "policy=guideline" "key=@two"
web_task
ok "a locked key asks for its passphrase" has 'locked with a passphrase'
web_file /vault/places/main/approve "request=$request" "policy=guideline" "key=@two" "passphrase=something else 99"
web_task
ok "and takes no other" has 'passphrase is not the one'
web_file /vault/places/main/approve "request=99" "policy=guideline" "key=@two" "passphrase=$(cat pass)"
web_task
ok "another request is not approved by that" has 'does not wait any more'
web_file /vault/places/main/approve "request=$request" "policy=guideline" "key=@two" "passphrase=$(cat pass)"
web_task
ok "with it the second person approves" has '承認 2 人'
no "nor is the passphrase in the records" sh -c "sqlite3 state/records.db .dump | grep -q 花がさく"
is "no key stays on the machine" "$(find state/spool -name 'up-*' | wc -l)" 0
web_get /vault
web_post /vault/places/main/refuse "request=$request"
web_task
web_get /vault
is "the vaults after a refusal" "$web_status" 200
no "anybody can refuse: nothing waits" has '消す申請が待っています'
is "and all is there" "$(vault list repo --json 2>/dev/null | jq '[.generations[] | select(.removed == false)] | length')" 7
db "UPDATE sessions SET fresh_at = 1"
web_file /vault/places/main/approve "request=$request" "policy=guideline" "key=@one"
ok "approving takes a fresh factor" grep -qi 'location: /signin/again' head.txt

# everything turns to noise
for f in src/追加/*.txt; do head -c 20000 /dev/urandom >"$f.locked"; rm "$f"; done
vault backup repo src --name karute >/dev/null 2>&1
web_get /vault
ok "the alarm stands on top" has '「電子カルテ 﨑」のいちばん新しい世代が疑わしい'
web_post /vault/places/main/state
web_task
ok "why, in words" has 'ファイル'
gen=$(sed -n 's/.*mamori vault accept [^ ]* \([0-9a-f]*\) .*/\1/p' page.html | head -1)
ok "and the command for the machine itself" test -n "$gen"
web_post /vault/doubt "name=電子カルテ 﨑" "gen=$gen" "why=x"
web_follow
ok "keeping the alarm is a finding with an owner" has '疑わしい世代を調べる: 電子カルテ 﨑'
web_post /vault/doubt "name=電子カルテ 﨑" "gen=$gen" "why=x"
web_get /vault
# a new half minute: a code counts once
db "UPDATE sessions SET fresh_at = (strftime('%s','now') + 0) * 1000000"
web_file /vault/places/main/right "gen=$gen" "key=@two" "passphrase=$(cat pass)"
web_task
no "which only lasts for what he saw" has 'not found'
web_get /vault
is "the vaults after a word" "$web_status" 200
no "an approver says that it is right" has 'いちばん新しい世代が疑わしい'

# the recovery key, and disks
vault restore repo latest --to back --key key >/dev/null 2>&1
web_get /vault
ok "giving back with the recovery key proves it" has '最後に本当に開けて確かめた日'
cp key state/recovery-key.txt
n=$("$MAMORI" fact list --check vault.recovery.proved --json 2>/dev/null | grep -c '"seq"')
vault restore repo latest --to back2 --key state/recovery-key.txt >/dev/null 2>&1
is "one that lies on the machine does not" "$("$MAMORI" fact list --check vault.recovery.proved --json 2>/dev/null | grep -c '"seq"')" "$n"
mkdir disk
vault carry repo disk --label '青いディスク' >/dev/null 2>&1
web_get /vault
ok "a disk is listed" has '青いディスク'
web_post /vault/disks
web_task
ok "and whether it is plugged in" has 'つながっています'
done_testing
