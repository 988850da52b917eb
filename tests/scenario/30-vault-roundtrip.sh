# timeout: 240
# A generation comes back exactly as it was: names of any bytes, links, holes, times, rights, attributes.
. "$MAMORI_SRC/tests/tap.sh"
export MAMORI_STATE=$PWD/state LC_ALL=C.UTF-8
vault() { "$MAMORI" --lang en vault "$@"; }

# everything DIR: one line an object, all that can be compared.
everything() {
	(
		cd "$1" || exit 1
		find . \( -type d -printf '%P|d|%m|%U|%G|%T@\0' \) -o -printf '%P|%y|%m|%U|%G|%s|%T@|%l|%n\0' |
		    sort -z | tr '\0' '\n'
		find . -print0 | sort -z | xargs -0 getfattr -h -d -m - 2>/dev/null
		find . -print0 | sort -z | xargs -0 getfacl -n -p 2>/dev/null
		find . \( -type b -o -type c \) -print0 | sort -z | xargs -0 -r stat -c '%n %t:%T'
		find . -type f -size -1G -print0 | sort -z | xargs -0 sha256sum
	)
}

mkdir -p src/deep src/追加/髙橋 && cd src || exit 1
printf 'カルテ ①㈱ ｶﾅ ～\n' >追加/髙橋/𠮷野.txt
printf 'x' >追加/葛󠄀
printf 'not text' >"$(printf 'bytes\xff\xfe\x95\x5c')"
printf 'two lines' >"$(printf 'new\nline')"
printf 'dash' >./-rf
printf '' >empty
head -c 255 /dev/zero | tr '\0' n | xargs -I{} cp empty {}
head -c 3000000 /dev/urandom >random
head -c 20000000 /dev/zero | openssl enc -aes-128-ctr -K 0 -iv 0 >large 2>/dev/null
yes 'the same line again' | head -c 5000000 >text
ln random deep/hard
ln random deep/harder
ln -s ../../etc/passwd deep/soft
ln -s "$(printf 'any\nbytes\xff')" deep/odd
truncate -s 50G sparse
printf 'in the middle' | dd of=sparse bs=1 seek=30000000000 conv=notrunc status=none
printf 'tail' | dd of=sparse bs=1 seek=53687091196 conv=notrunc status=none
truncate -s 1234567 all-hole
d=deep
for i in $(seq 60); do d=$d/$i-a-rather-long-name-of-a-folder-that-goes-down; done
mkdir -p "$d" && printf bottom >"$d/file"
mkfifo pipe
chmod 4755 random && chmod 1777 deep && chmod 0 empty && chmod 2750 追加
setfattr -n user.comment -v "$(printf 'ja \xe8\xbf\xbd')" text 2>/dev/null
setfattr -n user.folder -v x deep 2>/dev/null
setfacl -m u:1234:rw,g:77:r text 2>/dev/null
setfacl -d -m u:4321:rx 追加 2>/dev/null
if [ "$(id -u)" = 0 ]; then
	mknod null c 1 3
	mknod disk b 8 1
	chown 1000:1001 text
	chown -h 1002:1003 deep/soft
	chown 12345:54321 追加
	chmod 6711 large
fi
touch -d '1999-12-31 23:59:59.123456789' text
touch -h -d '2038-01-19 03:14:08.000000001' deep/soft
touch -d '1965-05-05 05:05:05.5' 追加/葛󠄀
touch -d '2020-02-29 12:00:00.25' deep
cd .. || exit 1

ok "init" vault init repo --recovery-out key.txt
is "the key is for its owner only" "$(stat -c %a key.txt)" 400
"$MAMORI" --json vault backup repo src --name 電子カルテ >first.json
is "backup" $? 0
is "backup leaves no file behind in tmp/" "$(ls -A repo/tmp)" ""
ok "its JSON has what others rely on" jq -e '.generation and .files and .bytes and .new_bytes and .stored_bytes and
    (.seconds >= 0)' first.json
