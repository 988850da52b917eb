/* Writing one segment: chunks in, a finished file under tmp/ out. One thread at a time. */
#ifndef MAMORI_VAULT_SEGW_H
#define MAMORI_VAULT_SEGW_H

#include "sys/fio.h"
#include "vault/fmt.h"

struct segw;

/* What all segments of a run share. Borrowed by every segw made from it; read-only. */
struct segw_env {
	const struct fio *f;
	int tmpfd;
	uint8_t repo[FMT_ID_LEN];
	const struct seal_pub *recovery;
	uint8_t recipient[8];
	const uint8_t *index_key;
	int level; /* zstd */
	bool passing; /* the file is only on its way elsewhere: no hurry to bring it to the disk */
};

/* segw_new(env, kind, ret, e): Starts a file with a fresh id and data key. E_NOSPC, E_SYS. */
MUST int segw_new(const struct segw_env *env, enum fmt_kind kind, struct segw **ret,
    struct err *e);
/* segw_id / segw_key: Its id; its data key (for the ring). Valid while ${s} lives. */
const uint8_t *segw_id(const struct segw *s);
const uint8_t *segw_key(const struct segw *s);
/* segw_fits(s, n): Whether a chunk of ${n} bytes surely fits. A fresh segment takes any chunk of at
 * most 16 MiB. */
bool segw_fits(const struct segw *s, size_t n);
/* segw_add(s, id, p, n, ret_off, e): Append a chunk; ${ret_off} is its place in the stream. The
 * caller asked segw_fits. */
MUST int segw_add(struct segw *s, const uint8_t id[FMT_CHUNK_ID_LEN], const void *p, size_t n,
    uint32_t *ret_off, struct err *e);
/* segw_off(s): Where the next chunk would lie. */
uint32_t segw_off(const struct segw *s);
/* segw_noise(s): Of the stream so far, bytes that did not compress. Whole groups only: all of it
 * after segw_seal. */
uint32_t segw_noise(const struct segw *s);
/* segw_seal(s, full, rec, e): Write the table, padding, hashes and footer, and describe the result
 * in
 * ${rec}. Not durable yet. ${full}: closed because the next chunk does not fit; then it is padded
 * to the full size when it is near it. */
MUST int segw_seal(struct segw *s, bool full, struct fmt_segment_rec *rec, struct err *e);
/* segw_publish(s, segfd, e): After segw_seal: make the file durable and give it its final name in
 * the directory ${segfd}, which is synced too. */
MUST int segw_publish(struct segw *s, int segfd, struct err *e);
/* segw_fd(s): After segw_seal: the whole file, for sending it elsewhere. */
int segw_fd(const struct segw *s);
/* segw_keep_ends(s, segfd): After it was sent: keep under its name in ${segfd} what a writer needs
 * later (header, table, hashes; the body becomes a hole). Only saves asking again: where the file
 * system has no holes, nothing is kept. */
void segw_keep_ends(struct segw *s, int segfd);
/* segw_free(s): Close; an unpublished file is removed. NULL is fine. */
void segw_free(struct segw *s);

#endif
