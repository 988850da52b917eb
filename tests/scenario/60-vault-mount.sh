#!/bin/bash
# A generation as a folder: the same as its source, read-only, usable at once; damage costs only itself.
# timeout: 180
: "${MAMORI_SRC:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${MAMORI:=$MAMORI_SRC/build/mamori}"
. "$MAMORI_SRC/tests/tap.sh"
dir=$(mktemp -d) || exit 1
dir=$(cd "$dir" && pwd -P)
at=$dir/at
cleanup() {
	mountpoint -q "$at" && { fusermount3 -u -z "$at" 2>/dev/null || umount -l "$at"; }
	rm -rf "$dir"
}
trap cleanup EXIT
unset MAMORI_LANG
export MAMORI_STATE=$dir/state LANG=C.UTF-8
mkdir -m 700 "$MAMORI_STATE"
m() { "$MAMORI" "$@"; }

# -- something to keep -------------------------------------------------------------------------
src=$dir/src
mkdir -p "$src/記録/深い/ところ" "$src/empty" "$src/many"
printf 'カルテ' >"$src/記録/追加 髙橋 﨑 𠮷野 葛󠄀 ① ㈱ ｶﾅ ～.txt"
printf 'raw' >"$src/$(printf 'bytes-\377\001-name')"
head -c 8388608 /dev/urandom >"$src/big.bin"
seq 1 300000 >"$src/numbers.txt"
truncate -s 300M "$src/sparse.img" && printf 'end' >>"$src/sparse.img"
ln "$src/numbers.txt" "$src/記録/second-name"
ln -s 記録/second-name "$src/link"
ln -s /nowhere/at/all "$src/dangling"
mkfifo "$src/pipe"
for i in $(seq 1 2500); do echo "$i" >"$src/many/file-$i"; done
touch -d '2001-02-03 04:05:06.123456789 UTC' "$src/記録/深い"
chmod 640 "$src/big.bin"
setfattr -n user.mamori -v 値 "$src/big.bin" 2>/dev/null && xattrs=yes || xattrs=no

ok "a vault" m vault init "$dir/repo" --recovery-out "$dir/key"
ok "a generation" m vault backup "$dir/repo" "$src" --name emr

# -- what cannot be ------------------------------------------------------------------------------
mkdir "$at" "$dir/full" && touch "$dir/full/x"
status "no folder" 2 m vault mount "$dir/repo" latest
status "a folder that is not there" 3 m vault mount "$dir/repo" latest "$dir/none"
status "a folder that is not empty" 3 m vault mount "$dir/repo" latest "$dir/full"
if ! [ -r /dev/fuse ] || ! [ -w /dev/fuse ] || ! command -v fusermount3 >/dev/null; then
	no "no FUSE here: refused with a reason" m vault mount "$dir/repo" latest "$at"
	skip "mounting" "FUSE cannot be used here"
	done_testing
	exit
fi
status "no such generation" 3 m vault mount "$dir/repo" ffffffff "$at"
status "not a vault" 3 m vault mount "$dir/src" latest "$at"
no "no key at all" m --state "$dir/none" vault mount "$dir/repo" latest "$at"
if ! m vault mount "$dir/repo" latest "$at" --key "$dir/key" >"$dir/out" 2>&1; then
	skip "mounting" "this machine does not let us mount: $(tail -n 1 "$dir/out")"
	done_testing
	exit
fi
ok "with the recovery key it mounts" mountpoint -q "$at"
ok "and says how to end" grep -q "fusermount3 -u" "$dir/out"
top=$at/src

