#include "practice/hl7.h"

#include <stdio.h>

#include "base/num.h"
#include "practice/codes.h"
#include "practice/content.h"
#include "practice/date.h"

/* What each kind is called: the message, and the message that withdraws it. */
static const struct {
	const char *type, *cancel;
} types[EV_KINDS] = {
	[EV_ADT00] = {"ADT^A08^ADT_A01", "ADT^A23^ADT_A21"},
	[EV_ADT12] = {"ADT^A04^ADT_A01", "ADT^A11^ADT_A09"},
	[EV_ADT21] = {"ADT^A14^ADT_A05", "ADT^A27^ADT_A21"},
	[EV_ADT22] = {"ADT^A01^ADT_A01", "ADT^A11^ADT_A09"},
	[EV_ADT31] = {"ADT^A21^ADT_A21", "ADT^A52^ADT_A52"},
	[EV_ADT32] = {"ADT^A22^ADT_A21", "ADT^A53^ADT_A52"},
	[EV_ADT42] = {"ADT^A02^ADT_A02", "ADT^A12^ADT_A12"},
	[EV_ADT52] = {"ADT^A03^ADT_A03", "ADT^A13^ADT_A01"},
	[EV_ADT61] = {"ADT^A60^ADT_A60", NULL},
	[EV_PPR01] = {"PPR^ZD1^PPR_ZD1", NULL},
	[EV_OMD] = {"OMD^O03^OMD_O03", NULL},
	[EV_OMP01] = {"RDE^O11^RDE_O11", NULL},
	[EV_OMP11] = {"RAS^O17^RAS_O17", NULL},
	[EV_OMP02] = {"RDE^O11^RDE_O11", NULL},
	[EV_OMP12] = {"RAS^O17^RAS_O17", NULL},
	[EV_OML01] = {"OML^O33^OML_O33", NULL},
	[EV_OML11] = {"OUL^R22^OUL_R22", NULL},
	[EV_OMG01] = {"OMG^O19^OMG_O19", NULL},
	[EV_OMG11] = {"OMI^Z23^OMI_Z23", NULL},
	[EV_OMG03] = {"OMG^O19^OMG_O19", NULL},
	[EV_OMG13] = {"ORU^R01^ORU_R01", NULL},
};

void
hl7_seg(struct msg *m, const char *name, const char *const *f, int n)
{
	if (m->r < 0)
		return;
	while (n > 0 && (!f[n - 1] || !f[n - 1][0]))
		n--;
	m->r = buf_str(m->b, name, m->e);
	for (int i = 0; i < n && m->r == 0; i++) {
		m->r = buf_u8(m->b, '|', m->e);
		if (m->r == 0 && f[i])
			m->r = buf_str(m->b, f[i], m->e);
	}
	if (m->r == 0)
		m->r = buf_u8(m->b, '\r', m->e);
}

/* F(n): the index of field n. */
#define F(n) [(n)-1]

static void
seg_msh(struct msg *m)
{
	char when[24], id[32];
	const char *type = m->ev->cancel && types[m->ev->kind].cancel
	    ? types[m->ev->kind].cancel : types[m->ev->kind].type;
	/* MSH-1 is the separator itself: f[0] is MSH-2 */
	const char *f[20] = {"^~\\&", "HIS123", "SEND", "GW", "RCV", when, NULL, type, id, "P",
	    "2.5"};

	(void)snprintf(when, sizeof(when), "%.14s.%.3s", m->at17, m->at17 + 14);
	(void)snprintf(id, sizeof(id), "%s%03u", m->at17, (unsigned)(m->ev->salt % 1000));
	f[16] = "~ISO IR87";
	f[18] = "ISO 2022-1994";
	f[19] = "SS-MIX2_1.20^SS-MIX2^1.2.392.200250.2.1.100.1.2.120^ISO";
	hl7_seg(m, "MSH", f, 20);
}

