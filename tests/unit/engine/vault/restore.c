/* Restoring lists of files that an attacker wrote, and onto disks that fail. */
#include "mkgen.h"

#include <errno.h>
#include <stdatomic.h>

#include "vault/restore.h"
#include "vault/verify.h"

static struct mk m;
static char out[200], outside[200];

static void
fresh(void)
{
	if (m.repo)
		mk_free(&m);
	mk_new(&m);
	(void)snprintf(out, sizeof(out), "%s/out", m.dir);
	(void)snprintf(outside, sizeof(outside), "%s/outside", m.dir);
}

static bool
contains(const char *dir, const char *name, const char *want)
{
	char path[512], got[64] = "";
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "r");
	if (!f)
		return false;
	if (!fgets(got, sizeof(got), f))
		got[0] = 0;
	(void)fclose(f);
	return strcmp(got, want) == 0;
}

static bool
there(const char *dir, const char *name)
{
	char path[512];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	return lstat(path, &st) == 0;
}

/* give_back(o, rep): Restore the newest generation into a fresh ${out} (unless resuming). */
static int
give_back(struct vault_restore_opts o, struct vault_restore_report *rep, struct err *e)
{
	struct vault_open with = {.secret = m.secret};
	const struct vault_generation *g;
	char cmd[1000];
	VAULT_R *r = NULL;
	int x;

	if (!o.resume) {
		(void)snprintf(cmd, sizeof(cmd),
		    "rm -rf '%s' '%s'; mkdir '%s'; echo secret >'%s/secret'", out, outside, outside,
		    outside);
		if (system(cmd) != 0)
			printf("# %s\n", cmd);
	}
	o.to = out;
	*rep = (struct vault_restore_report){0};
	x = vault_r_open(fio_os(), m.repo_path, &with, &r, e);
	if (x == 0)
		x = vault_r_find(r, "latest", &g, e);
	if (x == 0)
		x = vault_restore(r, g, &o, rep, e);
	vault_r_close(r);
	return x;
}

static bool
problem(const struct vault_restore_report *rep, const char *path, enum restore_kind kind)
{
	for (size_t i = 0; i < rep->nlisted; i++)
		if (strcmp(rep->problems[i].path, path) == 0 && rep->problems[i].kind == kind)
			return true;
	return false;
}

static uint64_t
verify_errors(void)
{
	struct vault_verify_opts o = {.depth = VERIFY_DEEP, .secret = m.secret};
	struct vault_verify_report rep;
	struct err e = {0};
	uint64_t n;

	if (vault_verify(fio_os(), m.repo_path, &o, &rep, &e) < 0)
		printf("# %s\n", e.msg);
	n = rep.nerrors;
	vault_verify_report_free(&rep);
	return n;
}

/* ---- paths that lead out ---- */

static void
test_links_out(unsigned threads)
{
	struct tree_entry list[8];
	struct tree_extent x[3];
	struct vault_restore_report rep;
	struct err e = {0};
	char up[256];
	int r;

	(void)snprintf(up, sizeof(up), "%s", outside);
	list[0] = mk_entry("", "a", TREE_SYMLINK, up);
	list[1] = mk_entry("", "f", TREE_FILE, NULL);
	mk_data(&m, &list[1], &x[0], "plain", 5);
	list[2] = mk_entry("", "good", TREE_DIR, NULL);
	list[3] = mk_entry("", "h", TREE_HARDLINK, "a/secret");
	list[4] = mk_entry("a", "planted", TREE_FILE, NULL);
	mk_data(&m, &list[4], &x[1], "evil", 4);
	list[5] = mk_entry("a", "planted-dir", TREE_DIR, NULL);
	list[6] = mk_entry("f", "below-a-file", TREE_FILE, NULL);
	mk_data(&m, &list[6], &x[2], "evil", 4);
	list[7] = mk_entry("good", "l", TREE_SYMLINK, "../../../../../../etc/passwd");
	mk_generation(&m, list, 8);
	r = give_back((struct vault_restore_opts){.threads = threads}, &rep, &e);
	OK(r == 0, "a list that leads out through a link is restored as far as it goes (%s)",
	    e.msg);
	OK(!there(outside, "planted") && !there(outside, "planted-dir"),
	    "nothing is written outside the target");
	/* which of two things of one name comes first is open; that both cannot be is said */
	OK(problem(&rep, "a/planted", RESTORE_INWAY) || problem(&rep, "a", RESTORE_INWAY),
	    "the link, or what is below it, is reported");
	OK(problem(&rep, "f/below-a-file", RESTORE_INWAY) || problem(&rep, "f", RESTORE_INWAY),
	    "a file that is also a folder is reported");
	OK(problem(&rep, "h", RESTORE_DAMAGED) || problem(&rep, "h", RESTORE_INWAY),
	    "a hard link to a place outside is not made");
	OK(!there(out, "h") || !contains(out, "h", "secret\n"), "and shows nothing from there");
	OK(there(out, "good/l"), "a link is text, whatever it says");
	vault_restore_report_free(&rep);
}

