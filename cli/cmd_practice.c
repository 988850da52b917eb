/* mamori practice: make the practice hospital, or move it forward. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/num.h"
#include "base/time.h"
#include "cli/cli.h"
#include "practice/practice.h"

static const char usage[] =
    "mamori practice [--to DIR] [--size 50M] [--day N] [--seed S]";

static bool
progress(void *ctx, const char *what, uint64_t files, uint64_t bytes)
{
	struct cli *c = ctx;
	char size[24];

	cli_progress(c, "%s %s: %llu %s, %s", L(c, "練習用の病院", "practice hospital"), what,
	    (unsigned long long)files, L(c, "ファイル", "files"), cli_bytes(size, bytes));
	return true;
}

static int
options(struct practice_wish *w, int argc, char **argv, struct err *e)
{
	static const struct option longs[] = {
		{"to", required_argument, NULL, 't'}, {"size", required_argument, NULL, 's'},
		{"day", required_argument, NULL, 'd'}, {"seed", required_argument, NULL, 'r'},
		{NULL, 0, NULL, 0},
	};
	uint64_t day;
	int r = 0, o;

	optind = 0;
	opterr = 0;
	while (r == 0 && (o = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (o) {
		case 't':
			w->dir = optarg;
			break;
		case 's':
			r = num_parse_size(optarg, &w->size, e);
			w->has_size = true;
			break;
		case 'd':
			r = num_parse_u64(optarg, PRACTICE_DAY_MAX, &day, e);
			w->day = r == 0 ? (uint32_t)day : 0;
			w->has_day = true;
			break;
		case 'r':
			r = num_parse_u64(optarg, INT64_MAX, &w->seed, e);
			w->has_seed = true;
			break;
		default:
			return 1;
		}
	}
	return r == 0 && optind < argc ? 1 : r;
}

static void
tell(struct cli *c, const char *dir, const struct practice_report *r, double seconds)
{
	char all[24], fresh[24];

	cli_json(c, json_pack("{s:s s:I s:I s:I s:I s:I s:I s:I s:I s:I s:I s:f}", "dir", dir,
	    "day",
	    (json_int_t)r->day, "files", (json_int_t)r->files, "bytes", (json_int_t)r->bytes,
	    "new_files", (json_int_t)r->new_files, "new_bytes", (json_int_t)r->new_bytes,
	    "patients", (json_int_t)r->patients, "beds", (json_int_t)r->beds, "inpatients",
	    (json_int_t)r->inpatients, "size", (json_int_t)r->size, "seed", (json_int_t)r->seed,
	    "seconds", seconds));
	cli_say(c,
	    L(c,
		"練習用の病院 %s は %u 日目です。患者 %u 人、入院 %u / %u 床、%llu ファイル %s"
		"（今回 %llu ファイル %s、%.1f 秒）。",
		"The practice hospital %s is at day %u: %u patients, %u of %u beds taken, %llu "
		    "files, "
		"%s (this time %llu files, %s, %.1f s)."),
	    dir, r->day, r->patients, r->inpatients, r->beds, (unsigned long long)r->files,
	    cli_bytes(all, r->bytes), (unsigned long long)r->new_files,
	    cli_bytes(fresh, r->new_bytes), seconds);
}

int
cmd_practice(struct cli *c, int argc, char **argv)
{
	struct practice_wish w = {.progress = progress, .ctx = c};
	struct practice_report rep;
	AUTO(buf_free) struct buf dir = {0};
	struct err e = {0};
	int64_t start = time_mono_us();
	int r = options(&w, argc, argv, &e);

	if (r > 0)
		return cli_usage(c, usage);
	buf_init(&dir, 8192);
	if (r == 0 && !w.dir) {
		r = buf_fmt(&dir, &e, "%s/practice", c->state);
		w.dir = r == 0 ? buf_cstr(&dir, &e) : NULL;
	}
	if (r == 0)
		r = practice_run(&w, &rep, &e);
	cli_progress_end(c);
	if (r < 0)
		return cli_fail(c, &e, L(c, "練習用の病院を作れませんでした",
		    "the practice hospital could not be made"));
	tell(c, w.dir, &rep, (double)(time_mono_us() - start) / 1e6);
	return CLI_OK;
}
