/* The bytes of parity files, and the arithmetic. Pure functions. */
#include <isa-l/erasure_code.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "vault/parity_int.h"

static const char magic[8] = {'M', 'M', 'R', 'I', 'P', 'A', 'R', '1'};

enum { ALL = PARITY_DATA + PARITY_MORE, SUMMED = FMT_HEADER_LEN - DIGEST_LEN,
	FIXED = 8 + 2 + 2 + FMT_ID_LEN + 4 + 4 + 4 + DIGEST_LEN, MEMBER = 8 + FMT_ID_LEN };

static void
members_put(const struct par_head *h, uint8_t *p)
{
	for (unsigned i = 0; i < h->n; i++, p += MEMBER) {
		le32_put(p, h->m[i].no);
		le32_put(p + 4, h->m[i].npages);
		(void)memcpy(p + 8, h->m[i].id, FMT_ID_LEN);
	}
}

void
par_head_put(const struct par_head *h, uint8_t out[FMT_HEADER_LEN])
{
	(void)memset(out, 0, FMT_HEADER_LEN);
	(void)memcpy(out, magic, 8);
	le16_put(out + 8, 1);
	le16_put(out + 10, 0);
	(void)memcpy(out + 12, h->repo, FMT_ID_LEN);
	out[28] = h->cls;
	out[29] = h->which;
	out[30] = h->n;
	out[31] = h->thin;
	le32_put(out + 32, h->group);
	le32_put(out + 36, h->npages);
	(void)memcpy(out + 40, h->sum, DIGEST_LEN);
	members_put(h, out + FIXED);
	digest_sha256(out, SUMMED, out + SUMMED);
}

int
par_head_get(const uint8_t p[FMT_HEADER_LEN], struct par_head *h, struct err *e)
{
	const uint8_t *m = p + FIXED;
	uint8_t sum[DIGEST_LEN];
	uint32_t most = 0;

	if (memcmp(p, magic, 8) != 0 || le16_get(p + 8) != 1)
		return err_set(e, E_PROTO, "not a parity file, or one of a newer version");
	digest_sha256(p, SUMMED, sum);
	if (memcmp(sum, p + SUMMED, DIGEST_LEN) != 0)
		return err_set(e, E_CORRUPT, "the header of a parity file does not hold");
	*h = (struct par_head){.cls = p[28], .which = p[29], .n = p[30],
		.thin = p[31] == 1, .group = le32_get(p + 32), .npages = le32_get(p + 36)};
	(void)memcpy(h->repo, p + 12, FMT_ID_LEN);
	(void)memcpy(h->sum, p + 40, DIGEST_LEN);
	if (h->n == 0 || h->n > PARITY_DATA || h->which >= PARITY_MORE || p[31] > 1 ||
	    h->npages > FMT_MAX_PAGES || h->group > 999999 || h->cls >= PAR_CLASSES)
		return err_set(e, E_CORRUPT, "the header of a parity file makes no sense");
	for (unsigned i = 0; i < h->n; i++, m += MEMBER) {
		h->m[i].no = le32_get(m);
		h->m[i].npages = le32_get(m + 4);
		(void)memcpy(h->m[i].id, m + 8, FMT_ID_LEN);
		if (h->m[i].npages == 0 || h->m[i].npages > h->npages)
			return err_set(e, E_CORRUPT, "the header of a parity file makes no sense");
		most = h->m[i].npages > most ? h->m[i].npages : most;
	}
	return most == h->npages ? 0 :
	    err_set(e, E_CORRUPT, "the header of a parity file makes no sense");
}

size_t
par_meta_len(const struct par_head *h)
{
	size_t n = (size_t)h->npages * FMT_HASH_LEN;

	for (unsigned i = 0; i < h->n; i++)
		n += FMT_HEADER_LEN + (size_t)h->m[i].npages * FMT_HASH_LEN;
	return (n + 4095) / 4096 * 4096;
}

uint8_t
par_class(uint32_t npages)
{
	uint8_t c = 1;

	if (npages == FMT_MAX_PAGES)
		return 0;
	while (npages > 1) {
		npages /= 2;
		c++;
	}
	return c;
}

void
par_name(const struct par_head *h, char out[PAR_NAME])
{
	uint8_t raw[PARITY_DATA * MEMBER], sum[DIGEST_LEN];
	char hex[9] = "";

	if (h->thin) {
		members_put(h, raw);
		digest_sha256(raw, (size_t)h->n * MEMBER, sum);
		hex_put(hex, sum, 4);
	}
	(void)snprintf(out, PAR_NAME, "par-%02u-%06u-%02u%s%s.%u", h->cls, h->group, h->n,
	    h->thin ? "-" : "", hex, h->which);
}

bool
frame_fits(const struct fmt_segment_rec *rec, const uint8_t header[FMT_HEADER_LEN],
    const uint8_t *hashes)
{
	uint8_t root[FMT_HASH_LEN];

	fmt_root(header, hashes, rec->npages, root);
	return memcmp(root, rec->root, FMT_HASH_LEN) == 0;
}

void
par_matrix(uint8_t out[ALL * PARITY_DATA])
{
	gf_gen_cauchy1_matrix(out, ALL, PARITY_DATA);
}

int
par_solve(const bool have[ALL], uint8_t *const page[ALL], unsigned want, uint8_t *out, size_t len)
{
	uint8_t a[ALL * PARITY_DATA], b[PARITY_DATA * PARITY_DATA], inv[PARITY_DATA * PARITY_DATA];
	uint8_t tables[32 * PARITY_DATA], *from[PARITY_DATA];
	unsigned n = 0;

	par_matrix(a);
	for (unsigned i = 0; i < ALL && n < PARITY_DATA; i++) {
		if (!have[i])
			continue;
		(void)memcpy(b + n * PARITY_DATA, a + i * PARITY_DATA, PARITY_DATA);
		from[n++] = page[i];
	}
	if (n < PARITY_DATA || gf_invert_matrix(b, inv, PARITY_DATA) != 0)
		return E_NOENT;
	ec_init_tables(PARITY_DATA, 1, inv + want * PARITY_DATA, tables);
	ec_encode_data((int)len, PARITY_DATA, 1, tables, from, &out);
	return 0;
}
