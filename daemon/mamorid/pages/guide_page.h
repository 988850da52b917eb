/* What the pages of the guide share. */
#ifndef MAMORI_DAEMON_MAMORID_PAGES_GUIDE_PAGE_H
#define MAMORI_DAEMON_MAMORID_PAGES_GUIDE_PAGE_H

#include "guide/desk.h"
#include "mamorid/http/console.h"
#include "mamorid/pages/pages.h"

struct guide_page {
	struct desk d;
	struct inspect_who who;
	struct fact *list;
	size_t n;
	json_t *facility;
};

/* guide_page_open(r, x, e): The desk for a request. The library is loaded once, and again after an
 * import. The facts are none while the sealed record cannot be opened. */
MUST int guide_page_open(struct req *r, struct guide_page *x, struct err *e);
void guide_page_close(struct guide_page *x);
/* guide_page_seal(r, f,
    e): Seal a fact and give it back. E_BUSY while the record cannot be opened. */
MUST int guide_page_seal(struct req *r, struct fact *f, struct err *e);
/* guide_page_proof(r, x, about, subject, e): Keep the uploaded file of the field "file", when there
 * is one, as evidence. E_INVAL names what is wrong with it. */
MUST int guide_page_proof(struct req *r, struct guide_page *x, const char *about,
    const char *subject, struct err *e);

/* The text of {"ja","en"} under ${key} in the reader's language; "" where there is none. */
const char *guide_page_words(const struct req *r, const json_t *o, const char *key);
const char *guide_page_text(const json_t *o, const char *key);
/* A practice from the desk (desk_practice, desk_next) for templates. */
json_t *guide_page_practice(const struct req *r, const json_t *p);
/* Evidence from the desk for templates. */
json_t *guide_page_proofs(const json_t *list);

#endif
