# timeout: 900
# heavy
# The attack board (make attack): each attack of tests/attack, what it cost, and whether it was noticed; and that the board
# itself sees a loss, a change, a leak and silence when there is one.
. "$MAMORI_SRC/tests/tap.sh"
[ -x "$MAMORI_BUILD/tests/rogue" ] || skip_all "the attacker was not built"
board() { "$MAMORI_SRC/tests/attack/run" --build "$MAMORI_BUILD" "$@" 2>>board.err; }

board --no-s3 --scripts "$MAMORI_SRC/tests/attack/control" >control
row() { grep -A1 "^FAILED $1 " control | tail -1; }
is "every control fails" "$(tail -1 control | sed 's/,[^,]*$//')" "6 attacks, 6 failed"
ok "a loss is seen" grep -q 'lost YES (3), altered no, revealed no' <(row 01)
ok "a change is seen" grep -q 'lost no, altered YES (1), revealed no' <(row 02)
ok "a leak is seen" grep -q 'lost no, altered no, revealed YES' <(row 03)
ok "silence is seen" grep -q 'not noticed' <(row 04)
ok "a reached aim is seen" grep -q 'a client lists its own vault' <(row 05)
ok "a script that breaks off is seen" grep -q 'did not come to its end' <(row 06)

board --tap >board
while IFS= read -r line; do
	what=${line#* - }
	case $line in
	*'# SKIP'*) skip "${what%% # SKIP*}" "${what##*# SKIP }" ;;
	'ok '*) tap_result 0 "$what" ;;
	'not ok '*) tap_result 1 "$what" "$(cat board.err)" ;;
	esac
done <board
is "each attack has its line" "$(grep -c '^ok\|^not ok' board)" "$(ls "$MAMORI_SRC"/tests/attack/[0-9][0-9]-*.sh | wc -l)"
done_testing
