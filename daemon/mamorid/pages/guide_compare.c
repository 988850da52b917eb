/* くらべる: own answers beside the survey. */
#include <string.h>

#include "guide/survey.h"
#include "mamorid/pages/guide_page.h"
#include "register/register.h"

enum { ROW_H = 30, BAR_X = 220, BAR_MAX = 340 };

/* [{kind, connection, name}] of the register. */
static json_t *
systems(struct req *r)
{
	struct register_query q = {.limit = 500};
	json_t *o = NULL, *rec, *list = json_array();
	size_t i;

	if (register_list(r->db, register_kind("system"), &q, &o, NULL) < 0)
		return list;
	json_array_foreach(json_object_get(o, "records"), i, rec) {
		json_t *v = json_object_get(rec, "values");

		(void)json_array_append_new(list, json_pack("{s:s,s:s,s:s}", "kind",
		    guide_page_text(v, "kind"), "connection", guide_page_text(v, "connection"),
		        "name",
		    guide_page_text(v, "name")));
	}
	json_decref(o);
	return list;
}

/* Where each bar stands in the picture. */
static void
draw(json_t *table)
{
	json_t *row;
	size_t i;

	json_array_foreach(json_object_get(table, "rows"), i, row) {
		double pct = json_number_value(json_object_get(row, "pct"));
		int width = (int)(pct * BAR_MAX / 100) + 1;

		model_int(row, "y", (int64_t)i * ROW_H + 4);
		model_int(row, "ty", (int64_t)i * ROW_H + 19);
		model_int(row, "width", width);
		model_int(row, "vx", BAR_X + width + 8);
	}
	model_int(table, "height",
	    (int64_t)json_array_size(json_object_get(table, "rows")) * ROW_H);
}

static int
compare(struct req *r, struct err *e)
{
	json_t *m = json_object(), *survey = NULL, *tables = NULL, *sys, *v, *newer = json_array();
	struct guide_page x;
	size_t i;
	int rc = guide_page_open(r, &x, e);

	if (rc == 0)
		rc = survey_get(&survey, e);
	sys = systems(r);
	if (rc == 0)
		rc = survey_compare(survey, x.d.profile.band, sys, x.facility
			? guide_page_text(x.facility, "management") : "", r->ja, &tables, e);
	json_array_foreach(tables, i, v)
		draw(v);
	json_array_foreach(json_object_get(survey, "newer"), i, v)
		(void)json_array_append_new(newer, json_string(guide_page_text(v,
		    r->ja ? "ja" : "en")));
	if (tables)
		model_put(m, "tables", tables);
	model_put(m, "newer", newer);
	model_text(m, "source", guide_page_words(r, survey, "source"));
	json_decref(sys);
	json_decref(survey);
	guide_page_close(&x);
	if (rc < 0) {
		json_decref(m);
		return rc;
	}
	return req_page(r, "guide-compare", m, e);
}

const struct route guide_compare_rows[] = {
	{M_GET, "/guide/compare", AREA_GUIDE, VERB_READ, NULL, 0, compare, 0},
	{0},
};
