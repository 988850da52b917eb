/* mamori report render: paper from a model. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli_report.h"
#include "report/report.h"

#define USAGE_RENDER "mamori report render MODEL.json|- --pdf FILE|-"

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

int
cmd_report(struct cli *c, int argc, char **argv)
{
	static const struct cli_cmd table[] = {
	    {"render", cmd_render, USAGE_RENDER, "文書のもと（JSON）から PDF を作ります",
		"make a PDF from a document's model (JSON)"},
	};

	return cli_dispatch(c, table, sizeof(table) / sizeof(table[0]), argc, argv);
}
