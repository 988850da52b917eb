/* A repository in which somebody with a valid writer key wrote what he liked. Reading says so,
 * never crashes, never returns what is not there, and the honest generation stays listed and
 * readable: whoever can add must not be able to lock others out of what was added before. */
#include "fault/rawseg.h"
#include "fault/vlib.h"
#include "tap.h"
#include "vault/segw.h"
#include "vault/verify.h"

static struct vt v, s; /* the good one; the copy that is spoilt */
static struct vt_gen honest = {.acked = true};
static struct vault_generation first;
static struct vault_writer_key key;
static struct signer *signer;
static struct repo *repo;

static void
spoil_begin(void)
{
	struct err e = {0};

	s = v;
	(void)snprintf(s.top, sizeof(s.top), "%.200s/s", v.top);
	vt_paths(&s);
	(void)memcpy(s.src, v.src, sizeof(s.src));
	if (mkdir(s.top, 0700) < 0)
		vt_die(s.top);
	vt_copy(v.repo, s.repo);
	vt_copy(v.state, s.state);
	vt_state_open(&s);
	if (vault_key_load(fio_os(), &s.place, first.info.manifest_seg, &key, &e) == 0)
		vt_die("a key for something that is no vault");
	if (repo_open(fio_os(), s.repo, &repo, &e) < 0 ||
	    vault_key_load(fio_os(), &s.place, repo->ident.repo, &key, &e) < 0 ||
	    signer_new(key.seed, &signer, &e) < 0)
		vt_die(e.msg);
}

static void
put(struct signer *by, uint16_t type, const void *p, size_t n)
{
	struct err e = {0};

	if (ledger_append(repo->log, by, type, p, n, 1, NULL, &e) < 0)
		vt_die(e.msg);
}

/* spoil_end(what, writer): ${writer}: whether backups still run. */
static void
spoil_end(const char *what, bool sound)
{
	struct vault_verify_opts o = {.depth = VERIFY_DEEP, .secret = v.secret, .threads = 1};
	struct vault_verify_report rep;
	const struct vault_generation *g = NULL;
	struct err e = {0}, odd = {0};
	char why[600] = "", hex[2 * FMT_ID_LEN + 1];
	VAULT_R *r = NULL;
	VAULT_W *w = NULL;
	int x, y;

	repo_close(repo);
	signer_free(signer);
	OK(vt_check(&s, &honest, 1, why), "%s: the honest generation is readable (%s)", what, why);
	x = vt_open(&s, fio_os(), &r, &e);
	hex_put(hex, honest.id, FMT_ID_LEN);
	OK(x == 0 && vault_r_find(r, hex, &g, &e) == 0 && g->seq == first.seq,
	    "%s: and found by its number (%s)", what, e.msg);
	x = x == 0 ? vault_r_sound(r, &odd) : x;
	OK((x == 0) == sound, "%s: %s", what, x ? odd.msg : "nothing odd");
	vault_r_close(r);
	x = vault_verify(fio_os(), s.repo, &o, &rep, &e);
	OK(x == 0 && rep.ok == sound, "%s: verify agrees (%s)", what,
	    rep.nlisted ? rep.errors[0].why : e.msg);
	vault_verify_report_free(&rep);
	y = vault_w_open(fio_os(), s.repo, &s.place, &w, &e);
	OK((y == 0) == sound, "%s: writers %s", what, sound ? "go on" : "stop and say why");
	vault_w_close(w);
	vt_free(&s);
}

static void
bad_records(void)
{
	struct fmt_snapshot_rec snap = {.nruns = 1};
	struct fmt_run run = {0, 1000};
	struct signer *other = NULL;
	uint8_t seed[SIGN_SEED_LEN] = {9}, junk[40];
	struct buf b;

	(void)memset(junk, 0xee, sizeof(junk));
	spoil_begin();
	put(signer, FMT_LOG_SEGMENT, junk, sizeof(junk));
	spoil_end("a segment record of junk", false);
	spoil_begin();
	put(signer, FMT_LOG_SNAPSHOT, junk, sizeof(junk));
	spoil_end("a generation record of junk", false);

	spoil_begin();
	buf_init(&b, 4096);
	if (fmt_segment_rec_put(&b, &repo->segs[0].rec, NULL) < 0)
		vt_die("record");
	put(signer, FMT_LOG_SEGMENT, b.p, b.len);
	spoil_end("a segment entered twice", false);

	spoil_begin();
	buf_clear(&b);
	snap.runs = &run;
	snap.sealed = junk;
	snap.sealed_len = sizeof(junk);
	if (fmt_snapshot_rec_put(&b, &snap, NULL) < 0)
		vt_die("record");
	put(signer, FMT_LOG_SNAPSHOT, b.p, b.len);
	spoil_end("a generation that needs segments nobody has", false);

	spoil_begin();
	buf_clear(&b);
	run.count = 1;
	(void)memcpy(snap.id, honest.id, FMT_ID_LEN);
	if (fmt_snapshot_rec_put(&b, &snap, NULL) < 0)
		vt_die("record");
	put(signer, FMT_LOG_SNAPSHOT, b.p, b.len);
	spoil_end("a generation under another one's number", false);

	spoil_begin();
	if (signer_new(seed, &other, NULL) < 0 ||
	    ledger_enrol(repo->log, signer, signer_pub(other), 1, NULL) < 0)
		vt_die("enrol");
	put(other, FMT_LOG_SNAPSHOT, junk, sizeof(junk));
	spoil_end("a writer admitted by a writer", false);
	signer_free(other);

	spoil_begin();
	put(signer, 99, junk, sizeof(junk));
	spoil_end("a record of a later version", true);
	buf_free(&b);
}

