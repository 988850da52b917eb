#!/bin/bash
# Accounts at the machine itself: added, listed, reset, disabled; what stays behind in log and facts.
: "${MAMORI_SRC:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${MAMORI:=$MAMORI_SRC/build/mamori}"
. "$MAMORI_SRC/tests/tap.sh"
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
unset MAMORI_LANG
export MAMORI_STATE=$dir/state LANG=C.UTF-8
m() { "$MAMORI" "$@"; }
mj() { "$MAMORI" --json "$@" 2>/dev/null; }
get() { jq -r "$1"; }

status "no state: nothing to list" 3 m account list
status "a role is needed" 2 m account add incho
status "a role that is none" 2 m account add incho --role root
status "break-glass is nobody's role" 2 m account add incho --role glass
status "an inspector needs an end" 2 m account add tenken --role inspector
code=$(mj account add incho --role director --name '髙橋 𠮷野' | get .invite)
ok "an invitation comes out" grep -qE '^[0-9A-Z]{5}-[0-9A-Z]{5}$' <<<"$code"
status "not twice" 3 m account add INCHO --role staff
status "an inspector for a month" 0 m account add tenken --role inspector --days 30 --object '*'
is "both are listed" "$(mj account list | get '[.accounts[].login] | join(" ")')" "incho tenken"
is "the name is kept as typed" "$(mj account list | get '.accounts[0].name')" "髙橋 𠮷野"
again=$(mj account reset incho | get .invite)
ok "a reset gives another invitation" test "$again" != "$code" -a -n "$again"
status "nobody of that name" 3 m account reset nobody
status "disable" 0 m account disable tenken
is "is shown" "$(mj account list | get '.accounts[1].state')" disabled
status "enable" 0 m account enable tenken
status "the code for the envelope" 0 m account glass
is "the reset left a fact" "$(mj fact list --check identity.account.reset | get .count)" 1
is "who was reset" "$(mj fact list --check identity.account.reset | get '.facts[0].observed.login')" incho

mj identity check >check.json
is "unknown is not wrong" $? 0
is "every question is answered" "$(get '[.facts[].check] | sort | join(" ")' <check.json)" \
	"console.access.sealed identity.account.dormant identity.account.leaver identity.admin.list identity.glass.review identity.mfa.coverage identity.password.rule"
is "the access log holds" "$(get '.facts[] | select(.check == "console.access.sealed") | .outcome' <check.json)" pass
ok "entries were made for each change" test "$(get '.facts[] | select(.check == "console.access.sealed") | .observed.records' <check.json)" -ge 7
status "verify knows the log" 0 m verify
is "as one of its ledgers" "$(mj verify | get '[.ledgers[].kind] | sort | join(" ")')" "access facts"

ok "no code is kept in the clear" bash -c '! grep -qaF -e "$1" -e "$2" -r "$3"' - "$code" "$again" "$MAMORI_STATE"
flip "$MAMORI_STATE/access/log" 700
status "one changed byte in the log is found" 1 m verify
status "and by the daily check" 1 m identity check
is "as a failed fact" "$(mj fact list --check console.access.sealed --newest | get '.facts[0].outcome')" fail
done_testing
