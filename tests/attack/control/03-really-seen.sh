# who: disk
# en: control: what was stolen can be read
# ja: 対照: 本当に読まれる
. "$ATTACK/lib.sh"
cp -a then/1 haul
leak haul
passive
serve
history
verdict
