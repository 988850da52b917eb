#!/bin/bash
# The first set-up without JavaScript: led there after the first sign-in, eight steps, one put off, one refused, one sent
# twice, mamorid killed and started again in between, a copy that is chosen and made; then the booklet and today.
# timeout: 180
. "$MAMORI_SRC/tests/tap.sh"
. "$MAMORI_SRC/tests/web.sh"
mamorid=$MAMORI_BUILD/daemon/mamorid/mamorid
[ -x "$mamorid" ] || skip_all "mamorid was not built"
command -v curl >/dev/null || skip_all "curl is missing"
command -v python3 >/dev/null || skip_all "python3 is missing"
export TZ=Asia/Tokyo LANG=C.UTF-8
S=$PWD/state pid= torture='追加 髙橋 﨑 𠮷野 葛󠄀 ① ㈱ ｶﾅ ～'
trap '[ -z "$pid" ] || kill -9 $pid 2>/dev/null' EXIT
start() {
	rm -f ready
	"$mamorid" --state "$S" --program "$MAMORI" --listen 127.0.0.1:0 >ready 2>log &
	pid=$!
	for _ in $(seq 300); do
		[ -s ready ] && break
		kill -0 $pid 2>/dev/null || return 1
		sleep 0.1
	done
	url=$(sed -n 's/.*"url": *"\([^"]*\)".*/\1/p' ready)
	setup=$(sed -n 's/.*"setup": *"\([^"]*\)".*/\1/p' ready)
	web_url=$url
}
has() { grep -qF -- "$1" page.html; }
sql() { sqlite3 -cmd '.timeout 5000' "$S/records.db" "$1"; }
to() { tr -d '\r' <head.txt | sed -n 's/^[Ll]ocation: //p'; }
# value NAME: what stands in that field of the page
value() { sed -n "s/.*name=\"$1\" [^>]*value=\"\([^\"]*\)\".*/\1/p; s/.*name=\"$1\" value=\"\([^\"]*\)\".*/\1/p" page.html | head -1; }
start
tap_result $? "it starts on an empty state" "$(cat log)"

# the first sign-in leads there
web_get "/setup/${setup##*/}"
web_post "/setup/${setup##*/}" "name=院長 髙橋 𠮷野" "login=director"
web_get /me/password
web_post /me/password "password=$WEB_PASSWORD" "again=$WEB_PASSWORD"
is "after the password one is still at one's account" "$(to)" /me
web_get /me/totp
web_secret=$(sed -n 's/.*<code class="lead">\([A-Z2-7 ]*\)<.*/\1/p' page.html)
web_post /me/totp "code=$(web_totp "$web_secret")"
is "the second factor leads into the first set-up" "$(to)" /wizard
web_get /wizard
ok "which says how long it takes" has '30 分'
web_get /
ok "today's one thing is to begin" has 'はじめての設定をしましょう（0/8）'

# 1
web_get /wizard/facility
web_post /wizard/facility go=save "h_name=" h_beds=many
is "what is wrong" "$web_status" 422
ok "is said at its field" has 'href="#f-h_beds"'
ok "and not lost" has 'value="many"'
web_post /wizard/facility go=save "h_name=$torture" h_type=clinic h_beds=0 h_phone=03-1111-2222
is "1 is kept, on to 2" "$web_status $(to)" "303 /wizard/appointed"
kill -9 $pid
wait $pid 2>/dev/null
start
tap_result $? "killed and started again" "$(cat log)"
web_get /
ok "it goes on where it was" has 'はじめての設定の続き（1/8）'
web_get /wizard/facility
is "nothing acknowledged is lost" "$(value h_name)" "$torture"

# 2 and 3
web_get /wizard/appointed
is "the director is known" "$(value h_who_director)" "院長 髙橋 𠮷野"
web_post /wizard/appointed go=save h_id=main "h_rev=$(value h_rev)" "h_who_director=髙橋 𠮷野" "h_who_manager=葛󠄀 事務長" "h_management=concurrent"
is "2 is kept" "$(to)" /wizard/people
web_get /wizard/people
set -- go=save
for i in 0 1; do set -- "$@" "p${i}_id=$(value p${i}_id)" "p${i}_rev=$(value p${i}_rev)" "p${i}_name=$(value p${i}_name)" "p${i}_category=employee"; done
set -- "$@" "p2_name=看護師 﨑" p2_job=nurse "p3_name=受付 ㈱ｶﾅ" p3_job=clerk "p4_name=$torture" p4_job=technician "p5_name="
web_post /wizard/people "$@"
is "3 is kept" "$(to)" /wizard/systems
web_post /wizard/people "$@"
is "and the same form again" "$web_status" 303
is "makes nobody twice" "$(sql "SELECT count(*) FROM records WHERE kind = 'person'")" 5

# 4, and 5 put off
web_get /wizard/systems
web_post /wizard/systems go=save s0_skind=chart s0_use=1 s0_connection=internal s1_skind=receipt s1_use=1 s1_connection=both s2_skind=images
is "4 is kept" "$(to)" /wizard/vendors
web_get /wizard/vendors
web_post /wizard/vendors go=later
is "5 is put off" "$(to)" /wizard/backup
web_get /guide/findings
ok "and is a task" has 'はじめての設定の続き: 業者'
f=$(sql "SELECT finding FROM wizard_steps WHERE step = 'vendors'")
web_get "/guide/findings/$f"
ok "that leads back" has 'href="/wizard/vendors"'
kill -TERM $pid
wait $pid
start
tap_result $? "stopped and started again" "$(cat log)"

