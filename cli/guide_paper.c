/* mamori guide binder|first|morning|letter: papers from the guide, the registers and the facts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli_report.h"
#include "cli/guide_common.h"

#include "base/num.h"
#include "base/time.h"
#include "guide/extract.h"
#include "guide/proof.h"
#include "register/register.h"
#include "report/papers.h"
#include "text/day.h"

enum { TREE_DEPTH = 6, LEDGER_ROWS = 2000, MEASURES = 6 };

static const char *
val(const json_t *rec, const char *field)
{
	return guide_cli_text(json_object_get(rec, "values"), field);
}

static void
put(json_t *o, const char *key, json_t *value)
{
	(void)json_object_set_new(o, key, value);
}

/* -- people and facility ----------------------------------------------------------------------- */

static json_t *
person(struct guide_cli *x, const char *field)
{
	const char *id = x->facility ? guide_cli_text(x->facility, field) : "";
	json_t *rec = NULL, *o;

	if (!*id || register_get(x->db, register_kind("person"), id, &rec, NULL) < 0)
		return json_pack("{s:s,s:s}", "name", "", "post", "");
	o = json_pack("{s:s,s:s}", "name", val(rec, "name"), "post", val(rec, "post"));
	json_decref(rec);
	return o;
}

static json_t *
facility(struct guide_cli *x)
{
	json_t *director = person(x, "director"), *manager = person(x, "security_manager");
	json_t *deputy = person(x, "deputy");
	const struct register_kind *k = register_kind("facility");
	const json_t *f = x->facility;
	char type[120] = "";
	json_t *o;

	if (f)
		register_show(register_field(k, "type"), guide_cli_text(f, "type"), NULL, true,
		    type,
		    sizeof(type));
	o = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "name", f ? guide_cli_text(f,
	    "name") : "",
	    "type", type, "beds", f ? guide_cli_text(f, "beds") : "", "address",
	    f ? guide_cli_text(f, "address") : "", "phone", f ? guide_cli_text(f, "phone") : "",
	    "director", guide_cli_text(director, "name"), "responsible",
	    guide_cli_text(manager, "name"), "deputy", guide_cli_text(deputy, "name"));
	json_decref(director);
	json_decref(manager);
	json_decref(deputy);
	return o;
}

static json_t *
node(const char *title, const char *text, json_t *children)
{
	return json_pack("{s:s,s:s,s:o}", "title", title, "text", text, "children",
	    children ? children : json_array());
}

static json_t *
organisation(struct guide_cli *x)
{
	json_t *director = person(x, "director"), *manager = person(x, "security_manager");
	json_t *deputy = person(x, "deputy"), *o;

	o = node("院長", guide_cli_text(director, "name"), json_pack("[o]",
	    node("医療情報システム安全管理責任者", guide_cli_text(manager, "name"), json_pack("[o,o]",
	    node("副担当", guide_cli_text(deputy, "name"), NULL), node("職員・委託先", "", NULL)))));
	json_decref(director);
	json_decref(manager);
	json_decref(deputy);
	return o;
}

/* The contacts as a tree: whoever has no parent is called first. */
static json_t *
branch(json_t *all, const char *parent, int depth)
{
	json_t *list = json_array(), *rec;
	size_t i;

	json_array_foreach(all, i, rec) {
		char text[300];

		if (strcmp(val(rec, "parent"), parent) != 0 || depth == 0)
			continue;
		(void)snprintf(text, sizeof(text), "%s%s%s", val(rec, "phone"),
		    *val(rec, "hours") ? " " : "", val(rec, "hours"));
		(void)json_array_append_new(list, node(val(rec, "name"), text,
		    branch(all, guide_cli_text(rec, "id"), depth - 1)));
	}
	return list;
}

