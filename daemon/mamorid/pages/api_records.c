/* /api/v1/records: the registers, with revisions as entity tags. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "mamorid/pages/api.h"
#include "register/register.h"

/* kind_of(r, ret_id): The kind and id in the address. Rows about people are rows of their own, for
 * they are another right; their first :part is the id. */
static const struct register_kind *
kind_of(const struct req *r, const char **ret_id)
{
	bool person = strncmp(r->route->path, "/api/v1/records/person", 22) == 0;

	*ret_id = req_id(r, person ? 0 : 1);
	return register_kind(person ? "person" : req_id(r, 0));
}

static int
no_kind(struct req *r, struct err *e)
{
	return api_problem(r, 404, "there is no such register", NULL, e);
}

static int
kinds(struct req *r, struct err *e)
{
	size_t n;
	const struct register_kind *k = register_kinds(&n);
	json_t *items = json_array();

	for (size_t i = 0; i < n; i++) {
		json_t *fields = json_array();

		for (size_t f = 0; f < k[i].nfields; f++)
			(void)json_array_append_new(fields, json_pack("{s:s, s:s, s:s, s:b}", "key",
			    k[i].fields[f].key, "ja", k[i].fields[f].ja, "en", k[i].fields[f].en,
			    "required", (int)k[i].fields[f].required));
		(void)json_array_append_new(items,
		    json_pack("{s:s, s:s, s:s, s:o}", "key", k[i].key, "ja", k[i].ja, "en", k[i].en,
			"fields", fields));
	}
	return api_list(r, items, 0, e);
}

static int
list(struct req *r, struct err *e)
{
	const char *id;
	const struct register_kind *k = kind_of(r, &id);
	struct register_query q = {.text = req_get(r, "q"), .sort = "id",
	    .limit = req_num(req_get(r, "limit"), 1, API_LIMIT_MAX, API_LIMIT)};
	json_t *got = NULL, *items;
	int64_t total, next;
	int rc;

	if (!k)
		return no_kind(r, e);
	if (api_cursor(r, &q.offset) < 0)
		return api_problem(r, 400, "cursor: not one of this list", NULL, e);
	if (strcmp(req_get(r, "state"), "any") == 0)
		q.state = REGISTER_ANY;
	rc = register_list(r->db, k, &q, &got, e);
	if (rc < 0)
		return rc;
	items = json_incref(json_object_get(got, "records"));
	total = json_integer_value(json_object_get(got, "total"));
	next = q.offset + (int64_t)json_array_size(items);
	json_decref(got);
	return api_list(r, items, next < total && json_array_size(items) > 0 ? next : 0, e);
}

/* record(r, k, id, status, e): One record with its revision as ETag. */
static int
record(struct req *r, const struct register_kind *k, const char *id, unsigned status,
    struct err *e)
{
	json_t *o = NULL;
	int rc = register_get(r->db, k, id, &o, e);

	if (rc == E_NOENT)
		return api_problem(r, 404, "there is no such record", NULL, e);
	if (rc < 0)
		return rc;
	req_header(r, "ETag", "\"%lld\"",
	    (long long)json_integer_value(json_object_get(o, "rev")));
	return req_json(r, status, o, e);
}

static int
get(struct req *r, struct err *e)
{
	const char *id;
	const struct register_kind *k = kind_of(r, &id);

	return k ? record(r, k, id, 200, e) : no_kind(r, e);
}

/* values_of(r): {"values":{...}} or the values themselves; NULL when it is neither. */
static json_t *
values_of(const struct req *r)
{
	json_t *v = json_object_get(r->json, "values");

	return json_is_object(v) ? v : json_is_object(r->json) && !v ? r->json : NULL;
}

