# who: client
# en: control: something happened and nobody noticed
# ja: 対照: 誰も気づかない
. "$ATTACK/lib.sh"
serve
noticed "server's log" false
history
verdict