static int
contacts(struct guide_cli *x, json_t **ret, struct err *e)
{
	struct register_query q = {.sort = "order", .limit = 500};
	json_t *o = NULL;
	int r = register_list(x->db, register_kind("contact"), &q, &o, e);

	if (r < 0)
		return r;
	*ret = node("連絡のはじまり（気づいた人）", "",
	    branch(json_object_get(o, "records"), "", TREE_DEPTH));
	json_decref(o);
	return 0;
}

/* -- ledgers ----------------------------------------------------------------------------------- */

static json_t *
cells(const struct register_kind *k, const json_t *rec, json_t *titles)
{
	json_t *row = json_array();

	for (size_t i = 0; i < k->nfields; i++) {
		char text[400];

		if (!k->fields[i].list)
			continue;
		register_show(&k->fields[i], val(rec, k->fields[i].key), titles, true, text,
		    sizeof(text));
		(void)json_array_append_new(row, json_string(text));
	}
	(void)json_array_append_new(row, json_string(guide_cli_text(json_object_get(rec, "next"),
	    "date")));
	return row;
}

static int
ledger(struct guide_cli *x, const struct register_kind *k, json_t *into, struct err *e)
{
	struct register_query q = {.limit = LEDGER_ROWS};
	json_t *o = NULL, *rec, *columns, *rows;
	size_t i;
	int r = register_list(x->db, k, &q, &o, e);

	if (r < 0)
		return r;
	columns = json_array();
	for (size_t f = 0; f < k->nfields; f++)
		if (k->fields[f].list)
			(void)json_array_append_new(columns, json_string(k->fields[f].ja));
	(void)json_array_append_new(columns, json_string("次の日付"));
	rows = json_array();
	json_array_foreach(json_object_get(o, "records"), i, rec)
		(void)json_array_append_new(rows, cells(k, rec, json_object_get(o, "titles")));
	(void)json_array_append_new(into, json_pack("{s:s,s:o,s:o}", "title", k->ja, "columns",
	    columns, "rows", rows));
	json_decref(o);
	return 0;
}

static int
ledgers(struct guide_cli *x, json_t **ret, struct err *e)
{
	size_t n;
	const struct register_kind *all = register_kinds(&n);
	int r = 0;

	*ret = json_array();
	for (size_t i = 0; r == 0 && i < n; i++)
		if (!all[i].single)
			r = ledger(x, &all[i], *ret, e);
	return r;
}

/* evidence(x, into, e): The files that stand behind answers, as one more ledger. Each is named by
 * the first digits of its SHA-256, so that a copy on the table can be held against it. */
static int
evidence(struct guide_cli *x, json_t *into, struct err *e)
{
	static const struct {
		const char *about, *word;
	} t[] = {{"item", "点検の項目"}, {"practice", "取組"}, {"finding", "できていないこと"},
	    {"request", "業者への依頼"}, {"review", "見直しの会議"}};
	json_t *rows = json_array();
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(t) && r == 0; i++) {
		json_t *all = NULL, *p;
		size_t j;

		r = proof_list(x->db, t[i].about, NULL, &all, e);
		json_array_foreach(all, j, p) {
			const char *subject = guide_cli_text(p, "subject");
			const char *item = strchr(subject, ':');

			if (json_array_size(rows) < (size_t)LEDGER_ROWS)
				(void)json_array_append_new(rows, json_pack("[o,s,s,s,s,o]",
				    json_sprintf("%s %s", t[i].word, item ? item + 1 : subject),
				    guide_cli_text(p, "title"), guide_cli_text(p, "name"),
				    guide_cli_text(p, "effective"), guide_cli_text(p, "expires"),
				    json_sprintf("%.16s", guide_cli_text(p, "sha256"))));
		}
		json_decref(all);
	}
	if (json_array_size(rows))
		(void)json_array_append_new(into, json_pack("{s:s,s:[ssssss],s:o}", "title",
		    "付けた書類（証拠）", "columns", "何について", "題", "ファイル", "示す日", "いつまで",
		    "SHA-256 の頭", "rows", rows));
	else
		json_decref(rows);
	return r;
}

