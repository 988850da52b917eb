/* The guide: packs of requirements, the practices that answer them, verdicts, and the next action.
 *
 * A pack is one edition of a guideline or checklist, as dated data (packs/editions). A practice is
 * what the institution does; requirements of many packs point at it, and checks measure it. Both
 * are JSON, read by one bounded reader; those of packs/ are part of the program.
 *
 * Verdicts are pure functions of facts and answers (verdict.c). A verdict is never "compliant": it
 * says what is known, by whom, and how old the oldest of it is. */
#ifndef MAMORI_ENGINE_GUIDE_GUIDE_H
#define MAMORI_ENGINE_GUIDE_GUIDE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "crypt/sign.h"
#include "ledger/checks.h"
#include "ledger/fact.h"

enum {
	GUIDE_ID = 64,             /* of a pack, an item, a practice; with the NUL */
	GUIDE_FILE_MAX = 1 << 20,  /* bytes of one pack */
	GUIDE_PACKS = 64,
	GUIDE_ITEMS = 1000,        /* of one pack */
	GUIDE_PRACTICES = 400,
	GUIDE_STEPS = 3,
	GUIDE_CHECKS = 12,         /* of one practice */
	GUIDE_ANSWERED_BY = 16,    /* practices of one item */
	GUIDE_BASIS = 24,          /* facts that one verdict names */
};

struct guide_text {
	const char *ja, *en;
};

enum guide_level { GUIDE_MUST, GUIDE_SHOULD, GUIDE_GATE, GUIDE_INFO };
enum guide_category {
	GUIDE_ORGANISATIONAL,
	GUIDE_PHYSICAL,
	GUIDE_TECHNICAL,
	GUIDE_HUMAN,
	GUIDE_CATEGORIES
};
/* How a practice can be shown: by checks of an engine, by a paper, by word of mouth only. */
enum guide_proof { GUIDE_MEASURE, GUIDE_PAPER, GUIDE_WORD };
/* Where a pack comes from: with the program; imported with the release signature; imported by the
 * operator without one. */
enum guide_trust { GUIDE_SHIPPED, GUIDE_SIGNED, GUIDE_OPERATOR };

struct guide_check {
	const char *name;
	bool watch;              /* only a failure counts; else a fresh fact is needed */
	const char *until; /* of a watched event: a later pass of this check settles it; or NULL */
	const struct check *row; /* NULL: no engine of this program emits it; it is passed over */
};

struct guide_practice {
	const char *id;
	enum guide_category category;
	const char *family; /* practices of one family are not proposed on two days in a row */
	struct guide_text title, why;
	struct guide_text step[GUIDE_STEPS];
	size_t steps;
	struct guide_text ask; /* what to ask a vendor for; ja NULL where a vendor cannot help */
	const char *who;       /* director, clerk, staff, zone, vendor */
	int minutes, impact;   /* impact 1 to 10 */
	enum guide_proof proof;
	int days;              /* how long a declaration counts */
	struct guide_check check[GUIDE_CHECKS];
	size_t checks;
	const char *declared;  /* "practice.<id>": the check that people answer */
	size_t musts;          /* items of the current packs that it answers */
};

struct guide_section {
	const char *id;
	struct guide_text title;
};

struct guide_source {
	const char *code, *what, *where; /* where may be NULL */
};

struct guide_item {
	const char *id, *ref;
	enum guide_level level;
	const struct guide_section *section;
	struct guide_text text;        /* a paraphrase, not the official wording */
	struct guide_text plain;       /* in everyday words; ja NULL where text is all there is */
	const char *mark;              /* how sure: found, found-draft, memory-high ..., derived */
	const char *source;            /* code and page; NULL */
	const char *target, *basis;    /* as the checklist prints them; NULL */
	const char *cond;              /* asked only of those who have this ("wifi"); NULL */
	const char *bands;             /* asked only of these bed bands ("CS"); NULL */
	const char *was;               /* its id in the edition before; NULL */
	const struct guide_practice **by; /* the practices that answer it */
	size_t bys;
};

struct guide_pack {
	const char *id, *kind, *edition, *family;
	struct guide_text title, note;
	const char *issued, *until;    /* days as text; until NULL: still in force */
	const char *publisher, *official;
	int version, fiscal_year;      /* 0 where it has none */
	char sum[65];                  /* SHA-256 of its bytes */
	enum guide_trust trust;
	struct guide_section *section;
	size_t sections;
	struct guide_source *source;
	size_t sources;
	struct guide_item *item;
	size_t items;
};

