/* The index: which chunk lies where. Derived from the segments' tables and disposable; kept between
 * runs as a file so that opening costs nothing.
 *
 * One open-addressing table of 18-byte entries (12 bytes of the chunk id, segment number, offset),
 * mapped from the file; filled to at most 90 % and grown by an eighth, in one sequential pass,
 * since entries lie in the order of their ids. A hit in a segment that existed before this run is
 * confirmed against the full 32-byte id in that segment's table of contents, so a damaged index
 * file can cost space, never data. Safe for several threads. */
#ifndef MAMORI_VAULT_INDEX_H
#define MAMORI_VAULT_INDEX_H

#include "vault/repo_int.h"

struct index;

/* index_open(repo, place, ret, e): Open this machine's index of the repository, bring it up to date
 * with the log, or build it anew when there is none, it is not clean, or somebody else is using it
 * (then in memory). ${repo} must hold the index key and is borrowed. */
MUST int index_open(struct repo *repo, const struct vault_place *pl, struct index **ret,
    struct err *e);
/* index_close(ix, clean): ${clean}: everything in it is committed; it is made durable and kept. */
void index_close(struct index *ix, bool clean);

/* index_segment(ix, id, ret, e): A number for a segment that is being written. */
MUST int index_segment(struct index *ix, const uint8_t id[FMT_ID_LEN], uint32_t *ret,
    struct err *e);
/* index_seg_id(ix, no, out): The id behind a number. */
void index_seg_id(struct index *ix, uint32_t no, uint8_t out[FMT_ID_LEN]);
/* index_seg_no(ix, id): The number of a known segment or UINT32_MAX; also that when its file is
 * gone or has another length, so that nobody builds on it. */
uint32_t index_seg_no(struct index *ix, const uint8_t id[FMT_ID_LEN]);
uint32_t index_segments(struct index *ix);

/* index_find_or_add(ix, id, len, seg, off, ret_seg, ret_off, e): 1: known; the place is returned.
 * 0: not known; it now is, at (${seg}, ${off}), where the caller must put it. */
MUST int index_find_or_add(struct index *ix, const uint8_t id[FMT_CHUNK_ID_LEN], uint32_t len,
    uint32_t seg, uint32_t off, uint32_t *ret_seg, uint32_t *ret_off, struct err *e);
/* index_move(ix, id, seg, off, e): It is at (${seg}, ${off}) from now on, known or not. 0. */
MUST int index_move(struct index *ix, const uint8_t id[FMT_CHUNK_ID_LEN], uint32_t seg,
    uint32_t off, struct err *e);
/* index_find(ix, id, len, ret_seg, ret_off): As above, without adding: 1 known, 0 not. */
int index_find(struct index *ix, const uint8_t id[FMT_CHUNK_ID_LEN], uint32_t len,
    uint32_t *ret_seg, uint32_t *ret_off);
uint64_t index_count(struct index *ix);

/* index_new_memory(ret, e): An empty index in memory (benchmarks, tests). */
MUST int index_new_memory(struct index **ret, struct err *e);

#endif
