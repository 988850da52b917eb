# timeout: 240
# heavy
# An object store (Ceph's gateway) over TLS; locks that are lengthened only when they must be; two writers at once.
. "$MAMORI_SRC/tests/tap.sh"
. "$MAMORI_SRC/tests/peer/ceph-rgw.sh"
rgw_there || skip_all "Ceph (ceph-mon ceph-mgr ceph-osd radosgw) is not installed"
command -v openssl >/dev/null || skip_all "openssl is not installed"
export MAMORI_STATE=$PWD/state
vault() { "$MAMORI" --lang en vault "$@"; }
trap rgw_stop EXIT
RGW_TLS=yes rgw_start "$PWD/rgw" || { rgw_stop; skip_all "the gateway did not start on this machine"; }
rgw_bucket locked yes
U=s3+https://$RGW_TLS_ADDR/locked/clinic

# ---- a certificate of the store's own
status "a certificate that nobody here knows" 3 vault login "$U" --login-file rgw/login
ok "is named as the reason" sh -c "'$MAMORI' --lang en vault login '$U' --login-file rgw/login 2>&1 | grep -qi certificate"
(cat rgw/login; echo "ca: $PWD/rgw/cert.pem") >login
ok "with its file of certificates the login is kept" vault login "$U" --login-file login
ok "init, without a word about locks" vault init "$U" --recovery-out key
mkdir src && head -c 3000000 /dev/urandom >src/image
ok "backup" vault backup "$U" src --name emr
until=$("$MAMORI" --json vault list "$U" | jq -r '.generations[0].locked_until')
days=$((($(date -d "$until" +%s) - $(date +%s) + 43200) / 86400))
is "locked for 30 days" "$days" 30
ok "restore over TLS" vault restore "$U" emr --to out1
ok "the same" diff -r src out1/src

# ---- what is locked for long enough is not asked for again
asked() { # COMMAND...: how often a lock was lengthened while it ran, in ${n}
	local before
	before=$(rgw_count '?retention')
	"$@" >log 2>&1 || { sed 's/^/# /' log; n=failed; return; }
	n=$(($(rgw_count '?retention') - before))
}
echo 1 >src/1
asked vault backup "$U" src --name emr
is "the next generation lengthens no lock" "$n" 0
echo 2 >src/2
asked vault backup "$U" src --name emr --lock-days 200
all=$n
ok "one that must stay longer lengthens all ($all)" test "$all" -gt 5
python3 - state/vault/*/locks <<'X'
import hashlib, struct, sys
p = bytearray(open(sys.argv[1], 'rb').read())
n = struct.unpack('<Q', p[8:16])[0]
for i in range(n):
    at = 16 + 24 * i + 16
    p[at:at + 8] = struct.pack('<Q', struct.unpack('<Q', p[at:at + 8])[0] + 20 * 365 * 86400)
p[-32:] = hashlib.sha256(p[:-32]).digest()
open(sys.argv[1], 'wb').write(p)
X
echo 3 >src/3
asked vault backup "$U" src --name emr --lock-days 900
ok "a record that promises too much is not believed ($n)" test "$n" -ge "$all"
rm state/vault/*/locks
echo 4 >src/4
asked vault backup "$U" src --name emr --lock-days 900
ok "a lost one costs requests, nothing else ($n)" test "$n" -ge 1
ok "every byte, without a key" vault verify "$U" --data

# ---- two writers at once are no attack
cp -r state state2
mkdir -p a b
for i in 1 2 3; do
	echo "$i" >>a/a && echo "$i" >>b/b
	vault backup "$U" a --name one >log1 2>&1 & p1=$!
	MAMORI_STATE=$PWD/state2 vault backup "$U" b --name two >log2 2>&1 & p2=$!
	wait $p1 && wait $p2 || { sed 's/^/# /' log1 log2; break; }
done
is "both are kept" "$("$MAMORI" --json vault list "$U" | jq '[.generations[].name]|map(select(.=="one" or .=="two"))|length')" 6
over=$(rgw_do GET "/locked?versions&prefix=clinic/log/" | grep -o '<Key>[^<]*' | sort | uniq -d | wc -l)
echo "# $over records were wanted by both"
is "and nobody is accused" "$("$MAMORI" --json vault verify "$U" | jq -c .traces)" "[]"
echo garbage >garbage
rgw_do PUT "/locked/clinic/log/00000000000000000003" garbage >/dev/null
ok "who did write over one is" sh -c "'$MAMORI' --json vault verify '$U' | jq -e '.traces|length == 1'"
done_testing
