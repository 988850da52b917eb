/* The power goes away at any moment: what was acknowledged is there, nothing needs repair.
 *
 * A table of system calls records every write, cut and sync of some appends. Then every state that
 * a disk may be left in is built: every beginning of the operations, each not yet synced one
 * applied or lost in any combination, the last one torn at any byte or with any of its sectors
 * missing. */
#include "ledger_help.h"

#include <errno.h>

enum { LOG, HEAD, FILES };
enum { MAX_OPS = 64, IMAGE = 64 << 10, APPENDS = 4, BIG = 5000 };

struct op {
	enum { WRITE, CUT, SYNC } kind;
	int file;
	size_t off, n;
	uint8_t *p;
	int acked; /* appends acknowledged before this operation began */
};

struct image {
	uint8_t p[IMAGE];
	size_t n;
};

static struct {
	int fd[FILES];
	struct op op[MAX_OPS];
	int n, acked;
} rec;

static struct image base[FILES], now[FILES];
static struct ledger_head ack[APPENDS + 1]; /* ack[i]: newest record after i appends */
static uint64_t states, failures;

/* -- recording --------------------------------------------------------------------------------- */

static int
r_open(void *ctx, int dirfd, const char *path, int flags, mode_t mode)
{
	int fd = fio_os()->open_at(ctx, dirfd, path, flags, mode);

	if (strcmp(path, "log") == 0)
		rec.fd[LOG] = fd;
	if (strcmp(path, "head") == 0)
		rec.fd[HEAD] = fd;
	return fd;
}

static void
note(int kind, int fd, const void *p, size_t n, off_t off)
{
	struct op *o = &rec.op[rec.n++];

	if (rec.n > MAX_OPS)
		abort();
	*o = (struct op){.kind = kind, .file = fd == rec.fd[LOG] ? LOG : HEAD, .off = (size_t)off,
	    .n = n, .acked = rec.acked};
	if (p) {
		o->p = malloc(n);
		(void)memcpy(o->p, p, n);
	}
}

static ssize_t
r_pwrite(void *ctx, int fd, const void *p, size_t n, off_t off)
{
	note(WRITE, fd, p, n, off);
	return fio_os()->pwrite(ctx, fd, p, n, off);
}

static int
r_sync(void *ctx, int fd)
{
	note(SYNC, fd, NULL, 0, 0);
	return fio_os()->fdatasync(ctx, fd);
}

static int
r_cut(void *ctx, int fd, off_t len)
{
	note(CUT, fd, NULL, 0, len);
	return fio_os()->ftruncate(ctx, fd, len);
}

static void
load(struct image *im, const char *name, const char *file)
{
	struct blob b = help_read(name, file);

	if (b.n > sizeof(im->p))
		abort();
	(void)memset(im, 0, sizeof(*im));
	(void)memcpy(im->p, b.p, b.n);
	im->n = b.n;
	free(b.p);
}

static void
record(struct signer *s)
{
	static uint8_t big[BIG];
	struct fio f = *fio_os();
	struct ledger *l;

	f.open_at = r_open;
	f.pwrite = r_pwrite;
	f.fdatasync = r_sync;
	f.fsync = r_sync;
	f.ftruncate = r_cut;
	for (int i = 0; i < rec.n; i++)
		free(rec.op[i].p);
	(void)memset(&rec, 0, sizeof(rec));
	(void)memset(big, 0xa5, sizeof(big));
	load(&base[LOG], "c", "log");
	load(&base[HEAD], "c", "head");
	if (ledger_open(&f, help_fd, "c", NULL, &l, NULL) < 0)
		abort();
	ack[0] = ledger_head(l);
	for (int i = 1; i <= APPENDS; i++) {
		if (ledger_append(l, s, LEDGER_T_USER, big, i == 3 ? BIG : (size_t)(40 * i), i,
			&ack[i], NULL) < 0)
			abort();
		rec.acked = i;
	}
	ledger_close(l);
}

/* -- replaying --------------------------------------------------------------------------------- */

static void
apply(const struct op *o)
{
	struct image *im = &now[o->file];

	if (o->kind == WRITE) {
		if (o->off + o->n > IMAGE)
			abort();
		(void)memcpy(im->p + o->off, o->p, o->n);
		if (im->n < o->off + o->n)
			im->n = o->off + o->n;
	} else if (o->kind == CUT) {
		if (o->off < im->n)
			(void)memset(im->p + o->off, 0, im->n - o->off);
		im->n = o->off;
	}
}

