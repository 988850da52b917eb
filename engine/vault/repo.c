/* A repository: making one, identifying one, reading its log. */
#include "vault/repo_int.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "crypt/secret.h"
#include "vault/keep.h"
#include "vault/remote.h"

static const char ident_name[] = "mamori-vault";
static const char ident_head[] = "MAMORI-VAULT 1\n";

static const char ident_tail[] =
    "\n"
    "これは Mamori（守り）の保管庫です。中身は暗号化されています。消したり動かしたりしないでください。\n"
    "戻し方: mamori vault restore この場所 latest --to 戻す先 --key 復旧鍵のファイル\n"
    "\n"
    "This is a Mamori vault. Its content is encrypted. Do not delete or move anything here.\n"
    "To get data back: mamori vault restore THIS-PLACE latest --to TARGET --key "
    "RECOVERY-KEY-FILE\n";

int
repo_place(const struct fio *f, const char *path, struct err *e)
{
	char place[PATH_MAX];
	int n = snprintf(place, sizeof(place), "%s/.", path);

	if (n < 0 || (size_t)n >= sizeof(place))
		return err_set(e, E_INVAL, "the path is too long");
	return fio_open(f, AT_FDCWD, place, O_RDONLY | O_DIRECTORY, 0, e);
}

/* ---- identification ---- */

enum {
	IDENT_HEAD = sizeof(ident_head) - 1,
	IDENT_ID = 4 + 2 * FMT_ID_LEN + 1,
	IDENT_PIN = 5 + 2 * SIGN_PUB_LEN + 1,
	IDENT_SUM = 5 + 2 * DIGEST_LEN + 1,
	IDENT_FIXED = IDENT_HEAD + IDENT_ID + IDENT_PIN, /* then the line with the sum */
};

/* ident_sum(p, n, tail, tail_n, out): The line that covers all others. */
static void
ident_sum(const void *p, size_t n, const void *tail, size_t tail_n, char out[IDENT_SUM + 1])
{
	struct iovec iov[2] = {
		{.iov_base = (void *)(uintptr_t)p, .iov_len = n},
		{.iov_base = (void *)(uintptr_t)tail, .iov_len = tail_n},
	};
	uint8_t sum[DIGEST_LEN];
	char hex[2 * DIGEST_LEN + 1];

	digest_sha256v(iov, 2, sum);
	hex_put(hex, sum, DIGEST_LEN);
	(void)snprintf(out, IDENT_SUM + 1, "sum: %s\n", hex);
}

int
repo_ident_text(struct buf *b, const struct vault_ident *id, struct err *e)
{
	char repo[2 * FMT_ID_LEN + 1], pin[2 * SIGN_PUB_LEN + 1], sum[IDENT_SUM + 1];
	int r;

	hex_put(repo, id->repo, FMT_ID_LEN);
	hex_put(pin, id->pin, SIGN_PUB_LEN);
	r = buf_fmt(b, e, "%sid: %s\nlog: %s\n", ident_head, repo, pin);
	if (r < 0)
		return r;
	ident_sum(b->p, b->len, ident_tail, sizeof(ident_tail) - 1, sum);
	return buf_fmt(b, e, "%s%s", sum, ident_tail);
}

int
repo_ident_read(const struct buf *b, struct vault_ident *ret, struct err *e)
{
	enum { HEAD = sizeof(ident_head) - 1, ID = 4 + 2 * FMT_ID_LEN + 1 };
	const char *p = (const char *)b->p;
	char hex[2 * SIGN_PUB_LEN + 1];

	if (b->len < HEAD || memcmp(p, "MAMORI-VAULT ", 13) != 0)
		return err_set(e, E_PROTO, "this is not a Mamori vault");
	if (memcmp(p, ident_head, HEAD) != 0)
		return err_set(e, E_PROTO, "this vault was made by a newer Mamori");
	if (b->len < HEAD + ID + 5 + 2 * SIGN_PUB_LEN + 1)
		return err_set(e, E_CORRUPT, "the file %s is damaged", ident_name);
	p += HEAD;
	(void)memcpy(hex, p + 4, 2 * FMT_ID_LEN);
	hex[2 * FMT_ID_LEN] = 0;
	if (memcmp(p, "id: ", 4) != 0 || hex_get(ret->repo, FMT_ID_LEN, hex) < 0)
		return err_set(e, E_CORRUPT, "the file %s is damaged", ident_name);
	p += ID;
	(void)memcpy(hex, p + 5, 2 * SIGN_PUB_LEN);
	hex[2 * SIGN_PUB_LEN] = 0;
	if (memcmp(p, "log: ", 5) != 0 || hex_get(ret->pin, SIGN_PUB_LEN, hex) < 0)
		return err_set(e, E_CORRUPT, "the file %s is damaged", ident_name);
	return 0;
}

