#include "ledger/facts.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/vec.h"

struct newest {
	struct map by_key; /* values: position in list + 1, as a pointer */
	struct vec list;
};

struct recent { /* the last records of one check; a ring */
	char check[96];
	uint64_t seq[FACTS_RECENT], count;
};

/* What was read once stays: the log only grows, so each look reads what came since. */
struct facts {
	struct ledger *ledger;
	struct signer *signer; /* NULL when this user cannot add */
	struct err no_signer;  /* why */
	struct newest now;
	struct vec order;      /* of uint32_t: positions in now.list by name */
	struct vec recent;     /* of struct recent */
	struct map by_check;   /* values: position in recent + 1, as a pointer */
	uint64_t next;         /* the first record that is not in them */
};

/* Begin: the key first, then the ledger, the public key last; so that a crash in between is simply
 * taken up again, and a ledger that vanishes later is not. */
static int
begin(const struct state *st, int64_t now, struct err *e)
{
	static const char about[] = "{\"holds\":\"facts\",\"v\":1}";
	struct signer *s;
	struct err why = {0};
	int r = state_signer(st, FACTS_KEY, true, &s, e);

	if (r < 0)
		return r;
	r = ledger_create(st->f, st->dirfd, FACTS_DIR, s, about, sizeof(about) - 1, now, &why);
	if (r == E_EXIST)
		r = 0; /* another process was first, or an earlier start got this far */
	if (r == 0)
		r = state_pub_put(st, FACTS_KEY, signer_pub(s), &why);
	signer_free(s);
	return r < 0 ? err_set(e, r, "%s", why.msg) : 0;
}

static int
open_or_begin(const struct state *st, bool create, int64_t now, struct ledger **ret,
    struct err *e)
{
	uint8_t pub[SIGN_PUB_LEN];
	struct err why = {0};
	int has_pub = state_pub_get(st, FACTS_KEY, pub, &why);
	int r;

	if (has_pub < 0 && has_pub != E_NOENT)
		return err_set(e, has_pub, "%s", why.msg);
	if (has_pub < 0 && create) {
		r = begin(st, now, e);
		if (r == 0)
			r = has_pub = state_pub_get(st, FACTS_KEY, pub, e);
		if (r < 0)
			return r;
	}
	r = ledger_open(st->f, st->dirfd, FACTS_DIR, has_pub == 0 ? pub : NULL, ret, &why);
	if (r == E_NOENT && has_pub == 0)
		return err_set(e, E_CORRUPT,
		    "the sealed record of facts is gone: its key is known, but "
		    "there is no %s/%s",
		    st->path, FACTS_DIR);
	if (r == E_NOENT)
		return err_set(e, E_NOENT, "there are no facts in %s yet", st->path);
	return r < 0 ? err_set(e, r, "%s/%s: %s", st->path, FACTS_DIR, why.msg) : 0;
}

int
facts_open(const struct state *st, bool create, int64_t now, struct facts **ret, struct err *e)
{
	struct facts *fs = calloc(1, sizeof(*fs));
	int r;

	if (!fs) {
		(void)err_set(e, E_NOMEM, "no memory");
		return E_NOMEM;
	}
	r = open_or_begin(st, create, now, &fs->ledger, e);
	if (r < 0) {
		free(fs);
		return r;
	}
	if (state_signer(st, FACTS_KEY, false, &fs->signer, &fs->no_signer) < 0)
		fs->signer = NULL;
	map_init(&fs->now.by_key, FACTS_MAX_NEWEST);
	vec_init(&fs->now.list, sizeof(struct fact), FACTS_MAX_NEWEST);
	vec_init(&fs->order, sizeof(uint32_t), FACTS_MAX_NEWEST);
	map_init(&fs->by_check, FACTS_MAX_NEWEST);
	vec_init(&fs->recent, sizeof(struct recent), FACTS_MAX_NEWEST);
	*ret = fs;
	return 0;
}

void
facts_close(struct facts *fs)
{
	if (!fs)
		return;
	for (size_t i = 0; i < fs->now.list.len; i++)
		fact_free(VEC_AT(&fs->now.list, struct fact, i));
	vec_free(&fs->now.list);
	map_free(&fs->now.by_key);
	vec_free(&fs->order);
	vec_free(&fs->recent);
	map_free(&fs->by_check);
	ledger_close(fs->ledger);
	signer_free(fs->signer);
	free(fs);
}

struct ledger *
facts_ledger(struct facts *fs)
{
	return fs->ledger;
}

int
facts_add(struct facts *fs, const struct fact *fact, int64_t now, uint64_t *ret_seq,
    struct err *e)
{
	struct ledger_head h;
	struct buf b;
	int r;

	if (!fs->signer)
		return err_set(e, E_AUTH, "facts cannot be added here: %s", fs->no_signer.msg);
	buf_init(&b, 2 * FACT_MAX_JSON);
	r = fact_write(&b, fact, e);
	if (r == 0)
		r = ledger_append(fs->ledger, fs->signer, LEDGER_T_USER, b.p, b.len, now, &h, e);
	buf_free(&b);
	if (r == 0 && ret_seq)
		*ret_seq = h.seq;
	return r;
}

