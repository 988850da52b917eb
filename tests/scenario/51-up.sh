#!/bin/bash
# `mamori up`: one command from nothing to a running console; a second one, Ctrl-C, kill -9 of everything.
# timeout: 280
. "$MAMORI_SRC/tests/tap.sh"
. "$MAMORI_SRC/tests/web.sh"
command -v curl >/dev/null || skip_all "curl is missing"
S=$PWD/state pid=
up() {
	rm -f out # the last one's
	"$MAMORI" --state "$S" --lang ja up "$@" >out 2>log &
	pid=$!
	for _ in $(seq 900); do
		grep -Eq '^(画面|はじめの準備): ' out && break
		kill -0 $pid 2>/dev/null || return 1
		sleep 0.2
	done
	# on a state that nobody can sign in to yet it is the address of the first start
	url=$(sed -n 's/^画面: //p; s|^はじめの準備: \(.*\)setup/.*|\1|p' out)
	[ -n "$url" ]
}
begins() { up "${@:2}"; tap_result $? "$1" "$(cat out log)"; }
trap '[ -z "$pid" ] || kill -9 $pid 2>/dev/null' EXIT
code() { curl -sk -o /dev/null -m 20 -w '%{http_code}' "$@"; }
dead() {
	for _ in $(seq 50); do
		[ ! -d "/proc/$1" ] || grep -q ') Z ' "/proc/$1/stat" && return 0
		sleep 0.2
	done
	return 1
}

status "an unknown option" 2 "$MAMORI" --state "$S" up --frobnicate
status "a size without a practice hospital" 2 "$MAMORI" --state "$S" up --size 16M
status "an address that is none" 2 "$MAMORI" --state "$S" up --listen nowhere
no "wrong addresses leave nothing running" pgrep -f "mamorid --state $S"

begins "it starts on an empty state" --listen 127.0.0.1:0
is "the console answers" "$(code "${url}incident")" 200
ok "with the address of the first start" grep -q "^はじめの準備: ${url}setup/" out
is "its address is printed once" "$(grep -c "$url" out)" 1
ok "and the line to type" grep -q -- "--state $S drill ransomware" out
status "a second one on the same state is refused" 3 "$MAMORI" --state "$S" up
ok "with the address of the first" sh -c "'$MAMORI' --state '$S' up 2>&1 | grep -q '$url'"
is "the first goes on" "$(code "${url}incident")" 200

# the daemon dies; up starts it again at the same address
d=$(pgrep -P $pid)
kill -9 "$d"
ok "a daemon that dies is started again" sh -c "for i in \$(seq 50); do [ \$(curl -sk -o /dev/null -m 5 -w '%{http_code}' '${url}incident') = 200 ] && exit 0; sleep 0.2; done; exit 1"

kill -INT $pid
wait $pid
is "Ctrl-C stops it cleanly" $? 0
is "nobody listens any more" "$(code "$url")" 000

begins "again" --listen 127.0.0.1:0
d=$(pgrep -P $pid)
kill -9 $pid
wait $pid 2>/dev/null
ok "kill -9 takes the daemon along" dead "$d"
begins "the next start needs no repair" --listen 127.0.0.1:0
ok "every seal holds" "$MAMORI" --state "$S" verify
kill -TERM $pid
wait $pid
is "a plain kill stops it cleanly" $? 0

# --json: one object, nothing else
rm -f out # the last one's
"$MAMORI" --state "$S" --json up --listen 127.0.0.1:0 >out 2>log &
pid=$!
for _ in $(seq 100); do [ -s out ] && break; sleep 0.1; done
ok "--json prints one object" python3 -c 'import json; o = json.load(open("out")); assert o["ready"] and o["url"]'
kill -TERM $pid
wait $pid

# the practice hospital
if ! "$MAMORI" vault --help >/dev/null 2>&1 && ! "$MAMORI" vault init --help >/dev/null 2>&1; then
	skip "the practice hospital" "this build has no vault"
	pid=
	done_testing
	exit
fi
S=$PWD/practice
mkdir -m 700 "$S" && echo 'the key of another vault' >"$S/recovery-key.txt"
sql() { sqlite3 -cmd '.timeout 5000' "$S/records.db" "$1"; }
begins "an empty state is filled with the practice hospital" --practice --size 16M --listen 127.0.0.1:0
is "five systems" "$(sql "SELECT count(*) FROM systems WHERE practice = 1")" 5
is "each has its first copy" "$(sql "SELECT count(*) FROM job_runs WHERE outcome = 'pass' AND job LIKE 'backup:%'")" 5
ok "a key that was there is put aside, not removed" grep -q 'of another' "$S/recovery-key.txt.unfinished-1"
ok "there is a recovery key" [ -s "$S/recovery-key.txt" ]
is "that only its owner may read" "$(stat -c %a "$S/recovery-key.txt" | cut -c2-)" 00
web_begin "$url" "$(sed -n 's/^はじめの準備: //p' out)"
tap_result $? "a director signs in" "$web_status $web_to"
ok "the page says that it is a practice" sh -c "curl -sk -b jar -m 20 '${url}?lang=ja' | grep -q '練習用です'"
for k in verify:practice drill-files:practice drill-system:practice verify-deep:practice; do
	python3 - "$S/run/mamorid.sock" "$k" <<'END'
import json, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.connect(sys.argv[1])
s.send(json.dumps({"method": "job.run", "params": {"job": sys.argv[2]}}).encode())
s.recv(70000)
END
	o=
	for _ in $(seq 300); do
		o=$(sql "SELECT coalesce(outcome, '')||message FROM job_runs WHERE job='$k' AND ended IS NOT NULL ORDER BY id DESC LIMIT 1")
		[ -n "$o" ] && break
		sleep 0.2
	done
	is "the job $k passes" "$o" pass
done
kill -9 $pid $(pgrep -P $pid)
wait $pid 2>/dev/null
begins "after kill -9 of everything it comes back" --practice --listen 127.0.0.1:0
is "with the same systems" "$(sql "SELECT count(*) FROM systems")" 5
kill -TERM $pid
wait $pid

# cut off while it is being made
S=$PWD/cut
for after in 0.5 1.5 3; do
	rm -f out # the last one's
	"$MAMORI" --state "$S" up --practice --size 16M --listen 127.0.0.1:0 >out 2>log &
	pid=$!
	sleep $after
	kill -9 $pid
	wait $pid 2>/dev/null
done
begins "killed three times on the way, the next one finishes" --practice --size 16M --listen 127.0.0.1:0
is "with all copies" "$(sql "SELECT count(DISTINCT job) FROM job_runs WHERE outcome = 'pass' AND job LIKE 'backup:%'")" 5
kill -TERM $pid
wait $pid
pid=
done_testing
