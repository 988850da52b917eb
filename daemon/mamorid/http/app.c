/* Pages: what the layout needs beside the page's own model. */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/num.h"
#include "base/time.h"
#include "crypt/secret.h"
#include "mamorid/http/console.h"

/* The seven, in their fixed order. A right that is missing hides one and moves none. */
static const struct {
	const char *key, *href;
	enum identity_area area;
} menu[] = {
	{"today", "/", AREA_TODAY},
	{"guide", "/guide", AREA_GUIDE},
	{"register", "/register", AREA_REGISTER},
	{"people", "/people", AREA_PEOPLE},
	{"papers", "/papers", AREA_PAPERS},
	{"incident", "/incident", AREA_INCIDENT},
	{"settings", "/settings", AREA_SETTINGS},
};

static bool
below(const char *path, const char *href)
{
	size_t n = strlen(href);

	if (n == 1)
		return path[1] == 0;
	return strncmp(path, href, n) == 0 && (path[n] == 0 || path[n] == '/');
}

static json_t *
nav(const struct req *r)
{
	json_t *a = json_array();

	for (size_t i = 0; i < ARRAY_LEN(menu); i++) {
		struct params p;
		unsigned allow;
		json_t *o;
		char word[32];

		/* an address that no page has would lead nowhere */
		if (r->c->nroutes &&
		    !route_find(r->c->routes, r->c->nroutes, M_GET, menu[i].href, &p, &allow))
			continue;
		/* settings also hold one's own account: everybody has that */
		if (!req_may(r, menu[i].area, VERB_READ, NULL) && menu[i].area != AREA_SETTINGS &&
		    menu[i].area != AREA_INCIDENT)
			continue;
		(void)snprintf(word, sizeof(word), "nav.%s", menu[i].key);
		o = json_pack("{s:s, s:s, s:s, s:b}", "key", menu[i].key, "word", word, "href",
		    menu[i].href, "current", below(r->path, menu[i].href));
		(void)json_array_append_new(a, o);
	}
	return a;
}

static json_t *
flash(const struct req *r)
{
	json_t *o;

	if (!r->flash[0] || !tmpl_word(r->flash, true))
		return json_null();
	o = json_pack("{s:s, s:s, s:s}", "word", r->flash, "it", r->flash_it, "kind",
	    strncmp(r->flash, "ok.", 3) == 0 ? "ok" : "attention");
	return o ? o : json_null();
}

/* other_lang(r, out): This page's address in the other language. */
static void
other_lang(const struct req *r, char *out, size_t size)
{
	AUTO(buf_free) struct buf b = {0};

	buf_init(&b, size - 1);
	if (r->method != M_GET || buf_str(&b, r->path, NULL) < 0 ||
	    buf_fmt(&b, NULL, "?lang=%s", r->ja ? "en" : "ja") < 0)
		(void)snprintf(out, size, "/?lang=%s", r->ja ? "en" : "ja");
	else
		(void)snprintf(out, size, "%.*s", (int)b.len, (const char *)b.p);
	for (size_t i = 0; r->method == M_GET && i < r->query.fields.len; i++) {
		const struct field *f = VEC_AT(&r->query.fields, struct field, i);

		if (strcmp(f->name, "lang") == 0)
			continue;
		buf_clear(&b);
		if (buf_str(&b, out, NULL) < 0 || buf_str(&b, "&", NULL) < 0 ||
		    tmpl_escape(CTX_URLPART, f->name, &b, NULL) < 0 ||
		    buf_str(&b, "=", NULL) < 0 ||
		    tmpl_escape(CTX_URLPART, f->value, &b, NULL) < 0)
			return;
		(void)snprintf(out, size, "%.*s", (int)b.len, (const char *)b.p);
	}
}

