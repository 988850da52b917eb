/* The guard of the drills: everything that must be refused is refused, and nothing changes. */
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vault/drill_int.h"

static char base[64];
static int basefd, statefd;

static void
put(int dirfd, const char *path, const char *text)
{
	int fd = openat(dirfd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		printf("Bail out! %s\n", path);
	(void)close(fd);
}

static bool
holds(int dirfd, const char *path, const char *text)
{
	char got[256];
	int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, got, sizeof(got));

	if (fd >= 0)
		(void)close(fd);
	return n == (ssize_t)strlen(text) && memcmp(got, text, (size_t)n) == 0;
}

static int
make(struct guard *g, const char *path, const char *text)
{
	struct err e = {0};
	int fd = guard_make(g, path, &e), r;

	if (fd < 0) {
		printf("# %s\n", e.msg);
		return fd;
	}
	r = fio_pwrite_all(fio_os(), fd, text, strlen(text), 0, &e);
	(void)close(fd);
	return r;
}

/* Every way of changing a file, all refused with E_AUTH. */
static void
refused(struct guard *g, const char *path, const char *what)
{
	struct damage *d = NULL;
	struct err e = {0};
	int r;

	r = guard_open(g, path, &e);
	OK(r == E_AUTH, "%s: not opened (%s)", what, e.msg);
	if (r >= 0)
		(void)close(r);
	OK(guard_unlink(g, path, &e) == E_AUTH, "%s: not deleted", what);
	OK(guard_rename(g, path, "x", &e) == E_AUTH, "%s: not renamed", what);
	OK(damage_new(g, 1, &d, &e) == 0, "%s: the damage asks the guard", what);
	OK(damage_file(d, path, &e) == E_AUTH, "%s: not damaged", what);
	damage_free(d);
}

static void
inside(struct guard *g)
{
	struct err e = {0};
	int fd;

	EQ_I(make(g, "1/記録/𠮷野.txt", "chart"), 0, "a file is made with its folders");
	fd = guard_open(g, "1/記録/𠮷野.txt", &e);
	OK(fd >= 0, "and opened");
	(void)close(fd);
	EQ_I(guard_rename(g, "1/記録/𠮷野.txt", "𠮷野.txt.x", &e), 0, "and renamed");
	EQ_I(guard_unlink(g, "1/記録/𠮷野.txt.x", &e), 0, "and deleted");
	EQ_I(make(g, "1/twice", "a"), 0, "a file");
	EQ_I(make(g, "1/twice", "b"), E_EXIST, "is not made twice");
}

static void
paths(struct guard *g)
{
	put(basefd, "victim", "precious");
	refused(g, "../victim", "a path with ..");
	refused(g, "1/../../../victim", "a path that climbs further");
	refused(g, "/etc/hostname", "an absolute path");
	refused(g, "", "an empty path");
	refused(g, "1//x", "a path with an empty part");
	refused(g, "./1", "a path with a dot");
	OK(holds(basefd, "victim", "precious"), "the file outside is as it was");
	EQ_I(make(g, "../made", "x"), E_AUTH, "nothing is made outside");
	EQ_I(guard_rename(g, "1/twice", "../x", NULL), E_AUTH, "nor renamed to outside");
}

static void
links(struct guard *g)
{
	char to[128];

	(void)snprintf(to, sizeof(to), "%s/victim", base);
	OK(symlinkat(to, g->copyfd, "link") == 0, "a link out of the copy");
	refused(g, "link", "a symbolic link");
	(void)snprintf(to, sizeof(to), "%s", base);
	OK(symlinkat(to, g->copyfd, "dirlink") == 0, "a link to a folder outside");
	refused(g, "dirlink/victim", "a file behind a linked folder");
	EQ_I(make(g, "dirlink/made", "x"), E_AUTH, "nothing is made behind it");
	OK(linkat(basefd, "victim", g->copyfd, "hard", 0) == 0, "a second name of a file outside");
	refused(g, "hard", "a file with another name");
	OK(mkfifoat(g->copyfd, "pipe", 0600) == 0, "a pipe");
	refused(g, "pipe", "a pipe");
	refused(g, "1", "a folder");
	OK(holds(basefd, "victim", "precious"), "the file outside is as it was");
	(void)unlinkat(g->copyfd, "hard", 0);
}

static void
others(struct guard *g)
{
	EQ_I(make(g, "1/theirs", "x"), 0, "a file");
	if (geteuid() != 0) {
		SKIP("giving a file away needs root");
		return;
	}
	OK(fchownat(g->copyfd, "1/theirs", 12345, 12345, 0) == 0, "given to somebody else");
	refused(g, "1/theirs", "somebody else's file");
	OK(fchown(g->dirfd, 12345, 12345) == 0, "the folder given away");
	refused(g, "1/twice", "a folder that is not ours");
	OK(fchown(g->dirfd, 0, 0) == 0, "and back");
}

