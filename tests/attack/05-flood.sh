# who: client
# en: 300 generations in a minute, to push the old ones out of "the last N"
# ja: 世代を大量に送り、古い世代を押し出す
. "$ATTACK/lib.sh"
serve
taken gens 300 0 all 0
halt
# two months later the box looks at what its policy would let go
"$age" srv/.server srv/clinic 60
json srv/.server vault prune srv/clinic --policy guideline --dry-run >prune
must "nothing that a drill proved, and never without people" sh -c "jq -e '.removed == 0' prune"
noticed "vault verify, vault.tampering" traces box srv/clinic 'within a day'
serve
history
verdict
