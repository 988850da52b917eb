#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/num.h"
#include "post/post.h"

struct net4 {
	uint32_t net;
	int bits;
};

/* IANA's special-purpose registry (RFC 6890 and what followed) */
static const struct net4 special4[] = {
	{0x00000000, 8}, {0x0a000000, 8}, {0x64400000, 10}, {0x7f000000, 8}, {0xa9fe0000, 16},
	{0xac100000, 12}, {0xc0000000, 24}, {0xc0000200, 24}, {0xc0586300, 24}, {0xc0a80000, 16},
	{0xc6120000, 15}, {0xc6336400, 24}, {0xcb007100, 24}, {0xe0000000, 4}, {0xf0000000, 4},
};

static bool
private4(uint32_t a)
{
	for (size_t i = 0; i < ARRAY_LEN(special4); i++)
		if ((a ^ special4[i].net) >> (32 - special4[i].bits) == 0)
			return true;
	return false;
}

static uint32_t
be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool
starts(const uint8_t *a, const uint8_t *with, size_t n)
{
	return memcmp(a, with, n) == 0;
}

static bool
private6(const uint8_t a[16])
{
	static const uint8_t zero[12] = {0}, mapped[12] = {[10] = 0xff, [11] = 0xff};
	static const uint8_t nat64[12] = {0, 0x64, 0xff, 0x9b}, teredo[4] = {0x20, 0x01, 0, 0};
	static const uint8_t doc[4] = {0x20, 0x01, 0x0d, 0xb8},
			     local64[6] = {0, 0x64, 0xff, 0x9b, 0, 1};

	if (starts(a, zero, 12) || starts(a, mapped, 12) || starts(a, nat64, 12))
		return starts(a, zero, 12) ||
		    private4(be32(a + 12)); /* ::, ::1, and the old form */
	if (a[0] == 0x20 && a[1] == 0x02) /* 6to4 */
		return private4(be32(a + 2));
	if (starts(a, teredo, 4) || starts(a, doc, 4) || starts(a, local64, 6))
		return true;
	return (a[0] & 0xe0) != 0x20; /* global unicast is 2000::/3 and nothing else */
}

bool
post_private(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET) {
		struct sockaddr_in in;

		(void)memcpy(&in, sa, sizeof(in));
		return private4(ntohl(in.sin_addr.s_addr));
	}
	if (sa->sa_family == AF_INET6) {
		struct sockaddr_in6 in;

		(void)memcpy(&in, sa, sizeof(in));
		return private6(in.sin6_addr.s6_addr);
	}
	return true;
}

bool
post_loopback(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET) {
		struct sockaddr_in in;

		(void)memcpy(&in, sa, sizeof(in));
		return ntohl(in.sin_addr.s_addr) >> 24 == 127;
	}
	if (sa->sa_family == AF_INET6) {
		struct sockaddr_in6 in;

		(void)memcpy(&in, sa, sizeof(in));
		return IN6_IS_ADDR_LOOPBACK(&in.sin6_addr);
	}
	return false;
}
