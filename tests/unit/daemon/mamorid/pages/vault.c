/* The pages of the vault: what they start, what they show of it, and what they refuse. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ledger/evidence.h"
#include "mamorid/http/console.h"
#include "mamorid/mamorid.h"
#include "mamorid/pages/pages.h"
#include "mamorid/tasks.h"
#include "tap.h"

void
mamorid_log(int level, const char *fmt, ...)
{
	(void)level, (void)fmt;
}

#define NOW (1795284600 * TIME_SEC)

static char dir[] = "/tmp/mamori-vault-pages-XXXXXX";
static struct console con;
static struct loop *l;
static struct db *db;
static struct state st;
static struct tasks *tasks;
static struct facts *facts;
static uint64_t drill_seq;
static json_t *order; /* the last one the runner got */

static int64_t
clock_mono(void *ctx)
{
	(void)ctx;
	return 0;
}

static int64_t
clock_wall(void *ctx)
{
	(void)ctx;
	return NOW;
}

static void
clock_pass(void *ctx, int64_t us)
{
	(void)ctx, (void)us;
}

static int
on_start(void *ctx, json_t *o, struct err *e)
{
	(void)ctx, (void)e;
	json_decref(order);
	order = o;
	return 0;
}

static void
on_stop(void *ctx, int64_t n)
{
	(void)ctx, (void)n;
}

static const struct tasks_ops ops = {.start = on_start, .stop = on_stop};

static enum identity_answer
may(const struct identity_session *s, enum identity_area area, enum identity_verb verb,
    const char *object, int64_t now)
{
	(void)s, (void)area, (void)verb, (void)object, (void)now;
	return MAY_YES;
}

/* ask(r, method, path, pairs): Run one page; its status. ${pairs} are names and values of the form
 * or, for GET, of the query; ended by NULL. */
static unsigned
ask(struct req *r, unsigned method, const char *path, const char *who, const char *const *pairs)
{
	const struct route *rows;
	struct err e = {0};
	unsigned allow;
	size_t n;
	int rc;

	req_init(r, &con);
	r->method = method;
	r->now = NOW;
	r->ja = true;
	r->signed_in = true;
	r->s.stage = STAGE_FULL;
	(void)snprintf(r->s.account.id, sizeof(r->s.account.id), "%s", who);
	(void)snprintf(r->path, sizeof(r->path), "%s", path);
	if (pages_routes(&rows, &n, &e) < 0)
		abort();
	r->route = route_find(rows, n, method, path, &r->id, &allow);
	if (!r->route)
		return 404;
	for (; pairs && *pairs; pairs += 2)
		if (form_add(method == M_POST ? &r->form : &r->query, pairs[0], strlen(pairs[0]),
			pairs[1], strlen(pairs[1]), NULL) < 0)
			abort();
	rc = r->route->fn(r, &e);
	if (rc < 0) {
		req_fail(r, &e);
		if (rc != E_NOENT && rc != E_INVAL)
			printf("# %s: %s\n", path, e.msg);
	}
	return r->res.status;
}

static const char *
body(struct req *r)
{
	const char *s = buf_cstr(&r->res.body, NULL);

	return s ? s : "";
}

static const char *
location(struct req *r)
{
	for (size_t i = 0; i < r->res.nhead; i++)
		if (strcmp(r->res.head[i].name, "Location") == 0)
			return r->res.head[i].value;
	return "";
}

static void
steps(void)
{
	for (int i = 0; i < 8; i++)
		if (loop_step(l, 0, NULL) < 0)
			abort();
}

/* What the runner was told, as one line. */
static const char *
argv_of(void)
{
	static char s[2000];
	json_t *a = json_object_get(order, "argv");
	size_t k = 0;

	s[0] = 0;
	for (size_t i = 0; i < json_array_size(a); i++)
		k += (size_t)snprintf(s + k, sizeof(s) - k, "%s%s", i ? " " : "",
		    json_string_value(json_array_get(a, i)));
	return s;
}

/* finish(status, out): The runner's report about the last order; ${out} goes where kept output
 * goes. */
static void
finish(int status, const char *out)
{
	int64_t n = -json_integer_value(json_object_get(order, "run"));
	json_t *o = json_pack("{s:i, s:s}", "status", status, "message", "");
	char path[64];
	int fd = state_dir(&st, "spool", true, NULL);

	(void)snprintf(path, sizeof(path), "out-%lld", (long long)n);
	if (fd < 0 || fio_replace(fio_os(), fd, path, out, strlen(out), 0600, NULL) < 0)
		abort();
	fio_close(fio_os(), fd);
	tasks_report(tasks, n, o);
	json_decref(o);
}

