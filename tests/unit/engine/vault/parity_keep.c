/* Parity after a removal: what is left is protected as before, at every moment at which the run
 * that sees to it may be killed; what is removed is neither missed nor brought back. */
#include "fault/keeplib.h"

#include "base/time.h"
#include "fault/fio.h"
#include "tap.h"
#include "vault/parity_int.h"

enum { DAYS = 17 };

static struct vt v;
static struct kt t;
static char par[320], was[320], half[320];
static const struct parity_how plain;

static bool
backup(bool drilled)
{
	static unsigned round_no;
	struct vault_generation g = {0};
	struct err e = {0};
	int r;

	vt_source(&v, round_no++);
	r = vt_backup(&v, fio_os(), &g, &e);
	if (r == 0)
		r = kt_note(&t, &g, drilled, &e);
	free(g.runs);
	if (r < 0)
		printf("# %s\n", e.msg);
	return r == 0;
}

static struct parity_cover
cover(const char *dir)
{
	struct parity_cover c;
	struct err e = {0};

	if (parity_look(fio_os(), v.repo, dir, &c, &e) < 0) {
		printf("# %s\n", e.msg);
		c = (struct parity_cover){.weak = 999999};
	}
	return c;
}

static struct parity_report
make(const char *dir)
{
	struct parity_report rep;
	struct err e = {0};

	if (parity_make(fio_os(), v.repo, dir, &plain, &rep, &e) < 0) {
		printf("# %s\n", e.msg);
		rep = (struct parity_report){.damaged = 999999};
	}
	return rep;
}

static struct repair_report
repair(const char *dir)
{
	struct repair_how how = {.parity = dir};
	struct repair_report rep;
	struct err e = {0};

	if (parity_repair(fio_os(), v.repo, &how, &rep, &e) < 0) {
		printf("# %s\n", e.msg);
		rep = (struct repair_report){.lost = 999999};
	}
	return rep;
}

static unsigned
files_in(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *de;
	unsigned n = 0;

	while (d && (de = readdir(d)))
		n += strncmp(de->d_name, "par-", 4) == 0;
	(void)closedir(d);
	return n;
}

static const char *
seg_path(const char *repo, const uint8_t id[FMT_ID_LEN])
{
	static char path[400];
	char name[2 * FMT_ID_LEN + 1];

	hex_put(name, id, FMT_ID_LEN);
	(void)snprintf(path, sizeof(path), "%s/seg/%s", repo, name);
	return path;
}

static void
lose(const uint8_t id[FMT_ID_LEN])
{
	if (unlink(seg_path(v.repo, id)) < 0)
		vt_die("unlink");
}

static void
flip(const uint8_t id[FMT_ID_LEN], off_t at)
{
	const char *path = seg_path(v.repo, id);
	uint8_t b = 0;
	int fd;

	(void)chmod(path, 0600);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || pread(fd, &b, 1, at) != 1)
		vt_die(path);
	b ^= 0x41;
	if (pwrite(fd, &b, 1, at) != 1)
		vt_die(path);
	(void)close(fd);
}

static bool
same(const uint8_t id[FMT_ID_LEN])
{
	static uint8_t a[4 << 20], b[4 << 20];
	int x = open(seg_path(v.repo, id), O_RDONLY | O_CLOEXEC);
	int y = open(seg_path(was, id), O_RDONLY | O_CLOEXEC);
	ssize_t n = x < 0 ? -1 : read(x, a, sizeof(a)), m = y < 0 ? -2 : read(y, b, sizeof(b));

	if (x >= 0)
		(void)close(x);
	if (y >= 0)
		(void)close(y);
	return n > 0 && n == m && n < (ssize_t)sizeof(a) && memcmp(a, b, (size_t)n) == 0;
}

/* as_it_was(r): Every segment that is not removed, byte by byte, and no other. */
static bool
as_it_was(const struct repo *r)
{
	for (uint32_t i = 0; i < r->nsegs; i++) {
		if (repo_gone(r, i) ? access(seg_path(v.repo, r->segs[i].rec.seg), F_OK) == 0 :
		    !same(r->segs[i].rec.seg)) {
			printf("# segment %u\n", i);
			return false;
		}
	}
	return true;
}

