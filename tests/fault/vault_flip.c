/* One wrong bit in any byte of a repository: it is detected without a key, the segment is named,
 *and reading with the key returns the true bytes or an error, never others.
 *
 *	t-vault-flip            every byte where formats are dense, samples elsewhere
 *	t-vault-flip --full     every byte of small files and one segment, a quarter of the other
 */
#include <sys/mman.h>

#include "fault/vlib.h"
#include "tap.h"
#include "vault/verify.h"

static struct vt v;
static struct vt_gen gen = {.acked = true};
static bool full, first_segment;
static uint64_t flips, told, read_back, refused, odd;
static uint64_t rng = 4242;

static void
wrong(const char *name, size_t off, const char *why)
{
	if (odd++ < 15)
		printf("# %s, byte %zu: %s\n", name, off, why);
}

/* noticed(name, off): Whether the keyless check objects, and to the right segment. */
static void
noticed(const char *name, size_t off)
{
	struct vault_verify_opts o = {.depth = VERIFY_DATA, .threads = 1};
	struct vault_verify_report rep;
	struct err e = {0};
	int r = vault_verify(fio_os(), v.repo, &o, &rep, &e);
	char id[2 * FMT_ID_LEN + 1];

	flips++;
	if (r < 0 && r != E_PROTO && r != E_CORRUPT && r != E_AUTH) {
		wrong(name, off, e.msg);
	} else if (r == 0 && rep.ok) {
		wrong(name, off, "not noticed");
	} else {
		told++;
	}
	if (r == 0 && !rep.ok && strlen(name) == 4 + 2 * FMT_ID_LEN) {
		bool named = false;

		for (size_t i = 0; i < rep.nlisted; i++) {
			hex_put(id, rep.errors[i].seg, FMT_ID_LEN);
			named = named || (rep.errors[i].has_seg && strcmp(id, name + 4) == 0 &&
			    rep.errors[i].ngens == 1);
		}
		if (!named)
			wrong(name, off, "the segment and its generation are not named");
	}
	vault_verify_report_free(&rep);
}

static void
never_believed(const char *name, size_t off)
{
	VAULT_R *r = NULL;
	struct err e = {0};
	size_t n = 0;

	read_back++;
	if (vt_open(&v, fio_os(), &r, &e) < 0) {
		refused++;
		return;
	}
	const struct vault_generation *g = vault_r_list(r, &n);
	uint8_t sum[VT_SUM];

	if (n != 1 || memcmp(g->id, gen.id, FMT_ID_LEN) != 0) {
		wrong(name, off, "the generation is not listed and nothing is said");
	} else if (vt_sum_gen(r, g, sum, &e) < 0) {
		refused++;
		if (e.code != E_CORRUPT && e.code != E_PROTO && e.code != E_AUTH)
			wrong(name, off, e.msg);
	} else if (memcmp(sum, gen.sum, VT_SUM) != 0) {
		wrong(name, off, "other bytes were returned as data");
	}
	vault_r_close(r);
}

/* wanted(kind, off, size): Whether a short run looks at this byte. */
static bool
wanted(bool seg, size_t off, size_t size)
{
	size_t hashes = size - FMT_HEADER_LEN - fmt_hashes_len(fmt_pages_of_size(size));

	if (!seg || (full && (first_segment || off % 4 == 3)))
		return true;
	if (off < 512 || (off >= FMT_HEADER_LEN - 40 && off < FMT_HEADER_LEN + 64))
		return true;
	if (off >= size - FMT_HEADER_LEN)
		return off < size - FMT_HEADER_LEN + 128 || off >= size - 40 || off % 16 == 0;
	if (off >= hashes && off < hashes + 128)
		return true;
	if (off >= FMT_HEADER_LEN && off < FMT_HEADER_LEN + FMT_PAGE_LEN)
		return off % 16 == 5; /* the first page more closely */
	return off % 128 == 7;
}

