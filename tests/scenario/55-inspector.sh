#!/bin/bash
# Two who come in by an address alone: an inspector who looks and changes nothing, every look recorded; and a vendor who
# answers with papers, whose record learns the day.
# timeout: 180
. "$MAMORI_SRC/tests/tap.sh"
. "$MAMORI_SRC/tests/web.sh"
mamorid=$MAMORI_BUILD/daemon/mamorid/mamorid
[ -x "$mamorid" ] || skip_all "mamorid was not built"
command -v sqlite3 >/dev/null || skip_all "sqlite3 is missing"
export TZ=Asia/Tokyo MAMORI_STATE=$PWD/state LC_ALL=C.UTF-8
pid=
trap '[ -z "$pid" ] || { kill $pid; wait $pid; } 2>/dev/null' EXIT
has() { grep -qF -- "$1" page.html; }
"$mamorid" --state "$MAMORI_STATE" --program "$MAMORI" --listen 127.0.0.1:0 >ready 2>log &
pid=$!
for _ in $(seq 600); do
	[ -s ready ] && break
	kill -0 $pid 2>/dev/null || break
	sleep 0.1
done
url=$(sed -n 's/.*"url": *"\([^"]*\)".*/\1/p' ready)
web_begin "$url" "$(sed -n 's/.*"setup": *"\([^"]*\)".*/\1/p' ready)"
tap_result $? "a director" "$web_status"

# --- an inspector
web_get /guide/inspector
is "the page" "$web_status" 200
web_post /guide/inspector "name=" "days=1"
is "nobody is nobody" "$web_status" 422
web_post /guide/inspector "name=保健所 髙橋 𠮷野 ㈱" "days=3"
is "one button" "$web_status" 200
link=$(sed -n 's/.*<code[^>]*>https:[^<]*\(\/l\/[^<]*\)<.*/\1/p' page.html | head -1)
ok "makes an address" test -n "$link"
account=$(sed -n 's/.*action="\/guide\/inspector\/\([^"/]*\)\/end".*/\1/p' page.html | head -1)
web_get /guide/inspector
no "which is shown once" has "$link"
ok "and stays in the list" has '保健所 髙橋 𠮷野 ㈱'
cp jar director.jar
rm jar
web_get "$link"
is "the inspector opens it" "$web_status" 200
web_post "$link"
is "by a button" "$web_status" 303
ok "and gets to the front page" grep -qi '^location: /inspect.$' head.txt
for p in /inspect /guide /guide/findings /register /register/vendor /people /papers; do
	web_get $p
	is "reads $p" "$web_status" 200
done
for p in / /vault /guide/requests /guide/inspector /settings/access /settings/accounts /tasks /me; do
	web_get $p
	is "not $p" "$web_status" 403
done
web_get /guide
web_post /guide/findings "title=x" "severity=1"
is "writes nothing" "$web_status" 403
web_post /guide/binder
is "and starts nothing" "$web_status" 403
for _ in $(seq 150); do
	web_get /inspect
	has '/inspect/binder' && break
	grep -q refresh page.html || break
	sleep 0.2
done
if has '/inspect/binder'; then
	web_get /inspect/binder
	is "the binder opens" "$web_status $(head -c 5 page.html)" "200 %PDF-"
elif "$MAMORI" guide binder --pdf try.pdf >/dev/null 2>&1; then
	no "no binder, though one can be made here" true
else
	ok "no binder, and the page says so" has 'まだありません'
fi
cp jar inspector.jar
cp director.jar jar
web_get /settings/access
looks=$(grep -cF '保健所 髙橋' page.html)
ok "every look is recorded" test "$looks" -ge 10
ok "with what was looked at" has '/register/vendor'
no "never the address itself" has "${link#/l/}"
web_get /guide/inspector
web_post "/guide/inspector/$account/end"
is "it is closed at once" "$web_status" 303
cp inspector.jar jar
web_get /inspect
is "the inspector sees nothing more" "$web_status" 303
web_get "$link"
web_post "$link"
is "nor comes in again" "$web_status" 410

# --- a vendor
cp director.jar jar
"$MAMORI" register add vendor 'name=㈱みらい電子 髙橋' >/dev/null 2>&1
vendor=$("$MAMORI" register list vendor --json 2>/dev/null | jq -r '.records[0].id')
web_get /guide/requests/new
practice=$(sed -n 's/.*<option value="\([a-z-][a-z-]*\)".*/\1/p' page.html | head -1)
web_post /guide/requests "vendor=㈱みらい電子 髙橋" "practice=$practice" "due=2099-01-31"
is "a request" "$web_status" 303
request=${web_to##*/}
web_get "/guide/requests/$request"
web_post "/guide/requests/$request/sent"
web_get "/guide/requests/$request"
ok "how often he was reminded is seen" has '催促 0 回'
web_post "/guide/requests/$request/link"
way=$(sed -n 's/.*<code[^>]*>https:[^<]*\(\/vendor\/[^<]*\)<.*/\1/p' page.html | head -1)
rm jar
web_get "$way"
is "the vendor opens his page" "$web_status" 200
printf '#!/bin/sh\nrm\001\n' >bad.exe
printf '%%PDF-1.4\n設定の写し\n' >'設定 葛󠄀.pdf'
web_file "$way" "name=山田" "text=はい" "file=@bad.exe"
is "a program is not taken" "$web_status" 422
ok "and the page says what is" has 'PDF・画像・CSV'
web_file "$way" "name=山田" "text=はい、確認しました。" "file=@設定 葛󠄀.pdf"
is "the answer" "$web_status" 200
web_get "$way"
is "closes the way" "$web_status" 410
cp director.jar jar
web_get "/guide/requests/$request"
ok "the paper stands with the request" has '設定 葛󠄀.pdf'
proof=$(sed -n 's/.*href="\(\/guide\/evidence\/[0-9]*\)".*/\1/p' page.html | head -1)
web_get "$proof"
is "and is what was sent" "$(sha256sum <page.html)" "$(sha256sum <'設定 葛󠄀.pdf')"
is "the record of the vendor has the day" "$("$MAMORI" register show vendor "$vendor" --json 2>/dev/null | jq -r '.. | .answered_on? // empty' | head -1)" "$(date +%F)"
done_testing
