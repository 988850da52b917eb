# restic beside the board: see ../peers.sh. srv/clinic and srv/other are the repositories of two clinics on one server.
export RESTIC_PASSWORD_FILE=$PWD/pw RCLONE_CONFIG=$PWD/rclone.conf
at=127.0.0.1:$PEERS_PORT
r() { t 90 restic -q -r "rest:http://clinic:login-c@$at/clinic/" --cache-dir cache-client "$@"; }                        # the client
o() { t 90 env RESTIC_PASSWORD_FILE="$PWD/pw-other" restic -q -r "rest:http://other:login-o@$at/other/" --cache-dir cache-other "$@"; }
adm() { t 120 restic -q -r srv/clinic --cache-dir cache-admin "$@"; }                                                     # on the server
# http STATUS METHOD PATH [CURL-ARG...]: the client's login by hand; succeeds if the answer is STATUS
http() {
	local got
	got=$(curl -s -m 30 -o http.out -w '%{http_code}' -u clinic:login-c --path-as-is -X "$2" "${@:4}" "http://$at/$3") || got=none
	evidence "$2 /$3 -> $got $(head -c 100 http.out | tr -d '\0' | tr '\n' ' ' | iconv -c -t ascii 2>/dev/null)"
	[ "$got" = "$1" ]
}
serve() { # OPTION...
	: >>rclone.conf && : >rclone.log && mkdir -p cache-admin
	rclone serve restic -v --append-only --addr "$at" --htpasswd users "$@" srv >>rclone.log 2>&1 &
	others+=($!)
	wait_for 30 curl -s -o /dev/null "http://$at/"
}
log_says() { # PATTERN
	wait_for 2 grep -iE "$1" rclone.log
	evidence "server's log since the attack began ($(wc -l <rclone.log) lines): $(tail -n 2 rclone.log | cut -c1-200 | tr '\n' '|')"
	grep -qiE "$1" rclone.log
}
halt() { kill "${others[@]}"; wait "${others[@]}"; others=(); } 2>/dev/null
backup() { r backup --host emr "$@" src; }
restic_back() { t 90 restic -q -r srv/clinic --no-lock --no-cache restore "$(sed -n "$1p" ids)" --target back; }
newest() { (cd srv/clinic/snapshots && ls -t) >list && sort -u list ids | comm -23 - <(sort ids); }
enter() { serve --private-repos; }

