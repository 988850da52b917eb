/* The vault on screen: what is protected and how well, generations over time, drills, places. */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "ledger/checks.h"
#include "ledger/evidence.h"
#include "mamorid/mamorid.h"
#include "mamorid/model.h"
#include "mamorid/pages/vault_pages.h"

enum { RUNS_SHOWN = 60, DRILLS_SHOWN = 20, CHART_W = 720, CHART_H = 160 };

json_t *
vault_crumbs(const char *word)
{
	return word ? model_crumbs("nav.today", "/", "vault.title", "/vault", word, NULL, NULL)
		    : model_crumbs("nav.today", "/", "vault.title", NULL, NULL);
}

static const char *
why_word(enum reason w)
{
	static const char *const words[] = {"vault.why.fresh", "vault.why.never",
	    "vault.why.running", "vault.why.stale", "vault.why.late", "vault.why.failed",
	    "vault.why.error", "vault.why.no_key", "vault.why.nothing"};

	return words[w];
}

static const char *
kind_word(const char *kind)
{
	static const char *const kinds[][2] = {{"backup", "vault.kind.backup"},
	    {"drill-files", "vault.kind.drill-files"}, {"drill-system", "vault.kind.drill-system"},
	    {"verify", "vault.kind.verify"}, {"verify-deep", "vault.kind.verify-deep"},
	    {"vault-clock", "vault.kind.vault-clock"}, {"disk-check", "vault.kind.disk-check"}};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcmp(kind, kinds[i][0]) == 0)
			return kinds[i][1];
	return "vault.kind.other";
}

/* --- the overview --------------------------------------------------------------------------- */

static json_t *
item_model(const struct req *r, const struct item *it)
{
	json_t *o =
	    json_pack("{s:s, s:s, s:s, s:s, s:b}", "name", r->ja ? it->name_ja : it->name_en,
		"kind", kind_word(it->kind), "light", light_name(it->light), "why",
		why_word(it->why), "system", strcmp(it->kind, "backup") == 0);

	if (!o)
		return NULL;
	model_text(o, "id", it->subject);
	if (it->good_at)
		model_int(o, "good_at", it->good_at);
	if (it->next_due)
		model_int(o, "next_due", it->next_due);
	if (it->light != LIGHT_GREEN && it->last.message[0])
		model_text(o, "message", it->last.message);
	return o;
}

static int
take_place(const struct db_row *row, void *cookie, struct err *e)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:b, s:b, s:I}", "id", db_col_text(row, 0), "name",
	    db_col_text(row, 1), "repo", db_col_text(row, 2), "remote",
	    db_col_text(row, 2)[0] != '/', "key", db_col_text(row, 3)[0] != 0, "systems",
	    (json_int_t)db_col_i64(row, 4));

	(void)e;
	(void)json_array_append_new(cookie, o);
	return 0;
}

static const char *
outcome_light(const struct fact *f, const struct check *c, int64_t now)
{
	if (f->outcome == FACT_FAIL)
		return "red";
	if (f->outcome != FACT_PASS || (c->max_days && now - f->at > c->max_days * TIME_DAY))
		return "grey";
	return f->by == FACT_MEASURED ? "green" : "yellow";
}

/* Names of systems and places by their ids, for what only knows an id. */
static int
take_name(const struct db_row *row, void *cookie, struct err *e)
{
	(void)e;
	model_text(cookie, db_col_text(row, 0), db_col_text(row, 1));
	return 0;
}

static json_t *
all_names(struct req *r)
{
	json_t *o = json_object();

	(void)!db_each(r->db,
	    r->ja ? "SELECT id, name_ja FROM systems UNION SELECT id, name_ja FROM places"
		  : "SELECT id, name_en FROM systems UNION SELECT id, name_en FROM places",
	    take_name, o, "", NULL);
	return o;
}

static const char *
name_of(const json_t *names, const char *id)
{
	const char *s = json_string_value(json_object_get(names, id));

	return s ? s : id;
}

/* Every newest measurement about the vault, in the words of the table of checks; what is wrong
 * first. An event that happened and passed is no alarm and is left out. */
