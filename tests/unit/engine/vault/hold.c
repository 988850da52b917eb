/* What the append-only server takes and what it refuses, without a network: a writer's own bytes,
 * and the same bytes wrong in every place that matters. */
#include "tap.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "ledger/ledger_fmt.h"
#include "vault/hold.h"
#include "vault/repo_int.h"

static char top[256];
static struct hold *h;

static uint8_t *
slurp(const char *path, size_t *ret_n)
{
	struct buf b;

	buf_init(&b, 1 << 28);
	if (fio_slurp(fio_os(), AT_FDCWD, path, &b, NULL) < 0)
		return NULL;
	*ret_n = b.len;
	return b.p;
}

static int
put(const struct fmt_segment_rec *rec, const uint8_t *p, size_t n, size_t piece, uint64_t quota,
    struct err *e)
{
	struct hold_put *x = NULL;
	int r = hold_put_begin(h, rec, quota, &x, e);

	if (r != 0)
		return r;
	for (size_t at = 0; r == 0 && at < n; at += piece)
		r = hold_put_data(x, p + at, n - at < piece ? n - at : piece, e);
	if (r < 0) {
		hold_put_drop(x);
		return r;
	}
	return hold_put_end(x, e);
}

static unsigned
files_in(const char *dir)
{
	char path[512];
	DIR *d;
	unsigned n = 0;

	(void)snprintf(path, sizeof(path), "held/%s", dir);
	d = opendir(path);
	while (d && readdir(d))
		n++;
	if (d)
		(void)closedir(d);
	return n - 2;
}

/* commit_next(l, seq, flip, e): Send the writer's record ${seq}, with a byte changed. */
static int
commit_next(struct ledger *l, uint64_t seq, int flip, struct err *e)
{
	struct ledger_fmt_rec rec;
	struct buf b, all;
	uint8_t prev[32] = {0};
	uint16_t kind;
	int r;

	buf_init(&b, 1 << 21);
	buf_init(&all, 1 << 21);
	r = ledger_raw(l, seq - 1, 1 << 20, &all, e);
	if (r == 0 && ledger_fmt_rec_get(all.p, all.len, &rec) == 0)
		(void)memcpy(prev, rec.hash, sizeof(prev));
	if (r == 0)
		r = ledger_raw(l, seq, 1, &b, e);
	if (r == 0 && flip >= 0)
		b.p[flip < 10000 ? (size_t)flip % b.len : b.len - 1] ^= 0x10;
	if (r == 0)
		r = hold_commit(h, seq, prev, b.p, b.len, &kind, e);
	buf_free(&b);
	buf_free(&all);
	return r;
}

static void
test_create(const struct buf *ident, const struct buf *log)
{
	struct buf bad;
	struct err e;
	unsigned taken = 0;

	for (size_t i = 0; i < log->len; i += 3) {
		log->p[i] ^= 0x20;
		taken +=
		    hold_create(fio_os(), "bad", ident->p, ident->len, log->p, log->len, &e) == 0;
		log->p[i] ^= 0x20;
	}
	EQ_I(taken, 0, "no damaged beginning is taken");
	EQ_I(hold_create(fio_os(), "bad", ident->p, ident->len, log->p, 10, &e), E_CORRUPT,
	    "nor half a one");
	buf_init(&bad, 8192);
	(void)!buf_put(&bad, ident->p, ident->len, NULL);
	bad.p[20] = bad.p[20] == '0' ? '1' : '0';
	OK(hold_create(fio_os(), "bad", bad.p, bad.len, log->p, log->len, &e) < 0,
	    "an identity that does not fit: %s", e.msg);
	EQ_I(access("bad", F_OK), -1, "nothing is left of them");
	EQ_I(hold_create(fio_os(), "held", ident->p, ident->len, log->p, log->len, &e), 0,
	    "the right one");
	EQ_I(hold_create(fio_os(), "held", ident->p, ident->len, log->p, log->len, &e), 0,
	    "again the same");
	EQ_I(hold_create(fio_os(), "held", bad.p, bad.len, log->p, log->len, &e), E_EXIST,
	    "another one");
	buf_free(&bad);
}

