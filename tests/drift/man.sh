# mamori(1) and the program say the same: every command is in the page, every command of the page is in the program, and
# every option a usage line shows is in the page.
. "$MAMORI_SRC/tests/tap.sh"
page=$MAMORI_SRC/man/mamori.1
export MAMORI_STATE=$PWD/state

"$MAMORI" --lang en --help >help 2>&1
is "help is a success" $? 0
commands=$(sed -nE 's/^  ([a-z]+) +[^ -].*/\1/p' help)
ok "help lists commands" test -n "$commands"

# text: the page as plain words.
mandoc -Tascii "$page" 2>/dev/null | sed 's/.\x08//g' >text || skip_all "mandoc is not installed"
for c in $commands; do
	ok "mamori(1) describes $c" grep -qE "^\.(It )?Ic $c( |\$)" "$page"
	"$MAMORI" --lang en "$c" --help >usage 2>&1
	is "$c --help is a success" $? 0
	# A command with commands of its own lists their usage when asked without one; in a place of its own, because some
	# commands need nothing else to start working.
	if grep -qE "usage: mamori $c [a-z]+\|" usage; then "$MAMORI" --lang en "$c" >>usage 2>&1; fi
	for o in $(grep -oE -- '--[a-z][a-z-]+' usage | sort -u); do
		ok "mamori(1) knows $c $o" grep -q -- "$o" text
	done
done
for c in $(sed -nE 's/^\.(It )?Ic ([a-z]+).*/\2/p' "$page" | sort -u); do
	ok "the program knows $c" grep -qx "$c" <<<"$commands"
done
for o in $(grep -oE -- '^ +--[a-z]+' help | tr -d ' '); do
	ok "mamori(1) knows $o" grep -q -- "$o" text
done
done_testing
