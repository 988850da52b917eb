/* Inside of a repository in an object store. Private to vault. */
#ifndef MAMORI_VAULT_S3_INT_H
#define MAMORI_VAULT_S3_INT_H

#include <pthread.h>

#include "base/map.h"
#include "base/vec.h"
#include "ledger/ledger_fmt.h"
#include "s3/s3.h"
#include "vault/s3_store.h"

enum {
	S3L_CKP = 256,           /* records in one object of ckp/ */
	S3L_MAX_KEYS = 1 << 12,  /* enrolled keys */
	S3L_MAX_CAND = 1 << 20,  /* versions of log objects in one listing */
	S3L_NAME = 600,
	S3L_MAX_CKP = 64 << 20,  /* bytes of one object of ckp/ */
	S3L_MAX_HASHES = 64 << 20, /* bytes */
	S3L_MAX_LOCKS = 1 << 23, /* objects whose lock is remembered */
};

/* The log as it was read and checked so far. */
struct s3_walk {
	bool begun;
	uint8_t pin[SIGN_PUB_LEN];
	uint8_t id[LEDGER_ID_LEN];
	uint64_t next;                 /* number of the record that comes next */
	uint8_t hash[LEDGER_HASH_LEN]; /* of the one before it */
	struct vec keys;               /* enrolled public keys */
	struct buf recent;             /* raw records since the last multiple of S3L_CKP */
	uint64_t recent_from;
	bool recent_whole;
	struct buf hashes;             /* of each record taken; as far as there is room */
	struct digest *digest;
};

/* A version of an object that may be the right one. */
struct s3_cand {
	uint64_t no;   /* of the record or range */
	char *version; /* owned */
	uint64_t size;
	bool marker;
};

struct s3_seg {
	uint64_t size;
	char version[S3_ID_MAX];
};

struct s3_root { /* what the log says about a segment */
	uint32_t npages;
	uint8_t root[FMT_HASH_LEN];
};

struct s3_store {
	struct store st;
	struct s3 *s3;
	char prefix[520];
	bool writing;
	uint32_t lock_days;
	int64_t until;        /* the longest lock that this handle asked for */
	struct s3_walk walk;
	uint64_t ckp_upto;    /* every record before is in an object of ckp/ that holds */
	bool in_ckp;
	pthread_mutex_t mu;   /* until, lock_days, segs, roots, locks */
	struct map segs;      /* id -> struct s3_seg, owned */
	struct map roots;     /* id -> struct s3_root, owned */
	const struct fio *f;
	int statefd;          /* -1: none */
	uint8_t repo[FMT_ID_LEN];
	struct map locks;     /* object -> end of its lock (s3_lock.c) */
	bool locks_read, locks_changed;
};

/* s3_lock_target(s, key, until): Until when an object is to be locked that is needed until
 * ${until}: somewhat longer. */
int64_t s3_lock_target(struct s3_store *s, const char *key, int64_t until);
/* s3_lock_note(s, key, version, until): It is locked until then. For several threads. */
void s3_lock_note(struct s3_store *s, const char *key, const char *version, int64_t until);
/* s3_lock_all(s, v, n, until, e): Each of these is locked until ${until} at least, on return. The
 * order of ${v} is changed. */
MUST int s3_lock_all(struct s3_store *s, struct s3_retain_one *v, size_t n, int64_t until,
    struct err *e);
/* s3_lock_save(s): Remember what is known about locks. */
void s3_lock_save(struct s3_store *s);
/* s3_lock_parse / s3_lock_print: The file of it: magic, number of entries u64, of each 16 bytes of
 * SHA-256 over name and version and the end of its lock in seconds + 1 as u64, SHA-256 of the rest.
 * What ended before ${now} is left out. E_CORRUPT, E_NOMEM, E_LIMIT. */
MUST int s3_lock_parse(const uint8_t *p, size_t n, struct map *ret, struct err *e);
MUST int s3_lock_print(const struct map *m, int64_t now, struct buf *ret, struct err *e);