static json_t *
measured(struct req *r)
{
	static const char *const order[] = {"red", "grey", "yellow", "green"};
	struct facts_filter filter = {.check = "vault."};
	json_t *out = json_array(), *names;
	struct fact *list;
	size_t n;

	if (!r->c->facts || !*r->c->facts ||
	    facts_newest(*r->c->facts, &filter, &list, &n, NULL) < 0)
		return out;
	names = all_names(r);
	for (size_t k = 0; k < ARRAY_LEN(order); k++)
		for (size_t i = 0; i < n; i++) {
			const struct check *c = checks_find(list[i].check);

			if (!c || list[i].outcome == FACT_NA ||
			    strcmp(outcome_light(&list[i], c, r->now), order[k]) != 0)
				continue;
			(void)json_array_append_new(out,
			    json_pack("{s:s, s:s, s:s, s:I, s:I}", "light", order[k], "what",
				r->ja ? c->ja : c->en, "subject", name_of(names, list[i].id), "at",
				(json_int_t)list[i].at, "seq", (json_int_t)list[i].seq));
		}
	facts_newest_free(list, n);
	json_decref(names);
	return out;
}

static const char *const drill_checks[] = {"vault.restore.drill", "vault.ransomware.drill",
    "vault.database.drill"};

static bool
is_drill(const char *check)
{
	for (size_t i = 0; i < ARRAY_LEN(drill_checks); i++)
		if (strcmp(check, drill_checks[i]) == 0)
			return true;
	return false;
}

/* A drill as the sealed record has it, whoever started it. */
static json_t *
drill_model(const struct req *r, const json_t *names, const struct fact *f)
{
	static const char *const numbers[] = {"files", "seconds", "mismatch", "lost", "damaged"};
	const struct check *c = checks_find(f->check);
	const char *cert = json_string_value(json_array_get(f->evidence, 0));
	const char *light = f->outcome == FACT_PASS ? "green"
	    : f->outcome == FACT_FAIL		    ? "red"
						    : "grey";
	json_t *o = json_pack("{s:I, s:s, s:s, s:I, s:s, s:s}", "seq", (json_int_t)f->seq, "what",
	    !c          ? f->check
		: r->ja ? c->ja
			: c->en,
	    "name", name_of(names, f->id), "at", (json_int_t)f->at, "light", light, "host",
	    f->host);

	for (size_t i = 0; o && i < ARRAY_LEN(numbers); i++) {
		const json_t *v = json_object_get(f->observed, numbers[i]);

		if (json_is_number(v))
			model_int(o, numbers[i], (int64_t)json_number_value(v));
	}
	if (o && cert)
		model_text(o, "certificate", cert);
	return o;
}

struct drills {
	struct req *r;
	json_t *names, *list; /* newest first */
};

static int
on_drill(const struct fact *f, void *cookie, struct err *e)
{
	struct drills *d = cookie;
	size_t at = 0;

	(void)e;
	if (!is_drill(f->check) || f->outcome == FACT_NA)
		return 0;
	while (at < json_array_size(d->list) &&
	    (uint64_t)json_integer_value(json_object_get(json_array_get(d->list, at), "seq")) >
		f->seq)
		at++;
	(void)json_array_insert_new(d->list, at, drill_model(d->r, d->names, f));
	if (json_array_size(d->list) > DRILLS_SHOWN)
		(void)json_array_remove(d->list, DRILLS_SHOWN);
	return 0;
}

/* drills(r, only): The array of the last drills, or (not 0) the one with this number. */
static json_t *
drills(struct req *r, uint64_t only)
{
	struct facts *fs = r->c->facts ? *r->c->facts : NULL;
	struct drills d = {.r = r, .names = all_names(r), .list = json_array()};

	if (fs && only)
		(void)!facts_one(fs, only, on_drill, &d, NULL);
	for (size_t i = 0; fs && !only && i < ARRAY_LEN(drill_checks); i++)
		(void)!facts_recent(fs, drill_checks[i], on_drill, &d, NULL);
	json_decref(d.names);
	return d.list;
}