static void
seg_evn(struct msg *m)
{
	const char *f[6] = {NULL, m->at14};

	if (m->ev->kind == EV_ADT00 || m->ev->kind == EV_ADT61) {
		hl7_seg(m, "EVN", f, 2);
		return;
	}
	f F(6) = m->at14;
	hl7_seg(m, "EVN", f, 6);
}

static void
seg_pid(struct msg *m)
{
	const struct person *p = &m->who;
	char id[24], name[300], birth[9], sex[2] = {p->sex, 0}, addr[200], home[120], work[64];
	const char *f[HL7_FIELDS] = {"0001"};

	(void)snprintf(id, sizeof(id), "%s^^^^PI", p->id);
	(void)snprintf(name, sizeof(name), "%s^%s^^^^^L^I~%s^%s^^^^^L^P", p->family, p->given,
	    p->family_kana, p->given_kana);
	date_put8(birth, p->birth);
	(void)snprintf(addr, sizeof(addr), "^^^^%s^JPN^H^%s", p->postal, p->address);
	(void)snprintf(home, sizeof(home), "^PRN^PH^^^^^^^^^%s~^PRN^CP^^^^^^^^^%s", p->phone,
	    p->mobile);
	(void)snprintf(work, sizeof(work), "^WPN^PH^^^^^^^^^");
	f F(3) = id;
	f F(5) = name;
	f F(7) = birth;
	f F(8) = sex;
	f F(11) = addr;
	f F(13) = home;
	f F(14) = work;
	if (m->ev->kind == EV_ADT00)
		f F(33) = m->at14;
	hl7_seg(m, "PID", f, 33);
}

static void
place_put(char *out, size_t n, int16_t bed)
{
	struct place p = hospital_place(bed);

	(void)snprintf(out, n, "%s^%s^%s^^^N", p.ward, p.room, p.bed);
}

static void
seg_pv1(struct msg *m)
{
	const struct ev *ev = m->ev;
	bool in = ev->bed >= 0 || ev->kind == EV_ADT21;
	const char *dept = codes_depts[ev->dept].code;
	const char *f[HL7_FIELDS] = {"0001", in ? "I" : "O"};
	char prior[32], admitted[15];

	if (ev->kind != EV_ADT21)
		f F(3) = m->point;
	f F(7) = m->xcn;
	f F(10) = dept;
	switch (ev->kind) {
	case EV_ADT12:
		f F(44) = m->at14;
		break;
	case EV_ADT22:
		f F(17) = m->xcn;
		f F(44) = m->at14;
		break;
	case EV_ADT42:
		place_put(prior, sizeof(prior), ev->from_bed);
		f F(6) = prior;
		f F(17) = m->xcn;
		break;
	case EV_ADT52:
			date_put8(admitted, ev->until);
		f F(17) = m->xcn;
		f F(36) = "01";
		f F(44) = admitted;
		f F(45) = m->at14;
		break;
	default:
		break;
	}
	hl7_seg(m, "PV1", f, 45);
}

static void
seg_pv2(struct msg *m)
{
	const char *f[HL7_FIELDS] = {NULL};
	char until[9];

	date_put8(until, m->ev->until);
	if (m->ev->kind == EV_ADT21)
		f F(8) = until;
	else
		f F(47) = until;
	hl7_seg(m, "PV2", f, 47);
}

static void
obx_nm(struct msg *m, const char *set, const char *code, const char *unit, int value10)
{
	char num[16], u[32];
	const char *f[11] = {set, "NM", code, NULL, num, u};

	(void)snprintf(num, sizeof(num), "%d.%d", value10 / 10, value10 % 10);
	(void)snprintf(u, sizeof(u), "%s^%s^ISO+", unit, unit);
	f F(11) = "F";
	hl7_seg(m, "OBX", f, 11);
}

static void
obx_blood(struct msg *m, const char *set, const char *code, const char *value)
{
	char v[32];
	const char *f[11] = {set, "CWE", code, NULL, v};

	(void)snprintf(v, sizeof(v), "%s^%s^JSHR002", value, value);
	f F(11) = "F";
	hl7_seg(m, "OBX", f, 11);
}

