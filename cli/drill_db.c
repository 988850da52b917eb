#include "cli/drill_db.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "sys/jail.h"
#include "vault/overlay.h"

enum { MAX_FOUND = 64, HOUR = 3600, OUT_MAX = 1 << 20 };

/* Inside the namespaces everything of the drill is below here; every Debian has the folder. */
#define TOP "/mnt"

/* ---- what there is to check ---- */

struct found {
	char path[PATH_MAX];
	bool pg;
	uid_t uid;
	gid_t gid;
};

static struct found *found; /* of the one process that looks: nftw has no cookie */
static size_t nfound;

static bool
named_like_sqlite(const char *path)
{
	static const char *const ends[] = {".db", ".db3", ".sqlite", ".sqlite3", ".sqlitedb"};
	size_t n = strlen(path);

	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		size_t k = strlen(ends[i]);

		if (n > k && strcasecmp(path + n - k, ends[i]) == 0)
			return true;
	}
	return false;
}

static bool
begins_like_sqlite(const char *path)
{
	char head[16] = "";
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t n = fd >= 0 ? pread(fd, head, sizeof(head), 0) : -1;

	if (fd >= 0)
		(void)close(fd);
	return n == (ssize_t)sizeof(head) && memcmp(head, "SQLite format 3", 16) == 0;
}

static int
visit(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	bool pg = type == FTW_F && strcmp(path + ftw->base, "PG_VERSION") == 0;
	char beside[PATH_MAX];

	if (nfound == MAX_FOUND || type != FTW_F)
		return 0;
	if (pg) { /* each database inside has one, too; the cluster's own has global/pg_control */
		(void)snprintf(beside, sizeof(beside), "%.*s/global/pg_control",
		    ftw->base > 0 ? ftw->base - 1 : 0, path);
		if (access(beside, F_OK) != 0)
			return 0;
	} else if (!named_like_sqlite(path) || st->st_size < 512 || !begins_like_sqlite(path)) {
		return 0;
	}
	struct found *f = &found[nfound++];

	*f = (struct found){.pg = pg, .uid = st->st_uid, .gid = st->st_gid};
	(void)snprintf(f->path, sizeof(f->path), "%.*s",
	    pg && ftw->base > 0 ? ftw->base - 1 : PATH_MAX - 1, path);
	return 0;
}

/* ---- one database, in a process of its own with the owner's rights ---- */

json_t *
drill_sqlite(const char *path)
{
	const char *outcome = "fail", *detail = "";
	sqlite3 *db = NULL;
	sqlite3_stmt *s = NULL;
	json_t *o;
	int r = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL);

	if (r == SQLITE_OK)
		r = sqlite3_prepare_v2(db, "PRAGMA integrity_check(5)", -1, &s, NULL);
	if (r == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW) {
		detail = (const char *)sqlite3_column_text(s, 0);
		if (detail && strcmp(detail, "ok") == 0)
			outcome = "pass";
	} else {
		detail = db ? sqlite3_errmsg(db) : "no memory";
	}
	o = json_pack("{s:s, s:s, s:s}", "kind", "sqlite", "version", "3", "outcome", outcome);
	if (o && strcmp(outcome, "pass") != 0)
		(void)json_object_set_new(o, "detail", json_string(detail ? detail : ""));
	(void)sqlite3_finalize(s);
	(void)sqlite3_close(db);
	return o;
}

/* An SQLite file is opened by this very program: it sees the opened generation and nothing else. A
 * PostgreSQL server is its own program and needs more. */
static bool
shut_in(void)
{
	const struct jail_path paths[] = {{TOP "/data", JAIL_READ | JAIL_WRITE}};
	const struct jail j = {.paths = paths, .npaths = 1, .sets = JAIL_S_FILES,
	    .min_level = JAIL_BASIC};
	struct jail_report report;

	return jail_enter(&j, &report, NULL) == 0;
}

