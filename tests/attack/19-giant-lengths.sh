# who: client
# en: requests and segments with lengths that nobody could hold
# ja: 途方もない長さの要求
. "$ATTACK/lib.sh"
serve
nothing_taken "a giant was taken" giant
must "little memory" sh -c "awk '/VmHWM/ { exit !(\$2 < ${ATTACK_RSS:-131072}) }' /proc/$server/status"
noticed "server's log" server_said 'no message|makes no sense|no segment like'
history
verdict
