/* Facts: form, canonical JSON, sealing, filters, the newest, evidence, the state directory. */
#include "ledger_help.h"

#include "base/time.h"
#include "fault/alloc.h"
#include "ledger/checks.h"
#include "ledger/evidence.h"
#include "ledger/facts.h"
#include "ledger/seals.h"
#include "ledger/verdict.h"

#define NAME "emr 追加 髙橋 \xef\xa8\x91 𠮷野 葛󠄀 ① ㈱ ｶﾅ ～"
#define GOOD                                                                                       \
	"{\"check\":\"vault.restore.drill\",\"subject\":{\"kind\":\"system\",\"id\":\"" NAME "\"}" \
	",\"outcome\":\"pass\",\"observed\":{\"seconds\":8.4,\"files\":10034},"                    \
	"\"expected\":{\"max_age_days\":31},\"at\":\"2026-11-22T03:10:00+09:00\","                 \
	"\"source\":{\"by\":\"measured\",\"module\":\"vault\",\"version\":\"0.1.0\","              \
	"\"host\":\"box\"}}"
#define CANON                                                                                      \
	"{\"at\":\"2026-11-21T18:10:00.000000Z\",\"check\":\"vault.restore.drill\","               \
	"\"expected\":{\"max_age_days\":31},\"observed\":{\"files\":10034,"                        \
	"\"seconds\":8.4000000000000004},\"outcome\":\"pass\",\"source\":{\"by\":\"measured\","    \
	"\"host\":\"box\",\"module\":\"vault\",\"version\":\"0.1.0\"},\"subject\":{\"id\":\"" NAME \
	"\",\"kind\":\"system\"}}"

/* GOOD with the first ${a} replaced by ${b}. */
static int
with(const char *a, const char *b, struct err *e)
{
	const char *at = strstr(GOOD, a);
	struct fact f;
	char text[2048];
	int r;

	if (!at)
		abort();
	(void)snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - GOOD), GOOD, b, at + strlen(a));
	r = fact_read(text, strlen(text), true, &f, e);
	if (r == 0)
		fact_free(&f);
	return r;
}

static void
test_form(void)
{
	static const struct {
		const char *a, *b, *names;
	} bad[] = {
		{"{\"check\"", "[\"check\"", "JSON"},
		{"vault.restore.drill", "vault", "check"},
		{"vault.restore.drill", "Vault.restore", "check"},
		{"vault.restore.drill", "vault..drill", "check"},
		{"vault.restore.drill", "vault.drill.", "check"},
		{"vault.restore.drill", "vault.dr ill", "check"},
		{"vault.restore.drill", "vault.訓練", "check"},
		{"\"pass\"", "\"passed\"", "outcome"},
		{"\"pass\"", "1", "outcome"},
		{"\"measured\"", "\"guessed\"", "source.by"},
		{"2026-11-22T03:10:00+09:00", "2026-11-22", "at"},
		{"2026-11-22T03:10:00+09:00", "2026-13-22T03:10:00+09:00", "at"},
		{"\"system\"", "\"\"", "subject.kind"},
		{"\"system\"", "\"sys\\u0000tem\"", "control|JSON"},
		{"\"system\"", "\"sys\\u0007tem\"", "control"},
		{"\"id\"", "\"extra\":1,\"id\"", "subject"},
		{"\"check\"", "\"extra\":1,\"check\"", "not known"},
		{"{\"check\"", "{\"check\":\"a.b\",\"check\"", "JSON"},
		{"{\"seconds\":8.4,\"files\":10034}", "[1]", "observed"},
		{"{\"max_age_days\":31}", "\"soon\"", "expected"},
		{"\"expected\"", "\"evidence\":[\"ABCDEF\"],\"expected\"", "evidence"},
		{"\"expected\"", "\"evidence\":{},\"expected\"", "evidence"},
		{"box\"", "b\xff\"", "JSON"},
	};
	struct err e = {0};

	EQ_I(with("box", "箱", &e), 0, "the example, with another host");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		int r = with(bad[i].a, bad[i].b, &e);
		char first[32];

		(void)snprintf(
		    first, sizeof(first), "%.*s", (int)strcspn(bad[i].names, "|"), bad[i].names);
		OK(r == E_INVAL && (strstr(e.msg, first) || strchr(bad[i].names, '|')),
		    "%s -> %s: %s", bad[i].a, bad[i].b, e.msg);
	}
	EQ_I(checks_name_ok("a.b"), 1, "the shortest name");
	EQ_I(checks_name_ok("a.1b"), 0, "a word begins with a letter");
	EQ_I(checks_name_ok(""), 0, "no name");
	EQ_I(checks_find("vault.restore.drill")->max_days, 31, "a check of the table");
	OK(!checks_find("vault.restore"), "no such check");
}

