/* One segment from its first chunk to its final name: what was put in comes out, offsets are those
 * promised, sizes those of the rule, and until it is published nothing is in seg/. */
#include "vault/segw.h"

#include <fcntl.h>

#include "fault/vlib.h"
#include "tap.h"
#include "vault/segr.h"

static struct vt v;
static int tmpfd, segfd;
static struct segw_env env;
static uint8_t index_key[32] = {7};
static uint8_t data[9 << 20];

static struct segw *
begin(enum fmt_kind kind)
{
	struct segw *s = NULL;
	struct err e = {0};

	if (segw_new(&env, kind, &s, &e) < 0)
		vt_die(e.msg);
	return s;
}

static int
entries(int fd)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), n = 0;
	DIR *d = fdopendir(copy);

	while (d && readdir(d))
		n++;
	(void)closedir(d);
	return n - 2;
}

/* read_back(rec, key, p, n, nchunks): The stream of the finished segment. */
static bool
read_back(const struct fmt_segment_rec *rec, const uint8_t key[32], const uint8_t *p, size_t n,
    uint32_t nchunks)
{
	struct vault_seg one = {.rec = *rec};
	struct repo repo = {.f = fio_os(), .segfd = segfd, .segs = &one, .nsegs = 1,
		.have_index = true};
	static struct seg places[192];
	struct vault_r r = {.repo = &repo, .open = places, .nopen = 1};
	struct vault_ctx *c = NULL;
	struct fmt_toc toc = {0};
	static uint8_t back[sizeof(data)];
	bool good = true;

	map_init(&repo.by_id, 10);
	(void)!map_put(&repo.by_id, rec->seg, FMT_ID_LEN, (void *)1, NULL);
	(void)memcpy(repo.index_key, index_key, 32);
	(void)pthread_mutex_init(&r.lock, NULL);
	good = seg_open(&repo, rec->seg, &places[0], NULL) == 0 &&
	    seg_read_toc(&places[0], index_key, true, &toc, NULL) == 0 &&
	    toc.stream_len == n && toc.nchunks == nchunks &&
	    seg_read_toc(&places[0], index_key, false, &places[0].toc, NULL) == 0 &&
	    repo_body_key(key, rec->seg, places[0].body_key, NULL) == 0 &&
	    vault_ctx_new(&r, 2, &c, NULL) == 0;
	places[0].serial = 1;
	if (good && n)
		good = vault_read(c, rec->seg, 0, back, n, NULL) == 0 && memcmp(back, p, n) == 0;
	vault_ctx_free(c);
	fmt_toc_free(&toc);
	seg_close(&places[0]);
	map_free(&repo.by_id);
	return good;
}

static void
whole(size_t n, size_t step, const char *what)
{
	struct segw *s = begin(FMT_DATA);
	struct fmt_segment_rec rec;
	uint8_t key[32], id[FMT_CHUNK_ID_LEN] = {0};
	char name[2 * FMT_ID_LEN + 1];
	uint32_t off, chunks = 0;
	struct stat st;
	bool good = true;
	int before = entries(segfd);

	for (size_t at = 0; at < n; at += step, chunks++) {
		size_t k = n - at < step ? n - at : step;

		id[0] = (uint8_t)chunks;
		good = good && segw_fits(s, k) && segw_off(s) == at &&
		    segw_add(s, id, data + at, k, &off, NULL) == 0 && off == at;
	}
	(void)memcpy(key, segw_key(s), 32);
	good = good && segw_seal(s, false, &rec, NULL) == 0;
	OK(good && entries(segfd) == before && entries(tmpfd) == 1, "%s: sealed only", what);
	good = segw_publish(s, segfd, NULL) == 0;
	segw_free(s);
	hex_put(name, rec.seg, FMT_ID_LEN);
	good = good && fstatat(segfd, name, &st, 0) == 0 &&
	    (uint64_t)st.st_size == fmt_seg_size(rec.npages) &&
	    fmt_pad_pages(rec.npages) == rec.npages;
	OK(good && entries(tmpfd) == 0, "%s: published under its name, %u pages", what, rec.npages);
	OK(read_back(&rec, key, data, n, chunks), "%s: comes back", what);
	(void)unlinkat(segfd, name, 0);
}