int
repo_ident_whole(const struct fio *f, int dirfd, struct err *e)
{
	struct buf AUTO(buf_free) b = {0};
	char sum[IDENT_SUM + 1];
	int r;

	buf_init(&b, 8192);
	r = fio_slurp(f, dirfd, ident_name, &b, e);
	if (r < 0)
		return r;
	if (b.len < IDENT_FIXED + IDENT_SUM)
		return err_set(e, E_CORRUPT, "the file %s is damaged", ident_name);
	ident_sum(b.p, IDENT_FIXED, b.p + IDENT_FIXED + IDENT_SUM,
	    b.len - IDENT_FIXED - IDENT_SUM, sum);
	if (memcmp(sum, b.p + IDENT_FIXED, IDENT_SUM) != 0)
		return err_set(e, E_CORRUPT, "the file %s is damaged", ident_name);
	return 0;
}

static int
identify_at(const struct fio *f, int dirfd, struct vault_ident *ret, struct err *e)
{
	struct buf AUTO(buf_free) b = {0};
	int r;

	buf_init(&b, 8192);
	r = fio_slurp(f, dirfd, ident_name, &b, e);
	if (r == E_NOENT)
		return err_set(e, E_PROTO, "this is not a Mamori vault (no file %s)", ident_name);
	return r < 0 ? r : repo_ident_read(&b, ret, e);
}

int
vault_identify(const struct fio *f, const char *path, struct vault_ident *ret, struct err *e)
{
	int fd = repo_place(f, path, e);
	int r;

	if (fd < 0)
		return fd;
	r = identify_at(f, fd, ret, e);
	fio_close(f, fd);
	return r < 0 && e ? err_wrap(e, "%s", path) : r;
}

bool
vault_is_address(const char *repo)
{
	return strstr(repo, "://") != NULL && repo[0] != '/' && repo[0] != '.';
}

int
vault_identify_at(const struct fio *f, const char *repo, const struct vault_place *pl,
    struct vault_ident *ret, struct err *e)
{
	struct buf AUTO(buf_free) text = {0};
	struct store *st = NULL;
	int r;

	if (!vault_is_address(repo))
		return vault_identify(f, repo, ret, e);
	buf_init(&text, STORE_MAX_IDENT);
	r = remote_reach(f, repo, pl, false, &st, e);
	if (r == 0) {
		r = st->ops->ident(st, &text, e);
		st->ops->close(st);
	}
	if (r == 0)
		r = repo_ident_read(&text, ret, e);
	return r < 0 && e ? err_wrap(e, "%s", repo) : r;
}

/* ---- making ---- */

static int
must_be_empty(int fd, const char *path, struct err *e)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* allow: only looks */
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *de;
	int r = 0;

	if (!d) {
		if (copy >= 0)
			(void)close(copy);
		return err_sys(e, "%s", path);
	}
	while (r == 0 && (de = readdir(d))) {
		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0 ||
		    strcmp(de->d_name, "lost+found") == 0)
			continue;
		if (strcmp(de->d_name, ident_name) == 0)
			r = err_set(e, E_EXIST, "%s: there already is a vault", path);
		else
			r = err_set(e, E_EXIST, "%s: the folder is not empty (\"%s\")", path,
			    de->d_name);
	}
	(void)closedir(d);
	return r;
}

static int
make_log(const struct fio *f, int fd, const struct vault_init *in, const struct keys_all *k,
    struct vault_writer_key *w, struct vault_ident *id, struct err *e)
{
	struct fmt_genesis g = {.lock_days = in->lock_days};
	struct seal_key *seal = NULL;
	struct signer *root = NULL, *writer = NULL;
	struct ledger *log = NULL;
	struct buf AUTO(buf_free) b = {0};
	int r;