/* ---- generations that point where they should not ---- */

static struct segw *segw;
static struct segw_env env;
static struct seal_pub *recovery;

static void
lists_begin(void)
{
	uint8_t hash[DIGEST_LEN];
	struct err e = {0};

	spoil_begin();
	if (repo_index_key(repo, key.index, &e) < 0 ||
	    seal_pub_new(key.recovery, &recovery, &e) < 0)
		vt_die(e.msg);
	digest_sha256(key.recovery, SEAL_PUB_LEN, hash);
	env = (struct segw_env){.f = fio_os(), .tmpfd = repo->tmpfd, .recovery = recovery,
	    .index_key = key.index, .level = 1};
	(void)memcpy(env.repo, repo->ident.repo, FMT_ID_LEN);
	(void)memcpy(env.recipient, hash, 8);
	if (segw_new(&env, FMT_META, &segw, &e) < 0)
		vt_die(e.msg);
}

static uint32_t
chunk(const void *p, size_t n)
{
	uint8_t id[FMT_CHUNK_ID_LEN] = {1};
	uint32_t off;

	if (segw_add(segw, id, p, n, &off, NULL) < 0)
		vt_die("chunk");
	return off;
}

/* generation(seg, off, len): A record whose list of lists lies there. */
static void
generation(const uint8_t *seg, uint32_t off, uint32_t len, const uint8_t id[FMT_ID_LEN])
{
	struct fmt_snap_info info = {.name = "敵", .manifest_off = off, .manifest_len = len};
	struct fmt_run run = {0, repo->nsegs};
	struct fmt_snapshot_rec snap = {.nruns = 1, .runs = &run};
	struct buf sealed, b;

	buf_init(&sealed, 8192);
	buf_init(&b, 16384);
	(void)memcpy(info.manifest_seg, seg, FMT_ID_LEN);
	(void)memcpy(snap.id, id, FMT_ID_LEN);
	if (repo_seal_info(key.index, id, &info, &sealed, NULL) < 0)
		vt_die("seal");
	snap.sealed = sealed.p;
	snap.sealed_len = sealed.len;
	if (fmt_snapshot_rec_put(&b, &snap, NULL) < 0)
		vt_die("record");
	put(signer, FMT_LOG_SNAPSHOT, b.p, b.len);
	buf_free(&sealed);
	buf_free(&b);
}

static void
publish(void)
{
	struct fmt_segment_rec rec;
	struct buf b;

	buf_init(&b, 4096);
	if (segw_seal(segw, false, &rec, NULL) < 0 || segw_publish(segw, repo->segfd, NULL) < 0 ||
	    fmt_segment_rec_put(&b, &rec, NULL) < 0)
		vt_die("segment");
	put(signer, FMT_LOG_SEGMENT, b.p, b.len);
	if (repo_refresh(repo, NULL) < 0)
		vt_die("refresh");
	buf_free(&b);
}

/* refused(what): The newest generation is listed, not readable, and said to be damaged. */
static void
refused(const char *what)
{
	const struct vault_generation *g;
	struct err e = {0};
	VAULT_R *r = NULL;
	uint8_t sum[VT_SUM];
	char why[600] = "";
	int x;

	segw_free(segw);
	seal_pub_free(recovery);
	repo_close(repo);
	signer_free(signer);
	x = vt_open(&s, fio_os(), &r, &e);
	if (x == 0)
		x = vault_r_find(r, "敵", &g, &e);
	OK(x == 0, "%s: listed (%s)", what, e.msg);
	if (x == 0)
		x = vt_sum_gen(r, g, sum, &e);
	OK(x == E_CORRUPT || x == E_LIMIT || x == E_NOENT, "%s: refused (%d %s)", what, x, e.msg);
	x = vault_r_find(r, "src", &g, &e);
	OK(x == 0 && vt_sum_gen(r, g, sum, &e) == 0 && memcmp(sum, honest.sum, VT_SUM) == 0,
	    "%s: the honest one reads back", what);
	(void)why;
	vault_r_close(r);
	vt_free(&s);
}

