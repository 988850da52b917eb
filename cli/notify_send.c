/* mamori notify send|test: look what turned red, and send what is due. One sender at a time; a
 * message is marked as tried before its first byte goes out, and as sent after the server took it.
 * So whatever kills the sender, nothing is lost, and at most the one message in hand is sent twice,
 * with the same Message-ID (or webhook-id). */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "base/num.h"
#include "base/utf8.h"
#include "cli/notify_cli.h"
#include "identity/accesslog.h"
#include "post/post.h"
#include "text/mime.h"

struct sender {
	struct notify_cli *x;
	struct notify_run *out;
	struct notify_mail m;
	char password[NOTIFY_PASSWORD];
	bool local, down; /* down: the server is not to be reached; the others wait */
	char dead[NOTIFY_HOOKS][NOTIFY_ID]; /* webhooks that failed in this run; the rest waits */
	size_t ndead;
};

/* -- one letter -------------------------------------------------------------------------------- */

struct letter {
	struct sender *s;
	const struct notify_msg *msg;
	struct buf pdf;
	int64_t request;
};

static int
make(struct buf *b, void *cookie, struct err *e)
{
	struct letter *l = cookie;
	const struct notify_mail *m = &l->s->m;
	struct mime_file f = {.name = m->ja ? "依頼状.pdf" : "letter.pdf", .type = "application/pdf",
	    .p = l->pdf.p, .n = l->pdf.len};
	struct buf AUTO(buf_free) body = {0};
	struct mime v = {.from = m->from,
	    .from_name = m->name,
	    .to = l->msg->target,
	    .reply_to = m->reply,
	    .subject = l->msg->subject,
	    .body = l->msg->body,
	    .id = l->msg->id,
	    .date = l->msg->created,
	    .file = l->pdf.len > 0 ? &f : NULL};
	int r = 0;

	buf_init(&body, 64 << 10);
	if (l->request) {
		r = notify_ask_link(l->s->x, m, l->request, l->msg->body, &body, e);
		v.body = r == 0 ? buf_cstr(&body, e) : NULL;
	}
	return r < 0 ? r : !v.body ? E_NOMEM : mime_write(b, &v, e);
}

static int
log_end(struct sender *s, const struct notify_msg *m, const char *result, const char *why,
    struct err *e)
{
	char what[64], detail[400], object[120];

	(void)snprintf(what, sizeof(what), "notify.%s", m->way);
	(void)snprintf(object, sizeof(object), "%s", m->about[0] ? m->about : m->kind);
	(void)snprintf(
	    detail, sizeof(detail), "%.60s > %.120s %.40s %.*s", m->kind, m->target, m->id,
	    utf8_cut(why, 100), why);
	return notify_cli_log(s->x, what, object, result, detail, e);
}

static int64_t
request_of(const struct notify_msg *m)
{
	uint64_t id = 0;

	if (strncmp(m->about, "request:", 8) != 0 || strncmp(m->kind, "request", 7) != 0 ||
	    num_parse_u64(m->about + 8, INT64_MAX, &id, NULL) < 0)
		return 0;
	return (int64_t)id;
}

struct end {
	struct sender *s;
	const struct notify_msg *m;
};

/* A letter that went out, and the request it was: both are noted, or neither. */
static int
sent_tx(struct db *db, void *cookie, struct err *e)
{
	const struct end *t = cookie;
	int64_t id = request_of(t->m);
	int r = notify_sent(db, t->m->n, time_now_us(), e);

	if (r == 0 && id)
		r = notify_ask_sent(
		    t->s->x, id, strcmp(t->m->kind, "request.chase") == 0, e);
	return r;
}

/* settle(s, m, r, for_good, why, e): What became of a try. */
static int
settle(struct sender *s, const struct notify_msg *m, int r, bool for_good, const char *why,
    struct err *e)
{
	struct end t = {s, m};
	int end;

	if (r == 0) {
		s->out->sent++;
		end = db_tx(s->x->db, sent_tx, &t, e);
		return end < 0 ? end : log_end(s, m, "ok", "", e);
	}
	s->out->failed++;
	(void)snprintf(s->out->why, sizeof(s->out->why), "%.*s",
	    utf8_cut(why, sizeof(s->out->why) - 1), why);
	end = notify_failed(s->x->db, m->n, time_now_us(), why, for_good, e);
	if (end <= 0)
		return end;
	s->out->given_up++;
	return log_end(s, m, "failed", why, e);
}

