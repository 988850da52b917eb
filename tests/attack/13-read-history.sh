# who: client
# en: read older generations with the writer's certificate, and 500 guessed segment ids
# ja: 書き込み用の証明で過去の世代を読む、区画の番号を推測する
. "$ATTACK/lib.sh"
serve
nothing_taken "a segment was read" read haul
mustnt "restore by the program" m client vault restore "$url" "$(sed -n 1p ids)" --to haul2
leak haul haul2
# its caches show no older generation either: only the newest one's keys are there
for i in 1 2; do
	mustnt "generation $i from a stolen copy of the disk and all of the client" \
	    m client vault restore srv/clinic "$(sed -n ${i}p ids)" --to haul3.$i
	leak haul3.$i
done
noticed "server's log" server_said 'may add|not read|refused|no right'
history
verdict
