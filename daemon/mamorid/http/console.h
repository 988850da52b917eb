/* What all requests of the console share, and the parts of the kernel. Pages include http.h. */
#ifndef MAMORI_DAEMON_MAMORID_HTTP_CONSOLE_H
#define MAMORI_DAEMON_MAMORID_HTTP_CONSOLE_H

#include "mamorid/http/http.h"
#include "mamorid/http/tmpl.h"

enum {
	GATE_SOURCES = 512,  /* addresses whose rate is remembered */
	WORK_QUEUE = 16,     /* slow answers waiting at once */
	SPOOL_UPLOADS = 8,   /* uploads at once */
	HELD = 16,           /* forms that wait for a factor */
	SETUP_CODE = 17,     /* 80 bits in letters, with the NUL */
};

/* The engine's functions, as pointers so that tests can stand in for them. */
struct console_ops {
	int (*session)(struct identity *id, int64_t now, const char *token,
	    struct identity_session *ret, struct err *e);
	enum identity_answer (*may)(const struct identity_session *s, enum identity_area area,
	    enum identity_verb verb, const char *object, int64_t now);
	int (*log)(struct accesslog *a, const struct access_entry *entry, int64_t now,
	    struct err *e);
};

struct gate_source {
	char source[IDENTITY_SOURCE];
	int64_t all, few; /* when the bucket was empty, moved forward by each use */
	int64_t used;
};
/* A form that was refused for a factor, or came after its session had ended. */
struct held {
	char account[IDENTITY_ID], page[FORM_PATH]; /* whose; the page with the form */
	int64_t until;
	struct form form;
};
struct work;
struct guide;

struct console {
	struct loop *l;
	struct db *db;
	const struct state *state;
	struct identity *id;
	struct accesslog *log;
	bool log_failed;            /* the access log could not be written */
	struct facts **facts;       /* *facts is NULL while the sealed record cannot be opened */
	struct console_ops ops;
	const struct route *routes;
	size_t nroutes;
	const char *host;           /* the machine's name */
	const char *url;            /* https://addr:port/ */
	const char *rp;             /* the name under which passkeys work */
	bool ready;                 /* set up: there is an account */
	char setup[SETUP_CODE];     /* the code of the set-up address; "" when there is none */
	bool practice;              /* shows the practice hospital */
	void *daemon;               /* struct mamorid, for pages about it */
	void *tasks;                /* struct tasks */
	struct gate_source sources[GATE_SOURCES];
	struct work *work;
	unsigned uploads;           /* being received */
	struct guide *guide;        /* packs and practices, loaded when first asked for */
	int64_t guide_at;           /* as of which import */
	struct held held[HELD];
};

/* --- gate.c: who may pass --------------------------------------------------------------------- */

/* gate_host(host, name): Whether a Host header may be ours: an address, localhost, or the machine's
 * name (also with .local, or the rest of a full name). A page elsewhere whose name was pointed at
 * us has another. */
bool gate_host(const char *host, const char *name);
/* gate_origin(host, origin, fetch_site): Whether a request that changes something comes from our
 * own pages. NULL: the header was not sent. */
bool gate_origin(const char *host, const char *origin, const char *fetch_site);
/* gate_rate(c, source, few, now): Whether this address may ask once more now (monotonic time):
 * 400 at once and 200 a second; with ${few} 20 at once and one in two seconds. */
bool gate_rate(struct console *c, const char *source, bool few, int64_t now);
/* gate_csrf(r, out): The token that forms of this browser must send: bound to its session, or
 * before a sign-in to its cookie r->pre. */
enum { GATE_CSRF = 65 };
void gate_csrf(const struct req *r, char out[GATE_CSRF]);
/* gate_form(r): Whether the form has it. */
bool gate_form(const struct req *r);
/* gate_session(r): Look up the cookie. */
void gate_session(struct req *r);
/* gate_token(r): For rows of the API: forget the cookie, look up the bearer token. */
void gate_token(struct req *r);
enum { GATE_PASS, GATE_ANSWERED };
/* gate_route(r, e): Whether this person may use this row at all. GATE_ANSWERED: r->res says why
 * not, or where to go first. Negative: could not be found out. */
