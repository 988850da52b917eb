/* Who may pass: hosts, origins, rates, tokens of forms, rows of the route table. */
#include <stdlib.h>

#include "base/time.h"
#include "mamorid/http/console.h"
#include "mamorid/mamorid.h"
#include "mamorid/pages/pages.h"
#include "tap.h"

void
mamorid_log(int level, const char *fmt, ...)
{
	(void)level, (void)fmt;
}

static void
test_host(void)
{
	for (const char *const *s =
		 (const char *const[]){"127.0.0.1:8443", "127.0.0.1", "[::1]:8443", "[::1]",
		     "localhost:8443", "LOCALHOST", "box", "box:8443", "Box.local", NULL};
	     *s; s++)
		OK(gate_host(*s, "box"), "ours: %s", *s);
	for (const char *const *s = (const char *const[]){"", "evil", "box.evil.example", "xbox",
	         "localhost.evil", "127.0.0.1.evil", "127.0.0.1:", "127.0.0.1:x", "[::1", "[::1]x",
	         "box:8443:1", "a@127.0.0.1", "2130706433", NULL};
	     *s; s++)
		OK(!gate_host(*s, "box"), "not ours: %s", *s);
	OK(!gate_host(NULL, "box") && !gate_host("x", ""), "none");
}

static void
test_origin(void)
{
	OK(gate_origin("h:1", "https://h:1", "same-origin") && gate_origin("h:1", NULL, NULL) &&
	        gate_origin("h:1", NULL, "none"), "our own pages");
	OK(!gate_origin("h:1", "https://h:2", NULL) && !gate_origin("h:1", "http://h:1", NULL) &&
		!gate_origin("h:1", "null", NULL) &&
		!gate_origin("h:1", "https://h:1.evil", NULL) &&
		!gate_origin("h:1", "https://h:1", "cross-site") &&
		!gate_origin("h:1", NULL, "same-site") && !gate_origin("h:1", "", NULL),
	    "others");
}

static void
test_rate(void)
{
	static struct console c;
	int n = 0;
	char who[32];

	while (n < 1000 && gate_rate(&c, "192.0.2.1", true, 0))
		n++;
	EQ_I(n, 20, "twenty tries at once");
	OK(!gate_rate(&c, "192.0.2.1", true, TIME_SEC), "then no more");
	OK(gate_rate(&c, "192.0.2.1", true, 3 * TIME_SEC), "until time has passed");
	OK(gate_rate(&c, "192.0.2.2", true, 0), "another address is another count");
	OK(gate_rate(&c, "192.0.2.1", false, 0), "plain reading is another count");
	for (int i = 0; i < 2 * GATE_SOURCES; i++) {
		(void)snprintf(who, sizeof(who), "x%d", i);
		if (!gate_rate(&c, who, true, 10 * TIME_SEC + i))
			n = -1;
	}
	OK(n == 20, "many addresses fit into a fixed table");
}

/* --- rows ----------------------------------------------------------------------------------- */

static int
page(struct req *r, struct err *e)
{
	return req_go(r, e, "/done");
}

static const struct route rows[] = {
	{M_GET, "/pub", AREA_TODAY, VERB_READ, NULL, F_PUBLIC | F_SETUP, page, 0},
	{M_GET, "/vault/:id", AREA_VAULT, VERB_READ, "system:$0", 0, page, 0},
	{M_POST, "/vault/:id", AREA_VAULT, VERB_RUN, "system:$0", 0, page, 0},
	{M_GET, "/vault/:id/fresh", AREA_VAULT, VERB_READ, NULL, F_FRESH, page, 0},
	{M_GET, "/me", AREA_SELF, VERB_READ, NULL, 0, page, 0},
	{M_GET, "/second", AREA_SELF, VERB_READ, NULL, F_STAGE, page, 0},
};
static char asked[200], logged[1000];
static enum identity_answer says;

static enum identity_answer
may(const struct identity_session *s, enum identity_area area, enum identity_verb verb,
    const char *object, int64_t now)
{
	(void)s, (void)now;
	if (!asked[0]) /* the refusal's own page asks about its menu afterwards */
		(void)snprintf(asked, sizeof(asked), "%s %s %s", identity_area_name(area),
	    identity_verb_name(verb), object ? object : "-");
	return says;
}

static int
log_entry(struct accesslog *a, const struct access_entry *x, int64_t now, struct err *e)
{
	(void)a, (void)now, (void)e;
	(void)snprintf(logged, sizeof(logged), "%s|%s|%s|%s", x->what, x->object, x->result,
	    x->detail);
	return 0;
}

