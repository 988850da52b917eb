#include "practice/truth.h"

#include "practice/codes.h"
#include "practice/content.h"
#include "practice/date.h"
#include "practice/names.h"

enum { TABLE_MAX = 1 << 30 };

int
truth_init(struct truth *t, uint64_t seed, struct err *e)
{
	int r;

	*t = (struct truth){.seed = seed};
	buf_init(&t->events, TABLE_MAX);
	buf_init(&t->prescriptions, TABLE_MAX);
	r = buf_str(&t->events,
	    "at,kind,action,patient_id,order_no,inpatient,ward,room,bed,from_ward,"
	    "from_room,from_bed,dept,until\n", e);
	if (r == 0)
		r = buf_str(&t->prescriptions,
		    "patient_id,order_no,at,action,inpatient,hot9,drug,dose,"
		    "unit,times_a_day,days,start\n", e);
	return r;
}

void
truth_free(struct truth *t)
{
	buf_free(&t->events);
	buf_free(&t->prescriptions);
}

static const char *
action(const struct ev *ev)
{
	return ev->cancel ? "cancel" : ev->prev_at ? "update" : "new";
}

static int
add_event(struct truth *t, const struct ev *ev, struct err *e)
{
	struct place at = {0}, from = {0};
	char id[9], when[18], until[9] = "";

	names_id(ev->pt, id);
	date_put17(when, ev->at);
	if (ev->bed >= 0)
		at = hospital_place(ev->bed);
	if (ev->from_bed >= 0)
		from = hospital_place(ev->from_bed);
	if (ev->until != DATE_NONE)
		date_put8(until, ev->until);
	return buf_fmt(&t->events, e, "%s,%s,%s,%s,%015llu,%d,%s,%s,%s,%s,%s,%s,%s,%s\n", when,
	    ev_name(ev->kind), action(ev), id, (unsigned long long)ev->no, ev->bed >= 0, at.ward,
	    at.room, at.bed, from.ward, from.room, from.bed, codes_depts[ev->dept].code, until);
}

static int
add_prescription(struct truth *t, const struct ev *ev, struct err *e)
{
	char id[9], when[18], start[9];
	struct rx x;
	int r = 0;

	names_id(ev->pt, id);
	date_put17(when, ev->at);
	content_rx(t->seed, ev, &x);
	date_put8(start, x.start);
	for (uint8_t i = 0; i < x.n && r == 0; i++) {
		const struct drug *d = &codes_drugs[x.drug[i]];

		r = buf_fmt(&t->prescriptions, e, "%s,%015llu,%s,%s,%d,%s,%s,%u.%u,%s,%u,%u,%s\n",
		    id,
		    (unsigned long long)ev->no, when, action(ev), ev->bed >= 0, d->hot9, d->name,
		    x.dose10[i] / 10u, x.dose10[i] % 10u, d->unit_name, d->times, x.days[i], start);
	}
	return r;
}

int
truth_add(struct truth *t, const struct ev *ev, struct err *e)
{
	switch (ev->kind) {
	case EV_ADT12:
	case EV_ADT21:
	case EV_ADT22:
	case EV_ADT31:
	case EV_ADT32:
	case EV_ADT42:
	case EV_ADT52:
		return add_event(t, ev, e);
	case EV_OMP01:
		return add_prescription(t, ev, e);
	default:
		return 0;
	}
}

