/* What waits for somebody's word in a vault: a request to remove generations, generations in doubt;
 * and what is known of recovery keys and removable disks. What only the vault itself can tell is
 * read by a task (`mamori vault state`). */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"
#include "crypt/pwhash.h"
#include "crypt/secret.h"
#include "guide/finding.h"
#include "ledger/checks.h"
#include "mamorid/pages/vault_pages.h"
#include "text/day.h"

enum { GENS_PAGE = 100, KEY_FILE = 256 << 10 };

static const char *
text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

/* --- what the facts say ----------------------------------------------------------------------- */

static int
take_id(const struct db_row *row, void *cookie, struct err *e)
{
	json_t *m = cookie;

	(void)e;
	model_text(m, "place", db_col_text(row, 0));
	model_text(m, "place_name", db_col_text(row, 1));
	return 0;
}

static void
place_by(struct req *r, json_t *m, const char *where, const char *value)
{
	char sql[200];

	(void)snprintf(sql, sizeof(sql), "SELECT id, %s FROM places WHERE %s",
	    r->ja ? "name_ja" : "name_en", where);
	(void)!db_each(r->db, sql, take_id, m, "s", NULL, value);
}

static json_t *
pending_model(struct req *r, const struct fact *f)
{
	const json_t *o = f->observed;
	json_t *m = json_pack("{s:I, s:s, s:I, s:s}", "n",
	    json_integer_value(json_object_get(o, "generations")), "policy", text(o, "policy"),
	    "approvals", json_integer_value(json_object_get(o, "approvals")), "repo",
	    text(o, "repo"));
	int64_t due;

	model_when(m, "since", text(o, "since"));
	model_when(m, "due", text(o, "due"));
	due = json_integer_value(json_object_get(m, "due"));
	model_int(m, "days", due > r->now ? (due - r->now + TIME_DAY - 1) / TIME_DAY : 0);
	place_by(r, m, "repo = $1", text(o, "repo"));
	return m;
}

static int
take_system(const struct db_row *row, void *cookie, struct err *e)
{
	json_t *m = cookie;

	(void)e;
	model_text(m, "name", db_col_text(row, 0));
	model_text(m, "place", db_col_text(row, 1));
	model_text(m, "place_name", db_col_text(row, 2));
	return 0;
}

static json_t *
doubt_model(struct req *r, const struct fact *f)
{
	static const char *const reasons[] = {"shrank", "lighter", "changed", "noise", "renamed",
	    "rewrote", "after"};
	const char *why = text(f->observed, "reason");
	size_t n = strcspn(why, " ");
	const char *word = "vault.doubt.unknown";
	json_t *m = json_pack("{s:s, s:s, s:s, s:I}", "system", f->id, "name", f->id, "gen",
	    text(f->observed, "generation"), "at", (json_int_t)f->at);
	char key[48];

	for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
		if (strlen(reasons[i]) == n && strncmp(reasons[i], why, n) == 0) {
			(void)snprintf(key, sizeof(key), "vault.doubt.%s", reasons[i]);
			word = key;
		}
	model_text(m, "why", word);
	(void)!db_each(r->db, r->ja ? "SELECT s.name_ja, p.id, p.name_ja FROM systems s "
	    "JOIN places p ON p.id = s.place WHERE s.id = $1"
	    : "SELECT s.name_en, p.id, p.name_en FROM systems s "
	    "JOIN places p ON p.id = s.place WHERE s.id = $1", take_system, m, "s", NULL, f->id);
	return m;
}

/* newest(r, check, ret, ret_n): False where there is none. */
static bool
newest(struct req *r, const char *check, struct fact **ret, size_t *ret_n)
{
	struct facts_filter filter = {0};

	(void)snprintf(filter.check, sizeof(filter.check), "%s", check);
	*ret = NULL;
	*ret_n = 0;
	return r->c->facts && *r->c->facts &&
	    facts_newest(*r->c->facts, &filter, ret, ret_n, NULL) == 0;
}

static int
take_disk(const struct db_row *row, void *cookie, struct err *e)
{
	json_t *o = json_pack("{s:s, s:s, s:I, s:I}", "label", db_col_text(row, 0), "lies",
	    db_col_text(row, 1), "copied", (json_int_t)db_col_i64(row, 2), "proved",
	    (json_int_t)db_col_i64(row, 3));

	(void)e;
	(void)json_array_append_new(cookie, o);
	return 0;
}

