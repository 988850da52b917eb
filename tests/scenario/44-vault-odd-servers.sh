# timeout: 120
# A vault on a machine that is full, read-only, newer, or has another clock: clear words, and nothing lost.
. "$MAMORI_SRC/tests/tap.sh"
export MAMORI_STATE=$PWD/state MAMORI_WAIT=5
vaultd=$MAMORI_BUILD/daemon/mamori-vaultd/mamori-vaultd
m() { "$MAMORI" --lang en "$@"; }
vault() { m vault "$@"; }
contains() { grep -qF -- "$1" <<<"$2" || { echo "$2"; false; }; }
says() { # what words command...
	local what=$1 words=$2 out
	shift 2
	out=$("$@" 2>&1) && out="it succeeded: $out"
	ok "$what" contains "$words" "$out"
}
server= port=0
trap 'halt; umount -l "$PWD/srv" 2>/dev/null' EXIT
wait_for() { local _; for _ in $(seq 600); do "$@" >/dev/null 2>&1 && return; sleep 0.05; done; false; }
start() { # command...
	rm -f ready
	"$@" >ready 2>>srv.log &
	server=$!
	wait_for sh -c "[ -s ready ] || ! kill -0 $server"
	port=$(jq -r '.port? // .' ready)
}
serve() { start "$@" "$vaultd" --repo srv --listen "127.0.0.1:$port" --idle 20; }
halt() { # faketime starts a child
	[ -z "$server" ] || { kill $(cat "/proc/$server/task/$server/children") "$server"; wait "$server"; } 2>/dev/null
	server=
}
fact() { m facts --json --check "$1" 2>/dev/null | jq -r '[.facts[]] | last | .outcome'; }

# a program that is built with sanitizers cannot be given another clock: it ends, never comes back, or does now and
# then, so that a try says nothing
command -v faketime >/dev/null && ! grep -q __asan_init "$MAMORI" &&
	timeout -k 1 20 faketime -f -3h "$MAMORI" --version >/dev/null 2>&1
faked=$?

mkdir srv
tmpfs=no
[ "$(id -u)" = 0 ] && mount -t tmpfs -o size=12m,mode=700 tmpfs srv 2>/dev/null && tmpfs=yes
serve
url=mamori://127.0.0.1:$port/clinic
"$MAMORI" --json vault serve --repo srv --code clinic 2>/dev/null | jq -r .code >code1
ok "enrolled" vault enrol "$url" --code-file code1
mkdir src
echo "追加 髙橋 ①" >src/a
ok "a vault" vault init "$url" --recovery-out key
ok "backup" vault backup "$url" src --name one
generations() { m --json vault list "$url" 2>/dev/null | jq '.generations | length'; }

# full, then read-only
if [ $tmpfs = yes ]; then
	head -c 40000000 /dev/urandom >src/big
	says "a full disk there is told" "No space left" vault backup "$url" src --name one
	is "no generation was made" "$(generations)" 1
	ok "the vault holds" vault verify srv/clinic --data
	is "nothing of it is left" "$(ls srv/clinic/tmp | wc -l)" 0
	rm src/big
	echo b >src/b
	mount -o remount,size=64m srv
	ok "with room again, without a repair" vault backup "$url" src --name one
	mount -o remount,ro srv
	echo c >src/c
	says "a read-only disk there is told" "Read-only file system" vault backup "$url" src --name one
	is "its generations can be seen" "$(generations)" 2
	mount -o remount,rw srv
	ok "and written again" vault backup "$url" src --name one
else
	skip "a full disk" "no file system may be mounted here"
fi

# clocks
vault clock "$url" >out 2>&1
ok "clocks that agree" contains "agrees" "$(cat out)"
if [ $faked = 0 ]; then
	says "a clock far away is told" "behind this machine's" faketime -f +3h "$MAMORI" --lang en vault clock "$url"
	says "in the other direction" "ahead of this machine's" faketime -f -3h "$MAMORI" --lang en vault clock "$url"
	says "a certificate that has expired by then" "expired" faketime -f +9000d "$MAMORI" --lang en vault backup "$url" src --name one
	ok "a local vault" vault init here --recovery-out key2
	ok "its backup" vault backup here src
	ok "its clock" vault clock here
	mv here elsewhere
	ok "a disk that is not plugged in has no wrong clock" vault clock
	mv elsewhere here
	says "a clock that was set" "changed by a lot" faketime -f +3d "$MAMORI" --lang en vault clock here
else
	skip "clocks far away" "this program cannot be given another clock here"
fi
halt

# a certificate is renewed long before it ends
if [ $faked = 0 ]; then
	until_year() { sed -n '/BEGIN CERT/,/END CERT/p' state/vault/remote/*.w.pem | openssl x509 -noout -enddate | grep -oE '[0-9]{4} GMT'; }
	before=$(until_year)
	ok "nothing to renew yet" test -n "$before"
	cp -r state today
	serve faketime -f +1500d
	ok "four years on" faketime -f +1500d "$MAMORI" vault list "$url"
	after=$(until_year)
	ok "the certificate is valid longer ($before, then $after)" test "${after%% *}" -gt "${before%% *}"
	ok "and it serves" faketime -f +1500d "$MAMORI" vault backup "$url" src --name one
	halt
	rm -r state && mv today state
else
	skip "a certificate is renewed" "this program cannot be given another clock here"
fi

# newer
for how in refuse insist; do
	start "$MAMORI_BUILD/tests/newserver" srv $how "$port"
	says "a newer server is told ($how)" "version 2" vault backup "$url" src --name one
	halt
done
serve
ok "with the right one it goes on" vault backup "$url" src --name one
done_testing
