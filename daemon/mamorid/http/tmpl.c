#include "mamorid/http/tmpl.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"

struct frame {
	json_t *scope; /* borrowed, or owned with ${own} */
	json_t *list;  /* of an EACH; borrowed */
	size_t i;
	bool own;
	bool wall; /* nothing outside is seen but the root's "app" */
};

struct run {
	bool ja;
	json_t *root;
	struct buf *out;
	struct err *e;
	struct frame f[TMPL_DEPTH];
	size_t depth;
	int64_t now;
};

static int
by_name(const void *key, const void *row)
{
	return strcmp(key, ((const struct tmpl *)row)->name);
}

const struct tmpl *
tmpl_find(const char *name)
{
	return bsearch(name, tmpl_table, tmpl_count, sizeof(tmpl_table[0]), by_name);
}

static int
by_key(const void *key, const void *row)
{
	return strcmp(key, ((const struct tmpl_string *)row)->key);
}

const char *
tmpl_word(const char *key, bool ja)
{
	const struct tmpl_string *s =
	    bsearch(key, tmpl_strings, tmpl_nstrings, sizeof(tmpl_strings[0]), by_key);

	return s ? s->text[ja ? 0 : 1] : NULL;
}

/* --- escaping ------------------------------------------------------------------------------- */

static int
html(const char *s, size_t n, struct buf *out, struct err *e)
{
	size_t from = 0;
	int r = buf_reserve(out, n, e);

	for (size_t i = 0; r == 0 && i <= n; i++) {
		const char *to = i == n ? "" : s[i] == '&' ? "&amp;" : s[i] == '<' ? "&lt;"
		    : s[i] == '>' ? "&gt;" : s[i] == '"' ? "&quot;" : s[i] == '\'' ? "&#39;"
		    /* control characters have no place in a page */
		    : (unsigned char)s[i] < 0x20 && !strchr("\t\n\r", s[i]) ? "\xef\xbf\xbd"
		    : NULL;

		if (!to)
			continue;
		r = buf_put(out, s + from, i - from, e);
		if (r == 0)
			r = buf_str(out, to, e);
		from = i + 1;
	}
	return r;
}

/* url_ok(s): An address of ours ("/x", "#x", "?x"), or one that only opens mail or telephone. */
static bool
url_ok(const char *s)
{
	if (strncmp(s, "mailto:", 7) == 0 || strncmp(s, "tel:", 4) == 0)
		return true;
	for (const char *p = s; *p; p++)
		if ((unsigned char)*p <= 0x20 || *p == '\\')
			return false;
	return s[0] == '#' || s[0] == '?' || (s[0] == '/' && s[1] != '/');
}

static int
urlpart(const char *s, struct buf *out, struct err *e)
{
	int r = 0;

	for (; r == 0 && *s; s++) {
		unsigned char c = (unsigned char)*s;
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';

		r = plain ? buf_u8(out, c, e) : buf_fmt(out, e, "%%%02X", c);
	}
	return r;
}

int
tmpl_escape(enum tmpl_ctx ctx, const char *s, struct buf *out, struct err *e)
{
	int r = 0;

	switch (ctx) {
	case CTX_URL:
		return url_ok(s) ? html(s, strlen(s), out, e) : buf_str(out, "#", e);
	case CTX_URLPART:
		return urlpart(s, out, e);
	case CTX_DIGITS:
		for (; r == 0 && *s >= '0' && *s <= '9'; s++)
			r = buf_u8(out, (uint8_t)*s, e);
		return r;
	default:
		return html(s, strlen(s), out, e);
	}
}

/* --- values --------------------------------------------------------------------------------- */

static json_t *
step(json_t *o, const char *s, size_t n)
{
	return json_is_object(o) ? json_object_getn(o, s, n) : NULL;
}

static bool
is_word(const char *s, size_t n, const char *w)
{
	return n == strlen(w) && (n == 0 || memcmp(s, w, n) == 0);
}

/* lookup(r, path): Borrowed, or NULL. The first name is searched from the innermost scope outwards.
 */
static json_t *
lookup(struct run *r, const char *path)
{
	size_t n = strcspn(path, ".");
	json_t *v = NULL;

	if (strcmp(path, ".") == 0)
		return r->depth ? r->f[r->depth - 1].scope : r->root;
	if (is_word(path, n, "app")) {
		v = step(r->root, "app", 3);
	} else {
		size_t d = r->depth;

		for (; d > 0 && !v; d--) {
			v = step(r->f[d - 1].scope, path, n);
			if (r->f[d - 1].wall)
				break;
		}
		if (!v && d == 0)
			v = step(r->root, path, n);
	}
	while (v && path[n] == '.') {
		path += n + 1;
		n = strcspn(path, ".");
		v = step(v, path, n);
	}
	return v;
}