static void
file(const char *name)
{
	char path[600];
	struct stat st;
	uint8_t *p;
	bool seg = strlen(name) == 4 + 2 * FMT_ID_LEN;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", v.repo, name);
	(void)chmod(path, 0600);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		vt_die(path);
	p = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void)close(fd);
	if (p == MAP_FAILED)
		vt_die(path);
	odd = 0;
	for (size_t off = 0; off < (size_t)st.st_size; off++) {
		if (!wanted(seg, off, (size_t)st.st_size))
			continue;
		for (int bit = 0; bit < (full && !seg ? 8 : 1); bit++) {
			uint8_t old = p[off];

			p[off] ^= full && !seg ? (uint8_t)(1 << bit) :
			    (uint8_t)(1 << (vt_rng(&rng) >> 33) % 8);
			noticed(name, off);
			if (!seg || off % 8 == 5)
				never_believed(name, off);
			p[off] = old;
		}
	}
	OK(odd == 0, "%s: every flipped bit is noticed and none returned as data",
	    seg ? "a segment" : name);
	(void)munmap(p, (size_t)st.st_size);
}

static void
segments(void)
{
	char names[16][2 * FMT_ID_LEN + 5];
	char path[400];
	struct dirent *de;
	size_t n = 0;
	DIR *d;

	(void)snprintf(path, sizeof(path), "%s/seg", v.repo);
	d = opendir(path);
	while (d && (de = readdir(d)) && n < ARRAY_LEN(names)) {
		if (strlen(de->d_name) == 2 * FMT_ID_LEN)
			(void)snprintf(names[n++], sizeof(names[0]), "seg/%.32s", de->d_name);
	}
	if (d)
		(void)closedir(d);
	OK(n == 2, "a segment of data and one of lists");
	for (size_t i = 0; i < n; i++) {
		first_segment = i == 0;
		file(names[i]);
	}
}

/* Files that go away, grow, shrink or change places. */
static void
files_moved(void)
{
	static const char *const names[] = {"mamori-vault", "log/log", "log/head"};
	char a[400], b[400];

	odd = 0;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct vault_verify_opts o = {.depth = VERIFY_DATA, .threads = 1};
		struct vault_verify_report rep;
		struct err e = {0};
		int r;

		(void)snprintf(a, sizeof(a), "%s/%s", v.repo, names[i]);
		(void)snprintf(b, sizeof(b), "%s/away", v.repo);
		if (rename(a, b) < 0)
			vt_die(a);
		r = vault_verify(fio_os(), v.repo, &o, &rep, &e);
		if (r == 0 && rep.ok)
			wrong(names[i], 0, "its absence is not noticed");
		vault_verify_report_free(&rep);
		if (rename(b, a) < 0)
			vt_die(a);
	}
	OK(odd == 0, "a missing file is noticed");
}

int
main(int argc, char **argv)
{
	struct vault_generation g;
	struct err e = {0};
	uint8_t mem[20000];
	char why[600] = "";

	full = (argc > 1 && strcmp(argv[1], "--full") == 0) || getenv("MAMORI_FULL");
	vt_new(&v);
	vt_noise(mem, sizeof(mem), 7);
	vt_put(&v, "画像.bin", mem, sizeof(mem), 0);
	vt_put(&v, "カルテ.txt", "髙橋 花子\n", 14, 0);
	vt_sum_source(&v, gen.sum);
	OK(vt_init(&v, fio_os(), &e) == 0 && vt_backup(&v, fio_os(), &g, &e) == 0, "a vault");
	(void)memcpy(gen.id, g.id, FMT_ID_LEN);
	OK(vt_check(&v, &gen, 1, why), "is good before (%s)", why);
	file("mamori-vault");
	file("log/log");
	file("log/head");
	segments();
	files_moved();
	OK(vt_check(&v, &gen, 1, why), "is good after (%s)", why);
	printf("# flips: %llu, noticed %llu; read with the key %llu, refused %llu\n",
	    (unsigned long long)flips, (unsigned long long)told, (unsigned long long)read_back,
	    (unsigned long long)refused);
	vt_free(&v);
	return tap_done();
}
