# TAP for scenario scripts: . "$MAMORI_SRC/tests/tap.sh"
#
#   ok "what" COMMAND...     passes when COMMAND succeeds; shows its output when not
#   no "what" COMMAND...     passes when COMMAND fails with an ordinary status (1 to 99)
#   is "what" GOT EXPECTED   passes when the two strings are equal
#   status "what" N COMMAND  passes when COMMAND exits with exactly N
#   skip "what" "why"        counts as skipped
#   skip_all "why"           ends the script, counted as one skipped
#   done_testing             the plan; without it the script counts as failed
tap_n=0 tap_bad=0
# shellcheck disable=SC2120
tap_result() {
	tap_n=$((tap_n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $tap_n - $2"
	else
		tap_bad=$((tap_bad + 1))
		echo "not ok $tap_n - $2"
		[ -z "${3-}" ] || printf '%s\n' "$3" | sed 's/^/#   /'
	fi
	return 0
}
ok() {
	local what=$1 out rc
	shift
	out=$("$@" 2>&1)
	rc=$?
	tap_result $rc "$what" "exit status $rc: $*
$out"
}
no() {
	local what=$1 out rc
	shift
	out=$("$@" 2>&1)
	rc=$?
	tap_result $([ $rc -ge 1 ] && [ $rc -le 99 ]; echo $?) "$what" "exit status $rc: $*
$out"
}
is() {
	tap_result "$([ "$2" = "$3" ]; echo $?)" "$1" "got:      $2
expected: $3"
}
status() {
	local what=$1 want=$2 out rc
	shift 2
	out=$("$@" 2>&1)
	rc=$?
	tap_result "$([ $rc = "$want" ]; echo $?)" "$what" "exit status $rc instead of $want: $*
$out"
}
skip() {
	tap_n=$((tap_n + 1))
	echo "ok $tap_n - $1 # SKIP $2"
}
skip_all() {
	echo "1..0 # SKIP $1"
	exit 0
}
flip() { # FILE OFFSET: another byte there, whatever was there
	local b
	b=$(od -An -tu1 -j "$2" -N 1 "$1" | tr -d ' ')
	chmod u+w "$1"
	printf "\\x$(printf %x $(((b + 1) % 256)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
done_testing() {
	echo "1..$tap_n"
	[ $tap_bad = 0 ]
}
