# timeout: 180
# A vault on another machine: enrolment, adding, reading, what a client cannot do, bad lines, a killed server.
. "$MAMORI_SRC/tests/tap.sh"
export MAMORI_STATE=$PWD/state
m() { "$MAMORI" --lang en "$@"; }
vault() { m vault "$@"; }
server= port=
serve() { # [ADDR:PORT]
	rm -f ready
	"$MAMORI" vault serve --repo srv --listen "${1:-127.0.0.1:0}" --idle 60 >ready 2>>srv.log &
	server=$!
	for _ in $(seq 300); do [ -s ready ] && break; sleep 0.1; done
	port=$(jq -r .port ready)
}
halt() { kill "${1:--TERM}" "$server" 2>/dev/null; wait "$server" 2>/dev/null; server=; }
trap 'halt; [ -z "$proxy" ] || kill $proxy' EXIT
code() { "$MAMORI" --json vault serve --repo srv --code "$@" 2>/dev/null | jq -r .code; }
contains() { grep -qF -- "$1" <<<"$2" || { echo "$2"; false; }; }
says() { # what words command...
	local what=$1 words=$2 out
	shift 2
	out=$("$@" 2>&1) && out="it succeeded: $out"
	ok "$what" contains "$words" "$out"
}
# Everything goes through a line that can be made bad; its port is the address that machines know.
proxy= front=0
line() { # netproxy's options
	[ -z "$proxy" ] || { kill $proxy; wait $proxy 2>/dev/null; }
	rm -f pport
	"$MAMORI_BUILD/tests/netproxy" "127.0.0.1:$port" --port $front "$@" >pport &
	proxy=$!
	for _ in $(seq 100); do [ -s pport ] && break; sleep 0.1; done
	front=$(cat pport)
}
[ -x "$MAMORI_BUILD/tests/netproxy" ] || skip_all "netproxy was not built"

serve
ok "the server is ready" test "${port:-0}" -gt 0
line
url=mamori://127.0.0.1:$front/clinic

# enrolment
says "a stranger is told how to be enrolled" "not enrolled" vault init "$url" --recovery-out k0
c1=$(code clinic) c2=$(code other) c3=$(code clinic --role restore)
echo "ABCDE-ABCDE-ABCDE-ABCDE-ABCDE" >wrong
says "a mistyped code" "mistyped" vault enrol "$url" --code-file wrong
echo "$c2" >code2
says "a code for another vault uses nothing up" "nothing was used up" vault enrol "$url" --code-file code2
echo "$c1" | tr A-Z a-z | tr -d - >code1
halt # the machine has asked, and no answer came
no "nobody is there" vault enrol "$url" --code-file code1
cp -r state lost
serve "127.0.0.1:$port"
ok "the right one, as somebody types it" vault enrol "$url" --code-file code1
ok "the same machine may give it again when its answer was lost" m --state lost vault enrol "$url" --code-file code1
says "another machine may not" "used already" m --state state2 vault enrol "$url" --code-file code1
"$MAMORI" --json vault serve --repo srv --clients >clients
is "one machine is enrolled, for adding" "$(jq -c '[.clients[] | [.vault,.role,.revoked]]' clients)" '[["clinic","write",false]]'
expired=$(code clinic --hours 0)
echo "$expired" >codex
says "an expired code" "does not know this code" m --state state2 vault enrol "$url" --code-file codex

# adding
mkdir src
for i in $(seq 60); do head -c 90000 /dev/urandom >"src/$i"; done
echo "追加 髙橋 﨑 𠮷野" >"src/①㈱ ｶﾅ～"
ok "a vault is made there" vault init "$url" --recovery-out key
says "not a second time" "there already is a vault" vault init "$url" --recovery-out key2
ok "no key is left of the refusal" test ! -e key2
ok "backup" vault backup "$url" src --name one
"$MAMORI" --json vault backup "$url" src --name one >second.json
is "the second one stores nothing anew" "$(jq .new_bytes second.json)" 0
is "list" "$("$MAMORI" --json vault list "$url" | jq '.generations | length')" 2
ok "what lies there is a vault that anybody can check" vault verify srv/clinic --data
ok "the server noted when they came" test -s srv/clinic/keep/log

# what a client cannot do
says "it may not read" "may add to that vault, not read" vault restore "$url" latest --to out --key key
ok "nothing was restored" test ! -e out/src
echo "$c3" >code3
ok "another machine, for reading" m --state state3 vault enrol "$url" --code-file code3
ok "restores with the recovery key" m --state state3 vault restore "$url" latest --to out --key key
ok "as it was" diff -r src out/src
says "and may not add" "not enrolled with 127.0.0.1 for adding" m --state state3 vault backup "$url" src
ok "verify from there, every byte" m --state state3 vault verify "$url" --data --key key
says "another vault's name" "not enrolled" vault list "mamori://127.0.0.1:$port/other"

