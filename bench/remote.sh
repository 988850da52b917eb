#!/bin/bash
# remote.sh [--build DIR] [--delay MS] [--runs N] [--tools "T..."] SOURCE
#
# Backup to another machine, and restore from it, over a line on which every byte takes MS milliseconds each way
# (tests/peer/netproxy.c between the two on the loopback): mamori to `mamori vault serve`, restic to `rclone serve restic
# --append-only`, borg to `borg serve --append-only` over sshd. Each run begins with an empty repository and, for the
# restore, with an empty target; the tools take turns. Prints one line a run: tool, what, milliseconds.
set -u
export LC_ALL=C.UTF-8
here=$(cd "$(dirname "$0")" && pwd) || exit 3
build=$here/../build-bench delay=5 runs=3 tools='mamori restic borg'
while [ $# -gt 1 ]; do
	case $1 in
	--build) build=$2 ;;
	--delay) delay=$2 ;;
	--runs) runs=$2 ;;
	--tools) tools=$2 ;;
	*) sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
	esac
	shift 2
done
[ $# = 1 ] && src=$(realpath "$1") || { sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2; }
build=$(realpath "$build")
mamori=$build/mamori
top=$(mktemp -d "${MAMORI_BENCH_DIR:-/tmp}/mamori-remote.XXXXXX") || exit 3
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
	local t0 t1 tool=$1 what=$2
	shift 2
	sync
	t0=$(date +%s%N)
	"$@" >"$tool.$what.log" 2>&1 || { echo "remote.sh: $tool $what failed:" >&2; tail -3 "$tool.$what.log" >&2; return 1; }
	t1=$(date +%s%N)
	printf '%s\t%s\t%d\n' "$tool" "$what" $(((t1 - t0) / 1000000))
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
run_restic() {
	export RESTIC_REPOSITORY=rest:http://127.0.0.1:$rfront/run$1/ RESTIC_CACHE_DIR=$top/r.cache
	rm -rf r.cache out
	restic -q init >/dev/null || return
	timed restic first restic -q backup "$src"
	timed restic second restic -q backup "$src"
	rm -rf r.cache
	timed restic restore restic -q restore latest --target out
	rm -rf "r.srv/run$1" out
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
	(cd out && timed borg restore borg extract ::two >../b.restore)
	cat b.restore
	rm -rf "b.srv/run$1" out
}

for t in $tools; do "start_$t"; done
find "$src" -type f -print0 | xargs -0 -n 500 cat >/dev/null
for r in $(seq "$runs"); do
	for t in $tools; do "run_$t" "$r"; done
done
