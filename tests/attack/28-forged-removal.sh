# who: box
# en: removal with one approver, one twice, a stranger's key, another vault's approver, before seven days, below three proved ones
# ja: 承認者1人、偽の承認、7日前、証明済み3世代未満での消去
. "$ATTACK/lib.sh"
must "a vault" m own vault init vault --recovery-out key-own
must "another vault" m own vault init vault2 --recovery-out key-own2
write_src 1 sick
for i in 1 2 3 4 5 6; do
	echo "$i" >sick/day-$i
	json own vault backup vault sick --name emr | jq -r .generation >>own-ids
	cp -a sick "own-then.$i"
	[ $i -le 2 ] && m own drill restore --repo vault --files 3 >/dev/null 2>&1
	"$age" own vault 1
done
m own vault approver add vault --name A --out a --key key-own && m own vault approver add vault --name B --out b --key key-own &&
    m own vault approver add vault2 --name C --out c --key key-own2
mustnt "an approver named without the recovery key" m own vault approver add vault --name D --out d --key a
"$age" own vault 60
ask() { json own vault prune vault --policy guideline "$@" >prune; }
# two proved ones are fewer than three: nothing may even be asked for
ask --approver-key a --approver-key b
must "below three proved generations nothing goes" jq -e '.removed == 0 and .pending == null' prune
for i in 3 4 5; do
	m own drill restore --repo vault --files 3 >/dev/null 2>&1
	echo "$i" >sick/more-$i
	json own vault backup vault sick --name emr >/dev/null
	"$age" own vault 1
done
m own drill restore --repo vault --files 3 >/dev/null 2>&1
"$age" own vault 60
ask --approver-key a --approver-key a
must "one person, twice" jq -e '.removed == 0 and (.pending == null or .pending.approvals_needed == 1)' prune
must "something was asked for" jq -e '.pending != null' prune
noticed "vault.prune.pending" fact_is own vault.prune.pending fail
mustnt "an approver of another vault" m own vault prune vault --policy guideline --approver-key c
mustnt "a recovery key of another vault" m own vault prune vault --policy guideline --approver-key key-own2
"$age" own vault 6
ask
must "six days, one approval" jq -e '.removed == 0' prune
"$age" own vault 30
ask
must "a month, one approval" jq -e '.removed == 0' prune
json own vault list vault >list
must "nothing was removed" jq -e '[.generations[].removed] | any | not' list
# somebody writes the approval into the keep ledger himself
cp -a vault/keep keep.good
printf 'garbage-approval' >>vault/keep/log
ask
must "a forged entry counts for nothing" jq -e '.removed == 0 and (.pending == null or .pending.approvals_needed == 1)' prune
rm -rf vault/keep && mv keep.good vault/keep
for i in 1 6; do
	must "generation $i" m own vault restore vault "$(sed -n ${i}p own-ids)" --to "own-back.$i" --key key-own
	must "as it was ($i)" diff -r "own-then.$i" "own-back.$i/sick"
done
serve
history
verdict
