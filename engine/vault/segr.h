/* Opened segments, shared between reading contexts. Private to vault. */
#ifndef MAMORI_VAULT_SEGR_H
#define MAMORI_VAULT_SEGR_H

#include <pthread.h>

#include "vault/repo_int.h"

struct seg {
	const struct fio *f;
	bool open; /* false: this place is empty */
	/* The file; of a repository elsewhere what this machine kept of it (all but the body), or
	 * -1. */
	int fd;
	struct remote *rem; /* NULL: it lies here */
	uint8_t id[FMT_ID_LEN];
	char name[2 * FMT_ID_LEN + 1];
	uint32_t npages;
	uint8_t body_key[32];
	struct fmt_toc toc; /* groups only */
	unsigned refs;
	uint64_t used, serial;
};

struct vault_r {
	struct repo *repo;
	struct seal_key *seal; /* NULL without the recovery key */
	struct hmac *dedup;    /* NULL without a key */
	struct ring ring;
	size_t cache_bytes;
	pthread_mutex_t lock;
	struct seg *open; /* MAX_SEGS places */
	uint32_t nopen;
	uint64_t tick, serial;
	bool eager; /* a restore reads */
};

/* seg_open(repo, id, s, e): Open the file and check its size against the log; no key needed. Of a
 * repository elsewhere: what is kept here of it, and that the place holds it as far as is known. */
MUST int seg_open(const struct repo *repo, const uint8_t id[FMT_ID_LEN], struct seg *s,
    struct err *e);
void seg_close(struct seg *s);
/* seg_pread(s, p, n, off, e): ${n} bytes of the whole segment, wherever it lies. */
MUST int seg_pread(const struct seg *s, void *p, size_t n, uint64_t off, struct err *e);
/* seg_read_toc(s, index_key, want_chunks, ret, e): Its table of contents. */
MUST int seg_read_toc(const struct seg *s, const uint8_t index_key[32], bool want_chunks,
    struct fmt_toc *ret, struct err *e);
/* segr_get / segr_put: A shared opened segment with its body key, held until put. */
MUST int segr_get(struct vault_r *r, const uint8_t id[FMT_ID_LEN], struct seg **ret,
    struct err *e);
void segr_put(struct vault_r *r, struct seg *s);

#endif
