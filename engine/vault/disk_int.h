/* Inside of a container on a disk. Private to vault. */
#ifndef MAMORI_VAULT_DISK_INT_H
#define MAMORI_VAULT_DISK_INT_H

#include "vault/disk.h"
#include "vault/repo_int.h"

enum {
	DISK_SALT = 32,
	DISK_CHUNK = 4 << 20,
	DISK_ROOM = DISK_CHUNK - DISK_SALT - AEAD_TAG_LEN,
	DISK_SMALL = 4096,
	DISK_SMALL_ROOM = DISK_SMALL - DISK_SALT - AEAD_TAG_LEN,
	DISK_MAX_CATALOG = 256 << 20,
	DISK_MAX_CHUNKS = 1000 * 1000,
	DISK_DIR_CHUNKS = 1000,
};
#define DISK_DIR "mamori-disk"

struct disk_seg {
	uint8_t id[FMT_ID_LEN];
	uint32_t npages;
	uint64_t pos; /* in the stream */
};

/* What the catalog says. */
struct disk_cat {
	struct buf ident;      /* the bytes of mamori-vault */
	uint64_t log_pos, log_len;
	uint64_t keep_pos, keep_len; /* of the keep ledger; 0 long: there was none */
	uint64_t generations, log_records;
	int64_t newest;
	struct disk_seg *segs; /* owned */
	uint32_t nsegs, cap;
};

void disk_cat_init(struct disk_cat *c);
void disk_cat_free(struct disk_cat *c);
/* disk_cat_put / disk_cat_get: Pure codecs. E_LIMIT, E_NOMEM; E_CORRUPT, E_PROTO. */
MUST int disk_cat_put(struct buf *b, const struct disk_cat *c, struct err *e);
MUST int disk_cat_get(const void *p, size_t n, struct disk_cat *c, struct err *e);
MUST int disk_cat_add(struct disk_cat *c, const struct disk_seg *s, struct err *e);

/* What a head says. */
struct disk_head {
	uint64_t serial;
	uint64_t next;         /* first chunk that may be written */
	uint64_t cat_pos, cat_len;
	uint8_t cat_sum[DIGEST_LEN];
};

struct disk {
	const struct fio *f;
	int fd;                /* of mamori-disk/ */
	uint8_t id[DISK_ID_LEN];
	uint8_t *key;          /* secret memory */
	struct disk_head head;
	uint64_t wno;          /* chunk that is being filled */
	size_t wlen;
	uint8_t *wbuf;         /* DISK_ROOM of plaintext */
	uint8_t *raw;          /* DISK_CHUNK */
	uint8_t *rbuf;         /* plaintext of chunk rno */
	uint64_t rno;
	bool have_r;
};

/* disk_key_make(f, fd, d, recovery, carry, e): A new container in the folder ${fd}: id, key, file
 * k. The file is written by disk_commit_key. */
MUST int disk_begin(struct disk *d, const uint8_t recovery[SEAL_PUB_LEN],
    const uint8_t carry[DISK_KEY_LEN], struct err *e);
/* disk_meet(d, seal, carry, e): Read k; open the key with whichever of the two is given. E_AUTH,
 * E_NOENT, E_PROTO. Then the newest head that holds. */
MUST int disk_meet(struct disk *d, const struct seal_key *seal, const uint8_t *carry,
    struct err *e);
MUST int disk_new(const struct fio *f, int fd, struct disk **ret, struct err *e);
void disk_free(struct disk *d); /* closes fd, too */

/* disk_write(d, p, n, ret_pos, e): Append to the stream. */
MUST int disk_write(struct disk *d, const void *p, size_t n, uint64_t *ret_pos, struct err *e);
/* disk_read(d, pos, p, n, e): E_CORRUPT. */
MUST int disk_read(struct disk *d, uint64_t pos, void *p, size_t n, struct err *e);
/* disk_commit(d, cat, e): Write the catalog and what is not written yet, then a head: from now on
 * this is what the disk holds. */
MUST int disk_commit(struct disk *d, const struct disk_cat *cat, struct err *e);
/* disk_catalog(d, cat, e): What the newest head points at; an empty one on a new disk. */
MUST int disk_catalog(struct disk *d, struct disk_cat *cat, struct err *e);

/* disk_carry_key(f, place, repo, make, out, e): STATE/vault/<repo>/carry.key. E_NOENT. */
MUST int disk_carry_key(const struct fio *f, const struct vault_place *pl,
    const uint8_t repo[FMT_ID_LEN], bool make, uint8_t out[DISK_KEY_LEN], struct err *e);

/* disk_seg_good(p, rec, repo): Whether the bytes of a whole segment are what the log says: header,
 * every page, hashes, footer, root. ${p}: fmt_seg_size bytes. */
bool disk_seg_good(const uint8_t *p, const struct fmt_segment_rec *rec,
    const uint8_t repo[FMT_ID_LEN]);

#endif