static int
on_mail(const struct notify_msg *m, void *cookie, struct err *e)
{
	struct sender *s = cookie;
	struct letter l = {.s = s, .msg = m, .request = request_of(m)};
	struct post_server to = {.url = s->m.url, .user = s->m.user, .password = s->password,
	    .ca = s->m.ca, .local = s->local};
	struct err why = {0};
	int r;

	if (s->down)
		return 0;
	r = notify_begin(s->x->db, m->n, s->x->now, e);
	if (r < 0)
		return r;
	buf_init(&l.pdf, 8 << 20);
	r = l.request ? notify_ask_pdf(s->x, l.request, &l.pdf, &why) : 0;
	if (r == 0)
		r = post_mail(&to, s->m.from, m->target, make, &l, &why);
	buf_free(&l.pdf);
	s->down = r == E_NET || r == E_AUTH;
	return settle(s, m, r, r == E_INVAL || r == E_NOENT, why.msg, e);
}

/* -- one note to a program ----------------------------------------------------------------------
 */

static int
post_hook(struct sender *s, const struct notify_msg *m, const struct notify_hook *h, long *status,
    struct err *e)
{
	char sign[NOTIFY_SIGN], head[3][160];
	const char *const headers[] = {
	    "content-type: application/json", head[0], head[1], head[2], NULL};
	int64_t seconds = time_now_us() / TIME_SEC;
	struct post_note t = {.url = h->url, .headers = headers, .p = m->body, .n = strlen(m->body),
	    .inside = h->inside};
	const char *ca = getenv("MAMORI_WEBHOOK_CA");
	int r = notify_hook_sign(s->x->db, &s->x->st, h->id, m->id, seconds, m->body, t.n, sign, e);

	if (ca && h->inside)
		t.ca = ca;
	(void)snprintf(head[0], sizeof(head[0]), "webhook-id: %s", m->id);
	(void)snprintf(head[1], sizeof(head[1]), "webhook-timestamp: %lld", (long long)seconds);
	(void)snprintf(head[2], sizeof(head[2]), "webhook-signature: %s", sign);
	return r < 0 ? r : post_note(&t, status, e);
}

static int
hook_failed(struct sender *s, const struct notify_msg *m, const char *id, bool gone,
    const char *why, struct err *e)
{
	int was = s->out->given_up, r = settle(s, m, E_NET, gone, why, e);

	if (s->ndead < NOTIFY_HOOKS)
		(void)snprintf(s->dead[s->ndead++], NOTIFY_ID, "%s", id);
	if (r == 0 && s->out->given_up > was)
		r = notify_hook_off(s->x->db, id, time_now_us(), why, e);
	return r;
}

static int
on_hook(const struct notify_msg *m, void *cookie, struct err *e)
{
	struct sender *s = cookie;
	struct notify_hook h = {0};
	struct err why = {0};
	char text[200];
	long status = 0;
	int r;

	for (size_t i = 0; i < s->ndead; i++)
		if (strcmp(s->dead[i], m->target) == 0)
			return 0;
	r = notify_hook_get(s->x->db, m->target, &h, e);
	if (r == E_NOENT || (r == 0 && h.off)) {
		notify_hook_free(&h);
		return settle(s, m, E_INVAL, true, "the webhook is switched off", e);
	}
	if (r == 0)
		r = notify_begin(s->x->db, m->n, s->x->now, e);
	if (r < 0) {
		notify_hook_free(&h);
		return r;
	}
	r = post_hook(s, m, &h, &status, &why);
	if (r == 0 && status >= 200 && status < 300) {
		r = settle(s, m, 0, false, "", e);
		if (r == 0)
			r = notify_hook_good(s->x->db, h.id, time_now_us(), e);
	} else {
		(void)snprintf(text, sizeof(text), "answered with status %ld", status);
		/* 410: the receiver says it wants no more */
		r = hook_failed(s, m, h.id, r == 0 && status == 410, r == 0 ? text : why.msg, e);
	}
	notify_hook_free(&h);
	return r;
}

/* -- facts --------------------------------------------------------------------------------------
 */

static int
say(struct notify_cli *x, const char *check, const char *id, bool good, json_t *observed,
    struct err *e)
{
	struct facts_filter only = {.kind = "console"};
	struct fact f, *old = NULL;
	size_t n = 0;
	bool same = false;
	int r = 0;

	(void)snprintf(only.check, sizeof(only.check), "%s", check);
	(void)snprintf(only.id, sizeof(only.id), "%s", id);
	if (x->facts)
		r = facts_newest(x->facts, &only, &old, &n, e);
	if (r == 0 && n > 0)
		same = (old[0].outcome == FACT_PASS) == good && x->now - old[0].at < TIME_DAY;
	facts_newest_free(old, n);
	if (r < 0 || same || !x->facts) {
		json_decref(observed);
		return r;
	}
	r = fact_fill(&f, "notify", check, "console", id, good ? FACT_PASS : FACT_FAIL, x->now, e);
	f.observed = observed;
	if (r == 0)
		r = facts_add(x->facts, &f, x->now, NULL, e);
	fact_free(&f);
	return r < 0 ? r : 0;
}