	buf_init(&b, 1024);
	random_fill(g.repo, sizeof(g.repo));
	r = seal_key_new(k->seal, &seal, e);
	if (r == 0) {
		(void)memcpy(g.recovery, seal_key_pub(seal), SEAL_PUB_LEN);
		r = aead_commit(k->index, g.index_commit, e);
	}
	if (r == 0)
		r = fmt_genesis_put(&b, &g, e);
	if (r == 0)
		r = signer_new(k->sign, &root, e);
	random_fill(w->seed, sizeof(w->seed));
	if (r == 0)
		r = signer_new(w->seed, &writer, e);
	if (r == 0)
		r = ledger_create(f, fd, "log", root, b.p, b.len, in->now, e);
	if (r == 0)
		r = ledger_open(f, fd, "log", signer_pub(root), &log, e);
	if (r == 0)
		r = ledger_enrol(log, root, signer_pub(writer), in->now, e);
	if (r == 0) {
		(void)memcpy(w->repo, g.repo, FMT_ID_LEN);
		(void)memcpy(w->index, k->index, 32);
		(void)memcpy(w->dedup, k->dedup, 32);
		(void)memcpy(w->recovery, g.recovery, SEAL_PUB_LEN);
		(void)memcpy(w->pin, signer_pub(root), SIGN_PUB_LEN);
		w->ring = in->ring;
		(void)memcpy(id->repo, g.repo, FMT_ID_LEN);
		(void)memcpy(id->pin, w->pin, SIGN_PUB_LEN);
	}
	ledger_close(log);
	signer_free(writer);
	signer_free(root);
	seal_key_free(seal);
	return r;
}

/* undo(f, fd, pl, repo): Take away what a failed init made in the directory, which was empty, and
 * the key that belongs to nothing now; as far as it can be done, so that the next try finds it
 * empty. */
static void
undo(const struct fio *f, int fd, const struct vault_place *pl, const uint8_t repo[FMT_ID_LEN])
{
	char dir[64], path[96];

	(void)fio_unlink(f, fd, ident_name, NULL);
	(void)fio_unlink(f, fd, "log/log", NULL);
	(void)fio_unlink(f, fd, "log/head", NULL);
	(void)f->unlink_at(f->ctx, fd, "log", true);
	(void)f->unlink_at(f->ctx, fd, "seg", true);
	(void)f->unlink_at(f->ctx, fd, "tmp", true);
	if (keys_place(pl, repo, dir, NULL) < 0)
		return;
	(void)snprintf(path, sizeof(path), "%s/writer.key", dir);
	(void)fio_unlink(f, pl->statefd, path, NULL);
	(void)f->unlink_at(f->ctx, pl->statefd, dir, true);
}

/* init_at(f, fd, pl, in, ret, e): The identity file comes last: before it there is no vault, and
 * what an interrupted try left behind is named in the message of the next. */
static int
init_at(const struct fio *f, int fd, const struct vault_place *pl, const struct vault_init *in,
    struct vault_ident *ret, struct err *e)
{
	struct keys_all k;
	struct vault_writer_key w = {0};
	struct vault_ident id;
	struct buf AUTO(buf_free) b = {0};
	int r;

	buf_init(&b, 8192);
	r = keys_derive(in->secret, &k, e);
	if (r == 0)
		r = make_log(f, fd, in, &k, &w, &id, e);
	if (r == 0)
		r = fio_mkdir(f, fd, "seg", 0700, e);
	if (r == 0)
		r = fio_mkdir(f, fd, "tmp", 0700, e);
	if (r == 0)
		r = keys_save(f, pl, &w, e);
	if (r == 0)
		r = repo_ident_text(&b, &id, e);
	if (r == 0)
		r = fio_sync(f, fd, e); /* the folders are there before the identity is */
	if (r == 0)
		r = fio_create(f, fd, ident_name, b.p, b.len, 0444, e);
	if (r == 0) {
		*ret = id;
		/* the folder's own name; a parent that may not be opened is not ours to sync */
		r = fio_sync_dir(f, fd, "..", NULL) == E_NOSPC ?
		    err_set(e, E_NOSPC, "%s: no space", ident_name) : 0;
	}
	if (r < 0)
		undo(f, fd, pl, w.repo);
	explicit_bzero(&k, sizeof(k));
	explicit_bzero(&w, sizeof(w));
	return r;
}

