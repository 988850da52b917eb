# who: client
# en: delete, overwrite, rename or shorten: every kind of request that could exist, and the program's own ways
# ja: 消す・書き換える・縮める要求を総当たり
. "$ATTACK/lib.sh"
serve
nothing_taken "a request that is not in the protocol" verbs
mustnt "prune from a client" m client vault prune "$url" --policy guideline
for f in accept policy approver; do mustnt "$f from a client" m client vault $f "$url" --key key; done
noticed "server's log" server_said 'a request that is not known|PROTO|no frame|is not known'
history
verdict
