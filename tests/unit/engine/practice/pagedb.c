#include "practice/pagedb.h"

#include "base/num.h"
#include "tap.h"

int
main(void)
{
	uint8_t a[PAGEDB_PAGE], b[PAGEDB_PAGE], c[PAGEDB_PAGE];
	int differ = 0, missed = 0;

	pagedb_fill(a, 1, 17, 0, 2000);
	pagedb_fill(b, 1, 17, 0, 2000);
	EQ_M(a, b, sizeof(a), "a page is always the same");
	OK(pagedb_ok(a, 17), "and whole");
	OK(!pagedb_ok(a, 18), "but not another page");
	OK(le16_get(a + 24) > 5 && le16_get(a + 26) > 7000, "full of records");
	pagedb_change(b, 1, 17, 3);
	OK(pagedb_ok(b, 17), "whole after a change");
	EQ_I(le64_get(b + 8), 4, "with a new sequence number");
	for (size_t i = 32; i < sizeof(a); i++)
		differ += a[i] != b[i];
	OK(differ > 0 && differ < 2000, "one record changed (%d bytes)", differ);
	(void)memcpy(c, b, sizeof(b));
	pagedb_change(c, 1, 17, 3);
	EQ_M(b, c, sizeof(b), "the same day again changes nothing");
	for (size_t i = 0; i < sizeof(a) * 8; i += 7) {
		a[i / 8] ^= (uint8_t)(1 << i % 8);
		missed += pagedb_ok(a, 17);
		a[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	EQ_I(missed, 0, "every flipped bit is found");
	return tap_done();
}
