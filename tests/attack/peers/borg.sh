# borg beside the board: see ../peers.sh. srv/clinic and srv/other are the repositories of two clinics on one server.
export BORG_PASSPHRASE=p1 BORG_RSH=$ATTACK/peers/forced.sh BORG_SERVED=srv/clinic BORG_RELOCATED_REPO_ACCESS_IS_OK=no
export BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=no BORG_DELETE_I_KNOW_WHAT_I_AM_DOING=YES BORG_CHECK_I_KNOW_WHAT_I_AM_DOING=YES
R=ssh://peer/./srv/clinic
b() { t 90 env BORG_BASE_DIR="$PWD/home-client" borg "$@"; }                                            # the client
adm() { t 120 env BORG_BASE_DIR="$PWD/home-admin" BORG_RELOCATED_REPO_ACCESS_IS_OK=yes borg "$@"; }     # on the server
backup() { b create -C zstd,3 "$@" src; }
borg_back() {
	local d=$PWD
	(cd back && t 90 env BORG_BASE_DIR="$d/home-admin" BORG_RELOCATED_REPO_ACCESS_IS_OK=yes borg extract "$d/srv/clinic::g$1")
}

borg_base() {
	local i
	mkdir -p srv then
	need "a repository" b init -e repokey $R
	need "another" t 90 env BORG_SERVED=srv/other BORG_PASSPHRASE=p2 BORG_BASE_DIR="$PWD/home-other" borg init -e repokey ssh://peer/./srv/other
	for i in 1 2 3; do
		write_src $i
		need "generation $i" backup --timestamp "$(day "$((i - 4)) days" '%FT12:00:00')" "$R::g$i"
		cp -a src "then/$i"
	done
	need "of the other clinic" t 90 env BORG_SERVED=srv/other BORG_PASSPHRASE=p2 BORG_BASE_DIR="$PWD/home-other" borg create ssh://peer/./srv/other::o then/1
	need "the admin has looked at it" adm list srv/clinic
	need "a copy of the key in the safe" adm key export srv/clinic exported
}
segments() { find srv/clinic/data -type f | sed 's,.*/,,' | sort -n; }
# undo: the admin's way back under append-only, as borg's manual has it: the segments after LAST are taken away by hand
undo() { # LAST
	local s
	for s in $(segments); do [ "$s" -le "$1" ] || find srv/clinic/data -name "$s" -delete; done
	rm -f srv/clinic/hints.* srv/clinic/index.* srv/clinic/integrity.*
	rm -rf home-admin
}
deletes() {
	last=$(segments | tail -1)
	need "borg delete is answered" b delete $R::g1 g2 g3
	answer "the client's own compact is answered" b compact --threshold 0 $R
}
borg_delete() {
	deletes
	noticed "next backup" fails backup $R::g4
	noticed "check" fails adm check srv/clinic
	history
	note "marked as deleted"
	local gone=$lost
	again
	undo "$last"
	history
	note "after the admin noticed by himself and took back the transactions by hand: lost $lost"
	lost=$gone
}
borg_delete_routine() {
	deletes
	need "the routine" adm compact --threshold 0 srv/clinic
	noticed "check" fails adm check srv/clinic
	noticed "next backup" fails backup $R::g4
	history
	local gone=$lost
	again
	undo "$last"
	history
	note "taking back by hand no longer helps: lost $lost"
	lost=$gone
}
fakes() { # TIME...
	local w n=0
	fake_src
	for w in "$@"; do
		n=$((n + 1))
		need "a generation of $w" backup --timestamp "$w" "$R::f$n"
	done
	rm -rf src && mv honest src
}
after_fakes() { # POLICY...
	need "the routine" adm prune "$@" srv/clinic
	need "compact" adm compact srv/clinic
	noticed "check" fails adm check srv/clinic
	noticed "next backup" fails backup $R::g4
	history
}
borg_future() {
	local i w=()
	for i in $(seq 12); do w+=("$(day "+$i days" '%FT12:00:00')"); done
	fakes "${w[@]}"
	after_fakes --keep-last 3 --keep-daily 7
}
borg_backdated() {
	fakes "$(day '-1 days' '%FT23:59:00')" "$(day '-2 days' '%FT23:59:00')" "$(day '-3 days' '%FT23:59:00')"
	after_fakes --keep-daily 7
}
borg_within() {
	fakes 2126-01-01T00:00:00
	after_fakes --keep-within 30d
}
borg_ransom() {
	local i f
	for i in 1 2 3; do
		for f in src/*; do head -c 20000 /dev/urandom >"$f"; done
		noticed "client's backup" fails backup "$R::r$i"
	done
	need "the routine" adm prune --keep-last 3 srv/clinic
	need "compact" adm compact srv/clinic
	noticed "check" fails adm check srv/clinic
	history
}
borg_quota() {
	local i
	export BORG_SERVE_MORE='--storage-quota 10M'
	for i in $(seq 16); do
		head -c 1000000 /dev/urandom >src/junk
		backup "$R::j$i" || break
	done
	need "the quota is used up" test "$i" -lt 16
	noticed "client's exit status" grep -qi 'quota.*exceeded' t.out
	rm src/junk
	answer "this client's own next backup" backup $R::g4
	unset BORG_SERVE_MORE
	answer "the other clinic goes on" t 90 env BORG_SERVED=srv/other BORG_PASSPHRASE=p2 BORG_BASE_DIR="$PWD/home-other" borg create ssh://peer/./srv/other::o2 src
	history
	noticed "check" fails adm check srv/clinic
}
borg_overwrite() {
	last=$(segments | tail -1)
	need "the raw client ran" t 90 env BORG_BASE_DIR="$PWD/home-client" /usr/bin/python3 "$ATTACK/peers/borgput.py" "$R"
	note "$(tail -1 t.out)"
	noticed "check" fails adm check srv/clinic
	noticed "check --verify-data" fails adm check --verify-data srv/clinic
	noticed "next backup" fails backup $R::g4
	history
	local gone=$lost
	again
	undo "$last"
	history
	note "after taking back the transactions by hand: lost $lost"
	lost=$gone
}
borg_read() {
	local i d=$PWD
	for i in 1 2 3; do
		mkdir -p "haul/$i"
		(cd "haul/$i" && t 90 env BORG_BASE_DIR="$d/home-client" BORG_ROOT="$d" borg extract "$R::g$i")
	done
	marks haul
	note "the client holds the key of all generations; borg keeps no log of reading"
	history
}
borg_other() {
	answer "read" t 60 env BORG_PASSPHRASE=p2 BORG_BASE_DIR="$PWD/home-thief" borg list ssh://peer/./srv/other
	note "told to the attacker: $(grep -oi 'repository path not allowed' t.out)"
	mkdir haul && cp t.out haul
	marks haul
	history
}
borg_key() {
	answer "passphrase changed through append-only" t 90 env BORG_BASE_DIR="$PWD/home-client" BORG_NEW_PASSPHRASE=p3 borg key change-passphrase $R
	noticed "next backup" fails backup $R::g4
	noticed "check" fails adm check srv/clinic
	history
	local gone=$lost
	again
	need "key import" adm key import srv/clinic exported
	history
	note "with an exported key put back: lost $lost"
	lost=$gone
}
borg_lock() {
	BORG_BASE_DIR=$PWD/home-client borg with-lock $R sleep 300 >lock.out 2>&1 &
	others+=($!)
	need "a lock lies there" wait_for 60 test -e srv/clinic/lock.exclusive
	noticed "next backup (refused: locked)" fails t 90 env BORG_BASE_DIR="$PWD/home-second" BORG_RELOCATED_REPO_ACCESS_IS_OK=yes borg create $R::s1 src
	note "another client's backup is blocked as long as the connection is held"
	kill -9 "${others[0]}" "$(pgrep -P "${others[0]}" sleep)"
	wait "${others[0]}" 2>/dev/null
	others=()
	answer "backup after the attacker was killed" t 90 env BORG_BASE_DIR="$PWD/home-second" BORG_RELOCATED_REPO_ACCESS_IS_OK=yes borg create --lock-wait 10 $R::s2 src
	adm break-lock srv/clinic
	history
}
borg_rollback() {
	cp -a srv image
	echo four >src/four.txt
	need "a fourth generation" backup $R::g4
	cp -a src then/4
	rm -rf srv && mv image srv
	noticed "client's next backup" fails backup $R::g5
	noticed "check on the server" fails adm check srv/clinic
	history
}
borg_newest() {
	cp -a srv before
	echo four >src/four.txt
	last=$(segments | tail -1)
	need "a fourth generation" backup $R::g4
	cp -a src then/4
	need "the admin has seen it" adm list srv/clinic
	local s
	for s in $(segments); do [ "$s" -le "$last" ] || find srv/clinic/data -name "$s" -delete; done
	rm -f srv/clinic/hints.* srv/clinic/index.* srv/clinic/integrity.*
	noticed "client's next backup" fails backup $R::g5
	noticed "check on the server" fails adm check srv/clinic
	history
}
borg_flip() {
	local f
	for f in $(find srv/clinic/data -type f -size +40k); do printf UUUU | dd of="$f" bs=1 seek=20000 conv=notrunc status=none; done
	noticed "client's next backup" fails backup $R::g4
	noticed "check" fails adm check srv/clinic
	noticed "check --verify-data" fails adm check --verify-data srv/clinic
	history
	note "the restore ends with an error; wrong or incomplete files lying there: $wrong"
}
borg_index() {
	local f
	for f in srv/clinic/index.*; do truncate -s "$(($(stat -c %s "$f") / 2))" "$f"; done
	noticed "client's next backup" fails backup $R::g4
	noticed "words of the client's backup" grep -qiE 'integrity|corrupt|index' t.out
	noticed "check" fails adm check srv/clinic
	history
	note "borg makes its index anew from the segments"
}
borg_disk() {
	cp -a srv stolen
	marks stolen
	answer "told apart as borg by its README" grep -q 'Borg' stolen/clinic/README
	note "clinics by name: $(ls stolen | tr '\n' ' ')(stored size and time of each transaction can be seen); the wrapped key lies on the disk (repokey)"
	quiet=1
	history
}
