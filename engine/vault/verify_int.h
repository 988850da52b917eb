/* What the files verify*.c share. Not for use elsewhere.
 *
 * verify.c       the log, the threads, the report
 * verify_seg.c   one segment: structure, pages, chunks
 * verify_tree.c  lists of files, files, and who is touched by damage */
#ifndef MAMORI_VAULT_VERIFY_INT_H
#define MAMORI_VAULT_VERIFY_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/map.h"
#include "vault/verify.h"
#include "vault/walk.h"

struct verify {
	const struct fio *f;
	const struct vault_verify_opts *o;
	VAULT_R *r;
	bool key; /* may read content */
	const struct vault_seg *segs;
	uint32_t nsegs;
	const struct vault_generation *gens;
	size_t ngens;
	int segdir;
	uint64_t all; /* bytes to look at */

	atomic_uint next; /* segment */
	atomic_ullong bytes, pages, chunks, unchecked;
	atomic_bool stop;
	pthread_mutex_t lock; /* of the rest */
	pthread_cond_t cond;
	unsigned running;
	struct vault_verify_report *rep;
	struct err fail;
	struct map seen; /* blocks of the tree that were verified: segment, offset, length */
};

/* verify_error(v, seg, page, fmt, ...): Write down an error; ${seg} is a segment's number or
 * UINT32_MAX. The entry (valid until the next call; NULL past the maximum). */
struct verify_error *verify_error(struct verify *v, uint32_t seg, int64_t page, const char *fmt,
    ...) __attribute__((format(printf, 4, 5)));
bool verify_stopped(struct verify *v);

struct vseg_worker;
MUST int vseg_new(struct verify *v, struct vseg_worker **ret, struct err *e);
void vseg_free(struct vseg_worker *w);
/* vseg_check(w, i, e): Everything about segment ${i}. Negative only for E_NOMEM. */
MUST int vseg_check(struct vseg_worker *w, uint32_t i, struct err *e);

/* vtree_check(v, e): All lists of files and all files (deep). */
MUST int vtree_check(struct verify *v, struct err *e);
/* vtree_name(v, e): For each error that names a segment: generations, systems, files. */
MUST int vtree_name(struct verify *v, struct err *e);

#endif
