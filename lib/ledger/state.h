/* The state directory: where everything that Mamori keeps for itself lies (STATE/facts, STATE/keys,
 * STATE/evidence, ...). Shared by the daemons and the command line. Only its owner may enter it. */
#ifndef MAMORI_LEDGER_STATE_H
#define MAMORI_LEDGER_STATE_H

#include <limits.h>
#include <stdbool.h>

#include "base/err.h"
#include "crypt/sign.h"
#include "sys/fio.h"

struct state {
	const struct fio *f;
	int dirfd;
	char path[PATH_MAX]; /* as given, for messages */
};

/* state_open(f, path, create, ret, e): Open the state directory. ${create}: make it (mode 0700) and
 * its parents when it is not there. E_NOENT, E_INVAL, E_SYS (not a directory, no permission). */
MUST int state_open(const struct fio *f, const char *path, bool create, struct state *ret,
    struct err *e);
void state_close(struct state *st);

/* state_dir(st, name, create, e): A descriptor of the directory STATE/${name}, which the caller
 * closes. ${create}: make it with mode 0700 when it is not there. E_NOENT. */
MUST int state_dir(const struct state *st, const char *name, bool create, struct err *e);

/* state_signer(st, name, create, ret, e): The signing key STATE/keys/${name}.key (64 hexadecimal
 * digits, mode 0600). ${create}: make a new one when it is not there; two processes that do so at
 * the same time get the same. E_NOENT, E_CORRUPT (not a key), E_AUTH (not readable for this user).
 */
MUST int state_signer(const struct state *st, const char *name, bool create, struct signer **ret,
    struct err *e);

/* state_secret(st, name, create, out, e): 32 secret bytes kept in STATE/keys/${name}.key, as above.
 * For keys that seal and never sign. The caller wipes ${out}. */
MUST int state_secret(const struct state *st, const char *name, bool create,
    uint8_t out[SIGN_SEED_LEN], struct err *e);

/* state_pub_put(st, name, pub, e): Keep the public key in STATE/keys/${name}.pub (mode 0644).
 * state_pub_get(st, name, pub, e): Read it. E_NOENT, E_CORRUPT. */
MUST int state_pub_put(const struct state *st, const char *name, const uint8_t pub[SIGN_PUB_LEN],
    struct err *e);
MUST int state_pub_get(const struct state *st, const char *name, uint8_t pub[SIGN_PUB_LEN],
    struct err *e);

#endif
