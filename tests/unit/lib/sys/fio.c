#include "sys/fio.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault/fio.h"
#include "tap.h"

#define NAME "追加 髙橋 﨑 𠮷野 葛󠄀 ① ㈱ ｶﾅ ～"

static int dir; /* an empty directory of this run */

/* holds(path, want): Whether the file has exactly this content. */
static bool
holds(const char *path, const char *want)
{
	struct buf b;
	bool same;

	buf_init(&b, 1 << 20);
	same = fio_slurp(fio_os(), dir, path, &b, NULL) == 0 && b.len == strlen(want) &&
	    memcmp(b.len ? (const char *)b.p : "", want, b.len) == 0;
	buf_free(&b);
	return same;
}

/* entries(): How many names there are. */
static int
entries(void)
{
	int n = 0, fd = openat(dir, ".", O_RDONLY | O_DIRECTORY);
	DIR *d = fdopendir(fd);

	while (d && readdir(d))
		n++;
	if (d)
		(void)closedir(d);
	return n - 2;
}

static void
wipe(void)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY);
	DIR *d = fdopendir(fd);
	struct dirent *de;

	while (d && (de = readdir(d)))
		if (unlinkat(dir, de->d_name, 0) != 0)
			(void)unlinkat(dir, de->d_name, AT_REMOVEDIR);
	if (d)
		(void)closedir(d);
}

static void
test_replace(void)
{
	struct fault_fio ff;
	const struct fio *f = fault_fio_init(&ff);
	struct stat st;
	struct err e;

	(void)umask(0);
	EQ_I(fio_replace(f, dir, "a", "one", 3, 0640, &e), 0, "a new file");
	OK(holds("a", "one"), "has its content");
	OK(fstatat(dir, "a", &st, 0) == 0 && (st.st_mode & 07777) == 0640, "and its mode");
	EQ_S(ff.log, "open|write 3|sync|rename a|open|sync|",
	    "data is on the disk before its name, and the name before the return");
	EQ_I(fio_replace(f, dir, "a", "", 0, 0600, &e), 0, "replaced by nothing");
	OK(holds("a", ""), "is empty");
	EQ_I(fio_create(f, dir, "a", "two", 3, 0600, &e), E_EXIST, "create does not replace");
	OK(holds("a", "") && entries() == 1, "and leaves everything as it was");
	EQ_I(fio_create(f, dir, NAME, "two", 3, 0600, &e), 0, "create under a Japanese name");
	OK(holds(NAME, "two") && entries() == 2, "and no other");
	EQ_I(fio_replace(f, dir, "no/such", "x", 1, 0600, &e), E_NOENT,
	    "a directory that is not there");
	EQ_I(ff.open_fds, 0, "every descriptor is closed");
	wipe();
}

/* The symptom to prevent: after a crash a file that is neither the old nor the new one. */
static void
crash(bool create, int sys, bool dead)
{
	unsigned long n, steps = 0;
	bool whole = true, fds = true, strays = true, told = true;

	for (n = 1;; n++) {
		struct fault_fio ff;
		const struct fio *f = fault_fio_init(&ff);
		struct err e = {0};
		int r;

		wipe();
		if (!create && fio_replace(fio_os(), dir, "f", "old content", 11, 0600, &e) != 0)
			break;
		ff.fail_at = n;
		ff.sys = sys;
		ff.dead = dead;
		ff.chunk = 4;
		r = create ? fio_create(f, dir, "f", "new stuff", 9, 0600, &e) :
		    fio_replace(f, dir, "f", "new stuff", 9, 0600, &e);
		if (!ff.fired) {
			told = told && r == 0 && holds("f", "new stuff");
			break;
		}
		steps++;
		told = told && r < 0 && e.sys == sys && r == (sys == ENOSPC ? E_NOSPC : E_SYS);
		whole = whole && (holds("f", "new stuff") ||
		    (create ? faccessat(dir, "f", F_OK, 0) != 0 : holds("f", "old content")));
		fds = fds && ff.open_fds == 0;
		strays = strays &&
		    (dead || entries() == (create ? faccessat(dir, "f", F_OK, 0) == 0 : 1));
	}
	OK(steps >= 7, "%s, failing with %s at each of %lu steps%s", create ? "create" : "replace",
	    strerrordesc_np(sys), steps, dead ? ", then nothing works" : "");
	OK(whole, "  the old content or the new, never a mixture");
	OK(told, "  every failure is reported with its errno");
	OK(fds, "  every descriptor is closed");
	OK(strays, "  nothing is left lying about");
	wipe();
}