static int
take_key(const struct db_row *row, void *cookie, struct err *e)
{
	(void)e;
	(void)json_array_append_new(cookie, json_pack("{s:s, s:s, s:s}", "place",
	    db_col_text(row, 0), "name", db_col_text(row, 1), "repo", db_col_text(row, 2)));
	return 0;
}

/* keys(r): Of each place, when its recovery key last really opened it. */
static json_t *
keys(struct req *r)
{
	const struct check *c = checks_find("vault.recovery.proved");
	json_t *out = json_array(), *o;
	struct fact *list;
	size_t n, i;

	(void)!db_each(r->db, r->ja ? "SELECT id, name_ja, repo FROM places ORDER BY at"
	    : "SELECT id, name_en, repo FROM places ORDER BY at", take_key, out, "", NULL);
	(void)newest(r, "vault.recovery.proved", &list, &n);
	json_array_foreach(out, i, o) {
		for (size_t k = 0; k < n; k++) {
			char how[48];

			if (strcmp(text(list[k].observed, "repo"), text(o, "repo")) != 0)
				continue;
			model_int(o, "at", list[k].at);
			model_bool(o, "old",
			    c && c->max_days && r->now - list[k].at > c->max_days * TIME_DAY);
			(void)snprintf(how, sizeof(how), "vault.key.from.%s",
			    strcmp(text(list[k].observed, "from"), "typed") == 0 ? "typed"
										 : "file");
			model_text(o, "how", how);
		}
	}
	facts_newest_free(list, n);
	return out;
}

void
vault_alarms(struct req *r, json_t *m)
{
	json_t *pending = json_array(), *doubts = json_array();
	struct fact *list;
	size_t n;

	(void)newest(r, "vault.prune.pending", &list, &n);
	for (size_t i = 0; i < n; i++)
		if (list[i].outcome == FACT_FAIL)
			(void)json_array_append_new(pending, pending_model(r, &list[i]));
	facts_newest_free(list, n);
	(void)newest(r, "vault.generation.poison", &list, &n);
	for (size_t i = 0; i < n; i++)
		if (list[i].outcome == FACT_FAIL)
			(void)json_array_append_new(doubts, doubt_model(r, &list[i]));
	facts_newest_free(list, n);
	model_put(m, "pending", pending);
	model_put(m, "doubts", doubts);
	model_bool(m, "may_guide", req_may(r, AREA_GUIDE, VERB_WRITE, NULL));
}

void
vault_keepers(struct req *r, json_t *m)
{
	json_t *disks = json_array();

	(void)!db_each(r->db, "SELECT label, lies, copied_at, proved_at FROM disks ORDER BY label",
	    take_disk, disks, "", NULL);
	model_put(m, "disks", disks);
	model_put(m, "keys", keys(r));
}

/* --- what the vault says ---------------------------------------------------------------------- */

static int
look(struct req *r, struct err *e)
{
	struct vault_place p;
	struct task_new n = {.word = "task.state", .keep = true, .seconds = 600};
	json_t *argv;
	int rc = vault_place_get(r, req_id(r, 0), &p, e);

	if (rc < 0)
		return rc;
	argv = json_pack("[s,s,s]", "vault", "state", p.repo);
	if (argv && p.key_file[0]) {
		(void)json_array_append_new(argv, json_string("--key"));
		(void)json_array_append_new(argv, json_string(p.key_file));
	}
	n.it = p.name;
	return vault_task(r, &n, argv, "/vault/state", e);
}

static json_t *
gen_model(const json_t *g, int64_t now)
{
	json_t *o = json_pack("{s:s, s:s%, s:s, s:I, s:I, s:b, s:b, s:b}", "id", text(g, "id"),
	    "short", text(g, "id"), strnlen(text(g, "id"), 8), "name", text(g, "name"),
	    "files", json_integer_value(json_object_get(g, "files")), "bytes",
	    json_integer_value(json_object_get(g, "bytes")), "removed",
	    json_is_true(json_object_get(g, "removed")), "verified",
	    json_is_true(json_object_get(g, "verified")), "doubted",
	    json_is_true(json_object_get(g, "doubted")));
	int64_t until;

	model_when(o, "at", text(g, "at"));
	model_when(o, "until", text(g, "locked_until"));
	until = json_integer_value(json_object_get(o, "until"));
	model_bool(o, "locked", until > now);
	if (*text(g, "doubt"))
		model_text(o, "doubt", text(g, "doubt"));
	model_bool(o, "follows", json_is_true(json_object_get(g, "follows")));
	return o;
}

