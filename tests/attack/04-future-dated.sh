# who: client
# en: generations from the year 2126 that want a lock of a thousand years
# ja: 日付を未来に偽り、千年の固定を望む世代を送る
. "$ATTACK/lib.sh"
serve
taken gens 5 3155760000 all 31557600000
must "a backup afterwards" m client vault backup "$url" src --name emr
halt
must "no lock of a thousand years" sh -c "'$MAMORI' --state box --json vault list srv/clinic | jq -e '[.generations[] | select(.locked_until != null) | .locked_until[0:4] | tonumber] | max < 2040'"
noticed "vault verify, vault.tampering" traces box srv/clinic 'another time'
serve
history
verdict