/* try(c, method, path, stage, answer): The status after the gate, 0 when it passed. */
static unsigned
try(struct console *c, unsigned method, const char *path, int stage, char location[200])
{
	struct req r;
	unsigned allow, status = 0;

	req_init(&r, c);
	r.method = method;
	r.now = TIME_DAY;
	(void)snprintf(r.path, sizeof(r.path), "%s", path);
	r.signed_in = stage >= 0;
	r.s.stage = stage < 0 ? STAGE_SECOND : (enum identity_stage)stage;
	r.route = route_find(rows, 6, method, path, &r.id, &allow);
	route_object(r.route, &r.id, r.object);
	logged[0] = asked[0] = location[0] = 0;
	if (gate_route(&r, NULL) != GATE_PASS)
		status = r.res.status;
	gate_log(&r);
	for (size_t i = 0; i < r.res.nhead; i++)
		if (strcmp(r.res.head[i].name, "Location") == 0)
			(void)snprintf(location, 200, "%s", r.res.head[i].value);
	req_free(&r);
	return status;
}

static void
test_rows(void)
{
	static struct console c = {.ops = {.may = may, .log = log_entry}};
	char to[200];

	c.routes = rows;
	EQ_I(try(&c, M_GET, "/pub", -1, to), 0, "before it is set up: what belongs to that");
	EQ_I(try(&c, M_GET, "/me", STAGE_FULL, to), 403, "and nothing else");
	c.ready = true;
	EQ_I(try(&c, M_GET, "/vault/a%20b", -1, to), 303, "not signed in");
	EQ_S(to, "/signin?to=%2Fvault%2Fa%2520b", "and back later");
	EQ_I(try(&c, M_POST, "/vault/x", -1, to), 401, "a form of nobody");
	EQ_I(try(&c, M_GET, "/vault/x", STAGE_SECOND, to), 303, "half signed in");
	EQ_S(to, "/signin/second", "goes on");
	EQ_I(try(&c, M_GET, "/vault/x", STAGE_ENROL, to), 303, "without a password yet");
	EQ_S(to, "/me", "sets one");
	EQ_I(try(&c, M_GET, "/second", STAGE_SECOND, to), 0, "the step itself");
	says = MAY_NO;
	EQ_I(try(&c, M_GET, "/vault/x", STAGE_FULL, to), 403, "may not");
	EQ_S(asked, "vault read system:x", "was asked with its object");
	EQ_S(logged, "vault.read|system:x|denied|GET /vault/:id", "a refusal is remembered");
	EQ_I(try(&c, M_POST, "/vault/x", STAGE_FULL, to), 403, "may not either");
	EQ_S(asked, "vault run system:x", "was asked with the row's verb");
	says = MAY_YES;
	EQ_I(try(&c, M_GET, "/vault/x", STAGE_FULL, to), 0, "may");
	EQ_S(logged, "", "plain reading is not remembered");
	EQ_I(try(&c, M_POST, "/vault/x", STAGE_FULL, to), 0, "may");
	OK(logged[0], "doing is remembered");
	says = MAY_IF_FRESH;
	EQ_I(try(&c, M_GET, "/vault/x", STAGE_FULL, to), 303, "a fresh factor is asked for");
	EQ_S(to, "/signin/again?to=%2Fvault%2Fx", "and back");
	says = MAY_YES;
	EQ_I(try(&c, M_GET, "/vault/x/fresh", STAGE_FULL, to), 303,
	    "also when only the row wants it");
}

/* held(c, account, page, name, value, now): Hold a form of one field. */
static void
hold(struct console *c, const char *account, const char *page, const char *name,
    const char *value, int64_t now)
{
	struct req r;

	req_init(&r, c);
	r.now = now;
	if (form_add(&r.form, name, strlen(name), value, strlen(value), NULL) == 0 &&
	    form_add(&r.form, "csrf", 4, "x", 1, NULL) == 0)
		held_put(&r, account, page);
	req_free(&r);
}

/* given(c, account, path, now): What somebody finds typed in the field "note" of a page. */
static const char *
given(struct console *c, const char *account, const char *path, int64_t now)
{
	static char text[100];
	struct req r;

	req_init(&r, c);
	r.now = now;
	r.signed_in = account != NULL;
	(void)snprintf(r.s.account.id, sizeof(r.s.account.id), "%s", account ? account : "");
	(void)snprintf(r.path, sizeof(r.path), "%s", path);
	held_take(&r);
	(void)snprintf(text, sizeof(text), "%s%s", req_form(&r, "note"), req_form(&r, "csrf"));
	req_free(&r);
	return text;
}

