/* A container on a disk: what is written is read, heads turn, a torn or swapped file is found, and
 * a write that fails at any point leaves what was there. */
#include "vault/disk.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "crypt/secret.h"
#include "tap.h"
#include "vault/disk_int.h"

static char dir[] = "/tmp/mamori-disk-XXXXXX";
static int top;
static uint8_t carry[DISK_KEY_LEN], other[DISK_KEY_LEN];
static struct seal_key *seal, *wrong_seal;
static uint8_t data[9 << 20], back[9 << 20];

static struct disk *
again(void)
{
	struct disk *d = NULL;
	struct err e = {0};
	int fd = openat(top, DISK_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (disk_new(fio_os(), fd, &d, &e) < 0 || disk_meet(d, NULL, carry, &e) < 0) {
		printf("# %s\n", e.msg);
		abort();
	}
	return d;
}

static void
begins(void)
{
	struct disk *d = NULL;
	struct disk_cat c;
	uint64_t pos;
	struct err e = {0};

	(void)mkdirat(top, DISK_DIR, 0700);
	if (disk_new(fio_os(), openat(top, DISK_DIR, O_RDONLY | O_DIRECTORY), &d, &e) < 0)
		abort();
	EQ_I(disk_meet(d, NULL, carry, &e), E_NOENT, "an empty folder holds no container");
	EQ_I(disk_begin(d, seal_key_pub(seal), carry, &e), 0, "one is begun");
	disk_cat_init(&c);
	EQ_I(disk_catalog(d, &c, &e), 0, "with an empty catalog");
	EQ_I(c.nsegs, 0, "of nothing");
	EQ_I(disk_write(d, data, sizeof(data), &pos, &e), 0, "some bytes");
	EQ_I(pos, 0, "from the beginning");
	if (disk_cat_add(&c, &(struct disk_seg){.npages = 3, .pos = pos}, &e) < 0)
		abort();
	EQ_I(disk_commit(d, &c, &e), 0, "committed");
	disk_cat_free(&c);
	disk_free(d);
}

static void
goes_on(void)
{
	struct disk *d = again();
	struct disk_cat c;
	uint64_t pos;
	struct err e = {0};

	disk_cat_init(&c);
	EQ_I(disk_catalog(d, &c, &e), 0, "the catalog after opening again");
	OK(c.nsegs == 1 && c.segs[0].npages == 3, "is the one that was committed");
	EQ_I(disk_read(d, 0, back, sizeof(back), &e), 0, "the bytes");
	EQ_M(data, back, sizeof(data), "are the same");
	EQ_I(disk_read(d, DISK_ROOM - 5, back, 10, &e), 0, "across a border");
	EQ_M(data + DISK_ROOM - 5, back, 10, "the same");
	/* written and not committed: it was never there */
	EQ_I(disk_write(d, data, sizeof(data), &pos, &e), 0, "more");
	disk_free(d);
	d = again();
	EQ_I(d->head.serial, 1, "is not there before it is committed");
	EQ_I(disk_write(d, data + 1, 100, &pos, &e), 0, "others");
	EQ_I(disk_commit(d, &c, &e), 0, "take its place");
	EQ_I(disk_read(d, pos, back, 100, &e), 0, "and are read");
	EQ_M(data + 1, back, 100, "the same");
	EQ_I(disk_read(d, 0, back, sizeof(back), &e), 0, "the first ones, too");
	EQ_M(data, back, sizeof(data), "the same");
	EQ_I(d->head.serial, 2, "the heads turn");
	disk_cat_free(&c);
	disk_free(d);
}

static int
meet(const struct seal_key *s, const uint8_t *k)
{
	struct disk *d = NULL;
	struct err e = {0};
	int r;

	if (disk_new(fio_os(), openat(top, DISK_DIR, O_RDONLY | O_DIRECTORY), &d, &e) < 0)
		abort();
	r = disk_meet(d, s, k, &e);
	disk_free(d);
	return r;
}

static void
flip(const char *path, off_t at)
{
	char full[100];
	uint8_t b;
	int fd;

	(void)snprintf(full, sizeof(full), DISK_DIR "/%s", path);
	fd = openat(top, full, O_RDWR);
	if (fd < 0 || pread(fd, &b, 1, at) != 1)
		abort();
	b ^= 1;
	if (pwrite(fd, &b, 1, at) != 1)
		abort();
	(void)close(fd);
}

static void
keys(void)
{
	EQ_I(meet(seal, NULL), 0, "the recovery key opens it");
	EQ_I(meet(NULL, carry), 0, "and this machine's carry key");
	EQ_I(meet(wrong_seal, NULL), E_AUTH, "another recovery key does not");
	EQ_I(meet(NULL, other), E_AUTH, "nor another machine's");
}

static void
damage(void)
{
	struct disk *d;
	struct err e = {0};
	char a[100], b[100];

	flip("c000/000", 40);
	d = again();
	EQ_I(disk_read(d, 0, back, 1, &e), E_CORRUPT, "a flipped bit");
	EQ_I(disk_read(d, DISK_ROOM, back, 1, &e), 0, "costs one chunk");
	disk_free(d);
	flip("c000/000", 40);
	(void)snprintf(a, sizeof(a), DISK_DIR "/c000/000");
	(void)snprintf(b, sizeof(b), DISK_DIR "/c000/001");
	(void)renameat(top, a, top, "x");
	(void)renameat(top, b, top, a);
	(void)renameat(top, "x", top, b);
	d = again();
	EQ_I(disk_read(d, 0, back, 1, &e), E_CORRUPT, "two chunks that changed places");
	disk_free(d);
	(void)renameat(top, a, top, "x");
	(void)renameat(top, b, top, a);
	(void)renameat(top, "x", top, b);
	flip("h0", 100);
	d = again();
	EQ_I(d->head.serial, 1, "a damaged newest head: the one before counts");
	disk_free(d);
	flip("h1", 100);
	EQ_I(meet(NULL, carry), E_CORRUPT, "both damaged");
	flip("h0", 100);
	flip("h1", 100);
	EQ_I(meet(NULL, carry), 0, "as it was");
	(void)snprintf(a, sizeof(a), DISK_DIR "/k");
	flip("k", 0);
	EQ_I(meet(NULL, carry), E_PROTO, "not a disk of Mamori");
	flip("k", 0);
}

static void
codec(void)
{
	struct disk_cat c, back_c;
	struct buf b;
	struct err e;
	int bad = 0;

	buf_init(&b, 4096);
	disk_cat_init(&c);
	disk_cat_init(&back_c);
	c.keep_pos = 9;
	c.keep_len = 11;
	if (buf_put(&c.ident, "ident", 5, &e) < 0 ||
	    disk_cat_add(&c, &(struct disk_seg){.npages = 1, .pos = 7}, &e) < 0 ||
	    disk_cat_put(&b, &c, &e) < 0)
		abort();
	for (size_t n = 0; n < b.len; n++)
		bad += disk_cat_get(b.p, n, &back_c, &e) == 0;
	EQ_I(bad, 0, "no shorter catalog is taken for a whole one");
	EQ_I(disk_cat_get(b.p, b.len, &back_c, &e), 0, "the whole one is");
	OK(back_c.keep_pos == 9 && back_c.keep_len == 11, "with the keep ledger's place");
	OK(back_c.nsegs == 1 && back_c.segs[0].pos == 7 && back_c.ident.len == 5, "as it was");
	b.p[7] = '1';
	EQ_I(disk_cat_get(b.p, b.len - 16, &back_c, &e), 0, "and one from before there was that");
	OK(disk_cat_get(b.p, b.len, &back_c, &e) < 0, "which is not longer");
	OK(back_c.nsegs == 1 && back_c.keep_len == 0, "has none");
	disk_cat_free(&c);
	disk_cat_free(&back_c);
	buf_free(&b);
}

int
main(void)
{
	uint8_t s[SEAL_SECRET_LEN];
	struct err e;

	random_fill(carry, sizeof(carry));
	random_fill(other, sizeof(other));
	random_fill(data, sizeof(data));
	random_fill(s, sizeof(s));
	if (seal_key_new(s, &seal, &e) < 0)
		abort();
	s[0] ^= 1;
	if (seal_key_new(s, &wrong_seal, &e) < 0 || !mkdtemp(dir))
		abort();
	top = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	codec();
	begins();
	goes_on();
	keys();
	damage();
	seal_key_free(seal);
	seal_key_free(wrong_seal);
	(void)close(top);
	return tap_done();
}
