#!/bin/bash
# The attacks beside restic and borg: run by `tests/attack/run --peers`, which measures Mamori's rows before (file ROWS).
#
#   peers.sh ROWS          the table; evidence (each command, its status, its words) goes to $PEERS_LOG
#                          (PEERS_ONLY: some rows by their names)
#   peers.sh --one TOOL F  one attack in the directory it stands in; its verdict to descriptor 3
#
# restic speaks to `rclone serve restic --append-only --private-repos`, borg to `borg serve --append-only
# --restrict-to-repository`, as a forced command of sshd would start it, over a pipe. Both have three generations of three
# days, a client that holds its keys (there is no other way), and an admin on the server who looks after the repository
# with `check`, `forget`/`prune` and `compact`. An attack is a function restic_NAME and borg_NAME in peers/; what it says:
#
#   noticed WHERE COMMAND...   COMMAND (of an honest party) fails, or succeeds in finding; WHERE is shown
#   note WORDS                 what was observed beside the verdict
#   need WHAT COMMAND...       what the attack itself needs to have happened; else the row is not decided
#   history                    every generation read back by the admin with the key: lost? altered?
#
# The verdict is the state after the attack and the routine; what the admin can mend by hand stands beside it as a note.
# A command that does not end in its time is killed, and the row is not decided by it.
set -u
export LC_ALL=C.UTF-8 TZ=UTC
lost=0 altered=0 revealed=0 wrong=0 seen='' notes='' quiet=0 undecided='' checked=0
others=() mounted=''
end_one() {
	[ ${#others[@]} = 0 ] || { kill -CONT "${others[@]}"; kill -9 "${others[@]}"; wait "${others[@]}"; } 2>/dev/null
	[ -z "$mounted" ] || umount "$mounted"
}

# t SECONDS COMMAND...: with evidence; a command killed for its time leaves the row undecided
t() {
	local rc
	timeout -k 5 "$1" "${@:2}" >t.out 2>&1 </dev/null
	rc=$?
	{
		printf '    $'
		printf ' %s' "${@:2}"
		printf '\n      status %s\n' $rc
		tail -n 4 t.out | cut -c1-300 | sed 's/^/      | /'
	} >>"$PEERS_LOG"
	case $rc in 124 | 137) undecided=${undecided:+$undecided; }"${*:2:3}... did not end in $1 s" ;; esac
	return $rc
}
evidence() { printf '    # %s\n' "$*" >>"$PEERS_LOG"; }
noticed() { # WHERE COMMAND...
	"${@:2}" && { seen=${seen:+$seen; }$1 && evidence "noticed by $1"; } || evidence "not noticed by $1"
}
# fails COMMAND...: it ends, with a status that says so
fails() {
	local rc
	"$@"
	rc=$?
	[ $rc -ge 1 ] && [ $rc -lt 124 ]
}
need() { "${@:2}" || { undecided=${undecided:+$undecided; }$1; evidence "needed: $1"; }; }
note() { notes=${notes:+$notes; }$* && evidence "$*"; }
answer() { "${@:2}" && note "$1: yes" || note "$1: no"; }
wait_for() { # SECONDS COMMAND...
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.05
	done
}
day() { date -u -d "$DAY0 $1" "+$2"; } # day '+3 days' FORMAT
# judge N STATUS: generation N, read back to back/src with STATUS
judge() {
	local f
	if [ "$2" != 0 ]; then # what came back beside the error: are its bytes right?
		lost=$((lost + 1))
		while IFS= read -r f; do
			cmp -s "back/src/$f" "then/$1/$f" || { wrong=$((wrong + 1)) && evidence "generation $1 came back with an error, and $f differs"; }
		done < <([ ! -d back/src ] || (cd back/src && find . -type f))
	elif ! diff -r "then/$1" back/src >diff.out 2>&1; then
		altered=$((altered + 1))
		evidence "generation $1 differs: $(head -c 200 diff.out)"
	fi
	rm -rf back
}
# marks FILE...: how many of the three generations can be told from it
marks() {
	local i n=0
	for i in 1 2 3; do grep -rqa "SECRET-$i" "$@" && n=$((n + 1)); done
	revealed=$((revealed + n))
}
history() { # [NAME]: all that is in then/
	local i
	for i in $(cd then && ls); do
		rm -rf back && mkdir back
		"${tool}_back" "$i"
		judge "$i" $?
	done
	evidence "history: lost $lost, altered $altered of $(cd then && ls | wc -l)"
	total=$(cd then && ls | wc -l)
	checked=1
}
again() { lost=0 altered=0 checked=0; } # history will be read a second time
write_src() { # VERSION
	local i
	mkdir -p src
	for i in 1 2 3 4 5 6; do { echo "karte $i SECRET-$1" && seq "$((i * 100))" "$((i * 100 + 900))"; } >"src/karte-$i.txt"; done
	[ -e src/image ] || head -c 300000 /dev/urandom >src/image
}
fake_src() { mv src honest && mkdir src && echo nothing >src/nothing; } # a path of the same name with nothing in it

if [ "${1-}" = --one ]; then
	tool=$2
	. "$ATTACK/peers/$tool.sh"
	trap end_one EXIT
	total=3
	"${tool}_$3"
	[ $checked = 1 ] || [ "$3" = base ] || undecided=${undecided:+$undecided; }'history was not looked at'
	printf '%s\037%s\037%s\037%s\037%s\037%s\037%s\037%s\n' $lost $altered $revealed $quiet "$seen" "$notes" "$undecided" "$total" >&3
	exit 0
fi

rows=$1
# name | Mamori's rows | who | what
attacks='
delete|01|client|every generation deleted with the client'"'"'s login
delete_routine|01 10|client|the same, then the admin'"'"'s routine on the server
future|05 04|client|12 empty generations from the next 12 days, then the routine (last 3, daily 7)
backdated|03|client|an empty generation late on each of the last 3 days, then the routine (daily 7)
within|04|client|one empty generation from the year 2126, then the routine (within 30 days)
ransom|16|client|three backups of encrypted files, then the routine (last 3)
quota|06|client|all space filled
overwrite|02|client|stored objects sent again with other bytes
read|13|client|history read with what the client holds
other|14|client|another client'"'"'s repository read and written
key|12|client|key or passphrase replaced
lock|18|client|a lock, or a connection, left open
rollback|24|box|the repository put back from an older image
newest|26|box|the end of history taken away
flip|31 29|box|bytes flipped in stored content
index|26 29|box|an index file cut off
disk|33 30|disk|the server'"'"'s disk copied'
routine='restic `check`, `forget --keep-… --prune`; borg `check`, `prune`, `compact`'

say_cell() { # LOST ALTERED REVEALED QUIET SEEN NOTES UNDECIDED TOTAL
	[ -n "$1" ] || { echo '*not decided*: it did not come to its end'; return; }
	[ -z "$7" ] || { echo "*not decided*: $7${6:+; $6}"; return; }
	local c
	[ "$1" = 0 ] && c='lost no' || c="**lost $1 of $8**"
	[ "$2" = 0 ] && c="$c, altered no" || c="$c, **altered $2**"
	[ "$3" = 0 ] && c="$c, revealed no" || c="$c, **revealed $3**"
	if [ "$4" = 1 ] && [ "${5:-(only looking)}" = '(only looking)' ]; then
		c="$c; (only looking)"
	elif [ -n "$5" ]; then
		c="$c; noticed: $5"
	else
		c="$c; **not noticed**"
	fi
	echo "$c${6:+. $6}"
}
# mamori NN...: what the board measured in the same run
mamori() {
	local n l a r q s aim c=''
	for n in "$@"; do
		IFS=$'\037' read -r l a r q s aim < <(sed -n "s/^$n //p" "$rows")
		[ -n "${l-}" ] && [ "$l" != '?' ] || { c="${c:+$c<br>}$n: *not decided*"; continue; }
		c="${c:+$c<br>}$n: $(say_cell "$l" "$a" "$r" "$q" "$s" "$aim" '' '')"
	done
	sed 's/ of \*\*/**/g' <<<"$c"
}
cd "$PEERS_WORK" || exit 3
DAY0=$(date -u +%F) export DAY0
run_one() { # TOOL NAME: the verdict, in $PEERS_WORK/verdict
	{ # always in the same directory: both tools tell generations of different paths apart
		rm -rf now
		if [ "$2" = base ]; then mkdir now; else cp -a "base-$1" now; fi
		printf '== %s: %s\n' "$1" "$2" >>"$PEERS_LOG"
		(cd now && exec timeout -k 10 400 bash "$ATTACK/peers.sh" --one "$1" "$2") 3>verdict >one.out 2>&1 </dev/null
		sed 's/^/    ! /' one.out | tail -n 5 >>"$PEERS_LOG"
	}
}
cell() { # TOOL NAME
	local l='' a r q s n u tot
	[ -d "base-$1" ] || { echo "*skipped*: $(cat "skip-$1")"; return; }
	run_one "$1" "$2"
	IFS=$'\037' read -r l a r q s n u tot <verdict
	say_cell "${l-}" "${a-}" "${r-}" "${q-}" "${s-}" "${n-}" "${u-}" "${tot-}"
}
lacks() { local c; for c in "${@:2}"; do command -v "$c" >/dev/null || { echo "$c is not installed" >"skip-$1"; return 0; }; done; return 1; }
for tool in restic borg; do
	[ $tool = restic ] && lacks restic restic rclone curl && continue
	[ $tool = borg ] && lacks borg borg python3 && continue
	run_one $tool base
	IFS=$'\037' read -r _ _ _ _ _ _ undecided _ <verdict
	[ -s verdict ] && [ -z "$undecided" ] && mv now base-$tool || { echo "its base could not be made: $undecided" >skip-$tool; cat one.out >&2; }
done
version() { command -v "$1" >/dev/null && "$@" 2>&1 | head -1 | cut -d' ' -f1,2 || echo "no $1"; }
n=0
printf 'restic: %s, %s. borg: %s. Routine: %s\n\n' "$(version restic version)" "$(version rclone version)" "$(version borg --version)" "$routine"
printf '%s\n%s\n' '| who | attack | restic, `rclone serve restic --append-only` | `borg serve --append-only` | Mamori: row of the board |' '|---|---|---|---|---|'
while IFS='|' read -r name ours who what; do
	[ -n "$name" ] || continue
	[ -z "${PEERS_ONLY-}" ] || [[ " $PEERS_ONLY " == *" $name "* ]] || continue
	n=$((n + 1))
	# shellcheck disable=SC2086
	printf '| %s | %s | %s | %s | %s |\n' "$who" "$what" "$(cell restic "$name")" "$(cell borg "$name")" "$(mamori $ours)"
done <<<"$attacks"
rm -rf now
printf '\n%s attacks\n' $n
