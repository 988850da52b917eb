/* Keys: what follows from the recovery key, what a writer holds, and the ring for drills. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "crypt/secret.h"
#include "vault/repo_int.h"

int
keys_derive(const uint8_t secret[PAPERKEY_LEN], struct keys_all *ret, struct err *e)
{
	const struct {
		const char *info;
		uint8_t *out;
	} list[] = {
		{"mamori vault index v1", ret->index},
		{"mamori vault dedup v1", ret->dedup},
		{"mamori vault sign v1", ret->sign},
		{"mamori vault seal v1", ret->seal},
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(list); i++)
		r = kdf_hkdf(secret, PAPERKEY_LEN, NULL, 0, list[i].info, list[i].out, 32, e);
	return r;
}

int
keys_place(const struct vault_place *pl, const uint8_t repo[FMT_ID_LEN], char out[64],
    struct err *e)
{
	if (pl->statefd < 0)
		return err_set(e, E_INVAL, "no state directory");
	(void)memcpy(out, "vault/", 6);
	hex_put(out + 6, repo, FMT_ID_LEN);
	return 0;
}

int
keys_place_make(const struct fio *f, const struct vault_place *pl, const uint8_t repo[FMT_ID_LEN],
    struct err *e)
{
	char path[64];
	int r = keys_place(pl, repo, path, e);

	if (r == 0)
		r = fio_mkdir(f, pl->statefd, "vault", 0700, e);
	if (r == 0)
		r = fio_sync(f, pl->statefd, e);
	if (r == 0)
		r = fio_mkdir(f, pl->statefd, path, 0700, e);
	return r == 0 ? fio_sync_dir(f, pl->statefd, "vault", e) : r;
}

static int
place_file(const struct vault_place *pl, const uint8_t repo[FMT_ID_LEN], const char *name,
    char out[128], struct err *e)
{
	char dir[64];
	int r = keys_place(pl, repo, dir, e);

	if (r == 0)
		(void)snprintf(out, 128, "%s/%s", dir, name);
	return r;
}

/* ---- the writer key file: lines of "name: hexadecimal" ---- */

struct field {
	const char *name;
	uint8_t *p;
	size_t n;
};

static size_t
fields_of(struct vault_writer_key *k, struct field out[6])
{
	const struct field list[6] = {
		{"repository", k->repo, sizeof(k->repo)},
		{"signing-seed", k->seed, sizeof(k->seed)},
		{"index-key", k->index, sizeof(k->index)},
		{"dedup-key", k->dedup, sizeof(k->dedup)},
		{"recovery-point", k->recovery, sizeof(k->recovery)},
		{"log-key", k->pin, sizeof(k->pin)},
	};

	(void)memcpy(out, list, sizeof(list));
	return ARRAY_LEN(list);
}

int
keys_save(const struct fio *f, const struct vault_place *pl, const struct vault_writer_key *k,
    struct err *e)
{
	struct vault_writer_key copy = *k;
	struct field list[6];
	size_t n = fields_of(&copy, list);
	char path[128], hex[2 * SEAL_PUB_LEN + 1];
	struct buf AUTO(buf_free) b = {0};
	int r;

	buf_init(&b, 4096);
	r = buf_fmt(&b, e, "mamori-writer-key: v1\nring: %d\n", k->ring);
	for (size_t i = 0; r == 0 && i < n; i++) {
		hex_put(hex, list[i].p, list[i].n);
		r = buf_fmt(&b, e, "%s: %s\n", list[i].name, hex);
	}
	if (r == 0)
		r = keys_place_make(f, pl, k->repo, e);
	if (r == 0)
		r = place_file(pl, k->repo, "writer.key", path, e);
	if (r == 0)
		r = fio_create(f, pl->statefd, path, b.p, b.len, 0600, e);
	if (b.p)
		explicit_bzero(b.p, b.cap);
	explicit_bzero(&copy, sizeof(copy));
	explicit_bzero(hex, sizeof(hex));
	return r;
}

static int
parse_line(const char *line, size_t n, struct field *list, size_t nlist, bool *seen)
{
	for (size_t i = 0; i < nlist; i++) {
		size_t name = strlen(list[i].name);
		char hex[2 * SEAL_PUB_LEN + 1];

		if (n != name + 2 + 2 * list[i].n || memcmp(line, list[i].name, name) != 0)
			continue;
		(void)memcpy(hex, line + name + 2, 2 * list[i].n);
		hex[2 * list[i].n] = 0;
		seen[i] = hex_get(list[i].p, list[i].n, hex) == 0;
		explicit_bzero(hex, sizeof(hex));
		return 0;
	}
	return -1;
}