static void
test_held(void)
{
	static char large[(64 << 10) + 2];
	static struct console c;
	char who[24];
	int kept = 0;

	hold(&c, "a1", "/guide/reviews?x=1", "note", "議事", 1000);
	EQ_S(given(&c, "a2", "/guide/reviews", 1001), "", "not for somebody else");
	EQ_S(given(&c, NULL, "/guide/reviews", 1001), "", "nor for nobody");
	EQ_S(given(&c, "a1", "/guide", 1001), "", "nor on another page");
	EQ_S(given(&c, "a1", "/guide/reviews", 1001), "議事", "but there");
	EQ_S(given(&c, "a1", "/guide/reviews", 1002), "", "once");
	hold(&c, "a1", "/me", "password", "x", 1000);
	OK(!c.held[0].account[0], "no secrets");
	(void)memset(large, 'x', sizeof(large) - 1);
	hold(&c, "a1", "/p", "note", large, 1000);
	hold(&c, "", "/p", "note", "x", 1000);
	for (size_t i = 0; i < HELD; i++)
		kept += c.held[i].until != 0;
	EQ_I(kept, 0, "nothing large, nothing of nobody");
	hold(&c, "a1", "/p", "note", "x", 1000);
	EQ_S(given(&c, "a1", "/p", 1000 + INT64_C(1801000000)), "", "not for long");
	hold(&c, "a1", "/p", "note", "1", 1000);
	hold(&c, "a1", "/q", "note", "2", 1001);
	EQ_S(given(&c, "a1", "/p", 1002), "", "one form a person");
	for (int i = 0; i < HELD; i++) {
		(void)snprintf(who, sizeof(who), "b%d", i);
		hold(&c, who, "/p", "note", who, 2000 + i);
	}
	EQ_S(given(&c, "a1", "/q", 3000), "", "the oldest makes room");
	EQ_S(given(&c, "b0", "/p", 3000), "b0", "the others stay");
	held_free(&c);
	EQ_S(given(&c, "b1", "/p", 3000), "", "nothing is left");
}

static void
test_find(void)
{
	struct params p;
	unsigned allow;
	char text[ROUTE_ALLOW];

	OK(route_find(rows, 6, M_PUT, "/vault/x", &p, &allow) == NULL, "another method");
	route_allow(allow, text);
	EQ_S(text, "GET, HEAD, POST", "these are allowed");
	OK(route_find(rows, 6, M_GET, "/nope", &p, &allow) == NULL && allow == 0, "no such page");
}

static void
test_csrf(void)
{
	static struct console c;
	struct req a, b;
	char x[GATE_CSRF], y[GATE_CSRF];

	req_init(&a, &c);
	req_init(&b, &c);
	gate_csrf(&a, x);
	gate_csrf(&a, y);
	OK(strcmp(x, y) != 0, "without a cookie no token fits");
	(void)snprintf(a.pre, sizeof(a.pre), "abc");
	(void)snprintf(b.pre, sizeof(b.pre), "abd");
	gate_csrf(&a, x);
	gate_csrf(&b, y);
	OK(strcmp(x, y) != 0, "each browser has its own");
	OK(!gate_form(&a), "a form without it");
	OK(form_add(&a.form, "csrf", 4, y, strlen(y), NULL) == 0 && !gate_form(&a), "another's");
	OK(form_add(&b.form, "csrf", 4, y, strlen(y), NULL) == 0 && gate_form(&b), "its own");
	b.signed_in = true;
	OK(!gate_form(&b), "the one of before the sign-in is worth nothing after it");
	req_free(&a);
	req_free(&b);
}

static void
test_table(void)
{
	const struct route *all = NULL;
	size_t n = 0;
	struct err e = {0};
	int wrong = 0;

	OK(pages_routes(&all, &n, &e) == 0 && n > 0, "the program's own table is sound %s", e.msg);
	for (size_t i = 0; i < n; i++) {
		struct params p;
		unsigned allow;
		const struct route *x =
		    route_find(all, n, all[i].methods & -all[i].methods, all[i].path, &p, &allow);

		if (x != &all[i] && strchr(all[i].path, ':') == NULL)
			wrong++, printf("# never reached: %s\n", all[i].path);
	}
	EQ_I(wrong, 0, "every fixed address is reached");
}

static void
test_go(void)
{
	static struct console c;
	struct req r;

	req_init(&r, &c);
	OK(req_go(&r, NULL, "%s", "//evil.example/") == 0, "an address elsewhere");
	EQ_S(r.res.head[0].value, "/", "is not gone to");
	req_header(&r, "X", "%s", "a\r\nSet-Cookie: x=1");
	EQ_I((int)r.res.nhead, 1, "no header is split");
	req_free(&r);
}

int
main(void)
{
	test_host();
	test_origin();
	test_rate();
	test_rows();
	test_held();
	test_find();
	test_csrf();
	test_table();
	test_go();
	return tap_done();
}
