# timeout: 200
# Damage costs only itself, and is named; nothing damaged is ever given back as if it were whole.
. "$MAMORI_SRC/tests/tap.sh"
export MAMORI_STATE=$PWD/state
vault() { "$MAMORI" --lang en vault "$@"; }

mkdir -p src/a src/b
for i in $(seq 40); do head -c 200000 /dev/urandom >"src/a/$i"; done
for i in $(seq 40); do echo "record $i" >"src/b/$i"; done
ok "init" vault init repo --recovery-out key
ok "backup of one system" vault backup repo src/a --name images
ok "backup of another" vault backup repo src/b --name charts
fresh() { rm -rf bad out && cp -a repo bad; }
largest=$(ls -S repo/seg | head -1)

fresh
flip "bad/seg/$largest" 3000000
status "one byte: the structure still holds" 0 vault verify bad
status "the data does not" 1 vault verify bad --data
"$MAMORI" --json vault verify bad --data --key key >v.json
is "with the key the system is named" "$(jq -c '[.errors[].systems[]]|unique' v.json)" '["images"]'
ok "and the files" jq -e '[.errors[].files[]] | length > 0 and all(startswith("a/"))' v.json
is "and the segment" "$(jq -r '.errors[0].segment' v.json)" "$largest"
is "without a key the generation" "$("$MAMORI" --state nowhere --json vault verify bad --data | jq -c '[.errors[].generations|length]')" "[1]"
"$MAMORI" --json vault restore bad images --to out --key key >r.json 2>/dev/null
is "the restore says no" $? 1
n=$(jq .problem_count r.json)
ok "one or two files are damaged ($n)" test "$n" -ge 1 -a "$n" -le 2
is "the same as verify named" "$(jq -c '[.problems[].path]|sort' r.json)" "$(jq -c '[.errors[].files[]]|unique' v.json)"
wrong=0 right=0
for i in $(seq 40); do
	if cmp -s "src/a/$i" "out/a/$i"; then right=$((right + 1)); else
		wrong=$((wrong + 1))
		jq -e --arg p "a/$i" '[.problems[].path]|index($p)' r.json >/dev/null || echo "# a/$i differs and is not named"
	fi
done
is "all others are right" "$right" $((40 - n))
ok "the other system is untouched" vault restore bad charts --to out2 --key key
ok "as it was" diff -r src/b out2/b

fresh
rm "bad/seg/$largest"
status "a missing segment is found" 1 vault verify bad
status "its generation says no" 1 vault restore bad images --to out --key key
rm -rf out2
ok "the other system is untouched by that" vault restore bad charts --to out2 --key key
fresh
truncate -s -1 "bad/seg/$largest"
status "a segment cut by one byte is found" 1 vault verify bad
fresh
flip "bad/seg/$largest" 100
status "a damaged header is found" 1 vault verify bad
fresh
flip "bad/seg/$largest" $(($(stat -c %s "bad/seg/$largest") - 4000))
status "a damaged footer is found" 1 vault verify bad
fresh
cp "bad/seg/$(ls -S repo/seg | tail -1)" bad/seg/0123456789abcdef0123456789abcdef
"$MAMORI" --json vault verify bad >v.json
is "a file the log does not know is no error" $? 0
is "but is mentioned" "$(jq .strays v.json)" 1

# the log
for at in 40 200 700; do
	fresh
	flip bad/log/log $at
	status "a changed byte of the log at $at is found" 1 vault verify bad
done
fresh
truncate -s -50 bad/log/log
status "a log cut short is found" 1 vault verify bad
fresh
rm bad/log/log
status "a missing log is found" 1 vault verify bad
fresh
flip bad/mamori-vault 20
no "a damaged identity is found" vault verify bad

# put back as it was earlier
cp -a repo older
ok "another generation" vault backup repo src/b --name charts
rm -rf bad && cp -a repo keep && rm -rf repo && cp -a older repo
status "a vault put back to an earlier state is noticed by this machine" 1 vault verify repo
no "and gets no new generation" vault backup repo src/b --name charts
ok "another machine cannot know" vault --state nowhere verify repo
rm -rf repo && cp -a keep repo
ok "the true one holds" vault verify repo --data --key key

# what was found damaged is not built on again
sleep 2.1
ok "before the damage" vault backup repo src/a --name images
flip "repo/seg/$largest" 3000000
status "a scrub finds it" 1 vault verify repo --data
ok "the next generation reads the source anew" vault backup repo src/a --name images
rm -rf out
ok "and comes back whole" vault restore repo images --to out --key key
ok "as it was" diff -r src/a out/a
done_testing
