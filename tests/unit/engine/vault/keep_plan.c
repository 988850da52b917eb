/* Which generations may go, and which are in doubt: the rules as people would tell them. */
#include "vault/keep_plan.h"

#include <stdlib.h>

#include "base/time.h"
#include "tap.h"
#include "vault/keep_poison.h"

enum { MAX = 2100 };

static struct keep_gen gens[MAX];
static uint8_t plan[MAX];
static size_t n;

static struct keep_gen *
add(uint8_t system, double day, bool verified)
{
	struct keep_gen *g = &gens[n];

	*g = (struct keep_gen){.tag = {system}, .verified = verified, .seq = n};
	g->id[0] = (uint8_t)n;
	g->id[1] = (uint8_t)(n >> 8);
	g->id[2] = 1;
	g->received = (int64_t)(day * (double)TIME_DAY);
	g->until = g->received + 14 * TIME_DAY;
	n++;
	return g;
}

static size_t
goes(const char *policy, double day)
{
	size_t k = 0;

	if (keep_plan(gens, n, keep_policy_named(policy), (int64_t)(day * (double)TIME_DAY), plan,
		NULL) < 0)
		return SIZE_MAX;
	for (size_t i = 0; i < n; i++)
		k += plan[i] == KEEP_GOES;
	return k;
}

static void
guideline(void)
{
	n = 0;
	for (int d = 0; d < 40; d++)
		(void)add(1, d, true);
	EQ_I(goes("guideline", 13), 0, "in the first fortnight everything is locked");
	/* at day 40, 0..26 are unlocked; the newest five days are 35..39, all of them locked */
	EQ_I(goes("guideline", 40.5), 27, "later all goes that is not locked, counted or proved");
	OK(plan[27] == KEEP_LOCKED && plan[26] == KEEP_GOES, "the border is the lock's");
	EQ_I(goes("guideline", 400), 35, "after a year without backups the newest five days stay");
	OK(plan[39] == KEEP_NEWEST && plan[35] == KEEP_COUNTED && plan[34] == KEEP_GOES,
	    "whatever the date");
	EQ_I(goes("everything", 4000), 0, "a policy that removes nothing");
	OK(goes("year", 400) == 40 - 7 - 5 + 1 || goes("year", 400) < 35,
	    "a longer policy keeps more");
}

static void
proved(void)
{
	n = 0;
	for (int d = 0; d < 30; d++)
		(void)add(1, d, false);
	EQ_I(goes("guideline", 400), 0, "without three that a drill gave back nothing goes");
	OK(plan[0] == KEEP_UNVERIFIED, "and that is the reason");
	gens[2].verified = gens[5].verified = true;
	EQ_I(goes("guideline", 400), 0, "two are too few");
	gens[7].verified = true;
	EQ_I(goes("guideline", 400), 22, "with three the rest goes");
	OK(plan[2] == KEEP_VERIFIED && plan[5] == KEEP_VERIFIED && plan[7] == KEEP_VERIFIED,
	    "and those three stay, however old");
	gens[7].doubt = KEEP_DOUBT;
	EQ_I(goes("guideline", 400), 0, "one in doubt proves nothing");
}

static void
flood(void)
{
	n = 0;
	for (int d = 0; d < 10; d++)
		(void)add(1, d, true);
	for (int i = 0; i < 1000; i++)
		(void)add(1, 10 + i / 2000.0, false);
	(void)goes("guideline", 400);
	OK(plan[9] == KEEP_COUNTED && plan[8] == KEEP_COUNTED && plan[7] == KEEP_COUNTED &&
	    plan[6] == KEEP_COUNTED, "a thousand in one day push out no other day");
	n = 0;
	for (int d = 0; d < 6; d++) {
		(void)add(1, d + 0.1, true);
		(void)add(1, d + 0.9, false);
	}
	(void)goes("guideline", 400);
	OK(plan[8] == KEEP_COUNTED && plan[6] == KEEP_COUNTED && plan[9] == KEEP_GOES,
	    "of a day the proved one stands, not the one added later");
	n = 0;
	for (int d = 0; d < 10; d++)
		(void)add(1, d, true);
	(void)add(2, 9, false);
	(void)goes("guideline", 400);
	OK(plan[10] == KEEP_NEWEST && plan[9] == KEEP_NEWEST,
	    "systems are counted each for itself");
}

