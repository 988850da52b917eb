/* Long work: its progress, its result. */
#include <stdio.h>
#include <string.h>

#include "mamorid/http/console.h"
#include "mamorid/pages/pages.h"
#include "mamorid/tasks.h"

int
page_task(struct req *r, struct task_new *n, struct err *e)
{
	char id[TASK_ID];
	int rc;

	n->owner = req_by(r);
	n->ja = r->ja;
	rc = task_start(r->c->tasks, n, id, e);
	return rc < 0 ? rc : req_go(r, e, "/tasks/%s", id);
}

int
page_task_own(struct req *r, const char *id, struct task *ret, struct err *e)
{
	int rc = task_get(r->db, id, ret, e);

	/* another's is not there, not forbidden: nobody learns which ids exist */
	if (rc == 0 && strcmp(ret->owner, req_by(r)) != 0) {
		task_free(ret);
		rc = err_set(e, E_NOENT, "no such task");
	}
	return rc;
}

static int
take_words(const struct db_row *row, void *cookie, struct err *e)
{
	(void)e;
	*(json_t **)cookie = json_loads(db_col_text(row, 0), 0, NULL);
	return 0;
}

int
page_task_words(struct req *r, const char *id, json_t **ret, struct err *e)
{
	int rc;

	*ret = NULL;
	rc = db_each(r->db, "SELECT argv FROM tasks WHERE id = $1", take_words, ret, "s", e, id);
	if (rc == 0 && !json_is_array(*ret)) {
		json_decref(*ret);
		rc = err_set(e, E_NOENT, "no such task");
	}
	return rc;
}

const char *
page_task_word(const json_t *argv, size_t i)
{
	const char *s = json_string_value(json_array_get(argv, i));

	return s ? s : "";
}

static json_t *
model(const struct task *t, int64_t now)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:b}", "id", t->id, "word",
	    t->word, "it", t->it, "state", t->state, "progress", t->progress, "message", t->message,
	    "created", (json_int_t)t->created, "seconds",
	    (json_int_t)((t->over ? t->ended : now) - (t->started ? t->started : t->created)) /
	        TIME_SEC, "over", (int)t->over);
	bool ok = strcmp(t->state, "done") == 0;

	if (!o)
		return NULL;
	model_text(o, "light", ok ? "green" : strcmp(t->state, "failed") == 0 ? "red" : "grey");
	model_bool(o, "file", ok && t->expires > 0 && t->file_name[0]);
	model_text(o, "file_name", t->file_name);
	if (t->expires > 0)
		model_int(o, "expires", t->expires);
	if (t->go[0])
		model_text(o, "go", t->go);
	if (t->status == 1 && !ok)
		model_bool(o, "answer_no", true);
	return o;
}

static int
show(struct req *r, struct err *e)
{
	struct task t;
	int rc = page_task_own(r, req_id(r, 0), &t, e);

	if (rc < 0)
		return rc;
	/* quick work is over before anybody reads; then its page is not needed */
	if (strcmp(t.state, "done") == 0 && t.go[0] && !req_get(r, "stay")[0])
		rc = req_go(r, e, "%s", t.go);
	else {
		if (!t.over)
			req_refresh(r, r->now - t.created < 10 * TIME_SEC ? 1 : 3);
		rc = req_page(r, "task", model(&t, r->now), e);
	}
	task_free(&t);
	return rc;
}

static int
file(struct req *r, struct err *e)
{
	struct task t;
	char path[TASK_FILE];
	int rc = page_task_own(r, req_id(r, 0), &t, e);

	if (rc < 0)
		return rc;
	(void)snprintf(path, sizeof(path), "%s", t.file);
	if (!path[0])
		(void)snprintf(path, sizeof(path), "spool/out-%lld", (long long)t.n);
	if (strcmp(t.state, "done") != 0 || !t.file_name[0] || strncmp(path, "spool/", 6) != 0)
		rc = err_set(e, E_NOENT, "no file");
	else if (t.expires <= 0 || t.expires < r->now)
		rc = req_error(r, 410, e);
	else
		rc = req_file(r, t.file_type[0] ? t.file_type : "application/octet-stream",
		    t.file_name, path, req_get(r, "show")[0] && strcmp(t.file_type,
		        "application/pdf") == 0, e);
	req_note(r, "", "%.200s", t.file_name);
	r->result[0] = 0;
	task_free(&t);
	return rc;
}

static int
halt(struct req *r, struct err *e)
{
	struct task t;
	int rc = page_task_own(r, req_id(r, 0), &t, e);

	if (rc < 0)
		return rc;
	rc = task_stop(r->c->tasks, t.id, e);
	task_free(&t);
	return rc < 0 ? rc : req_go(r, e, "/tasks/%s", req_id(r, 0));
}

struct listing {
	json_t *a;
	int64_t now;
};

static int
on_task(const struct task *t, void *cookie, struct err *e)
{
	struct listing *l = cookie;

	(void)e;
	(void)json_array_append_new(l->a, model(t, l->now));
	return 0;
}

static int
list(struct req *r, struct err *e)
{
	struct listing l = {json_array(), r->now};
	json_t *m = json_object();
	int rc = task_each(r->db, req_by(r), 50, on_task, &l, e);

	model_put(m, "tasks", l.a);
	if (rc < 0) {
		json_decref(m);
		return rc;
	}
	return req_page(r, "tasks", m, e);
}

const struct route tasks_rows[] = {
	{M_GET, "/tasks", AREA_TASKS, VERB_READ, NULL, 0, list, 0},
	{M_GET, "/tasks/:id", AREA_TASKS, VERB_READ, NULL, 0, show, 0},
	{M_GET, "/tasks/:id/file", AREA_TASKS, VERB_READ, NULL, F_LOG, file, 0},
	{M_POST, "/tasks/:id/stop", AREA_TASKS, VERB_WRITE, NULL, 0, halt, 0},
	{0},
};
