#!/bin/bash
# Mail, webhooks and the calendar, against a real mail server (STARTTLS, sign-in) and a receiver of webhooks: what is sent,
# what is kept while nobody listens, what a sender killed in the middle leaves, and what is never sent.
# timeout: 300
# heavy
. "$MAMORI_SRC/tests/tap.sh"
for t in jq sqlite3 openssl; do command -v $t >/dev/null || skip_all "$t is missing"; done
py=
for p in python3 /usr/bin/python3; do "$p" -c 'import aiosmtpd' 2>/dev/null && py=$p && break; done
[ -n "$py" ] || skip_all "python3-aiosmtpd is missing"
export TZ=Asia/Tokyo MAMORI_STATE=$PWD/state LANG=C.UTF-8
unset MAMORI_LANG
torture='追加 髙橋 﨑 𠮷野 葛󠄀 ① ㈱ ｶﾅ ～'
pids=
trap 'for p in $pids; do kill -9 $p 2>/dev/null; done; wait 2>/dev/null' EXIT
mj() { "$MAMORI" --json "$@" 2>>err; }
sql() { sqlite3 -cmd '.timeout 5000' state/records.db "$1"; }
wait_file() { for _ in $(seq 300); do [ -s "$1" ] && return 0; sleep 0.1; done; return 1; }
peer() { # peer KIND [CERT KEY]
	rm -f "$1.port"
	"$py" "$MAMORI_SRC/tests/peer/notify_peer.py" . "$@" 2>>peer.err &
	pids="$pids $!" peer=$!
	wait_file "$1.port"
}
mails() { find . -maxdepth 1 -name 'mail-*.eml' | wc -l; }
# letter N FIELD: subject, from, id, text or files of a letter, read by somebody else's program
letter() {
	"$py" - "mail-$1.eml" "$2" <<'END'
import email, email.header, email.policy, sys
m = email.message_from_binary_file(open(sys.argv[1], 'rb'), policy=email.policy.default)
what = sys.argv[2]
if what == 'text':
    print(m.get_body(('plain',)).get_content())
elif what == 'files':
    print(' '.join(f'{a.get_filename()}:{a.get_content_type()}:{a.get_content()[:5].decode()}' for a in m.iter_attachments()))
elif what == 'defects':
    print([d for p in m.walk() for d in p.defects])
elif what == 'lines':
    print(max(len(x) for x in open(sys.argv[1], 'rb').read().split(b'\r\n')))
elif what == 'from':
    raw = email.message_from_binary_file(open(sys.argv[1], 'rb'))[what]
    print(email.header.make_header(email.header.decode_header(raw)))
else:
    print(m[what])
END
}
# to ADDRESS: the number of the newest letter there
to() { ls -t $(grep -l "^To: $1" mail-*.eml) | head -1 | tr -dc 0-9; }
again() { sql "UPDATE outbox SET next_at = 0"; }

mj guide list >/dev/null
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
	-keyout key.pem -out cert.pem 2>/dev/null

# setting up: what is refused
status "an address with a user in it" 2 "$MAMORI" notify set --server smtp://u:p@host --from a@b.example
status "no other protocol" 2 "$MAMORI" notify set --server file:///etc/passwd --from a@b.example
status "a header in an address" 2 "$MAMORI" notify set --from $'a@b.example\nBcc: x@y.example' --server smtp://h
status "a header in a name" 2 "$MAMORI" notify set --name $'a\r\nBcc: x@y.example' --server smtp://h --from a@b.example
status "two receivers in one" 2 "$MAMORI" notify set --to 'a@b.example,c@d.example' --server smtp://h --from a@b.example

# to a server that wants TLS and a password
peer smtp cert.pem key.pem
smtp=$peer
echo geheim-not >pw
ok "setting up" "$MAMORI" notify set --server "smtp://localhost:$(cat smtp.port)" --from mamori@clinic.example \
	--name "$torture" --reply desk@clinic.example --user mamori --password-file pw --to in@clinic.example \
	--base https://console.example:8443 --digest off