/* eval(r, x): A new reference, or NULL. */
static json_t *eval(struct run *r, const struct tmpl_expr *x);

/* hole(r, s, n, out): One {path|format} of a text. */
static int
hole(struct run *r, const char *s, size_t n, struct buf *out)
{
	static const char *const formats[] = {"text", "number", "size", "time", "date", "datetime",
	    "iso", "span", "ago", "wareki"};
	char path[64];
	size_t k = 0;
	enum tmpl_fmt fmt = FMT_TEXT;

	while (k < n && s[k] != '|')
		k++;
	if (k >= sizeof(path))
		return err_set(r->e, E_LIMIT, "a hole of a text is too long");
	(void)memcpy(path, s, k);
	path[k] = 0;
	for (size_t i = 0; k < n && i < ARRAY_LEN(formats); i++)
		if (is_word(s + k + 1, n - k - 1, formats[i]))
			fmt = (enum tmpl_fmt)i;
	return tmpl_format(fmt, r->ja, lookup(r, path), r->now, out, r->e);
}

static int
words(struct run *r, const char *s, struct buf *out)
{
	int rc = 0;

	while (rc == 0 && *s) {
		size_t n = strcspn(s, "{"), end;

		rc = buf_put(out, s, n, r->e);
		s += n;
		if (rc < 0 || !*s)
			break;
		end = strcspn(s, "}");
		rc = hole(r, s + 1, end - 1, out);
		s += end + (s[end] ? 1 : 0);
	}
	return rc;
}

static json_t *
word_json(struct run *r, const char *s)
{
	AUTO(buf_free) struct buf b = {0};

	if (!strchr(s, '{'))
		return json_string(s);
	buf_init(&b, 64 << 10);
	if (words(r, s, &b) < 0)
		return NULL;
	return json_stringn_nocheck(b.p ? (const char *)b.p : "", b.len);
}

static json_t *
eval(struct run *r, const struct tmpl_expr *x)
{
	const json_t *v;
	const char *s, *w;

	switch (x->kind) {
	case EX_LIT:
		return json_string(x->s);
	case EX_STR:
		return word_json(r, tmpl_strings[x->key].text[r->ja ? 0 : 1]);
	case EX_DYN:
		v = lookup(r, x->s);
		s = json_string_value(v);
		w = s ? tmpl_word(s, r->ja) : NULL;
		return w ? word_json(r, w) : json_incref(lookup(r, x->s));
	default:
		if (strcmp(x->s, "@index") == 0 || strcmp(x->s, "@first") == 0 ||
		    strcmp(x->s, "@last") == 0) {
			const struct frame *f = r->depth ? &r->f[r->depth - 1] : NULL;

			if (!f || !f->list)
				return NULL;
			if (x->s[1] == 'i')
				return json_integer((json_int_t)f->i + 1);
			return json_boolean(x->s[1] == 'f' ? f->i == 0
							   : f->i + 1 == json_array_size(f->list));
		}
		return json_incref(lookup(r, x->s));
	}
}

static bool
truth(const json_t *v)
{
	if (!v || json_is_null(v) || json_is_false(v))
		return false;
	if (json_is_string(v))
		return json_string_length(v) > 0;
	if (json_is_array(v))
		return json_array_size(v) > 0;
	if (json_is_object(v))
		return json_object_size(v) > 0;
	if (json_is_number(v))
		return json_number_value(v) < 0 || json_number_value(v) > 0;
	return true;
}

static int
value(struct run *r, const struct tmpl_op *op)
{
	AUTO(buf_free) struct buf b = {0};
	json_t *v = eval(r, &op->e);
	int rc = 0;

	if (!v)
		return 0;
	if (json_is_string(v) && strlen(json_string_value(v)) == json_string_length(v)) {
		rc = tmpl_escape(op->ctx, json_string_value(v), r->out, r->e);
	} else {
		buf_init(&b, 64 << 10);
		rc = tmpl_format(op->e.fmt, r->ja, v, r->now, &b, r->e);
		if (rc == 0 && b.len) {
			const char *s = buf_cstr(&b, r->e);

			rc = s ? tmpl_escape(op->ctx, s, r->out, r->e) : E_NOMEM;
		}
	}
	json_decref(v);
	return rc;
}

/* --- blocks --------------------------------------------------------------------------------- */

