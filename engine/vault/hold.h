/* Keeping a repository for machines that may only add to it: what an append-only server does with
 * what it is sent. Nothing here deletes, overwrites, renames or shortens anything that was
 * accepted.
 *
 * Everything that comes is checked before it counts: a segment by the hash of every page, against
 * the root its sender announced; a log record by chain, signature, admitted key, and that the
 * segments it names are here, whole. Needs no key of the vault. For many threads. */
#ifndef MAMORI_VAULT_HOLD_H
#define MAMORI_VAULT_HOLD_H

#include "vault/keep.h"
#include "vault/store.h"
#include "vault/vault.h"

struct hold;     /* one repository */
struct hold_put; /* a segment that is coming in */

/* hold_open(f, name, ret, e): Open the repository in the folder ${name} of the working directory;
 * E_NOENT when there is none. Leftovers of a killed server are swept. */
MUST int hold_open(const struct fio *f, const char *name, struct hold **ret, struct err *e);
/* hold_create(f, name, ident, ident_n, log, log_n, e): Make it from what a client sent, checked. 0
 * also when the same one is there already; E_EXIST: another one. A crash leaves nothing that stands
 * in the way of the next try. One at a time. */
MUST int hold_create(const struct fio *f, const char *name, const void *ident, size_t ident_n,
    const void *log, size_t log_n, struct err *e);
void hold_close(struct hold *h); /* NULL is fine; no put may be open */

/* hold_ident(h, ret, e): The bytes of `mamori-vault`. */
MUST int hold_ident(struct hold *h, struct buf *ret, struct err *e);
/* hold_bytes(h): Of all segments that are here, in the log or not, and of those coming in. */
uint64_t hold_bytes(struct hold *h);
/* hold_log(h, from, max, ret, e): As ledger_raw. */
MUST int hold_log(struct hold *h, uint64_t from, size_t max, struct buf *ret, struct err *e);

/* hold_commit(h, seq, prev, rec, n, ret_kind, e): As store_ops.commit; also 0 when this very record
 * is there already. ${ret_kind}: the record's type. E_BUSY; E_AUTH (a key nobody with the recovery
 * key admitted); E_CORRUPT with the reason. */
MUST int hold_commit(struct hold *h, uint64_t seq, const uint8_t prev[32], const void *rec,
    size_t n, uint16_t *ret_kind, struct err *e);

/* hold_stamp(f, name, place, now, e): Note the generations that arrived, with this machine's time,
 * in the repository's keep ledger; the box's key lies in ${place} and is made with the ledger. 1
 * when the newest one is in doubt (keep.h). E_AUTH: the ledger is there and its key is not. */
MUST int hold_stamp(const struct fio *f, const char *name, const struct vault_place *pl,
    const struct keep_time *now, struct err *e);

/* hold_clock(f, name, place, now, e): Let the clock of a repository's keep ledger go on. 1: this
 * machine's clock jumped since it was last noted, and that time does not count; 2: it does not go
 * on (a boot without a name); 0 also when there is no vault or no ledger yet. */
MUST int hold_clock(const struct fio *f, const char *name, const struct vault_place *pl,
    const struct keep_time *now, struct err *e);

/* hold_put_begin(h, rec, max_bytes, ret, e): A segment is going to come. Room for it is reserved on
 * the disk first (E_NOSPC), and the repository may not grow past ${max_bytes} (0: any; E_NOSPC).
 * *ret is NULL and the result 1 when it is here already; E_EXIST when another one has its name. */
MUST int hold_put_begin(struct hold *h, const struct fmt_segment_rec *rec, uint64_t max_bytes,
    struct hold_put **ret, struct err *e);
/* hold_put_data(p, bytes, n, e): Its next bytes. E_CORRUPT: not what was announced. */
MUST int hold_put_data(struct hold_put *p, const void *bytes, size_t n, struct err *e);
/* hold_put_end(p, e): It is complete: durable on return, or an error; ${p} is given back in every
 * case. */
MUST int hold_put_end(struct hold_put *p, struct err *e);
void hold_put_drop(struct hold_put *p); /* give up; NULL is fine */

/* hold_stat(h, id, ret_size, e): E_NOENT. */
MUST int hold_stat(struct hold *h, const uint8_t id[FMT_ID_LEN], uint64_t *ret_size,
    struct err *e);
/* hold_list(h, from, fn, cookie, e): Segments of the log from number ${from} on that are here and
 * may be built upon. A non-zero result of ${fn} stops. */
typedef int hold_list_fn(uint32_t no, const struct fmt_segment_rec *rec, void *cookie);
MUST int hold_list(struct hold *h, uint32_t from, hold_list_fn *fn, void *cookie, struct err *e);
/* hold_get(h, id, off, p, n, e): E_NOENT; E_CORRUPT: it ends before. */
MUST int hold_get(struct hold *h, const uint8_t id[FMT_ID_LEN], uint64_t off, void *p, size_t n,
    struct err *e);

#endif
