#include "identity/accesslog.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "ledger/ledger.h"
#include "ledger/seals.h"
#include "tap.h"

#define T0 (INT64_C(1790000000) * TIME_SEC)

static char dir[] = "/tmp/mamori-access-XXXXXX";
static struct state st;
static struct err e;

struct got {
	int n;
	uint64_t last;
	struct access_entry first;
	bool sorted;
};

static int
on_entry(const struct access_entry *t, void *cookie, struct err *err)
{
	struct got *g = cookie;

	(void)err;
	if (g->n++ == 0)
		g->first = *t;
	else
		g->sorted = g->sorted && t->seq < g->last;
	g->last = t->seq;
	return 0;
}

static int
add(struct accesslog *a, const char *account, const char *what, const char *object, int64_t at)
{
	struct access_entry t = {.result = "ok", .source = "192.0.2.1", .session = "s-1"};

	(void)snprintf(t.account, sizeof(t.account), "%s", account);
	(void)snprintf(t.what, sizeof(t.what), "%s", what);
	(void)snprintf(t.object, sizeof(t.object), "%s", object);
	return accesslog_add(a, &t, at, &e);
}

/* pages(a, filter, limit, ret): Walk all pages; how many there were. */
static int
pages(struct accesslog *a, const struct access_filter *f, size_t limit, struct got *g)
{
	uint64_t next = 0;
	int n = 0;

	*g = (struct got){.sorted = true};
	do {
		if (accesslog_page(a, f, next, limit, on_entry, g, &next, &e) < 0)
			abort();
		n++;
	} while (next != 0);
	return n;
}

static void
test_pages(struct accesslog *a)
{
	struct access_filter f = {0};
	struct got g;
	int bad = 0;

	for (int i = 0; i < 2500; i++)
		bad += add(a, i % 5 ? "a-1" : "a-2", i % 7 ? "page.read" : "restore.file",
		    i == 3 ? "file:3" : "system:emr", T0 + i * TIME_SEC) != 0;
	EQ_I(bad, 0, "2,500 entries");
	EQ_I(pages(a, NULL, 200, &g), 13, "in pages of 200");
	OK(g.n == 2500 && g.sorted, "each once, newest first");
	EQ_I(g.first.at, T0 + 2499 * TIME_SEC, "with its time");
	(void)snprintf(f.account, sizeof(f.account), "a-2");
	(void)pages(a, &f, 7, &g);
	OK(g.n == 500 && g.sorted, "of one account");
	f = (struct access_filter){.what = "restore."};
	(void)pages(a, &f, 200, &g);
	EQ_I(g.n, 358, "of one kind");
	f = (struct access_filter){.object = "file:3"};
	(void)pages(a, &f, 1, &g);
	EQ_I(g.n, 1, "about one object, the oldest but three");
	f = (struct access_filter){.since = T0 + 10 * TIME_SEC, .until = T0 + 20 * TIME_SEC};
	(void)pages(a, &f, 3, &g);
	EQ_I(g.n, 10, "of a span of time");
	f = (struct access_filter){.result = "denied"};
	(void)pages(a, &f, 3, &g);
	EQ_I(g.n, 0, "none");
}

static void
test_texts(struct accesslog *a)
{
	struct access_entry t = {.what = "signin.password", .result = "denied",
	    .name = "髙橋 﨑 𠮷野 葛󠄀 ①㈱ｶﾅ～", .detail = "line\nfeed \xff"};
	struct got g;
	uint64_t next;

	(void)memset(t.object, 'x', sizeof(t.object));
	EQ_I(accesslog_add(a, &t, T0, &e), 0, "an entry of odd texts");
	g = (struct got){.sorted = true};
	EQ_I(accesslog_page(a, NULL, 0, 1, on_entry, &g, &next, &e), 0, "comes back");
	EQ_S(g.first.name, t.name, "names as they are");
	EQ_S(g.first.detail, "line\\x0afeed \\xff", "control characters and bytes shown");
	EQ_I(strlen(g.first.object), ACCESSLOG_OBJECT - 1, "what is too long is cut");
	t.what[0] = 0;
	EQ_I(accesslog_add(a, &t, T0, &e), E_INVAL, "an entry about nothing");
}

static int
on_seal(const struct seal *seal, void *cookie, struct err *err)
{
	struct ledger_report rep;

	if (strcmp(seal->kind, "access") != 0)
		return 0;
	if (seals_verify(&st, seal, &rep, err) < 0)
		return E_SYS;
	*(int *)cookie = rep.ok ? 1 : -1;
	return 0;
}

static void
test_sealed(void)
{
	struct accesslog *a = NULL, *b = NULL;
	char path[128];
	int found = 0;
	FILE *f;

	EQ_I(accesslog_open(&st, false, T0, &a, &e), E_NOENT, "there is none yet");
	EQ_I(accesslog_open(&st, true, T0, &a, &e), 0, "it is begun");
	test_pages(a);
	test_texts(a);
	EQ_I(accesslog_open(&st, true, T0, &b, &e), 0, "a second handle");
	EQ_I(add(b, "a-9", "page.read", "x:1", T0), 0, "adds");
	{
		struct got g = {.sorted = true};
		uint64_t next;

		EQ_I(accesslog_page(a, NULL, 0, 1, on_entry, &g, &next, &e), 0, "the first one");
		EQ_S(g.first.account, "a-9", "sees it");
	}
	EQ_I(seals_each(&st, on_seal, &found, &e), 0, "the seals");
	EQ_I(found, 1, "know it, and it holds");
	accesslog_close(a);
	accesslog_close(b);
	(void)snprintf(path, sizeof(path), "%s/access/log", dir);
	f = fopen(path, "r+");
	if (!f || fseek(f, 5000, SEEK_SET) != 0 || fputc('!', f) == EOF || fclose(f) != 0)
		abort();
	EQ_I(seals_each(&st, on_seal, &found, &e), 0, "the seals");
	EQ_I(found, -1, "find one changed byte");
	(void)snprintf(path, sizeof(path), "%s/access", dir);
	{
		char to[160];

		(void)snprintf(to, sizeof(to), "%s.gone", path);
		if (rename(path, to) != 0)
			abort();
	}
	EQ_I(accesslog_open(&st, true, T0, &a, &e), E_CORRUPT,
	    "a log that vanished is not begun anew");
}

int
main(void)
{
	char cmd[64];

	if (!mkdtemp(dir) || state_open(fio_os(), dir, true, &st, &e) < 0)
		abort();
	test_sealed();
	state_close(&st);
	(void)snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	(void)!system(cmd); /* allow: a test's own directory */
	return tap_done();
}
