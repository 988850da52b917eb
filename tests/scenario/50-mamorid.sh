#!/bin/bash
# mamorid with a stand-in for the program that jobs run: the console, the control socket, jobs, kill -9, missed runs.
# timeout: 180
. "$MAMORI_SRC/tests/tap.sh"
. "$MAMORI_SRC/tests/web.sh"
mamorid=$MAMORI_BUILD/daemon/mamorid/mamorid
[ -x "$mamorid" ] || skip_all "mamorid was not built"
command -v curl >/dev/null || skip_all "curl is missing"
command -v python3 >/dev/null || skip_all "python3 is missing"
export TZ=Asia/Tokyo
S=$PWD/state pid=

cat >program <<'END'
#!/bin/sh
# stands for mamori: --state S --json WORDS...
state=$2
shift 3
echo "$*" >>"$state/../ran"
case "$1 $2" in
"vault backup")
	[ ! -f "$state/../slow" ] || { echo $$ >"$state/../job"; exec sleep 30; }
	echo '{"generation":"g1","files":7,"bytes":7000,"new_bytes":70,"stored_bytes":7,"seconds":0.1}' ;;
"vault verify") [ ! -f "$state/../bad" ] || { echo '{"ok":false,"errors":["髙橋"]}'; exit 1; }; echo '{"ok":true,"errors":[]}' ;;
"drill restore") [ ! -f "$state/../drilled" ] || { echo '{"ok":true,"files":20,"lost":0,"seconds":0.1}'; exit 0; }; echo "mamori: 鍵がありません" >&2; exit 3 ;;
esac
END
chmod +x program

cat >call.py <<'END'
import json, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.settimeout(20)
s.connect(sys.argv[1])
s.send(json.dumps({"method": sys.argv[2], "params": json.loads(sys.argv[3]) if len(sys.argv) > 3 else {}}).encode())
r = s.recv(70000)
print(r.decode() if r else "closed")
sys.exit(0 if r and json.loads(r)["ok"] else 1)
END
call() { python3 call.py "$S/run/mamorid.sock" "$@"; }
start() {
	rm -f ready # not the last one's, which the new one has yet to empty
	"$mamorid" --state "$S" --program "$PWD/program" --listen 127.0.0.1:0 >ready 2>log &
	pid=$!
	for _ in $(seq 100); do
		[ -s ready ] && break
		kill -0 $pid 2>/dev/null || return 1
		sleep 0.1
	done
	url=$(sed -n 's/.*"url": *"\([^"]*\)".*/\1/p' ready)
	web_url=$url
	[ -n "$url" ]
}
stop() { kill -TERM $pid && wait $pid; }
# tap.sh's ok runs its command in a subshell, which would forget pid and url
begins() { start; tap_result $? "$1" "$(cat log)"; }
ends() { stop; tap_result $? "$1" "$(cat log)"; }
trap '[ -z "$pid" ] || kill -9 $pid 2>/dev/null' EXIT
# wait_for SECONDS COMMAND...
wait_for() {
	local n=$1
	shift
	for _ in $(seq $((n * 5))); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.2
	done
	return 1
}
sql() { sqlite3 -cmd '.timeout 5000' "$S/records.db" "$1"; }
sql_is() { [ "$(sql "$1")" = "$2" ]; }
code() { curl -sk -o /dev/null -m 20 -w '%{http_code}' "$@"; }

