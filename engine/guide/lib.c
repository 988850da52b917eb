/* The library of packs and practices: what is there, and what answers what. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "crypt/digest.h"
#include "guide/guide_int.h"

enum { MEM_MAX = 32 << 20, LINKS_MAX = 20000, DEPTH_MAX = 16 };

static int
grow(void **p, size_t elem, size_t n, size_t *cap, struct err *e)
{
	size_t want = *cap ? 2 * *cap : 256;
	void *more;

	if (n < *cap)
		return 0;
	if (n >= LINKS_MAX)
		return err_set(
		    e, E_LIMIT, "more than %d links between packs and practices", LINKS_MAX);
	more = reallocarray(*p, want, elem);
	if (!more)
		return err_set(e, E_NOMEM, "no memory for packs");
	*p = more;
	*cap = want;
	return 0;
}

int
guide_note_link(struct guide *g, const struct guide_practice *p, const char *pack, const char *item,
    struct err *e)
{
	void *at = g->links;
	int r = grow(&at, sizeof(*g->links), g->link_n, &g->link_cap, e);

	g->links = at;
	if (r == 0)
		g->links[g->link_n++] = (struct link){p, pack, item};
	return r;
}

int
guide_note_name(struct guide *g, const char *pack, const char *item, const char *practice,
    struct err *e)
{
	void *at = g->named;
	int r = grow(&at, 3 * sizeof(*g->named), g->named_n, &g->named_cap, e);

	g->named = at;
	if (r < 0)
		return r;
	g->named[3 * g->named_n] = pack;
	g->named[3 * g->named_n + 1] = item;
	g->named[3 * g->named_n + 2] = practice;
	g->named_n++;
	return 0;
}

/* -- finding ----------------------------------------------------------------------------------- */

const struct guide_pack *const *
guide_packs(const struct guide *g, size_t *ret_n)
{
	*ret_n = g->pack_n;
	return g->packs;
}

const struct guide_practice *const *
guide_practices(const struct guide *g, size_t *ret_n)
{
	*ret_n = g->practice_n;
	return g->practices;
}

static size_t
pack_at(const struct guide *g, const char *id)
{
	size_t i = 0;

	while (i < g->pack_n && strcmp(g->packs[i]->id, id) != 0)
		i++;
	return i;
}

const struct guide_pack *
guide_pack(const struct guide *g, const char *id)
{
	size_t i = pack_at(g, id);

	return i < g->pack_n ? g->packs[i] : NULL;
}

static size_t
practice_at(const struct guide *g, const char *id)
{
	size_t i = 0;

	while (i < g->practice_n && strcmp(g->practices[i]->id, id) != 0)
		i++;
	return i;
}

const struct guide_practice *
guide_practice(const struct guide *g, const char *id)
{
	size_t i = practice_at(g, id);

	return i < g->practice_n ? g->practices[i] : NULL;
}

const struct guide_item *
guide_item(const struct guide_pack *p, const char *id)
{
	for (size_t i = 0; i < p->items; i++)
		if (strcmp(p->item[i].id, id) == 0)
			return &p->item[i];
	return NULL;
}

const struct guide_pack *
guide_current(const struct guide *g, const char *kind, const char *day)
{
	for (size_t i = 0; i < g->pack_n; i++) { /* newest first */
		const struct guide_pack *p = g->packs[i];

		if (strcmp(p->kind, kind) == 0 && strcmp(p->issued, day) <= 0 &&
		    (!p->until || strcmp(day, p->until) <= 0))
			return p;
	}
	return NULL;
}

/* -- joining ----------------------------------------------------------------------------------- */

