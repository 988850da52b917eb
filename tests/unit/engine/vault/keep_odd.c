/* Traces of somebody who tries to get around retention with a client's keys, or with the box's
 * clock. */
#include "fault/keeplib.h"

#include "base/time.h"
#include "vault/keep_int.h"

#include "tap.h"

static struct vt v;
static struct kt t;
static char told[2000];

static int
on_trace(const char *ja, const char *en, void *cookie, struct err *e)
{
	size_t n = strlen(told);

	(void)cookie, (void)e;
	(void)snprintf(told + n, sizeof(told) - n, "%s|%s|", ja, en);
	return 0;
}

/* says(words): Whether the traces now contain these words; NULL: whether there are none. */
static bool
says(const char *words)
{
	struct err e = {0};
	int r;

	told[0] = 0;
	r = vault_audit(fio_os(), v.repo, NULL, on_trace, NULL, &e);
	if (r < 0)
		printf("# %s\n", e.msg);
	return r == 0 && (words ? strstr(told, words) != NULL : told[0] == 0);
}

static bool
backup(int64_t off)
{
	struct vault_generation g = {0};
	struct err e = {0};
	int r;

	v.now = t.now.wall + off;
	r = vt_backup(&v, fio_os(), &g, &e);
	if (r == 0)
		r = kt_note(&t, &g, false, &e);
	if (r < 0)
		printf("# %s\n", e.msg);
	free(g.runs);
	return r == 0;
}

static void
dates(void)
{
	vt_source(&v, 0);
	OK(backup(0), "an honest generation");
	OK(says(NULL), "leaves no trace");
	OK(backup(-TIME_DAY) && says(NULL), "nor does a box that noted it a day late");
	OK(backup(-900 * TIME_DAY), "one that says it is three years old");
	OK(says("1 generations claim another time"), "is told: %s", told);
	OK(backup(40000 * TIME_DAY), "one from the next century");
	OK(says("2 generations claim another time") && strstr(told, "名乗って"), "is told, too");
	kt_pass(&t, 40);
	OK(backup(0) && says(NULL), "after a month it has been told");
}

/* flood(n, tag): So many arrivals at once. */
static void
flood(unsigned n, uint8_t tag)
{
	static uint8_t serial;
	struct err e = {0};
	unsigned bad = 0;

	serial++;
	for (unsigned i = 0; i < n; i++) {
		struct vault_generation g = {
		    .seq = 1000 + i, .id = {serial, (uint8_t)(i >> 8), (uint8_t)i}};
		struct keep_arrival a = {.gen = &g, .tag = {tag}};

		bad += keep_received(t.k, &t.now, &a, &e) != 0;
	}
	OK(bad == 0, "%u generations come in", n);
}

static void
floods(void)
{
	flood(150, 1);
	flood(150, 2);
	OK(says(NULL), "many of two systems are no flood");
	kt_pass(&t, 2);
	flood(150, 1);
	OK(says(NULL), "nor are many on two days");
	flood(60, 1);
	OK(says("210 generations of one system"), "two hundred of one system in a day are: %s",
	    told);
	kt_pass(&t, 40);
	OK(backup(0) && says(NULL), "after a month it has been told");
}

/* Generations of a vault, as its log says them, and noted all at once. */
enum { MANY = 300 };
static struct vault_generation old[MANY];

static bool
noted(const struct repo *repo, size_t from)
{
	struct err e = {0};
	unsigned bad = 0;

	for (size_t i = from; i < repo->ngens; i++) {
		struct keep_arrival a = {.gen = &repo->gens[i], .tag = {9}};

		bad += keep_received(t.k, &t.now, &a, &e) != 0;
	}
	told[0] = 0;
	return bad == 0 && keep_traces(t.k, repo, on_trace, NULL, &e) == 0;
}

/* late(n, step): A vault of n generations, one every ${step}, the newest now; nobody noted any. */
static struct repo
late(unsigned n, int64_t step)
{
	static uint8_t serial = 100;

	serial++;
	for (unsigned i = 0; i < n; i++)
		old[i] = (struct vault_generation){.seq = 5000 + i,
			.at = t.now.wall - (n - 1 - i) * step,
			.id = {serial, (uint8_t)(i >> 8), (uint8_t)i}};
	return (struct repo){.gens = old, .ngens = n};
}

static void
arrived_together(void)
{
	struct repo repo = late(MANY, 365 * TIME_DAY / MANY);

	OK(noted(&repo, 0) && told[0] == 0, "a fresh ledger over an old vault tells nothing: %s",
	    told);
	kt_pass(&t, 40);
	repo = late(MANY, TIME_SEC * 60);
	OK(noted(&repo, 0) && strstr(told, "300 generations of one system") &&
	    !strstr(told, "another time"),
	    "three hundred of one day are told however late: %s", told);
	kt_pass(&t, 40);
	repo = late(100, TIME_DAY);
	old[98].at = t.now.wall - 90 * TIME_DAY;
	old[99].at = t.now.wall + 90 * TIME_DAY;
	OK(noted(&repo, 0) && strstr(told, "2 generations claim another time"),
	    "late ones that lie are told, too: %s", told);
	kt_pass(&t, 40);
	repo = late(3, TIME_DAY);
	old[0].at = INT64_MAX;
	old[1].at = INT64_MIN;
	OK(noted(&repo, 0) && strstr(told, "1 generations claim another time"),
	    "of what is before all others nobody can tell: %s", told);
	kt_pass(&t, 40);
	OK(backup(0) && says(NULL), "after a month it has been told");
}

static void
clocks(void)
{
	struct err e = {0};

	t.now.wall += 3653 * TIME_DAY;
	OK(keep_clock(t.k, &t.now, NULL, &e) == 1 && says("was set by a lot (1 times"),
	    "ten years on");
	t.now.wall -= 3653 * TIME_DAY;
	OK(keep_clock(t.k, &t.now, NULL, &e) == 1 && says("(2 times"), "and back");
	OK(says("時計"), "in Japanese, too");
	EQ_I(vault_audit(fio_os(), "nowhere", NULL, on_trace, NULL, &e), E_NOENT,
	    "where nothing is");
}

int
main(void)
{
	vt_new(&v);
	kt_new(&t, &v, fio_os());
	dates();
	floods();
	arrived_together();
	clocks();
	kt_close(&t);
	kt_keys_free(&t);
	vt_free(&v);
	return tap_done();
}
