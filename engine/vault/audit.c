#include "vault/keep_int.h"
#include "vault/remote.h"
#include "vault/repo_int.h"

/* here(f, path, fn, cookie, e): What the box that holds it noted. */
static int
here(const struct fio *f, const char *path, vault_odd_fn *fn, void *cookie, struct err *e)
{
	struct repo *repo = NULL;
	int r = repo_open(f, path, &repo, e);

	if (r < 0)
		return r;
	r = repo_keep(repo, e);
	if (r >= 0 && repo->keep)
		r = keep_traces(repo->keep, repo, fn, cookie, e);
	repo_close(repo);
	return r;
}

int
vault_audit(const struct fio *f, const char *path, const struct vault_place *pl, vault_odd_fn *fn,
    void *cookie, struct err *e)
{
	struct store *st = NULL;
	int r;

	if (!vault_is_address(path))
		return here(f, path, fn, cookie, e);
	if (!remote_scheme(pl, path))
		return 0;
	r = remote_reach(f, path, pl, false, &st, e);
	if (r < 0)
		return r;
	if (st->ops->audit)
		r = st->ops->audit(st, fn, cookie, e);
	st->ops->close(st);
	return r;
}

int
vault_clock_off(const struct fio *f, const char *repo, const struct vault_place *pl, int64_t *ret,
    struct err *e)
{
	struct store *st = NULL;
	int r = remote_reach(f, repo, pl, true, &st, e);

	if (r == E_AUTH) /* one that may only read can tell as well */
		r = remote_reach(f, repo, pl, false, &st, e);
	if (r < 0)
		return r;
	*ret = st->clock_off;
	st->ops->close(st);
	return 0;
}
