#include "identity/accesslog.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "base/vec.h"
#include "ledger/ledger.h"
#include "ledger/seals.h"

enum { BLOCK = 1000, LOOK_MAX = 20000, ENTRY_MAX = 16 << 10 };

struct accesslog {
	struct ledger *ledger;
	struct signer *signer; /* NULL when this user cannot add */
	struct err no_signer;
};

/* --- opening: as the ledger of facts ---------------------------------------------------------- */

static int
begin(const struct state *st, int64_t now, struct err *e)
{
	static const char about[] = "{\"holds\":\"access\",\"v\":1}";
	struct err why = {0};
	struct signer *s;
	int r = state_signer(st, ACCESSLOG_KEY, true, &s, e);

	if (r < 0)
		return r;
	r = ledger_create(st->f, st->dirfd, ACCESSLOG_DIR, s, about, sizeof(about) - 1, now, &why);
	if (r == E_EXIST)
		r = 0; /* another process was first, or an earlier start got this far */
	if (r == 0)
		r = state_pub_put(st, ACCESSLOG_KEY, signer_pub(s), &why);
	signer_free(s);
	return r < 0 ? err_set(e, r, "%s", why.msg) : 0;
}

static int
open_or_begin(const struct state *st, bool create, int64_t now, struct ledger **ret,
    struct err *e)
{
	uint8_t pub[SIGN_PUB_LEN];
	struct err why = {0};
	int known = state_pub_get(st, ACCESSLOG_KEY, pub, &why), r;

	if (known < 0 && known != E_NOENT)
		return err_set(e, known, "%s", why.msg);
	if (known < 0 && !create)
		return err_set(e, E_NOENT, "there is no access log in %s yet", st->path);
	if (known < 0) {
		r = begin(st, now, e);
		if (r == 0)
			r = state_pub_get(st, ACCESSLOG_KEY, pub, e);
		if (r < 0)
			return r;
	}
	r = ledger_open(st->f, st->dirfd, ACCESSLOG_DIR, pub, ret, &why);
	if (r == E_NOENT)
		return err_set(e, E_CORRUPT,
		    "the access log is gone: its key is known, but there is "
		    "no %s/%s",
		    st->path, ACCESSLOG_DIR);
	return r < 0 ? err_set(e, r, "%s/%s: %s", st->path, ACCESSLOG_DIR, why.msg) : 0;
}

int
accesslog_open(const struct state *st, bool create, int64_t now, struct accesslog **ret,
    struct err *e)
{
	struct accesslog *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return err_set(e, E_NOMEM, "no memory");
	r = open_or_begin(st, create, now, &a->ledger, e);
	if (r == 0 && state_signer(st, ACCESSLOG_KEY, false, &a->signer, &a->no_signer) < 0)
		a->signer = NULL;
	/* so that `mamori verify` knows it, and how far it had come */
	if (r == 0 && create)
		r = seals_remember(st, "access", ".", ACCESSLOG_DIR, a->ledger, e);
	if (r < 0) {
		accesslog_close(a);
		return r;
	}
	*ret = a;
	return 0;
}

void
accesslog_close(struct accesslog *a)
{
	if (!a)
		return;
	ledger_close(a->ledger);
	signer_free(a->signer);
	free(a);
}

/* --- writing ---------------------------------------------------------------------------------- */

/* text(s, size): As a JSON string of at most size - 1 bytes, printable, no character in half. */
static json_t *
text(const char *s, size_t size)
{
	struct buf b;
	json_t *v;
	size_t n;

	buf_init(&b, 4 * 1024 + 16);
	if (utf8_show(&b, s, strnlen(s, size - 1), NULL) < 0) {
		buf_free(&b);
		return json_string("?");
	}
	n = b.len < size ? b.len : size - 1;
	while (n > 0 && !utf8_ok(b.p, n))
		n--;
	v = json_stringn(b.p ? (const char *)b.p : "", n);
	buf_free(&b);
	return v;
}

static json_t *
pack(const struct access_entry *t)
{
	json_t *o = json_pack("{s:i}", "v", 1);
	int bad = !o;

	bad |= json_object_set_new(o, "account", text(t->account, sizeof(t->account)));
	bad |= json_object_set_new(o, "name", text(t->name, sizeof(t->name)));
	bad |= json_object_set_new(o, "session", text(t->session, sizeof(t->session)));
	bad |= json_object_set_new(o, "source", text(t->source, sizeof(t->source)));
	bad |= json_object_set_new(o, "what", text(t->what, sizeof(t->what)));
	bad |= json_object_set_new(o, "object", text(t->object, sizeof(t->object)));
	bad |= json_object_set_new(o, "result", text(t->result, sizeof(t->result)));
	if (t->detail[0])
		bad |= json_object_set_new(o, "detail", text(t->detail, sizeof(t->detail)));
	if (bad) {
		json_decref(o);
		return NULL;
	}
	return o;
}

