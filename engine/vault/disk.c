/* A container on a disk: chunks, heads, keys. */
#include "vault/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "crypt/secret.h"
#include "vault/disk_int.h"

static const char key_magic[8] = {'M', 'M', 'R', 'I', 'D', 'S', 'K', '1'};

/* ---- sealed files of one size ---- */

/* sealer(d, salt, what, no, ret, aad, e): The key of one file: it exists for this salt only. */
enum { AAD = DISK_ID_LEN + 4 + 8 };

static int
sealer(const struct disk *d, const uint8_t salt[DISK_SALT], const char what[4], uint64_t no,
    uint8_t aad[AAD], struct aead **ret, struct err *e)
{
	uint8_t key[AEAD_KEY_LEN];
	int r = kdf_hkdf(d->key, DISK_KEY_LEN, salt, DISK_SALT, "mamori disk v1", key, sizeof(key),
	    e);

	if (r == 0)
		r = aead_new(key, ret, e);
	explicit_bzero(key, sizeof(key));
	(void)memcpy(aad, d->id, DISK_ID_LEN);
	(void)memcpy(aad + DISK_ID_LEN, what, 4);
	le64_put(aad + DISK_ID_LEN + 4, no);
	return r;
}

/* One time for all: when a file was written is nobody's business. Some file systems keep none. */
static void
undated(const struct disk *d, const char *path)
{
	static const struct timespec when[2] = {{.tv_sec = 946684800}, {.tv_sec = 946684800}};

	(void)utimensat(d->fd, path, when, 0);
}

/* put(d, path, what, no, plain, n, e): Seal ${n} bytes into a file of n + 48, with a fixed time. */
static int
put(struct disk *d, const char *path, const char what[4], uint64_t no, const uint8_t *plain,
    size_t n, struct err *e)
{
	uint8_t aad[AAD], nonce[AEAD_NONCE_LEN];
	struct aead *a = NULL;
	int r;

	random_fill(d->raw, DISK_SALT);
	aead_nonce(nonce, 0);
	r = sealer(d, d->raw, what, no, aad, &a, e);
	if (r == 0)
		r = aead_seal(a, nonce, aad, sizeof(aad), plain, n, d->raw + DISK_SALT, e);
	aead_free(a);
	if (r == 0)
		r = fio_replace(d->f, d->fd, path, d->raw, n + DISK_SALT + AEAD_TAG_LEN, 0600, e);
	if (r == 0)
		undated(d, path);
	return r;
}

static int
get(struct disk *d, const char *path, const char what[4], uint64_t no, uint8_t *plain, size_t n,
    struct err *e)
{
	uint8_t aad[AAD], nonce[AEAD_NONCE_LEN];
	struct aead *a = NULL;
	struct stat st;
	int fd = fio_open(d->f, d->fd, path, O_RDONLY, 0, e);
	int r = fd < 0 ? fd : 0;

