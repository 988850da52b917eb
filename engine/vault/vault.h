/* The vault: an encrypted, deduplicating, tamper-evident store of generations.
 *
 * The type of a handle is a right: a VAULT_W can add a generation and cannot read one back, a
 * VAULT_R can read and cannot write. Neither can delete: there is no such function.
 * Handles are for one thread at a time unless a function says otherwise; they start worker threads
 * of their own. All paths are bytes. Times are microseconds UTC given by the caller. */
#ifndef MAMORI_VAULT_VAULT_H
#define MAMORI_VAULT_VAULT_H

#include "base/buf.h"
#include "crypt/paperkey.h"
#include "sys/fio.h"
#include "vault/tree.h"

typedef struct vault_w VAULT_W;
typedef struct vault_r VAULT_R;

/* ---- keys ---- */

/* What a writer holds: it can add, deduplicate and list, not read. */
struct vault_writer_key {
	uint8_t repo[FMT_ID_LEN];
	uint8_t seed[SIGN_SEED_LEN];     /* signs log records */
	uint8_t index[32];               /* opens tables of contents and the list of generations */
	uint8_t dedup[32];               /* makes chunk ids */
	uint8_t recovery[SEAL_PUB_LEN];  /* data keys are sealed to this point */
	uint8_t pin[SIGN_PUB_LEN];       /* first key of the log */
	bool ring; /* keep data keys of the newest generations for drills (see vault_ring) */
};

/* Where a machine keeps its side of a repository: `STATE/vault/<repo id>/` with writer.key, ring,
 * index, files-<system>, seen. Everything there except writer.key can be lost without harm. */
struct store_scheme;
struct vault_place {
	int statefd; /* the state directory */
	/* kinds of remote places that this program can reach (vault/store.h), ended by one without
	 * a prefix; NULL: none. With them a REPO may be an address instead of a path. */
	const struct store_scheme *schemes;
	int64_t (*now)(void); /* with schemes: the clock, microseconds UTC */
	unsigned wait_ms; /* for a server's answer; 0: as is usual */
};
/* vault_is_address(repo): Whether REPO is an address ("mamori://...") and not a path. */
bool vault_is_address(const char *repo);

/* vault_key_load(f, place, repo, ret, e): The writer key for ${repo}. E_NOENT. */
MUST int vault_key_load(const struct fio *f, const struct vault_place *pl,
    const uint8_t repo[FMT_ID_LEN], struct vault_writer_key *ret, struct err *e);

/* ---- making and identifying ---- */

struct vault_ident {
	uint8_t repo[FMT_ID_LEN];
	uint8_t pin[SIGN_PUB_LEN];
};
/* vault_identify(f, path, ret, e): Read `mamori-vault`. E_NOENT: nothing there; E_PROTO: not a
 * repository, or a newer format (the message says which). */
MUST int vault_identify(const struct fio *f, const char *path, struct vault_ident *ret,
    struct err *e);

/* vault_identify_at(f, repo, place, ret, e): The same for a path or an address; also E_NET, E_AUTH
 * when the place cannot be reached or does not know this machine. */
MUST int vault_identify_at(const struct fio *f, const char *repo, const struct vault_place *pl,
    struct vault_ident *ret, struct err *e);

/* vault_clock_off(f, repo, place, ret, e): How far the clock of the machine that holds an address
 * is ahead of this one's, microseconds (0: it does not tell). E_INVAL: a path; E_NET, E_AUTH. */
MUST int vault_clock_off(const struct fio *f, const char *repo, const struct vault_place *pl,
    int64_t *ret, struct err *e);

struct vault_init {
	uint8_t secret[PAPERKEY_LEN]; /* the recovery key, from random_fill */
	uint32_t lock_days;
	bool ring;
	int64_t now;
};
/* vault_init(f, path, place, in, ret, e): Make a repository in ${path} (created if missing, must be
 * empty otherwise) and the writer key in ${place}. E_EXIST: there already is one, or the directory
 * is not empty; nothing is changed then. */
MUST int vault_init(const struct fio *f, const char *path, const struct vault_place *pl,
    const struct vault_init *in, struct vault_ident *ret, struct err *e);

/* vault_admit(f, path, place, secret, now, e): Where this machine holds no writer key for the
 * repository in the folder ${path}, make one and let it in with the recovery key. 1: it holds one.
 * E_AUTH: another vault's recovery key. */
MUST int vault_admit(const struct fio *f, const char *path, const struct vault_place *pl,
    const uint8_t secret[PAPERKEY_LEN], int64_t now, struct err *e);

/* ---- writing a generation ---- */