static int
generations(struct guide_cli *x, json_t **ret, struct err *e)
{
	json_t *all = NULL, *v;
	size_t i;
	int r = register_protection(x->db, &all, e);

	*ret = json_array();
	json_array_foreach(all, i, v) {
		int64_t at = json_integer_value(json_object_get(v, "generation_at"));
		char newest[TIME_TEXT] = "";

		if (at)
			time_put(newest, at);
		(void)json_array_append_new(*ret, json_pack("{s:s,s:s,s:s}", "system",
		    guide_cli_text(v, "name_ja"), "place", guide_cli_text(v, "place"), "newest",
		    newest));
	}
	json_decref(all);
	return r;
}

/* The newest look at all seals. */
static json_t *
seals(struct guide_cli *x)
{
	for (size_t i = 0; i < x->n; i++) {
		char at[TIME_TEXT];
		json_t *o;

		if (strcmp(x->list[i].check, "ledger.verify") != 0)
			continue;
		time_put(at, x->list[i].at);
		o = json_pack("{s:b,s:s}", "ok", x->list[i].outcome == FACT_PASS, "date", at);
		if (json_object_get(x->list[i].observed, "records"))
			(void)json_object_set(o, "records",
			    json_object_get(x->list[i].observed, "records"));
		return o;
	}
	return json_object();
}

/* -- the papers -------------------------------------------------------------------------------- */

struct want {
	const char *pack;
	int64_t request;
};

typedef int part_fn(struct desk *d, json_t **ret, struct err *e);

static int
part(struct guide_cli *x, json_t *o, const char *key, part_fn *fn, struct err *e)
{
	json_t *v = NULL;
	int r = fn(&x->desk, &v, e);

	if (r == 0)
		put(o, key, v);
	return r;
}

static int
common(struct guide_cli *x, json_t *o, struct err *e)
{
	json_t *v = NULL;
	char april[16], year[64];
	int r = contacts(x, &v, e);

	(void)snprintf(april, sizeof(april), "%04d-04-01", inspect_fiscal(x->desk.today) % 10000);
	day_wareki(april, year, sizeof(year) - 8);
	if (strstr(year, "年")) /* 令和8年4月1日 to 令和8年度 */
		(void)memcpy(strstr(year, "年"), "年度", sizeof("年度"));
	put(o, "facility", facility(x));
	put(o, "fiscal", json_string(year));
	put(o, "organisation", organisation(x));
	if (r == 0) {
		put(o, "contacts", v);
		r = ledgers(x, &v, e);
		put(o, "ledgers", v);
	}
	return r;
}

static int
checklists(struct guide_cli *x, json_t *o, const char *pack, struct err *e)
{
	json_t *v = NULL;
	int r = extract_checklist(&x->desk, pack, &v, e);

	if (r == 0)
		put(o, "checklists", json_pack("[o]", v));
	return r;
}

static int
binder(struct guide_cli *x, json_t *o, const struct want *w, struct err *e)
{
	json_t *v = NULL;
	char due[16];
	int r = common(x, o, e);

	if (r == 0)
		r = evidence(x, json_object_get(o, "ledgers"), e);
	if (r == 0)
		r = checklists(x, o, w->pack, e);
	if (r == 0)
		r = extract_plan(&x->desk, w->pack, &v, e);
	if (r == 0)
		put(o, "plan", v);
	if (r == 0)
		r = part(x, o, "vendors", extract_vendors, e);
	if (r == 0)
		r = part(x, o, "documents", extract_documents, e);
	if (r == 0)
		r = part(x, o, "minutes", extract_minutes, e);
	if (r == 0)
		r = part(x, o, "drills", extract_drills, e);
	if (r == 0)
		r = generations(x, &v, e);
	if (r == 0)
		put(o, "generations", v);
	put(o, "seals", seals(x));
	(void)snprintf(due, sizeof(due), "%04d-03-31",
	    (inspect_fiscal(x->desk.today) + 1) % 10000);
	put(o, "missing_due", json_string(due));
	return r;
}

