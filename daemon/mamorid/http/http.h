/* What a page of the console sees. A page is a function: it reads the request and the records, and
 * answers with a template and its model, an address to go to, or a file. Everything else (who may,
 * tokens against forgery, limits, headers, the access log) is done before it by the row of the
 * route table. web/README.md shows how a page is added. */
#ifndef MAMORI_DAEMON_MAMORID_HTTP_HTTP_H
#define MAMORI_DAEMON_MAMORID_HTTP_HTTP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/vec.h"
#include "db/db.h"
#include "identity/accesslog.h"
#include "identity/apitoken.h"
#include "identity/identity.h"
#include "ledger/facts.h"
#include "ledger/state.h"
#include "mamorid/http/form.h"
#include "sys/loop.h"

enum { /* methods of a row */
	M_GET = 1, /* and HEAD */
	M_POST = 2,
	M_PUT = 4,
	M_PATCH = 8,
	M_DELETE = 16,
};

enum { /* flags of a row */
	F_PUBLIC = 1,  /* nobody needs to be signed in */
	F_STAGE = 2,   /* for sessions that are not yet FULL, too (the sign-in's own steps) */
	F_LOG = 4,     /* an entry in the access log although it only reads: it shows something
			  sensitive. Everything that is not GET is always logged. */
	F_FRESH = 8,   /* a factor within the last five minutes, whatever the rights table says */
	F_UPLOAD = 16, /* takes files */
	F_RATE = 32,   /* few tries an address: what strangers could guess at */
	F_SETUP = 64,  /* works before the console is set up */
	F_API = 128,   /* for programs: bearer token instead of cookie, JSON, RFC 9457 errors */
	F_FEED = 256,  /* public by a secret in its address: not logged with its address */
};

enum {
	REQ_BODY = 256 << 10,    /* a form without files */
	REQ_UPLOAD = 32 << 20,   /* one with files, unless the row says otherwise */
	REQ_FILES = 20,          /* of one form */
	REQ_PAGE = 4 << 20,      /* bytes of a page */
	REQ_HEADERS = 12,
};

struct req;
typedef int req_fn(struct req *r, struct err *e);
typedef void req_work_fn(void *cookie); /* see req_work */
typedef int req_done_fn(struct req *r, void *cookie, struct err *e);

/* A row of the route table. The first row whose path and method fit is taken; so "/x/new" stands
 * before "/x/:id". */
struct route {
	unsigned methods;
	const char *path;         /* "/tasks/:id" */
	enum identity_area area;  /* whoever may do VERB in AREA ... */
	enum identity_verb verb;
	const char *object; /* ... with this object: "task:$0" ($0 is the first :part); or NULL */
	unsigned flags;
	req_fn *fn;
	size_t max_body;          /* 0: REQ_BODY, with F_UPLOAD REQ_UPLOAD */
};

struct console; /* console.h of the kernel; what all requests share */

struct upload {
	char field[FORM_NAME];
	char name[256];        /* as the browser calls it; text for people, never a path */
	const char *type;      /* found by looking (form_sniff), not what the browser says */
	uint64_t size;
	char path[64];         /* below the state directory: "spool/up-..." */
	bool kept;             /* upload_keep */
};

struct res {
	unsigned status;
	struct buf body;
	int fd;                /* instead of a body; -1 */
	uint64_t fd_size;
	char type[96];
	struct {
		const char *name;
		char *value;
	} head[REQ_HEADERS];
	size_t nhead;
	const char *cache;     /* NULL: "no-store" */
	bool sandbox;          /* a file of somebody else's: nothing in it may run */
};

