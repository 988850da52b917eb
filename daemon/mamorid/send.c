#include <string.h>

#include "mamorid/mamorid.h"
#include "mamorid/runner.h"
#include "notify/notify.h"

#define FIRST (20 * TIME_SEC)
#define EVERY (300 * TIME_SEC)
#define SECONDS 600

/* wanted(m): Whether there is anybody to tell. */
static bool
wanted(struct mamorid *m)
{
	struct notify_mail mail;
	int64_t hooks = 0;

	if (notify_mail_get(m->db, &mail, NULL) == 0 && mail.url[0])
		return true;
	return notify_hook_count(m->db, false, &hooks, NULL) == 0 && hooks > 0;
}

static void
on_time(struct loop *l, void *cookie)
{
	struct mamorid *m = cookie;
	struct err e = {0};

	loop_arm(m->send_timer, loop_mono(l) + EVERY);
	if (m->stopping || m->sending || !wanted(m))
		return;
	m->send_again = false;
	if (jobs_tell(m, json_pack("{s:i, s:[s, s], s:i}", "run", SEND_RUN, "argv", "notify",
	        "send", "seconds", SECONDS), &e) == 0)
		m->sending = true;
	else
		mamorid_log(LOG_WARN, "cannot start the sender: %s", e.msg);
}

int
send_start(struct mamorid *m, struct err *e)
{
	int64_t first = m->no_send ? -1 : loop_mono(m->l) + FIRST;

	return loop_add_timer(m->l, first, on_time, m, &m->send_timer, e);
}

void
send_soon(struct mamorid *m)
{
	if (m->no_send)
		return;
	if (m->sending)
		m->send_again = true;
	else
		loop_arm(m->send_timer, loop_mono(m->l));
}

void
send_report(struct mamorid *m, const json_t *o)
{
	const char *why = json_string_value(json_object_get(o, "message"));

	if (!json_object_get(o, "status"))
		return; /* progress */
	m->sending = false;
	/* 1: something could not be sent yet; that is kept, and shown in the console */
	if (json_integer_value(json_object_get(o, "status")) > 1)
		mamorid_log(LOG_WARN, "the sender failed: %s", why ? why : "");
	if (m->send_again)
		loop_arm(m->send_timer, loop_mono(m->l));
}
