/* Evidence: files that stand behind a fact, kept under STATE/evidence by the SHA-256 of their bytes
 * (evidence/ab/abcdef...). The same bytes are kept once; nothing is ever replaced. */
#ifndef MAMORI_LEDGER_EVIDENCE_H
#define MAMORI_LEDGER_EVIDENCE_H

#include "ledger/state.h"

enum { EVIDENCE_HEX = 65 }; /* with the NUL */

/* evidence_put_bytes(st, p, n, hex, e): Keep these bytes; as evidence_put_fd. For who may not make
 * files of memory, such as the console in its jail. */
MUST int evidence_put_bytes(const struct state *st, const void *p, size_t n,
    char hex[EVIDENCE_HEX], struct err *e);
/* evidence_put_fd(st, fd, max, hex, e): Keep everything that can be read from ${fd} from offset 0
 * on, at most ${max} bytes (E_LIMIT); ${hex} names it. Durable on return. E_NOSPC, E_SYS. */
MUST int evidence_put_fd(const struct state *st, int fd, uint64_t max, char hex[EVIDENCE_HEX],
    struct err *e);
/* evidence_check(st, hex, e): 0 when the file is there and has that digest. E_NOENT, E_CORRUPT. */
MUST int evidence_check(const struct state *st, const char *hex, struct err *e);
/* evidence_open(st, hex, e): A descriptor for reading; not checked. E_NOENT, E_INVAL. */
MUST int evidence_open(const struct state *st, const char *hex, struct err *e);

#endif
