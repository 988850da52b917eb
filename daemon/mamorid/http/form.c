#include "mamorid/http/form.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"

void
form_init(struct form *f)
{
	vec_init(&f->fields, sizeof(struct field), FORM_FIELDS);
}

void
form_free(struct form *f)
{
	for (size_t i = 0; i < f->fields.len; i++)
		free(VEC_AT(&f->fields, struct field, i)->name);
	vec_free(&f->fields);
}

static bool
plain(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((p[i] < 0x20 && p[i] != '\t' && p[i] != '\n' && p[i] != '\r') || p[i] == 0x7f)
			return false;
	return utf8_ok(p, n);
}

int
form_add(struct form *f, const char *name, size_t nn, const void *value, size_t nv, struct err *e)
{
	const unsigned char *v = value;
	struct field *x;
	char *p;
	size_t k = 0;

	if (nn < 1 || nn >= FORM_NAME || !plain((const unsigned char *)name, nn) ||
	    memchr(name, '\n', nn) || !plain(v, nv))
		return err_set(e, E_INVAL, "a field is not text");
	p = malloc(nn + nv + 2);
	x = p ? vec_add(&f->fields) : NULL;
	if (!x) {
		free(p);
		return p ? err_set(e, E_LIMIT, "too many fields")
			 : err_set(e, E_NOMEM, "no memory for a form");
	}
	(void)memcpy(p, name, nn);
	p[nn] = 0;
	x->name = p;
	x->value = p + nn + 1;
	for (size_t i = 0; i < nv; i++) /* browsers send CR LF, people mean a line break */
		if (v[i] != '\r')
			x->value[k++] = (char)v[i];
		else if (i + 1 == nv || v[i + 1] != '\n')
			x->value[k++] = '\n';
	x->value[k] = 0;
	x->len = k;
	return 0;
}

static int
digit(unsigned char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10
	    : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* decode(out, p, n, plus, ret_n): ${out} has room for ${n} bytes. False on a broken escape. */
static bool
decode(char *out, const unsigned char *p, size_t n, bool plus, size_t *ret_n)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		if (p[i] == '%') {
			if (i + 2 >= n || digit(p[i + 1]) < 0 || digit(p[i + 2]) < 0)
				return false;
			out[k++] = (char)(digit(p[i + 1]) * 16 + digit(p[i + 2]));
			i += 2;
		} else {
			out[k++] = plus && p[i] == '+' ? ' ' : (char)p[i];
		}
	}
	*ret_n = k;
	return true;
}

static int
pair(struct form *f, const unsigned char *p, size_t n, char *tmp, struct err *e)
{
	const unsigned char *eq = memchr(p, '=', n);
	size_t a = eq ? (size_t)(eq - p) : n, na, nv = 0;

	if (!decode(tmp, p, a, true, &na) ||
	    (eq && !decode(tmp + na, eq + 1, n - a - 1, true, &nv)))
		return err_set(e, E_INVAL, "a broken escape in a form");
	return form_add(f, tmp, na, tmp + na, nv, e);
}

int
form_urlencoded(struct form *f, const void *p, size_t n, struct err *e)
{
	const unsigned char *s = p;
	char *tmp = malloc(n + 1);
	int r = 0;

	if (!tmp)
		return err_set(e, E_NOMEM, "no memory for a form");
	while (r == 0 && n > 0) {
		const unsigned char *amp = memchr(s, '&', n);
		size_t k = amp ? (size_t)(amp - s) : n;

		if (k > 0)
			r = pair(f, s, k, tmp, e);
		k += amp ? 1 : 0;
		s += k;
		n -= k;
	}
	free(tmp);
	return r;
}

const char *
form_nth(const struct form *f, const char *name, size_t i)
{
	for (size_t k = 0; k < f->fields.len; k++) {
		const struct field *x = VEC_AT(&f->fields, struct field, k);

		if (strcmp(x->name, name) == 0 && i-- == 0)
			return x->value;
	}
	return NULL;
}

const char *
form_get(const struct form *f, const char *name)
{
	const char *s = form_nth(f, name, 0);

	return s ? s : "";
}

bool
form_has(const struct form *f, const char *name)
{
	return form_nth(f, name, 0) != NULL;
}

bool
form_chosen(const struct form *f, const char *name, const char *value)
{
	const char *v;

	for (size_t i = 0; (v = form_nth(f, name, i)); i++)
		if (strcmp(v, value) == 0)
			return true;
	return false;
}

/* --- cookies -------------------------------------------------------------------------------- */

