/* The arithmetic and the header of parity files. (Whole repairs: tests/scenario.) */
#include <isa-l/erasure_code.h>
#include <stdlib.h>
#include <string.h>

#include "crypt/secret.h"
#include "tap.h"
#include "vault/parity_int.h"

enum { ALL = PARITY_DATA + PARITY_MORE, LEN = 512 };

static uint8_t page[ALL][LEN];

static void
encode(void)
{
	uint8_t a[ALL * PARITY_DATA], tables[32 * PARITY_DATA * PARITY_MORE];
	uint8_t *in[PARITY_DATA], *out[PARITY_MORE];

	par_matrix(a);
	ec_init_tables(PARITY_DATA, PARITY_MORE, a + PARITY_DATA * PARITY_DATA, tables);
	for (unsigned i = 0; i < PARITY_DATA; i++) {
		in[i] = page[i];
		random_fill(page[i], LEN);
	}
	for (unsigned w = 0; w < PARITY_MORE; w++)
		out[w] = page[PARITY_DATA + w];
	ec_encode_data(LEN, PARITY_DATA, PARITY_MORE, tables, in, out);
}

/* Every pair of the eighteen. */
static void
pairs(void)
{
	uint8_t *at[ALL], got[LEN];
	int bad = 0, tried = 0;

	for (unsigned i = 0; i < ALL; i++)
		at[i] = page[i];
	for (unsigned x = 0; x < ALL; x++) {
		for (unsigned y = x + 1; y < ALL; y++) {
			bool have[ALL];

			(void)memset(have, 1, sizeof(have));
			have[x] = have[y] = false;
			for (unsigned k = 0; k < 2; k++) {
				unsigned want = k ? y : x;

				if (want >= PARITY_DATA)
					continue;
				tried++;
				bad += par_solve(have, at, want, got, LEN) != 0 ||
				    memcmp(got, page[want], LEN) != 0;
			}
		}
	}
	EQ_I(tried, 16 * 17, "every pair of eighteen");
	EQ_I(bad, 0, "is computed back");
}

static void
too_few(void)
{
	bool have[ALL];
	uint8_t *at[ALL], got[LEN];

	(void)memset(have, 1, sizeof(have));
	have[0] = have[5] = have[17] = false;
	for (unsigned i = 0; i < ALL; i++)
		at[i] = page[i];
	EQ_I(par_solve(have, at, 0, got, LEN), E_NOENT, "three are too many");
}

static void
header(void)
{
	struct par_head h = {.cls = 3, .which = 1, .n = 2, .group = 17, .npages = 6}, back;
	uint8_t raw[FMT_HEADER_LEN];
	char name[64];
	struct err e;
	int bad = 0;

	h.m[0] = (struct par_member){.no = 4, .npages = 6};
	h.m[1] = (struct par_member){.no = 9, .npages = 4};
	par_head_put(&h, raw);
	EQ_I(par_head_get(raw, &back, &e), 0, "a header");
	EQ_M(&h, &back, sizeof(h), "is what was written");
	par_name(&h, name);
	EQ_S(name, "par-03-000017-02.1", "its name");
	EQ_I(par_meta_len(&h), 12288, "what stands between header and parity");
	for (size_t i = 0; i < sizeof(raw); i++) {
		raw[i] ^= 1;
		bad += par_head_get(raw, &back, &e) == 0;
		raw[i] ^= 1;
	}
	EQ_I(bad, 0, "no changed byte is overlooked");
	h.npages = 7;
	par_head_put(&h, raw);
	EQ_I(par_head_get(raw, &back, &e), E_CORRUPT, "sizes that do not agree");
	EQ_I(par_class(FMT_MAX_PAGES), 0, "full segments are a class");
	EQ_I(par_class(1), 1, "the smallest");
	EQ_I(par_class(FMT_MAX_PAGES - 1), 11, "the largest that are not full");
}

int
main(void)
{
	encode();
	pairs();
	too_few();
	header();
	return tap_done();
}