# 6: a folder is chosen where a vault is
mkdir -p karte vaults
echo chart >karte/p1
"$MAMORI" --state "$S" vault init "$PWD/vaults/v" --recovery-out "$PWD/key.txt" >out 2>&1
tap_result $? "a vault" "$(cat out)"
mkdir -p other
echo x >other/x
"$MAMORI" --state "$S" system add fax "$PWD/other" --repo "$PWD/vaults/v" >out 2>&1
tap_result $? "with one system" "$(cat out)"
web_get /wizard/backup
ok "what the vault has is measured, not asked" has 'href="/vault/systems/fax"'
place=$(sed -n 's/.*value="\(place:[^"]*\)".*/\1/p' page.html | head -1)
set -- go=save b_id=main "b_rev=$(value b_rev)" b_backup_detached=no b_backup_restored=unknown
for i in 0 1; do set -- "$@" "c${i}_id=$(value c${i}_id)" "c${i}_rev=$(value c${i}_rev)" c${i}_protection=vendor; done
web_post /wizard/backup "$@" n_system=sys-0001 "n_path=karte" "n_place=$place"
is "a folder that is none" "$web_status" 422
web_post /wizard/backup "$@" n_system=sys-0001 "n_path=$PWD/karte" "n_place=$place"
is "6 is kept" "$web_status $(to)" "303 /wizard/contacts"
for _ in $(seq 300); do
	[ "$(sql "SELECT count(*) FROM job_runs r JOIN jobs j ON j.id = r.job WHERE j.system = 'sys-0001' AND r.outcome = 'pass'")" -ge 1 ] && break
	sleep 0.2
done
ok "and the copy is made by itself" "$MAMORI" --state "$S" vault ls "$PWD/vaults/v" latest karte --key "$PWD/key.txt"

# 7 and 8
web_get /wizard/contacts
ok "whom to call is proposed" has '警察'
web_post /wizard/contacts go=save "k0_name=$(value k0_name)" k0_kind=staff "k0_phone=０９０−１１１１−２２２２" k1_name=警察 k1_kind=police k1_phone=110 k2_name= k2_kind=insurer
is "7 is kept" "$(to)" /wizard/signin
web_get /wizard/signin
web_post /wizard/signin/invite "name=葛󠄀 事務長" login=tantou
is "a second person is invited" "$web_status" 200
ok "with a code" grep -qE '<code class="lead">[0-9A-Z]{5}-[0-9A-Z]{5}<' page.html
web_post /wizard/signin go=save
is "8 is done" "$(to)" /wizard/done
is "seven done, one put off" "$(sql "SELECT group_concat(state, ' ') FROM (SELECT state, count(*) FROM wizard_steps GROUP BY state ORDER BY state)") $(sql 'SELECT count(*) FROM wizard_steps')" "done later 8"
web_get /
ok "today goes on with the checklist" has 'id="one"'
no "and no more with the set-up" has 'はじめての設定の続き（'
ok "what was put off is not forgotten" has 'href="/wizard/vendors"'

# what was put off, done
web_get /wizard/vendors
set -- go=save
for i in 0 1; do set -- "$@" "v${i}_id=$(value v${i}_id)" "v${i}_rev=$(value v${i}_rev)" "v${i}_who=㈱メディ" v${i}_remote=no; done
web_post /wizard/vendors "$@"
is "then all is done" "$(to)" /wizard/done
is "and the task ended by itself" "$(sql "SELECT state FROM guide_findings WHERE id = $f")" done
web_get /wizard/done
web_post /guide/first
is "the booklet is being made" "$web_status" 303
task=$(to)
for _ in $(seq 300); do
	web_get "$task" # the page renews itself
	grep -q '/file"' page.html && break
	grep -q 'state red' page.html && break
	sleep 0.2
done
pdf=$(sed -n 's/.*href="\(\/tasks\/[0-9a-f]*\/file\)".*/\1/p' page.html | head -1)
if [ -n "$pdf" ] && command -v pdftotext >/dev/null; then
	web_curl "${web_url%/}$pdf" >/dev/null
	pdftotext -layout page.html first.txt
	for w in 任命書 基本方針 連絡網 事務長 090-1111-2222 アクションカード; do ok "the booklet has $w" grep -q "$w" first.txt; done
else
	ok "the booklet is made, or there is no font for it" grep -qE 'フォント|font' page.html
fi
for _ in $(seq 300); do
	[ "$("$MAMORI" --state "$S" --json fact list --newest --check register.facility.manager 2>/dev/null | jq -r '.facts[0].outcome')" = fail ] && break
	sleep 0.2
done
is "the registers were measured: no deputy yet" "$("$MAMORI" --state "$S" --json fact list --newest --check register.facility.manager 2>/dev/null | jq -r '.facts[0]|"\(.outcome) \(.observed.manager)"')" "fail true"
ok "every seal holds" "$MAMORI" --state "$S" verify
kill -TERM $pid && wait $pid
is "it stops" $? 0
pid=
done_testing
