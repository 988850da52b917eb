# who: client
# en: old log entries once more, at the end and in between
# ja: 前に送った記録の再送
. "$ATTACK/lib.sh"
serve
cp srv/clinic/log/log before
nothing_taken "an old entry was taken again" replay
must "the log is the same" cmp srv/clinic/log/log before
noticed "server's log" server_said 'no entry of a log|the log has gone on|another one than|refused'
history
verdict
