/* A vault's place in an object store. Which record may come next, what is remembered of locks and
 * what an audit tells is tested always, the latter against a small store that only gives; the rest
 * against a real one, whose address the environment's MAMORI_TEST_S3 names (tests/scenario starts
 * one). Somebody with the same login tampers through a client of his own. */
#include "vault/s3_store.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "crypt/secret.h"
#include "ledger/ledger.h"
#include "s3/s3.h"
#include "tap.h"
#include "vault/s3_int.h"

static char dir[] = "/tmp/mamori-s3-XXXXXX";
static int dirfd_;
static struct signer *root, *stranger;
static struct ledger *led;

static int64_t
now(void)
{
	return time_now_us();
}

static void
make_ledger(void)
{
	struct fmt_genesis g = {.lock_days = 1};
	uint8_t seed[SIGN_SEED_LEN];
	struct buf b;
	struct err e;

	buf_init(&b, 4096);
	random_fill(seed, sizeof(seed));
	random_fill(g.repo, sizeof(g.repo));
	g.recovery[0] = 4;
	if (!mkdtemp(dir) || (dirfd_ = open(dir, O_RDONLY | O_DIRECTORY)) < 0 ||
	    signer_new(seed, &root, &e) < 0 || fmt_genesis_put(&b, &g, &e) < 0 ||
	    ledger_create(fio_os(), dirfd_, "log", root, b.p, b.len, now(), &e) < 0 ||
	    ledger_open(fio_os(), dirfd_, "log", NULL, &led, &e) < 0)
		abort();
	random_fill(seed, sizeof(seed));
	if (signer_new(seed, &stranger, &e) < 0)
		abort();
	buf_free(&b);
}

static void
compose(struct buf *b, uint16_t type, const void *p, size_t n)
{
	struct err e;

	buf_clear(b);
	if (ledger_compose(led, root, type, p, n, now(), b, &e) < 0)
		abort();
}

/* ---- which record may come next ---- */

static void
walk(void)
{
	struct s3_walk w = {.next = 0};
	struct buf all, rec, bad;
	struct err e;
	size_t n;

	buf_init(&all, 1 << 20);
	buf_init(&rec, 1 << 20);
	buf_init(&bad, 1 << 20);
	if (digest_new(&w.digest, &e) < 0 || ledger_raw(led, 0, 1 << 19, &all, &e) < 0)
		abort();
	(void)memcpy(w.pin, signer_pub(stranger), SIGN_PUB_LEN);
	s3_walk_init(&w);
	n = s3_walk_len(&w, all.p, all.len);
	EQ_I(n, all.len, "the first entry with the file header");
	OK(!s3_walk_fits(&w, all.p, n), "another vault's beginning does not fit");
	(void)memcpy(w.pin, signer_pub(root), SIGN_PUB_LEN);
	s3_walk_init(&w);
	OK(s3_walk_fits(&w, all.p, n), "this one's does");
	EQ_I(s3_walk_take(&w, all.p, n, &e), 0, "and is taken");
	compose(&rec, 16, "hello", 5);
	OK(s3_walk_fits(&w, rec.p, rec.len), "the next entry fits");
	for (size_t i = 0; i < rec.len; i++) {
		rec.p[i] ^= 1;
		if (s3_walk_fits(&w, rec.p, rec.len))
			break;
		rec.p[i] ^= 1;
		if (i + 1 == rec.len)
			OK(true, "no changed byte does");
	}
	OK(!s3_walk_fits(&w, rec.p, rec.len - 1), "nor a short one");
	OK(!s3_walk_fits(&w, all.p, n), "nor the first one again");
	(void)!ledger_fmt_rec_put(&bad, ledger_id(led), ledger_head(led).hash, stranger,
	    &(struct ledger_fmt_new){.type = 16, .seq = 1, .first = "x", .first_len = 1}, &e);
	OK(!s3_walk_fits(&w, bad.p, bad.len), "nor one that a stranger signed");
	s3_walk_free(&w);
	buf_free(&all);
	buf_free(&rec);
	buf_free(&bad);
}

/* ---- records that two wanted to add ---- */

