#include "cli/vault_where.h"

#include <dirent.h>
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

/* usable(statefd, id, ret): Reads one `where`; true when that repository is really there. */
static bool
usable(int statefd, const char *id, struct buf *ret)
{
	char name[64], hex[2 * FMT_ID_LEN + 1];
	struct vault_ident found;

	if (strlen(id) != 2 * FMT_ID_LEN)
		return false;
	(void)snprintf(name, sizeof(name), "vault/%.40s/where", id);
	buf_clear(ret);
	if (fio_slurp(fio_os(), statefd, name, ret, NULL) < 0 || ret->len == 0)
		return false;
	ret->p[ret->len - 1] = 0; /* the newline */
	if (vault_is_address((const char *)ret->p))
		return true; /* whether it can be reached is seen when it is used */
	if (vault_identify(fio_os(), (const char *)ret->p, &found, NULL) < 0)
		return false;
	hex_put(hex, found.repo, FMT_ID_LEN);
	return strcmp(hex, id) == 0;
}

int
vault_where_get(int statefd, struct buf *ret, struct err *e)
{
	int fd = openat(statefd, "vault", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *en;
	struct buf one;
	unsigned known = 0, there = 0;
	int r = 0;

	buf_init(&one, 8192);
	while (d && r == 0 && (en = readdir(d)) != NULL) {
		known += strlen(en->d_name) == 2 * FMT_ID_LEN;
		if (!usable(statefd, en->d_name, &one))
			continue;
		there++;
		buf_clear(ret);
		r = buf_put(ret, one.p, one.len, e);
	}
	if (d)
		(void)closedir(d);
	buf_free(&one);
	if (r < 0)
		return r;
	if (there > 1)
		return err_set(
		    e, E_INVAL, "this machine knows several vaults; say which: --repo REPO");
	if (there == 1)
		return 0;
	return known ? err_set(e, E_NOENT, "the vault that this machine knows is not there now; "
				  "connect it, or say where it is: --repo REPO") :
		       err_set(e, E_NOENT, "this machine knows no vault yet: mamori vault init");
}
