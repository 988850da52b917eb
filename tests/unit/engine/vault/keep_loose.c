/* What backups that were never finished leave behind: segments that no generation needs. While they
 * are young they wait for the backup to be continued; then they go along with a removal that people
 * allowed, and nothing that is needed, or may still be, goes that way. */
#include "fault/keeplib.h"

#include "base/time.h"
#include "ledger/ledger_fmt.h"
#include "tap.h"
#include "vault/hold.h"
#include "vault/keep_int.h"
#include "vault/verify.h"

static struct vt v;
static struct kt t;
static struct vt_gen gens[80];
static int ngens;
static uint8_t noise[3][900000];

/* ---- a backup whose last word never gets into the log ---- */

static ssize_t
no_last_word(void *ctx, int fd, const void *p, size_t n, off_t off)
{
	char link[64], path[400] = "";
	struct ledger_fmt_rec rec;

	(void)ctx;
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (readlink(link, path, sizeof(path) - 1) > 8 &&
	    strcmp(path + strlen(path) - 8, "/log/log") == 0 &&
	    ledger_fmt_rec_get(p, n, &rec) == 0 && rec.type == FMT_LOG_SNAPSHOT) {
		errno = EIO;
		return -1;
	}
	return fio_os()->pwrite(NULL, fd, p, n, off);
}

static bool
unfinished(const char *name, int which)
{
	struct vault_generation g = {0};
	struct fio f = *fio_os();
	struct err e;

	f.pwrite = no_last_word;
	vt_put(&v, name, noise[which], sizeof(noise[which]), 0);
	return vt_backup(&v, &f, &g, &e) < 0;
}

static void
forget(const char *name)
{
	char path[400];

	(void)snprintf(path, sizeof(path), "%s/%s", v.src, name);
	if (unlink(path) < 0)
		vt_die(path);
}

static bool
note(struct vault_generation *g)
{
	struct err e = {0};
	int r = kt_note(&t, g, true, &e);

	(void)memcpy(gens[ngens++].id, g->id, FMT_ID_LEN);
	free(g->runs);
	if (r < 0)
		printf("# %s\n", e.msg);
	return r == 0;
}

static bool
backup(void)
{
	static unsigned round_no;
	struct vault_generation g = {0};
	struct err e = {0};

	vt_source(&v, round_no++);
	vt_sum_source(&v, gens[ngens].sum);
	if (vt_backup(&v, fio_os(), &g, &e) < 0) {
		printf("# %s\n", e.msg);
		return false;
	}
	return note(&g);
}

static bool
days(int n)
{
	bool good = true;

	for (int d = 0; d < n; d++) {
		kt_pass(&t, 1);
		good &= backup();
	}
	return good;
}

/* ---- what is there ---- */

static struct repo *
repo(const struct vt *at)
{
	struct repo *r = NULL;

	if (repo_open(fio_os(), at->repo, &r, NULL) < 0)
		vt_die("repo");
	return r;
}

/* needs_none(ret, max): The segments that no generation ever needed and that are there. */
static uint32_t
needs_none(uint32_t *ret, uint32_t max)
{
	struct repo *r = repo(&v);
	uint32_t n = 0;

	for (uint32_t s = 0; s < r->nsegs; s++) {
		char path[400], hex[2 * FMT_ID_LEN + 1];
		bool need = false;

		for (size_t i = 0; i < r->ngens; i++)
			for (uint32_t k = 0; k < r->gens[i].nruns; k++)
				need |= s - r->gens[i].runs[k].first < r->gens[i].runs[k].count;
		hex_put(hex, r->segs[s].rec.seg, FMT_ID_LEN);
		(void)snprintf(path, sizeof(path), "%s/seg/%s", v.repo, hex);
		if (!need && access(path, F_OK) == 0 && n < max)
			ret[n++] = s;
	}
	repo_close(r);
	return n;
}