static bool
become(const struct found *f)
{
	struct rlimit none = {0, 0};

	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	/* the server of the folder may still need the network for a vault elsewhere; these do not
	 */
	if (unshare(CLONE_NEWNET) < 0)
		return false;
	/* a server is never root; a file of root's is read as root, in a jail */
	if (geteuid() == 0 && (f->pg || f->uid != 0) &&
	    (setgroups(0, NULL) < 0 || setgid(f->gid ? f->gid : 65534) < 0 ||
	    setuid(f->uid ? f->uid : 65534) < 0))
		return false;
	return f->pg || shut_in();
}

static json_t *
one(const struct found *f, unsigned no)
{
	char run[64], *text;
	int fd[2], status;
	struct buf out;
	json_t *o = NULL;
	ssize_t n;
	pid_t pid;

	(void)snprintf(run, sizeof(run), TOP "/run%u", no);
	if (mkdir(run, 0700) < 0 || pipe2(fd, O_CLOEXEC) < 0)
		return NULL;
	if (geteuid() == 0)
		(void)!chown(run, f->uid ? f->uid : 65534, f->gid ? f->gid : 65534);
	pid = fork();
	if (pid == 0) {
		o = become(f) ? (f->pg ? drill_pg(f->path, run) : drill_sqlite(f->path)) : NULL;
		text = o ? json_dumps(o, JSON_COMPACT) : NULL;
		if (text)
			(void)!write(fd[1], text, strlen(text));
		_exit(text ? 0 : 1);
	}
	(void)close(fd[1]);
	buf_init(&out, OUT_MAX);
	while (pid > 0 && buf_reserve(&out, 4096, NULL) == 0 &&
	    (n = read(fd[0], out.p + out.len, 4096)) > 0)
		out.len += (size_t)n;
	(void)close(fd[0]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	o = json_loadb((const char *)out.p, out.len, 0, NULL);
	buf_free(&out);
	if (!o)
		o = json_pack("{s:s, s:s, s:s, s:s}", "kind", f->pg ? "postgresql" : "sqlite",
		    "version", "", "outcome", "fail", "detail", "the check itself broke off");
	return o;
}

/* ---- the namespaces ---- */

struct inside {
	const struct drill_db *d;
	VAULT_R *r; /* NULL: the repository lies elsewhere, and whoever reads it opens it */
	const struct vault_generation *g;
	uint8_t id[FMT_ID_LEN]; /* of the generation */
	int64_t at;
	int ready;
};

static void
on_ready(void *cookie)
{
	struct inside *in = cookie;

	(void)!write(in->ready, "y", 1);
}

/* reach(d, what, ret_r, ret_g, e): Open the repository for reading and find a generation. */
static int
reach(const struct drill_db *d, const char *what, VAULT_R **ret_r,
    const struct vault_generation **ret_g, struct err *e)
{
	struct vault_place pl = vault_place_of(d->st->dirfd);
	struct vault_open o = {.secret = d->secret, .place = &pl};
	int r = vault_r_open(fio_os(), d->repo, &o, ret_r, e);

	return r < 0 ? r : vault_r_find(*ret_r, what, ret_g, e);
}

/* again(in, e): The connections and threads of a handle do not outlive a fork. So the process that
 * serves makes its own; the network is still there for it, unlike for the databases. */
static int
again(struct inside *in, struct err *e)
{
	char hex[2 * FMT_ID_LEN + 1];

	if (in->r)
		return 0;
	hex_put(hex, in->id, FMT_ID_LEN);
	return reach(in->d, hex, &in->r, &in->g, e);
}

/* open_here(in): The process that serves the generation at TOP/data. */
static void
open_here(struct inside *in)
{
	struct vault_overlay_opts o = {.allow_other = geteuid() == 0, .lazy = true, .stop_fd = -1,
	    .ready = on_ready, .cookie = in};
	struct err e = {0};

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (again(in, &e) < 0 ||
	    vault_overlay(in->r, in->g, TOP "/data", TOP "/overlay", &o, &e) < 0)
		dprintf(in->ready, "%s", e.msg);
	_exit(0);
}

static json_t *
check_all(void)
{
	json_t *list = json_array();
	struct found *f;

	for (unsigned i = 0; i < nfound; i++) {
		f = &found[i];
		json_t *o = one(f, i);

		if (o)
			(void)json_object_set_new(o, "path",
			    json_string(f->path + strlen(TOP "/data")));
		(void)json_array_append_new(list, o);
	}
	return list;
}

static json_t *
cannot(const char *why)
{
	return json_pack("{s:s, s:[], s:s}", "outcome", "unknown", "databases", "detail", why);
}

static json_t *
look_inside(struct inside *in)
{
	char why[512];
	int fd[2];
	ssize_t n;
	pid_t pid;

	if (pipe2(fd, O_CLOEXEC) < 0)
		return cannot("no pipe");
	in->ready = fd[1];
	pid = fork();
	if (pid == 0)
		open_here(in);
	(void)close(fd[1]);
	n = pid > 0 ? read(fd[0], why, sizeof(why) - 1) : -1;
	(void)close(fd[0]);
	if (n != 1 || why[0] != 'y') {
		why[n > 0 ? n : 0] = 0;
		return cannot(n > 1 ? why : "the generation could not be opened here");
	}
	found = calloc(MAX_FOUND, sizeof(*found));
	if (!found || nftw(TOP "/data", visit, 32, FTW_PHYS) < 0)
		return cannot("the generation could not be searched");
	return json_pack("{s:o}", "databases", check_all());
}

/* fresh_proc(): So that nothing inside sees the machine's processes. */
static void
fresh_proc(void)
{
	(void)mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
}

/* pid1(in, work, out): The first process of the namespaces: when it ends, all of them do. */
static void
pid1(struct inside *in, const char *work, int out)
{
	json_t *o;
	char *text;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount(work, TOP, NULL, MS_BIND, NULL) < 0) {
		o = cannot("this machine allows no private mounts");
	} else {
		fresh_proc();
		(void)!chdir("/");
		o = look_inside(in);
	}
	text = o ? json_dumps(o, JSON_COMPACT) : NULL;
	if (text)
		(void)!write(out, text, strlen(text));
	_exit(0);
}

