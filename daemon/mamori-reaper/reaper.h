/* mamori-reaper: the one program that may remove segments, and nothing else. */
#ifndef MAMORI_REAPER_REAPER_H
#define MAMORI_REAPER_REAPER_H

#include "sys/jail.h"

/* reaper_jail(repo, e): From here on only the repository's log, keep ledger and segments; no
 * network, no program, no thread. */
MUST int reaper_jail(const char *repo, struct jail_report *ret, struct err *e);

#endif
