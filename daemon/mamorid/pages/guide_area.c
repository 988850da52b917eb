/* One of the pillars: its practices, what is wrong first. */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "mamorid/pages/guide_page.h"

static const char *const pillars[] = {"organisational", "physical", "human", "technical"};

static json_t *
rows_of(const struct req *r, const json_t *all, const char *id)
{
	static const char *const order[] = {"red", "grey", "yellow", "green"};
	json_t *rows = json_array(), *p;
	size_t i;

	for (size_t k = 0; k < ARRAY_LEN(order); k++)
		json_array_foreach((json_t *)(uintptr_t)all, i, p)
			if (strcmp(guide_page_text(p, "category"), id) == 0 &&
			    strcmp(guide_page_text(p, "verdict"), order[k]) == 0)
				(void)json_array_append_new(rows, json_pack("{s:s,s:s,s:s,s:s}",
				    "id", guide_page_text(p, "id"), "title",
				    guide_page_words(r, p, "title"), "light", order[k], "reason",
				    guide_page_text(p, r->ja ? "reason" : "reason_en")));
	return rows;
}

static int
area(struct req *r, struct err *e)
{
	const char *id = NULL;
	json_t *all = NULL, *m;
	struct guide_page x;
	char word[40];
	int rc;

	for (size_t i = 0; i < ARRAY_LEN(pillars); i++)
		if (strcmp(pillars[i], req_id(r, 0)) == 0)
			id = pillars[i];
	if (!id)
		return err_set(e, E_NOENT, "there is no such pillar");
	rc = guide_page_open(r, &x, e);
	if (rc < 0)
		return rc;
	rc = desk_practices(&x.d, &all, e);
	guide_page_close(&x);
	if (rc < 0)
		return rc;
	m = json_object();
	(void)snprintf(word, sizeof(word), "today.pillar.%s", id);
	model_text(m, "word", word);
	model_put(m, "rows", rows_of(r, all, id));
	model_put(m, "crumbs",
	    model_crumbs("nav.today", "/", "nav.guide", "/guide", word, NULL, NULL));
	json_decref(all);
	return req_page(r, "guide-area", m, e);
}

const struct route guide_area_rows[] = {
    {M_GET, "/guide/areas/:id", AREA_GUIDE, VERB_READ, NULL, 0, area, 0},
    {0},
};
