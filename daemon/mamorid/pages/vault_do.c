/* Work on the vault that a person starts: a copy, a drill, a check, giving data back. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/time.h"
#include "mamorid/mamorid.h"
#include "mamorid/pages/vault_pages.h"

enum { OUT_MAX = 16 << 20 };

static int
take_one(const struct db_row *row, void *cookie, struct err *e)
{
	struct vault_place *p = cookie;

	(void)e;
	(void)snprintf(p->id, sizeof(p->id), "%s", db_col_text(row, 0));
	(void)snprintf(p->name, sizeof(p->name), "%s", db_col_text(row, 1));
	(void)snprintf(p->repo, sizeof(p->repo), "%s", db_col_text(row, 2));
	(void)snprintf(p->key_file, sizeof(p->key_file), "%s", db_col_text(row, 3));
	return 0;
}

int
vault_place_get(struct req *r, const char *id, struct vault_place *ret, struct err *e)
{
	int rc;

	*ret = (struct vault_place){0};
	rc = db_each(r->db, r->ja ? "SELECT id, name_ja, repo, key_file FROM places WHERE id = $1"
				  : "SELECT id, name_en, repo, key_file FROM places WHERE id = $1",
	    take_one, ret, "s", e, id);
	if (rc == 0 && !ret->id[0])
		rc = err_set(e, E_NOENT, "no such place");
	return rc;
}

bool
vault_gen_ok(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && n <= 120 && s[0] != '-' && s[0] != '.' &&
	    strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == n;
}

bool
vault_path_ok(const char *s)
{
	if (s[0] == '-' || strlen(s) > 3000)
		return false;
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	return true;
}

int
vault_task(struct req *r, struct task_new *n, json_t *argv, const char *prefix, struct err *e)
{
	char id[TASK_ID];
	int rc;

	if (!argv)
		return err_set(e, E_NOMEM, "no memory");
	n->owner = req_by(r);
	n->ja = r->ja;
	n->argv = argv;
	rc = task_start(r->c->tasks, n, id, e);
	json_decref(argv);
	if (rc == 0 && prefix) {
		char go[256];

		(void)snprintf(go, sizeof(go), "%s/%s", prefix, id);
		rc = db_exec(r->db, "UPDATE tasks SET go = $1 WHERE id = $2", "ss", e, go, id);
	}
	if (rc < 0)
		return rc;
	return req_go(r, e, "/tasks/%s", id);
}

static int
read_out(struct req *r, const struct task *t, json_t **ret, struct err *e)
{
	struct buf b;
	int rc;

	buf_init(&b, OUT_MAX);
	rc = task_out(r->c->state, t, &b, e);
	if (rc == 0)
		*ret = json_loadb((const char *)b.p, b.len, 0, NULL);
	buf_free(&b);
	return rc == 0 && !json_is_object(*ret) ? err_set(e, E_NOENT, "the result is gone") : rc;
}

int
vault_task_result(struct req *r, const char *what, struct task *ret, json_t **ret_argv,
    json_t **ret_out, struct err *e)
{
	json_t *out = NULL;
	int rc = page_task_own(r, req_id(r, 0), ret, e);

	if (rc < 0)
		return rc;
	rc = page_task_words(r, ret->id, ret_argv, e);
	if (rc < 0) {
		task_free(ret);
		return rc;
	}
	if (strcmp(ret->state, "done") != 0 || strcmp(page_task_word(*ret_argv, 1), what) != 0)
		rc = err_set(e, E_NOENT, "no such result");
	if (rc == 0 && ret_out)
		rc = read_out(r, ret, &out, e);
	if (rc < 0) {
		task_free(ret);
		json_decref(*ret_argv);
		json_decref(out);
	} else if (ret_out) {
		*ret_out = out;
	}
	return rc;
}

static json_t *
with_key(json_t *argv, const struct vault_place *p)
{
	if (argv && p->key_file[0]) {
		(void)json_array_append_new(argv, json_string("--key"));
		(void)json_array_append_new(argv, json_string(p->key_file));
	}
	return argv;
}

/* --- a copy, a check, a drill ----------------------------------------------------------------- */

struct system {
	char id[64], name[200], place[64];
	json_t *paths;
};

static int
take_system(const struct db_row *row, void *cookie, struct err *e)
{
	struct system *s = cookie;

	(void)e;
	(void)snprintf(s->id, sizeof(s->id), "%s", db_col_text(row, 0));
	(void)snprintf(s->name, sizeof(s->name), "%s", db_col_text(row, 1));
	(void)snprintf(s->place, sizeof(s->place), "%s", db_col_text(row, 2));
	s->paths = json_loads(db_col_text(row, 3), 0, NULL);
	return 0;
}

static int
system_get(struct req *r, const char *id, struct system *ret, struct vault_place *p, struct err *e)
{
	int rc;

	*ret = (struct system){0};
	rc = db_each(r->db, r->ja ? "SELECT id, name_ja, place, paths FROM systems WHERE id = $1"
				  : "SELECT id, name_en, place, paths FROM systems WHERE id = $1",
	    take_system, ret, "s", e, id);
	if (rc == 0 && (!ret->id[0] || !json_is_array(ret->paths)))
		rc = err_set(e, E_NOENT, "no such system");
	if (rc == 0)
		rc = vault_place_get(r, ret->place, p, e);
	if (rc < 0)
		json_decref(ret->paths);
	return rc;
}