static void
rivals(void)
{
	struct s3_walk w = {.next = 0};
	struct buf all, one, two;
	struct err e;

	buf_init(&all, 1 << 20);
	buf_init(&one, 1 << 20);
	buf_init(&two, 1 << 20);
	if (digest_new(&w.digest, &e) < 0 || ledger_raw(led, 0, 1 << 19, &all, &e) < 0)
		abort();
	(void)memcpy(w.pin, signer_pub(root), SIGN_PUB_LEN);
	s3_walk_init(&w);
	compose(&one, 16, "one", 3);
	compose(&two, 16, "the other", 9);
	OK(s3_walk_take(&w, all.p, all.len, &e) == 0 && s3_walk_take(&w, one.p, one.len, &e) == 0,
	    "the faster one is taken");
	OK(s3_walk_rival(&w, 1, two.p, two.len), "the slower one was a rival");
	OK(s3_walk_rival(&w, 1, one.p, one.len), "so is the faster one itself");
	OK(!s3_walk_rival(&w, 2, two.p, two.len), "not for another number");
	OK(!s3_walk_rival(&w, 1, two.p, two.len - 1), "nor cut short");
	OK(!s3_walk_rival(&w, 0, all.p, all.len), "the first record has none");
	for (size_t i = 0; i < two.len; i++) {
		two.p[i] ^= 1;
		if (s3_walk_rival(&w, 1, two.p, two.len))
			break;
		two.p[i] ^= 1;
		if (i + 1 == two.len)
			OK(true, "no changed byte passes as one");
	}
	s3_walk_free(&w);
	buf_free(&all);
	buf_free(&one);
	buf_free(&two);
}

/* ---- the memory of locks ---- */

static void
locks(void)
{
	enum { NOW = 1000 };
	struct map m, back;
	struct buf b;
	struct err e;
	uint8_t id[3][16] = {{1}, {2}, {3}};
	size_t bad = 0;

	map_init(&m, 100);
	map_init(&back, 100);
	buf_init(&b, 4096);
	(void)!map_put(&m, id[0], 16, (void *)(uintptr_t)(NOW - 1), &e);
	(void)!map_put(&m, id[1], 16, (void *)(uintptr_t)(NOW + 50), &e);
	(void)!map_put(&m, id[2], 16, (void *)(uintptr_t)(NOW + 70), &e);
	EQ_I(s3_lock_print(&m, (int64_t)NOW * 1000000, &b, &e), 0, "written");
	EQ_I(s3_lock_parse(b.p, b.len, &back, &e), 0, "read");
	OK(back.len == 2 && !map_get(&back, id[0], 16), "what ended is forgotten");
	EQ_I((uintptr_t)map_get(&back, id[2], 16), NOW + 70, "the rest is as it was");
	map_free(&back);
	for (size_t n = 0; n < b.len; n++)
		bad += s3_lock_parse(b.p, n, &back, NULL) == E_CORRUPT;
	EQ_I(bad, b.len, "cut anywhere: nothing is taken");
	for (size_t i = 0; i < b.len; i++) {
		b.p[i] ^= 0x10;
		bad -= s3_lock_parse(b.p, b.len, &back, NULL) == E_CORRUPT;
		b.p[i] ^= 0x10;
	}
	EQ_I(bad, 0, "nor with any byte changed");
	map_free(&m);
	map_free(&back);
	buf_free(&b);
}

/* ---- a store that only gives ---- */

struct given { /* a version; in the order of a list */
	const char *key, *version, *modified;
	const struct buf *body;
};

static struct shelf {
	struct given v[8];
	size_t n;
	int fd;
	char url[64];
	atomic_uint asked;
	pthread_t thread;
} shelf;

/* word(line, name, out): A value of the query, decoded as far as keys need it; "" without. */
static void
word(const char *line, const char *name, char out[200])
{
	const char *p = strstr(line, name);
	size_t n = 0;

	for (p = p ? p + strlen(name) : ""; *p && !strchr("& ", *p) && n < 199; p++)
		if (strncmp(p, "%2F", 3) == 0) {
			out[n++] = '/';
			p += 2;
		} else {
			out[n++] = *p;
		}
	out[n] = 0;
}

