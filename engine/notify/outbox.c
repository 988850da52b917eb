#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/num.h"
#include "base/utf8.h"
#include "notify/notify.h"
#include "notify/notify_int.h"
#include "text/mime.h"

enum { AT_ONCE = 200, TARGET_WAITING = 300 };

void
notify_random_id(char out[NOTIFY_ID], const char *prefix)
{
	uint8_t raw[12] = {0};
	char hex[25];

	while (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
		;
	hex_put(hex, raw, sizeof(raw));
	(void)snprintf(out, NOTIFY_ID, "%.8s%s", prefix, hex);
}

int
notify_rows_take(const struct db_row *row, void *cookie, struct err *e)
{
	struct notify_rows *x = cookie;
	json_t *o = json_object();

	for (size_t i = 0; o && i < x->n; i++) {
		const char *name = x->cols[i];
		json_t *v = name[0] == '#' ? json_integer(db_col_i64(row, (int)i))
					   : json_string(db_col_text(row, (int)i));

		(void)json_object_set_new(o, name[0] == '#' ? name + 1 : name, v);
	}
	return !o || json_array_append_new(x->list, o) < 0 ? err_set(e, E_NOMEM, "no memory") : 0;
}

/* clean(s, lines): A copy in which control characters are spaces; ${lines}: but not ends of lines.
 */
static char *
clean(const char *s, bool lines)
{
	char *t = strdup(s);

	for (char *p = t; p && *p; p++)
		if (((unsigned char)*p < 0x20 && !(lines && *p == '\n')) || *p == 0x7f)
			*p = ' ';
	return t;
}

int
notify_put(struct db *db, const struct notify_new *n, int64_t now, struct err *e)
{
	char id[NOTIFY_ID], *subject = clean(n->subject ? n->subject : "", false);
	char *body = clean(n->body, true);
	int64_t waiting = 0, mine = 0;
	int r = subject && body ? 0 : err_set(e, E_NOMEM, "no memory for a message");

	if (r == 0 && (strlen(body) > NOTIFY_BODY || !utf8_ok(body, strlen(body)) ||
	    strlen(subject) > 1000 || !utf8_ok(subject, strlen(subject)) ||
	    !notify_line_ok(n->target, NOTIFY_ADDR)))
		r = err_set(e, E_INVAL, "a message is too long, or no text");
	if (r == 0)
		r = db_i64(db,
		    "SELECT count(*) FROM outbox WHERE way = $1 AND sent = 0 AND gave_up = 0",
		    &waiting, "s", e, n->way);
	if (r == 0)
		r = db_i64(db, "SELECT count(*) FROM outbox WHERE way = $1 AND target = $2 AND "
		    "sent = 0 AND gave_up = 0", &mine, "ss", e, n->way, n->target);
	if (r == 0 && (waiting >= NOTIFY_WAITING || mine >= TARGET_WAITING))
		r = err_set(e, E_LIMIT, "%lld messages are waiting to be sent", (long long)waiting);
	notify_random_id(id, n->way[0] == 'm' ? "m-" : "msg-");
	if (r == 0)
		r = db_exec(db,
		    "INSERT INTO outbox (id, way, target, kind, subject, body, created, "
		    "next_at, once, about) VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9) "
		    "ON CONFLICT DO NOTHING",
		    "ssssssiss", e, id, n->way, n->target, n->kind, subject, body, now,
		    n->once ? n->once : "", n->about ? n->about : "");
	free(subject);
	free(body);
	return r;
}

int
notify_ask(struct db *db, int64_t id, const char *to, const char *subject, const char *body,
    int chase, const char *day, int64_t now, struct err *e)
{
	char about[60], once[400];
	struct notify_new n = {.way = "mail",
	    .target = to,
	    .kind = chase ? "request.chase" : "request",
	    .subject = subject,
	    .body = body,
	    .about = about,
	    .once = once};
	int r;

	if (!mime_addr_ok(to))
		return err_set(e, E_INVAL, "to: not a mail address");
	(void)snprintf(about, sizeof(about), "request:%lld", (long long)id);
	if (chase)
		(void)snprintf(once, sizeof(once), "chase:%lld:%d", (long long)id, chase);
	else
		(void)snprintf(
		    once, sizeof(once), "request:%lld:%s:%.254s", (long long)id, day, to);
	r = notify_put(db, &n, now, e);
	if (r == 0) /* who asks again for what was given up wants another try */
		r = db_exec(db,
		    "UPDATE outbox SET gave_up = 0, tries = 0, next_at = $2 WHERE once = $1 AND "
		    "sent = 0 AND gave_up > 0",
		    "si", e, once, now);
	return r;
}

static int
on_addr(const struct db_row *row, void *cookie, struct err *e)
{
	(void)e;
	(void)snprintf(cookie, NOTIFY_ADDR, "%s", db_col_text(row, 0));
	return 1;
}

int
notify_asked(struct db *db, int64_t id, char ret[NOTIFY_ADDR], struct err *e)
{
	char about[60];
	int r;

	(void)snprintf(about, sizeof(about), "request:%lld", (long long)id);
	r = db_each(db,
	    "SELECT target FROM outbox WHERE way = 'mail' AND about = $1 ORDER BY n DESC "
	    "LIMIT 1",
	    on_addr, ret, "s", e, about);
	return r < 0 ? r : r == 0 ? err_set(e, E_NOENT, "it was not sent by mail") : 0;
}

/* -- sending ----------------------------------------------------------------------------------- */

struct due {
	struct notify_msg *v;
	size_t n;
};

static int
on_due(const struct db_row *row, void *cookie, struct err *e)
{
	struct due *d = cookie;
	struct notify_msg *m = &d->v[d->n];

	m->n = db_col_i64(row, 0);
	(void)snprintf(m->id, sizeof(m->id), "%s", db_col_text(row, 1));
	(void)snprintf(m->way, sizeof(m->way), "%s", db_col_text(row, 2));
	(void)snprintf(m->target, sizeof(m->target), "%s", db_col_text(row, 3));
	(void)snprintf(m->kind, sizeof(m->kind), "%s", db_col_text(row, 4));
	(void)snprintf(m->about, sizeof(m->about), "%s", db_col_text(row, 5));
	m->subject = strdup(db_col_text(row, 6));
	m->body = strdup(db_col_text(row, 7));
	m->created = db_col_i64(row, 8);
	m->tries = (int)db_col_i64(row, 9);
	d->n++;
	return m->subject && m->body ? 0 : err_set(e, E_NOMEM, "no memory for a message");
}

int
notify_due(struct db *db, int64_t now, const char *way, notify_fn *fn, void *cookie, struct err *e)
{
	struct due d = {.v = calloc(AT_ONCE, sizeof(*d.v))};
	int r = d.v ? 0 : err_set(e, E_NOMEM, "no memory for the outbox");

	/* read first: who is called writes */
	if (r == 0)
		r = db_each(db,
		    "SELECT n, id, way, target, kind, about, subject, body, created, tries "
		    "FROM outbox WHERE sent = 0 AND gave_up = 0 AND next_at <= $1 AND way = $2 "
		    "ORDER BY next_at, n LIMIT 200",
		    on_due, &d, "is", e, now, way);
	for (size_t i = 0; i < d.n && r == 0; i++)
		r = fn(&d.v[i], cookie, e);
	for (size_t i = 0; i < d.n; i++) {
		free(d.v[i].subject);
		free(d.v[i].body);
	}
	free(d.v);
	return r;
}

int64_t
notify_pause(int tries)
{
	static const int minutes[] = {1, 5, 15, 60, 120, 240, 480, 720};
	int last = (int)ARRAY_LEN(minutes) - 1;

	return minutes[tries < 1 ? 0 : tries - 1 > last ? last : tries - 1] * 60 * TIME_SEC;
}

int
notify_begin(struct db *db, int64_t n, int64_t now, struct err *e)
{
	/* when the sender dies now, the next one waits a little, as after a failure */
	int r = db_exec(db, "UPDATE outbox SET tries = tries + 1, tried_at = $2, next_at = $3, "
	    "gave_up = CASE WHEN tries >= $4 THEN $2 ELSE 0 END, message = 'cut off while sending' "
	    "WHERE n = $1", "iiii", e, n, now, now + notify_pause(1), (int64_t)NOTIFY_TRIES);

	return r < 0 ? r : 0;
}

int
notify_sent(struct db *db, int64_t n, int64_t now, struct err *e)
{
	int r = db_exec(db, "UPDATE outbox SET sent = $2, gave_up = 0, message = '' WHERE n = $1",
	    "ii", e, n, now);

	return r < 0 ? r : 0;
}

int
notify_failed(struct db *db, int64_t n, int64_t now, const char *why, bool for_good, struct err *e)
{
	int64_t tries = 0;
	bool end;
	char *text = clean(why, false);
	int r = text ? db_i64(db, "SELECT tries FROM outbox WHERE n = $1", &tries, "i", e, n)
		     : err_set(e, E_NOMEM, "no memory");

	end = for_good || tries >= NOTIFY_TRIES;
	if (r == 0)
		r = db_exec(db,
		    "UPDATE outbox SET next_at = $2, gave_up = $3, message = $4 WHERE n = $1",
		    "iiis", e, n, now + notify_pause((int)tries), end ? now : (int64_t)0,
		    utf8_ok(text, strlen(text)) ? text : "?");
	free(text);
	return r < 0 ? r : end;
}

int
notify_again(struct db *db, int64_t n, int64_t now, struct err *e)
{
	int r = db_exec(db,
	    "UPDATE outbox SET gave_up = 0, tries = 0, next_at = $2 WHERE n = $1 AND "
	    "sent = 0",
	    "ii", e, n, now);

	return r < 0 ? r : r == 0 ? err_set(e, E_NOENT, "there is no such message to be sent") : 0;
}

/* -- looking ----------------------------------------------------------------------------------- */

int
notify_list(struct db *db, const char *way, const char *target, int limit, json_t **ret,
    struct err *e)
{
	static const char *const cols[] = {"#n", "id", "way", "target", "kind", "subject", "about",
	    "#created", "#tries", "#next_at", "#sent", "#gave_up", "message"};
	struct notify_rows rows = {cols, ARRAY_LEN(cols), json_array()};
	int r = db_each(db,
	    "SELECT n, id, way, target, kind, subject, about, created, tries, next_at, "
	    "sent, gave_up, message FROM outbox WHERE ($1 = '' OR way = $1) AND ($2 = '' OR "
	    "target = $2) ORDER BY n DESC LIMIT $3",
	    notify_rows_take, &rows, "ssi", e, way ? way : "", target ? target : "",
	    (int64_t)limit);

	if (r < 0)
		json_decref(rows.list);
	else
		*ret = rows.list;
	return r;
}

static int
on_counts(const struct db_row *row, void *cookie, struct err *e)
{
	struct notify_counts *c = cookie;

	(void)e;
	c->waiting = db_col_i64(row, 0);
	c->late = db_col_i64(row, 1);
	c->given_up = db_col_i64(row, 2);
	c->sent = db_col_i64(row, 3);
	c->last_sent = db_col_i64(row, 4);
	return 0;
}

int
notify_counts(struct db *db, const char *way, int64_t now, struct notify_counts *ret, struct err *e)
{
	*ret = (struct notify_counts){0};
	return db_each(db, "SELECT "
	    "coalesce(sum(CASE WHEN sent = 0 AND gave_up = 0 THEN 1 ELSE 0 END), 0), "
	    "coalesce(sum(CASE WHEN sent = 0 AND gave_up = 0 AND tries > 0 THEN 1 ELSE 0 END), 0), "
	    "coalesce(sum(CASE WHEN gave_up > $1 THEN 1 ELSE 0 END), 0), "
	    "coalesce(sum(CASE WHEN sent > 0 THEN 1 ELSE 0 END), 0), coalesce(max(sent), 0) "
	    "FROM outbox WHERE way = $2", on_counts, ret, "is", e, now - 14 * TIME_DAY, way);
}

int
notify_tidy(struct db *db, int64_t now, struct err *e)
{
	int r = db_exec(db, "DELETE FROM outbox WHERE created < $1 AND (sent > 0 OR gave_up > 0)",
	    "i", e, now - 90 * TIME_DAY);

	if (r >= 0)
		r = db_exec(db, "DELETE FROM alarms WHERE cleared > 0 AND cleared < $1", "i", e,
		    now - 400 * TIME_DAY);
	return r < 0 ? r : 0;
}
