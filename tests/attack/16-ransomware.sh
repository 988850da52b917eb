# who: client
# en: the source is encrypted the way ransomware does it (the program's own drill, on its copy), then backed up again and again
# ja: 元のデータを暗号化（訓練用の写し）してから何度も保管
. "$ATTACK/lib.sh"
# a small box of its own, with the client's keys beside it: the case in which the client holds the vault itself
must "a vault" m own vault init vault --recovery-out key-own
write_src 7 sick
for i in 1 2 3 4 5 6; do
	seq "$i" 900 >"sick/day-$i"
	json own vault backup vault sick --name emr | jq -r .generation >>good
	"$age" own vault 1
done
cp -a sick then.own
must "the drill damages its copy" sh -c "'$MAMORI' --state own --json drill ransomware --repo vault --keep >drill.json"
copy=$(find own/drill -type d -name 'sick' -path '*' | while read -r d; do diff -rq sick "$d" >/dev/null 2>&1 || echo "$d"; done | head -1)
must "there is a damaged copy" test -n "$copy"
rm -rf sick && cp -a "$copy" sick
for i in 1 2 3; do
	json own vault backup vault sick --name emr >poison.$i
	"$age" own vault 1
done
noticed "exit and JSON of the backup" jq -e '.doubt != null' poison.1
noticed "vault.generation.poison" fact_is own vault.generation.poison fail
json own vault list vault >list
noticed "vault list" jq -e '[.generations[-3:][].doubted] | all' list
"$age" own vault 60
json own vault prune vault --policy guideline --dry-run >prune
must "two months later the newest good one is not among those that may go" sh -c \
    "m=\$(sed -n 6p good); '$MAMORI' --state own --json vault prune vault --policy guideline --dry-run | jq -e --arg g \$m '[.refused[].id] | index(\$g) != null'"
must "it comes back" m own vault restore vault "$(sed -n 6p good)" --to own-back --key key-own
must "as it was" diff -r then.own own-back/sick
# and with a server elsewhere that has no keys: it sees only how much is new
serve
for i in 4 5 6; do
	seq "$i" 900 >"src/day-$i"
	m client vault backup "$url" src --name emr >/dev/null 2>&1
done
rm -rf src && cp -a sick src && head -c 700000 /dev/urandom >src/image
m client vault backup "$url" src --name emr >/dev/null 2>&1
noticed "server's log" server_said 'in doubt'
history
verdict