static void
dots(uint8_t *p, size_t n)
{
	uint8_t *at = memmem(p, n, "zz", 2);

	if (at)
		(void)memcpy(at, "..", 2);
}

static void
slash(uint8_t *p, size_t n)
{
	uint8_t *at = memmem(p, n, "zz", 2);

	if (at)
		(void)memcpy(at, "/z", 2);
}

static void
test_names_out(void)
{
	void (*const bends[])(uint8_t *, size_t) = {dots, slash};
	struct vault_restore_report rep;
	struct tree_entry list[3];
	struct tree_extent x[2];
	struct err e = {0};

	for (size_t i = 0; i < ARRAY_LEN(bends); i++) {
		list[0] = mk_entry("", "a", TREE_FILE, NULL);
		mk_data(&m, &list[0], &x[0], "first", 5);
		list[1] = mk_entry("", "zz", TREE_DIR, NULL);
		list[2] = mk_entry("zz", "planted", TREE_FILE, NULL);
		mk_data(&m, &list[2], &x[1], "evil", 4);
		m.bend_block = bends[i];
		mk_generation(&m, list, 3);
		OK(give_back((struct vault_restore_opts){0}, &rep, &e) == 0 && rep.nproblems == 1 &&
			rep.problems[0].kind == RESTORE_LIST,
		    "a name that cannot be is damage (%zu)", i);
		OK(contains(out, "a", "first"), "what stands before it is restored");
		OK(!there(m.dir, "planted") && !there("/", "planted"),
		    "nothing is written elsewhere");
		vault_restore_report_free(&rep);
		OK(verify_errors() >= 1, "deep verification names it");
		fresh();
	}
}

/* ---- lists that do not fit their data ---- */

static void
test_lies(void)
{
	struct vault_restore_report rep;
	struct tree_entry list[3];
	struct tree_extent x[2];
	uint8_t nowhere[FMT_ID_LEN] = {9};
	struct err e = {0};

	list[0] = mk_entry("", "a", TREE_FILE, NULL);
	mk_data(&m, &list[0], &x[0], "first", 5);
	list[1] = mk_entry("", "b", TREE_FILE, NULL);
	mk_data(&m, &list[1], &x[1], "other", 5);
	mk_generation(&m, list, 2);
	EQ_I(verify_errors(), 0, "an honest generation holds");

	mk_data(&m, &list[0], &x[0], "first", 5);
	mk_data(&m, &list[1], &x[1], "other", 5);
	list[1].fid[3] ^= 1;
	mk_generation(&m, list, 2);
	EQ_I(verify_errors(), 1, "a file whose digest is another's is found");

	mk_data(&m, &list[0], &x[0], "first", 5);
	mk_data(&m, &list[1], &x[1], "other", 5);
	x[1].off = 1; /* across the border of two chunks */
	mk_generation(&m, list, 2);
	EQ_I(verify_errors(), 2, "a piece that is no chunk is found");

	list[0].extents = &x[0];
	x[0] = (struct tree_extent){.seg = nowhere, .len = 5};
	mk_data(&m, &list[1], &x[1], "other", 5);
	mk_generation(&m, list, 2);
	OK(give_back((struct vault_restore_opts){0}, &rep, &e) == 0 && rep.files == 1 &&
	    problem(&rep, "a", RESTORE_DAMAGED), "a segment the log does not know is damage");
	OK(contains(out, "b", "other"), "of that file only");
	vault_restore_report_free(&rep);

	mk_data(&m, &list[0], &x[0], "first", 5);
	mk_data(&m, &list[1], &x[1], "other", 5);
	m.lie_count = 1;
	mk_generation(&m, list, 2);
	OK(give_back((struct vault_restore_opts){0}, &rep, &e) == 0 && rep.nproblems == 1 &&
	    rep.problems[0].kind == RESTORE_LIST, "a list shorter than it should be is said");
	vault_restore_report_free(&rep);
}

/* ---- a target that fails ---- */

static atomic_int calls, fail_at, fail_errno;

static bool
failing(void)
{
	if (atomic_fetch_add(&calls, 1) + 1 != atomic_load(&fail_at))
		return false;
	errno = atomic_load(&fail_errno);
	return true;
}

static int
f_open(void *ctx, int dirfd, const char *path, int flags, mode_t mode)
{
	return failing() ? -1 : fio_os()->open_at(ctx, dirfd, path, flags, mode);
}

static ssize_t
f_pwrite(void *ctx, int fd, const void *p, size_t n, off_t off)
{
	return failing() ? -1 : fio_os()->pwrite(ctx, fd, p, n, off);
}

static int
f_truncate(void *ctx, int fd, off_t len)
{
	return failing() ? -1 : fio_os()->ftruncate(ctx, fd, len);
}

