/* A growable array of equal elements with a stated maximum. */
#ifndef MAMORI_BASE_VEC_H
#define MAMORI_BASE_VEC_H

#include <stddef.h>

struct vec {
	void *p; /* owned */
	size_t len;
	size_t cap;
	size_t elem;
	size_t max;
};

/* vec_init(v, elem, max): At most ${max} elements of ${elem} bytes each. Allocates nothing. */
void vec_init(struct vec *v, size_t elem, size_t max);
/* vec_add(v): Append one zeroed element and return it, or NULL (no memory or the maximum). */
void *vec_add(struct vec *v);
/* vec_free(v): Give the memory back. */
void vec_free(struct vec *v);

#define VEC_AT(v, type, i) (&((type *)(v)->p)[i])

#endif