static void
fill(void)
{
	static const char *const sql[] = {
	    "INSERT INTO places (id, repo, name_ja, name_en, key_file, at) VALUES "
	    "('p1', '/srv/vault', '院内の保管庫', 'vault', '', 1)",
	    "INSERT INTO systems (id, name_ja, name_en, kind, paths, place, at) VALUES "
	    "('emr', '電子カルテ髙', 'EMR', 'chart', '[\"/srv/emr\"]', 'p1', 1)",
	    "INSERT INTO jobs (id, kind, system, place, every, next_due, at) VALUES "
	    "('b', 'backup', 'emr', 'p1', 'daily 02:00', 1, 1)",
	    "INSERT INTO job_runs (job, due, started, ended, outcome, result) VALUES ('b', 1, "
	    "1795000000000000, 1795000100000000, 'pass', "
	    "'{\"generation\":\"1a2b3c\",\"files\":10,\"bytes\":1000,\"new_bytes\":500}')",
	    "INSERT INTO job_runs (job, due, started, ended, outcome, message) VALUES ('b', 1, "
	    "1795100000000000, 1795100100000000, 'fail', '満杯です')"};

	for (size_t i = 0; i < sizeof(sql) / sizeof(sql[0]); i++)
		if (db_exec(db, sql[i], "", NULL) < 0)
			abort();
}

/* A drill that somebody did, with its certificate. */
static void
drill_fact(void)
{
	static const char text[] = "{\"signed\":true}";
	char hex[EVIDENCE_HEX];
	int fd = state_dir(&st, "run", true, NULL), file;
	struct fact f;

	if (fd < 0 || fio_replace(fio_os(), fd, "c", text, strlen(text), 0600, NULL) < 0)
		abort();
	file = fio_open(fio_os(), fd, "c", O_RDONLY, 0, NULL);
	if (file < 0 || evidence_put_fd(&st, file, 1000, hex, NULL) < 0 ||
	    fact_fill(&f, "vault", "vault.restore.drill", "system", "emr", FACT_PASS,
		NOW - TIME_DAY, NULL) < 0)
		abort();
	f.observed = json_pack("{s:i, s:f, s:i}", "files", 20, "seconds", 3.5, "mismatch", 0);
	f.evidence = json_pack("[s]", hex);
	if (facts_open(&st, true, NOW, &facts, NULL) < 0 ||
	    facts_add(facts, &f, NOW, &drill_seq, NULL) < 0)
		abort();
	fact_free(&f);
	fio_close(fio_os(), file);
	fio_close(fio_os(), fd);
}

static void
test_shown(void)
{
	char to[80];
	struct req r;

	EQ_I(ask(&r, M_GET, "/vault", "a", NULL), 200, "the overview");
	OK(strstr(body(&r), "電子カルテ髙") && strstr(body(&r), "院内の保管庫"), "system and place");
	(void)snprintf(to, sizeof(to), "/vault/drills/%llu", (unsigned long long)drill_seq);
	OK(strstr(body(&r), to) != NULL, "the drill leads to its certificate");
	req_free(&r);
	EQ_I(ask(&r, M_GET, "/vault/systems/emr", "a", NULL), 200, "a system");
	OK(strstr(body(&r), "value=\"1a2b3c\"") && strstr(body(&r), "満杯です"), "its generations");
	OK(strstr(body(&r), "<svg") && strstr(body(&r), "<rect"), "and a picture of them");
	req_free(&r);
	EQ_I(ask(&r, M_GET, "/vault/systems/x", "a", NULL), 404, "no such system");
	req_free(&r);
	EQ_I(ask(&r, M_GET, to, "a", NULL), 200, "a certificate");
	OK(strstr(body(&r), "戻せました") && strstr(body(&r), "令和8年"),
	    "says what happened and when");
	OK(strstr(body(&r), "電子カルテ髙") != NULL, "and to what");
	req_free(&r);
	(void)snprintf(to + strlen(to), sizeof(to) - strlen(to), "/certificate");
	EQ_I(ask(&r, M_GET, to, "a", NULL), 200, "and can be taken along");
	OK(r.res.fd >= 0 && r.res.fd_size == 15, "as it was signed");
	fio_close(fio_os(), r.res.fd);
	r.res.fd = -1;
	req_free(&r);
	EQ_I(ask(&r, M_GET, "/vault/drills/99", "a", NULL), 404, "no such drill");
	req_free(&r);
}