static uint32_t
manifest(struct buf *b, const uint8_t id[FMT_ID_LEN], const struct tree_ref *ref)
{
	static const char *const sources[] = {"/src"}, *const tops[] = {"src"};
	struct tree_manifest m = {.name = "敵", .host = "h", .nsources = 1, .nrefs = 1};
	struct tree_ref copy = *ref;

	(void)memcpy(m.id, id, FMT_ID_LEN);
	m.sources = (const char **)(uintptr_t)sources;
	m.tops = (const char **)(uintptr_t)tops;
	m.refs = &copy;
	buf_clear(b);
	if (tree_manifest_put(b, &m, NULL) < 0)
		vt_die("manifest");
	return chunk(b->p, b->len);
}

static void
bad_lists(void)
{
	struct tree_extent ext = {.off = 0, .len = 5000};
	struct tree_entry en = {.dir = "", .name = "x", .type = TREE_FILE, .mode = 0600,
		.size = 5000, .extents = &ext, .nextents = 1};
	const struct {
		const char *what;
		uint32_t off, len;
	} refs[] = {
		{"a list past the segment's end", 1 << 27, 100},
		{"a list that runs past the end", 0, 1 << 20},
		{"a list in its own list of lists", 0, 50},
	};
	uint8_t id[FMT_ID_LEN] = {0x77}, none[FMT_ID_LEN] = {0x55};
	struct tree_block *tb = NULL;
	struct buf b;
	uint32_t at;

	buf_init(&b, 1 << 20);
	for (size_t i = 0; i < ARRAY_LEN(refs); i++) {
		struct tree_ref ref = {.dir = "", .name = "src", .off = refs[i].off,
			.len = refs[i].len, .count = 1};

		lists_begin();
		(void)memcpy(ref.seg, segw_id(segw), FMT_ID_LEN);
		at = manifest(&b, id, &ref);
		publish();
		generation(segw_id(segw), at, (uint32_t)b.len, id);
		refused(refs[i].what);
	}
	for (int i = 0; i < 3; i++) {
		struct tree_ref ref = {.dir = "", .name = "x", .count = 1};

		lists_begin();
		ext.seg = i == 0 ? none : segw_id(segw);
		ext.off = i == 1 ? 1 << 26 : 0;
		en.dir = "src";
		if (tree_block_new(&tb, NULL) < 0 || tree_block_add(tb, &en, NULL) < 0)
			vt_die("block");
		buf_clear(&b);
		if (tree_block_end(tb, &b, NULL) < 0)
			vt_die("block");
		tree_block_free(tb);
		ref.len = (uint32_t)b.len;
		(void)memcpy(ref.seg, segw_id(segw), FMT_ID_LEN);
		ref.off = chunk(b.p, b.len);
		at = manifest(&b, id, &ref);
		publish();
		generation(segw_id(segw), at, (uint32_t)b.len, id);
		refused(i == 0 ? "a piece in a segment nobody has" : i == 1 ?
		    "a piece past the end" : "a piece longer than the segment");
	}
	lists_begin();
	(void)chunk("x", 1);
	publish();
	generation(repo->segs[0].rec.seg, 0, 4000, id);
	refused("a list of lists that is a patient's file");
	lists_begin();
	(void)chunk("x", 1);
	publish();
	generation(none, 0, 4000, id);
	refused("a list of lists in no segment");
	lists_begin();
	at = manifest(&b, none, &(struct tree_ref){.dir = "", .name = "src", .len = 1, .count = 1});
	publish();
	generation(segw_id(segw), at, (uint32_t)b.len, id);
	refused("another generation's list of lists");
	buf_free(&b);
}

/* ---- segments that are wrong inside ---- */

