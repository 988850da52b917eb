#include <string.h>
#include <strings.h>

#include "base/num.h"
#include "s3/s3.h"

/* ---- the address ---- */

static bool
loopback(const char *host)
{
	return strncmp(host, "127.", 4) == 0 || strncmp(host, "[::1]", 5) == 0 ||
	    strcmp(host, "localhost") == 0 || strncmp(host, "localhost:", 10) == 0;
}

static bool
host_ok(const char *h)
{
	const char *port;
	uint64_t v;

	if (h[0] == '[') {
		const char *end = strchr(h, ']');

		if (!end || strspn(h + 1, "0123456789abcdefABCDEF:.") != (size_t)(end - h - 1))
			return false;
		port = end + 1;
	} else {
		port = h +
		    strspn(h, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-");
		if (port == h)
			return false;
	}
	return *port == 0 || (*port == ':' && num_parse_u64(port + 1, 65535, &v, NULL) == 0 && v);
}

static bool
bucket_ok(const char *b)
{
	size_t n = strlen(b);

	return n >= 3 && strspn(b, "abcdefghijklmnopqrstuvwxyz0123456789.-_") == n &&
	    !strstr(b, "..") && b[0] != '.' && b[0] != '-';
}

/* A prefix of such characters needs no thought about encodings, here or in other programs. */
static bool
prefix_ok(const char *p)
{
	return p[strspn(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-/")] ==
	    0 && !strstr(p, "//") && !strstr(p, "/../") && strncmp(p, "../", 3) != 0 &&
	    strcmp(p, "..") != 0;
}

/* cut(out, size, p, n): false when it does not fit. */
static bool
cut(char *out, size_t size, const char *p, size_t n)
{
	if (n >= size)
		return false;
	(void)memcpy(out, p, n);
	out[n] = 0;
	return true;
}

static void
drop_default_port(struct s3_where *w)
{
	const char *port = w->tls ? ":443" : ":80";
	size_t n = strlen(w->host), m = strlen(port);

	if (n > m && strcmp(w->host + n - m, port) == 0)
		w->host[n - m] = 0;
}

int
s3_where_get(const char *url, struct s3_where *ret, struct err *e)
{
	struct s3_where w = {0};
	const char *p, *slash, *rest;
	bool plain = false, said = true;
	size_t n;

	if (strncmp(url, "s3://", 5) == 0) {
		p = url + 5;
		said = false;
	} else if (strncmp(url, "s3+https://", 11) == 0) {
		p = url + 11;
	} else if (strncmp(url, "s3+http://", 10) == 0) {
		p = url + 10;
		plain = true;
	} else {
		return err_set(e, E_INVAL, "an address of an object store begins with s3://");
	}
	slash = strchr(p, '/');
	if (!slash || !cut(w.host, sizeof(w.host), p, (size_t)(slash - p)) || !host_ok(w.host))
		return err_set(e, E_INVAL,
		    "%s: expected s3://HOST[:PORT]/BUCKET/PREFIX", url);
	w.tls = said ? !plain : !loopback(w.host);
	if (!w.tls && !loopback(w.host))
		return err_set(e, E_INVAL, "%s: without encryption (http) only this machine itself "
		    "may be spoken to", url);
	drop_default_port(&w);
	p = slash + 1;
	n = strcspn(p, "/");
	if (!cut(w.bucket, sizeof(w.bucket), p, n) || !bucket_ok(w.bucket))
		return err_set(e, E_INVAL, "%s: the name of the bucket makes no sense "
		    "(s3://HOST/BUCKET/PREFIX)", url);
	rest = p + n;
	rest += *rest == '/';
	n = strlen(rest);
	while (n > 0 && rest[n - 1] == '/')
		n--;
	if (!cut(w.prefix, sizeof(w.prefix), rest, n) || !prefix_ok(w.prefix))
		return err_set(e, E_INVAL,
		    "%s: use only letters, digits, . _ - and / behind the bucket", url);
	*ret = w;
	return 0;
}

/* ---- the login ---- */

static const struct {
	const char *name;
	size_t at, size;
} fields[] = {
#define FIELD(text, member)                                                                        \
	{text, offsetof(struct s3_login, member), sizeof(((struct s3_login *)0)->member)}
	FIELD("access-key", access), FIELD("aws_access_key_id", access),
	FIELD("secret-key", secret), FIELD("aws_secret_access_key", secret),
	FIELD("token", token), FIELD("aws_session_token", token),
	FIELD("region", region), FIELD("ca", ca),
#undef FIELD
};

static int
login_line(const char *p, size_t n, unsigned no, struct s3_login *ret, struct err *e)
{
	const char *end = p + n, *sep = p, *v;
	size_t name;

	while (sep < end && *sep != '=' && *sep != ':')
		sep++;
	if (sep == end)
		return err_set(e, E_INVAL, "line %u: expected \"name: value\"", no);
	for (name = (size_t)(sep - p); name > 0 && (p[name - 1] == ' ' || p[name - 1] == '\t');)
		name--;
	for (v = sep + 1; v < end && (*v == ' ' || *v == '\t');)
		v++;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (strlen(fields[i].name) != name || strncasecmp(fields[i].name, p, name) != 0)
			continue;
		for (const char *c = v; c < end; c++) {
			if (*c <= ' ' || *c >= 127) {
				if (fields[i].at == offsetof(struct s3_login, ca))
					continue;
				return err_set(e, E_INVAL, "line %u: the value of %s has a blank "
				    "or another character that cannot be in it", no,
				    fields[i].name);
			}
		}
		if (!cut((char *)ret + fields[i].at, fields[i].size, v, (size_t)(end - v)))
			return err_set(e, E_INVAL, "line %u: the value of %s is too long", no,
			    fields[i].name);
		return 0;
	}
	return err_set(e, E_INVAL, "line %u: expected access-key, secret-key, token, region or ca",
	    no);
}

int
s3_login_get(const void *p, size_t n, struct s3_login *ret, struct err *e)
{
	struct s3_login l = {.region = "us-east-1"};
	const char *s = p, *end = s + n;
	unsigned no = 0;
	int r = 0;

	if (n > 0 && memchr(p, 0, n))
		return err_set(e, E_INVAL, "this is not a text file");
	while (s < end && r == 0) {
		const char *nl = memchr(s, '\n', (size_t)(end - s));
		const char *next = nl ? nl + 1 : end, *stop = nl ? nl : end;

		no++;
		while (s < stop && (*s == ' ' || *s == '\t'))
			s++;
		while (stop > s && (stop[-1] == '\r' || stop[-1] == ' ' || stop[-1] == '\t'))
			stop--;
		if (s < stop && *s != '#' && *s != ';' && *s != '[')
			r = login_line(s, (size_t)(stop - s), no, &l, e);
		s = next;
	}
	if (r == 0 && (!l.access[0] || !l.secret[0]))
		r = err_set(e, E_INVAL, "a login needs an access-key and a secret-key");
	if (r == 0)
		*ret = l;
	explicit_bzero(&l, sizeof(l));
	return r;
}
