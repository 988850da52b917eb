/* Pages that hardly need a model: what to do in an emergency, and what can be printed. */
#include "mamorid/http/console.h"
#include "mamorid/pages/pages.h"

/* What to do in the first ten minutes; for everybody, signed in or not, and before the set-up. */
static int
incident(struct req *r, struct err *e)
{
	return req_page(r, "incident", json_object(), e);
}

/* 書類: what can be printed now, and the papers that were made lately. */
static int
papers(struct req *r, struct err *e)
{
	json_t *m = json_object();

	model_bool(m, "may_export", req_may(r, AREA_GUIDE, VERB_EXPORT, NULL));
	model_bool(m, "may_morning", req_may(r, AREA_GUIDE, VERB_WRITE, NULL));
	model_bool(m, "may_ask", req_may(r, AREA_REQUESTS, VERB_READ, NULL));
	return req_page(r, "papers", m, e);
}

const struct route status_rows[] = {
	{M_GET, "/papers", AREA_PAPERS, VERB_READ, NULL, 0, papers, 0},
	{M_GET, "/incident", AREA_INCIDENT, VERB_READ, NULL, F_PUBLIC | F_SETUP, incident, 0},
	{0},
};