static int
list(const char *line, struct buf *b, struct err *e)
{
	char prefix[200], after[200];
	int r = buf_fmt(b, e, "<ListVersionsResult><IsTruncated>false</IsTruncated>");

	word(line, "&prefix=", prefix);
	word(line, "key-marker=", after);
	for (size_t i = 0; r == 0 && i < shelf.n; i++) {
		const struct given *g = &shelf.v[i];

		if (strncmp(g->key, prefix, strlen(prefix)) != 0 || strcmp(g->key, after) <= 0)
			continue;
		r = buf_fmt(b, e, "<Version><Key>%s</Key><VersionId>%s</VersionId>"
		    "<ETag>&quot;%s&quot;</ETag><Size>%zu</Size>", g->key, g->version, g->version,
		    g->body->len);
		if (r == 0 && g->modified)
			r = buf_fmt(b, e, "<LastModified>%s</LastModified>", g->modified);
		if (r == 0)
			r = buf_fmt(b, e, "</Version>");
	}
	return r == 0 ? buf_fmt(b, e, "</ListVersionsResult>") : r;
}

static void
answer(int c, const char *line)
{
	struct buf AUTO(buf_free) b = {0}, head = {0};
	struct err e;
	char version[200];
	int r = 0;

	buf_init(&b, 1 << 20);
	buf_init(&head, 2 << 20);
	word(line, "versionId=", version);
	if (strstr(line, "?versions") || strstr(line, "&versions"))
		r = list(line, &b, &e);
	for (size_t i = 0; r == 0 && version[0] && i < shelf.n; i++)
		if (strcmp(shelf.v[i].version, version) == 0)
			r = buf_put(&b, shelf.v[i].body->p, shelf.v[i].body->len, &e);
	if (r == 0)
		r = buf_fmt(&head, &e, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %zu"
		    "\r\n\r\n", b.len);
	if (r == 0 && b.len)
		r = buf_put(&head, b.p, b.len, &e);
	if (r == 0 && send(c, head.p, head.len, MSG_NOSIGNAL) < 0)
		printf("# an answer did not go out\n");
}

static void *
give(void *cookie)
{
	char line[8192];
	int c;

	(void)cookie;
	while ((c = accept(shelf.fd, NULL, NULL)) >= 0) {
		size_t len = 0;
		ssize_t n = 1;

		line[0] = 0;
		while (n > 0 && !strstr(line, "\r\n\r\n") && len < sizeof(line) - 1) {
			n = read(c, line + len, sizeof(line) - 1 - len);
			len += n > 0 ? (size_t)n : 0;
			line[len] = 0;
		}
		shelf.asked++;
		line[strcspn(line, "\r\n")] = 0;
		answer(c, line);
		(void)close(c);
	}
	return NULL;
}

static void
shelf_open(void)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(sin);

	shelf.fd = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(shelf.fd, (struct sockaddr *)&sin, sizeof(sin)) < 0 || listen(shelf.fd, 16) < 0 ||
	    getsockname(shelf.fd, (struct sockaddr *)&sin, &n) < 0 ||
	    pthread_create(&shelf.thread, NULL, give, NULL) != 0 ||
	    setenv("AWS_ACCESS_KEY_ID", "A", 0) < 0 || setenv("AWS_SECRET_ACCESS_KEY", "S", 0) < 0)
		abort();
	(void)snprintf(shelf.url, sizeof(shelf.url), "s3://127.0.0.1:%u/bucket/p",
	    ntohs(sin.sin_port));
}

static void
shelf_close(void)
{
	(void)shutdown(shelf.fd, SHUT_RDWR);
	(void)pthread_join(shelf.thread, NULL);
	(void)close(shelf.fd);
}

static struct store *
shelf_reach(int statefd)
{
	struct store_env env = {.f = fio_os(), .statefd = statefd, .now = now};
	struct store *st = NULL;
	struct err e = {0};

	if (s3_store_open(shelf.url, &env, &st, &e) < 0) {
		printf("Bail out! %s\n", e.msg);
		exit(1);
	}
	return st;
}

/* session(key, version, until): One that writes an object and asks for no longer locks. */
static void
session(const char *key, const char *version, int64_t until)
{
	struct store *st = shelf_reach(dirfd_);
	struct s3_store *s = (struct s3_store *)(void *)st; /* its first member */

	s->writing = true;
	s->lock_days = 1;
	s3_lock_note(s, key, version, until);
	st->ops->close(st);
}

