/* What the repository shows to somebody without the recovery key: no name, no content, nothing
 * equal for equal sources, sizes by the padding rule alone; and what a thief of the writing machine
 * can read: the newest generation, while its keys are kept, and nothing older. */
#include "fault/vlib.h"
#include "tap.h"
#include "vault/segr.h"

static struct vt v;
static const char marker[] = "KARTE-0815 髙橋 花子 HIV陽性";

/* grep(dir, p, n): How many files below contain the bytes. */
static int
grep(const char *dir, const void *p, size_t n)
{
	static uint8_t mem[8 << 20];
	DIR *d = opendir(dir);
	struct dirent *de;
	int hits = 0;

	while (d && (de = readdir(d))) {
		char path[700];
		struct stat st;
		ssize_t k;
		int fd;

		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
			continue;
		(void)snprintf(path, sizeof(path), "%.400s/%.255s", dir, de->d_name);
		hits += memmem(de->d_name, strlen(de->d_name), p, n) != NULL;
		if (lstat(path, &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode)) {
			hits += grep(path, p, n);
			continue;
		}
		fd = open(path, O_RDONLY | O_CLOEXEC);
		k = fd < 0 ? -1 : read(fd, mem, sizeof(mem));
		if (fd >= 0)
			(void)close(fd);
		hits += k > 0 && memmem(mem, (size_t)k, p, n) != NULL;
	}
	if (d)
		(void)closedir(d);
	return hits;
}

static void
no_plaintext(void)
{
	const char *const words[] = {marker, "HIV陽性", "機密名簿", "受付", "カルテ.txt", "text.log",
		"db.pages", "アレルギー", "src", v.src};
	char dir[700];

	(void)snprintf(dir, sizeof(dir), "%s", v.src);
	OK(grep(dir, words[0], strlen(words[0])) == 1, "the words are in the source");
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		/* random bytes may well contain three letters */
		if (strlen(words[i]) > 4)
			EQ_I(grep(v.repo, words[i], strlen(words[i])), 0, words[i]);
	}
}

static void
padded(void)
{
	char dir[400], path[700];
	struct dirent *de;
	DIR *d;
	int n = 0, odd = 0;

	(void)snprintf(dir, sizeof(dir), "%s/seg", v.repo);
	d = opendir(dir);
	while (d && (de = readdir(d))) {
		struct stat st;
		uint32_t pages;

		if (*de->d_name == '.')
			continue;
		(void)snprintf(path, sizeof(path), "%s/%.40s", dir, de->d_name);
		if (stat(path, &st) < 0)
			continue;
		pages = fmt_pages_of_size((uint64_t)st.st_size);
		n++;
		odd += pages == 0 || fmt_pad_pages(pages) != pages;
	}
	if (d)
		(void)closedir(d);
	OK(n >= 4 && odd == 0, "all %d segments have a size of the padding rule", n);
}

static void
keyless(void)
{
	struct vault_open o = {0};
	uint8_t wrong[PAPERKEY_LEN] = {1};
	VAULT_R *r = NULL;
	struct vault_gen *g = NULL;
	struct vault_ctx *c = NULL;
	struct fmt_toc toc;
	struct err e = {0};
	size_t n = 0;
	uint32_t ns = 0;

	OK(vault_r_open(fio_os(), v.repo, &o, &r, &e) == 0, "without a key it opens");
	const struct vault_generation *list = vault_r_list(r, &n);

	OK(n == 2 && !list[0].info_ok && !*list[0].info.name && list[0].info.files == 0,
	    "and lists generations without a word about them");
	EQ_I(vault_gen_open(r, &list[0], &g, &e), E_AUTH, "no generation can be opened");
	const struct vault_seg *segs = vault_r_segments(r, &ns);

	if (vault_ctx_new(r, 1, &c, NULL) == 0 && ns > 0) {
		uint8_t b;

		EQ_I(vault_toc(c, segs[0].rec.seg, &toc, &e), E_AUTH, "no table can be read");
		EQ_I(vault_read(c, segs[0].rec.seg, 0, &b, 1, &e), E_AUTH, "no byte can be read");
	}
	vault_ctx_free(c);
	vault_r_close(r);
	EQ_I(vault_r_open(fio_os(), v.repo, &(struct vault_open){.secret = wrong}, &r, &e), E_AUTH,
	    "another recovery key is refused");
}

/* The thief has the repository and everything of the machine. */
static void
thief(const uint8_t *old_ring, size_t old_len, const struct vault_generation *newest)
{
	struct vault_open o = {.place = &v.place};
	VAULT_R *r = NULL;
	struct vault_ctx *c = NULL;
	struct err e = {0};
	uint8_t sum[VT_SUM], want[VT_SUM], b;
	size_t n = 0;
	uint32_t ns = 0;
	int old = 0, open_old = 0, kept = 0;

	OK(vault_r_open(fio_os(), v.repo, &o, &r, &e) == 0, "the machine's own keys open it");
	const struct vault_generation *list = vault_r_list(r, &n);

	vt_sum_source(&v, want);
	OK(n == 2 && list[1].seq == newest->seq && vt_sum_gen(r, &list[1], sum, &e) == 0 &&
	    memcmp(sum, want, VT_SUM) == 0, "the newest generation can be read (for drills)");
	EQ_I(vt_sum_gen(r, &list[0], sum, &e), E_AUTH, "the one before cannot");
	const struct vault_seg *segs = vault_r_segments(r, &ns);

	if (vault_ctx_new(r, 1, &c, NULL) < 0)
		return;
	for (uint32_t i = 0; i < ns; i++) {
		bool needed = false;

		for (uint32_t k = 0; k < list[1].nruns; k++)
			needed = needed || (i >= list[1].runs[k].first &&
			    i - list[1].runs[k].first < list[1].runs[k].count);
		if (needed)
			continue;
		old++;
		open_old += vault_read(c, segs[i].rec.seg, 0, &b, 1, &e) != E_AUTH;
		for (size_t at = 0; at + 48 <= old_len; at += 48) {
			if (memcmp(old_ring + at, segs[i].rec.seg, FMT_ID_LEN) == 0)
				kept += grep(v.state, old_ring + at + FMT_ID_LEN, 32);
		}
	}
	OK(old >= 2 && open_old == 0, "none of the %d segments of older data opens", old);
	EQ_I(kept, 0, "and their keys are nowhere on the machine any more");
	vault_ctx_free(c);
	vault_r_close(r);
}

