/* Inside lib/ledger only: the handle and the steps that its files share. */
#ifndef MAMORI_LEDGER_LEDGER_INT_H
#define MAMORI_LEDGER_LEDGER_INT_H

#include "base/vec.h"
#include "ledger/ledger_fmt.h"

enum {
	LEDGER_MARK_EVERY = 1024, /* records between two remembered positions */
	LEDGER_MAX_KEYS = 4096,
	LEDGER_MAX_MARKS = 1 << 24,
	LEDGER_WINDOW = 2 << 20,  /* read at once; holds any record */
	LEDGER_HEAD_SYNC = 64,    /* the head file is synced every so many records, so that ... */
	LEDGER_HEAD_STALE = 128,  /* ... after a power cut a slot is never older than this */
};

struct ledger_win { /* a window on the log */
	uint8_t *p; /* LEDGER_WINDOW bytes, owned */
	uint64_t off;
	size_t len;
};

struct ledger_pub { /* a key that may sign, from its record on */
	uint8_t id[LEDGER_FMT_KEY_ID];
	uint8_t pub[SIGN_PUB_LEN];
};

struct ledger_mark { /* where a record starts, and the hash before it */
	uint64_t seq, off;
	uint8_t prev[LEDGER_HASH_LEN];
};

struct ledger_tail { /* the newest good record */
	uint64_t seq, off, end; /* end = where the next record goes */
	int64_t at;
	uint8_t hash[LEDGER_HASH_LEN];
	bool any; /* false before the genesis was read */
};

struct ledger_seen { /* the head file as last read, and what became of its slots */
	uint8_t raw[LEDGER_FMT_HEAD_FILE];
	int state[LEDGER_FMT_SLOTS]; /* 1 good, 0 never written, else E_CORRUPT */
	bool judged[LEDGER_FMT_SLOTS]; /* agrees with the log, or is an interrupted write */
	struct ledger_slot_ring *ring; /* NULL unless a slot is damaged */
	bool missing, cut; /* the file; cut: not of its one length */
	uint64_t known; /* number of records that the head knows of: newest seq + 1, or 0 */
	struct ledger_fmt_slot best; /* when known > 0 */
};

struct ledger {
	const struct fio *f;
	int dir, log, head;
	bool writable;
	bool held; /* the lock stays until ledger_release: further locks change nothing */
	uint8_t id[LEDGER_ID_LEN];
	uint8_t header_hash[LEDGER_HASH_LEN]; /* the "previous hash" of the genesis */
	uint8_t first[SIGN_PUB_LEN];
	struct buf genesis; /* the owner's payload */
	struct vec keys;    /* of struct ledger_pub */
	struct vec marks;   /* of struct ledger_mark */
	struct ledger_tail tail;
	struct ledger_seen seen;
	struct ledger_win win;
	struct digest *digest;
	bool torn; /* bytes follow the tail that were never acknowledged */
	/* for verification */
	bool all_sigs;
	const struct ledger_head *want; /* must be in the log */
	bool want_found;
	uint64_t bad_seq; /* the record that an E_CORRUPT or E_AUTH is about */
};

/* ledger_io.c */
MUST int ledger_io_open(const struct fio *f, int dirfd, const char *name, bool writing,
    struct ledger **ret, struct err *e);
void ledger_io_close(struct ledger *l);
/* ledger_io_lock(l, type, e): F_RDLCK or F_WRLCK on the whole log, waiting. */
MUST int ledger_io_lock(struct ledger *l, short type, struct err *e);
void ledger_io_unlock(struct ledger *l);
MUST int ledger_io_size(struct ledger *l, uint64_t *ret, struct err *e);
/* ledger_io_view(l, w, off, n, limit, ret_have, e): A view of ${n} bytes at ${off}, fewer (in
 * ${ret_have}) at ${limit} or the end of the file; valid until the next call with ${w}. */
MUST int ledger_io_view(struct ledger *l, struct ledger_win *w, uint64_t off, size_t n,
    uint64_t limit, const uint8_t **ret, size_t *ret_have, struct err *e);
/* ledger_io_header(l, e): Read and check the file header. */
MUST int ledger_io_header(struct ledger *l, struct err *e);
/* ledger_io_head(l, e): Read the head file into l->seen. */
MUST int ledger_io_head(struct ledger *l, struct err *e);

/* ledger_scan.c */
/* ledger_scan(l, limit, e): Read and check from the tail up to ${limit}; sets l->torn. E_CORRUPT
 * and E_AUTH set l->bad_seq. */
MUST int ledger_scan(struct ledger *l, uint64_t limit, struct err *e);
/* ledger_scan_key(l, id): The enrolled key, or NULL. */
const uint8_t *ledger_scan_key(const struct ledger *l, const uint8_t id[LEDGER_FMT_KEY_ID]);
/* ledger_scan_lawful(rec, seq, ret_why): The rules of the format for a record whose hash fits and
 * whose number should be ${seq}. */
bool ledger_scan_lawful(const struct ledger_fmt_rec *rec, uint64_t seq, const char **ret_why);
/* ledger_scan_all(l, e): Everything there is now: what the head knows without a lock, because it
 * cannot change any more, and the rest under a read lock. */
MUST int ledger_scan_all(struct ledger *l, struct err *e);
/* ledger_scan_took(l, rec, off): Take a good record as the new tail. */
MUST int ledger_scan_took(struct ledger *l, const struct ledger_fmt_rec *rec, uint64_t off,
    struct err *e);

/* ledger_append.c */
/* ledger_put_catch_up(l, e): With the lock held: read what others did; E_CORRUPT when the log was
 * cut or replaced. ledger_put_mend: make its end fit to be followed. ledger_put_slot: repeat a
 * record in the head file. */
MUST int ledger_put_catch_up(struct ledger *l, struct err *e);
MUST int ledger_put_mend(struct ledger *l, struct err *e);
MUST int ledger_put_slot(struct ledger *l, const struct ledger_fmt_rec *rec, uint64_t end,
    struct err *e);
/* ledger_put_new(f, dirfd, name, log, e): Make the directory of a ledger whose log has these bytes:
 * the file header and the genesis record. */
MUST int ledger_put_new(const struct fio *f, int dirfd, const char *name, const struct buf *log,
    struct err *e);
/* ledger_drop_dir(f, dirfd, name): Take away, as far as it goes, the directory of a ledger that was
 * begun by this call and came to nothing. */
void ledger_drop_dir(const struct fio *f, int dirfd, const char *name);

/* ledger_slots.c: what the head file says against what the log says */
/* ledger_slots_note(l, rec, end): A good record passed by during a scan. E_NOMEM, E_CORRUPT when
 * the head file names another record of this number. */
MUST int ledger_slots_note(struct ledger *l, const struct ledger_fmt_rec *rec, uint64_t end,
    struct err *e);
/* ledger_slots_judge(l, strict, e): After a whole scan: does the log hold what the head knows?
 * ${strict}: both slots must be in order, not just one. */
MUST int ledger_slots_judge(struct ledger *l, bool strict, struct err *e);

#endif
