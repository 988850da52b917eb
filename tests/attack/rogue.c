/* rogue STATE URL VERB [ARG...]: somebody who took over a machine, with its login, its keys and the
 * whole protocol, and does what the honest program never would. For tests against a server of their
 * own.
 *
 * Prints one line `VERB: N taken of M (the last refusal)`. Exit status: 0 nothing was taken, 1
 * something was, 3 it could not be tried. Works in the current directory. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "crypt/secret.h"
#include "vault/repo_int.h"
#include "vault/store_net_int.h"

enum { WAIT_MS = 30000 };

struct rogue {
	struct store_env env;
	struct net_login login;
	struct tls *t;
	struct wire_msg m; /* the newest answer; views into body */
	struct buf body;
	struct repo *repo; /* this machine's copy of the log, and its index key */
	struct ledger *log; /* a scratch copy to forge on */
	struct vault_writer_key key;
	struct signer *signer;
	unsigned taken, tried;
	char last[480];
};

static void
die(const char *what, const struct err *e)
{
	fprintf(stderr, "rogue: %s: %s\n", what, e->msg);
	exit(3);
}

/* ---- talking ---- */

static int
answer(struct rogue *g, uint8_t want, struct err *e)
{
	uint8_t head[WIRE_HEAD], kind = 0;
	uint32_t n = 0;
	int r = tls_read(g->t, head, sizeof(head), WAIT_MS, e);

	if (r == 0)
		return err_set(e, E_NET, "the server closed the line");
	if (r == 1)
		r = wire_head(head, WIRE_MAX_BODY, &kind, &n, e);
	buf_clear(&g->body);
	if (r == 0)
		r = buf_reserve(&g->body, n ? n : 1, e);
	if (r == 0 && n && (r = tls_read(g->t, g->body.p, n, WAIT_MS, e)) == 1)
		r = 0;
	if (r == 0)
		r = wire_get(kind, g->body.p, n, &g->m, e);
	if (r == 0 && kind == WIRE_ERR)
		r = err_set(e, g->m.code, "%s", g->m.text);
	else if (r == 0 && kind != want)
		r = err_set(e, E_PROTO, "another answer than expected");
	return r;
}

static int
say(struct rogue *g, const struct wire_msg *m, struct err *e)
{
	struct buf AUTO(buf_free) b = {0};
	int r;

	buf_init(&b, WIRE_MAX_BODY + 64);
	r = wire_put(&b, m, e);
	return r == 0 ? tls_write(g->t, b.p, b.len, WAIT_MS, e) : r;
}

static int
ask(struct rogue *g, const struct wire_msg *m, uint8_t want, struct err *e)
{
	int r = say(g, m, e);

	return r == 0 ? answer(g, want, e) : r;
}

static void
hang_up(struct rogue *g)
{
	tls_close(g->t);
	g->t = NULL;
}

static int
greet(struct rogue *g, const char *name, struct err *e)
{
	struct wire_msg m = {.kind = WIRE_HELLO, .vmin = WIRE_VERSION, .vmax = WIRE_VERSION};
	int fd = net_dial(&g->login.where.addr, WAIT_MS, e), r;

	(void)snprintf(m.name, sizeof(m.name), "%s", name);
	hang_up(g);
	r = fd < 0 ? fd : tls_open(g->login.side, fd, WAIT_MS, &g->t, e);
	return r == 0 ? ask(g, &m, WIRE_OK, e) : r;
}

/* result(g, r, e): One trial: negative is a refusal. */
static void
result(struct rogue *g, int r, const struct err *e)
{
	g->tried++;
	if (r >= 0)
		g->taken++;
	else
		(void)snprintf(g->last, sizeof(g->last), "%s", e->msg);
}

/* ---- what the machine holds ---- */