/* make_far(f, st, pl, in, tmp, ret, e): The log is made in the passing folder ${tmp} and given to
 * the place, with the identity last. */
static int
make_far(const struct fio *f, struct store *st, const struct vault_place *pl,
    const struct vault_init *in, int tmp, struct vault_ident *ret, struct err *e)
{
	struct keys_all k;
	struct vault_writer_key w = {0};
	struct vault_ident id;
	struct ledger *log = NULL;
	struct buf AUTO(buf_free) text = {0}, raw = {0};
	int r;

	buf_init(&text, STORE_MAX_IDENT);
	buf_init(&raw, 1 << 16);
	r = keys_derive(in->secret, &k, e);
	if (r == 0)
		r = make_log(f, tmp, in, &k, &w, &id, e);
	if (r == 0)
		r = ledger_open(f, tmp, "log", id.pin, &log, e);
	if (r == 0)
		r = ledger_raw(log, 0, 1 << 15, &raw, e);
	ledger_close(log);
	if (r == 0)
		r = repo_ident_text(&text, &id, e);
	if (r == 0)
		r = keys_save(f, pl, &w, e);
	if (r == 0)
		r = st->ops->create(st, text.p, text.len, raw.p, raw.len, e);
	if (r == 0)
		*ret = id;
	else
		undo(f, tmp, pl, w.repo);
	explicit_bzero(&k, sizeof(k));
	explicit_bzero(&w, sizeof(w));
	return r;
}

static int
init_far(const struct fio *f, const char *path, const struct vault_place *pl,
    const struct vault_init *in, struct vault_ident *ret, struct err *e)
{
	char name[] = "vault/.new.XXXXXXXX";
	struct buf AUTO(buf_free) text = {0};
	struct store *st = NULL;
	int r, fd = -1;

	buf_init(&text, STORE_MAX_IDENT);
	(void)snprintf(name, sizeof(name), "vault/.new.%08x", arc4random());
	r = remote_reach(f, path, pl, true, &st, e);
	if (r == 0) {
		r = st->ops->ident(st, &text, e);
		r = r == 0 ? err_set(e, E_EXIST, "%s: there already is a vault", path) :
		    r == E_NOENT ? 0 : r;
	}
	if (r == 0)
		r = fio_mkdir(f, pl->statefd, "vault", 0700, e);
	if (r == 0)
		r = fio_mkdir(f, pl->statefd, name, 0700, e);
	if (r == 0)
		r = fd = fio_open(f, pl->statefd, name, O_RDONLY | O_DIRECTORY, 0, e);
	if (fd >= 0) {
		r = make_far(f, st, pl, in, fd, ret, e);
		(void)fio_unlink(f, fd, "log/log", NULL);
		(void)fio_unlink(f, fd, "log/head", NULL);
		(void)f->unlink_at(f->ctx, fd, "log", true);
		fio_close(f, fd);
		(void)f->unlink_at(f->ctx, pl->statefd, name, true);
	}
	if (st)
		st->ops->close(st);
	return r < 0 ? r : 0;
}

int
vault_init(const struct fio *f, const char *path, const struct vault_place *pl,
    const struct vault_init *in, struct vault_ident *ret, struct err *e)
{
	int fd, r;

	if (vault_is_address(path))
		return init_far(f, path, pl, in, ret, e);
	r = fio_mkdirs(f, path, 0700, e);
	if (r < 0)
		return r;
	fd = repo_place(f, path, e);
	if (fd < 0)
		return fd;
	r = must_be_empty(fd, path, e);
	if (r == 0)
		r = init_at(f, fd, pl, in, ret, e);
	fio_close(f, fd);
	return r;
}

/* ---- derived keys ---- */

