/* People who do not exist. Every family name begins with 仮 and every address is in 99丁目, so that
 * nobody takes a practice patient for a real one. A person is a pure function of seed and number.
 * */
#ifndef MAMORI_PRACTICE_NAMES_H
#define MAMORI_PRACTICE_NAMES_H

#include <stdbool.h>
#include <stdint.h>

struct person {
	char id[9]; /* 8 digits, leading zeros possible */
	char family[40], given[40];
	char family_kana[40], given_kana[40];
	char family_roman[40], given_roman[40];
	char sex;        /* M F */
	int32_t birth;   /* day number */
	char postal[9];
	char address[120];
	char phone[14], mobile[14];
	const char *abo; /* A B O AB */
	char rh;         /* + - */
	int height_mm;   /* at version 0 */
	int weight_hg;   /* hundreds of grams */
	const char *plan, *plan_name; /* insurance */
	char insurer[9];
	const char *work; /* place of work or "" */
};

/* names_person(seed, no, version, p): Person ${no}; ${version} counts changes of address, telephone
 * and weight. The id of a number never repeats below 100 million. */
void names_person(uint64_t seed, uint32_t no, uint16_t version, struct person *p);
/* names_staff(no, p): A member of the staff: id of 5 digits, names only. */
struct staff {
	char id[8];
	char family[40], given[40];
	char family_kana[40], given_kana[40];
};
void names_staff(uint32_t no, struct staff *s);
/* names_id(no, out): The patient id alone. */
void names_id(uint32_t no, char out[9]);

#endif