static uint64_t
loose(void)
{
	uint64_t n = 0, bytes = 0;
	struct keep_clock c;
	VAULT_R *r = NULL;
	struct err e;

	if (vt_open(&v, fio_os(), &r, &e) < 0 || keep_clock(t.k, &t.now, &c, &e) < 0 ||
	    keep_loose(t.k, r, c.c, &n, &bytes, &e) < 0)
		vt_die("loose");
	vault_r_close(r);
	return bytes;
}

static bool
verifies(const struct vt *at, enum verify_depth depth)
{
	struct vault_verify_opts o = {.depth = depth, .secret = v.secret, .threads = 1};
	struct vault_verify_report rep;
	struct err e = {0};
	bool ok = vault_verify(fio_os(), at->repo, &o, &rep, &e) == 0 && rep.ok;

	if (!ok)
		printf("# %s\n", rep.nlisted ? rep.errors[0].why : e.msg);
	vault_verify_report_free(&rep);
	return ok;
}

/* all_left(): Every generation that is not removed is what it was. */
static bool
all_left(void)
{
	VAULT_R *r = NULL;
	struct err e = {0};
	size_t n = 0;
	bool good = vt_open(&v, fio_os(), &r, &e) == 0;
	const struct vault_generation *g = good ? vault_r_list(r, &n) : NULL;

	for (size_t i = 0; i < n && good; i++) {
		uint8_t sum[VT_SUM];
		int k = 0;

		while (k < ngens && memcmp(gens[k].id, g[i].id, FMT_ID_LEN) != 0)
			k++;
		if (!g[i].removed)
			good = k < ngens && vt_sum_gen(r, &g[i], sum, &e) == 0 &&
			    memcmp(sum, gens[k].sum, VT_SUM) == 0;
	}
	vault_r_close(r);
	if (!good)
		printf("# %s\n", e.msg);
	return good && n == (size_t)ngens;
}

/* allowed(): A removal is asked for and approved, and its waiting time is over. */
static bool
allowed(void)
{
	struct err e = {0};
	bool good = kt_ask(&t, "guideline", &e) > 0 &&
	    keep_approve(t.k, &t.now, t.people[0], &e) == 0 &&
	    keep_approve(t.k, &t.now, t.people[1], &e) == 0;

	kt_pass(&t, 7.5);
	if (!good)
		printf("# %s\n", e.msg);
	return good;
}

static int
reap(struct keep_reaped *done)
{
	struct err e = {0};
	int r = keep_reap(fio_os(), v.repo, t.k, &t.now, done, &e);

	if (r < 0)
		printf("# %s: %s\n", err_name(r), e.msg);
	return r;
}

/* ---- the life of leftovers ---- */

static void
young(uint32_t *was, uint32_t *n)
{
	struct keep_reaped done;
	uint32_t now[16];

	OK(days(8), "eight days of backups");
	OK(unfinished("first.bin", 0), "one that is not finished");
	forget("first.bin");
	*n = needs_none(was, 16);
	OK(*n > 0, "leaves %u segments that nothing needs", *n);
	OK(unfinished("second.bin", 1) && needs_none(now, 16) > *n, "another one");
	kt_pass(&t, 1);
	OK(backup(), "that is continued");
	OK(needs_none(now, 16) >= *n, "builds on what was there");
	*n = needs_none(was, 16);
	OK(loose() == 0, "nothing is left over yet");
	kt_pass(&t, 14);
	OK(days(2) && allowed() && reap(&done) == 0 && done.generations > 0,
	    "a removal three weeks later");
	OK(done.loose_segments == 0 && needs_none(now, 16) == *n, "leaves them alone");
	OK(verifies(&v, VERIFY_DEEP) && all_left(), "all holds");
}

static int
listed(uint32_t no, const struct fmt_segment_rec *rec, void *cookie)
{
	uint32_t *seen = cookie; /* the one looked for; others; whether it was there */

	(void)rec;
	if (no == seen[0])
		seen[2] = 1;
	else
		seen[1]++;
	return 0;
}

/* served(no, rec): Even while its file is still there, a server offers nobody a segment that
 * leaves, and takes no generation that needs it. */
