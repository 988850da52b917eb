#include <string.h>

#include "register/register.h"

/* register_kinds() is made from packs/register/kinds.json. */

const struct register_kind *
register_kind(const char *key)
{
	size_t n;
	const struct register_kind *k = register_kinds(&n);

	for (size_t i = 0; i < n; i++)
		if (strcmp(k[i].key, key) == 0)
			return &k[i];
	return NULL;
}

const struct register_field *
register_field(const struct register_kind *k, const char *key)
{
	for (size_t i = 0; i < k->nfields; i++)
		if (strcmp(k->fields[i].key, key) == 0)
			return &k->fields[i];
	return NULL;
}

const struct register_choice *
register_choice(const struct register_field *f, const char *key)
{
	for (size_t i = 0; i < f->nchoices; i++)
		if (strcmp(f->choices[i].key, key) == 0)
			return &f->choices[i];
	return NULL;
}
