/* Folding of text for search and sorting: what a person means to be the same becomes the same. */
#ifndef MAMORI_TEXT_FOLD_H
#define MAMORI_TEXT_FOLD_H

#include "base/buf.h"

/* text_fold(b, s, e): Append ${s} folded: compatibility forms (㈱ ① ｶﾅ full width), case, variation
 * selectors, and hiragana as katakana. What is not UTF-8 is E_INVAL. Never for display. */
MUST int text_fold(struct buf *b, const char *s, struct err *e);
/* text_same(a, b): Whether two texts are folded to the same. */
bool text_same(const char *a, const char *b);

#endif