/* As apply, with only the bytes of sectors of ${grain} for which the ${mask} has a bit, and the
 * file as long as if all had arrived. */
static void
apply_sectors(const struct op *o, size_t grain, uint64_t mask)
{
	struct image *im = &now[o->file];
	size_t first = o->off / grain;

	for (size_t i = 0; i < o->n; i++) {
		if (mask >> (((o->off + i) / grain - first) & 63) & 1)
			im->p[o->off + i] = o->p[i];
	}
	if (im->n < o->off + o->n)
		im->n = o->off + o->n;
}

static void
fail_state(const char *what, const char *why, int at)
{
	if (failures++ < 5)
		printf("# after operation %d: %s: %s\n", at, what, why);
}

/* Start from ${now}: open, look, append, verify. ${exact}: verification must be content at once. */
static void
check_state(struct signer *s, int at, int acked, bool exact)
{
	struct ledger_report rep = {0};
	struct ledger *l = NULL;
	struct err e = {0};

	states++;
	help_write("r", "log", now[LOG].p, now[LOG].n);
	help_write("r", "head", now[HEAD].p, now[HEAD].n);
	if (ledger_verify(fio_os(), help_fd, "r", NULL, &ack[acked], &rep, &e) < 0)
		fail_state("verify", e.msg, at);
	else if (exact && !rep.ok)
		fail_state("verify", rep.why, at);
	if (ledger_open(help_fast(), help_fd, "r", NULL, &l, &e) < 0) {
		fail_state("open", e.msg, at);
		return;
	}
	if (ledger_head(l).seq < ack[acked].seq)
		fail_state("lost", "an acknowledged record", at);
	if (ledger_append(l, s, LEDGER_T_USER, "after", 5, 9, NULL, &e) < 0 ||
	    ledger_append(l, s, LEDGER_T_USER, "after", 5, 9, NULL, &e) < 0)
		fail_state("append", e.msg, at);
	ledger_close(l);
	if (states % 8 == 0 && /* opening has checked the chain already */
	    (ledger_verify(fio_os(), help_fd, "r", NULL, &ack[acked], &rep, &e) < 0 || !rep.ok))
		fail_state("verify after appending", rep.why, at);
}

struct pending {
	int op[MAX_OPS];
	int n;
};

/* Build what is durable before operation ${at}, and list what was not synced yet. */
static void
durable(int at, struct pending *p)
{
	int synced[FILES] = {-1, -1};

	(void)memcpy(now, base, sizeof(now));
	p->n = 0;
	for (int i = 0; i < at; i++)
		if (rec.op[i].kind == SYNC)
			synced[rec.op[i].file] = i;
	for (int i = 0; i < at; i++) {
		if (rec.op[i].kind == SYNC)
			continue;
		if (i < synced[rec.op[i].file])
			apply(&rec.op[i]);
		else
			p->op[p->n++] = i;
	}
}

static void
replay(int at, const struct pending *p, uint64_t mask)
{
	struct pending again;

	durable(at, &again);
	for (int i = 0; i < p->n; i++)
		if (mask >> i & 1)
			apply(&rec.op[p->op[i]]);
}

/* The last operation before the crash, torn; the other pending ones all there, or all lost. */
static void
torn(struct signer *s, int at, const struct pending *p, int acked)
{
	const struct op *o = &rec.op[p->op[p->n - 1]];
	uint64_t others = (UINT64_C(1) << (p->n - 1)) - 1;
	size_t step = o->n > 1000 ? 97 : 1;

	for (int lost = 0; lost < (p->n > 1 ? 2 : 1); lost++) {
		for (size_t k = 1; k < o->n; k += step) {
			struct op part = *o;

			part.n = k;
			replay(at, p, lost ? 0 : others);
			apply(&part);
			/* a head slot of which one byte is missing is told from damage only by luck
			 */
			check_state(s, at, acked, !(o->file == HEAD && k == o->n - 1));
		}
		for (size_t grain = 512; grain <= 4096; grain *= 8) {
			size_t sectors = (o->off + o->n - 1) / grain - o->off / grain + 1;
			uint64_t all = (UINT64_C(1) << (sectors < 5 ? sectors : 5)) - 1;

			for (uint64_t mask = 0; mask <= all; mask++) {
				/* beyond five sectors: the pattern again and again, and its
				 * opposite */
				replay(at, p, lost ? 0 : others);
				apply_sectors(
				    o, grain, sectors <= 5 ? mask : mask * 0x0842108421084210);
				check_state(s, at, acked, true);
			}
		}
	}
}

