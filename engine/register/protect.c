/* What the vault protects, beside the register of systems. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "register/register_int.h"

const char *
register_system_subject(json_t *record)
{
	const char *name = register_str(json_object_get(record, "values"), "vault_system");

	return *name ? name : register_str(record, "id");
}

static int
take_system(const struct db_row *row, void *cookie, struct err *e)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:s}", "system", db_col_text(row, 0),
	    "name_ja", db_col_text(row, 1), "name_en", db_col_text(row, 2), "place",
	    db_col_text(row, 3), "repo", db_col_text(row, 4), "generation_at",
	    (json_int_t)db_col_i64(row, 5), "record", db_col_text(row, 6));

	(void)json_object_set_new(o, "kind", json_string(db_col_text(row, 7)));
	return o && json_array_append_new(cookie, o) == 0 ? 0
							  : err_set(e, E_NOMEM, "no memory");
}

int
register_protection(struct db *db, json_t **ret, struct err *e)
{
	json_t *out = json_array();
	int r = db_each(db, "SELECT s.id, s.name_ja, s.name_en, s.place, p.repo, "
	    "coalesce((SELECT max(u.ended) FROM job_runs u JOIN jobs j ON j.id = u.job "
	    "WHERE j.kind = 'backup' AND j.system = s.id AND u.outcome = 'pass'), 0), "
	    "coalesce((SELECT min(v.record) FROM record_values v JOIN records r ON "
	    "r.kind = v.kind AND r.id = v.record WHERE v.kind = 'system' AND "
	    "v.field = 'vault_system' AND v.value = s.id AND r.state = 'live'), ''), s.kind "
	    "FROM systems s JOIN places p ON p.id = s.place ORDER BY s.at, s.id", take_system, out,
	    "", e);

	if (r == 0)
		*ret = out;
	else
		json_decref(out);
	return r;
}

struct adopt {
	const struct register_who *who;
	size_t n;
};

/* kind_of(kind): The register's kind for the vault's. */
static const char *
kind_of(const char *kind)
{
	return strcmp(kind, "chart") == 0 ? "chart"
	    : strcmp(kind, "images") == 0 ? "images"
					  : "other";
}

static int
adopt_one(struct db *db, json_t *s, struct adopt *a, struct err *e)
{
	const struct register_kind *k = register_kind("system");
	const char *name = register_str(s, "system");
	char id[REGISTER_ID];
	json_t *values;
	int64_t taken = 1;
	int r = 0;

	if (register_id_ok(name))
		r = db_i64(db, "SELECT count(*) FROM records WHERE kind = $1 AND id = $2", &taken,
		    "ss", e, k->key, name);
	values = json_pack("{s:s, s:s, s:s, s:s}", "name", register_str(s, "name_ja"), "kind",
	    kind_of(register_str(s, "kind")), "protection", "mamori", "vault_system", name);
	if (r == 0 && !values)
		r = err_set(e, E_NOMEM, "no memory for a record");
	if (r == 0)
		r = register_put_new(db, k, taken ? NULL : name, values, a->who, "", id, e);
	json_decref(values);
	a->n += r >= 0;
	return r < 0 ? r : 0;
}

static int
adopt_tx(struct db *db, void *cookie, struct err *e)
{
	struct adopt *a = cookie;
	json_t *list, *s;
	size_t i;
	int r = register_protection(db, &list, e);

	if (r < 0)
		return r;
	a->n = 0;
	json_array_foreach(list, i, s)
		if (r == 0 && !*register_str(s, "record"))
			r = adopt_one(db, s, a, e);
	json_decref(list);
	return r;
}

int
register_adopt(struct db *db, const struct register_who *who, size_t *ret_n, struct err *e)
{
	struct adopt a = {.who = who};
	int r = db_tx(db, adopt_tx, &a, e);

	if (r == 0)
		*ret_n = a.n;
	return r;
}
