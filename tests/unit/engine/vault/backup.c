/* What a backup must not be stopped by, and must not get wrong: many folders with few descriptors,
 * files in too many pieces, first names that cannot be read, segments that are gone. */
#include <sys/resource.h>

#include "../../../fault/vlib.h"
#include "tap.h"
#include "vault/repo_int.h"

static void
path_of(const struct vt *v, const char *name, char out[VT_PATH])
{
	(void)snprintf(out, VT_PATH, "%s/%s", v->src, name);
}

static void
must_backup(struct vt *v, struct vault_generation *g, const char *what)
{
	struct err e = {0};
	int r;

	v->now = vt_clock() + 10000000; /* nothing is young */
	r = vt_backup(v, fio_os(), g, &e);
	free(g->runs);
	g->runs = NULL;
	OK(r == 0, "%s: %s", what, r < 0 ? e.msg : "kept");
}

/* same_as_source(v, what): The newest generation is what the source is. */
static void
same_as_source(const struct vt *v, const char *what)
{
	uint8_t want[VT_SUM], got[VT_SUM];
	const struct vault_generation *g;
	struct err e = {0};
	VAULT_R *r = NULL;
	size_t n = 0;
	int x = vt_open(v, fio_os(), &r, &e);

	vt_sum_source(v, want);
	if (x == 0) {
		g = vault_r_list(r, &n);
		x = n ? vt_sum_gen(r, &g[n - 1], got, &e) : E_NOENT;
	}
	OK(x == 0 && memcmp(want, got, VT_SUM) == 0, "%s: %s", what, x < 0 ? e.msg : "compared");
	vault_r_close(r);
}

static uint8_t content[DIGEST_LEN]; /* of the file that entry() found last */

static void
read_content(VAULT_R *r, const struct tree_entry *en)
{
	struct vault_ctx *c = NULL;
	struct digest *dg = NULL;
	struct err e = {0};

	(void)memset(content, 0, sizeof(content));
	if (vault_ctx_new(r, 4, &c, &e) < 0 || digest_new(&dg, &e) < 0 ||
	    vt_content(c, en, dg, content, &e) < 0)
		printf("# %s\n", e.msg);
	digest_free(dg);
	vault_ctx_free(c);
}

/* entry(v, dir, name, ret_type): Of the newest generation; its number of pieces, or -1. */
static int
entry(const struct vt *v, const char *dir, const char *name, uint8_t *ret_type, uint8_t *ret_flags)
{
	const struct vault_generation *list;
	struct vault_gen *gen = NULL;
	struct tree_read *rd = NULL;
	struct tree_entry en;
	struct err e = {0};
	VAULT_R *r = NULL;
	struct buf b;
	size_t n = 0;
	int found = -1;

	buf_init(&b, TREE_MAX_BLOCK);
	if (vt_open(v, fio_os(), &r, &e) < 0)
		return -1;
	list = vault_r_list(r, &n);
	if (n && vault_gen_open(r, &list[n - 1], &gen, &e) == 0) {
		for (uint32_t i = 0; i < vault_gen_manifest(gen)->nrefs && found < 0; i++) {
			if (vault_gen_block(gen, i, &b, &e) < 0 ||
			    tree_read_new(b.p, b.len, &rd, &e) < 0)
				break;
			while (tree_read_next(rd, &en, &e) == 1) {
				if (strcmp(en.dir, dir) != 0 || strcmp(en.name, name) != 0)
					continue;
				found = (int)en.nextents;
				*ret_type = en.type;
				*ret_flags = en.flags;
				if (en.type == TREE_FILE)
					read_content(r, &en);
			}
			tree_read_free(rd);
		}
	}
	vault_gen_close(gen);
	vault_r_close(r);
	buf_free(&b);
	return found;
}

