# A real S3 store with Object Lock on this machine's loopback: Ceph's gateway over one small cluster in a throw-away
# directory. Nothing of the system is touched; every process is stopped by the id that it wrote.
#
#   . "$MAMORI_SRC/tests/peer/ceph-rgw.sh"
#   rgw_there || skip_all "Ceph is not installed"
#   rgw_start DIR          sets RGW_ADDR (127.0.0.1:PORT); writes DIR/login; fails with what the daemons said
#   rgw_bucket NAME [yes]  makes a bucket (yes: with object lock)
#   RGW_TLS=yes rgw_start DIR   the same over https on RGW_TLS_ADDR as well, with a certificate of its own: DIR/cert.pem
#   rgw_count WORDS        how many requests in the gateway's log contain these words
#   rgw_stop               also safe when nothing was started; put it into a trap
#
# Packages (Debian 12): ceph-mon ceph-mgr ceph-osd radosgw ceph-common. Takes about 15 seconds and 600 MiB of memory.
rgw_there() {
	local p
	for p in ceph ceph-mon ceph-mgr ceph-osd ceph-authtool monmaptool radosgw radosgw-admin; do
		command -v "$p" >/dev/null || return 1
	done
	command -v python3 >/dev/null
}

rgw_port() { # a free port of loopback
	python3 -c 'import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

rgw_wait() { # SECONDS COMMAND...: until it succeeds
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.2
	done
}

rgw_conf() {
	cat <<EOC
[global]
fsid = $RGW_FSID
mon host = [v2:127.0.0.1:$1]
mon initial members = a
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
osd pool default size = 1
osd pool default min size = 1
mon allow pool size one = true
mon warn on pool no redundancy = false
osd pool default pg num = 8
osd pool default pgp num = 8
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon max pg per osd = 2000
ms bind ipv6 = false
public addr = 127.0.0.1
run dir = $RGW_DIR
keyring = $RGW_DIR/keyring
log file = $RGW_DIR/\$name.log
log to stderr = false
err to stderr = false
admin socket = $RGW_DIR/\$name.asok
pid file = $RGW_DIR/\$name.pid
[mon]
mon data = $RGW_DIR/mon
mon data avail warn = 1
mon data avail crit = 1
[mgr]
mgr data = $RGW_DIR/mgr
mgr initial modules =
[osd]
osd data = $RGW_DIR/osd
osd objectstore = memstore
memstore device bytes = ${RGW_BYTES:-2147483648}
[client.admin]
rgw data = $RGW_DIR/rgw
rgw frontends = beast endpoint=127.0.0.1:$2 tcp_nodelay=1 $3
debug rgw = 1
rgw thread pool size = 64
EOC
}

rgw_ceph() { timeout 60 ceph -c "$RGW_DIR/conf" "$@" 2>>"$RGW_DIR/say"; }

rgw_cluster() { # MON-PORT
	ceph-authtool --create-keyring keyring --gen-key -n mon. --cap mon 'allow *' &&
	    ceph-authtool keyring --gen-key -n client.admin --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *' &&
	    monmaptool --create --addv a "[v2:127.0.0.1:$1]" --fsid "$RGW_FSID" monmap &&
	    ceph-mon -c conf -i a --mkfs --monmap monmap --keyring keyring &&
	    ceph-mon -c conf -i a || return 1
	rgw_wait 40 rgw_ceph -s || return 1
	mkdir -p mgr osd rgw
	rgw_ceph auth get-or-create mgr.x mon 'allow profile mgr' osd 'allow *' mds 'allow *' -o mgr/keyring || return 1
	ceph-mgr -c conf -i x --keyring mgr/keyring || return 1
	local uuid
	uuid=$(cat /proc/sys/kernel/random/uuid)
	rgw_ceph osd new "$uuid" || return 1
	rgw_ceph auth get-or-create osd.0 mon 'allow profile osd' mgr 'allow profile osd' osd 'allow *' -o osd/keyring || return 1
	ceph-osd -c conf -i 0 --mkfs --osd-uuid "$uuid" --keyring osd/keyring &&
	    ceph-osd -c conf -i 0 --keyring osd/keyring || return 1
	rgw_wait 40 sh -c "timeout 20 ceph -c conf osd stat 2>/dev/null | grep -q '1 up'"
}

rgw_start() { # DIR
	mkdir -p "$1" && RGW_DIR=$(cd "$1" && pwd) || return 1
	RGW_FSID=$(cat /proc/sys/kernel/random/uuid)
	local mon web tls=
	mon=$(rgw_port) web=$(rgw_port)
	RGW_ADDR=127.0.0.1:$web RGW_TLS_ADDR=
	if [ -n "${RGW_TLS-}" ]; then
		RGW_TLS_ADDR=127.0.0.1:$(rgw_port)
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=store.example.org \
		    -addext subjectAltName=IP:127.0.0.1 -keyout "$RGW_DIR/key.pem" -out "$RGW_DIR/cert.pem" 2>/dev/null || return 1
		tls="ssl_endpoint=$RGW_TLS_ADDR ssl_certificate=$RGW_DIR/cert.pem ssl_private_key=$RGW_DIR/key.pem"
	fi
	rgw_conf "$mon" "$web" "$tls" >"$RGW_DIR/conf"
	if ! (cd "$RGW_DIR" && rgw_cluster "$mon") >"$RGW_DIR/say" 2>&1; then
		sed 's/^/# ceph: /' "$RGW_DIR/say" | tail -20
		return 1
	fi
	(cd "$RGW_DIR" && exec radosgw -c conf -n client.admin --setuser "$(id -un)" --setgroup "$(id -gn)" </dev/null >>say 2>&1)
	if ! rgw_wait 60 python3 -c "import socket; socket.create_connection(('127.0.0.1', $web), 1)"; then
		sed 's/^/# ceph: /' "$RGW_DIR/say" | tail -20
		return 1
	fi
	RGW_ACCESS=MAMORITEST RGW_SECRET=$(head -c 24 /dev/urandom | base64 | tr -d '/+=')
	radosgw-admin -c "$RGW_DIR/conf" -n client.admin user create --uid=clinic --display-name=clinic \
	    --access-key="$RGW_ACCESS" --secret-key="$RGW_SECRET" >"$RGW_DIR/user" 2>>"$RGW_DIR/say" || return 1
	(umask 077 && printf 'access-key: %s\nsecret-key: %s\n' "$RGW_ACCESS" "$RGW_SECRET" >"$RGW_DIR/login")
}

# rgw_do METHOD /PATH[?QUERY] [FILE [HEADER...]]: any request with a signature of somebody else's making: what a person who
# holds the login can do. Prints the status, then the answer.
rgw_do() {
	RGW_ACCESS=$RGW_ACCESS RGW_SECRET=$RGW_SECRET python3 "$MAMORI_SRC/tests/peer/s3do.py" "$RGW_ADDR" "$@"
}

rgw_count() {
	grep -h 'beast: ' "$RGW_DIR/client.admin.log" | grep -c -- "$1"
}

rgw_bucket() { # NAME [yes]
	local out
	out=$(rgw_do PUT "/$1" - ${2:+"x-amz-bucket-object-lock-enabled: true"}) || return 1
	[ "${out%%$'\n'*}" = 200 ] || { echo "# $out"; return 1; }
}

rgw_stop() {
	local f pid
	[ -n "${RGW_DIR-}" ] || return 0
	for f in "$RGW_DIR"/*.pid; do
		[ -s "$f" ] || continue
		pid=$(tr -cd 0-9 <"$f")
		# only what was started from this directory
		[ "$(readlink "/proc/$pid/cwd")" = "$RGW_DIR" ] || continue
		kill -9 "$pid" 2>/dev/null
	done
	RGW_DIR=
}
