/* Generations made by hand, entry by entry, as no honest writer would make them. */
#ifndef MAMORI_TESTS_VAULT_MKGEN_H
#define MAMORI_TESTS_VAULT_MKGEN_H

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "tap.h"
#include "vault/repo_int.h"
#include "vault/segw.h"
#include "vault/vault.h"

struct mk {
	char dir[128]; /* everything is below */
	char repo_path[160];
	struct vault_place place;
	uint8_t secret[PAPERKEY_LEN];
	struct vault_ident id;
	struct vault_writer_key key;
	struct repo *repo;
	struct signer *signer;
	struct seal_pub *recovery;
	struct hmac *dedup;
	struct segw_env env;
	struct segw *data;
	uint8_t data_seg[FMT_ID_LEN];
	struct fmt_segment_rec recs[2];
	/* what the next generation is bent like */
	void (*bend_block)(uint8_t *p, size_t n);
	uint32_t lie_count; /* added to the number of entries in the manifest */
};

static void
mk_die(const char *what, const struct err *e)
{
	printf("Bail out! %s: %s\n", what, e->msg);
	exit(1);
}

static void
mk_new(struct mk *m)
{
	struct vault_init in = {.now = 1700000000000000, .ring = true};
	const char *tmp = getenv("TMPDIR");
	struct err e = {0};
	uint8_t hash[DIGEST_LEN];

	(void)memset(m, 0, sizeof(*m));
	(void)snprintf(m->dir, sizeof(m->dir), "%.80s/mkgen.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(m->dir))
		mk_die("mkdtemp", &e);
	(void)snprintf(m->repo_path, sizeof(m->repo_path), "%s/repo", m->dir);
	m->place.statefd = open(m->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	(void)memset(m->secret, 7, sizeof(m->secret));
	(void)memcpy(in.secret, m->secret, sizeof(in.secret));
	if (vault_init(fio_os(), m->repo_path, &m->place, &in, &m->id, &e) < 0 ||
	    vault_key_load(fio_os(), &m->place, m->id.repo, &m->key, &e) < 0 ||
	    repo_open(fio_os(), m->repo_path, &m->repo, &e) < 0 ||
	    repo_index_key(m->repo, m->key.index, &e) < 0 ||
	    signer_new(m->key.seed, &m->signer, &e) < 0 ||
	    seal_pub_new(m->key.recovery, &m->recovery, &e) < 0 ||
	    hmac_new(m->key.dedup, 32, &m->dedup, &e) < 0)
		mk_die("a vault", &e);
	digest_sha256(m->key.recovery, SEAL_PUB_LEN, hash);
	m->env = (struct segw_env){.f = fio_os(), .tmpfd = m->repo->tmpfd, .recovery = m->recovery,
	    .index_key = m->key.index, .level = 1};
	(void)memcpy(m->env.repo, m->id.repo, FMT_ID_LEN);
	(void)memcpy(m->env.recipient, hash, 8);
}

static void
mk_free(struct mk *m)
{
	char cmd[400];

	hmac_free(m->dedup);
	seal_pub_free(m->recovery);
	signer_free(m->signer);
	repo_close(m->repo);
	(void)close(m->place.statefd);
	(void)snprintf(cmd, sizeof(cmd), "chmod -R u+rwx '%s'; rm -rf '%s'", m->dir, m->dir);
	if (system(cmd) != 0)
		printf("# could not remove %s\n", m->dir);
}

static uint32_t
mk_chunk(struct mk *m, struct segw *s, const void *p, size_t n)
{
	uint8_t id[FMT_CHUNK_ID_LEN];
	struct err e = {0};
	uint32_t off = 0;

	hmac_of(m->dedup, p, n, id);
	if (segw_add(s, id, p, n, &off, &e) < 0)
		mk_die("a chunk", &e);
	return off;
}

/* mk_data(m, en, x, p, n): Give an entry content: one chunk. */
static void
mk_data(struct mk *m, struct tree_entry *en, struct tree_extent *x, const void *p, size_t n)
{
	struct tree_fid *f = NULL;
	uint8_t id[FMT_CHUNK_ID_LEN], mac[1][DIGEST_LEN];
	struct err e = {0};

	if (!m->data) {
		if (segw_new(&m->env, FMT_DATA, &m->data, &e) < 0)
			mk_die("a segment", &e);
		(void)memcpy(m->data_seg, segw_id(m->data), FMT_ID_LEN);
	}
	*x = (struct tree_extent){.seg = m->data_seg, .off = mk_chunk(m, m->data, p, n), .len = n};
	en->extents = x;
	en->nextents = 1;
	en->size = n;
	hmac_of(m->dedup, p, n, id);
	if (tree_fid_new(m->dedup, &f, &e) < 0 || tree_fid_chunk(f, id, &e) < 0 ||
	    tree_fid_span(f, mac[0], &e) < 0)
		mk_die("a digest", &e);
	tree_fid_join(m->dedup, (const uint8_t (*)[DIGEST_LEN])mac, 1, en->fid);
	tree_fid_free(f);
}

static void
mk_segment(struct mk *m, struct segw *s, struct fmt_segment_rec *rec)
{
	struct err e = {0};
	struct buf b;

	buf_init(&b, 4096);
	if (segw_seal(s, false, rec, &e) < 0 || segw_publish(s, m->repo->segfd, &e) < 0 ||
	    fmt_segment_rec_put(&b, rec, &e) < 0 ||
	    ledger_append(m->repo->log, m->signer, FMT_LOG_SEGMENT, b.p, b.len, 1700000001000000,
	    NULL, &e) < 0)
		mk_die("a segment", &e);
	segw_free(s);
	buf_free(&b);
}

static void
mk_commit(struct mk *m, struct fmt_snap_info *info, const uint8_t *id)
{
	struct fmt_run run = {0, 0};
	struct fmt_snapshot_rec rec = {.nruns = 1, .runs = &run};
	struct buf sealed, b;
	struct err e = {0};

	buf_init(&sealed, 8192);
	buf_init(&b, 65536);
	(void)memcpy(rec.id, id, FMT_ID_LEN);
	if (repo_refresh(m->repo, &e) < 0 ||
	    repo_seal_info(m->key.index, id, info, &sealed, &e) < 0)
		mk_die("a generation", &e);
	run.count = m->repo->nsegs;
	rec.sealed = sealed.p;
	rec.sealed_len = sealed.len;
	if (fmt_snapshot_rec_put(&b, &rec, &e) < 0 ||
	    ledger_append(m->repo->log, m->signer, FMT_LOG_SNAPSHOT, b.p, b.len, 1700000002000000,
	    NULL, &e) < 0)
		mk_die("a generation", &e);
	buf_free(&sealed);
	buf_free(&b);
}

/* mk_generation(m, list, n): From entries in order. */
static void
mk_generation(struct mk *m, const struct tree_entry *list, size_t n)
{
	static uint8_t serial;
	struct fmt_snap_info info = {.name = "system", .files = n};
	struct tree_ref ref = {.dir = list[0].dir, .name = list[0].name, .count = (uint32_t)n};
	const char *src = "/src", *top = "src";
	struct tree_manifest man = {.name = "system", .host = "h", .nsources = 1, .sources = &src,
	    .tops = &top, .nrefs = 1, .refs = &ref};
	struct tree_block *b = NULL;
	struct segw *meta = NULL;
	struct err e = {0};
	struct buf bytes;
	int r = tree_block_new(&b, &e);

	(void)memset(man.id, ++serial, sizeof(man.id));
	buf_init(&bytes, TREE_MAX_BLOCK);
	for (size_t i = 0; i < n && r == 0; i++)
		r = tree_block_add(b, &list[i], &e);
	if (r == 0)
		r = tree_block_end(b, &bytes, &e);
	if (r == 0)
		r = segw_new(&m->env, FMT_META, &meta, &e);
	if (r < 0)
		mk_die("a list of files", &e);
	if (m->bend_block)
		m->bend_block(bytes.p, bytes.len);
	if (m->data)
		mk_segment(m, m->data, &m->recs[0]);
	m->data = NULL;
	ref.off = mk_chunk(m, meta, bytes.p, bytes.len);
	ref.len = (uint32_t)bytes.len;
	ref.count += m->lie_count;
	(void)memcpy(ref.seg, segw_id(meta), FMT_ID_LEN);
	buf_clear(&bytes);
	if (tree_manifest_put(&bytes, &man, &e) < 0)
		mk_die("a manifest", &e);
	(void)memcpy(info.manifest_seg, segw_id(meta), FMT_ID_LEN);
	info.manifest_off = mk_chunk(m, meta, bytes.p, bytes.len);
	info.manifest_len = (uint32_t)bytes.len;
	mk_segment(m, meta, &m->recs[1]);
	mk_commit(m, &info, man.id);
	tree_block_free(b);
	buf_free(&bytes);
	m->bend_block = NULL;
	m->lie_count = 0;
}

static struct tree_entry
mk_entry(const char *dir, const char *name, uint8_t type, const char *target)
{
	return (struct tree_entry){.dir = dir, .name = name, .type = type, .mode = 0755,
	    .uid = (uint32_t)geteuid(), .gid = (uint32_t)getegid(), .mtime = 1600000000,
	    .target = target};
}

#endif
