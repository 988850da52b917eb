# What the attacks share: . "$ATTACK/lib.sh". An attack is a script NN-name.sh with a head:
#
#   # who: client | network | disk | box | store      who attacks
#   # ja: ...   # en: ...                             what is tried
#   # needs: faketime s3                              skipped without
#
# It runs in a copy of the base (make_base) and says what it measured:
#
#   noticed WHERE COMMAND...   the attack is noticed if COMMAND succeeds; WHERE is shown in the table
#   must WHAT COMMAND...       something that has to work in spite of it; else the attack reached its aim
#   mustnt WHAT COMMAND...     something that has to be refused (status 1 to 99)
#   history [DIR]              read every generation of the base back with the recovery key: lost? altered?
#   leak FILE...               what the attacker got: does it show anything?
#   passive                    nothing was changed anywhere, so nothing can be noticed
#   verdict                    the end; without it the attack counts as not run
set -u
export LC_ALL=C.UTF-8 TZ=UTC
lost=0 altered=0 revealed=0 seen='' aim='' quiet=0 checked=0
url=mamori://127.0.0.1:$ATTACK_PORT/clinic
url_other=mamori://127.0.0.1:$ATTACK_PORT/other
server=
rogue=$MAMORI_BUILD/tests/rogue
age=$MAMORI_BUILD/tests/keep-age

# m STATE ARG...: the program with one machine's state
m() { "$MAMORI" --state "$1" --lang en "${@:2}"; }
json() { "$MAMORI" --state "$1" --json --lang en "${@:2}" 2>/dev/null; }
say() { printf '    %s\n' "$*" >&2; }

serve() { # [DIR]: srv
	rm -f ready
	${PRELOAD-} "$MAMORI_BUILD/daemon/mamori-vaultd/mamori-vaultd" --repo "${1-srv}" \
	    --listen "127.0.0.1:$ATTACK_PORT" --idle 60 >ready 2>>srv.log &
	server=$!
	wait_for 60 test -s ready || { say "the server did not start: $(tail -3 srv.log)"; return 1; }
}
halt() {
	[ -n "$server" ] || return 0
	kill "$server" 2>/dev/null
	wait "$server" 2>/dev/null
	server=
}
others=()
trap 'halt; [ ${#others[@]} = 0 ] || kill "${others[@]}" 2>/dev/null' EXIT
wait_for() { # SECONDS COMMAND...
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.05
	done
}
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
code() { "$MAMORI" --json vault serve --repo srv --code "$@" 2>/dev/null | jq -r .code; }

noticed() { # WHERE COMMAND...
	if "${@:2}" >noticed.out 2>&1; then
		seen=${seen:+$seen; }$1
	else
		say "not noticed by: $1: $(head -c 300 noticed.out)"
	fi
}
server_said() { wait_for 20 grep -qE -- "$1" srv.log; }
says() { # WORDS COMMAND...: the command refuses, in these words
	local words=$1 out rc
	shift
	out=$("$@" 2>&1)
	rc=$?
	[ $rc -ge 1 ] && [ $rc -le 99 ] && grep -qE -- "$words" <<<"$out" || { echo "status $rc: $out"; false; }
}
traces() { json "$1" vault verify "$2" | jq -e --arg w "$3" '.traces | any(test($w))'; }
fact_is() { # STATE CHECK OUTCOME
	json "$1" fact list | jq -e --arg c "$2" --arg o "$3" '[.facts[] | select(.check == $c)] | last | .outcome == $o'
}
must() { # WHAT COMMAND...
	"${@:2}" >must.out 2>&1 || { aim=${aim:+$aim; }$1; say "must: $1: $(tail -c 400 must.out)"; }
}
mustnt() { # WHAT COMMAND...
	local rc
	"${@:2}" >must.out 2>&1
	rc=$?
	[ $rc -ge 1 ] && [ $rc -le 99 ] || { aim=${aim:+$aim; }$1; say "must not: $1 (status $rc): $(tail -c 400 must.out)"; }
}
# nothing_taken WHAT ARG...: the rogue's trials are all refused
nothing_taken() { mustnt "$1" taken "${@:2}"; }
taken() { # for mustnt: 1 when nothing was taken
	local rc
	rm -rf forge
	"$rogue" client "$url" "$@" >rogue.out 2>&1
	rc=$?
	say "$(cat rogue.out)"
	case $rc in 0) return 1 ;; 1) return 0 ;; *) return 120 ;; esac
}

