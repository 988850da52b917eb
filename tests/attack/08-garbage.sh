# who: client
# en: segments whose bytes are not what was announced (wrong header, sum, page, root)
# ja: 予告と違う中身の区画を送り込む
. "$ATTACK/lib.sh"
serve
nothing_taken "a wrong segment was stored" garbage
noticed "server's log" server_said 'no handshake|not the segment|refused|corrupt'
must "nothing is left over" sh -c '[ -z "$(ls -A srv/clinic/tmp)" ]'
history
verdict
