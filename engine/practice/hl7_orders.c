/* Orders, results and what was done: OMD OMP OML OMG. */
#include <stdio.h>

#include "practice/codes.h"
#include "practice/content.h"
#include "practice/date.h"
#include "practice/hl7.h"

#define F(n) [(n)-1]

static const char *
setting(const struct msg *m)
{
	return m->ev->bed >= 0 ? "I^入院患者オーダ^HL70482" : "O^外来患者オーダ^HL70482";
}

void
hl7_orc(struct msg *m, const char *group, const char *status)
{
	const char *f[29] = {m->control, m->no};

	f F(4) = group;
	f F(5) = status;
	f F(9) = m->at14;
	f F(10) = m->xcn;
	f F(12) = m->xcn;
	f F(13) = m->point;
	f F(17) = m->dept;
	f F(18) = "PC01^^99XY2";
	f F(21) = "仮町立守病院";
	f F(22) = "^^^^779-9999^JPN^^徳島県仮町市守町99丁目1番1号";
	f F(23) = "^^^^^^^^^^^0999-99-9999";
	f F(29) = setting(m);
	hl7_seg(m, "ORC", f, 29);
}

static void
amount(char *out, size_t n, unsigned tenths)
{
	if (tenths % 10)
		(void)snprintf(out, n, "%u.%u", tenths / 10, tenths % 10);
	else
		(void)snprintf(out, n, "%u", tenths / 10);
}

static void
rp_segments(struct msg *m, const struct rx *x, uint8_t i)
{
	const struct drug *d = &codes_drugs[x->drug[i]];
	char code[120], dose[12], total[12], daily[64], unit[48], day_amount[12], usage[160],
	    days[12];
	char route[40], start[13];
	const char *rxe[21] = {NULL, code, dose, NULL, unit};
	const char *tq1[7] = {"1", NULL, usage, NULL, NULL, days, start};
	const char *rxr[] = {route};

	(void)snprintf(code, sizeof(code), "%s^%s^HOT9", d->hot9, d->name);
	(void)snprintf(unit, sizeof(unit), "%s^%s^MR9P", d->unit, d->unit_name);
	amount(dose, sizeof(dose), x->dose10[i]);
	amount(total, sizeof(total), (unsigned)x->dose10[i] * d->times * x->days[i]);
	amount(day_amount, sizeof(day_amount), (unsigned)x->dose10[i] * d->times);
	(void)snprintf(daily, sizeof(daily), "%s^%s&%s&MR9P", day_amount, d->unit, d->unit_name);
	rxe F(10) = total;
	rxe F(11) = unit;
	rxe F(15) = m->no;
	rxe F(19) = daily;
	rxe F(21) = m->ev->bed >= 0 ? "IHP^入院処方^MR9P~FTP^定時処方^99I01"
				    : "OHP^外来処方^MR9P~OHO^院外処方^MR9P";
	hl7_seg(m, "RXE", rxe, 21);
	(void)snprintf(usage, sizeof(usage), "%s&%s&JAMISDP01", d->usage, d->usage_name);
	(void)snprintf(days, sizeof(days), "%u^d", x->days[i]);
	(void)snprintf(start, sizeof(start), "%s", m->day8);
	hl7_seg(m, "TQ1", tq1, 7);
	(void)snprintf(route, sizeof(route), "%s^%s^HL70162", d->route, d->route_name);
	hl7_seg(m, "RXR", rxr, 1);
}

static void
prescription(struct msg *m)
{
	struct rx x;

	content_rx(m->seed, m->ev, &x);
	for (uint8_t i = 0; i < x.n && m->r == 0; i++) {
		char group[40];

		(void)snprintf(group, sizeof(group), "%s_%02u_001", m->no, (unsigned)(i + 1));
		hl7_orc(m, group, NULL);
		rp_segments(m, &x, i);
	}
}

static void
given(struct msg *m, const char *code, const char *amount_text, const char *unit, const char *start,
    const char *end, const char *rate)
{
	const char *f[22] = {"0", "1", start, end, code, amount_text, unit};

	f F(10) = m->nurse_xcn;
	f F(11) = m->point;
	f F(12) = rate;
	f F(20) = "CP";
	f F(22) = m->at14;
	hl7_seg(m, "RXA", f, 22);
}

