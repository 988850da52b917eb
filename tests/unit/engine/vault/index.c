/* The index against a plain model, and what its kept file may look like after damage: a damaged
 * index costs space, never data. */
#include "vault/index.h"

#include <sys/mman.h>

#include "fault/vlib.h"
#include "tap.h"

enum { MANY = 1000000 };

static void
id_of(uint64_t i, uint8_t out[FMT_CHUNK_ID_LEN])
{
	uint64_t s = i * 0x9e3779b97f4a7c15 + 12345;

	for (int k = 0; k < 4; k++)
		le64_put(out + 8 * k, vt_rng(&s) * 0xd1342543de82ef95);
}

static void
model(unsigned n)
{
	struct index *ix = NULL;
	uint8_t seg_id[3][FMT_ID_LEN] = {{1}, {2}, {3}}, id[FMT_CHUNK_ID_LEN], got[FMT_ID_LEN];
	uint32_t seg[3], xs, xo;
	uint64_t bad = 0;
	int r = index_new_memory(&ix, NULL);

	if (!OK(r == 0, "an empty index"))
		return;
	for (int i = 0; i < 3; i++)
		bad += index_segment(ix, seg_id[i], &seg[i], NULL) < 0;
	for (unsigned i = 0; i < n; i++) {
		id_of(i, id);
		bad += index_find_or_add(ix, id, 10, seg[i % 3], i % FMT_MAX_STREAM, &xs, &xo,
		    NULL) != 0;
	}
	OK(bad == 0, "%u different chunks are all new", n);
	EQ_I(index_count(ix), n, "and counted");
	for (unsigned i = 0; i < n; i++) {
		id_of(i, id);
		r = index_find_or_add(ix, id, 10, seg[0], 99, &xs, &xo, NULL);
		bad += r != 1 || xs != seg[i % 3] || xo != i % FMT_MAX_STREAM;
	}
	OK(bad == 0, "each is found where it was put, through every growth");
	EQ_I(index_count(ix), n, "nothing was added by asking");
	for (unsigned i = n; i < n + 1000; i++) {
		id_of(i, id);
		bad += index_find(ix, id, 10, &xs, &xo) != 0;
	}
	OK(bad == 0, "what was never put is not found");
	index_seg_id(ix, seg[1], got);
	OK(memcmp(got, seg_id[1], FMT_ID_LEN) == 0 && index_seg_no(ix, seg_id[2]) == seg[2] &&
	    index_seg_no(ix, id) == UINT32_MAX && index_segments(ix) == 3, "segments by number");
	id_of(n + 5000, id);
	OK(index_find_or_add(ix, id, 10, seg[0], FMT_MAX_STREAM, &xs, &xo, NULL) == E_LIMIT,
	    "a place past the range is refused");
	index_close(ix, false);
}

/* Ids that all fall on the last spot, as only a hostile writer could make them: those with room
 * are found, the others are merely not remembered, and the table does not grow for them. */
static void
piles(void)
{
	struct index *ix = NULL;
	uint8_t seg_id[FMT_ID_LEN] = {1}, id[FMT_CHUNK_ID_LEN];
	uint32_t seg, xs, xo;
	int bad = 0, found = 0, r;

	if (index_new_memory(&ix, NULL) < 0 || index_segment(ix, seg_id, &seg, NULL) < 0)
		return;
	(void)memset(id, 0xff, sizeof(id));
	for (unsigned i = 0; i < 9000; i++) {
		le32_put(id + 8, i); /* the place follows from the first eight bytes */
		bad += index_find_or_add(ix, id, 10, seg, i, &xs, &xo, NULL) != 0;
	}
	for (unsigned i = 0; i < 9000; i++) {
		le32_put(id + 8, i);
		r = index_find_or_add(ix, id, 10, seg, i, &xs, &xo, NULL);
		bad += r < 0 || (r == 1 && xo != i);
		found += r == 1;
	}
	OK(bad == 0 && found >= 4096, "chunks that all belong to the last place: %d found", found);
	EQ_I(index_count(ix), found, "the others are not remembered");
	index_close(ix, false);
}

/* ---- the kept file ---- */

static struct vt v;

static void
index_path(char out[600], const char *tail)
{
	char dir[400];
	struct dirent *de;
	DIR *d;

	(void)snprintf(dir, sizeof(dir), "%s/vault", v.state);
	d = opendir(dir);
	*out = 0;
	while (d && (de = readdir(d))) {
		if (strlen(de->d_name) == 32)
			(void)snprintf(out, 600, "%s/%.32s/index%s", dir, de->d_name, tail);
	}
	if (d)
		(void)closedir(d);
}

