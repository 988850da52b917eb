#!/bin/bash
# 設定と記録: mail, webhooks, keys for programs, calendar addresses, a letter to a vendor by mail - in the console, and sent
# by the process that the runner starts.
# timeout: 240
# heavy
. "$MAMORI_SRC/tests/tap.sh"
. "$MAMORI_SRC/tests/web.sh"
mamorid=$MAMORI_BUILD/daemon/mamorid/mamorid
[ -x "$mamorid" ] || skip_all "mamorid was not built"
for t in curl jq sqlite3 python3; do command -v $t >/dev/null || skip_all "$t is missing"; done
py=
for p in python3 /usr/bin/python3; do "$p" -c 'import aiosmtpd' 2>/dev/null && py=$p && break; done
[ -n "$py" ] || skip_all "python3-aiosmtpd is missing"
export TZ=Asia/Tokyo LANG=C.UTF-8
S=$PWD/state pids=
trap 'for p in $pids; do kill -9 $p 2>/dev/null; done; wait 2>/dev/null' EXIT
wait_file() { for _ in $(seq 400); do [ -s "$1" ] && return 0; sleep 0.1; done; return 1; }
has() { grep -qF -- "$1" page.html; }
"$mamorid" --state "$S" --program "$MAMORI" --listen 127.0.0.1:0 >ready 2>log &
pids="$pids $!"
"$py" "$MAMORI_SRC/tests/peer/notify_peer.py" . smtp &
pids="$pids $!"
"$py" "$MAMORI_SRC/tests/peer/notify_peer.py" . hook &
pids="$pids $!"
wait_file ready && wait_file smtp.port && wait_file hook.port
tap_result $? "everything runs" "$(cat log)"
web_begin "$(jq -r .url ready)" "$(jq -r .setup ready)"
tap_result $? "the first start" "$web_status $web_to"

# mail
web_get /settings
for p in /settings/mail /settings/webhooks /settings/tokens /me/calendar; do ok "$p is offered" has "href=\"$p\""; done
web_get /settings/mail
ok "nothing is set yet" has 'まだ決まっていません'
web_get /settings/mail/edit
web_post /settings/mail "server=smtp://h" "from=no address" "name=追加 髙橋" "to=a@b.example"
is "not an address" "$web_status" 422
ok "what was typed is not lost" has '追加 髙橋'
web_post /settings/mail "server=smtp://127.0.0.1:$(cat smtp.port)" "from=mamori@clinic.example" "name=追加 髙橋 𠮷野" \
	"to=$(printf 'in@clinic.example\nnext@clinic.example')" "what=red" "password=geheim" "base=https://console.example:8443"
is "saved" "$web_status" 303
web_get /settings/mail/edit
ok "it says that a password is kept" has 'しまってあります'
no "and does not show it" has geheim
web_get /settings/mail
ok "both receivers" bash -c 'grep -qF in@clinic.example page.html && grep -qF next@clinic.example page.html'
web_post /settings/mail/test
ok "a test mail is a task" grep -q /tasks/ <<<"$web_to"
ok "it arrives" wait_file mail-2.eml
for _ in $(seq 100); do web_get /settings/mail; has '送った' && break; sleep 0.2; done
ok "and is in the list" has '送った'

# webhooks
web_get /settings/webhooks
web_post /settings/webhooks "url=http://elsewhere.example/"
is "no clear text" "$web_status" 422
web_post /settings/webhooks "url=http://127.0.0.1:$(cat hook.port)/in" "name=監視" "event=alarm.raised" "inside=1"
is "added" "$web_status" 200
secret=$(grep -oE 'whsec_[A-Za-z0-9+/=]+' page.html)
ok "its key is shown" test -n "$secret"
web_get /settings/webhooks
id=$(grep -oE '/settings/webhooks/hook-[0-9a-f]+' page.html | head -1)
no "once" has "$secret"
web_get "$id"
web_post "$id/test"
ok "a test arrives" wait_file hook.log
is "signed" "$(jq -r '.headers["webhook-signature"]' hook.log | cut -c1-3)" v1,
web_get "$id"
web_post "$id/revoke"
web_get "$id"
is "revoked" "$web_status" 404

# keys
web_get /settings/tokens
web_post /settings/tokens "name=監視" "scope=accounts:write" "days=30"
is "not every scope" "$web_status" 422
web_post /settings/tokens "name=監視" "scope=vault:read" "days=30"
token=$(grep -oE 'mmr_[A-Za-z0-9_-]{43}' page.html)
api() { curl -sk -o out -w '%{http_code}' -H "Authorization: Bearer $token" "${web_url%/}/api/v1/systems"; }
is "a key works" "$(api)" 200
web_get /settings/tokens
no "it is shown once" has "$token"
t=$(grep -oE '/settings/tokens/t-[0-9a-f]+/revoke' page.html | head -1)
web_post "$t"
is "revoked" "$(api)" 401

# the calendar
ics() { curl -sk -o cal.ics -w '%{http_code} %{content_type}' "${web_url%/}/calendar/$1"; }
web_get /me/calendar
web_post /me/calendar
first=$(grep -oE '/calendar/[A-Za-z0-9_-]{43}' page.html | head -1)
first=${first##*/}
is "a calendar by its address alone" "$(ics "$first")" "200 text/calendar; charset=utf-8"
is "it is one" "$(head -1 cal.ics | tr -d '\r')" BEGIN:VCALENDAR
is "a wrong address" "$(ics "${first%?}-" | cut -c1-3)" 404
web_get /me/calendar
web_post /me/calendar
next=$(grep -oE '/calendar/[A-Za-z0-9_-]{43}' page.html | head -1)
is "another one ends it" "$(ics "$first" | cut -c1-3)" 404
no "no log has the address" grep -rqaF "$first" "$S" log

# a vendor's letter
due=$(date -d '+20 days' +%F)
web_get /guide/requests/new
web_post /guide/requests "vendor=修理㈱ 髙橋" "practice=access-log" "due=$due"
at=/guide/requests/${web_to##*/}
web_get "$at"
# the form of the matrix: first without, then with a fitting address
web_post "$at/mail" "to=a@b@c"
web_get "$at"
is "still a draft" "$(sqlite3 -cmd '.timeout 5000' "$S/records.db" 'SELECT state FROM guide_requests')" draft
web_post "$at/mail" "to=it@vendor.example"
is "by mail" "$web_status" 303
for _ in $(seq 300); do grep -q it@vendor.example mail.log && break; sleep 0.1; done
ok "it goes out" grep -q it@vendor.example mail.log
for _ in $(seq 100); do
	state=$(sqlite3 -cmd '.timeout 5000' "$S/records.db" 'SELECT state FROM guide_requests')
	[ "$state" = sent ] && break
	sleep 0.1
done
is "and is out" "$state" sent
web_get /settings/access
ok "it is in the access log" has '業者へメールで頼む'
ok "the sending, too" has 'メールを送った'
done_testing