status "the server's certificate is not known" 1 "$MAMORI" notify test
is "so nothing was sent" "$(mails)" 0
ok "who sends says in which jail" grep -q 'jail: no new privileges, system calls listed' <<<"$(mj notify send | jq -r .jail)"
"$MAMORI" notify set --ca "$PWD/cert.pem" >/dev/null
again
status "a wrong password" 1 "$MAMORI" notify send
ok "is said" grep -q password <<<"$(mj notify list | jq -r '.messages[].message')"
is "the message waits" "$(mj notify show | jq .outbox.waiting)" 1
echo geheim >pw
"$MAMORI" notify set --password-file pw >/dev/null
is "the password's file is ours alone" "$(stat -c %a state/keys/mail.password)" 600
no "it is not in the records" grep -qa geheim state/records.db state/records.db-wal
again
ok "then it goes out" "$MAMORI" notify send
is "encrypted" "$(cat mail.log)" "mamori@clinic.example in@clinic.example tls=True"
is "the sender's name comes back exactly" "$(letter 1 from)" "$torture <mamori@clinic.example>"
ok "the words, too" grep -qF "$torture" <<<"$(letter 1 text)"
is "no defect in it" "$(letter 1 defects)" '[]'
ok "no line is too long" test "$(letter 1 lines)" -le 78
kill $smtp
wait $smtp 2>/dev/null

# nobody listens: kept, and sent later; red is told once
mj fact add --check vault.scrub --subject place:"$torture" --outcome fail --by imported >/dev/null
status "the server is down" 1 "$MAMORI" notify send
is "the alarm waits" "$(mj notify show | jq -c '[.outbox.waiting, .outbox.late]')" '[1,1]'
again
status "and waits" 1 "$MAMORI" notify send
peer smtp
"$MAMORI" notify set --server "smtp://127.0.0.1:$(cat smtp.port)" --user '' --ca '' --password-file /dev/null >/dev/null
no "the password is gone" test -e state/keys/mail.password
rm -f mail-*.eml mail.log
again
ok "the server is back" "$MAMORI" notify send
is "one letter" "$(mails)" 1
ok "it says what is red" grep -qF "■ $torture: 保管庫の中身の点検" <<<"$(letter 1 text)"
ok "and where to look" grep -qF https://console.example:8443/ <<<"$(letter 1 text)"
is "answers go to the desk" "$(letter 1 reply-to)" desk@clinic.example
mj fact add --check vault.scrub --subject place:"$torture" --outcome fail --by imported >/dev/null
ok "still red" "$MAMORI" notify send
is "is not told again" "$(mails)" 1
mj fact add --check vault.scrub --subject place:"$torture" --outcome pass --by imported >/dev/null
ok "over" "$MAMORI" notify send
is "is told" "$(letter 2 subject)" "【もどりました】1 件 – $torture"
is "what people said is not an alarm" "$(mj fact add --check vault.scrub --subject place:q --outcome fail --by declared >/dev/null; mj notify send | jq .sent)" 0
ok "every letter is in the sealed access log" "$MAMORI" verify

# killed in the middle: the server has the letter, nobody noted it
echo hang >smtp.say
sql "DELETE FROM outbox"
rm -f mail-*.eml
"$MAMORI" notify test >/dev/null 2>&1 &
victim=$!
for _ in $(seq 300); do [ "$(mails)" -ge 1 ] && break; sleep 0.1; done
kill -9 $victim
wait $victim 2>/dev/null
rm smtp.say
is "it is not lost" "$(mj notify show | jq .outbox.waiting)" 1
again
ok "it is sent again" "$MAMORI" notify send
again
ok "once" "$MAMORI" notify send
is "twice in all" "$(mails)" 2
f=(mail-*.eml)
is "and known as the same" "$(for m in "${f[@]}"; do grep -i ^message-id: "$m"; done | sort -u | wc -l)" 1

