/* The power goes away at any moment while the box notes generations, people ask for a removal, and
 * the reaper carries it out.
 *
 * Everything is recorded; every state in which the disk may be left is built (replay.h) and opened
 * as after a restart. Then: each generation is either whole or marked removed, and removed only
 * once that was allowed; no lock is shorter than what was acknowledged; the reaper, called again,
 * finishes without a repair; and after that all of the above still holds.
 *
 *	t-vault-keep-crash            a bounded number of states
 *	t-vault-keep-crash --full     all families at every moment
 */
#include "fault/replay.h"

#include "base/time.h"
#include "fault/keeplib.h"
#include "tap.h"
#include "vault/verify.h"

enum { GENS = 5, SEEN = 1 << 20 };
enum { ACK_MADE = 1, ACK_LEDGER = 2, ACK_GENS = ACK_LEDGER + GENS, ACK_ASKED, ACK_REAPED };

static const struct keep_policy policy = {"test", 1, 0, 0, 0, 3, 14, 7};
static struct vt v;
static struct kt t;
static struct tape tape;
static struct vt_gen gens[GENS];
static int64_t until[GENS];
static struct keep_time when_gen[GENS], late;
static uint64_t *seen, points, states, again, odd, segments;
static bool full;
static int pool, from, expect_removed;
static uint64_t rng = 88172645463325252;

static void
failed(const struct rp_plan *pl, const char *family, const char *why)
{
	if (odd++ < 10)
		printf("# after operation %d of %d, %s: %s\n", pl->upto, tape.n, family, why);
	(void)fflush(stdout);
}

static bool
first_time(uint64_t key)
{
	for (uint64_t i = key;; i++) {
		uint64_t *s = &seen[i % SEEN];

		if (*s == (key | 1))
			return false;
		if (*s == 0) {
			*s = key | 1;
			return true;
		}
	}
}

/* whole(s, acks, why): Every generation is readable or rightly removed. The number removed; -1. */
static int
whole(struct vt *s, int acks, char why[600])
{
	VAULT_R *r = NULL;
	struct err e = {0};
	size_t n = 0;
	int removed = 0, found = 0;

	if (vt_open(s, fio_os(), &r, &e) < 0) {
		(void)snprintf(why, 600, "open: %s", e.msg);
		return -1;
	}
	const struct vault_generation *g = vault_r_list(r, &n);

	for (size_t i = 0; i < n && removed >= 0; i++) {
		uint8_t sum[VT_SUM];
		int k = 0;

		while (k < GENS && memcmp(gens[k].id, g[i].id, FMT_ID_LEN) != 0)
			k++;
		found += k < acks - ACK_LEDGER && k < GENS;
		if (g[i].removed) {
			removed = acks < ACK_ASKED ? -1 : removed + 1;
		} else if (first_time((segments ^ le64_get(g[i].id)) * 0x9e3779b97f4a7c15) &&
		    (vt_sum_gen(r, &g[i], sum, &e) < 0 ||
			(k < GENS && memcmp(sum, gens[k].sum, VT_SUM) != 0))) {
			removed = -1;
		}
		if (removed < 0)
			(void)snprintf(why, 600, "generation %d: %s", k, e.msg);
	}
	vault_r_close(r);
	if (removed >= 0 && found < (acks >= ACK_GENS ? GENS : acks - ACK_LEDGER)) {
		(void)snprintf(why, 600, "%d acknowledged generations", found);
		return -1;
	}
	return removed;
}

static bool
locks_hold(struct kt *k, int acks, char why[600])
{
	struct err e = {0};

	if (keep_sound(k->k, &e) < 0) {
		(void)snprintf(why, 600, "%s", e.msg);
		return false;
	}
	for (int i = 0; i < GENS && i < acks - ACK_LEDGER; i++) {
		const struct keep_gen *g = keep_find(k->k, gens[i].id);

		if (!g || g->until < until[i]) {
			(void)snprintf(why, 600, "generation %d: %s", i,
			    g ? "a shorter lock" : "not noted any more");
			return false;
		}
	}
	return true;
}

static bool
verifies(const struct vt *s, char why[600])
{
	struct vault_verify_opts o = {.depth = VERIFY_STRUCTURE, .threads = 1};
	struct vault_verify_report rep;
	struct err e = {0};
	bool ok = vault_verify(fio_os(), s->repo, &o, &rep, &e) == 0 && rep.ok;

	if (!ok)
		(void)snprintf(why, 600, "verify: %s", rep.nlisted ? rep.errors[0].why : e.msg);
	vault_verify_report_free(&rep);
	return ok;
}

