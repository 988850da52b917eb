#include <string.h>
#include <strings.h>

#include "base/num.h"
#include "notify/notify.h"

struct place {
	char host[256];
	bool loopback;
	const char *rest; /* behind host and port */
};

static bool
host_ok(const char *s, size_t n)
{
	if (n == 0 || n > 253)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') ||
		    (s[i] >= '0' && s[i] <= '9') || s[i] == '-' || s[i] == '.'))
			return false;
	return s[0] != '-' && s[0] != '.';
}

/* parse(s, scheme, p, e): SCHEME://HOST[:PORT]REST, where the host is a name, an IPv4 address, or
 * an IPv6 address in brackets. A user is not part of it: it would be a secret in an address. */
static int
parse(const char *s, const char *scheme, struct place *p, struct err *e)
{
	size_t n = strlen(scheme), h;
	char port[6];
	uint64_t v;

	*p = (struct place){0};
	if (strlen(s) >= NOTIFY_URL)
		return err_set(e, E_INVAL, "the address is too long");
	for (const char *c = s; *c; c++)
		if (*c <= 0x20 || *c > 0x7e || strchr("\"<>\\^`{|}", *c))
			return err_set(
			    e, E_INVAL, "the address has a character that belongs in none");
	if (strncasecmp(s, scheme, n) != 0)
		return err_set(e, E_INVAL, "the address does not begin with %s", scheme);
	s += n;
	if (*s == '[') {
		h = strspn(s + 1, "0123456789abcdefABCDEF:.") + 2;
		if (s[h - 1] != ']' || h < 4 || h > 50)
			return err_set(e, E_INVAL, "the address has no host");
	} else {
		h = strcspn(s, ":/?#@");
		if (!host_ok(s, h))
			return err_set(e, E_INVAL, "the address has no host");
	}
	(void)memcpy(p->host, s, h);
	s += h;
	if (*s == ':') {
		size_t k = strspn(s + 1, "0123456789");

		if (k == 0 || k > 5)
			return err_set(e, E_INVAL, "the address has no port behind the colon");
		(void)memcpy(port, s + 1, k);
		port[k] = 0;
		if (num_parse_u64(port, 65535, &v, NULL) < 0 || v == 0)
			return err_set(e, E_INVAL, "the port is not one of 1 to 65535");
		s += k + 1;
	}
	if (*s && *s != '/' && *s != '?')
		return err_set(e, E_INVAL, "a user or something else stands in the address");
	p->rest = s;
	p->loopback = strcasecmp(p->host, "localhost") == 0 || strcmp(p->host, "127.0.0.1") == 0 ||
	    strcmp(p->host, "[::1]") == 0;
	return 0;
}

int
notify_url_smtp(const char *s, bool *ret_local, struct err *e)
{
	bool tls = strncasecmp(s, "smtps://", 8) == 0;
	struct place p;
	int r = parse(s, tls ? "smtps://" : "smtp://", &p, e);

	if (r == 0 && *p.rest)
		r = err_set(e, E_INVAL, "behind host and port of the mail server stands nothing");
	if (r == 0 && ret_local)
		*ret_local = !tls && p.loopback;
	return r;
}

int
notify_url_hook(const char *s, struct err *e)
{
	bool tls = strncasecmp(s, "https://", 8) == 0;
	struct place p;
	int r = parse(s, tls ? "https://" : "http://", &p, e);

	if (r == 0 && !tls && !p.loopback)
		r = err_set(e, E_INVAL, "only https:// is spoken (http:// on this machine)");
	if (r == 0 && strchr(p.rest, '#'))
		r = err_set(e, E_INVAL, "the address has a character that belongs in none");
	return r;
}

int
notify_url_base(const char *s, struct err *e)
{
	struct place p;
	int r = parse(s, "https://", &p, e);

	return r == 0 && *p.rest
	    ? err_set(e, E_INVAL, "the console's address ends with host or port")
	    : r;
}
