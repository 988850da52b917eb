/* Where the login of an object store comes from, and where it is kept. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vault/s3_int.h"

enum { LOGIN = 8192 };

/* wiped(b): A login does not stay in freed memory. */
static void
wiped(struct buf *b)
{
	if (b->p)
		explicit_bzero(b->p, b->cap);
	buf_free(b);
}

static void
kept_name(const struct s3_where *w, char out[400])
{
	(void)snprintf(out, 400, "keys/s3/%s_%s", w->host, w->bucket);
	for (char *c = out + strlen("keys/s3/"); *c; c++)
		if (*c == ':' || *c == '[' || *c == ']')
			*c = '-';
}

static int
from_file(const struct fio *f, int dirfd, const char *path, struct s3_login *ret, struct err *e)
{
	struct buf AUTO(wiped) b = {0};
	int r;

	buf_init(&b, LOGIN);
	r = fio_slurp(f, dirfd, path, &b, e);
	if (r == 0)
		r = s3_login_get(b.p, b.len, ret, e);
	return r < 0 && e ? err_wrap(e, "%s", path) : r;
}

static int
from_env(struct s3_login *ret, struct err *e)
{
	const char *a = getenv("AWS_ACCESS_KEY_ID"), *k = getenv("AWS_SECRET_ACCESS_KEY");
	const char *t = getenv("AWS_SESSION_TOKEN"), *region = getenv("AWS_REGION");
	struct buf AUTO(wiped) b = {0};
	int r;

	if (!a || !k)
		return E_NOENT;
	buf_init(&b, LOGIN);
	r = buf_fmt(&b, e, "access-key: %s\nsecret-key: %s\n", a, k);
	if (r == 0 && t && *t)
		r = buf_fmt(&b, e, "token: %s\n", t);
	if (r == 0 && region && *region)
		r = buf_fmt(&b, e, "region: %s\n", region);
	return r < 0 ? r : s3_login_get(b.p, b.len, ret, e);
}

int
s3_login_find(const struct s3_where *w, const struct store_env *env, struct s3_login *ret,
    struct err *e)
{
	const char *file = getenv("MAMORI_S3_LOGIN");
	char name[400];
	int r = E_NOENT;

	if (file && *file)
		return from_file(env->f, AT_FDCWD, file, ret, e);
	kept_name(w, name);
	if (env->statefd >= 0)
		r = from_file(env->f, env->statefd, name, ret, e);
	if (r == E_NOENT)
		r = from_env(ret, e);
	if (r == E_NOENT)
		r = err_set(e, E_AUTH,
		    "%s/%s: there is no login for this store here; keep one with "
		    "'mamori vault login', or name a file in MAMORI_S3_LOGIN",
		    w->host, w->bucket);
	return r;
}

int
s3_store_keep_login(const struct fio *f, int statefd, const char *url, const void *text, size_t n,
    struct err *e)
{
	struct s3_login l;
	struct s3_where w;
	char name[400];
	int r = s3_where_get(url, &w, e);

	if (r == 0)
		r = s3_login_get(text, n, &l, e);
	explicit_bzero(&l, sizeof(l));
	if (r == 0)
		r = fio_mkdir(f, statefd, "keys", 0700, e);
	if (r == 0)
		r = fio_mkdir(f, statefd, "keys/s3", 0700, e);
	kept_name(&w, name);
	return r < 0 ? r : fio_replace(f, statefd, name, text, n, 0600, e);
}
