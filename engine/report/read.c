#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"
#include "crypt/digest.h"
#include "report/read_int.h"

enum { MEMORY = 128 << 20 };

size_t
in_push(struct in *in, const char *fmt, ...)
{
	size_t was = in->len, room = sizeof(in->path) - in->len;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(in->path + in->len, room, fmt, ap);
	va_end(ap);
	if (n > 0)
		in->len += (size_t)n < room ? (size_t)n : room - 1;
	return was;
}

void
in_pop(struct in *in, size_t len)
{
	in->len = len;
	in->path[len] = 0;
}

void
in_bad(struct in *in, int code, const char *fmt, ...)
{
	char what[240];
	va_list ap;

	if (in->r < 0)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	in->r = err_set(in->e, code, "%s: %s",
	    in->len ? in->path + (in->path[0] == '.') : "document", what);
}

void *
in_alloc(struct in *in, size_t n, size_t size)
{
	void *p;

	if (in->r < 0 || n == 0)
		return NULL;
	p = arena_alloc(in->mem, n * size); /* n is bounded by the caller */
	if (!p)
		in_bad(in, E_LIMIT, "the document needs more than %d MiB", MEMORY >> 20);
	return p;
}

/* Whether the ${n}-byte word is in the space-separated list; its position in ${ret}. */
static bool
word_in(const char *list, const char *word, size_t n, unsigned *ret)
{
	unsigned i = 0;

	for (const char *p = list; *p; i++) {
		size_t k = strcspn(p, " ");

		if (k == n && memcmp(p, word, n) == 0) {
			*ret = i;
			return true;
		}
		p += k;
		p += *p == ' ';
	}
	return false;
}

void
in_only(struct in *in, const json_t *o, const char *names)
{
	unsigned at;

	if (in->r < 0)
		return;
	if (!json_is_object(o)) {
		in_bad(in, E_INVAL, "an object is expected");
		return;
	}
	for (void *it = json_object_iter((json_t *)(uintptr_t)o); it;
	    it = json_object_iter_next((json_t *)(uintptr_t)o, it)) {
		const char *k = json_object_iter_key(it);

		if (!word_in(names, k, strlen(k), &at))
			in_bad(in, E_INVAL, "unknown name \"%.40s\" (known: %s)", k, names);
	}
}

/* How many bytes at ${p} are one character that must not reach the paper: a control character or a
 * mark of writing direction. 0: none. */
static size_t
unwanted(const unsigned char *p, size_t left)
{
	if (*p < 0x20 || *p == 0x7f)
		return 1;
	if (left >= 2 && p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f)
		return 2;
	if (left >= 2 && p[0] == 0xd8 && p[1] == 0x9c)
		return 2; /* U+061C */
	if (left >= 3 && p[0] == 0xe2 && p[1] == 0x80 &&
	    (p[2] == 0x8e || p[2] == 0x8f || (p[2] >= 0xa8 && p[2] <= 0xae)))
		return 3; /* U+200E, 200F, 2028 to 202E */
	if (left >= 3 && p[0] == 0xe2 && p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9)
		return 3; /* U+2066 to 2069 */
	if (left >= 3 && p[0] == 0xef && p[1] == 0xbb && p[2] == 0xbf)
		return 3; /* U+FEFF */
	return 0;
}

const char *
in_text(struct in *in, const json_t *v)
{
	size_t n, k = 0;
	const unsigned char *s;
	char *t;

	if (in->r < 0 || !v || json_is_null(v))
		return "";
	if (!json_is_string(v)) {
		in_bad(in, E_INVAL, "a text is expected");
		return "";
	}
	s = (const unsigned char *)json_string_value(v);
	n = json_string_length(v);
	if (n > REPORT_MAX_TEXT) {
		in_bad(in, E_LIMIT, "the text has %zu bytes; at most %d", n, REPORT_MAX_TEXT);
		return "";
	}
	t = in_alloc(in, n + 1, 1);
	for (size_t i = 0; t && i < n;) {
		size_t u = s[i] == '\n' ? 0 : unwanted(s + i, n - i);

		if (u == 1 && s[i] == '\r' && i + 1 < n && s[i + 1] == '\n')
			; /* one line break, not two characters */
		else
			t[k++] = u ? ' ' : (char)s[i];
		i += u ? u : 1;
	}
	return t ? t : "";
}

const char *
in_text_of(struct in *in, const json_t *o, const char *name, bool required)
{
	size_t was = in_push(in, ".%s", name);
	const char *s = in_text(in, json_object_get(o, name));

	if (required && *s == 0)
		in_bad(in, E_INVAL, "a text is required");
	in_pop(in, was);
	return s;
}

double
in_number(struct in *in, const json_t *o, const char *name, double min, double max,
    double otherwise)
{
	const json_t *v = json_object_get(o, name);
	double d;

	if (in->r < 0 || !v || json_is_null(v))
		return otherwise;
	d = json_number_value(v);
	/* written so that it is false for what is no number */
	if (!json_is_number(v) || !(d >= min && d <= max)) {
		in_bad(in, E_INVAL, "%s: a number from %g to %g is expected", name, min, max);
		return otherwise;
	}
	return d;
}

