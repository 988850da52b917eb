#!/bin/bash
# remote.sh [--build DIR] [--delay MS] [--runs N] [--tools "T..."] [SOURCE]
#
# Backup to another machine, and restore from it, over a line on which every byte takes MS milliseconds each way (5, so
# 10 ms there and back; tests/peer/netproxy.c between the two on the loopback): mamori to `mamori vault serve`, restic to
# `rclone serve restic --append-only` (once as it is, once over mutual TLS, which Mamori and borg's ssh never go without),
# borg to `borg serve --append-only` over sshd. Each run begins with an empty repository and, for the restore, without any
# cache and with an empty target; the tools take turns, in an order that turns with the runs. SOURCE: the kernel's tree,
# unpacked, unless said otherwise; it is read once before, so that it is in memory. Prints the rows for BENCHMARKS.md
# (medians; CPU seconds are those of the client and its children) and the raw figures to bench/out. Everything lies in
# $MAMORI_BENCH_DIR (default /dev/shm: 6 GB).
set -u
export LC_ALL=C.UTF-8
here=$(cd "$(dirname "$0")" && pwd) || exit 3
build=$here/../build-bench delay=5 runs=5 tools='mamori restic restic-tls borg' src=
while [ $# -gt 0 ]; do
	case $1 in
	--build) build=$2; shift ;;
	--delay) delay=$2; shift ;;
	--runs) runs=$2; shift ;;
	--tools) tools=$2; shift ;;
	-*) sed -n '2,13s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
	*) src=$1 ;;
	esac
	shift
done
build=$(realpath "$build") || exit 3
mamori=$build/mamori measure=$build/bench/bench-measure
[ -x "$measure" ] && [ -x "$build/tests/netproxy" ] || { echo "remote.sh: build first (ninja -C $build)" >&2; exit 3; }
place=${MAMORI_BENCH_DIR:-/dev/shm}
if [ -z "$src" ]; then
	src=$place/mamori-linux-6.1
	if [ ! -f "$src.done" ]; then
		mkdir -p "$src" && tar -xJf /usr/src/linux-source-6.1.tar.xz -C "$src" --strip-components=1 && : >"$src.done" ||
		    { echo "remote.sh: needs a SOURCE, or the Debian package linux-source-6.1" >&2; exit 3; }
	fi