static bool
put_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		(void)close(fd);
	return ok;
}

/* apart(): Namespaces for this process and those it starts. Without root a user namespace comes
 * first, in which this user has the right to make the others. */
static bool
apart(void)
{
	int flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;
	unsigned uid = geteuid(), gid = getegid();
	char map[64];

	if (uid == 0)
		return unshare(flags) == 0;
	if (unshare(flags | CLONE_NEWUSER) < 0)
		return false;
	(void)snprintf(map, sizeof(map), "%u %u 1", uid, uid);
	if (!put_file("/proc/self/uid_map", map))
		return false;
	(void)put_file("/proc/self/setgroups", "deny");
	(void)snprintf(map, sizeof(map), "%u %u 1", gid, gid);
	return put_file("/proc/self/gid_map", map);
}

/* child(in, work, out): Leaves the machine's namespaces, then waits for the first process inside.
 */
static void
child(struct inside *in, const char *work, int out)
{
	int status;
	pid_t pid;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!apart()) {
		json_t *o = cannot("this machine allows no namespaces to a program of this user");
		char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;

		if (text)
			(void)!write(out, text, strlen(text));
		_exit(0);
	}
	pid = fork();
	if (pid == 0)
		pid1(in, work, out);
	(void)close(out);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	_exit(0);
}

/* ---- from outside ---- */

/* read_until(fd, seconds, out): Everything up to the end of the pipe; false when time ran out. */
static bool
read_until(int fd, double seconds, struct buf *out)
{
	const volatile int *cancel = vault_cancel();
	struct timespec t;
	double end;
	ssize_t n;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	end = (double)t.tv_sec + seconds;
	(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	for (;;) {
		const struct timespec nap = {.tv_nsec = 20000000};

		(void)clock_gettime(CLOCK_MONOTONIC, &t);
		if (*cancel || (double)t.tv_sec > end || buf_reserve(out, 4096, NULL) < 0)
			return false;
		n = read(fd, out->p + out->len, 4096);
		if (n == 0)
			return true;
		if (n > 0)
			out->len += (size_t)n;
		else if (errno == EAGAIN)
			(void)nanosleep(&nap, NULL);
		else if (errno != EINTR)
			return false;
	}
}

static int
sweep(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)ftw;
	(void)(type == FTW_DP ? rmdir(path) : unlink(path));
	return 0;
}

