#!/bin/bash
# mamorid(8), its options, its socket methods and its regular jobs say the same.
. "$MAMORI_SRC/tests/tap.sh"
mamorid=$MAMORI_BUILD/daemon/mamorid/mamorid
page=$MAMORI_SRC/man/mamorid.8
[ -x "$mamorid" ] || skip_all "mamorid was not built"
"$mamorid" --help >help
for o in $(grep -oE -- '--[a-z]+' help | sort -u); do
	ok "mamorid(8) knows $o" grep -q "^\.It Fl -${o#--}" "$page"
done
for o in $(sed -nE 's/^\.It Fl -([a-z]+).*/\1/p' "$page"); do
	[ "$o" = help ] || ok "mamorid knows --$o" grep -q -- "--$o" help
done
methods=$(sed -nE 's/^\t\{"([a-z.]+)", CHAN_.*/\1/p' "$MAMORI_SRC/daemon/mamorid/handlers.c")
ok "there are methods" test -n "$methods"
for m in $methods; do
	ok "mamorid(8) knows the method $m" grep -qE "^\.It Cm (.*, )?$m( |\$)" "$page"
done
for k in backup drill-files drill-system verify verify-deep identity-check guide-check register-check disk-check vault-clock; do
	ok "mamorid(8) knows the job $k" grep -qE "^\.It $k Ta" "$page"
	when=$(sed -nE "s/^\.It $k Ta ([^T]*) Ta.*/\1/p" "$page")
	ok "at the time the program plans: $when" grep -q "\"$when\"" "$MAMORI_SRC/daemon/mamorid/sched.c" "$MAMORI_SRC/daemon/mamorid/jobs.c"
done
done_testing