/* s3_name(s, out, dir, no) / s3_seg_name: Names of objects. */
void s3_name(const struct s3_store *s, char out[S3L_NAME], const char *dir, uint64_t no);
void s3_seg_name(const struct s3_store *s, char out[S3L_NAME], const uint8_t id[FMT_ID_LEN]);
/* s3_until(s, wish): Until when what is written now is locked: the longest wish so far, and at
 * least the vault's own lock from now on. For several threads. */
int64_t s3_until(struct s3_store *s, int64_t wish);

/* s3_log_*: the operations of store_ops on the log (s3_log.c). */
MUST int s3_log_ident(struct store *st, struct buf *ret, struct err *e);
MUST int s3_log_create(struct store *st, const void *ident, size_t ident_n, const void *log,
    size_t log_n, struct err *e);
MUST int s3_log_read(struct store *st, uint64_t from, struct buf *ret, struct err *e);
MUST int s3_log_commit(struct store *st, uint64_t seq, const uint8_t prev[32], const void *rec,
    size_t n, struct err *e);
/* s3_log_retain(s, until, e): Lengthen the locks of the identity and of every log object that a
 * reader needs. */
MUST int s3_log_retain(struct s3_store *s, int64_t until, struct err *e);

/* s3_walk_*: pure checking of records in order (s3_walk.c). */
void s3_walk_init(struct s3_walk *w);
void s3_walk_free(struct s3_walk *w);
/* s3_walk_fits(w, p, n, header): Whether the ${n} bytes are exactly one record that may come next:
 * number, chain, and the signature of an enrolled key. For number 0 the file header comes before
 * it.
 */
bool s3_walk_fits(struct s3_walk *w, const uint8_t *p, size_t n);
/* s3_walk_take(w, p, n, e): Go past a record that fits. E_CORRUPT. */
MUST int s3_walk_take(struct s3_walk *w, const uint8_t *p, size_t n, struct err *e);
/* s3_walk_rival(w, no, p, n): Whether these bytes could have been record ${no}, which was taken
 * already: whole, its number, continuing the record before it, signed by an enrolled key. */
bool s3_walk_rival(struct s3_walk *w, uint64_t no, const uint8_t *p, size_t n);
/* s3_walk_len(w, p, n): Bytes of the next record in ${p} (with the file header for number 0), 0
 * when there is none. */
size_t s3_walk_len(const struct s3_walk *w, const uint8_t *p, size_t n);

/* s3_seg_*: segments (s3_seg.c). */
MUST int s3_seg_put(struct store *st, const struct fmt_segment_rec *rec, int fd,
    int64_t retain_until, struct err *e);
MUST int s3_seg_stat(struct store *st, const uint8_t id[FMT_ID_LEN], uint64_t *ret_size,
    struct err *e);
MUST int s3_seg_list(struct store *st, store_list_fn *fn, void *cookie, struct err *e);
MUST int s3_seg_read(struct store *st, const uint8_t id[FMT_ID_LEN], uint64_t off, void *p,
    size_t n, struct err *e);
MUST int s3_seg_retain(struct store *st, const uint8_t (*ids)[FMT_ID_LEN], size_t n, int64_t until,
    struct err *e);
/* s3_seg_learn(s, rec): Remember what the log says about a segment. */
MUST int s3_seg_learn(struct s3_store *s, const struct ledger_fmt_rec *rec, struct err *e);
void s3_seg_forget_all(struct s3_store *s);

/* s3_audit(st, fn, cookie, e): What somebody did below the prefix that this program never does
 * (s3_audit.c). */
MUST int s3_audit(struct store *st, store_odd_fn *fn, void *cookie, struct err *e);

/* s3_login_find(where, env, ret, e): The login for an address (s3_login.c). E_AUTH: none here. */
MUST int s3_login_find(const struct s3_where *w, const struct store_env *env,
    struct s3_login *ret, struct err *e);

#endif
