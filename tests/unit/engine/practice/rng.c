#include "practice/rng.h"
#include "tap.h"

int
main(void)
{
	/* reference values of the authors' C code */
	static const uint64_t split[] = {UINT64_C(6457827717110365317),
	    UINT64_C(3203168211198807973),
		UINT64_C(9817491932198370423), UINT64_C(4593380528125082431)};
	static const uint64_t star[] = {11520, 0, 1509978240, UINT64_C(1215971899390074240),
		UINT64_C(1216172134540287360), UINT64_C(607988272756665600)};
	uint64_t state = 1234567;
	struct rng r = {{1, 2, 3, 4}}, a, b;
	unsigned char p[19] = {0}, q[19] = {0};
	bool same = true, inside = true;
	int low = 0, mid = 0;

	for (int i = 0; i < 4; i++)
		OK(rng_split(&state) == split[i], "splitmix64 value %d", i);
	for (int i = 0; i < 6; i++)
		OK(rng_next(&r) == star[i], "xoshiro256** value %d", i);
	rng_init(&a, 7);
	rng_init(&b, 7);
	for (int i = 0; i < 1000; i++)
		same = same && rng_next(&a) == rng_next(&b);
	OK(same, "the same seed gives the same stream");
	rng_init(&b, 8);
	OK(rng_next(&a) != rng_next(&b), "another seed gives another");
	for (int i = 0; i < 10000; i++) {
		int v = rng_range(&a, -3, 5), w = rng_bell(&a, 0, 90);

		inside = inside && v >= -3 && v <= 5 && w >= 0 && w <= 90 && rng_below(&a, 1) == 0;
		low += w < 30;
		mid += w >= 30 && w < 60;
	}
	OK(inside, "ranges are kept");
	OK(mid > 2 * low, "the bell has its middle in the middle");
	OK(!rng_percent(&a, 0) && rng_percent(&a, 100), "never and always");
	rng_init(&a, 9);
	rng_init(&b, 9);
	rng_fill(&a, p, sizeof(p));
	rng_fill(&b, q, sizeof(q));
	EQ_M(p, q, sizeof(p), "fill of an odd length repeats");
	OK(rng_hash(1, 2, 3) != rng_hash(1, 3, 2) && rng_hash(1, 2, 3) == rng_hash(1, 2, 3),
	    "the hash knows its arguments' places");
	return tap_done();
}
