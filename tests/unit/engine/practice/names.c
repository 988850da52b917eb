#include "practice/names.h"

#include <stdlib.h>

#include "practice/date.h"
#include "tap.h"

enum { MANY = 200000 };

static int
compare(const void *a, const void *b)
{
	return memcmp(a, b, 9);
}

int
main(void)
{
	char (*ids)[9] = calloc(MANY, sizeof(*ids));
	bool unique = true, digits = true, marked = true, sane = true, zero = false;
	struct person a, b;
	struct staff s;

	for (uint32_t i = 0; i < MANY; i++) {
		names_id(i, ids[i]);
		digits = digits && strlen(ids[i]) == 8 && strspn(ids[i], "0123456789") == 8;
		zero = zero || ids[i][0] == '0';
	}
	OK(digits, "eight digits");
	OK(zero, "some begin with 0");
	qsort(ids, MANY, sizeof(*ids), compare);
	for (uint32_t i = 1; i < MANY; i++)
		unique = unique && memcmp(ids[i - 1], ids[i], 9) != 0;
	OK(unique, "no id twice among %d", MANY);
	free(ids);
	for (uint32_t i = 0; i < 20000; i++) {
		names_person(3, i, (uint16_t)(i % 5), &a);
		marked = marked && strncmp(a.family, "仮", 3) == 0 && strstr(a.address, "99丁目") &&
		    strncmp(a.family_kana, "カリ", 6) == 0;
		sane = sane && (a.sex == 'M' || a.sex == 'F') && a.birth < 0 &&
		    a.birth > date_civil(1915, 1, 1) && a.height_mm > 300 && a.height_mm < 2000 &&
		    a.weight_hg >= 20 && a.weight_hg < 1500 && a.given[0] && a.given_kana[0];
		if (!sane && i < 20000)
			printf("# %s %d %d %d\n", a.id, a.birth, a.height_mm, a.weight_hg), i =
			    20000;
	}
	OK(marked, "nobody can be taken for a real person");
	OK(sane, "bodies and birth dates are possible");
	names_person(3, 77, 0, &a);
	names_person(3, 77, 0, &b);
	EQ_M(&a, &b, sizeof(a), "a person is always the same");
	names_person(3, 77, 2, &b);
	OK(strcmp(a.address, b.address) != 0 && strcmp(a.family, b.family) == 0 && a.birth ==
	    b.birth,
	    "who moves keeps name and birth date");
	names_person(4, 77, 0, &b);
	OK(strcmp(a.id, b.id) == 0 && memcmp(&a, &b, sizeof(a)) != 0,
	    "another seed, another person");
	names_staff(3, &s);
	OK(strlen(s.id) == 5 && strncmp(s.family, "仮", 3) == 0, "staff");
	return tap_done();
}
