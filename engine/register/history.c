/* What was changed, when and by whom; how a record looked before; its files. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/time.h"
#include "ledger/evidence.h"
#include "register/register_int.h"
#include "text/day.h"

static int
no_memory(struct err *e)
{
	return err_set(e, E_NOMEM, "no memory for the history");
}

static int
take_rev(const struct db_row *row, void *cookie, struct err *e)
{
	json_t *changes = json_loads(db_col_text(row, 5), JSON_REJECT_DUPLICATES, NULL), *o;
	char at[TIME_TEXT];

	if (!json_is_object(changes)) {
		json_decref(changes);
		return err_set(e, E_CORRUPT, "a row of the history is damaged");
	}
	time_put(at, db_col_i64(row, 1));
	o = json_pack("{s:I, s:s, s:s, s:s, s:s, s:o}", "rev", (json_int_t)db_col_i64(row, 0),
	    "at", at, "by", db_col_text(row, 2), "how", db_col_text(row, 3), "note",
	    db_col_text(row, 4), "changes", changes);
	return o && json_array_append_new(cookie, o) == 0 ? 0 : no_memory(e);
}

static int
exists(struct db *db, const struct register_kind *k, const char *id, struct err *e)
{
	int64_t n = 0;
	int r = db_i64(db, "SELECT count(*) FROM records WHERE kind = $1 AND id = $2", &n, "ss", e,
	    k->key, id);

	if (r == 0 && n == 0)
		r = err_set(e, E_NOENT, "%s: there is no such record", id);
	return r;
}

int
register_history(struct db *db, const struct register_kind *k, const char *id, json_t **ret,
    struct err *e)
{
	json_t *list = json_array();
	int r = exists(db, k, id, e);

	if (r == 0)
		r = db_each(db, "SELECT rev, at, who, how, note, changes FROM record_revs "
		    "WHERE kind = $1 AND record = $2 ORDER BY rev DESC", take_rev, list, "ss", e,
		    k->key, id);
	if (r == 0)
		*ret = list;
	else
		json_decref(list);
	return r;
}

/* undo(values, changes): Back to before a change. */
static void
undo(json_t *values, json_t *changes)
{
	const char *key;
	json_t *pair;

	json_object_foreach(changes, key, pair) {
		const char *old = json_string_value(json_array_get(pair, 0));

		if (strcmp(key, "_state") == 0 || strcmp(key, "_file") == 0)
			continue;
		if (old && *old)
			(void)json_object_set_new(values, key, json_string(old));
		else
			(void)json_object_del(values, key);
	}
}

int
register_at(struct db *db, const struct register_kind *k, const char *id, int64_t rev,
    json_t **ret, struct err *e)
{
	struct register_row now;
	json_t *list, *one;
	size_t i;
	int r = register_load(db, k, id, &now, e);

	if (r < 0)
		return r;
	r = rev < 1 || rev > now.rev
	    ? err_set(e, E_NOENT, "%s: there is no revision %lld", id, (long long)rev)
	    : register_history(db, k, id, &list, e);
	if (r < 0) {
		json_decref(now.data);
		return r;
	}
	json_array_foreach(list, i, one) {
		if (json_integer_value(json_object_get(one, "rev")) > rev)
			undo(now.data, json_object_get(one, "changes"));
	}
	json_decref(list);
	*ret = now.data;
	return 0;
}

/* -- files ------------------------------------------------------------------------------------- */

struct file {
	const struct register_kind *k;
	const char *id, *name, *effective, *hex, *why;
	int64_t bytes, file;
	const struct register_who *who;
	char found[256];
};

/* bump(db, f, how, change, e): One more revision, for something beside the values. */
static int
bump(struct db *db, const struct file *f, const char *how, json_t *change, struct err *e)
{
	int64_t rev = 0;
	int r = db_exec(db, "UPDATE records SET rev = rev + 1, at = $3, who = $4 "
	    "WHERE kind = $1 AND id = $2", "ssis", e, f->k->key, f->id, f->who->now, f->who->who);

	if (r >= 0)
		r = db_i64(db, "SELECT rev FROM records WHERE kind = $1 AND id = $2", &rev, "ss",
		    e, f->k->key, f->id);
	if (r >= 0)
		r = register_note_rev(db, f->k, f->id, rev, f->who, how, f->why, change, e);
	json_decref(change);
	return r;
}