int
facts_record(const struct state *st, const struct fact *fact, int64_t now, uint64_t *ret_seq,
    struct err *e)
{
	struct facts *fs = NULL;
	int r = facts_open(st, true, now, &fs, e);

	if (r < 0)
		return r;
	r = facts_add(fs, fact, now, ret_seq, e);
	facts_close(fs);
	return r;
}

/* -- reading ----------------------------------------------------------------------------------- */

struct each {
	const struct facts_filter *filter;
	facts_fn *fn;
	void *cookie;
	uint64_t other;
};

static bool
fits(const struct facts_filter *f, const struct fact *fact)
{
	size_t n = strlen(f->check);
	bool group = n > 0 && f->check[n - 1] == '.';

	if (group && strncmp(f->check, fact->check, n) != 0)
		return false;
	if (n > 0 && !group && strcmp(f->check, fact->check) != 0)
		return false;
	return (!f->kind[0] || strcmp(f->kind, fact->kind) == 0) &&
	    (!f->id[0] || strcmp(f->id, fact->id) == 0) && (f->since == 0 || fact->at >= f->since);
}

static int
on_record(const struct ledger_rec *rec, void *cookie, struct err *e)
{
	struct each *it = cookie;
	struct fact fact;
	int r = 0;

	if (rec->type < LEDGER_T_USER)
		return 0;
	if (rec->type != LEDGER_T_USER ||
	    fact_read(rec->payload, rec->len, false, &fact, NULL) < 0) {
		it->other++;
		return 0;
	}
	fact.seq = rec->seq;
	fact.recorded_at = rec->at;
	if (fits(it->filter, &fact))
		r = it->fn(&fact, it->cookie, e);
	fact_free(&fact);
	return r;
}

int
facts_each(struct facts *fs, const struct facts_filter *filter, facts_fn *fn, void *cookie,
    uint64_t *ret_other, struct err *e)
{
	static const struct facts_filter any;
	struct each it = {.filter = filter ? filter : &any, .fn = fn, .cookie = cookie};
	int r = ledger_each(fs->ledger, it.filter->from, on_record, &it, e);

	if (ret_other)
		*ret_other = it.other;
	return r;
}

/* check, kind and id, each with its NUL: no two different triples have the same bytes */
static size_t
key_of(const struct fact *f, char out[96 + 64 + 256])
{
	size_t a = strlen(f->check) + 1, b = strlen(f->kind) + 1, c = strlen(f->id) + 1;

	(void)memcpy(out, f->check, a);
	(void)memcpy(out + a, f->kind, b);
	(void)memcpy(out + a + b, f->id, c);
	return a + b + c;
}

static void
keep(struct fact *to, const struct fact *from)
{
	fact_free(to);
	*to = *from;
	json_incref(to->observed);
	json_incref(to->expected);
	json_incref(to->evidence);
}

static int
on_newest(const struct fact *fact, void *cookie, struct err *e)
{
	struct newest *n = cookie;
	char key[96 + 64 + 256];
	size_t len = key_of(fact, key);
	uintptr_t at = (uintptr_t)map_get(&n->by_key, key, len);
	struct fact *slot;
	int r;

	if (at > 0) {
		slot = VEC_AT(&n->list, struct fact, at - 1);
		if (fact->at >= slot->at || slot->at > fact->recorded_at)
			keep(slot, fact);
		return 0;
	}
	slot = vec_add(&n->list);
	if (!slot)
		return err_set(e, E_LIMIT, "more than %d checks and subjects", FACTS_MAX_NEWEST);
	keep(slot, fact);
	r = map_put(&n->by_key, key, len, (void *)n->list.len, e);
	if (r < 0) { /* it comes again with the next look */
		fact_free(slot);
		n->list.len--;
	}
	return r;
}

static int
by_name(const void *a, const void *b)
{
	const struct fact *x = a, *y = b;
	int c = strcmp(x->check, y->check);

	if (c == 0)
		c = strcmp(x->kind, y->kind);
	return c != 0 ? c : strcmp(x->id, y->id);
}

/* -- what was read once ------------------------------------------------------------------------ */

static int
note_recent(struct facts *fs, const struct fact *fact, struct err *e)
{
	size_t len = strlen(fact->check);
	uintptr_t at = (uintptr_t)map_get(&fs->by_check, fact->check, len);
	struct recent *x;
	int r;

	if (at == 0) {
		x = vec_add(&fs->recent);
		if (!x)
			return err_set(e, E_LIMIT, "more than %d checks", FACTS_MAX_NEWEST);
		(void)memcpy(x->check, fact->check, len + 1);
		r = map_put(&fs->by_check, x->check, len, (void *)fs->recent.len, e);
		if (r < 0) {
			fs->recent.len--;
			return r;
		}
		at = fs->recent.len;
	}
	x = VEC_AT(&fs->recent, struct recent, at - 1);
	x->seq[x->count++ % FACTS_RECENT] = fact->seq;
	return 0;
}