/* settle(o): The whole drill's outcome and times from those of its databases. */
static void
settle(json_t *o)
{
	const char *outcome = json_string_value(json_object_get(o, "outcome"));
	json_int_t first = -1;
	json_t *list = json_object_get(o, "databases"), *v;
	size_t i;

	if (outcome)
		return;
	outcome = json_array_size(list) > 0 ? "pass" : "na";
	json_array_foreach(list, i, v)
	{
		const char *one = json_string_value(json_object_get(v, "outcome"));
		json_int_t ms = json_integer_value(json_object_get(v, "first_answer_ms"));

		first = ms > first ? ms : first;
		if (!one || strcmp(one, "fail") == 0)
			outcome = "fail";
		else if (strcmp(one, "unknown") == 0 && strcmp(outcome, "fail") != 0)
			outcome = "unknown";
	}
	(void)json_object_set_new(o, "outcome", json_string(outcome));
	(void)json_object_set_new(o, "first_answer_ms", json_integer(first));
}

static int
apart_run(const struct drill_db *d, struct inside *in, const char *work, json_t **ret,
    struct err *e)
{
	struct buf out;
	int fd[2], status, r = 0;
	bool ended;
	pid_t pid;

	buf_init(&out, OUT_MAX);
	(void)fflush(NULL);
	if (pipe2(fd, O_CLOEXEC) < 0 || (pid = fork()) < 0)
		return err_sys(e, "a process for the drill");
	if (pid == 0) {
		(void)close(fd[0]);
		child(in, work, fd[1]);
	}
	(void)close(fd[1]);
	ended = read_until(fd[0], d->limit_seconds > 0 ? d->limit_seconds : HOUR, &out);
	(void)close(fd[0]);
	if (!ended)
		(void)kill(pid, SIGKILL); /* and with it everything inside */
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	*ret = ended ? json_loadb((const char *)out.p, out.len, 0, NULL) : NULL;
	if (!ended)
		r = err_set(e, E_CANCEL, "the drill was stopped");
	else if (!*ret)
		r = err_set(e, E_SYS, "the drill's inner process broke off");
	buf_free(&out);
	return r;
}

int
drill_db_run(const struct drill_db *d, json_t **ret, struct err *e)
{
	char work[PATH_MAX + 32], sub[PATH_MAX + 64];
	struct inside in = {.d = d};
	int r;

	(void)snprintf(work, sizeof(work), "%s/drill-database.XXXXXX", d->c->state);
	if (!mkdtemp(work))
		return err_sys(e, "a folder for the drill");
	(void)chmod(work, 0755); /* seen only inside the namespaces, by the databases' users */
	(void)snprintf(sub, sizeof(sub), "%s/data", work);
	r = mkdir(sub, 0755) < 0 ? err_sys(e, "a folder for the drill") : 0;
	if (r == 0)
		r = reach(d, d->system, &in.r, &in.g, e);
	if (r == 0) {
		(void)memcpy(in.id, in.g->id, FMT_ID_LEN);
		in.at = in.g->at;
	}
	if (r == 0 && vault_r_far(in.r)) {
		vault_r_close(in.r);
		in.r = NULL;
	}
	if (r == 0)
		r = apart_run(d, &in, work, ret, e);
	if (r == 0) {
		char hex[2 * FMT_ID_LEN + 1];

		settle(*ret);
		hex_put(hex, in.id, FMT_ID_LEN);
		(void)json_object_set_new(*ret, "generation", json_string(hex));
		(void)json_object_set_new(*ret, "generation_at_us", json_integer(in.at));
	}
	vault_r_close(in.r);
	(void)nftw(work, sweep, 32, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	return r;
}
