/* Tables of the practice hospital: departments, wards, diseases with their drugs, laboratory items,
 * allergens. Codes have the shape of the national code sets (HOT9, JLAC10, MDCDX2 and ICD-10,
 * J-FAGY) but nobody should look them up. Immutable. */
#ifndef MAMORI_PRACTICE_CODES_H
#define MAMORI_PRACTICE_CODES_H

#include <stddef.h>
#include <stdint.h>

struct drug {
	const char *hot9, *name, *unit, *unit_name; /* MERIT-9 unit */
	uint16_t dose10;                            /* a single dose, tenths of the unit */
	uint8_t times;                              /* a day */
	uint16_t days;
	const char *usage, *usage_name; /* JAMISDP01 */
	const char *route, *route_name; /* HL70162 */
};

struct disease {
	const char *icd10, *mdcdx2, *name;
	uint8_t drug[2]; /* index + 1 into codes_drugs; 0 = none */
	uint8_t dept;    /* index into codes_depts */
};

struct lab {
	const char *jlac10, *name, *unit;
	uint32_t lo, hi;   /* reference range, in units of 10^-digits */
	uint8_t digits;
	uint8_t group;     /* index into codes_lab_groups; ~ one OBR */
};

struct injection {
	const char *hot9, *name, *unit, *unit_name;
	uint16_t amount;
	uint16_t ml;
};

struct allergen {
	const char *type, *type_name; /* HL70127 */
	const char *code, *name, *system;
	const char *reaction;
};

struct code {
	const char *code, *name;
};

struct lab_group {
	const char *code, *name;         /* OBR-4 */
	const char *spm, *spm_name;      /* specimen */
};

struct imaging {
	const char *modality; /* DICOM */
	const char *code, *name; /* JJ1017, 32 characters */
	const char *group, *group_name; /* JJ1017, 16 characters */
	const char *part;        /* DICOM body part examined */
	uint8_t weight;
};

extern const struct drug codes_drugs[];
extern const size_t codes_ndrugs;
extern const struct disease codes_diseases[];
extern const size_t codes_ndiseases;
extern const struct lab codes_labs[];
extern const size_t codes_nlabs;
extern const struct lab_group codes_lab_groups[];
extern const size_t codes_nlab_groups;
extern const struct injection codes_injections[];
extern const size_t codes_ninjections;
extern const struct allergen codes_allergens[];
extern const size_t codes_nallergens;
extern const struct code codes_depts[];
extern const size_t codes_ndepts;
extern const struct code codes_diets[];
extern const size_t codes_ndiets;
extern const struct imaging codes_imaging[];
extern const size_t codes_nimaging;

#endif
