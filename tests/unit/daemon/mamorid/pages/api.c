/* The API and its description say the same; cursors and tags take only their own form. */
#include "mamorid/pages/api.h"

#include <stdlib.h>

#include "base/num.h"
#include "mamorid/http/console.h"
#include "mamorid/mamorid.h"
#include "tap.h"

void
mamorid_log(int level, const char *fmt, ...)
{
	(void)level, (void)fmt;
}

/* braces(path, out): "/x/:id" as "/x/{id}". */
static void
braces(const char *path, char *out, size_t size)
{
	size_t n = 0;

	for (const char *s = path; *s && n + 3 < size; s++) {
		if (*s != ':') {
			out[n++] = *s;
			continue;
		}
		out[n++] = '{';
		while (s[1] && s[1] != '/' && n + 2 < size)
			out[n++] = *++s;
		out[n++] = '}';
	}
	out[n] = 0;
}

static const char *
method_of(const struct route *x)
{
	return x->methods == M_GET ? "get" : x->methods == M_POST ? "post"
	    : x->methods == M_PATCH ? "patch" : x->methods == M_PUT ? "put" : "delete";
}

static json_t *
description(void)
{
	size_t n;
	const struct asset *a = web_assets(&n);

	for (size_t i = 0; i < n; i++)
		if (strcmp(a[i].name, "openapi.json") == 0)
			return json_loadb((const char *)a[i].p, a[i].len, JSON_REJECT_DUPLICATES,
			    NULL);
	return NULL;
}

/* row(doc, x): One row against the description; it is taken out of it. */
static void
row(json_t *paths, const struct route *x)
{
	char path[200], scope[80];
	json_t *at, *op;
	const char *said;

	braces(x->path, path, sizeof(path));
	at = json_object_get(paths, path);
	op = json_object_get(at, method_of(x));
	if (!OK(op != NULL, "%s %s is described", method_of(x), path))
		return;
	said = json_string_value(json_object_get(op, "x-scope"));
	(void)snprintf(scope, sizeof(scope), "%s:%s", identity_area_name(x->area),
	    identity_verb_name(x->verb));
	if (x->flags & F_PUBLIC)
		OK(!said && json_array_size(json_object_get(op, "security")) == 0,
		    "%s needs no token, as it says", path);
	else if (x->object && strcmp(x->object, "measure") == 0)
		EQ_S(said, "measure:CHECK", "what reports needs");
	else
		EQ_S(said, scope, "the scope it needs");
	for (const char *s = path; (s = strchr(s, '{')); s++) {
		json_t *params = json_object_get(op, "parameters"), *p;
		size_t i, n = strcspn(s, "}");
		bool found = false;

		json_array_foreach(params, i, p) {
			const char *name = json_string_value(json_object_get(p, "name"));

			found = found || (name && strlen(name) == n - 1 &&
			    strncmp(name, s + 1, n - 1) == 0);
		}
		OK(found, "%s: its parts are described", path);
	}
	(void)json_object_del(at, method_of(x));
	if (json_object_size(at) == 0)
		(void)json_object_del(paths, path);
}

static void
test_drift(void)
{
	const struct route *all;
	json_t *doc = description(), *paths = json_object_get(doc, "paths"), *v;
	const char *key;
	size_t n = 0, api = 0;

	OK(json_is_object(paths), "the description is JSON");
	EQ_S(json_string_value(json_object_get(doc, "openapi")), "3.1.0", "OpenAPI 3.1");
	if (pages_routes(&all, &n, NULL) < 0)
		abort();
	for (size_t i = 0; i < n; i++)
		if (all[i].flags & F_API) {
			row(paths, &all[i]);
			api++;
		}
	OK(api > 15, "there is an API (%zu rows)", api);
	json_object_foreach(paths, key, v)
		printf("# described and not there: %s\n", key);
	EQ_I(json_object_size(paths), 0, "nothing is described that is not there");
	json_decref(doc);
}

static void
test_cursor(void)
{
	static const char *const bad[] = {"x", "1.5", "MS4", "MS41MA==", "Mi41", "MS4tNQ", "MS41IA",
	    "MS45MjIzMzcyMDM2ODU0Nzc1ODA4"};
	char text[API_CURSOR];
	struct console c = {0};
	struct req r;
	int64_t at = -1;

	req_init(&r, &c);
	OK(api_cursor(&r, &at) == 0 && at == 0, "no cursor is the beginning");
	api_cursor_put(INT64_MAX, text);
	if (form_add(&r.query, "cursor", 6, text, strlen(text), NULL) < 0)
		abort();
	OK(api_cursor(&r, &at) == 0 && at == INT64_MAX, "a cursor comes back");
	req_free(&r);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		req_init(&r, &c);
		if (form_add(&r.query, "cursor", 6, bad[i], strlen(bad[i]), NULL) < 0)
			abort();
		EQ_I(api_cursor(&r, &at), E_INVAL, bad[i]);
		req_free(&r);
	}
}

int
main(void)
{
	test_drift();
	test_cursor();
	return tap_done();
}
