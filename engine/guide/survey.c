#include "guide/survey.h"

#include <stdio.h>
#include <string.h>

#include "guide/guide_int.h"


static const char *
text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static json_int_t
sum_of(const json_t *row)
{
	json_int_t sum = 0;
	json_t *v;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)row, i, v)
		sum += json_integer_value(v);
	return sum;
}

static int
table_ok(const json_t *s, const json_t *t, struct err *e)
{
	const json_t *rows = json_object_get(t, "rows"), *band;
	size_t options = json_array_size(json_object_get(t, "options")), i;

	if (!*text(t, "id") || options == 0 || !json_is_object(rows))
		return err_set(e, E_INVAL, "survey: a table without id, options or rows");
	if (sum_of(json_object_get(rows, "all")) != json_integer_value(json_object_get(s, "n")))
		return err_set(e, E_INVAL, "survey: %s: all do not add up", text(t, "id"));
	json_array_foreach(json_object_get(s, "bands"), i, band) {
		const json_t *row = json_object_get(rows, text(band, "id"));

		if (json_array_size(row) != options ||
		    sum_of(row) != json_integer_value(json_object_get(band, "n")))
			return err_set(e, E_INVAL, "survey: %s: band %s does not add up",
			    text(t, "id"), text(band, "id"));
	}
	for (size_t k = 0; k < options; k++) {
		json_int_t column = 0;

		json_array_foreach(json_object_get(s, "bands"), i, band)
			column += json_integer_value(json_array_get(json_object_get(rows,
			    text(band, "id")), k));
		if (column != json_integer_value(json_array_get(json_object_get(rows, "all"), k)))
			return err_set(e, E_INVAL, "survey: %s: option %zu does not add up",
			    text(t, "id"), k + 1);
	}
	return 0;
}

int
survey_check(const json_t *o, struct err *e)
{
	json_t *t;
	size_t i;
	int r = 0;

	if (strcmp(text(o, "format"), "mamori-survey-1") != 0)
		return err_set(e, E_INVAL, "survey: format is not mamori-survey-1");
	if (json_array_size(json_object_get(o, "tables")) == 0)
		return err_set(e, E_INVAL, "survey: no tables");
	json_array_foreach(json_object_get(o, "tables"), i, t)
		if (r == 0)
			r = table_ok(o, t, e);
	return r;
}

int
survey_get(json_t **ret, struct err *e)
{
	size_t n;
	const struct asset *a = survey_assets(&n);
	json_t *o = n ? json_loadb((const char *)a->p, a->len, JSON_REJECT_DUPLICATES, NULL) : NULL;
	int r = o ? survey_check(o, e) : err_set(e, E_NOMEM, "the survey cannot be read");

	if (r < 0)
		json_decref(o);
	else
		*ret = o;
	return r < 0 && r != E_NOMEM ? E_CORRUPT : r;
}

/* -- beside one's own -------------------------------------------------------------------------- */

/* What is here: names of the systems with that connection, or a word for the management. */
static bool
mine(const json_t *table, const char *option, const json_t *systems, const char *management,
    bool ja, char *out, size_t size)
{
	json_t *v;
	size_t i, at = 0;

	out[0] = 0;
	if (strcmp(text(table, "about"), "management") == 0) {
		(void)snprintf(out, size, "%s", ja ? "こちら" : "here");
		return strcmp(option, management) == 0;
	}
	json_array_foreach((json_t *)(uintptr_t)systems, i, v) {
		if (strcmp(text(v, "kind"), text(table, "id")) != 0 ||
		    strcmp(text(v, "connection"), option) != 0 || at + 4 >= size)
			continue;
		(void)snprintf(out + at, size - at, "%s%.60s", at ? ", " : "", text(v, "name"));
		at += strlen(out + at);
	}
	return at > 0;
}

static const json_t *
band_of(const json_t *s, char band)
{
	const json_t *v;
	size_t i;

	json_array_foreach(json_object_get(s, "bands"), i, v)
		if (band && text(v, "id")[0] == band)
			return v;
	return NULL;
}

static json_t *
table_json(const json_t *s, const json_t *t, char band, const json_t *systems,
    const char *management, bool ja)
{
	const json_t *b = band_of(s, band), *o;
	char key[2] = {band, 0}, sentence[600] = "", own[200];
	const json_t *row = json_object_get(json_object_get(t, "rows"), b ? key : "all");
	json_int_t n = sum_of(row);
	const char *lang = ja ? "ja" : "en", *who = b ? text(b, lang) : ja ? "医療機関全体" : "all institutions";
	json_t *rows = json_array();
	size_t i;

	json_array_foreach(json_object_get(t, "options"), i, o) {
		json_int_t k = json_integer_value(json_array_get(row, i));
		json_int_t tenths = n ? (k * 10000 / n + 5) / 10 : 0;
		double pct = (double)tenths / 10;
		bool here = mine(t, text(o, "id"), systems, management, ja, own, sizeof(own));
		const json_t *hint = json_object_get(json_object_get(s, "hints"), text(o, "id"));

		if (here)
			(void)snprintf(sentence, sizeof(sentence), ja
				? "%sの%.1f％が「%s」です。こちらも同じです。%s"
				: "%s: %.1f %% answer \"%s\", as you do. %s", who, pct,
			    text(o, lang), text(hint, lang));
		(void)json_array_append_new(rows, json_pack("{s:s,s:s,s:I,s:f,s:b,s:s}", "id",
		    text(o, "id"), "label", text(o, lang), "n", k, "pct", pct, "own", here, "mine",
		    here ? own : ""));
	}
	return json_pack("{s:s,s:s,s:s,s:I,s:o,s:s}", "id", text(t, "id"), "title",
	    text(json_object_get(t, "title"), lang), "band", who, "n", n, "rows", rows, "sentence",
	    *sentence ? sentence : ja ? "こちらの答えはまだありません。台帳で答えると、ここに並びます。"
				      : "There is no answer of yours yet; give it in the ledgers.");
}

int
survey_compare(const json_t *s, char band, const json_t *systems, const char *management, bool ja,
    json_t **ret, struct err *e)
{
	json_t *out = json_array(), *t;
	size_t i;

	json_array_foreach(json_object_get(s, "tables"), i, t)
		if (json_array_append_new(out, table_json(s, t, band, systems, management,
		    ja)) < 0) {
			json_decref(out);
			return err_set(e, E_NOMEM, "no memory for the survey");
		}
	*ret = out;
	return 0;
}