struct vault_progress {
	uint64_t files, bytes, new_bytes; /* so far */
	const char *path;                 /* last one reached; bytes */
};
struct vault_figures { /* of one run; files against the system's generation before it */
	uint64_t files, bytes;        /* in the generation */
	uint64_t before;              /* files in the one before; 0: none is known */
	uint64_t added, changed, removed;
	uint64_t renamed;             /* of the added: an old one's name with an ending more */
	uint64_t touched_bytes;       /* of files added and changed */
	uint64_t new_bytes;           /* of content that was not stored before */
	uint64_t packed, noise;       /* bytes stored by this run; those that did not compress */
};
/* Compression is what a first backup spends most of its time on: against level 3, level 1 takes a
 * fifth less processor time for a twentieth more space. */
enum { VAULT_LEVEL = 1 };
struct vault_backup {
	const char *name;          /* the system's name; NULL: made from the first source */
	const char *const *sources;
	size_t nsources;
	const char *host;
	int64_t now;               /* start, microseconds UTC */
	int64_t lock_until;        /* 0: the repository's default */
	bool full;                 /* read every file even when it looks unchanged */
	bool no_inodes;            /* the source makes inode and change time up (a network share) */
	unsigned threads;          /* 0: one per processor */
	int level;                 /* zstd; 0: VAULT_LEVEL */
	void (*progress)(void *cookie, const struct vault_progress *p); /* may be NULL */
	/* a source path that could not be read; may be NULL */
	void (*problem)(void *cookie, const char *path, size_t len, const char *why);
	void *cookie;
	const volatile int *cancel; /* set to non-zero to stop; may be NULL */
	struct vault_figures *ret_figures; /* filled on success; may be NULL */
	uint64_t max_scatter; /* a file whose pieces take more bytes in the list is stored anew in
	                         fewer pieces; 0: as many as the list can hold */
};
struct vault_generation {
	uint8_t id[FMT_ID_LEN];
	uint64_t seq;          /* of the log record: its place in the order of generations */
	int64_t at;            /* recorded time of the log */
	int64_t locked_until;  /* 0 = not locked; as the box that holds the vault sees it (keep.h),
	                          else as the writer wished */
	bool removed;          /* by people who may (keep.h): listed, and cannot be opened */
	bool doubted;          /* too much of it changed (keep.h); kept, and not counted as good */
	bool verified;         /* a drill gave it back */
	bool info_ok;          /* false: no index key, ${info} is empty */
	struct fmt_snap_info info;
	uint32_t nruns;
	struct fmt_run *runs;  /* owned by the list or handle */
};

/* vault_w_open(f, path, place, ret, e): Open for writing with this machine's writer key. E_AUTH: no
 * key here, or the key is of another repository; E_CORRUPT: the log does not hold, or is shorter
 * than what this machine saw before (rolled back). */
MUST int vault_w_open(const struct fio *f, const char *path, const struct vault_place *pl,
    VAULT_W **ret, struct err *e);
void vault_w_close(VAULT_W *w);
const struct vault_ident *vault_w_ident(const VAULT_W *w);
/* vault_w_backup(w, b, ret, e): Add one generation. When it returns 0 the generation is durable. On
 * any error no generation was added; finished segments stay and are used by the next try.
 * E_NOSPC, E_SYS, E_CANCEL, E_NOENT (a source does not exist). */
MUST int vault_w_backup(VAULT_W *w, const struct vault_backup *b, struct vault_generation *ret,
    struct err *e);

/* vault_distrust(f, place, repo, ids, n, e): Note that ${n} segments are damaged, so that later
 * generations made here do not build on them: what lies in them is read from the source and stored
 * anew. Noted once and for all; a segment that is repaired later only costs space. */
MUST int vault_distrust(const struct fio *f, const struct vault_place *pl,
    const uint8_t repo[FMT_ID_LEN], const uint8_t (*ids)[FMT_ID_LEN], size_t n, struct err *e);

/* vault_audit(f, path, place, fn, cookie, e): Look for traces of somebody who tried to get around
 * what protects a repository, and call ${fn} for each (in Japanese and English; below 0 stops). An
 * object store remembers trials to overwrite, delete or shorten; of a directory its keep ledger
 * tells generations that claim another time than when they came, floods of them, and a box whose
 * clock was set, all within the last 31 days. What was there before is still what is read. E_NET,
 * E_AUTH, and what opening a directory says. */
typedef int vault_odd_fn(const char *ja, const char *en, void *cookie, struct err *e);
MUST int vault_audit(const struct fio *f, const char *path, const struct vault_place *pl,
    vault_odd_fn *fn, void *cookie, struct err *e);

/* ---- reading ---- */

