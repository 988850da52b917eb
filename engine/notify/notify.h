/* What is told to people and programs elsewhere: which causes turned red (alarms), what is to be
 * sent (the outbox), by which mail server and to which addresses, and the week in one page.
 *
 * Nothing here opens a connection. A message that was put is kept until it was sent or given up;
 * `mamori notify send` sends. No patient data and no secret goes into a message. */
#ifndef MAMORI_ENGINE_NOTIFY_NOTIFY_H
#define MAMORI_ENGINE_NOTIFY_NOTIFY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/time.h"
#include "db/db.h"
#include "ledger/facts.h"
#include "ledger/state.h"

enum {
	NOTIFY_TO = 8,        /* receivers of alarms and of the weekly page */
	NOTIFY_ADDR = 255,
	NOTIFY_URL = 512,
	NOTIFY_TRIES = 12,    /* then a message is given up; about two and a half days */
	NOTIFY_ID = 40,
	NOTIFY_BODY = 24 << 10,
	NOTIFY_WAITING = 2000, /* messages of one way in the outbox at once */
};

/* -- conf.c: the mail server and who gets what ------------------------------------------------- */

struct notify_mail {
	char url[NOTIFY_URL];       /* "": no mail */
	char from[NOTIFY_ADDR], name[160], reply[NOTIFY_ADDR];
	char user[160], ca[NOTIFY_URL];
	char base[NOTIFY_URL];      /* https://... of the console, for links; "": none */
	char to[NOTIFY_TO][NOTIFY_ADDR];
	size_t nto;
	bool ja;                    /* language of what is sent to us */
	bool red, digest;           /* alarms; the weekly page */
	int64_t since;              /* when mail was first set up */
};

/* notify_mail_get(db, m, e): The settings; all empty where there are none. */
MUST int notify_mail_get(struct db *db, struct notify_mail *m, struct err *e);
/* notify_mail_set(db, m, now, e): Check and keep. E_INVAL names the field. */
MUST int notify_mail_set(struct db *db, struct notify_mail *m, int64_t now, struct err *e);
/* notify_password_set(st, p, n, e): Keep the mail server's password in STATE/keys/mail.password
 * (mode 0600); NULL removes it. notify_password_get: into ${out}, ended by NUL; "" where there is
 * none. E_INVAL: a control character or too long. */
enum { NOTIFY_PASSWORD = 256 };
MUST int notify_password_set(const struct state *st, const char *p, size_t n, struct err *e);
MUST int notify_password_get(const struct state *st, char out[NOTIFY_PASSWORD], struct err *e);

/* notify_url_smtp(s, ret_local, e): smtp://HOST[:PORT] or smtps://HOST[:PORT]; ${ret_local} (may be
 * NULL): smtp:// to a loopback address, where TLS is not demanded. notify_url_hook(s, e): https://,
 * or http:// to a loopback address, without a user, at most NOTIFY_URL - 1 printable bytes.
 * notify_url_base(s, e): https://HOST[:PORT], without a path. Pure functions; E_INVAL says why not.
 */
MUST int notify_url_smtp(const char *s, bool *ret_local, struct err *e);
MUST int notify_url_hook(const char *s, struct err *e);
MUST int notify_url_base(const char *s, struct err *e);

/* -- outbox.c -------------------------------------------------------------------------------------
 */

struct notify_msg {
	int64_t n;
	char id[NOTIFY_ID];       /* the same each time it is tried */
	char way[8];              /* "mail" or "hook" */
	char target[NOTIFY_ADDR]; /* address, or id of a webhook */
	char kind[64], about[96];
	char *subject, *body;     /* owned; freed after the call */
	int64_t created;
	int tries;
};

struct notify_new {
	const char *way, *target, *kind, *subject, *body;
	const char *about; /* "request:12", or NULL */
	const char *once;  /* a message with the same key is not put again; NULL: each is another */
};

/* notify_put(db, n, now, e): Keep a message to be sent; inside or outside a transaction. Control
 * characters in subject and body become spaces. 1 when it was put, 0 when ${once} was there
 * already. E_LIMIT: too much is waiting; E_INVAL. */
MUST int notify_put(struct db *db, const struct notify_new *n, int64_t now, struct err *e);

