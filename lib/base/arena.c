#include "base/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 64 * 1024, ALIGN = 16 };

struct arena_block {
	struct arena_block *next;
	size_t cap;
	size_t len;
	size_t pad; /* keeps data 16-byte aligned */
	unsigned char data[];
};

_Static_assert(sizeof(struct arena_block) % ALIGN == 0, "data must be aligned");

void
arena_init(struct arena *a, size_t max)
{
	*a = (struct arena){.max = max};
}

void *
arena_alloc(struct arena *a, size_t n)
{
	struct arena_block *b = a->head;
	void *p;

	if (n > SIZE_MAX / 2)
		return NULL; /* so that neither rounding nor the block's head can overflow */
	n = (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (n > a->max - a->used)
		return NULL;
	if (!b || n > b->cap - b->len) {
		size_t cap = n > BLOCK ? n : BLOCK;

		b = malloc(sizeof(*b) + cap);
		if (!b)
			return NULL;
		*b = (struct arena_block){.next = a->head, .cap = cap};
		a->head = b;
	}
	p = b->data + b->len;
	b->len += n;
	a->used += n;
	return memset(p, 0, n);
}

char *
arena_dup(struct arena *a, const void *p, size_t n)
{
	char *s = n < SIZE_MAX ? arena_alloc(a, n + 1) : NULL;

	if (s && n)
		(void)memcpy(s, p, n);
	return s;
}

void
arena_reset(struct arena *a)
{
	struct arena_block *keep = a->head;

	if (!keep)
		return;
	for (struct arena_block *b = keep->next, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	keep->next = NULL;
	keep->len = 0;
	a->used = 0;
}

void
arena_free(struct arena *a)
{
	arena_reset(a);
	free(a->head);
	a->head = NULL;
	a->used = 0;
}
