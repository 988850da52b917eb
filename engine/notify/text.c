#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/utf8.h"
#include "ledger/checks.h"
#include "notify/notify.h"
#include "notify/notify_int.h"

static const char *
text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

struct names {
	char ja[200], en[200];
};

static int
on_name(const struct db_row *row, void *cookie, struct err *e)
{
	struct names *n = cookie;

	(void)e;
	(void)snprintf(n->ja, sizeof(n->ja), "%.*s",
	    utf8_cut(db_col_text(row, 0), sizeof(n->ja) - 1), db_col_text(row, 0));
	(void)snprintf(n->en, sizeof(n->en), "%.*s",
	    utf8_cut(db_col_text(row, 1), sizeof(n->en) - 1), db_col_text(row, 1));
	return 1;
}

int
notify_alarm_text(struct db *db, const json_t *a, bool ja, struct buf *out, struct err *e)
{
	static const struct {
		const char *why, *ja, *en;
	} words[] = {
		{"fail", "だめでした", "no"}, {"missed", "予定どおりに行われていません", "did not happen when due"},
		{"stale", "新しい結果がありません", "no recent good result"}, {"event", "起きました", "happened"},
	};
	const struct check *k = checks_find(text(a, "check"));
	const char *kind = text(a, "kind"), *why = text(a, "why"), *name;
	struct names n = {"", ""};
	char at[TIME_TEXT];
	size_t i = 0;
	int r = 0;

	if (strcmp(kind, "system") == 0 || strcmp(kind, "place") == 0)
		r = db_each(db, strcmp(kind, "system") == 0
		    ? "SELECT name_ja, name_en FROM systems WHERE id = $1"
		    : "SELECT name_ja, name_en FROM places WHERE id = $1", on_name, &n, "s", e,
		    text(a, "subject"));
	if (r < 0)
		return r;
	while (i + 1 < ARRAY_LEN(words) && strcmp(words[i].why, why) != 0)
		i++;
	time_put(at, json_integer_value(json_object_get(a, "since")));
	name = ja ? n.ja : n.en;
	name = *name ? name : text(a, "subject");
	return buf_fmt(out, e, "%.*s: %s – %s (%.10s %.5s)", utf8_cut(name, 120), name,
	    k ? ja ? k->ja : k->en : text(a, "check"), ja ? words[i].ja : words[i].en, at, at + 11);
}

static int
lines(struct db *db, const struct notify_mail *m, const json_t *list, const char *mark,
    struct buf *out, struct err *e)
{
	json_t *v;
	size_t i;
	int r = 0;

	json_array_foreach(list, i, v) {
		if (r == 0)
			r = buf_fmt(out, e, "%s ", mark);
		if (r == 0)
			r = notify_alarm_text(db, v, m->ja, out, e);
		if (r == 0)
			r = buf_str(out, "\n", e);
	}
	return r;
}

int
notify_red_text(struct db *db, const struct notify_mail *m, const json_t *raised,
    const json_t *over, struct buf *out, char subject[400], struct err *e)
{
	size_t red = json_array_size(raised), good = json_array_size(over);
	const char *name = m->name[0] ? m->name : m->ja ? "守り" : "Mamori";
	int r = 0;

	if (red > 0 && m->ja)
		(void)snprintf(subject, 400, "【赤】%zu 件 – %.160s", red, name);
	else if (red > 0)
		(void)snprintf(subject, 400, "[RED] %zu – %.160s", red, name);
	else
		(void)snprintf(subject, 400, m->ja ? "【もどりました】%zu 件 – %.160s"
		    : "[over] %zu – %.160s", good, name);
	if (red > 0)
		r = buf_str(out, m->ja ? "次のことが赤になりました。同じことは、もう一度は送りません。\n\n"
		    : "These turned red. Each is told once.\n\n", e);
	if (r == 0)
		r = lines(db, m, raised, "■", out, e);
	if (r == 0 && good > 0)
		r = buf_fmt(out, e, "%s%s\n\n", red > 0 ? "\n" : "", m->ja ? "次のことは、もう赤ではありません。"
		    : "These are no longer red.");
	if (r == 0)
		r = lines(db, m, over, "●", out, e);
	if (r == 0 && red > 0)
		r = buf_str(out, m->ja ? "\nすること: 画面の「きょう」を開いてください。次の一手が書いてあります。\n"
		    : "\nWhat to do: open \"today\" in the console; it says the next step.\n", e);
	if (r == 0 && m->base[0])
		r = buf_fmt(out, e, "%s/\n", m->base);
	return r;
}
