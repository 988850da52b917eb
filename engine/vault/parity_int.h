/* Parity files. Private to vault.
 *
 * A file: header (4 KiB) | for each member its segment's header (4 KiB) and page hashes | hashes of
 * the parity pages | zeros up to a multiple of 4 KiB | parity pages (32 KiB each). The two files of
 * a group differ in the last two parts only.
 *
 * parity_fmt.c   the bytes, and the arithmetic (pure)
 * parity_plan.c  which groups there should be; which files there are
 * parity.c       making them
 * repair.c       putting segments right */
#ifndef MAMORI_VAULT_PARITY_INT_H
#define MAMORI_VAULT_PARITY_INT_H

#include "base/vec.h"
#include "vault/parity.h"
#include "vault/repo_int.h"
#include "vault/segr.h"

enum { PAR_NAME = 64, PAR_FILES = 1 << 20, PAR_CLASSES = 13 };

struct par_member {
	uint32_t no; /* of the segment in the log */
	uint32_t npages;
	uint8_t id[FMT_ID_LEN];
};
struct par_head {
	uint8_t repo[FMT_ID_LEN];
	uint8_t cls, which, n; /* size class; 0 or 1; members */
	bool thin;             /* others stood between its members, which were removed */
	uint32_t group;        /* of the first sixteen in its class that it stands for */
	uint32_t npages;       /* of the largest member: pages of parity */
	struct par_member m[PARITY_DATA];
	uint8_t sum[DIGEST_LEN]; /* of everything between the header and the parity pages */
};
void par_head_put(const struct par_head *h, uint8_t out[FMT_HEADER_LEN]);
MUST int par_head_get(const uint8_t p[FMT_HEADER_LEN], struct par_head *h, struct err *e);
/* par_meta_len(h): Bytes between header and parity pages, padded. */
size_t par_meta_len(const struct par_head *h);
uint8_t par_class(uint32_t npages);
/* par_name(h, out): Its file's name. Thin groups have a sum of their members in it, so that no file
 * is ever written over that says something else. */
void par_name(const struct par_head *h, char out[PAR_NAME]);

/* ---- what should be, and what is ---- */

/* The groups that a repository should have. They follow from the log and from what the keep ledger
 * says is removed, and from nothing else: a file that is missing otherwise is damage, and its
 * segment keeps its place. The segments of a class are taken sixteen by sixteen in the order of the
 * log, removed ones counted, so that a removal changes no other group than its own; and whole
 * neighbours (two, four, eight ... of them, as in a binary tree) of which no more than sixteen
 * segments are left are one group, so that what is left of long ago shares its parity. A group only
 * ever takes in whole groups of an earlier plan, or loses members; but for the last of its class,
 * which grows. */
struct par_plan {
	struct par_head *groups; /* owned; ${which} is 0 */
	size_t n;
	uint32_t *of;            /* owned; by segment: its group + 1; 0: it is removed */
	uint32_t living;         /* segments that are not removed */
};
MUST int par_plan(const struct repo *repo, struct par_plan *ret, struct err *e);
void par_plan_free(struct par_plan *p);

/* par_files(f, fd, dir, repo, ret, e): The heads of all parity files of a repository in a folder
 * (${fd} is it, ${dir} its name) whose header holds and fits the name, as struct par_head. ${ret}:
 * initialized by the caller, for at most PAR_FILES. */
MUST int par_files(const struct fio *f, int fd, const char *dir, const uint8_t repo[FMT_ID_LEN],
    struct vec *ret, struct err *e);
/* par_whole(f, fd, h): Whether the file of this head has its header and its length. */
bool par_whole(const struct fio *f, int fd, const struct par_head *h);
/* par_same(a, b): Whether two files are of the same group with the same members. */
bool par_same(const struct par_head *a, const struct par_head *b);
/* par_removed(repo, h): How many members were removed from the vault on purpose. */
unsigned par_removed(const struct repo *repo, const struct par_head *h);

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
