# who: client
# en: control: the script breaks off
# ja: 対照: 途中で終わる
. "$ATTACK/lib.sh"
noticed "somebody" true
exit 0