static void
test_table(void)
{
	size_t n;
	const struct check *all = checks_all(&n);
	bool good = n > 0;

	for (size_t i = 0; i < n; i++) {
		good = good && checks_name_ok(all[i].name) && all[i].ja[0] && all[i].en[0];
		good = good && (i == 0 || strcmp(all[i - 1].name, all[i].name) < 0);
	}
	OK(good, "the table of checks is sorted and its names are well-formed");
}

static void
test_canon(void)
{
	struct fact f;
	struct buf b;

	buf_init(&b, 4096);
	EQ_I(fact_read(GOOD, strlen(GOOD), true, &f, NULL), 0, "read");
	EQ_I(fact_write(&b, &f, NULL), 0, "write");
	EQ_S(buf_cstr(&b, NULL), CANON, "the canonical form");
	fact_free(&f);
	EQ_I(fact_read(b.p, b.len, true, &f, NULL), 0, "which reads back");
	fact_free(&f);
	EQ_I(fact_read(b.p, FACT_MAX_JSON + 1, true, &f, NULL), E_LIMIT, "too large");
	buf_free(&b);
}

static void
add(struct facts *fs, const char *check, const char *id, enum fact_outcome o, int64_t at,
    int64_t now)
{
	struct fact f;

	if (fact_fill(&f, "test", check, "system", id, o, at, NULL) < 0 ||
	    facts_add(fs, &f, now, NULL, NULL) < 0)
		abort();
	fact_free(&f);
}

static int
count(const struct fact *f, void *cookie, struct err *e)
{
	(void)f, (void)e;
	++*(int *)cookie;
	return 0;
}

static int
how_many(struct facts *fs, const struct facts_filter *f)
{
	int n = 0;

	return facts_each(fs, f, count, &n, NULL, NULL) == 0 ? n : -1;
}

static void
test_ledger(struct state *st)
{
	struct facts *fs = NULL;
	struct signer *other = help_signer(9);
	struct fact *list;
	struct err e;
	size_t n;

	EQ_I(facts_open(st, false, 0, &fs, &e), E_NOENT, "no facts yet");
	EQ_I(facts_open(st, true, 5, &fs, &e), 0, "begin");
	add(fs, "a.x", "one", FACT_PASS, 100, 100);
	add(fs, "a.x", "one", FACT_FAIL, 200, 200);
	add(fs, "a.x", "one", FACT_PASS, 150, 300);       /* entered late: about an earlier time */
	add(fs, "a.x", "two", FACT_PASS, 1000000, 400);   /* from a clock that ran ahead */
	add(fs, "a.x", "two", FACT_FAIL, 500, 500);
	add(fs, "b.y", "one", FACT_PASS, 100, 600);
	add(fs, "b.y", "one", FACT_NA, 100, 700);         /* the same time: the later record */
	EQ_I(how_many(fs, NULL), 7, "all facts");
	EQ_I(how_many(fs, &(struct facts_filter){.check = "a.x"}), 5, "by check");
	EQ_I(how_many(fs, &(struct facts_filter){.check = "a."}), 5, "by group");
	EQ_I(how_many(fs, &(struct facts_filter){.check = "a"}), 0, "a group ends with a dot");
	EQ_I(how_many(fs, &(struct facts_filter){.id = "one"}), 5, "by subject");
	EQ_I(how_many(fs, &(struct facts_filter){.since = 200}), 3, "by time");
	EQ_I(how_many(fs, &(struct facts_filter){.from = 6}), 2, "from a record on");
	EQ_I(facts_newest(fs, NULL, &list, &n, &e), 0, "newest");
	EQ_I(n, 3, "three of them");
	OK(n == 3 && list[0].seq == 2 && list[0].outcome == FACT_FAIL,
	    "a late entry does not supersede");
	OK(n == 3 && list[1].seq == 5, "a fact from the future yields to what is recorded later");
	OK(n == 3 && list[2].seq == 7 && list[2].outcome == FACT_NA,
	    "at the same time, the later record");
	facts_newest_free(list, n);
	EQ_I(ledger_append(facts_ledger(fs), other, 16, "x", 1, 1, NULL, NULL), E_AUTH,
	    "another key cannot add");
	signer_free(other);
	facts_close(fs);
	facts_close(NULL);
	EQ_I(facts_open(st, true, 5, &fs, &e), 0, "open again");
	EQ_I(how_many(fs, NULL), 7, "all there");
	facts_close(fs);
}