static void
served(uint32_t no, const struct fmt_segment_rec *rec)
{
	uint32_t seen[3] = {no, 0, 0};
	char path[400], hex[2 * FMT_ID_LEN + 1];
	struct hold *h = NULL;
	struct err e = {0};
	int fd;

	hex_put(hex, rec->seg, FMT_ID_LEN);
	(void)snprintf(path, sizeof(path), "%s/seg/%s", v.repo, hex);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, (off_t)fmt_seg_size(rec->npages)) < 0)
		vt_die(path);
	(void)close(fd);
	OK(hold_open(fio_os(), v.repo, &h, &e) == 0 && hold_list(h, 0, listed, seen, &e) == 0 &&
	    seen[1] > 10 && !seen[2], "a server offers the others, and not it");
	hold_close(h);
	EQ_I(keep_may_commit(t.k, &(struct fmt_run){no, 1}, 1, &e), E_BUSY,
	    "no generation may need it any more");
	(void)unlink(path);
}

static void
old(const uint32_t *was, uint32_t n)
{
	struct keep_reaped done;
	uint32_t now[16];
	uint64_t bytes;
	struct repo *r;

	kt_pass(&t, 4);
	OK(days(1) && loose() == 0, "less than 30 days after the next backup: not yet");
	kt_pass(&t, 3);
	bytes = loose();
	OK(bytes > 0, "more than 30 days: %llu bytes are left over", (unsigned long long)bytes);
	OK(days(2) && allowed() && reap(&done) == 0 && done.generations > 0, "the next removal");
	OK(done.loose_segments == n && done.loose_bytes == bytes, "takes them along, all %u", n);
	EQ_I(needs_none(now, 16), 0, "they are gone");
	r = repo(&v);
	served(was[0], &r->segs[was[0]].rec);
	repo_close(r);
	OK(was[0] > 0 && verifies(&v, VERIFY_DEEP), "and that is no damage");
	OK(all_left(), "every generation is what it was, also the one that was continued");
	EQ_I(loose(), 0, "nothing more is left over");
}

/* ---- a backup that would still build on one ---- */

static struct {
	bool fired;
	int r;
	struct keep_reaped done;
} race;

static void
in_between(void *cookie, const struct vault_progress *p)
{
	struct err e;

	(void)cookie;
	(void)p;
	if (race.fired)
		return;
	race.fired = true;
	race.r = keep_reap(fio_os(), v.repo, t.k, &t.now, &race.done, &e);
}

static void
meanwhile(void)
{
	const char *src = v.src;
	struct vault_backup b = {.sources = &src, .nsources = 1, .host = "h", .threads = 1,
	    .level = 1, .progress = in_between, .full = true};
	struct vault_generation g = {0};
	uint32_t now[16], n;
	VAULT_W *w = NULL;
	struct err e = {0};
	int r;

	OK(unfinished("third.bin", 2), "again one that is not finished");
	n = needs_none(now, 16);
	forget("third.bin");
	OK(n > 0 && days(1), "a backup after it");
	kt_pass(&t, 29);
	OK(days(3) && allowed() && loose() > 0, "a month later it may go");
	vt_put(&v, "third.bin", noise[2], sizeof(noise[2]), 0);
	vt_sum_source(&v, gens[ngens].sum);
	b.now = v.now;
	r = vault_w_open(fio_os(), v.repo, &v.place, &w, &e);
	if (r == 0)
		r = vault_w_backup(w, &b, &g, &e);
	vault_w_close(w);
	OK(race.fired && race.r == 0 && race.done.loose_segments > 0,
	    "it goes while a backup finds its content there");
	OK(r == 0, "and that backup succeeds (%s)", r < 0 ? e.msg : "no error");
	OK(note(&g) && verifies(&v, VERIFY_DEEP) && all_left(), "nothing it needs is gone");
}

/* ---- somebody with the box's key, and a request that people allowed ---- */

