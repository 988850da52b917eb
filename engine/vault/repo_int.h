/* A repository as its log tells it. Shared by the writing and the reading side; private to vault.
 */
#ifndef MAMORI_VAULT_REPO_INT_H
#define MAMORI_VAULT_REPO_INT_H

#include "base/map.h"
#include "ledger/ledger.h"
#include "vault/vault.h"

struct keep;

#define REPO_NOSEG UINT32_MAX

struct repo {
	const struct fio *f;
	int dirfd, segfd, tmpfd; /* tmpfd is -1 where the repository cannot be written */
	struct remote *rem;      /* NULL: it lies here; else the above are of its mirror */
	struct ledger *log;
	struct vault_ident ident;
	struct fmt_genesis genesis;
	uint8_t first_key_id[8];
	struct map insiders;     /* ids of keys that the first key admitted */
	uint64_t next_seq;       /* first log record not read yet */
	/* Records that hold as records and make no sense as the vault's: what somebody with a
	 * writer key may append. They are left out, so that nobody can lock history away with one.
	 */
	uint64_t nodd, odd_seq;  /* how many; the first */
	char odd_why[160];
	struct vault_seg *segs;  /* in log order; the index is the segment's number */
	uint32_t nsegs, cap_segs;
	struct map by_id;        /* segment id -> (void *)(number + 1) */
	struct vault_generation *gens;
	size_t ngens, cap_gens;
	bool have_index;
	uint8_t index_key[32];
	/* what the box that holds the repository says about it (keep.h), read only; NULL: nothing,
	 * or its ledger does not hold (keep_why says so) */
	struct keep *keep;
	char keep_why[200];
	uint8_t *gone; /* bit per segment: removed on purpose, no generation needs it; or NULL */
	uint32_t nwrong, wrong; /* segments that an intent names and that may not go; the first */
};

/* repo_place(f, path, e): The repository's directory, a descriptor. The path is what a person
 * typed, so a link at its end is followed (a vault on a mounted disk is often reached through one);
 * inside the repository none is. */
MUST int repo_place(const struct fio *f, const char *path, struct err *e);
/* repo_open(f, path, ret, e): Identify, open the log with its pin, read it. */
MUST int repo_open(const struct fio *f, const char *path, struct repo **ret, struct err *e);
/* repo_open_at(f, path, place, writing, fresh, ret, e): The same for a path or an address. */
MUST int repo_open_at(const struct fio *f, const char *path, const struct vault_place *pl,
    bool writing, bool fresh, struct repo **ret, struct err *e);
void repo_close(struct repo *r);
/* repo_append(r, s, type, payload, n, now, ret, e): ledger_append to the log, wherever it lies. For
 * several threads. */
MUST int repo_append(struct repo *r, struct signer *s, uint16_t type, const void *payload,
    size_t n, int64_t now, struct ledger_head *ret, struct err *e);
/* repo_ident_read(text, ret, e) / repo_ident_text(id, out, e): The bytes of `mamori-vault`. */
MUST int repo_ident_read(const struct buf *text, struct vault_ident *ret, struct err *e);
MUST int repo_ident_text(struct buf *out, const struct vault_ident *id, struct err *e);
/* repo_index_key(r, key, e): Take the index key (E_AUTH when it is not this repository's) and open
 * the descriptions of all generations. */
MUST int repo_index_key(struct repo *r, const uint8_t key[32], struct err *e);
/* repo_sound(r, e): E_CORRUPT when the log holds records that were left out. Writers stop then;
 * readers go on. */
MUST int repo_sound(const struct repo *r, struct err *e);
/* repo_refresh(r, e): Read what others appended. */
MUST int repo_refresh(struct repo *r, struct err *e);
/* repo_ident_whole(f, dirfd, e): Whether every byte of `mamori-vault` is as it was written, also
 * those that only people read. Opening asks for less, so that a wrong bit in a sentence locks
 * nobody out. E_CORRUPT. */