	if (r == 0 && (fstat(fd, &st) < 0 ||
	    (uint64_t)st.st_size != n + DISK_SALT + AEAD_TAG_LEN))
		r = err_set(e, E_CORRUPT, "%s: not of its size", path);
	if (r == 0) {
		/* from the disk, not from memory */
		(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		r = fio_pread_all(d->f, fd, d->raw, n + DISK_SALT + AEAD_TAG_LEN, 0, e);
	}
	fio_close(d->f, fd);
	aead_nonce(nonce, 0);
	if (r == 0)
		r = sealer(d, d->raw, what, no, aad, &a, e);
	if (r == 0)
		r = aead_open(a, nonce, aad, sizeof(aad), d->raw + DISK_SALT, n + AEAD_TAG_LEN,
		    plain, e);
	aead_free(a);
	return r;
}

static void
chunk_path(uint64_t no, char out[40])
{
	(void)snprintf(out, 40, "c%03llu/%03llu", (unsigned long long)(no / DISK_DIR_CHUNKS),
	    (unsigned long long)(no % DISK_DIR_CHUNKS));
}

/* ---- the key ---- */

int
disk_new(const struct fio *f, int fd, struct disk **ret, struct err *e)
{
	struct disk *d = calloc(1, sizeof(*d));

	if (!d) {
		fio_close(f, fd);
		return err_set(e, E_NOMEM, "no memory");
	}
	d->f = f;
	d->fd = fd;
	d->key = secret_new(DISK_KEY_LEN, e);
	d->wbuf = malloc(DISK_ROOM);
	d->rbuf = malloc(DISK_ROOM);
	d->raw = malloc(DISK_CHUNK);
	if (!d->key || !d->wbuf || !d->rbuf || !d->raw) {
		disk_free(d);
		return err_set(e, E_NOMEM, "no memory");
	}
	*ret = d;
	return 0;
}

void
disk_free(struct disk *d)
{
	if (!d)
		return;
	fio_close(d->f, d->fd);
	secret_free(d->key, DISK_KEY_LEN);
	free(d->wbuf);
	free(d->rbuf);
	free(d->raw);
	free(d);
}

/* k: magic | id | key sealed to the recovery point | salt, key sealed under the carry key | random.
 */
enum { K_SEAL = 8 + DISK_ID_LEN, K_CARRY = K_SEAL + SEAL_LEN,
	K_END = K_CARRY + DISK_SALT + DISK_KEY_LEN + AEAD_TAG_LEN };

static int
carry_box(const uint8_t carry[DISK_KEY_LEN], const uint8_t salt[DISK_SALT], struct aead **ret,
    struct err *e)
{
	uint8_t key[AEAD_KEY_LEN];
	int r = kdf_hkdf(carry, DISK_KEY_LEN, salt, DISK_SALT, "mamori carry v1", key, sizeof(key),
	    e);