begins "it starts on an empty state"
is "the certificate's key is private" "$(stat -c %a "$S/keys/console.key")" 600
is "so is the state" "$(stat -c %a "$S")" 700
is "the fingerprint is the certificate's" "$(sed -n 's/.*"fingerprint": *"\([^"]*\)".*/\1/p' ready)" \
    "$(openssl x509 -in "$S/keys/console.crt" -noout -fingerprint -sha256 | sed 's/.*=//')"
ok "a client that knows the certificate trusts it" curl -s -m 20 --cacert "$S/keys/console.crt" -o /dev/null "$url"
status "a second mamorid is refused" 3 "$mamorid" --state "$S" --program "$PWD/program" --listen 127.0.0.1:0
status "an address that is none" 2 "$mamorid" --state "$S.2" --program "$PWD/program" --listen nowhere

# the console
open=${url}incident # the page that is open to everybody
is "the page" "$(code "$open")" 200
is "before the first start nothing else is" "$(code "$url")" 403
is "health" "$(curl -sk -m 20 "${url}healthz")" ok
ok "Japanese first" sh -c "curl -sk -m 20 '$open' | grep -q 'lang=\"ja\"'"
ok "English on wish" sh -c "curl -sk -m 20 '$open?lang=en' | grep -q 'Stay calm'"
is "no HTTP without TLS" "$(curl -s -m 5 -o /dev/null -w '%{http_code}' "http://${url#https://}")" 000
is "no TLS 1.1" "$(code --tls-max 1.1 "$open")" 000
is "TLS 1.2" "$(code --tlsv1.2 --tls-max 1.2 "$open")" 200
for m in POST PUT DELETE OPTIONS TRACE PATCH FOO; do is "$m is refused" "$(code -X $m "$open")" 405; done
is "a body is refused" "$(code -d @/etc/services "$open")" 405
for p in nope ../../etc/passwd %2e%2e/etc/passwd records.db keys/console.key //etc/passwd mamori.css/x .; do
	c=$(code --path-as-is "$url$p")
	ok "nothing at $p ($c)" [ "$c" = 404 ]
done
is "a long address" "$(code "$url$(head -c 8000 /dev/zero | tr '\0' a)")" 414
# the answer may be lost behind the reset that what was not read causes
c=$(code -H "X: $(head -c 40000 /dev/zero | tr '\0' a)" "$url")
ok "long headers are refused ($c)" sh -c "[ $c = 431 ] || [ $c = 000 ]"
is "another name for this address (a page elsewhere, whose name was pointed here)" "$(code -H 'Host: elsewhere.example' "$url")" 421
is "two lengths" "$(code -H 'Content-Length: 3' -H 'Transfer-Encoding: chunked' -d abc "$url")" 400
no "no header is made from the address" sh -c \
    "curl -sk -m 20 -D - -o /dev/null '$url?lang=%0d%0aSet-Cookie:%20x=1' | grep -qi '^set-cookie: *x=1'"
headers=$(curl -sk -m 20 -D - -o /dev/null "$open")
for h in "content-security-policy: default-src 'none'" "x-content-type-options: nosniff" "x-frame-options: DENY" \
    "referrer-policy: same-origin" "cache-control: no-store"; do
	ok "header $h" grep -qi "^$h" <<<"$headers"
done

web_begin "$url" "$(sed -n 's/.*"setup": *"\([^"]*\)".*/\1/p' ready)"
tap_result $? "the first start: a director signs in" "$web_status $web_to"
web_get /vault
is "the state of protection" "$web_status" 200

# the control socket
ok "ping" call ping
is "a method outside the table closes the connection" "$(call nosuch)" closed
no "an unknown job" call job.run '{"job":"nosuch"}'
no "a system without a place" call system.add '{"id":"x","kind":"chart","name_ja":"a","name_en":"a","paths":["/x"],"place":"nowhere"}'
no "a place that is neither path nor address" call place.add '{"id":"x","repo":"-x","name_ja":"a","name_en":"a"}'
no "an id that is none" call place.add '{"id":"../x","repo":"/v","name_ja":"a","name_en":"a"}'
no "a name with a line break" call place.add '{"id":"x","repo":"/v","name_ja":"a\nb","name_en":"a"}'
no "a path that is not absolute" call system.add '{"id":"x","kind":"chart","name_ja":"a","name_en":"a","paths":["x"],"place":"p"}'
ok "a place" call place.add \
    "{\"id\":\"p\",\"repo\":\"$S/vault/p\",\"name_ja\":\"保管庫\",\"name_en\":\"vault\",\"key_file\":\"$S/key.txt\"}"
ok "a system" call system.add \
    '{"id":"ssmix2","kind":"chart","name_ja":"<b>カルテ 髙橋 𠮷野</b>","name_en":"<i>charts</i>","paths":["/data/電子カルテ"],"place":"p"}'
no "twice is refused" call system.add \
    '{"id":"ssmix2","kind":"chart","name_ja":"a","name_en":"a","paths":["/x"],"place":"p"}'

# jobs
ok "its first copy is made at once" wait_for 20 sql_is "SELECT outcome FROM job_runs WHERE job='backup:ssmix2'" pass
is "with the system's path" "$(head -1 ran)" "vault backup $S/vault/p /data/電子カルテ --name ssmix2"
ok "its result is kept" sql_is "SELECT json_extract(result,'$.files') FROM job_runs WHERE id=1" 7
ok "the page shows it, escaped" sh -c "curl -sk -b jar -m 20 '${url}vault?lang=ja' | grep -q '&lt;b&gt;カルテ 髙橋 𠮷野'"
ok "so does today's page" sh -c "curl -sk -b jar -m 20 '$url?lang=ja' | grep -q '&lt;b&gt;カルテ 髙橋 𠮷野'"
ok "its fact is sealed" wait_for 10 sql_is "SELECT sealed FROM job_runs WHERE id=1" 1
call job.run '{"job":"drill-files:p"}' >/dev/null
ok "a job that cannot be done is an error" wait_for 20 sql_is \
    "SELECT outcome||exit_status||message FROM job_runs WHERE job='drill-files:p'" "error3mamori: 鍵がありません"
touch drilled
call job.run '{"job":"drill-system:p"}' >/dev/null
ok "a drill of a system passes" wait_for 20 sql_is "SELECT outcome||subject FROM job_runs WHERE job='drill-system:p'" passssmix2
touch bad
call job.run '{"job":"verify:p"}' >/dev/null
ok "the answer no is a failure" wait_for 20 sql_is "SELECT outcome FROM job_runs WHERE job='verify:p'" fail
ok "and turns the status red" sh -c "python3 call.py '$S/run/mamorid.sock' status | grep -q '\"state\":\"red\"'"
rm bad
ok "facts are in the ledger" "$MAMORI" --state "$S" fact list
for want in vault.generation.age vault.restore.drill vault.scrub; do
	ok "a fact $want" sh -c "'$MAMORI' --state '$S' --json fact list | grep -q '$want'"
done
ok "a declared fact over the socket" call fact.add '{"check":"mamori.clinic.example","subject":{"kind":"site","id":"main"},"outcome":"pass","at":"2026-11-22T03:10:00+09:00","source":{"by":"declared","module":"test","version":"1","host":"box"}}'
no "a fact without its fields" call fact.add '{"check":"x"}'

# kill -9 in the middle of a job, with everything around it
touch slow
call job.run '{"job":"backup:ssmix2"}' >/dev/null
ok "a slow job is running" wait_for 10 sql_is "SELECT count(*) FROM job_runs WHERE ended IS NULL" 1
ok "the page shows it" sh -c "curl -sk -b jar -m 20 '${url}' | grep -q '<progress'"
kill -9 $pid
wait $pid 2>/dev/null
gone() { [ ! -d "/proc/$(cat job)" ] || grep -q ') Z ' "/proc/$(cat job)/stat"; }
ok "the job dies with mamorid" wait_for 10 gone
rm slow
cert=$(cat "$S/keys/console.crt")
begins "the next start needs no repair"
is "the certificate stays" "$(cat "$S/keys/console.crt")" "$cert"
ok "the job that was cut off is recorded" wait_for 10 sql_is \
    "SELECT count(*) FROM job_runs WHERE message LIKE 'cut off%' AND outcome='error'" 1
ok "and done again" wait_for 20 sql_is "SELECT outcome FROM job_runs WHERE job='backup:ssmix2' ORDER BY id DESC LIMIT 1" pass
ok "every seal holds" "$MAMORI" --state "$S" verify

# a stop by hand while a job runs
touch slow
call job.run '{"job":"backup:ssmix2"}' >/dev/null
wait_for 10 sql_is "SELECT count(*) FROM job_runs WHERE ended IS NULL" 1
ends "a stop ends it cleanly"
ok "the job is recorded as stopped" sql_is "SELECT outcome||message FROM job_runs ORDER BY id DESC LIMIT 1" errorstopped
rm slow

# three nights off
sql "UPDATE jobs SET next_due = next_due - 3*86400*1000000 WHERE id='backup:ssmix2'"
n=$(sql "SELECT next_due FROM jobs WHERE id='backup:ssmix2'")
begins "it starts after three days"
ok "missed runs are recorded" wait_for 10 sh -c "[ \$(sqlite3 '$S/records.db' \"SELECT count(*) FROM job_runs WHERE outcome='missed' AND job='backup:ssmix2' AND due>=$n\") -ge 2 ]"
ok "their facts are sealed" wait_for 10 sh -c "'$MAMORI' --state '$S' --json fact list | grep -q vault.generation.missed"
ok "then it runs once" wait_for 20 sql_is "SELECT outcome FROM job_runs WHERE job='backup:ssmix2' ORDER BY id DESC LIMIT 1" pass
ends "it stops"

# trouble with what it stands on
cp "$S/records.db" good.db
sql "INSERT INTO schema_steps SELECT max(n) + 1, 'x', 'y', 1 FROM schema_steps"
status "a newer database is refused" 3 "$mamorid" --state "$S" --program "$PWD/program" --listen 127.0.0.1:0
ok "with a clear word" sh -c "'$mamorid' --state '$S' --program '$PWD/program' 2>&1 | grep -q 'newer Mamori'"
sql "DELETE FROM schema_steps WHERE name = 'x'"
mv "$S/facts/log" log.good
head -c 100 log.good >"$S/facts/log"
begins "with a damaged sealed record it still starts"
ok "says so" grep -q "sealed record" log
ok "on today's page too" sh -c "curl -sk -b jar -m 20 '$url' | grep -q 'class=\"banner\"'"
call job.run '{"job":"backup:ssmix2"}' >/dev/null
ok "and copies go on" wait_for 20 sql_is "SELECT outcome FROM job_runs WHERE job='backup:ssmix2' ORDER BY id DESC LIMIT 1" pass
ok "whose fact waits" sql_is "SELECT sealed FROM job_runs ORDER BY id DESC LIMIT 1" 0
stop
mv log.good "$S/facts/log"
begins "repaired from a copy"
ok "the fact is sealed then" wait_for 10 sql_is "SELECT count(*) FROM job_runs WHERE sealed=0" 0
ends "it stops"
pid=
done_testing