static void
test_segment(const struct fmt_segment_rec *rec, uint8_t *p, size_t n)
{
	struct fmt_segment_rec other = *rec;
	struct hold_put *x = NULL;
	struct err e;
	unsigned taken = 0, tries = 0;
	uint64_t size;

	for (size_t at = 0; at < n; at += at < 4096 || at > n - 9000 ? 61 : 4099, tries++) {
		p[at] ^= 1;
		taken += put(rec, p, n, 65536, 0, &e) >= 0;
		p[at] ^= 1;
	}
	OK(taken == 0, "no segment with a wrong bit is taken (%u tried)", tries);
	EQ_I(put(rec, p, n - 1, 65536, 0, &e), E_CORRUPT, "one byte short");
	EQ_I(hold_put_begin(h, rec, 0, &x, &e), 0, "begun");
	EQ_I(hold_put_data(x, p, n, &e), 0, "all of it");
	EQ_I(hold_put_data(x, p, 1, &e), E_CORRUPT, "one byte too many");
	hold_put_drop(x);
	other.npages++;
	OK(put(&other, p, n, 65536, 0, &e) < 0, "announced larger");
	other = *rec;
	other.kind = FMT_DATA + FMT_META - other.kind;
	OK(put(&other, p, n, 65536, 0, &e) < 0, "announced as another kind");
	other = *rec;
	other.root[5] ^= 1;
	OK(put(&other, p, n, 65536, 0, &e) < 0, "announced with another root");
	other.npages = 0;
	EQ_I(put(&other, p, n, 65536, 0, &e), E_INVAL, "no pages");
	other.npages = UINT32_MAX;
	EQ_I(put(&other, p, n, 65536, 0, &e), E_INVAL, "far too many");
	EQ_I(put(rec, p, n, 65536, 4096, &e), E_NOSPC, "past the quota");
	EQ_I(files_in("seg"), 0, "nothing was kept");
	EQ_I(files_in("tmp"), 0, "nothing is left over");
	EQ_I(hold_bytes(h), 0, "nothing is counted");
	EQ_I(put(rec, p, n, 4093, 0, &e), 0, "the right bytes, in odd pieces");
	EQ_I(put(rec, p, n, 65536, 0, &e), 1, "they are there already");
	other = *rec;
	other.root[5] ^= 1;
	EQ_I(put(&other, p, n, 65536, 0, &e), E_EXIST, "another one under the name");
	EQ_I(hold_bytes(h), n, "counted once");
	OK(hold_stat(h, rec->seg, &size, &e) == 0 && size == n, "its size");
}

static void
test_commits(struct ledger *l, uint64_t first_seg)
{
	struct err e;
	unsigned taken = 0;
	uint64_t head = ledger_head(l).seq;

	for (int at = 0; at < 300; at += 7)
		taken += commit_next(l, first_seg, at, &e) == 0;
	taken += commit_next(l, first_seg, 10000, &e) == 0;
	EQ_I(taken, 0, "no damaged record is taken");
	EQ_I(commit_next(l, first_seg + 1, -1, &e), E_BUSY, "not before the one before it");
	EQ_I(commit_next(l, first_seg, -1, &e), 0, "the record of the segment that is here");
	EQ_I(commit_next(l, first_seg, -1, &e), 0, "the same again: its answer was lost");
	EQ_I(commit_next(l, first_seg + 1, -1, &e), E_CORRUPT, "one whose segment was not sent");
	OK(strstr(e.msg, "not sent"), "and the reason: %s", e.msg);
	OK(head > first_seg + 1, "there were more");
}

