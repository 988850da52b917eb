/* deps: base sys pull */
/* First byte odd: a login file, else the address of a share. What is accepted must be what another
 * program may be given as an argument. */
#include <stdlib.h>
#include <string.h>

#include "cli/vault_pull.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
address(const uint8_t *p, size_t n)
{
	char text[4096];
	struct pull_url u;

	if (n >= sizeof(text))
		return;
	(void)memcpy(text, p, n);
	text[n] = 0;
	if (pull_url_get(text, &u, NULL) < 0)
		return;
	if (!*u.host || *u.host == '-' || *u.user == '-' || *u.path == '-' || u.port > 65535 ||
	    strchr(u.user, ':') || strstr(u.path, ".."))
		abort();
	for (const char *c = u.host; *c; c++)
		if ((unsigned char)*c <= ' ')
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct pull_login l;

	if (n < 1)
		return 0;
	if (p[0] & 1) {
		if (pull_login_get((const char *)p + 1, n - 1, &l, NULL) == 0 &&
		    (strchr(l.user, '\n') || strchr(l.password, '\n')))
			abort();
	} else {
		address(p + 1, n - 1);
	}
	return 0;
}
