# who: client
# en: another clinic's vault on the same server: by its name, by its segments' ids, by paths
# ja: 同じサーバーの、よその医院の保管庫を読む
. "$ATTACK/lib.sh"
serve
nothing_taken "a vault of somebody else" names other .server ../other clinic/../other OTHER
# shellcheck disable=SC2046
nothing_taken "their segments can be seen" stat $(ls srv/other/seg)
# shellcheck disable=SC2046
nothing_taken "their segments can be read" read haul $(ls srv/other/seg)
leak haul
noticed "server's log" server_said 'enrolled for another vault'
history
verdict