/* Which practices answer an item; the struct is the library's own. */
static int
join_item(struct guide *g, const struct guide_pack *p, struct guide_item *it, struct err *e)
{
	const struct guide_practice *got[GUIDE_ANSWERED_BY];
	size_t n = 0;

	for (size_t i = 0; i < g->link_n + g->named_n; i++) {
		bool link = i < g->link_n;
		const char *const *name = link ? NULL : &g->named[3 * (i - g->link_n)];
		const struct guide_practice *pr;
		bool twice = false;

		if (strcmp(link ? g->links[i].pack : name[0], p->id) != 0 ||
		    strcmp(link ? g->links[i].item : name[1], it->id) != 0)
			continue;
		pr = link ? g->links[i].practice : guide_practice(g, name[2]);
		if (link && guide_practice(g, pr->id) != pr)
			continue; /* replaced by a newer one */
		for (size_t k = 0; k < n; k++)
			twice = twice || got[k] == pr;
		if (!pr || twice)
			continue;
		if (n == ARRAY_LEN(got))
			return err_set(e, E_LIMIT, "%s:%s is answered by more than %d practices",
			    p->id, it->id, GUIDE_ANSWERED_BY);
		got[n++] = pr;
	}
	it->bys = n;
	it->by = arena_alloc(&g->mem, (n ? n : 1) * sizeof(void *));
	if (!it->by)
		return err_set(e, E_NOMEM, "no memory for packs");
	if (n)
		(void)memcpy(it->by, got, n * sizeof(void *));
	return 0;
}

static int
join(struct guide *g, struct err *e)
{
	for (size_t i = 0; i < g->practice_n; i++) {
		struct guide_practice *p = (struct guide_practice *)(uintptr_t)g->practices[i];

		p->musts = 0;
	}
	for (size_t i = 0; i < g->pack_n; i++) {
		const struct guide_pack *p = g->packs[i];

		for (size_t k = 0; k < p->items; k++) {
			int r = join_item(g, p, &p->item[k], e);

			if (r < 0)
				return r;
			for (size_t j = 0; !p->until && p->item[k].level == GUIDE_MUST &&
			    j < p->item[k].bys; j++)
				((struct guide_practice *)(uintptr_t)p->item[k].by[j])->musts++;
		}
	}
	return 0;
}

/* -- adding ------------------------------------------------------------------------------------ */

static int
by_issue(const void *a, const void *b)
{
	const struct guide_pack *x = *(const struct guide_pack *const *)a;
	const struct guide_pack *y = *(const struct guide_pack *const *)b;
	int r = strcmp(y->issued, x->issued);

	return r ? r : strcmp(x->id, y->id);
}

static int
by_id(const void *a, const void *b)
{
	const struct guide_practice *x = *(const struct guide_practice *const *)a;
	const struct guide_practice *y = *(const struct guide_practice *const *)b;

	return strcmp(x->id, y->id);
}

static int
take_pack(
    struct guide *g, json_t *o, const void *p, size_t n, enum guide_trust trust, bool force,
    struct err *e)
{
	struct guide_pack *pack;
	uint8_t sum[DIGEST_LEN];
	size_t at;
	int r = guide_read_pack(g, o, &pack, e);

	if (r < 0)
		return r;
	digest_sha256(p, n, sum);
	hex_put(pack->sum, sum, sizeof(sum));
	pack->trust = trust;
	at = pack_at(g, pack->id);
	if (!force && at < g->pack_n && g->packs[at]->version >= pack->version)
		return err_set(e, E_EXIST, "%s: version %d is here already", pack->id,
		    g->packs[at]->version);
	if (at == GUIDE_PACKS)
		return err_set(e, E_LIMIT, "more than %d packs", GUIDE_PACKS);
	g->packs[at] = pack;
	g->pack_n += at == g->pack_n;
	qsort(g->packs, g->pack_n, sizeof(void *), by_issue);
	return 0;
}

static int
take_practice(struct guide *g, json_t *o, enum guide_trust trust, struct err *e)
{
	struct guide_practice *p;
	size_t at;
	int r = guide_read_practice(g, o, &p, e);

	if (r < 0)
		return r;
	at = practice_at(g, p->id);
	if (at < g->practice_n && trust == GUIDE_SHIPPED)
		return err_set(e, E_EXIST, "practice %s is there twice", p->id);
	if (at == GUIDE_PRACTICES)
		return err_set(e, E_LIMIT, "more than %d practices", GUIDE_PRACTICES);
	g->practices[at] = p;
	g->practice_n += at == g->practice_n;
	qsort(g->practices, g->practice_n, sizeof(void *), by_id);
	return 0;
}