/* check(s, acks, why): As told at the top. */
static bool
check(struct vt *s, int acks, char why[600])
{
	struct keep_reaped done;
	struct kt k = {.v = s, .fd = -1, .now = late};
	struct err e = {0};
	int r, before = whole(s, acks, why);
	bool good;

	if (before < 0)
		return false;
	if (acks < ACK_LEDGER)
		return true;
	if (kt_open(&k, fio_os(), &e) < 0) {
		(void)snprintf(why, 600, "the keep ledger: %s", e.msg);
		kt_close(&k);
		return false;
	}
	good = locks_hold(&k, acks, why) && verifies(s, why);
	r = good ? keep_reap(fio_os(), s->repo, k.k, &k.now, &done, &e) : 0;
	kt_close(&k);
	if (!good)
		return false;
	again += r == 0;
	segments = le64_get((const uint8_t *)"reaped!") ^ points;
	if (r < 0 && r != E_NOENT && (r != E_AUTH || acks >= ACK_ASKED)) {
		(void)snprintf(why, 600, "the reaper: %s", e.msg);
		return false;
	}
	before = whole(s, r == 0 ? ACK_ASKED : acks, why);
	if (before >= 0 && acks >= ACK_ASKED && before != expect_removed)
		(void)snprintf(why, 600, "%d removed instead of %d", before, expect_removed);
	return before >= 0 && (acks < ACK_ASKED || before == expect_removed) && verifies(s, why);
}