static json_t *
app(struct req *r)
{
	char csrf[GATE_CSRF], lang[1600];
	json_t *o;

	if (!r->signed_in && !r->pre[0]) { /* forms before a sign-in are bound to a cookie */
		uint8_t rnd[20];

		random_fill(rnd, sizeof(rnd));
		hex_put(r->pre, rnd, sizeof(rnd));
		r->pre_new = true;
	}
	if (r->pre_new)
		req_header(r, "Set-Cookie",
		    "__Host-mamori-pre=%s; Path=/; Secure; HttpOnly; SameSite=Strict", r->pre);
	if (r->flash_old)
		req_header(r, "Set-Cookie", "__Host-mamori-say=; Max-Age=0; Path=/; Secure; "
		    "HttpOnly; SameSite=Strict");
	gate_csrf(r, csrf);
	other_lang(r, lang, sizeof(lang));
	o = json_pack("{s:I, s:s, s:s, s:s, s:o, s:o, s:b, s:s, s:b, s:b, s:s, s:b, s:b}", "now",
	    (json_int_t)r->now, "lang", r->ja ? "ja" : "en", "other", lang, "csrf", csrf, "nav",
	    r->signed_in && r->s.stage != STAGE_SECOND ? nav(r) : json_array(), "flash", flash(r),
	    "practice", (int)r->c->practice, "version", MAMORI_VERSION, "signed_in",
	    (int)r->signed_in, "full", (int)(r->signed_in && r->s.stage >= STAGE_PIN), "path",
	    r->path, "log_failed", (int)r->c->log_failed, "ready", (int)r->c->ready);
	if (!o)
		return NULL;
	if (r->refresh)
		model_int(o, "refresh", r->refresh);
	if (r->signed_in) {
		model_text(o, "name", r->s.account.name);
		model_text(o, "role", identity_role_label(r->s.account.role, r->ja));
		model_text(o, "account", r->s.account.id);
		model_bool(o, "pin", r->s.stage == STAGE_PIN);
		model_bool(o, "glass", r->s.stage == STAGE_GLASS);
	}
	return o;
}

int
req_page_status(struct req *r, unsigned status, const char *template, json_t *model, struct err *e)
{
	const struct tmpl *t = tmpl_find(template);
	json_t *a = model ? app(r) : NULL;
	int rc;

	if (!model || !a || json_object_set_new(model, "app", a) < 0) {
		json_decref(model);
		return err_set(e, E_NOMEM, "no memory for a page");
	}
	json_decref(r->model);
	r->model = model;
	r->page = template;
	if (!t)
		return err_set(e, E_SYS, "there is no template %s", template);
	buf_clear(&r->res.body);
	rc = tmpl_render(t, r->ja, model, &r->res.body, e);
	r->res.status = status;
	(void)snprintf(r->res.type, sizeof(r->res.type), "text/html; charset=utf-8");
	return rc;
}

int
req_page(struct req *r, const char *template, json_t *model, struct err *e)
{
	return req_page_status(r, 200, template, model, e);
}

int
req_error(struct req *r, unsigned status, struct err *e)
{
	char key[24];

	(void)snprintf(key, sizeof(key), "error.%u", status);
	if (!tmpl_word(key, true))
		(void)snprintf(key, sizeof(key), "error.other");
	if (r->route && (r->route->flags & F_API))
		return req_json(r, status, json_pack("{s:s, s:s, s:s, s:i}", "type", "about:blank",
		        "title", tmpl_word(key, r->ja), "detail", r->detail, "status", (int)status),
		    e);
	return req_page_status(r, status, "error",
	    json_pack("{s:i, s:s, s:s}", "status", (int)status, "word", key, "detail",
	        r->signed_in && status != 403 ? r->detail : ""),
	    e);
}

/* --- files ---------------------------------------------------------------------------------- */

int
file_open(const struct state *st, const char *path, int *ret_fd, uint64_t *ret_size,
    struct err *e)
{
	struct stat s;
	char probe[FORM_PATH];
	int fd;

	(void)snprintf(probe, sizeof(probe), "/%s", path);
	if (strlen(path) + 2 > sizeof(probe) || !form_path_ok(probe))
		return err_set(e, E_NOENT, "no such file");
	fd = fio_open(st->f, st->dirfd, path, O_RDONLY | O_NONBLOCK, 0, e);
	if (fd < 0)
		return fd;
	if (fstat(fd, &s) < 0 || !S_ISREG(s.st_mode)) {
		fio_close(st->f, fd);
		return err_set(e, E_NOENT, "no such file");
	}
	*ret_fd = fd;
	*ret_size = (uint64_t)s.st_size;
	return 0;
}

/* --- models --------------------------------------------------------------------------------- */

void
model_text(json_t *o, const char *key, const char *value)
{
	if (value)
		(void)json_object_set_new(o, key, json_string(value));
}

void
model_int(json_t *o, const char *key, int64_t value)
{
	(void)json_object_set_new(o, key, json_integer(value));
}

void
model_bool(json_t *o, const char *key, bool value)
{
	(void)json_object_set_new(o, key, json_boolean(value));
}

void
model_put(json_t *o, const char *key, json_t *value)
{
	(void)json_object_set_new(o, key, value);
}

void
model_when(json_t *o, const char *key, const char *text)
{
	int64_t at;

	if (text && time_get(text, &at, NULL) == 0)
		model_int(o, key, at);
}

/* words_of(o, ja): The text (new reference) when ${o} is one in two languages, else NULL. */
static json_t *
words_of(json_t *o, bool ja)
{
	json_t *v = json_object_size(o) == 2 ? json_object_get(o, ja ? "ja" : "en") : NULL;

	return v && json_object_get(o, ja ? "en" : "ja") ? json_incref(v) : NULL;
}

