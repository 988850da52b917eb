/* Slowing down guesses. A try is counted before anybody looks at its answer, so that many at the
 * same time count as many; a right answer takes the count back. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "identity/ident_int.h"

enum { ROWS_MAX = 20000 };

#define FORGET TIME_DAY

/* An IPv6 neighbour has 2^64 addresses: the first half is what counts. */
static void
source_key(const char *source, char out[IDENT_KEY])
{
	struct in6_addr six;
	char hex[17];

	if (inet_pton(AF_INET6, source, &six) == 1) {
		if (IN6_IS_ADDR_V4MAPPED(&six)) {
			hex_put(hex, six.s6_addr + 12, 4);
			(void)snprintf(out, IDENT_KEY, "s:4:%s", hex);
			return;
		}
		hex_put(hex, six.s6_addr, 8);
		(void)snprintf(out, IDENT_KEY, "s:6:%s", hex);
		return;
	}
	if (inet_pton(AF_INET, source, &six) == 1) {
		hex_put(hex, &six, 4);
		(void)snprintf(out, IDENT_KEY, "s:4:%s", hex);
		return;
	}
	(void)snprintf(out, IDENT_KEY, "s:x:%.60s", source);
}

void
ident_gate_set(struct ident_gate *g, const char *kind, const char *who,
    const struct identity_from *from)
{
	(void)snprintf(g->who, sizeof(g->who), "%.7s:%.80s", kind, who);
	source_key(from->source ? from->source : "", g->source);
}

struct enter {
	const struct ident_gate *g;
	int64_t now, wait;
};

static int
on_row(const struct db_row *row, void *cookie, struct err *e)
{
	struct enter *n = cookie;
	int64_t wait = db_col_i64(row, 0) - n->now;

	(void)e;
	/* a clock that was set back must not keep anybody out for longer than the longest wait */
	if (wait > IDENTITY_WAIT_MAX)
		wait = IDENTITY_WAIT_MAX;
	if (wait > n->wait)
		n->wait = wait;
	return 0;
}

static int
count(struct db *db, const char *key, int64_t now, int64_t free_tries, struct err *e)
{
	int64_t fails = 0, wait = 0;
	int r = db_i64(db, "SELECT fails FROM throttle WHERE key = $1 AND last > $2", &fails, "si",
	    e, key, now - FORGET);

	if (r < 0 && r != E_NOENT)
		return r;
	fails++;
	if (fails >= free_tries)
		wait = fails - free_tries > 20 ? IDENTITY_WAIT_MAX
		                               : (INT64_C(1) << (fails - free_tries)) * TIME_SEC;
	if (wait > IDENTITY_WAIT_MAX)
		wait = IDENTITY_WAIT_MAX;
	r = db_exec(db, "INSERT INTO throttle (key, fails, last, until) VALUES ($1, $2, $3, $4) "
	    "ON CONFLICT (key) DO UPDATE SET fails = $2, last = $3, until = $4", "siii", e, key,
	    fails, now, wait ? now + wait : 0);
	return r < 0 ? r : 0;
}

static int
enter_tx(struct db *db, void *cookie, struct err *e)
{
	struct enter *n = cookie;
	int64_t rows = 0;
	int r;

	n->wait = 0;
	r = db_each(db, "SELECT until FROM throttle WHERE key = $1 OR key = $2", on_row, n, "ss", e,
	    n->g->who, n->g->source);
	if (r < 0 || n->wait > 0)
		return r;
	r = db_i64(db, "SELECT count(*) FROM throttle", &rows, "", e);
	if (r == 0 && rows > ROWS_MAX) /* whoever makes up names must not fill the disk */
		r = db_exec(db, "DELETE FROM throttle WHERE key IN "
		    "(SELECT key FROM throttle ORDER BY last LIMIT $1)", "i", e,
		    (int64_t)ROWS_MAX / 4);
	if (r >= 0)
		r = count(db, n->g->who, n->now, IDENTITY_FREE, e);
	if (r >= 0)
		r = count(db, n->g->source, n->now, IDENTITY_FREE_SOURCE, e);
	return r < 0 ? r : 0;
}

int
ident_gate_enter(struct identity *id, int64_t now, const struct ident_gate *g, int64_t *ret_wait,
    struct err *e)
{
	struct enter n = {.g = g, .now = now};
	int r = db_tx(id->db, enter_tx, &n, e);

	if (ret_wait)
		*ret_wait = n.wait;
	if (r == 0 && n.wait > 0)
		return err_set(e, E_BUSY, "too many wrong tries; wait %lld s",
		    (long long)((n.wait + TIME_SEC - 1) / TIME_SEC));
	return r;
}

static int
pass_tx(struct db *db, void *cookie, struct err *e)
{
	const struct ident_gate *g = cookie;
	int r = db_exec(db, "DELETE FROM throttle WHERE key = $1", "s", e, g->who);

	/* of the source only this one: an account of one's own must not wash away the rest */
	if (r >= 0)
		r = db_exec(db, "UPDATE throttle SET fails = fails - 1, until = 0 WHERE key = $1 "
		    "AND fails > 0", "s", e, g->source);
	return r < 0 ? r : 0;
}

int
ident_gate_pass(struct identity *id, const struct ident_gate *g, struct err *e)
{
	struct ident_gate copy = *g;

	return db_tx(id->db, pass_tx, &copy, e);
}
