#!/bin/bash
# The console as a person meets it, without JavaScript: first start, sign-in, second step, step-up, other people, the
# emergency code, the access log; and what strangers get.
# timeout: 180
. "$MAMORI_SRC/tests/tap.sh"
. "$MAMORI_SRC/tests/web.sh"
mamorid=$MAMORI_BUILD/daemon/mamorid/mamorid
[ -x "$mamorid" ] || skip_all "mamorid was not built"
command -v curl >/dev/null || skip_all "curl is missing"
command -v python3 >/dev/null || skip_all "python3 is missing"
export TZ=Asia/Tokyo
S=$PWD/state pid=
trap '[ -z "$pid" ] || kill -9 $pid 2>/dev/null' EXIT
start() {
	rm -f ready
	"$mamorid" --state "$S" --program "$MAMORI" --listen 127.0.0.1:0 >ready 2>log &
	pid=$!
	for _ in $(seq 100); do
		[ -s ready ] && break
		kill -0 $pid 2>/dev/null || return 1
		sleep 0.1
	done
	url=$(sed -n 's/.*"url": *"\([^"]*\)".*/\1/p' ready)
	setup=$(sed -n 's/.*"setup": *"\([^"]*\)".*/\1/p' ready)
	web_url=$url
}
has() { grep -q -- "$1" page.html; }
start
tap_result $? "it starts on an empty state" "$(cat log)"

# before it is set up
ok "there is a set-up address" test -n "$setup"
no "which no log names" grep -q "${setup##*/}" log
web_get /incident
is "what to do when it happens is open to everybody" "$web_status" 200
for p in /me /signin /settings; do web_get $p; is "nothing else works: $p" "$web_status" 403; done
ok "and the page says why" has 'mamori up'
web_get /setup/AAAAAAAAAAAAAAAA
is "another code opens nothing" "$web_status" 404
web_get "/setup/${setup##*/}"
is "the address opens" "$web_status" 200
web_post "/setup/${setup##*/}" "name=" "login=director"
is "a name is needed" "$web_status" 422
ok "what was typed is not lost" has 'value="director"'
web_post "/setup/${setup##*/}" "name=<script>alert(1)</script>" "login=not a login"
is "a sign-in name has a form" "$web_status" 422
ok "and comes back as text" has '&lt;script&gt;alert(1)'
no "never as a script" has '<script>alert'
web_begin "$url" "$setup"
tap_result $? "the first start" "$web_status $web_to"
web_get "/setup/${setup##*/}"
is "its address works once" "$web_status" 303
is "and made one account" "$(sqlite3 -cmd '.timeout 5000' "$S/records.db" 'SELECT count(*) FROM accounts')" 1

# signed in
web_get /me
ok "one's own name, exactly" has '院長 髙橋 𠮷野'
for h in '__Host-mamori'; do ok "cookie $h" grep -q "$h" jar; done
ok "the cookie is not for scripts" grep -q '^#HttpOnly_.*__Host-mamori' jar
web_get /settings/access
is "the access log needs no fresh factor to be read" "$web_status" 200
ok "it has the first start" has 'はじめの準備'
web_get /me
web_csrf=0000000000000000000000000000000000000000000000000000000000000000
web_post /me/codes
is "a form with a wrong token" "$web_status" 403
web_csrf=
web_post /me/codes
is "and without one" "$web_status" 403
web_get /me
c=$(curl -sk -b jar -o /dev/null -w '%{http_code}' -H 'Origin: https://elsewhere.example' --data "csrf=$web_csrf" "${url}me/codes")
is "from a page elsewhere" "$c" 403
c=$(curl -sk -b jar -o /dev/null -w '%{http_code}' -H 'Sec-Fetch-Site: cross-site' --data "csrf=$web_csrf" "${url}me/codes")
is "from another site" "$c" 403
web_get /me
web_post /me/codes
is "printed codes" "$web_status" 200
sed -n 's/.*<code class="lead">\([A-Z0-9-]*\)<.*/\1/p' page.html >codes
is "ten of them" "$(wc -l <codes)" 10