static int
patients(const struct hospital *h, struct enc *enc, struct buf *b, struct err *e)
{
	AUTO(buf_free) struct buf as_seen = {0};
	int r = buf_str(b, "patient_id,family,given,family_kana,given_kana,family_in_ssmix2,"
	    "given_in_ssmix2,sex,birth,abo,rh,height_mm,weight_hg,postal,address,registered,"
	    "problems\n",
	    e);

	buf_init(&as_seen, 1024);
	for (uint32_t i = 0; i < h->patients.len && r == 0; i++) {
		const struct patient *p = VEC_AT(&h->patients, struct patient, i);
		char birth[9], since[9];
		struct problems pr;
		struct person w;

		names_person(h->seed, i, p->v00, &w);
		date_put8(birth, w.birth);
		date_put8(since, p->since);
		buf_clear(&as_seen);
		r = enc_jis_utf8(enc, w.family, &as_seen, e);
		if (r == 0)
			r = buf_u8(&as_seen, ',', e);
		if (r == 0)
			r = enc_jis_utf8(enc, w.given, &as_seen, e);
		if (r == 0)
			r = buf_fmt(b, e, "%s,%s,%s,%s,%s,%.*s,%c,%s,%s,%c,%d,%d,%s,%s,%s,", w.id,
			    w.family, w.given, w.family_kana, w.given_kana, (int)as_seen.len,
			    (const char *)as_seen.p, w.sex, birth, w.abo, w.rh, w.height_mm,
			    w.weight_hg, w.postal, w.address, since);
		hospital_problems(h->seed, i, p->vppr, &pr);
		for (uint8_t k = 0; k < pr.n && r == 0; k++)
			r = buf_fmt(b, e, "%s%s", k ? ";" : "",
			    codes_diseases[pr.disease[k]].icd10);
		if (r == 0)
			r = buf_u8(b, '\n', e);
	}
	return r;
}

static int
inpatients(const struct hospital *h, struct buf *b, struct err *e)
{
	int r = buf_str(b,
	    "ward,room,bed,patient_id,family_kana,given_kana,admitted,away,dept,diet\n", e);

	for (int16_t i = 0; i < HOSPITAL_BEDS && r == 0; i++) {
		struct place at = hospital_place(i);
		const struct patient *p;
		char admitted[18];
		struct person w;

		if (h->beds[i] < 0)
			continue;
		p = VEC_AT(&h->patients, struct patient, h->beds[i]);
		names_person(h->seed, (uint32_t)h->beds[i], p->v00, &w);
		date_put17(admitted, p->at22);
		r = buf_fmt(b, e, "%s,%s,%s,%s,%s,%s,%s,%d,%s,%s\n", at.ward, at.room, at.bed, w.id,
		    w.family_kana, w.given_kana, admitted, p->away, codes_depts[p->dept].code,
		    codes_diets[p->diet].name);
	}
	return r;
}

static int
allergies(const struct hospital *h, struct buf *b, struct err *e)
{
	int r = buf_str(b, "patient_id,type,code,name,system\n", e);

	for (uint32_t i = 0; i < h->patients.len && r == 0; i++) {
		const struct patient *p = VEC_AT(&h->patients, struct patient, i);
		struct allergies al;
		char id[9];

		names_id(i, id);
		hospital_allergies(h->seed, i, p->viam, &al);
		for (uint8_t k = 0; k < al.n && r == 0; k++) {
			const struct allergen *a = &codes_allergens[al.allergen[k]];

			r = buf_fmt(b, e, "%s,%s,%s,%s,%s\n", id, a->type, a->code, a->name,
			    a->system);
		}
	}
	return r;
}

int
truth_write(struct truth *t, const struct hospital *h, struct enc *enc, struct tree *tree,
    int64_t stamp, struct err *e)
{
	AUTO(buf_free) struct buf b = {0};
	int r;

	buf_init(&b, TABLE_MAX);
	r = patients(h, enc, &b, e);
	if (r == 0)
		r = tree_put(tree, "truth/patients.csv", b.p, b.len, stamp, e);
	buf_clear(&b);
	if (r == 0)
		r = inpatients(h, &b, e);
	if (r == 0)
		r = tree_put(tree, "truth/inpatients.csv", b.p, b.len, stamp, e);
	buf_clear(&b);
	if (r == 0)
		r = allergies(h, &b, e);
	if (r == 0)
		r = tree_put(tree, "truth/allergies.csv", b.p, b.len, stamp, e);
	if (r == 0)
		r = tree_put(tree, "truth/events.csv", t->events.p, t->events.len, stamp, e);
	if (r == 0)
		r = tree_put(tree, "truth/prescriptions.csv", t->prescriptions.p,
		    t->prescriptions.len, stamp, e);
	return r;
}