/* same(a, b): Whether two handles give the same newest facts for a filter; one has kept what it
 * read, the other opened the record just now. */
static bool
same(struct facts *a, struct facts *b, const struct facts_filter *f)
{
	struct fact *x = NULL, *y = NULL;
	size_t nx = 0, ny = 0;
	bool ok = facts_newest(a, f, &x, &nx, NULL) == 0 && facts_newest(b, f, &y, &ny, NULL) == 0;

	ok = ok && nx == ny;
	for (size_t i = 0; ok && i < nx; i++)
		ok = x[i].seq == y[i].seq && x[i].outcome == y[i].outcome &&
		    x[i].at == y[i].at && strcmp(x[i].check, y[i].check) == 0 &&
		    strcmp(x[i].id, y[i].id) == 0 &&
		    !x[i].observed == !y[i].observed;
	facts_newest_free(x, nx);
	facts_newest_free(y, ny);
	return ok;
}

struct seqs {
	uint64_t seq[64];
	size_t n;
};

static int
on_seq(const struct fact *f, void *cookie, struct err *e)
{
	struct seqs *s = cookie;

	(void)e;
	s->seq[s->n++ % 64] = f->seq;
	return 0;
}

static void
test_kept(void)
{
	static const struct facts_filter group = {.check = "a."}, one = {.id = "3"};
	struct facts *kept = NULL, *other = NULL, *fresh;
	struct seqs got = {.n = 0};
	struct state st;
	char path[300], id[8];
	bool ok = true, falling = true;

	(void)snprintf(path, sizeof(path), "%s/kept", help_dir);
	if (state_open(fio_os(), path, true, &st, NULL) < 0 ||
	    facts_open(&st, true, 5, &kept, NULL) < 0 || facts_open(&st, true, 5, &other, NULL) < 0)
		abort();
	for (uint32_t i = 0, x = 7; i < 300; i++) {
		x = x * 1664525 + 1013904223;
		(void)snprintf(id, sizeof(id), "%u", (x >> 8) % 9);
		/* appended by this handle or by another process; some late, some from the future */
		add(x & 0x10000 ? kept : other, x & 0x20000 ? "a.x" : x & 0x40000 ? "a.y" : "b.z",
		    id, (enum fact_outcome)((x >> 20) % 4), 1 + (x >> 12) % 400, 10 + i);
		if (x >> 29)
			continue;
		if (facts_open(&st, false, 5, &fresh, NULL) < 0)
			abort();
		ok = ok && same(kept, fresh, NULL) && same(kept, fresh, &group) &&
		    same(kept, fresh, &one);
		facts_close(fresh);
	}
	OK(ok, "what was kept is what a whole reading gives, after every append");
	EQ_I(facts_recent(kept, "a.x", on_seq, &got, NULL), 0, "the last of one check");
	EQ_I(got.n, FACTS_RECENT, "so many");
	for (size_t i = 1; i < got.n; i++)
		falling = falling && got.seq[i] < got.seq[i - 1];
	OK(falling, "the last one first");
	got.n = 0;
	EQ_I(facts_recent(kept, "a.none", on_seq, &got, NULL), 0, "a check without facts");
	EQ_I(got.n, 0, "has none");
	EQ_I(facts_one(kept, 17, on_seq, &got, NULL), 0, "one by its number");
	OK(got.n == 1 && got.seq[0] == 17, "that one");
	EQ_I(facts_one(kept, 999, on_seq, &got, NULL), 0, "one past the end");
	EQ_I(got.n, 1, "is nothing");
	facts_close(kept);
	facts_close(other);
	state_close(&st);
}

