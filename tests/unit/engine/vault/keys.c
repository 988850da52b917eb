/* What follows from the recovery key is pinned; the writer's key file is refused when a line is
 * missing or wrong; the ring loses nothing but comfort when it is damaged. */
#include "vault/repo_int.h"

#include <fcntl.h>

#include "fault/vlib.h"
#include "tap.h"

static struct vt v;
static uint8_t repo_id[FMT_ID_LEN] = {0xab, 1, 2, 3};

static void
derived(void)
{
	uint8_t secret[PAPERKEY_LEN];
	struct keys_all k;
	char hex[65];
	const struct {
		const uint8_t *p;
		const char *want, *what;
	} row[] = {
		{k.index, "189fd6a95d3ccd0d56bf29c0549f0b90f50d4a38b1329e6087820878dc40001d",
		    "the index key"},
		{k.dedup, "230eeec52eb65ea8b28cc33379f299b4b9dff1412ef73cca04b54533f9d558cc",
		    "the key of chunk ids"},
		{k.sign, "acbce03be00f882f83f82dc0167833866cb72b315d2ddda4cc08dcaa919bf310",
		    "the seed of the log's first key"},
		{k.seal, "f913e8f1abf8f448564be3af2ee0c74e022dc590ad3f9eb76ad308178fd0b947",
		    "the seed of the recovery point"},
	};

	for (size_t i = 0; i < sizeof(secret); i++)
		secret[i] = (uint8_t)i;
	OK(keys_derive(secret, &k, NULL) == 0, "keys from a recovery key");
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		hex_put(hex, row[i].p, 32);
		EQ_S(hex, row[i].want, row[i].what);
	}
}

static struct vault_writer_key
a_key(void)
{
	struct vault_writer_key k = {.ring = true};

	(void)memcpy(k.repo, repo_id, FMT_ID_LEN);
	(void)memset(k.seed, 1, sizeof(k.seed));
	(void)memset(k.index, 2, sizeof(k.index));
	(void)memset(k.dedup, 3, sizeof(k.dedup));
	(void)memset(k.recovery, 4, sizeof(k.recovery));
	(void)memset(k.pin, 5, sizeof(k.pin));
	return k;
}

static size_t
slurp(const char *name, char *out, size_t max)
{
	char path[128];
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "vault/ab010203000000000000000000000000/%s", name);
	fd = openat(v.place.statefd, path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, out, max);
	if (fd >= 0)
		(void)close(fd);
	return n > 0 ? (size_t)n : 0;
}

static void
spill(const char *name, const void *p, size_t n)
{
	char path[128];
	int fd;

	(void)snprintf(path, sizeof(path), "vault/ab010203000000000000000000000000/%s", name);
	fd = openat(v.place.statefd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, p, n) != (ssize_t)n)
		vt_die(path);
	(void)close(fd);
}

static void
key_file(void)
{
	struct vault_writer_key k = a_key(), got;
	struct err e = {0};
	char text[2048], bad[2048];
	uint8_t other[FMT_ID_LEN] = {9};
	struct stat st;
	size_t n;
	int odd = 0;

	EQ_I(vault_key_load(fio_os(), &v.place, repo_id, &got, &e), E_AUTH, "no key yet");
	OK(keys_save(fio_os(), &v.place, &k, &e) == 0, "saved (%s)", e.msg);
	OK(vault_key_load(fio_os(), &v.place, repo_id, &got, &e) == 0 &&
	    memcmp(got.seed, k.seed, 32) == 0 && memcmp(got.index, k.index, 32) == 0 &&
	    memcmp(got.dedup, k.dedup, 32) == 0 && memcmp(got.pin, k.pin, 32) == 0 &&
	    memcmp(got.recovery, k.recovery, SEAL_PUB_LEN) == 0 && got.ring, "and loaded");
	EQ_I(keys_save(fio_os(), &v.place, &k, &e), E_EXIST, "it is never written over");
	(void)fstatat(v.place.statefd, "vault/ab010203000000000000000000000000/writer.key", &st, 0);
	EQ_I(st.st_mode & 0777, 0600, "nobody else may read it");
	n = slurp("writer.key", text, sizeof(text));
	for (size_t cut = 0; cut + 1 < n; cut++) {
		spill("writer.key", text, cut);
		odd += vault_key_load(fio_os(), &v.place, repo_id, &got, &e) == 0;
	}
	EQ_I(odd, 0, "cut anywhere it is refused");
	for (size_t i = 0; i < n; i++) {
		(void)memcpy(bad, text, n);
		bad[i] = '!';
		spill("writer.key", bad, n);
		odd += vault_key_load(fio_os(), &v.place, repo_id, &got, &e) == 0 &&
		    memcmp(&got, &k, offsetof(struct vault_writer_key, ring)) != 0;
	}
	EQ_I(odd, 0, "no wrong character makes another key");
	(void)memcpy(bad, text, n);
	(void)memcpy(bad + n, "later-line: 1\n", 14);
	spill("writer.key", bad, n + 14);
	EQ_I(vault_key_load(fio_os(), &v.place, repo_id, &got, &e), 0, "later lines do no harm");
	spill("writer.key", "mamori-writer-key: v2\n", 22);
	EQ_I(vault_key_load(fio_os(), &v.place, repo_id, &got, &e), E_PROTO, "a newer file");
	EQ_I(vault_key_load(fio_os(), &v.place, other, &got, &e), E_AUTH, "another vault's");
	EQ_I(vault_key_load(fio_os(), &(struct vault_place){-1}, repo_id, &got, &e), E_INVAL,
	    "no state directory");
}