static void
test_started(void)
{
	struct req r;

	EQ_I(ask(&r, M_POST, "/vault/systems/emr/backup", "a", NULL), 303, "a copy now");
	steps();
	EQ_S(argv_of(), "vault backup /srv/vault /srv/emr --name emr", "is that command");
	finish(0, "{}");
	req_free(&r);
	EQ_I(ask(&r, M_POST, "/vault/systems/emr/drill", "a", NULL), 303, "a drill");
	steps();
	EQ_S(argv_of(), "drill restore --repo /srv/vault --system emr", "is that command");
	finish(0, "{}");
	req_free(&r);
	EQ_I(ask(&r, M_POST, "/vault/places/p1/verify", "a", NULL), 303, "a check");
	steps();
	EQ_S(argv_of(), "vault verify /srv/vault", "is that command");
	finish(0, "{}");
	req_free(&r);
	EQ_I(ask(&r, M_POST, "/vault/places/../verify", "a", NULL), 404, "of no place");
	req_free(&r);
}

static void
test_look(void)
{
	static const char *const top[] = {"place", "p1", "gen", "1a2b3c", "path", "", NULL};
	static const char *const deep[] = {
	    "place", "p1", "gen", "1a2b3c", "path", "emr/x <b>", NULL};
	static const char *const option[] = {"place", "p1", "gen", "--key", "path", "", NULL};
	static const char *const option2[] = {"place", "p1", "gen", "1a2b3c", "path", "-x", NULL};
	char to[200];
	struct req r;

	EQ_I(ask(&r, M_POST, "/vault/look", "a", top), 303, "the top of a generation");
	steps();
	EQ_S(argv_of(), "vault ls /srv/vault 1a2b3c", "is that command");
	OK(json_is_true(json_object_get(order, "keep")), "its output is kept");
	(void)snprintf(to, sizeof(to), "/vault/look/%s", location(&r) + strlen("/tasks/"));
	req_free(&r);
	EQ_I(ask(&r, M_GET, to, "a", NULL), 404, "nothing to see before it is done");
	req_free(&r);
	finish(0, "{\"entries\":[{\"name\":\"髙 <b>&\",\"type\":\"dir\",\"size\":0,\"mtime\":\"m\"},"
		  "{\"name\":\"a.txt\",\"type\":\"file\",\"size\":5,\"mtime\":\"m\"}]}");
	EQ_I(ask(&r, M_GET, to, "a", NULL), 200, "then its entries");
	OK(strstr(body(&r), "髙 &lt;b&gt;&amp;") && !strstr(body(&r), "<b>&"), "names are only text");
	OK(strstr(body(&r), "value=\"a.txt\"") != NULL, "a file can be shown");
	req_free(&r);
	EQ_I(ask(&r, M_GET, to, "b", NULL), 404, "another person's result is not there");
	req_free(&r);
	EQ_I(ask(&r, M_POST, "/vault/look", "a", deep), 303, "a folder");
	steps();
	EQ_S(argv_of(), "vault ls /srv/vault 1a2b3c emr/x <b>", "is that command");
	finish(0, "{\"entries\":[]}");
	req_free(&r);
	EQ_I(ask(&r, M_POST, "/vault/look", "a", option), 404, "an option is no generation");
	req_free(&r);
	EQ_I(ask(&r, M_POST, "/vault/look", "a", option2), 404, "nor a path");
	req_free(&r);
}