int
repo_toc_key(const uint8_t index_key[32], const uint8_t seg[FMT_ID_LEN], uint8_t out[32],
    struct err *e)
{
	return kdf_hkdf(index_key, 32, seg, FMT_ID_LEN, "mamori segment table v1", out, 32, e);
}

int
repo_body_key(const uint8_t dek[32], const uint8_t seg[FMT_ID_LEN], uint8_t out[32], struct err *e)
{
	return kdf_hkdf(dek, 32, seg, FMT_ID_LEN, "mamori segment body v1", out, 32, e);
}

static int
info_aead(const uint8_t index_key[32], const uint8_t snap[FMT_ID_LEN], struct aead **ret,
    struct err *e)
{
	uint8_t key[32];
	int r = kdf_hkdf(index_key, 32, snap, FMT_ID_LEN, "mamori generation v1", key, 32, e);

	if (r == 0)
		r = aead_new(key, ret, e);
	explicit_bzero(key, sizeof(key));
	return r;
}

int
repo_seal_info(const uint8_t index_key[32], const uint8_t snap[FMT_ID_LEN],
    const struct fmt_snap_info *info, struct buf *out, struct err *e)
{
	uint8_t nonce[AEAD_NONCE_LEN];
	struct aead *a = NULL;
	struct buf AUTO(buf_free) plain = {0};
	int r;

	/* every id is random, so the key is fresh and the counter may start at zero */
	aead_nonce(nonce, 0);
	buf_init(&plain, 4096);
	r = fmt_snap_info_put(&plain, info, e);
	if (r == 0)
		r = info_aead(index_key, snap, &a, e);
	if (r == 0)
		r = buf_reserve(out, plain.len + AEAD_TAG_LEN, e);
	if (r == 0)
		r = aead_seal(a, nonce, snap, FMT_ID_LEN, plain.p, plain.len, out->p + out->len, e);
	if (r == 0)
		out->len += plain.len + AEAD_TAG_LEN;
	aead_free(a);
	return r;
}

int
repo_open_info(const uint8_t index_key[32], const uint8_t snap[FMT_ID_LEN], const uint8_t *p,
    size_t n, struct fmt_snap_info *info, struct err *e)
{
	uint8_t nonce[AEAD_NONCE_LEN], plain[4096];
	struct aead *a = NULL;
	int r;

	if (n < AEAD_TAG_LEN || n > sizeof(plain))
		return err_set(e, E_CORRUPT, "a generation's description does not make sense");
	aead_nonce(nonce, 0);
	r = info_aead(index_key, snap, &a, e);
	if (r == 0)
		r = aead_open(a, nonce, snap, FMT_ID_LEN, p, n, plain, e);
	if (r == 0)
		r = fmt_snap_info_get(plain, n - AEAD_TAG_LEN, info, e);
	aead_free(a);
	return r;
}

/* ---- the log ---- */

static int
on_segment(struct repo *r, const struct ledger_rec *rec, struct err *e)
{
	struct vault_seg s = {.seq = rec->seq};
	int x = fmt_segment_rec_get(rec->payload, rec->len, &s.rec, e);

	if (x < 0)
		return x;
	if (repo_seg(r, s.rec.seg) != REPO_NOSEG)
		return err_set(e, E_CORRUPT, "the log names a segment twice");
	if (r->nsegs == r->cap_segs) {
		uint32_t cap = r->cap_segs ? r->cap_segs * 2 : 64;
		void *p = reallocarray(r->segs, cap, sizeof(*r->segs));

		if (!p)
			return err_set(e, E_NOMEM, "no memory for %u segments", cap);
		r->segs = p;
		r->cap_segs = cap;
	}
	r->segs[r->nsegs++] = s;
	return map_put(&r->by_id, s.rec.seg, FMT_ID_LEN, (void *)(uintptr_t)r->nsegs, e);
}