static void
bad_segment(const char *what, const void *toc, size_t toc_len, const void *body, size_t body_len,
    const struct fmt_trailer *t)
{
	uint8_t dek[32] = {3}, hash[DIGEST_LEN], id[FMT_ID_LEN] = {0x78};
	struct rawseg raw = {.dek = dek, .toc = toc, .toc_len = toc_len, .body = body,
		.body_len = body_len, .trailer = t};
	char name[2 * FMT_ID_LEN + 1];
	struct buf b;
	int fd;

	lists_begin();
	(void)memset(raw.id, 0x42, FMT_ID_LEN);
	(void)memcpy(raw.repo, repo->ident.repo, FMT_ID_LEN);
	raw.index_key = key.index;
	raw.to = recovery;
	digest_sha256(key.recovery, SEAL_PUB_LEN, hash);
	(void)memcpy(raw.recipient, hash, 8);
	hex_put(name, raw.id, FMT_ID_LEN);
	fd = openat(repo->segfd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	rawseg_write(&raw, fd);
	(void)close(fd);
	buf_init(&b, 4096);
	if (fmt_segment_rec_put(&b, &raw.rec, NULL) < 0)
		vt_die("record");
	put(signer, FMT_LOG_SEGMENT, b.p, b.len);
	if (repo_refresh(repo, NULL) < 0)
		vt_die("refresh");
	buf_free(&b);
	generation(raw.id, 0, 600, id);
	refused(what);
}

static size_t
toc_of(uint8_t *out, uint32_t groups, const uint64_t *ulen_raw, const uint64_t *clen,
    uint64_t chunk_len)
{
	struct buf b;
	size_t n;

	buf_init(&b, 4096);
	(void)!buf_u8(&b, 1, NULL);
	(void)!buf_var(&b, groups, NULL);
	(void)!buf_var(&b, 1, NULL);
	for (uint32_t i = 0; i < groups && i < 2; i++) {
		(void)!buf_var(&b, ulen_raw[i], NULL);
		if (!(ulen_raw[i] & 1))
			(void)!buf_var(&b, clen[i], NULL);
	}
	(void)!buf_var(&b, chunk_len, NULL);
	for (int i = 0; i < FMT_CHUNK_ID_LEN; i++)
		(void)!buf_u8(&b, 5, NULL);
	n = b.len;
	(void)memcpy(out, b.p, n);
	buf_free(&b);
	return n;
}

static void
bad_segments(void)
{
	uint8_t toc[4096], body[2000];
	struct fmt_trailer t = {.toc_page = 1, .toc_len = 50, .body_len = 1000};
	size_t n;

	(void)memset(body, 0x5a, sizeof(body));
	n = toc_of(toc, 1, (uint64_t[]){2 * 60000}, (uint64_t[]){1000}, 60000);
	bad_segment("a group that does not decompress", toc, n, body, 1000, NULL);
	n = toc_of(toc, 1, (uint64_t[]){UINT64_MAX}, (uint64_t[]){0}, 1000);
	bad_segment("a group of giant length", toc, n, body, 1000, NULL);
	n = toc_of(toc, 2, (uint64_t[]){1001, 1001}, (uint64_t[]){0, 0}, 1000);
	bad_segment("groups that need more body than there is", toc, n, body, 700, NULL);
	n = toc_of(toc, 1, (uint64_t[]){2001}, (uint64_t[]){0}, 1);
	bad_segment("groups that end before the body", toc, n, body, 2000, NULL);
	n = toc_of(toc, 0xffffff, (uint64_t[]){2001, 1}, (uint64_t[]){0, 0}, 1);
	bad_segment("millions of groups in forty bytes", toc, n, body, 1000, NULL);
	bad_segment("no table", toc, 0, body, 1000, NULL);
	n = toc_of(toc, 1, (uint64_t[]){2001}, (uint64_t[]){0}, 1000);
	t.toc_page = 77;
	bad_segment("a table outside the file", toc, n, body, 1000, &t);
	t.toc_page = 0;
	bad_segment("a table that is the body", toc, n, body, 1000, &t);
	t = (struct fmt_trailer){.toc_page = 1, .toc_len = UINT32_MAX, .body_len = 1000};
	bad_segment("a table of four gigabytes", toc, n, body, 1000, &t);
	t = (struct fmt_trailer){.toc_page = 1, .toc_len = (uint32_t)n, .body_len = UINT64_MAX};
	bad_segment("an endless body", toc, n, body, 1000, &t);
}

int
main(void)
{
	struct err e = {0};
	char why[600] = "";

	vt_new(&v);
	vt_put(&v, "カルテ", "髙橋 花子: ペニシリン\n", 31, 0);
	vt_sum_source(&v, honest.sum);
	OK(vt_init(&v, fio_os(), &e) == 0 && vt_backup(&v, fio_os(), &first, &e) == 0,
	    "an honest generation (%s)", e.msg);
	(void)memcpy(honest.id, first.id, FMT_ID_LEN);
	OK(vt_check(&v, &honest, 1, why), "reads back");
	bad_records();
	bad_lists();
	bad_segments();
	vt_free(&v);
	return tap_done();
}
