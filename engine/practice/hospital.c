#include "practice/hospital.h"

#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "practice/codes.h"
#include "practice/date.h"
#include "practice/names.h"

enum { BEDS_WARD = HOSPITAL_BEDS / HOSPITAL_WARDS, BEDS_SHARED = 36, DOCTORS = 24 };

#define MIN_MS INT64_C(60000)
#define HOUR_MS INT64_C(3600000)
#define ADMIT_NO UINT64_C(999999999999999) /* what the samples write where nobody ordered */

const char *
ev_name(enum ev_kind k)
{
	static const char *const names[EV_KINDS] = {
		"ADT-00", "ADT-12", "ADT-21", "ADT-22", "ADT-31", "ADT-32", "ADT-42", "ADT-52",
		"ADT-61", "PPR-01", "OMD", "OMP-01", "OMP-11", "OMP-02", "OMP-12", "OML-01",
		"OML-11", "OMG-01", "OMG-11", "OMG-03", "OMG-13",
	};

	return (unsigned)k < EV_KINDS ? names[k] : "?";
}

struct place
hospital_place(int16_t bed)
{
	struct place p = {0};
	unsigned ward = (unsigned)bed / BEDS_WARD % 8, k = (unsigned)bed % BEDS_WARD;
	unsigned room = k < BEDS_SHARED ? 1 + k / 4 : 10 + k - BEDS_SHARED;

	(void)snprintf(p.ward, sizeof(p.ward), "%uA", 2 + ward);
	(void)snprintf(p.room, sizeof(p.room), "%u%02u", 2 + ward, room % 100);
	(void)snprintf(p.bed, sizeof(p.bed), "%u", k < BEDS_SHARED ? 1 + k % 4 : 1);
	return p;
}

void
hospital_problems(uint64_t seed, uint32_t pt, uint16_t version, struct problems *ret)
{
	struct rng r;
	uint32_t n;

	*ret = (struct problems){0};
	rng_init(&r, rng_hash(seed, pt, 0x505250));
	n = 1 + rng_below(&r, 3) + version;
	for (uint32_t i = 0; i < n && ret->n < PATIENT_MAX_PROBLEMS; i++) {
		uint8_t d = (uint8_t)rng_below(&r, (uint32_t)codes_ndiseases);
		int32_t onset = -rng_range(&r, 30, 2500);
		bool have = false;

		for (uint8_t k = 0; k < ret->n; k++)
			have = have || ret->disease[k] == d;
		if (have)
			continue;
		ret->disease[ret->n] = d;
		ret->onset[ret->n] = onset;
		ret->n++;
	}
}

void
hospital_allergies(uint64_t seed, uint32_t pt, uint16_t version, struct allergies *ret)
{
	struct rng r;
	uint32_t n;

	*ret = (struct allergies){0};
	rng_init(&r, rng_hash(seed, pt, 0x49414d));
	n = rng_percent(&r, 22) ? 1 + rng_below(&r, 2) : 0;
	n += version;
	for (uint32_t i = 0; i < n && ret->n < PATIENT_MAX_ALLERGIES; i++) {
		uint8_t a = (uint8_t)(rng_percent(&r, 25) ? 0
			: rng_below(&r, (uint32_t)codes_nallergens));
		int32_t since = -rng_range(&r, 100, 6000);
		bool have = false;

		for (uint8_t k = 0; k < ret->n; k++)
			have = have || ret->allergen[k] == a;
		if (have)
			continue;
		ret->allergen[ret->n] = a;
		ret->since[ret->n] = since;
		ret->n++;
	}
}

static struct patient *
pt_at(struct hospital *h, uint32_t i)
{
	return VEC_AT(&h->patients, struct patient, i);
}

/* A moment of the day: from + up to span, never on a full second. */
static int64_t
moment(struct hospital *h, int32_t day, int64_t from, int64_t span)
{
	return date_stamp(day, from + (int64_t)rng_below(&h->rng, (uint32_t)span));
}

static uint64_t
order_no(struct hospital *h)
{
	int y, m, d;

	date_split(h->day, &y, &m, &d);
	return ((uint64_t)y * 10000 + (uint64_t)m * 100 + (uint64_t)d) * 10000000 + ++h->seq;
}

