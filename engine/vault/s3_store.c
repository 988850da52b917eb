#include "vault/s3_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vault/s3_int.h"

static void
s3_store_close(struct store *st)
{
	struct s3_store *s =
	    (struct s3_store *)(void *)((char *)st - offsetof(struct s3_store, st));

	if (s->s3)
		s3_lock_save(s);
	s3_close(s->s3);
	s3_walk_free(&s->walk);
	map_free(&s->locks);
	s3_seg_forget_all(s);
	(void)pthread_mutex_destroy(&s->mu);
	free(s);
}

static const struct store_ops ops = {
	.ident = s3_log_ident, .create = s3_log_create, .log_read = s3_log_read,
	.commit = s3_log_commit, .put = s3_seg_put, .stat = s3_seg_stat, .list = s3_seg_list,
	.read = s3_seg_read, .retain = s3_seg_retain, .audit = s3_audit, .close = s3_store_close,
};

/* fit(s3, url, e): Whether the bucket can keep what is given to it. */
static int
fit(struct s3 *s3, const char *url, struct err *e)
{
	struct s3_bucket b;
	int r = s3_bucket(s3, &b, e);

	if (r < 0)
		return r;
	if (!b.versions)
		return err_set(e, E_INVAL,
		    "%s: this bucket keeps no versions, so whoever has the "
		    "login could overwrite the vault; make a new bucket with Object Lock (it "
		    "cannot "
		    "be switched on later in every store) and use that one",
		    url);
	if (!b.locks)
		return err_set(e, E_INVAL,
		    "%s: this bucket keeps no locks (Object Lock), so whoever "
		    "has the login could delete the vault; make a new bucket with Object Lock and "
		    "use that one",
		    url);
	return 0;
}

static int
reach(const struct s3_where *w, const struct s3_login *l, int64_t (*now)(void), struct s3 **ret,
    struct err *e)
{
	struct s3_conf c = {.where = w, .login = l, .now = now};

	return s3_open(&c, ret, e);
}

int
s3_store_open(const char *url, const struct store_env *env, struct store **ret, struct err *e)
{
	struct s3_store *s = calloc(1, sizeof(*s));
	struct s3_login login;
	struct s3_where w;
	int r;

	if (!s)
		return err_set(e, E_NOMEM, "no memory");
	(void)pthread_mutex_init(&s->mu, NULL);
	map_init(&s->segs, 1 << 24);
	map_init(&s->roots, 1 << 24);
	map_init(&s->locks, S3L_MAX_LOCKS);
	s->f = env->f;
	s->statefd = env->statefd;
	s->writing = env->writing;
	r = s3_where_get(url, &w, e);
	if (r == 0)
		r = s3_login_find(&w, env, &login, e);
	if (r == 0)
		r = reach(&w, &login, env->now, &s->s3, e);
	explicit_bzero(&login, sizeof(login));
	if (r == 0 && env->writing)
		r = fit(s->s3, url, e);
	if (r < 0) {
		s3_store_close(&s->st);
		return r;
	}
	(void)snprintf(s->prefix, sizeof(s->prefix), "%s%s", w.prefix, w.prefix[0] ? "/" : "");
	s->st = (struct store){.ops = &ops, .parallel = S3_PARALLEL, .may_read = true,
		.clock_off = env->writing ? s3_skew(s->s3) : 0};
	*ret = &s->st;
	return 0;
}

int
s3_store_check_login(
    const char *url, const void *text, size_t n, int64_t (*now)(void), struct err *e)
{
	struct s3_login l;
	struct s3_where w;
	struct s3 *s3 = NULL;
	int r = s3_where_get(url, &w, e);

	if (r == 0)
		r = s3_login_get(text, n, &l, e);
	if (r == 0)
		r = reach(&w, &l, now, &s3, e);
	explicit_bzero(&l, sizeof(l));
	if (r == 0)
		r = fit(s3, url, e);
	s3_close(s3);
	return r;
}
