/* A repository that lies elsewhere, seen from here: its mirror, and how to add and read. Private to
 * vault. store.h tells what a place is. */
#ifndef MAMORI_VAULT_REMOTE_H
#define MAMORI_VAULT_REMOTE_H

#include "vault/repo_int.h"
#include "vault/store.h"

struct remote;

/* remote_scheme(place, path): Which kind of address ${path} is; NULL: none that is known here. */
const struct store_scheme *remote_scheme(const struct vault_place *pl, const char *path);
/* remote_reach(f, path, place, writing, ret, e): Reach the place of an address. E_INVAL: this
 * program knows no such kind of address. */
MUST int remote_reach(const struct fio *f, const char *path, const struct vault_place *pl,
    bool writing, struct store **ret, struct err *e);

struct remote_how {
	bool writing;
	bool fresh; /* do not use or touch the kept mirror: fetch all of the log into a passing one
		     */
};
/* remote_open(f, path, place, how, ret, ret_fd, e): Reach it and bring the mirror up to date; its
 * directory, laid out like a repository, is ${ret_fd} (the caller's). Without a state directory the
 * mirror is a passing one. E_CORRUPT: the place's log is not the one that was seen here before. */
MUST int remote_open(const struct fio *f, const char *path, const struct vault_place *pl,
    const struct remote_how *how, struct remote **ret, int *ret_fd, struct err *e);
void remote_close(struct remote *m); /* NULL is fine */
struct store *remote_store(struct remote *m);

/* remote_sync(m, log, e): Take into the mirror's open log what others added. */
MUST int remote_sync(struct remote *m, struct ledger *log, struct err *e);
/* remote_append(m, log, s, type, payload, n, now, ret, e): As ledger_append, for the place and the
 * mirror's log together. For several threads. */
struct remote_rec {
	uint16_t type;
	const void *payload;
	size_t n;
	int64_t now;
};
MUST int remote_append(struct remote *m, struct ledger *log, struct signer *s,
    const struct remote_rec *rec, struct ledger_head *ret, struct err *e);

/* remote_learn(m, e): Ask which segments the place holds; remote_has then knows. */
MUST int remote_learn(struct remote *m, struct err *e);
/* remote_has(m, id, size): Whether the place holds a segment of that size. True before
 * remote_learn: reading will tell. */
bool remote_has(struct remote *m, const uint8_t id[FMT_ID_LEN], uint64_t size);
/* remote_note(m, id, size, e): It now does. */
MUST int remote_note(struct remote *m, const uint8_t id[FMT_ID_LEN], uint64_t size, struct err *e);

/* remote_pread(m, id, size, off, p, n, e): Read a segment of ${size} bytes, through a cache and
 * reading ahead. For several threads. As store_ops.read. */
MUST int remote_pread(struct remote *m, const uint8_t id[FMT_ID_LEN], uint64_t size, uint64_t off,
    void *p, size_t n, struct err *e);
/* remote_ahead(m, id, size): It will be wanted soon: begin with its ends. Only a hint. */
void remote_ahead(struct remote *m, const uint8_t id[FMT_ID_LEN], uint64_t size);
/* remote_eager(m): Everything will be read once, in about the order of the log (a restore). */
void remote_eager(struct remote *m);

/* ---- inside remote*.c ---- */

struct rcache;
MUST int rcache_new(struct store *st, struct rcache **ret, struct err *e);
void rcache_free(struct rcache *c);
MUST int rcache_read(struct rcache *c, const uint8_t id[FMT_ID_LEN], uint64_t size, uint64_t off,
    void *p, size_t n, struct err *e);
void rcache_ahead(struct rcache *c, const uint8_t id[FMT_ID_LEN], uint64_t size);
void rcache_eager(struct rcache *c);

#endif