static struct ev
make(struct hospital *h, enum ev_kind kind, uint32_t pt, int32_t day, int64_t at)
{
	struct patient *p = pt_at(h, pt);

	return (struct ev){
		.kind = kind, .pt = pt, .day = day, .no = ADMIT_NO, .at = at, .dept = p->dept,
		.bed = p->bed, .from_bed = -1, .doctor = p->doctor, .vppr = p->vppr,
		.viam = p->viam, .until = DATE_NONE,
		.salt = rng_hash(h->seed, (uint64_t)at, (uint64_t)pt << 8 | kind),
	};
}

static int
emit(struct hospital *h, const struct ev *ev, struct err *e)
{
	return h->sink ? h->sink(h->ctx, ev, e) : 0;
}

/* Withdraw ${ev} at ${at}. */
static int
withdraw(struct hospital *h, const struct ev *ev, int64_t at, struct err *e)
{
	struct ev c = *ev;

	c.prev_at = ev->at;
	c.at = at;
	c.cancel = true;
	return emit(h, &c, e);
}

/* A new version of what has no date: basics, problems or allergies. */
static int
update(struct hospital *h, enum ev_kind kind, uint32_t pt, int64_t at, struct err *e)
{
	struct ev ev = make(h, kind, pt, DATE_NONE, at);
	struct patient *p = pt_at(h, pt);
	uint16_t *version = kind == EV_ADT00 ? &p->v00 : kind == EV_PPR01 ? &p->vppr : &p->viam;
	int64_t *last = kind == EV_ADT00 ? &p->at00 : kind == EV_PPR01 ? &p->atppr : &p->atiam;

	ev.version = ++*version;
	ev.prev_at = *last;
	*last = at;
	return emit(h, &ev, e);
}

/* A new patient, registered at ${at}; the number goes to ${ret}. */
static int
enrol(struct hospital *h, int64_t at, uint32_t *ret, struct err *e)
{
	uint32_t pt = (uint32_t)h->patients.len;
	struct patient *p = vec_add(&h->patients);
	struct problems pr;
	struct allergies al;
	struct ev ev;
	int r;

	if (!p)
		return err_set(e, pt >= HOSPITAL_MAX_PATIENTS ? E_LIMIT : E_NOMEM,
		    "more than %u patients", pt);
	hospital_problems(h->seed, pt, 0, &pr);
	*p = (struct patient){.since = date_of(at), .bed = -1, .seen = DATE_NONE,
		.dept = codes_diseases[pr.disease[0]].dept,
		.doctor = (uint16_t)rng_below(&h->rng, DOCTORS), .admitted = DATE_NONE,
		.leaving = DATE_NONE, .at00 = at, .atppr = at + 5 * MIN_MS};
	ev = make(h, EV_ADT00, pt, DATE_NONE, at);
	if ((r = emit(h, &ev, e)) < 0)
		return r;
	ev = make(h, EV_PPR01, pt, DATE_NONE, p->atppr);
	if ((r = emit(h, &ev, e)) < 0)
		return r;
	hospital_allergies(h->seed, pt, 0, &al);
	if (al.n > 0) {
		p->atiam = at + 3 * MIN_MS;
		ev = make(h, EV_ADT61, pt, DATE_NONE, p->atiam);
		if ((r = emit(h, &ev, e)) < 0)
			return r;
	}
	*ret = pt;
	return 0;
}

static bool
is_man(struct hospital *h, uint32_t pt)
{
	struct person who;

	names_person(h->seed, pt, 0, &who);
	return who.sex == 'M';
}

/* A free bed in a room where nobody of the other sex lies, or -1. Looks from a random one on. */
static int16_t
free_bed(struct hospital *h, uint32_t pt)
{
	bool man = is_man(h, pt);
	uint32_t start = rng_below(&h->rng, HOSPITAL_BEDS);

	for (uint32_t i = 0; i < HOSPITAL_BEDS; i++) {
		uint32_t b = (start + i) % HOSPITAL_BEDS, k = b % BEDS_WARD;
		bool fit = h->beds[b] < 0;

		if (fit && k < BEDS_SHARED)
			for (uint32_t j = b - k % 4; j < b - k % 4 + 4; j++)
				fit = fit && (h->beds[j] < 0 ||
				    is_man(h, (uint32_t)h->beds[j]) == man);
		if (fit)
			return (int16_t)b;
	}
	return -1;
}

