/* The wizard's step about copies: what the vault has is shown as measured and not asked; a folder
 * that is chosen goes on the schedule where a vault is there, else it becomes a task that names the
 * commands, since a vault's recovery key must be taken by a person at the machine. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"
#include "mamorid/allow.h"
#include "mamorid/mamorid.h"
#include "mamorid/pages/wizard_page.h"
#include "mamorid/sched.h"

#define FRESH (2 * TIME_DAY) /* an older copy is not called well */

static const char *const to_make[] = {"new", "disk", "server", "store"};

/* -- what is measured -------------------------------------------------------------------------- */

/* in_vault(f, ret, e): {record of the register: what register_protection says}, and ${all}. */
static int
in_vault(struct wizard_form *f, json_t **all, json_t **ret, struct err *e)
{
	json_t *v;
	size_t i;
	int rc = register_protection(f->r->db, all, e);

	if (rc < 0)
		return rc;
	*ret = json_object();
	json_array_foreach(*all, i, v) {
		if (*reg_text(v, "record"))
			(void)json_object_set(*ret, reg_text(v, "record"), v);
		(void)json_object_set(*ret, reg_text(v, "system"), v); /* under its own name */
	}
	return 0;
}

int
wizard_measured(struct wizard_form *f, json_t *m, struct err *e)
{
	json_t *all, *v, *out = json_array(), *o;
	size_t i;
	int rc = register_protection(f->r->db, &all, e);

	if (rc < 0) {
		json_decref(out);
		return rc;
	}
	json_array_foreach(all, i, v) {
		int64_t at = json_integer_value(json_object_get(v, "generation_at"));

		o = json_pack("{s:s, s:s, s:s, s:s}", "name", reg_text(v, f->r->ja ? "name_ja"
		    : "name_en"), "where", reg_text(v, "repo"), "light", at == 0 ? "grey"
		    : f->r->now - at < FRESH ? "green" : "yellow",
		    "id", reg_text(v, "system"));
		if (at)
			model_int(o, "at", at);
		(void)json_array_append_new(out, o);
	}
	json_decref(all);
	model_put(m, "measured", out);
	return 0;
}

/* -- rows -------------------------------------------------------------------------------------- */

static int
house_row(struct wizard_form *f, struct err *e)
{
	static const char *const keys[] = {"backup_where", "backup_detached", "backup_restored"};
	json_t *rec = NULL, *row;
	int rc;

	if (f->sent && !form_has(&f->r->form, "b_id"))
		return 0;
	rc = register_get(f->r->db, register_kind("facility"), "main", &rec, e);
	if (rc == E_NOENT) /* put off: there is nowhere to keep the answers */
		return 0;
	if (rc < 0)
		return rc;
	row = wizard_row(f, "b", "facility", rec, NULL);
	json_decref(rec);
	for (size_t i = 0; i < ARRAY_LEN(keys) && rc == 0; i++)
		rc = wizard_field(f, row, keys[i], e);
	return rc;
}

static int
system_row(struct wizard_form *f, const char *p, json_t *rec, json_t *choose, struct err *e)
{
	json_t *row = wizard_row(f, p, "system", rec, NULL);

	model_text(row, "legend", reg_text(rec, "title"));
	wizard_option(choose, reg_text(rec, "id"), reg_text(rec, "title"));
	return wizard_field(f, row, "protection", e);
}

static int
take_place(const struct db_row *row, void *cookie, struct err *e)
{
	struct wizard_form *f = ((void **)cookie)[0];
	json_t *options = ((void **)cookie)[1];
	char value[120], label[900];

	(void)e;
	(void)snprintf(value, sizeof(value), "place:%.90s", db_col_text(row, 0));
	(void)snprintf(label, sizeof(label), "%.200s – %.600s", db_col_text(row, f->r->ja ? 2 : 3),
	    db_col_text(row, 1));
	wizard_option(options, value, label);
	return 0;
}

/* new_row(f, choose, e): A folder to copy from now on. Takes ${choose}. */
static int
new_row(struct wizard_form *f, json_t *choose, struct err *e)
{
	static const char *const words[] = {"wizard.place.new", "wizard.place.disk",
	    "wizard.place.server", "wizard.place.store"};
	json_t *places = json_array(), *row;
	void *ctx[2] = {f, places};
	int rc = 0;

	wizard_option(places, "", "―");
	if (req_may(f->r, AREA_VAULT, VERB_WRITE, NULL))
		rc = db_each(f->r->db, "SELECT id, repo, name_ja, name_en FROM places ORDER BY at, "
		    "id", take_place, ctx, "", e);
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		wizard_option(places, to_make[i], wizard_word(f, words[i]));
	row = wizard_row(f, "n", "system", NULL, NULL);
	model_text(row, "legend", wizard_word(f, "wizard.backup.new"));
	model_text(row, "hint", wizard_word(f, "wizard.backup.new.hint"));
	wizard_choice(f, row, "system", "wizard.backup.system", NULL, choose);
	wizard_text(f, row, "path", "wizard.backup.path", "wizard.backup.path.hint", false);
	wizard_choice(f, row, "place", "wizard.backup.place", NULL, places);
	return rc;
}

