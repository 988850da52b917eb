/* The vault's on-disk formats: constants and pure codecs. The format page in ARCHITECTURE.md is the
 * prose of this file; change both together. Nothing here does input or output, and every decoder
 * accepts any bytes (fuzzed).
 *
 * A repository is a directory:
 *   mamori-vault   identifies it (text: magic, version, repository id, pin of the log's first key)
 *   log/           the signed log, a ledger (lib/ledger): its head is the repository's truth
 *   seg/<id>       immutable segments, named by 32 hexadecimal digits
 *   tmp/           segments being written; anything here is unacknowledged
 *
 * A segment: header (4 KiB) | pages (32 KiB each) | page hashes, zero-padded to 4 KiB | footer (4
 * KiB). Each page is AES-256-GCM ciphertext (32,752 bytes) and tag. From outside all pages look the
 * same; inside they are, in this order, the body (under the segment's own data key), the table of
 * contents (under a key derived from the index key), and one last trailer page (index key) that
 * says where the table is. Hashes are taken over ciphertext, so anybody can scrub without a key.
 *
 * The body is a stream of groups, each at most 128 KiB of plaintext, compressed with zstd or raw.
 * The plaintexts of all groups, one after the other, are the segment's *stream*; chunks lie in it
 * end to end. A reference to data is an extent: segment, offset in its stream, length. */
#ifndef MAMORI_VAULT_FMT_H
#define MAMORI_VAULT_FMT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "crypt/aead.h"
#include "crypt/digest.h"
#include "crypt/seal.h"
#include "crypt/sign.h"

enum {
	FMT_VERSION = 1,
	FMT_ID_LEN = 16,
	FMT_CHUNK_ID_LEN = 32,
	FMT_HEADER_LEN = 4096,
	FMT_PAGE_LEN = 32768,
	FMT_PAGE_DATA = FMT_PAGE_LEN - AEAD_TAG_LEN,
	FMT_HASH_LEN = DIGEST_LEN,
	FMT_MAX_PAGES = 2045,            /* a full segment: 67,084,288 bytes */
	FMT_MAX_STREAM = 256 * 1024 * 1024, /* plaintext in one segment */
	FMT_MAX_GROUP = 128 * 1024,
	FMT_MAX_WRAPS = 24,
	FMT_MAX_CHUNKS = 1 << 20,        /* per segment */
	FMT_MAX_GROUPS = 1 << 16,        /* writers make fewer than 5000 */
	FMT_ALG_1 = 1, /* AES-256-GCM, SHA-256, HMAC-SHA-256, ECIES P-256, zstd */
};

enum fmt_kind { FMT_DATA = 1, FMT_META = 2 };
enum fmt_page_type { FMT_PAGE_BODY = 1, FMT_PAGE_TOC = 2, FMT_PAGE_TRAILER = 3 };

/* ---- log records (types of lib/ledger) ---- */
enum { FMT_LOG_SEGMENT = 16, FMT_LOG_SNAPSHOT = 17 };

struct fmt_wrap {
	uint8_t recipient[8]; /* first bytes of SHA-256 of the recipient's public point */
	uint8_t sealed[SEAL_LEN];
};

struct fmt_header {
	uint8_t repo[FMT_ID_LEN];
	uint8_t seg[FMT_ID_LEN];
	uint8_t kind;
	uint8_t key_commit[32];
	uint16_t nwraps;
	struct fmt_wrap wraps[FMT_MAX_WRAPS];
};

/* fmt_header_put(h, out): Exactly FMT_HEADER_LEN bytes. */
void fmt_header_put(const struct fmt_header *h, uint8_t out[FMT_HEADER_LEN]);
/* fmt_header_get(p, ret, e): E_PROTO for a foreign magic or a newer format, E_CORRUPT when the
 * checksum or a field does not fit. */
MUST int fmt_header_get(const uint8_t p[FMT_HEADER_LEN], struct fmt_header *ret, struct err *e);

struct fmt_footer {
	uint8_t repo[FMT_ID_LEN];
	uint8_t seg[FMT_ID_LEN];
	uint32_t npages;
	uint8_t root[FMT_HASH_LEN];
};
void fmt_footer_put(const struct fmt_footer *f, uint8_t out[FMT_HEADER_LEN]);
MUST int fmt_footer_get(const uint8_t p[FMT_HEADER_LEN], struct fmt_footer *ret, struct err *e);

/* fmt_root(header, hashes, npages, out): The segment's root: SHA-256 over a label, the header's own
 * hash and all page hashes. */
void fmt_root(const uint8_t header[FMT_HEADER_LEN], const uint8_t *hashes, uint32_t npages,
    uint8_t out[FMT_HASH_LEN]);
/* fmt_seg_size(npages): Bytes of a segment file. */
uint64_t fmt_seg_size(uint32_t npages);
/* fmt_hashes_len(npages): Bytes of the page-hash area, padded. */
uint32_t fmt_hashes_len(uint32_t npages);
/* fmt_pages_of_size(size): The inverse of fmt_seg_size, or 0 when no segment has that size. */
uint32_t fmt_pages_of_size(uint64_t size);
/* fmt_pad_pages(n): The page count to which a segment of ${n} used pages is padded, so that its
 * size tells little (Padmé, Nikitin et al. 2019): at most 12 % more, never past FMT_MAX_PAGES. */
