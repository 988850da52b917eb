/* Addresses of shares, and login files: pure parsers. */
#include <ctype.h>
#include <string.h>

#include "base/num.h"
#include "base/utf8.h"
#include "cli/vault_pull.h"

/* ---- addresses ---- */

static const struct {
	const char *scheme;
	unsigned kind;
} schemes[] = {{"ssh://", PULL_SSH}, {"sftp://", PULL_SSH}, {"smb://", PULL_SMB},
	{"nfs://", PULL_NFS}};

bool
pull_is(const char *arg)
{
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		if (strncmp(arg, schemes[i].scheme, strlen(schemes[i].scheme)) == 0)
			return true;
	return false;
}

/* take(out, size, p, n): Copy a part; false when it does not fit or holds what cannot be meant. It
 * becomes an argument of another program, so it must not look like an option either. */
static bool
take(char *out, size_t size, const char *p, size_t n)
{
	if (n >= size || (n > 0 && *p == '-') || !utf8_ok(p, n))
		return false;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)p[i] < 0x20 || p[i] == 0x7f)
			return false;
	(void)memcpy(out, p, n);
	out[n] = 0;
	return true;
}

static bool
host_ok(const char *host)
{
	for (const char *p = host; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr(".-_", *p))
			return false;
	return *host != 0;
}

int
pull_url_get(const char *s, struct pull_url *ret, struct err *e)
{
	struct pull_url u = {0};
	const char *at, *slash, *colon;
	size_t i = 0, n;
	uint64_t port = 0;
	char text[8];

	while (i < ARRAY_LEN(schemes) &&
	    strncmp(s, schemes[i].scheme, strlen(schemes[i].scheme)) != 0)
		i++;
	if (i == ARRAY_LEN(schemes))
		return err_set(e, E_INVAL, "%.80s: not ssh://, smb:// or nfs://", s);
	u.kind = schemes[i].kind;
	s += strlen(schemes[i].scheme);
	slash = s + strcspn(s, "/");
	at = memchr(s, '@', (size_t)(slash - s));
	if (at && !take(u.user, sizeof(u.user), s, (size_t)(at - s)))
		return err_set(e, E_INVAL, "the user's name in the address is not one");
	if (strchr(u.user, ':'))
		return err_set(e, E_INVAL,
		    "a password does not belong into an address; put it into the login file");
	s = at ? at + 1 : s;
	colon = memchr(s, ':', (size_t)(slash - s));
	n = (size_t)((colon ? colon : slash) - s);
	if (!take(u.host, sizeof(u.host), s, n) || !host_ok(u.host))
		return err_set(e, E_INVAL, "the host in the address is not one");
	n = colon ? (size_t)(slash - colon - 1) : 0;
	if (colon && (n == 0 || n >= sizeof(text)))
		return err_set(e, E_INVAL, "the port in the address is not one");
	(void)memcpy(text, colon ? colon + 1 : "", n);
	text[n] = 0;
	if (n > 0 && (num_parse_u64(text, 65535, &port, NULL) < 0 || port == 0))
		return err_set(e, E_INVAL, "the port in the address is not one");
	u.port = (unsigned)port;
	n = *slash ? strlen(slash + 1) : 0;
	while (n > 0 && slash[n] == '/')
		n--;
	if (!take(u.path, sizeof(u.path), *slash ? slash + 1 : "", n) || strstr(u.path, ".."))
		return err_set(e, E_INVAL, "the path in the address is not one");
	if (!*u.path && u.kind != PULL_SSH)
		return err_set(e, E_INVAL, "the address names no share");
	*ret = u;
	return 0;
}

/* ---- the login file ---- */

static int
login_line(struct pull_login *l, const char *key, size_t kn, const char *v, size_t n)
{
	const struct {
		const char *name;
		char *out;
		size_t size;
	} fields[] = {{"user", l->user, sizeof(l->user)},
	    {"password", l->password, sizeof(l->password)},
	    {"domain", l->domain, sizeof(l->domain)}, {"key", l->key, sizeof(l->key)},
	    {"host_key", l->host_key, sizeof(l->host_key)}};

	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		if (strlen(fields[i].name) != kn || memcmp(fields[i].name, key, kn) != 0)
			continue;
		if (n == 0 || n >= fields[i].size || memchr(v, 0, n) || memchr(v, '\r', n))
			return -1;
		(void)memcpy(fields[i].out, v, n);
		fields[i].out[n] = 0;
		return 0;
	}
	return -1;
}

static void
trim(const char **p, size_t *n)
{
	while (*n > 0 && (**p == ' ' || **p == '\t')) {
		(*p)++;
		(*n)--;
	}
	while (*n > 0 && strchr(" \t\r", (*p)[*n - 1]))
		(*n)--;
}

int
pull_login_get(const char *p, size_t n, struct pull_login *ret, struct err *e)
{
	struct pull_login l = {0};
	int r = 0;

	for (unsigned line = 1; n > 0 && r == 0; line++) {
		const char *nl = memchr(p, '\n', n), *eq, *k = p, *v;
		size_t len = nl ? (size_t)(nl - p) : n, kn, vn;

		n -= nl ? len + 1 : len;
		p += nl ? len + 1 : len;
		trim(&k, &len);
		if (len == 0 || *k == '#')
			continue;
		eq = memchr(k, '=', len);
		kn = eq ? (size_t)(eq - k) : 0;
		v = eq ? eq + 1 : k;
		vn = eq ? len - kn - 1 : 0;
		trim(&k, &kn);
		trim(&v, &vn);
		if (!eq || login_line(&l, k, kn, v, vn) < 0)
			r = err_set(e, E_INVAL,
			    "line %u is not `user = …`, `password = …`, `domain = …`, `key = …` or "
			    "`host_key = …`", line);
	}
	if (r == 0)
		*ret = l;
	explicit_bzero(&l, sizeof(l));
	return r;
}
