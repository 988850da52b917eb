#include "cli/vault_where.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"

int
vault_where_put(int statefd, const struct vault_ident *id, const char *repo, struct err *e)
{
	char hex[2 * FMT_ID_LEN + 1], name[sizeof("vault//where") + sizeof(hex)];
	char *real = vault_is_address(repo) ? strdup(repo) : realpath(repo, NULL);
	struct buf text;
	int r;

	if (!real)
		return err_sys(e, "%s", repo);
	hex_put(hex, id->repo, FMT_ID_LEN);
	(void)snprintf(name, sizeof(name), "vault/%s/where", hex);
	buf_init(&text, 8192);
	r = buf_fmt(&text, e, "%s\n", real);
	if (r == 0)
		r = fio_replace(fio_os(), statefd, name, text.p, text.len, 0600, e);
	buf_free(&text);
	free(real);
	return r;
}

/* read_one(statefd, id, ret): Its `where`, NUL-terminated; NULL: there is none that can be read. */
static const char *
read_one(int statefd, const char *id, struct buf *ret)
{
	char name[64];

	(void)snprintf(name, sizeof(name), "vault/%.40s/where", id);
	buf_clear(ret);
	if (fio_slurp(fio_os(), statefd, name, ret, NULL) < 0 || ret->len < 2)
		return NULL;
	ret->p[ret->len - 1] = 0; /* the newline */
	return (const char *)ret->p;
}

int
vault_where_each(int statefd, vault_where_fn *fn, void *cookie, struct err *e)
{
	int fd = openat(statefd, "vault", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct buf AUTO(buf_free) one = {0};
	struct dirent *en;
	int r = 0;

	if (!d && fd < 0 && errno == ENOENT)
		return 0;
	if (!d) {
		r = err_sys(e, "vault");
		if (fd >= 0)
			(void)close(fd);
		return r;
	}
	buf_init(&one, 8192);
	while (r == 0 && (en = readdir(d)) != NULL)
		if (strlen(en->d_name) == 2 * FMT_ID_LEN)
			r = fn(en->d_name, read_one(statefd, en->d_name, &one), cookie, e);
	(void)closedir(d);
	return r;
}

struct only {
	struct buf *ret;
	unsigned known, there;
};

/* usable(id, where): Whether that repository is really there. */
static bool
usable(const char *id, const char *where)
{
	char hex[2 * FMT_ID_LEN + 1];
	struct vault_ident found;

	if (vault_is_address(where))
		return true; /* whether it can be reached is seen when it is used */
	if (vault_identify(fio_os(), where, &found, NULL) < 0)
		return false;
	hex_put(hex, found.repo, FMT_ID_LEN);
	return strcmp(hex, id) == 0;
}

static int
on_only(const char *id, const char *where, void *cookie, struct err *e)
{
	struct only *o = cookie;

	o->known++;
	if (!where || !usable(id, where))
		return 0;
	o->there++;
	buf_clear(o->ret);
	return buf_put(o->ret, where, strlen(where) + 1, e);
}

int
vault_where_get(int statefd, struct buf *ret, struct err *e)
{
	struct only o = {.ret = ret};
	int r = vault_where_each(statefd, on_only, &o, e);

	if (r < 0)
		return r;
	if (o.there > 1)
		return err_set(
		    e, E_INVAL, "this machine knows several vaults; say which: --repo REPO");
	if (o.there == 1)
		return 0;
	return o.known ? err_set(e, E_NOENT, "the vault that this machine knows is not there now; "
				  "connect it, or say where it is: --repo REPO") :
		       err_set(e, E_NOENT, "this machine knows no vault yet: mamori vault init");
}
