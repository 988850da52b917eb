/* What a generation contains: a sorted list of entries, cut into self-contained blocks, and a
 * manifest that finds the block for a path.
 *
 * Order: entries are sorted by (directory path, name). Directory paths compare component by
 * component, names by bytes; so the children of one directory stand together and a subtree follows
 * its directory. Paths have no leading slash; "" is the root that holds the sources. Names are
 * bytes, not text; they contain neither NUL nor '/' and are not "." or "..".
 *
 * A block holds its own table of segment ids, so that it is the same bytes in every generation in
 * which nothing in it changed, and deduplicates like any chunk. */
#ifndef MAMORI_VAULT_TREE_H
#define MAMORI_VAULT_TREE_H

#include "vault/fmt.h"

enum {
	TREE_MAX_PATH = 65536,   /* of a directory path; deeper than PATH_MAX on purpose */
	TREE_MAX_NAME = 255,
	TREE_MAX_BLOCK = 16 << 20, /* plaintext of one block; only a scattered file needs it */
	TREE_TARGET_BLOCK = 64 << 10,
	TREE_MAX_XATTRS = 256,
	TREE_MAX_XATTR = 65536,
	TREE_FID_LEN = 16,
};

enum tree_type {
	TREE_FILE = 1,
	TREE_DIR = 2,
	TREE_SYMLINK = 3,
	TREE_HARDLINK = 4, /* another name of a file that stands earlier */
	TREE_FIFO = 5,
	TREE_CHR = 6,
	TREE_BLK = 7,
	TREE_SOCK = 8,
};

enum {
	TREE_CHANGED = 1, /* the file changed while it was read, three times */
	TREE_UNREADABLE = 2, /* could not be read; no data */
	TREE_GRID = 4, /* cut on the 16 KiB grid (else content-defined); decides the spans of fid */
};

/* A piece of a file. seg == NULL: a hole of ${len} zero bytes. */
struct tree_extent {
	const uint8_t *seg; /* FMT_ID_LEN bytes */
	uint32_t off;       /* in the segment's stream */
	uint64_t len;
};

struct tree_xattr {
	const char *name; /* NUL-terminated */
	const uint8_t *value;
	size_t len;
};

struct tree_entry {
	const char *dir; /* NUL-terminated, "" for the top */
	const char *name;
	uint8_t type;
	uint8_t flags;
	uint32_t mode; /* permission bits with setuid, setgid, sticky */
	uint32_t uid, gid;
	int64_t mtime; /* seconds */
	uint32_t mtime_ns;
	uint64_t size; /* files */
	uint64_t rdev; /* devices: major << 32 | minor */
	const char *target; /* symlink text, or the full path of the first name of a hard link */
	uint8_t fid[TREE_FID_LEN]; /* files: see tree_fid */
	const struct tree_extent *extents;
	uint32_t nextents;
	const struct tree_xattr *xattrs;
	uint32_t nxattrs;
};

/* tree_path_cmp(a, an, b, bn): Order of directory paths. */
int tree_path_cmp(const char *a, size_t an, const char *b, size_t bn);
/* tree_key_cmp(dir_a, name_a, dir_b, name_b): Order of entries. */
int tree_key_cmp(const char *dir_a, const char *name_a, const char *dir_b, const char *name_b);

/* Writing a block. */
struct tree_block;
MUST int tree_block_new(struct tree_block **ret, struct err *e);
void tree_block_free(struct tree_block *b);
/* tree_block_add(b, en, e): Append an entry; must come after the previous one in order. */
MUST int tree_block_add(struct tree_block *b, const struct tree_entry *en, struct err *e);
/* tree_block_full(b): Whether the block should be closed here: a size and content-defined rule on
 * the last key, so that a change moves few borders. */
bool tree_block_full(const struct tree_block *b);
uint32_t tree_block_count(const struct tree_block *b);
/* tree_block_first(b, ret_dir, ret_name): The first key; valid until reset. */
void tree_block_first(const struct tree_block *b, const char **ret_dir, const char **ret_name);
/* tree_block_end(b, out, e): Append the finished bytes to ${out} and reset ${b}. */
MUST int tree_block_end(struct tree_block *b, struct buf *out, struct err *e);

/* Reading a block: a cursor over its bytes (which must stay). */
struct tree_read;
MUST int tree_read_new(const uint8_t *p, size_t n, struct tree_read **ret, struct err *e);
void tree_read_free(struct tree_read *r);
/* tree_read_next(r, ret, e): 1 and the next entry (views valid until the next call), 0 at the end,
 * E_CORRUPT. Checks types, name rules, order, lengths and that extents add up to the size. */
MUST int tree_read_next(struct tree_read *r, struct tree_entry *ret, struct err *e);

/* The manifest of one generation. */
struct tree_ref {
	const char *dir, *name; /* first key of the block */
	uint8_t seg[FMT_ID_LEN];
	uint32_t off, len;
	uint32_t count;
};
struct tree_manifest {
	uint8_t id[FMT_ID_LEN];
	int64_t started;
	const char *name, *host;
	uint32_t nsources;
	const char **sources; /* as given, absolute */
	const char **tops;    /* the entry at the top for each source */
	uint32_t nrefs;
	struct tree_ref *refs; /* ascending */
	void *mem; /* owns all of the above after tree_manifest_get */
};
MUST int tree_manifest_put(struct buf *b, const struct tree_manifest *m, struct err *e);
MUST int tree_manifest_get(const uint8_t *p, size_t n, struct tree_manifest *ret, struct err *e);
void tree_manifest_free(struct tree_manifest *m);
/* tree_manifest_find(m, dir, name): Index of the block that would hold the key (the last one whose
 * first key is not greater), or 0. */
uint32_t tree_manifest_find(const struct tree_manifest *m, const char *dir, const char *name);

/* The file digest, which ties a file to its chunks end to end. A file is read in spans (32 MiB on
 * the grid, 128 MiB otherwise). For each span: HMAC over its items, an item being the 32-byte chunk
 * id, or for a hole "hole", 4 zero bytes, its length (u64), 16 zero bytes. fid = first 16 bytes of
 * the single span's HMAC, or of the HMAC over all spans' HMACs. Holes within a span are merged. */
enum { TREE_SPAN_GRID = 32 << 20, TREE_SPAN_CDC = 128 << 20 };
struct tree_fid;
MUST int tree_fid_new(const struct hmac *h, struct tree_fid **ret, struct err *e);
void tree_fid_free(struct tree_fid *f);
void tree_fid_reset(struct tree_fid *f);
MUST int tree_fid_chunk(struct tree_fid *f, const uint8_t id[FMT_CHUNK_ID_LEN], struct err *e);
MUST int tree_fid_hole(struct tree_fid *f, uint64_t len, struct err *e);
/* tree_fid_span(f): A span ends here. tree_fid_span_out: and give its HMAC (for parallel readers).
 */
MUST int tree_fid_span(struct tree_fid *f, uint8_t out[DIGEST_LEN], struct err *e);
/* tree_fid_join(h, spans, n, out): From the HMACs of ${n} >= 0 spans. */
void tree_fid_join(const struct hmac *h, const uint8_t (*spans)[DIGEST_LEN], size_t n,
    uint8_t out[TREE_FID_LEN]);

#endif
