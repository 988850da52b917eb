#include "post/post.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "tap.h"

static bool
is(const char *s, bool (*fn)(const struct sockaddr *))
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6};
	struct sockaddr_in four = {.sin_family = AF_INET};

	if (inet_pton(AF_INET, s, &four.sin_addr) == 1)
		return fn((struct sockaddr *)&four);
	if (inet_pton(AF_INET6, s, &six.sin6_addr) != 1)
		OK(false, "the test's own address %s", s);
	return fn((struct sockaddr *)&six);
}

int
main(void)
{
	static const char *const in[] = {"0.0.0.0", "10.1.2.3", "100.64.0.1", "100.127.255.255",
	    "127.0.0.1", "127.255.0.9", "169.254.169.254", "172.16.0.1", "172.31.255.255",
	    "192.0.0.8", "192.0.2.1", "192.168.1.1", "198.18.0.1", "198.19.255.255", "224.0.0.1",
	    "240.0.0.1", "255.255.255.255", "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
	    "::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b:1::1", "2002:0a00:0001::1", "2001:0:1::1",
	    "2001:db8::1", "fc00::1", "fd12:3456::1", "fe80::1", "ff02::1", "100::1", "4000::1"};
	static const char *const out[] = {"1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.0",
	    "172.15.0.1", "172.32.0.1", "192.0.1.1", "198.17.255.255", "198.20.0.0",
	    "223.255.255.255", "2400:4000::1", "2606:4700::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8",
	    "2002:0808:0808::1"};
	struct post_note t = {.url = "http://example.com/", .headers = (const char *const[]){NULL}};
	struct sockaddr unix_sa = {.sa_family = AF_UNIX};
	struct err e;
	long status;

	for (size_t i = 0; i < sizeof(in) / sizeof(*in); i++)
		OK(is(in[i], post_private), "not for strangers: %s", in[i]);
	for (size_t i = 0; i < sizeof(out) / sizeof(*out); i++)
		OK(!is(out[i], post_private), "out in the world: %s", out[i]);
	OK(post_private(&unix_sa), "no other family");
	OK(is("127.0.0.2", post_loopback) && is("::1", post_loopback), "this machine");
	OK(!is("10.0.0.1", post_loopback) && !is("::2", post_loopback) && !post_loopback(&unix_sa),
	    "another one");
	EQ_I(post_note(&t, &status, &e), E_INVAL, "no clear text to elsewhere");
	t.url = "https://127.0.0.1:9/";
	EQ_I(post_note(&t, &status, &e), E_INVAL, "no private address unless it was allowed");
	t.url = "https://localhost:9/";
	EQ_I(post_note(&t, &status, &e), E_INVAL, "nor by a name that leads there");
	t.inside = true;
	t.url = "http://127.0.0.1:9/";
	EQ_I(post_note(&t, &status, &e), E_NET, "allowed, but nobody listens");
	t.url = "file:///etc/passwd";
	EQ_I(post_note(&t, &status, &e), E_NET, "no other protocol");
	return tap_done();
}
