/* Evidence that stands behind an answer: files kept by SHA-256, with the day that they show, the
 * day on which they were received, and the day on which they stop counting. */
#ifndef MAMORI_ENGINE_GUIDE_PROOF_H
#define MAMORI_ENGINE_GUIDE_PROOF_H

#include <jansson.h>

#include "guide/inspect.h"

enum { PROOF_MAX = 64 << 20 };

/* proof_add(db, st, about, subject, fd, meta, who, ret_id, hex, e): Keep what can be read from
 * ${fd} as evidence about a "practice", "item" (PACK:ITEM), "finding", "request" or "review".
 * ${meta}: {title, name, effective, expires, source}; effective missing: today, source missing:
 * declared.
 * ${hex} gets the digest. E_INVAL names the field, E_LIMIT past PROOF_MAX. */
MUST int proof_add(struct db *db, const struct state *st, const char *about, const char *subject,
    int fd, const json_t *meta, const struct inspect_who *who, int64_t *ret_id, char hex[65],
    struct err *e);
/* proof_hide(db, id, who, e): No longer shown; the bytes and the row stay. E_NOENT. */
MUST int proof_hide(struct db *db, int64_t id, const struct inspect_who *who, struct err *e);
/* proof_list(db, about, subject, ret, e): [{id, about, subject, sha256, title, name, bytes,
 * effective, expires, source, at, who}], newest first. ${subject} NULL: of all. */
MUST int proof_list(struct db *db, const char *about, const char *subject, json_t **ret,
    struct err *e);
/* proof_get(db, id, ret, e): One of them. E_NOENT. */
MUST int proof_get(struct db *db, int64_t id, json_t **ret, struct err *e);
/* proof_fresh(list, today): Whether any of a proof_list counts on that day. */
bool proof_fresh(const json_t *list, const char *today);

#endif