int
vault_key_load(const struct fio *f, const struct vault_place *pl, const uint8_t repo[FMT_ID_LEN],
    struct vault_writer_key *ret, struct err *e)
{
	struct vault_writer_key k = {0};
	struct field list[6];
	size_t n = fields_of(&k, list);
	bool seen[6] = {0};
	char path[128];
	struct buf AUTO(buf_free) b = {0};
	const char *p, *end;
	int r;

	buf_init(&b, 4096);
	r = place_file(pl, repo, "writer.key", path, e);
	if (r == 0)
		r = fio_slurp(f, pl->statefd, path, &b, e);
	if (r == E_NOENT)
		return err_set(e, E_AUTH, "this machine holds no writer key for the vault");
	if (r < 0)
		return r;
	if (b.len < 22 || memcmp(b.p, "mamori-writer-key: v1\n", 22) != 0)
		return err_set(e, E_PROTO, "%s is not a writer key of this version", path);
	p = (const char *)b.p;
	end = p + b.len;
	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t len = nl ? (size_t)(nl - p) : (size_t)(end - p);

		if (len == 7 && memcmp(p, "ring: 1", 7) == 0)
			k.ring = true;
		(void)parse_line(p, len, list, n, seen); /* unknown lines are later additions */
		p += len + (nl ? 1 : 0);
	}
	explicit_bzero(b.p, b.len);
	for (size_t i = 0; i < n; i++) {
		if (!seen[i])
			return err_set(e, E_CORRUPT, "%s: the line \"%s\" is missing or damaged",
			    path, list[i].name);
	}
	if (memcmp(k.repo, repo, FMT_ID_LEN) != 0)
		return err_set(e, E_AUTH, "%s is the key of another vault", path);
	*ret = k;
	explicit_bzero(&k, sizeof(k));
	return 0;
}

/* ---- the ring: records of segment id (16) and key (32) ---- */

enum { RING_REC = FMT_ID_LEN + 32, RING_MAX = 64 << 20 };

void
ring_init(struct ring *g)
{
	map_init(&g->by_seg, RING_MAX / RING_REC);
}

void
ring_free(struct ring *g)
{
	size_t pos = 0;
	void *v;

	while ((v = map_each(&g->by_seg, &pos, NULL, NULL))) {
		explicit_bzero(v, 32);
		free(v);
	}
	map_free(&g->by_seg);
}

const uint8_t *
ring_get(const struct ring *g, const uint8_t seg[FMT_ID_LEN])
{
	return map_get(&g->by_seg, seg, FMT_ID_LEN);
}

int
ring_add(struct ring *g, const uint8_t seg[FMT_ID_LEN], const uint8_t key[32], struct err *e)
{
	uint8_t *copy;
	int r;

	if (ring_get(g, seg))
		return 0;
	copy = malloc(32);
	if (!copy)
		return err_set(e, E_NOMEM, "no memory");
	(void)memcpy(copy, key, 32);
	r = map_put(&g->by_seg, seg, FMT_ID_LEN, copy, e);
	if (r < 0)
		free(copy);
	return r;
}

int
ring_load(const struct fio *f, const struct vault_place *pl, const uint8_t repo[FMT_ID_LEN],
    struct ring *g, struct err *e)
{
	char path[128];
	struct buf AUTO(buf_free) b = {0};
	int r;

	buf_init(&b, RING_MAX);
	r = place_file(pl, repo, "ring", path, e);
	if (r == 0)
		r = fio_slurp(f, pl->statefd, path, &b, e);
	if (r == E_NOENT)
		return 0;
	/* a torn last record is a key that was never used by an acknowledged generation */
	for (size_t at = 0; r == 0 && at + RING_REC <= b.len; at += RING_REC)
		r = ring_add(g, b.p + at, b.p + at + FMT_ID_LEN, e);
	if (b.p)
		explicit_bzero(b.p, b.len);
	return r;
}