static void
test_read_write(void)
{
	struct fault_fio ff;
	const struct fio *f = fault_fio_init(&ff);
	char in[5000], out[5000];
	struct err e;
	int fd;

	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (char)(i * 7);
	fd = fio_open(f, dir, "rw", O_RDWR | O_CREAT, 0600, &e);
	OK(fd >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC), "opened, and not handed to children");
	ff.chunk = 333;
	ff.interrupt = 1000;
	EQ_I(fio_pwrite_all(f, fd, in, sizeof(in), 100, &e), 0,
	    "short and interrupted writes are completed");
	EQ_I(fio_pread(f, fd, out, sizeof(out), 100, &e), sizeof(out), "so are reads");
	EQ_M(in, out, sizeof(in), "nothing is lost or doubled");
	EQ_I(fio_pread(f, fd, out, 5000, 5000, &e), 100, "short only at the end of the file");
	EQ_I(fio_pread(f, fd, out, 10, 99999, &e), 0, "nothing behind the end");
	EQ_I(fio_pread_all(f, fd, out, 101, 5000, &e), E_CORRUPT,
	    "a file that ends early is damage");
	OK(strstr(e.msg, "1 bytes too early") != NULL, "  %s", e.msg);
	EQ_I(fio_pread_all(f, fd, out, 100, 5000, &e), 0, "exactly to the end");
	EQ_I(fio_truncate(f, fd, 50, &e), 0, "cut, though interrupted");
	EQ_I(fio_pread(f, fd, out, 5000, 0, &e), 50, "is shorter");
	EQ_I(fio_truncate(f, fd, UINT64_MAX, &e), E_SYS, "no file is that long");
	EQ_I(fio_pread(f, fd, out, 1, INT64_MAX, &e), E_INVAL, "nor read there");
	EQ_I(fio_pwrite_all(f, fd, out, 1, UINT64_MAX, &e), E_INVAL, "nor written");
	EQ_I(fio_datasync(f, fd, &e), 0, "datasync");
	EQ_I(fio_sync(f, fd, &e), 0, "sync");
	fio_close(f, fd);
	fio_close(f, -1);
	EQ_I(ff.open_fds, 0, "closed");
	EQ_I(fio_pread(f, -1, out, 1, 0, &e), E_SYS, "reading from no descriptor");
	EQ_I(fio_pread_all(f, -1, out, 1, 0, &e), E_SYS, "the same, all of it");
	wipe();
}

static void
test_failing(void)
{
	struct fault_fio ff;
	const struct fio *f = fault_fio_init(&ff);
	struct err e;
	char b[64] = {0};
	int fd = fio_open(f, dir, "x", O_RDWR | O_CREAT | O_EXCL, 0600, &e);

	ff.only = FF_WRITE;
	ff.fail_at = 3;
	ff.sys = ENOSPC;
	ff.chunk = 10;
	EQ_I(fio_pwrite_all(f, fd, b, sizeof(b), 0, &e), E_NOSPC,
	    "the disk becomes full in the middle");
	OK(strstr(e.msg, "at 20") != NULL, "  %s", e.msg);
	ff.only = FF_DATASYNC;
	ff.fail_at = 1;
	ff.seen = 0;
	ff.fired = false;
	ff.sys = EIO;
	EQ_I(fio_datasync(f, fd, &e), E_SYS, "a failed datasync");
	EQ_I(ff.count[FF_DATASYNC], 1, "is not tried again: the kernel may have dropped the pages");
	ff.only = FF_SYNC;
	ff.seen = 0;
	ff.fired = false;
	EQ_I(fio_sync(f, fd, &e), E_SYS, "nor is a failed sync");
	EQ_I(ff.count[FF_SYNC], 1, "tried once");
	ff.only = FF_READ;
	ff.seen = 0;
	ff.fired = false;
	EQ_I(fio_pread(f, fd, b, 1, 0, &e), E_SYS, "a failing read");
	fio_close(f, fd);
	EQ_I(fio_open(f, dir, "x", O_RDWR | O_CREAT | O_EXCL, 0600, &e), E_EXIST,
	    "it is already there");
	EQ_I(fio_open(f, dir, "y", O_RDONLY, 0, &e), E_NOENT, "it is not there");
	OK(symlinkat("x", dir, "link") == 0, "a symbolic link");
	EQ_I(fio_open(f, dir, "link", O_RDONLY, 0, &e), E_SYS, "is not followed");
	EQ_I(e.sys, ELOOP, "  because it is one");
	EQ_I(fio_unlink(f, dir, "link", &e), 0, "removed");
	EQ_I(fio_unlink(f, dir, "link", &e), E_NOENT, "and again");
	wipe();
}

