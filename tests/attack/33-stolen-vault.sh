# who: disk
# en: the server's whole disk is copied: vaults, logs, keep ledgers, the server's keys
# ja: サーバーのディスクを丸ごと盗む
. "$ATTACK/lib.sh"
cp -a srv stolen
leak stolen
mustnt "restore without a key" m thief vault restore stolen/clinic latest --to haul
mustnt "restore with another clinic's key" m thief vault restore stolen/clinic latest --to haul --key key-other
m thief vault list stolen/clinic >list.out 2>&1
mustnt "names of systems" grep -q emr list.out
leak haul list.out
passive
serve
history
verdict