static void
remembered(void)
{
	static const char file[] = "vault/00000000000000000000000000000000/locks";
	struct map AUTO(map_free) m = {0};
	struct buf AUTO(buf_free) b = {0};
	int64_t soon = now() + TIME_DAY, later = now() + 2 * TIME_DAY;
	struct err e;
	const void *id;
	size_t pos = 0, n = 0;
	void *sec;

	map_init(&m, 100);
	buf_init(&b, 4096);
	if (mkdirat(dirfd_, "vault", 0700) < 0 ||
	    mkdirat(dirfd_, "vault/00000000000000000000000000000000", 0700) < 0)
		abort();
	session("p/seg/a", "1", soon);
	session("p/seg/b", "1", soon);
	session("p/seg/a", "1", later);
	EQ_I(fio_slurp(fio_os(), dirfd_, file, &b, &e), 0, "locks are remembered");
	EQ_I(s3_lock_parse(b.p, b.len, &m, &e), 0, "and can be read");
	EQ_I(m.len, 2, "what an earlier session noted is still known");
	while ((sec = map_each(&m, &pos, &id, NULL)) != NULL)
		n += (int64_t)(uintptr_t)sec == later / TIME_SEC + 1;
	EQ_I(n, 1, "and what was noted since is not overruled");
}

static int
on_trace(const char *ja, const char *en, void *cookie, struct err *e)
{
	(void)ja, (void)en, (void)e;
	*(int *)cookie += 1;
	return 0;
}

/* traces(): How many an audit of the shelf tells; negative: it failed. */
static int
traces(void)
{
	struct store *st = shelf_reach(-1);
	struct err e = {0};
	int n = 0, r;

	shelf.asked = 0;
	r = st->ops->audit(st, on_trace, &n, &e);
	if (r < 0)
		printf("# %s\n", e.msg);
	st->ops->close(st);
	return r < 0 ? r : n;
}

static void
audited(void)
{
	static const char r0[] = "p/log/00000000000000000000", r1[] = "p/log/00000000000000000001";
	struct buf AUTO(buf_free) who = {0}, all = {0}, one = {0}, two = {0}, bad = {0};
	char hex[2 * SIGN_PUB_LEN + 1];
	struct given *slow = &shelf.v[1];
	struct err e;

	buf_init(&who, 4096);
	buf_init(&all, 1 << 20);
	buf_init(&one, 1 << 20);
	buf_init(&two, 1 << 20);
	buf_init(&bad, 4096);
	hex_put(hex, signer_pub(root), SIGN_PUB_LEN);
	compose(&one, 16, "one", 3);
	compose(&two, 16, "the other", 9);
	if (ledger_raw(led, 0, 1 << 19, &all, &e) < 0 ||
	    buf_fmt(&who, &e, "MAMORI-VAULT 1\nid: 00\nlog: %s\n", hex) < 0 ||
	    buf_fmt(&bad, &e, "garbage") < 0)
		abort();
	shelf.v[0] = (struct given){r0, "v0", "2026-01-01T00:00:00.000Z", &all};
	shelf.v[1] = (struct given){r1, "v2", "2026-01-01T01:05:00.000Z", &two};
	shelf.v[2] = (struct given){r1, "v1", "2026-01-01T01:00:00.000Z", &one};
	shelf.v[3] = (struct given){"p/mamori-vault", "v3", "2026-01-01T00:00:00.000Z", &who};
	shelf.n = 4;
	EQ_I(traces(), 0, "two who wrote at once are not accused");
	slow->modified = "2027-01-01T01:00:00.000Z";
	EQ_I(traces(), 1, "a signed record put over an old one is told");
	OK(shelf.asked == 1, "for that the log is not read");
	slow->modified = NULL;
	EQ_I(traces(), 1, "so is one of no known time");
	slow->modified = "2026-01-01T01:05:00.000Z";
	slow->body = &bad;
	EQ_I(traces(), 1, "and what is no record at all");
	slow->body = &two;
	shelf.v[3].body = &bad;
	EQ_I(traces(), 1, "where the log cannot be read nobody is excused");
}

/* ---- against a store ---- */

static char url[300];
static struct s3_where where;
static struct s3 *thief; /* the same login, another hand */

static struct store *
reach(bool writing)
{
	struct store_env env = {.f = fio_os(), .statefd = -1, .writing = writing, .now = now};
	struct store *st = NULL;
	struct err e = {0};

	if (s3_store_open(url, &env, &st, &e) < 0)
		printf("# %s\n", e.msg);
	return st;
}

