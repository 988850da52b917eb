/* 業者に頼む by mail: `mamori notify request`, the reminders after 7, 14 and 21 days, and what a
 * letter gets at the moment it is sent: a fresh link, which ends an older one, and its PDF. The
 * link is nowhere but in the letter. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "base/utf8.h"
#include "cli/notify_cli.h"
#include "guide/request.h"
#include "register/register.h"
#include "sys/proc.h"
#include "text/day.h"

enum { LINK_DAYS = 30, PDF_SECONDS = 90 };

static const char *
text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static struct inspect_who
who_of(const struct notify_cli *x, char today[DAY_TEXT])
{
	day_local(x->now, today);
	return (struct inspect_who){"mamori", today, x->now};
}

/* -- reminders --------------------------------------------------------------------------------- */

static int
chase(struct notify_cli *x, const struct notify_mail *m, const json_t *q,
    const struct inspect_who *who, struct err *e)
{
	int64_t id = json_integer_value(json_object_get(q, "id"));
	int n = (int)json_integer_value(json_object_get(q, "chased")) + 1;
	struct buf AUTO(buf_free) b = {0};
	char to[NOTIFY_ADDR], subject[700];
	int r = notify_asked(x->db, id, to, e);

	if (r == E_NOENT) /* it went on paper; the console shows that it is due */
		return 0;
	buf_init(&b, NOTIFY_BODY);
	if (r == 0)
		r = buf_fmt(&b, e, m->ja ? "%s 御中\n\n先日お願いした件のお返事を、まだいただいていないようです（%d 回目のご連絡）。\n"
		    "行き違いでしたらお許しください。\n\n――― はじめのお願い（%s） ―――\n%s"
		    : "To %s\n\nWe have not yet had an answer to our letter (reminder %d).\n\n"
		    "--- the letter of %s ---\n%s", text(q, "vendor_name"), n, text(q, "sent_on"),
		    text(q, "body"));
	(void)snprintf(subject, sizeof(subject), m->ja ? "再度のお願い: %.*s" : "Reminder: %.*s",
	    utf8_cut(text(q, "subject"), 500), text(q, "subject"));
	if (r == 0)
		r = buf_cstr(&b, e) ? notify_ask(x->db, id, to, subject, (const char *)b.p, n,
					  who->today, x->now, e)
				    : E_NOMEM;
	return r < 0 ? r : request_chased(x->db, id, who, e);
}

int
notify_ask_chases(struct notify_cli *x, struct err *e)
{
	char today[DAY_TEXT];
	struct inspect_who who = who_of(x, today);
	struct err why = {0};
	struct notify_mail m;
	json_t *due = NULL, *q;
	size_t i;
	int r = notify_mail_get(x->db, &m, e);

	if (r < 0 || !m.url[0])
		return r;
	r = request_chases(x->db, today, &due, e);
	json_array_foreach(due, i, q)
		r = notify_cli_first(r, chase(x, &m, q, &who, &why), &why, e);
	json_decref(due);
	return r;
}

/* -- at the moment of sending ------------------------------------------------------------------ */

int
notify_ask_link(struct notify_cli *x, const struct notify_mail *m, int64_t id, const char *body,
    struct buf *out, struct err *e)
{
	char today[DAY_TEXT], token[REQUEST_TOKEN];
	struct inspect_who who = who_of(x, today);
	int r = buf_str(out, body, e);

	if (r < 0 || !m->base[0])
		return r;
	r = request_link(x->db, id, LINK_DAYS, &who, token, e);
	if (r == 0)
		r = buf_fmt(out, e,
		    m->ja
			? "\n次の道からもお返事いただけます（%d 日のあいだ、一度だけ。前にお送りした道は使えなくなりました）:\n"
			  "%s/vendor/%s\n"
			: "\nYou may also answer here (for %d days, once; an earlier address no "
			  "longer works):\n%s/vendor/%s\n",
		    LINK_DAYS, m->base, token);
	explicit_bzero(token, sizeof(token));
	return r;
}

int
notify_ask_sent(struct notify_cli *x, int64_t id, bool again, struct err *e)
{
	char today[DAY_TEXT];
	struct inspect_who who = who_of(x, today);
	int r = again ? 0 : request_sent(x->db, id, &who, e);

	return r == E_INVAL ? 0 : r; /* answered meanwhile */
}

/* wait_for(pid): Whether the program ended well within its time. */
static bool
wait_for(pid_t pid)
{
	int status = 0;

	for (int i = 0; i < PDF_SECONDS * 20; i++) {
		pid_t got = waitpid(pid, &status, WNOHANG);

		if (got == pid)
			return WIFEXITED(status) && WEXITSTATUS(status) == 0;
		if (got < 0)
			return false;
		(void)nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
	}
	proc_kill(pid, true, SIGKILL);
	(void)waitpid(pid, &status, 0);
	return false;
}

