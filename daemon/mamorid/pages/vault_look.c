/* Looking into a generation: folders, what a file says, a copy of one file. Reading the vault is
 * the work of a task; here only its result is shown. */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"
#include "mamorid/pages/vault_pages.h"

enum { ENTRIES_PAGE = 200, CRUMBS = 40 };

struct where {
	const char *gen, *path;
	struct vault_place place;
};

/* The fields that every form here has. */
static int
asked(struct req *r, struct where *w, struct err *e)
{
	*w = (struct where){.gen = req_form(r, "gen"), .path = req_form(r, "path")};
	if (!vault_gen_ok(w->gen) || !vault_path_ok(w->path))
		return err_set(e, E_NOENT, "no such generation");
	return vault_place_get(r, req_form(r, "place"), &w->place, e);
}

static json_t *
command(const struct where *w, const char *what)
{
	json_t *argv = json_pack("[s,s,s,s]", "vault", what, w->place.repo, w->gen);

	if (argv && *w->path)
		(void)json_array_append_new(argv, json_string(w->path));
	if (argv && w->place.key_file[0]) {
		(void)json_array_append_new(argv, json_string("--key"));
		(void)json_array_append_new(argv, json_string(w->place.key_file));
	}
	return argv;
}

static const char *
last_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* --- starting -------------------------------------------------------------------------------- */

/* start(r, what, n, prefix, w, e): Begin, and when it is done go to ${prefix}/ID. */
static int
start(struct req *r, const char *what, struct task_new *n, const char *prefix,
    const struct where *w, struct err *e)
{
	req_note(r, "", "%s %.60s %.150s", what, w->gen, w->path);
	return vault_task(r, n, command(w, what), prefix, e);
}

static int
open_folder(struct req *r, struct err *e)
{
	struct task_new n = {.word = "task.list", .keep = true, .seconds = 600};
	struct where w;
	int rc = asked(r, &w, e);

	n.it = *w.path ? w.path : w.gen;
	return rc < 0 ? rc : start(r, "ls", &n, "/vault/look", &w, e);
}

static int
open_file(struct req *r, struct err *e)
{
	struct task_new n = {.word = "task.list", .keep = true, .seconds = 600};
	struct where w;
	int rc = asked(r, &w, e);

	if (rc == 0 && !*w.path)
		rc = err_set(e, E_NOENT, "no file");
	n.it = last_name(w.path);
	return rc < 0 ? rc : start(r, "peek", &n, "/vault/file", &w, e);
}

static int
fetch(struct req *r, const char *prefix, const char *type, struct err *e)
{
	struct task_new n = {.word = "task.restore", .keep = true, .raw = true, .seconds = 3600,
	    .file_type = type};
	struct where w;
	int rc = asked(r, &w, e);

	if (rc == 0 && !*w.path)
		rc = err_set(e, E_NOENT, "no file");
	n.it = n.file_name = last_name(w.path);
	return rc < 0 ? rc : start(r, "cat", &n, prefix, &w, e);
}

static int
download(struct req *r, struct err *e)
{
	return fetch(r, NULL, "application/octet-stream", e);
}

static int
picture(struct req *r, struct err *e)
{
	static const char *const types[] = {"image/png", "image/jpeg", "image/gif"};
	const char *type = req_form(r, "type");

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (strcmp(type, types[i]) == 0)
			return fetch(r, "/vault/picture", types[i], e);
	return err_set(e, E_INVAL, "not a picture that a browser shows");
}

/* --- showing ---------------------------------------------------------------------------------- */

struct seen { /* what a finished task of this person looked at */
	struct task t;
	json_t *argv, *out;
	const char *gen, *path;
};

static void
seen_free(struct seen *s)
{
	task_free(&s->t);
	json_decref(s->argv);
	json_decref(s->out);
}

static int
place_of(const struct db_row *row, void *cookie, struct err *e)
{
	json_t *m = cookie;

	(void)e;
	model_text(m, "place", db_col_text(row, 0));
	model_text(m, "place_name", db_col_text(row, 1));
	return 0;
}

/* seen_get(r, what, want_out, ret, m, e): The task of the address and its command; ${m} gets place,
 * generation and path. */
static int
seen_get(struct req *r, const char *what, bool want_out, struct seen *ret, json_t *m, struct err *e)
{
	int rc = vault_task_result(r, what, &ret->t, &ret->argv, want_out ? &ret->out : NULL, e);

	if (rc < 0)
		return rc;
	ret->gen = page_task_word(ret->argv, 3);
	ret->path = page_task_word(ret->argv, 4);
	if (ret->path[0] == '-')
		ret->path = ""; /* that is already --key */
	model_text(m, "gen", ret->gen);
	model_text(m, "path", ret->path);
	rc = db_each(r->db, r->ja ? "SELECT id, name_ja FROM places WHERE repo = $1"
				  : "SELECT id, name_en FROM places WHERE repo = $1",
	    place_of, m, "s", e, page_task_word(ret->argv, 2));
	if (rc == 0 && !json_object_get(m, "place"))
		rc = err_set(e, E_NOENT, "the place is gone");
	if (rc < 0)
		seen_free(ret);
	return rc;
}

/* The folders above, each as a form's path. */
static json_t *
way(const char *path)
{
	json_t *a = json_array();
	const char *p = path;

	for (size_t i = 0; i < CRUMBS && *p; i++) {
		const char *slash = strchr(p + (*p == '/'), '/');
		size_t end = slash ? (size_t)(slash - path) : strlen(path);
		const char *from = p + (*p == '/');

		(void)json_array_append_new(a, json_pack("{s:s%, s:s%, s:b}", "name", from,
		    (size_t)(path + end - from), "path", path, end, "last", slash == NULL));
		p = path + end;
	}
	return a;
}

