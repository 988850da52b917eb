#include "mamorid/pages/pages.h"

#include <string.h>

#include "base/num.h"

enum { ROWS = 600 };

static int
sound(const struct route *all, size_t n, const struct route *x, struct err *e)
{
	bool writes = x->methods & ~(unsigned)M_GET;

	if (!x->fn || x->path[0] != '/' || !x->methods)
		return err_set(e, E_INVAL, "route %s: no page", x->path);
	if (writes && (x->methods & M_GET))
		return err_set(
		    e, E_INVAL, "route %s: reading and writing are rows of their own", x->path);
	if (writes && x->verb == VERB_READ && !(x->flags & (F_PUBLIC | F_STAGE)))
		return err_set(e, E_INVAL, "route %s: writes with the right to read", x->path);
	if ((x->flags & F_PUBLIC) && writes && !(x->flags & F_RATE))
		return err_set(
		    e, E_INVAL, "route %s: strangers may write without a limit", x->path);
	for (size_t i = 0; i < n; i++)
		if ((all[i].methods & x->methods) && strcmp(all[i].path, x->path) == 0)
			return err_set(e, E_INVAL, "route %s: there twice", x->path);
	return 0;
}

int
pages_routes(const struct route **ret, size_t *ret_n, struct err *e)
{
	static const struct route *const tables[] = {
#define PAGES(name) name##_rows,
#include "mamorid/pages/list.h"
#undef PAGES
	};
	static struct route all[ROWS];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(tables); i++)
		for (const struct route *x = tables[i]; x->path; x++) {
			int r = n == ROWS ? err_set(e, E_LIMIT, "too many routes")
					  : sound(all, n, x, e);

			if (r < 0)
				return r;
			all[n++] = *x;
		}
	*ret = all;
	*ret_n = n;
	return 0;
}
