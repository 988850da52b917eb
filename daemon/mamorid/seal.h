/* From rows to facts: each ended run and each event is sealed once as a fact. A row is marked after
 * its fact is durable, so a crash in between seals it twice (the later fact says the same) and
 * never loses it. */
#ifndef MAMORI_DAEMON_MAMORID_SEAL_H
#define MAMORI_DAEMON_MAMORID_SEAL_H

#include <stdint.h>

#include "base/err.h"
#include "db/db.h"
#include "ledger/facts.h"

/* seal_pending(db, fs, host, now, e): Seal what is waiting, oldest first. Returns how many. What
 * cannot be a fact (a name with control characters) is marked and passed over. */
MUST int seal_pending(struct db *db, struct facts *fs, const char *host, int64_t now,
    struct err *e);

#endif
