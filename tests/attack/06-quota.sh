# who: client
# en: fill the quota and go on, so that other clinics and older generations suffer
# ja: 割り当てを使い切り、ほかの医院と前の世代を巻き込む
. "$ATTACK/lib.sh"
for f in srv/.server/clients/*; do
	grep -q '^vault clinic$' "$f" && sed -i 's/^quota .*/quota 6000000/' "$f"
done
serve
mkdir junk
for i in 1 2 3 4 5 6; do
	head -c 1500000 /dev/urandom >"junk/$i"
	m client vault backup "$url" junk --name junk >>out 2>&1 || break
done
noticed "exit status of the client" says 'quota of this vault is used up' m client vault backup "$url" junk --name junk --full
noticed "server's log" server_said 'quota'
must "the other clinic goes on" m other vault backup "$url_other" src2 --name emr --full
must "what fits goes on" sh -c "du -sb srv/clinic/seg | awk '{exit !(\$1 < 6200000)}'"
history
verdict
