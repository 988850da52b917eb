/* What a vendor is asked for: a letter with a day, reminders after 7, 14 and 21 days, and a link
 * through which the vendor answers without an account. The link's token is random, shown once, and
 * kept only as its SHA-256. */
#ifndef MAMORI_ENGINE_GUIDE_REQUEST_H
#define MAMORI_ENGINE_GUIDE_REQUEST_H

#include <jansson.h>

#include "guide/inspect.h"

enum {
	REQUEST_LINE = 300,     /* bytes of a name */
	REQUEST_TOKEN = 44,        /* base64url of 32 bytes, with its NUL */
	REQUEST_DAYS = 60,         /* how long a link may hold */
	REQUEST_ANSWER = 256 << 10, /* bytes of an answer */
};

/* request_letter(g, practice, form, ja, due, facility, ret, e): The words of a request: {subject,
 * body} from what the practice says is to be asked (NULL: only the form). Polite, one page. */
MUST int request_letter(const struct guide *g, const char *practice, const char *form, bool ja,
    const char *vendor, const char *facility, const char *due, json_t **ret, struct err *e);

/* request_add(db, g, r, who, ret_id, e): ${r}: {vendor, vendor_name, subject, body, practice,
 * finding, form, due}. vendor_name, subject, body and a ${due} day to come are needed; form must be
 * a vendor pack. E_INVAL names the field. */
MUST int request_add(struct db *db, const struct guide *g, const json_t *r,
    const struct inspect_who *who, int64_t *ret_id, struct err *e);
/* request_link(db, id, days, who, token, e): A new link, which ends an older one. E_INVAL (ended,
 * or more than REQUEST_DAYS). */
MUST int request_link(struct db *db, int64_t id, int days, const struct inspect_who *who,
    char token[REQUEST_TOKEN], struct err *e);
/* request_sent(db, id, who, e): The letter went out today. E_INVAL. */
MUST int request_sent(struct db *db, int64_t id, const struct inspect_who *who, struct err *e);
/* request_close(db, id, who, e): Nothing more is expected. */
MUST int request_close(struct db *db, int64_t id, const struct inspect_who *who, struct err *e);

/* request_list(db, all, ret, e): [{id, vendor, vendor_name, subject, body, practice, finding, form,
 * due, state, sent_on, chased, chase_due (day of the next reminder), answered_at, answered_by,
 * answer, link (a link holds), at, who}], open ones by day. request_get: one. E_NOENT. */
MUST int request_list(struct db *db, bool all, json_t **ret, struct err *e);
MUST int request_get(struct db *db, int64_t id, json_t **ret, struct err *e);
/* request_chases(db, today, ret, e): Those that should be reminded of on that day.
 * request_chased(db, id, who, e): A reminder went out. E_INVAL after the third. */
MUST int request_chases(struct db *db, const char *today, json_t **ret, struct err *e);
MUST int request_chased(struct db *db, int64_t id, const struct inspect_who *who, struct err *e);

/* request_open(db, token, now, ret_id, e): The request of a link. E_AUTH alike for a wrong, an old
 * and an ended one. */
MUST int request_open(struct db *db, const char *token, int64_t now, int64_t *ret_id,
    struct err *e);
/* request_answer(db, g, id, name, answers, who, e): What the vendor says: {ITEM: {value, note}} of
 * the form, or {"text": ...} where there is none. Ends the link. E_INVAL names the item. */
MUST int request_answer(struct db *db, const struct guide *g, int64_t id, const char *name,
    const json_t *answers, const struct inspect_who *who, struct err *e);
/* request_facts(g, request, evidence, who, fn, cookie, e): The facts that an answered request
 * stands for: for each answered practice one, said by the vendor. ${evidence}: digest of the kept
 * answer, or NULL. */
typedef int request_fact_fn(const struct fact *f, void *cookie, struct err *e);
MUST int request_facts(const struct guide *g, const json_t *request, const char *evidence,
    const struct inspect_who *who, request_fact_fn *fn, void *cookie, struct err *e);

#endif