	if (r == 0)
		r = aead_new(key, ret, e);
	explicit_bzero(key, sizeof(key));
	return r;
}

int
disk_begin(struct disk *d, const uint8_t recovery[SEAL_PUB_LEN],
    const uint8_t carry[DISK_KEY_LEN], struct err *e)
{
	uint8_t k[DISK_SMALL], nonce[AEAD_NONCE_LEN];
	struct seal_pub *pub = NULL;
	struct aead *a = NULL;
	int r;

	random_fill(d->id, sizeof(d->id));
	random_fill(d->key, DISK_KEY_LEN);
	random_fill(k, sizeof(k));
	(void)memcpy(k, key_magic, 8);
	(void)memcpy(k + 8, d->id, DISK_ID_LEN);
	aead_nonce(nonce, 0);
	r = seal_pub_new(recovery, &pub, e);
	if (r == 0)
		r = seal_to(pub, d->id, DISK_ID_LEN, d->key, k + K_SEAL, e);
	if (r == 0)
		r = carry_box(carry, k + K_CARRY, &a, e);
	if (r == 0)
		r = aead_seal(a, nonce, d->id, DISK_ID_LEN, d->key, DISK_KEY_LEN,
		    k + K_CARRY + DISK_SALT, e);
	if (r == 0)
		r = fio_create(d->f, d->fd, "k", k, sizeof(k), 0600, e);
	if (r == 0)
		undated(d, "k");
	aead_free(a);
	seal_pub_free(pub);
	return r;
}

static int
key_file(const struct fio *f, int fd, uint8_t k[DISK_SMALL], struct err *e)
{
	struct buf AUTO(buf_free) b = {0};
	int r;

	buf_init(&b, DISK_SMALL + 1);
	r = fio_slurp(f, fd, "k", &b, e);
	if (r < 0)
		return r;
	if (b.len != DISK_SMALL || memcmp(b.p, key_magic, 8) != 0)
		return err_set(
		    e, E_PROTO, "this is not a disk of Mamori, or one of a newer version");
	(void)memcpy(k, b.p, DISK_SMALL);
	return 0;
}

/* ---- heads ---- */

static int
head_get(struct disk *d, unsigned slot, struct disk_head *h, struct err *e)
{
	uint8_t plain[DISK_SMALL_ROOM];
	struct rd r;
	const uint8_t *sum;
	char name[4];
	int x;

	(void)snprintf(name, sizeof(name), "h%u", slot);
	x = get(d, name, "head", slot, plain, sizeof(plain), e);
	if (x < 0)
		return x;
	r = rd_init(plain, sizeof(plain));
	h->serial = rd_u64(&r);
	h->next = rd_u64(&r);
	h->cat_pos = rd_u64(&r);
	h->cat_len = rd_u64(&r);
	sum = rd_bytes(&r, DIGEST_LEN);
	if (!sum || h->next > DISK_MAX_CHUNKS || h->cat_len > DISK_MAX_CATALOG)
		return err_set(e, E_CORRUPT, "the disk's head makes no sense");
	(void)memcpy(h->cat_sum, sum, DIGEST_LEN);
	return 0;
}

static int
head_put(struct disk *d, const struct disk_head *h, struct err *e)
{
	uint8_t plain[DISK_SMALL_ROOM] = {0};
	char name[4];

	le64_put(plain, h->serial);
	le64_put(plain + 8, h->next);
	le64_put(plain + 16, h->cat_pos);
	le64_put(plain + 24, h->cat_len);
	(void)memcpy(plain + 32, h->cat_sum, DIGEST_LEN);
	(void)snprintf(name, sizeof(name), "h%u", (unsigned)(h->serial % 2));
	return put(d, name, "head", h->serial % 2, plain, sizeof(plain), e);
}

static int
newest_head(struct disk *d, struct err *e)
{
	struct disk_head h[2];
	struct err why[2] = {{0}, {0}};
	int r[2], best = -1;

	for (unsigned i = 0; i < 2; i++) {
		r[i] = head_get(d, i, &h[i], &why[i]);
		if (r[i] == 0 && (best < 0 || h[i].serial > h[best].serial))
			best = (int)i;
	}
	if (best >= 0)
		d->head = h[best];
	else if (r[0] != E_NOENT || r[1] != E_NOENT)
		return err_set(e, E_CORRUPT,
		    "the disk is damaged where it says what it holds: %.200s",
		    r[0] != E_NOENT ? why[0].msg : why[1].msg);
	d->wno = d->head.next;
	return 0;
}

int
disk_meet(struct disk *d, const struct seal_key *seal, const uint8_t *carry, struct err *e)
{
	uint8_t k[DISK_SMALL], nonce[AEAD_NONCE_LEN];
	struct aead *a = NULL;
	int r = key_file(d->f, d->fd, k, e);

	if (r < 0)
		return r;
	(void)memcpy(d->id, k + 8, DISK_ID_LEN);
	aead_nonce(nonce, 0);
	if (seal)
		r = seal_open(seal, d->id, DISK_ID_LEN, k + K_SEAL, d->key, e);
	else
		r = carry_box(carry, k + K_CARRY, &a, e);
	if (r == 0 && !seal)
		r = aead_open(a, nonce, d->id, DISK_ID_LEN, k + K_CARRY + DISK_SALT,
		    DISK_KEY_LEN + AEAD_TAG_LEN, d->key, NULL);
	aead_free(a);
	if (r == E_CORRUPT || r == E_AUTH)
		return err_set(e, E_AUTH, "this disk belongs to another vault or another clinic");
	return r < 0 ? r : newest_head(d, e);
}

int
disk_name(const struct fio *f, const char *path, uint8_t ret[DISK_ID_LEN], struct err *e)
{
	uint8_t k[DISK_SMALL];
	int top = repo_place(f, path, e), fd, r;

	if (top < 0)
		return top;
	fd = fio_open(f, top, DISK_DIR, O_RDONLY | O_DIRECTORY, 0, e);
	fio_close(f, top);
	if (fd < 0)
		return fd;
	r = key_file(f, fd, k, e);
	fio_close(f, fd);
	if (r == 0)
		(void)memcpy(ret, k + 8, DISK_ID_LEN);
	return r;
}

/* ---- the stream ---- */

static int
flush(struct disk *d, struct err *e)
{
	char path[40], dir[40];
	int r;

	if (d->wlen == 0)
		return 0;
	if (d->wno >= DISK_MAX_CHUNKS)
		return err_set(e, E_LIMIT, "more than a disk of this kind can hold");
	/* what is not used is sealed, too: nobody sees where the data ends */
	(void)memset(d->wbuf + d->wlen, 0, DISK_ROOM - d->wlen);
	chunk_path(d->wno, path);
	(void)snprintf(dir, sizeof(dir), "%.4s", path);
	r = fio_mkdir(d->f, d->fd, dir, 0700, e);
	if (r == 0)
		r = put(d, path, "chnk", d->wno, d->wbuf, DISK_ROOM, e);
	if (r == 0) {
		d->wno++;
		d->wlen = 0;
	}
	return r;
}

int
disk_write(struct disk *d, const void *p, size_t n, uint64_t *ret_pos, struct err *e)
{
	const uint8_t *s = p;

	*ret_pos = d->wno * DISK_ROOM + d->wlen;
	while (n > 0) {
		size_t k = DISK_ROOM - d->wlen < n ? DISK_ROOM - d->wlen : n;
		int r;

		(void)memcpy(d->wbuf + d->wlen, s, k);
		d->wlen += k;
		s += k;
		n -= k;
		if (d->wlen == DISK_ROOM) {
			r = flush(d, e);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

int
disk_read(struct disk *d, uint64_t pos, void *p, size_t n, struct err *e)
{
	uint8_t *out = p;

	while (n > 0) {
		uint64_t no = pos / DISK_ROOM;
		size_t off = (size_t)(pos % DISK_ROOM);
		size_t k = DISK_ROOM - off < n ? DISK_ROOM - off : n;
		char path[40];
		int r;

		if (!d->have_r || d->rno != no) {
			chunk_path(no, path);
			d->have_r = false;
			r = get(d, path, "chnk", no, d->rbuf, DISK_ROOM, e);
			if (r < 0)
				return r == E_NOENT ? err_set(e, E_CORRUPT,
				    "a piece of the disk's content is missing (%s)", path) : r;
			d->rno = no;
			d->have_r = true;
		}
		(void)memcpy(out, d->rbuf + off, k);
		out += k;
		pos += k;
		n -= k;
	}
	return 0;
}

int
disk_commit(struct disk *d, const struct disk_cat *cat, struct err *e)
{
	struct disk_head h = {.serial = d->head.serial + 1};
	struct buf AUTO(buf_free) b = {0};
	int r;

	buf_init(&b, DISK_MAX_CATALOG);
	r = disk_cat_put(&b, cat, e);
	if (r == 0)
		r = disk_write(d, b.p, b.len, &h.cat_pos, e);
	if (r == 0)
		r = flush(d, e);
	if (r < 0)
		return r;
	h.cat_len = b.len;
	h.next = d->wno;
	digest_sha256(b.p, b.len, h.cat_sum);
	r = head_put(d, &h, e);
	if (r == 0)
		d->head = h;
	return r;
}

int
disk_catalog(struct disk *d, struct disk_cat *cat, struct err *e)
{
	struct buf AUTO(buf_free) b = {0};
	uint8_t sum[DIGEST_LEN];
	int r;

	if (d->head.serial == 0)
		return 0;
	buf_init(&b, DISK_MAX_CATALOG);
	r = buf_reserve(&b, (size_t)d->head.cat_len, e);
	if (r == 0)
		r = disk_read(d, d->head.cat_pos, b.p, (size_t)d->head.cat_len, e);
	if (r < 0)
		return r;
	digest_sha256(b.p, (size_t)d->head.cat_len, sum);
	if (memcmp(sum, d->head.cat_sum, sizeof(sum)) != 0)
		return err_set(e, E_CORRUPT, "the disk's catalog is damaged");
	return disk_cat_get(b.p, (size_t)d->head.cat_len, cat, e);
}

/* ---- this machine's key ---- */

int
disk_carry_key(const struct fio *f, const struct vault_place *pl, const uint8_t repo[FMT_ID_LEN],
    bool make, uint8_t out[DISK_KEY_LEN], struct err *e)
{
	struct buf AUTO(buf_free) b = {0};
	char path[96];
	int r = keys_place(pl, repo, path, e);

	if (r < 0)
		return r;
	buf_init(&b, DISK_KEY_LEN + 1);
	if (make) {
		r = keys_place_make(f, pl, repo, e);
		if (r < 0)
			return r;
	}
	(void)snprintf(path + strlen(path), sizeof(path) - strlen(path), "/carry.key");
	r = fio_slurp(f, pl->statefd, path, &b, e);
	if (r == E_NOENT && make) {
		random_fill(out, DISK_KEY_LEN);
		return fio_create(f, pl->statefd, path, out, DISK_KEY_LEN, 0600, e);
	}
	if (r == 0 && b.len != DISK_KEY_LEN)
		r = err_set(e, E_CORRUPT, "%s is damaged", path);
	if (r == 0)
		(void)memcpy(out, b.p, DISK_KEY_LEN);
	return r;
}
