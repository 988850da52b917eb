# who: client
# en: control: it did what it wanted
# ja: 対照: 目的を果たす
. "$ATTACK/lib.sh"
serve
mustnt "a client lists its own vault" m client vault list "$url"
noticed "somebody" true
history
verdict