is "the sparse file counts whole" "$(jq '.bytes > 53687091200' first.json)" true
ok "and is stored small" jq -e '.stored_bytes < 40000000' first.json
everything src >src.list
ok "restore" vault restore repo latest --to out --key key.txt
everything out/src >out.list
ok "nothing differs" cmp src.list out.list
[ $tap_bad = 0 ] || diff -a src.list out.list | head -20 | sed 's/^/# /'
ok "holes are holes" test "$(du -k out/src/sparse | cut -f1)" -lt 1000
ok "a file of one hole too" test "$(du -k out/src/all-hole | cut -f1)" -lt 100
is "the first file's data is where it was" "$(dd if=out/src/sparse bs=1 skip=30000000000 count=13 status=none)" "in the middle"
is "and its end" "$(tail -c 4 out/src/sparse)" tail
is "hard links are one file" "$(stat -c %i out/src/random)" "$(stat -c %i out/src/deep/hard)"

# the second generation of the same data is next to nothing
"$MAMORI" --json vault backup repo src --name 電子カルテ >second.json
is "an unchanged second generation has nothing new" "$(jq .new_bytes second.json)" 0
ok "and is tiny" jq -e '.stored_bytes < 300000' second.json
is "two generations are listed" "$("$MAMORI" --json vault list repo | jq '.generations | length')" 2
is "with the name" "$("$MAMORI" --json vault list repo | jq -r '.generations[1].name')" 電子カルテ
is "without any key the list shows no name" "$("$MAMORI" --state nowhere --json vault list repo | jq -r '.generations[1].name')" null
ok "the second one restores with this machine's own keys" vault restore repo "$(jq -r .generation second.json | cut -c1-8)" --to out2
everything out2/src >out2.list
ok "and is the same" cmp src.list out2.list
ok "the first one by the full key" vault restore repo "$(jq -r .generation first.json)" --to out3 --key key.txt
ok "deep verification holds" vault verify repo --data --key key.txt
ok "keyless verification too" vault --state nowhere verify repo --data

# pieces
ok "one file by its path of old" vault restore repo latest --to piece --path "$PWD/src/追加/髙橋/𠮷野.txt"
is "only that one" "$(find piece -type f | wc -l)" 1
ok "is right" cmp src/追加/髙橋/𠮷野.txt piece/src/追加/髙橋/𠮷野.txt
is "its folder has its rights" "$(stat -c %a piece/src/追加)" "$(stat -c %a src/追加)"
ok "a folder by its path in the generation" vault restore repo latest --to piece2 --path src/deep
everything src/deep | grep -av harder >a
everything piece2/src/deep | grep -av harder >b
is "a hard link whose first name is elsewhere is a file of its own" "$(cmp src/random piece2/src/deep/hard && stat -c %h piece2/src/deep/hard)" 2
ok "a name of any bytes, as it is shown" vault restore repo latest --to piece3 --path 'src/bytes\xff\xfe\x95\x5c'
is "is found" "$(find piece3 -type f | wc -l)" 1
ok "the whole by a dot" vault restore repo latest --to piece5 --path .
is "is the whole" "$(find piece5 | wc -l)" "$(find out | wc -l)"
is "ls of a dot" "$("$MAMORI" --json vault ls repo latest . | jq .count)" 1
status "a path that is not there" 3 vault restore repo latest --to piece4 --path src/nothing
status "a path that never was a source" 3 vault restore repo latest --to piece4 --path /etc
is "cat" "$(vault cat repo latest src/追加/髙橋/𠮷野.txt)" "$(cat src/追加/髙橋/𠮷野.txt)"
ok "cat of a hard link" sh -c '"$MAMORI" vault cat repo latest src/random | cmp - src/random'
ok "ls shows a folder" sh -c '"$MAMORI" vault ls repo latest src/deep | grep -q soft'
ok "find finds" sh -c '"$MAMORI" vault find repo latest 𠮷野 | grep -q "src/追加/髙橋/𠮷野.txt"'
status "find says no" 1 vault find repo latest no-such-name-here
# the way back through shares
ok "split" vault init repo2 --split s1 s2 s3 --sheet sheet.html
ok "a page to print for each share" grep -q '<svg' sheet-1.html sheet-2.html sheet-3.html
ok "none with the whole key" test ! -e sheet.html
is "no page needs another file" "$(cat sheet-?.html | grep -cE '(src|href)=')" 0
ok "backup beside it" vault backup repo2 src/追加
status "one share is not enough" 3 vault restore repo2 latest --to shares --key s1
status "the same share twice neither" 2 vault restore repo2 latest --to shares --key s1 --key s1
ok "two are" vault restore repo2 latest --to shares --key s3 --key s1
ok "the key from standard input" sh -c '"$MAMORI" vault restore repo latest --to stdin --path src/text --key - <key.txt'
done_testing
