/* What stands in an order or a result: pure functions of the hospital's seed and the event, so that
 * the HL7 message and the truth file say the same. */
#ifndef MAMORI_PRACTICE_CONTENT_H
#define MAMORI_PRACTICE_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "practice/hospital.h"

enum { RX_MAX = 6, LAB_MAX = 40, INJ_MAX = 3 };

struct rx {
	uint8_t n;
	uint8_t drug[RX_MAX]; /* index into codes_drugs */
	uint16_t dose10[RX_MAX];
	uint16_t days[RX_MAX];
	int32_t start;
};
/* content_rx(seed, ev, ret): What OMP-01 and OMP-11 order. Allergies are not looked at: the
 * practice hospital makes that mistake now and then, as hospitals do. */
void content_rx(uint64_t seed, const struct ev *ev, struct rx *ret);

struct lab_value {
	uint8_t item;       /* index into codes_labs */
	bool numeric;
	char text[20];
	char flag;          /* H L A or 0 */
};
struct lab_set {
	uint8_t n;
	struct lab_value v[LAB_MAX];
};
/* content_labs(seed, ev, ret): The items of OML-01 and the values of OML-11, by group. A
 * preliminary result (version 0) lacks some values. */
void content_labs(uint64_t seed, const struct ev *ev, struct lab_set *ret);

struct injections {
	uint8_t n;
	uint8_t item[INJ_MAX]; /* index into codes_injections; the first is the base solution */
	uint16_t ml, rate;     /* ml per hour */
	int32_t start_ms;      /* of the day */
	uint16_t minutes;
};
void content_injections(uint64_t seed, const struct ev *ev, struct injections *ret);

/* content_decimal(out, n, v, digits): ${v} with the point before its last ${digits} (0 1 2). */
void content_decimal(char *out, size_t n, uint32_t v, unsigned digits);

/* content_study(ev, out): The DICOM study UID of an imaging order. */
void content_study(const struct ev *ev, char out[65]);

#endif