static int
deep(json_t *o, int left)
{
	json_t *v;
	const char *k;
	size_t i;

	if (left == 0)
		return E_LIMIT;
	json_object_foreach(o, k, v)
		if (deep(v, left - 1) < 0)
			return E_LIMIT;
	json_array_foreach(o, i, v)
		if (deep(v, left - 1) < 0)
			return E_LIMIT;
	return 0;
}

static int
add(struct guide *g, const void *p, size_t n, enum guide_trust trust, bool force, struct err *e)
{
	json_error_t where;
	const char *format;
	json_t *o;
	int r;

	if (n > GUIDE_FILE_MAX)
		return err_set(e, E_LIMIT, "a pack of more than %d bytes", GUIDE_FILE_MAX);
	o = json_loadb(p, n, JSON_REJECT_DUPLICATES, &where);
	if (!json_is_object(o)) {
		json_decref(o);
		return err_set(e, E_INVAL, "not JSON: line %d: %s", where.line, where.text);
	}
	format = json_string_value(json_object_get(o, "format"));
	if (deep(o, DEPTH_MAX) < 0)
		r = err_set(e, E_LIMIT, "the pack is nested too deeply");
	else if (format && strcmp(format, "mamori-pack-1") == 0)
		r = take_pack(g, o, p, n, trust, force, e);
	else if (format && strcmp(format, "mamori-practice-1") == 0)
		r = take_practice(g, o, trust, e);
	else
		r = err_set(e, E_INVAL, "format is not mamori-pack-1 or mamori-practice-1");
	json_decref(o);
	return r;
}

static int
add_join(
    struct guide *g, const void *p, size_t n, enum guide_trust trust, bool force, struct err *e)
{
	size_t links = g->link_n, named = g->named_n;
	int r = add(g, p, n, trust, force, e);

	if (r < 0) {
		g->link_n = links; /* of what was refused */
		g->named_n = named;
		return r;
	}
	return join(g, e);
}

int
guide_add(struct guide *g, const void *p, size_t n, enum guide_trust trust, struct err *e)
{
	return add_join(g, p, n, trust, false, e);
}

int
guide_put(struct guide *g, const void *p, size_t n, enum guide_trust trust, struct err *e)
{
	return add_join(g, p, n, trust, true, e);
}

int
guide_new(struct guide **ret, struct err *e)
{
	struct guide *g = calloc(1, sizeof(*g));
	const struct asset *a;
	size_t n;
	int r = 0;

	if (!g)
		return err_set(e, E_NOMEM, "no memory for packs");
	arena_init(&g->mem, MEM_MAX);
	a = guide_assets(&n);
	for (size_t i = 0; r == 0 && i < n; i++) {
		r = add(g, a[i].p, a[i].len, GUIDE_SHIPPED, false, e);
		if (r < 0 && r != E_NOMEM)
			r = err_set(e, E_CORRUPT, "%s: %s", a[i].name, e ? e->msg : "");
	}
	if (r == 0)
		r = join(g, e);
	if (r < 0) {
		guide_free(g);
		return r;
	}
	*ret = g;
	return 0;
}

void
guide_free(struct guide *g)
{
	if (!g)
		return;
	arena_free(&g->mem);
	free(g->links);
	free(g->named);
	free(g);
}

/* -- words ------------------------------------------------------------------------------------- */

const char *
guide_category_name(enum guide_category c)
{
	static const char *const name[] = {"organisational", "physical", "technical", "human"};

	return name[c];
}

const char *
guide_level_name(enum guide_level l)
{
	static const char *const name[] = {"must", "should", "gate", "info"};

	return name[l];
}

const char *
guide_trust_name(enum guide_trust t)
{
	static const char *const name[] = {"shipped", "signed", "operator"};

	return name[t];
}

struct guide_text
guide_who(const char *who)
{
	static const struct {
		const char *id;
		struct guide_text text;
	} all[] = {
	    {"director", {"院長", "the director"}},
	    {"clerk", {"担当", "the person in charge"}},
	    {"staff", {"職員", "staff"}},
	    {"zone", {"区画の責任者", "who is in charge of the room"}},
	    {"vendor", {"業者", "the vendor"}},
	};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (strcmp(all[i].id, who) == 0)
			return all[i].text;
	return (struct guide_text){who, who};
}
