/* A fact: one measured or declared statement. Facts are never changed; a later one supersedes.
 *
 *   {"check":"vault.restore.drill","subject":{"kind":"system","id":"emr"},"outcome":"pass",
 *    "observed":{...},"expected":{...},"at":"2026-11-22T03:10:00+09:00",
 *    "source":{"by":"measured","module":"vault","version":"0.1.0","host":"box"},
 *    "evidence":["<SHA-256>", ...]}
 *
 * observed, expected and evidence may be missing. `at` is when it was so (effective); when it was
 * recorded is the time of the ledger's record. Sealed as canonical JSON: keys sorted, no spaces,
 * the time in UTC with microseconds. */
#ifndef MAMORI_LEDGER_FACT_H
#define MAMORI_LEDGER_FACT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum { FACT_MAX_JSON = 64 << 10, FACT_MAX_EVIDENCE = 64 };

enum fact_outcome { FACT_PASS, FACT_FAIL, FACT_NA, FACT_ERROR, FACT_UNKNOWN, FACT_OUTCOMES };
enum fact_by { FACT_MEASURED, FACT_DECLARED, FACT_VENDOR, FACT_IMPORTED, FACT_BYS };

struct fact {
	char check[96];
	char kind[64], id[256]; /* of the subject */
	enum fact_outcome outcome;
	json_t *observed, *expected; /* objects, owned; NULL when there are none */
	json_t *evidence;            /* an array of SHA-256 texts, owned; NULL when there is none */
	int64_t at;                  /* effective */
	enum fact_by by;
	char module[64], version[32], host[256];
	/* filled when it comes from the ledger */
	uint64_t seq;
	int64_t recorded_at;
};

/* fact_init(fact): All empty. fact_free(fact): Gives back what it owns; NULL is fine. */
void fact_init(struct fact *fact);
void fact_free(struct fact *fact);

/* fact_fill(fact, check, kind, id, outcome, now, e): A fact that ${module} of this program measured
 * now on this host; the caller adds observed and expected. E_INVAL names the field. */
MUST int fact_fill(struct fact *fact, const char *module, const char *check, const char *kind,
    const char *id, enum fact_outcome outcome, int64_t now, struct err *e);

const char *fact_outcome_name(enum fact_outcome o);
const char *fact_by_name(enum fact_by b);
/* 0, or E_INVAL when there is no such word. */
MUST int fact_outcome_get(const char *s, enum fact_outcome *ret);
MUST int fact_by_get(const char *s, enum fact_by *ret);

/* fact_set(out, size, what, text, e): Copy ${text} into a field of ${size} bytes. E_INVAL when it
 * is empty, too long, not UTF-8 or holds control characters; ${what} names the field. */
MUST int fact_set(char *out, size_t size, const char *what, const char *text, struct err *e);

/* fact_check(fact, e): Whether every field has its form. E_INVAL names the one that has not. */
MUST int fact_check(const struct fact *fact, struct err *e);

/* fact_read(p, n, strict, ret, e): From JSON. ${strict}: for what people and programs hand in; a
 * key that is not known here is refused (a ledger may hold facts of a newer version with more).
 * E_INVAL names the field, E_LIMIT. ${ret} is to be freed on success only. */
MUST int fact_read(const void *p, size_t n, bool strict, struct fact *ret, struct err *e);

/* fact_write(b, fact, e): Append the canonical JSON. E_INVAL, E_LIMIT, E_NOMEM. */
MUST int fact_write(struct buf *b, const struct fact *fact, struct err *e);

/* fact_json(fact): The same as a new object, or NULL without memory; with seq, effective_at and
 * recorded_at (local time) when it comes from the ledger. */
json_t *fact_json(const struct fact *fact, bool from_ledger);

#endif
