#!/bin/bash
# heavy
# Pull mode: shares of other machines, read over SSH and SMB with somebody else's servers; the source never sees the
# vault; a share that vanishes makes no half generation.
# timeout: 240
: "${MAMORI_SRC:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${MAMORI:=$MAMORI_SRC/build/mamori}"
. "$MAMORI_SRC/tests/tap.sh"
dir=$(mktemp -d -p /tmp mamori-pull.XXXXXX) || exit 1
dir=$(cd "$dir" && pwd -P)
chmod 755 "$dir"
pids=
cleanup() {
	for p in $pids; do kill "$p" 2>/dev/null; done
	pkill -KILL -f "$dir/smb/conf" 2>/dev/null
	for at in $(grep -o "$dir/state/pull[^ ]*" /proc/mounts); do fusermount3 -u -z "$at" 2>/dev/null || umount -l "$at"; done
	rm -rf "$dir"
}
trap cleanup EXIT
unset MAMORI_LANG
export MAMORI_STATE=$dir/state LANG=C.UTF-8
mkdir -m 700 "$MAMORI_STATE"
m() { "$MAMORI" --lang en "$@"; }
port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
opens() { for _ in $(seq 200); do (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return 0; sleep 0.05; done; return 1; }
contents() { (cd "$1" && find . -type f -print0 | sort -z | xargs -0 sha256sum); }
# same GEN: is the share in this generation as it is at the source?
same() {
	rm -rf "$dir/back"
	m vault restore "$dir/repo" "$1" --to "$dir/back" --key "$dir/key" >/dev/null 2>&1
	cmp <(contents "$dir/charts") <(contents "$dir/back/charts")
}

mkdir -p "$dir/charts/患者/深い"
printf 'カルテ' >"$dir/charts/患者/追加 髙橋 﨑 𠮷野 葛󠄀 ㈱ ｶﾅ.txt"
head -c 3000000 /dev/urandom >"$dir/charts/画像.dcm"
for i in $(seq 60); do echo "$i" >"$dir/charts/患者/深い/$i.txt"; done
find "$dir/charts" -exec touch -d '2024-01-02 03:04:05' {} +
chmod -R a+rX "$dir/charts"
ok "a vault" m vault init "$dir/repo" --recovery-out "$dir/key"

# -- addresses and login files -------------------------------------------------------------------
printf 'user = x\npassword = y\n' >"$dir/login"
chmod 644 "$dir/login"
b() { m vault backup "$dir/repo" "$@" --login-file "$dir/login"; }
status "a login file that others may read" 3 b "ssh://localhost/x" --name a
chmod 600 "$dir/login"
for u in "ssh:///x" "smb://host" "smb://host/" "ssh://user:pw@host/x" "ssh://host:99999/x" "ssh://ho st/x" "ssh://-oProxyCommand=x/y" "smb://host/../x"; do
	status "not an address: $u" 2 b "$u" --name a
done
printf 'user = x\nhello\n' >"$dir/bad"
chmod 600 "$dir/bad"
is "a wrong line is named" "$(m vault backup "$dir/repo" ssh://127.0.0.1/x --login-file "$dir/bad" 2>&1 | grep -c 'line 2')" 1
if ! [ -r /dev/fuse ] || ! [ -w /dev/fuse ]; then
	skip "shares" "FUSE cannot be used here"
	done_testing
	exit
fi

# -- SSH -----------------------------------------------------------------------------------------
sshd=$(command -v sshd || ls /usr/sbin/sshd 2>/dev/null)
if [ -z "$sshd" ] || ! command -v sshfs >/dev/null; then
	skip "SSH" "sshd or sshfs is not installed"
else
	mkdir -m 700 "$dir/ssh"
	[ "$(id -u)" = 0 ] && mkdir -p /run/sshd
	ssh-keygen -q -t ed25519 -N '' -f "$dir/ssh/host"
	ssh-keygen -q -t ed25519 -N '' -f "$dir/ssh/key"
	ssh-keygen -q -t ed25519 -N '' -f "$dir/ssh/other"
	cp "$dir/ssh/key.pub" "$dir/ssh/authorized"
	p=$(port)
	cat >"$dir/ssh/conf" <<-END
		Port $p
		ListenAddress 127.0.0.1
		HostKey $dir/ssh/host
		AuthorizedKeysFile $dir/ssh/authorized
		StrictModes no
		UsePAM no
		PasswordAuthentication no
		PidFile none
		Subsystem sftp internal-sftp -R
	END
	"$sshd" -D -f "$dir/ssh/conf" -E "$dir/ssh/log" &
	spid=$!
	pids="$pids $spid"
	opens "$p"
	login() { printf 'user = %s\nkey = %s\nhost_key = %s\n' "$(id -un)" "$1" "$(cut -d' ' -f1,2 "$2")" >"$dir/login"; }
	login "$dir/ssh/key" "$dir/ssh/host.pub"
	url=ssh://127.0.0.1:$p$dir/charts
	m --json vault backup "$dir/repo" "$url" --name over-ssh --login-file "$dir/login" >"$dir/out" 2>"$dir/err"
	if [ $? = 3 ] && grep -q 'fuse' "$dir/err"; then
		skip "SSH" "$(tail -n 1 "$dir/err")"
	else
		is "over SSH" "$(jq -r '.ok, .files' "$dir/out" | tr '\n' ' ')" "true 62 "
		ok "what is not captured is said" grep -q "access lists" "$dir/err"
		ok "every byte" same over-ssh
		no "nothing stays mounted" grep -q "$dir/state/pull" /proc/mounts
		m --json vault backup "$dir/repo" "$url" --name over-ssh --login-file "$dir/login" >"$dir/out" 2>&1
		is "the second reads nothing again" "$(jq -r .new_bytes <(grep '^{' "$dir/out"))" 0
		echo changed >>"$dir/charts/患者/深い/7.txt"
		b "$url" --name over-ssh >/dev/null 2>&1
		ok "a change is taken" same over-ssh
		login "$dir/ssh/other" "$dir/ssh/host.pub"
		status "a key that is not welcome" 3 b "$url" --name over-ssh
		login "$dir/ssh/key" "$dir/ssh/other.pub"
		status "a host that is not the one" 3 b "$url" --name over-ssh
		printf 'user = %s\nkey = %s\n' "$(id -un)" "$dir/ssh/key" >"$dir/login"
		is "without the host's key" "$(b "$url" --name over-ssh 2>&1 | grep -c host_key)" 1
		login "$dir/ssh/key" "$dir/ssh/host.pub"
		status "a folder that is not there" 3 b "ssh://127.0.0.1:$p$dir/none" --name over-ssh
		n=$(m --json vault list "$dir/repo" --key "$dir/key" 2>/dev/null | jq '.generations | length')
		# the server dies while a large file is read
		head -c 60000000 /dev/urandom >"$dir/charts/big"
		(for _ in $(seq 400); do grep -q "$dir/state/pull" /proc/mounts && break; sleep 0.02; done
			sleep 0.3
			pkill -KILL -P "$spid"; kill -KILL "$spid"; pkill -KILL -f "sshd: .*@notty" -P "$spid") 2>/dev/null &
		b "$url" --name over-ssh >"$dir/out" 2>&1
		r=$?
		wait %+ 2>/dev/null
		now=$(m --json vault list "$dir/repo" --key "$dir/key" 2>/dev/null | jq '.generations | length')
		if [ $r = 0 ]; then
			skip "a server that vanishes" "it was too quick to be cut off"
		else
			is "a server that vanishes makes no half generation" "$r $now" "3 $n"
		fi
		rm -f "$dir/charts/big"
		status "a server that is gone" 3 b "$url" --name over-ssh
		no "nothing stays mounted" grep -q "$dir/state/pull" /proc/mounts
	fi
fi

# -- SMB -----------------------------------------------------------------------------------------
smbd=$(command -v smbd || ls /usr/sbin/smbd 2>/dev/null)
if [ -z "$smbd" ] || ! command -v rclone >/dev/null || [ "$(id -u)" != 0 ]; then
	skip "SMB" "needs root, smbd and rclone"
	done_testing
	exit
fi
p=$(port)
mkdir -p "$dir"/smb/{private,state,cache,lock,pid,ncalrpc}
cat >"$dir/smb/conf" <<-END
	[global]
	smb ports = $p
	interfaces = 127.0.0.1/8
	bind interfaces only = yes
	private dir = $dir/smb/private
	state directory = $dir/smb/state
	cache directory = $dir/smb/cache
	lock directory = $dir/smb/lock
	pid directory = $dir/smb/pid
	ncalrpc dir = $dir/smb/ncalrpc
	log file = $dir/smb/log
	passdb backend = tdbsam:$dir/smb/private/passdb.tdb
	disable netbios = yes
	load printers = no
	[Charts]
	path = $dir
	read only = yes
	valid users = nobody
END
printf 'secret ひみつ\nsecret ひみつ\n' | pdbedit -s "$dir/smb/conf" -a -t -u nobody >/dev/null 2>&1
setsid "$smbd" -F --no-process-group -s "$dir/smb/conf" >"$dir/smb/out" 2>&1 &
pids="$pids $!"
opens "$p"
printf 'user = nobody\npassword = secret ひみつ\n' >"$dir/login"
url=smb://127.0.0.1:$p/Charts/charts
m --json vault backup "$dir/repo" "$url" --name over-smb --login-file "$dir/login" >"$dir/out" 2>"$dir/err"
is "over SMB" "$? $(jq -r '.ok, .files' "$dir/out" | tr '\n' ' ')" "0 true 62 "
ok "every byte, every name" same over-smb
m --json vault backup "$dir/repo" "$url" --name over-smb --login-file "$dir/login" >"$dir/out" 2>/dev/null
is "the second reads nothing again" "$(jq -r .new_bytes "$dir/out")" 0
printf 'user = nobody\npassword = wrong\n' >"$dir/login"
status "a wrong password" 3 b "$url" --name over-smb
no "no password in a command line or log" grep -rq 'ひみつ' "$MAMORI_STATE"
no "nothing stays mounted" grep -q "$dir/state/pull" /proc/mounts
done_testing
