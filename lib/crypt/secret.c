#include "crypt/secret.h"

#include <stdlib.h>
#include <sys/mman.h>

#include <openssl/crypto.h>

void *
secret_new(size_t n, struct err *e)
{
	void *p = mmap(NULL, n ? n : 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		(void)err_set(e, E_NOMEM, "no memory for a secret of %zu bytes", n);
		return NULL;
	}
	/* Both are protection in depth: a process whose limits forbid locking still works. */
	(void)mlock(p, n ? n : 1);
	(void)madvise(p, n ? n : 1, MADV_DONTDUMP);
	return p;
}

void
secret_free(void *p, size_t n)
{
	if (!p)
		return;
	OPENSSL_cleanse(p, n);
	(void)munmap(p, n ? n : 1);
}

bool
secret_eq(const void *a, const void *b, size_t n)
{
	return n == 0 || CRYPTO_memcmp(a, b, n) == 0;
}

void
random_fill(void *p, size_t n)
{
	arc4random_buf(p, n); /* waits for the kernel's pool at boot; ends the process rather than
	                         returning weak bytes */
}
