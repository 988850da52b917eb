/* What people type, in its one canonical form. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/num.h"
#include "base/utf8.h"
#include "register/register_int.h"
#include "text/day.h"
#include "text/fold.h"

enum { MAX_LINE = 1000, MAX_WORDS = 200 };

int
register_problem(json_t *list, const char *field, const char *code, const char *ja, const char *en)
{
	json_t *p = json_pack("{s:s, s:s, s:s, s:s}", "field", field, "code", code, "ja", ja, "en",
	    en);

	return p && json_array_append_new(list, p) == 0 ? 0 : E_NOMEM;
}

const char *
register_str(json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

bool
register_id_ok(const char *id)
{
	size_t n = strlen(id);

	if (n == 0 || n >= REGISTER_ID || id[0] == '.' || id[0] == '-' || id[0] == '_')
		return false;
	return strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789._-") == n;
}

int
register_words(const char *value, register_word_fn *fn, void *cookie, struct err *e)
{
	char word[REGISTER_ID + 1];

	while (*value) {
		size_t n = strcspn(value, ",");
		int r = 0;

		if (n > 0 && n < sizeof(word)) {
			(void)memcpy(word, value, n);
			word[n] = 0;
			r = fn(word, cookie, e);
		}
		if (r != 0)
			return r;
		value += n + (value[n] == ',');
	}
	return 0;
}

/* -- text -------------------------------------------------------------------------------------- */

/* space_at(p, left): The length of a space here: ASCII or the full-width one. */
static size_t
space_at(const unsigned char *p, size_t left)
{
	if (left >= 1 && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
		return 1;
	return left >= 3 && p[0] == 0xe3 && p[1] == 0x80 && p[2] == 0x80 ? 3 : 0;
}

static void
trim(const char **s, size_t *n)
{
	const unsigned char *p = (const unsigned char *)*s;
	size_t k;

	while ((k = space_at(p, *n)) > 0) {
		p += k;
		*n -= k;
	}
	while (*n > 0) {
		size_t one = *n >= 1 && space_at(p + *n - 1, 1) ? 1 : 0;

		if (!one && *n >= 3 && space_at(p + *n - 3, 3) == 3)
			one = 3;
		if (!one)
			break;
		*n -= one;
	}
	*s = (const char *)p;
}

/* plain(out, p, n, several): Copy text; line ends become LF where several lines are allowed, else
 * one space. False: a control character. */
static bool
plain(struct buf *out, const unsigned char *p, size_t n, bool several)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = p[i];

		if (c == '\r' && i + 1 < n && p[i + 1] == '\n')
			continue;
		if (c == '\r' || c == '\n' || c == '\t') {
			c = several ? (c == '\t' ? '\t' : '\n') : ' ';
			if (!several && out->len > 0 && out->p[out->len - 1] == ' ')
				continue;
		} else if (c < 0x20 || c == 0x7f) {
			return false;
		} else if (c == 0xc2 && i + 1 < n && p[i + 1] < 0xa0) {
			return false; /* C1 */
		} else if (c == 0xe2 && i + 2 < n && p[i + 1] == 0x80 &&
		    (p[i + 2] & 0xfe) == 0xa8) {
			return false; /* line and paragraph separators */
		} else if (c == 0xe2 && i + 2 < n && p[i + 1] == 0x80 && p[i + 2] >= 0xaa &&
		    p[i + 2] <= 0xae) {
			return false; /* writing direction */
		}
		if (buf_u8(out, c, NULL) < 0)
			return false;
	}
	return true;
}

