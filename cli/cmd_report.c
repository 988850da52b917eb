/* mamori report render|build: paper from a model, or from the data of one of the papers. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "cli/cli_report.h"
#include "report/papers.h"
#include "report/report.h"

#define USAGE_RENDER "mamori report render MODEL.json|- --pdf FILE|-"
#define USAGE_BUILD                                                                                \
	"mamori report build binder|first|letter|recovery|morning DATA.json|- --pdf FILE|- | "     \
	"--model FILE|-"

struct wish {
	const char *pdf, *model;
	const char *arg[2];
	int nargs;
};

static int
options(struct wish *w, int argc, char **argv, bool build)
{
	static const struct option longs[] = {{"pdf", required_argument, NULL, 'p'},
	    {"model", required_argument, NULL, 'm'}, {NULL, 0, NULL, 0}};
	int o;

	optind = 0;
	opterr = 0;
	while ((o = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (o == 'p')
			w->pdf = optarg;
		else if (o == 'm' && build)
			w->model = optarg;
		else
			return -1;
	}
	for (; optind < argc && w->nargs < 2; optind++)
		w->arg[w->nargs++] = argv[optind];
	if (optind < argc || w->nargs != (build ? 2 : 1) || (w->pdf != NULL) == (w->model != NULL))
		return -1;
	return 0;
}

static int
bad(struct cli *c, const struct err *e)
{
	return cli_fail(c, e, L(c, "紙を作れません", "cannot make the paper"));
}

static int
cmd_render(struct cli *c, int argc, char **argv)
{
	struct wish w = {0};
	struct err e = {0};
	struct buf b;
	int r;

	if (options(&w, argc, argv, false) < 0)
		return cli_usage(c, USAGE_RENDER);
	buf_init(&b, REPORT_MAX_JSON + 4096);
	r = cli_slurp(w.arg[0], &b, &e);
	if (r == 0)
		r = cli_pdf(c, b.p, b.len, w.pdf, &e);
	buf_free(&b);
	return r < 0 ? bad(c, &e) : cli_pdf_done(c, w.pdf);
}

/* The model itself, for looking at or for another program. */
static int
put_model(struct cli *c, json_t *model, const char *path, struct err *e)
{
	const size_t flags = JSON_INDENT(1) | JSON_SORT_KEYS;
	int r = 0;

	if (strcmp(path, "-") == 0) {
		if (json_dumpf(model, stdout, flags) < 0 || putchar('\n') == EOF)
			r = err_sys(e, "standard output");
	} else if (json_dump_file(model, path, flags) < 0) {
		r = err_sys(e, "%s", path);
	}
	json_decref(model);
	(void)c;
	return r;
}

static int
cmd_build(struct cli *c, int argc, char **argv)
{
	char now[TIME_TEXT];
	struct wish w = {0};
	struct err e = {0};
	json_t *model;
	struct buf b;
	int r;

	if (options(&w, argc, argv, true) < 0)
		return cli_usage(c, USAGE_BUILD);
	time_put(now, time_now_us());
	buf_init(&b, REPORT_MAX_JSON + 4096);
	r = cli_slurp(w.arg[1], &b, &e);
	if (r == 0)
		r = papers_build(w.arg[0], b.p, b.len, now, &model, &e);
	buf_free(&b);
	if (r == 0)
		r = w.pdf ? cli_pdf_of(c, model, w.pdf, &e) : put_model(c, model, w.model, &e);
	if (r < 0)
		return bad(c, &e);
	return w.pdf ? cli_pdf_done(c, w.pdf) : CLI_OK;
}

int
cmd_report(struct cli *c, int argc, char **argv)
{
	static const struct cli_cmd table[] = {
	    {"render", cmd_render, USAGE_RENDER, "文書のもと（JSON）から PDF を作ります",
		"make a PDF from a document's model (JSON)"},
	    {"build", cmd_build, USAGE_BUILD, "資料（JSON）から立入検査の資料や依頼状などの紙を作ります",
		"make one of the papers, such as the inspection binder, from its data (JSON)"},
	};

	return cli_dispatch(c, table, sizeof(table) / sizeof(table[0]), argc, argv);
}