uint32_t fmt_pad_pages(uint32_t n);
/* fmt_page_aad(seg, page, type, out): What a page's tag also covers. */
enum { FMT_AAD_LEN = FMT_ID_LEN + 5 };
void fmt_page_aad(const uint8_t seg[FMT_ID_LEN], uint32_t page, enum fmt_page_type type,
    uint8_t out[FMT_AAD_LEN]);

struct fmt_trailer {
	uint32_t toc_page; /* first page of the table of contents */
	uint32_t toc_len;  /* its bytes */
	uint64_t body_len; /* bytes of the body before padding */
};
void fmt_trailer_put(const struct fmt_trailer *t, uint8_t out[FMT_PAGE_DATA]);
MUST int fmt_trailer_get(const uint8_t p[FMT_PAGE_DATA], uint32_t npages, struct fmt_trailer *ret,
    struct err *e);

struct fmt_group {
	uint32_t body_off; /* in the body */
	uint32_t clen;     /* stored bytes */
	uint32_t off;      /* in the stream */
	uint32_t ulen;     /* plaintext bytes; clen == ulen and raw, or zstd */
	bool raw;
};
struct fmt_chunk {
	uint32_t off; /* in the stream */
	uint32_t len;
	uint8_t id[FMT_CHUNK_ID_LEN];
};
struct fmt_toc {
	uint32_t ngroups, nchunks;
	struct fmt_group *groups; /* owned */
	struct fmt_chunk *chunks; /* owned */
	uint32_t stream_len;
};
/* fmt_toc_put(b, t, e) / fmt_toc_get: groups and chunks are contiguous, so only lengths are stored.
 * ${want_chunks} false skips the chunk table (restoring needs groups alone). */
MUST int fmt_toc_put(struct buf *b, const struct fmt_toc *t, struct err *e);
MUST int fmt_toc_get(const uint8_t *p, size_t n, uint64_t body_len, bool want_chunks,
    struct fmt_toc *ret, struct err *e);
void fmt_toc_free(struct fmt_toc *t);

struct fmt_segment_rec { /* payload of FMT_LOG_SEGMENT */
	uint8_t seg[FMT_ID_LEN];
	uint8_t kind;
	uint32_t npages;
	uint8_t root[FMT_HASH_LEN];
};
MUST int fmt_segment_rec_put(struct buf *b, const struct fmt_segment_rec *r, struct err *e);
MUST int
fmt_segment_rec_get(const uint8_t *p, size_t n, struct fmt_segment_rec *ret, struct err *e);

/* Payload of FMT_LOG_SNAPSHOT. In the clear: its id, the lock, and which segments it needs (as runs
 * of segment numbers in log order), so that a keyless scrub can say which generations a damaged
 * segment touches. Sealed under the index key: everything else. */
struct fmt_snap_info {
	char name[256];    /* the system's name */
	char host[256];
	int64_t started, ended; /* client's clock, a label */
	uint64_t files, dirs, others, bytes; /* regular files and their bytes */
	uint64_t new_bytes;    /* plaintext not stored before */
	uint64_t stored_bytes; /* on disk for this generation */
	uint64_t unreadable, changed; /* files not read; files that changed while read */
	uint8_t manifest_seg[FMT_ID_LEN];
	uint32_t manifest_off, manifest_len;
};
struct fmt_run {
	uint32_t first, count;
};
struct fmt_snapshot_rec {
	uint8_t id[FMT_ID_LEN];
	int64_t retain_until;
	uint32_t nruns;
	struct fmt_run *runs; /* owned; segment numbers, ascending */
	uint8_t *sealed;      /* owned */
	size_t sealed_len;
};
MUST int fmt_snapshot_rec_put(struct buf *b, const struct fmt_snapshot_rec *r, struct err *e);
MUST int fmt_snapshot_rec_get(const uint8_t *p, size_t n, struct fmt_snapshot_rec *ret,
    struct err *e);
void fmt_snapshot_rec_free(struct fmt_snapshot_rec *r);
MUST int fmt_snap_info_put(struct buf *b, const struct fmt_snap_info *i, struct err *e);
MUST int fmt_snap_info_get(const uint8_t *p, size_t n, struct fmt_snap_info *ret, struct err *e);

struct fmt_genesis { /* the owner's payload of the log's genesis */
	uint8_t repo[FMT_ID_LEN];
	uint8_t recovery[SEAL_PUB_LEN]; /* the point to which data keys are sealed */
	uint8_t index_commit[32];       /* commitment to the index key */
	uint32_t lock_days;             /* default lock of a generation, 0 = none */
};
MUST int fmt_genesis_put(struct buf *b, const struct fmt_genesis *g, struct err *e);
MUST int fmt_genesis_get(const uint8_t *p, size_t n, struct fmt_genesis *ret, struct err *e);

#endif
