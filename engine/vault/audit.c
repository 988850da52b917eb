#include "vault/remote.h"

int
vault_audit(const struct fio *f, const char *path, const struct vault_place *pl, vault_odd_fn *fn,
    void *cookie, struct err *e)
{
	struct store *st = NULL;
	int r;

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
