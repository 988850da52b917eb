/* The generator's own random numbers: xoshiro256** seeded through splitmix64 (Blackman and Vigna,
 * public domain reference). The same on every machine, for ever: the practice hospital of a seed
 * must never change. Pure functions. Not for keys. */
#ifndef MAMORI_PRACTICE_RNG_H
#define MAMORI_PRACTICE_RNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rng {
	uint64_t s[4];
};

/* rng_split(state): The next number of splitmix64; advances ${state}. */
uint64_t rng_split(uint64_t *state);
/* rng_hash(a, b, c): One number from three, well mixed: the seed of a thing that has no order. */
uint64_t rng_hash(uint64_t a, uint64_t b, uint64_t c);
/* rng_init(r, seed): A stream of its own for each ${seed}. */
void rng_init(struct rng *r, uint64_t seed);
uint64_t rng_next(struct rng *r);
/* rng_below(r, n): 0 .. n-1; ${n} must not be 0. */
uint32_t rng_below(struct rng *r, uint32_t n);
/* rng_range(r, lo, hi): lo .. hi, both possible. */
int32_t rng_range(struct rng *r, int32_t lo, int32_t hi);
/* rng_percent(r, p): True in ${p} of 100 cases. */
bool rng_percent(struct rng *r, uint32_t p);
/* rng_bell(r, lo, hi): As rng_range, but most often near the middle. */
int32_t rng_bell(struct rng *r, int32_t lo, int32_t hi);
/* rng_fill(r, p, n): ${n} incompressible bytes. */
void rng_fill(struct rng *r, void *p, size_t n);

#endif
