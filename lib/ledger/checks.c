#include "ledger/checks.h"

#include <string.h>

#include "base/num.h"

static const struct check table[] = {
#define CHECK(name, days, ja, en) {name, days, ja, en},
#include "ledger/checks.def"
#undef CHECK
};

const struct check *
checks_all(size_t *ret_n)
{
	*ret_n = ARRAY_LEN(table);
	return table;
}

const struct check *
checks_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	}
	return NULL;
}

bool
checks_name_ok(const char *s)
{
	size_t n = strlen(s), dots = 0;
	bool begin = true;

	if (n > 95)
		return false;
	for (size_t i = 0; i < n; i++) {
		bool letter = s[i] >= 'a' && s[i] <= 'z';
		bool inner = (s[i] >= '0' && s[i] <= '9') || s[i] == '_' || s[i] == '-';

		if (s[i] == '.' && !begin) {
			dots++;
			begin = true;
		} else if (letter || (inner && !begin)) {
			begin = false;
		} else {
			return false;
		}
	}
	return dots > 0 && !begin;
}
