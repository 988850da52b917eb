/* Packs from outside, and official wordings. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "crypt/digest.h"
#include "guide/desk_int.h"

enum { WORDING_MAX = 8000 };

static const char *
text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static void
sum_of(const void *p, size_t n, char hex[65])
{
	uint8_t sum[DIGEST_LEN];

	digest_sha256(p, n, sum);
	hex_put(hex, sum, sizeof(sum));
}

/* -- keeping ----------------------------------------------------------------------------------- */

static int
keep(const struct state *st, const void *p, size_t n, const char *end, char hex[65], struct err *e)
{
	char name[80];
	int r, dir = state_dir(st, "packs", true, e);

	if (dir < 0)
		return dir;
	sum_of(p, n, hex);
	(void)snprintf(name, sizeof(name), "%s.%s", hex, end);
	r = fio_create(st->f, dir, name, p, n, 0600, e);
	fio_close(st->f, dir);
	return r == E_EXIST ? 0 : r;
}

static int
slurp(const struct state *st, const char *hex, const char *end, struct buf *b, struct err *e)
{
	char name[80], now[65];
	int r, dir = state_dir(st, "packs", false, e);

	if (dir < 0)
		return dir;
	(void)snprintf(name, sizeof(name), "%.64s.%s", hex, end);
	buf_clear(b);
	r = strchr(hex, '/') ? err_set(e, E_CORRUPT, "a pack of a wrong name")
	    : fio_slurp(st->f, dir, name, b, e);
	fio_close(st->f, dir);
	if (r < 0)
		return r;
	sum_of(b->p, b->len, now);
	return strcmp(now, hex) == 0 ? 0 : err_set(e, E_CORRUPT, "%s is not what it was", name);
}

static int
trust_of(const char *name, const void *p, size_t n, const void *manifest, size_t mn,
    enum guide_trust *ret, char date[11], struct err *e)
{
	struct guide_manifest m;
	int r;

	*ret = GUIDE_OPERATOR;
	date[0] = 0;
	if (!manifest)
		return 0;
	r = guide_manifest_read(manifest, mn, guide_release_key(), &m, e);
	if (r < 0)
		return r;
	if (!guide_manifest_covers(&m, name, p, n))
		return err_set(e, E_AUTH, "%s is not what the release signed", name);
	(void)memcpy(date, m.date, 11);
	*ret = GUIDE_SIGNED;
	return 0;
}

static int
load_one(const struct state *st, struct guide *g, const json_t *entry, struct err *e)
{
	struct buf b, m;
	enum guide_trust trust;
	char date[11];
	int r;

	buf_init(&b, GUIDE_FILE_MAX);
	buf_init(&m, GUIDE_FILE_MAX);
	r = slurp(st, text(entry, "sum"), "json", &b, e);
	if (r == 0 && *text(entry, "manifest"))
		r = slurp(st, text(entry, "manifest"), "manifest", &m, e);
	if (r == 0)
		r = trust_of(text(entry, "name"), b.p, b.len, *text(entry, "manifest") ? m.p : NULL,
		    m.len, &trust, date, e);
	if (r == 0)
		r = guide_add(g, b.p, b.len, trust, e);
	buf_free(&b);
	buf_free(&m);
	return r == E_EXIST ? 0 : r; /* the program has become newer than the import */
}

int
desk_load(struct db *db, const struct state *st, struct guide *g, size_t *ret_bad, struct err *e)
{
	json_t *list, *v;
	size_t i;
	int r = desk_setting(db, "guide.imported", &list, e);

	*ret_bad = 0;
	if (r < 0)
		return r;
	json_array_foreach(list, i, v)
		if (load_one(st, g, v, NULL) < 0)
			(*ret_bad)++;
	json_decref(list);
	return 0;
}

int
desk_import(struct db *db, const struct state *st, struct guide *g, const char *name, const void *p,
    size_t n, const void *manifest, size_t mn, const struct inspect_who *who, json_t **ret,
    struct err *e)
{
	char sum[65], msum[65] = "", date[11];
	enum guide_trust trust;
	json_t *list = NULL, *head;
	int r = trust_of(name, p, n, manifest, mn, &trust, date, e);

	if (r == 0)
		r = guide_add(g, p, n, trust, e);
	if (r == 0)
		r = keep(st, p, n, "json", sum, e);
	if (r == 0 && manifest)
		r = keep(st, manifest, mn, "manifest", msum, e);
	if (r == 0)
		r = desk_setting(db, "guide.imported", &list, e);
	if (r < 0)
		return r;
	if (!json_is_array(list)) {
		json_decref(list);
		list = json_array();
	}
	(void)json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:I,s:s}", "sum", sum, "manifest",
	    msum, "name", name, "at", (json_int_t)who->now, "who", who->who));
	r = desk_setting_put(db, "guide.imported", list, who->now, e);
	json_decref(list);
	if (r < 0)
		return r;
	head = json_loadb(p, n, 0, NULL);
	*ret = json_pack("{s:O*,s:s,s:s,s:s}", "id", json_object_get(head, "id"), "trust",
	    guide_trust_name(trust), "date", date, "sum", sum);
	json_decref(head);
	return *ret ? 0 : err_set(e, E_NOMEM, "no memory");
}

/* -- wording ----------------------------------------------------------------------------------- */

struct wording {
	const struct guide_pack *pack;
	const json_t *rows;
	const struct inspect_who *who;
	size_t n;
};

static int
wording_tx(struct db *db, void *cookie, struct err *e)
{
	struct wording *w = cookie;
	json_t *row;
	size_t i;

	w->n = 0;
	json_array_foreach((json_t *)(uintptr_t)w->rows, i, row) {
		const char *item = json_string_value(json_array_get(row, 0));
		const char *words = json_string_value(json_array_get(row, 1));
		int r;

		if (!item || !words || !guide_item(w->pack, item))
			return err_set(e, E_NOENT, "row %zu: %s has no item %.60s", i + 1,
			    w->pack->id, item ? item : "");
		if (!*words || strlen(words) > WORDING_MAX)
			return err_set(e, E_INVAL, "row %zu: no text, or more than %d bytes", i + 1,
			    WORDING_MAX);
		r = db_exec(db,
		    "INSERT INTO guide_wording (pack, item, wording, at, who) VALUES ($1, $2, $3, "
		    "$4, "
		    "$5) ON CONFLICT (pack, item) DO UPDATE SET wording = excluded.wording, at = "
		    "excluded.at, who = excluded.who",
		    "sssis", e, w->pack->id, item, words, w->who->now, w->who->who);
		if (r < 0)
			return r;
		w->n++;
	}
	return 0;
}

int
desk_wording(struct db *db, const struct guide_pack *pack, const json_t *rows,
    const struct inspect_who *who, size_t *ret_n, struct err *e)
{
	struct wording w = {pack, rows, who, 0};
	int r = db_tx(db, wording_tx, &w, e);

	if (r == 0)
		*ret_n = w.n;
	return r;
}