static bool
cookie_value(const char *s, size_t n, char *out, size_t size)
{
	if (n >= size)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') ||
		        (s[i] >= '0' && s[i] <= '9') || (s[i] && strchr("-_.~%=+/", s[i]))))
			return false;
	(void)memcpy(out, s, n);
	out[n] = 0;
	return true;
}

bool
form_cookie(const char *header, const char *name, char *out, size_t size)
{
	size_t k = strlen(name);
	bool found = false;

	while (header && *header) {
		size_t n;

		header += strspn(header, " \t;");
		n = strcspn(header, ";");
		if (n > k && header[k] == '=' && memcmp(header, name, k) == 0) {
			if (found || !cookie_value(header + k + 1, n - k - 1, out, size))
				return false;
			found = true;
		}
		header += n;
	}
	return found;
}

/* --- addresses ------------------------------------------------------------------------------ */

bool
form_path_ok(const char *path)
{
	char tmp[FORM_PATH];
	size_t n = strlen(path), k, at;

	if (path[0] != '/' || n >= sizeof(tmp) ||
	    !decode(tmp, (const unsigned char *)path, n, false, &k) || memchr(tmp, '\\', k) ||
	    memchr(tmp, '\n', k) || memchr(tmp, '\r', k) || memchr(tmp, '\t', k) ||
	    !plain((unsigned char *)tmp, k))
		return false;
	for (at = 0; at < k; at++) {
		size_t left = k - at - 1;

		if (tmp[at] != '/')
			continue;
		if (left >= 1 && tmp[at + 1] == '/')
			return false;
		if (left >= 1 && tmp[at + 1] == '.' &&
		    (left == 1 || tmp[at + 2] == '/' ||
		        (tmp[at + 2] == '.' && (left == 2 || tmp[at + 3] == '/'))))
			return false;
	}
	return true;
}

bool
form_path(const char *pattern, const char *path, struct params *ret)
{
	ret->n = 0;
	while (*pattern && *path) {
		size_t a = strcspn(pattern, "/"), b = strcspn(path, "/"), k;

		if (pattern[0] == ':') {
			char *out = ret->n < FORM_PARAMS ? ret->v[ret->n++] : NULL;

			if (!out || b < 1 || b >= FORM_NAME ||
			    !decode(out, (const unsigned char *)path, b, false, &k) ||
			    memchr(out, '/', k) || memchr(out, '\n', k) || memchr(out, '\r', k) ||
			    !plain((unsigned char *)out, k))
				return false;
			out[k] = 0;
		} else if (a != b || memcmp(pattern, path, a) != 0) {
			return false;
		}
		pattern += a;
		path += b;
		if (*pattern != *path)
			return false;
		if (*pattern) {
			pattern++;
			path++;
		}
	}
	return *pattern == *path;
}

bool
form_local(const char *s)
{
	size_t n = strcspn(s, "?");
	char path[FORM_PATH];

	if (n >= sizeof(path) || strlen(s) > 1500)
		return false;
	for (const char *p = s; *p; p++)
		if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7f || *p == '\\' ||
		    *p == '#')
			return false;
	(void)memcpy(path, s, n);
	path[n] = 0;
	return form_path_ok(path);
}

/* --- what a file is ------------------------------------------------------------------------- */

static bool
ends(const char *name, const char *with)
{
	size_t n = strlen(name), k = strlen(with);

	return n >= k && strcasecmp(name + n - k, with) == 0;
}

const char *
form_sniff(const void *p, size_t n, const char *name)
{
	static const struct {
		const char *magic;
		size_t n;
		const char *type;
	} table[] = {{"%PDF-", 5, "application/pdf"}, {"\x89PNG\r\n\x1a\n", 8, "image/png"},
	    {"\xff\xd8\xff", 3, "image/jpeg"}, {"GIF87a", 6, "image/gif"},
	    {"GIF89a", 6, "image/gif"}};
	const unsigned char *s = p;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (n >= table[i].n && memcmp(p, table[i].magic, table[i].n) == 0)
			return table[i].type;
	if (n >= 12 && memcmp(p, "RIFF", 4) == 0 && memcmp(s + 8, "WEBP", 4) == 0)
		return "image/webp";
	if (n >= 4 && memcmp(p, "PK\3\4", 4) == 0)
		return ends(name, ".xlsx")
		    ? "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
		    : "application/zip";
	for (size_t i = 0; i < n; i++)
		if ((s[i] < 0x20 && s[i] != '\t' && s[i] != '\n' && s[i] != '\r') || s[i] == 0x7f)
			return "application/octet-stream";
	return ends(name, ".csv") ? "text/csv" : "text/plain";
}
