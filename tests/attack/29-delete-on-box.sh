# who: box
# en: root on the box deletes segments and overwrites others (nothing can stop him; the disk in the drawer can)
# ja: 保管庫の機械のrootが区画を消す・書き換える
. "$ATTACK/lib.sh"
must "carried before" m box vault carry srv/clinic stick
chmod -R u+w srv/clinic/seg
set -- srv/clinic/seg/*
rm "$1"
printf X | dd of="$2" bs=1 seek=9000 conv=notrunc status=none
m box vault verify srv/clinic --data >verify.out 2>&1
noticed "vault verify --data" grep -q "missing" verify.out
noticed "names the changed one" grep -qE "$(basename "$2" | cut -c1-12)" verify.out
serve
# what is damaged is named, file by file, and everything else is right
for n in 1 2 3; do
	json reader vault restore "$url" "$(sed -n ${n}p ids)" --to "part.$n" --key key >restored
	[ -d "part.$n/src" ] || continue # not even its list of files: then nothing is given back
	jq -r '.problems[].path' restored | sed 's,^src/,,' | sort >named
	(cd then/$n && find . -type f) | sed 's,^\./,,' | while read -r f; do
		cmp -s "then/$n/$f" "part.$n/src/$f" || echo "$f"
	done | sort >wrong
	must "nothing wrong is given back unnamed ($n)" sh -c '[ -z "$(comm -13 named wrong)" ]'
done
halt
must "unpacked from the drawer" m clean vault unpack stick --to drawer --key key
history drawer clean
verdict
