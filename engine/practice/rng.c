#include "practice/rng.h"

#include <string.h>

uint64_t
rng_split(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

uint64_t
rng_hash(uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t x = a;
	uint64_t h = rng_split(&x);

	x = h ^ (b * UINT64_C(0xff51afd7ed558ccd));
	h = rng_split(&x);
	x = h ^ (c * UINT64_C(0xc4ceb9fe1a85ec53));
	return rng_split(&x);
}

void
rng_init(struct rng *r, uint64_t seed)
{
	for (int i = 0; i < 4; i++)
		r->s[i] = rng_split(&seed);
}

static uint64_t
rotl(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

uint64_t
rng_next(struct rng *r)
{
	uint64_t *s = r->s;
	uint64_t ret = rotl(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return ret;
}

uint32_t
rng_below(struct rng *r, uint32_t n)
{
	return (uint32_t)(((rng_next(r) >> 32) * n) >> 32);
}

int32_t
rng_range(struct rng *r, int32_t lo, int32_t hi)
{
	return lo + (int32_t)rng_below(r, (uint32_t)(hi - lo) + 1);
}

bool
rng_percent(struct rng *r, uint32_t p)
{
	return rng_below(r, 100) < p;
}

int32_t
rng_bell(struct rng *r, int32_t lo, int32_t hi)
{
	int64_t sum = 0;

	for (int i = 0; i < 3; i++)
		sum += rng_range(r, lo, hi);
	return (int32_t)(sum / 3);
}

void
rng_fill(struct rng *r, void *p, size_t n)
{
	unsigned char *b = p;

	while (n >= 8) {
		uint64_t v = rng_next(r);

		(void)memcpy(b, &v, 8);
		b += 8;
		n -= 8;
	}
	if (n > 0) {
		uint64_t v = rng_next(r);

		(void)memcpy(b, &v, n);
	}
}
