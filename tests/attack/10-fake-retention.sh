# who: client
# en: say that locks have ended: wishes in the past, a generation without needs, removal asked from the client
# ja: 固定が終わったと偽る
. "$ATTACK/lib.sh"
serve
json box vault list srv/clinic | jq -c '[.generations[] | [.id, .locked_until]]' >before
taken gens 3 0 none -864000000
must "the wishes were sent" grep -q '^gens: [0-9]* taken of 3' rogue.out
json box vault list srv/clinic | jq -c '[.generations[0:3][] | [.id, .locked_until]]' >after
must "no lock ends earlier" cmp before after
mustnt "prune with a client's keys" m client vault prune srv/clinic --policy guideline
halt
json srv/.server vault prune srv/clinic --policy guideline >prune
must "the box itself refuses" jq -e '.removed == 0 and ([.refused[] | select(.why == "locked")] | length >= 3)' prune
noticed "exit status of prune" says 'another machine looks after|not|no ' m client vault prune srv/clinic --policy guideline
serve
history
verdict