/* Every allocation of a look fails once; the next look gives everything, once. */
static void
test_nomem(void)
{
	struct facts *kept, *fresh;
	struct fact *list;
	struct state st;
	unsigned long tried = 0;
	char path[300], check[16];
	bool ok = true, hit = true;
	size_t n;

	(void)snprintf(path, sizeof(path), "%s/nomem", help_dir);
	if (state_open(fio_os(), path, true, &st, NULL) < 0 ||
	    facts_open(&st, true, 5, &fresh, NULL) < 0)
		abort();
	for (int i = 0; i < 60; i++) {
		(void)snprintf(check, sizeof(check), "c.x%d", i % 30);
		add(fresh, check, i % 2 ? "1" : "2", FACT_PASS, 1 + i, 10 + i);
	}
	for (; hit && tried < 5000; tried += hit) {
		struct seqs got = {.n = 0};
		int r;

		if (facts_open(&st, false, 5, &kept, NULL) < 0)
			abort();
		fault_alloc_arm(tried + 1);
		r = facts_newest(kept, NULL, &list, &n, NULL);
		hit = fault_alloc_hit();
		ok = ok && (hit ? r < 0 : r == 0);
		if (r == 0)
			facts_newest_free(list, n);
		ok = ok && same(kept, fresh, NULL) &&
		    facts_recent(kept, "c.x7", on_seq, &got, NULL) == 0 && got.n == 2;
		facts_close(kept);
	}
	OK(ok && tried > 60, "without memory nothing is taken twice or lost (%lu tried)", tried);
	facts_close(fresh);
	state_close(&st);
}

static void
test_gone(struct state *st)
{
	struct facts *fs = NULL;
	struct err e = {0};
	struct stat sb;

	OK(fstatat(st->dirfd, "keys/facts.key", &sb, 0) == 0 && (sb.st_mode & 0777) == 0600,
	    "the key is for its owner alone");
	OK(fstatat(st->dirfd, "keys", &sb, 0) == 0 && (sb.st_mode & 0777) == 0700,
	    "so is its place");
	if (renameat(st->dirfd, "keys/facts.key", st->dirfd, "keys/away") < 0)
		abort();
	EQ_I(facts_open(st, true, 0, &fs, &e), 0, "without the key facts can be read");
	{
		struct fact f;

		EQ_I(fact_fill(&f, "t", "a.b", "k", "i", FACT_PASS, 1, NULL), 0, "a fact");
		EQ_I(facts_add(fs, &f, 1, NULL, &e), E_AUTH, "but not added");
	}
	facts_close(fs);
	if (renameat(st->dirfd, "keys/away", st->dirfd, "keys/facts.key") < 0 ||
	    renameat(st->dirfd, "facts", st->dirfd, "gone") < 0)
		abort();
	EQ_I(facts_open(st, true, 0, &fs, &e), E_CORRUPT,
	    "a record that vanished is not begun anew");
	OK(strstr(e.msg, "gone") != NULL, "%s", e.msg);
	if (renameat(st->dirfd, "gone", st->dirfd, "facts") < 0)
		abort();
}

static void
test_evidence(struct state *st)
{
	char hex[EVIDENCE_HEX], again[EVIDENCE_HEX], path[128];
	struct err e = {0};
	int fd, w;

	help_write("x", "log", "abc", 3);
	fd = openat(help_fd, "x/log", O_RDONLY | O_CLOEXEC);
	EQ_I(evidence_put_fd(st, fd, 2, hex, &e), E_LIMIT, "more than allowed");
	EQ_I(evidence_put_fd(st, fd, 3, hex, &e), 0, "keep evidence");
	EQ_S(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	    "by its SHA-256");
	EQ_I(evidence_put_fd(st, fd, 99, again, &e), 0, "the same again");
	again[0] = 0;
	EQ_I(evidence_put_bytes(st, "abc", 3, again, &e), 0, "and as bytes");
	EQ_S(again, hex, "with the same name");
	EQ_I(evidence_check(st, hex, &e), 0, "it is whole");
	EQ_I(evidence_check(st, "../../x", &e), E_INVAL, "not a path");
	again[0] = 'c';
	EQ_I(evidence_check(st, again, &e), E_NOENT, "not there");
	(void)snprintf(path, sizeof(path), "evidence/ba/%s", hex);
	if (fchmodat(st->dirfd, path, 0600, 0) < 0)
		abort();
	w = openat(st->dirfd, path, O_WRONLY | O_CLOEXEC);
	if (w < 0 || pwrite(w, "X", 1, 1) != 1)
		abort();
	(void)close(w);
	EQ_I(evidence_check(st, hex, &e), E_CORRUPT, "one byte changed");
	EQ_I(evidence_put_fd(st, fd, 99, again, &e), 0, "handing it in again");
	EQ_I(evidence_check(st, hex, &e), 0, "heals it");
	(void)close(fd);
}