/* Flip a bit, add a generation that must use the index, see that all of them read back. */
static void
flipped(int rounds)
{
	static struct vt_gen gens[200];
	struct vault_generation g;
	struct err e = {0};
	char path[600], why[600] = "";
	uint64_t rng = 77;
	size_t n = 0;
	int bad = 0, clean = 0;

	vt_new(&v);
	if (vt_init(&v, fio_os(), &e) < 0)
		return;
	for (int i = 0; i < rounds && bad == 0; i++) {
		struct stat st;
		uint8_t *p;
		int fd;

		vt_source(&v, (unsigned)(i % 30));
		if (i == 0 || i % 30) {
			vt_sum_source(&v, gens[n].sum);
			v.now = vt_clock();
			if (vt_backup(&v, fio_os(), &g, &e) < 0) {
				(void)snprintf(why, sizeof(why), "backup: %s", e.msg);
				bad++;
				break;
			}
			(void)memcpy(gens[n].id, g.id, FMT_ID_LEN);
			gens[n++].acked = true;
		}
		index_path(path, "");
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0 || fstat(fd, &st) < 0)
			break;
		p = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		(void)close(fd);
		if (p == MAP_FAILED)
			break;
		clean += p[8] == 1;
		/* every used slot: one bit of its place, most often of the segment's number */
		for (size_t at = 4096; at + 18 < (size_t)st.st_size - 16 * 64; at += 18) {
			if (le32_get(p + at + 12) == 0 && le16_get(p + at + 16) == 0)
				continue;
			if (i % 3 == 0)
				p[at + 12 + vt_rng(&rng) % 6] ^= (uint8_t)(1 << vt_rng(&rng) % 8);
			else if (i % 3 == 1) /* a segment of the next run */
				p[at + 15] = (uint8_t)(p[at + 15] + (16 << vt_rng(&rng) % 3));
			else
				p[at + vt_rng(&rng) % 18] ^= (uint8_t)(1 << vt_rng(&rng) % 8);
		}
		(void)munmap(p, (size_t)st.st_size);
	}
	OK(clean > rounds / 2, "the index was kept %d times", clean);
	OK(bad == 0 && vt_check(&v, gens, n, why),
	    "all its places damaged between %zu generations: every one reads back (%s)", n, why);
}

/* Flip each byte of the header and of the list of segments. */
static void
headers(void)
{
	struct vault_generation g;
	struct vt_gen last = {.acked = true};
	struct err e = {0};
	char path[600], why[600] = "";
	int bad = 0;

	vt_sum_source(&v, last.sum);
	for (size_t at = 0; at < 56 && bad == 0; at++) {
		uint8_t b = 0;
		int fd;

		index_path(path, "");
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0 || pread(fd, &b, 1, (off_t)at) != 1)
			vt_die(path);
		b ^= (uint8_t)(1 << at % 8);
		if (pwrite(fd, &b, 1, (off_t)at) != 1)
			vt_die(path);
		(void)close(fd);
		v.now = vt_clock();
		if (vt_backup(&v, fio_os(), &g, &e) < 0) {
			printf("# byte %zu: %s\n", at, e.msg);
			bad++;
			continue;
		}
		(void)memcpy(last.id, g.id, FMT_ID_LEN);
		if (at % 8 == 0 && !vt_check(&v, &last, 1, why)) {
			printf("# byte %zu: %s\n", at, why);
			bad++;
		}
	}
	OK(bad == 0, "each byte of its header damaged: backups go on, data is whole");
}

/* A run that starts while another one is just making its index must leave that file alone. */
static void
not_emptied(void)
{
	struct flock fl = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	struct vault_generation g;
	struct err e = {0};
	char path[600], path_new[600];
	struct stat st = {0};
	int fd;

	index_path(path, "");
	index_path(path_new, ".new");
	(void)unlink(path);
	fd = open(path_new, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, 12345) < 0 || fcntl(fd, F_OFD_SETLK, &fl) < 0)
		vt_die(path_new);
	OK(vt_backup(&v, fio_os(), &g, &e) == 0, "a backup while the index is somebody else's (%s)",
	    e.msg);
	OK(fstat(fd, &st) == 0 && st.st_size == 12345, "which keeps its content");
	(void)close(fd);
	(void)unlink(path_new);
}

/* No index, no list of files: everything is found again in the segments. */
static void
thrown_away(void)
{
	struct vault_generation g;
	struct err e = {0};
	char path[600];

	index_path(path, "");
	(void)unlink(path);
	v.now = vt_clock();
	OK(vt_backup(&v, fio_os(), &g, &e) == 0 && g.info.new_bytes == 0,
	    "without an index nothing is stored twice (%llu bytes)",
	    (unsigned long long)g.info.new_bytes);
}

int
main(void)
{
	model(3);
	model(MANY);
	piles();
	flipped(24);
	headers();
	not_emptied();
	thrown_away();
	vt_free(&v);
	return tap_done();
}
