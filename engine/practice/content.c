#include "practice/content.h"

#include <stdio.h>
#include <string.h>

#include "practice/codes.h"
#include "practice/rng.h"

static void
rx_add(struct rx *x, uint8_t drug, uint16_t dose10, uint16_t days)
{
	for (uint8_t i = 0; i < x->n; i++)
		if (x->drug[i] == drug)
			return;
	if (x->n == RX_MAX)
		return;
	x->drug[x->n] = drug;
	x->dose10[x->n] = dose10;
	x->days[x->n] = days;
	x->n++;
}

void
content_rx(uint64_t seed, const struct ev *ev, struct rx *ret)
{
	struct problems pr;
	struct rng r;

	*ret = (struct rx){.start = ev->day};
	rng_init(&r, ev->salt);
	hospital_problems(seed, ev->pt, ev->vppr, &pr);
	for (uint8_t i = 0; i < pr.n; i++) {
		const struct disease *d = &codes_diseases[pr.disease[i]];

		for (int k = 0; k < 2; k++) {
			const struct drug *g;
			uint16_t days;

			if (!d->drug[k] || (k == 1 && rng_percent(&r, 50)))
				continue;
			g = &codes_drugs[d->drug[k] - 1];
			days = ev->bed >= 0 && g->days > 7 ? 7 : g->days;
			rx_add(ret, (uint8_t)(d->drug[k] - 1), g->dose10, days);
		}
	}
	if (rng_percent(&r, 15))
		rx_add(ret, (uint8_t)rng_below(&r, (uint32_t)codes_ndrugs), 10, 5);
	/* the correction: the last drug goes, or the only dose doubles */
	if (ev->version > 0 && ret->n > 1)
		ret->n--;
	else if (ev->version > 0)
		ret->dose10[0] = (uint16_t)(ret->dose10[0] * 2);
}

void
content_decimal(char *out, size_t n, uint32_t v, unsigned digits)
{
	if (digits == 2)
		(void)snprintf(out, n, "%u.%02u", v / 100, v % 100);
	else if (digits == 1)
		(void)snprintf(out, n, "%u.%u", v / 10, v % 10);
	else
		(void)snprintf(out, n, "%u", v);
}

static void
qualitative(struct rng *r, struct lab_value *v)
{
	static const char *const texts[] = {"(-)", "(-)", "(-)", "(±)", "(1+)", "(2+)", "(3+)"};
	uint32_t k = rng_below(r, 7);

	(void)snprintf(v->text, sizeof(v->text), "%s", texts[k]);
	v->flag = k > 3 ? 'A' : 0;
}

static void
quantity(struct rng *r, const struct lab *l, struct lab_value *v)
{
	int32_t span = (int32_t)(l->hi - l->lo), x;

	if (rng_percent(r, 80))
		x = rng_bell(r, (int32_t)l->lo, (int32_t)l->hi);
	else
		x = rng_bell(r, (int32_t)l->lo - span * 2 / 3, (int32_t)l->hi + span * 2);
	v->numeric = true;
	if (x <= 0) {
		v->numeric = false;
		(void)snprintf(v->text, sizeof(v->text), "<%s",
		    l->digits == 2 ? "0.01" : l->digits == 1 ? "0.1" : "1");
		v->flag = l->lo > 0 ? 'L' : 0;
		return;
	}
	v->flag = x < (int32_t)l->lo ? 'L' : x > (int32_t)l->hi ? 'H' : 0;
	content_decimal(v->text, sizeof(v->text), (uint32_t)x, l->digits);
}

void
content_labs(uint64_t seed, const struct ev *ev, struct lab_set *ret)
{
	uint32_t groups;
	struct rng r;

	(void)seed;
	*ret = (struct lab_set){0};
	rng_init(&r, ev->salt);
	groups = 1 | (rng_percent(&r, 80) << 1) | (rng_percent(&r, 12) << 2) |
	    (rng_percent(&r, 20) << 3) | (rng_percent(&r, 55) << 4);
	for (size_t i = 0; i < codes_nlabs && ret->n < LAB_MAX; i++) {
		const struct lab *l = &codes_labs[i];
		struct lab_value v = {.item = (uint8_t)i};

		/* draw in any case, so that a preliminary result agrees with the final one */
		if (l->hi == 0)
			qualitative(&r, &v);
		else
			quantity(&r, l, &v);
		if (rng_below(&r, 150) == 0) {
			v.numeric = false;
			v.flag = 0;
			(void)snprintf(v.text, sizeof(v.text), "測定不能");
		}
		if (!(groups >> l->group & 1))
			continue;
		if (ev->kind == EV_OML11 && ev->version == 0 && i % 3 == 1)
			continue;
		ret->v[ret->n++] = v;
	}
}

void
content_injections(uint64_t seed, const struct ev *ev, struct injections *ret)
{
	static const uint8_t bases[] = {0, 1, 2};
	uint32_t more;
	struct rng r;

	(void)seed;
	*ret = (struct injections){0};
	rng_init(&r, ev->salt);
	ret->item[ret->n++] = bases[rng_below(&r, 3)];
	more = rng_below(&r, INJ_MAX);
	for (uint32_t i = 0; i < more; i++) {
		uint8_t k = (uint8_t)(3 + rng_below(&r, (uint32_t)codes_ninjections - 3));

		if (ret->n > 1 && ret->item[1] == k)
			continue;
		ret->item[ret->n++] = k;
	}
	for (uint8_t i = 0; i < ret->n; i++)
		ret->ml = (uint16_t)(ret->ml + (i ? 0 : codes_injections[ret->item[i]].ml));
	ret->rate = (uint16_t)(ret->ml >= 500 ? 100 : 200);
	ret->minutes = (uint16_t)(ret->ml * 60 / ret->rate);
	ret->start_ms = (int32_t)(10 + rng_below(&r, 6)) * 3600000;
}

void
content_study(const struct ev *ev, char out[65])
{
	uint64_t k = rng_hash(ev->no, ev->pt, 0x554944);

	(void)snprintf(out, 65, "2.25.%llu", (unsigned long long)k);
}