# refused for good
echo 'rcpt 550 no such user' >smtp.say
status "nobody of that name" 1 "$MAMORI" notify test --to nobody@clinic.example
is "is given up at once" "$(mj notify list | jq '.messages[0] | .gave_up > 0')" true
is "and red" "$(mj fact list --check notify.mail.delivered | jq -r '.facts[-1].outcome')" fail
# what is about us, not about the letter, waits
sql "DELETE FROM outbox"
echo 'mail 550 we do not know you' >smtp.say
status "the sender is not welcome" 1 "$MAMORI" notify test
is "nothing is given up" "$(mj notify list | jq '[.messages[].gave_up] | add')" 0
ok "and it says why" grep -q 'MAIL failed: 550' <<<"$(mj notify list | jq -r '.messages[] | select(.kind == "test").message')"
echo '554 not this one' >smtp.say
again
status "what is in it is not welcome" 1 "$MAMORI" notify send
is "is given up" "$(mj notify list | jq '.messages[0] | .gave_up > 0')" true
rm smtp.say

# 業者に頼む: letter, link, PDF, reminders
due=$(date -d '+30 days' +%F)
id=$(mj guide request add "修理㈱ $torture" --practice access-log --due "$due" | jq .id)
ok "a request" test -n "$id"
status "without an address" 2 "$MAMORI" notify request "$id"
rm -f mail-*.eml
ok "by mail" "$MAMORI" notify request "$id" --to it@vendor.example
ok "once a day" "$MAMORI" notify request "$id" --to it@vendor.example
sql "UPDATE outbox SET gave_up = 1, tries = 12 WHERE target = 'it@vendor.example'"
is "unless it was given up" "$(mj notify request "$id" --to it@vendor.example | jq .put)" true
ok "sending" "$MAMORI" notify send
is "one letter went out" "$(grep -l '^To: it@vendor' mail-*.eml | wc -l)" 1
n=$(to it@vendor)
ok "with all words" grep -qF "修理㈱ $torture 御中" <<<"$(letter "$n" text)"
link=$(letter "$n" text | grep -oE 'https://console.example:8443/vendor/[A-Za-z0-9_-]{43}')
ok "and a link" test -n "$link"
no "which is nowhere else" grep -rqaF "${link##*/}" state
if [ -x "$MAMORI_BUILD/daemon/mamori-render/mamori-render" ] && mj guide letter "$id" --pdf try.pdf >/dev/null; then
	is "and the paper" "$(letter "$n" files)" '依頼状.pdf:application/pdf:%PDF-'
else
	skip "and the paper" "the renderer does not work here"
fi
is "the request is out" "$(mj guide request list | jq -r ".requests[] | select(.id == $id) | .state")" sent
sql "UPDATE guide_requests SET sent_on = '$(date -d '-8 days' +%F)' WHERE id = $id"
rm -f mail-*.eml
ok "after 7 days" "$MAMORI" notify send
n=$(to it@vendor)
ok "a reminder" grep -q '再度のお願い' <<<"$(letter "$n" subject)"
no "with another link" grep -qF "$link" <<<"$(letter "$n" text)"
ok "one" "$MAMORI" notify send
is "only one" "$(mails)" 1

# the weekly page
sql "UPDATE settings SET value = json_set(value, '\$.digest', json('true'), '\$.since', 1) WHERE key = 'notify.mail'"
rm -f mail-*.eml
ok "the weekly page" "$MAMORI" notify send
ok "goes out" "$MAMORI" notify send
is "once" "$(mails)" 1
n=$(to in@clinic)
ok "on one screen" test "$(letter "$n" text | wc -l)" -le 40
ok "with what is due" grep -q '期日' <<<"$(letter "$n" text)"

