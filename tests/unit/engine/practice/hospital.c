#include "practice/hospital.h"

#include <stdlib.h>

#include "practice/date.h"
#include "practice/ssmix.h"
#include "tap.h"

/* Every event of many days, checked the way a reader would fold it. */
struct log {
	struct ev *ev;
	size_t n, cap;
	uint64_t sum;
	long stop_at;
};

static int
keep(void *ctx, const struct ev *ev, struct err *e)
{
	struct log *l = ctx;
	const unsigned char *p = (const unsigned char *)ev;

	if (l->stop_at && (long)l->n == l->stop_at)
		return err_set(e, E_CANCEL, "enough");
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 4096;
		l->ev = realloc(l->ev, l->cap * sizeof(*ev));
	}
	l->ev[l->n++] = *ev;
	(void)p;
	l->sum = rng_hash(l->sum ^ (uint64_t)ev->at, ev->salt, (uint64_t)ev->pt << 8 | ev->kind);
	return 0;
}

static int
by_time(const void *a, const void *b)
{
	const struct ev *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

struct house {
	int32_t bed[HOSPITAL_BEDS];
	int clash, lost;
};

static void
take(struct house *h, int bed, uint32_t pt)
{
	if (bed < 0 || bed >= HOSPITAL_BEDS || h->bed[bed] >= 0)
		h->clash++;
	else
		h->bed[bed] = (int32_t)pt;
}

static void
leave(struct house *h, int bed, uint32_t pt)
{
	if (bed < 0 || bed >= HOSPITAL_BEDS || h->bed[bed] != (int32_t)pt)
		h->lost++;
	else
		h->bed[bed] = -1;
}

static void
fold(struct house *h, const struct ev *ev)
{
	switch (ev->kind) {
	case EV_ADT22:
		(ev->cancel ? leave : take)(h, ev->bed, ev->pt);
		break;
	case EV_ADT42:
		leave(h, ev->cancel ? ev->bed : ev->from_bed, ev->pt);
		take(h, ev->cancel ? ev->from_bed : ev->bed, ev->pt);
		break;
	case EV_ADT52:
		(ev->cancel ? take : leave)(h, ev->bed, ev->pt);
		break;
	default:
		break;
	}
}

static void
beds(struct log *l, const struct hospital *h)
{
	struct house house = {.clash = 0};
	int32_t seen[HOSPITAL_BEDS];
	int wrong = 0, most = 0, now = 0, kinds[EV_KINDS] = {0}, cancels[EV_KINDS] = {0};

	for (int b = 0; b < HOSPITAL_BEDS; b++)
		house.bed[b] = -1;
	(void)memcpy(seen, house.bed, sizeof(seen));
	qsort(l->ev, l->n, sizeof(*l->ev), by_time);
	for (size_t i = 0; i < l->n; i++) {
		fold(&house, &l->ev[i]);
		kinds[l->ev[i].kind]++;
		cancels[l->ev[i].kind] += l->ev[i].cancel;
		now = 0;
		for (int b = 0; b < HOSPITAL_BEDS; b++)
			now += house.bed[b] >= 0;
		most = now > most ? now : most;
	}
	EQ_I(house.clash, 0, "never two patients in one bed, at any moment");
	EQ_I(house.lost, 0, "nobody leaves a bed that is not theirs");
	OK(most <= HOSPITAL_BEDS && most > 100, "well used: %d of %d beds at most", most,
	    HOSPITAL_BEDS);
	for (int b = 0; b < HOSPITAL_BEDS; b++)
		wrong += house.bed[b] != h->beds[b];
	EQ_I(wrong, 0, "the events alone tell who lies where");
	for (int k = 0; k < EV_KINDS; k++)
		OK(kinds[k] > 0, "%s happens (%d times)", ev_name((enum ev_kind)k), kinds[k]);
	OK(cancels[EV_ADT22] && cancels[EV_ADT42] && cancels[EV_ADT52] && cancels[EV_ADT21] &&
	    cancels[EV_ADT12] && cancels[EV_OMP01] && cancels[EV_OMP02] && cancels[EV_OML01],
	    "and is withdrawn now and then");
}

static int
by_path(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Every replaced or withdrawn message was there, valid, and no path is written twice. */
static void
paths(const struct log *l)
{
	char (*text)[SSMIX_PATH] = calloc(l->n, SSMIX_PATH);
	char **sorted = calloc(l->n, sizeof(*sorted));
	int twice = 0, gone = 0, early = 0;

	for (size_t i = 0; i < l->n; i++) {
		/* the name with which the message first appears */
		ssmix_path(text[i], &l->ev[i], l->ev[i].at, l->ev[i].cancel ? '0' : '1');
		sorted[i] = text[i];
	}
	qsort(sorted, l->n, sizeof(*sorted), by_path);
	for (size_t i = 1; i < l->n; i++)
		twice += strcmp(sorted[i - 1], sorted[i]) == 0;
	for (size_t i = 0; i < l->n; i++) {
		char was[SSMIX_PATH], *key = was;

		if (!l->ev[i].prev_at)
			continue;
		early += l->ev[i].prev_at >= l->ev[i].at;
		ssmix_path(was, &l->ev[i], l->ev[i].prev_at, '1');
		gone += bsearch(&key, sorted, l->n, sizeof(*sorted), by_path) == NULL;
	}
	EQ_I(twice, 0, "no file name twice");
	EQ_I(gone, 0, "what is replaced or withdrawn was there");
	EQ_I(early, 0, "and is older");
	free(sorted);
	free(text);
}

static void
run_days(struct hospital *h, struct log *l, uint64_t seed, int days)
{
	bool rooms = true;

	OK(hospital_init(h, seed, 2000, 60, -20, keep, l, NULL) == 0, "a hospital");
	for (int d = 0; d < days; d++)
		rooms = hospital_next(h, NULL) == 0 && rooms;
	OK(rooms, "%d days pass", days);
}

int
main(void)
{
	struct log a = {0}, b = {0}, c = {0};
	struct hospital ha, hb, hc;
	struct place p = hospital_place(0), q = hospital_place(119), s = hospital_place(36);
	struct err e = {0};

	EQ_S(p.ward, "2A", "first ward");
	EQ_S(p.room, "201", "first room");
	EQ_S(q.ward, "4A", "last ward");
	EQ_S(s.room, "210", "a single room");
	run_days(&ha, &a, 5, 60);
	run_days(&hb, &b, 5, 60);
	OK(a.n == b.n && a.sum == b.sum && a.n > 10000, "the same seed tells the same story");
	OK(hospital_init(&hc, 6, 2000, 60, -20, keep, &c, NULL) == 0 && hospital_next(&hc, NULL) ==
	    0,
	    "another seed");
	OK(c.sum != a.sum, "tells another");
	hospital_free(&hc);
	beds(&a, &ha);
	paths(&a);
	EQ_I(ha.day, 39, "the calendar went on");
	c.stop_at = (long)c.n + 100;
	OK(hospital_init(&hc, 6, 2000, 60, -20, keep, &c, NULL) == 0, "a sink that fails");
	EQ_I(hospital_next(&hc, &e), E_CANCEL, "stops the simulation");
	hospital_free(&hc);
	EQ_I(hospital_init(&hc, 6, 10, 60, -20, keep, &c, &e), E_INVAL, "too few patients");
	hospital_free(&ha);
	hospital_free(&hb);
	free(a.ev);
	free(b.ev);
	free(c.ev);
	return tap_done();
}