static void
prescription_given(struct msg *m)
{
	struct rx x;

	content_rx(m->seed, m->ev, &x);
	hl7_orc(m, NULL, "CM");
	for (uint8_t i = 0; i < x.n && m->r == 0; i++) {
		const struct drug *d = &codes_drugs[x.drug[i]];
		char code[120], dose[12], unit[48], route[40];
		const char *rxr[] = {route};

		(void)snprintf(code, sizeof(code), "%s^%s^HOT9", d->hot9, d->name);
		(void)snprintf(unit, sizeof(unit), "%s^%s^MR9P", d->unit, d->unit_name);
		amount(dose, sizeof(dose), x.dose10[i]);
		given(m, code, dose, unit, m->at14, m->at14, NULL);
		(void)snprintf(route, sizeof(route), "%s^%s^HL70162", d->route, d->route_name);
		hl7_seg(m, "RXR", rxr, 1);
	}
}

static const char *const intravenous[] = {"IV^静脈内^HL70162", NULL, "IVP^点滴ポンプ^HL70164"};

static void
injection(struct msg *m)
{
	struct injections in;
	char group[40], ml[12], rate[12], start[15], end[15];
	const char *rxe[42] = {NULL, "00^一般^99I02", ml, NULL, "ML^ミリリットル^MR9P",
		"INJ^注射剤^MR9P", "^一定速度で^99IC6"};
	const char *tq1[8] = {"1"};
	int32_t day = m->ev->day;

	content_injections(m->seed, m->ev, &in);
	(void)snprintf(group, sizeof(group), "%s_01_001", m->no);
	hl7_orc(m, group, NULL);
	(void)snprintf(ml, sizeof(ml), "%u", in.ml);
	(void)snprintf(rate, sizeof(rate), "%u", in.rate);
	rxe F(15) = m->no;
	rxe F(21) = m->ev->bed >= 0 ? "IHP^入院処方^MR9P~FTP^定時処方^99I01"
				    : "OHP^外来処方^MR9P";
	rxe F(22) = "H1";
	rxe F(23) = rate;
	rxe F(24) = "ml/hr^ミリリッター／時間^ISO+";
	rxe F(42) = m->point;
	hl7_seg(m, "RXE", rxe, 42);
	date_put14(start, date_stamp(day, in.start_ms));
	date_put14(end, date_stamp(day, in.start_ms + (int64_t)in.minutes * 60000));
	tq1 F(7) = start;
	tq1 F(8) = end;
	hl7_seg(m, "TQ1", tq1, 8);
	hl7_seg(m, "RXR", intravenous, 3);
	for (uint8_t i = 0; i < in.n; i++) {
		const struct injection *j = &codes_injections[in.item[i]];
		char code[120], n[12], unit[48];
		const char *rxc[] = {i ? "A" : "B", code, n, unit};

		(void)snprintf(code, sizeof(code), "%s^%s^HOT9", j->hot9, j->name);
		(void)snprintf(n, sizeof(n), "%u", j->amount);
		(void)snprintf(unit, sizeof(unit), "%s^%s^MR9P", j->unit, j->unit_name);
		hl7_seg(m, "RXC", rxc, 4);
	}
}

static void
injection_given(struct msg *m)
{
	struct injections in;
	char rate[16], group[40], start[15], end[15];

	content_injections(m->seed, m->ev, &in);
	(void)snprintf(group, sizeof(group), "%s_01_001", m->no);
	(void)snprintf(rate, sizeof(rate), "%uml/hr", in.rate);
	hl7_orc(m, group, "CM");
	date_put14(start, date_stamp(m->ev->day, in.start_ms));
	date_put14(end, date_stamp(m->ev->day, in.start_ms + (int64_t)in.minutes * 60000));
	for (uint8_t i = 0; i < in.n; i++) {
		const struct injection *j = &codes_injections[in.item[i]];
		char code[120], n[12], unit[48];

		(void)snprintf(code, sizeof(code), "%s^%s^HOT9", j->hot9, j->name);
		(void)snprintf(n, sizeof(n), "%u", j->amount);
		(void)snprintf(unit, sizeof(unit), "%s^%s^MR9P", j->unit, j->unit_name);
		given(m, code, n, unit, start, end, rate);
	}
	hl7_seg(m, "RXR", intravenous, 3);
}

