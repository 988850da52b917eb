#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "mamorid/http/console.h"

const struct route *
route_find(const struct route *routes, size_t n, unsigned method, const char *path,
    struct params *ret, unsigned *ret_allow)
{
	*ret_allow = 0;
	for (size_t i = 0; i < n; i++) {
		if (!form_path(routes[i].path, path, ret))
			continue;
		if (routes[i].methods & method)
			return &routes[i];
		*ret_allow |= routes[i].methods;
	}
	return NULL;
}

void
route_allow(unsigned methods, char out[ROUTE_ALLOW])
{
	static const char *const names[] = {"GET, HEAD", "POST", "PUT", "PATCH", "DELETE"};

	out[0] = 0;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (methods & 1u << i)
			(void)snprintf(out + strlen(out), ROUTE_ALLOW - strlen(out), "%s%s",
			    out[0] ? ", " : "", names[i]);
}

void
route_object(const struct route *row, const struct params *p, char out[IDENTITY_OBJECT])
{
	size_t k = 0;

	for (const char *s = row->object ? row->object : ""; *s && k + 1 < IDENTITY_OBJECT; s++) {
		size_t i = s[0] == '$' && s[1] >= '0' && s[1] <= '9' ? (size_t)(s[1] - '0')
								      : SIZE_MAX;

		if (i == SIZE_MAX) {
			out[k++] = *s;
			continue;
		}
		s++;
		if (i < p->n)
			k += (size_t)snprintf(out + k, IDENTITY_OBJECT - k, "%s", p->v[i]);
		if (k >= IDENTITY_OBJECT)
			k = IDENTITY_OBJECT - 1;
	}
	out[k] = 0;
}