struct guide;

/* guide_new(ret, e): The packs and practices of the program. E_NOMEM, E_CORRUPT (a pack of this
 * build is wrong; the tests read them all). */
MUST int guide_new(struct guide **ret, struct err *e);
void guide_free(struct guide *g); /* NULL is fine */

/* guide_add(g, p, n, trust, e): Add one more pack or practice from ${n} bytes of JSON. A pack of
 * the same id replaces an older version; E_EXIST when the one that is there is as new. E_INVAL
 * names what is wrong, E_LIMIT. Pointers into the library stay valid, but what they say is then
 * old. */
MUST int guide_add(struct guide *g, const void *p, size_t n, enum guide_trust trust, struct err *e);

/* guide_put(g, p, n, trust, e): The same, but a pack of the same id is replaced whatever its
 * version: for reading what was answered under an older one. */
MUST int guide_put(struct guide *g, const void *p, size_t n, enum guide_trust trust, struct err *e);

/* All packs in order of issue, newest first / all practices sorted by id. Owned by ${g}. */
const struct guide_pack *const *guide_packs(const struct guide *g, size_t *ret_n);
const struct guide_practice *const *guide_practices(const struct guide *g, size_t *ret_n);
/* NULL when there is none. guide_current: the pack of a kind ("inspection", "vendor") in force on
 * ${day} ("2026-11-22"), the newest where several are. */
const struct guide_pack *guide_pack(const struct guide *g, const char *id);
const struct guide_practice *guide_practice(const struct guide *g, const char *id);
const struct guide_item *guide_item(const struct guide_pack *p, const char *id);
const struct guide_pack *guide_current(const struct guide *g, const char *kind, const char *day);

const char *guide_category_name(enum guide_category c); /* "organisational" ... */
const char *guide_level_name(enum guide_level l);       /* "must" ... */
const char *guide_trust_name(enum guide_trust t);       /* "shipped", "signed", "operator" */
struct guide_text guide_who(const char *who);           /* 院長 / director */

/* --- verdicts (verdict.c) --------------------------------------------------------------------- */

enum guide_colour { GUIDE_GREEN, GUIDE_YELLOW, GUIDE_GREY, GUIDE_RED, GUIDE_NA, GUIDE_COLOURS };

enum guide_why {
	GUIDE_SHOWN,     /* green */
	GUIDE_DECLARED,  /* yellow: said, where it could be measured or shown by a paper */
	GUIDE_SAID,      /* yellow: said by a vendor */
	GUIDE_PLANNED,   /* yellow: not so, but an approved plan has a date to come */
	GUIDE_NEVER,     /* grey: nobody has looked */
	GUIDE_STALE,     /* grey: the last look is too long ago, or from the future */
	GUIDE_UNSURE,    /* grey: the answer is "I do not know", or the check could not tell */
	GUIDE_FAILED,    /* red: measured, and it is not so */
	GUIDE_DENIED,    /* red: the answer is no */
	GUIDE_MISSED,    /* red: something due did not happen */
	GUIDE_LATE,      /* red: there is a plan, but its date has passed */
	GUIDE_EXEMPT,    /* not applicable: the answer says so */
	GUIDE_ELSEWHERE, /* not applicable: for other kinds of institution */
	GUIDE_READ,      /* not applicable: only to be read */
	GUIDE_WHYS,
};

enum guide_value { GUIDE_YES, GUIDE_NO, GUIDE_NOT_APPLICABLE, GUIDE_UNKNOWN, GUIDE_VALUES };
const char *guide_value_name(enum guide_value v); /* "yes", "no", "na", "unknown" */
MUST int guide_value_get(const char *s, enum guide_value *ret); /* E_INVAL */
struct guide_text guide_value_text(enum guide_value v); /* はい / Yes ... */
/* The outcome under which an answer is kept as a fact, and back. */
enum fact_outcome guide_value_outcome(enum guide_value v);

/* What a person answered to one item in an inspection. */
struct guide_answer {
	enum guide_value value;
	int64_t at;
	bool paper;  /* evidence is attached */
	bool vendor; /* a vendor said it */
};

struct guide_plan {
	bool approved;
	int64_t due;
};

/* What is known of the institution. */
struct guide_profile {
	char band;        /* C clinic, S 20-199 beds, M 200-499, L 500 or more; 0 unknown */
	const char *none; /* words like ",wifi,byod,": what it does not have; NULL */
};