/* narrow(out, s): Full-width ASCII as half-width, and the many dashes between digits as '-'. */
static bool
narrow(struct buf *out, const char *s)
{
	static const char *const dash[] = {"‐", "‑", "‒", "–", "—", "―", "−", "ー", "ｰ", "－"};

	while (*s) {
		const unsigned char *u = (const unsigned char *)s;
		size_t step = 1;
		char c = *s;

		/* behind a letter of another kind it may be a long vowel */
		bool dashed = out->len > 0 && (out->p[out->len - 1] & 0x80) == 0;

		for (size_t i = 0; i < ARRAY_LEN(dash) && dashed; i++)
			if (strncmp(s, dash[i], strlen(dash[i])) == 0) {
				c = '-';
				step = strlen(dash[i]);
			}
		if (step == 1 && u[0] == 0xef && u[1] >= 0xbc && u[1] <= 0xbd && u[2]) {
			unsigned v = (unsigned)(u[1] & 0x3f) << 6 | (u[2] & 0x3f); /* U+F000 + v */

			if (v >= 0xf01 && v <= 0xf5e) {
				c = (char)(0x21 + v - 0xf01);
				step = 3;
			}
		} else if (step == 1 && space_at(u, strlen(s)) == 3) {
			c = ' ';
			step = 3;
		}
		if (buf_u8(out, (uint8_t)c, NULL) < 0)
			return false;
		s += step;
	}
	return buf_cstr(out, NULL) != NULL;
}

/* -- the types --------------------------------------------------------------------------------- */

struct one { /* one value on its way */
	const struct register_field *f;
	json_t *problems;
	struct buf in, out; /* as it came, trimmed; as it is kept */
};

static int
bad(struct one *o, const char *code, const char *ja, const char *en)
{
	int r = register_problem(o->problems, o->f->key, code, ja, en);

	return r < 0 ? r : E_INVAL;
}

static int
keep(struct one *o, const char *s)
{
	buf_clear(&o->out);
	return buf_str(&o->out, s, NULL);
}

static int
tidy_int(struct one *o, const char *s)
{
	char digits[16];
	size_t n = 0;

	for (; *s; s++) {
		if (*s == ',' || *s == ' ')
			continue;
		if (*s == '.' && strspn(s + 1, "0") == strlen(s + 1))
			break; /* 19.0 of a spreadsheet */
		if (*s < '0' || *s > '9' || n >= 9)
			return bad(o, "number", "数字で入れてください（例 19）", "a whole number such as 19");
		digits[n++] = *s;
	}
	digits[n] = 0;
	if (n == 0)
		return bad(o, "number", "数字で入れてください（例 19）", "a whole number such as 19");
	s = digits;
	while (s[0] == '0' && s[1])
		s++;
	return keep(o, s);
}

static int
tidy_date(struct one *o, const char *s)
{
	char day[DAY_TEXT];

	if (day_parse(s, day) < 0)
		return bad(o, "date", "日付が読めません（例 2026-04-01、令和8年4月1日）",
		    "not a day; write 2026-04-01");
	return keep(o, day);
}

static int
tidy_phone(struct one *o, const char *s)
{
	size_t digits = 0;

	for (const char *p = s; *p; p++)
		digits += *p >= '0' && *p <= '9';
	if (digits < 2 || digits > 30 || strlen(s) > 80)
		return bad(o, "phone", "電話番号を入れてください（例 03-1234-5678）",
		    "a telephone number such as 03-1234-5678");
	return keep(o, s);
}

static int
tidy_email(struct one *o, const char *s)
{
	const char *at = strchr(s, '@');

	if (!at || at == s || !at[1] || strchr(at + 1, '@') || strpbrk(s, " ,;<>\"()") ||
	    strlen(s) > 254)
		return bad(o, "email", "メールアドレスを入れてください（例 name@example.jp）",
		    "a mail address such as name@example.jp");
	return keep(o, s);
}