static void
dropped(void)
{
	struct segw *s = begin(FMT_META);
	struct fmt_segment_rec rec;
	uint8_t id[FMT_CHUNK_ID_LEN] = {0};
	uint32_t off;

	(void)!segw_add(s, id, data, 1000, &off, NULL);
	segw_free(s);
	EQ_I(entries(tmpfd), 0, "one given up leaves nothing");
	s = begin(FMT_META);
	(void)!segw_seal(s, false, &rec, NULL);
	segw_free(s);
	EQ_I(entries(tmpfd) + entries(segfd), 0, "nor one sealed and not published");
	segw_free(NULL);
}

static void
full(void)
{
	struct segw *s = begin(FMT_DATA);
	struct fmt_segment_rec rec;
	uint8_t id[FMT_CHUNK_ID_LEN] = {0}, key[32];
	char name[2 * FMT_ID_LEN + 1];
	uint32_t off, n = 0;
	bool good = true;

	OK(segw_fits(s, 16 << 20), "a fresh one takes 16 MiB");
	while (segw_fits(s, 1 << 20) && good && n < 200) {
		le32_put(id, n++);
		good = segw_add(s, id, data + n % 8 * 1000, 1 << 20, &off, NULL) == 0;
	}
	(void)memcpy(key, segw_key(s), 32);
	good = good && segw_seal(s, true, &rec, NULL) == 0 && segw_publish(s, segfd, NULL) == 0;
	segw_free(s);
	OK(good && n >= 60 && rec.npages == FMT_MAX_PAGES, "%u MiB of noise fill it: %u pages", n,
	    rec.npages);
	hex_put(name, rec.seg, FMT_ID_LEN);
	(void)unlinkat(segfd, name, 0);
	/* zeros: the stream ends before the pages do */
	(void)memset(data, 0, 1 << 20);
	s = begin(FMT_DATA);
	for (n = 0; segw_fits(s, 1 << 20) && n < 400; n++)
		good = good && segw_add(s, id, data, 1 << 20, &off, NULL) == 0;
	EQ_I(n, FMT_MAX_STREAM >> 20, "what compresses well ends at the stream's limit");
	segw_free(s);
}

int
main(void)
{
	struct seal_key *k = NULL;
	struct seal_pub *pub = NULL;
	uint8_t secret[32] = {1};
	char path[400];

	vt_new(&v);
	(void)snprintf(path, sizeof(path), "%s/tmp", v.top);
	if (mkdir(path, 0700) < 0)
		vt_die(path);
	tmpfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	(void)snprintf(path, sizeof(path), "%s/seg", v.top);
	if (mkdir(path, 0700) < 0)
		vt_die(path);
	segfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (seal_key_new(secret, &k, NULL) < 0 || seal_pub_new(seal_key_pub(k), &pub, NULL) < 0)
		return 99;
	env = (struct segw_env){.f = fio_os(), .tmpfd = tmpfd, .recovery = pub,
		.index_key = index_key, .level = 1};
	vt_noise(data, 4 << 20, 1);
	vt_text(data + (4 << 20), 5 << 20, 1);
	whole(1, 1, "one byte");
	whole(FMT_MAX_GROUP, FMT_MAX_GROUP, "one group");
	whole(FMT_MAX_GROUP + 1, FMT_MAX_GROUP + 1, "a chunk over two groups");
	whole(300000, 999, "many small chunks");
	whole(9 << 20, 700001, "noise and text");
	whole(5 << 20, 4 << 20, "large chunks");
	dropped();
	full();
	(void)close(tmpfd);
	(void)close(segfd);
	seal_pub_free(pub);
	seal_key_free(k);
	vt_free(&v);
	return tap_done();
}
