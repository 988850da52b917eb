# timeout: 240
# heavy
# A vault in a real object store (Ceph's gateway, started here): kept, given back, and not to be taken down by somebody who
# holds the login.
. "$MAMORI_SRC/tests/tap.sh"
. "$MAMORI_SRC/tests/peer/ceph-rgw.sh"
rgw_there || skip_all "Ceph (ceph-mon ceph-mgr ceph-osd radosgw) is not installed"
export MAMORI_STATE=$PWD/state
vault() { "$MAMORI" --lang en vault "$@"; }
trap rgw_stop EXIT
rgw_start "$PWD/rgw" || { rgw_stop; skip_all "the gateway did not start on this machine"; }
rgw_bucket locked yes && rgw_bucket plain
U=s3://$RGW_ADDR/locked/clinic/a

MAMORI_TEST_S3DO=$MAMORI_SRC/tests/peer/s3do.py
unit=$(dirname "$MAMORI")/tests/t-vault-s3-store
if [ -x "$unit" ]; then
	RGW_ACCESS=$RGW_ACCESS RGW_SECRET=$RGW_SECRET MAMORI_S3_LOGIN=$PWD/rgw/login MAMORI_TEST_S3=s3://$RGW_ADDR/locked \
	    MAMORI_TEST_S3DO=$MAMORI_TEST_S3DO timeout 120 "$unit" >unit.log 2>&1
	is "the store's operations, and the same under tampering ($(grep -c '^ok' unit.log))" "$?" 0
	grep -A3 '^not ok' unit.log | sed 's/^/# /'
fi

# ---- refused, with the reason
status "no login" 3 vault init "$U" --recovery-out key
vault init "$U" --recovery-out key >out 2>&1
ok "says how to give one" grep -q "vault login" out
status "a bucket without locks" 2 vault login "s3://$RGW_ADDR/plain/a" --login-file rgw/login
vault login "s3://$RGW_ADDR/plain/a" --login-file rgw/login >out 2>&1
ok "is refused with the reason" grep -q "Object Lock" out
printf 'access-key: %s\nsecret-key: wrong\n' "$RGW_ACCESS" >bad
status "a wrong secret" 3 vault login "$U" --login-file bad
vault login "$U" --login-file bad >out 2>&1
ok "says that it is the secret" grep -q "secret-key" out
no "and does not repeat it" grep -q "$RGW_SECRET" out
status "no such bucket" 3 vault login "s3://$RGW_ADDR/nothing/a" --login-file rgw/login
status "plain http to another machine" 2 vault login "s3+http://store.example.org/bucket" --login-file rgw/login
ok "a login that works is kept" vault login "$U" --login-file rgw/login
is "for nobody else to read" "$(find state/keys/s3 -type f -printf '%m ')" "600 "
status "a vault without any lock" 2 vault init "$U" --recovery-out key --lock-days 0

# ---- kept, and given back
mkdir -p "src/追加 髙橋"
head -c 30000000 /dev/urandom >src/image
for i in $(seq 60); do echo "record $i" >"src/追加 髙橋/$i"; done
rm -f key
ok "init" vault init "$U" --recovery-out key --lock-days 2
status "only once" 3 vault init "$U" --recovery-out key2 --lock-days 2
ok "backup" vault backup "$U" src --name emr
echo more >"src/追加 髙橋/﨑"
ok "another" vault backup "$U" src --name emr
is "two generations" "$("$MAMORI" --json vault list "$U" | jq '.generations|length')" 2
ok "locked" sh -c "'$MAMORI' --json vault list '$U' | jq -e '.generations|all(.locked_until != null)'"
ok "restore with this machine's keys" vault restore "$U" emr --to out1
ok "the same" diff -r src out1/src
ok "on a clean machine, with the recovery key alone" env MAMORI_STATE="$PWD/clean" MAMORI_S3_LOGIN="$PWD/rgw/login" \
    "$MAMORI" vault restore "$U" emr --to out2 --key key
ok "the same" diff -r src out2/src
ok "every byte, without a key" vault verify "$U" --data
is "nobody tampered" "$("$MAMORI" --json vault verify "$U" | jq -c .traces)" "[]"

# ---- somebody who holds the login
first=$(rgw_do GET "/locked?versions&prefix=clinic/a/seg/" | grep -o '<Key>[^<]*</Key><VersionId>[^<]*' | head -1)
key=$(sed 's/<Key>//; s,</Key>.*,,' <<<"$first") version=${first##*>}
is "cannot delete the version" "$(rgw_do DELETE "/locked/$key?versionId=$version" | head -1)" 403
cat >shorter <<X
<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>$(date -u -d '+1 hour' +%Y-%m-%dT%H:%M:%SZ)</RetainUntilDate></Retention>
X
is "cannot shorten its lock" "$(rgw_do PUT "/locked/$key?retention&versionId=$version" shorter | head -1)" 403
echo garbage >garbage
for k in $(rgw_do GET "/locked?versions&prefix=clinic/a/" | grep -o '<Key>[^<]*' | sed 's/<Key>//' | sort -u); do
	rgw_do PUT "/locked/$k" garbage >/dev/null
	rgw_do DELETE "/locked/$k" >/dev/null
done
next=$(rgw_do GET "/locked?versions&prefix=clinic/a/log/" | grep -o 'log/[0-9]*' | tail -1)
next=$(printf 'log/%020d' $((10#${next#log/} + 1)))
rgw_do PUT "/locked/clinic/a/$next" garbage >/dev/null
ok "everything written over and deleted: restored all the same" env MAMORI_STATE="$PWD/clean2" \
    MAMORI_S3_LOGIN="$PWD/rgw/login" "$MAMORI" vault restore "$U" emr --to out3 --key key
ok "the same" diff -r src out3/src
echo again >src/again
ok "and the next generation is kept" vault backup "$U" src --name emr
ok "every byte still holds" vault verify "$U" --data
"$MAMORI" --json --lang en vault verify "$U" >v.json
ok "it is noticed" jq -e '.ok and (.traces|length) > 3' v.json
ok "as a fact, too" sh -c "'$MAMORI' --json fact list | jq -e '[.facts[]|select(.check==\"vault.tampering\")]|last|.outcome==\"fail\"'"

# ---- not there
rgw_stop
MAMORI_STATE=$PWD/state timeout 100 "$MAMORI" --lang en vault list "s3://127.0.0.1:1/locked/clinic/a" >out 2>&1
is "a store that is not there" $? 3
done_testing