static bool
holds(struct run *r, const struct tmpl_op *op, struct buf *tmp)
{
	json_t *v = eval(r, &op->e);
	bool yes = truth(v);

	if (op->s) { /* compared with a literal */
		buf_clear(tmp);
		yes = tmpl_format(FMT_TEXT, r->ja, v, 0, tmp, NULL) == 0 &&
		    is_word((const char *)tmp->p, tmp->len, op->s);
	}
	json_decref(v);
	return op->op == OP_IF ? yes : !yes;
}

static struct frame *
push(struct run *r, json_t *scope)
{
	struct frame *f;

	if (r->depth == TMPL_DEPTH) {
		(void)err_set(r->e, E_LIMIT, "a page's scopes are too deep");
		return NULL;
	}
	f = &r->f[r->depth++];
	*f = (struct frame){.scope = scope};
	return f;
}

static void
pop(struct run *r)
{
	struct frame *f = &r->f[--r->depth];

	if (f->own)
		json_decref(f->scope);
}

static int
with(struct run *r, const struct tmpl_op *op)
{
	json_t *o = json_object();
	struct frame *f;

	for (size_t i = 0; o && i < op->n; i++) {
		json_t *v = eval(r, &op->args[i].e);

		if (v && json_object_set_new(o, op->args[i].name, v) < 0)
			return json_decref(o), err_set(r->e, E_NOMEM, "no memory for a page");
	}
	f = o ? push(r, o) : NULL;
	if (!f) {
		json_decref(o);
		return o ? E_LIMIT : err_set(r->e, E_NOMEM, "no memory for a page");
	}
	f->own = true;
	f->wall = op->op == OP_PART;
	return 0;
}

/* enter(r, op, pc): EACH and SCOPE. Returns the next operation, or negative. */
static int64_t
enter(struct run *r, const struct tmpl_op *op, size_t pc)
{
	json_t *v = lookup(r, op->e.s);
	struct frame *f;

	if (!truth(v) || (op->op == OP_EACH && !json_is_array(v)))
		return (int64_t)op->to;
	f = push(r, op->op == OP_EACH ? json_array_get(v, 0) : v);
	if (!f)
		return E_LIMIT;
	f->list = op->op == OP_EACH ? v : NULL;
	return (int64_t)pc + 1;
}

/* next(r, op, pc): The following element's turn, or out. */
static size_t
next(struct run *r, const struct tmpl_op *op, size_t pc)
{
	struct frame *f = &r->f[r->depth - 1];

	if (f->list && ++f->i < json_array_size(f->list)) {
		f->scope = json_array_get(f->list, f->i);
		return op->to;
	}
	pop(r);
	return pc + 1;
}

static int
run(struct run *r, const struct tmpl *t, struct buf *tmp)
{
	size_t pc = 0, done = 0;
	int rc = 0;

	while (rc == 0 && pc < t->n) {
		const struct tmpl_op *op = &t->ops[pc];
		int64_t to = (int64_t)pc + 1;

		if (++done > TMPL_OPS)
			return err_set(r->e, E_LIMIT, "the page %s does not end", t->name);
		switch (op->op) {
		case OP_TEXT:
			rc = buf_put(r->out, op->s, op->n, r->e);
			break;
		case OP_VALUE:
			rc = value(r, op);
			break;
		case OP_IF:
		case OP_IFNOT:
			to = holds(r, op, tmp) ? to : (int64_t)op->to;
			break;
		case OP_JUMP:
			to = (int64_t)op->to;
			break;
		case OP_EACH:
		case OP_SCOPE:
			to = enter(r, op, pc);
			rc = to < 0 ? (int)to : 0;
			break;
		case OP_NEXT:
			to = (int64_t)next(r, op, pc);
			break;
		case OP_WITH:
		case OP_PART:
			rc = with(r, op);
			break;
		case OP_POP:
			pop(r);
			break;
		}
		pc = (size_t)to;
	}
	return rc;
}

int
tmpl_render(const struct tmpl *t, bool ja, json_t *model, struct buf *out, struct err *e)
{
	struct run r = {.ja = ja, .root = model, .out = out, .e = e};
	AUTO(buf_free) struct buf tmp = {0};
	int rc;

	buf_init(&tmp, 64 << 10);
	r.now = json_integer_value(json_object_get(json_object_get(model, "app"), "now"));
	rc = run(&r, t, &tmp);
	while (r.depth)
		pop(&r);
	if (rc < 0)
		(void)err_wrap(e, "page %s", t->name);
	return rc;
}

int
tmpl_say(const char *key, bool ja, json_t *args, struct buf *out, struct err *e)
{
	struct run r = {.ja = ja, .root = args, .out = out, .e = e};
	const char *s = tmpl_word(key, ja);

	r.now = json_integer_value(json_object_get(args, "now"));
	return s ? words(&r, s, out) : err_set(e, E_NOENT, "no such words: %s", key);
}