static int
add_once(struct req *r, struct err *e)
{
	const char *id;
	const struct register_kind *k = kind_of(r, &id);
	char new_id[REGISTER_ID], today[REGISTER_DAY];
	struct register_who who = {.who = r->tok.id, .today = today, .now = r->now};
	json_t *values = values_of(r), *problems = NULL;
	int rc;

	if (!k)
		return no_kind(r, e);
	if (!values)
		return api_problem(r, 422, "an object of values is expected", NULL, e);
	register_today(r->now, today);
	rc = register_add(r->db, k, NULL, values, &who, new_id, &problems, e);
	if ((rc == E_INVAL || rc == E_NOENT) && problems)
		return api_problem(r, 422, e->msg, json_pack("{s:o}", "problems", problems), e);
	json_decref(problems);
	if (rc < 0)
		return rc;
	req_note(r, "ok", "%s", new_id);
	req_header(r, "Location", "/api/v1/records/%s/%s", k->key, new_id);
	return record(r, k, new_id, 201, e);
}

static int
add(struct req *r, struct err *e)
{
	return api_once(r, add_once, e);
}

/* tag(s, ret): The revision in "If-Match: "7"". */
static bool
tag(const char *s, int64_t *ret)
{
	char digits[24];
	size_t n = strlen(s);
	uint64_t v;

	if (n < 3 || n - 2 >= sizeof(digits) || s[0] != '"' || s[n - 1] != '"')
		return false;
	(void)memcpy(digits, s + 1, n - 2);
	digits[n - 2] = 0;
	if (num_parse_u64(digits, INT64_MAX, &v, NULL) < 0)
		return false;
	*ret = (int64_t)v;
	return true;
}

static int
change(struct req *r, struct err *e)
{
	const char *id;
	const struct register_kind *k = kind_of(r, &id);
	char today[REGISTER_DAY];
	struct register_who who = {.who = r->tok.id, .today = today, .now = r->now};
	json_t *values = values_of(r), *conflict = NULL, *problems = NULL;
	int64_t rev = 0, now_rev = 0;
	int rc;

	if (!k)
		return no_kind(r, e);
	if (!r->if_match[0])
		return api_problem(r, 428, "send the record's ETag as If-Match", NULL, e);
	if (!tag(r->if_match, &rev))
		return api_problem(r, 412, "If-Match is no ETag of this record", NULL, e);
	if (!values)
		return api_problem(r, 422, "an object of values is expected", NULL, e);
	register_today(r->now, today);
	rc = register_set(r->db, k, id, rev, values, &who, &now_rev, &conflict, &problems, e);
	if (rc == E_BUSY)
		return api_problem(
		    r, 412, e->msg, conflict ? json_pack("{s:o}", "conflict", conflict) : NULL, e);
	json_decref(conflict);
	if (rc == E_INVAL && problems)
		return api_problem(r, 422, e->msg, json_pack("{s:o}", "problems", problems), e);
	json_decref(problems);
	if (rc == E_NOENT)
		return api_problem(r, 404, "there is no such record", NULL, e);
	return rc < 0 ? rc : record(r, k, id, 200, e);
}

const struct route api_record_rows[] = {
    {M_GET, "/api/v1/records", AREA_REGISTER, VERB_READ, NULL, F_API, kinds, 0},
    {M_GET, "/api/v1/records/person", AREA_PEOPLE, VERB_READ, NULL, F_API | F_LOG, list, 0},
    {M_POST, "/api/v1/records/person", AREA_PEOPLE, VERB_WRITE, NULL, F_API, add, 0},
    {M_GET, "/api/v1/records/person/:id", AREA_PEOPLE, VERB_READ, "person:$0", F_API | F_LOG, get,
	0},
    {M_PATCH, "/api/v1/records/person/:id", AREA_PEOPLE, VERB_WRITE, "person:$0", F_API, change, 0},
    {M_GET, "/api/v1/records/:kind", AREA_REGISTER, VERB_READ, NULL, F_API, list, 0},
    {M_POST, "/api/v1/records/:kind", AREA_REGISTER, VERB_WRITE, NULL, F_API, add, 0},
    {M_GET, "/api/v1/records/:kind/:id", AREA_REGISTER, VERB_READ, "$0:$1", F_API, get, 0},
    {M_PATCH, "/api/v1/records/:kind/:id", AREA_REGISTER, VERB_WRITE, "$0:$1", F_API, change, 0},
    {0},
};
