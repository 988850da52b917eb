# For scenarios that use the console: a browser without JavaScript, made of curl.
#   web_begin URL SETUP   the first start: makes a director with password and authenticator, signed in
#   web_get PATH          the page; its status is in $web_status
#   web_post PATH [name=value ...]   with the token of the page fetched last
# Cookies are in ./jar, the last page in ./page.html, its address in $web_at.
WEB_PASSWORD='kujira-to-umi-no-uta'
web_curl() { curl -sk -m 30 -b jar -c jar -o page.html -D head.txt -w '%{http_code} %{redirect_url}' "$@"; }
web_note() {
	web_status=${1%% *}
	web_to=${1#* }
	web_csrf_new=$(sed -n 's/.*name="csrf" value="\([0-9a-f]*\)".*/\1/p' page.html | head -1)
	[ -z "$web_csrf_new" ] || web_csrf=$web_csrf_new
}
web_get() { web_note "$(web_curl "${web_url%/}$1")"; }
web_post() {
	local path=$1 a=()
	shift
	for x in "$@"; do a+=(--data-urlencode "$x"); done
	web_note "$(web_curl --data-urlencode "csrf=$web_csrf" "${a[@]}" "${web_url%/}$path")"
}
# web_file PATH NAME=@FILE [name=value ...]   a form with a file
web_file() {
	local path=$1 a=()
	shift
	for x in "$@"; do a+=(-F "$x"); done
	web_note "$(web_curl -F "csrf=$web_csrf" "${a[@]}" "${web_url%/}$path")"
}
# web_task: follow a task until it is over; its page, or the page it leads to
web_task() {
	local at=$web_to
	web_follow
	for _ in $(seq $((300 * ${MAMORI_TEST_SLOW:-1}))); do
		if [ "$web_status" = 303 ]; then
			at=$web_to
			web_follow
		elif grep -q 'http-equiv="refresh"' page.html; then
			sleep 0.2
			web_note "$(web_curl "$at")"
		else
			break
		fi
	done
}
# web_follow: where the last answer points to
web_follow() { [ -z "$web_to" ] || web_note "$(web_curl "$web_to")"; }
# web_totp SECRET [STEPS]: the six digits, now or some half-minutes later
web_totp() {
	python3 -c 'import sys,hmac,struct,base64,time
s=sys.argv[1].replace(" ","");k=base64.b32decode(s+"="*(-len(s)%8))
h=hmac.new(k,struct.pack(">Q",int(time.time())//30+int(sys.argv[2])),"sha1").digest();o=h[19]&15
print("%06d"%((struct.unpack(">I",h[o:o+4])[0]&0x7fffffff)%1000000))' "$1" "${2:-0}"
}
web_begin() {
	web_url=$1 web_csrf=
	rm -f jar
	web_get "/setup/${2##*/}"
	web_post "/setup/${2##*/}" "name=院長 髙橋 𠮷野" "login=director"
	web_get /me/password
	web_post /me/password "password=$WEB_PASSWORD" "again=$WEB_PASSWORD"
	web_get /me/totp
	web_secret=$(sed -n 's/.*<code class="lead">\([A-Z2-7 ]*\)<.*/\1/p' page.html)
	web_post /me/totp "code=$(web_totp "$web_secret")"
	web_get /
	[ "$web_status" = 200 ]
}
