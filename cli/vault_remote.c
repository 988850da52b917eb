/* The kinds of addresses that REPO may be, beside a path. */
#include <stdlib.h>

#include "base/num.h"
#include "base/time.h"
#include "cli/cli_vault.h"
#include "vault/s3_store.h"
#include "vault/store.h"
#include "vault/store_net.h"

static const struct store_scheme schemes[] = {
	{STORE_NET_PREFIX, store_net_open},
	{"s3://", s3_store_open},
	{"s3+https://", s3_store_open},
	{"s3+http://", s3_store_open},
	{NULL, NULL},
};

struct vault_place
vault_place_of(int statefd)
{
	const char *wait = getenv("MAMORI_WAIT");
	uint64_t s = 0;

	if (wait && num_parse_u64(wait, 3600, &s, NULL) < 0)
		s = 0;
	return (struct vault_place){.statefd = statefd, .schemes = schemes, .now = time_now_us,
	    .wait_ms = (unsigned)s * 1000};
}
