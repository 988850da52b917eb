/* A verdict computed from facts alone: red when any newest fact says fail; grey when a needed check
 * has no fresh fact; yellow when all is well but only declared; else green. */
#ifndef MAMORI_LEDGER_VERDICT_H
#define MAMORI_LEDGER_VERDICT_H

#include "ledger/fact.h"

enum verdict_colour { VERDICT_GREEN, VERDICT_YELLOW, VERDICT_RED, VERDICT_GREY, VERDICT_COLOURS };

enum verdict_why {
	VERDICT_FRESH,    /* green */
	VERDICT_DECLARED, /* yellow: said, not measured */
	VERDICT_FAILED,   /* red: the fact says fail */
	VERDICT_MISSED,   /* red: something due did not happen, and nothing good came after it */
	VERDICT_ERROR,    /* grey: the fact says error or unknown */
	VERDICT_OLD,      /* grey: the newest fact is too old, or from the future */
	VERDICT_NEVER,    /* grey: there is no fact */
};

struct verdict_rule { /* what one engine is judged by; lists end with NULL */
	const char *const *need;  /* each needs a fresh passing fact */
	const char *const *watch; /* a fail of any of these is red, too; nothing is needed */
	/* pairs event, check: an event is red until a later passing fact of the check */
	const char *const *missed;
};

struct verdict {
	enum verdict_colour colour;
	enum verdict_why why;
	const char *check;         /* that decided; points into the rule */
	const struct fact *basis;  /* that decided, or NULL; points into the facts given */
	const struct fact *oldest; /* of the facts the verdict rests on, or NULL */
};

/* verdict_of(rule, facts, n, now): ${facts} as facts_newest gives them. */
struct verdict verdict_of(const struct verdict_rule *rule, const struct fact *facts, size_t n,
    int64_t now);
/* "green", "yellow", "red", "grey". */
const char *verdict_name(enum verdict_colour c);

#endif
