/* The parts of one backup run. Private to vault.
 *
 * The main thread walks the sources and emits finished entries in tree order; worker threads read
 * files. Reading may wait for the disk, so there are more threads than processors; the work on the
 * bytes (cut, hash, look up, compress, seal) needs a *slot*, of which there is one per processor,
 * and a slot owns one open segment. Finished segments go to the closer thread, which makes them
 * durable and enters them in the log while the others go on. */
#ifndef MAMORI_VAULT_BK_INT_H
#define MAMORI_VAULT_BK_INT_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/vec.h"
#include "vault/chunk.h"
#include "vault/files.h"
#include "vault/index.h"
#include "vault/segw.h"

enum {
	BK_SMALL = 1 << 20,        /* larger files are read in spans, each a task */
	BK_BATCH_ITEMS = 512,
	BK_BATCH_BYTES = 2 << 20,
	BK_IN_FLIGHT = 24,         /* batches */
	BK_TASKS = 96,
	BK_MAX_SLOTS = 16,
	BK_TRIES = 3,
	BK_SCATTER = 13000000,     /* bytes of one file's pieces: TREE_MAX_ENTRY, with room */
	BK_MAX_SPANS = 1 << 22,    /* of one file: 128 TiB on the grid */
	BK_BATCH_MEM = 64 << 20,   /* names, attributes */
};

/* ---- segments being written: sink.c ---- */

struct bk_run;
struct sink {
	struct bk_run *run;
	enum fmt_kind kind;
	struct segw *seg;
	uint32_t seg_no; /* in the index */
};
/* sink_store(s, id, p, n, ret_seg, ret_off, e): Store a chunk unless it is known. 1: it was new. */
MUST int sink_store(struct sink *s, const uint8_t id[FMT_CHUNK_ID_LEN], const void *p, size_t n,
    uint32_t *ret_seg, uint32_t *ret_off, struct err *e);
/* sink_store_anew: Store it even when it is known, and remember this place from now on. */
MUST int sink_store_anew(struct sink *s, const uint8_t id[FMT_CHUNK_ID_LEN], const void *p,
    size_t n, uint32_t *ret_seg, uint32_t *ret_off, struct err *e);
/* sink_end(s, e): Finish the open segment, if any, and hand it to the closer. */
MUST int sink_end(struct sink *s, struct err *e);
void sink_drop(struct sink *s);

enum { CLOSERS = 4 }; /* sending elsewhere several at once; here one suffices */
struct closer {
	pthread_t threads[CLOSERS];
	unsigned nthreads;
	pthread_mutex_t lock, log; /* log: one record at a time, with its key before it */
	pthread_cond_t more, less;
	struct closing {
		struct segw *seg;
		struct fmt_segment_rec rec;
	} queue[4];
	unsigned n, busy;
	bool stop;
};
MUST int closer_start(struct bk_run *run, struct err *e);
/* closer_flush(run, e): Wait until all that was handed over is in the log. */
MUST int closer_flush(struct bk_run *run, struct err *e);
void closer_stop(struct bk_run *run);

/* ---- entries ---- */

struct dirh { /* an open directory of a source */
	int fd;
	atomic_uint refs;
	atomic_uint *open; /* how many there are in this run */
	char *path; /* tree path, "" for the top */
};
void dirh_put(struct dirh *d);

struct span {
	uint64_t off, len; /* planned; got: bytes really read */
	uint64_t got;
	bool gather; /* into one piece */
	struct extv ext;
	uint8_t mac[DIGEST_LEN];
};

struct batch;
struct item {
	const char *name;      /* as in the tree */
	const char *real;      /* as in the directory; differs for a source's top entry */
	struct dirh *dir;
	struct stat st;
	uint8_t type, flags;
	bool read;             /* must be read */
	bool failed;
	bool was_grid;
	bool gathered;
	bool first_name;       /* of a file with several: others lead to it */
	uint64_t ino;          /* when it was looked at; st is of what was read */
	const char *target;
	struct tree_xattr *xattrs;
	uint32_t nxattrs;
	int64_t read_at;
	struct extv ext;
	uint8_t fid[TREE_FID_LEN];
	bool known;            /* the last run had it, with this digest: */
	uint8_t old_fid[TREE_FID_LEN];
	uint64_t size;
	struct span *spans;    /* large files */
	uint32_t nspans;
	atomic_uint left;      /* spans not done */
	int tries;
	enum chunk_class cl;
};

struct batch {
	struct batch *next;
	struct arena mem;
	const char *tree_dir;
	struct item *items;
	uint32_t n;
	uint64_t bytes;   /* of small files to read */
	atomic_uint left; /* tasks not done */
};

struct task {
	struct task *next;
	struct batch *batch;
	struct item *item; /* NULL: all small files of the batch */
	uint32_t span;
};