static int
f_mkdir(void *ctx, int dirfd, const char *path, mode_t mode)
{
	return failing() ? -1 : fio_os()->mkdir_at(ctx, dirfd, path, mode);
}

static void
make_ordinary(void)
{
	static struct tree_entry list[64];
	static struct tree_extent x[64];
	static char names[64][16], data[64][3000];
	size_t n = 0;

	list[n++] = mk_entry("", "src", TREE_DIR, NULL);
	for (int i = 0; i < 20; i++) {
		(void)snprintf(names[n], sizeof(names[n]), "file-%02d", i);
		(void)memset(data[n], 'a' + i, sizeof(data[n]));
		list[n] = mk_entry("src", names[n], TREE_FILE, NULL);
		mk_data(&m, &list[n], &x[n], data[n], (size_t)(i * 150));
		if (i == 0)
			list[n].nextents = 0, list[n].size = 0;
		n++;
	}
	list[n++] = mk_entry("src", "hard", TREE_HARDLINK, "src/file-05");
	list[n++] = mk_entry("src", "sub", TREE_DIR, NULL);
	for (size_t i = 0; i + 1 < n; i++) /* by name: "file-.." < "hard" < "sub" */
		if (i > 1 && strcmp(list[i].name, list[i + 1].name) >= 0)
			printf("# not in order at %zu\n", i);
	list[n] = mk_entry("src/sub", "hole", TREE_FILE, NULL);
	x[n] = (struct tree_extent){.len = 100000};
	list[n].extents = &x[n];
	list[n].nextents = 1;
	list[n].size = 100000;
	n++;
	mk_generation(&m, list, n);
}

static bool
all_there(void)
{
	struct stat st;
	char path[300];

	for (int i = 1; i < 20; i++) {
		(void)snprintf(path, sizeof(path), "%s/src/file-%02d", out, i);
		if (stat(path, &st) < 0 || st.st_size != i * 150 || st.st_mtime != 1600000000)
			return false;
	}
	(void)snprintf(path, sizeof(path), "%s/src/sub/hole", out);
	return stat(path, &st) == 0 && st.st_size == 100000 && there(out, "src/hard");
}

static void
test_failing_target(void)
{
	static const int codes[] = {ENOSPC, EIO, EACCES};
	struct fio f = *fio_os();
	struct vault_restore_report rep;
	unsigned silent = 0, stuck = 0, wrong = 0;
	struct err e = {0};
	int n;

	f.open_at = f_open;
	f.pwrite = f_pwrite;
	f.ftruncate = f_truncate;
	f.mkdir_at = f_mkdir;
	make_ordinary();
	fail_at = 0;
	calls = 0;
	OK(give_back((struct vault_restore_opts){.fio = &f}, &rep, &e) == 0 && rep.nproblems == 0 &&
	    all_there(), "all is well without a failure (%s)", e.msg);
	vault_restore_report_free(&rep);
	n = calls;
	for (size_t c = 0; c < ARRAY_LEN(codes); c++) {
		for (int k = 1; k <= n; k++) {
			int r;

			atomic_store(&fail_errno, codes[c]);
			atomic_store(&fail_at, k);
			atomic_store(&calls, 0);
			r = give_back((struct vault_restore_opts){.fio = &f}, &rep, &e);
			if (codes[c] == ENOSPC && r != E_NOSPC && rep.nproblems == 0 &&
			    !all_there())
				wrong++;
			if (r == 0 && rep.nproblems == 0 && !all_there())
				silent++;
			vault_restore_report_free(&rep);
			atomic_store(&fail_at, 0);
			r = give_back(
			    (struct vault_restore_opts){.fio = &f, .resume = true}, &rep, &e);
			if (r < 0 || rep.nproblems > 0 || !all_there()) {
				printf(
				    "# call %d, errno %d: %s\n", k, codes[c], r < 0 ? e.msg : "");
				stuck++;
			}
			vault_restore_report_free(&rep);
		}
	}
	EQ_I(silent, 0, "no failing call of the target passes unsaid");
	EQ_I(wrong, 0, "a full target is named as such");
	EQ_I(stuck, 0, "after each the restore is continued to the end");
	OK(n > 25, "%d calls, %zu ways to fail", n, ARRAY_LEN(codes));
}

static void
test_cancel(void)
{
	volatile int yes = 1;
	struct vault_restore_report rep;
	struct err e = {0};

	EQ_I(give_back((struct vault_restore_opts){.cancel = &yes}, &rep, &e), E_CANCEL,
	    "it stops when asked");
	vault_restore_report_free(&rep);
}

int
main(void)
{
	fresh();
	test_links_out(1);
	test_links_out(4);
	fresh();
	test_names_out();
	test_lies();
	test_failing_target();
	test_cancel();
	mk_free(&m);
	return tap_done();
}