static void
doubted(void)
{
	struct keep_gen *bad;

	n = 0;
	for (int d = 0; d < 10; d++)
		(void)add(1, d, true);
	bad = add(1, 10, true);
	bad->doubt = KEEP_DOUBT;
	for (int d = 11; d < 40; d++) {
		struct keep_gen *g = add(1, d, true);

		g->doubt = KEEP_FOLLOWS;
		(void)memcpy(g->follows, bad->id, FMT_ID_LEN);
	}
	(void)goes("guideline", 400);
	OK(plan[9] == KEEP_NEWEST && plan[8] == KEEP_COUNTED && plan[5] == KEEP_COUNTED &&
	    plan[4] == KEEP_GOES, "a month in doubt displaces none of the good ones");
	OK(plan[20] == KEEP_GOES && plan[39] == KEEP_NEWEST, "they go themselves, but the newest");
	bad->doubt = KEEP_SOUND;
	(void)goes("guideline", 400);
	OK(plan[9] == KEEP_GOES && plan[38] == KEEP_COUNTED,
	    "when people say that it was good, those that follow count");
	gens[20].removed = true;
	(void)goes("guideline", 400);
	OK(plan[20] == KEEP_REMOVED, "what is removed is not removed again");
}

static void
policies(void)
{
	size_t k;
	const struct keep_policy_words *w = keep_policies(&k);
	bool good = k >= 4;

	for (size_t i = 0; i < k; i++)
		good &= keep_policy_ok(&w[i].p, NULL) == 0 && w[i].p.wait_days >= KEEP_MIN_WAIT &&
		    w[i].p.verified >= KEEP_MIN_VERIFIED && w[i].p.lock_days >= 7 && *w[i].ja;
	OK(good, "every policy waits a week, keeps three proved ones, and locks");
	OK(keep_policy_named(KEEP_POLICY_DEFAULT) && !keep_policy_named("none"), "by name");
}

/* ---- doubt ---- */

static struct vault_figures history[12];

/* usual(): Twelve days of a file server with 1000 files of text. */
static void
usual(void)
{
	for (int i = 0; i < 12; i++)
		history[i] = (struct vault_figures){.files = 1000 + (uint64_t)i,
		    .bytes = 100 << 20,
		    .before = i ? 999 + (uint64_t)i : 0,
		    .added = i ? 3 : 1000,
		    .changed = i ? 20 : 0,
		    .removed = 2,
		    .touched_bytes = i ? 2 << 20 : 100 << 20,
		    .new_bytes = i ? 1 << 20 : 100 << 20,
		    .packed = i ? 1 << 20 : 100 << 20,
		    .noise = i ? 1 << 17 : 10 << 20};
}

static enum keep_reason
judge(const struct vault_figures *f)
{
	struct keep_verdict v;
	char text[KEEP_TEXT];

	if (!keep_judge(history, 12, f, &v))
		return KEEP_FINE;
	keep_verdict_put(&v, text);
	return keep_verdict_get(text).reason;
}

