/* mamori notify: mail, what waits to be sent, the week in one page, a calendar. */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "cli/cli_report.h"
#include "cli/notify_cli.h"
#include "identity/accesslog.h"
#include "text/day.h"
#include "text/ical.h"

#define USAGE_SET                                                                                  \
	"mamori notify set [--server URL] [--from ADDRESS] [--name TEXT] [--reply ADDRESS] "       \
	"[--user NAME] [--password-file FILE] [--to ADDRESS]... [--base URL] [--ca FILE] "         \
	"[--words ja|en] [--red on|off] [--digest on|off]"

int
notify_cli_open(struct cli *c, struct notify_cli *x)
{
	struct err e = {0};
	int r;

	*x = (struct notify_cli){.c = c, .now = time_now_us()};
	r = cli_records(c, false, &x->st, &x->db);
	if (r != CLI_OK)
		return r;
	/* a record that cannot be opened is told by others; what waits is sent all the same */
	if (facts_open(&x->st, true, x->now, &x->facts, &e) < 0)
		x->facts = NULL;
	return CLI_OK;
}

void
notify_cli_close(struct notify_cli *x)
{
	notify_maker_end(&x->maker);
	facts_close(x->facts);
	db_close(x->db);
	state_close(&x->st);
}

int
notify_cli_end(struct notify_cli *x, int r, const struct err *e, const char *ja, const char *en)
{
	notify_cli_close(x);
	return r < 0 ? cli_fail(x->c, e, L(x->c, ja, en)) : CLI_OK;
}

int
notify_cli_log(struct notify_cli *x, const char *what, const char *object, const char *result,
    const char *detail, struct err *e)
{
	struct access_entry t = {.account = "console", .source = "console"};
	struct accesslog *a;
	int r = accesslog_open(&x->st, true, x->now, &a, e);

	if (r < 0)
		return r;
	(void)snprintf(t.what, sizeof(t.what), "%s", what);
	(void)snprintf(t.object, sizeof(t.object), "%s", object);
	(void)snprintf(t.result, sizeof(t.result), "%s", result);
	(void)snprintf(t.detail, sizeof(t.detail), "%s", detail);
	r = accesslog_add(a, &t, time_now_us(), e);
	accesslog_close(a);
	return r;
}

/* -- show -------------------------------------------------------------------------------------- */

static json_t *
counts_json(const struct notify_counts *n)
{
	return json_pack("{s:I,s:I,s:I,s:I,s:I}", "waiting", (json_int_t)n->waiting, "late",
	    (json_int_t)n->late, "given_up", (json_int_t)n->given_up, "sent", (json_int_t)n->sent,
	    "last_sent", (json_int_t)n->last_sent);
}

static int
show_words(struct notify_cli *x, const struct notify_mail *m, const struct notify_counts *n,
    const json_t *hooks)
{
	struct cli *c = x->c;
	json_t *h;
	size_t i;

	if (!m->url[0])
		cli_say(c, "%s", L(c, "メール: 決まっていません", "mail: not set up"));
	else
		cli_say(c, L(c, "メール: %s から %s（利用者 %s）", "mail: %s, from %s (user %s)"), m->url,
		    m->from, m->user[0] ? m->user : "-");
	for (i = 0; i < m->nto; i++)
		cli_say(c, "  > %s", m->to[i]);
	cli_say(c, L(c, "  待っている %lld（うち遅れ %lld）、あきらめた %lld、送った %lld",
	    "  waiting %lld (late %lld), given up %lld, sent %lld"), (long long)n->waiting,
	    (long long)n->late, (long long)n->given_up, (long long)n->sent);
	json_array_foreach(hooks, i, h)
		cli_say(c, "%s  %s  %s%s", json_string_value(json_object_get(h, "id")),
		    json_string_value(json_object_get(h, "url")),
		    json_integer_value(json_object_get(h, "off")) ? L(c, "止まっています: ", "off: ") : "",
		    json_string_value(json_object_get(h, "why")));
	return CLI_OK;
}

static json_t *
mail_json(const struct notify_mail *m)
{
	json_t *to = json_array();

	for (size_t i = 0; i < m->nto; i++)
		(void)json_array_append_new(to, json_string(m->to[i]));
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:o,s:b,s:b,s:s}", "server", m->url, "from",
	    m->from, "name", m->name, "reply", m->reply, "user", m->user, "base", m->base, "ca",
	    m->ca, "to", to, "red", (int)m->red, "digest", (int)m->digest, "words",
	    m->ja ? "ja" : "en");
}