static int
facts(struct notify_cli *x, const struct notify_mail *m, struct err *e)
{
	struct notify_counts c;
	int64_t off = 0, hooks = 0;
	int r = notify_counts(x->db, "mail", x->now, &c, e);

	if (r == 0 && m->url[0] && (c.sent > 0 || c.given_up > 0))
		r = say(x, "notify.mail.delivered", "mail", c.given_up == 0,
		    json_pack("{s:I,s:I,s:I}", "sent", (json_int_t)c.sent, "given_up",
			(json_int_t)c.given_up, "waiting", (json_int_t)c.waiting),
		    e);
	if (r == 0)
		r = notify_hook_count(x->db, false, &hooks, e);
	if (r == 0)
		r = notify_hook_count(x->db, true, &off, e);
	if (r == 0 && hooks > 0)
		r = say(x, "notify.hook.delivered", "webhooks", off == 0,
		    json_pack("{s:I,s:I}", "webhooks", (json_int_t)hooks, "off", (json_int_t)off),
		    e);
	return r;
}

/* -- a run --------------------------------------------------------------------------------------
 */

static int
mails(struct sender *s, struct err *e)
{
	int r = notify_mail_get(s->x->db, &s->m, e);

	if (r < 0 || !s->m.url[0])
		return r;
	r = notify_url_smtp(s->m.url, &s->local, e);
	if (r == 0)
		r = notify_password_get(&s->x->st, s->password, e);
	if (r == 0)
		r = notify_due(s->x->db, s->x->now, "mail", on_mail, s, e);
	explicit_bzero(s->password, sizeof(s->password));
	return r;
}

int
notify_cli_first(int was, int r, const struct err *why, struct err *e)
{
	if (was >= 0 && r < 0 && e)
		*e = *why;
	return was < 0 ? was : r < 0 ? r : 0;
}

int
notify_cli_lock(struct notify_cli *x, int *ret_fd, struct err *e)
{
	int dir = state_dir(&x->st, "run", true, e), fd;

	*ret_fd = -1;
	if (dir < 0)
		return dir;
	fd = fio_open(x->st.f, dir, "notify.lock", O_RDWR | O_CREAT, 0600, e);
	fio_close(x->st.f, dir);
	if (fd < 0)
		return fd;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		fio_close(x->st.f, fd);
		return 0;
	}
	*ret_fd = fd;
	return 1;
}

/* What is to be looked at and sent: a full outbox or a mail server that is down must not keep the
 * rest, which may be what empties it, from its turn. */
static int
look_and_send(struct notify_cli *x, struct sender *s, struct err *e)
{
	struct err why = {0};
	int r = 0;

	r = notify_cli_first(r, notify_watch(x->db, x->facts, x->now, &why), &why, e);
	r = notify_cli_first(r, notify_ask_chases(x, &why), &why, e);
	r = notify_cli_first(r, notify_weekly(x->db, x->facts, x->now, &why), &why, e);
	r = notify_cli_first(r, mails(s, &why), &why, e);
	return notify_cli_first(
	    r, notify_due(x->db, x->now, "hook", on_hook, s, &why), &why, e);
}

/* enter(x, ret, e): Open or make what could not be made inside; then go in. */
static int
enter(struct notify_cli *x, struct jail_report *ret, struct err *e)
{
	struct accesslog *a;
	struct notify_mail m;
	const char *ca[2] = {m.ca, getenv("MAMORI_WEBHOOK_CA")};
	int r = notify_mail_get(x->db, &m, e), spool;

	if (r < 0)
		return r;
	spool = state_dir(&x->st, "spool", true, e);
	if (spool < 0)
		return spool;
	fio_close(x->st.f, spool);
	r = accesslog_open(&x->st, true, x->now, &a, e);
	if (r < 0)
		return r;
	accesslog_close(a);
	return notify_jail(x->st.path, ca, ret, e);
}

int
notify_run(struct notify_cli *x, struct notify_run *ret, struct err *e)
{
	struct sender s = {.x = x, .out = ret};
	struct notify_counts m = {0}, h = {0};
	struct err why = {0};
	int fd, r;

	*ret = (struct notify_run){0};
	/* before the lock, which a helper would keep */
	r = notify_maker_start(&x->maker, notify_ask_make, x, e);
	if (r < 0)
		return r;
	r = notify_cli_lock(x, &fd, e);
	ret->busy = r == 0;
	if (r <= 0)
		return r;
	r = enter(x, &ret->jail, e);
	if (r < 0) { /* perhaps half inside */
		fio_close(x->st.f, fd);
		return r;
	}
	r = look_and_send(x, &s, e);
	r = notify_cli_first(r, notify_counts(x->db, "mail", x->now, &m, &why), &why, e);
	r = notify_cli_first(r, notify_counts(x->db, "hook", x->now, &h, &why), &why, e);
	ret->waiting = (int)(m.waiting + h.waiting);
	r = notify_cli_first(r, facts(x, &s.m, &why), &why, e);
	r = notify_cli_first(r, notify_tidy(x->db, x->now, &why), &why, e);
	fio_close(x->st.f, fd);
	return r;
}

