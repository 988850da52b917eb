# timeout: 120
# heavy
# Removable disks as they are sold: real block devices with ext4, FAT and exFAT; full, read-only, pulled out in the middle,
# of another clinic. Needs the right to mount; what this machine cannot format or mount is left out.
. "$MAMORI_SRC/tests/tap.sh"
export MAMORI_STATE=$PWD/state
PATH=$PATH:/usr/sbin:/sbin
[ "$(id -u)" = 0 ] || skip_all "only root can mount a disk"
vault() { "$MAMORI" --lang en vault "$@"; }
json() { "$MAMORI" --json --lang en vault "$@" 2>/dev/null; }
contains() { grep -qF -- "$1" <<<"$2" || { echo "$2"; false; }; }
says() { # what words command...
	local what=$1 words=$2 out
	shift 2
	out=$("$@" 2>&1) && out="it succeeded: $out"
	ok "$what" contains "$words" "$out"
}
off() { umount -l "$1" 2>/dev/null; }
trap 'for d in ext4 vfat exfat small other pulled; do off "$PWD/$d"; done' EXIT
disk() { # name type MiB
	truncate -s "$3M" "$1.img" || return 1
	case $2 in
	ext4) mkfs.ext4 -q -F -m 0 "$1.img" ;;
	vfat) mkfs.vfat -F 32 "$1.img" ;;
	exfat) mkfs.exfat "$1.img" ;;
	esac >/dev/null 2>&1 || return 1
	mkdir -p "$1"
	mount -o loop "$1.img" "$1" 2>/dev/null
}
disk ext4 ext4 96 || skip_all "no disk can be mounted here"
mkdir "src"
head -c 9000000 /dev/urandom >src/image
echo "追加 髙橋 﨑 𠮷野" >"src/①㈱"
ok "init" vault init repo --recovery-out key
ok "backup" vault backup repo src --name emr

for fs in ext4 vfat exfat; do
	if [ $fs != ext4 ] && ! disk $fs $fs 96; then
		skip "a disk with $fs" "this machine cannot make or mount it"
		continue
	fi
	ok "$fs: carried" vault carry repo $fs --label "$fs"
	ok "$fs: proved whole" vault carry repo $fs --prove
	is "$fs: no file that it could not hold" "$(find $fs -type f -size +4194304c | wc -l)" 0
	status "$fs: plugged in is not offline" 1 vault disk check
	ok "$fs: taken off" umount $fs
	ok "$fs: now it is" vault disk check
	ok "$fs: plugged in again" mount -o loop $fs.img $fs
	ok "$fs: back with the recovery key alone" env MAMORI_STATE="$PWD/clean-$fs" "$MAMORI" vault unpack $fs --to back-$fs --key key
	ok "$fs: the same vault" cmp repo/log/log back-$fs/log/log
done

# write-protected by its switch: its copy stays what it was, and can be read
mount -o remount,ro ext4
echo more >src/more
ok "the next generation" vault backup repo src --name emr
says "a write-protected disk" "Read-only file system" vault carry repo ext4
ok "gives back what it holds" env MAMORI_STATE="$PWD/clean-ro" "$MAMORI" vault unpack ext4 --to back-ro --key key
mount -o remount,rw ext4
ok "and goes on afterwards" vault carry repo ext4

# pulled out while it is written: what it held before, it holds; nothing needs a repair
head -c 30000000 /dev/urandom >src/large
ok "a large generation" vault backup repo src --name emr
vault carry repo ext4 >out 2>&1 &
job=$!
for _ in $(seq 400); do [ "$(find ext4 -name '[0-9]*' 2>/dev/null | wc -l)" -gt 4 ] && break; kill -0 $job 2>/dev/null || break; sleep 0.02; done
kill -KILL $job 2>/dev/null
wait $job 2>/dev/null
cp ext4.img pulled.img # as the cable leaves it, without a goodbye
off ext4
mkdir pulled
if mount -o loop pulled.img pulled 2>/dev/null; then
	ok "pulled out: it still gives back" env MAMORI_STATE="$PWD/clean-p" "$MAMORI" vault unpack pulled --to back-p --key key
	ok "pulled out: and goes on" vault carry repo pulled --prove
	off pulled
else
	skip "pulled out" "its image cannot be mounted here"
fi

# too small
ok "a small disk" disk small ext4 24
says "is told to be too small" "too full" vault carry repo small
is "and nothing is written" "$(find small -path "*/c[0-9]*/*" -type f | wc -l)" 0

# of another clinic
env MAMORI_STATE="$PWD/other-state" "$MAMORI" vault init other-repo --recovery-out other-key >/dev/null 2>&1
mount -o loop pulled.img ext4
says "a disk of another clinic" "another clinic" env MAMORI_STATE="$PWD/other-state" "$MAMORI" --lang en vault carry other-repo ext4
done_testing
