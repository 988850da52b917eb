/* Inside engine/guide: what desk*.c and the paper builders share. */
#ifndef MAMORI_ENGINE_GUIDE_DESK_INT_H
#define MAMORI_ENGINE_GUIDE_DESK_INT_H

#include "guide/desk.h"

struct desk_book { /* a pack with what the records say about it */
	const struct guide_pack *pack;
	json_t *inspection; /* newest under that edition, or NULL */
	json_t *answers, *findings, *proofs;
};

MUST int desk_book_open(struct desk *d, const struct guide_pack *p, struct desk_book *b,
    struct err *e);
void desk_book_close(struct desk_book *b);
struct guide_input desk_input(const struct desk *d);
bool desk_answer_of(const struct desk *d, const struct desk_book *b, const struct guide_item *it,
    struct guide_answer *ret);
struct guide_verdict desk_judge(const struct desk *d, const struct desk_book *b,
    const struct guide_item *it);
json_t *desk_counts_json(const int n[GUIDE_COLOURS]);
json_t *desk_item_json(struct desk *d, const struct desk_book *b, const struct guide_item *it,
    json_t *words, enum guide_colour *ret);
MUST int desk_status_of(struct desk *d, const struct guide_pack *p, struct desk_book *b,
    json_t **ret, struct err *e);
MUST int desk_setting(struct db *db, const char *key, json_t **ret, struct err *e);
MUST int desk_setting_put(struct db *db, const char *key, const json_t *value, int64_t now,
    struct err *e);

#endif
