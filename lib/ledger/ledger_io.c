#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ledger/ledger_int.h"

/* A medium that cannot be written can still be read. */
static bool
read_only(const struct err *e)
{
	return e->code == E_SYS && (e->sys == EACCES || e->sys == EROFS || e->sys == EPERM);
}

static int
open_files(struct ledger *l, int dirfd, const char *name, bool writing, struct err *e)
{
	struct err why;
	int mode = writing ? O_RDWR : O_RDONLY;

	l->dir = fio_open(l->f, dirfd, name, O_RDONLY | O_DIRECTORY, 0, e);
	if (l->dir < 0)
		return l->dir;
	l->log = fio_open(l->f, l->dir, "log", mode, 0, &why);
	if (l->log < 0 && writing && read_only(&why)) {
		mode = O_RDONLY;
		l->log = fio_open(l->f, l->dir, "log", mode, 0, &why);
	}
	if (l->log < 0)
		return why.code == E_NOENT ? err_set(e, E_CORRUPT, "the log file is missing")
					   : err_set(e, why.code, "%s", why.msg);
	l->head = fio_open(l->f, l->dir, "head", mode, 0, &why);
	if (l->head < 0 && mode == O_RDWR && read_only(&why)) {
		mode = O_RDONLY;
		l->head = fio_open(l->f, l->dir, "head", mode, 0, &why);
	}
	l->seen.missing = l->head < 0 && why.code == E_NOENT;
	if (l->head < 0 && !l->seen.missing)
		return err_set(e, why.code, "%s", why.msg);
	l->writable = mode == O_RDWR;
	return 0;
}

int
ledger_io_open(const struct fio *f, int dirfd, const char *name, bool writing,
    struct ledger **ret, struct err *e)
{
	struct ledger *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return err_set(e, E_NOMEM, "no memory");
	l->f = f;
	l->dir = l->log = l->head = -1;
	buf_init(&l->genesis, LEDGER_MAX_PAYLOAD);
	vec_init(&l->keys, sizeof(struct ledger_pub), LEDGER_MAX_KEYS);
	vec_init(&l->marks, sizeof(struct ledger_mark), LEDGER_MAX_MARKS);
	l->win.p = malloc(LEDGER_WINDOW);
	r = l->win.p ? digest_new(&l->digest, e) : err_set(e, E_NOMEM, "no memory");
	if (r == 0)
		r = open_files(l, dirfd, name, writing, e);
	if (r < 0) {
		ledger_io_close(l);
		return r;
	}
	*ret = l;
	return 0;
}

void
ledger_io_close(struct ledger *l)
{
	if (!l)
		return;
	fio_close(l->f, l->head);
	fio_close(l->f, l->log);
	fio_close(l->f, l->dir);
	buf_free(&l->genesis);
	vec_free(&l->keys);
	vec_free(&l->marks);
	free(l->seen.ring);
	free(l->win.p);
	digest_free(l->digest);
	free(l);
}

int
ledger_io_lock(struct ledger *l, short type, struct err *e)
{
	struct flock fl = {.l_type = type, .l_whence = SEEK_SET};

	if (l->held)
		return 0;
	while (fcntl(l->log, F_OFD_SETLKW, &fl) < 0) {
		if (errno == EINTR)
			continue;
		/* a medium that knows no locks has no writers either, as far as a reader can know
		 */
		if (!l->writable && type == F_RDLCK && (errno == ENOLCK || errno == EOPNOTSUPP))
			return 0;
		return err_sys(e, "cannot lock the log");
	}
	return 0;
}

void
ledger_io_unlock(struct ledger *l)
{
	struct flock fl = {.l_type = F_UNLCK, .l_whence = SEEK_SET};

	if (l->held)
		return;
	(void)fcntl(l->log, F_OFD_SETLK, &fl); /* dropping a lock that is held cannot fail */
}

int
ledger_io_size(struct ledger *l, uint64_t *ret, struct err *e)
{
	struct stat st;

	if (fstat(l->log, &st) < 0)
		return err_sys(e, "cannot look at the log");
	if (!S_ISREG(st.st_mode))
		return err_set(e, E_PROTO, "the log is not a regular file");
	if (st.st_nlink == 0) {
		l->bad_seq = l->tail.seq;
		return err_set(e, E_CORRUPT, "the log was removed while it was in use");
	}
	*ret = (uint64_t)st.st_size;
	return 0;
}

int
ledger_io_view(struct ledger *l, struct ledger_win *w, uint64_t off, size_t n, uint64_t limit,
    const uint8_t **ret, size_t *ret_have, struct err *e)
{
	size_t have;

	if (off >= limit)
		n = 0;
	else if (n > limit - off)
		n = (size_t)(limit - off);
	if (off < w->off || off + n > w->off + w->len) {
		size_t want = limit - off > LEDGER_WINDOW ? LEDGER_WINDOW : (size_t)(limit - off);
		ssize_t got;

		w->len = 0; /* nothing to be trusted if the read fails half-way */
		got = n == 0 ? 0 : fio_pread(l->f, l->log, w->p, want, off, e);
		if (got < 0)
			return (int)got;
		w->off = off;
		w->len = (size_t)got;
	}
	have = (size_t)(w->off + w->len - off);
	*ret_have = have < n ? have : n;
	*ret = w->p + (off - w->off);
	return 0;
}

int
ledger_io_header(struct ledger *l, struct err *e)
{
	uint8_t raw[LEDGER_FMT_HEADER];
	ssize_t n = fio_pread(l->f, l->log, raw, sizeof(raw), 0, e);
	int r;

	if (n < 0)
		return (int)n;
	r = ledger_fmt_header_get(raw, (size_t)n, l->id, e);
	if (r < 0)
		return r;
	digest_sha256(raw, sizeof(raw), l->header_hash);
	(void)memcpy(l->tail.hash, l->header_hash, LEDGER_HASH_LEN);
	l->tail.end = LEDGER_FMT_HEADER;
	return 0;
}

int
ledger_io_head(struct ledger *l, struct err *e)
{
	struct ledger_seen *seen = &l->seen;
	uint8_t raw[LEDGER_FMT_HEAD_FILE + 1];
	ssize_t n;

	if (seen->missing)
		return 0;
	(void)memset(raw, 0, sizeof(raw));
	n = fio_pread(l->f, l->head, raw, sizeof(raw), 0, e);
	if (n < 0)
		return (int)n;
	(void)memcpy(seen->raw, raw, sizeof(seen->raw));
	seen->known = 0;
	seen->cut = n != LEDGER_FMT_HEAD_FILE;
	for (int i = 0; i < LEDGER_FMT_SLOTS; i++) {
		struct ledger_fmt_slot s;

		seen->judged[i] = false;
		seen->state[i] = ledger_fmt_slot_get(raw + i * LEDGER_FMT_SLOT, &s);
		if (seen->cut ||
		    (seen->state[i] == 1 &&
			(s.seq % LEDGER_FMT_SLOTS != (uint64_t)i ||
			    memcmp(s.id, l->id, sizeof(s.id)) != 0)))
			seen->state[i] = E_CORRUPT;
		if (seen->state[i] != 1 || s.seq + 1 <= seen->known)
			continue;
		seen->known = s.seq + 1;
		seen->best = s;
	}
	return 0;
}