static void
crash_everywhere(struct signer *s, const char *what)
{
	uint64_t before = failures, tried = states;

	for (int at = 0; at <= rec.n; at++) {
		struct pending p;
		int acked = at < rec.n ? rec.op[at].acked : rec.acked;

		durable(at, &p);
		if (p.n > 10)
			abort();
		for (uint64_t mask = 0; mask >> p.n == 0; mask++) {
			replay(at, &p, mask);
			check_state(s, at, acked, true);
		}
		if (p.n > 0 && p.op[p.n - 1] == at - 1 && rec.op[at - 1].kind == WRITE)
			torn(s, at, &p, acked);
	}
	OK(failures == before, "%s: %llu states of the disk", what,
	    (unsigned long long)(states - tried));
}

/* -- failing calls ----------------------------------------------------------------------------- */

static struct {
	enum { F_WRITE, F_SYNC, F_CUT, F_KINDS } kind;
	int nth, seen, error;
	bool forever, partly;
} fault;

static bool
due(int kind)
{
	if (kind != (int)fault.kind)
		return false;
	fault.seen++;
	if (fault.seen != fault.nth && !(fault.forever && fault.seen > fault.nth))
		return false;
	errno = fault.error;
	return true;
}

static ssize_t
f_pwrite(void *ctx, int fd, const void *p, size_t n, off_t off)
{
	if (!due(F_WRITE))
		return fio_os()->pwrite(ctx, fd, p, n > 4 && fault.partly ? n / 2 : n, off);
	if (fault.partly && n > 3)
		(void)fio_os()->pwrite(ctx, fd, p, n / 2, off);
	errno = fault.error;
	return -1;
}

static int
f_sync(void *ctx, int fd)
{
	(void)ctx, (void)fd;
	return due(F_SYNC) ? -1 : 0;
}

static int
f_cut(void *ctx, int fd, off_t len)
{
	return due(F_CUT) ? -1 : fio_os()->ftruncate(ctx, fd, len);
}

/* One run with one fault; false when something acknowledged is lost or the ledger does not hold. */
static bool
one_fault(struct signer *s, bool *hit)
{
	struct fio f = *fio_os();
	struct ledger_head newest = {0}, h;
	struct ledger_report rep;
	struct ledger *l;
	struct err e = {0};
	bool good = true;

	f.pwrite = f_pwrite;
	f.fdatasync = f_sync;
	f.ftruncate = f_cut;
	fault.seen = 0;
	help_make("f", s, 2);
	if (ledger_open(&f, help_fd, "f", NULL, &l, NULL) < 0)
		abort();
	for (int i = 0; i < 6; i++) {
		int r = ledger_append(l, s, LEDGER_T_USER, "0123456789", 10, i, &h, &e);

		if (r == 0)
			newest = h;
		else
			good = good && r == (fault.error == ENOSPC ? E_NOSPC : E_SYS);
	}
	*hit = fault.seen >= fault.nth;
	ledger_close(l);
	if (ledger_verify(fio_os(), help_fd, "f", NULL, newest.seq ? &newest : NULL, &rep, &e) <
		0 ||
	    !rep.ok) {
		printf("# %s\n", rep.why);
		good = false;
	}
	if (ledger_open(fio_os(), help_fd, "f", NULL, &l, &e) < 0)
		return false;
	good = good && ledger_append(l, s, LEDGER_T_USER, "x", 1, 1, NULL, &e) == 0;
	ledger_close(l);
	return good && help_verify("f").ok;
}

static void
test_faults(struct signer *s)
{
	int runs = 0, bad = 0;

	for (int kind = 0; kind < F_KINDS; kind++) {
		for (int how = 0; how < 8; how++) {
			bool hit = true;

			for (int nth = 1; hit && nth < 40; nth++) {
				fault.kind = kind;
				fault.nth = nth;
				fault.error = how & 1 ? ENOSPC : EIO;
				fault.forever = how & 2;
				fault.partly = how & 4;
				bad += !one_fault(s, &hit);
				runs++;
			}
		}
	}
	OK(bad == 0 && runs > 100, "%d runs with a failing or partial call, %d bad", runs, bad);
}

/* A failed sync: the record is taken back, and what stays is written again before it is built upon.
 */