int
wizard_rows_backup(struct wizard_form *f, struct err *e)
{
	json_t *list = NULL, *rec, *all = NULL, *have = NULL, *choose = json_array();
	char p[WIZARD_P], name[FORM_NAME];
	size_t i, n = 0;
	int rc = house_row(f, e);

	wizard_option(choose, "", "―");
	if (rc == 0 && !f->sent)
		rc = in_vault(f, &all, &have, e);
	if (rc == 0 && !f->sent)
		rc = wizard_live(f->r, "system", &list, e);
	json_array_foreach(list, i, rec) {
		const char *sub = reg_text(json_object_get(rec, "values"), "vault_system");

		if (rc < 0 || json_object_get(have, *sub ? sub : reg_text(rec, "id")) ||
		    strcmp(reg_text(json_object_get(rec, "values"), "connection"), "unused") == 0)
			continue;
		(void)snprintf(p, sizeof(p), "c%u", (unsigned)(n++ % 1000));
		rc = system_row(f, p, rec, choose, e);
	}
	for (i = 0; f->sent && rc == 0 && wizard_again(f, "c", i, "protection", p); i++) {
		(void)snprintf(name, sizeof(name), "%s_id", p);
		rc = register_get(f->r->db, register_kind("system"), req_form(f->r, name), &rec, e);
		if (rc == 0) {
			rc = system_row(f, p, rec, choose, e);
			json_decref(rec);
			n++;
		}
	}
	json_decref(list);
	json_decref(all);
	json_decref(have);
	if (rc == 0 && n > 0)
		return new_row(f, choose, e);
	json_decref(choose);
	return rc;
}

/* -- what was chosen --------------------------------------------------------------------------- */

static const char *
chosen(const struct wizard_form *f, const char *key)
{
	char name[FORM_NAME];

	(void)snprintf(name, sizeof(name), "n_%s", key);
	return req_form(f->r, name);
}

static const char *
vault_kind(const char *kind)
{
	if (strcmp(kind, "chart") == 0 || strcmp(kind, "images") == 0)
		return kind;
	return strcmp(kind, "files") == 0 || strcmp(kind, "office") == 0 ? "office" : "other";
}

static int
take_repo(const struct db_row *row, void *cookie, struct err *e)
{
	(void)e;
	(void)snprintf(cookie, SCHED_PATH, "%s", db_col_text(row, 0));
	return 0;
}

/* elsewhere(v): Whether a choice names a place that is yet to be made. */
static bool
elsewhere(const char *v)
{
	for (size_t i = 0; i < ARRAY_LEN(to_make); i++)
		if (strcmp(v, to_make[i]) == 0)
			return true;
	return false;
}

/* place_of(f, ret, e): The repository of the chosen place; "" where it is none that is there, or
 * whoever asks may not write in the vault: a form can be sent that was never shown. */
static int
place_of(const struct wizard_form *f, char ret[SCHED_PATH], struct err *e)
{
	const char *v = chosen(f, "place");

	*ret = 0;
	if (strncmp(v, "place:", 6) != 0 || !req_may(f->r, AREA_VAULT, VERB_WRITE, NULL))
		return 0;
	return db_each(f->r->db, "SELECT repo FROM places WHERE id = $1", take_repo, ret, "s", e,
	    v + 6);
}

/* usable(f, repo): Whether the runner would start such a backup. */
static bool
usable(const struct wizard_form *f, const char *repo)
{
	const struct mamorid *d = f->r->c->daemon;
	json_t *argv = json_pack("[s, s, s, s, s, s]", "vault", "backup", repo, chosen(f, "path"),
	    "--name", chosen(f, "system"));
	bool good = argv && allow_argv(d ? d->state_path : "/var/lib/mamori", argv);

	json_decref(argv);
	return good;
}

/* check_new(f, row, repo): Problems of the folder to copy from now on. */
static void
check_new(struct wizard_form *f, json_t *row, const char *repo)
{
	const char *place = chosen(f, "place");
	bool known = *repo || elsewhere(place);

	if (!*chosen(f, "system"))
		wizard_blame(f, row, "system", wizard_word(f, "wizard.backup.system"),
		    wizard_word(f, "wizard.missing"));
	if (!known)
		wizard_blame(f, row, "place", wizard_word(f, "wizard.backup.place"), wizard_word(f,
		    *place ? "wizard.backup.place.wrong" : "wizard.missing"));
	else if (*chosen(f, "system") && !usable(f, *repo ? repo : "/vault"))
		wizard_blame(f, row, "path", wizard_word(f, "wizard.backup.path"), wizard_word(f,
		    "wizard.backup.path.wrong"));
}