/* notify_due(db, now, way, fn, cookie, e): Each message of ${way} that is due, oldest first, at
 * most 200. ${fn} may call the functions below. */
typedef int notify_fn(const struct notify_msg *m, void *cookie, struct err *e);
MUST int notify_due(struct db *db, int64_t now, const char *way, notify_fn *fn, void *cookie,
    struct err *e);
/* notify_begin(db, n, now, e): A try begins; durable before the first byte goes out, so that what
 * kills its sender is not sent for ever. notify_sent. notify_failed(db, n, now, why, for_good, e):
 * Again after a pause (notify_pause), or given up: after NOTIFY_TRIES, or ${for_good}; returns 1
 * when it was given up. */
MUST int notify_begin(struct db *db, int64_t n, int64_t now, struct err *e);
MUST int notify_sent(struct db *db, int64_t n, int64_t now, struct err *e);
MUST int notify_failed(struct db *db, int64_t n, int64_t now, const char *why, bool for_good,
    struct err *e);
/* notify_pause(tries): How long to wait after the n-th failure, in microseconds. Pure. */
int64_t notify_pause(int tries);
/* notify_again(db, n, now, e): Try one that was given up once more. E_NOENT. */
MUST int notify_again(struct db *db, int64_t n, int64_t now, struct err *e);
/* notify_list(db, way, target, limit, ret, e): [{n, id, way, target, kind, subject, about, created,
 * tries, next_at, sent, gave_up, message}], newest first; NULL: any. Times are integers. */
MUST int notify_list(struct db *db, const char *way, const char *target, int limit, json_t **ret,
    struct err *e);
struct notify_counts {
	int64_t waiting, late, given_up,
	    sent; /* late: failed at least once; given up: in 14 days */
	int64_t last_sent;
};
MUST int notify_counts(struct db *db, const char *way, int64_t now, struct notify_counts *ret,
    struct err *e);
/* notify_tidy(db, now, e): Forget what was sent or given up 90 days ago. */
MUST int notify_tidy(struct db *db, int64_t now, struct err *e);

/* notify_ask(db, id, to, subject, body, chase, day, now, e): Put the letter of the request ${id} to
 * a vendor, or (${chase} 1 to 3) a reminder of it; the link is made when it is sent. Once a day and
 * address; each reminder once. 1 when it was put, or is tried again after it was given up.
 * notify_asked(db, id, ret, e): To which address it went last; E_NOENT: it was not mailed. */
MUST int notify_ask(struct db *db, int64_t id, const char *to, const char *subject,
    const char *body, int chase, const char *day, int64_t now, struct err *e);
MUST int notify_asked(struct db *db, int64_t id, char ret[NOTIFY_ADDR], struct err *e);

/* -- hook.c: other programs -----------------------------------------------------------------------
 */

enum { NOTIFY_HOOKS = 20, NOTIFY_SECRET = 64, NOTIFY_SIGN = 64, NOTIFY_HOOK_WINDOW = 300 };
/* Events that webhooks may ask for, ended by NULL: "alarm.raised" ... */
extern const char *const notify_events[];

struct notify_hook {
	char id[NOTIFY_ID], url[NOTIFY_URL], name[160], why[240];
	bool inside;
	json_t *kinds; /* array, owned; empty: all */
	int64_t created, off, good_at;
};
void notify_hook_free(struct notify_hook *h);

/* notify_hook_add(db, st, url, name, kinds, inside, by, now, ret_id, secret, e): ${secret}: shown
 * once ("whsec_..."), kept sealed under STATE/keys/hooks.key. ${kinds}: array of events, or NULL.
 * E_INVAL, E_LIMIT. */
MUST int notify_hook_add(struct db *db, const struct state *st, const char *url, const char *name,
    const json_t *kinds, bool inside, const char *by, int64_t now, char ret_id[NOTIFY_ID],
    char secret[NOTIFY_SECRET], struct err *e);
/* notify_hook_get: E_NOENT also for one that was revoked. notify_hook_list: [{id, url, name, kinds,
 * inside, created, off, good_at, why}], in force and switched off, oldest first. */