#define PLACES(name)                                                                               \
	"SELECT p.id, " name ", p.repo, p.key_file, (SELECT count(*) FROM systems s "              \
	"WHERE s.place = p.id) FROM places p ORDER BY p.at"

static int
overview(struct req *r, struct err *e)
{
	struct mamorid *d = r->c->daemon;
	json_t *m = json_object(), *systems = json_array(), *checks = json_array();
	json_t *places = json_array();
	struct model all;
	int rc = model_make(r->db, d ? sched_running(d->sched) : NULL, r->now, &all, e);

	for (size_t i = 0; rc == 0 && i < all.nitems; i++)
		(void)json_array_append_new(
		    strcmp(all.items[i].kind, "backup") == 0 ? systems : checks,
		    item_model(r, &all.items[i]));
	if (rc == 0) {
		model_text(m, "light", light_name(all.overall));
		model_free(&all);
		rc = db_each(r->db,
		    r->ja
			? PLACES("p.name_ja") : PLACES("p.name_en"),
		    take_place, places, "", e);
	}
	model_put(m, "crumbs", vault_crumbs(NULL));
	model_put(m, "systems", systems);
	model_put(m, "checks", checks);
	model_put(m, "places", places);
	model_put(m, "drills", drills(r, 0));
	model_put(m, "facts", measured(r));
	vault_alarms(r, m);
	vault_keepers(r, m);
	model_bool(m, "may_run", req_may(r, AREA_VAULT, VERB_RUN, NULL));
	if (rc < 0) {
		json_decref(m);
		return rc;
	}
	return req_page(r, "vault", m, e);
}

/* --- one system ----------------------------------------------------------------------------- */

struct series {
	json_t *rows;
	int64_t most; /* the largest new_bytes */
	int64_t first, last;
};

static int
take_generation(const struct db_row *row, void *cookie, struct err *e)
{
	struct series *s = cookie;
	json_t *res = json_loads(db_col_text(row, 2), 0, NULL);
	const char *gen = json_string_value(json_object_get(res, "generation"));
	int64_t fresh = json_integer_value(json_object_get(res, "new_bytes"));
	bool pass = strcmp(db_col_text(row, 1), "pass") == 0;
	json_t *o =
	    json_pack("{s:I, s:s, s:s, s:I, s:I, s:I}", "at", (json_int_t)db_col_i64(row, 0),
		"light", pass ? "green" : "red", "message", db_col_text(row, 3), "files",
		json_integer_value(json_object_get(res, "files")), "bytes",
		json_integer_value(json_object_get(res, "bytes")), "new_bytes", (json_int_t)fresh);

	(void)e;
	if (o && gen)
		model_text(o, "generation", gen);
	(void)json_array_append_new(s->rows, o);
	s->most = fresh > s->most ? fresh : s->most;
	s->last = s->last ? s->last : db_col_i64(row, 0);
	s->first = db_col_i64(row, 0);
	json_decref(res);
	return 0;
}

/* Each run where it lies in time; its height is what was new. Failures stand on the line as red
 * squares: shape and colour. */
static json_t *
chart(const struct series *s)
{
	json_t *bars = json_array(), *row;
	int64_t span = s->last > s->first ? s->last - s->first : 1;
	size_t i;

	json_array_foreach(s->rows, i, row) {
		int64_t at = json_integer_value(json_object_get(row, "at"));
		int64_t x = 20 + (int64_t)((double)(at - s->first) / (double)span * (CHART_W - 40));
		double part = s->most
		    ? (double)json_integer_value(json_object_get(row, "new_bytes")) /
			(double)s->most
		    : 0;
		int64_t h = 4 + (int64_t)(part * (CHART_H - 40));
		bool bad = strcmp(json_string_value(json_object_get(row, "light")), "red") == 0;

		(void)json_array_append_new(bars,
		    json_pack("{s:I, s:I, s:I, s:b}", "x", x - 4, "y",
			(json_int_t)(CHART_H - 20) - (bad ? 8 : h), "h", bad ? (json_int_t)8 : h,
			"bad", bad));
	}
	return bars;
}