static int
on_snapshot(struct repo *r, const struct ledger_rec *rec, struct err *e)
{
	struct fmt_snapshot_rec s;
	struct vault_generation *g;
	int x = fmt_snapshot_rec_get(rec->payload, rec->len, &s, e);

	if (x < 0)
		return x;
	for (uint32_t i = 0; i < s.nruns; i++) {
		if (s.runs[i].first + s.runs[i].count > r->nsegs) {
			fmt_snapshot_rec_free(&s);
			return err_set(e, E_CORRUPT, "a generation needs segments the log lacks");
		}
	}
	for (size_t i = 0; i < r->ngens; i++) {
		if (memcmp(r->gens[i].id, s.id, FMT_ID_LEN) == 0) {
			fmt_snapshot_rec_free(&s);
			return err_set(e, E_CORRUPT, "a generation takes the name of another one");
		}
	}
	if (r->ngens == r->cap_gens) {
		size_t cap = r->cap_gens ? r->cap_gens * 2 : 32;
		void *p = reallocarray(r->gens, cap, sizeof(*r->gens));

		if (!p) {
			fmt_snapshot_rec_free(&s);
			return err_set(e, E_NOMEM, "no memory for %zu generations", cap);
		}
		r->gens = p;
		r->cap_gens = cap;
	}
	g = &r->gens[r->ngens];
	*g = (struct vault_generation){
		.seq = rec->seq, .at = rec->at, .locked_until = s.retain_until,
		.nruns = s.nruns, .runs = s.runs,
	};
	(void)memcpy(g->id, s.id, FMT_ID_LEN);
	s.runs = NULL;
	if (r->have_index) {
		x = repo_open_info(r->index_key, g->id, s.sealed, s.sealed_len, &g->info, e);
		g->info_ok = x == 0;
	}
	fmt_snapshot_rec_free(&s);
	r->ngens++;
	return x;
}

/* admitted(r, rec, e): Whether the record's signer may write here; a key record adds one. */
static int
admitted(struct repo *r, const struct ledger_rec *rec, struct err *e)
{
	bool first = memcmp(rec->key_id, r->first_key_id, 8) == 0;
	uint8_t hash[DIGEST_LEN];

	if (rec->type == LEDGER_T_KEY && first) {
		digest_sha256(rec->payload, rec->len, hash);
		return map_put(&r->insiders, hash, 8, r, e);
	}
	if (rec->type == LEDGER_T_KEY)
		return err_set(e, E_CORRUPT,
		    "a writer was admitted by somebody without the recovery key");
	if (!first && !map_get(&r->insiders, rec->key_id, 8))
		return err_set(e, E_CORRUPT,
		    "written with a key that nobody with the recovery key admitted");
	return 0;
}

static int
on_record(const struct ledger_rec *rec, void *cookie, struct err *e)
{
	struct repo *r = cookie;
	struct err why;
	int x = admitted(r, rec, &why);

	if (x == 0 && rec->type == FMT_LOG_SEGMENT)
		x = on_segment(r, rec, &why);
	else if (x == 0 && rec->type == FMT_LOG_SNAPSHOT)
		x = on_snapshot(r, rec, &why);
	if (x < 0 && x != E_CORRUPT) {
		if (e)
			*e = why;
		return x;
	}
	if (x < 0 && r->nodd++ == 0) {
		r->odd_seq = rec->seq;
		(void)snprintf(r->odd_why, sizeof(r->odd_why), "%.159s", why.msg);
	}
	r->next_seq = rec->seq + 1;
	return 0;
}

int
repo_sound(const struct repo *r, struct err *e)
{
	if (r->nodd == 0)
		return 0;
	return err_set(e, E_CORRUPT, "log entry %llu: %s", (unsigned long long)r->odd_seq,
	    r->odd_why);
}

int
repo_refresh(struct repo *r, struct err *e)
{
	int x = ledger_each(r->log, r->next_seq, on_record, r, e);

	return x < 0 ? x : repo_keep(r, e);
}

uint32_t
repo_seg(const struct repo *r, const uint8_t id[FMT_ID_LEN])
{
	uintptr_t n = (uintptr_t)map_get(&r->by_id, id, FMT_ID_LEN);

	return n ? (uint32_t)(n - 1) : REPO_NOSEG;
}

