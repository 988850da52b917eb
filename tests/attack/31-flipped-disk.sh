# who: disk
# en: bytes flipped on a disk in the drawer
# ja: 引き出しのディスクのバイトを書き換える
. "$ATTACK/lib.sh"
cp -a stick bent
for at in 100000 1500000 3000000; do printf U | dd of=bent/mamori-disk/c000/000 bs=1 seek=$at conv=notrunc status=none; done
noticed "vault unpack" says 'damaged|not' m thief vault unpack bent --to back5 --key key
noticed "vault carry --prove" says 'damaged|not' m box vault carry srv/clinic bent --prove
[ ! -d back5 ] || for g in $(cat ids); do
	rm -rf o
	m thief vault restore back5 "$g" --to o --key key >/dev/null 2>&1
	[ ! -d o/src ] || must "nothing wrong is given back" sh -c 'cd o/src && find . -type f | while read -r f; do ok=; for v in 1 2 3; do cmp -s "$f" "../../then/$v/$f" && ok=1; done; [ $ok ] || exit 1; done'
done
serve
history
verdict