static int
tidy_mac(struct one *o, const char *s)
{
	char hex[13], out[18];
	size_t n = 0;

	for (; *s; s++) {
		char c = *s >= 'A' && *s <= 'F' ? (char)(*s + 32) : *s;

		if (c == ':' || c == '-' || c == '.' || c == ' ')
			continue;
		if (n == 12 || !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			n = 99;
		if (n == 99)
			break;
		hex[n++] = c;
	}
	if (n != 12)
		return bad(o, "mac", "MACアドレスは 12 桁です（例 00:11:22:aa:bb:cc）",
		    "a hardware address such as 00:11:22:aa:bb:cc");
	(void)snprintf(out, sizeof(out), "%.2s:%.2s:%.2s:%.2s:%.2s:%.2s", hex, hex + 2, hex + 4,
	    hex + 6, hex + 8, hex + 10);
	return keep(o, out);
}

/* find_choice(f, s): By key, or by what stands on screen in either language. */
static size_t
find_choice(const struct register_field *f, const char *s)
{
	for (size_t i = 0; i < f->nchoices; i++)
		if (strcmp(f->choices[i].key, s) == 0)
			return i;
	for (size_t i = 0; i < f->nchoices; i++)
		if (text_same(f->choices[i].ja, s) || text_same(f->choices[i].en, s))
			return i;
	return f->nchoices;
}

static int
bad_choice(struct one *o, const char *s)
{
	char ja[400], en[400];
	size_t a, b;

	a = (size_t)snprintf(ja, sizeof(ja), "「%.60s」は選べません。次のどれか: ", s);
	b = (size_t)snprintf(en, sizeof(en), "\"%.60s\" is not one of: ", s);
	for (size_t i = 0; i < o->f->nchoices && a < sizeof(ja) && b < sizeof(en); i++) {
		const struct register_choice *c = &o->f->choices[i];

		if (a + strlen(c->ja) + 8 >= sizeof(ja) || b + strlen(c->en) + 8 >= sizeof(en))
			break;
		a += (size_t)snprintf(ja + a, sizeof(ja) - a, "%s%s", i ? "、" : "", c->ja);
		b += (size_t)snprintf(en + b, sizeof(en) - b, "%s%s", i ? ", " : "", c->en);
	}
	while (a > 0 && !utf8_ok(ja, strlen(ja)))
		ja[--a] = 0;
	return utf8_ok(s, strnlen(s, 60)) ? bad(o, "choice", ja, en)
					  : bad(o, "choice", "選べない値です", "not one of the choices");
}

/* next_part(s, part, n): Cut the next part of a list of several; false at the end. */
static bool
next_part(const char **s, char *part, size_t size)
{
	static const char *const marks[] = {",", "、", "，", ";", "；", "/", "／", "\n"};
	size_t n = 0, k = 0;
	const char *p;

	for (;;) {
		if (!**s)
			return false;
		for (n = 0; (*s)[n]; n++) {
			for (k = 0; k < ARRAY_LEN(marks); k++)
				if (strncmp(*s + n, marks[k], strlen(marks[k])) == 0)
					break;
			if (k < ARRAY_LEN(marks))
				break;
		}
		p = *s;
		*s += n + ((*s)[n] ? strlen(marks[k]) : 0);
		trim(&p, &n);
		if (n > 0)
			break;
	}
	if (n >= size)
		n = size - 1;
	(void)memcpy(part, p, n);
	part[n] = 0;
	return true;
}

static int
tidy_choices(struct one *o, const char *s)
{
	const struct register_field *f = o->f;
	bool on[64] = {false};
	char part[256];
	int r = 0;

	while (next_part(&s, part, sizeof(part))) {
		size_t i = find_choice(f, part);

		if (i == f->nchoices || i >= ARRAY_LEN(on))
			return bad_choice(o, part);
		on[i] = true;
	}
	buf_clear(&o->out);
	for (size_t i = 0; i < f->nchoices && i < ARRAY_LEN(on) && r == 0; i++)
		if (on[i])
			r = buf_fmt(
			    &o->out, NULL, "%s%s", o->out.len ? "," : "", f->choices[i].key);
	return r;
}

/* ref_of(s): "title [id]" to the id, in place; a title alone stays as it is. */
static char *
ref_of(char *s)
{
	size_t n = strlen(s);
	char *open = n > 2 && s[n - 1] == ']' ? strrchr(s, '[') : NULL;

	if (!open)
		return s;
	s[n - 1] = 0;
	if (register_id_ok(open + 1))
		return open + 1;
	s[n - 1] = ']';
	return s;
}

static int
tidy_ref(struct one *o, const char *s)
{
	char *copy = strdup(s);
	int r;

	if (!copy)
		return E_NOMEM;
	r = keep(o, ref_of(copy));
	free(copy);
	return r;
}

static int
tidy_refs(struct one *o, const char *s)
{
	char part[MAX_LINE];
	size_t n = 0;
	int r = 0;

	buf_clear(&o->out);
	while (r == 0 && next_part(&s, part, sizeof(part))) {
		if (++n > MAX_WORDS)
			return bad(o, "long", "多すぎます（200 件まで）", "too many (200 at most)");
		r = buf_fmt(&o->out, NULL, "%s%s", o->out.len ? "," : "", ref_of(part));
	}
	return r;
}

static int
by_type(struct one *o, const char *s, const char *narrowed)
{
	size_t i;

	switch (o->f->type) {
	case REGISTER_INT:
		return tidy_int(o, narrowed);
	case REGISTER_DATE:
		return tidy_date(o, narrowed);
	case REGISTER_PHONE:
		return tidy_phone(o, narrowed);
	case REGISTER_EMAIL:
		return tidy_email(o, narrowed);
	case REGISTER_MAC:
		return tidy_mac(o, narrowed);
	case REGISTER_CHOICE:
		i = find_choice(o->f, s);
		return i < o->f->nchoices ? keep(o, o->f->choices[i].key) : bad_choice(o, s);
	case REGISTER_CHOICES:
		return tidy_choices(o, s);
	case REGISTER_REF:
		return tidy_ref(o, s);
	case REGISTER_REFS:
		return tidy_refs(o, s);
	case REGISTER_NAME:
		if (strlen(s) > 95)
			return bad(o, "id", "長すぎます", "too long");
		return keep(o, s);
	case REGISTER_TEXT:
	case REGISTER_LONG:
	case REGISTER_KANA:
		break;
	}
	return keep(o, s);
}

/* text_of(v, ret): What a JSON value says as text; NULL: it cannot be one. */
static char *
text_of(json_t *v)
{
	struct buf b;
	char *s;

	buf_init(&b, 2 * REGISTER_MAX_VALUE);
	if (json_is_null(v))
		return strdup("");
	if (json_is_true(v))
		return strdup("yes");
	if (json_is_false(v))
		return strdup("no");
	if (json_is_string(v))
		return strlen(json_string_value(v)) == json_string_length(v)
		    ? strdup(json_string_value(v)) : NULL;
	if (json_is_integer(v)) {
		if (buf_fmt(&b, NULL, "%lld", (long long)json_integer_value(v)) < 0)
			return NULL;
	} else if (json_is_array(v)) {
		json_t *p;
		size_t i;

		json_array_foreach(v, i, p) {
			if (!json_is_string(p) || buf_fmt(&b, NULL, "%s%s", i ? "," : "",
			    json_string_value(p)) < 0) {
				buf_free(&b);
				return NULL;
			}
		}
	} else {
		return NULL;
	}
	s = buf_cstr(&b, NULL) ? strdup((const char *)b.p) : NULL;
	buf_free(&b);
	return s;
}

static int
tidy_text(struct one *o, const char *raw)
{
	bool several = o->f->type == REGISTER_LONG || o->f->type == REGISTER_CHOICES ||
	    o->f->type == REGISTER_REFS;
	struct buf thin;
	const char *s = raw;
	size_t n = strlen(raw);
	int r;

	trim(&s, &n);
	if (n > (several ? REGISTER_MAX_VALUE : MAX_LINE))
		return bad(o, "long", "長すぎます", "too long");
	if (!utf8_ok(s, n) || !plain(&o->in, (const unsigned char *)s, n, several) ||
	    !buf_cstr(&o->in, NULL))
		return bad(o, "control", "使えない文字（制御文字）が入っています",
		    "it holds control characters");
	if (o->in.len == 0)
		return keep(o, "");
	buf_init(&thin, 2 * REGISTER_MAX_VALUE);
	r = narrow(&thin, (const char *)o->in.p) ? by_type(o, (const char *)o->in.p,
	        (const char *)thin.p) : E_NOMEM;
	buf_free(&thin);
	if (r == 0 && o->out.len > REGISTER_MAX_VALUE)
		return bad(o, "long", "長すぎます", "too long");
	return r;
}

/* tidy_one(f, v, ret, problems): 0, E_INVAL with a problem added, or E_NOMEM. */
static int
tidy_one(const struct register_field *f, json_t *v, json_t *ret, json_t *problems)
{
	struct one o = {.f = f, .problems = problems};
	char *raw = text_of(v);
	int r;

	buf_init(&o.in, 2 * REGISTER_MAX_VALUE);
	buf_init(&o.out, 2 * REGISTER_MAX_VALUE);
	if (!raw)
		r = bad(&o, "text", "文字で入れてください", "must be a text");
	else
		r = tidy_text(&o, raw);
	if (r == 0 && o.out.len == 0 && f->required)
		r = bad(&o, "required", "入れてください", "must be filled");
	if (r == 0 && (!buf_cstr(&o.out, NULL) ||
	    json_object_set_new(ret, f->key, json_string((const char *)o.out.p)) < 0))
		r = E_NOMEM;
	free(raw);
	buf_free(&o.in);
	buf_free(&o.out);
	return r;
}

/* special(key, v, ret, problems): _next and _next_none. */
static int
special(const char *key, json_t *v, json_t *ret, json_t *problems)
{
	static const struct register_field date = {.key = REGISTER_NEXT, .type = REGISTER_DATE};
	static const struct register_field why = {.key = REGISTER_NEXT_NONE, .type = REGISTER_TEXT};

	return tidy_one(strcmp(key, REGISTER_NEXT) == 0 ? &date : &why, v, ret, problems);
}

static int
tidy_key(const struct register_kind *k, const char *key, json_t *v, json_t *ret,
    json_t *problems)
{
	const struct register_field *f = register_field(k, key);
	int r;

	if (strcmp(key, REGISTER_NEXT) == 0 || strcmp(key, REGISTER_NEXT_NONE) == 0)
		return special(key, v, ret, problems);
	if (f)
		return tidy_one(f, v, ret, problems);
	r = register_problem(problems, key, "unknown", "この台帳にない欄です", "no such field");
	return r < 0 ? r : E_INVAL;
}

int
register_tidy(const struct register_kind *k, json_t *values, bool partial, json_t **ret,
    json_t **ret_problems)
{
	json_t *out = json_object(), *problems = json_array();
	const char *key;
	json_t *v;
	int r = out && problems ? 0 : E_NOMEM;

	if (r == 0)
		json_object_foreach(values, key, v) {
			if (tidy_key(k, key, v, out, problems) == E_NOMEM)
				r = E_NOMEM;
		}
	for (size_t i = 0; i < k->nfields && r == 0 && !partial; i++)
		if (k->fields[i].required && !json_object_get(values, k->fields[i].key))
			r = register_problem(problems, k->fields[i].key, "required", "入れてください",
			    "must be filled");
	if (r == 0 && json_array_size(problems) > 0)
		r = E_INVAL;
	if (r == E_NOMEM) {
		json_decref(out);
		json_decref(problems);
		return r;
	}
	*ret = out;
	*ret_problems = problems;
	return r;
}