static void
key_of(char out[700], const char *rest)
{
	(void)snprintf(out, 700, "%s/%s", where.prefix, rest);
}

static void
overwrite(const char *rest, const char *text)
{
	struct s3_put o = {.until = 0};
	char key[700];
	struct err e = {0};

	key_of(key, rest);
	OK(s3_put(thief, key, text, strlen(text), &o, NULL, &e) == 0, "somebody writes over %s",
	    rest);
}

/* erase(rest): A delete without a version leaves a marker; there is no such call in lib/s3. */
static void
erase(const char *rest)
{
	char cmd[1200];
	const char *tool = getenv("MAMORI_TEST_S3DO");
	FILE *f;
	char line[16] = "";

	(void)snprintf(cmd, sizeof(cmd), "%s %s DELETE /%s/%s/%s", tool ? tool : "false",
	    where.host, where.bucket, where.prefix, rest);
	f = popen(cmd, "r");
	if (f && fgets(line, sizeof(line), f))
		line[strcspn(line, "\n")] = 0;
	EQ_S(line, "204", "somebody deletes it, and the store says yes");
	if (f)
		(void)pclose(f);
}

static uint8_t seg_bytes[3 << 20];
static struct fmt_segment_rec seg;
static int seg_fd;

static void
make_segment(uint32_t pages)
{
	uint64_t size = fmt_seg_size(pages);
	struct fmt_footer f = {.npages = pages};

	random_fill(seg.seg, FMT_ID_LEN);
	random_fill(seg.root, FMT_HASH_LEN);
	seg.kind = FMT_DATA;
	seg.npages = pages;
	random_fill(seg_bytes, (size_t)size);
	(void)memcpy(f.seg, seg.seg, FMT_ID_LEN);
	(void)memcpy(f.root, seg.root, FMT_HASH_LEN);
	fmt_footer_put(&f, seg_bytes + size - FMT_HEADER_LEN);
	seg_fd = memfd_create("segment", 0);
	if (seg_fd < 0 || write(seg_fd, seg_bytes, (size_t)size) != (ssize_t)size)
		abort();
}

static char ident[] = "MAMORI-VAULT 1\nid: 00\nlog: "
    "0000000000000000000000000000000000000000000000000000000000000000\n";

static void
begins(void)
{
	struct store *st = reach(true);
	struct buf b;
	struct err e = {0};
	char hex[2 * SIGN_PUB_LEN + 1];

	if (!OK(st != NULL, "the place is reached"))
		return;
	buf_init(&b, 1 << 22);
	hex_put(hex, signer_pub(root), SIGN_PUB_LEN);
	(void)memcpy(strstr(ident, "log: ") + 5, hex, 2 * SIGN_PUB_LEN);
	EQ_I(st->ops->ident(st, &b, &e), E_NOENT, "nothing is there yet");
	/* what an interrupted try of somebody else left */
	overwrite("log/00000000000000000000", "an older beginning");
	if (ledger_raw(led, 0, 1 << 20, &b, &e) < 0)
		abort();
	EQ_I(st->ops->create(st, ident, strlen(ident), b.p, b.len, &e), 0, "a vault begins");
	EQ_I(st->ops->create(st, ident, strlen(ident), b.p, b.len, &e), E_EXIST, "only once");
	st->ops->close(st);
	st = reach(false);
	buf_clear(&b);
	EQ_I(st->ops->ident(st, &b, &e), 0, "its identity");
	OK(b.len == strlen(ident) && memcmp(b.p, ident, b.len) == 0, "as it was written");
	st->ops->close(st);
	buf_free(&b);
}

/* add(st, type, p, n): Compose, commit, take; the result of commit. */
static int
add(struct store *st, uint16_t type, const void *p, size_t n, struct err *e)
{
	struct ledger_head h = ledger_head(led);
	struct buf b;
	int r;

	buf_init(&b, 1 << 21);
	compose(&b, type, p, n);
	r = st->ops->commit(st, h.seq + 1, h.hash, b.p, b.len, e);
	if (r == 0 && ledger_accept(led, b.p, b.len, e) < 0)
		abort();
	buf_free(&b);
	return r;
}