MUST int gate_route(struct req *r, struct err *e);
/* gate_log(r): The access log's entry of a request that was answered, where its row wants one. */
void gate_log(struct req *r);

/* --- held.c ---------------------------------------------------------------------------------- */

/* held_put(r, account, page): Keep the fields of a form for half an hour for that person: one form
 * each, no files, nothing with a password or code in it. held_take(r): On the way to a page that
 * somebody opens: what they typed there becomes r->form, once. */
void held_put(struct req *r, const char *account, const char *page);
void held_take(struct req *r);
void held_free(struct console *c);
/* held_lapsed(r, e): The answer to a form whose session ran out by itself: 401, the way to sign in,
 * and the form held when its token is right. */
MUST int held_lapsed(struct req *r, struct err *e);
/* req_form_page(r, out): The page with the form: where the browser was; when that is itself the
 * answer to a form, the nearest page above it. */
void req_form_page(const struct req *r, char out[FORM_PATH]);

/* --- route.c -------------------------------------------------------------------------------------
 */

/* route_find(routes, n, method, path, ret, ret_allow): The first row that fits, or NULL; then
 * ${ret_allow} has the methods of rows whose path fits (0: no such page). */
const struct route *route_find(const struct route *routes, size_t n, unsigned method,
    const char *path, struct params *ret, unsigned *ret_allow);
/* route_allow(methods, out): "GET, HEAD, POST". */
enum { ROUTE_ALLOW = 48 };
void route_allow(unsigned methods, char out[ROUTE_ALLOW]);
/* route_object(row, params, out): The row's object with its :parts. */
void route_object(const struct route *row, const struct params *p, char out[IDENTITY_OBJECT]);

/* --- req.c ---------------------------------------------------------------------------------------
 */

void req_init(struct req *r, struct console *c);
void req_free(struct req *r);
/* req_run(r, e): gate, page, log: from a request that is complete to r->res. Only r->work may be
 * set instead. Errors of the page become error pages. */
void req_run(struct req *r);
/* req_fail(r, e): The answer to an E_* code. */
void req_fail(struct req *r, const struct err *e);

/* --- app.c ------------------------------------------------------------------------------------ */

/* file_open(st, path, ret_fd, ret_size, e): A regular file below the state directory. E_NOENT. */
MUST int file_open(const struct state *st, const char *path, int *ret_fd, uint64_t *ret_size,
    struct err *e);

/* --- spool.c: uploads
 * -------------------------------------------------------------------------------- */

struct spool;
/* spool_new(r, content_type, max, ret, e): Receive a multipart body into r->form and r->uploads. */
MUST int spool_new(struct req *r, const char *content_type, uint64_t max, struct spool **ret,
    struct err *e);
MUST int spool_feed(struct spool *s, const void *p, size_t n, struct err *e);
MUST int spool_end(struct spool *s, struct err *e);
void spool_free(struct spool *s);
/* spool_drop(r): Remove the files that nobody kept. */
void spool_drop(struct req *r);
/* spool_sweep(state, db, now): At a start and every hour: remove uploads of more than an hour that
 * no task needs any more, and results of tasks that no row knows. */
void spool_sweep(const struct state *state, struct db *db, int64_t now);

/* --- work.c
 * ----------------------------------------------------------------------------------------- */

/* work_new(l, wake, ctx, ret, e): ${wake} is called in the loop for each job that ended. */
typedef void work_wake_fn(void *ctx, void *job);
MUST int work_new(struct loop *l, work_wake_fn *wake, void *ctx, struct work **ret, struct err *e);
/* work_put(w, fn, cookie, job, e): E_BUSY when the queue is full. The thread is started with the
 * first one, so that it is inside the jail. */
MUST int work_put(struct work *w, req_work_fn *fn, void *cookie, void *job, struct err *e);
void work_free(struct work *w); /* waits for what runs; NULL is fine */

#endif
