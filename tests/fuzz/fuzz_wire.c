/* deps: vault vault_net net */
/* Everything a stranger can send to the append-only server, or such a server to a client: frames
 * and their bodies; the small files of the server's book; codes and addresses as people type
 * them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/code.h"
#include "net/dial.h"
#include "vault/book.h"
#include "vault/store_net.h"
#include "vault/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* What was understood must be written the same way, and understood again. */
static void
again(const struct wire_msg *m, const uint8_t *p, size_t n)
{
	struct buf b;
	struct wire_msg back;
	struct err e;

	buf_init(&b, WIRE_MAX_BODY + 64);
	if (wire_put(&b, m, &e) == 0) {
		if (b.len != n + WIRE_HEAD || (n && memcmp(b.p + WIRE_HEAD, p, n) != 0) ||
		    wire_get(m->kind, b.p + WIRE_HEAD, n, &back, &e) < 0)
			abort();
	}
	buf_free(&b);
}

static void
frames(const uint8_t *p, size_t n)
{
	while (n >= WIRE_HEAD) {
		uint8_t kind;
		uint32_t len;
		struct wire_msg m;
		struct err e;

		if (wire_head(p, WIRE_MAX_BODY, &kind, &len, &e) < 0 || len > n - WIRE_HEAD)
			return;
		if (wire_get(kind, p + WIRE_HEAD, len, &m, &e) == 0)
			again(&m, p + WIRE_HEAD, len);
		p += WIRE_HEAD + len;
		n -= WIRE_HEAD + len;
	}
}

static void
texts(const uint8_t *p, size_t n)
{
	struct book_client c, c2;
	struct book_code k, k2;
	struct store_net_where w;
	struct net_addr a;
	struct code code;
	struct buf b;
	struct err e;
	char *s = malloc(n + 1);

	buf_init(&b, 16384);
	if (book_client_get(p, n, &c, &e) == 0 &&
	    (book_client_put(&b, &c, &e) < 0 || book_client_get(b.p, b.len, &c2, &e) < 0 ||
	    strcmp(c.vault, c2.vault) != 0 || c.may != c2.may || c.revoked != c2.revoked))
		abort();
	buf_clear(&b);
	if (book_code_get(p, n, &k, &e) == 0 &&
	    (book_code_put(&b, &k, &e) < 0 || book_code_get(b.p, b.len, &k2, &e) < 0 ||
	    memcmp(k.key, k2.key, sizeof(k.key)) != 0 || k.used != k2.used))
		abort();
	buf_free(&b);
	(void)!code_get((const char *)p, n, &code, &e);
	(void)!net_addr_get((const char *)p, n, &a, &e);
	if (!s)
		return;
	(void)memcpy(s, p, n);
	s[n] = 0;
	(void)!store_net_where(s, &w, &e);
	free(s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	frames(p, n);
	texts(p, n);
	return 0;
}
