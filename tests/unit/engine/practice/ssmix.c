#include "practice/ssmix.h"

#include <stdlib.h>

#include "practice/codes.h"
#include "practice/content.h"
#include "practice/date.h"
#include "practice/hl7.h"
#include "practice/names.h"
#include "tap.h"

static struct ev
event(enum ev_kind kind)
{
	return (struct ev){.kind = kind, .pt = 12, .day = 0, .no = UINT64_C(202604010000123),
		.at = date_stamp(0, 37384984), .dept = 0, .bed = 5, .from_bed = -1, .doctor = 3,
		.until = DATE_NONE, .salt = 4711, .version = 1};
}

/* Field ${n} of the first segment ${name} into ${out}; false if it is not there. */
static bool
field(const char *msg, const char *name, int n, char *out, size_t max)
{
	const char *s = msg;

	while (s && strncmp(s, name, 3) != 0) {
		s = strchr(s, '\r');
		s = s ? s + 1 : NULL;
	}
	for (int i = 0; s && i < n; i++) {
		s = s + strcspn(s, "|\r");
		if (*s != '|')
			return false;
		s++;
	}
	if (!s)
		return false;
	(void)snprintf(out, max, "%.*s", (int)strcspn(s, "|\r"), s);
	return true;
}

static void
expect(const char *msg, const char *name, int n, const char *want)
{
	char got[300] = "(none)", what[32];

	(void)field(msg, name, n, got, sizeof(got));
	(void)snprintf(what, sizeof(what), "%s-%d", name, n);
	EQ_S(got, want, what);
}

static const char *
build(const struct ev *ev, struct buf *b)
{
	buf_clear(b);
	OK(hl7_build(9, ev, b, NULL) == 0, "%s is made", ev_name(ev->kind));
	return buf_cstr(b, NULL);
}

static void
kinds(struct buf *b)
{
	static const char *const types[EV_KINDS] = {"ADT^A08^ADT_A01", "ADT^A04^ADT_A01",
		"ADT^A14^ADT_A05", "ADT^A01^ADT_A01", "ADT^A21^ADT_A21", "ADT^A22^ADT_A21",
		"ADT^A02^ADT_A02", "ADT^A03^ADT_A03", "ADT^A60^ADT_A60", "PPR^ZD1^PPR_ZD1",
		"OMD^O03^OMD_O03", "RDE^O11^RDE_O11", "RAS^O17^RAS_O17", "RDE^O11^RDE_O11",
		"RAS^O17^RAS_O17", "OML^O33^OML_O33", "OUL^R22^OUL_R22", "OMG^O19^OMG_O19",
		"OMI^Z23^OMI_Z23", "OMG^O19^OMG_O19", "ORU^R01^ORU_R01"};
	char id[9];

	names_id(12, id);
	for (int k = 0; k < EV_KINDS; k++) {
		struct ev ev = event((enum ev_kind)k);
		const char *m = build(&ev, b);
		char got[300] = "";

		expect(m, "MSH", 8, types[k]); /* MSH-9: MSH-1 is the separator */
		expect(m, "MSH", 17, "~ISO IR87");
		expect(m, "MSH", 19, "ISO 2022-1994");
		OK(field(m, "PID", 3, got, sizeof(got)) && strncmp(got, id, 8) == 0, "PID-3");
		OK(b->len > 2 && b->p[b->len - 2] == '\r' && b->p[b->len - 1] == 0x1c,
		    "ends like the samples");
		OK(!strchr(m, '\n') && !strstr(m, "(null)"), "no line feed, no hole");
	}
}

static void
details(struct buf *b)
{
	struct ev ev = event(EV_ADT22), order = event(EV_OML01), result = event(EV_OML11);
	struct lab_set set;
	struct rx x;
	const char *m = build(&ev, b);
	char text[64];
	int n = 0;

	expect(m, "PV1", 2, "I");
	expect(m, "PV1", 3, "2A^202^2^^^N");
	expect(m, "PV1", 44, "20260401102304");
	ev.kind = EV_ADT42;
	ev.from_bed = 4;
	m = build(&ev, b);
	expect(m, "PV1", 6, "2A^202^1^^^N");
	ev.cancel = true;
	m = build(&ev, b);
	expect(m, "MSH", 8, "ADT^A12^ADT_A12");
	ev = event(EV_OMP01);
	ev.version = 0;
	content_rx(9, &ev, &x);
	m = build(&ev, b);
	expect(m, "ORC", 1, "NW");
	expect(m, "ORC", 2, "202604010000123");
	OK(x.n > 0 && strstr(m, codes_drugs[x.drug[0]].hot9), "the drug of the truth");
	ev.cancel = true;
	m = build(&ev, b);
	expect(m, "ORC", 1, "CA");
	content_labs(9, &result, &set);
	m = build(&result, b);
	for (const char *s = m; (s = strstr(s, "\rOBX|")); s++)
		n++;
	EQ_I(n, set.n, "as many results as the truth");
	(void)snprintf(text, sizeof(text), "%s", set.v[0].text);
	expect(m, "OBX", 5, text);
	m = build(&order, b);
	expect(m, "OBX", 11, "O");
	result.version = 0;
	content_labs(9, &result, &set);
	OK(set.n < n, "a preliminary result lacks values");
	OK(strcmp(set.v[0].text, text) == 0, "but has none that changes");
}

int
main(void)
{
	char path[SSMIX_PATH], want[SSMIX_PATH], id[9];
	struct ev ev = event(EV_OMP01);
	struct buf b;

	buf_init(&b, 1 << 20);
	names_id(12, id);
	ssmix_path(path, &ev, ev.at, '1');
	(void)snprintf(want, sizeof(want), "ssmix2/%.3s/%.3s/%s/20260401/OMP-01/"
	    "%s_20260401_OMP-01_202604010000123_20260401102304984_01_1", id, id + 3, id, id);
	EQ_S(path, want, "the path of the guideline");
	ev.kind = EV_ADT61;
	ev.day = DATE_NONE;
	ev.no = UINT64_C(999999999999999);
	ssmix_path(path, &ev, ev.at, '0');
	(void)snprintf(want, sizeof(want), "ssmix2/%.3s/%.3s/%s/-/ADT-61/"
	    "%s_-_ADT-61_999999999999999_20260401102304984_-_0", id, id + 3, id, id);
	EQ_S(path, want, "what has no date");
	kinds(&b);
	details(&b);
	buf_free(&b);
	buf_init(&b, 100);
	ev = event(EV_OML11);
	EQ_I(hl7_build(9, &ev, &b, NULL), E_LIMIT, "a buffer too small");
	buf_free(&b);
	return tap_done();
}
