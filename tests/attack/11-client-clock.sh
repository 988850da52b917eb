# who: client
# needs: faketime
# en: back up with the client's clock three years ahead, then ten years back
# ja: 端末の時計を3年進める、10年戻す
. "$ATTACK/lib.sh"
serve
json box vault list srv/clinic | jq -c '[.generations[] | [.id, .locked_until]]' >before
echo x >src/x
must "a backup ahead of time" faketime -f +1000d "$MAMORI" --state client vault backup "$url" src --name emr
echo y >src/x
must "a backup behind time" faketime -f -3650d "$MAMORI" --state client vault backup "$url" src --name emr
json box vault list srv/clinic | jq -c '[.generations[0:3][] | [.id, .locked_until]]' >after
must "no lock moved" cmp before after
halt
noticed "vault verify, vault.tampering" traces box srv/clinic 'another time'
serve
history
verdict
