# timeout: 300
# heavy
# The order of commit, dedup and removal, as a model in which SPIN tries every interleaving; and the same model with one
# rule left out at a time, which SPIN must find.
. "$MAMORI_SRC/tests/tap.sh"
command -v spin >/dev/null || skip_all "spin is not installed"
command -v gcc >/dev/null || skip_all "gcc is not installed"

# run NAME DEFINES...: the verifier's report of the model.
run() {
	local name=$1
	shift
	mkdir "$name" && cd "$name" || exit 1
	spin -a "$@" "$MAMORI_SRC/tests/model/keep.pml" >spin.out 2>&1 &&
	    gcc -O2 -w -DSAFETY -DMEMLIM=1024 -DVECTORSZ=2048 -o pan pan.c >gcc.out 2>&1 &&
	    ./pan -m20000 >pan.out 2>&1
	cd .. || exit 1
	[ -s "$name/pan.out" ]
}
errors() { sed -nE 's/.*errors: ([0-9]+).*/\1/p' "$1/pan.out"; }

ok "the model can be run" run right
is "no generation loses a segment, no lock becomes shorter" "$(errors right)" 0
ok "every state was looked at" grep -q "Full statespace search" right/pan.out
no "and none was left out" grep -qE "max search depth too small|out of memory" right/pan.out
sed -nE 's/^ *([0-9.e+]+) states, stored.*/# states: \1/p' right/pan.out
for rule in CHECK ORDER HOLD LEASE; do
	ok "the model without one rule ($rule) can be run" run "$rule" "-DBROKEN_$rule"
	is "and SPIN finds what that breaks" "$(errors "$rule")" 1
done
done_testing
