/* A hash table from byte strings to pointers, keyed with SipHash-1-3 so that hostile keys cannot
 * make it slow. Values are borrowed; keys are copied. */
#ifndef MAMORI_BASE_MAP_H
#define MAMORI_BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct map_slot;
struct map {
	struct map_slot *slots;
	size_t cap; /* a power of two, or 0 */
	size_t len;
	size_t max;
	uint64_t key[2];
};

/* map_init(m, max): At most ${max} keys; a fresh random hash key. Allocates nothing. */
void map_init(struct map *m, size_t max);
/* map_put(m, k, n, value, e): Set the value of the ${n}-byte key, replacing an older one.
 * E_NOMEM, E_LIMIT. ${value} must not be NULL. */
MUST int map_put(struct map *m, const void *k, size_t n, void *value, struct err *e);
/* map_get(m, k, n): The value, or NULL. */
void *map_get(const struct map *m, const void *k, size_t n);
/* map_each(m, pos, ret_key, ret_n): Walk: start with *pos = 0; NULL at the end. No changes while
 * walking. ${ret_key} and ${ret_n} may be NULL. */
void *map_each(const struct map *m, size_t *pos, const void **ret_key, size_t *ret_n);
/* map_free(m): Frees the keys, not the values. */
void map_free(struct map *m);

/* siphash13(key, p, n): The hash itself (Aumasson and Bernstein), also used by tables elsewhere. */
uint64_t siphash13(const uint64_t key[2], const void *p, size_t n);

#endif
