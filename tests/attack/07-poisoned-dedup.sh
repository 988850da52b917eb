# who: client
# en: enter segments that were never sent, and generations that rest on them or take an older one's id
# ja: 送っていない区画を「ある」と言う、前の世代の番号を名乗る
. "$ATTACK/lib.sh"
serve
nothing_taken "an entry without its segment" claim
noticed "server's log" server_said 'was not sent|segments the log lacks|in the log already|name of another'
must "a backup afterwards" m client vault backup "$url" src --name emr
halt
must "every byte holds" m box vault verify srv/clinic --data
serve
history
verdict
