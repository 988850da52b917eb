# For attacks on an object store: . "$ATTACK/s3.sh" instead of lib.sh.
. "$ATTACK/lib.sh"
. "$MAMORI_SRC/tests/peer/ceph-rgw.sh"
# s3_vault NAME: a vault of its own in the bucket "locked" with the base's three generations
s3_vault() {
	local i
	S=s3://$RGW_ADDR/locked/attack/$1
	export MAMORI_S3_LOGIN=$RGW_DIR/login
	rm -rf client key ids
	must "a vault in the store" m client vault init "$S" --recovery-out key --lock-days 2
	for i in 1 2 3; do
		rm -rf src && cp -a "then/$i" src
		json client vault backup "$S" src --name emr | jq -r .generation >>ids
	done
	must "three generations" sh -c '[ $(wc -l <ids) = 3 ]'
	echo garbage >garbage
}
# many: requests from standard input (s3many.py), their statuses
many() { RGW_ACCESS=$RGW_ACCESS RGW_SECRET=$RGW_SECRET python3 "$ATTACK/s3many.py" "$MAMORI_SRC/tests/peer/s3do.py" "$RGW_ADDR"; }
s3_list() { rgw_do GET "/locked?versions&prefix=attack/$1/"; }
s3_keys() { s3_list "$1" | grep -o '<Key>[^<]*' | sed 's/<Key>//' | sort -u; }
s3_versions() { s3_list "$1" | grep -o '<Key>[^<]*</Key><VersionId>[^<]*' | sed 's/<Key>//; s,</Key><VersionId>, ,' | sort -u | head -"${2:-8}"; }
s3_traces() {
	wait_for 60 traces client "$S" .
	json client vault verify "$S" >verify.json
	cut -c1-600 verify.json
	jq -e '.ok and (.traces | length > 0)' verify.json && fact_is client vault.tampering fail
}
