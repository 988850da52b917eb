/* Memory for the span of one job or request: taken piece by piece, given back all at once. */
#ifndef MAMORI_BASE_ARENA_H
#define MAMORI_BASE_ARENA_H

#include <stddef.h>

struct arena_block;
struct arena {
	struct arena_block *head;
	size_t used;
	size_t max;
};

/* arena_init(a, max): Holds at most ${max} bytes in all. Allocates nothing. */
void arena_init(struct arena *a, size_t max);
/* arena_alloc(a, n): ${n} zeroed bytes, 16-byte aligned, or NULL (no memory, past the maximum). */
void *arena_alloc(struct arena *a, size_t n);
/* arena_dup(a, p, n): A NUL-terminated copy of ${n} bytes, or NULL. */
char *arena_dup(struct arena *a, const void *p, size_t n);
/* arena_reset(a): Everything handed out becomes invalid; one block is kept for reuse. */
void arena_reset(struct arena *a);
/* arena_free(a): Give everything back; ${a} stays usable. */
void arena_free(struct arena *a);

#endif