static size_t
slurp_ring(uint8_t *out, size_t max)
{
	struct vault_ident id;
	char path[128] = "vault/";
	int fd;
	ssize_t n;

	if (vault_identify(fio_os(), v.repo, &id, NULL) < 0)
		return 0;
	hex_put(path + 6, id.repo, FMT_ID_LEN);
	(void)snprintf(path + 38, sizeof(path) - 38, "/ring");
	fd = openat(v.place.statefd, path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, out, max);
	if (fd >= 0)
		(void)close(fd);
	return n > 0 ? (size_t)n : 0;
}

/* ---- two vaults of the same source, with the same recovery key ---- */

static uint64_t seen_blocks[1 << 20];

static int
blocks(const struct vt *x, bool put)
{
	char dir[400], path[700];
	static uint8_t mem[4 << 20];
	struct dirent *de;
	DIR *d;
	int hits = 0;

	(void)snprintf(dir, sizeof(dir), "%s/seg", x->repo);
	d = opendir(dir);
	while (d && (de = readdir(d))) {
		int fd;
		ssize_t n;

		if (*de->d_name == '.')
			continue;
		(void)snprintf(path, sizeof(path), "%s/%.40s", dir, de->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = read(fd, mem, sizeof(mem));
		(void)close(fd);
		for (ssize_t at = FMT_HEADER_LEN; at + 16 <= n; at += 16) {
			uint64_t w = le64_get(mem + at) ^ le64_get(mem + at + 8) * 31;
			size_t i = (size_t)(w * 0x9e3779b97f4a7c15 >> 44);

			if (w == 0 || memcmp(mem + at, "MMRIFOOT", 8) == 0)
				continue; /* the padding of the hashes, the footer */
			if (put)
				seen_blocks[i] = w;
			else
				hits += seen_blocks[i] == w;
		}
	}
	if (d)
		(void)closedir(d);
	return hits;
}

static void
nothing_equal(void)
{
	struct vt a, b;
	struct vault_generation g;
	char src[300];
	int bad = 0;

	vt_new(&a);
	vt_new(&b);
	(void)memcpy(src, b.src, sizeof(src));
	(void)memcpy(b.src, a.src, sizeof(b.src));
	vt_source(&a, 0);
	bad += vt_init(&a, fio_os(), NULL) < 0 || vt_backup(&a, fio_os(), &g, NULL) < 0;
	bad += vt_init(&b, fio_os(), NULL) < 0 || vt_backup(&b, fio_os(), &g, NULL) < 0;
	OK(bad == 0, "two vaults of one source, one recovery key");
	(void)blocks(&a, true);
	EQ_I(blocks(&b, false), 0, "have no sixteen bytes in common");
	(void)memcpy(b.src, src, sizeof(src));
	vt_free(&a);
	vt_free(&b);
}

int
main(void)
{
	static uint8_t ring[65536];
	struct vault_generation g = {0};
	struct err e = {0};
	uint8_t mem[70000];
	size_t n;

	vt_new(&v);
	vt_put(&v, "機密名簿.txt", marker, sizeof(marker), 0);
	vt_noise(mem, sizeof(mem), 5);
	vt_put(&v, "scan.jpg", mem, sizeof(mem), 0);
	OK(vt_init(&v, fio_os(), &e) == 0 && vt_backup(&v, fio_os(), &g, &e) == 0, "a generation");
	n = slurp_ring(ring, sizeof(ring));
	OK(n >= 2 * 48, "whose keys are kept (%zu bytes)", n);
	vt_source(&v, 0);
	vt_noise(mem, sizeof(mem), 6);
	vt_put(&v, "scan.jpg", mem, sizeof(mem), 0);
	vt_put(&v, "機密名簿.txt", "x", 1, 0);
	OK(vt_backup(&v, fio_os(), &g, &e) == 0, "and one in which every file is another");
	vt_put(&v, "機密名簿.txt", marker, sizeof(marker), 0);
	no_plaintext();
	vt_put(&v, "機密名簿.txt", "x", 1, 0);
	OK(vt_backup(&v, fio_os(), &g, &e) == 0, "once more");
	padded();
	vt_free(&v);

	vt_new(&v);
	vt_put(&v, "a", "old content", 11, 0);
	OK(vt_init(&v, fio_os(), &e) == 0 && vt_backup(&v, fio_os(), &g, &e) == 0, "a generation");
	n = slurp_ring(ring, sizeof(ring));
	vt_put(&v, "a", "new content!", 12, 0);
	OK(vt_backup(&v, fio_os(), &g, &e) == 0, "another");
	keyless();
	thief(ring, n, &g);
	vt_free(&v);
	nothing_equal();
	return tap_done();
}