fi
src=$(realpath "$src") || exit 3
out=$here/out
mkdir -p "$out" || exit 3
raw=$out/remote.$(date -u +%Y%m%dT%H%M%SZ).tsv
top=$(mktemp -d "$place/mamori-remote.XXXXXX") || exit 3
pids=()
finish() { [ ${#pids[@]} = 0 ] || kill "${pids[@]}" 2>/dev/null; wait 2>/dev/null; rm -rf "$top"; }
trap finish EXIT
cd "$top" || exit 3
export RESTIC_PASSWORD=bench BORG_PASSPHRASE=bench BORG_RELOCATED_REPO_ACCESS_IS_OK=yes RESTIC_PROGRESS_FPS=0
export BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes

wait_for() { for _ in $(seq 200); do [ -s "$1" ] && return; sleep 0.05; done; echo "remote.sh: no $1" >&2; exit 3; }
wait_port() { for _ in $(seq 200); do (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return; sleep 0.05; done; exit 3; }
line() { # PORT NAME: a slow line to it; its port in $front
	"$build/tests/netproxy" "127.0.0.1:$1" --delay "$delay" >"$2.front" &
	pids+=($!)
	wait_for "$2.front"
	front=$(cat "$2.front")
}
timed() { # TOOL WHAT command...
	local tool=$1 what=$2 wall user sys rss status load
	shift 2
	sync -f "$top"
	"$measure" m.line "$@" >"$tool.$what.log" 2>&1
	read -r wall user sys rss status load <m.line
	[ "$status" = 0 ] || { echo "remote.sh: $tool $what failed:" >&2; tail -3 "$tool.$what.log" >&2; }
	printf '%s\twarm\tremote\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "line with $delay ms each way" "$what" "$tool" \
	    "$run" "$wall" "$user" "$sys" "$rss" "$status" "$load" 0 >>"$raw"
	echo "run $run: $tool $what $wall s ($user + $sys CPU-s), load $load" >&2
}

start_mamori() {
	"$mamori" vault serve --repo m.srv --listen 127.0.0.1:0 >m.ready 2>m.log &
	pids+=($!)
	wait_for m.ready
	line "$(jq -r .port m.ready)" m
	mfront=$front
}
run_mamori() {
	local url=mamori://127.0.0.1:$mfront/run$1
	rm -rf m.state out
	"$mamori" --json vault serve --repo m.srv --code "run$1" --role both 2>/dev/null | jq -r .code >m.code
	"$mamori" --state m.state vault enrol "$url" --code-file m.code >/dev/null || return
	"$mamori" --state m.state vault init "$url" --recovery-out "m.key$1" >/dev/null || return
	timed mamori first "$mamori" --state m.state vault backup "$url" "$src" --name bench
	timed mamori second "$mamori" --state m.state vault backup "$url" "$src" --name bench
	rm -rf m.fresh
	cp -r m.state m.fresh && rm -rf m.fresh/vault/*/mirror
	timed mamori restore "$mamori" --state m.fresh vault restore "$url" latest --to out
	rm -rf "m.srv/run$1" out
}

start_restic() {
	local port=$((20000 + RANDOM % 20000))
	mkdir r.srv
	rclone serve restic --append-only --addr "127.0.0.1:$port" r.srv >r.log 2>&1 &
	pids+=($!)
	wait_port $port
	line $port r
	rfront=$front
}
restic_run() { # TOOL RUN PLACE option...: one run of it against what it keeps in PLACE.srv
	local tool=$1 run=$2 place=$3
	shift 3
	export RESTIC_CACHE_DIR=$top/$place.cache
	rm -rf $place.cache out
	restic "$@" -q init >/dev/null || return
	timed $tool first restic "$@" -q backup "$src"
	timed $tool second restic "$@" -q backup "$src"
	rm -rf $place.cache
	timed $tool restore restic "$@" -q restore latest --target out
	rm -rf "$place.srv/run$run" out
}
run_restic() {
	export RESTIC_REPOSITORY=rest:http://127.0.0.1:$rfront/run$1/
	restic_run restic "$1" r
}

# restic-tls: the same over mutual TLS, as Mamori and borg (by ssh) never go without
cert() { # NAME: a key and a certificate for the loopback, signed by itself
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" \
	    -addext subjectAltName=IP:127.0.0.1 -keyout "$1.k" -out "$1.c" 2>/dev/null && cat "$1.c" "$1.k" >"$1.pem"
}
start_restic-tls() {
	local port=$((20000 + RANDOM % 20000))
	mkdir t.srv
	cert t.server && cert t.client || exit 3
	rclone serve restic --append-only --addr "127.0.0.1:$port" --cert t.server.c --key t.server.k \
	    --client-ca t.client.c t.srv >t.log 2>&1 &
	pids+=($!)
	wait_port $port
	line $port t
	tfront=$front
}
run_restic-tls() {
	export RESTIC_REPOSITORY=rest:https://127.0.0.1:$tfront/run$1/
	restic_run restic-tls "$1" t --cacert t.server.c --tls-client-cert t.client.pem
}

start_borg() {
	local port=$((20000 + RANDOM % 20000))
	mkdir -p b.srv b.ssh && chmod 700 b.ssh
	ssh-keygen -q -t ed25519 -N '' -f b.ssh/host && ssh-keygen -q -t ed25519 -N '' -f b.ssh/key
	printf 'command="borg serve --append-only" %s\n' "$(cat b.ssh/key.pub)" >b.ssh/authorized
	cat >b.ssh/conf <<-CONF
		Port $port
		ListenAddress 127.0.0.1
		HostKey $top/b.ssh/host
		AuthorizedKeysFile $top/b.ssh/authorized
		PidFile none
		StrictModes no
		UsePAM no
		PermitRootLogin yes
	CONF
	[ "$(id -u)" != 0 ] || mkdir -p /run/sshd
	/usr/sbin/sshd -D -f b.ssh/conf -E b.log &
	pids+=($!)
	wait_port $port
	line $port b
	bfront=$front
	export BORG_RSH="ssh -p $bfront -i $top/b.ssh/key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
}
run_borg() {
	export BORG_REPO=ssh://$(id -un)@127.0.0.1$top/b.srv/run$1 BORG_BASE_DIR=$top/b.base
	rm -rf b.base out && mkdir b.base out
	borg init -e repokey >/dev/null 2>&1 || return
	timed borg first borg create -C zstd,3 ::one "$src"
	timed borg second borg create -C zstd,3 ::two "$src"
	rm -rf b.base && mkdir b.base
	timed borg restore sh -c 'cd out && exec borg extract ::two'
	rm -rf "b.srv/run$1" out
}

for t in $tools; do "start_$t"; done
find "$src" -type f -print0 | xargs -0 -n 500 cat >/dev/null
order=$tools
for run in $(seq "$runs"); do
	for t in $order; do "run_$t" "$run"; done
	order="${order#* } ${order%% *}" # another one begins the next time
	[ "$tools" != "${tools% *}" ] || order=$tools
done
awk -F'\t' -f "$here/report.awk" "$raw" | sed '/stored after/,$d'
echo "raw figures: $raw" >&2
