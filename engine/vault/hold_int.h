/* What hold*.c share. Not for use elsewhere. */
#ifndef MAMORI_VAULT_HOLD_INT_H
#define MAMORI_VAULT_HOLD_INT_H

#include <pthread.h>

#include "vault/hold.h"
#include "vault/repo_int.h"

struct hold {
	const struct fio *f;
	struct repo *repo;
	pthread_mutex_t lock; /* of repo and the counts */
	uint64_t bytes, coming; /* in seg/; on the way */
};

#endif
