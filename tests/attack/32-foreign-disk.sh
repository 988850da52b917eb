# who: disk
# en: a disk of another clinic is plugged in, or an older state of one's own is put back on it
# ja: よその医院のディスク、古い状態に戻したディスクを挿す
. "$ATTACK/lib.sh"
must "another clinic's disk" sh -c "mkdir -p s2 && '$MAMORI' --state box vault carry srv/other s2 --label blue"
noticed "vault carry" says 'another clinic' m box vault carry srv/clinic s2
mustnt "as a vault of ours" m reader vault unpack s2 --to o2 --key key
cp -a stick old
serve
echo more >src/more
must "a fourth generation" m client vault backup "$url" src --name emr
halt
must "carried" m box vault carry srv/clinic stick
rm -rf stick && mv old stick
m box vault carry srv/clinic stick >carry.out 2>&1
must "an old state is brought up to date" m reader vault unpack stick --to drawer --key key
must "with the fourth" sh -c "[ \$('$MAMORI' --state clean --json vault list drawer | jq '.generations | length') = 4 ]"
history drawer clean
verdict
