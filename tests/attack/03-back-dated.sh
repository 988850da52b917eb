# who: client
# en: 30 generations that say they are from 25 years ago
# ja: 日付を過去に偽った世代を送る
. "$ATTACK/lib.sh"
serve
taken gens 30 -788400000 all 0
must "a backup afterwards" m client vault backup "$url" src --name emr
must "the newest is the honest one" sh -c "[ \$('$MAMORI' --state reader --json vault list '$url' | jq -r '.generations[-1].at[0:2]') = 20 ]"
halt
noticed "vault verify, vault.tampering" traces box srv/clinic 'another time'
noticed "fact" fact_is box vault.tampering fail
serve
history
verdict
