# who: network
# en: hundreds of half-open, silent and byte-by-byte connections from one address, during a backup
# ja: 数百の半開き・沈黙・1バイトずつの接続でサーバーを塞ぐ
. "$ATTACK/lib.sh"
serve
python3 "$ATTACK/hog.py" "$ATTACK_PORT" 127.0.0.9 500 >hog.out 2>&1 &
others+=($!)
wait_for 60 grep -q holding hog.out
head -c 1000000 /dev/urandom >src/during
must "an honest backup meanwhile" timeout 60 "$MAMORI" --state client vault backup "$url" src --name emr
must "an honest reader meanwhile" timeout 60 "$MAMORI" --state reader vault list "$url"
must "little memory" sh -c "awk '/VmHWM/ { exit !(\$2 < ${ATTACK_RSS:-131072}) }' /proc/$server/status"
noticed "server's log" server_said 'turned away'
history
verdict