static int
backup(struct req *r, struct err *e)
{
	struct vault_place p;
	struct system s;
	struct task_new n = {.word = "task.backup", .seconds = 12 * 3600};
	json_t *argv;
	int rc = system_get(r, req_id(r, 0), &s, &p, e);

	if (rc < 0)
		return rc;
	argv = json_pack("[s,s,s]", "vault", "backup", p.repo);
	(void)json_array_extend(argv, s.paths);
	(void)json_array_append_new(argv, json_string("--name"));
	(void)json_array_append_new(argv, json_string(s.id));
	json_decref(s.paths);
	n.it = s.name;
	return vault_task(r, &n, argv, NULL, e);
}

static int
drill(struct req *r, struct err *e)
{
	struct vault_place p;
	struct system s;
	struct task_new n = {.word = "task.drill", .seconds = 12 * 3600};
	json_t *argv;
	int rc = system_get(r, req_id(r, 0), &s, &p, e);

	if (rc < 0)
		return rc;
	json_decref(s.paths);
	argv = with_key(
	    json_pack("[s,s,s,s,s,s]", "drill", "restore", "--repo", p.repo, "--system", s.id), &p);
	n.it = s.name;
	return vault_task(r, &n, argv, NULL, e);
}

static int
verify(struct req *r, struct err *e)
{
	struct vault_place p;
	struct task_new n = {.word = "task.verify", .seconds = 12 * 3600};
	int rc = vault_place_get(r, req_id(r, 0), &p, e);

	if (rc < 0)
		return rc;
	n.it = p.name;
	return vault_task(r, &n, json_pack("[s,s,s]", "vault", "verify", p.repo), NULL, e);
}

/* --- giving back ------------------------------------------------------------------------------ */

/* A folder of its own below the state for who has no better place: STATE/restored/DATE-GEN. */
static void
suggest(const struct req *r, const char *gen, char *out, size_t size)
{
	const struct mamorid *d = r->c->daemon;
	time_t t = (time_t)(r->now / TIME_SEC);
	char day[32] = "";
	struct tm tm;

	if (localtime_r(&t, &tm))
		(void)strftime(day, sizeof(day), "%Y%m%d-%H%M%S", &tm);
	(void)snprintf(
	    out, size, "%s/restored/%s-%.16s", d ? d->state_path : r->c->state->path, day, gen);
}

static int
restore_form(struct req *r, const char *problem, struct err *e)
{
	bool post = r->method == M_POST;
	const char *place = post ? req_form(r, "place") : req_get(r, "place");
	const char *gen = post ? req_form(r, "gen") : req_get(r, "gen");
	const char *path = post ? req_form(r, "path") : req_get(r, "path");
	char to[5000];
	struct vault_place p;
	json_t *m;
	int rc;

	if (!vault_gen_ok(gen) || !vault_path_ok(path))
		return err_set(e, E_NOENT, "no such generation");
	rc = vault_place_get(r, place, &p, e);
	if (rc < 0)
		return rc;
	suggest(r, gen, to, sizeof(to));
	m = json_pack("{s:s, s:s, s:s, s:s, s:s}", "place", p.id, "place_name", p.name, "gen", gen,
	    "path", path, "to", post && *req_form(r, "to") ? req_form(r, "to") : to);
	if (m && problem)
		model_text(m, "to_error", problem);
	if (m)
		model_put(m, "crumbs", vault_crumbs("vault.restore"));
	return req_page_status(r, problem ? 422 : 200, "vault-restore", m, e);
}

static int
restore_page(struct req *r, struct err *e)
{
	return restore_form(r, NULL, e);
}

static int
restore(struct req *r, struct err *e)
{
	const char *gen = req_form(r, "gen"), *path = req_form(r, "path"), *to = req_form(r, "to");
	struct task_new n = {.word = "task.restore", .seconds = 24 * 3600};
	struct vault_place p;
	json_t *argv;
	int rc;

	if (!vault_gen_ok(gen) || !vault_path_ok(path))
		return err_set(e, E_NOENT, "no such generation");
	rc = vault_place_get(r, req_form(r, "place"), &p, e);
	if (rc < 0)
		return rc;
	if (to[0] != '/' || strlen(to) > 3000)
		return restore_form(r,
		    r->ja ? "「/」から始まるフォルダーの場所を書いてください。例: /srv/modoshi"
			  : "Write a folder that begins with /, such as /srv/restored",
		    e);
	argv = json_pack("[s,s,s,s,s,s]", "vault", "restore", p.repo, gen, "--to", to);
	if (*path) {
		(void)json_array_append_new(argv, json_string("--path"));
		(void)json_array_append_new(argv, json_string(path));
	}
	req_note(r, "", "restore %.60s %.80s to %.100s", gen, path, to);
	n.it = *path ? path : gen;
	rc = vault_task(r, &n, with_key(argv, &p), NULL, e);
	if (rc == E_INVAL)
		return restore_form(r,
		    r->ja ? "その場所には戻せません。Mamori 自身のフォルダーの中は選べません。"
			  : "Data cannot be given back there: not inside Mamori's own folder.",
		    e);
	return rc;
}

const struct route vault_do_rows[] = {
	{M_POST, "/vault/systems/:id/backup", AREA_VAULT, VERB_RUN, NULL, 0, backup, 0},
	{M_POST, "/vault/systems/:id/drill", AREA_VAULT, VERB_RUN, NULL, 0, drill, 0},
	{M_POST, "/vault/places/:id/verify", AREA_VAULT, VERB_RUN, NULL, 0, verify, 0},
	{M_GET, "/vault/restore", AREA_RESTORE, VERB_READ, NULL, 0, restore_page, 0},
	{M_POST, "/vault/restore", AREA_RESTORE, VERB_RUN, NULL, 0, restore, 0},
	{0},
};
