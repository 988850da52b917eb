#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/utf8.h"
#include "notify/notify.h"
#include "notify/notify_int.h"
#include "text/mime.h"

#define KEY "notify.mail"
#define PASSWORD "mail.password"

int
notify_setting(struct db *db, const char *key, json_t **ret, struct err *e)
{
	json_t *o = NULL;
	int r = db_each(db, "SELECT value FROM settings WHERE key = $1", notify_on_json, &o, "s", e,
	    key);

	*ret = r == 0 && o ? o : json_object();
	return r;
}

int
notify_on_json(const struct db_row *row, void *cookie, struct err *e)
{
	json_t **o = cookie;

	(void)e;
	json_decref(*o);
	*o = json_loads(db_col_text(row, 0), JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
	return 0;
}

int
notify_setting_put(struct db *db, const char *key, json_t *o, int64_t now, struct err *e)
{
	char *s = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
	int r = s ? db_exec(db,
			"INSERT INTO settings (key, value, at) VALUES ($1, $2, $3) ON CONFLICT "
			"(key) DO UPDATE SET value = excluded.value, at = excluded.at",
			"ssi", e, key, s, now)
		  : err_set(e, E_NOMEM, "no memory for a setting");

	json_decref(o);
	free(s);
	return r < 0 ? r : 0;
}

static void
take(const json_t *o, const char *key, char *out, size_t n)
{
	const char *s = json_string_value(json_object_get(o, key));

	(void)snprintf(out, n, "%s", s ? s : "");
}

int
notify_mail_get(struct db *db, struct notify_mail *m, struct err *e)
{
	json_t *o, *v;
	size_t i;
	int r = notify_setting(db, KEY, &o, e);

	*m = (struct notify_mail){0};
	take(o, "url", m->url, sizeof(m->url));
	take(o, "from", m->from, sizeof(m->from));
	take(o, "name", m->name, sizeof(m->name));
	take(o, "reply", m->reply, sizeof(m->reply));
	take(o, "user", m->user, sizeof(m->user));
	take(o, "ca", m->ca, sizeof(m->ca));
	take(o, "base", m->base, sizeof(m->base));
	json_array_foreach(json_object_get(o, "to"), i, v)
		if (m->nto < NOTIFY_TO && json_is_string(v))
			(void)snprintf(m->to[m->nto++], NOTIFY_ADDR, "%s", json_string_value(v));
	m->ja = !json_is_false(json_object_get(o, "ja"));
	m->red = !json_is_false(json_object_get(o, "red"));
	m->digest = !json_is_false(json_object_get(o, "digest"));
	m->since = json_integer_value(json_object_get(o, "since"));
	json_decref(o);
	return r;
}

bool
notify_line_ok(const char *s, size_t max)
{
	size_t n = strlen(s);

	if (n >= max || !utf8_ok(s, n))
		return false;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			return false;
	return true;
}

static int
check(const struct notify_mail *m, struct err *e)
{
	int r = 0;

	if (m->url[0])
		r = notify_url_smtp(m->url, NULL, e);
	if (r == 0 && m->url[0] && !mime_addr_ok(m->from))
		r = err_set(e, E_INVAL, "from: not a mail address");
	if (r == 0 && m->reply[0] && !mime_addr_ok(m->reply))
		r = err_set(e, E_INVAL, "reply: not a mail address");
	for (size_t i = 0; i < m->nto && r == 0; i++)
		if (!mime_addr_ok(m->to[i]))
			r = err_set(e, E_INVAL, "to: \"%.80s\" is not a mail address", m->to[i]);
	if (r == 0 && (!notify_line_ok(m->name, sizeof(m->name)) ||
	    !notify_line_ok(m->user, sizeof(m->user)) || !notify_line_ok(m->ca, sizeof(m->ca))))
		r = err_set(e, E_INVAL, "name, user, ca: one line of text");
	if (r == 0 && m->ca[0] && m->ca[0] != '/')
		r = err_set(e, E_INVAL, "ca: not an absolute path");
	if (r == 0 && m->base[0])
		r = notify_url_base(m->base, e);
	return r;
}

int
notify_mail_set(struct db *db, struct notify_mail *m, int64_t now, struct err *e)
{
	json_t *to, *o;
	int r = check(m, e);

	if (r < 0)
		return r;
	if (!m->since && m->url[0])
		m->since = now;
	to = json_array();
	for (size_t i = 0; i < m->nto; i++)
		(void)json_array_append_new(to, json_string(m->to[i]));
	o = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:o,s:b,s:b,s:b,s:I}", "url", m->url, "from",
	    m->from, "name", m->name, "reply", m->reply, "user", m->user, "ca", m->ca, "base",
	    m->base, "to", to, "ja", (int)m->ja, "red", (int)m->red, "digest", (int)m->digest,
	    "since", (json_int_t)m->since);
	return o ? notify_setting_put(db, KEY, o, now, e) : err_set(e, E_NOMEM, "no memory");
}

int
notify_password_set(const struct state *st, const char *p, size_t n, struct err *e)
{
	int dir, r = 0;

	if (p && (n == 0 || n >= NOTIFY_PASSWORD))
		return err_set(e, E_INVAL, "the password has 1 to %d bytes", NOTIFY_PASSWORD - 1);
	for (size_t i = 0; p && i < n; i++)
		if ((unsigned char)p[i] < 0x20 || p[i] == 0x7f)
			return err_set(e, E_INVAL, "the password holds a control character");
	dir = state_dir(st, "keys", true, e);
	if (dir < 0)
		return dir;
	if (p)
		r = fio_replace(st->f, dir, PASSWORD, p, n, 0600, e);
	else
		r = fio_unlink(st->f, dir, PASSWORD, e);
	if (r == E_NOENT)
		r = 0;
	fio_close(st->f, dir);
	return r;
}

int
notify_password_get(const struct state *st, char out[NOTIFY_PASSWORD], struct err *e)
{
	struct buf AUTO(buf_free) b = {0};
	int dir = state_dir(st, "keys", false, e), r;

	out[0] = 0;
	if (dir < 0)
		return dir == E_NOENT ? 0 : dir;
	buf_init(&b, NOTIFY_PASSWORD);
	r = fio_slurp(st->f, dir, PASSWORD, &b, e);
	fio_close(st->f, dir);
	if (r == E_NOENT)
		return 0;
	if (r == 0 && b.len < NOTIFY_PASSWORD) {
		(void)memcpy(out, b.p, b.len);
		out[b.len] = 0;
	}
	if (b.p)
		explicit_bzero(b.p, b.len);
	return r;
}