struct asked {
	int64_t request;
	char by[128];
};

static int
on_asked(const struct fact *f, void *cookie, struct err *e)
{
	struct asked *a = cookie;

	(void)e;
	if (json_integer_value(json_object_get(f->observed, "request")) == a->request &&
	    *text(f->observed, "asked_by"))
		(void)snprintf(a->by, sizeof(a->by), "%s", text(f->observed, "asked_by"));
	return 0;
}

static void
waiting(struct req *r, json_t *m, const json_t *p)
{
	json_t *o, *gens = json_array(), *g;
	struct asked a = {.request = json_integer_value(json_object_get(p, "request"))};
	size_t i;

	json_array_foreach(json_object_get(p, "generations"), i, g)
		(void)json_array_append_new(gens, gen_model(g, r->now));
	o = json_pack("{s:I, s:s, s:s, s:I, s:I, s:I, s:I, s:o}", "request", (json_int_t)a.request,
	    "policy", text(p, "policy"), "policy_text", text(p, "policy_text"), "days",
	    json_integer_value(json_object_get(p, "days_left")), "approvals",
	    json_integer_value(json_object_get(p, "approvals")), "needed",
	    json_integer_value(json_object_get(p, "approvals_needed")), "n",
	    (json_int_t)json_array_size(gens), "gens", gens);
	model_when(o, "since", text(p, "since"));
	model_when(o, "due", text(p, "due"));
	if (r->c->facts && *r->c->facts)
		(void)!facts_recent(*r->c->facts, "vault.prune.pending", on_asked, &a, NULL);
	model_text(o, "by", a.by[0] ? a.by : NULL);
	model_put(m, "waits", o);
}

/* listing(r, m, all): All generations, the newest first, a page at a time; those in doubt apart. */
static void
listing(struct req *r, json_t *m, const json_t *all)
{
	json_t *rows = json_array(), *doubts = json_array();
	size_t n = json_array_size(all);
	int64_t offset;

	model_put(m, "pager", model_pager(r, (int64_t)n, GENS_PAGE, &offset));
	for (size_t i = (size_t)offset; i < n && i < (size_t)offset + GENS_PAGE; i++)
		(void)json_array_append_new(
		    rows, gen_model(json_array_get(all, n - 1 - i), r->now));
	for (size_t i = n; i-- > 0;)
		if (*text(json_array_get(all, i), "doubt"))
			(void)json_array_append_new(
			    doubts, gen_model(json_array_get(all, i), r->now));
	model_put(m, "rows", rows);
	model_put(m, "doubts", doubts);
}

static int
state_page(struct req *r, struct err *e)
{
	json_t *out, *argv, *m;
	struct task t;
	int rc = vault_task_result(r, "state", &t, &argv, &out, e);

	if (rc < 0)
		return rc;
	task_free(&t);
	m = json_object();
	model_text(m, "repo", page_task_word(argv, 2));
	place_by(r, m, "repo = $1", page_task_word(argv, 2));
	json_decref(argv);
	if (!json_object_get(m, "place")) {
		json_decref(out);
		json_decref(m);
		return err_set(e, E_NOENT, "the place is gone");
	}
	if (json_is_object(json_object_get(out, "policy"))) {
		model_text(m, "policy", text(json_object_get(out, "policy"), "text"));
		model_text(m, "policy_name", text(json_object_get(out, "policy"), "name"));
		model_bool(m, "signed",
		    json_is_true(json_object_get(json_object_get(out, "policy"), "signed")));
		model_put(m, "people", json_incref(json_object_get(out, "approvers")));
		model_bool(m, "few", json_array_size(json_object_get(out, "approvers")) < 2);
	}
	if (json_is_object(json_object_get(out, "pending")))
		waiting(r, m, json_object_get(out, "pending"));
	listing(r, m, json_object_get(out, "generations"));
	json_decref(out);
	model_put(m, "crumbs", vault_crumbs("vault.state"));
	model_bool(m, "may_run", req_may(r, AREA_VAULT, VERB_RUN, NULL));
	model_bool(m, "may_guide", req_may(r, AREA_GUIDE, VERB_WRITE, NULL));
	return req_page(r, "vault-state", m, e);
}

/* --- somebody's word -------------------------------------------------------------------------- */

