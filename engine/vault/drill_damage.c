/* What the drill does to its own copy. Reached through the guard alone; see drill_int.h.
 *
 * Kinds of damage as ransomware is known to do it: contents encrypted where they stand, with and
 * without another extension; only the head encrypted; an encrypted copy written beside and the
 * original deleted; files cut short; files deleted; a note in each folder. The key is made from the
 * token in the marker, which stays beside the copy, so that no run can cost anybody anything. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypt/aead.h"
#include "vault/drill_int.h"

enum { BLOCK = 1 << 20, HEAD = 64 << 10 };

struct damage {
	struct guard *g;
	struct aead *key;
	uint64_t seed, files;
	uint8_t *in, *out;
};

static const char note[] =
    "これは Mamori の訓練です。壊したのは訓練用の写しだけです。元のデータは無事です。\n"
    "This is a drill by Mamori. Only a copy made for it was damaged. The data itself is safe.\n";

int
damage_new(struct guard *g, uint64_t seed, struct damage **ret, struct err *e)
{
	static const char label[] = "mamori drill, not a secret";
	struct damage *d = calloc(1, sizeof(*d));
	struct iovec v[2] = {{.iov_base = (void *)(uintptr_t)label, .iov_len = sizeof(label) - 1},
	    {.iov_base = g->token, .iov_len = strlen(g->token)}};
	uint8_t key[DIGEST_LEN];
	int r = 0;

	if (d) {
		d->in = malloc(BLOCK);
		d->out = malloc(BLOCK + AEAD_TAG_LEN);
	}
	if (!d || !d->in || !d->out)
		r = err_set(e, E_NOMEM, "no memory");
	digest_sha256v(v, 2, key);
	if (r == 0)
		r = aead_new(key, &d->key, e);
	if (r < 0) {
		damage_free(d);
		return r;
	}
	d->g = g;
	d->seed = seed;
	*ret = d;
	return 0;
}

void
damage_free(struct damage *d)
{
	if (!d)
		return;
	aead_free(d->key);
	free(d->in);
	free(d->out);
	free(d);
}

static uint64_t
choice(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

/* scramble(d, from, to, max, e): Encrypt up to ${max} bytes; ${from} and ${to} may be the same. */
static int
scramble(struct damage *d, int from, int to, uint64_t max, struct err *e)
{
	uint8_t nonce[AEAD_NONCE_LEN];

	for (uint64_t off = 0, i = 0; off < max; off += BLOCK, i++) {
		size_t want = max - off < BLOCK ? (size_t)(max - off) : BLOCK;
		ssize_t n = fio_pread(d->g->f, from, d->in, want, off, e);
		int r;

		if (n <= 0)
			return (int)n;
		aead_nonce(nonce, d->files << 32 | i);
		r = aead_seal(d->key, nonce, NULL, 0, d->in, (size_t)n, d->out, e);
		if (r == 0)
			r = fio_pwrite_all(d->g->f, to, d->out, (size_t)n, off, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int
in_place(struct damage *d, const char *path, uint64_t max, struct err *e)
{
	int r, fd = guard_open(d->g, path, e);

	if (fd < 0)
		return fd;
	r = scramble(d, fd, fd, max, e);
	fio_close(d->g->f, fd);
	return r;
}

static int
cut_short(struct damage *d, const char *path, struct err *e)
{
	struct stat st;
	int r, fd = guard_open(d->g, path, e);

	if (fd < 0)
		return fd;
	r = fstat(fd, &st) < 0 ? err_sys(e, "%s", path) :
				 fio_truncate(d->g->f, fd, (uint64_t)st.st_size / 3, e);
	fio_close(d->g->f, fd);
	return r;
}

/* beside(d, path, locked, e): An encrypted copy, then the original is deleted. */
static int
beside(struct damage *d, const char *path, const char *locked, struct err *e)
{
	int from, to, r;

	from = guard_open(d->g, path, e);
	if (from < 0)
		return from;
	to = guard_make(d->g, locked, e);
	r = to < 0 ? to : scramble(d, from, to, UINT64_MAX, e);
	fio_close(d->g->f, from);
	if (to >= 0)
		fio_close(d->g->f, to);
	return r < 0 ? r : guard_unlink(d->g, path, e);
}

static int
by_kind(struct damage *d, const char *path, const char *locked, const char *leaf, unsigned kind,
    struct err *e)
{
	int r;

	if (kind < 55) {
		r = in_place(d, path, UINT64_MAX, e);
		return r < 0 || kind >= 45 ? r : guard_rename(d->g, path, leaf, e);
	}
	if (kind < 70)
		return in_place(d, path, HEAD, e);
	if (kind < 85)
		return beside(d, path, locked, e);
	if (kind < 95)
		return cut_short(d, path, e);
	return guard_unlink(d->g, path, e);
}

int
damage_file(struct damage *d, const char *path, struct err *e)
{
	char locked[4096 + sizeof(DRILL_EXTENSION)];
	const char *leaf;
	struct stat st;
	unsigned kind;
	int fd, r;

	d->files++;
	fd = guard_open(d->g, path, e);
	if (fd < 0)
		return fd;
	r = fstat(fd, &st);
	fio_close(d->g->f, fd);
	if (r < 0)
		return err_sys(e, "%s", path);
	if (strlen(path) >= 4096)
		return 0;
	kind = (unsigned)(choice(d->seed + d->files) % 100);
	if (st.st_size == 0)
		kind = 99; /* nothing to encrypt: deleted */
	(void)memcpy(locked, path, strlen(path));
	(void)memcpy(locked + strlen(path), DRILL_EXTENSION, sizeof(DRILL_EXTENSION));
	leaf = strrchr(locked, '/') ? strrchr(locked, '/') + 1 : locked;
	if (kind < 85 && strlen(leaf) > TREE_MAX_NAME)
		kind = 60; /* no room for the extension: only the head */
	r = by_kind(d, path, locked, leaf, kind, e);
	return r < 0 ? r : 1;
}

int
damage_note(struct damage *d, const char *dir, struct err *e)
{
	struct buf path;
	int fd, r;

	buf_init(&path, 8192);
	r = buf_fmt(&path, e, "%s/%s", dir, DRILL_NOTE);
	if (r == 0)
		r = buf_u8(&path, 0, e);
	if (r == 0) {
		fd = guard_make(d->g, (const char *)path.p, e);
		r = fd < 0 ? fd : fio_pwrite_all(d->g->f, fd, note, sizeof(note) - 1, 0, e);
		if (fd >= 0)
			fio_close(d->g->f, fd);
	}
	buf_free(&path);
	return r;
}
