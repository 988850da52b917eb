/* deps: vault */
/* Records of the keep ledger: any bytes are refused or come back as they were. */
#include <stdlib.h>
#include <string.h>

#include "vault/keep_poison.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
record(uint16_t type, const uint8_t *p, size_t n)
{
	struct keep_rec r;
	struct buf b;
	struct err e;

	if (keep_rec_get(type, p, n, &r, &e) != 0)
		return;
	buf_init(&b, 2 << 20);
	/* what was understood says the same when it is written again */
	if (keep_rec_put(&b, &r, &e) < 0 || b.len != n || memcmp(b.p, p, n) != 0)
		abort();
	buf_free(&b);
	keep_rec_free(&r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct keep_genesis g;
	struct vault_figures f;
	struct keep_verdict v;
	uint8_t key[32] = {0}, id[FMT_ID_LEN] = {0};
	char text[KEEP_TEXT];
	struct err e;

	if (n == 0)
		return 0;
	record((uint16_t)(KEEP_CLOCK + p[0] % 15), p + 1, n - 1);
	(void)(keep_genesis_get(p, n, &g, &e) == 0);
	(void)(keep_figures_open(key, id, p, n, &f, &e) == 0);
	if (n >= sizeof(f)) {
		(void)memcpy(&f, p, sizeof(f));
		(void)keep_judge(&f, 1, &f, &v);
		(void)keep_recovered(&f, &f, &f);
	}
	(void)memcpy(text, p, n < KEEP_TEXT ? n : KEEP_TEXT);
	text[n < KEEP_TEXT ? n : KEEP_TEXT - 1] = 0;
	v = keep_verdict_get(text);
	keep_verdict_put(&v, text);
	return 0;
}