static int32_t
stay_days(struct hospital *h, int16_t bed)
{
	static const int32_t lo[HOSPITAL_WARDS] = {3, 8, 20}, hi[HOSPITAL_WARDS] = {16, 40, 90};
	int ward = bed / BEDS_WARD;

	return rng_range(&h->rng, lo[ward], hi[ward]);
}

/* Somebody at home who was not here today, or -1 after many tries. */
static int64_t
somebody(struct hospital *h)
{
	for (int i = 0; i < 64; i++) {
		uint32_t pt = rng_below(&h->rng, (uint32_t)h->patients.len);
		struct patient *p = pt_at(h, pt);
		bool ok = p->bed < 0 && p->seen != h->day;

		for (size_t k = 0; ok && k < h->planned.len; k++)
			ok = *VEC_AT(&h->planned, uint32_t, k) != pt;
		if (ok)
			return pt;
	}
	return -1;
}

static int
admit(struct hospital *h, uint32_t pt, int16_t bed, int64_t at, struct err *e)
{
	struct patient *p = pt_at(h, pt);
	struct ev ev;

	p->bed = bed;
	p->admitted = date_of(at);
	p->leaving = p->admitted + stay_days(h, bed);
	p->at22 = at;
	p->away = false;
	p->diet = (uint8_t)rng_below(&h->rng, (uint32_t)codes_ndiets - 1);
	h->beds[bed] = (int32_t)pt;
	ev = make(h, EV_ADT22, pt, p->admitted, at);
	return emit(h, &ev, e);
}

uint32_t
hospital_inpatients(const struct hospital *h)
{
	uint32_t n = 0;

	for (int b = 0; b < HOSPITAL_BEDS; b++)
		n += h->beds[b] >= 0;
	return n;
}

/* --- the day, in the order of the clock: discharges, moves, admissions --- */

static int
prescribe(struct hospital *h, uint32_t pt, int64_t at, struct err *e)
{
	struct ev ev = make(h, EV_OMP01, pt, h->day, at);
	uint32_t fate = rng_below(&h->rng, 100);
	struct ev fix;
	int r;

	ev.no = order_no(h);
	if ((r = emit(h, &ev, e)) < 0)
		return r;
	if (fate < 3)
		return withdraw(h, &ev, at + 20 * MIN_MS, e);
	if (fate < 7) {
		fix = ev;
		fix.prev_at = ev.at;
		fix.at = at + 25 * MIN_MS;
		fix.version = 1;
		return emit(h, &fix, e);
	}
	return 0;
}

static int
discharge(struct hospital *h, int b, struct err *e)
{
	uint32_t pt = (uint32_t)h->beds[b];
	struct patient *p = pt_at(h, pt);
	int64_t at = moment(h, h->day, 9 * HOUR_MS + 30 * MIN_MS, 90 * MIN_MS);
	bool mistake = rng_percent(&h->rng, 4);
	struct ev ev = make(h, EV_ADT52, pt, h->day, at);
	int r;

	ev.until = p->admitted;
	if ((r = emit(h, &ev, e)) < 0)
		return r;
	if (mistake) {
		p->leaving = h->day + rng_range(&h->rng, 1, 3);
		return withdraw(h, &ev, at + 15 * MIN_MS, e);
	}
	if (rng_percent(&h->rng, 75) && (r = prescribe(h, pt, at - 40 * MIN_MS, e)) < 0)
		return r;
	h->beds[b] = -1;
	p->bed = -1;
	p->seen = h->day;
	return 0;
}