static void
doubt(void)
{
	struct vault_figures f;

	usual();
	f = history[11];
	EQ_I(judge(&f), KEEP_FINE, "an ordinary day");
	f.changed = 90;
	EQ_I(judge(&f), KEEP_FINE, "a busy day");
	f = history[11];
	f.changed = 600;
	EQ_I(judge(&f), KEEP_CHANGED, "half of all files changed at once");
	f = history[11];
	f.files = 300;
	EQ_I(judge(&f), KEEP_SHRANK, "most files are gone");
	f.files = 0;
	EQ_I(judge(&f), KEEP_SHRANK, "all are gone");
	f = history[11];
	f.bytes = 10 << 20;
	EQ_I(judge(&f), KEEP_LIGHTER, "most bytes are gone");
	f = history[11];
	f.packed = f.noise = 90 << 20;
	EQ_I(judge(&f), KEEP_NOISE, "what is new looks encrypted");
	f = history[11];
	f.renamed = 400;
	EQ_I(judge(&f), KEEP_RENAMED, "names with one more ending");
	f = history[11];
	f.new_bytes = 80 << 20;
	EQ_I(judge(&f), KEEP_REWROTE, "nearly everything is new");
	f = (struct vault_figures){.files = UINT64_MAX, .changed = UINT64_MAX,
	    .removed = UINT64_MAX, .packed = UINT64_MAX, .noise = UINT64_MAX};
	OK(judge(&f) != KEEP_FINE, "figures that cannot be are in doubt, and do no harm");
	/* a system of one nightly dump, compressed: always new, always noise */
	for (int i = 0; i < 12; i++)
		history[i] = (struct vault_figures){.files = 1, .bytes = 50 << 20,
		    .before = i ? 1 : 0, .changed = i ? 1 : 0, .added = i ? 0 : 1,
		    .touched_bytes = 50 << 20, .new_bytes = 50 << 20, .packed = 50 << 20,
		    .noise = 50 << 20};
	f = history[11];
	EQ_I(judge(&f), KEEP_FINE, "what is usual for one system is no alarm there");
	OK(!keep_judge(history, 0, &f, &(struct keep_verdict){0}),
	    "the first one cannot be judged");
}

static void
recovery(void)
{
	struct vault_figures good, bad, now;

	usual();
	good = bad = now = history[11];
	bad.changed = 900;
	now.changed = 900;
	now.touched_bytes = 90 << 20;
	now.new_bytes = 1 << 20;
	OK(keep_recovered(&good, &bad, &now), "everything back from the vault");
	now.changed = 10;
	OK(!keep_recovered(&good, &bad, &now), "nothing was put back");
	now.changed = 900;
	now.new_bytes = 90 << 20;
	OK(!keep_recovered(&good, &bad, &now), "it changed again, into something new");
	now.new_bytes = 1 << 20;
	now.files = 200;
	OK(!keep_recovered(&good, &bad, &now), "most is still gone");
}

static void
sealed(void)
{
	const uint8_t key[32] = {1}, other[32] = {2}, gen[FMT_ID_LEN] = {3}, not[FMT_ID_LEN] = {4};
	uint8_t out[KEEP_MAX_SEALED], again[KEEP_MAX_SEALED];
	struct vault_figures f = {.files = 7, .noise = UINT64_MAX}, g;
	size_t k, m;
	struct err e;

	OK(keep_figures_seal(key, gen, &f, out, &k, &e) == 0 &&
	    keep_figures_open(key, gen, out, k, &g, &e) == 0 && memcmp(&f, &g, sizeof(f)) == 0,
	    "figures are sealed and opened");
	OK(keep_figures_seal(key, gen, &f, again, &m, &e) == 0 && memcmp(out, again, k) != 0,
	    "twice the same look different");
	OK(keep_figures_open(other, gen, out, k, &g, &e) < 0 &&
	    keep_figures_open(key, not, out, k, &g, &e) < 0 &&
	    keep_figures_open(key, gen, out, k - 1, &g, &e) < 0, "nobody else opens them");
	out[20] ^= 1;
	OK(keep_figures_open(key, gen, out, k, &g, &e) < 0, "nor when a bit is wrong");
	EQ_I(keep_verdict_get("nothing").reason, KEEP_FINE, "a reason that is none");
	EQ_I(keep_verdict_get("shrank 1 x").reason, KEEP_FINE, "a reason with odd numbers");
}

int
main(void)
{
	guideline();
	proved();
	flood();
	doubted();
	policies();
	doubt();
	recovery();
	sealed();
	return tap_done();
}