MUST int notify_hook_get(struct db *db, const char *id, struct notify_hook *ret, struct err *e);
MUST int notify_hook_list(struct db *db, json_t **ret, struct err *e);
/* notify_hook_count(db, off, ret, e): How many there are; ${off}: only those switched off. */
MUST int notify_hook_count(struct db *db, bool off, int64_t *ret, struct err *e);
/* notify_hook_revoke(db, id, now, e): For good; its secret is wiped and what waits for it dropped.
 */
MUST int notify_hook_revoke(struct db *db, const char *id, int64_t now, struct err *e);
/* notify_hook_off(db, id, now, why, e): Switched off after lasting failure. notify_hook_on. */
MUST int notify_hook_off(struct db *db, const char *id, int64_t now, const char *why,
    struct err *e);
MUST int notify_hook_on(struct db *db, const char *id, struct err *e);
MUST int notify_hook_good(struct db *db, const char *id, int64_t now, struct err *e);
/* notify_hook_event(db, event, data, about, once, now, e): Put an event for each webhook that wants
 * it. Takes ${data}. The body is {"type","timestamp","data"}. */
MUST int notify_hook_event(struct db *db, const char *event, json_t *data, const char *about,
    const char *once, int64_t now, struct err *e);
/* notify_hook_test(db, id, now, e): Put a note that means nothing. E_NOENT, E_LIMIT. */
MUST int notify_hook_test(struct db *db, const char *id, int64_t now, struct err *e);
/* notify_hook_sign(db, st, hook, msg, seconds, body, n, out, e): The value of webhook-signature:
 * "v1," and base64 of HMAC-SHA256 under the secret over ID.SECONDS.BODY. */
MUST int notify_hook_sign(struct db *db, const struct state *st, const char *hook, const char *msg,
    int64_t seconds, const void *body, size_t n, char out[NOTIFY_SIGN], struct err *e);
/* notify_sign(key, n, msg, seconds, body, bn, out, e): The same with the key at hand. Pure. */
MUST int notify_sign(const void *key, size_t n, const char *msg, int64_t seconds, const void *body,
    size_t bn, char out[NOTIFY_SIGN], struct err *e);

/* -- watch.c: what turned red ---------------------------------------------------------------------
 */

/* notify_watch(db, fs, now, e): Compare the facts with the alarms that are open: raise, clear; put
 * webhook events for these, for new generations, drills and findings; put mail when an alarm was
 * raised or is over, once per cause. Everything in one transaction: what was seen is never put
 * twice. ${fs} NULL: the facts are left out. */
MUST int notify_watch(struct db *db, struct facts *fs, int64_t now, struct err *e);
/* notify_alarms(db, since, ret, e): [{id, name, check, kind, subject, why, since, at, cleared}]
 * that are open, or were raised or cleared after ${since}; open ones first. */
MUST int notify_alarms(struct db *db, int64_t since, json_t **ret, struct err *e);
/* notify_alarm_text(db, alarm, ja, out, e): One line for people: which system, what, why. */
MUST int notify_alarm_text(struct db *db, const json_t *alarm, bool ja, struct buf *out,
    struct err *e);

/* -- due.c: days on which something is due --------------------------------------------------------
 */

/* notify_dates(db, from, to, ja, ret, e): [{uid, day, title, area, path, at}] sorted by day:
 * records of registers, plans, inspections, requests to vendors. ${area}: whose right it takes to
 * see it
 * ("register", "people", "guide", "requests"); a person's record is named by its number only. */
MUST int notify_dates(struct db *db, const char *from, const char *to, bool ja, json_t **ret,
    struct err *e);

/* -- digest.c -------------------------------------------------------------------------------------
 */

/* notify_digest(db, fs, m, now, out, e): The week in at most 40 lines: what is red, what changed,
 * what is due. ${fs} may be NULL. */
MUST int notify_digest(struct db *db, struct facts *fs, const struct notify_mail *m, int64_t now,
    struct buf *out, struct err *e);
/* notify_weekly(db, fs, now, e): Put this week's page when it is time: from Monday 8:30 (local) on,
 * once, to each receiver. Returns the number put. */
MUST int notify_weekly(struct db *db, struct facts *fs, int64_t now, struct err *e);
/* notify_week(now, ret_day): The last Monday 8:30 not after ${now}; its day as text. Local time. */
int64_t notify_week(int64_t now, char ret_day[11]);

#endif
