#include "guide/proof.h"

#include <string.h>
#include <sys/stat.h>

#include "base/num.h"
#include "base/utf8.h"
#include "guide/rows.h"
#include "ledger/evidence.h"
#include "text/day.h"

static int
text_of(const json_t *meta, const char *key, const char *otherwise, size_t max, const char **ret,
    struct err *e)
{
	const char *s = json_string_value(json_object_get(meta, key));

	*ret = s && *s ? s : otherwise;
	if (!*ret)
		return err_set(e, E_INVAL, "evidence: %s is missing", key);
	return strlen(*ret) > max ? err_set(e, E_LIMIT, "evidence: %s is too long", key) : 0;
}

static int
day_of(const json_t *meta, const char *key, const char *otherwise, const char **ret, struct err *e)
{
	int r = text_of(meta, key, otherwise, 10, ret, e);

	if (r == 0 && **ret && !day_ok(*ret))
		r = err_set(e, E_INVAL, "evidence: %s is not a day like 2026-11-25", key);
	return r;
}

struct add {
	const char *about, *subject, *hex, *title, *name, *effective, *expires, *source;
	int64_t bytes, id;
	const struct inspect_who *who;
};

static int
add_tx(struct db *db, void *cookie, struct err *e)
{
	struct add *a = cookie;

	return db_i64(db,
	    "INSERT INTO guide_proofs (about, subject, sha256, title, name, bytes, effective, "
	    "expires, source, at, who) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) "
	    "RETURNING id", &a->id, "sssssisssis", e, a->about, a->subject, a->hex, a->title,
	    a->name, a->bytes, a->effective, a->expires, a->source, a->who->now, a->who->who);
}

int
proof_add(struct db *db, const struct state *st, const char *about, const char *subject, int fd,
    const json_t *meta, const struct inspect_who *who, int64_t *ret_id, char hex[65], struct err *e)
{
	static const char *const kinds[] = {"practice", "item", "finding", "request", "review"};
	struct add a = {.about = about, .subject = subject, .hex = hex, .who = who};
	enum fact_by by;
	struct stat sb;
	bool known = false;
	int r = text_of(meta, "name", NULL, 255, &a.name, e);

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		known = known || strcmp(kinds[i], about) == 0;
	if (!known || !subject || !*subject || strlen(subject) > 200)
		return err_set(e, E_INVAL, "evidence: about what?");
	if (r == 0)
		r = text_of(meta, "title", a.name, 300, &a.title, e);
	if (r == 0)
		r = day_of(meta, "effective", who->today, &a.effective, e);
	if (r == 0)
		r = day_of(meta, "expires", "", &a.expires, e);
	if (r == 0)
		r = text_of(meta, "source", "declared", 16, &a.source, e);
	if (r == 0 && fact_by_get(a.source, &by) < 0)
		r = err_set(e, E_INVAL, "evidence: source is not one of the known words");
	if (r == 0 && strcmp(a.effective, who->today) > 0)
		r = err_set(e, E_INVAL, "evidence: the day that it shows lies in the future");
	if (r == 0 && fstat(fd, &sb) < 0)
		r = err_sys(e, "evidence");
	if (r == 0 && sb.st_size == 0)
		r = err_set(e, E_INVAL, "evidence: the file is empty");
	if (r == 0)
		r = evidence_put_fd(st, fd, PROOF_MAX, hex, e);
	if (r == 0) {
		a.bytes = sb.st_size;
		r = db_tx(db, add_tx, &a, e);
	}
	if (r == 0)
		*ret_id = a.id;
	return r;
}

int
proof_hide(struct db *db, int64_t id, const struct inspect_who *who, struct err *e)
{
	int r = db_exec(db,
	    "UPDATE guide_proofs SET gone_at = $2 WHERE id = $1 AND gone_at IS NULL", "ii", e, id,
	    who->now);

	return r == 0 ? err_set(e, E_NOENT, "there is no such evidence") : r < 0 ? r : 0;
}

static const char *const cols[] = {"#id", "about", "subject", "sha256", "title", "name", "#bytes",
    "effective", "expires", "source", "@at", "who"};
#define SELECT                                                                                     \
	"SELECT id, about, subject, sha256, title, name, bytes, effective, expires, source, at, "  \
	"who FROM guide_proofs WHERE gone_at IS NULL "

int
proof_list(struct db *db, const char *about, const char *subject, json_t **ret, struct err *e)
{
	struct rows rows = rows_begin(cols, ARRAY_LEN(cols));
	int r = db_each(db, SELECT "AND about = $1 AND ($2 = '' OR subject = $2) ORDER BY id DESC",
	    rows_take, &rows, "ss", e, about, subject ? subject : "");

	return rows_end(&rows, r, ret, e);
}

int
proof_get(struct db *db, int64_t id, json_t **ret, struct err *e)
{
	struct rows rows = rows_begin(cols, ARRAY_LEN(cols));
	int r = db_each(db, SELECT "AND id = $1", rows_take, &rows, "i", e, id);

	return rows_one(&rows, r, ret, e);
}

bool
proof_fresh(const json_t *list, const char *today)
{
	json_t *v;
	size_t i;

	json_array_foreach(list, i, v) {
		const char *s = json_string_value(json_object_get(v, "expires"));

		if (!s || !*s || strcmp(s, today) >= 0)
			return true;
	}
	return false;
}