/* passphrase(r, argv, rel, e): The passphrase of the key that goes before it, where one was typed:
 * in a file of the spool, as the key itself, and removed with it (tasks.c). */
static int
passphrase(struct req *r, json_t *argv, char rel[SPOOL_NAME], struct err *e)
{
	const char *s = req_form(r, "passphrase");
	size_t n = strlen(s);
	char path[SPOOL_PATH];
	int rc;

	rel[0] = 0;
	if (n == 0)
		return 0;
	if (n > PWHASH_PASSWORD_MAX || strpbrk(s, "\r\n"))
		return err_set(e, E_INVAL, "no passphrase");
	rc = spool_put(r, s, n, rel, e);
	if (rc < 0) {
		rel[0] = 0;
		return rc;
	}
	spool_path(r, rel, path);
	(void)json_array_append_new(argv, json_string("--passphrase-file"));
	(void)json_array_append_new(argv, json_string(path));
	return 0;
}

/* with_key(r, n, argv, e): Start a command with the uploaded approver key, which is removed when
 * the command has ended (tasks.c). Takes ${argv}. */
static int
with_key(struct req *r, struct task_new *n, json_t *argv, struct err *e)
{
	struct upload *u = req_upload(r, "key");
	char path[SPOOL_PATH], pass[64];
	int rc;

	if (!u) {
		json_decref(argv);
		req_flash(r, "vault.approve.no_key");
		return req_go(r, e, "/vault");
	}
	spool_path(r, u->path, path);
	(void)json_array_append_new(argv, json_string("--approver-key"));
	(void)json_array_append_new(argv, json_string(path));
	rc = passphrase(r, argv, pass, e);
	if (rc < 0)
		json_decref(argv);
	else
		rc = vault_task(r, n, argv, NULL, e);
	if (rc == 0)
		upload_keep(u);
	else if (pass[0])
		(void)fio_unlink(r->c->state->f, r->c->state->dirfd, pass, NULL);
	return rc;
}

static int
approve(struct req *r, struct err *e)
{
	struct vault_place p;
	struct task_new n = {.word = "task.approve", .seconds = 3600, .go = "/vault"};
	int64_t request = req_num(req_form(r, "request"), 1, 999999999, 0);
	char no[24];
	int rc = vault_place_get(r, req_id(r, 0), &p, e);

	if (rc == 0 && (request == 0 || !vault_gen_ok(req_form(r, "policy"))))
		rc = err_set(e, E_INVAL, "no such request");
	if (rc < 0)
		return rc;
	(void)snprintf(no, sizeof(no), "%lld", (long long)request);
	req_note(r, "", "approve removal %s in %.100s", no, p.id);
	n.it = p.name;
	return with_key(r, &n, json_pack("[s,s,s,s,s,s,s,s,s]", "vault", "prune", p.repo,
	    "--policy", req_form(r, "policy"), "--request", no, "--by", r->s.account.login), e);
}

static int
refuse(struct req *r, struct err *e)
{
	struct vault_place p;
	struct task_new n = {.word = "task.refuse", .seconds = 3600, .go = "/vault"};
	int64_t request = req_num(req_form(r, "request"), 1, 999999999, 0);
	json_t *argv;
	char no[24];
	int rc = vault_place_get(r, req_id(r, 0), &p, e);

	if (rc < 0)
		return rc;
	argv = json_pack("[s,s,s,s,s,s]", "vault", "prune", p.repo, "--cancel", "--by",
	    r->s.account.login);
	if (request) { /* from the page that showed it; the alarm itself means whatever waits */
		(void)snprintf(no, sizeof(no), "%lld", (long long)request);
		(void)json_array_append_new(argv, json_string("--request"));
		(void)json_array_append_new(argv, json_string(no));
	}
	req_note(r, "", "refuse removal in %.100s", p.id);
	n.it = p.name;
	return vault_task(r, &n, argv, NULL, e);
}

static int
right(struct req *r, struct err *e)
{
	struct vault_place p;
	struct task_new n = {.word = "task.accept", .seconds = 3600, .go = "/vault"};
	const char *gen = req_form(r, "gen");
	int rc = vault_place_get(r, req_id(r, 0), &p, e);

	if (rc == 0 && !vault_gen_ok(gen))
		rc = err_set(e, E_NOENT, "no such generation");
	if (rc < 0)
		return rc;
	req_note(r, "", "generation %.40s in %.60s is right", gen, p.id);
	n.it = p.name;
	return with_key(r, &n, json_pack("[s,s,s,s]", "vault", "accept", p.repo, gen), e);
}

