/* Pages from templates. tools/tmplc makes the tables at build time; here they are filled with a
 * model (a JSON object). A value is escaped for the place where it stands, always. */
#ifndef MAMORI_DAEMON_MAMORID_HTTP_TMPL_H
#define MAMORI_DAEMON_MAMORID_HTTP_TMPL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum tmpl_op_kind {
	OP_TEXT,  /* s, n */
	OP_VALUE, /* e, ctx */
	OP_IF,    /* e, to when false; with n: e == s */
	OP_IFNOT,
	OP_JUMP,  /* to */
	OP_EACH,  /* e, to when empty */
	OP_SCOPE, /* e becomes the innermost scope once; to when empty */
	OP_NEXT,  /* to */
	OP_WITH,  /* args, n: a scope of its own */
	OP_PART,  /* the same, and nothing outside is seen but "app" */
	OP_POP,
};
enum tmpl_ctx {
	CTX_TEXT,
	CTX_ATTR,
	CTX_URL,     /* a whole address: only ours, or mailto and tel */
	CTX_URLPART, /* one part of an address */
	CTX_DIGITS,
};
enum tmpl_expr_kind {
	EX_LIT,
	EX_STR,  /* words, by index */
	EX_DYN,  /* words, by the key that the model has at this path */
	EX_PATH,
};
enum tmpl_fmt {
	FMT_TEXT,
	FMT_NUMBER,   /* 12,345 */
	FMT_SIZE,     /* 1.2 GB */
	FMT_TIME,     /* microseconds -> 03:10 */
	FMT_DATE,     /* -> 2026-11-22 (日) */
	FMT_DATETIME, /* -> 2026-11-22 03:10 */
	FMT_ISO,      /* -> RFC 3339, for datetime="" */
	FMT_SPAN,     /* seconds -> 3 分 */
	FMT_AGO,      /* microseconds, against app.now -> 3 日前 */
	FMT_WAREKI,   /* -> 令和8年11月22日 */
};

struct tmpl_expr {
	enum tmpl_expr_kind kind;
	enum tmpl_fmt fmt;
	unsigned key;
	const char *s;
};
struct tmpl_arg {
	const char *name;
	struct tmpl_expr e;
};
struct tmpl_op {
	enum tmpl_op_kind op;
	enum tmpl_ctx ctx;
	const char *s;
	size_t n;
	struct tmpl_expr e;
	const struct tmpl_arg *args;
	size_t to;
};
struct tmpl {
	const char *name;
	const struct tmpl_op *ops;
	size_t n;
};
struct tmpl_string {
	const char *key;
	const char *text[2]; /* ja, en */
};
extern const struct tmpl tmpl_table[]; /* by name */
extern const size_t tmpl_count;
extern const struct tmpl_string tmpl_strings[]; /* by key */
extern const size_t tmpl_nstrings;

enum {
	TMPL_DEPTH = 24,      /* scopes inside each other */
	TMPL_OPS = 4000000,   /* operations of one page */
};

/* tmpl_find(name): NULL when there is none. */
const struct tmpl *tmpl_find(const char *name);
/* tmpl_word(key, ja): The words, or NULL. Holes are left as they are. */
const char *tmpl_word(const char *key, bool ja);

/* tmpl_render(t, ja, model, out, e): Append the page. ${model} is an object; values that are
 * missing are written as nothing. E_LIMIT (too large, too deep), E_NOMEM. */
MUST int tmpl_render(const struct tmpl *t, bool ja, json_t *model, struct buf *out, struct err *e);

/* tmpl_say(key, ja, args, out, e): Append words with their holes filled from the object ${args}
 * (NULL: none), not escaped: for mail and for tests. E_NOENT: no such words. */
MUST int tmpl_say(const char *key, bool ja, json_t *args, struct buf *out, struct err *e);

/* tmpl_escape(ctx, s, out, e): Append a text so that it means itself at such a place. */
MUST int tmpl_escape(enum tmpl_ctx ctx, const char *s, struct buf *out, struct err *e);

/* tmpl_format(fmt, ja, v, now, out, e): Append a value in a format, not escaped. ${now} is for
 * FMT_AGO. */
MUST int tmpl_format(enum tmpl_fmt fmt, bool ja, const json_t *v, int64_t now, struct buf *out,
    struct err *e);

#endif