int
wizard_items_backup(struct wizard_form *f, struct err *e)
{
	static const char *const house[] = {"backup_where", "backup_detached", "backup_restored",
	    NULL};
	char repo[SCHED_PATH];
	json_t *row, *v, *new = NULL;
	size_t i;
	int rc = place_of(f, repo, e);

	if (rc < 0)
		return rc;
	json_array_foreach(f->rows, i, row) {
		if (strcmp(reg_text(row, "kind"), "facility") == 0) {
			(void)wizard_item(f, row, json_pack("{s:s, s:o}", "kind", "facility",
			    "values", wizard_given(f, row, house)));
		} else if (strcmp(reg_text(row, "p"), "n") == 0) {
			new = row;
		} else {
			bool mine = *repo && strcmp(reg_text(row, "id"), chosen(f, "system")) == 0;

			v = json_pack("{s:s}", "protection", mine ? "mamori" : wizard_value(f, row,
			    "protection"));
			if (mine)
				model_text(v, "vault_system", reg_text(row, "id"));
			(void)wizard_item(f, row, json_pack("{s:s, s:o}", "kind", "system",
			    "values", v));
		}
	}
	if (!new || (!*chosen(f, "system") && !*chosen(f, "path") && !*chosen(f, "place")))
		return 0;
	check_new(f, new, repo);
	f->copies = true;
	return 0;
}

/* quoted(s, out): As a word of a shell. */
static void
quoted(const char *s, char *out, size_t n)
{
	size_t k = 0;

	out[k++] = '\'';
	for (; *s && k + 6 < n; s++) {
		if (*s == '\'') {
			(void)memcpy(out + k, "'\\''", 4);
			k += 4;
		} else {
			out[k++] = *s;
		}
	}
	out[k++] = '\'';
	out[k] = 0;
}

int
wizard_backup_task(struct wizard_form *f, struct err *e)
{
	const char *id = chosen(f, "system"), *place = chosen(f, "place");
	AUTO(buf_free) struct buf title = {0}, plan = {0};
	char today[REGISTER_DAY], owner[256], key[60], mark[120], path[4200], name[1200];
	struct inspect_who who = wizard_who(f->r, today);
	json_t *rec, *args;
	int64_t task;
	int rc;

	if (!f->copies || strncmp(place, "place:", 6) == 0)
		return 0;
	rc = register_get(f->r->db, register_kind("system"), id, &rec, e);
	if (rc < 0)
		return rc;
	quoted(chosen(f, "path"), path, sizeof(path));
	quoted(reg_text(rec, "title"), name, sizeof(name));
	args = json_pack("{s:s, s:s, s:s, s:s, s:s}", "id", id, "path", path, "name", name, "kind",
	    vault_kind(reg_text(json_object_get(rec, "values"), "kind")), "title",
	    reg_text(rec, "title"));
	json_decref(rec);
	buf_init(&title, 4000);
	buf_init(&plan, 8000);
	(void)snprintf(key, sizeof(key), "wizard.todo.%.20s", place);
	(void)snprintf(mark, sizeof(mark), "backup/%.80s", id);
	wizard_owner(f->r, owner);
	rc = tmpl_say("wizard.todo.title", f->r->ja, args, &title, e);
	if (rc == 0)
		rc = tmpl_say(key, f->r->ja, args, &plan, e);
	json_decref(args);
	if (rc == 0)
		rc = wizard_task(f->r->db, mark, buf_cstr(&title, e), buf_cstr(&plan, e), owner,
		    &who, &task, e);
	return rc == E_NOENT ? err_set(e, E_INVAL, "no such place") : rc;
}

int
wizard_backup_put(struct wizard_form *f, struct db *db, struct err *e)
{
	const char *id = chosen(f, "system");
	struct sched_system s = {.id = id, .place = chosen(f, "place") + 6};
	json_t *rec, *paths;
	int64_t there = 0;
	char *text;
	int rc;

	if (!f->copies || strncmp(chosen(f, "place"), "place:", 6) != 0)
		return 0;
	rc = db_i64(db, "SELECT count(*) FROM systems WHERE id = $1", &there, "s", e, id);
	if (rc < 0 || there) /* sent twice */
		return rc;
	rc = register_get(db, register_kind("system"), id, &rec, e);
	if (rc < 0)
		return rc;
	paths = json_pack("[s]", chosen(f, "path"));
	text = paths ? json_dumps(paths, JSON_COMPACT) : NULL;
	s.name_ja = s.name_en = reg_text(rec, "title");
	s.kind = vault_kind(reg_text(json_object_get(rec, "values"), "kind"));
	s.paths = text ? text : "[]";
	rc = sched_put_system(db, f->r->now, &s, e);
	free(text);
	json_decref(paths);
	json_decref(rec);
	return rc;
}