static void
many_folders_few_descriptors(void)
{
	struct rlimit was, few;
	struct vault_generation g = {0};
	struct err e = {0};
	struct vt v;

	vt_new(&v);
	if (vt_init(&v, fio_os(), &e) < 0)
		vt_die(e.msg);
	for (unsigned i = 0; i < 400; i++) {
		char name[64];

		(void)snprintf(name, sizeof(name), "患者%u", i);
		vt_mkdir(&v, name);
		(void)snprintf(name, sizeof(name), "患者%u/カルテ.txt", i);
		vt_put(&v, name, name, strlen(name), 0);
	}
	(void)getrlimit(RLIMIT_NOFILE, &was);
	few = was;
	few.rlim_cur = 100;
	(void)setrlimit(RLIMIT_NOFILE, &few);
	must_backup(&v, &g, "400 folders with 100 descriptors");
	(void)setrlimit(RLIMIT_NOFILE, &was);
	OK(g.info.unreadable == 0, "every folder was read (%llu were not)",
	    (unsigned long long)g.info.unreadable);
	same_as_source(&v, "all of them are there");
	vt_free(&v);
}

static void
source_digest(const struct vt *v, const char *name, uint8_t *mem, size_t n, uint8_t out[DIGEST_LEN])
{
	char path[VT_PATH];
	int fd;

	path_of(v, name, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || pread(fd, mem, n, 0) != (ssize_t)n)
		vt_die(path);
	(void)close(fd);
	digest_sha256(mem, n, out);
}

static void
a_file_in_too_many_pieces(void)
{
	enum { CELL = 16384, SIZE = (34 << 20), SPAN = 32 << 20 };
	uint8_t *mem = malloc(SIZE), type = 0, flags = 0, now[DIGEST_LEN];
	struct vault_generation g = {0};
	struct err e = {0};
	struct vt v;
	int n;

	vt_new(&v);
	if (!mem || vt_init(&v, fio_os(), &e) < 0)
		vt_die(e.msg);
	v.threads = 2;
	v.max_scatter = 2000;
	vt_noise(mem, SIZE, 1);
	vt_put(&v, "db", mem, SIZE, 0);
	must_backup(&v, &g, "a database");
	vt_noise(mem, SIZE, 2);
	for (unsigned i = 0; i < 1024; i += 4)
		vt_put(&v, "db", mem + i * CELL, CELL, (off_t)i * CELL);
	must_backup(&v, &g, "changed in 256 places");
	n = entry(&v, "src", "db", &type, &flags);
	OK(n > 0 && n <= 12 && type == TREE_FILE && flags == TREE_GRID,
	    "it is stored anew in few pieces (%d)", n);
	OK(g.info.new_bytes >= SPAN && g.info.new_bytes <= SPAN + 256 * CELL,
	    "of its two parts only the scattered one (%llu bytes)",
	    (unsigned long long)g.info.new_bytes);
	vt_put(&v, "db", mem, CELL, 5 * CELL);
	must_backup(&v, &g, "and changed in one place more");
	OK(g.info.new_bytes == 0, "all of it is known (%llu bytes new)",
	    (unsigned long long)g.info.new_bytes);
	n = entry(&v, "src", "db", &type, &flags);
	source_digest(&v, "db", mem, SIZE, now);
	OK(memcmp(now, content, sizeof(now)) == 0, "the content is the source's");
	OK(n > 0 && n <= 15, "and still in few pieces (%d)", n);
	free(mem);
	vt_free(&v);
}

static char victim[VT_PATH];

static void
on_problem(void *cookie, const char *path, size_t len, const char *why)
{
	(void)cookie;
	(void)path;
	(void)len;
	(void)why;
	(void)unlink(victim);
}

/* a_first_name_that_goes: Between the look and the reading, as mail is delivered: written under one
 * name, linked to another, and the first removed. */