# out and in again
web_get /me
cp jar director.jar
web_post /signout
web_get /me
is "signed out" "$web_status" 303
ok "and sent to sign in, and back" grep -qi 'location: /signin?to=%2Fme' head.txt
cp director.jar jar
web_get /me
is "the old cookie is worth nothing" "$web_status" 303
rm jar
web_get /signin
web_post /signin "login=director" "password=wrong" "to=/me"
is "a wrong password" "$web_status" 422
cp page.html wrong.html
web_post /signin "login=nobody" "password=wrong" "to=/me"
is "a name that nobody has" "$web_status" 422
same() { [ "$(sed 's/value="[^"]*"//g' wrong.html)" = "$(sed 's/value="[^"]*"//g' page.html)" ]; }
ok "is answered with the same page" same
web_post /signin "login=director" "password=$WEB_PASSWORD" "to=/settings"
is "the password" "$web_status" 303
ok "leads to the second step" grep -qi 'location: /signin/second' head.txt
web_get /settings
is "which cannot be passed by" "$web_status" 303
web_get "/signin/second?to=/settings"
web_post /signin/second "code=000000" "to=/settings"
is "a wrong code" "$web_status" 422
code=$(head -1 codes)
web_post /signin/second "code=$code" "to=//elsewhere.example/"
is "a printed code" "$web_status" 303
ok "never leads elsewhere" grep -qi '^location: /.$' head.txt
web_get /settings
is "signed in" "$web_status" 200

# step-up and people
sqlite3 -cmd '.timeout 5000' "$S/records.db" "UPDATE sessions SET fresh_at = 1" 2>/dev/null
web_get /settings/accounts/new
is "accounts want a fresh factor" "$web_status" 303
ok "and back" grep -qi 'location: /signin/again?to=%2Fsettings%2Faccounts%2Fnew' head.txt
web_follow
code=$(sed -n 2p codes)
web_post /signin/again "code=$code" "to=/settings/accounts/new"
is "given" "$web_status" 303
web_get /settings/accounts/new
is "now it opens" "$web_status" 200
web_post /settings/accounts "name=職員 葛󠄀 ㈱ ｶﾅ" "login=staff1" "role=staff" "until=" "objects="
is "a new account" "$web_status" 200
invite=$(sed -n 's/.*<code>\([A-Z0-9-]*\)<.*/\1/p' page.html | head -1)
ok "with an invitation" test -n "$invite"
web_get /settings/accounts/new
web_post /settings/accounts "name=x" "login=vend" "role=vendor" "until=" "objects="
is "a vendor without an end is refused" "$web_status" 422
web_get /settings/accounts/new
web_post /settings/accounts "name=x" "login=staff1" "role=staff"
is "a sign-in name is taken once" "$web_status" 422
web_get /settings/emergency
web_post /settings/emergency
is "an emergency code" "$web_status" 200
glass=$(sed -n 's/.*<code>\([A-Z0-9-]*\)<.*/\1/p' page.html | head -1)
cp jar director.jar

rm jar
web_get /signin/invite
web_post /signin/invite "code=$invite"
is "the invitation opens" "$web_status" 303
web_get /
is "only one's own settings at first" "$web_status" 303
web_get /me/password
web_post /me/password "password=password12345" "again=password12345"
is "a password that many use is refused" "$web_status" 422
web_post /me/password "password=$WEB_PASSWORD-2" "again=other"
is "so are two different ones" "$web_status" 422
web_post /me/password "password=$WEB_PASSWORD-2" "again=$WEB_PASSWORD-2"
is "a good one" "$web_status" 303
web_get /me
ok "the name is exact" has '職員 葛󠄀 ㈱ ｶﾅ'
for p in /settings/accounts /settings/access /settings/emergency /vault; do web_get $p; is "staff may not see $p" "$web_status" 403; done
web_get /me
web_post /settings/accounts "name=evil" "login=evil" "role=director"
is "staff may not make accounts" "$web_status" 403
is "none was made" "$(sqlite3 "$S/records.db" "SELECT count(*) FROM accounts WHERE login='evil'")" 0
rm jar
web_get /signin/invite
web_post /signin/invite "code=$invite"
is "an invitation works once" "$web_status" 422

# the envelope
rm -f jar
web_get /signin/emergency
web_post /signin/emergency "code=$glass" "who=当直 﨑" "why="
is "a reason is needed" "$web_status" 422
web_post /signin/emergency "code=$glass" "who=当直 﨑" "why=院長がいない"
is "the envelope opens" "$web_status" 303
web_get /
ok "every page says so" has '非常用の符号で入っています'
web_get /settings/accounts
is "it does not open accounts" "$web_status" 403
cp director.jar jar
web_get /settings/emergency
ok "its use waits for a review" has '当直 﨑'
web_get /settings/access
ok "and stands in the access log" has '非常用の符号で入る'

# files and long work
web_get /static/passkey.js
is "the script is there" "$web_status" 200
web_get /tasks
is "one's own work" "$web_status" 200
web_get /tasks/0123456789abcdef0123456789abcdef
is "another's or none" "$web_status" 404
ok "every seal holds" "$MAMORI" --state "$S" verify
kill -TERM $pid && wait $pid
is "it stops" $? 0
start
tap_result $? "it starts again" "$(cat log)"
is "there is no set-up address any more" "$setup" ""
web_get /settings
is "who was signed in still is" "$web_status" 200
rss=$(awk '/VmRSS/ {print $2}' "/proc/$pid/status")
ok "idle memory stays small ($rss kB)" [ "$rss" -le 65536 ]
kill -TERM $pid && wait $pid
pid=
done_testing