/* ADT-00 after PV1: disability, height, weight, blood group, allergies, insurance. */
static void
basics(struct msg *m)
{
	const struct person *p = &m->who;
	char set[12], type[96], what[120], rh[2] = {p->rh, 0}, plan[96], start[9];
	struct allergies al;
	const char *db1[] = {"1", "PT", NULL, "N"};

	hl7_seg(m, "DB1", db1, 4);
	obx_nm(m, "1", "9N001000000000001^身長^JC10", "cm", p->height_mm);
	obx_nm(m, "2", "9N006000000000001^体重^JC10", "kg", p->weight_hg);
	obx_blood(m, "3", "5H010000001999911^血液型-ABO式^JC10", p->abo);
	(void)snprintf(what, sizeof(what), "Rh%s", rh);
	obx_blood(m, "4", "5H020000001999911^血液型-Rh式^JC10", what);
	hospital_allergies(m->seed, m->ev->pt, m->ev->viam, &al);
	for (uint8_t i = 0; i < al.n; i++) {
		const struct allergen *a = &codes_allergens[al.allergen[i]];
		const char *f[] = {set, type, what, NULL, a->reaction};

		(void)snprintf(set, sizeof(set), "%d", i + 1);
		(void)snprintf(type, sizeof(type), "%s^%s^HL70127", a->type, a->type_name);
		(void)snprintf(what, sizeof(what), "%s^%s^%s", a->code, a->name, a->system);
		hl7_seg(m, "AL1", f, 5);
	}
	{
		const char *f[HL7_FIELDS] = {"1", plan, p->insurer};

		(void)snprintf(plan, sizeof(plan), "%s^%s^JHSD0001", p->plan, p->plan_name);
		date_put8(start, -365);
		f F(12) = start;
		f F(17) = "SEL^本人^HL70063";
		hl7_seg(m, "IN1", f, 17);
	}
}

static void
seg_nk1(struct msg *m)
{
	const struct person *p = &m->who;
	char name[300], addr[200], phone[64];
	const char *f[13] = {"1", name, "SEL^本人^HL70063", addr, phone};

	(void)snprintf(name, sizeof(name), "%s^%s^^^^^L^I~%s^%s^^^^^L^P", p->family, p->given,
	    p->family_kana, p->given_kana);
	(void)snprintf(addr, sizeof(addr), "^^^^%s^JPN^H^%s", p->postal, p->address);
	(void)snprintf(phone, sizeof(phone), "^PRN^PH^^^^^^^^^%s", p->phone);
	f F(13) = p->work;
	hl7_seg(m, "NK1", f, 13);
}

static void
allergy_list(struct msg *m)
{
	static const char *const severity[] = {"MI^軽度^HL70128", "MO^中等度^HL70128",
		"SV^重度^HL70128"};
	struct allergies al;

	hospital_allergies(m->seed, m->ev->pt, m->ev->version, &al);
	for (uint8_t i = 0; i < al.n; i++) {
		const struct allergen *a = &codes_allergens[al.allergen[i]];
		char set[12], type[96], what[120], since[9];
		const char *f[13] = {set, type, what, severity[(al.allergen[i] + i) % 3],
			a->reaction, "A^追加^HL70323"};

		(void)snprintf(set, sizeof(set), "%d", i + 1);
		(void)snprintf(type, sizeof(type), "%s^%s^HL70127", a->type, a->type_name);
		(void)snprintf(what, sizeof(what), "%s^%s^%s", a->code, a->name, a->system);
		date_put8(since, al.since[i]);
		if (i == 1)
			f F(12) = "小学校低学年の頃"; /* IAM-12: free text instead of a date */
		else
			f F(11) = since;
		hl7_seg(m, "IAM", f, 13);
	}
}