void
model_words(json_t *o, bool ja)
{
	json_t *v, *w;
	const char *key;
	void *tmp;
	size_t i;

	json_object_foreach_safe(o, tmp, key, v) {
		w = words_of(v, ja);
		if (w)
			(void)json_object_set_new(o, key, w);
		else
			model_words(v, ja);
	}
	json_array_foreach(o, i, v) {
		w = words_of(v, ja);
		if (w)
			(void)json_array_set_new(o, i, w);
		else
			model_words(v, ja);
	}
	v = json_object_get(o, "reason_en");
	if (v && !ja)
		(void)json_object_set(o, "reason", v);
}

/* with(r, skip, skip2, b): "?" and all query fields but these, each followed by "&". */
static int
with(const struct req *r, const char *skip, const char *skip2, struct buf *b)
{
	int rc = buf_str(b, "?", NULL);

	for (size_t i = 0; rc == 0 && i < r->query.fields.len; i++) {
		const struct field *f = VEC_AT(&r->query.fields, struct field, i);

		if (strcmp(f->name, skip) == 0 || strcmp(f->name, skip2) == 0 ||
		    strcmp(f->name, "lang") == 0)
			continue;
		rc = tmpl_escape(CTX_URLPART, f->name, b, NULL);
		if (rc == 0)
			rc = buf_str(b, "=", NULL);
		if (rc == 0)
			rc = tmpl_escape(CTX_URLPART, f->value, b, NULL);
		if (rc == 0)
			rc = buf_str(b, "&", NULL);
	}
	return rc;
}

static json_t *
page_link(const struct req *r, int64_t page)
{
	AUTO(buf_free) struct buf b = {0};

	buf_init(&b, 8192);
	if (with(r, "page", "page", &b) < 0 || buf_fmt(&b, NULL, "page=%lld", (long long)page) < 0)
		return json_string("?");
	return json_stringn((const char *)b.p, b.len);
}

json_t *
model_pager(const struct req *r, int64_t total, int64_t per, int64_t *ret_offset)
{
	int64_t pages = total > 0 ? (total + per - 1) / per : 1;
	int64_t page = req_num(req_get(r, "page"), 1, pages, 1);
	json_t *o = json_object();

	*ret_offset = (page - 1) * per;
	model_int(o, "total", total);
	model_int(o, "page", page);
	model_int(o, "pages", pages);
	model_int(o, "from", total ? *ret_offset + 1 : 0);
	model_int(o, "to", *ret_offset + per < total ? *ret_offset + per : total);
	model_bool(o, "many", pages > 1);
	if (page > 1)
		model_put(o, "prev", page_link(r, page - 1));
	if (page < pages)
		model_put(o, "next", page_link(r, page + 1));
	return o;
}

json_t *
model_sort(const struct req *r, const char *const *keys, size_t n, int *ret)
{
	const char *sort = req_get(r, "sort");
	bool down = sort[0] == '-';
	json_t *a = json_array();

	*ret = 0;
	for (size_t i = 0; i < n; i++)
		if (keys[i][0] != '!' && strcmp(sort + (down ? 1 : 0), keys[i]) == 0)
			*ret = down ? -1 - (int)i : (int)i;
	for (size_t i = 0; i < n; i++) {
		AUTO(buf_free) struct buf b = {0};
		bool on = keys[i][0] != '!' && (*ret == (int)i || *ret == -1 - (int)i);
		const char *key = keys[i] + (keys[i][0] == '!' ? 1 : 0);
		char word[80];
		json_t *o = json_object();

		buf_init(&b, 8192);
		(void)snprintf(word, sizeof(word), "col.%s", key);
		model_text(o, "key", key);
		model_text(o, "word", word);
		if (keys[i][0] != '!' && with(r, "sort", "page", &b) == 0 &&
		    buf_fmt(&b, NULL, "sort=%s%s", on && *ret >= 0 ? "-" : "", key) == 0)
			model_put(o, "href", json_stringn((const char *)b.p, b.len));
		if (on)
			model_text(o, "dir", *ret < 0 ? "descending" : "ascending");
		(void)json_array_append_new(a, o);
	}
	return a;
}

json_t *
model_crumbs(const char *key, ...)
{
	json_t *a = json_array();
	va_list ap;

	va_start(ap, key);
	while (key) {
		const char *href = va_arg(ap, const char *);
		json_t *o = json_object();

		model_text(o, "word", key[0] == '=' ? key + 1 : key);
		model_text(o, "href", href);
		(void)json_array_append_new(a, o);
		key = href ? va_arg(ap, const char *) : NULL;
	}
	va_end(ap);
	return a;
}