# one_back I FROM STATE: generation I of the base, compared with what it was
one_back() {
	local id rc
	id=$(sed -n "$1p" ids)
	rm -rf back
	m "$3" vault restore "$2" "$id" --to back --key key >back.out 2>&1
	rc=$?
	if [ $rc != 0 ] && [ ! -d back/src ]; then
		lost=$((lost + 1))
		say "generation $1 did not come back: $(tail -2 back.out)"
	elif ! diff -r "then/$1" back/src >diff.out 2>&1; then
		if grep -qE '^(Files|Binary files) .* differ|^[<>]' diff.out; then altered=$((altered + 1)); else lost=$((lost + 1)); fi
		say "generation $1 is another one: $(head -3 diff.out)"
	fi
	rm -rf back
}
history() { # [FROM [STATE]]
	local i
	for i in $(seq "$(wc -l <ids)"); do one_back "$i" "${1-$url}" "${2-reader}"; done
	checked=1
}
# What nobody may see: the marks stand in every file of the base.
leak() {
	local f
	for f in "$@"; do
		[ -e "$f" ] || continue
		if grep -rqa -e SECRET -e 髙橋 -e karte "$f"; then
			revealed=$((revealed + 1))
			say "shows content: $f"
		fi
	done
}
passive() { quiet=1; }
# verdict: to descriptor 3, for the board
verdict() {
	[ $checked = 1 ] || aim=${aim:+$aim; }'history was not looked at'
	printf '%s\037%s\037%s\037%s\037%s\037%s\n' "$lost" "$altered" "$revealed" "$quiet" "$seen" "$aim" >&3
}

# ---- the base: a server with two clinics, one of them with three generations ----

write_src() { # VERSION DIR
	local i
	mkdir -p "$2/追加 髙橋"
	for i in $(seq 24); do
		printf 'karte %s SECRET-%s 﨑 𠮷野 葛󠄀\n' "$i" "$1" >"$2/追加 髙橋/karte-$i.txt"
		seq "$((i * 100))" "$((i * 100 + 900))" >>"$2/追加 髙橋/karte-$i.txt"
	done
	printf 'v%s ' "$1" >>"$2/追加 髙橋/karte-$1.txt"
	[ -e "$2/image" ] || head -c 700000 /dev/urandom >"$2/image"
}
make_base() {
	local i
	mkdir src src2 stick
	write_src other src2
	serve || return 1
	code clinic >c1 && code clinic --role restore >c2 && code other >c3 &&
	    m client vault enrol "$url" --code-file c1 && m reader vault enrol "$url" --code-file c2 &&
	    m other vault enrol "$url_other" --code-file c3 &&
	    m client vault init "$url" --recovery-out key --lock-days 30 &&
	    m other vault init "$url_other" --recovery-out key-other --lock-days 30 || return 1
	for i in 1 2 3; do
		write_src $i src
		cp -a src "then.$i"
		json client vault backup "$url" src --name emr | jq -r .generation >>ids || return 1
	done
	mkdir then
	for i in 1 2 3; do mv "then.$i" "then/$i"; done
	m other vault backup "$url_other" src2 --name emr && m reader vault list "$url" || return 1
	halt
	m box fact add --check vault.scrub --subject vault:clinic --outcome pass &&
	    m box vault carry srv/clinic stick --label red || return 1
	rm -f c1 c2 c3 srv.log
}