/* A whole small generation, made by the ordinary writer in a directory of its own. */
static void
make_own(void)
{
	const char *src[] = {"src"};
	struct vault_init in = {.now = 1700000000000000};
	struct vault_backup b = {.sources = src, .nsources = 1, .now = 1700000001000000};
	struct vault_place pl = {.statefd = open("state", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
	struct vault_generation g = {0};
	struct vault_ident id;
	VAULT_W *w = NULL;
	struct err e = {0};
	int r;

	(void)memset(in.secret, 7, sizeof(in.secret));
	r = vault_init(fio_os(), "own", &pl, &in, &id, &e);
	if (r == 0)
		r = vault_w_open(fio_os(), "own", &pl, &w, &e);
	if (r == 0)
		r = vault_w_backup(w, &b, &g, &e);
	OK(r == 0, "a generation to be sent: %s", e.msg);
	free(g.runs);
	vault_w_close(w);
	(void)close(pl.statefd);
}

static void
test_rest(struct repo *repo, uint64_t first_seg)
{
	struct keep_time now = {.boot = "test", .ran = 5000000, .up = 5000000,
	    .wall = 1700000100000000};
	struct vault_place pl = {.statefd = open("box", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
	struct err e = {0};
	char path[64], hex[2 * FMT_ID_LEN + 1];
	struct stat st;
	unsigned bad = 0;
	int r;

	for (uint32_t i = 1; i < repo->nsegs; i++) {
		size_t n = 0;
		uint8_t *p;

		hex_put(hex, repo->segs[i].rec.seg, FMT_ID_LEN);
		(void)snprintf(path, sizeof(path), "own/seg/%s", hex);
		p = slurp(path, &n);
		bad += put(&repo->segs[i].rec, p, n, 32768, 0, &e) != 0;
		free(p);
		r = commit_next(repo->log, repo->segs[i].seq, -1, &e);
		bad += r != 0;
	}
	EQ_I(bad, 0, "all segments and their records");
	/* the generation needs them all: not one may be gone */
	hex_put(hex, repo->segs[0].rec.seg, FMT_ID_LEN);
	(void)snprintf(path, sizeof(path), "held/seg/%s", hex);
	(void)rename(path, "aside");
	r = commit_next(repo->log, repo->gens[0].seq, -1, &e);
	OK(r == E_CORRUPT, "a generation whose segment is gone: %s", e.msg);
	(void)rename("aside", path);
	EQ_I(commit_next(repo->log, repo->gens[0].seq, -1, &e), 0, "the generation");
	OK(hold_stamp(fio_os(), "held", &pl, &now, &e) == 0, "is noted with the box's time");
	OK(stat("held/keep/log", &st) == 0, "in the keep ledger");
	now.ran += INT64_C(7200000000);
	now.up += INT64_C(7200000000);
	EQ_I(hold_clock(fio_os(), "held", &pl, &now, &e), 1, "a wall clock that stood is a jump");
	now.ran += INT64_C(7200000000);
	now.up += INT64_C(7200000000);
	now.wall += INT64_C(7200000000);
	EQ_I(hold_clock(fio_os(), "held", &pl, &now, &e), 0, "the clock goes on");
	(void)memset(now.boot, 0, sizeof(now.boot));
	now.wall += INT64_C(7200000000);
	EQ_I(hold_clock(fio_os(), "held", &pl, &now, &e), 2, "in a boot without a name it stands");
	EQ_I(hold_clock(fio_os(), "src", &pl, &now, &e), 0, "what is no vault has no clock");
	{
		char key[80];

		hex_put(hex, repo->ident.repo, FMT_ID_LEN);
		(void)snprintf(key, sizeof(key), "box/vault/%s/keep.key", hex);
		OK(rename(key, "aside") == 0, "the box loses its key");
		EQ_I(hold_stamp(fio_os(), "held", &pl, &now, &e), E_AUTH, "which it says");
		OK(stat(key, &st) < 0, "and makes none beside the record of another");
		EQ_I(hold_clock(fio_os(), "held", &pl, &now, &e), E_AUTH, "at the hour, too");
		OK(rename("aside", key) == 0, "here it is");
	}
	OK(stat("own/log/log", &st) == 0, "both logs");
	{
		size_t a = 0, b = 0;
		uint8_t *x = slurp("own/log/log", &a), *y = slurp("held/log/log", &b);

		OK(x && y && a == b && memcmp(x, y, a) == 0, "are the same bytes");
		free(x);
		free(y);
	}
	(void)first_seg;
	(void)close(pl.statefd);
}

/* A record of another vault, and one of a key that nobody admitted. */
static void
test_strangers(struct repo *repo)
{
	struct ledger_head head = ledger_head(repo->log);
	struct signer *s = NULL;
	struct ledger *l = NULL;
	uint8_t seed[SIGN_SEED_LEN] = {9};
	struct buf rec;
	uint16_t kind;
	struct err e;

	buf_init(&rec, 1 << 20);
	(void)!signer_new(seed, &s, NULL);
	(void)!ledger_create(fio_os(), AT_FDCWD, "foreign", s, "x", 1, 1, &e);
	(void)!ledger_open(fio_os(), AT_FDCWD, "foreign", NULL, &l, &e);
	for (uint64_t i = ledger_head(l).seq; i < head.seq; i++)
		(void)!ledger_append(l, s, FMT_LOG_SEGMENT, "y", 1, 2, NULL, &e);
	(void)!ledger_compose(l, s, FMT_LOG_SEGMENT, "y", 1, 2, &rec, &e);
	OK(hold_commit(h, head.seq + 1, head.hash, rec.p, rec.len, &kind, &e) == E_AUTH,
	    "a key that was not admitted: %s", e.msg);
	OK(hold_commit(h, head.seq + 1, head.hash, "garbage", 7, &kind, &e) == E_CORRUPT,
	    "garbage");
	OK(hold_commit(h, head.seq + 9, head.hash, rec.p, rec.len, &kind, &e) < 0,
	    "another number");
	ledger_close(l);
	signer_free(s);
	buf_free(&rec);
}

int
main(void)
{
	const char *t = getenv("TMPDIR");
	struct buf ident, log;
	struct repo *repo = NULL;
	struct err e = {0};
	char path[64], hex[2 * FMT_ID_LEN + 1];
	uint8_t *p;
	size_t n = 0;

	(void)snprintf(top, sizeof(top), "%s/hold.XXXXXX", t ? t : "/tmp");
	if (!mkdtemp(top) || chdir(top) < 0 || mkdir("state", 0700) < 0 || mkdir("src", 0700) < 0 ||
	    mkdir("box", 0700) < 0)
		return 1;
	(void)!fio_create(fio_os(), AT_FDCWD, "src/追加①", "𠮷野 髙橋", 13, 0600, &e);
	make_own();
	buf_init(&ident, 8192);
	buf_init(&log, 1 << 20);
	if (repo_open(fio_os(), "own", &repo, &e) < 0 ||
	    fio_slurp(fio_os(), AT_FDCWD, "own/mamori-vault", &ident, &e) < 0 ||
	    ledger_raw(repo->log, 0, 1, &log, &e) < 0 || ledger_raw(repo->log, 1, 1, &log, &e) < 0)
		return 1;
	test_create(&ident, &log);
	EQ_I(hold_open(fio_os(), "none", &h, &e), E_NOENT, "there is none of that name");
	EQ_I(hold_open(fio_os(), "held", &h, &e), 0, "it opens");
	hex_put(hex, repo->segs[0].rec.seg, FMT_ID_LEN);
	(void)snprintf(path, sizeof(path), "own/seg/%s", hex);
	p = slurp(path, &n);
	test_segment(&repo->segs[0].rec, p, n);
	test_commits(repo->log, repo->segs[0].seq);
	test_rest(repo, repo->segs[0].seq);
	test_strangers(repo);
	free(p);
	hold_close(h);
	repo_close(repo);
	buf_free(&ident);
	buf_free(&log);
	(void)!chdir("/");
	(void)snprintf(path, sizeof(path), "rm -rf '%.50s'", top);
	return system(path) == 0 ? tap_done() : 1;
}