static void
test_sync_lost(struct signer *s)
{
	struct fio f = *fio_os();
	struct ledger *l;
	int writes = 0;

	f.open_at = r_open;
	f.pwrite = r_pwrite;
	f.fdatasync = r_sync;
	f.ftruncate = r_cut;
	help_make("c", s, 3);
	/* the head does not know record 2: as if its writer was killed between log and head */
	{
		struct blob old = help_read("c", "head");
		(void)memset(old.p, 0, LEDGER_FMT_SLOT); /* slot 0 held record 2 */
		help_write("c", "head", old.p, old.n);
		free(old.p);
	}
	for (int i = 0; i < rec.n; i++)
		free(rec.op[i].p);
	(void)memset(&rec, 0, sizeof(rec));
	EQ_I(ledger_open(&f, help_fd, "c", NULL, &l, NULL), 0, "open without knowing the newest");
	EQ_I(ledger_append(l, s, LEDGER_T_USER, "x", 1, 1, NULL, NULL), 0, "append");
	ledger_close(l);
	for (int i = 0; i < rec.n && rec.op[i].kind != SYNC; i++)
		writes += rec.op[i].kind == WRITE && rec.op[i].file == LOG;
	EQ_I(writes, 2, "the unknown record is written again before the sync");
}

/* -- creation ---------------------------------------------------------------------------------- */

static int create_left, create_renamed, create_unsynced;

static bool
step(void)
{
	if (create_left-- > 0)
		return false;
	errno = EIO;
	return true;
}

static int
c_open(void *ctx, int d, const char *p, int flags, mode_t mode)
{
	return step() ? -1 : fio_os()->open_at(ctx, d, p, flags, mode);
}

static ssize_t
c_pwrite(void *ctx, int fd, const void *p, size_t n, off_t off)
{
	create_unsynced++;
	return step() ? -1 : fio_os()->pwrite(ctx, fd, p, n, off);
}

static int
c_sync(void *ctx, int fd)
{
	create_unsynced = 0;
	return step() ? -1 : fio_os()->fsync(ctx, fd);
}

static int
c_rename(void *ctx, int a, const char *from, int b, const char *to, bool replace)
{
	if (step())
		return -1;
	create_renamed = create_unsynced == 0 ? 1 : -1;
	return fio_os()->rename_at(ctx, a, from, b, to, replace);
}

static int
c_mkdir(void *ctx, int d, const char *p, mode_t mode)
{
	return step() ? -1 : fio_os()->mkdir_at(ctx, d, p, mode);
}

static void
test_create(struct signer *s)
{
	struct fio f = *fio_os();
	int half = 0, n = 0, r;

	f.open_at = c_open;
	f.pwrite = c_pwrite;
	f.fsync = c_sync;
	f.fdatasync = c_sync;
	f.rename_at = c_rename;
	f.mkdir_at = c_mkdir;
	do {
		struct ledger *l = NULL;

		help_wipe("n");
		create_left = n++;
		r = ledger_create(&f, help_fd, "n", s, "g", 1, 1, NULL);
		/* whatever failed: there is no ledger, or a whole one */
		create_left = 1000;
		switch (ledger_open(fio_os(), help_fd, "n", NULL, &l, NULL)) {
		case 0:
		case E_NOENT:
			break;
		default:
			half++;
		}
		ledger_close(l);
	} while (r < 0 && n < 50);
	EQ_I(half, 0, "no half ledger at any failing step");
	OK(r == 0 && n > 8 && n < 50, "%d steps", n);
	EQ_I(create_renamed, 1, "it gets its name only after everything in it is on the disk");
}

int
main(void)
{
	struct signer *s = help_signer(1);
	struct blob log;

	help_begin();
	help_make("c", s, 2);
	record(s);
	crash_everywhere(s, "a clean ledger");

	help_make("c", s, 3);
	log = help_read("c", "log");
	log.p = realloc(log.p, log.n + 300);
	(void)memset(log.p + log.n, 0, 300);
	le32_put(log.p + log.n, 400); /* the beginning of a record that never came */
	help_write("c", "log", log.p, log.n + 300);
	record(s);
	EQ_I(rec.op[0].kind, CUT, "the torn tail is cut first");
	crash_everywhere(s, "a ledger with a torn tail");
	free(log.p);

	test_sync_lost(s);
	test_faults(s);
	test_create(s);
	help_end();
	for (int i = 0; i < rec.n; i++)
		free(rec.op[i].p);
	signer_free(s);
	return tap_done();
}