struct guide_basis {
	const char *check;       /* its name */
	const struct fact *fact; /* NULL: there is none, or it is an answer of an inspection */
};

struct guide_verdict {
	enum guide_colour colour;
	enum guide_why why;
	const char *check;   /* that decided, or NULL; its words: guide_check_text */
	const struct guide_practice *practice; /* that decided, or NULL */
	int64_t at;          /* of the fact or answer that decided; 0 none */
	int64_t oldest;      /* of everything it rests on; 0 nothing */
	bool declared_only;  /* everything it rests on was said, nothing measured */
	unsigned by;         /* bit 1 << enum fact_by of everything it rests on */
	struct guide_basis basis[GUIDE_BASIS];
	size_t bases;
};

struct guide_input {
	const struct fact *facts; /* as facts_newest gives them */
	size_t n;
	int64_t now;
	struct guide_profile profile;
};

/* guide_judge_practice(p, in, answer): One practice. ${answer} (may be NULL): what an inspection
 * says where no later declaration exists. */
struct guide_verdict guide_judge_practice(const struct guide_practice *p,
    const struct guide_input *in, const struct guide_answer *answer);
/* guide_judge(item, in, answer, plan): One item: the worst of its practices. ${answer} and ${plan}
 * may be NULL. */
struct guide_verdict guide_judge(const struct guide_item *item, const struct guide_input *in,
    const struct guide_answer *answer, const struct guide_plan *plan);

const char *guide_colour_name(enum guide_colour c); /* "green", "yellow", "grey", "red", "na" */
struct guide_text guide_colour_text(enum guide_colour c);  /* 緑 ●  ... */
struct guide_text guide_check_text(const struct guide *g, const char *check);
/* guide_reason(g, v, ja, out, size): The reason as one sentence, with the day that matters. Always
 * ends with NUL; cut at a character where it does not fit. Returns ${out}. */
const char *guide_reason(const struct guide *g, const struct guide_verdict *v, bool ja, char *out,
    size_t size);
/* guide_item_json(g, item, v, answer): {id, ref, level, ja, en, verdict, reason{ja,en}, oldest,
 * declared_only, basis[]} as a new object, or NULL without memory. */
json_t *guide_item_json(const struct guide *g, const struct guide_item *item,
    const struct guide_verdict *v, const struct guide_answer *answer);

/* --- the next action (next.c) ----------------------------------------------------------------- */

struct guide_snooze {
	char practice[GUIDE_ID];
	int64_t until;
};

struct guide_shown { /* what was proposed on the day before */
	char family[GUIDE_ID];
};

struct guide_next {
	const struct guide_practice *practice;
	struct guide_verdict verdict;
	double score;
};

struct guide_next_input {
	struct guide_input in;
	const struct guide_snooze *snoozes;
	size_t snooze_n;
	const char *yesterday; /* family proposed on the day before, or NULL */
	int64_t inspection;    /* day of the inspection or of the round, or 0 */
};

/* guide_next(g, in, ret, max): The practices worth doing now, best first; at most ${max}. Score:
 * impact, times 3 when red and overdue or 2 when red or soon due, times 1.5 when unknown (finding
 * out is cheap), over the root of the minutes. A snoozed practice waits; the family of yesterday
 * waits unless it is red. Returns how many. */
size_t guide_next(const struct guide *g, const struct guide_next_input *in, struct guide_next *ret,
    size_t max);

/* --- packs from outside (trust.c) ------------------------------------------------------------- */

/* A manifest: lines "MAMORI-PACKS 1", "date: YYYY-MM-DD", "file: <SHA-256> <name>" ..., and last
 * "sig: <Ed25519 signature of all lines before, in hexadecimal>". */
struct guide_manifest {
	char date[11];
	size_t files;
	struct {
		char name[GUIDE_ID];
		uint8_t sum[32];
	} file[GUIDE_PACKS];
};

/* guide_release_key(): The public key of those who release packs. */
const uint8_t *guide_release_key(void);
/* guide_manifest_read(p, n, pub, ret, e): Read a manifest and check its signature. E_INVAL (form),
 * E_AUTH (not signed by ${pub}), E_LIMIT. */
MUST int guide_manifest_read(const void *p, size_t n, const uint8_t pub[SIGN_PUB_LEN],
    struct guide_manifest *ret, struct err *e);
/* guide_manifest_covers(m, name, p, n): Whether the file of that name has those bytes. */
bool guide_manifest_covers(const struct guide_manifest *m, const char *name, const void *p,
    size_t n);

#endif
