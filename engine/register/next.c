/* Every record has a next date, or a reason why there is none. */
#include <stdio.h>
#include <string.h>

#include "register/register_int.h"
#include "text/day.h"

void
register_today(int64_t now, char out[REGISTER_DAY])
{
	day_local(now, out);
}

static bool
holds(const char *when, json_t *data)
{
	char field[64];
	const char *eq;

	if (!when)
		return true;
	eq = strchr(when, '=');
	if (!eq)
		return *register_str(data, when) != 0;
	(void)snprintf(field, sizeof(field), "%.*s", (int)(eq - when), when);
	return strcmp(register_str(data, field), eq + 1) == 0;
}

void
register_next(const struct register_kind *k, json_t *data, const char *made,
    struct register_next *ret)
{
	const char *date = register_str(data, REGISTER_NEXT);
	const char *why = register_str(data, REGISTER_NEXT_NONE);

	*ret = (struct register_next){.mode = "rule", .why = ""};
	if (*why) {
		ret->mode = "none";
		ret->why = why;
		return;
	}
	if (*date) {
		ret->mode = "date";
		(void)snprintf(ret->date, sizeof(ret->date), "%s", date);
		return;
	}
	for (size_t i = 0; i < k->nrules; i++) {
		const struct register_rule *u = &k->rules[i];

		if (!holds(u->when, data))
			continue;
		if (!u->from) {
			ret->why = u->none_ja;
			return;
		}
		if (*register_str(data, u->from)) {
			day_add(register_str(data, u->from), u->months, 0, ret->date);
			return;
		}
	}
	day_add(made, 0, k->first_days, ret->date);
}
