# who: store
# needs: s3
# en: delete each version under lock, shorten the lock, turn it into one that can be bypassed
# ja: 固定中の版を消す、固定を縮める・弱める
. "$ATTACK/s3.sh"
s3_vault versions
date -u -d '+1 hour' +%Y-%m-%dT%H:%M:%SZ >when
for mode in GOVERNANCE COMPLIANCE; do
	echo "<Retention><Mode>$mode</Mode><RetainUntilDate>$(cat when)</RetainUntilDate></Retention>" >shorter.$mode
done
s3_versions versions >list
bypass='x-amz-bypass-governance-retention: true'
while read -r k v; do
	for mode in GOVERNANCE COMPLIANCE; do
		printf 'PUT\t/locked/%s?retention&versionId=%s\tshorter.%s\t%s\n' "$k" "$v" $mode "$bypass"
	done
	printf 'DELETE\t/locked/%s?versionId=%s\t-\t%s\n' "$k" "$v" "$bypass"
done <list | many >tried
must "each is refused" sh -c '[ -s tried ] && ! grep -qv "^403$" tried'
must "versions were tried" test -s list
rgw_do DELETE "/locked/$(awk 'NR == 1 { print $1 }' list)" >/dev/null
noticed "the store's refusal and vault verify, vault.tampering" s3_traces versions
history "$S" clean
verdict