static void
test_file(void)
{
	static const char *const one[] = {
	    "place", "p1", "gen", "1a2b3c", "path", "emr/a.txt", NULL};
	static const char *const svg[] = {"place", "p1", "gen", "1a2b3c", "path", "a.svg", "type",
	    "image/svg+xml", NULL};
	static const char *const png[] = {"place", "p1", "gen", "1a2b3c", "path", "a.png", "type",
	    "image/png", NULL};
	char to[200];
	struct req r;

	EQ_I(ask(&r, M_POST, "/vault/file", "a", one), 303, "what a file says");
	steps();
	EQ_S(argv_of(), "vault peek /srv/vault 1a2b3c emr/a.txt", "is that command");
	(void)snprintf(to, sizeof(to), "/vault/file/%s", location(&r) + strlen("/tasks/"));
	req_free(&r);
	finish(0,
	    "{\"kind\":\"text\",\"type\":\"\",\"encoding\":\"UTF-8\",\"size\":9,"
	    "\"truncated\":false,"
	    "\"text\":\"<script>𠮷</script>\"}");
	EQ_I(ask(&r, M_GET, to, "a", NULL), 200, "is shown");
	OK(strstr(body(&r), "&lt;script&gt;𠮷") && !strstr(body(&r), "<script>𠮷"), "as text");
	req_free(&r);
	EQ_I(ask(&r, M_GET, to, "b", NULL), 404, "to nobody else");
	req_free(&r);
	EQ_I(ask(&r, M_POST, "/vault/picture", "a", svg), 422,
	    "a drawing that can run is no picture");
	req_free(&r);
	EQ_I(ask(&r, M_POST, "/vault/picture", "a", png), 303, "a picture");
	steps();
	(void)snprintf(to, sizeof(to), "/vault/picture/%s", location(&r) + strlen("/tasks/"));
	req_free(&r);
	finish(0, "\x89PNG");
	EQ_I(ask(&r, M_GET, to, "a", NULL), 200, "has a page");
	req_free(&r);
	(void)snprintf(to + strlen(to), sizeof(to) - strlen(to), "/bytes");
	EQ_I(ask(&r, M_GET, to, "a", NULL), 200, "and bytes");
	OK(r.res.sandbox && strcmp(r.res.type, "image/png") == 0, "in which nothing can run");
	fio_close(fio_os(), r.res.fd);
	r.res.fd = -1;
	req_free(&r);
}

static void
test_restore(void)
{
	static const char *const where[] = {"place", "p1", "gen", "1a2b3c", "path", "emr", NULL};
	static const char *const go[] = {"place", "p1", "gen", "1a2b3c", "path", "emr", "to",
	    "/srv/back", NULL};
	static const char *const relative[] = {
	    "place", "p1", "gen", "1a2b3c", "path", "", "to", "x", NULL};
	const char *inside[] = {"place", "p1", "gen", "1a2b3c", "path", "", "to", st.path, NULL};
	struct req r;

	EQ_I(ask(&r, M_GET, "/vault/restore", "a", where), 200, "the form");
	OK(strstr(body(&r), "/restored/") != NULL, "proposes a folder");
	req_free(&r);
	EQ_I(ask(&r, M_POST, "/vault/restore", "a", go), 303, "giving back");
	steps();
	EQ_S(argv_of(), "vault restore /srv/vault 1a2b3c --to /srv/back --path emr",
	    "is that command");
	req_free(&r);
	finish(0, "{}");
	EQ_I(ask(&r, M_POST, "/vault/restore", "a", relative), 422, "not to a relative folder");
	OK(strstr(body(&r), "value=\"x\"") != NULL, "what was typed is still there");
	req_free(&r);
	EQ_I(ask(&r, M_POST, "/vault/restore", "a", inside), 422, "not over the state itself");
	req_free(&r);
}

int
main(void)
{
	struct loop_clock clock = {.mono = clock_mono, .wall = clock_wall, .pass = clock_pass};
	char url[128];
	size_t n;
	const struct db_step *s = db_steps(&n);

	if (!mkdtemp(dir) || state_open(fio_os(), dir, true, &st, NULL) < 0)
		abort();
	(void)snprintf(url, sizeof(url), "sqlite:%s/records.db", dir);
	if (db_open(url, &db, NULL) < 0 || db_migrate(db, s, n, 1, NULL) < 0 ||
	    loop_new(clock, &l, NULL) < 0 || tasks_new(l, db, &st, &ops, &tasks, NULL) < 0)
		abort();
	con = (struct console){.l = l, .db = db, .state = &st, .ops = {.may = may}, .ready = true,
	    .tasks = tasks, .facts = &facts};
	fill();
	drill_fact();
	test_shown();
	test_started();
	test_look();
	test_file();
	test_restore();
	json_decref(order);
	facts_close(facts);
	tasks_free(tasks);
	loop_free(l);
	db_close(db);
	state_close(&st);
	if (fork() == 0)
		(void)execl("/bin/rm", "rm", "-rf", dir, (char *)NULL);
	return tap_done();
}
