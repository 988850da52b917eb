#include "ledger/evidence.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "crypt/digest.h"

enum { PIECE = 256 << 10 };

struct copy {
	struct digest *d;
	uint8_t *p;
	uint64_t n;
};

static int
copy_begin(struct copy *c, struct err *e)
{
	*c = (struct copy){.p = malloc(PIECE)};
	return c->p ? digest_new(&c->d, e) : err_set(e, E_NOMEM, "no memory");
}

static void
copy_end(struct copy *c)
{
	digest_free(c->d);
	free(c->p);
}

/* Digest ${in}, and write it to ${out} unless that is -1. */
static int
copy_run(const struct fio *f, struct copy *c, int in, int out, uint64_t max, struct err *e)
{
	for (;;) {
		ssize_t n = fio_pread(f, in, c->p, PIECE, c->n, e);
		int r = 0;

		if (n <= 0)
			return (int)n;
		if ((uint64_t)n > max - c->n)
			return err_set(e, E_LIMIT, "more than %llu bytes of evidence",
			    (unsigned long long)max);
		digest_add(c->d, c->p, (size_t)n);
		if (out >= 0)
			r = fio_pwrite_all(f, out, c->p, (size_t)n, c->n, e);
		if (r < 0)
			return r;
		c->n += (uint64_t)n;
	}
}

static bool
hex_ok(const char *hex)
{
	uint8_t d[DIGEST_LEN];

	if (strlen(hex) != EVIDENCE_HEX - 1 || hex_get(d, sizeof(d), hex) < 0)
		return false;
	return strspn(hex, "0123456789abcdef") == EVIDENCE_HEX - 1;
}

/* Bring the finished temporary file to its place. */
static int
settle(const struct state *st, int dir, const char *tmp, const char *hex, struct err *e)
{
	char sub[3] = {hex[0], hex[1], 0};
	struct err why = {0};
	int to, r = fio_mkdir(st->f, dir, sub, 0700, e);

	if (r == 0)
		r = fio_sync_dir(st->f, dir, NULL, e);
	if (r < 0)
		return r;
	to = fio_open(st->f, dir, sub, O_RDONLY | O_DIRECTORY, 0, e);
	if (to < 0)
		return to;
	r = fio_rename(st->f, dir, tmp, to, hex, false, &why);
	if (r == E_EXIST) { /* the same bytes are kept already, unless what is there was damaged */
		r = evidence_check(st, hex, NULL) == 0
		    ? 0 : fio_rename(st->f, dir, tmp, to, hex, true, &why);
	}
	if (r == 0)
		r = fio_sync_dir(st->f, to, NULL, &why);
	fio_close(st->f, to);
	return r < 0 ? err_set(e, r, "%s", why.msg) : 0;
}

/* What is kept: a file, or bytes. */
struct source {
	int fd; /* -1: the bytes */
	const void *p;
	size_t n;
	uint64_t max;
};

static int
fill(const struct fio *f, struct copy *c, const struct source *s, int out, struct err *e)
{
	if (s->fd >= 0)
		return copy_run(f, c, s->fd, out, s->max, e);
	digest_add(c->d, s->p, s->n);
	return fio_pwrite_all(f, out, s->p, s->n, 0, e);
}

static int
put(const struct state *st, const struct source *s, char hex[EVIDENCE_HEX], struct err *e)
{
	char tmp[32], name[EVIDENCE_HEX];
	uint8_t d[DIGEST_LEN];
	struct copy c;
	int out, r, dir = state_dir(st, "evidence", true, e);

	if (dir < 0)
		return dir;
	(void)snprintf(tmp, sizeof(tmp), ".%08x.tmp", arc4random());
	out = fio_open(st->f, dir, tmp, O_WRONLY | O_CREAT | O_EXCL, 0400, e);
	r = out < 0 ? out : copy_begin(&c, e);
	if (r == 0) {
		r = fill(st->f, &c, s, out, e);
		if (r == 0)
			r = fio_sync(st->f, out, e);
		if (r == 0) {
			digest_end(c.d, d);
			hex_put(name, d, sizeof(d));
			r = settle(st, dir, tmp, name, e);
		}
		copy_end(&c);
	}
	fio_close(st->f, out);
	(void)st->f->unlink_at(st->f->ctx, dir, tmp, false); /* gone already when all went well */
	fio_close(st->f, dir);
	if (r == 0)
		(void)memcpy(hex, name, sizeof(name));
	return r;
}

int
evidence_put_fd(const struct state *st, int fd, uint64_t max, char hex[EVIDENCE_HEX],
    struct err *e)
{
	return put(st, &(struct source){.fd = fd, .max = max}, hex, e);
}

int
evidence_put_bytes(const struct state *st, const void *p, size_t n, char hex[EVIDENCE_HEX],
    struct err *e)
{
	return put(st, &(struct source){.fd = -1, .p = p, .n = n}, hex, e);
}

int
evidence_open(const struct state *st, const char *hex, struct err *e)
{
	char path[EVIDENCE_HEX + 16];

	if (!hex_ok(hex))
		return err_set(e, E_INVAL, "this is not the name of a piece of evidence");
	(void)snprintf(path, sizeof(path), "evidence/%.2s/%s", hex, hex);
	return fio_open(st->f, st->dirfd, path, O_RDONLY, 0, e);
}

int
evidence_check(const struct state *st, const char *hex, struct err *e)
{
	char name[EVIDENCE_HEX];
	uint8_t d[DIGEST_LEN];
	struct copy c;
	int r, fd = evidence_open(st, hex, e);

	if (fd < 0)
		return fd;
	r = copy_begin(&c, e);
	if (r == 0)
		r = copy_run(st->f, &c, fd, -1, UINT64_MAX, e);
	if (r == 0) {
		digest_end(c.d, d);
		hex_put(name, d, sizeof(d));
		if (strcmp(name, hex) != 0)
			r = err_set(e, E_CORRUPT,
			    "evidence %.12s... was changed: its bytes are others", hex);
	}
	copy_end(&c);
	fio_close(st->f, fd);
	return r;
}