# roll-back: an older copy of the whole vault is put back
halt
cp -a srv/clinic old
serve "127.0.0.1:$port"
ok "a third generation" vault backup "$url" src --name one --full
halt
mv srv/clinic newer && mv old srv/clinic
serve "127.0.0.1:$port"
says "a log that went back is refused" "put back an old copy" vault backup "$url" src --name one
halt
rm -r srv/clinic && mv newer srv/clinic
serve "127.0.0.1:$port"
ok "with the right one it goes on" vault backup "$url" src --name one

# bad lines: torn at many places
torn=0
for at in 1 400 1200 2500 5000 30000 300000 1500000; do
	head -c 2000000 /dev/urandom >src/big
	line --cut $at --times 2
	vault backup "$url" src --name one >torn.out 2>&1 || { torn=$((torn + 1)); sed "s/^/# cut at $at: /" torn.out; }
done
is "a torn line is no failure, wherever it was torn" $torn 0
line
ok "the vault holds" vault verify srv/clinic --data
ok "and restores" m --state state3 vault restore "$url" latest --to out2 --key key
ok "as it was" diff -r src out2/src
is "each backup is there once" "$("$MAMORI" --json vault list "$url" | jq '[.generations[].id] | length == (unique | length)')" true

# the server is killed at any moment; what was acknowledged is there, nothing needs a repair
broken=0
for n in 0 2 5 9 15 25 40 60; do
	head -c 1500000 /dev/urandom >src/big
	vault backup "$url" src --name one >kill.out 2>&1 &
	b=$!
	sleep "0.$(printf %03d $((n * 10)))"
	halt -KILL
	serve "127.0.0.1:$port"
	wait $b || { broken=$((broken + 1)); sed "s/^/# killed after $n: /" kill.out; }
	"$MAMORI" vault verify srv/clinic >v.out 2>&1 || { broken=$((broken + 1)); sed 's/^/# /' v.out; }
done
is "a killed server is back before anybody notices" $broken 0
ok "every byte holds" vault verify srv/clinic --data
is "nothing is left half-way" "$(ls -A srv/clinic/tmp | wc -l)" 0

# two machines at once
c4=$(code clinic)
echo "$c4" >code4
mkdir state4 && cp -r state/vault state4/ && rm -rf state4/vault/remote state4/vault/*/mirror state4/vault/*/index
ok "a second writer" m --state state4 vault enrol "$url" --code-file code4
broken=0
mkdir src4 && head -c 4000000 /dev/urandom >src4/x
for i in 1 2 3; do
	m --state state4 vault backup "$url" src4 --name two >w4.out 2>&1 &
	w=$!
	vault backup "$url" src --name one --full >w1.out 2>&1 || { echo "# $(cat w1.out)"; broken=1; }
	wait $w || { echo "# $(cat w4.out)"; broken=1; }
done
is "both add at once" $broken 0
ok "the vault holds" vault verify srv/clinic --data
ok "both come back" sh -c "'$MAMORI' --state state3 vault restore '$url' one --to b1 --key key && '$MAMORI' --state state3 vault restore '$url' two --to b2 --key key"
ok "as they were" sh -c 'diff -r src b1/src && diff -r src4 b2/src4'

# shut out
ok "a machine is shut out" vault serve --repo srv --revoke "$("$MAMORI" --json vault serve --repo srv --clients | jq -r '.clients[] | select(.role == "restore") | .key')"
says "from its next connection on" "shut out" m --state state3 vault list "$url"

# quota
c5=$(code small --quota 2M)
echo "$c5" >code5
small=mamori://127.0.0.1:$front/small
ok "a small one" m --state state5 vault enrol "$small" --code-file code5
ok "is made" m --state state5 vault init "$small" --recovery-out key5
says "its quota" "quota of this vault is used up" m --state state5 vault backup "$small" src
mkdir little && echo x >little/x
ok "what fits is taken" m --state state5 vault backup "$small" little

# the server loses the keys with which it looks after its vaults
rm srv/.server/vault/*/keep.key
echo y >little/y
ok "machines go on adding" m --state state5 vault backup "$small" little
ok "and the server's log says what to do" grep -q "vault adopt" srv.log
server_side() { m --state srv/.server "$@"; }
no "another vault's recovery key is no help" server_side vault adopt srv/small --key key
is "the vault's own is" "$(server_side --json vault adopt srv/small --key key5 2>/dev/null | jq -c '[.already,.keepers,.writer]')" '[false,1,false]'
echo z >little/z
ok "the next generation" m --state state5 vault backup "$small" little
is "all are noted and locked again" "$(server_side --json vault state srv/small 2>/dev/null | jq -c '[.generations[].locked_until != null] | [length, all]')" '[3,true]'
ok "and the keep ledger holds" m --state state5 vault verify srv/small

# strangers
exec 5<>"/dev/tcp/127.0.0.1/$port" && printf 'GET / HTTP/1.0\r\n\r\n' >&5 && exec 5>&-
halt
rm -rf srv/.server
serve "127.0.0.1:$port"
says "another server under the same address is noticed" "another machine than the one" vault list "$url"
done_testing
