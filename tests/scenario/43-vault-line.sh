# timeout: 240
# heavy
# A vault on another machine over a line as bad as it gets, and programs that die at each step: slow, cut after each answer,
# silent without a word; server and client ended before the n-th thing they ask of disk or line.
. "$MAMORI_SRC/tests/tap.sh"
export MAMORI_STATE=$PWD/state MAMORI_WAIT=2
vaultd=$MAMORI_BUILD/daemon/mamori-vaultd/mamori-vaultd netproxy=$MAMORI_BUILD/tests/netproxy killat=$MAMORI_BUILD/tests/killat.so
[ -x "$netproxy" ] && [ -e "$killat" ] || skip_all "the helpers were not built"
m() { "$MAMORI" --lang en "$@"; }
vault() { m vault "$@"; }
contains() { grep -qF -- "$1" <<<"$2" || { echo "$2"; false; }; }
server= port=0 proxy= front=0
trap 'for p in $server $proxy; do kill $p; wait $p; done 2>/dev/null' EXIT
wait_for() { local _; for _ in $(seq 600); do "$@" >/dev/null 2>&1 && return; sleep 0.05; done; false; }
serve() { # [N: end it before its n-th step]
	rm -f ready
	if [ $# -gt 0 ]; then
		LD_PRELOAD=$killat KILLAT_FILE=$PWD/count KILLAT_N=$1 "$vaultd" --repo srv --listen "127.0.0.1:$port" --idle 4 >ready 2>>srv.log &
	else
		"$vaultd" --repo srv --listen "127.0.0.1:$port" --idle 4 >ready 2>>srv.log &
	fi
	server=$!
	wait_for sh -c "[ -s ready ] || ! kill -0 $server"
	[ ! -s ready ] || port=$(jq -r .port ready)
}
halt() { kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; server=; }
line() { # netproxy's options
	[ -z "$proxy" ] || { kill $proxy; wait $proxy 2>/dev/null; }
	rm -f pport
	"$netproxy" "127.0.0.1:$port" --port $front "$@" >pport &
	proxy=$!
	wait_for test -s pport
	front=$(cat pport)
}
steps() { od -An -tu8 -N8 count | tr -d ' '; }
serve
line
url=mamori://127.0.0.1:$front/clinic
"$MAMORI" --json vault serve --repo srv --code clinic 2>/dev/null | jq -r .code >code1
"$MAMORI" --json vault serve --repo srv --code other 2>/dev/null | jq -r .code >code2
ok "enrolled" vault enrol "$url" --code-file code1
ok "another machine, straight" m --state state2 vault enrol "mamori://127.0.0.1:$port/other" --code-file code2
mkdir src src2
head -c 600000 /dev/urandom >src/x
head -c 100000 /dev/urandom >src2/y
ok "a vault" vault init "$url" --recovery-out key
ok "backup" vault backup "$url" src --name one
ok "the other's vault" m --state state2 vault init "mamori://127.0.0.1:$port/other" --recovery-out key2
other() { m --state state2 vault backup "mamori://127.0.0.1:$port/other" src2 --name two; }

# slow
line --delay 60
head -c 300000 /dev/urandom >src/slow
ok "a slow line" vault backup "$url" src --name one

# cut or silent while the server answers, after each of its answers
bad=0
for how in cut stall; do
	for at in 900 2600 3300; do
		head -c 100000 /dev/urandom >src/part
		line --$how $at --down 1 --times 1
		vault backup "$url" src --name one >out 2>&1 || { bad=$((bad + 1)); sed "s/^/# $how at $at: /" out; }
	done
done
is "an answer that is lost is asked for again" $bad 0

# silent for good: the client gives up in words, others go on, the server frees the places
line --stall 4000 --times 400
vault backup "$url" src --name one --full >out 2>&1 &
stuck=$!
ok "another machine is not held up meanwhile" other
wait $stuck && echo "it succeeded" >out
ok "who meets silence only is told in the end" contains "no answer in time" "$(cat out)"
ok "and that nothing is lost" contains "Nothing was lost" "$(cat out)"
line
ok "the same machine, at once, over a good line" wait_for vault backup "$url" src --name one
ok "half a segment leaves nothing" wait_for sh -c '[ -z "$(ls srv/clinic/tmp)" ]'

# a client dies before its n-th step
run() { head -c 40000 /dev/urandom >src/part; LD_PRELOAD=$killat KILLAT_FILE=$PWD/count KILLAT_N=$1 vault backup "$url" src --name one; }
ok "counting" run 0
last=$(steps) bad=0 died=0
for n in $(seq 3 $((last / 8 + 1)) "$last"); do
	run "$n" >out 2>&1
	[ $? != 137 ] || died=$((died + 1))
	vault backup "$url" src --name one >out 2>&1 || { bad=$((bad + 1)); sed "s/^/# client ended at $n of $last: /" out; }
done
is "the next backup goes on wherever the one before it ended" $bad 0
ok "many did end ($died)" test $died -gt 5
ok "every byte holds" vault verify srv/clinic --data
ok "nothing half-way stays" wait_for sh -c '[ -z "$(ls srv/clinic/tmp)" ]'

# the server dies before its n-th step; a supervisor starts it again
halt
serve 0
first=$(steps)
vault backup "$url" src --name one --full >out 2>&1
last=$(steps) bad=0 died=0
halt
for n in $(seq $((first + 1)) $(((last - first) / 10 + 1)) "$last"); do
	head -c 40000 /dev/urandom >src/part
	serve "$n"
	vault backup "$url" src --name one >out 2>&1 &
	b=$!
	wait_for sh -c "! kill -0 $server || ! kill -0 $b"
	kill -0 $server 2>/dev/null || { died=$((died + 1)); wait $server 2>/dev/null; serve; }
	wait $b || { bad=$((bad + 1)); sed "s/^/# server ended at $n of $last: /" out; }
	vault verify srv/clinic >out 2>&1 || { bad=$((bad + 1)); sed "s/^/# server ended at $n: /" out; }
	halt
done
is "a server that dies is back before the client gives up" $bad 0
ok "it did die ($died)" test $died -gt 5
ok "every byte holds" vault verify srv/clinic --data
serve
done_testing