static void
same_log(const char *what)
{
	struct store *st = reach(false);
	struct buf a, b;
	struct err e = {0};
	int r;

	buf_init(&a, 1 << 24);
	buf_init(&b, 1 << 24);
	if (ledger_raw(led, 0, 1 << 23, &a, &e) < 0)
		abort();
	r = st->ops->log_read(st, 0, &b, &e);
	if (!OK(r == 0 && a.len == b.len && memcmp(a.p, b.p, a.len) == 0, "%s", what))
		printf("# %s: %zu and %zu bytes\n", r < 0 ? e.msg : "other bytes", a.len, b.len);
	buf_clear(&b);
	EQ_I(st->ops->log_read(st, ledger_head(led).seq + 1, &b, &e), 0, "behind its end");
	EQ_I(b.len, 0, "there is nothing");
	EQ_I(st->ops->log_read(st, ledger_head(led).seq, &b, &e), 0, "from its newest entry");
	OK(b.len > 0 && memcmp(a.p + a.len - b.len, b.p, b.len) == 0, "there is one");
	st->ops->close(st);
	buf_free(&a);
	buf_free(&b);
}

static void
commits(void)
{
	struct store *st = reach(true), *two = reach(true);
	struct ledger_head h;
	struct buf b;
	struct err e = {0};

	buf_init(&b, 1 << 20);
	EQ_I(add(st, 20, "one", 3, &e), 0, "an entry");
	h = ledger_head(led);
	compose(&b, 20, "two of the other", 16);
	EQ_I(add(st, 20, "two", 3, &e), 0, "another one");
	EQ_I(two->ops->commit(two, h.seq + 1, h.hash, b.p, b.len, &e), E_BUSY,
	    "somebody who did not see it is told so");
	compose(&b, 20, "three", 5);
	h = ledger_head(led);
	EQ_I(two->ops->commit(two, h.seq + 1, h.hash, b.p, b.len, &e), 0, "then he goes on");
	EQ_I(two->ops->commit(two, h.seq + 1, h.hash, b.p, b.len, &e), E_BUSY, "not twice");
	compose(&b, 20, "late", 4);
	EQ_I(st->ops->commit(st, h.seq + 1, h.hash, b.p, b.len, &e), E_BUSY, "the first one late");
	buf_clear(&b);
	EQ_I(st->ops->log_read(st, h.seq + 1, &b, &e), 0, "he reads on");
	EQ_I(ledger_accept(led, b.p, b.len, &e), 0, "and takes it");
	same_log("the log is what was added");
	st->ops->close(st);
	two->ops->close(two);
	buf_free(&b);
}

static void
segments(void)
{
	static uint8_t back[3 << 20];
	struct store *st = reach(true);
	struct s3_meta m;
	struct buf b;
	struct err e = {0};
	char hex[2 * FMT_ID_LEN + 1], rest[80], key[700];
	uint64_t size = 0;
	int64_t until = now() + 3 * TIME_DAY;
	uint8_t none[FMT_ID_LEN] = {0};

	buf_init(&b, 4096);
	make_segment(40);
	EQ_I(st->ops->stat(st, seg.seg, &size, &e), E_NOENT, "not there yet");
	EQ_I(st->ops->put(st, &seg, seg_fd, until, &e), 0, "a segment");
	EQ_I(st->ops->put(st, &seg, seg_fd, until, &e), 0, "the same again");
	if (fmt_segment_rec_put(&b, &seg, &e) < 0)
		abort();
	EQ_I(add(st, FMT_LOG_SEGMENT, b.p, b.len, &e), 0, "its entry");
	EQ_I(st->ops->stat(st, seg.seg, &size, &e), 0, "it is there");
	EQ_I(size, fmt_seg_size(40), "with its size");
	hex_put(hex, seg.seg, FMT_ID_LEN);
	(void)snprintf(rest, sizeof(rest), "seg/%s", hex);
	key_of(key, rest);
	EQ_I(s3_head(thief, key, NULL, &m, &e), 0, "asked by another client");
	OK(m.compliance && m.until >= until && m.until <= until + TIME_SEC, "it is locked");
	overwrite(rest, "garbage");
	erase(rest);
	st->ops->close(st);
	st = reach(false);
	buf_clear(&b);
	EQ_I(st->ops->read(st, seg.seg, 100000, back, 200000, &e), 0, "read after that");
	OK(memcmp(back, seg_bytes + 100000, 200000) == 0, "what was there before");
	EQ_I(st->ops->read(st, seg.seg, size - 10, back, 11, &e), E_CORRUPT, "past its end");
	EQ_I(st->ops->read(st, none, 0, back, 1, &e), E_NOENT, "one that does not exist");
	st->ops->close(st);
	st = reach(true);
	seg_bytes[5000] ^= 1;
	if (pwrite(seg_fd, seg_bytes + 5000, 1, 5000) != 1)
		abort();
	EQ_I(st->ops->put(st, &seg, seg_fd, until, &e), E_EXIST, "other bytes under its name");
	EQ_I(st->ops->retain(st, (const uint8_t(*)[FMT_ID_LEN]) & seg.seg, 1, until + TIME_DAY, &e),
	    0, "a longer lock");
	EQ_I(st->ops->retain(st, (const uint8_t (*)[FMT_ID_LEN]) & seg.seg, 1, until, &e), 0,
	    "a shorter one changes nothing");
	EQ_I(st->ops->retain(st, (const uint8_t (*)[FMT_ID_LEN]) & none, 1, until, &e), E_NOENT,
	    "of a segment that is not there");
	st->ops->close(st);
	close(seg_fd);
	buf_free(&b);
}