# -- the same as the source ----------------------------------------------------------------------
listing() { (cd "$1" && find . -printf '%P|%y|%m|%s|%T@|%l|%U|%G\n' | sed 's/|d|\([0-7]*\)|[0-9]*|/|d|\1||/' | sort); }
is "names, kinds, modes, sizes, times, links and owners" "$(listing "$top" | sha256sum)" "$(listing "$src" | sha256sum)"
contents() { (cd "$1" && find . -type f ! -name 'sparse.img' -print0 | sort -z | xargs -0 sha256sum); }
is "every byte" "$(contents "$top" | sha256sum)" "$(contents "$src" | sha256sum)"
ok "the sparse file" cmp "$top/sparse.img" "$src/sparse.img"
is "hard links share an inode" "$(stat -c %i "$top/numbers.txt")" "$(stat -c %i "$top/記録/second-name")"
is "2500 files in one folder" "$(ls "$top/many" | wc -l)" 2500
is "reading behind the end" "$(tail -c +8388609 "$top/big.bin" | wc -c)" 0
is "a piece from the middle" "$(tail -c +4194000 "$top/big.bin" | head -c 70000 | sha256sum)" "$(tail -c +4194000 "$src/big.bin" | head -c 70000 | sha256sum)"
if [ $xattrs = yes ]; then
	is "extended attributes" "$(getfattr --only-values -n user.mamori "$top/big.bin" 2>/dev/null)" 値
else
	skip "extended attributes" "the file system here has none"
fi
no "a name that is not there" test -e "$top/nothing"
no "nothing can be written" touch "$top/new"
no "nor removed" rm -f "$top/numbers.txt"
ok "it is as it was" test -e "$top/numbers.txt"
status "not over a mount" 3 m vault mount "$dir/repo" latest "$at" --key "$dir/key"
ok "it ends" fusermount3 -u "$at"
sleep 0.3
no "and is gone" mountpoint -q "$at"

# -- with this machine's own keys, in the foreground, ended by a signal --------------------------
"$MAMORI" vault mount "$dir/repo" latest "$at" --foreground >"$dir/out" 2>&1 &
pid=$!
for _ in $(seq 100); do mountpoint -q "$at" && break; sleep 0.05; done
is "the newest generation opens without the recovery key" "$(cat "$top/記録/second-name" | sha256sum)" "$(sha256sum <"$src/numbers.txt")"
kill -TERM $pid
wait $pid
is "a signal ends it" $? 0
no "unmounted" mountpoint -q "$at"

# -- damage --------------------------------------------------------------------------------------
seg=$(ls -S "$dir/repo/seg" | head -n 1)
chmod u+w "$dir/repo/seg/$seg"
# one page, four mebibytes into the segment: in the middle of the large random file
dd if=/dev/urandom of="$dir/repo/seg/$seg" bs=4096 count=8 seek=1025 conv=notrunc status=none
"$MAMORI" --lang en vault mount "$dir/repo" latest "$at" --foreground >"$dir/out" 2>&1 &
pid=$!
for _ in $(seq 100); do mountpoint -q "$at" && break; sleep 0.05; done
bad=0 wrong=0
for f in big.bin numbers.txt; do
	n=$((($(stat -c %s "$src/$f") + 65535) / 65536))
	for ((i = 0; i < n; i++)); do
		if ! dd if="$top/$f" bs=65536 skip=$i count=1 status=none >"$dir/piece" 2>/dev/null; then
			bad=$((bad + 1))
		elif ! cmp -s -n "$(stat -c %s "$dir/piece")" "$dir/piece" \
		    <(dd if="$src/$f" bs=65536 skip=$i count=1 status=none); then
			wrong=$((wrong + 1))
		elif [ "$(stat -c %s "$dir/piece")" -lt 65536 ] && [ $((i + 1)) -lt $n ]; then
			bad=$((bad + 1)) # a read that ended before the damage: the next one fails
		fi
	done
done
is "damaged bytes are never given out" $wrong 0
ok "the damaged piece cannot be read ($bad of 160 pieces)" test $bad -ge 1
ok "everything else can" test $bad -le 16
is "other files are whole" "$(cat "$top"/many/* | sha256sum)" "$(cat "$src"/many/* | sha256sum)"
kill -TERM $pid
wait $pid
ok "the damaged file was named" grep -q 'src/.*damaged' "$dir/out"
done_testing