restic_base() {
	local i
	mkdir -p srv then
	echo p1 >pw && echo p2 >pw-other
	printf 'clinic:%s\nother:%s\n' "$(openssl passwd -apr1 login-c)" "$(openssl passwd -apr1 login-o)" >users
	need "a server" enter
	need "a repository" r init && need "another" o init
	: >ids
	for i in 1 2 3; do
		write_src $i
		need "generation $i" backup --time "$(day "$((i - 4)) days" '%F 12:00:00')"
		newest >new && cat new >>ids
		cp -a src "then/$i"
	done
	need "three" test "$(wc -l <ids)" = 3
	need "of the other clinic" o backup --host other then/1
	halt
}
refused_deletes() { # how many of the snapshots and data files could be deleted
	local d f gone=0
	for d in snapshots data index keys; do
		for f in $(cd srv/clinic && find $d -type f | head -4); do
			[ $d != data ] || f=data/${f##*/}
			http 200 DELETE "clinic/$f" && gone=$((gone + 1))
			http 200 DELETE "clinic/data/../locks/../$f" && gone=$((gone + 1))
		done
	done
	http 200 DELETE clinic/config && gone=$((gone + 1))
	note "deletions accepted: $gone"
}
restic_delete() {
	enter
	refused_deletes
	noticed "server's log" log_says 'append|forbidden|disallow|denied'
	noticed "next backup" fails backup
	noticed "check" fails adm check
	history
}
restic_delete_routine() {
	enter
	refused_deletes
	noticed "server's log" log_says 'append|forbidden|disallow|denied'
	need "the routine" adm forget --keep-last 3 --prune
	noticed "check" fails adm check
	history
}
fakes() { # TIME...: honest words, wrong clock
	local w
	fake_src
	for w in "$@"; do need "a generation of $w" backup --time "$w"; done
	rm -rf src && mv honest src
}
after_fakes() { # POLICY...
	need "the routine" adm forget "$@" --prune
	noticed "check" fails adm check
	noticed "next backup" fails backup
	history
}
restic_future() {
	local i w=()
	enter
	for i in $(seq 12); do w+=("$(day "+$i days" '%F 12:00:00')"); done
	fakes "${w[@]}"
	after_fakes --keep-last 3 --keep-daily 7
}
restic_backdated() {
	enter
	fakes "$(day '-1 days' '%F 23:59:00')" "$(day '-2 days' '%F 23:59:00')" "$(day '-3 days' '%F 23:59:00')"
	after_fakes --keep-daily 7
}
restic_within() {
	enter
	fakes '2126-01-01 00:00:00'
	after_fakes --keep-within 30d
}
restic_ransom() {
	local i
	enter
	for i in 1 2 3; do
		for f in src/*; do head -c 20000 /dev/urandom >"$f"; done
		noticed "client's backup" fails backup
	done
	need "the routine" adm forget --keep-last 3 --prune
	noticed "check" fails adm check
	history
}
restic_quota() {
	local i
	mv srv full && mkdir srv
	mount -t tmpfs -o size=24m tmpfs srv && mounted=srv || { undecided='no small disk could be made (mount)'; return; }
	cp -a full/. srv/
	enter
	for i in $(seq 40); do
		head -c 1000000 /dev/urandom >junk
		http 200 POST "clinic/data/$(sha256sum junk | cut -d' ' -f1)" --data-binary @junk || break
	done
	need "the space is used up" test "$i" -lt 40
	noticed "server's log" log_says 'no space|disk space'
	head -c 1000000 /dev/urandom >junk
	noticed "client's uploads (status 500)" http 500 POST "clinic/data/$(sha256sum junk | cut -d' ' -f1)" --data-binary @junk
	local got
	got=$(curl -s -m 30 -o http.out -w '%{http_code}' -u other:login-o --data-binary @junk "http://$at/other/data/$(sha256sum junk | cut -d' ' -f1)")
	evidence "the other clinic's POST -> $got"
	note "no quota for one client; the other clinic's upload: status $got"
	history
	noticed "check" fails adm check --no-lock
	halt
}
restic_overwrite() {
	local f taken=0
	enter
	find srv/clinic -type f -exec sha256sum {} + | sort >before
	echo garbage >garbage
	for f in config $(cd srv/clinic && find snapshots index keys data -type f); do
		case $f in data/*) f=data/${f##*/} ;; esac
		http 200 POST "clinic/$f" --data-binary @garbage && taken=$((taken + 1))
		http 200 PUT "clinic/$f" --data-binary @garbage && taken=$((taken + 1))
	done
	note "overwrites accepted: $taken; bytes changed: $(find srv/clinic -type f -exec sha256sum {} + | sort | comm -13 - before | wc -l)"
	noticed "server's log" log_says 'append|forbidden|disallow|denied|already exist|refus'
	noticed "check" fails adm check --read-data
	history
}
restic_read() {
	local i
	enter
	mkdir haul
	for i in 1 2 3; do r restore "$(sed -n "${i}p" ids)" --target "haul/$i"; done
	marks haul
	noticed "server's log" log_says ' GET |restore'
	note "the client holds the key of all generations"
	history
}
restic_other() {
	local f
	f=$(cd srv/other && find data -type f | head -1)
	f=data/${f##*/}
	enter
	answer "with --private-repos: read" http 200 GET "other/$f"
	answer "with --private-repos: list" http 200 GET other/snapshots/
	noticed "server's log (private)" log_says 'forbidden|denied|private|unauthor'
	halt
	serve
	answer "without it: read (ciphertext)" http 200 GET "other/$f"
	cp http.out haul
	marks haul
	head -c 3000 /dev/urandom >junk
	answer "without it: junk added" http 200 POST "other/data/$(sha256sum junk | cut -d' ' -f1)" --data-binary @junk
	history
}
restic_key() {
	enter
	echo p3 >pw-new
	answer "a key of the attacker's added" r key add --new-password-file pw-new
	local k
	k=$(ls -tr srv/clinic/keys | head -1)
	answer "the old key deleted" http 200 DELETE "clinic/keys/$k"
	echo garbage >garbage
	answer "the old key overwritten" http 200 POST "clinic/keys/$k" --data-binary @garbage
	answer "opens with the attacker's password" t 90 env RESTIC_PASSWORD_FILE=pw-new restic -q -r srv/clinic --no-cache --no-lock snapshots
	noticed "next backup" fails backup
	noticed "check" fails adm check
	history
}
restic_lock() {
	enter
	timeout 300 restic -r "rest:http://clinic:login-c@$at/clinic/" --no-cache --limit-download 1 check --read-data >lock.out 2>&1 &
	others+=($!)
	need "a lock lies there" wait_for 60 sh -c 'ls srv/clinic/locks | grep -q .'
	sleep 1
	kill -9 "$(pgrep -P "${others[-1]}")" "${others[-1]}"
	wait "${others[-1]}" 2>/dev/null
	unset 'others[-1]'
	noticed "next backup (refused: locked)" fails backup
	note "another client's backup is blocked until somebody runs unlock"
	need "unlock" adm unlock --remove-all
	answer "backup after unlock" backup
	history
}
restic_rollback() {
	enter
	cp -a srv image
	echo four >src/four.txt
	need "a fourth generation" backup
	newest >>ids && cp -a src then/4
	halt
	rm -rf srv && mv image srv
	serve --private-repos
	noticed "client's next backup" fails backup
	noticed "check on the server" fails adm check
	history
}
restic_newest() {
	rm -f "srv/clinic/snapshots/$(sed -n 3p ids)"
	enter
	noticed "client's next backup" fails backup
	noticed "check on the server" fails adm check --read-data
	history
}
restic_flip() {
	local f
	for f in $(find srv/clinic/data -type f -size +40k); do printf UUUU | dd of="$f" bs=1 seek=20000 conv=notrunc status=none; done
	enter
	noticed "client's next backup" fails backup
	noticed "check" fails adm check
	noticed "check --read-data" fails adm check --read-data
	history
	note "the restore ends with an error; wrong or incomplete files lying there: $wrong"
}
restic_index() {
	local f
	for f in $(ls srv/clinic/index); do
		chmod u+w "srv/clinic/index/$f" && truncate -s "$(($(stat -c %s "srv/clinic/index/$f") / 2))" "srv/clinic/index/$f"
	done
	enter
	noticed "client's next backup" fails backup
	noticed "check" fails adm check
	history
	local gone=$lost
	need "the index" adm rebuild-index
	again
	history
	note "after \`rebuild-index\`: lost $lost"
	lost=$gone
}
restic_disk() {
	cp -a srv stolen
	marks stolen
	answer "told apart as restic by its layout" test -d stolen/clinic/snapshots
	note "clinics by name: $(ls stolen | tr '\n' ' ')($(find stolen/clinic/snapshots -type f | wc -l) snapshots and their times can be counted)"
	quiet=1
	history
}
