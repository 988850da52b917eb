/* Parity files. Private to vault.
 *
 * A file: header (4 KiB) | for each member its segment's header (4 KiB) and page hashes | hashes of
 * the parity pages | zeros up to a multiple of 4 KiB | parity pages (32 KiB each). The two files of
 * a group differ in the last two parts only. */
#ifndef MAMORI_VAULT_PARITY_INT_H
#define MAMORI_VAULT_PARITY_INT_H

#include "vault/parity.h"
#include "vault/repo_int.h"
#include "vault/segr.h"

struct par_member {
	uint32_t no; /* of the segment in the log */
	uint32_t npages;
	uint8_t id[FMT_ID_LEN];
};
struct par_head {
	uint8_t repo[FMT_ID_LEN];
	uint8_t cls, which, n; /* size class; 0 or 1; members */
	uint32_t group;        /* in its class */
	uint32_t npages;       /* of the largest member: pages of parity */
	struct par_member m[PARITY_DATA];
	uint8_t sum[DIGEST_LEN]; /* of everything between the header and the parity pages */
};
void par_head_put(const struct par_head *h, uint8_t out[FMT_HEADER_LEN]);
MUST int par_head_get(const uint8_t p[FMT_HEADER_LEN], struct par_head *h, struct err *e);
/* par_meta_len(h): Bytes between header and parity pages, padded. */
size_t par_meta_len(const struct par_head *h);
uint8_t par_class(uint32_t npages);
void par_name(const struct par_head *h, char out[64]);

/* What is known to be right about a segment: its header and page hashes, which fit the log's root.
 */
struct frame {
	bool have;
	uint8_t header[FMT_HEADER_LEN];
	uint8_t *hashes; /* npages * 32, borrowed or owned by whoever made it */
};
/* frame_fits(rec, header, hashes): Whether they give the root in the log. */
bool frame_fits(const struct fmt_segment_rec *rec, const uint8_t header[FMT_HEADER_LEN],
    const uint8_t *hashes);

/* par_matrix(out): The 18 x 16 coding matrix: identity and two Cauchy rows. */
void par_matrix(uint8_t out[(PARITY_DATA + PARITY_MORE) * PARITY_DATA]);
/* par_solve(have, page, want, out, len): Compute data ${want} from 16 of the 18 blocks. have[i]:
 * the block is there; page[i]: its ${len} bytes. E_NOENT: fewer than sixteen are there. */
MUST int par_solve(const bool have[PARITY_DATA + PARITY_MORE],
    uint8_t *const page[PARITY_DATA + PARITY_MORE], unsigned want, uint8_t *out, size_t len);

#endif
