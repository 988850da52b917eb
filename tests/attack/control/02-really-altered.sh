# who: box
# en: control: what comes back is not what was
# ja: 対照: 本当に書き換える
. "$ATTACK/lib.sh"
echo another >>"then/2/追加 髙橋/karte-5.txt"
noticed "nobody" true
serve
history
verdict