static int
show(struct cli *c, int argc, char **argv)
{
	struct notify_counts mail, hook;
	struct notify_mail m;
	struct notify_cli x;
	json_t *hooks = NULL;
	struct err e = {0};
	int r;

	(void)argv;
	if (argc > 1)
		return cli_usage(c, "mamori notify show");
	r = notify_cli_open(c, &x);
	if (r != CLI_OK)
		return r;
	r = notify_mail_get(x.db, &m, &e);
	if (r == 0)
		r = notify_counts(x.db, "mail", x.now, &mail, &e);
	if (r == 0)
		r = notify_counts(x.db, "hook", x.now, &hook, &e);
	if (r == 0)
		r = notify_hook_list(x.db, &hooks, &e);
	if (r == 0) {
		(void)show_words(&x, &m, &mail, hooks);
		cli_json(c, json_pack("{s:o,s:o,s:o,s:O}", "mail", mail_json(&m), "outbox",
		    counts_json(&mail), "hook_outbox", counts_json(&hook), "hooks", hooks));
	}
	json_decref(hooks);
	return notify_cli_end(&x, r, &e, "知らせの設定を読めません", "cannot read the settings");
}

/* -- set --------------------------------------------------------------------------------------- */

enum opt {
	O_SERVER = 1,
	O_FROM,
	O_NAME,
	O_REPLY,
	O_USER,
	O_PASSWORD,
	O_TO,
	O_BASE,
	O_CA,
	O_WORDS,
	O_RED,
	O_DIGEST
};

static bool
fill(char *out, size_t n, const char *v)
{
	(void)snprintf(out, n, "%s", v);
	return strlen(v) < n;
}

static bool
on_off(const char *v, bool *ret)
{
	*ret = strcmp(v, "on") == 0;
	return *ret || strcmp(v, "off") == 0;
}

static bool
take(struct notify_mail *m, int o, const char *v, bool *first_to, const char **password)
{
	switch (o) {
	case O_SERVER:
		return fill(m->url, sizeof(m->url), v);
	case O_FROM:
		return fill(m->from, sizeof(m->from), v);
	case O_NAME:
		return fill(m->name, sizeof(m->name), v);
	case O_REPLY:
		return fill(m->reply, sizeof(m->reply), v);
	case O_USER:
		return fill(m->user, sizeof(m->user), v);
	case O_PASSWORD:
		*password = v;
		return true;
	case O_TO:
		if (*first_to)
			m->nto = 0;
		*first_to = false;
		return m->nto < NOTIFY_TO && (!*v || fill(m->to[m->nto++], NOTIFY_ADDR, v));
	case O_BASE:
		return fill(m->base, sizeof(m->base), v);
	case O_CA:
		return fill(m->ca, sizeof(m->ca), v);
	case O_WORDS:
		m->ja = strcmp(v, "en") != 0;
		return strcmp(v, "ja") == 0 || strcmp(v, "en") == 0;
	case O_RED:
		return on_off(v, &m->red);
	default:
		return o == O_DIGEST && on_off(v, &m->digest);
	}
}

static int
options(int argc, char **argv, struct notify_mail *m, const char **password)
{
	static const struct option opts[] = {{"server", required_argument, NULL, O_SERVER},
	    {"from", required_argument, NULL, O_FROM}, {"name", required_argument, NULL, O_NAME},
	    {"reply", required_argument, NULL, O_REPLY}, {"user", required_argument, NULL, O_USER},
	    {"password-file", required_argument, NULL, O_PASSWORD},
	    {"to", required_argument, NULL, O_TO}, {"base", required_argument, NULL, O_BASE},
	    {"ca", required_argument, NULL, O_CA}, {"words", required_argument, NULL, O_WORDS},
	    {"red", required_argument, NULL, O_RED}, {"digest", required_argument, NULL, O_DIGEST},
	    {NULL, 0, NULL, 0}};
	bool first_to = true;
	int o;

	optind = 0;
	opterr = 0;
	while ((o = getopt_long(argc, argv, "", opts, NULL)) != -1)
		if (o == '?' || !take(m, o, optarg, &first_to, password))
			return -1;
	return argc > 1 && optind == argc ? 0 : -1;
}

/* The first line of a file ("-": standard input), or none when it is empty: then it is removed. */
static int
password_from(struct notify_cli *x, const char *path, struct err *e)
{
	struct buf AUTO(buf_free) b = {0};
	size_t n;
	int r;

	buf_init(&b, 4096);
	r = cli_slurp(path, &b, e);
	if (r < 0)
		return r;
	for (n = 0; n < b.len && b.p[n] != '\n' && b.p[n] != '\r';)
		n++;
	r = notify_password_set(&x->st, n > 0 ? (const char *)b.p : NULL, n, e);
	if (b.p)
		explicit_bzero(b.p, b.len);
	return r;
}