static int
on_odd(const char *ja, const char *en, void *cookie, struct err *e)
{
	(void)ja, (void)e;
	printf("# %s\n", en);
	*(int *)cookie += 1;
	return 0;
}

static void
tampered(void)
{
	struct store *st = reach(true);
	struct ledger_head h = ledger_head(led);
	char rest[64];
	struct err e = {0};
	int n = 0;

	EQ_I(st->ops->audit(st, on_odd, &n, &e), 0, "traces are told");
	OK(n >= 3, "of the segment and the first entry");
	overwrite("log/00000000000000000001", "a lie");
	erase("log/00000000000000000002");
	overwrite("mamori-vault", "another vault");
	/* the names of the next entries, taken beforehand */
	for (unsigned i = 1; i <= 2; i++) {
		(void)snprintf(rest, sizeof(rest), "log/%020llu", (unsigned long long)h.seq + i);
		overwrite(rest, "taken");
	}
	same_log("the log is the old one");
	EQ_I(add(st, 20, "still", 5, &e), 0, "an entry whose name was taken");
	EQ_I(add(st, 20, "going", 5, &e), 0, "and the next");
	same_log("both are there");
	st->ops->close(st);
}

static void
long_log(void)
{
	struct store *st = reach(true);
	struct s3_meta m;
	char key[700], rest[64];
	struct err e = {0};
	int bad = 0;

	while (bad == 0 && ledger_head(led).seq < S3L_CKP + 50)
		bad += add(st, 20, "x", 1, &e) < 0;
	EQ_I(bad, 0, "many entries");
	key_of(key, "ckp/00000000000000000000");
	EQ_I(s3_head(thief, key, NULL, &m, &e), 0, "the object of many entries is there");
	OK(m.compliance, "and locked");
	same_log("a long log, in few requests");
	overwrite("ckp/00000000000000000000", "a lie");
	overwrite("ckp/00000000000000000256", "a lie beforehand");
	erase("ckp/00000000000000000000");
	(void)snprintf(rest, sizeof(rest), "log/%020u", 300);
	erase(rest);
	same_log("a long log that somebody tampered with");
	st->ops->close(st);
}

int
main(void)
{
	const char *at = getenv("MAMORI_TEST_S3");
	struct s3_conf c = {.where = &where, .now = now};
	struct store_env env = {.f = fio_os(), .statefd = -1, .now = now};
	static struct s3_login l;
	struct err e = {0};

	make_ledger();
	walk();
	rivals();
	locks();
	shelf_open();
	remembered();
	audited();
	shelf_close();
	if (!at) {
		SKIP("no object store is named in MAMORI_TEST_S3");
	} else {
		(void)snprintf(url, sizeof(url), "%s/t%d", at, (int)getpid());
		c.login = &l;
		if (s3_where_get(url, &where, &e) < 0 || s3_login_find(&where, &env, &l, &e) < 0 ||
		    s3_open(&c, &thief, &e) < 0) {
			printf("Bail out! %s\n", e.msg);
			return 1;
		}
		begins();
		commits();
		segments();
		tampered();
		long_log();
		s3_close(thief);
	}
	ledger_close(led);
	signer_free(root);
	signer_free(stranger);
	(void)close(dirfd_);
	return tap_done();
}