bool
in_bool(struct in *in, const json_t *o, const char *name, bool otherwise)
{
	const json_t *v = json_object_get(o, name);

	if (in->r < 0 || !v || json_is_null(v))
		return otherwise;
	if (!json_is_boolean(v))
		in_bad(in, E_INVAL, "%s: true or false is expected", name);
	return json_is_true(v);
}

unsigned
in_word(struct in *in, const json_t *o, const char *name, const char *words)
{
	const json_t *v = json_object_get(o, name);
	unsigned at = 0;

	if (in->r < 0 || !v || json_is_null(v))
		return 0;
	if (!json_is_string(v) ||
	    !word_in(words, json_string_value(v), json_string_length(v), &at))
		in_bad(in, E_INVAL, "%s: one of these is expected: %s", name, words);
	return at;
}

const json_t *
in_array(struct in *in, const json_t *o, const char *name, size_t max, size_t *ret_n)
{
	const json_t *v = json_object_get(o, name);
	size_t n = json_array_size(v);

	*ret_n = 0;
	if (in->r < 0)
		return NULL;
	if (!json_is_array(v) || n == 0) {
		in_bad(in, E_INVAL, "%s: a list with at least one entry is expected", name);
		return NULL;
	}
	if (n > max) {
		in_bad(in, E_LIMIT, "%s: %zu entries; at most %zu", name, n, max);
		return NULL;
	}
	*ret_n = n;
	return v;
}

static void
section(struct in *in, const json_t *o, bool landscape, struct report_section *s)
{
	const json_t *list;
	struct report_block *b;
	size_t n;

	in_only(in, o, "title landscape new_page toc blocks");
	s->title = in_text_of(in, o, "title", false);
	s->landscape = in_bool(in, o, "landscape", landscape);
	s->new_page = in_bool(in, o, "new_page", false);
	s->toc = in_bool(in, o, "toc", true);
	list = in_array(in, o, "blocks", REPORT_MAX_BLOCKS, &n);
	in->blocks += n;
	if (in->blocks > REPORT_MAX_BLOCKS)
		in_bad(in, E_LIMIT, "more than %d blocks", REPORT_MAX_BLOCKS);
	s->blocks = b = in_alloc(in, n, sizeof(*b));
	for (size_t i = 0; b && i < n && in->r == 0; i++) {
		size_t was = in_push(in, ".blocks[%zu]", i);

		in_block(in, json_array_get(list, i), &b[i]);
		in_pop(in, was);
	}
	s->n = n;
}

static void
document(struct in *in, const json_t *o, struct report *ret)
{
	struct report_section *s;
	const json_t *list;
	bool landscape;
	int64_t at;
	size_t n;

	in_only(in, o,
	    "report lang title subtitle facility number version printed_at link landscape "
	    "numbered_pages sections");
	if (in->r == 0 && json_integer_value(json_object_get(o, "report")) != 1)
		in_bad(in, E_PROTO, "report: 1 is expected; other models are unknown here");
	ret->lang = in_word(in, o, "lang", "ja en") ? "en" : "ja";
	ret->title = in_text_of(in, o, "title", true);
	ret->subtitle = in_text_of(in, o, "subtitle", false);
	ret->facility = in_text_of(in, o, "facility", false);
	ret->number = in_text_of(in, o, "number", false);
	ret->version = in_text_of(in, o, "version", false);
	ret->link = in_text_of(in, o, "link", false);
	ret->printed_at = in_text_of(in, o, "printed_at", true);
	if (in->r == 0 && time_get(ret->printed_at, &at, NULL) < 0)
		in_bad(in, E_INVAL,
		    "printed_at: a time such as 2026-11-25T21:00:00+09:00 is expected");
	if (in->r == 0 && strlen(ret->link) > REPORT_MAX_QR)
		in_bad(in, E_LIMIT, "link: longer than %d bytes", REPORT_MAX_QR);
	ret->numbered_pages = in_bool(in, o, "numbered_pages", true);
	landscape = in_bool(in, o, "landscape", false);
	list = in_array(in, o, "sections", REPORT_MAX_SECTIONS, &n);
	ret->sections = s = in_alloc(in, n, sizeof(*s));
	for (size_t i = 0; s && i < n && in->r == 0; i++) {
		size_t was = in_push(in, ".sections[%zu]", i);

		section(in, json_array_get(list, i), landscape, &s[i]);
		in_pop(in, was);
	}
	ret->n = n;
}

int
report_read(const void *p, size_t n, struct report *ret, struct err *e)
{
	struct report rep = {0};
	struct in in = {.mem = &rep.mem, .e = e};
	uint8_t digest[DIGEST_LEN];
	json_error_t je;
	json_t *o;

	if (n > REPORT_MAX_JSON)
		return err_set(
		    e, E_LIMIT, "the document has %zu bytes; at most %d", n, REPORT_MAX_JSON);
	o = json_loadb(n ? p : "", n, JSON_REJECT_DUPLICATES, &je);
	if (!o)
		return err_set(
		    e, E_INVAL, "the document is not JSON: line %d: %s", je.line, je.text);
	arena_init(&rep.mem, MEMORY);
	document(&in, o, &rep);
	json_decref(o);
	if (in.r < 0) {
		arena_free(&rep.mem);
		return in.r;
	}
	digest_sha256(p, n, digest);
	hex_put(rep.mark, digest, 6);
	*ret = rep;
	return 0;
}

void
report_free(struct report *r)
{
	if (r)
		arena_free(&r->mem);
}