static int
take_system(const struct db_row *row, void *cookie, struct err *e)
{
	json_t *m = cookie;

	(void)e;
	model_text(m, "id", db_col_text(row, 0));
	model_text(m, "name", db_col_text(row, 1));
	model_text(m, "place", db_col_text(row, 2));
	model_text(m, "place_name", db_col_text(row, 3));
	model_put(m, "paths", json_loads(db_col_text(row, 4), 0, NULL));
	return 0;
}

static int
system_page(struct req *r, struct err *e)
{
	json_t *m = json_object();
	struct series s = {.rows = json_array()};
	int rc = db_each(r->db, r->ja
	    ? "SELECT s.id, s.name_ja, p.id, p.name_ja, s.paths FROM systems s JOIN places p ON "
	      "p.id = s.place WHERE s.id = $1"
	    : "SELECT s.id, s.name_en, p.id, p.name_en, s.paths FROM systems s JOIN places p ON "
	      "p.id = s.place WHERE s.id = $1", take_system, m, "s", e, req_id(r, 0));

	if (rc == 0 && !json_object_get(m, "id"))
		rc = err_set(e, E_NOENT, "no such system");
	if (rc == 0)
		rc = db_each(r->db,
		    "SELECT r.ended, r.outcome, coalesce(r.result, '{}'), r.message "
		    "FROM job_runs r "
		    "JOIN jobs j ON j.id = r.job WHERE j.kind = 'backup' AND j.system = $1 AND "
		    "r.ended IS NOT NULL AND r.outcome <> 'missed' ORDER BY r.id DESC LIMIT $2",
		    take_generation, &s, "si", e, req_id(r, 0), (int64_t)RUNS_SHOWN);
	if (rc == 0 && json_array_size(s.rows) > 1)
		model_put(m, "chart", chart(&s));
	model_put(m, "rows", s.rows);
	model_put(m, "crumbs", vault_crumbs("vault.system"));
	model_bool(m, "may_run", req_may(r, AREA_VAULT, VERB_RUN, NULL));
	if (s.first) {
		model_int(m, "first", s.first);
		model_int(m, "last", s.last);
	}
	if (rc < 0) {
		json_decref(m);
		return rc;
	}
	return req_page(r, "vault-system", m, e);
}

/* --- one drill ------------------------------------------------------------------------------- */

static int
drill_page(struct req *r, struct err *e)
{
	int64_t seq = req_num(req_id(r, 0), 1, INT64_MAX, 0);
	json_t *list = drills(r, (uint64_t)seq), *m = json_incref(json_array_get(list, 0));

	json_decref(list);
	if (seq == 0 || !m) {
		json_decref(m);
		return err_set(e, E_NOENT, "no such drill");
	}
	model_put(m, "crumbs", vault_crumbs("vault.drill"));
	return req_page(r, "vault-drill", m, e);
}

/* The signed certificate itself, for `mamori drill verify` on any machine. */
static int
drill_certificate(struct req *r, struct err *e)
{
	int64_t seq = req_num(req_id(r, 0), 1, INT64_MAX, 0);
	json_t *list = drills(r, (uint64_t)seq);
	const char *hex =
	    json_string_value(json_object_get(json_array_get(list, 0), "certificate"));
	char path[96], name[64];

	if (seq == 0 || !hex || strlen(hex) != EVIDENCE_HEX - 1) {
		json_decref(list);
		return err_set(e, E_NOENT, "no certificate");
	}
	(void)snprintf(path, sizeof(path), "evidence/%.2s/%.64s", hex, hex);
	(void)snprintf(name, sizeof(name), "mamori-drill-%lld.json", (long long)seq);
	json_decref(list);
	return req_file(r, "application/json", name, path, false, e);
}

const struct route vault_rows[] = {
	{M_GET, "/vault", AREA_VAULT, VERB_READ, NULL, 0, overview, 0},
	{M_GET, "/vault/systems/:id", AREA_VAULT, VERB_READ, NULL, 0, system_page, 0},
	{M_GET, "/vault/drills/:seq", AREA_VAULT, VERB_READ, NULL, 0, drill_page, 0},
	{M_GET, "/vault/drills/:seq/certificate", AREA_VAULT, VERB_READ, NULL, 0,
	    drill_certificate, 0},
	{0},
};
