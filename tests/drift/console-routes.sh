#!/bin/bash
# Each row of the console's route table has a line in tests/matrix that says what each role gets, and the other way round.
. "$MAMORI_SRC/tests/tap.sh"
mamorid=$MAMORI_BUILD/daemon/mamorid/mamorid
[ -x "$mamorid" ] || skip_all "mamorid was not built"
"$mamorid" --routes | while read -r methods path; do
	for m in ${methods//,/ }; do echo "$m $path"; done
done | sort >program
awk '/^[A-Z]/ { print $1, $2 }' "$MAMORI_SRC"/tests/matrix/pages.txt "$MAMORI_SRC"/tests/matrix/api.txt | sort >table
ok "the program has rows" test "$(wc -l <program)" -gt 100
is "rows without a line in tests/matrix/pages.txt or api.txt" "$(comm -23 program table)" ""
is "lines of rows that are gone" "$(comm -13 program table)" ""
is "lines that stand there twice" "$(uniq -d table)" ""
# a line of pages.txt: ten verdicts, of api.txt: six
is "lines without all verdicts" "$(awk '/^[A-Z]/ && NF != 12' "$MAMORI_SRC/tests/matrix/pages.txt"
	awk '/^[A-Z]/ && NF != 8' "$MAMORI_SRC/tests/matrix/api.txt")" ""
done_testing