static void
problem_list(struct msg *m)
{
	struct problems pr;

	hospital_problems(m->seed, m->ev->pt, m->ev->version, &pr);
	for (uint8_t i = 0; i < pr.n && m->r == 0; i++) {
		const struct disease *d = &codes_diseases[pr.disease[i]];
		char what[96], inst[20], icd[64], onset[9];
		const char *prb[26] = {"AD", m->at14, what, inst, NULL, NULL, onset};
		const char *zpr[] = {NULL, what, NULL, NULL, what};

		(void)snprintf(what, sizeof(what), "%s^%s^MDCDX2", d->mdcdx2, d->name);
		(void)snprintf(inst, sizeof(inst), "%s%07u", m->who.id, (unsigned)(i + 1));
		(void)snprintf(icd, sizeof(icd), "%s^^I10^%s^JHSD0004", d->icd10,
		    m->ev->bed >= 0 ? "M^入院時" : "O^外来時");
		date_put8(onset, pr.onset[i]);
		prb F(10) = icd;
		prb F(14) = "N^回復せず^HL70241";
		prb F(16) = onset;
		prb F(17) = d->name;
		prb F(18) = i == 0 ? "1^主診断^JHSD0007" : "2^副診断^JHSD0007";
		hl7_seg(m, "PRB", prb, 26);
		hl7_seg(m, "ZPR", zpr, 5);
		(void)snprintf(m->no, sizeof(m->no), "%s", inst);
		hl7_orc(m, NULL, NULL);
	}
}

static void
prepare(struct msg *m, uint64_t seed, const struct ev *ev)
{
	uint16_t version = ev->kind == EV_ADT00 ? ev->version : 0;

	m->seed = seed;
	m->ev = ev;
	names_person(seed, ev->pt, version, &m->who);
	names_staff(ev->doctor, &m->doctor);
	names_staff(100 + (uint32_t)(ev->salt % 60), &m->nurse);
	date_put14(m->at14, ev->at);
	date_put17(m->at17, ev->at);
	date_put8(m->day8, ev->day);
	(void)snprintf(m->xcn, sizeof(m->xcn), "%s^%s^%s^^^^^^^L^^^^^I", m->doctor.id,
	    m->doctor.family, m->doctor.given);
	(void)snprintf(m->nurse_xcn, sizeof(m->nurse_xcn), "%s^%s^%s^^^^^^^L^^^^^I", m->nurse.id,
	    m->nurse.family, m->nurse.given);
	if (ev->bed >= 0)
		place_put(m->point, sizeof(m->point), ev->bed);
	else
		(void)snprintf(m->point, sizeof(m->point), "%s^^^^^C", codes_depts[ev->dept].code);
	(void)snprintf(m->dept, sizeof(m->dept), "%s^%s^HL70069", codes_depts[ev->dept].code,
	    codes_depts[ev->dept].name);
	(void)snprintf(m->no, sizeof(m->no), "%015llu", (unsigned long long)ev->no);
	m->control = ev->cancel ? "CA" : ev->prev_at ? "XO" : "NW";
}

int
hl7_build(uint64_t seed, const struct ev *ev, struct buf *out, struct err *e)
{
	struct msg m = {.b = out, .e = e};

	prepare(&m, seed, ev);
	seg_msh(&m);
	if (ev->kind <= EV_ADT61)
		seg_evn(&m);
	seg_pid(&m);
	if (ev->kind == EV_ADT00)
		seg_nk1(&m);
	if (ev->kind != EV_ADT61 && ev->kind != EV_PPR01)
		seg_pv1(&m);
	if ((ev->kind == EV_ADT21 || ev->kind == EV_ADT31) && !ev->cancel)
		seg_pv2(&m);
	if (ev->kind == EV_ADT00)
		basics(&m);
	else if (ev->kind == EV_ADT61)
		allergy_list(&m);
	else if (ev->kind == EV_PPR01)
		problem_list(&m);
	else if (ev->kind > EV_PPR01)
		hl7_orders(&m);
	if (m.r == 0)
		m.r = buf_u8(out, 0x1c, e); /* as the guideline's own sample files end */
	return m.r;
}
