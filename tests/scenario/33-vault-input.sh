# timeout: 120
# Wrong input: each has its own message and status, and leaves everything as it was.
. "$MAMORI_SRC/tests/tap.sh"
export MAMORI_STATE=$PWD/state
vault() { "$MAMORI" --lang en vault "$@"; }
# said WHAT STATUS TEXT COMMAND...: the status, and the words.
said() {
	local what=$1 want=$2 text=$3 rc
	shift 3
	"$@" >said.out 2>&1 </dev/null
	rc=$?
	tap_result "$([ $rc = "$want" ] && grep -q -- "$text" said.out; echo $?)" "$what" "status $rc, not $want; or without \"$text\":
$(cat said.out)"
}

mkdir src && echo chart >src/chart
ok "init" vault init repo --recovery-out key
ok "backup" vault backup repo src
find repo -type f -print0 | sort -z | xargs -0 sha256sum >before
unchanged() { find repo -type f -print0 | sort -z | xargs -0 sha256sum | cmp -s before -; }

said "a second init" 3 'already is a vault' vault init repo --recovery-out key2
ok "leaves no second key" test ! -e key2
said "init where something is" 3 'not empty' vault init src --recovery-out key2
ok "leaves no key there either" test ! -e key2
said "a key file that is there" 3 'never written over' vault init other --recovery-out key
ok "no vault is begun" test ! -e other/mamori-vault
said "not a vault" 3 'not a Mamori vault' vault list src
said "nothing there" 3 '' vault list nowhere-at-all
said "not a vault to back up to" 3 'not a Mamori vault' vault backup src src
sed 's/^MAMORI-VAULT 1/MAMORI-VAULT 9/' repo/mamori-vault >newer.txt
cp -a repo newer && chmod u+w newer/mamori-vault && cp newer.txt newer/mamori-vault
said "a newer format" 3 'newer Mamori' vault list newer
said "no source of that name" 3 '' vault backup repo not-there
said "no generation of that name" 3 'no generation' vault restore repo not-there --to out
ok "makes no target" test ! -e out
vault init theirs --recovery-out their-key >/dev/null
said "another vault's key" 3 'another vault' vault restore repo latest --to out --key their-key
tail -n 12 their-key | grep -v '^for:' | grep -v '^fingerprint' >bare-words
said "another key without its label" 3 'not the key of this vault' vault restore repo latest --to out --key bare-words
echo 'not words' >nonsense
said "a key file that is none" 2 '' vault restore repo latest --to out --key nonsense
said "a key file that is not there" 3 'key file' vault restore repo latest --to out --key absent
said "no key at all" 3 'recovery key' vault --state empty-state restore repo latest --to out
for words in "" "init" "backup" "backup repo" "list" "restore repo" "restore repo latest" "restore repo latest --to" \
    "verify" "verify a b" "ls repo" "nonsense" "restore repo latest --to x --threads many" "backup repo src --level 99" \
    "init r --lock-days -1" "list repo --nonsense"; do
	# shellcheck disable=SC2086
	said "wrong usage: vault $words" 2 '' vault $words
done
mkdir theirs-state
said "without a writer key nothing is added" 3 'no writer key' vault --state theirs-state backup repo src
rm -rf theirs theirs-state empty-state newer
ok "after all this everything is as it was" unchanged
echo "$(printf 'b\xff')" >"src/$(printf 'b\xff')"
ok "a path that is not UTF-8 is kept" vault backup repo "src/$(printf 'b\xff')"
ok "JSON shows it as text" sh -c '"$MAMORI" --json vault ls repo latest | jq -e ".entries[0].name == \"b\\\\xff\""'

# a source that cannot be read
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	place=$(mktemp -d /tmp/mamori-test.XXXXXX) && chmod 755 "$place" && trap 'rm -rf "$place"' EXIT
	cp "$MAMORI" "$place/mamori" && cd "$place" && mkdir -p nob && chown 65534:65534 nob
	mkdir nob/src && echo yes >nob/src/yes && echo no >nob/src/no && chmod 600 nob/src/no && chown 65534 nob/src nob/src/yes
	nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
	if nobody ./mamori --version >/dev/null 2>&1; then
		ok "somebody else's vault" nobody ./mamori --state nob/state vault init nob/repo --recovery-out nob/key
		nobody ./mamori --lang en --state nob/state --json vault backup nob/repo nob/src >b.json 2>b.err
		is "a file that may not be read: status 1" $? 1
		ok "it is named" grep -q 'src/no' b.err
		is "in JSON too" "$(jq -r '.unreadable[0].path' b.json)" src/no
		is "the generation is kept" "$(./mamori --state nob/state --json vault list nob/repo | jq '.generations|length')" 1
		status "restoring it says what is missing" 1 nobody ./mamori --state nob/state vault restore nob/repo latest --to nob/out
		is "no empty file pretends" "$(ls nob/out/src)" yes
	else
		skip "unreadable source" "the place cannot be entered"
	fi
else
	skip "unreadable source" "needs root"
fi
done_testing
