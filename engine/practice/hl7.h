/* HL7 v2.5 messages of the SS-MIX2 standardised storage, as text (UTF-8, segments end in CR, the
 * file in CR FS like the guideline's own samples). Pure. */
#ifndef MAMORI_PRACTICE_HL7_H
#define MAMORI_PRACTICE_HL7_H

#include "base/buf.h"
#include "base/err.h"
#include "practice/hospital.h"
#include "practice/names.h"

/* hl7_build(seed, ev, out, e): Append the message of ${ev}. E_LIMIT, E_NOMEM. */
MUST int hl7_build(uint64_t seed, const struct ev *ev, struct buf *out, struct err *e);

/* Shared by the message files: one message being made. The first error sticks. */
struct msg {
	struct buf *b;
	struct err *e;
	int r;
	uint64_t seed;
	const struct ev *ev;
	struct person who;
	struct staff doctor, nurse;
	char at14[15], at17[18], day8[9];
	char xcn[200];      /* the doctor, HL7 XCN */
	char nurse_xcn[200];
	char point[32];     /* PL of the patient: bed, or department */
	char dept[48];      /* CWE of the department */
	char no[20];        /* order number */
	const char *control; /* ORC-1: NW, or CA when withdrawn */
};

enum { HL7_FIELDS = 48 };
/* hl7_seg(m, name, f, n): One segment; NULL fields are empty, trailing empty fields are left out.
 * f[0] is field 1. */
void hl7_seg(struct msg *m, const char *name, const char *const *f, int n);
void hl7_orders(struct msg *m);  /* OMD OMP OML OMG: everything after PV1 */
void hl7_orc(struct msg *m, const char *group, const char *status);

#endif