struct req {
	struct console *c;
	struct db *db;                /* c's */
	const struct route *route;
	unsigned method;              /* M_* */
	bool head;
	int64_t now;                  /* wall clock, microseconds */
	bool ja;
	char path[FORM_PATH];         /* as sent, without the query */
	char query_text[1600];        /* the query as sent, without "?" */
	struct params id;             /* :parts of the path */
	struct form query, form;
	json_t *json;                 /* of an API request; or NULL */
	struct vec uploads;           /* of struct upload */
	bool signed_in;
	struct identity_session s;    /* valid while signed_in */
	char token[IDENTITY_TOKEN];   /* the session cookie, "" without */
	char device[IDENTITY_TOKEN];  /* the device cookie, "" without */
	char pre[IDENTITY_TOKEN];     /* before a sign-in: what forms are bound to */
	bool pre_new;                 /* and it must be sent */
	char flash[64], flash_it[160]; /* said on this page */
	bool flash_old;               /* and it came as a cookie */
	unsigned refresh;
	char bearer[APITOKEN_LEN];    /* of an API request, "" without */
	char if_match[80], once[81];  /* If-Match and Idempotency-Key, "" without */
	bool step_up;                 /* a factor is missing: the form is read, and held */
	char lapsed[IDENTITY_ID];     /* whose session ran out: the same; "" else */
	uint8_t lapsed_csrf[32];
	bool by_token;                /* ${tok} is valid; then nobody is signed in */
	struct apitoken tok;
	char source[IDENTITY_SOURCE], agent[200], host[128];
	char referer[FORM_PATH];      /* the page of ours that led here, "" without */
	char object[IDENTITY_OBJECT]; /* the row's, filled in; a page may set a better one */
	char what[ACCESSLOG_WHAT];    /* for the access log; "" is "AREA.VERB" */
	char result[16], detail[256]; /* "" is "ok" or "denied" by status */
	struct res res;
	const char *page;             /* the template that was rendered; for tests */
	json_t *model;                /* its model; for tests */
	struct {                      /* req_work */
		req_work_fn *work;
		req_done_fn *done;
		void *cookie;
	} later;
};

/* --- reading -------------------------------------------------------------------------------- */

/* req_get(r, name): A query field, or "". req_form(r, name): a form field, or "". */
const char *req_get(const struct req *r, const char *name);
const char *req_form(const struct req *r, const char *name);
/* req_form_or(r, name, otherwise): The form's field, an empty one too; else ${otherwise}. */
const char *req_form_or(const struct req *r, const char *name, const char *otherwise);
/* req_id(r, i): The i-th :part of the address. */
const char *req_id(const struct req *r, size_t i);
/* req_num(s, lo, hi, otherwise): A decimal number between the two, or ${otherwise}. */
int64_t req_num(const char *s, int64_t lo, int64_t hi, int64_t otherwise);
/* req_upload(r, field): The file of that field that is not empty, or NULL. */
struct upload *req_upload(struct req *r, const char *field);
enum { SPOOL_NAME = 64, SPOOL_PATH = 4200 };
/* spool_put(r, p, n, rel, e): A new file of the spool for a command a page starts. It does not go
 * with the request: the caller removes it, the task it is given to, or the daily sweep. ${rel}:
 * "spool/...". spool_path(r, rel, out): It as the command takes it. */
MUST int spool_put(struct req *r, const void *p, size_t n, char rel[SPOOL_NAME], struct err *e);
void spool_path(const struct req *r, const char *rel, char out[SPOOL_PATH]);
/* upload_keep(u): The file stays in the spool after the request; whoever keeps it removes it.
 * What nobody keeps is removed with the request; what a crash leaves, within two hours
 * (spool_sweep). */
void upload_keep(struct upload *u);
/* req_may(r, area, verb, object): Whether this person may: for what a page shows or hides. */
bool req_may(const struct req *r, enum identity_area area, enum identity_verb verb,
    const char *object);
/* req_from(r): For the engine's calls. */
struct identity_from req_from(const struct req *r);
/* req_named(r): Whether the console was opened by the name for which passkeys are made; browsers
 * know none for addresses. */
bool req_named(const struct req *r);
/* req_by(r): Who: the account id; "" when nobody is signed in. */
const char *req_by(const struct req *r);

/* --- answering ------------------------------------------------------------------------------- */

/* req_page(r, template, model, e): 200 and a page. Takes ${model} (NULL is E_NOMEM). The kernel
 * adds "app". */
MUST int req_page(struct req *r, const char *template, json_t *model, struct err *e);
/* req_page_status(r, status, template, model, e): The same with another status: 422 for a form
 * that comes back with its errors. */
MUST int req_page_status(struct req *r, unsigned status, const char *template, json_t *model,
    struct err *e);
