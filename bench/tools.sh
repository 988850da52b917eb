# How each tool is told to do the same thing. Sourced by bench/run.
#
# Encryption is on for all. Compression: Mamori its default (zstd), restic "auto" (zstd), borg zstd,3. Verification:
# Mamori's keyless check hashes every stored byte without a key ("scrub"), its deep check opens and recomputes every
# chunk; restic check --read-data and borg check --verify-data decrypt and recompute, so they compare with "deep" in
# what they prove, and with "scrub" in what a nightly job needs.
export RESTIC_PASSWORD=bench BORG_PASSPHRASE=bench BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes
export BORG_RELOCATED_REPO_ACCESS_IS_OK=yes RESTIC_PROGRESS_FPS=0

repo_of() { echo "$top/repo-$1"; }

new_repo() {
	local r
	r=$(repo_of "$1")
	rm -rf "$r" "$top/side-$1" && mkdir -p "$top/side-$1" || return 1
	case $1 in
	mamori)
		"$mamori" --state "$top/side-mamori" vault init "$r" --recovery-out "$top/side-mamori/key" >"$out/init.log" 2>&1
		;;
	restic)
		export RESTIC_CACHE_DIR=$top/side-restic RESTIC_REPOSITORY=$r
		restic -q init >"$out/init.log" 2>&1
		;;
	borg)
		export BORG_BASE_DIR=$top/side-borg BORG_REPO=$r
		borg init -e repokey >"$out/init.log" 2>&1
		;;
	esac
}

# backup CASE MEASURE TOOL RUN SOURCE
backup() {
	case $3 in
	mamori) m "$1" "$2" "$3" "$4" "$mamori" --state "$top/side-mamori" vault backup "$(repo_of mamori)" "$5" --name bench ;;
	restic) m "$1" "$2" "$3" "$4" restic -q backup "$5" ;;
	borg) m "$1" "$2" "$3" "$4" borg create -C zstd,3 "::$2-$4" "$5" ;;
	esac
}

# restore CASE MEASURE TOOL RUN: the newest generation into $back
restore() {
	case $3 in
	mamori) m "$1" "$2" "$3" "$4" "$mamori" --state "$top/side-mamori" vault restore "$(repo_of mamori)" latest --to "$back" --key "$top/side-mamori/key" ;;
	restic) m "$1" "$2" "$3" "$4" restic -q restore latest --target "$back" ;;
	borg) m "$1" "$2" "$3" "$4" --cwd "$back" borg extract "::unchanged-$4" ;;
	esac
}
# restored TOOL SOURCE BACK: where the copy of SOURCE lies
restored() {
	case $1 in
	mamori) echo "$3/$(basename "$2")" ;;
	*) echo "$3$2" ;;
	esac
}

# verify CASE TOOL RUN
verify() {
	case $2 in
	mamori)
		m "$1" scrub mamori "$3" "$mamori" --state "$top/empty" vault verify "$(repo_of mamori)" --data
		m "$1" deep mamori "$3" "$mamori" --state "$top/side-mamori" vault verify "$(repo_of mamori)" --data --key "$top/side-mamori/key"
		;;
	restic) m "$1" deep restic "$3" restic -q check --read-data ;;
	borg) m "$1" deep borg "$3" borg check --verify-data ;;
	esac
}

mount_up() {
	case $1 in
	mamori)
		"$mamori" --state "$top/side-mamori" vault mount "$(repo_of mamori)" latest "$2" --key "$top/side-mamori/key" --foreground >"$out/mount-mamori.log" 2>&1 &
		mount_pid=$!
		;;
	restic)
		restic mount "$2" >"$out/mount-restic.log" 2>&1 &
		mount_pid=$!
		;;
	borg)
		borg mount -f :: "$2" >"$out/mount-borg.log" 2>&1 &
		mount_pid=$!
		;;
	esac
}
mount_down() {
	mountpoint -q "$2" || return 0
	fusermount3 -u "$2" 2>/dev/null || umount -l "$2"
	[ -z "${mount_pid-}" ] || wait "$mount_pid" 2>/dev/null
	mount_pid=''
}
mount_memory() {
	local kib
	kib=$(awk '/^VmHWM/ {print $2}' "/proc/$mount_pid/status" 2>/dev/null)
	note "$1: mounted, peak memory $((${kib:-0} / 1024)) MiB"
}
