/* mamori://HOST:PORT/NAME – a repository on another machine that runs `mamori vault serve`. */
#ifndef MAMORI_VAULT_STORE_NET_H
#define MAMORI_VAULT_STORE_NET_H

#include "net/dial.h"
#include "vault/store.h"
#include "vault/wire.h"

#define STORE_NET_PREFIX "mamori://"

/* store_net_open(url, env, ret, e): As store_scheme.open. E_AUTH: this machine is not enrolled
 * there. Connects at once. */
MUST int store_net_open(const char *url, const struct store_env *env, struct store **ret,
    struct err *e);

struct store_net_where {
	struct net_addr addr;
	char name[WIRE_MAX_NAME + 1];
};
/* store_net_where(url, ret, e): Take an address apart. E_INVAL. */
MUST int store_net_where(const char *url, struct store_net_where *ret, struct err *e);

struct store_net_enrolled {
	uint8_t may; /* WIRE_MAY_* */
	char name[WIRE_MAX_NAME + 1]; /* the repository it is for */
};
/* store_net_enrol(url, code, n, machine, env, ret, e): Enrol this machine with a printed code; the
 * login is kept in the state (STATE/vault/remote). E_INVAL: mistyped; E_AUTH: not known, used, or
 * expired; E_NET. A code whose answer was lost may be given again on the same machine. */
MUST int store_net_enrol(const char *url, const char *code, size_t n, const char *machine,
    const struct store_env *env, struct store_net_enrolled *ret, struct err *e);

#endif
