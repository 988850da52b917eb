/* The small files of a server's book: lines of "word value" under a first line that says which and
 * which version. */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/utf8.h"
#include "vault/book.h"

enum { MAX_LINE = 256, MAX_LINES = 32 };

struct lines {
	const char *p;
	size_t n;
};

/* next_line(l, out): The next line, NUL-terminated. False at the end or when it cannot be one. */
static bool
next_line(struct lines *l, char out[MAX_LINE])
{
	const char *end = l->n ? memchr(l->p, '\n', l->n) : NULL;
	size_t n = end ? (size_t)(end - l->p) : 0;

	if (!end || n >= MAX_LINE || memchr(l->p, 0, n))
		return false;
	(void)memcpy(out, l->p, n);
	out[n] = 0;
	l->p += n + 1;
	l->n -= n + 1;
	return true;
}

static bool
first_line(struct lines *l, const char *what, struct err *e)
{
	char line[MAX_LINE], want[MAX_LINE];
	size_t n = strlen(what);

	(void)snprintf(want, sizeof(want), "%s 1", what);
	if (!next_line(l, line) || strncmp(line, what, n) != 0 || line[n] != ' ') {
		(void)err_set(e, E_CORRUPT, "this is no %s", what);
		return false;
	}
	if (strcmp(line, want) != 0) {
		(void)err_set(e, E_PROTO, "the %s was written by a newer Mamori", what);
		return false;
	}
	return true;
}

static bool
may_get(const char *s, uint8_t *ret)
{
	*ret = strcmp(s, "w") == 0 ? WIRE_MAY_WRITE : strcmp(s, "r") == 0 ? WIRE_MAY_READ :
	    strcmp(s, "wr") == 0 ? WIRE_MAY_READ | WIRE_MAY_WRITE : 0;
	return *ret != 0;
}

static const char *
may_word(uint8_t may)
{
	return may == WIRE_MAY_WRITE ? "w" : may == WIRE_MAY_READ ? "r" : "wr";
}

static bool
name_get(const char *s, char out[WIRE_MAX_NAME + 1])
{
	size_t n = strlen(s);

	if (n < 1 || n > WIRE_MAX_NAME || !utf8_ok(s, n))
		return false;
	(void)memcpy(out, s, n + 1);
	return true;
}

static bool
vault_get(const char *s, char out[WIRE_MAX_NAME + 1])
{
	return wire_name_ok(s) && name_get(s, out);
}

static bool
number_get(const char *s, uint64_t max, uint64_t *ret)
{
	return num_parse_u64(s, max, ret, NULL) == 0;
}

static bool
client_line(const char *word, const char *v, struct book_client *c)
{
	uint64_t n = 0;

	if (strcmp(word, "key") == 0)
		return hex_get(c->print, TLS_PRINT, v) == 0;
	if (strcmp(word, "name") == 0)
		return name_get(v, c->name);
	if (strcmp(word, "vault") == 0)
		return vault_get(v, c->vault);
	if (strcmp(word, "may") == 0)
		return may_get(v, &c->may);
	if (strcmp(word, "quota") == 0)
		return number_get(v, INT64_MAX, &c->quota);
	if (strcmp(word, "day") == 0)
		return number_get(v, INT64_MAX, &c->day);
	if (strcmp(word, "revoked") == 0) {
		c->revoked = true;
		return strcmp(v, "yes") == 0;
	}
	if (strcmp(word, "since") != 0 || !number_get(v, INT64_MAX, &n))
		return false;
	c->since = (int64_t)n;
	return true;
}

static bool
code_line(const char *word, const char *v, struct book_code *c)
{
	uint64_t n = 0;

	if (strcmp(word, "vault") == 0)
		return vault_get(v, c->vault);
	if (strcmp(word, "may") == 0)
		return may_get(v, &c->may);
	if (strcmp(word, "quota") == 0)
		return number_get(v, INT64_MAX, &c->quota);
	if (strcmp(word, "day") == 0)
		return number_get(v, INT64_MAX, &c->day);
	if (strcmp(word, "secret") == 0)
		return hex_get(c->key, TLS_CODE_KEY, v) == 0;
	if (strcmp(word, "used") == 0) {
		c->used = true;
		return hex_get(c->used_by, TLS_PRINT, v) == 0;
	}
	if (strcmp(word, "expires") != 0 || !number_get(v, INT64_MAX, &n))
		return false;
	c->expires = (int64_t)n;
	return true;
}

/* split(line): The value behind the first space, which becomes a NUL. NULL: none. */
static char *
split(char *line)
{
	char *v = strchr(line, ' ');

	if (v)
		*v++ = 0;
	return v;
}

int
book_client_get(const void *p, size_t n, struct book_client *ret, struct err *e)
{
	struct lines l = {p, n};
	char line[MAX_LINE];

	(void)memset(ret, 0, sizeof(*ret));
	if (!first_line(&l, "mamori-client", e))
		return e ? e->code : E_CORRUPT;
	for (int i = 0; l.n > 0; i++) {
		char *v = next_line(&l, line) ? split(line) : NULL;

		if (i == MAX_LINES || !v || !client_line(line, v, ret))
			return err_set(e, E_CORRUPT, "a client's entry is damaged");
	}
	if (!ret->name[0] || !ret->vault[0] || !ret->may)
		return err_set(e, E_CORRUPT, "a client's entry is damaged");
	return 0;
}

int
book_client_put(struct buf *b, const struct book_client *c, struct err *e)
{
	char hex[2 * TLS_PRINT + 1];

	hex_put(hex, c->print, TLS_PRINT);
	return buf_fmt(b, e, "mamori-client 1\nkey %s\nname %s\nvault %s\nmay %s\nquota %llu\n"
	    "day %llu\nsince %lld\n%s", hex, c->name, c->vault, may_word(c->may),
	    (unsigned long long)c->quota, (unsigned long long)c->day, (long long)c->since,
	    c->revoked ? "revoked yes\n" : "");
}

int
book_code_get(const void *p, size_t n, struct book_code *ret, struct err *e)
{
	struct lines l = {p, n};
	char line[MAX_LINE];
	bool good = true;

	(void)memset(ret, 0, sizeof(*ret));
	if (!first_line(&l, "mamori-code", e))
		return e ? e->code : E_CORRUPT;
	for (int i = 0; l.n > 0 && good; i++) {
		char *v = next_line(&l, line) ? split(line) : NULL;

		good = i < MAX_LINES && v && code_line(line, v, ret);
	}
	explicit_bzero(line, sizeof(line));
	if (!good || !ret->vault[0] || !ret->may || ret->expires == 0)
		return err_set(e, E_CORRUPT, "a code's entry is damaged");
	return 0;
}

int
book_code_put(struct buf *b, const struct book_code *c, struct err *e)
{
	char secret[2 * TLS_CODE_KEY + 1], used[2 * TLS_PRINT + 1];
	int r;

	hex_put(secret, c->key, TLS_CODE_KEY);
	hex_put(used, c->used_by, TLS_PRINT);
	r = buf_fmt(b, e, "mamori-code 1\nvault %s\nmay %s\nquota %llu\nday %llu\nexpires %lld\n"
	    "secret %s\n", c->vault, may_word(c->may), (unsigned long long)c->quota,
	    (unsigned long long)c->day, (long long)c->expires, secret);
	explicit_bzero(secret, sizeof(secret));
	return r == 0 && c->used ? buf_fmt(b, e, "used %s\n", used) : r;
}