static int
attach_tx(struct db *db, void *cookie, struct err *e)
{
	const struct file *f = cookie;
	int64_t n = 0;
	int r = exists(db, f->k, f->id, e);

	if (r == 0)
		r = db_i64(db, "SELECT count(*) FROM record_files WHERE kind = $1 AND record = $2 "
		    "AND sha256 = $3 AND gone_at IS NULL", &n, "sss", e, f->k->key, f->id, f->hex);
	if (r == 0 && n > 0)
		r = err_set(e, E_EXIST, "%s: this file is attached already", f->name);
	if (r == 0)
		r = db_exec(db, "INSERT INTO record_files (kind, record, sha256, name, bytes, "
		    "effective, at, who) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)", "ssssisis", e,
		    f->k->key, f->id, f->hex, f->name, f->bytes, f->effective, f->who->now,
		    f->who->who);
	if (r >= 0)
		r = bump(db, f, "attach", json_pack("{s:[s, s]}", "_file", "", f->name), e);
	return r < 0 ? r : 0;
}

int
register_attach(struct db *db, const struct state *st, const struct register_kind *k,
    const char *id, int fd, const char *name, const char *effective,
    const struct register_who *who, char ret_sha256[65], struct err *e)
{
	static const struct register_kind plain = {.key = ""};
	static const struct register_field field = {.key = "name", .type = REGISTER_TEXT};
	struct register_kind one = plain;
	struct file f = {.k = k, .id = id, .hex = ret_sha256, .who = who, .why = ""};
	json_t *in = json_pack("{s:s}", "name", name), *tidy = NULL, *problems = NULL;
	char day[DAY_TEXT] = "";
	struct stat sb;
	int r;

	one.fields = &field;
	one.nfields = 1;
	r = in ? register_tidy(&one, in, true, &tidy, &problems) : E_INVAL;
	f.name = register_str(tidy, "name");
	f.effective = day;
	if (r < 0 || !*f.name || strlen(f.name) > 255)
		r = err_set(e, E_INVAL, "a file needs a name of at most 255 bytes");
	else if (effective && *effective && day_parse(effective, day) < 0)
		r = err_set(e, E_INVAL, "%.40s: not a day", effective);
	else if (fstat(fd, &sb) < 0)
		r = err_sys(e, "%s", name);
	else if ((f.bytes = sb.st_size) > REGISTER_MAX_FILE)
		r = err_set(e, E_LIMIT, "%s: more than %d MiB", name, REGISTER_MAX_FILE >> 20);
	if (r == 0)
		r = exists(db, k, id, e);
	if (r == 0)
		r = evidence_put_fd(st, fd, REGISTER_MAX_FILE, ret_sha256, e);
	if (r == 0)
		r = db_tx(db, attach_tx, &f, e);
	json_decref(in);
	json_decref(tidy);
	json_decref(problems);
	return r;
}

static int
take_name(const struct db_row *row, void *cookie, struct err *e)
{
	struct file *f = cookie;

	(void)e;
	(void)snprintf(f->found, sizeof(f->found), "%s", db_col_text(row, 0));
	return 1;
}

static int
detach_tx(struct db *db, void *cookie, struct err *e)
{
	struct file *f = cookie;
	int r = db_each(db, "SELECT name FROM record_files WHERE id = $1 AND kind = $2 AND "
	    "record = $3 AND gone_at IS NULL", take_name, f, "iss", e, f->file, f->k->key, f->id);

	if (r == 0)
		r = err_set(e, E_NOENT, "there is no such file with the record");
	if (r > 0)
		r = db_exec(db, "UPDATE record_files SET gone_at = $2 WHERE id = $1", "ii", e,
		    f->file, f->who->now);
	if (r >= 0)
		r = bump(db, f, "detach", json_pack("{s:[s, s]}", "_file", f->found, ""), e);
	return r < 0 ? r : 0;
}

int
register_detach(struct db *db, const struct register_kind *k, const char *id, int64_t file,
    const char *why, const struct register_who *who, struct err *e)
{
	struct file f = {.k = k, .id = id, .file = file, .who = who, .why = why ? why : ""};

	return db_tx(db, detach_tx, &f, e);
}

static int
take_file(const struct db_row *row, void *cookie, struct err *e)
{
	char at[TIME_TEXT];
	json_t *o;

	time_put(at, db_col_i64(row, 5));
	o = json_pack("{s:I, s:s, s:s, s:I, s:s, s:s, s:s}", "id", (json_int_t)db_col_i64(row, 0),
	    "sha256", db_col_text(row, 1), "name", db_col_text(row, 2), "bytes",
	    (json_int_t)db_col_i64(row, 3), "effective", db_col_text(row, 4), "at", at, "by",
	    db_col_text(row, 6));
	return o && json_array_append_new(cookie, o) == 0 ? 0 : no_memory(e);
}

int
register_files(struct db *db, const struct register_kind *k, const char *id, json_t **ret,
    struct err *e)
{
	json_t *list = json_array();
	int r = db_each(db, "SELECT id, sha256, name, bytes, effective, at, who FROM record_files "
	    "WHERE kind = $1 AND record = $2 AND gone_at IS NULL ORDER BY id DESC", take_file,
	    list, "ss", e, k->key, id);

	if (r == 0)
		*ret = list;
	else
		json_decref(list);
	return r;
}