int
ring_append(const struct fio *f, const struct vault_place *pl, const uint8_t repo[FMT_ID_LEN],
    const uint8_t seg[FMT_ID_LEN], const uint8_t key[32], struct err *e)
{
	uint8_t rec[RING_REC];
	char path[128];
	int r, fd;
	off_t end;

	r = place_file(pl, repo, "ring", path, e);
	if (r < 0)
		return r;
	fd = fio_open(f, pl->statefd, path, O_WRONLY | O_CREAT, 0600, e);
	if (fd < 0)
		return fd;
	(void)memcpy(rec, seg, FMT_ID_LEN);
	(void)memcpy(rec + FMT_ID_LEN, key, 32);
	end = lseek(fd, 0, SEEK_END);
	if (end < 0)
		r = err_sys(e, "%s", path);
	else
		r = fio_pwrite_all(f, fd, rec, sizeof(rec), (uint64_t)(end - end % RING_REC), e);
	/* once it is in the log, later generations build on the segment: its key must be here */
	if (r == 0)
		r = fio_datasync(f, fd, e);
	fio_close(f, fd);
	explicit_bzero(rec, sizeof(rec));
	return r;
}

/* newest(repo, i): Whether generation ${i} is the newest of its system. */
static bool
newest(const struct repo *repo, size_t i)
{
	for (size_t k = i + 1; k < repo->ngens; k++) {
		if (repo->gens[k].info_ok && !repo->gens[k].removed &&
		    strcmp(repo->gens[k].info.name, repo->gens[i].info.name) == 0)
			return false;
	}
	return repo->gens[i].info_ok && !repo->gens[i].removed;
}

static int
keep_runs(const struct repo *repo, const struct vault_generation *gen, const struct ring *g,
    struct ring *kept, struct err *e)
{
	int r = 0;

	for (uint32_t i = 0; i < gen->nruns && r == 0; i++) {
		uint32_t first = gen->runs[i].first;

		for (uint32_t k = 0; k < gen->runs[i].count && r == 0; k++) {
			const uint8_t *id, *key;

			if (first + k >= repo->nsegs)
				break;
			id = repo->segs[first + k].rec.seg;
			key = ring_get(g, id);
			if (key)
				r = ring_add(kept, id, key, e);
		}
	}
	return r;
}

/* keep_unused(repo, g, kept, e): Segments that no generation needs yet are work of a run that is
 * going on, or was interrupted and will be continued; but for those that are removed. */
static int
keep_unused(const struct repo *repo, const struct ring *g, struct ring *kept, struct err *e)
{
	uint8_t *used = calloc(1, repo->nsegs / 8 + 1);
	const void *id;
	size_t pos = 0, n;
	void *key;
	int r = used ? 0 : err_set(e, E_NOMEM, "no memory");

	for (size_t i = 0; i < repo->ngens && r == 0; i++) {
		const struct vault_generation *gen = &repo->gens[i];

		for (uint32_t k = 0; k < gen->nruns; k++)
			for (uint32_t s = gen->runs[k].first;
			     s - gen->runs[k].first < gen->runs[k].count && s < repo->nsegs; s++)
				used[s / 8] |= (uint8_t)(1 << (s % 8));
	}
	while (r == 0 && (key = map_each(&g->by_seg, &pos, &id, &n))) {
		uint32_t no = repo_seg(repo, id);

		if (no != REPO_NOSEG && repo_gone(repo, no))
			continue;
		if (no == REPO_NOSEG || !(used[no / 8] & (1 << (no % 8))))
			r = ring_add(kept, id, key, e);
	}
	free(used);
	return r;
}

int
ring_prune(const struct fio *f, const struct vault_place *pl, struct repo *repo, struct ring *g,
    struct err *e)
{
	struct ring kept;
	struct buf AUTO(buf_free) b = {0};
	char path[128];
	const void *id;
	size_t pos = 0, n;
	void *key;
	int r;

	ring_init(&kept);
	buf_init(&b, RING_MAX);
	/* another writer of this machine may have added keys since */
	r = ring_load(f, pl, repo->ident.repo, g, e);
	for (size_t i = 0; i < repo->ngens && r == 0; i++) {
		if (newest(repo, i))
			r = keep_runs(repo, &repo->gens[i], g, &kept, e);
	}
	if (r == 0)
		r = keep_unused(repo, g, &kept, e);
	while (r == 0 && (key = map_each(&kept.by_seg, &pos, &id, &n))) {
		r = buf_put(&b, id, FMT_ID_LEN, e);
		if (r == 0)
			r = buf_put(&b, key, 32, e);
	}
	if (r == 0)
		r = place_file(pl, repo->ident.repo, "ring", path, e);
	if (r == 0)
		r = fio_replace(f, pl->statefd, path, b.p, b.len, 0600, e);
	if (b.p)
		explicit_bzero(b.p, b.len);
	if (r < 0) {
		ring_free(&kept);
		return r;
	}
	ring_free(g);
	*g = kept;
	return 0;
}