# webhooks
peer hook
url=http://127.0.0.1:$(cat hook.port)/in
status "no clear text without being told so" 2 "$MAMORI" notify hook add "$url"
status "nor to elsewhere" 2 "$MAMORI" notify hook add http://example.com/ --inside
mj notify hook add "https://localhost:$(cat hook.port)/" --event alarm.raised >bad.json
status "a private address that was not allowed" 3 "$MAMORI" notify hook test "$(jq -r .id bad.json)"
no "is not reached" test -e hook.log
"$MAMORI" notify hook revoke "$(jq -r .id bad.json)" >/dev/null
mj notify hook add "$url" --inside --event alarm.raised --event drill.result >hook.json
id=$(jq -r .id hook.json)
no "its key is not in the records" grep -qaF "$(jq -r .secret hook.json | cut -c7-)" state/records.db state/records.db-wal
# an outbox full of mail: the weekly page does not fit, the note to the program goes out all the same
sql "DELETE FROM outbox WHERE kind = 'digest'; WITH RECURSIVE k (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k WHERE i < 2000)
	INSERT INTO outbox (id, way, target, kind, body, created, next_at, once)
	SELECT 'fill' || i, 'mail', 'x@y', 'fill', 'x', 1, 9e15, 'fill' || i FROM k"
no "a full outbox is said" "$MAMORI" notify hook test "$id"
is "and stops nothing else" "$(jq -r '.body | fromjson | .type' hook.log)" test
ok "nobody needs to make room to read the week" "$MAMORI" notify digest
sql "DELETE FROM outbox WHERE kind = 'fill'"
rm hook.log
ok "a test" "$MAMORI" notify hook test "$id"
mj fact add --check vault.restore.drill --subject system:emr --outcome fail --by imported >/dev/null
mj fact add --check register.next.overdue --subject register:all --outcome fail --by imported >/dev/null
"$MAMORI" notify send >/dev/null 2>&1
is "what was asked for" "$(jq -r '.body | fromjson | .type' hook.log | sort | tr '\n' ' ')" 'alarm.raised drill.result test '
"$py" - "$(jq -r .secret hook.json)" <<'END' >sign.txt 2>&1
import base64, hashlib, hmac, json, sys, time
key = base64.b64decode(sys.argv[1][6:])
ids = set()
for line in open('hook.log'):
    o = json.loads(line)
    h = o['headers']
    want = hmac.new(key, f"{h['webhook-id']}.{h['webhook-timestamp']}.{o['body']}".encode(), hashlib.sha256).digest()
    assert h['webhook-signature'] == 'v1,' + base64.b64encode(want).decode(), h
    assert abs(time.time() - int(h['webhook-timestamp'])) < 300
    ids.add(h['webhook-id'])
assert len(ids) == 3, ids
print('good')
END
is "signed as the manual says" "$(cat sign.txt)" good
echo "302 http://127.0.0.1:$(cat smtp.port)/" >hook.say
mj fact add --check vault.restore.drill --subject system:emr --outcome pass --by imported >/dev/null
"$MAMORI" notify send >/dev/null 2>&1
is "a redirect is not followed" "$(mj notify list | jq -r '[.messages[] | select(.way == "hook")][0].message')" 'answered with status 302'
echo 410 >hook.say
again
"$MAMORI" notify send >/dev/null 2>&1
is "who wants no more gets no more" "$(mj notify hook list | jq '.hooks[0].off > 0')" true
is "and it is red" "$(mj fact list --check notify.hook.delivered | jq -r '.facts[-1].outcome')" fail
rm hook.say
ok "switched on again" "$MAMORI" notify hook on "$id"
ok "revoked" "$MAMORI" notify hook revoke "$id"
is "its secret is wiped" "$(sql "SELECT length(secret) FROM webhooks WHERE id = '$id'")" 0

# the calendar, read by somebody else's program
"$MAMORI" guide finding add "$torture; a, b" >/dev/null 2>&1
sql "UPDATE guide_findings SET due = '$due'"
ok "a calendar" "$MAMORI" notify calendar --out cal.ics
if "$py" -c 'import icalendar' 2>/dev/null; then
	is "its dates" "$("$py" -c "
import icalendar
c = icalendar.Calendar.from_ical(open('cal.ics', 'rb').read())
for x in c.walk('vevent'):
    if 'finding' in x['uid']:
        print(x.decoded('dtstart'), x['summary'])")" "$due 改善の計画: $torture; a, b"
else
	skip "its dates" "python3-icalendar is missing"
fi
done_testing