static void
ring(void)
{
	uint8_t seg[3][FMT_ID_LEN] = {{1}, {2}, {3}}, key[3][32] = {{11}, {12}, {13}};
	char raw[1024];
	struct ring g;
	size_t n;

	ring_init(&g);
	OK(ring_load(fio_os(), &v.place, repo_id, &g, NULL) == 0 && !ring_get(&g, seg[0]),
	    "no ring yet");
	for (int i = 0; i < 3; i++) {
		if (ring_append(fio_os(), &v.place, repo_id, seg[i], key[i], NULL) < 0)
			vt_die("ring");
	}
	OK(ring_load(fio_os(), &v.place, repo_id, &g, NULL) == 0 && ring_get(&g, seg[2]) &&
	    memcmp(ring_get(&g, seg[2]), key[2], 32) == 0, "three keys come back");
	ring_free(&g);
	n = slurp("ring", raw, sizeof(raw));
	EQ_I(n, 3 * 48, "48 bytes each");
	spill("ring", raw, n - 20);
	ring_init(&g);
	OK(ring_load(fio_os(), &v.place, repo_id, &g, NULL) == 0 && ring_get(&g, seg[1]) &&
	    !ring_get(&g, seg[2]), "a torn last one is left out");
	ring_free(&g);
	if (ring_append(fio_os(), &v.place, repo_id, seg[2], key[2], NULL) < 0)
		vt_die("ring");
	ring_init(&g);
	OK(slurp("ring", raw, sizeof(raw)) == 3 * 48 &&
	    ring_load(fio_os(), &v.place, repo_id, &g, NULL) == 0 && ring_get(&g, seg[2]),
	    "and its place taken by the next");
	ring_free(&g);
}

/* A ring whose keys are wrong: the segment is not called damaged, the recovery key reads it. */
static void
wrong_ring(void)
{
	struct vault_generation g;
	struct vault_ident id;
	struct err e = {0};
	VAULT_R *r = NULL;
	uint8_t raw[4096], sum[VT_SUM], want[VT_SUM];
	char path[128] = "vault/";
	size_t have = 0;
	ssize_t n;
	int fd;

	vt_put(&v, "a", "karte", 5, 0);
	vt_sum_source(&v, want);
	if (vt_init(&v, fio_os(), &e) < 0 || vt_backup(&v, fio_os(), &g, &e) < 0 ||
	    vault_identify(fio_os(), v.repo, &id, &e) < 0)
		vt_die(e.msg);
	hex_put(path + 6, id.repo, FMT_ID_LEN);
	(void)snprintf(path + 38, sizeof(path) - 38, "/ring");
	fd = openat(v.place.statefd, path, O_RDWR | O_CLOEXEC);
	n = pread(fd, raw, sizeof(raw), 0);
	for (ssize_t i = 40; i < n; i += 48)
		raw[i] ^= 1;
	if (n < 48 || pwrite(fd, raw, (size_t)n, 0) != n)
		vt_die(path);
	(void)close(fd);
	if (vault_r_open(fio_os(), v.repo, &(struct vault_open){.place = &v.place}, &r, &e) < 0)
		vt_die(e.msg);
	EQ_I(vt_sum_gen(r, vault_r_list(r, &have), sum, &e), E_AUTH,
	    "a wrong kept key asks for the recovery key");
	vault_r_close(r);
	OK(vt_open(&v, fio_os(), &r, &e) == 0 &&
	    vt_sum_gen(r, vault_r_list(r, &have), sum, &e) == 0 && memcmp(sum, want, VT_SUM) == 0,
	    "which reads everything");
	vault_r_close(r);
}

int
main(void)
{
	vt_new(&v);
	derived();
	key_file();
	ring();
	wrong_ring();
	vt_free(&v);
	return tap_done();
}
