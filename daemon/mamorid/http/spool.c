/* Uploads lie in STATE/spool while their request is served, and no longer unless a page keeps them.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "crypt/secret.h"
#include "mamorid/http/console.h"

struct spool {
	struct req *r;
	struct multipart m;
	struct part part;
	struct buf text;    /* of a field */
	uint64_t max, got, fields;
	int fd, dir;
	struct upload *u;
	unsigned char first[512];
	size_t nfirst;
};

static void
new_name(char rel[SPOOL_NAME])
{
	uint8_t rnd[12];
	char hex[2 * sizeof(rnd) + 1];

	random_fill(rnd, sizeof(rnd));
	hex_put(hex, rnd, sizeof(rnd));
	(void)snprintf(rel, SPOOL_NAME, "spool/up-%s", hex);
}

int
spool_put(struct req *r, const void *p, size_t n, char rel[SPOOL_NAME], struct err *e)
{
	new_name(rel);
	return fio_create(r->c->state->f, r->c->state->dirfd, rel, p, n, 0600, e);
}

void
spool_path(const struct req *r, const char *rel, char out[SPOOL_PATH])
{
	(void)snprintf(out, SPOOL_PATH, "%.4000s/%s", r->c->state->path, rel);
}

static int
begin(void *ctx, const struct part *p, struct err *e)
{
	struct spool *s = ctx;
	const struct fio *f = s->r->c->state->f;

	s->part = *p;
	buf_clear(&s->text);
	s->u = NULL;
	if (!p->file)
		return 0;
	if (s->r->uploads.len >= REQ_FILES)
		return err_set(e, E_LIMIT, "too many files at once");
	s->u = vec_add(&s->r->uploads);
	if (!s->u)
		return err_set(e, E_NOMEM, "no memory for an upload");
	new_name(s->u->path);
	(void)snprintf(s->u->field, sizeof(s->u->field), "%s", p->name);
	(void)snprintf(s->u->name, sizeof(s->u->name), "%s", p->filename);
	s->u->type = "application/octet-stream";
	s->nfirst = 0;
	s->fd = fio_open(f, s->dir, s->u->path + strlen("spool/"), O_RDWR | O_CREAT | O_EXCL, 0600,
	    e);
	return s->fd < 0 ? s->fd : 0;
}

static int
data(void *ctx, const void *p, size_t n, struct err *e)
{
	struct spool *s = ctx;
	const struct fio *f = s->r->c->state->f;
	int r;

	if (!s->u) {
		s->fields += n;
		if (s->fields > REQ_BODY)
			return err_set(e, E_LIMIT, "the form's fields are too long");
		return buf_put(&s->text, p, n, e);
	}
	if (s->nfirst < sizeof(s->first)) {
		size_t k = sizeof(s->first) - s->nfirst;

		k = k < n ? k : n;
		(void)memcpy(s->first + s->nfirst, p, k);
		s->nfirst += k;
	}
	r = fio_pwrite_all(f, s->fd, p, n, s->u->size, e);
	if (r == 0)
		s->u->size += n;
	return r;
}

static int
end(void *ctx, struct err *e)
{
	struct spool *s = ctx;

	if (!s->u)
		return form_add(&s->r->form, s->part.name, strlen(s->part.name), s->text.p ?
		    s->text.p : (const unsigned char *)"", s->text.len, e);
	s->u->type = form_sniff(s->first, s->nfirst, s->u->name);
	fio_close(s->r->c->state->f, s->fd);
	s->fd = -1;
	return 0;
}

int
spool_new(struct req *r, const char *content_type, uint64_t max, struct spool **ret,
    struct err *e)
{
	struct spool *s = calloc(1, sizeof(*s));
	struct multipart_ops ops = {.ctx = s, .begin = begin, .data = data, .end = end};
	int rc;

	if (!s)
		return err_set(e, E_NOMEM, "no memory for an upload");
	*s = (struct spool){.r = r, .max = max, .fd = -1, .dir = -1};
	buf_init(&s->text, REQ_BODY);
	rc = multipart_init(&s->m, content_type, &ops, e);
	if (rc == 0 && r->c->uploads >= SPOOL_UPLOADS)
		rc = err_set(e, E_BUSY, "too many uploads at once");
	if (rc == 0) {
		s->dir = state_dir(r->c->state, "spool", true, e);
		rc = s->dir < 0 ? s->dir : 0;
	}
	r->c->uploads++;
	if (rc < 0) {
		spool_free(s);
		return rc;
	}
	*ret = s;
	return 0;
}

int
spool_feed(struct spool *s, const void *p, size_t n, struct err *e)
{
	s->got += n;
	if (s->got > s->max)
		return err_set(e, E_LIMIT, "the upload is too large");
	return multipart_feed(&s->m, p, n, e);
}

int
spool_end(struct spool *s, struct err *e)
{
	return multipart_end(&s->m, e);
}

void
spool_free(struct spool *s)
{
	if (!s)
		return;
	s->r->c->uploads--;
	fio_close(s->r->c->state->f, s->fd);
	fio_close(s->r->c->state->f, s->dir);
	buf_free(&s->text);
	multipart_free(&s->m);
	free(s);
}

void
spool_drop(struct req *r)
{
	const struct fio *f = r->c->state ? r->c->state->f : NULL;

	for (size_t i = 0; f && i < r->uploads.len; i++) {
		const struct upload *u = VEC_AT(&r->uploads, struct upload, i);

		if (!u->kept)
			(void)fio_unlink(f, r->c->state->dirfd, u->path, NULL);
	}
}

void
upload_keep(struct upload *u)
{
	u->kept = true;
}

/* needed(db, name): Whether a task still reads an upload. What is to be imported waits for a word
 * after its trial, until that is forgotten; a key is needed only while its command may run. */
static bool
needed(struct db *db, const char *name)
{
	char like[300];
	int64_t n = 0;

	(void)snprintf(like, sizeof(like), "%%/spool/%.255s\"%%", name);
	return db_i64(db, "SELECT count(*) FROM tasks WHERE argv LIKE $1 AND (ended IS NULL OR "
	    "(expires > 0 AND argv NOT LIKE '%\"--approver-key\"%'))", &n, "s", NULL, like) < 0 ||
	    n > 0;
}

static bool
stale(struct db *db, const char *name, const struct stat *st, int64_t now)
{
	int64_t age = now / TIME_SEC - st->st_mtime;

	if (strncmp(name, "up-", 3) == 0)
		return age > 3600 && !needed(db, name);
	return age > INT64_C(40) * 86400;
}

void
spool_sweep(const struct state *state, struct db *db, int64_t now)
{
	int fd = state_dir(state, "spool", true, NULL);
	DIR *d = fd < 0 ? NULL : fdopendir(dup(fd));
	const struct dirent *x;
	struct stat st;

	while (d && (x = readdir(d)))
		if (x->d_name[0] != '.' && fstatat(fd, x->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode) && stale(db, x->d_name, &st, now))
			(void)fio_unlink(state->f, fd, x->d_name, NULL);
	if (d)
		(void)closedir(d);
	fio_close(state->f, fd);
}
