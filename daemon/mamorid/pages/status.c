/* The plain status page. */
#include <limits.h>
#include <stdio.h>

#include "mamorid/http/console.h"
#include "mamorid/mamorid.h"
#include "mamorid/model.h"
#include "mamorid/pages/pages.h"
#include "status.h"

static int
show(struct req *r, struct err *e)
{
	struct mamorid *m = r->c->daemon;
	AUTO(buf_free) struct buf b = {0};
	char line[PATH_MAX * 2 + 64];
	struct status_opts o = {.ja = r->ja, .drill_line = line, .version = MAMORI_VERSION,
	    .ledger_error = m->facts_error};
	struct model model;
	int rc = model_make(m->db, sched_running(m->sched), r->now, &model, e);

	if (rc < 0)
		return rc;
	buf_init(&b, WEB_PAGE);
	(void)snprintf(line, sizeof(line), "%s --state %s drill ransomware", m->program,
	    m->state_path);
	if (m->facts_error[0])
		model.overall = LIGHT_RED;
	rc = status_page(&model, &o, &b, e);
	model_free(&model);
	if (rc < 0)
		return rc;
	return req_bytes(r, "text/html; charset=utf-8", NULL, b.p, b.len, e);
}

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
	{M_GET, "/status", AREA_VAULT, VERB_READ, NULL, 0, show, 0},
	{0},
};
