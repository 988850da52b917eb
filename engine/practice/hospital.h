/* What happens in the practice hospital, day after day: beds, admissions, moves, leaves,
 * discharges, out-patients, orders, results, corrections and cancellations.
 *
 * A pure simulation: a function of seed and plan, without files, clock or locale. It tells what
 * happens by calling a sink with one `struct ev` at a time, in order of days; whoever listens
 * decides what to write. Running it again from its first day repeats everything exactly, and that
 * is how a practice hospital is moved forward: replay what was written, then write what is new. */
#ifndef MAMORI_PRACTICE_HOSPITAL_H
#define MAMORI_PRACTICE_HOSPITAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/vec.h"
#include "practice/rng.h"

enum { HOSPITAL_BEDS = 120, HOSPITAL_WARDS = 3, HOSPITAL_MAX_PATIENTS = 2000000 };

enum ev_kind {
	EV_ADT00, EV_ADT12, EV_ADT21, EV_ADT22, EV_ADT31, EV_ADT32, EV_ADT42, EV_ADT52, EV_ADT61,
	EV_PPR01, EV_OMD, EV_OMP01, EV_OMP11, EV_OMP02, EV_OMP12, EV_OML01, EV_OML11, EV_OMG01,
	EV_OMG11, EV_OMG03, EV_OMG13,
	EV_KINDS
};

/* ev_name(k): The SS-MIX2 data kind, "ADT-00". */
const char *ev_name(enum ev_kind k);

struct ev {
	enum ev_kind kind;
	uint32_t pt;
	int32_t day;      /* the date folder; DATE_NONE for "-" */
	uint64_t no;      /* order number of 15 digits */
	int64_t at;       /* when this message was made */
	int64_t prev_at;  /* the message it replaces, or 0 */
	bool cancel;      /* ${prev_at} is withdrawn */
	uint8_t dept;     /* index into codes_depts */
	int16_t bed;      /* the patient's bed, -1 for an out-patient */
	int16_t from_bed; /* ADT-42: where from */
	uint16_t doctor;
	uint16_t version; /* ADT-00 PPR-01 ADT-61: changes so far; OML-11: 0 preliminary */
	uint16_t vppr, viam; /* versions of the problem and allergy lists at that time */
	uint8_t item;     /* OMG: index into codes_imaging; OMD: into codes_diets */
	int32_t until;    /* ADT-21: expected day; ADT-31: expected return; ADT-52: day admitted */
	uint64_t salt;    /* the content's own seed: an order and its result have the same */
};

/* hospital_sink: A negative return stops the simulation and is handed back. */
typedef int hospital_sink(void *ctx, const struct ev *ev, struct err *e);

struct patient {
	int32_t since;      /* first registered */
	int16_t bed;        /* -1 at home */
	bool away;          /* on leave, the bed is kept */
	uint8_t dept;
	uint16_t v00, vppr, viam;
	uint16_t doctor;
	int32_t admitted, leaving; /* days of this stay */
	int32_t seen;              /* last visit or end of stay */
	int64_t at00, atppr, atiam, at22;
	uint8_t diet;
};

/* A message that will be replaced on a later day (a preliminary result). */
struct later {
	struct ev ev;
	int32_t due;
};

struct hospital {
	uint64_t seed;
	int32_t first;        /* the first simulated day, < 0 */
	int32_t day;          /* the day being simulated */
	uint32_t visits;      /* out-patients of a weekday */
	struct vec patients;  /* struct patient */
	int32_t beds[HOSPITAL_BEDS]; /* patient or -1 */
	struct vec later;     /* struct later */
	struct vec planned;   /* uint32_t: admissions announced for tomorrow */
	struct rng rng;
	uint32_t known;       /* patients before the first day */
	uint64_t seq;         /* orders of the day */
	hospital_sink *sink;
	void *ctx;
};

/* What the diseases and allergies of a patient are: pure, for messages and for the truth. */
enum { PATIENT_MAX_PROBLEMS = 5, PATIENT_MAX_ALLERGIES = 4 };
struct problems {
	uint8_t n;
	uint8_t disease[PATIENT_MAX_PROBLEMS]; /* index into codes_diseases */
	int32_t onset[PATIENT_MAX_PROBLEMS];
};
void hospital_problems(uint64_t seed, uint32_t pt, uint16_t version, struct problems *ret);
struct allergies {
	uint8_t n;
	uint8_t allergen[PATIENT_MAX_ALLERGIES];
	int32_t since[PATIENT_MAX_ALLERGIES];
};
void hospital_allergies(uint64_t seed, uint32_t pt, uint16_t version, struct allergies *ret);

/* hospital_init(h, seed, patients, visits, first, sink, ctx, e): An empty house with ${patients}
 * known patients. E_NOMEM, E_INVAL. */
MUST int hospital_init(struct hospital *h, uint64_t seed, uint32_t patients, uint32_t visits,
    int32_t first, hospital_sink *sink, void *ctx, struct err *e);
void hospital_free(struct hospital *h);
/* hospital_next(h, e): Simulate one day: the first call the past (registration of the known
 * patients, filling of beds) and the day `first`. Errors: those of the sink, E_NOMEM, E_LIMIT. */
MUST int hospital_next(struct hospital *h, struct err *e);
/* hospital_inpatients(h): How many beds are taken now. */
uint32_t hospital_inpatients(const struct hospital *h);

/* A bed's place: ward "2A", room "203", bed "4". */
struct place {
	char ward[4], room[5], bed[2];
};
struct place hospital_place(int16_t bed);

#endif
