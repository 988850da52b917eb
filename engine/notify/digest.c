#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/num.h"
#include "base/utf8.h"
#include "notify/notify.h"
#include "notify/notify_int.h"
#include "text/day.h"

enum { LIST_LINES = 8, DUE_DAYS = 14 };

static const char *
text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

#define SAY(ja_text, en_text) (m->ja ? (ja_text) : (en_text))

struct week {
	int64_t made, drills, drills_bad, other_red;
};

static int
on_fact(const struct fact *f, void *cookie, struct err *e)
{
	struct week *w = cookie;
	size_t n = strlen(f->check);

	(void)e;
	if (strcmp(f->check, "vault.generation.age") == 0 && f->outcome == FACT_PASS)
		w->made++;
	if (n > 12 && strncmp(f->check, "vault.", 6) == 0 &&
	    strcmp(f->check + n - 6, ".drill") == 0) {
		w->drills++;
		w->drills_bad += f->outcome != FACT_PASS;
	}
	return 0;
}

/* more(out, m, n, e): "... and N more" */
static int
more(struct buf *out, const struct notify_mail *m, size_t n, struct err *e)
{
	return n == 0 ? 0 : buf_fmt(out, e, SAY("  ほか %zu 件\n", "  and %zu more\n"), n);
}

static int
reds(struct db *db, const struct notify_mail *m, const json_t *all, bool open, int64_t since,
    struct buf *out, size_t *ret_n, struct err *e)
{
	size_t i, n = 0;
	json_t *v;
	int r = 0;

	json_array_foreach(all, i, v) {
		int64_t cleared = json_integer_value(json_object_get(v, "cleared"));

		if (r < 0 || (cleared == 0) != open || (!open && cleared <= since))
			continue;
		if (++n > LIST_LINES)
			continue;
		r = buf_str(out, open ? "  ■ " : "  ● ", e);
		if (r == 0)
			r = notify_alarm_text(db, v, m->ja, out, e);
		if (r == 0)
			r = buf_str(out, "\n", e);
	}
	*ret_n = n;
	return r == 0 && n > LIST_LINES ? more(out, m, n - LIST_LINES, e) : r;
}

static int
dates(struct db *db, const struct notify_mail *m, const char *from, const char *to,
    const char *head, struct buf *out, struct err *e)
{
	json_t *list = NULL, *v;
	size_t i;
	int r = notify_dates(db, from, to, m->ja, &list, e);

	if (r == 0)
		r = buf_fmt(out, e, "\n%s %zu\n", head, json_array_size(list));
	json_array_foreach(list, i, v)
		if (r == 0 && i < LIST_LINES)
			r = buf_fmt(out, e, "  %.10s  %.*s\n", text(v, "day"),
			    utf8_cut(text(v, "title"), 160), text(v, "title"));
	if (r == 0 && json_array_size(list) > LIST_LINES)
		r = more(out, m, json_array_size(list) - LIST_LINES, e);
	json_decref(list);
	return r;
}

static int
changes(struct db *db, struct facts *fs, const struct notify_mail *m, const json_t *alarms,
    int64_t since, struct buf *out, struct err *e)
{
	struct facts_filter week = {.check = "vault.", .since = since};
	int64_t opened = 0, closed = 0;
	struct week w = {0};
	size_t n = 0;
	int r = fs ? facts_each(fs, &week, on_fact, &w, NULL, e) : 0;

	if (r == 0)
		r = db_i64(db, "SELECT count(*) FROM guide_findings WHERE at > $1", &opened, "i", e,
		    since);
	if (r == 0)
		r = db_i64(db, "SELECT count(*) FROM guide_findings WHERE ended_at > $1", &closed,
		    "i", e, since);
	if (r == 0)
		r = buf_fmt(out, e,
		    SAY("\nこの一週間\n  写し %lld 回、訓練 %lld 回（うまくいかなかったもの %lld）\n"
			"  指摘: 新しいもの %lld、終わったもの %lld\n",
			"\nThis week\n  %lld generations, %lld drills (%lld did not go well)\n"
			"  findings: %lld opened, %lld closed\n"),
		    (long long)w.made, (long long)w.drills, (long long)w.drills_bad,
		    (long long)opened, (long long)closed);
	if (r == 0)
		r = reds(db, m, alarms, false, since, out, &n, e);
	return r;
}