static int
first(struct guide_cli *x, json_t *o, const struct want *w, struct err *e)
{
	json_t *v = NULL;
	int r = common(x, o, e);

	put(o, "director", person(x, "director"));
	put(o, "responsible", person(x, "security_manager"));
	put(o, "deputy", person(x, "deputy"));
	put(o, "effective", json_string(x->desk.today));
	if (r == 0)
		r = checklists(x, o, w->pack, e);
	if (r == 0)
		r = extract_measures(&x->desk, MEASURES, &v, e);
	if (r == 0)
		put(o, "measures", v);
	return r;
}

/* Merge a part's own object into the paper's data. */
static int
merged(struct guide_cli *x, json_t *o, int r, json_t *v)
{
	put(o, "facility", facility(x));
	if (r == 0)
		(void)json_object_update_missing(o, v);
	json_decref(v);
	return r;
}

static int
morning(struct guide_cli *x, json_t *o, const struct want *w, struct err *e)
{
	json_t *v = NULL;
	int r = extract_morning(&x->desk, &v, e);

	(void)w;
	return merged(x, o, r, v);
}

static int
letter(struct guide_cli *x, json_t *o, const struct want *w, struct err *e)
{
	json_t *v = NULL;
	int r = extract_letter(&x->desk, w->request, &v, e);

	return merged(x, o, r, v);
}

typedef int paper_fn(struct guide_cli *x, json_t *o, const struct want *w, struct err *e);

static int
print(struct cli *c, int argc, char **argv, const char *kind, paper_fn *fn, const char *usage)
{
	const char *pdf = NULL, *data = NULL;
	const struct guide_pack *pack;
	struct want w = {0};
	const struct guide_opt opts[] = {
	    {"pdf", &pdf, NULL}, {"data", &data, NULL}, {"pack", &w.pack, NULL}};
	struct guide_cli x;
	struct err e = {0};
	json_t *o, *model = NULL;
	char now[TIME_TEXT];
	int r;

	argc = guide_cli_opts(argc, argv, opts, ARRAY_LEN(opts));
	if (!pdf == !data || argc != (fn == letter ? 2 : 1) ||
	    (fn == letter && guide_cli_id(argv[1], &w.request) < 0))
		return cli_usage(c, usage);
	r = guide_cli_open(c, &x);
	if (r != CLI_OK)
		return r;
	pack = guide_current(x.g, "inspection", x.desk.today);
	if (!w.pack)
		w.pack = pack ? pack->id : "";
	o = json_object();
	time_put(now, x.who.now);
	r = fn(&x, o, &w, &e);
	if (r == 0 && data && json_dump_file(o, data, JSON_INDENT(1)) < 0)
		r = err_sys(&e, "%s", data);
	if (r == 0 && pdf)
		r = papers_of(kind, o, now, &model, &e);
	if (r == 0 && pdf)
		r = cli_pdf_of(c, model, pdf, &e);
	json_decref(o);
	r = guide_cli_end(&x, r, &e, "紙を作れません", "cannot make the paper");
	return r == CLI_OK ? cli_pdf_done(c, pdf ? pdf : data) : r;
}

int
guide_binder(struct cli *c, int argc, char **argv)
{
	return print(c, argc, argv, "binder", binder,
	    "mamori guide binder --pdf FILE | --data FILE [--pack P]");
}

int
guide_first(struct cli *c, int argc, char **argv)
{
	return print(c, argc, argv, "first", first,
	    "mamori guide first --pdf FILE | --data FILE [--pack P]");
}

int
guide_morning(struct cli *c, int argc, char **argv)
{
	return print(c, argc, argv, "morning", morning, "mamori guide morning --pdf FILE | --data "
	    "FILE");
}

int
guide_letter(struct cli *c, int argc, char **argv)
{
	return print(c, argc, argv, "letter", letter,
	    "mamori guide letter REQUEST --pdf FILE | --data FILE");
}