/* forged(name, s): In a copy of everything: an intent for what was asked for, which names segment
 * ${s}; whether it is noticed and nothing is touched. */
static bool
forged(const char *name, uint32_t s)
{
	struct vt w = v;
	struct kt u = t;
	struct fmt_run run = {s, 1};
	struct keep_rec rec = {.type = KEEP_INTENT, .ngens = 1, .runs = &run, .nruns = 1};
	struct buf AUTO(buf_free) b = {0};
	struct signer *box = NULL;
	struct keep_reaped done;
	struct keep_request q;
	struct keep_state st;
	struct repo *r;
	struct err e = {0};
	uint8_t one[1][FMT_ID_LEN];
	char path[700], hex[2 * FMT_ID_LEN + 1];
	bool good;
	int x;

	buf_init(&b, 1 << 20);
	(void)snprintf(w.top, sizeof(w.top), "%.200s/%s", v.top, name);
	vt_paths(&w);
	if (mkdir(w.top, 0700) < 0)
		vt_die(w.top);
	vt_copy(v.repo, w.repo);
	vt_copy(v.state, w.state);
	vt_state_open(&w);
	u.v = &w;
	u.k = NULL;
	if (kt_open(&u, fio_os(), &e) < 0 || keep_clock(u.k, &u.now, NULL, &e) < 0 ||
	    !keep_pending(u.k, &q))
		vt_die(e.msg);
	keep_state(u.k, &st);
	rec.at = st.last;
	rec.seq = q.seq;
	rec.gens = one;
	(void)memcpy(one[0], q.gens[0], FMT_ID_LEN);
	good = signer_new(u.key.seed, &box, &e) == 0 && keep_rec_put(&b, &rec, &e) == 0 &&
	    ledger_append(keep_ledger(u.k), box, rec.type, b.p, b.len, u.now.wall, NULL, &e) == 0 &&
	    keep_refresh(u.k, &e) == 0;
	signer_free(box);
	x = keep_reap(fio_os(), w.repo, u.k, &u.now, &done, &e);
	printf("# %s: %s\n", err_name(x), e.msg);
	r = repo(&w);
	hex_put(hex, r->segs[s].rec.seg, FMT_ID_LEN);
	(void)snprintf(path, sizeof(path), "%s/seg/%s", w.repo, hex);
	good = good && x == E_CORRUPT && strstr(e.msg, "must stay") && done.segments == 0 &&
	    access(path, F_OK) == 0 && !repo_gone(r, s) && !verifies(&w, VERIFY_STRUCTURE);
	repo_close(r);
	kt_close(&u);
	(void)close(w.place.statefd);
	vt_rm(w.top);
	return good;
}

static void
forgeries(void)
{
	uint32_t now[16], last;
	struct keep_reaped done;
	struct repo *r;

	OK(days(1) && unfinished("fourth.bin", 0), "a young one");
	forget("fourth.bin");
	kt_pass(&t, 9);
	OK(needs_none(now, 16) > 0 && days(4) && allowed(), "and a removal that people allowed");
	r = repo(&v);
	last = r->gens[r->ngens - 1].runs[0].first;
	repo_close(r);
	OK(forged("needed", last), "an intent that names a needed segment is refused, and told");
	OK(forged("young", now[0]), "so is one that names what an unfinished backup left lately");
	OK(reap(&done) == 0 && done.generations > 0 && done.loose_segments == 0,
	    "the honest one goes through");
	OK(verifies(&v, VERIFY_DEEP) && all_left(), "all holds");
}

int
main(void)
{
	uint32_t was[16], n;
	struct err e;

	for (int i = 0; i < 3; i++)
		vt_noise(noise[i], sizeof(noise[i]), (uint64_t)i + 4711);
	vt_new(&v);
	kt_new(&t, &v, fio_os());
	OK(kt_name_two(&t, &e) == 0, "two people");
	young(was, &n);
	old(was, n);
	meanwhile();
	forgeries();
	kt_close(&t);
	kt_keys_free(&t);
	vt_free(&v);
	return tap_done();
}
