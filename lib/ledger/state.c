#include "ledger/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "crypt/secret.h"

enum { HEX_FILE = 2 * SIGN_SEED_LEN + 1 }; /* a newline at the end */

_Static_assert((int)SIGN_SEED_LEN == (int)SIGN_PUB_LEN, "both files have one form");

int
state_open(const struct fio *f, const char *path, bool create, struct state *ret, struct err *e)
{
	struct state st = {.f = f};
	char inside[PATH_MAX + 2]; /* "PATH/.": the state itself may be a symbolic link */
	size_t n = strlen(path);
	int r;

	if (n == 0 || n >= sizeof(st.path))
		return err_set(e, E_INVAL, "the name of the state directory is empty or too long");
	(void)memcpy(st.path, path, n + 1);
	(void)snprintf(inside, sizeof(inside), "%s/.", path);
	st.dirfd = fio_open(f, AT_FDCWD, inside, O_RDONLY | O_DIRECTORY, 0, e);
	if (st.dirfd == E_NOENT && create) {
		r = fio_mkdirs(f, path, 0700, e);
		if (r < 0)
			return r;
		st.dirfd = fio_open(f, AT_FDCWD, inside, O_RDONLY | O_DIRECTORY, 0, e);
		if (st.dirfd >= 0 && (r = fio_sync_dir(f, st.dirfd, "..", e)) < 0) {
			fio_close(f, st.dirfd);
			return r;
		}
	}
	if (st.dirfd == E_NOENT)
		return err_set(e, E_NOENT, "there is no %s", path);
	if (st.dirfd < 0)
		return st.dirfd;
	*ret = st;
	return 0;
}

void
state_close(struct state *st)
{
	if (!st || !st->f)
		return;
	fio_close(st->f, st->dirfd);
	st->dirfd = -1;
	st->f = NULL;
}

int
state_dir(const struct state *st, const char *name, bool create, struct err *e)
{
	int fd = fio_open(st->f, st->dirfd, name, O_RDONLY | O_DIRECTORY, 0, e);
	int r;

	if (fd != E_NOENT || !create)
		return fd;
	r = fio_mkdir(st->f, st->dirfd, name, 0700, e);
	if (r == 0)
		r = fio_sync_dir(st->f, st->dirfd, NULL, e);
	return r < 0 ? r : fio_open(st->f, st->dirfd, name, O_RDONLY | O_DIRECTORY, 0, e);
}

static int
file_name(char out[NAME_MAX + 1], const char *name, const char *kind, struct err *e)
{
	int n = snprintf(out, NAME_MAX + 1, "%s.%s", name, kind);

	if (n < 0 || n > NAME_MAX || strchr(name, '/'))
		return err_set(e, E_INVAL, "this cannot be the name of a key");
	return 0;
}

/* Read one line of 64 hexadecimal digits; ${hex} is the caller's, so that it can be wiped. */
static int
hex_read(const struct state *st, int dir, const char *file, char hex[HEX_FILE + 1],
    uint8_t out[SIGN_SEED_LEN], struct err *e)
{
	int fd = fio_open(st->f, dir, file, O_RDONLY, 0, e);
	ssize_t n;

	if (fd < 0)
		return e && fd == E_SYS && e->sys == EACCES
		    ? err_set(e, E_AUTH, "the key keys/%s is not readable for this user", file)
		    : fd;
	n = fio_pread(st->f, fd, hex, HEX_FILE + 1, 0, e);
	fio_close(st->f, fd);
	if (n < 0)
		return (int)n;
	if (n != HEX_FILE || hex[HEX_FILE - 1] != '\n')
		return err_set(e, E_CORRUPT, "keys/%s is not a key file", file);
	hex[HEX_FILE - 1] = 0;
	return hex_get(out, SIGN_SEED_LEN, hex) < 0
	    ? err_set(e, E_CORRUPT, "keys/%s is not a key file", file) : 0;
}

struct key_space {
	char hex[HEX_FILE + 1];
	uint8_t seed[SIGN_SEED_LEN];
};

/* seed_at(...): Into k->seed. */
static int
seed_at(const struct state *st, int dir, const char *file, bool create, struct key_space *k,
    struct err *e)
{
	struct err why = {0};
	int r = hex_read(st, dir, file, k->hex, k->seed, &why);

	if (r == E_NOENT && create) {
		random_fill(k->seed, sizeof(k->seed));
		hex_put(k->hex, k->seed, sizeof(k->seed));
		k->hex[HEX_FILE - 1] = '\n';
		r = fio_create(st->f, dir, file, k->hex, HEX_FILE, 0600, &why);
		if (r == E_EXIST) /* another process was first */
			r = hex_read(st, dir, file, k->hex, k->seed, &why);
	}
	return r < 0 ? err_set(e, r, "%s", why.msg) : 0;
}

/* seed_of(...): The bytes of a key; the caller gives them back with secret_free. */
static int
seed_of(const struct state *st, const char *name, bool create, struct key_space **ret,
    struct err *e)
{
	char file[NAME_MAX + 1];
	struct key_space *k;
	int dir, r = file_name(file, name, "key", e);

	if (r < 0)
		return r;
	dir = state_dir(st, "keys", create, e);
	if (dir < 0)
		return dir;
	k = secret_new(sizeof(*k), e);
	r = k ? seed_at(st, dir, file, create, k, e) : E_NOMEM;
	fio_close(st->f, dir);
	if (r < 0) {
		secret_free(k, sizeof(*k));
		return r;
	}
	*ret = k;
	return 0;
}

int
state_signer(const struct state *st, const char *name, bool create, struct signer **ret,
    struct err *e)
{
	struct key_space *k;
	int r = seed_of(st, name, create, &k, e);

	if (r < 0)
		return r;
	r = signer_new(k->seed, ret, e);
	secret_free(k, sizeof(*k));
	return r;
}

int
state_secret(const struct state *st, const char *name, bool create, uint8_t out[SIGN_SEED_LEN],
    struct err *e)
{
	struct key_space *k;
	int r = seed_of(st, name, create, &k, e);

	if (r < 0)
		return r;
	(void)memcpy(out, k->seed, SIGN_SEED_LEN);
	secret_free(k, sizeof(*k));
	return 0;
}

int
state_pub_put(const struct state *st, const char *name, const uint8_t pub[SIGN_PUB_LEN],
    struct err *e)
{
	char file[NAME_MAX + 1], hex[HEX_FILE + 1];
	int dir, r = file_name(file, name, "pub", e);

	if (r < 0)
		return r;
	dir = state_dir(st, "keys", true, e);
	if (dir < 0)
		return dir;
	hex_put(hex, pub, SIGN_PUB_LEN);
	hex[HEX_FILE - 1] = '\n';
	r = fio_replace(st->f, dir, file, hex, HEX_FILE, 0644, e);
	fio_close(st->f, dir);
	return r;
}

int
state_pub_get(const struct state *st, const char *name, uint8_t pub[SIGN_PUB_LEN], struct err *e)
{
	char file[NAME_MAX + 1], hex[HEX_FILE + 1];
	int dir, r = file_name(file, name, "pub", e);

	if (r < 0)
		return r;
	dir = state_dir(st, "keys", false, e);
	if (dir < 0)
		return dir;
	r = hex_read(st, dir, file, hex, pub, e);
	fio_close(st->f, dir);
	return r;
}
