# who: network
# en: bytes changed on the line, in both directions and at many places
# ja: 通信の途中でバイトを書き換える
. "$ATTACK/lib.sh"
front=$ATTACK_PORT
ATTACK_PORT=$(free_port)
serve
python3 "$ATTACK/line.py" flip "$ATTACK_PORT" "$front" >line.out 2>&1 &
others+=($!)
wait_for 20 test -s line.out
broken=0
for i in 1 2 3; do
	head -c 150000 /dev/urandom >src/big
	timeout 20 "$MAMORI" --state client vault backup "$url" src --name emr >>flip.out 2>&1 || broken=$((broken + 1))
done
say "$broken of 3 backups failed"
kill "${others[@]}" && wait "${others[@]}" 2>/dev/null
others=()
halt
noticed "server's log" server_said 'no handshake|TLS failed'
must "the log and every byte hold" m box vault verify srv/clinic --data
ATTACK_PORT=$front
serve
must "a backup over a good line" m client vault backup "$url" src --name emr
history
verdict