static struct repo *
repo(void)
{
	struct repo *r = NULL;

	if (repo_open(fio_os(), v.repo, &r, NULL) < 0)
		vt_die("repo");
	return r;
}

static void
remove_old(void)
{
	struct keep_reaped done;
	struct err e = {0};
	bool good = true;
	int n, r = -1;

	kt_pass(&t, 30);
	good = backup(true);
	n = kt_ask(&t, "guideline", &e);
	good = good && n > 0 && keep_approve(t.k, &t.now, t.people[0], &e) == 0 &&
	    keep_approve(t.k, &t.now, t.people[1], &e) == 0;
	kt_pass(&t, 8);
	OK(good && make(par).damaged == 0, "covered until the last moment");
	vt_copy(v.repo, was);
	if (good)
		r = keep_reap(fio_os(), v.repo, t.k, &t.now, &done, &e);
	OK(r == 0 && done.segments > 4, "generations go, and their segments (%s)",
	    r < 0 ? e.msg : "no error");
}

/* The worst group: three or more of it are removed, and the loss of one more cannot be made good.
 */
static void
without(void)
{
	struct vec heads;
	struct repo *r = repo();
	int fd = open(par, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct parity_cover c = cover(par);
	uint32_t one = UINT32_MAX;

	OK(c.weak > 0 && c.none == 0 && c.full + c.weak == c.segments,
	    "it is said that %u of %u are protected less", (unsigned)c.weak, (unsigned)c.segments);
	vec_init(&heads, sizeof(struct par_head), PAR_FILES);
	OK(par_files(fio_os(), fd, par, r->ident.repo, &heads, NULL) == 0, "the files");
	for (size_t i = 0; i < heads.len && one == UINT32_MAX; i++) {
		const struct par_head *h = VEC_AT(&heads, struct par_head, i);

		for (unsigned k = 0; k < h->n && par_removed(r, h) > 2; k++)
			if (!repo_gone(r, h->m[k].no))
				one = h->m[k].no;
	}
	OK(one != UINT32_MAX, "a group with three removed members");
	lose(r->segs[one].rec.seg);
	EQ_I(repair(par).lost, 1, "cannot help with one more");
	/* put it back from the copy, by the same function */
	struct repair_how how = {.copy = was};
	struct repair_report rep;

	OK(parity_repair(fio_os(), v.repo, &how, &rep, NULL) == 0 && rep.lost == 0 &&
	    rep.repaired == 1, "from a copy it comes back, and nothing else does");
	OK(as_it_was(r), "what is removed stays removed");
	vec_free(&heads);
	(void)close(fd);
	repo_close(r);
}

/* Killed at every operation that changes anything: each segment is protected as well as before, or
 * better. */
static void
killed(void)
{
	static const int kinds[] = {FF_OPEN, FF_WRITE, FF_DATASYNC, FF_SYNC, FF_RENAME, FF_UNLINK};
	struct parity_cover before = cover(par), c;
	struct parity_report rep;
	int worse = 0, points = 0;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		int r = -1;

		for (unsigned long at = 1; r < 0 && at < 10000; at += at < 6 ? 1 : 5) {
			struct fault_fio ff;
			const struct fio *f = fault_fio_init(&ff);
			struct err e;

			vt_rm(half);
			vt_copy(par, half);
			ff.fail_at = at;
			ff.only = kinds[i];
			ff.sys = EIO;
			ff.dead = true;
			r = parity_make(f, v.repo, half, &plain, &rep, &e);
			c = cover(half);
			worse += c.none > 0 || c.full < before.full ||
			    c.segments != before.segments;
			points++;
		}
	}
	OK(points > 20 && points < 1000, "killed at %d moments", points);
	EQ_I(worse, 0, "never is anything protected less");
	OK(make(half).damaged == 0 && cover(half).weak == 0, "and the next run gets through");
}

