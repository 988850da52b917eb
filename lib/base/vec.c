#include "base/vec.h"

#include <stdlib.h>
#include <string.h>

void
vec_init(struct vec *v, size_t elem, size_t max)
{
	*v = (struct vec){.elem = elem, .max = max};
}

void *
vec_add(struct vec *v)
{
	unsigned char *at;

	if (v->len == v->max)
		return NULL;
	if (v->len == v->cap) {
		size_t cap = v->cap ? v->cap * 2 : 16;
		void *p;

		if (cap > v->max)
			cap = v->max;
		p = reallocarray(v->p, cap, v->elem);
		if (!p)
			return NULL;
		v->p = p;
		v->cap = cap;
	}
	at = (unsigned char *)v->p + v->len * v->elem;
	v->len++;
	return memset(at, 0, v->elem);
}

void
vec_free(struct vec *v)
{
	free(v->p);
	v->p = NULL;
	v->len = v->cap = 0;
}