/* The specimen and request segments of one group of laboratory items. */
static void
lab_group(struct msg *m, uint8_t g, int set, bool result)
{
	const struct lab_group *lg = &codes_lab_groups[g];
	char n[12], code[64], spm[64], taken[15], id[24];
	const char *s[17] = {n, result ? id : NULL, NULL, spm};
	const char *o[22] = {n, m->no, result ? id : NULL, code};

	(void)snprintf(n, sizeof(n), "%d", set);
	(void)snprintf(id, sizeof(id), "%.14s%d", m->no + 1, g);
	(void)snprintf(spm, sizeof(spm), "%s^%s^JC10", lg->spm, lg->spm_name);
	(void)snprintf(code, sizeof(code), "%s^%s^99O03", lg->code, lg->name);
	date_put14(taken, date_stamp(m->ev->day, 7 * INT64_C(3600000)));
	s F(17) = taken;
	hl7_seg(m, "SPM", s, 17);
	o F(16) = m->xcn;
	if (!result) {
		hl7_orc(m, NULL, NULL);
		hl7_seg(m, "OBR", o, 16);
		return;
	}
	o F(7) = m->day8;
	o F(8) = m->day8;
	o F(22) = m->at14;
	hl7_seg(m, "OBR", o, 22);
	m->control = m->ev->cancel ? "CA" : "SC";
	hl7_orc(m, NULL, m->ev->version ? "CM" : "A");
}

static void
lab_range(char *out, size_t n, const struct lab *l)
{
	char lo[16], hi[16];

	content_decimal(lo, sizeof(lo), l->lo, l->digits);
	content_decimal(hi, sizeof(hi), l->hi, l->digits);
	if (l->hi == 0)
		(void)snprintf(out, n, "(-)");
	else
		(void)snprintf(out, n, "%s-%s", lo, hi);
}

static void
lab_item(struct msg *m, int set, const struct lab_value *v, bool result)
{
	const struct lab *l = &codes_labs[v->item];
	char n[12], code[96], unit[48] = "", range[40], flag[2] = {v->flag, 0}, taken[15];
	const char *f[14] = {n, NULL, code};

	(void)snprintf(n, sizeof(n), "%d", set);
	(void)snprintf(code, sizeof(code), "%s^%s^JC10", l->jlac10, l->name);
	if (!result) {
		f F(11) = "O";
		hl7_seg(m, "OBX", f, 11);
		return;
	}
	if (l->unit[0])
		(void)snprintf(unit, sizeof(unit), "%s^%s^99XYZ", l->unit, l->unit);
	lab_range(range, sizeof(range), l);
	date_put14(taken, date_stamp(m->ev->day, 7 * INT64_C(3600000)));
	f F(2) = v->numeric ? "NM" : "ST";
	f F(5) = v->text;
	f F(6) = unit;
	f F(7) = range;
	f F(8) = flag;
	f F(11) = m->ev->version ? "F" : "P";
	f F(14) = taken;
	hl7_seg(m, "OBX", f, 14);
}

static void
laboratory(struct msg *m, bool result)
{
	struct lab_set set;
	int groups = 0;

	content_labs(m->seed, m->ev, &set);
	for (uint8_t g = 0; g < codes_nlab_groups; g++) {
		int n = 0;

		for (uint8_t i = 0; i < set.n && m->r == 0; i++) {
			if (codes_labs[set.v[i].item].group != g)
				continue;
			if (n++ == 0)
				lab_group(m, g, ++groups, result);
			lab_item(m, n, &set.v[i], result);
		}
	}
}

static void
image_segments(struct msg *m, const char *no, const char *code, bool done, const char *control)
{
	const struct imaging *im = &codes_imaging[m->ev->item];
	const char *tq1[9] = {"1"}, *obr[26] = {NULL, no, NULL, code}, *ipc[6];
	char study[65], accession[24], modality[16];
	const char *old = m->control;
	char keep[20];

	(void)snprintf(keep, sizeof(keep), "%s", m->no);
	(void)snprintf(m->no, sizeof(m->no), "%s", no);
	m->control = m->ev->cancel ? "CA" : control;
	hl7_orc(m, NULL, done ? "CM" : NULL);
	m->control = old;
	(void)snprintf(m->no, sizeof(m->no), "%s", keep);
	tq1 F(9) = "R^ルーチン^HL70485";
	hl7_seg(m, "TQ1", tq1, 9);
	obr F(16) = m->xcn;
	if (done) {
		obr F(7) = m->day8;
		obr F(22) = m->at14;
		obr F(25) = "F";
	}
	hl7_seg(m, "OBR", obr, 26);
	if (!done)
		return;
	content_study(m->ev, study);
	(void)snprintf(accession, sizeof(accession), "A%s", keep);
	(void)snprintf(modality, sizeof(modality), "%s^^DCM", im->modality);
	ipc[0] = accession;
	ipc[1] = keep;
	ipc[2] = study;
	ipc[3] = NULL;
	ipc[4] = modality;
	hl7_seg(m, "IPC", ipc, 5);
}