int
notify_cmd_send(struct cli *c, int argc, char **argv)
{
	struct notify_run run = {0};
	struct notify_cli x;
	struct err e = {0};
	int r;

	(void)argv;
	if (argc > 1)
		return cli_usage(c, "mamori notify send");
	r = notify_cli_open(c, &x);
	if (r != CLI_OK)
		return r;
	r = notify_run(&x, &run, &e);
	if (r == 0 && run.busy)
		cli_say(c, "%s", L(c, "ほかの送り手が送っています。", "Another sender is at work."));
	else if (r == 0)
		cli_say(c,
		    L(c, "送った %d、送れなかった %d（あきらめた %d）、待っている %d",
			"sent %d, failed %d (given up %d), waiting %d"),
		    run.sent, run.failed, run.given_up, run.waiting);
	if (r == 0 && run.why[0])
		cli_say(c, "  %s", run.why);
	if (r == 0 && !run.busy && run.jail.level < JAIL_PATHS)
		cli_say(c, L(c, "  この機械では囲いが弱くなっています: %s", "  the jail is weak on this machine: %s"),
		    run.jail.text);
	if (r == 0)
		cli_json(c,
		    json_pack("{s:b,s:b,s:i,s:i,s:i,s:i,s:s,s:s}", "ok", run.failed == 0, "busy",
			(int)run.busy, "sent", run.sent, "failed", run.failed, "given_up",
			run.given_up, "waiting", run.waiting, "why", run.why, "jail",
			run.jail.text));
	r = notify_cli_end(&x, r, &e, "知らせを送れません", "cannot send");
	return r == CLI_OK && run.failed > 0 ? CLI_NO : r;
}

/* -- a test -------------------------------------------------------------------------------------
 */

static int
put_test(struct notify_cli *x, const struct notify_mail *m, const char *to, struct err *e)
{
	struct notify_new n = {.way = "mail", .target = to, .kind = "test",
	    .subject = m->ja ? "守りからの試しのメール" : "A test mail from Mamori",
	    .body = m->ja ? "このメールが届いたら、知らせが届く用意ができています。\n文字の確かめ: 追加 髙橋 﨑 𠮷野 葛󠄀 ① ㈱ ｶﾅ ～\n"
			  : "If you read this, alarms will reach you.\n文字: 追加 髙橋 﨑 𠮷野 葛󠄀 ① ㈱ ｶﾅ ～\n"};

	if (!mime_addr_ok(to))
		return err_set(e, E_INVAL, "--to: not a mail address");
	return notify_put(x->db, &n, x->now, e);
}

int
notify_cmd_test(struct cli *c, int argc, char **argv)
{
	const char *to = argc == 3 && strcmp(argv[1], "--to") == 0 ? argv[2] : NULL;
	struct notify_run run = {0};
	struct notify_mail m;
	struct notify_cli x;
	struct err e = {0};
	bool good = false;
	int r;

	if (argc != 1 && !to)
		return cli_usage(c, "mamori notify test [--to ADDRESS]");
	r = notify_cli_open(c, &x);
	if (r != CLI_OK)
		return r;
	r = notify_mail_get(x.db, &m, &e);
	if (r == 0 && (!m.url[0] || (m.nto == 0 && !to)))
		r = err_set(
		    &e, E_NOENT, "no mail server or no receiver is set (mamori notify set)");
	for (size_t i = 0; r >= 0 && i < (to ? 1 : m.nto); i++)
		r = put_test(&x, &m, to ? to : m.to[i], &e);
	if (r >= 0)
		r = notify_run(&x, &run, &e);
	good = r == 0 && run.sent > 0 && run.failed == 0;
	if (r == 0) {
		cli_say(c, "%s", good ? L(c, "送りました。受信箱を見てください。", "Sent. Look into the mailbox.")
		    : run.busy ? L(c, "ほかの送り手が送っています。", "Another sender is at work.")
			       : L(c, "送れませんでした。あとでもう一度試します。", "Not sent. It will be tried again."));
		if (run.why[0])
			cli_say(c, "  %s", run.why);
		cli_json(c,
		    json_pack("{s:b,s:i,s:i,s:s}", "ok", (int)good, "sent", run.sent, "failed",
			run.failed, "why", run.why));
	}
	r = notify_cli_end(&x, r, &e, "試しのメールを送れません", "cannot send a test mail");
	return r == CLI_OK && !good ? CLI_NO : r;
}