/* keep_alarm(r, e): It stays in doubt, and somebody looks into it: a finding, so that it has an
 * owner and a day. */
static int
keep_alarm(struct req *r, struct err *e)
{
	const char *name = req_form(r, "name"), *gen = req_form(r, "gen");
	char today[DAY_TEXT], title[400], detail[400];
	struct inspect_who who = {req_by(r), today, r->now};
	struct err why = {0};
	int64_t id = 0;
	json_t *f;
	int rc;

	day_local(r->now, today);
	(void)snprintf(title, sizeof(title), r->ja ? "疑わしい世代を調べる: %.200s"
	    : "Look into a generation in doubt: %.200s", name);
	(void)snprintf(detail, sizeof(detail), "%.64s – %.300s", gen, req_form(r, "why"));
	f = json_pack("{s:s,s:s,s:s,s:s,s:I}", "title", title, "detail", detail, "practice",
	    "backup", "owner", r->s.account.name, "severity", (json_int_t)3);
	rc = f ? finding_add(r->db, f, &who, &id, &why) : err_set(e, E_INVAL, "not text");
	json_decref(f);
	if (rc == E_EXIST) {
		req_flash(r, "vault.doubt.known");
		return req_go(r, e, "/guide/findings");
	}
	if (rc < 0)
		return err_set(e, rc, "%s", why.msg);
	req_note(r, "", "alarm kept: %.60s", gen);
	req_flash(r, "ok.alarm");
	return req_go(r, e, "/guide/findings/%lld", (long long)id);
}

/* --- disks ------------------------------------------------------------------------------------ */

static int
disks_look(struct req *r, struct err *e)
{
	struct task_new n = {.word = "task.disks", .keep = true, .seconds = 300};

	return vault_task(r, &n, json_pack("[s,s,s]", "vault", "disk", "list"), "/vault/disks", e);
}

static int
disks_page(struct req *r, struct err *e)
{
	json_t *out, *argv, *m, *rows, *d;
	struct task t;
	size_t i;
	int rc = vault_task_result(r, "disk", &t, &argv, &out, e);

	if (rc < 0)
		return rc;
	task_free(&t);
	json_decref(argv);
	rows = json_array();
	json_array_foreach(json_object_get(out, "disks"), i, d) {
		json_t *o = json_pack("{s:s, s:s, s:s, s:I, s:b, s:I}", "label", text(d, "label"),
		    "lies", text(d, "lies"), "repo", text(d, "repo"), "bytes",
		    json_integer_value(json_object_get(d, "bytes")), "attached",
		    json_is_true(json_object_get(d, "attached")), "systems",
		    (json_int_t)json_object_size(json_object_get(d, "systems")));

		model_when(o, "copied", text(d, "copied_at"));
		model_when(o, "proved", text(d, "proved_at"));
		(void)json_array_append_new(rows, o);
	}
	json_decref(out);
	m = json_object();
	model_put(m, "rows", rows);
	model_put(m, "crumbs", vault_crumbs("vault.disks"));
	return req_page(r, "vault-disks", m, e);
}

const struct route vault_state_rows[] = {
    {M_POST, "/vault/places/:id/state", AREA_VAULT, VERB_RUN, NULL, 0, look, 0},
    {M_GET, "/vault/state/:task", AREA_VAULT, VERB_READ, NULL, F_LOG, state_page, 0},
    /* the key decides; a fresh factor, because it may be the last word before removal */
    {M_POST, "/vault/places/:id/approve", AREA_VAULT, VERB_RUN, NULL, F_UPLOAD | F_FRESH, approve,
        KEY_FILE},
    {M_POST, "/vault/places/:id/refuse", AREA_VAULT, VERB_RUN, NULL, 0, refuse, 0},
    {M_POST, "/vault/places/:id/right", AREA_VAULT, VERB_RUN, NULL, F_UPLOAD | F_FRESH, right,
        KEY_FILE},
    {M_POST, "/vault/doubt", AREA_GUIDE, VERB_WRITE, NULL, 0, keep_alarm, 0},
    {M_POST, "/vault/disks", AREA_VAULT, VERB_RUN, NULL, 0, disks_look, 0},
    {M_GET, "/vault/disks/:task", AREA_VAULT, VERB_READ, NULL, F_LOG, disks_page, 0},
    {0},
};