static void
open_all(struct rogue *g, const char *state, const char *url)
{
	struct vault_place pl = {.statefd = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
	char path[200], id[2 * FMT_ID_LEN + 1];
	struct vault_ident ident;
	struct err e = {0};
	struct buf raw;
	int forge;

	buf_init(&g->body, WIRE_MAX_BODY);
	buf_init(&raw, 64 << 20);
	g->env = (struct store_env){.f = fio_os(), .statefd = pl.statefd, .writing = true};
	if (net_login_load(url, &g->env, &g->login, &e) < 0)
		die("the machine's login", &e);
	if (greet(g, g->login.where.name, &e) < 0)
		die("greeting", &e);
	if (fio_mkdir(fio_os(), AT_FDCWD, "forge", 0700, &e) < 0 ||
	    fio_replace(fio_os(), AT_FDCWD, "forge/mamori-vault", g->m.a, g->m.an, 0600, &e) < 0 ||
	    vault_identify(fio_os(), "forge", &ident, &e) < 0 ||
	    vault_key_load(fio_os(), &pl, ident.repo, &g->key, &e) < 0 ||
	    signer_new(g->key.seed, &g->signer, &e) < 0)
		die("the machine's keys", &e);
	hex_put(id, ident.repo, FMT_ID_LEN);
	(void)snprintf(path, sizeof(path), "%.100s/vault/%s/mirror", state, id);
	if (repo_open(fio_os(), path, &g->repo, &e) < 0 ||
	    repo_index_key(g->repo, g->key.index, &e) < 0 ||
	    ledger_raw(g->repo->log, 0, 32 << 20, &raw, &e) < 0)
		die("the machine's copy of the log", &e);
	forge = open("forge", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ledger_import(fio_os(), forge, "log", ident.pin, raw.p, raw.len, &e) < 0 ||
	    ledger_open(fio_os(), forge, "log", NULL, &g->log, &e) < 0)
		die("a copy to forge on", &e);
	(void)close(forge);
	buf_free(&raw);
}

static void
close_all(struct rogue *g)
{
	hang_up(g);
	net_login_free(&g->login);
	ledger_close(g->log);
	repo_close(g->repo);
	signer_free(g->signer);
	buf_free(&g->body);
}

/* commit(g, s, type, p, n, at): Send a record made with the signer ${s}; continue the copy by it.
 */
static int
commit(struct rogue *g, struct signer *s, uint16_t type, const struct buf *payload, int64_t at,
    struct err *e)
{
	struct ledger_head head = ledger_head(g->log);
	struct wire_msg m = {.kind = WIRE_COMMIT, .seq = head.seq + 1};
	struct buf AUTO(buf_free) b = {0};
	int r;

	buf_init(&b, LEDGER_MAX_PAYLOAD + 4096);
	r = ledger_compose(g->log, s, type, payload->p, payload->len, at, &b, e);
	if (r < 0)
		return r;
	(void)memcpy(m.prev, head.hash, sizeof(m.prev));
	m.a = b.p;
	m.an = b.len;
	r = ask(g, &m, WIRE_OK, e);
	return r == 0 ? ledger_accept(g->log, b.p, b.len, e) : r;
}

/* ---- the verbs ---- */

/* generation(g, at, needs, lock, e): A generation that nobody made: it shows what the newest one
 * shows. */
static int
generation(struct rogue *g, int64_t at, const char *needs, int64_t lock, struct err *e)
{
	const struct vault_generation *newest = &g->repo->gens[g->repo->ngens - 1];
	struct fmt_run run = {0, g->repo->nsegs};
	struct fmt_snapshot_rec rec = {.nruns = 1, .runs = &run, .retain_until = lock};
	struct fmt_snap_info info = newest->info;
	struct buf AUTO(buf_free) sealed = {0}, b = {0};
	int r;

	buf_init(&sealed, 8192);
	buf_init(&b, 65536);
	if (strcmp(needs, "none") == 0)
		rec.nruns = 0;
	else if (strcmp(needs, "beyond") == 0)
		run.first = g->repo->nsegs;
	else if (strcmp(needs, "same-id") != 0)
		random_fill(rec.id, sizeof(rec.id));
	else
		(void)memcpy(rec.id, newest->id, sizeof(rec.id));
	if (rec.nruns == 0 || run.first)
		random_fill(rec.id, sizeof(rec.id));
	info.started = info.ended = at;
	r = repo_seal_info(g->key.index, rec.id, &info, &sealed, e);
	rec.sealed = sealed.p;
	rec.sealed_len = sealed.len;
	if (r == 0)
		r = fmt_snapshot_rec_put(&b, &rec, e);
	return r == 0 ? commit(g, g->signer, FMT_LOG_SNAPSHOT, &b, at, e) : r;
}

/* gens COUNT SECONDS-FROM-NOW NEEDS LOCK-SECONDS-FROM-NOW */
static void
do_gens(struct rogue *g, char **arg)
{
	int64_t now = time_now_us(), off[2];
	struct err e = {0};
	uint64_t n = 0;

	for (int i = 0; i < 2; i++) {
		const char *s = arg[1 + 2 * i];
		uint64_t v = 0;

		if (num_parse_u64(s + (*s == '-'), 1000000000000, &v, &e) < 0)
			die(s, &e);
		off[i] = (*s == '-' ? -1 : 1) * (int64_t)v * TIME_SEC;
	}
	if (num_parse_u64(arg[0], 100000, &n, &e) < 0)
		die(arg[0], &e);
	for (uint64_t i = 0; i < n; i++)
		result(g, generation(g, now + off[0] + (int64_t)i, arg[2], now + off[1], &e), &e);
}

static int
raw_at(struct rogue *g, const struct ledger_rec *x, uint64_t seq, const uint8_t *prev)
{
	struct wire_msg m = {.kind = WIRE_COMMIT, .seq = seq, .a = x->raw, .an = x->raw_len};
	struct err e = {0};
	int r;

	(void)memcpy(m.prev, prev, sizeof(m.prev));
	r = ask(g, &m, WIRE_OK, &e);
	result(g, r, &e);
	return r;
}

static int
on_replay(const struct ledger_rec *x, void *cookie, struct err *e)
{
	struct rogue *g = cookie;
	struct ledger_head head = ledger_head(g->log);

	(void)e;
	(void)(raw_at(g, x, head.seq + 1, head.hash) < 0); /* as the next one */
	(void)(raw_at(g, x, x->seq + 1, x->hash) < 0);     /* as one in between */
	return 0;
}

static void
do_replay(struct rogue *g, char **arg)
{
	struct err e = {0};

	(void)arg;
	if (ledger_each(g->repo->log, 1, on_replay, g, &e) < 0)
		die("the log", &e);
}

/* admit: a key of one's own, admitted with the writer's key; a record signed by one nobody knows.
 */
static void
do_admit(struct rogue *g, char **arg)
{
	uint8_t seed[SIGN_SEED_LEN], pub[SIGN_PUB_LEN];
	struct signer *mine = NULL;
	struct buf AUTO(buf_free) b = {0};
	struct err e = {0};

	(void)arg;
	random_fill(seed, sizeof(seed));
	buf_init(&b, 4096);
	if (signer_new(seed, &mine, &e) < 0)
		die("a key", &e);
	(void)memcpy(pub, signer_pub(mine), sizeof(pub));
	if (buf_put(&b, pub, sizeof(pub), &e) < 0)
		die("a key", &e);
	result(g, commit(g, g->signer, LEDGER_T_KEY, &b, time_now_us(), &e), &e);
	/* and go on as if that had been taken */
	if (ledger_enrol(g->log, g->signer, pub, time_now_us(), &e) < 0)
		die("a forged log", &e);
	result(g, commit(g, mine, FMT_LOG_SEGMENT, &b, time_now_us(), &e), &e);
	signer_free(mine);
}

/* put(g, rec, p, n): 0 taken. */
static int
put(struct rogue *g, const struct fmt_segment_rec *rec, const uint8_t *p, size_t n, struct err *e)
{
	struct wire_msg m = {.kind = WIRE_PUT, .seg = *rec};
	int r = say(g, &m, e);

	for (size_t at = 0; r == 0 && at < n; at += 65536) {
		struct wire_msg piece = {.kind = WIRE_PIECE, .a = p + at};

		piece.an = n - at < 65536 ? n - at : 65536;
		r = say(g, &piece, e);
	}
	if (r == 0)
		r = say(g, &(struct wire_msg){.kind = WIRE_END}, e);
	return answer(g, WIRE_OK, e); /* why it was cut short stands there, too */
}

/* own_segment(g, no, page, out): A whole and valid segment of one page with the header of segment
 * ${no}. */
static size_t
own_segment(struct rogue *g, uint32_t no, struct fmt_segment_rec *rec, uint8_t **ret)
{
	size_t n = (size_t)fmt_seg_size(1);
	uint8_t *p = calloc(1, n);
	struct fmt_footer f = {.npages = 1};
	char name[2 * FMT_ID_LEN + 1];
	struct err e = {0};
	int fd;

	*rec = g->repo->segs[no].rec;
	hex_put(name, rec->seg, FMT_ID_LEN);
	fd = openat(g->repo->segfd, name, O_RDONLY | O_CLOEXEC);
	if (!p || fd < 0 || pread(fd, p, FMT_HEADER_LEN, 0) != FMT_HEADER_LEN)
		die("a segment's header", &e);
	(void)close(fd);
	random_fill(p + FMT_HEADER_LEN, FMT_PAGE_LEN);
	digest_sha256(p + FMT_HEADER_LEN, FMT_PAGE_LEN, p + FMT_HEADER_LEN + FMT_PAGE_LEN);
	rec->npages = 1;
	fmt_root(p, p + FMT_HEADER_LEN + FMT_PAGE_LEN, 1, rec->root);
	(void)memcpy(f.repo, g->repo->ident.repo, FMT_ID_LEN);
	(void)memcpy(f.seg, rec->seg, FMT_ID_LEN);
	(void)memcpy(f.root, rec->root, FMT_HASH_LEN);
	fmt_footer_put(&f, p + n - FMT_HEADER_LEN);
	*ret = p;
	return n;
}

/* over: every segment once more with other bytes, and under its own announcement with other bytes.
 */
static void
do_over(struct rogue *g, char **arg)
{
	(void)arg;
	for (uint32_t i = 0; i < g->repo->nsegs; i++) {
		struct fmt_segment_rec rec;
		struct err e = {0};
		uint8_t *p;
		size_t n = own_segment(g, i, &rec, &p);
		int r = put(g, &rec, p, n, &e);

		result(g, r, &e);
		if (r == 0 || greet(g, g->login.where.name, &e) == 0) {
			rec = g->repo->segs[i].rec; /* "here already" is no harm: the bytes stay */
			r = put(g, &rec, p, n, &e);
			result(g, r == 0 ? E_EXIST : r, &e);
		}
		free(p);
		if (greet(g, g->login.where.name, &e) < 0)
			die("greeting again", &e);
	}
}

/* claim: entries of segments that were never sent, and generations upon them. */
static void
do_claim(struct rogue *g, char **arg)
{
	struct fmt_segment_rec rec = {.kind = FMT_DATA, .npages = 3};
	struct buf AUTO(buf_free) b = {0};
	struct err e = {0};

	(void)arg;
	buf_init(&b, 4096);
	random_fill(rec.seg, sizeof(rec.seg));
	if (fmt_segment_rec_put(&b, &rec, &e) < 0)
		die("an entry", &e);
	result(g, commit(g, g->signer, FMT_LOG_SEGMENT, &b, time_now_us(), &e), &e);
	buf_clear(&b);
	rec = g->repo->segs[0].rec; /* one that is there, once more with another root */
	rec.root[3] ^= 1;
	if (fmt_segment_rec_put(&b, &rec, &e) < 0)
		die("an entry", &e);
	result(g, commit(g, g->signer, FMT_LOG_SEGMENT, &b, time_now_us(), &e), &e);
	result(g, generation(g, time_now_us(), "beyond", 0, &e), &e);
	result(g, generation(g, time_now_us(), "same-id", 0, &e), &e);
}

/* garbage: a new segment whose bytes are not what was announced. */
static void
do_garbage(struct rogue *g, char **arg)
{
	struct err e = {0};

	(void)arg;
	for (int i = 0; i < 4; i++) {
		struct fmt_segment_rec rec;
		uint8_t *p;
		size_t n = own_segment(g, 0, &rec, &p);

		random_fill(
		    rec.seg, sizeof(rec.seg)); /* a name of its own; the header says another */
		if (i > 0) /* the header's sum is wrong; or the page, or the root */
			p[i == 1 ? 100 : i == 2 ? FMT_HEADER_LEN + 5 : 17] ^= 4;
		result(g, put(g, &rec, p, n, &e), &e);
		free(p);
		if (greet(g, g->login.where.name, &e) < 0)
			die("greeting again", &e);
	}
}

/* fetch(g, id, f): Try to read a segment; what comes goes to ${f}. */
static void
fetch(struct rogue *g, const uint8_t *id, uint32_t n, FILE *f)
{
	struct wire_msg m = {.kind = WIRE_GET, .n = n};
	struct err e = {0};
	int r;

	(void)memcpy(m.id, id, FMT_ID_LEN);
	r = ask(g, &m, WIRE_DATA, &e);
	result(g, r, &e);
	if (r == 0 && fwrite(g->m.a, 1, g->m.an, f) != g->m.an)
		die("writing", &e);
}

/* read FILE [ID...]: the vault's segments, those named (another vault's), and 500 guessed ones. */
static void
do_read(struct rogue *g, char **arg)
{
	FILE *f = fopen(arg[0], "w");
	uint8_t id[FMT_ID_LEN];
	struct err e = {0};

	if (!f)
		die(arg[0], &e);
	for (uint32_t i = 0; i < g->repo->nsegs; i++)
		fetch(g, g->repo->segs[i].rec.seg, 32768, f);
	for (char **a = arg + 1; *a; a++)
		if (hex_get(id, FMT_ID_LEN, *a) == 0)
			fetch(g, id, 32768, f);
	for (int i = 0; i < 500; i++) {
		struct wire_msg m = {.kind = WIRE_STAT};
		int r;

		random_fill(m.id, FMT_ID_LEN);
		r = ask(g, &m, WIRE_OK, &e);
		result(g, r, &e);
		if (i < 100)
			fetch(g, m.id, 32768, f);
	}
	fetch(g, g->repo->segs[0].rec.seg, UINT32_MAX, f);
	(void)fclose(f);
}

/* stat ID...: whether another vault's segments can be seen from here. */
static void
do_stat(struct rogue *g, char **arg)
{
	struct err e = {0};

	for (; *arg; arg++) {
		struct wire_msg m = {.kind = WIRE_STAT};

		if (hex_get(m.id, FMT_ID_LEN, *arg) == 0)
			result(g, ask(g, &m, WIRE_OK, &e), &e);
	}
}

/* names NAME...: greet as if enrolled for another vault. */
static void
do_names(struct rogue *g, char **arg)
{
	for (; *arg; arg++) {
		struct err e = {0};

		result(g, greet(g, *arg, &e), &e);
	}
}

/* verbs: every kind of request that there could be and is not, with several bodies. */
static void
do_verbs(struct rogue *g, char **arg)
{
	static const uint8_t zero[64];

	(void)arg;
	for (int k = 0; k < 256; k++) {
		uint8_t raw[WIRE_HEAD + sizeof(zero)] = {0};
		struct err e = {0};
		int r;

		if (k >= WIRE_HELLO && k <= WIRE_RENEW)
			continue;
		r = greet(g, g->login.where.name, &e);
		if (r < 0)
			die("greeting", &e);
		le32_put(raw, 1 + sizeof(zero));
		raw[4] = (uint8_t)k;
		r = tls_write(g->t, raw, sizeof(raw), WAIT_MS, &e);
		result(g, r == 0 ? answer(g, WIRE_OK, &e) : r, &e);
	}
}

/* giant: lengths that nobody could hold. */
static void
do_giant(struct rogue *g, char **arg)
{
	static const uint32_t sizes[] = {UINT32_MAX, INT32_MAX, WIRE_MAX_BODY + 2, 1U << 24};
	static const uint8_t kinds[] = {WIRE_HELLO, WIRE_CREATE, WIRE_COMMIT, WIRE_PUT, WIRE_GET};

	(void)arg;
	for (size_t i = 0; i < 20; i++) {
		struct fmt_segment_rec rec = {.kind = FMT_DATA, .npages = UINT32_MAX - (uint32_t)i};
		uint8_t raw[WIRE_HEAD];
		struct err e = {0};
		int r = greet(g, g->login.where.name, &e);

		if (r < 0)
			die("greeting", &e);
		le32_put(raw, sizes[i % 4]);
		raw[4] = kinds[i % 5];
		r = tls_write(g->t, raw, sizeof(raw), WAIT_MS, &e);
		result(g, r == 0 ? answer(g, WIRE_OK, &e) : r, &e);
		if (greet(g, g->login.where.name, &e) < 0)
			die("greeting", &e);
		result(g, put(g, &rec, raw, 0, &e), &e);
	}
}

/* create: a vault of one's own over the one that is there. */
static void
do_create(struct rogue *g, char **arg)
{
	struct vault_place pl = {.statefd = open("forge", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
	struct vault_init in = {.now = time_now_us()};
	struct buf AUTO(buf_free) ident = {0}, log = {0};
	struct wire_msg m = {.kind = WIRE_CREATE};
	struct vault_ident id;
	struct err e = {0};

	(void)arg;
	buf_init(&ident, 8192);
	buf_init(&log, 1 << 20);
	random_fill(in.secret, sizeof(in.secret));
	if (vault_init(fio_os(), "forge/own", &pl, &in, &id, &e) < 0 ||
	    fio_slurp(fio_os(), AT_FDCWD, "forge/own/mamori-vault", &ident, &e) < 0 ||
	    fio_slurp(fio_os(), AT_FDCWD, "forge/own/log/log", &log, &e) < 0)
		die("a vault of one's own", &e);
	m.a = ident.p;
	m.an = ident.len;
	m.b = log.p;
	m.bn = log.len;
	result(g, ask(g, &m, WIRE_OK, &e), &e);
	(void)close(pl.statefd);
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int args;
		void (*fn)(struct rogue *g, char **arg);
	} verbs[] = {
		{"gens", 4, do_gens}, {"replay", 0, do_replay}, {"admit", 0, do_admit},
		{"over", 0, do_over}, {"claim", 0, do_claim}, {"garbage", 0, do_garbage},
		{"read", 1, do_read}, {"stat", 1, do_stat}, {"names", 1, do_names},
		{"verbs", 0, do_verbs}, {"giant", 0, do_giant}, {"create", 0, do_create},
	};
	static struct rogue g;

	for (size_t i = 0; argc > 3 && i < sizeof(verbs) / sizeof(*verbs); i++) {
		if (strcmp(argv[3], verbs[i].name) != 0 || argc < 4 + verbs[i].args)
			continue;
		open_all(&g, argv[1], argv[2]);
		verbs[i].fn(&g, argv + 4);
		close_all(&g);
		printf("%s: %u taken of %u (%s)\n", argv[3], g.taken, g.tried, g.last);
		return g.tried == 0 ? 3 : g.taken > 0;
	}
	fprintf(stderr, "usage: rogue STATE URL VERB [ARG...]\n");
	return 2;
}