static int
set(struct cli *c, int argc, char **argv)
{
	const char *password = NULL;
	struct notify_mail m;
	struct notify_cli x;
	struct err e = {0};
	int r = notify_cli_open(c, &x);

	if (r != CLI_OK)
		return r;
	r = notify_mail_get(x.db, &m, &e);
	if (r == 0 && options(argc, argv, &m, &password) < 0) {
		notify_cli_close(&x);
		return cli_usage(c, USAGE_SET);
	}
	if (r == 0)
		r = notify_cli_log(&x, "notify.set", "settings:mail", "ok", m.url, &e);
	if (r == 0)
		r = notify_mail_set(x.db, &m, x.now, &e);
	if (r == 0 && password)
		r = password_from(&x, password, &e);
	if (r == 0) {
		cli_say(c, "%s", L(c, "決めました。mamori notify test で試せます。",
		    "Kept. Try it with: mamori notify test"));
		cli_json(c, json_pack("{s:b,s:o}", "ok", 1, "mail", mail_json(&m)));
	}
	return notify_cli_end(&x, r, &e, "メールの設定を保存できません", "cannot keep the mail settings");
}

/* -- the outbox -------------------------------------------------------------------------------- */

static int
list(struct cli *c, int argc, char **argv)
{
	struct notify_cli x;
	json_t *all = NULL, *o;
	struct err e = {0};
	size_t i;
	int r;

	(void)argv;
	if (argc > 1)
		return cli_usage(c, "mamori notify list");
	r = notify_cli_open(c, &x);
	if (r != CLI_OK)
		return r;
	r = notify_list(x.db, NULL, NULL, 200, &all, &e);
	json_array_foreach(all, i, o) {
		char at[TIME_TEXT];

		time_put(at, json_integer_value(json_object_get(o, "created")));
		cli_say(c, "%5lld %.16s %-5s %s %s  %s",
		    (long long)json_integer_value(json_object_get(o, "n")), at,
		    json_integer_value(json_object_get(o, "sent")) ? L(c, "済", "sent")
		    : json_integer_value(json_object_get(o, "gave_up")) ? L(c, "断念", "dead")
		                                                        : L(c, "待ち", "waits"),
		    json_string_value(json_object_get(o, "target")),
		    json_string_value(json_object_get(o, "kind")),
		    json_string_value(json_object_get(o, "message")));
	}
	if (r == 0)
		cli_json(c, json_pack("{s:O}", "messages", all));
	json_decref(all);
	return notify_cli_end(&x, r, &e, "送る箱を読めません", "cannot read the outbox");
}

static int
again(struct cli *c, int argc, char **argv)
{
	struct notify_cli x;
	struct err e = {0};
	uint64_t n = 0;
	int r;

	if (argc != 2 || num_parse_u64(argv[1], INT64_MAX, &n, NULL) < 0)
		return cli_usage(c, "mamori notify retry N");
	r = notify_cli_open(c, &x);
	if (r != CLI_OK)
		return r;
	r = notify_again(x.db, (int64_t)n, x.now, &e);
	if (r == 0) {
		cli_say(c, "%s", L(c, "もう一度送ります。", "It will be sent again."));
		cli_json(c, json_pack("{s:b}", "ok", 1));
	}
	return notify_cli_end(&x, r, &e, "もう一度送れません", "cannot send it again");
}

/* -- digest and calendar ------------------------------------------------------------------------
 */

static int
digest(struct cli *c, int argc, char **argv)
{
	struct buf AUTO(buf_free) b = {0};
	struct notify_mail m;
	struct notify_cli x;
	struct err e = {0};
	int r, fd = -1;

	(void)argv;
	if (argc > 1)
		return cli_usage(c, "mamori notify digest");
	r = notify_cli_open(c, &x);
	if (r != CLI_OK)
		return r;
	buf_init(&b, NOTIFY_BODY);
	r = notify_mail_get(x.db, &m, &e);
	m.ja = c->ja;
	if (r == 0) /* while another is at work, that one looks */
		r = notify_cli_lock(&x, &fd, &e);
	if (r > 0)
		r = notify_watch(x.db, x.facts, x.now, &e);
	fio_close(x.st.f, fd);
	if (r == 0)
		r = notify_digest(x.db, x.facts, &m, x.now, &b, &e);
	if (r == 0) {
		cli_say(c, "%s", buf_cstr(&b, NULL));
		cli_json(c, json_pack("{s:s}", "text", (const char *)b.p));
	}
	return notify_cli_end(&x, r, &e, "今週のまとめを作れません", "cannot make the weekly page");
}

