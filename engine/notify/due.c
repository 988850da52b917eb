#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/utf8.h"
#include "notify/notify.h"
#include "notify/notify_int.h"

/* The tables of register and guide are read here for their days alone; schema/ is the contract. */

static const struct {
	const char *kind, *ja, *en;
} kinds[] = {
	{"facility", "施設", "facility"}, {"person", "人", "person"}, {"system", "システム", "system"},
	{"device", "端末・機器", "device"}, {"medium", "媒体", "medium"}, {"vendor", "業者", "vendor"},
	{"contract", "契約", "contract"}, {"contact", "連絡先", "contact"},
};

struct dates {
	json_t *list;
	bool ja;
};

static const char *
kind_word(const char *kind, bool ja)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcmp(kinds[i].kind, kind) == 0)
			return ja ? kinds[i].ja : kinds[i].en;
	return kind;
}

static json_t *
item(const struct dates *d, const struct db_row *row)
{
	/* what, kind, id, title, day, at */
	const char *what = db_col_text(row, 0), *kind = db_col_text(row, 1),
		   *id = db_col_text(row, 2);
	const char *title = db_col_text(row, 3), *day = db_col_text(row, 4), *area, *word;
	char uid[200], path[200], text[700];

	if (strcmp(what, "register") == 0) {
		bool person = strcmp(kind, "person") == 0;

		area = person ? "people" : "register";
		(void)snprintf(path, sizeof(path), "/register/%.60s/%.80s", kind, id);
		word = kind_word(kind, d->ja);
		title = person ? id : title;
	} else if (strcmp(what, "finding") == 0) {
		area = "guide";
		(void)snprintf(path, sizeof(path), "/guide/findings/%.40s", id);
		word = d->ja ? "改善の計画" : "plan";
	} else if (strcmp(what, "inspection") == 0) {
		area = "guide";
		(void)snprintf(path, sizeof(path), "/guide/inspections/%.40s", id);
		word = d->ja ? "点検" : "inspection";
	} else {
		area = "requests";
		(void)snprintf(path, sizeof(path), "/guide/requests/%.40s", id);
		word = d->ja ? "業者の返事" : "vendor's answer";
	}
	(void)snprintf(text, sizeof(text), "%s: %.*s", word, utf8_cut(title, 400), title);
	(void)snprintf(uid, sizeof(uid), "%.20s-%.60s%s%.80s", what, kind, *kind ? "-" : "", id);
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:I}", "uid", uid, "day", day, "title", text, "area",
	    area, "path", path, "at", (json_int_t)db_col_i64(row, 5));
}

static int
on_row(const struct db_row *row, void *cookie, struct err *e)
{
	struct dates *d = cookie;
	json_t *o = item(d, row);

	return !o || json_array_append_new(d->list, o) < 0 ? err_set(e, E_NOMEM, "no memory") : 0;
}

int
notify_dates(struct db *db, const char *from, const char *to, bool ja, json_t **ret, struct err *e)
{
	struct dates d = {json_array(), ja};
	const char *title = ja ? "title_ja" : "title_en";
	char sql[1600];
	int r;

	(void)snprintf(sql, sizeof(sql),
	    "SELECT * FROM ("
	    "SELECT 'register' AS what, kind, id, title, next_date AS day, at FROM records WHERE "
	    "state = 'live' AND next_mode <> 'none' AND next_date <> '' "
	    "UNION ALL SELECT 'finding', '', CAST(id AS TEXT), title, due, at FROM guide_findings "
	    "WHERE state IN ('open', 'planned', 'approved') AND due <> '' "
	    "UNION ALL SELECT 'inspection', '', CAST(id AS TEXT), %s, CASE WHEN round = 1 "
	    "THEN due1 ELSE due2 END, at FROM guide_inspections WHERE state = 'open' "
	    "UNION ALL SELECT 'request', '', CAST(id AS TEXT), vendor_name, due, at FROM "
	    "guide_requests WHERE state IN ('draft', 'sent')"
	    ") AS x WHERE day >= $1 AND day <= $2 ORDER BY day, what, kind, id LIMIT 2000",
	    title);
	r = db_each(db, sql, on_row, &d, "ss", e, from, to);
	if (r < 0)
		json_decref(d.list);
	else
		*ret = d.list;
	return r;
}
