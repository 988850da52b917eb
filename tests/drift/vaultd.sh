#!/bin/bash
# mamori-vaultd(8) and its options say the same; so do the protocol's page and the verbs.
. "$MAMORI_SRC/tests/tap.sh"
vaultd=$MAMORI_BUILD/daemon/mamori-vaultd/mamori-vaultd
page=$MAMORI_SRC/man/mamori-vaultd.8
[ -x "$vaultd" ] || skip_all "mamori-vaultd was not built"
"$vaultd" --help >help
for o in $(grep -oE -- '--[a-z]+' help | sort -u) --version --help; do
	ok "mamori-vaultd(8) knows $o" grep -q "^\.It Fl -${o#--}" "$page"
done
for o in $(sed -nE 's/^\.It Fl -([a-z]+).*/\1/p' "$page"); do
	case $o in help | version) continue ;; esac
	ok "mamori-vaultd knows --$o" grep -q -- "--$o" help
done
verbs=$(sed -nE 's/^\tWIRE_([A-Z]+) = ([0-9]+),.*/\2 \1/p' "$MAMORI_SRC/engine/vault/wire.h" | awk '$1 < 64 && $2 != "VERSION" && $2 != "HEAD"')
ok "there are verbs" test -n "$verbs"
while read -r n v; do
	ok "the page of the protocol has $n $v" grep -qE "^\|.*\b$n $v\b" "$MAMORI_SRC/ARCHITECTURE.md"
done <<<"$verbs"
no() { ! grep -qE "WIRE_(DELETE|REMOVE|REPLACE|RENAME|TRUNCATE|TIME|SET)" "$MAMORI_SRC/engine/vault/wire.h"; }
ok "no verb deletes, replaces, renames, shortens or sets a time" no
done_testing