static int
discharges(struct hospital *h, struct err *e)
{
	for (int b = 0; b < HOSPITAL_BEDS; b++) {
		struct patient *p;
		int r;

		if (h->beds[b] < 0)
			continue;
		p = pt_at(h, (uint32_t)h->beds[b]);
		if (p->leaving > h->day)
			continue;
		if (p->away) {
			p->leaving = h->day + 1;
			continue;
		}
		r = discharge(h, b, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int
leaves(struct hospital *h, struct err *e)
{
	int wd = date_weekday(h->day);

	if (wd != 6 && wd != 0)
		return 0;
	for (int b = 0; b < HOSPITAL_BEDS; b++) {
		struct patient *p;
		struct ev ev;
		int r;

		if (h->beds[b] < 0)
			continue;
		p = pt_at(h, (uint32_t)h->beds[b]);
		if (wd == 0 && p->away) {
			ev = make(h, EV_ADT32, (uint32_t)h->beds[b], h->day,
			    moment(h, h->day, 16 * HOUR_MS, 2 * HOUR_MS));
			p->away = false;
			if ((r = emit(h, &ev, e)) < 0)
				return r;
		} else if (wd == 6 && p->leaving > h->day + 3 && rng_percent(&h->rng, 3)) {
			ev = make(h, EV_ADT31, (uint32_t)h->beds[b], h->day,
			    moment(h, h->day, 10 * HOUR_MS, HOUR_MS));
			ev.until = h->day + 1;
			p->away = true;
			if ((r = emit(h, &ev, e)) < 0)
				return r;
			if (rng_percent(&h->rng, 15)) {
				p->away = false;
				if ((r = withdraw(h, &ev, ev.at + 10 * MIN_MS, e)) < 0)
					return r;
			}
		}
	}
	return 0;
}

/* Each move has its own twenty minutes, so that a bed is never held twice even for a moment. */
static int
moves(struct hospital *h, struct err *e)
{
	int n = rng_range(&h->rng, 0, 4);

	for (int i = 0; i < n; i++) {
		int from = (int)rng_below(&h->rng, HOSPITAL_BEDS), to;
		struct patient *p;
		struct ev ev;
		int64_t at;
		int r;

		if (h->beds[from] < 0)
			continue;
		p = pt_at(h, (uint32_t)h->beds[from]);
		to = free_bed(h, (uint32_t)h->beds[from]);
		if (to < 0 || p->away || p->admitted == h->day || p->seen == h->day)
			continue;
		p->seen = h->day; /* one move a day */
		at = moment(h, h->day, 11 * HOUR_MS + (30 + 20 * i) * MIN_MS, 8 * MIN_MS);
		p->bed = (int16_t)to;
		ev = make(h, EV_ADT42, (uint32_t)h->beds[from], h->day, at);
		ev.from_bed = (int16_t)from;
		if ((r = emit(h, &ev, e)) < 0)
			return r;
		if (rng_percent(&h->rng, 8)) {
			p->bed = (int16_t)from;
			if ((r = withdraw(h, &ev, at + 9 * MIN_MS, e)) < 0)
				return r;
			continue;
		}
		h->beds[to] = h->beds[from];
		h->beds[from] = -1;
	}
	return 0;
}

static int
arrive(struct hospital *h, uint32_t pt, int64_t at, struct err *e)
{
	int16_t bed = free_bed(h, pt);
	int r;

	if (bed < 0)
		return 0;
	r = admit(h, pt, bed, at, e);
	if (r == 0 && rng_percent(&h->rng, 3)) {
		struct ev ev = make(h, EV_ADT22, pt, h->day, at);

		h->beds[bed] = -1;
		pt_at(h, pt)->bed = -1;
		pt_at(h, pt)->seen = h->day;
		return withdraw(h, &ev, at + 4 * MIN_MS, e);
	}
	if (r == 0 && rng_percent(&h->rng, 30))
		r = update(h, EV_ADT00, pt, at + 5 * MIN_MS, e);
	return r;
}

static int
admissions(struct hospital *h, struct err *e)
{
	size_t n = h->planned.len;
	uint32_t sudden;
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		uint32_t pt = *VEC_AT(&h->planned, uint32_t, i);

		r = arrive(h, pt,
		    moment(h, h->day, 13 * HOUR_MS + (30 + 7 * (int64_t)i) * MIN_MS, MIN_MS), e);
	}
	h->planned.len = 0;
	sudden = rng_below(&h->rng, 4);
	for (uint32_t i = 0; i < sudden && r == 0; i++) {
		int64_t pt = somebody(h);

		if (pt >= 0 && hospital_inpatients(h) < 117)
			r = arrive(h, (uint32_t)pt,
			    moment(h, h->day, 17 * HOUR_MS + 20 * i * MIN_MS, 10 * MIN_MS), e);
	}
	return r;
}

/* Announce tomorrow's admissions, enough to keep about 108 beds taken. */
static int
announce(struct hospital *h, struct err *e)
{
	int32_t tomorrow = h->day + 1;
	int32_t want = 108 - (int32_t)hospital_inpatients(h);

	for (int b = 0; b < HOSPITAL_BEDS; b++)
		want += h->beds[b] >= 0 && pt_at(h, (uint32_t)h->beds[b])->leaving <= tomorrow;
	if (date_weekday(tomorrow) == 0)
		want = 0;
	if (want > 16)
		want = 16;
	for (int32_t i = 0; i < want; i++) {
		int64_t pt = somebody(h);
		struct ev ev;
		uint32_t *slot;
		int r;

		if (pt < 0)
			continue;
		ev = make(h, EV_ADT21, (uint32_t)pt, tomorrow,
		    moment(h, h->day, 14 * HOUR_MS, 2 * HOUR_MS));
		ev.until = tomorrow;
		if ((r = emit(h, &ev, e)) < 0)
			return r;
		if (rng_percent(&h->rng, 10)) {
			if ((r = withdraw(h, &ev, ev.at + HOUR_MS, e)) < 0)
				return r;
			continue;
		}
		slot = vec_add(&h->planned);
		if (!slot)
			return err_set(e, E_NOMEM, "no memory");
		*slot = (uint32_t)pt;
	}
	return 0;
}

/* --- orders --- */

static int
order_labs(struct hospital *h, uint32_t pt, int64_t at, struct err *e)
{
	struct ev order = make(h, EV_OML01, pt, h->day, at), result;
	uint32_t fate = rng_below(&h->rng, 100);
	int r;

	order.no = order_no(h);
	if ((r = emit(h, &order, e)) < 0)
		return r;
	if (fate < 3)
		return withdraw(h, &order, at + 15 * MIN_MS, e);
	result = order;
	result.kind = EV_OML11;
	result.at = at + (70 + rng_below(&h->rng, 60)) * MIN_MS;
	result.version = fate < 12 ? 0 : 1;
	if ((r = emit(h, &result, e)) < 0)
		return r;
	if (fate < 12) {
		struct later *l = vec_add(&h->later);

		if (!l)
			return err_set(e, E_NOMEM, "no memory");
		l->ev = result;
		l->due = h->day + 1;
	}
	return 0;
}

/* An order and the notice that it was done: same number, same content. */
static int
pair(struct hospital *h, enum ev_kind order, enum ev_kind done, uint32_t pt, uint8_t item,
    int64_t at,
    struct err *e)
{
	struct ev ev = make(h, order, pt, h->day, at);
	uint32_t fate = rng_below(&h->rng, 100);
	int r;

	ev.no = order_no(h);
	ev.item = item;
	if ((r = emit(h, &ev, e)) < 0)
		return r;
	if (fate < 4)
		return withdraw(h, &ev, at + 12 * MIN_MS, e);
	ev.kind = done;
	ev.at = at + (45 + rng_below(&h->rng, 120)) * MIN_MS;
	return emit(h, &ev, e);
}

static uint8_t
some_imaging(struct hospital *h)
{
	uint32_t sum = 0, k;

	for (size_t i = 0; i < codes_nimaging; i++)
		sum += codes_imaging[i].weight;
	k = rng_below(&h->rng, sum);
	for (size_t i = 0; i < codes_nimaging; i++) {
		if (k < codes_imaging[i].weight)
			return (uint8_t)i;
		k -= codes_imaging[i].weight;
	}
	return 0;
}

static int
meals(struct hospital *h, uint32_t pt, int64_t at, struct err *e)
{
	struct ev ev = make(h, EV_OMD, pt, h->day, at);

	ev.no = order_no(h);
	ev.item = pt_at(h, pt)->diet;
	return emit(h, &ev, e);
}

static int
ward_round(struct hospital *h, uint32_t pt, struct err *e)
{
	struct patient *p = pt_at(h, pt);
	bool fresh = p->admitted == h->day;
	int64_t base = fresh ? date_stamp(h->day, 19 * HOUR_MS) : date_stamp(h->day, 8 * HOUR_MS);
	int64_t at = base + rng_below(&h->rng, 3600000);
	int r = 0;

	if (fresh || rng_percent(&h->rng, 4)) {
		p->diet = (uint8_t)rng_below(&h->rng, (uint32_t)codes_ndiets);
		r = meals(h, pt, at, e);
	}
	if (r == 0 && rng_percent(&h->rng, 35))
		r = pair(h, EV_OMP02, EV_OMP12, pt, 0, at + 6 * MIN_MS, e);
	if (r == 0 && rng_percent(&h->rng, 22))
		r = order_labs(h, pt, at - HOUR_MS / 2, e);
	if (r == 0 && (h->day - p->admitted) % 7 == 1)
		r = pair(h, EV_OMP01, EV_OMP11, pt, 0, at + 9 * MIN_MS, e);
	if (r == 0 && rng_percent(&h->rng, 4))
		r = pair(h, EV_OMG01, EV_OMG11, pt, some_imaging(h), at + 20 * MIN_MS, e);
	if (r == 0 && rng_percent(&h->rng, 2))
		r = pair(h, EV_OMG03, EV_OMG13, pt, 0, at + 25 * MIN_MS, e);
	if (r == 0 && rng_percent(&h->rng, 2))
		r = update(h, EV_PPR01, pt, at + 30 * MIN_MS, e);
	if (r == 0 && !fresh && rng_percent(&h->rng, 1))
		r = update(h, EV_ADT00, pt, at + 31 * MIN_MS, e);
	if (r == 0 && rng_below(&h->rng, 200) == 0)
		r = update(h, EV_ADT61, pt, at + 32 * MIN_MS, e);
	return r;
}

static int
visit(struct hospital *h, uint32_t pt, int64_t at, struct err *e)
{
	struct ev ev = make(h, EV_ADT12, pt, h->day, at);
	int r;

	pt_at(h, pt)->seen = h->day;
	ev.no = order_no(h);
	r = emit(h, &ev, e);
	if (r == 0 && rng_percent(&h->rng, 2))
		return withdraw(h, &ev, at + 50 * MIN_MS, e);
	if (r == 0 && rng_percent(&h->rng, 35))
		r = order_labs(h, pt, at + 10 * MIN_MS, e);
	if (r == 0 && rng_percent(&h->rng, 9))
		r = pair(h, EV_OMG01, EV_OMG11, pt, some_imaging(h), at + 15 * MIN_MS, e);
	if (r == 0 && rng_percent(&h->rng, 4))
		r = pair(h, EV_OMG03, EV_OMG13, pt, 0, at + 18 * MIN_MS, e);
	if (r == 0 && rng_percent(&h->rng, 70))
		r = prescribe(h, pt, at + 40 * MIN_MS, e);
	if (r == 0 && rng_percent(&h->rng, 8))
		r = update(h, EV_PPR01, pt, at + 41 * MIN_MS, e);
	if (r == 0 && rng_percent(&h->rng, 6))
		r = update(h, EV_ADT00, pt, at + 42 * MIN_MS, e);
	if (r == 0 && rng_percent(&h->rng, 1))
		r = update(h, EV_ADT61, pt, at + 43 * MIN_MS, e);
	return r;
}

static int
outpatients(struct hospital *h, struct err *e)
{
	int wd = date_weekday(h->day);
	uint32_t n = wd == 0 ? h->visits / 20 : wd == 6 ? h->visits / 2 : h->visits;
	int r = 0;

	for (uint32_t i = 0; i < n && r == 0; i++) {
		int64_t at = moment(h, h->day, 8 * HOUR_MS + 40 * MIN_MS, 6 * HOUR_MS);
		int64_t pt;

		if (rng_percent(&h->rng, 4)) {
			uint32_t fresh;

			r = enrol(h, at - 10 * MIN_MS, &fresh, e);
			pt = fresh;
		} else {
			pt = somebody(h);
		}
		if (r == 0 && pt >= 0)
			r = visit(h, (uint32_t)pt, at, e);
	}
	return r;
}

/* Results that were preliminary yesterday become final. */
static int
corrections(struct hospital *h, struct err *e)
{
	size_t keep = 0;
	int r = 0;

	for (size_t i = 0; i < h->later.len && r == 0; i++) {
		struct later l = *VEC_AT(&h->later, struct later, i);

		if (l.due > h->day) {
			*VEC_AT(&h->later, struct later, keep++) = l;
			continue;
		}
		l.ev.prev_at = l.ev.at;
		l.ev.at = moment(h, h->day, 8 * HOUR_MS, HOUR_MS);
		l.ev.version = 1;
		r = emit(h, &l.ev, e);
	}
	h->later.len = keep;
	return r;
}

/* The years before the first day: everybody registered, about 104 beds taken. */
static int
past(struct hospital *h, struct err *e)
{
	for (uint32_t i = 0; i < h->known; i++) {
		int32_t day = h->first - rng_range(&h->rng, 130, 1800);
		uint32_t pt;
		int r = enrol(h, moment(h, day, 9 * HOUR_MS, 6 * HOUR_MS), &pt, e);

		if (r < 0)
			return r;
	}
	for (int i = 0; i < 104; i++) {
		int64_t pt = somebody(h);
		int16_t bed = pt < 0 ? (int16_t)-1 : free_bed(h, (uint32_t)pt);
		struct patient *p;
		int32_t whole, gone;
		int r;

		if (bed < 0)
			continue;
		whole = stay_days(h, bed);
		gone = 1 + (int32_t)rng_below(&h->rng, (uint32_t)whole);
		r = admit(h, (uint32_t)pt, bed,
		    moment(h, h->first - gone, 13 * HOUR_MS + 30 * MIN_MS, 3 * HOUR_MS), e);
		if (r < 0)
			return r;
		p = pt_at(h, (uint32_t)pt);
		p->leaving = h->first + whole - gone;
	}
	return 0;
}

int
hospital_init(struct hospital *h, uint64_t seed, uint32_t patients, uint32_t visits, int32_t first,
    hospital_sink *sink, void *ctx, struct err *e)
{
	if (patients < 4 * HOSPITAL_BEDS || patients > HOSPITAL_MAX_PATIENTS / 2)
		return err_set(e, E_INVAL, "a practice hospital of %u patients", patients);
	*h = (struct hospital){.seed = seed, .first = first, .day = first - 1, .visits = visits,
		.known = patients, .sink = sink, .ctx = ctx};
	vec_init(&h->patients, sizeof(struct patient), HOSPITAL_MAX_PATIENTS);
	vec_init(&h->later, sizeof(struct later), 100000);
	vec_init(&h->planned, sizeof(uint32_t), HOSPITAL_BEDS);
	for (int b = 0; b < HOSPITAL_BEDS; b++)
		h->beds[b] = -1;
	rng_init(&h->rng, rng_hash(seed, 0x484f5350, patients));
	return 0;
}

void
hospital_free(struct hospital *h)
{
	vec_free(&h->patients);
	vec_free(&h->later);
	vec_free(&h->planned);
}

int
hospital_next(struct hospital *h, struct err *e)
{
	int r = 0;

	if (h->day < h->first)
		r = past(h, e);
	h->day++;
	h->seq = 0;
	if (r == 0)
		r = corrections(h, e);
	if (r == 0)
		r = discharges(h, e);
	if (r == 0)
		r = leaves(h, e);
	if (r == 0)
		r = moves(h, e);
	if (r == 0)
		r = admissions(h, e);
	for (int b = 0; b < HOSPITAL_BEDS && r == 0; b++)
		if (h->beds[b] >= 0 && !pt_at(h, (uint32_t)h->beds[b])->away)
			r = ward_round(h, (uint32_t)h->beds[b], e);
	if (r == 0)
		r = outpatients(h, e);
	if (r == 0)
		r = announce(h, e);
	return r;
}
