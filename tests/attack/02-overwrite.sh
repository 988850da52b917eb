# who: client
# en: send every segment again with other bytes, under its own name
# ja: 保管済みの区画に別の内容を上書き
. "$ATTACK/lib.sh"
serve
(cd srv/clinic/seg && sha256sum -- *) >before
nothing_taken "a segment was replaced" over
must "the same bytes lie there" sh -c 'cd srv/clinic/seg && sha256sum --quiet -c ../../../before'
noticed "server's log" server_said 'another segment has that name'
history
verdict