/* req_go(r, e, fmt, ...): 303 to an address of this console. */
MUST int req_go(struct req *r, struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* req_flash(r, key): Say ${key}'s words (green when it begins with "ok.", else yellow) on top of
 * the next page. req_flash_arg: its hole {it} is filled with ${it}. */
void req_flash(struct req *r, const char *key);
void req_flash_arg(struct req *r, const char *key, const char *it);
/* req_error(r, status, e): The small page for a status (403, 404, 409, 410, 422, 503 ...), or the
 * problem of an API. */
MUST int req_error(struct req *r, unsigned status, struct err *e);
/* req_bytes(r, type, name, p, n, e): A copy of bytes; with ${name} as a download of that name. */
MUST int req_bytes(struct req *r, const char *type, const char *name, const void *p, size_t n,
    struct err *e);
/* req_file(r, type, name, path, show, e): A regular file below the state directory, as a download,
 * or (${show}) in the browser, where nothing in it can run. E_NOENT. */
MUST int req_file(struct req *r, const char *type, const char *name, const char *path, bool show,
    struct err *e);
/* req_json(r, status, o, e): An answer for a program. Takes ${o}. */
MUST int req_json(struct req *r, unsigned status, json_t *o, struct err *e);
/* req_header(r, name, fmt, ...): A further header; ${name} is a literal. Values with control
 * characters are dropped. */
void req_header(struct req *r, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* req_refresh(r, seconds): The page asks for itself again (without JavaScript). Before req_page. */
void req_refresh(struct req *r, unsigned seconds);
/* req_login(r, pass): Set the session cookie, and be that person from here on. req_logout(r):
 * Remove it. */
void req_login(struct req *r, const struct identity_pass *pass);
void req_logout(struct req *r);
/* req_device(r, token): Set the device cookie. */
void req_device(struct req *r, const char *token);
/* req_step_up(r, e): Go to the step-up page and come back here; from a form, to the page with the
 * form. */
MUST int req_step_up(struct req *r, struct err *e);
/* req_note(r, result, fmt, ...): What the access log says about this request. */
void req_note(struct req *r, const char *result, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* req_log(r, what, object, result, detail): A further entry of its own. Never fails the request; a
 * log that cannot be written turns the console red. */
void req_log(struct req *r, const char *what, const char *object, const char *result,
    const char *detail);

/* --- slow work ----------------------------------------------------------------------------------
 */

/* req_work(r, work, done, cookie, e): Answer later: ${work} runs in a thread (no database, no
 * request), then ${done} in the loop, which answers as a page does and frees ${cookie}. ${done} is
 * called exactly once, unless this fails. Return its result. E_BUSY: too much is waiting. */
MUST int req_work(struct req *r, req_work_fn *work, req_done_fn *done, void *cookie,
    struct err *e);

/* --- models --------------------------------------------------------------------------------------
 */

/* model_text(o, key, value) and so on: Put a value; a NULL text is left out. Failures of memory are
 * ignored: the page then shows nothing there. */
void model_text(json_t *o, const char *key, const char *value);
void model_int(json_t *o, const char *key, int64_t value);
void model_bool(json_t *o, const char *key, bool value);
void model_put(json_t *o, const char *key, json_t *value); /* takes it */
/* model_when(o, key, text): The moment that an RFC 3339 text of an engine says, for {{x|datetime}};
 * nothing when it says none. */
void model_when(json_t *o, const char *key, const char *text);

/* model_words(o, ja): In place, at any depth: every {"ja": ..., "en": ...} becomes the text of the
 * language, and "reason" that of "reason_en" where there is one. Engines answer in both. */
void model_words(json_t *o, bool ja);

/* model_pager(r, total, per, ret_offset): The object for {{> pager}}: pages of ${per} rows, the
 * page by ?page=, every other query field kept. ${ret_offset}: the first row to show. */
json_t *model_pager(const struct req *r, int64_t total, int64_t per, int64_t *ret_offset);
/* model_sort(r, keys, n, ret): The array for {{> thead}}: one object for each of the ${n} keys
 * {"key","sort","href","dir"}; ${ret}: the index of the key that sorts, negative (-1-index) for
 * downwards. A key that begins with "!" cannot be sorted by. The words are "col.KEY". */
json_t *model_sort(const struct req *r, const char *const *keys, size_t n, int *ret);
/* model_crumbs(o, key, href, ...): {{> crumbs}}: pairs of words (a key of the strings, or a text
 * beginning with "=") and address, ended by NULL; the last address is NULL. */
json_t *model_crumbs(const char *key, ...);

#endif