static int
open_parts(struct repo *r, struct err *e)
{
	const uint8_t *genesis;
	uint8_t hash[DIGEST_LEN];
	size_t n;
	int x = identify_at(r->f, r->dirfd, &r->ident, e);

	if (x < 0)
		return x;
	r->segfd = fio_open(r->f, r->dirfd, "seg", O_RDONLY | O_DIRECTORY, 0, e);
	if (r->segfd == E_NOENT)
		return err_set(e, E_CORRUPT, "the folder seg of the vault is missing");
	if (r->segfd < 0)
		return r->segfd;
	r->tmpfd = fio_open(r->f, r->dirfd, "tmp", O_RDONLY | O_DIRECTORY, 0, NULL);
	x = ledger_open(r->f, r->dirfd, "log", r->ident.pin, &r->log, e);
	if (x == E_NOENT)
		return err_set(e, E_CORRUPT, "the log of the vault is missing");
	if (x < 0)
		return x;
	genesis = ledger_genesis(r->log, &n);
	x = fmt_genesis_get(genesis, n, &r->genesis, e);
	if (x < 0)
		return x;
	if (memcmp(r->genesis.repo, r->ident.repo, FMT_ID_LEN) != 0)
		return err_set(e, E_CORRUPT, "the log belongs to another vault");
	digest_sha256(r->ident.pin, SIGN_PUB_LEN, hash);
	(void)memcpy(r->first_key_id, hash, 8);
	return repo_refresh(r, e);
}

int
repo_open_at(const struct fio *f, const char *path, const struct vault_place *pl, bool writing,
    bool fresh, struct repo **ret, struct err *e)
{
	struct remote_how how = {.writing = writing, .fresh = fresh};
	struct repo *r = calloc(1, sizeof(*r));
	int x = 0;

	if (!r)
		return err_set(e, E_NOMEM, "no memory");
	r->f = f;
	r->dirfd = r->segfd = r->tmpfd = -1;
	map_init(&r->by_id, UINT32_MAX);
	map_init(&r->insiders, 1 << 16);
	if (vault_is_address(path)) {
		x = remote_open(f, path, pl, &how, &r->rem, &r->dirfd, e);
	} else {
		r->dirfd = repo_place(f, path, e);
		x = r->dirfd < 0 ? r->dirfd : 0;
	}
	if (x == 0)
		x = open_parts(r, e);
	if (x < 0) {
		repo_close(r);
		return e ? err_wrap(e, "%s", path) : x;
	}
	*ret = r;
	return 0;
}

int
repo_open(const struct fio *f, const char *path, struct repo **ret, struct err *e)
{
	return repo_open_at(f, path, NULL, false, false, ret, e);
}

int
repo_append(struct repo *r, struct signer *s, uint16_t type, const void *payload, size_t n,
    int64_t now, struct ledger_head *ret, struct err *e)
{
	struct remote_rec rec = {.type = type, .payload = payload, .n = n, .now = now};

	if (r->rem)
		return remote_append(r->rem, r->log, s, &rec, ret, e);
	return ledger_append(r->log, s, type, payload, n, now, ret, e);
}

int
repo_index_key(struct repo *r, const uint8_t key[32], struct err *e)
{
	uint8_t commit[32];
	int x = aead_commit(key, commit, e);

	if (x < 0)
		return x;
	if (!secret_eq(commit, r->genesis.index_commit, 32))
		return err_set(e, E_AUTH, "the key is not the key of this vault");
	(void)memcpy(r->index_key, key, 32);
	r->have_index = true;
	/* read the log again, now with the descriptions */
	for (size_t i = 0; i < r->ngens; i++)
		free(r->gens[i].runs);
	r->ngens = 0;
	r->nsegs = 0;
	r->nodd = 0;
	map_free(&r->by_id);
	map_init(&r->by_id, UINT32_MAX);
	r->next_seq = 0;
	return repo_refresh(r, e);
}

void
repo_close(struct repo *r)
{
	if (!r)
		return;
	keep_close(r->keep);
	free(r->gone);
	ledger_close(r->log);
	fio_close(r->f, r->tmpfd);
	fio_close(r->f, r->segfd);
	fio_close(r->f, r->dirfd);
	remote_close(r->rem);
	for (size_t i = 0; i < r->ngens; i++)
		free(r->gens[i].runs);
	free(r->gens);
	free(r->segs);
	map_free(&r->by_id);
	map_free(&r->insiders);
	explicit_bzero(r->index_key, sizeof(r->index_key));
	free(r);
}