static void
marker(struct guard *g)
{
	char keep[sizeof(g->token)];
	struct guard forged = *g;
	struct err e = {0};

	put(g->dirfd, "MARKER", "forged\n");
	refused(g, "1/twice", "a forged marker");
	OK(unlinkat(g->dirfd, "MARKER", 0) == 0, "no marker");
	refused(g, "1/twice", "a missing marker");
	EQ_I(make(g, "1/new", "x"), E_AUTH, "nothing is made without a marker");
	OK(symlinkat("/etc/hostname", g->dirfd, "MARKER") == 0, "a marker that is a link");
	refused(g, "1/twice", "a linked marker");
	EQ_I(guard_end(&forged, false, &e), E_AUTH, "nor is the folder removed");
	OK(faccessat(g->statefd, g->name, F_OK, 0) == 0, "it is still there");
	(void)memcpy(keep, g->token, sizeof(keep));
}

static void
swapped(void)
{
	struct guard g;
	struct err e = {0};
	char other[64];

	if (!OK(guard_new(fio_os(), statefd, &g, &e) == 0, "another drill %s", e.msg))
		return;
	EQ_I(make(&g, "1/a", "x"), 0, "with a file");
	(void)snprintf(other, sizeof(other), "%s.old", g.name);
	OK(renameat(statefd, g.name, statefd, other) == 0 && mkdirat(statefd, g.name, 0700) == 0,
	    "the folder exchanged under us");
	refused(&g, "1/a", "an exchanged folder");
	OK(unlinkat(statefd, g.name, AT_REMOVEDIR) == 0 &&
		renameat(statefd, other, statefd, g.name) == 0, "put right");
	OK(fchmod(g.dirfd, 0755) == 0, "opened to others");
	refused(&g, "1/a", "a folder that others can enter");
	OK(fchmod(g.dirfd, 0700) == 0, "closed again");
	EQ_I(guard_end(&g, false, &e), 0, "the drill ends");
	OK(faccessat(statefd, g.name, F_OK, 0) < 0 && errno == ENOENT, "and nothing is left");
}

static void
zero(void)
{
	struct guard none = {.f = fio_os(), .statefd = statefd, .dirfd = basefd, .copyfd = basefd,
	    .backfd = -1, .lockfd = -1, .lastfd = -1, .uid = geteuid()};
	struct stat st;

	(void)fstat(basefd, &st);
	none.dev = st.st_dev;
	none.ino = st.st_ino;
	(void)snprintf(none.name, sizeof(none.name), "..");
	refused(&none, "victim", "a guard that made no folder");
	OK(holds(basefd, "victim", "precious"), "the file is as it was");
}

static void
left_over(void)
{
	struct guard a, b;
	struct err e = {0};
	char name[48];

	EQ_I(guard_new(fio_os(), statefd, &a, &e), 0, "a drill");
	(void)snprintf(name, sizeof(name), "%s", a.name);
	EQ_I(guard_new(fio_os(), statefd, &b, &e), 0, "another at the same time");
	OK(faccessat(statefd, name, F_OK, 0) == 0, "a running drill is left alone");
	(void)close(a.lockfd); /* as when the process dies */
	EQ_I(guard_end(&b, true, &e), 0, "the other is kept");
	EQ_I(guard_new(fio_os(), statefd, &b, &e), 0, "a third");
	OK(strcmp(b.name, name) == 0, "takes the place of the one that died");
	EQ_I(guard_end(&b, false, &e), 0, "and ends");
	OK(faccessat(statefd, "drill/3", F_OK, 0) == 0 ||
		faccessat(statefd, "drill/2", F_OK, 0) == 0,
	    "what was kept is still there");
}

int
main(void)
{
	const char *tmp = getenv("TMPDIR");
	struct guard g;
	struct err e = {0};

	(void)snprintf(base, sizeof(base), "%.40s/guard.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(base))
		return 1;
	basefd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mkdirat(basefd, "state", 0700) < 0)
		return 1;
	statefd = openat(basefd, "state", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!OK(guard_new(fio_os(), statefd, &g, &e) == 0, "a guarded folder %s", e.msg))
		return tap_done();
	inside(&g);
	paths(&g);
	links(&g);
	others(&g);
	marker(&g);
	swapped();
	zero();
	left_over();
	return tap_done();
}
