# timeout: 240
# Restoring: where it goes, what it never touches, how it is continued.
. "$MAMORI_SRC/tests/tap.sh"
export MAMORI_STATE=$PWD/state
vault() { "$MAMORI" --lang en vault "$@"; }

mkdir -p src/many src/big
for i in $(seq 300); do head -c $((i * 37 % 9000)) /dev/urandom >"src/many/$i"; done
head -c 60000000 /dev/urandom >src/big/one
head -c 25000000 /dev/urandom >src/big/two
ok "init" vault init repo --recovery-out key
ok "backup" vault backup repo src

# the target
mkdir full && echo mine >full/mine
status "a target that is not empty is refused" 3 vault restore repo latest --to full
is "and left alone" "$(ls full)" mine
ok "--force-into puts it beside" vault restore repo latest --to full --force-into
is "what was there stays" "$(cat full/mine)" mine
ok "and all is there" diff -r src full/src
echo changed >full/src/many/7
status "a file in the way is left alone, and said" 1 vault restore repo latest --to full --force-into
is "left alone" "$(cat full/src/many/7)" changed
ok "--overwrite replaces it" vault restore repo latest --to full --force-into --overwrite
ok "as it was" diff -r src full/src
mkdir -p blocked/src/many && mkdir blocked/src/many/9
status "a folder where a file belongs is never removed" 1 vault restore repo latest --to blocked --force-into --overwrite
ok "it is still there" test -d blocked/src/many/9
rm -rf blocked/src/many/9
ok "the rest is" diff -r --exclude 9 src blocked/src

# links in the target lead nowhere
mkdir outside trap && ln -s "$PWD/outside" trap/src
status "a link in the target is not followed" 1 vault restore repo latest --to trap --force-into
is "nothing came out" "$(ls -A outside)" ""
mkdir -p trap2/src && ln -s "$PWD/outside" trap2/src/many
status "nor deeper" 1 vault restore repo latest --to trap2 --force-into
is "nothing came out there" "$(ls -A outside)" ""
ok "the rest of it is restored" cmp src/big/one trap2/src/big/one
ok "when told to overwrite, the link goes" vault restore repo latest --to trap2 --force-into --overwrite
is "and nothing comes out either" "$(ls -A outside)" ""
ok "all is there" diff -r src trap2/src
mkdir -p trap3/src/many && echo safe >outside/file && ln -s "$PWD/outside/file" trap3/src/many/5
ok "a link that is replaced" vault restore repo latest --to trap3 --force-into --overwrite
is "is replaced, not written through" "$(cat outside/file)" safe
ok "by the file" cmp src/many/5 trap3/src/many/5
ln -s "$PWD/linked" to-link && mkdir linked
ok "the target itself may be a link" vault restore repo latest --to to-link
ok "all is there" diff -r src linked/src

# continued
for n in 1 2 3 4; do
	rm -rf half
	"$MAMORI" vault restore repo latest --to half >/dev/null 2>&1 &
	sleep 0.0$((n * 2))
	kill -9 $! 2>/dev/null
	wait $! 2>/dev/null
	before=$(find half -type f 2>/dev/null | wc -l)
	[ $n = 1 ] || ok "continued after it was killed with $before files there" vault restore repo latest --to half --resume
	[ $n = 1 ] || ok "all is there, once" diff -r src half/src
done
"$MAMORI" --json vault restore repo latest --to half --resume >again.json
is "a complete one is only compared" "$(jq -c '[.kept,.files]' again.json)" "[302,302]"
printf X | dd of=half/src/big/one bs=1 seek=30000000 conv=notrunc status=none
touch -r src/big/one half/src/big/one
printf X | dd of=half/src/many/11 bs=1 seek=1 conv=notrunc status=none
touch -r src/many/11 half/src/many/11
"$MAMORI" --json vault restore repo latest --to half --resume >again.json
is "a file of the right size and time but other content is written anew" "$(jq .kept again.json)" 300
ok "as it was" diff -r src half/src

# a target without space
if [ "$(id -u)" = 0 ] && mkdir tiny && mount -t tmpfs -o size=8m tmpfs tiny 2>/dev/null; then
	"$MAMORI" --lang en vault restore repo latest --to tiny >out 2>&1
	is "a full target is said" $? 3
	ok "in plain words" grep -q 'is full; what was restored stays' out
	mount -o remount,size=200m tiny
	ok "with room it goes on" vault restore repo latest --to tiny --resume
	ok "to the end" diff -r src tiny/src
	umount tiny
else
	skip "a full target" "needs root and tmpfs"
fi

# not root
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	place=$(mktemp -d /tmp/mamori-test.XXXXXX) && chmod 755 "$place" && trap 'rm -rf "$place"' EXIT
	mkdir "$place/own" && chown 65534:65534 "$place/own" && cp "$MAMORI" "$place/mamori"
	mkdir srco && echo a >srco/a && chmod 4755 srco/a && chmod 500 srco
	ok "backup of a folder that nobody may write" vault backup repo srco
	cp -a repo key "$place" && chmod -R a+rX "$place/repo" && chmod a+r "$place/key"
	cd "$place" || exit 1
	nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
	if nobody ./mamori --version >/dev/null 2>&1; then
		ok "somebody without rights restores" nobody ./mamori --state nowhere vault restore repo latest --to own/x --key key
		is "rights meant for another owner are not given" "$(stat -c %a own/x/srco/a)" 755
		is "the folder has its rights" "$(stat -c %a own/x/srco)" 500
		ok "again, into a folder that is read-only now" nobody ./mamori --state nowhere vault restore repo latest --to own/x --key key --resume
	else
		skip "without rights" "the place cannot be entered"
	fi
else
	skip "without rights" "needs root"
fi
done_testing
