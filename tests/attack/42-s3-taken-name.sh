# who: store
# needs: s3
# en: newer wrong versions of log entries, and the next entry's name taken beforehand
# ja: 記録の新しい偽の版、次の記録の名前を先に取る
. "$ATTACK/s3.sh"
s3_vault taken
s3_keys taken | grep /log/ | awk '{ printf "PUT\t/locked/%s\tgarbage\n", $1 }' | many >tried
last=$(s3_keys taken | grep -o 'log/[0-9]*' | tail -1)
for i in 1 2 3; do
	printf 'PUT\t/locked/attack/taken/log/%020d\tgarbage\n' $((10#${last#log/} + i))
done | many >>tried
must "they were put" sh -c '[ -s tried ] && ! grep -qv "^200$" tried'
must "the next generation is kept" m client vault backup "$S" src --name emr
must "every byte" m client vault verify "$S" --data
noticed "vault verify, vault.tampering" s3_traces taken
history "$S" clean
verdict