static int
on_seal(const struct seal *s, void *cookie, struct err *e)
{
	*(struct seal *)cookie = *s;
	(void)e;
	return 0;
}

static void
test_seals(struct state *st)
{
	struct seal seal = {0};
	struct ledger_report rep;
	struct facts *fs;
	struct err e = {0};

	EQ_I(seals_each(st, on_seal, &seal, &e), 0, "no seals yet");
	EQ_I(facts_open(st, false, 0, &fs, &e), 0, "open");
	EQ_I(seals_remember(st, "facts", ".", "facts", facts_ledger(fs), &e), 0, "remember");
	facts_close(fs);
	EQ_I(seals_each(st, on_seal, &seal, &e), 0, "read");
	OK(strcmp(seal.dir, ".") == 0 && strcmp(seal.name, "facts") == 0 && seal.seen.seq == 7,
	    "as it was");
	EQ_I(seals_verify(st, &seal, &rep, &e), 0, "verify");
	OK(rep.ok, "holds: %s", rep.why);
	seal.seen.seq = 8;
	EQ_I(seals_verify(st, &seal, &rep, &e), 0, "verify");
	OK(!rep.ok && rep.first_bad == 8, "a remembered record that is missing: %s", rep.why);
	(void)memcpy(seal.dir, "/tmp/\xff\\ 髙橋", 14);
	EQ_I(seals_update(st, &seal, &e), 0, "a path of any bytes");
	(void)memset(&seal, 0, sizeof(seal));
	EQ_I(seals_each(st, on_seal, &seal, &e), 0, "read");
	EQ_S(seal.dir, "/tmp/\xff\\ 髙橋", "comes back");
	EQ_I(seals_verify(st, &seal, &rep, &e), E_NOENT, "a place that cannot be reached");
	EQ_I(seals_learn(st, "facts", st->path, "facts", NULL, &e), 0, "learn of one by its place");
	EQ_I(seals_each(st, on_seal, &seal, &e), 0, "read");
	OK(strcmp(seal.dir, st->path) == 0 && seal.seen.seq == 8,
	    "what was remembered stays newest");
	EQ_I(seals_learn(st, "facts", "state", "facts", NULL, &e), E_INVAL,
	    "only by an absolute one");
	EQ_I(
	    seals_learn(st, "facts", "/none", "facts", NULL, &e), E_NOENT, "only when it is there");
	EQ_I(seals_learn(st, "facts", st->path, "facts", seal.seen.hash, &e), E_AUTH,
	    "only with its key");
}

static struct verdict
judge(const struct verdict_rule *rule, struct facts *fs, int64_t now)
{
	struct fact *list;
	struct verdict v;
	size_t n;

	if (facts_newest(fs, NULL, &list, &n, NULL) < 0)
		abort();
	v = verdict_of(rule, list, n, now);
	v.basis = v.oldest = NULL; /* they point into the list */
	facts_newest_free(list, n);
	return v;
}

