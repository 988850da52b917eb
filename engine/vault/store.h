/* Where a repository lies when it is not a directory of this machine: an append-only server, an
 * object store. One struct, one table of operations; nothing above it knows which.
 *
 * A remote repository holds the same bytes as a local one: the text `mamori-vault`, the log (a
 * ledger), and segments. This side keeps a *mirror* of it, `STATE/vault/<repo>/mirror/`, laid out
 * like a repository, with a copy of the log in which every record was verified, and `tmp/` where
 * segments are written. Publishing is: put the segment, commit its record, then take the same
 * record into the mirror's log. The mirror can be lost without harm, and it is also a memory: a
 * place whose log does not continue the mirror's was rolled back or replaced, and is refused
 * (E_CORRUPT).
 *
 * No operation deletes, overwrites, renames or shortens. Nothing a place returns is believed: the
 * log is checked by chain and signatures, segments by their authenticated pages.
 *
 * Every operation has a deadline of its own and tries again by itself where that is safe (all of
 * them but commit). Errors, beside those named below: E_NET (not reached, cut off, no answer in
 * time: may be tried again), E_AUTH (not allowed, with the reason), E_PROTO (a foreign or newer
 * place), E_NOSPC (full, or over the quota; nothing was lost), E_LIMIT.
 *
 * Threads: read, put and stat may be called by `parallel` threads at once; everything else by one
 * thread at a time, but also while others read, put and stat. */
#ifndef MAMORI_VAULT_STORE_H
#define MAMORI_VAULT_STORE_H

#include "sys/fio.h"
#include "vault/fmt.h"

struct store;

enum {
	STORE_LOG_BATCH = 4 << 20, /* log_read returns about this much; the buf holds twice that */
	STORE_MAX_READ = 1 << 20,  /* bytes of one read */
	STORE_MAX_IDENT = 8192,
};

/* store_list_fn: One segment. A non-zero result stops the walk and is returned. */
typedef int store_list_fn(const uint8_t id[FMT_ID_LEN], uint64_t size, void *cookie,
    struct err *e);

/* store_odd_fn: One thing that somebody did and Mamori never does, in words: `what` in Japanese and
 * English. Below 0 stops the walk. */
typedef int store_odd_fn(const char *ja, const char *en, void *cookie, struct err *e);

struct store_ops {
	/* ident(s, ret, e): Append the bytes of `mamori-vault` to ${ret}. E_NOENT: the place can be
	 * reached and holds no repository. */
	int (*ident)(struct store *s, struct buf *ret, struct err *e);
	/* create(s, ident, ident_n, log, log_n, e): Begin a repository in a place that has none:
	 * first its log (the file header of 64 bytes and the first records, as a ledger's file has
	 * them), the identity last. Durable on return. E_EXIST: there is one already; then nothing
	 * was changed. What an interrupted try left behind is no obstacle to the next one. */
	int (*create)(struct store *s, const void *ident, size_t ident_n, const void *log,
	    size_t log_n, struct err *e);
	/* log_read(s, from, ret, e): Append whole records to ${ret}, oldest first, beginning with
	 * number ${from} (for 0: the log's file header before it); about STORE_LOG_BATCH bytes of
	 * them, at least one when there is one. Nothing appended: there is no such record. Shows
	 * every record that was acknowledged to anybody before the call. */
	int (*log_read)(struct store *s, uint64_t from, struct buf *ret, struct err *e);
	/* commit(s, seq, prev, rec, n, e): Compare and append: enter one finished record with
	 * the number ${seq} if and only if the newest has the number seq - 1 and the hash ${prev}.
	 * 0: it is there, durably, and every later log_read of anybody shows it. E_BUSY: the log is
	 * longer than that, somebody else was faster: read on and compose it anew. After any other
	 * error the caller does not know and reads the log to find out; it never sends the same
	 * record blindly again. A place that knows of segments refuses (E_CORRUPT) a record that
	 * names one it does not hold whole. */
	int (*commit)(struct store *s, uint64_t seq, const uint8_t prev[32], const void *rec,
	    size_t n, struct err *e);
	/* put(s, rec, fd, retain_until, e): Store a finished segment: fmt_seg_size(rec->npages)
	 * bytes of ${fd} from offset 0. Whole and durable on return, or not there at all. Never
	 * replaces anything: 0 when the same bytes are there already, E_EXIST when other bytes
	 * have the name. ${retain_until}: it must not be deletable before (microseconds UTC; 0: as
	 * the place thinks best); a place that decides this itself may take it as a wish. */
	int (*put)(struct store *s, const struct fmt_segment_rec *rec, int fd,
	    int64_t retain_until, struct err *e);
	/* stat(s, id, ret_size, e): E_NOENT: no such segment. */
	int (*stat)(struct store *s, const uint8_t id[FMT_ID_LEN], uint64_t *ret_size,
	    struct err *e);
	/* list(s, fn, cookie, e): Every finished segment there is, in any order. */
	int (*list)(struct store *s, store_list_fn *fn, void *cookie, struct err *e);
	/* read(s, id, off, p, n, e): ${n} bytes (at most STORE_MAX_READ) of a segment at ${off}.
	 * Blocks. E_NOENT; E_CORRUPT when the segment ends before; E_AUTH when this machine may
	 * only write. */
	int (*read)(struct store *s, const uint8_t id[FMT_ID_LEN], uint64_t off, void *p, size_t n,
	    struct err *e);
	/* retain(s, ids, n, until, e): A generation that needs these segments is about to be
	 * committed: none of them may be deletable before ${until}. Only forward: a segment that is
	 * kept longer already stays so. Called before the generation's commit. NULL: the place does
	 * it itself when the generation arrives. E_NOENT: one of them is not there. */
	int (*retain)(struct store *s, const uint8_t (*ids)[FMT_ID_LEN], size_t n, int64_t until,
	    struct err *e);
	/* audit(s, fn, cookie, e): Tell of every trace of a trial to overwrite, delete or shorten
	 * something there; what was there before is still what read gives. NULL: such a trial
	 * leaves no trace, or cannot be made. */
	int (*audit)(struct store *s, store_odd_fn *fn, void *cookie, struct err *e);
	/* close(s): Give everything back. */
	void (*close)(struct store *s);
};

struct store {
	const struct store_ops *ops;
	unsigned parallel;    /* how many reads, puts and stats at once make sense; at least 1 */
	bool may_read;        /* segments can be read back (else only added) */
	int64_t clock_off;    /* the place's clock minus ours, microseconds; 0: not known */
};

/* What an opener is given. */
struct store_env {
	const struct fio *f;
	int statefd;    /* the state directory, where logins lie; -1: there is none */
	bool writing;   /* a writer opens (else a reader, who wants `read` to work if it can) */
	int64_t (*now)(void); /* microseconds UTC; only the programs on top ask the clock */
	unsigned wait_ms; /* for an answer; 0: as the place thinks best */
};
/* A kind of place, known by how its address begins ("mamori://", "s3://"). */
struct store_scheme {
	const char *prefix;
	/* open(url, env, ret, e): Reach the place. E_INVAL: the address makes no sense. A place
	 * without a repository opens (for `vault init`); its ident then says E_NOENT. */
	int (*open)(const char *url, const struct store_env *env, struct store **ret,
	    struct err *e);
};

#endif
