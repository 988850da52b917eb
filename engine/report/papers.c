#include <string.h>

#include "report/make_int.h"
#include "report/papers.h"
#include "report/report.h"

int
papers_of(const char *kind, const json_t *data, const char *now, json_t **ret, struct err *e)
{
	static const struct {
		const char *name;
		int (*make)(const json_t *, const char *, json_t **, struct err *);
	} papers[] = {{"binder", paper_binder}, {"first", paper_first}, {"letter", paper_letter},
	    {"recovery", paper_recovery}, {"morning", paper_morning}};

	if (!json_is_object(data))
		return err_set(e, E_INVAL, "the data of a paper is one object");
	for (size_t i = 0; i < sizeof(papers) / sizeof(papers[0]); i++)
		if (strcmp(kind, papers[i].name) == 0)
			return papers[i].make(data, now, ret, e);
	return err_set(
	    e, E_INVAL, "\"%s\" is none of binder, first, letter, recovery, morning", kind);
}

int
papers_build(
    const char *kind, const void *p, size_t n, const char *now, json_t **ret, struct err *e)
{
	json_error_t je;
	json_t *data;
	int r;

	if (n > REPORT_MAX_JSON)
		return err_set(
		    e, E_LIMIT, "the data has %zu bytes; at most %d", n, REPORT_MAX_JSON);
	data = json_loadb(n ? p : "", n, JSON_REJECT_DUPLICATES, &je);
	if (!data)
		return err_set(e, E_INVAL, "the data is not JSON: line %d: %s", je.line, je.text);
	r = papers_of(kind, data, now, ret, e);
	json_decref(data);
	return r;
}