static void
imaging(struct msg *m, bool done)
{
	const struct imaging *im = &codes_imaging[m->ev->item];
	char group[96], item[160], child[20];
	size_t n;

	(void)snprintf(group, sizeof(group), "%s^%s^JJ1017", im->group, im->group_name);
	(void)snprintf(item, sizeof(item), "%s^%s^JJ1017", im->code, im->name);
	(void)snprintf(child, sizeof(child), "%s", m->no);
	n = sizeof("202604010000001") - 2;
	child[n] = child[n] == '9' ? '0' : (char)(child[n] + 1);
	image_segments(m, m->no, group, done, "PA");
	image_segments(m, child, item, done, "CH");
}

static void
ecg(struct msg *m, bool done)
{
	static const char *const items[][3] = {
		{"32769^心拍数^99MFR", "bpm", "67"}, {"32770^PQ 時間^99MFR", "msec", "154"},
		{"58240^QRS 幅^99MFR", "msec", "94"}, {"56008^QT 時間^99MFR", "msec", "410"},
	};
	const char *obr[26] = {"1", m->no, NULL, "9A110^標準１２誘導心電図^JC10"};
	const char *tx[11] = {"1", "TX", "9A100&IMP^心電図所見^JC10", NULL,
		m->ev->salt % 3 ? "正常範囲" : "心筋虚血疑い"};

	obr F(16) = m->xcn;
	tx F(11) = "F";
	if (!done) {
		const char *tq1[9] = {"1"};

		tq1 F(9) = "R^ルーチン^HL70485";
		hl7_orc(m, NULL, NULL);
		hl7_seg(m, "TQ1", tq1, 9);
		hl7_seg(m, "OBR", obr, 16);
		return;
	}
	obr F(7) = m->day8;
	obr F(22) = m->at14;
	obr F(25) = "F";
	hl7_seg(m, "OBR", obr, 26);
	hl7_seg(m, "OBX", tx, 11);
	for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
		char set[12];
		const char *f[11] = {set, "NM", items[i][0], "1", items[i][2], items[i][1]};

		(void)snprintf(set, sizeof(set), "%zu", i + 2);
		f F(11) = "F";
		hl7_seg(m, "OBX", f, 11);
	}
}

static void
diet(struct msg *m)
{
	const struct code *c = &codes_diets[m->ev->item];
	char what[80], start[15];
	const char *tq1[9] = {"1", NULL, "TID&１日３回&HL70335", NULL, NULL, NULL, start};
	const char *ods[] = {"D", NULL, what, m->ev->salt % 4 ? NULL : "塩分控えめ"};

	(void)snprintf(start, sizeof(start), "%.8s07", m->day8);
	(void)snprintf(what, sizeof(what), "%s^%s^99XY3", c->code, c->name);
	tq1 F(9) = "R^ルーチン^HL70485";
	hl7_orc(m, NULL, NULL);
	hl7_seg(m, "TQ1", tq1, 9);
	hl7_seg(m, "ODS", ods, 4);
}

void
hl7_orders(struct msg *m)
{
	switch (m->ev->kind) {
	case EV_OMD:
		diet(m);
		break;
	case EV_OMP01:
		prescription(m);
		break;
	case EV_OMP11:
		prescription_given(m);
		break;
	case EV_OMP02:
		injection(m);
		break;
	case EV_OMP12:
		injection_given(m);
		break;
	case EV_OML01:
	case EV_OML11:
		laboratory(m, m->ev->kind == EV_OML11);
		break;
	case EV_OMG01:
	case EV_OMG11:
		imaging(m, m->ev->kind == EV_OMG11);
		break;
	case EV_OMG03:
	case EV_OMG13:
		ecg(m, m->ev->kind == EV_OMG13);
		break;
	default:
		break;
	}
}