static json_t *
entry_model(const json_t *en, const char *dir)
{
	const char *name = json_string_value(json_object_get(en, "name"));
	const char *type = json_string_value(json_object_get(en, "type"));
	const char *when;
	char path[4200];
	int64_t at;
	json_t *o;

	/* a single file, asked for by name, has its whole path */
	if (!name)
		name = json_string_value(json_object_get(en, "path"));
	if (!name || !type)
		return NULL;
	if (json_object_get(en, "path"))
		(void)snprintf(path, sizeof(path), "%s", name);
	else if (snprintf(path, sizeof(path), "%s%s%s", dir, *dir ? "/" : "", name) >=
	    (int)sizeof(path))
		return NULL;
	o = json_pack("{s:s, s:s, s:b, s:b, s:I, s:b}", "name", last_name(name), "path", path,
	    "dir", strcmp(type, "dir") == 0, "file",
	    strcmp(type, "file") == 0 || strcmp(type, "hardlink") == 0, "size",
	    json_integer_value(json_object_get(en, "size")), "ok", vault_path_ok(path));
	when = json_string_value(json_object_get(en, "mtime"));
	if (o && when && time_get(when, &at, NULL) == 0)
		model_int(o, "mtime", at);
	return o;
}

static int
folder(struct req *r, struct err *e)
{
	json_t *m = json_object(), *rows = json_array(), *list;
	struct seen s = {0};
	int64_t offset;
	int rc = seen_get(r, "ls", true, &s, m, e);
	size_t n;

	if (rc < 0) {
		json_decref(m);
		json_decref(rows);
		return rc;
	}
	list = json_object_get(s.out, "entries");
	n = json_array_size(list);
	model_put(m, "pager", model_pager(r, (int64_t)n, ENTRIES_PAGE, &offset));
	for (size_t i = (size_t)offset; i < n && i < (size_t)offset + ENTRIES_PAGE; i++) {
		json_t *o = entry_model(json_array_get(list, i), s.path);

		if (o)
			(void)json_array_append_new(rows, o);
	}
	model_put(m, "rows", rows);
	model_put(m, "way", way(s.path));
	model_put(m, "crumbs", vault_crumbs("vault.look"));
	model_bool(m, "may_restore", req_may(r, AREA_RESTORE, VERB_RUN, NULL));
	seen_free(&s);
	return req_page(r, "vault-look", m, e);
}

static int
file(struct req *r, struct err *e)
{
	static const char *const names[] = {"kind", "type", "encoding", "text", "size", "truncated",
	    "segments"};
	json_t *m = json_object();
	struct seen s = {0};
	int rc = seen_get(r, "peek", true, &s, m, e);

	if (rc < 0) {
		json_decref(m);
		return rc;
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (json_object_get(s.out, names[i]))
			(void)json_object_set(m, names[i], json_object_get(s.out, names[i]));
	model_text(m, "name", last_name(s.path));
	model_put(m, "crumbs", vault_crumbs("vault.file"));
	req_note(r, "", "shown: %.60s %.150s", s.gen, s.path);
	seen_free(&s);
	return req_page(r, "vault-file", m, e);
}

static int
picture_page(struct req *r, struct err *e)
{
	json_t *m = json_object();
	struct seen s = {0};
	int rc = seen_get(r, "cat", false, &s, m, e);

	if (rc == 0 && strncmp(s.t.file_type, "image/", 6) != 0) {
		seen_free(&s);
		rc = err_set(e, E_NOENT, "not a picture");
	}
	if (rc < 0) {
		json_decref(m);
		return rc;
	}
	model_text(m, "id", s.t.id);
	model_text(m, "name", last_name(s.path));
	model_put(m, "crumbs", vault_crumbs("vault.file"));
	seen_free(&s);
	return req_page(r, "vault-picture", m, e);
}

/* The bytes themselves: only as one of the types that picture() allows, with nosniff and a policy
 * under which nothing in them runs. */
static int
picture_bytes(struct req *r, struct err *e)
{
	json_t *m = json_object();
	struct seen s = {0};
	char path[TASK_FILE];
	int rc = seen_get(r, "cat", false, &s, m, e);

	json_decref(m);
	if (rc < 0)
		return rc;
	(void)snprintf(path, sizeof(path), "spool/out-%lld", (long long)s.t.n);
	if (strncmp(s.t.file_type, "image/", 6) != 0 || s.t.expires < r->now)
		rc = err_set(e, E_NOENT, "no picture");
	else
		rc = req_file(r, s.t.file_type, s.t.file_name, path, true, e);
	seen_free(&s);
	return rc;
}

const struct route vault_look_rows[] = {
    /* names of folders and files belong to looking; what is in a file, to giving back */
    {M_POST, "/vault/look", AREA_VAULT, VERB_RUN, NULL, 0, open_folder, 0},
    {M_GET, "/vault/look/:task", AREA_VAULT, VERB_READ, NULL, F_LOG, folder, 0},
    {M_POST, "/vault/file", AREA_RESTORE, VERB_RUN, NULL, 0, open_file, 0},
    {M_GET, "/vault/file/:task", AREA_RESTORE, VERB_READ, NULL, F_LOG, file, 0},
    {M_POST, "/vault/download", AREA_RESTORE, VERB_RUN, NULL, 0, download, 0},
    {M_POST, "/vault/picture", AREA_RESTORE, VERB_RUN, NULL, 0, picture, 0},
    {M_GET, "/vault/picture/:task", AREA_RESTORE, VERB_READ, NULL, F_LOG, picture_page, 0},
    {M_GET, "/vault/picture/:task/bytes", AREA_RESTORE, VERB_READ, NULL, F_LOG, picture_bytes, 0},
    {0},
};