static void
test_names(void)
{
	struct fault_fio ff;
	const struct fio *f = fault_fio_init(&ff);
	char cwd[PATH_MAX], deep[PATH_MAX + 10];
	struct stat st;
	struct err e;

	EQ_I(fio_create(f, dir, "a", "A", 1, 0600, &e), 0, "a");
	EQ_I(fio_create(f, dir, "b", "B", 1, 0600, &e), 0, "b");
	EQ_I(fio_rename(f, dir, "a", dir, "b", false, &e), E_EXIST,
	    "rename does not replace unasked");
	OK(holds("a", "A") && holds("b", "B"), "both are as they were");
	EQ_I(fio_rename(f, dir, "a", dir, "b", true, &e), 0, "asked, it does");
	OK(holds("b", "A") && entries() == 1, "one is left");
	EQ_I(fio_rename(f, dir, "a", dir, "c", true, &e), E_NOENT, "renaming nothing");
	EQ_I(fio_mkdir(f, dir, "d", 0700, &e), 0, "a directory");
	EQ_I(fio_mkdir(f, dir, "d", 0700, &e), 0, "once more");
	EQ_I(fio_mkdir(f, dir, "b", 0700, &e), E_EXIST, "where a file is");
	EQ_I(fio_mkdir(f, dir, "x/y", 0700, &e), E_NOENT, "without its parent");
	EQ_I(fio_sync_dir(f, dir, "d", &e), 0, "its name is made durable");
	EQ_I(fio_sync_dir(f, dir, NULL, &e), 0, "its parent");
	EQ_I(fio_sync_dir(f, dir, "b", &e), E_SYS, "a file is no directory");
	EQ_I(fio_sync_dir(f, dir, "no", &e), E_NOENT, "nor is nothing");
	EQ_I(fio_replace(f, dir, "d/in", "x", 1, 0600, &e), 0, "a file in it");
	OK(holds("d/in", "x"), "is there");
	(void)unlinkat(dir, "d/in", 0);
	wipe();

	if (!getcwd(cwd, sizeof(cwd)) || fchdir(dir) != 0)
		cwd[0] = 0;
	EQ_I(fio_mkdirs(f, "p/" NAME "//q/", 0700, &e), 0, "a path with all its parents");
	OK(stat("p/" NAME "/q", &st) == 0 && S_ISDIR(st.st_mode), "is there");
	EQ_I(fio_mkdirs(f, "p/" NAME "/q", 0700, &e), 0, "once more");
	EQ_I(fio_mkdirs(f, "/", 0700, &e), 0, "the root");
	EQ_I(fio_mkdirs(f, "", 0700, &e), E_INVAL, "no path");
	(void)memset(deep, 'a', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = 0;
	EQ_I(fio_mkdirs(f, deep, 0700, &e), E_INVAL, "a path longer than any");
	EQ_I(fio_replace(f, dir, deep, "x", 1, 0600, &e), E_INVAL, "for a file, too");
	deep[PATH_MAX - 1] = 0;
	EQ_I(fio_replace(f, dir, deep, "x", 1, 0600, &e), E_INVAL, "or with its temporary name");
	deep[10] = '/';
	deep[PATH_MAX + 8] = '/';
	EQ_I(fio_create(f, AT_FDCWD, "/" NAME "/nowhere", "x", 1, 0600, &e), E_NOENT,
	    "a path from the root");
	(void)rmdir("p/" NAME "/q");
	(void)rmdir("p/" NAME);
	(void)rmdir("p");
	if (cwd[0])
		(void)!chdir(cwd);
}

static void
test_slurp(void)
{
	struct fault_fio ff;
	const struct fio *f = fault_fio_init(&ff);
	size_t n = 200000;
	char *big = malloc(n);
	struct err e;
	struct buf b;

	if (!big)
		return;
	for (size_t i = 0; i < n; i++)
		big[i] = (char)(i % 251);
	EQ_I(fio_create(f, dir, "big", big, n, 0600, &e), 0, "a file of several pieces");
	buf_init(&b, n + 3);
	OK(buf_put(&b, "abc", 3, NULL) == 0, "something is there already");
	ff.chunk = 1000;
	EQ_I(fio_slurp(f, dir, "big", &b, &e), 0, "read behind it, as large as allowed");
	OK(b.len == n + 3 && memcmp(b.p + 3, big, n) == 0 && memcmp(b.p, "abc", 3) == 0, "whole");
	buf_free(&b);
	buf_init(&b, n - 1);
	EQ_I(fio_slurp(f, dir, "big", &b, &e), E_LIMIT, "one byte larger than allowed");
	OK(strncmp(e.msg, "big: ", 5) == 0, "  %s", e.msg);
	buf_free(&b);
	ff.fail_at = 30;
	ff.only = FF_READ;
	buf_init(&b, n);
	EQ_I(fio_slurp(f, dir, "big", &b, &e), E_SYS, "a read fails in the middle");
	buf_free(&b);
	buf_init(&b, 0);
	EQ_I(fio_slurp(f, dir, "nothing", &b, &e), E_NOENT, "no such file");
	EQ_I(ff.open_fds, 0, "every descriptor is closed");
	free(big);
	wipe();
}

int
main(void)
{
	char tmp[PATH_MAX];
	const char *t = getenv("TMPDIR");

	(void)snprintf(tmp, sizeof(tmp), "%s/mamori-fio.XXXXXX", t ? t : "/tmp");
	if (!mkdtemp(tmp))
		return 1;
	dir = open(tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	test_replace();
	crash(false, EIO, false);
	crash(false, EIO, true);
	crash(false, ENOSPC, false);
	crash(true, EIO, true);
	crash(true, ENOSPC, false);
	test_read_write();
	test_failing();
	test_names();
	test_slurp();
	(void)close(dir);
	(void)rmdir(tmp);
	return tap_done();
}