MUST int repo_ident_whole(const struct fio *f, int dirfd, struct err *e);
/* repo_keep(r, e): Read on in the keep ledger and mark generations and segments by it. E_NOMEM; a
 * keep ledger that does not hold is no error here: nobody's data may wait for it. */
MUST int repo_keep(struct repo *r, struct err *e);
/* repo_gone(r, no): See above. */
bool repo_gone(const struct repo *r, uint32_t no);
/* repo_sweep(r): Remove what killed writers left in tmp/: files nobody holds a lock on. */
void repo_sweep(struct repo *r);
/* repo_seg(r, id): The number of a segment, or REPO_NOSEG. */
uint32_t repo_seg(const struct repo *r, const uint8_t id[FMT_ID_LEN]);
/* repo_seal_info / repo_open_info: The sealed part of a generation's log record. */
MUST int repo_seal_info(const uint8_t index_key[32], const uint8_t snap[FMT_ID_LEN],
    const struct fmt_snap_info *info, struct buf *out, struct err *e);
MUST int repo_open_info(const uint8_t index_key[32], const uint8_t snap[FMT_ID_LEN],
    const uint8_t *p, size_t n, struct fmt_snap_info *info, struct err *e);
/* repo_toc_key(index_key, seg, out, e): The key of a segment's table and trailer pages. */
MUST int repo_toc_key(const uint8_t index_key[32], const uint8_t seg[FMT_ID_LEN],
    uint8_t out[32], struct err *e);
/* repo_body_key(dek, seg, out, e): The key of its body pages. */
MUST int repo_body_key(const uint8_t dek[32], const uint8_t seg[FMT_ID_LEN], uint8_t out[32],
    struct err *e);

/* ---- keys (keys.c) ---- */

struct keys_all { /* everything that follows from the recovery key */
	uint8_t index[32], dedup[32], sign[32], seal[32];
};
MUST int keys_derive(const uint8_t secret[PAPERKEY_LEN], struct keys_all *ret, struct err *e);
MUST int keys_place(const struct vault_place *pl, const uint8_t repo[FMT_ID_LEN], char out[64],
    struct err *e);
/* keys_place_make(f, place, repo, e): That folder, its names durable before a key goes into it. */
MUST int keys_place_make(const struct fio *f, const struct vault_place *pl,
    const uint8_t repo[FMT_ID_LEN], struct err *e);
MUST int keys_save(const struct fio *f, const struct vault_place *pl,
    const struct vault_writer_key *k, struct err *e);

/* The ring: data keys of the segments that the newest generation of each system needs, so that a
 * drill and a quick restore need no recovery key. Forgotten as generations grow old. */
struct ring {
	struct map by_seg; /* segment id -> 32-byte key, owned */
};
void ring_init(struct ring *g);
void ring_free(struct ring *g);
MUST int ring_load(const struct fio *f, const struct vault_place *pl,
    const uint8_t repo[FMT_ID_LEN], struct ring *g, struct err *e);
const uint8_t *ring_get(const struct ring *g, const uint8_t seg[FMT_ID_LEN]);
MUST int ring_add(struct ring *g, const uint8_t seg[FMT_ID_LEN], const uint8_t key[32],
    struct err *e);
MUST int ring_append(const struct fio *f, const struct vault_place *pl,
    const uint8_t repo[FMT_ID_LEN], const uint8_t seg[FMT_ID_LEN], const uint8_t key[32],
    struct err *e);
/* distrust_load(f, place, repo, ret, e): The ids noted by vault_distrust, end to end, in ${ret}
 * (made here, freed by the caller in every case); empty when there are none. */
MUST int distrust_load(const struct fio *f, const struct vault_place *pl,
    const uint8_t repo[FMT_ID_LEN], struct buf *ret, struct err *e);
/* ring_prune(f, place, repo, g, e): Keep only what the newest generation of each system needs or no
 * generation yet, and write that down. */
MUST int ring_prune(const struct fio *f, const struct vault_place *pl, struct repo *repo,
    struct ring *g, struct err *e);

#endif
