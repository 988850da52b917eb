# timeout: 240
# Killed at any moment, two at once, no room: what was acknowledged stays, the next run needs no repair.
. "$MAMORI_SRC/tests/tap.sh"
export MAMORI_STATE=$PWD/state
vault() { "$MAMORI" --lang en vault "$@"; }

mkdir src
for i in $(seq 200); do head -c 60000 /dev/urandom >"src/$i"; done
ok "init" vault init repo --recovery-out key
ok "a first generation" vault backup repo src --name one
first=$("$MAMORI" --json vault list repo | jq -r '.generations[0].id')
broken=0 killed=0
for n in 0 1 2 3 5 8 13 21 34 55 80 130; do
	for i in $(seq 40); do head -c 60000 /dev/urandom >"src/$(((n * 7 + i) % 200))"; done
	"$MAMORI" vault backup repo src --name one >/dev/null 2>&1 &
	sleep "0.$(printf %03d $n)"
	kill -9 $! 2>/dev/null && killed=$((killed + 1))
	wait $! 2>/dev/null
	"$MAMORI" vault verify repo >v.out 2>&1 || { broken=$((broken + 1)); sed 's/^/# /' v.out; }
done
is "after each of $killed kills the vault holds" $broken 0
ok "the next backup needs no repair" vault backup repo src --name one
is "and leaves nothing in tmp/" "$(ls -A repo/tmp)" ""
ok "it restores" vault restore repo latest --to out --key key
ok "as it is" diff -r src out/src
ok "the first one too" vault restore repo "$first" --to out1 --key key
ok "every byte holds" vault verify repo --data --key key

# two at once
mkdir src2 && cp -a src/1* src2/
for i in 1 2 3; do head -c 3000000 /dev/urandom >src2/new$i; done
"$MAMORI" vault backup repo src --name one >a.out 2>&1 &
a=$!
"$MAMORI" vault backup repo src2 --name two >b.out 2>&1 &
b=$!
wait $a
is "one of two writers" $? 0
wait $b
is "the other" $? 0
ok "both restore" sh -c '"$MAMORI" vault restore repo one --to both1 --key key && "$MAMORI" vault restore repo two --to both2 --key key'
ok "as they were" sh -c 'diff -r src both1/src && diff -r src2 both2/src2'
ok "every byte holds again" vault verify repo --data --key key

# no room
if [ "$(id -u)" = 0 ] && mkdir tiny && mount -t tmpfs -o size=6m tmpfs tiny 2>/dev/null; then
	ok "a small vault" vault init tiny/repo --recovery-out tiny-key
	mkdir little && echo a >little/a
	ok "with a small generation" vault backup tiny/repo little
	"$MAMORI" --lang en vault backup tiny/repo src >out.txt 2>&1
	is "a full vault says so" $? 3
	is "nothing is listed that is not there" "$("$MAMORI" --json vault list tiny/repo | jq '.generations|length')" 1
	ok "and it holds" vault verify tiny/repo --data
	mount -o remount,size=100m tiny
	ok "with room it goes on" vault backup tiny/repo src
	ok "every byte" vault verify tiny/repo --data --key tiny-key
	umount tiny
else
	skip "a full vault" "needs root and tmpfs"
fi
done_testing