static void
anew(void)
{
	struct parity_report rep = make(par);
	struct parity_cover c = cover(par);

	OK(rep.made > 0 && rep.dropped > 0 && rep.removed > 0 && rep.damaged == 0,
	    "the next run makes %u groups anew", (unsigned)rep.made);
	OK(c.full == c.segments && c.segments == rep.segments, "then all of it is protected");
	EQ_I(files_in(par), (int)(2 * rep.groups), "two files a group, and no others");
	rep = make(par);
	OK(rep.made == 0 && rep.dropped == 0, "again: nothing to do");
}

/* harm(p, how): Of each group: 0: two are lost; 1: two have wrong bytes; 2: one is lost, and its
 * first parity file. */
static void
harm(const struct par_plan *p, int how)
{
	for (size_t i = 0; i < p->n; i++) {
		struct par_head h = p->groups[i];
		char name[PAR_NAME], path[400];

		for (unsigned k = 0; k < h.n && k < (how == 2 ? 1 : 2); k++) {
			unsigned which = (k * 5 + (unsigned)i) % h.n;

			if (k && which == (unsigned)i % h.n)
				which = (which + 1) % h.n;
			if (how == 1)
				flip(h.m[which].id, FMT_HEADER_LEN + 77 + k);
			else
				lose(h.m[which].id);
		}
		h.which = 0;
		par_name(&h, name);
		(void)snprintf(path, sizeof(path), "%s/%s", par, name);
		if (how == 2 && unlink(path) < 0)
			vt_die(path);
	}
}

static void
helps(void)
{
	static const char *const what[] = {"two lost of each group", "two damaged of each group",
	    "one lost of each group, and a parity file"};
	struct repo *r = repo();
	struct par_plan p;

	if (par_plan(r, &p, NULL) < 0)
		vt_die("plan");
	for (int how = 0; how < 3; how++) {
		struct repair_report rep;

		harm(&p, how);
		rep = repair(par);
		OK(rep.lost == 0 && rep.repaired >= p.n && as_it_was(r), "%s: as it was",
		    what[how]);
	}
	OK(cover(par).weak > 0, "a parity file that is missing is noticed");
	OK(make(par).made == p.n, "and made anew");
	par_plan_free(&p);
	repo_close(r);
}

/* A file that is merely missing is not planned away: its group keeps what it has until it is put
 * right, also when others arrive. */
static void
missing(void)
{
	struct repo *r = repo();
	struct par_plan p;
	struct parity_report rep;
	struct parity_cover c;
	unsigned lost = 0;

	if (par_plan(r, &p, NULL) < 0)
		vt_die("plan");
	/* of each class's last group, which grows */
	for (size_t i = 0; i < p.n; i++) {
		if (i + 1 == p.n || p.groups[i + 1].cls != p.groups[i].cls) {
			lose(p.groups[i].m[0].id);
			lost++;
		}
	}
	OK(backup(false), "a backup while segments are missing");
	rep = make(par);
	OK(rep.damaged > 0, "groups with missing members are not made (%u)", (unsigned)rep.damaged);
	OK(repair(par).lost == 0, "the older files put them right (%u)", lost);
	OK(as_it_was(r), "as it was");
	rep = make(par);
	c = cover(par);
	OK(rep.damaged == 0 && c.full == c.segments, "then all are covered");
	EQ_I(files_in(par), (int)(2 * rep.groups), "and nothing is left over");
	par_plan_free(&p);
	repo_close(r);
}

int
main(void)
{
	bool good = true;
	struct err e = {0};

	vt_new(&v);
	(void)snprintf(par, sizeof(par), "%s/par", v.top);
	(void)snprintf(was, sizeof(was), "%s/was", v.top);
	(void)snprintf(half, sizeof(half), "%s/half", v.top);
	kt_new(&t, &v, fio_os());
	good = kt_name_two(&t, &e) == 0;
	for (int d = 0; d < DAYS; d++) {
		kt_pass(&t, 1);
		good &= backup(true);
		if (d == DAYS / 2)
			good &= make(par).made > 0;
	}
	OK(good, "%d days of backups", DAYS);
	remove_old();
	without();
	killed();
	anew();
	helps();
	missing();
	kt_close(&t);
	kt_keys_free(&t);
	vt_free(&v);
	return tap_done();
}
