#include "crypt/ossl_int.h"

#include <openssl/err.h>

int
ossl_fail(struct err *e, const char *what)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;
	int r = err_set(e, E_SYS, "%s: %s", what, reason ? reason : "the crypto library refused");

	ERR_clear_error();
	return r;
}

void
ossl_drop(void)
{
	ERR_clear_error();
}
