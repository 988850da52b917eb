#include "base/map.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"

struct map_slot {
	uint64_t hash;
	void *value; /* NULL = free slot */
	unsigned char *key;
	size_t n;
};

static inline uint64_t
rotl(uint64_t x, int b)
{
	return x << b | x >> (64 - b);
}

static inline void
sipround(uint64_t v[4])
{
	v[0] += v[1], v[1] = rotl(v[1], 13), v[1] ^= v[0], v[0] = rotl(v[0], 32);
	v[2] += v[3], v[3] = rotl(v[3], 16), v[3] ^= v[2];
	v[0] += v[3], v[3] = rotl(v[3], 21), v[3] ^= v[0];
	v[2] += v[1], v[1] = rotl(v[1], 17), v[1] ^= v[2], v[2] = rotl(v[2], 32);
}

uint64_t
siphash13(const uint64_t key[2], const void *p, size_t n)
{
	uint64_t v[4] = {
		key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
		key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573,
	};
	const unsigned char *b = p;
	uint64_t m = (uint64_t)n << 56;
	size_t left = n;

	for (; left >= 8; left -= 8, b += 8) {
		uint64_t w = le64_get(b);

		v[3] ^= w;
		sipround(v);
		v[0] ^= w;
	}
	for (size_t i = 0; i < left; i++)
		m |= (uint64_t)b[i] << (8 * i);
	v[3] ^= m;
	sipround(v);
	v[0] ^= m;
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sipround(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void
map_init(struct map *m, size_t max)
{
	*m = (struct map){.max = max};
	arc4random_buf(m->key, sizeof(m->key));
}

static struct map_slot *
find(const struct map *m, uint64_t h, const void *k, size_t n)
{
	size_t i = (size_t)h & (m->cap - 1);

	for (;; i = (i + 1) & (m->cap - 1)) {
		struct map_slot *s = &m->slots[i];

		if (!s->value)
			return s;
		if (s->hash == h && s->n == n && (n == 0 || memcmp(s->key, k, n) == 0))
			return s;
	}
}

static int
grow(struct map *m, struct err *e)
{
	size_t cap = m->cap ? m->cap * 2 : 64;
	struct map_slot *old = m->slots;
	size_t old_cap = m->cap;
	struct map_slot *slots = calloc(cap, sizeof(*slots));

	if (!slots)
		return err_set(e, E_NOMEM, "no memory for a table of %zu", cap);
	m->slots = slots;
	m->cap = cap;
	for (size_t i = 0; i < old_cap; i++) {
		size_t at = (size_t)old[i].hash & (cap - 1);

		if (!old[i].value)
			continue;
		while (slots[at].value)
			at = (at + 1) & (cap - 1);
		slots[at] = old[i];
	}
	free(old);
	return 0;
}

int
map_put(struct map *m, const void *k, size_t n, void *value, struct err *e)
{
	uint64_t h = siphash13(m->key, k, n);
	struct map_slot *s;
	int r;

	if ((m->len + 1) * 4 > m->cap * 3) {
		r = grow(m, e);
		if (r < 0)
			return r;
	}
	s = find(m, h, k, n);
	if (s->value) {
		s->value = value;
		return 0;
	}
	if (m->len == m->max)
		return err_set(e, E_LIMIT, "more than %zu entries", m->max);
	s->key = malloc(n ? n : 1);
	if (!s->key)
		return err_set(e, E_NOMEM, "no memory");
	if (n)
		(void)memcpy(s->key, k, n);
	s->n = n;
	s->hash = h;
	s->value = value;
	m->len++;
	return 0;
}

void *
map_get(const struct map *m, const void *k, size_t n)
{
	return m->cap ? find(m, siphash13(m->key, k, n), k, n)->value : NULL;
}

void *
map_each(const struct map *m, size_t *pos, const void **ret_key, size_t *ret_n)
{
	for (; *pos < m->cap; (*pos)++) {
		const struct map_slot *s = &m->slots[*pos];

		if (!s->value)
			continue;
		if (ret_key)
			*ret_key = s->key;
		if (ret_n)
			*ret_n = s->n;
		(*pos)++;
		return s->value;
	}
	return NULL;
}

void
map_free(struct map *m)
{
	for (size_t i = 0; i < m->cap; i++)
		free(m->slots[i].value ? m->slots[i].key : NULL);
	free(m->slots);
	m->slots = NULL;
	m->cap = m->len = 0;
}