bool
notify_ask_make(void *cookie, int64_t id, const char *name)
{
	const struct notify_cli *x = cookie;
	char path[PATH_MAX + 80], number[24];
	const char *const argv[] = {x->c->self, "--state", x->c->state, "--json", "guide", "letter",
	    number, "--pdf", path, NULL};
	const char *tz = getenv("TZ");
	char zone[120];
	const char *const env[] = {"PATH=/usr/bin:/bin", "LANG=C.UTF-8", tz ? zone : NULL, NULL};
	struct proc_spec s = {.path = x->c->self, .argv = argv, .env = env, .in = -1, .out = -1,
	    .err = -1, .own_group = true, .cpu_seconds = PDF_SECONDS};
	pid_t pid;

	(void)snprintf(zone, sizeof(zone), "TZ=%.100s", tz ? tz : "");
	(void)snprintf(number, sizeof(number), "%lld", (long long)id);
	(void)snprintf(path, sizeof(path), "%s/spool/%s", x->st.path, name);
	return proc_spawn(&s, &pid, NULL) == 0 && wait_for(pid);
}

int
notify_ask_pdf(struct notify_cli *x, int64_t id, struct buf *pdf, struct err *e)
{
	char name[NOTIFY_MAKER_NAME];
	int dir = state_dir(&x->st, "spool", true, e), r;

	if (dir < 0)
		return dir;
	(void)snprintf(name, sizeof(name), "letter-%d.pdf", (int)getpid());
	/* without the renderer the letter goes out without its PDF: all words are in the mail */
	if (notify_maker_ask(&x->maker, id, name, PDF_SECONDS + 30) &&
	    fio_slurp(x->st.f, dir, name, pdf, NULL) < 0)
		buf_clear(pdf);
	r = fio_unlink(x->st.f, dir, name, NULL);
	fio_close(x->st.f, dir);
	return r == E_NOENT || r == 0 ? 0 : err_set(e, r, "cannot remove spool/%s", name);
}

/* -- mamori notify request ----------------------------------------------------------------------
 */

static int
address(struct notify_cli *x, const json_t *q, char to[NOTIFY_ADDR], struct err *e)
{
	const char *vendor = text(q, "vendor");
	json_t *rec = NULL;
	int r;

	if (!*vendor)
		return err_set(e, E_INVAL, "to which address? (--to)");
	r = register_get(x->db, register_kind("vendor"), vendor, &rec, e);
	if (r == 0)
		(void)snprintf(
		    to, NOTIFY_ADDR, "%s", text(json_object_get(rec, "values"), "email"));
	json_decref(rec);
	return r == 0 && !to[0]
	    ? err_set(e, E_INVAL, "the vendor's record has no mail address (--to)")
	    : r;
}

int
notify_cmd_request(struct cli *c, int argc, char **argv)
{
	bool given = argc == 4 && strcmp(argv[2], "--to") == 0;
	char to[NOTIFY_ADDR] = "", today[DAY_TEXT], object[60];
	struct notify_cli x;
	struct err e = {0};
	json_t *q = NULL;
	uint64_t id = 0;
	int r;

	if ((argc != 2 && !given) || num_parse_u64(argv[1], INT32_MAX, &id, NULL) < 0)
		return cli_usage(c, "mamori notify request ID [--to ADDRESS]");
	r = notify_cli_open(c, &x);
	if (r != CLI_OK)
		return r;
	if (given)
		(void)snprintf(to, sizeof(to), "%s", argv[3]);
	day_local(x.now, today);
	r = request_get(x.db, (int64_t)id, &q, &e);
	if (r == 0 && strcmp(text(q, "state"), "draft") != 0 &&
	    strcmp(text(q, "state"), "sent") != 0)
		r = err_set(&e, E_INVAL, "that request has ended");
	if (r == 0 && !given)
		r = address(&x, q, to, &e);
	(void)snprintf(object, sizeof(object), "request:%llu", (unsigned long long)id);
	if (r == 0)
		r = notify_cli_log(&x, "requests.mail", object, "ok", to, &e);
	if (r == 0)
		r = notify_ask(x.db, (int64_t)id, to, text(q, "subject"), text(q, "body"), 0, today,
		    x.now, &e);
	json_decref(q);
	if (r >= 0) {
		cli_say(c, L(c, "%s への手紙を送る箱に入れました。", "The letter to %s is in the outbox."), to);
		cli_json(c, json_pack("{s:b,s:s,s:b}", "ok", 1, "to", to, "put", r > 0));
		r = 0;
	}
	return notify_cli_end(&x, r, &e, "手紙を送れません", "cannot send the letter");
}