int
notify_digest(struct db *db, struct facts *fs, const struct notify_mail *m, int64_t now,
    struct buf *out, struct err *e)
{
	int64_t since = now - 7 * TIME_DAY;
	char today[DAY_TEXT], last[DAY_TEXT], soon[DAY_TEXT];
	struct buf AUTO(buf_free) red = {0};
	json_t *alarms = NULL;
	size_t open = 0;
	int r = notify_alarms(db, since, &alarms, e);

	day_local(now, today);
	day_add(today, 0, -1, last);
	day_add(today, 0, DUE_DAYS, soon);
	buf_init(&red, NOTIFY_BODY);
	if (r == 0)
		r = reds(db, m, alarms, true, 0, &red, &open, e);
	if (r == 0 && open == 0)
		r = buf_fmt(out, e, "%s (%s)\n\n● %s\n", SAY("今週の守り", "Mamori, this week"), today,
		    SAY("赤はありません。", "Nothing is red."));
	else if (r == 0)
		r = buf_fmt(out, e, SAY("今週の守り (%s)\n\n■ 赤が %zu 件あります。\n",
		    "Mamori, this week (%s)\n\n■ %zu are red.\n"), today, open);
	if (r == 0 && red.len > 0)
		r = buf_put(out, red.p, red.len, e);
	if (r == 0)
		r = changes(db, fs, m, alarms, since, out, e);
	if (r == 0)
		r = dates(db, m, "1868-01-01", last, SAY("期日を過ぎたもの", "Overdue"), out, e);
	if (r == 0)
		r = dates(db, m, today, soon, SAY("これから 14 日の期日", "Due within 14 days"), out, e);
	if (r == 0 && m->base[0])
		r = buf_fmt(out, e, "\n%s/\n", m->base);
	json_decref(alarms);
	return r;
}

int64_t
notify_week(int64_t now, char ret_day[11])
{
	time_t t = (time_t)(now / TIME_SEC);
	struct tm tm, mon;
	time_t at;

	(void)localtime_r(&t, &tm);
	for (int back = (tm.tm_wday + 6) % 7;; back += 7) {
		mon = (struct tm){.tm_year = tm.tm_year,
		    .tm_mon = tm.tm_mon,
		    .tm_mday = tm.tm_mday - back,
		    .tm_hour = 8,
		    .tm_min = 30,
		    .tm_isdst = -1};
		at = mktime(&mon);
		if (at <= t)
			break;
	}
	day_local((int64_t)at * TIME_SEC, ret_day);
	return (int64_t)at * TIME_SEC;
}

int
notify_weekly(struct db *db, struct facts *fs, int64_t now, struct err *e)
{
	struct buf AUTO(buf_free) b = {0};
	char day[DAY_TEXT], once[400], subject[300];
	struct notify_mail mail, *m = &mail;
	int64_t week = notify_week(now, day), there = 0;
	int r = notify_mail_get(db, &mail, e), put = 0;

	if (r < 0 || !m->url[0] || !m->digest || m->nto == 0 || m->since > week)
		return r;
	(void)snprintf(once, sizeof(once), "digest:%.10s:%.254s", day, m->to[0]);
	r = db_i64(db, "SELECT count(*) FROM outbox WHERE once = $1", &there, "s", e, once);
	if (r < 0 || there > 0)
		return r;
	buf_init(&b, NOTIFY_BODY);
	r = notify_digest(db, fs, m, now, &b, e);
	(void)snprintf(subject, sizeof(subject), "%s %s – %.160s", SAY("今週の守り", "This week"), day,
	    m->name[0] ? m->name : SAY("守り", "Mamori"));
	for (size_t i = 0; i < m->nto && r >= 0; i++) {
		struct notify_new n = {.way = "mail", .target = m->to[i], .kind = "digest",
		    .subject = subject, .body = buf_cstr(&b, e), .once = once};

		(void)snprintf(once, sizeof(once), "digest:%.10s:%.254s", day, m->to[i]);
		r = n.body ? notify_put(db, &n, now, e) : E_NOMEM;
		put += r > 0;
	}
	return r < 0 ? r : put;
}
