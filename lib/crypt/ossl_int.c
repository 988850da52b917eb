#include "crypt/ossl_int.h"

#include <openssl/err.h>

bool
ossl_drop(void)
{
	bool nomem = false;
	unsigned long code;

	while ((code = ERR_get_error()) != 0)
		nomem = nomem || ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE;
	return nomem;
}

int
ossl_fail(struct err *e, const char *what)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;

	if (ossl_drop())
		return err_set(e, E_NOMEM, "%s: no memory", what);
	return err_set(e, E_SYS, "%s: %s", what, reason ? reason : "the crypto library refused");
}
