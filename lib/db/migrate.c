/* The schema moves forward one numbered step at a time, each in its own transaction. */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "crypt/digest.h"
#include "db/db_int.h"

static void
sum_of(const struct db_step *s, char out[2 * DIGEST_LEN + 1])
{
	uint8_t h[DIGEST_LEN];

	digest_sha256(s->sql, s->len, h);
	hex_put(out, h, sizeof(h));
}

struct past {
	const struct db_step *steps;
	size_t n;
	int64_t last;
};

static int
check_past(const struct db_row *row, void *cookie, struct err *e)
{
	struct past *p = cookie;
	int64_t n = db_col_i64(row, 0);
	char sum[2 * DIGEST_LEN + 1];

	if (n != p->last + 1)
		return err_set(e, E_CORRUPT, "records database: schema step %lld is missing",
		    (long long)p->last + 1);
	p->last = n;
	if ((size_t)n > p->n)
		return 0; /* newer: reported with the highest number, below */
	sum_of(&p->steps[n - 1], sum);
	if (strcmp(sum, db_col_text(row, 1)) != 0)
		return err_set(e, E_CORRUPT,
		    "records database: schema step %lld (%s) had another text when it was taken",
		    (long long)n, p->steps[n - 1].name);
	return 0;
}

struct take {
	const struct db_step *step;
	int64_t now;
};

static int
take_step(struct db *db, void *cookie, struct err *e)
{
	struct take *t = cookie;
	char sum[2 * DIGEST_LEN + 1];
	int r = db_script(db, t->step->sql, t->step->len, e);

	if (r < 0)
		return err_wrap(e, "step %u (%s)", t->step->n, t->step->name);
	sum_of(t->step, sum);
	r = db_exec(db, "INSERT INTO schema_steps (n, name, sum, at) VALUES ($1, $2, $3, $4)",
	    "issi", e, (int64_t)t->step->n, t->step->name, sum, t->now);
	return r < 0 ? r : 0;
}

static int
make_table(struct db *db, void *cookie, struct err *e)
{
	static const char sql[] = "CREATE TABLE IF NOT EXISTS schema_steps ("
				  "n {{i64}} PRIMARY KEY, name {{text}} NOT NULL, "
				  "sum {{text}} NOT NULL, at {{i64}} NOT NULL) {{table}};";
	int r = db_claim(db, e);

	(void)cookie;
	return r < 0 ? r : db_script(db, sql, sizeof(sql) - 1, e);
}

int
db_migrate(struct db *db, const struct db_step *steps, size_t n, int64_t now, struct err *e)
{
	struct past p = {steps, n, 0};
	int r, done = 0;

	for (size_t i = 0; i < n; i++)
		if (steps[i].n != i + 1)
			return err_set(
			    e, E_INVAL, "schema: step %zu is numbered %u", i + 1, steps[i].n);
	r = db_tx(db, make_table, NULL, e);
	if (r == 0)
		r = db_each(
		    db, "SELECT n, sum FROM schema_steps ORDER BY n", check_past, &p, "", e);
	if (r < 0)
		return r;
	if ((size_t)p.last > n)
		return err_set(e, E_PROTO,
		    "the records database was written by a newer Mamori (schema %lld, this program "
		    "knows %zu); install that version again, nothing was changed",
		    (long long)p.last, n);
	for (size_t i = (size_t)p.last; i < n; i++, done++) {
		struct take t = {&steps[i], now};

		r = db_tx(db, take_step, &t, e);
		if (r < 0)
			return r;
	}
	return done;
}
