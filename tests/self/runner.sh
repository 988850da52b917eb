# The counter of tests must itself be able to say no: each way in which a test can go wrong.
. "$MAMORI_SRC/tests/tap.sh"
run=$MAMORI_SRC/tests/run

mkdir -p b/tests s/scenario
: >b/tests/list
# prog NAME: a test program made of the lines on stdin.
prog() {
	{
		echo '#!/bin/bash'
		cat
	} >"b/tests/t-$1"
	chmod +x "b/tests/t-$1"
	echo "unit $1" >>b/tests/list
}
# last [ARG...]: status and closing line of a run.
last() {
	"$run" --build b --scripts "$PWD/s" --jobs 2 "$@" >out 2>&1
	echo "$? $(tail -1 out)"
}

is "nothing to run is a failure" "$(last)" "1 0 passed, 0 failed, 0 skipped"
is "no build directory is a failure" "$("$run" --build nowhere 2>/dev/null | tail -1)" "0 passed, 1 failed, 0 skipped"

prog good <<'X'
printf 'ok 1 - a\nok 2 - b\n1..2\n'
X
prog skips <<'X'
printf 'ok 1 - a\nok 2 # SKIP no hardware\n1..2\n'
X
prog skips-all <<'X'
echo '1..0 # SKIP not here'
X
is "passing and skipping" "$(last)" "0 3 passed, 0 failed, 2 skipped"
is "only skipped is not a pass" "$(last skips-all)" "1 0 passed, 0 failed, 1 skipped"

prog failing <<'X'
printf 'ok 1 - a\nnot ok 2 - the reason\n# it was 5\n1..2\n'; exit 1
X
prog failing-quietly <<'X'
printf 'ok 1 - a\nnot ok 2 - b\n1..2\n'; exit 0
X
prog dying <<'X'
echo 'ok 1 - a'; kill -SEGV $$
X
prog dying-after-plan <<'X'
printf 'ok 1 - a\n1..1\n'; kill -ABRT $$
X
prog planless <<'X'
echo 'ok 1 - a'
X
prog short <<'X'
printf 'ok 1 - a\n1..2\n'
X
prog silent <<'X'
true
X
prog status-only <<'X'
printf 'ok 1 - a\n1..1\n'; exit 3
X
prog slow <<'X'
echo 'ok 1 - a'; sleep 30; echo '1..1'
X
is "not ok" "$(last failing)" "1 1 passed, 1 failed, 0 skipped"
ok "the failing line is shown" grep -q 'not ok 2 - the reason' out
ok "its explanation is shown" grep -q 'it was 5' out
is "not ok, though the program says all is well" "$(last failing-quietly)" "1 1 passed, 1 failed, 0 skipped"
is "dying by a signal without a plan" "$(last dying)" "1 1 passed, 2 failed, 0 skipped"
is "dying by a signal after the plan" "$(last dying-after-plan)" "1 1 passed, 1 failed, 0 skipped"
is "no plan" "$(last planless)" "1 1 passed, 1 failed, 0 skipped"
is "fewer results than planned" "$(last short)" "1 1 passed, 1 failed, 0 skipped"
is "no output at all" "$(last silent)" "1 0 passed, 1 failed, 0 skipped"
is "a bad exit status alone" "$(last status-only)" "1 1 passed, 1 failed, 0 skipped"
is "a hanging test is ended and counted" "$(last --timeout 1 slow)" "1 1 passed, 2 failed, 0 skipped"
echo "unit not-there" >>b/tests/list
is "a program that is not there" "$(last not-there)" "1 0 passed, 2 failed, 0 skipped"

cat >s/scenario/own.sh <<'X'
# timeout: 20
[ "$PWD" = "$TMPDIR" ] && [ -z "$(ls -A)" ] || echo "not ok 1 - a fresh place"
echo "ok 1 - in $PWD"; (sleep 100 &) ; echo 1..1
X
is "a scenario runs in its own empty directory" "$(last --kind scenario)" "0 1 passed, 0 failed, 0 skipped"
ok "what it left running was ended" grep -q 'left processes behind' out
ok "its directory is gone" test ! -e "$(sed -n 's/^ok 1 - in //p' out)"
is "all of them" "$(last --timeout 6)" "1 12 passed, 13 failed, 2 skipped"
done_testing
