/* deps: base crypt */
/* What comes back of a paper key: any bytes. Whatever is accepted must say the same when it is
 * written and read again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crypt/paperkey.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct paperkey_file f, again;
	uint8_t key[PAPERKEY_LEN];
	struct buf b;
	struct err e;
	char fp[9];

	if (paperkey_read((const char *)p, n, key, &e) == 0) {
		buf_init(&b, 4096);
		if (paperkey_words(&b, key, n & 1 ? PAPERKEY_KANA : PAPERKEY_LATIN, &e) < 0 ||
		    paperkey_read((const char *)b.p, b.len, f.key, &e) < 0 ||
		    memcmp(key, f.key, sizeof(key)) != 0)
			abort();
		buf_free(&b);
	}
	if (paperkey_file_get((const char *)p, n, &f, &e) < 0)
		return 0;
	paperkey_fingerprint(f.key, fp);
	buf_init(&b, 65536);
	if (paperkey_file_put(&b, f.id, f.fingerprint[0] ? f.fingerprint : fp, f.key, f.share,
	        &e) < 0 ||
	    paperkey_file_get((const char *)b.p, b.len, &again, &e) < 0 ||
	    strcmp(f.id, again.id) != 0 || f.share != again.share ||
	    memcmp(f.key, again.key, sizeof(f.key)) != 0)
		abort();
	buf_free(&b);
	return 0;
}