static void
a_first_name_that_goes(void)
{
	struct vault_generation g = {0};
	struct vault_backup b;
	char second[VT_PATH], third[VT_PATH], closed[VT_PATH];
	const char *src;
	uint8_t type = 0, flags = 0;
	struct err e = {0};
	VAULT_W *w = NULL;
	struct vt v;
	int n;

	if (geteuid() == 0 && seteuid(65534) < 0)
		vt_die("seteuid");
	vt_new(&v);
	if (vt_init(&v, fio_os(), &e) < 0)
		vt_die(e.msg);
	vt_mkdir(&v, "a");
	vt_mkdir(&v, "b");
	vt_mkdir(&v, "c");
	vt_put(&v, "a/x", "text", 4, 0);
	path_of(&v, "a/x", victim);
	path_of(&v, "b/y", second);
	path_of(&v, "b/z", third);
	path_of(&v, "c", closed);
	if (link(victim, second) < 0 || link(victim, third) < 0 || chmod(closed, 0) < 0)
		vt_die(second);
	src = v.src;
	b = (struct vault_backup){.sources = &src, .nsources = 1, .host = "h", .now = v.now,
	    .threads = 1, .problem = on_problem};
	if (vault_w_open(fio_os(), v.repo, &v.place, &w, &e) < 0)
		vt_die(e.msg);
	n = vault_w_backup(w, &b, &g, &e);
	OK(n == 0 && g.info.unreadable == 2, "the loss of the first name is told: %s",
	    n < 0 ? e.msg : "kept");
	vault_w_close(w);
	n = entry(&v, "src/b", "y", &type, &flags);
	OK(n == 1 && type == TREE_FILE && !(flags & TREE_UNREADABLE),
	    "the second name holds the content");
	(void)entry(&v, "src/b", "z", &type, &flags);
	OK(type == TREE_HARDLINK, "the third leads to it");
	(void)chmod(closed, 0700);
	vt_free(&v);
	if (getuid() == 0 && seteuid(0) < 0)
		vt_die("seteuid");
}

static void
a_segment_that_is_gone(void)
{
	struct vault_generation g = {0};
	char path[VT_PATH], hex[2 * FMT_ID_LEN + 1];
	const struct vault_seg *segs;
	struct err e = {0};
	VAULT_R *r = NULL;
	uint32_t n = 0;
	struct vt v;

	vt_new(&v);
	if (vt_init(&v, fio_os(), &e) < 0)
		vt_die(e.msg);
	vt_source(&v, 0);
	must_backup(&v, &g, "a first generation");
	if (vt_open(&v, fio_os(), &r, &e) < 0)
		vt_die(e.msg);
	segs = vault_r_segments(r, &n);
	for (uint32_t i = 0; i < n; i++) {
		hex_put(hex, segs[i].rec.seg, FMT_ID_LEN);
		(void)snprintf(path, sizeof(path), "%s/seg/%s", v.repo, hex);
		if (unlink(path) < 0)
			vt_die(path);
	}
	vault_r_close(r);
	must_backup(&v, &g, "every segment is gone, and then a second generation");
	same_as_source(&v, "it is whole: nothing was built on what is gone");
	vt_free(&v);
}

static void
a_link_to_a_folder_as_the_source(void)
{
	struct vault_generation g = {0};
	uint8_t type = 0, flags = 0;
	char to[VT_PATH];
	struct err e = {0};
	struct vt v;

	vt_new(&v);
	if (vt_init(&v, fio_os(), &e) < 0)
		vt_die(e.msg);
	vt_put(&v, "カルテ.txt", "text", 4, 0);
	(void)snprintf(to, sizeof(to), "%s/moved", v.top);
	if (rename(v.src, to) < 0 || symlink("moved", v.src) < 0)
		vt_die(to);
	must_backup(&v, &g, "a link to a folder is named");
	OK(entry(&v, "src", "カルテ.txt", &type, &flags) == 1 && g.info.files == 1,
	    "what is in the folder is kept");
	(void)unlink(v.src);
	vt_free(&v);
}

int
main(void)
{
	many_folders_few_descriptors();
	a_file_in_too_many_pieces();
	a_first_name_that_goes();
	a_segment_that_is_gone();
	a_link_to_a_folder_as_the_source();
	return tap_done();
}
