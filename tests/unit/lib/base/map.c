#include "base/map.h"

#include <stdio.h>

#include "base/num.h"
#include "fault/alloc.h"
#include "tap.h"

/* SipHash-1-3 of 00 01 02 ... with the key 00..0f, from another implementation (OpenSSL's SIPHASH
 * with c-rounds 1 and d-rounds 3). */
static void
test_siphash(void)
{
	static const struct {
		size_t n;
		const char *hex;
	} table[] = {
		{0, "dcc40f055801acab"}, {1, "93ca577df39bf4c9"}, {7, "4011b19b987d92d3"},
		{8, "8e9a298d11959036"}, {9, "e43d066cb38ea425"}, {15, "5699512a6dd820d3"},
		{16, "668b907d1add4fcc"}, {63, "a8b3bbb76290199d"},
	};
	unsigned char in[64], key_bytes[16], want[8], got[8];
	uint64_t key[2];

	for (unsigned i = 0; i < 64; i++)
		in[i] = (unsigned char)i;
	(void)memcpy(key_bytes, in, 16);
	key[0] = le64_get(key_bytes);
	key[1] = le64_get(key_bytes + 8);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		OK(hex_get(want, 8, table[i].hex) == 0, "vector of %zu bytes", table[i].n);
		le64_put(got, siphash13(key, in, table[i].n));
		EQ_M(got, want, 8, "  SipHash-1-3");
	}
	key[0] = key[1] = 0;
	EQ_I(siphash13(key, "\0\1\2\3\4\5\6\7\10", 9), 0x75927f9d95124362, "a zero key");
	OK(siphash13(key, NULL, 0) == siphash13(key, "", 0), "nothing, from nowhere");
}

static void
test_put_get(void)
{
	static char values[5000];
	bool ok = true;
	char k[16];
	struct map m;

	map_init(&m, sizeof(values));
	OK(map_get(&m, "a", 1) == NULL, "an empty map has nothing");
	for (size_t i = 0; i < sizeof(values); i++) {
		int n = snprintf(k, sizeof(k), "鍵%zu", i);

		ok = ok && map_put(&m, k, (size_t)n, &values[i], NULL) == 0;
	}
	OK(ok && m.len == sizeof(values), "up to the maximum");
	EQ_I(map_put(&m, "more", 4, values, NULL), E_LIMIT, "one more is refused");
	OK(map_get(&m, "more", 4) == NULL, "and not there");
	for (size_t i = 0; i < sizeof(values); i++) {
		int n = snprintf(k, sizeof(k), "鍵%zu", i);

		ok = ok && map_get(&m, k, (size_t)n) == &values[i];
		ok = ok && map_get(&m, k, (size_t)n - 1) != &values[i];
	}
	OK(ok, "each is found by its whole key only");
	EQ_I(map_put(&m, "鍵7", 4, values, NULL), 0, "replacing, even when full");
	OK(map_get(&m, "鍵7", 4) == values && m.len == sizeof(values), "the new value");
	map_free(&m);
	map_free(&m);
	OK(map_get(&m, "鍵7", 4) == NULL, "empty after free");
	map_init(&m, 4);
	EQ_I(map_put(&m, "", 0, values, NULL), 0, "an empty key");
	EQ_I(map_put(&m, "a\0b", 3, values + 1, NULL), 0, "a key with a NUL");
	EQ_I(map_put(&m, "a\0c", 3, values + 2, NULL), 0, "another");
	OK(map_get(&m, NULL, 0) == values && map_get(&m, "a\0b", 3) == values + 1 &&
	    map_get(&m, "a\0c", 3) == values + 2 && !map_get(&m, "a", 1), "all different");
	map_free(&m);
}

static void
test_each(void)
{
	char values[200];
	const void *k;
	size_t pos = 0, n, seen = 0;
	struct map m;
	char *v;

	(void)memset(values, 0, sizeof(values));
	map_init(&m, 1000);
	OK(map_each(&m, &pos, NULL, NULL) == NULL, "walking an empty map");
	for (size_t i = 0; i < sizeof(values); i++)
		if (map_put(&m, &i, sizeof(i), &values[i], NULL) != 0)
			break;
	for (pos = 0; (v = map_each(&m, &pos, &k, &n)); seen++) {
		size_t i;

		if (n != sizeof(i))
			break;
		(void)memcpy(&i, k, sizeof(i));
		if (v == &values[i])
			values[i]++;
	}
	EQ_I(seen, 200, "walks over all");
	OK(memchr(values, 0, 200) == NULL && memchr(values, 2, 200) == NULL,
	    "each once, with its key");
	pos = 0;
	OK(map_each(&m, &pos, NULL, NULL) != NULL, "keys are not asked for");
	map_free(&m);
}

static void
test_no_memory(void)
{
	static char values[300];
	unsigned long n = 1;
	bool ok = true;

	for (;; n++) {
		size_t put = 0;
		struct map m;
		struct err e;
		bool hit;

		map_init(&m, 1000);
		fault_alloc_arm(n);
		while (put < 300 && map_put(&m, &put, sizeof(put), &values[put], &e) == 0)
			put++;
		hit = fault_alloc_hit();
		ok = ok && (!hit || e.code == E_NOMEM) && m.len == put;
		for (size_t i = 0; i < 300; i++)
			ok = ok && map_get(&m, &i, sizeof(i)) == (i < put ? &values[i] : NULL);
		map_free(&m);
		ok = ok && fault_alloc_live() == 0;
		if (!hit)
			break;
	}
	OK(ok && n > 300, "%lu allocations failed one by one, nothing lost, nothing leaked", n - 1);
}

int
main(void)
{
	test_siphash();
	test_put_get();
	test_each();
	test_no_memory();
	return tap_done();
}