struct vault_open {
	const uint8_t *secret;          /* recovery key, PAPERKEY_LEN bytes, or NULL */
	/* use this machine's index key and ring (without ${secret}), and what it knows of
	 * addresses; or NULL. Its statefd may be -1 where there is no state. */
	const struct vault_place *place;
	bool fresh; /* of a repository elsewhere: believe no copy of its log kept here */
	size_t cache_bytes;             /* of decompressed groups, 0: default 32 MiB */
};
/* vault_r_open(f, path, o, ret, e): Open for reading. With ${secret}: everything. With ${place}
 * alone: the list, and the data of the newest generations whose keys the ring holds. With neither:
 * keyless (log and scrub). E_AUTH: the key is not of this repository. */
MUST int vault_r_open(const struct fio *f, const char *path, const struct vault_open *o,
    VAULT_R **ret, struct err *e);
void vault_r_close(VAULT_R *r);
const struct vault_ident *vault_r_ident(const VAULT_R *r);

/* vault_r_sound(r, e): E_CORRUPT when the log holds records that make no sense in a vault: somebody
 * with a writer key (or the log's file) put them there. They are left out of everything; what was
 * written before and after stays readable. Worth an alarm. */
MUST int vault_r_sound(const VAULT_R *r, struct err *e);
/* vault_r_lock_days(r): The lock that the vault's makers gave every generation; 0: none. */
uint32_t vault_r_lock_days(const VAULT_R *r);
/* vault_r_list(r, ret_n): All generations in the order of the log. Owned by ${r}. */
const struct vault_generation *vault_r_list(const VAULT_R *r, size_t *ret_n);
/* vault_r_find(r, what, ret, e): By full or unique leading digits of the id, "latest", or a
 * system's name (its newest). E_NOENT, E_INVAL (ambiguous). */
MUST int vault_r_find(const VAULT_R *r, const char *what, const struct vault_generation **ret,
    struct err *e);

/* An opened generation. */
struct vault_gen;
MUST int vault_gen_open(VAULT_R *r, const struct vault_generation *g, struct vault_gen **ret,
    struct err *e);
void vault_gen_close(struct vault_gen *g);
const struct tree_manifest *vault_gen_manifest(const struct vault_gen *g);

/* vault_gen_block(g, i, ret, e): The plaintext of tree block ${i} into ${ret} (cleared first). May
 * be called by several threads. */
MUST int vault_gen_block(struct vault_gen *g, uint32_t i, struct buf *ret, struct err *e);

/* A reading context: one per thread. It keeps the last groups it decompressed. */
struct vault_ctx;
MUST int vault_ctx_new(VAULT_R *r, size_t groups, struct vault_ctx **ret, struct err *e);
void vault_ctx_free(struct vault_ctx *c);
/* vault_read(c, seg, off, p, n, e): ${n} bytes of a segment's stream at ${off}. Every page is
 * authenticated before a byte is returned. E_NOENT (segment missing), E_CORRUPT (damaged; names
 * segment and page), E_AUTH (no key for this segment). */
MUST int vault_read(struct vault_ctx *c, const uint8_t seg[FMT_ID_LEN], uint32_t off, void *p,
    size_t n, struct err *e);
/* vault_view(c, seg, off, ret, e): A view of the bytes from ${off} to the end of its group; returns
 * their count (> 0). Valid until the next call on ${c}. Saves a copy. */
MUST ssize_t vault_view(struct vault_ctx *c, const uint8_t seg[FMT_ID_LEN], uint32_t off,
    const uint8_t **ret, struct err *e);
/* vault_toc(c, seg, ret, e): The table of contents with chunks, owned by the caller
 * (fmt_toc_free). Needs the index key. */
MUST int vault_toc(struct vault_ctx *c, const uint8_t seg[FMT_ID_LEN], struct fmt_toc *ret,
    struct err *e);
/* vault_r_dedup(r): The HMAC that makes chunk ids, or NULL without key. */
const struct hmac *vault_r_dedup(const VAULT_R *r);

/* Segments as the log lists them. */
struct vault_seg {
	struct fmt_segment_rec rec;
	uint64_t seq;
};
const struct vault_seg *vault_r_segments(const VAULT_R *r, uint32_t *ret_n);
/* vault_r_gone(r, no): Whether segment ${no} was removed on purpose, and no generation needs it. */
bool vault_r_gone(const VAULT_R *r, uint32_t no);
int vault_r_segdir(const VAULT_R *r); /* descriptor of seg/ */
int vault_r_dir(const VAULT_R *r);    /* of the repository, or of the mirror of one elsewhere */
bool vault_r_far(const VAULT_R *r);   /* it lies elsewhere */
/* vault_r_eager(r): Nearly everything of a generation is going to be read, once and in its order.
 * Only a hint: it pays off where the repository lies elsewhere. */
void vault_r_eager(VAULT_R *r);
const struct fio *vault_r_fio(const VAULT_R *r);

#endif