static int
on_new(const struct fact *fact, void *cookie, struct err *e)
{
	struct facts *fs = cookie;
	int r = on_newest(fact, &fs->now, e);

	/* the first may be done twice for a record, the second must not */
	if (r == 0)
		r = note_recent(fs, fact, e);
	if (r == 0)
		fs->next = fact->seq + 1;
	return r;
}

static int
by_place(const void *a, const void *b, void *cookie)
{
	const struct fact *list = cookie;

	return by_name(&list[*(const uint32_t *)a], &list[*(const uint32_t *)b]);
}

/* catch_up(fs, e): Take in what was appended since, by whomever. What a walk that failed had taken
 * stays; it was in the log. */
static int
catch_up(struct facts *fs, struct err *e)
{
	const struct facts_filter since = {.from = fs->next};
	int r = facts_each(fs, &since, on_new, fs, NULL, e);
	bool grown = fs->order.len < fs->now.list.len;

	while (r == 0 && fs->order.len < fs->now.list.len) {
		uint32_t *slot = vec_add(&fs->order);

		if (!slot)
			return err_set(e, E_NOMEM, "no memory for the facts");
		*slot = (uint32_t)(fs->order.len - 1);
	}
	if (r == 0 && grown)
		qsort_r(fs->order.p, fs->order.len, sizeof(uint32_t), by_place, fs->now.list.p);
	return r;
}

/* from_kept(fs, filter, ret, ret_n, e): Whoever fits, in the order of names. */
static int
from_kept(struct facts *fs, const struct facts_filter *filter, struct fact **ret, size_t *ret_n,
    struct err *e)
{
	struct fact *out;
	size_t n = 0, at = 0;
	int r = catch_up(fs, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < fs->now.list.len; i++)
		n += fits(filter, VEC_AT(&fs->now.list, struct fact, i));
	*ret = NULL;
	*ret_n = n;
	if (n == 0)
		return 0;
	out = calloc(n, sizeof(*out));
	if (!out)
		return err_set(e, E_NOMEM, "no memory for the facts");
	for (size_t i = 0; i < fs->order.len; i++) {
		const struct fact *f = VEC_AT(&fs->now.list, struct fact,
		    *VEC_AT(&fs->order, uint32_t, i));

		if (fits(filter, f))
			keep(&out[at++], f);
	}
	*ret = out;
	return 0;
}

int
facts_recent(struct facts *fs, const char *check, facts_fn *fn, void *cookie, struct err *e)
{
	const struct recent *x;
	uintptr_t at;
	int r = catch_up(fs, e);

	if (r < 0)
		return r;
	at = (uintptr_t)map_get(&fs->by_check, check, strlen(check));
	if (at == 0)
		return 0;
	x = VEC_AT(&fs->recent, struct recent, at - 1);
	for (uint64_t i = x->count; r == 0 && i > 0 && x->count - i < FACTS_RECENT; i--)
		r = facts_one(fs, x->seq[(i - 1) % FACTS_RECENT], fn, cookie, e);
	return r;
}

struct one {
	uint64_t seq;
	facts_fn *fn;
	void *cookie;
	int r;
};

static int
on_one(const struct fact *fact, void *cookie, struct err *e)
{
	struct one *o = cookie;

	if (fact->seq == o->seq)
		o->r = o->fn(fact, o->cookie, e);
	return 1;
}

int
facts_one(struct facts *fs, uint64_t seq, facts_fn *fn, void *cookie, struct err *e)
{
	const struct facts_filter only = {.from = seq};
	struct one o = {.seq = seq, .fn = fn, .cookie = cookie};
	int r = facts_each(fs, &only, on_one, &o, NULL, e);

	return r < 0 ? r : o.r;
}

int
facts_newest(struct facts *fs, const struct facts_filter *filter, struct fact **ret, size_t *ret_n,
    struct err *e)
{
	static const struct facts_filter any;
	struct newest n;
	int r;

	if (!filter || (filter->since == 0 && filter->from == 0))
		return from_kept(fs, filter ? filter : &any, ret, ret_n, e);
	map_init(&n.by_key, FACTS_MAX_NEWEST);
	vec_init(&n.list, sizeof(struct fact), FACTS_MAX_NEWEST);
	r = facts_each(fs, filter, on_newest, &n, NULL, e);
	map_free(&n.by_key);
	if (r < 0) {
		facts_newest_free(n.list.p, n.list.len);
		return r;
	}
	if (n.list.len > 0)
		qsort(n.list.p, n.list.len, sizeof(struct fact), by_name);
	*ret = n.list.p;
	*ret_n = n.list.len;
	return 0;
}

void
facts_newest_free(struct fact *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fact_free(&list[i]);
	free(list);
}