static int
calendar_of(struct notify_cli *x, struct buf *b, size_t *ret_n, struct err *e)
{
	char today[DAY_TEXT], from[DAY_TEXT], to[DAY_TEXT], host[128] = "mamori", uid[400];
	json_t *list = NULL, *v;
	size_t i;
	int r;

	(void)gethostname(host, sizeof(host) - 1);
	day_local(x->now, today);
	day_add(today, -12, 0, from);
	day_add(today, 24, 0, to);
	r = notify_dates(x->db, from, to, x->c->ja, &list, e);
	if (r == 0)
		r = ical_begin(b, L(x->c, "守り: 期日", "Mamori: due dates"), e);
	json_array_foreach(list, i, v) {
		struct ical_item it = {.uid = uid,
		    .day = json_string_value(json_object_get(v, "day")),
		    .summary = json_string_value(json_object_get(v, "title")),
		    .detail = "",
		    .url = "",
		    .stamp = json_integer_value(json_object_get(v, "at"))};

		(void)snprintf(uid, sizeof(uid), "%.200s@%.120s",
		    json_string_value(json_object_get(v, "uid")), host);
		if (r == 0)
			r = ical_item(b, &it, e);
	}
	*ret_n = json_array_size(list);
	json_decref(list);
	return r == 0 ? ical_end(b, e) : r;
}

static int
calendar(struct cli *c, int argc, char **argv)
{
	struct buf AUTO(buf_free) b = {0};
	struct notify_cli x;
	struct err e = {0};
	size_t n = 0;
	int r, dir;

	if (argc != 3 || strcmp(argv[1], "--out") != 0)
		return cli_usage(c, "mamori notify calendar --out FILE.ics");
	r = notify_cli_open(c, &x);
	if (r != CLI_OK)
		return r;
	buf_init(&b, 4 << 20);
	r = calendar_of(&x, &b, &n, &e);
	dir = r == 0 ? fio_open(fio_os(), AT_FDCWD, ".", O_RDONLY | O_DIRECTORY, 0, &e) : -1;
	if (r == 0)
		r = dir < 0 ? dir : fio_replace(fio_os(), dir, argv[2], b.p, b.len, 0600, &e);
	fio_close(fio_os(), dir);
	if (r == 0) {
		cli_say(c, L(c, "%zu 件の期日を %s に書きました。", "%zu dates are in %s."), n, argv[2]);
		cli_json(c, json_pack("{s:b,s:I}", "ok", 1, "dates", (json_int_t)n));
	}
	return notify_cli_end(&x, r, &e, "予定表を作れません", "cannot make the calendar");
}

int
cmd_notify(struct cli *c, int argc, char **argv)
{
	static const struct cli_cmd table[] = {
		{"show", show, "mamori notify show", "知らせの設定と、送る箱の様子", "settings and the outbox at a glance"},
		{"set", set, USAGE_SET, "メールの送り方を決めます", "how mail is sent, and to whom"},
		{"test", notify_cmd_test, "mamori notify test [--to ADDRESS]", "試しのメールを送ります",
		    "send a test mail"},
		{"send", notify_cmd_send, "mamori notify send", "赤になったことを調べ、待っているものを送ります",
		    "look what turned red, send what waits"},
		{"list", list, "mamori notify list", "送ったもの・待っているもの", "what was sent and what waits"},
		{"retry", again, "mamori notify retry N", "あきらめたものを、もう一度送ります", "send again what was given up"},
		{"digest", digest, "mamori notify digest", "今週のまとめ（送りません）",
		    "the weekly page, without sending it"},
		{"request", notify_cmd_request, "mamori notify request ID [--to ADDRESS]",
		    "業者への手紙をメールで送ります", "mail a letter to a vendor"},
		{"calendar", calendar, "mamori notify calendar --out FILE.ics", "期日の予定表（iCalendar）",
		    "due dates as a calendar file"},
		{"hook", notify_cmd_hook, "mamori notify hook add|list|revoke|on|test ...",
		    "ほかのプログラムへの知らせ（webhook）", "webhooks: telling other programs"},
	};

	return cli_dispatch(c, table, ARRAY_LEN(table), argc, argv);
}
