# who: store
# needs: s3
# en: everything in the bucket written over and deleted with the login
# ja: 保管先のログインで全部を上書き・削除
. "$ATTACK/s3.sh"
s3_vault over
s3_keys over | awk '{ printf "PUT\t/locked/%s\tgarbage\nDELETE\t/locked/%s\t-\n", $1, $1 }' | many >tried
must "everything was tried" sh -c '[ $(grep -c "^20" tried) -ge 20 ]'
noticed "vault verify, vault.tampering" s3_traces over
must "the next generation is kept" m client vault backup "$S" src --name emr
history "$S" clean
verdict
