# who: network
# en: record a whole backup on the line and play it to the server again
# ja: 通信の録音を後でもう一度流す
. "$ATTACK/lib.sh"
front=$ATTACK_PORT
ATTACK_PORT=$(free_port)
serve
python3 "$ATTACK/line.py" record "$ATTACK_PORT" "$front" tape >line.out 2>&1 &
others+=($!)
wait_for 20 test -s line.out
echo new >src/new
must "a backup through it" m client vault backup "$url" src --name emr
must "there is a recording" sh -c '[ $(cat tape/* | wc -c) -gt 2000 ]'
cp srv/clinic/log/log before
leak tape
python3 "$ATTACK/line.py" play "$ATTACK_PORT" tape >play.out 2>&1
must "nothing was entered" cmp srv/clinic/log/log before
noticed "server's log" server_said 'no handshake|TLS failed'
history
verdict