struct bk_run {
	const struct fio *f;
	struct repo *repo;
	const struct vault_place *pl;
	const struct vault_writer_key *key;
	const struct vault_backup *b;
	struct signer *signer;
	struct seal_pub *recovery;
	struct hmac *dedup;
	struct chunker chunker;
	struct segw_env env;
	struct index *index;
	bool index_stale; /* it names a segment that was not kept: build it anew next time */
	struct ring *ring;
	struct closer closer;

	/* the first error stops everything */
	pthread_mutex_t lock;
	struct err err;
	atomic_int failed;

	/* tasks and slots, under qlock */
	pthread_mutex_t qlock;
	pthread_cond_t qmore, qdone, qslot;
	struct task *head, **tail;
	unsigned ntasks;
	bool stop;
	struct sink sinks[BK_MAX_SLOTS];
	unsigned nslots, free_slots[BK_MAX_SLOTS], nfree;
	pthread_t threads[BK_MAX_SLOTS * 4];
	unsigned nthreads;

	/* batches in order, main thread only */
	struct batch *first, **last;
	unsigned in_flight;
	atomic_uint dirs_open;
	unsigned max_dirs; /* open at once: descriptors are few, and folders many */

	/* results */
	atomic_uint_fast64_t files, bytes, new_bytes, unreadable, changed;
	uint64_t dirs, others, stored, packed, noise;
	uint64_t added, altered, touched_bytes; /* files, against the list of the last run */
	int64_t retain;        /* until then its segments stay; a place elsewhere is told */
	struct sink meta;
	struct tree_block *block;
	struct buf block_buf;
	struct tree_manifest man;
	struct vec refs;       /* struct tree_ref */
	struct arena keys;     /* first keys of blocks */
	uint8_t *need;         /* bit per index segment number */
	uint32_t need_cap;
	struct files_w *fw;
	struct files_r *fr;
	struct map hard;       /* dev+ino -> path, owned */
	struct map lost;       /* first name not read -> path that was instead, owned; or "" */
	struct arena scratch;  /* for one entry */
};

/* bk_fail(run, e): Remember the first error and make everybody stop. Returns its code. */
int bk_fail(struct bk_run *run, const struct err *e);
bool bk_stopped(struct bk_run *run);
void bk_problem(struct bk_run *run, const struct item *it, const char *why);

/* ---- reading files: bk_read.c ---- */

/* bk_open_item(it): The file itself: no link is followed, and the access time stays as it is where
 * the owner allows that. -1 and errno. */
int bk_open_item(const struct item *it);
/* bk_read_small(run, batch): All small files of a batch. bk_read_span(run, batch, it, i): one span.
 */
void bk_read_small(struct bk_run *run, struct batch *b, uint8_t *mem);
void bk_read_span(struct bk_run *run, struct batch *b, struct item *it, uint32_t i, uint8_t *mem);
enum { BK_MEM = BK_BATCH_BYTES + BK_SMALL + CHUNK_MAX * 2 };

/* ---- threads: bk_pool.c ---- */
MUST int pool_start(struct bk_run *run, struct err *e);
void pool_stop(struct bk_run *run);
MUST int pool_post(struct bk_run *run, struct batch *b, struct item *it, uint32_t span,
    struct err *e);
/* pool_requeue: as pool_post, from a worker: never waits. */
MUST int pool_requeue(struct bk_run *run, struct batch *b, struct item *it, uint32_t span);
void pool_task_done(struct bk_run *run, struct batch *b);
void pool_wait_batch(struct bk_run *run, struct batch *b);
struct sink *pool_slot_take(struct bk_run *run);
void pool_slot_give(struct bk_run *run, struct sink *s);

/* ---- walking: bk_scan.c; emitting: bk_emit.c ---- */
MUST int bk_scan(struct bk_run *run, struct err *e);
/* bk_plan_spans(it, e): Divide a file into spans by what it is now. E_LIMIT, E_NOMEM. */
MUST int bk_plan_spans(struct item *it, struct err *e);
/* bk_late(run, b, it, e): Read now what was only going to be a link. Main thread, ${b} is done. */
MUST int bk_late(struct bk_run *run, struct batch *b, struct item *it, struct err *e);
/* bk_post(run, b, e): Give a filled batch to the workers and keep it for emission in order. */
MUST int bk_post(struct bk_run *run, struct batch *b, struct err *e);
/* bk_emit_first(run, e): Wait for the oldest batch and emit it. */
MUST int bk_emit_first(struct bk_run *run, struct err *e);
/* bk_emit_all(run, e): Emit every batch still in flight. */
MUST int bk_emit_all(struct bk_run *run, struct err *e);
/* bk_emit_end(run, info, e): Close the last block and store the manifest. */
MUST int bk_emit_end(struct bk_run *run, struct fmt_snap_info *info, struct err *e);
void bk_batch_free(struct batch *b);

#endif