int
accesslog_add(struct accesslog *a, const struct access_entry *entry, int64_t now, struct err *e)
{
	json_t *o;
	char *s;
	int r;

	if (!a->signer)
		return err_set(e, E_AUTH, "the access log cannot be written here: %s",
		    a->no_signer.msg);
	if (!entry->what[0] || !entry->result[0])
		return err_set(e, E_INVAL, "an entry says what and with which result");
	o = pack(entry);
	s = o ? json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	json_decref(o);
	if (!s)
		return err_set(e, E_NOMEM, "no memory");
	r = ledger_append(a->ledger, a->signer, LEDGER_T_USER, s, strlen(s), now, NULL, e);
	free(s);
	return r;
}

/* --- reading ---------------------------------------------------------------------------------- */

static void
take(const json_t *o, const char *key, char *out, size_t size)
{
	const char *s = json_string_value(json_object_get(o, key));

	(void)snprintf(out, size, "%s", s ? s : "");
}

/* entry_of(rec, ret): False for a record of a newer version or another kind. */
static bool
entry_of(const struct ledger_rec *rec, struct access_entry *ret)
{
	json_t *o = rec->type == LEDGER_T_USER && rec->len <= ENTRY_MAX
	    ? json_loadb((const char *)rec->payload, rec->len, JSON_REJECT_DUPLICATES, NULL) : NULL;
	bool ok = json_integer_value(json_object_get(o, "v")) == 1;

	*ret = (struct access_entry){.seq = rec->seq, .at = rec->at};
	take(o, "account", ret->account, sizeof(ret->account));
	take(o, "name", ret->name, sizeof(ret->name));
	take(o, "session", ret->session, sizeof(ret->session));
	take(o, "source", ret->source, sizeof(ret->source));
	take(o, "what", ret->what, sizeof(ret->what));
	take(o, "object", ret->object, sizeof(ret->object));
	take(o, "result", ret->result, sizeof(ret->result));
	take(o, "detail", ret->detail, sizeof(ret->detail));
	json_decref(o);
	return ok;
}

static bool
same(const char *want, const char *have)
{
	return !*want || strcmp(want, have) == 0;
}

static bool
fits(const struct access_filter *f, const struct access_entry *t)
{
	size_t n;

	if (!f)
		return true;
	n = strlen(f->what);
	if (n > 0 && f->what[n - 1] == '.' ? strncmp(f->what, t->what, n) != 0
	                                   : !same(f->what, t->what))
		return false;
	return same(f->account, t->account) && same(f->object, t->object) &&
	    same(f->result, t->result) && (f->since == 0 || t->at >= f->since) &&
	    (f->until == 0 || t->at < f->until);
}

struct block {
	const struct access_filter *filter;
	uint64_t before;
	struct vec list; /* of those that fit, oldest first */
};

enum { STOP = 1 };

static int
on_record(const struct ledger_rec *rec, void *cookie, struct err *e)
{
	struct block *b = cookie;
	struct access_entry t, *to;

	if (rec->seq >= b->before)
		return STOP;
	if (!entry_of(rec, &t) || !fits(b->filter, &t))
		return 0;
	to = vec_add(&b->list);
	if (!to)
		return err_set(e, E_NOMEM, "no memory for the access log");
	*to = t;
	return 0;
}

struct page {
	accesslog_fn *fn;
	void *cookie;
	size_t given, limit;
	uint64_t top; /* everything from here on was shown or does not fit */
};

/* give(p, list, from, e): Newest first, until the page is full. */
static int
give(struct page *p, const struct vec *list, uint64_t from, struct err *e)
{
	size_t i = list->len;
	int r = 0;

	while (r == 0 && i > 0 && p->given < p->limit) {
		const struct access_entry *t = VEC_AT(list, struct access_entry, --i);

		p->top = t->seq;
		p->given++;
		r = p->fn(t, p->cookie, e);
	}
	if (r == 0 && i == 0)
		p->top = from;
	return r;
}

int
accesslog_page(struct accesslog *a, const struct access_filter *filter, uint64_t before,
    size_t limit, accesslog_fn *fn, void *cookie, uint64_t *ret_next, struct err *e)
{
	struct page p = {.fn = fn, .cookie = cookie, .limit = limit, .top = before};
	struct block b = {.filter = filter};
	uint64_t looked = 0;
	/* nothing is this far: only what other processes added is taken in */
	int r = ledger_each(a->ledger, UINT64_MAX, on_record, &b, e);

	if (p.limit > ACCESSLOG_PAGE)
		p.limit = ACCESSLOG_PAGE;
	if (before == 0)
		p.top = ledger_head(a->ledger).seq + 1;
	/* record 0 is the genesis */
	for (; r == 0 && p.top > 1 && p.given < p.limit && looked < LOOK_MAX; looked += BLOCK) {
		uint64_t from = p.top > BLOCK ? p.top - BLOCK : 0;

		b.before = p.top;
		vec_init(&b.list, sizeof(struct access_entry), BLOCK);
		r = ledger_each(a->ledger, from, on_record, &b, e);
		if (r == 0 || r == STOP)
			r = give(&p, &b.list, from, e);
		vec_free(&b.list);
	}
	if (r == 0)
		*ret_next = p.top > 1 ? p.top : 0;
	return r;
}