static void
try(const struct rp_plan *pl, const char *family)
{
	static struct rp_fs fs;
	struct vt s = v;
	char why[600] = "";
	int acks = 0, fd = -1;

	points++;
	rp_names(&tape, pl, &fs);
	for (int i = 0; i < pl->upto; i++)
		acks += tape.op[i].kind == TAPE_ACK;
	if (acks < ACK_MADE || !first_time(rp_key(&tape, pl, &fs) + (uint64_t)acks))
		return;
	states++;
	(void)snprintf(s.top, sizeof(s.top), "%.200s/s", v.top);
	vt_paths(&s);
	(void)memcpy(s.src, v.src, sizeof(s.src));
	if (mkdir(s.top, 0700) < 0 || (fd = open(s.top, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		vt_die(s.top);
	rp_dir(&tape, pl, &fs, 0, fd, pool);
	(void)close(fd);
	vt_state_open(&s);
	segments = rp_segments(&tape, pl, &fs);
	if (!check(&s, acks, why))
		failed(pl, family, why);
	vt_free(&s);
}

static void
keep_all(struct rp_plan *pl, int upto)
{
	pl->upto = upto;
	for (int i = 0; i < upto; i++)
		pl->what[i] = KEEP;
}

static void
torn(struct rp_plan *pl, int upto)
{
	const struct tape_op *o = &tape.op[upto - 1];
	/* a head slot that lacks only its last byte is reported as damage (lib/ledger/README.md) */
	const uint64_t cuts[] = {0, 1, o->n / 2, o->n == 256 ? 255 / 2 : o->n - 1,
		o->n > 512 ? 512 : 0};

	if (o->kind != TAPE_WRITE || (!full && o->n > 65536))
		return;
	keep_all(pl, upto);
	pl->what[upto - 1] = TORN;
	for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
		pl->cut[upto - 1] = cuts[i];
		pl->mask[upto - 1] = 0;
		try(pl, "torn write");
	}
	for (int i = 0; i < (full ? 8 : 2); i++) {
		pl->cut[upto - 1] = 0;
		pl->mask[upto - 1] = vt_rng(&rng) | 1;
		try(pl, "sectors missing");
	}
	pl->mask[upto - 1] = 0;
}

static void
unsafe(struct rp_plan *pl, int upto)
{
	static uint8_t must[TAPE_MAX];
	int pending = 0;

	pl->upto = upto;
	rp_durable(&tape, upto, 0, must);
	for (int i = 0; i < upto; i++)
		pending += !must[i];
	if (pending == 0)
		return;
	(void)memcpy(pl->what, must, (size_t)upto);
	try(pl, "all that was not safe is lost");
	for (int i = 0; i < upto; i++) {
		if (must[i] || (!full && pending > 16 && i % 4 != upto % 4))
			continue;
		keep_all(pl, upto);
		pl->what[i] = 0;
		try(pl, "one lost");
		(void)memcpy(pl->what, must, (size_t)upto);
		pl->what[i] = KEEP;
		try(pl, "only one arrived");
	}
	for (int k = 0; k < (full ? 200 : 3); k++) {
		for (int i = 0; i < upto; i++)
			pl->what[i] = must[i] || vt_rng(&rng) >> 20 & 1 ? KEEP : 0;
		try(pl, "some arrived");
	}
}

static void
all_points(void)
{
	static struct rp_plan pl;

	for (int upto = 2; upto <= tape.n; upto++) {
		/* what happens inside a backup is the work of t-vault-crash */
		if (!full && upto < from && upto % 5)
			continue;
		keep_all(&pl, upto);
		try(&pl, "in order");
		if (upto >= from || full)
			torn(&pl, upto);
		if (upto >= from || full)
			unsafe(&pl, upto);
	}
}

/* ---- recording ---- */

static bool
days(const struct fio *f, struct err *e)
{
	struct vault_generation g;

	for (int i = 0; i < GENS; i++) {
		kt_pass(&t, 1);
		when_gen[i] = t.now;
		vt_source(&v, (unsigned)i);
		vt_sum_source(&v, gens[i].sum);
		if (vt_backup(&v, f, &g, e) < 0 || kt_note(&t, &g, true, e) < 0)
			return false;
		free(g.runs);
		(void)memcpy(gens[i].id, g.id, FMT_ID_LEN);
		until[i] = keep_find(t.k, g.id)->until;
		tape_ack(&tape);
	}
	return true;
}

static bool
removal(const struct fio *f, struct err *e)
{
	uint8_t plan[GENS], go[GENS][FMT_ID_LEN];
	const struct keep_gen *g;
	struct keep_reaped done;
	struct keep_clock c;
	size_t n, m = 0;
	uint64_t seq;
	bool good;

	kt_pass(&t, 30);
	from = tape.n;
	if (keep_clock(t.k, &t.now, &c, e) < 0)
		return false;
	g = keep_gens(t.k, &n);
	if (keep_plan(g, n, &policy, c.c, plan, e) < 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (plan[i] == KEEP_GOES)
			(void)memcpy(go[m++], g[i].id, FMT_ID_LEN);
	}
	expect_removed = (int)m;
	good = keep_ask(t.k, &t.now, &policy, (const uint8_t(*)[FMT_ID_LEN])go, m, &seq, e) == 0 &&
	    keep_approve(t.k, &t.now, t.people[0], e) == 0 &&
	    keep_approve(t.k, &t.now, t.people[1], e) == 0;
	tape_ack(&tape);
	kt_pass(&t, 8);
	late = t.now;
	good = good && keep_reap(f, v.repo, t.k, &t.now, &done, e) == 0 && done.segments > 1;
	tape_ack(&tape);
	return good;
}

static void
record(void)
{
	const struct fio *f = tape_init(&tape);
	struct err e = {0};
	bool good;

	tape_watch(&tape, v.top, NULL);
	tape_watch(&tape, v.state, "state");
	t = (struct kt){.v = &v, .fd = -1, .now = {.boot = {7}, .ran = 1, .up = 1, .wall = v.now}};
	kt_keys(&t);
	good = vt_init(&v, f, &e) == 0;
	tape_ack(&tape);
	good = good && kt_open(&t, f, &e) == 0 && kt_name_two(&t, &e) == 0;
	tape_ack(&tape);
	good = good && days(f, &e) && removal(f, &e);
	tape.on = false;
	OK(good, "%d generations, and a removal of %d (%s)", GENS, expect_removed,
	    good ? "no error" : e.msg);
	kt_close(&t);
	kt_keys_free(&t);
	OK(tape.open_fds == 0, "every descriptor was closed");
	printf("# operations on the tape: %d, of the removal: %d\n", tape.n, tape.n - from);
}

int
main(int argc, char **argv)
{
	char path[400];

	full = (argc > 1 && strcmp(argv[1], "--full") == 0) || getenv("MAMORI_FULL");
	seen = calloc(SEEN, sizeof(*seen));
	if (!seen)
		return 99;
	vt_new(&v);
	(void)snprintf(path, sizeof(path), "%s/pool", v.top);
	if (mkdir(path, 0700) < 0)
		vt_die(path);
	pool = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	record();
	all_points();
	OK(odd == 0,
	    "every state opens; nothing is lost, no lock is shorter, the removal is finished");
	printf("# crash points: %llu (%llu different states, the reaper went on in %llu)\n",
	    (unsigned long long)points, (unsigned long long)states, (unsigned long long)again);
	OK(points > 300 && again > 20, "enough of them, also in the midst of removing");
	free(seen);
	tape_free(&tape);
	(void)close(pool);
	vt_free(&v);
	return tap_done();
}