static void
test_verdict(struct state *st)
{
	static const char *const need[] = {"vault.generation.age", "vault.restore.drill", NULL};
	static const char *const watch[] = {"vault.scrub", NULL};
	static const char *const missed[] = {"vault.drill.missed", "vault.restore.drill", NULL};
	static const struct verdict_rule rule = {need, watch, missed};
	int64_t t = 1700000000 * TIME_SEC;
	struct facts *fs;

	if (facts_open(st, false, 0, &fs, NULL) < 0)
		abort();
	EQ_I(judge(&rule, fs, t).why, VERDICT_NEVER, "no facts: grey");
	add(fs, "vault.generation.age", "emr", FACT_PASS, t, t);
	EQ_I(judge(&rule, fs, t).colour, VERDICT_GREY, "one of two: grey");
	add(fs, "vault.restore.drill", "emr", FACT_PASS, t, t);
	EQ_I(judge(&rule, fs, t).colour, VERDICT_GREEN, "both: green");
	EQ_I(judge(&rule, fs, t + 3 * TIME_DAY).why, VERDICT_OLD, "days later: grey");
	EQ_I(judge(&rule, fs, t - TIME_DAY).why, VERDICT_OLD, "from the future: grey");
	add(fs, "vault.drill.missed", "emr", FACT_FAIL, t + 1, t + 1);
	EQ_I(judge(&rule, fs, t + 1).why, VERDICT_MISSED, "a drill was missed: red");
	add(fs, "vault.restore.drill", "emr", FACT_PASS, t + 2, t + 2);
	EQ_I(judge(&rule, fs, t + 2).colour, VERDICT_GREEN, "and made good: green");
	add(fs, "vault.restore.drill", "pacs", FACT_ERROR, t + 2, t + 2);
	EQ_I(judge(&rule, fs, t + 2).why, VERDICT_ERROR, "one system could not be checked: grey");
	add(fs, "vault.scrub", "repo", FACT_FAIL, t + 3, t + 3);
	EQ_I(judge(&rule, fs, t + 3).why, VERDICT_FAILED, "a failure: red");
	facts_close(fs);
}

static void
test_state(void)
{
	struct state st = {0};
	char path[300];
	struct err e = {0};
	struct signer *a, *b;
	uint8_t pub[SIGN_PUB_LEN];

	(void)snprintf(path, sizeof(path), "%s/none", help_dir);
	EQ_I(state_open(fio_os(), path, false, &st, &e), E_NOENT, "no state");
	EQ_I(state_open(fio_os(), "", true, &st, &e), E_INVAL, "no name");
	help_write("file", "log", "x", 1);
	(void)snprintf(path, sizeof(path), "%s/file/log", help_dir);
	OK(state_open(fio_os(), path, true, &st, &e) < 0, "a file is not a state: %s", e.msg);
	(void)snprintf(path, sizeof(path), "%s/deep/er", help_dir);
	EQ_I(state_open(fio_os(), path, true, &st, &e), 0, "made with its parents");
	EQ_I(state_signer(&st, "k", false, &a, &e), E_NOENT, "no key");
	EQ_I(state_signer(&st, "k", true, &a, &e), 0, "a new key");
	EQ_I(state_signer(&st, "k", true, &b, &e), 0, "again");
	EQ_M(signer_pub(a), signer_pub(b), SIGN_PUB_LEN, "the same key");
	EQ_I(state_signer(&st, "../k", true, &b, &e), E_INVAL, "a name, not a path");
	EQ_I(state_pub_put(&st, "k", signer_pub(a), &e), 0, "keep the public key");
	EQ_I(state_pub_get(&st, "k", pub, &e), 0, "read it");
	EQ_M(pub, signer_pub(a), SIGN_PUB_LEN, "it is that");
	signer_free(a);
	signer_free(b);
	{
		int fd = openat(st.dirfd, "keys/k.pub", O_WRONLY | O_TRUNC | O_CLOEXEC);

		if (fd < 0 || write(fd, "hello\n", 6) != 6)
			abort();
		(void)close(fd);
	}
	EQ_I(state_pub_get(&st, "k", pub, &e), E_CORRUPT, "not a key file");
	state_close(&st);
	state_close(&st);
	state_close(NULL);
}

int
main(void)
{
	struct state st;
	char path[300];

	help_begin();
	test_form();
	test_table();
	test_canon();
	test_state();
	(void)snprintf(path, sizeof(path), "%s/state", help_dir);
	if (state_open(fio_os(), path, true, &st, NULL) < 0)
		abort();
	test_ledger(&st);
	test_kept();
	test_nomem();
	test_gone(&st);
	test_evidence(&st);
	test_seals(&st);
	test_verdict(&st);
	state_close(&st);
	help_end();
	return tap_done();
}
