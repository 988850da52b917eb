#include "cli/guide_common.h"

#include <getopt.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "register/register.h"
#include "text/day.h"

static int
open_all(struct guide_cli *x, struct err *e)
{
	const struct facts_filter any = {0};
	size_t bad;
	json_t *rec = NULL;
	int r = guide_new(&x->g, e);

	if (r == 0)
		r = desk_load(x->db, &x->st, x->g, &bad, e);
	if (r == 0 && bad)
		cli_say(x->c, L(x->c, "取り込んだ項目のうち %zu 件は読めないので使いません。",
		    "%zu of the imported packs cannot be read and are not used."), bad);
	if (r == 0)
		r = facts_newest(x->facts, &any, &x->list, &x->n, e);
	if (r == 0) {
		r = register_get(x->db, register_kind("facility"), "main", &rec, e);
		r = r == E_NOENT ? 0 : r;
		x->facility = json_incref(json_object_get(rec, "values"));
		json_decref(rec);
	}
	if (r == 0)
		r = desk_begin(&x->desk, x->g, x->db, &x->st, x->list, x->n, x->facility,
		    x->who.now, e);
	return r;
}

int
guide_cli_open(struct cli *c, struct guide_cli *x)
{
	struct passwd room, *pw = NULL;
	char names[4096];
	struct err e = {0};
	int r;

	*x = (struct guide_cli){.c = c, .st = {.dirfd = -1}};
	(void)getpwuid_r(getuid(), &room, names, sizeof(names), &pw);
	(void)snprintf(x->name, sizeof(x->name), "cli:%.60s", pw ? pw->pw_name : "?");
	x->who = (struct inspect_who){x->name, x->desk.today, time_now_us()};
	day_local(x->who.now, x->desk.today);
	r = cli_records(c, true, &x->st, &x->db);
	if (r != CLI_OK)
		return r;
	if (facts_open(&x->st, true, x->who.now, &x->facts, &e) == 0 && open_all(x, &e) == 0)
		return CLI_OK;
	guide_cli_close(x);
	return cli_fail(c, &e, L(c, "点検の記録を開けません", "cannot open the guide"));
}

void
guide_cli_close(struct guide_cli *x)
{
	json_decref(x->facility);
	facts_newest_free(x->list, x->n);
	guide_free(x->g);
	db_close(x->db);
	facts_close(x->facts);
	state_close(&x->st);
}

int
guide_cli_seal(struct guide_cli *x, struct fact *f)
{
	struct err e = {0};
	int r = facts_add(x->facts, f, x->who.now, NULL, &e);

	fact_free(f);
	return r < 0 ? cli_fail(x->c, &e, L(x->c, "事実を記録できませんでした", "the fact was not recorded"))
		     : CLI_OK;
}

int
guide_cli_end(struct guide_cli *x, int r, struct err *e, const char *ja, const char *en)
{
	struct cli *c = x->c;

	guide_cli_close(x);
	return r < 0 ? cli_fail(c, e, L(c, ja, en)) : r;
}

int
guide_cli_id(const char *s, int64_t *ret)
{
	uint64_t n;

	if (num_parse_u64(*s == '#' ? s + 1 : s, INT64_MAX, &n, NULL) < 0)
		return E_INVAL;
	*ret = (int64_t)n;
	return 0;
}

int
guide_cli_opts(int argc, char **argv, const struct guide_opt *opts, size_t n)
{
	int out = 1;

	for (int i = 1; i < argc; i++) {
		const char *s = argv[i];
		size_t k = 0;

		if (strncmp(s, "--", 2) != 0 || !s[2]) {
			argv[out++] = argv[i];
			continue;
		}
		while (k < n && strcmp(opts[k].name, s + 2) != 0)
			k++;
		if (k == n || (opts[k].value && i + 1 >= argc))
			return -1;
		if (opts[k].value)
			*opts[k].value = argv[++i];
		else
			*opts[k].flag = true;
	}
	argv[out] = NULL;
	return out;
}

const char *
guide_cli_text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

const char *
guide_cli_words(const struct cli *c, const json_t *o, const char *key)
{
	return guide_cli_text(json_object_get(o, key), c->ja ? "ja" : "en");
}
