/* mamori register import, export, check. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "cli/cli_register.h"
#include "register/match.h"
#include "sys/fio.h"
#include "text/xlsx.h"

enum { OUT_MAX = 256 << 20, COLUMNS_MAX = 4 << 20 };

static const char *
str(json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static long long
num(json_t *o, const char *key)
{
	return (long long)json_integer_value(json_object_get(o, key));
}

/* -- import ------------------------------------------------------------------------------------ */

struct in_options {
	struct register_import how;
	struct csv_options csv;
	const char *sheet, *by, *columns;
};

/* pair(o, arg, last): Add "NAME=VALUE" to an object. */
static bool
pair(json_t *o, const char *arg, bool last)
{
	const char *eq = last ? strrchr(arg, '=') : strchr(arg, '=');
	char name[REGISTER_LABEL];

	if (!eq || eq == arg || (size_t)(eq - arg) >= sizeof(name))
		return false;
	(void)snprintf(name, sizeof(name), "%.*s", (int)(eq - arg), arg);
	return json_object_set_new(o, name, json_string(eq + 1)) == 0;
}

static bool
in_option(struct in_options *o, int opt, const char *arg)
{
	uint64_t n;

	switch (opt) {
	case 'd':
		o->how.dry = true;
		return true;
	case 'c':
		o->how.mode = strcmp(arg, "skip") == 0 ? REGISTER_SKIP
		    : strcmp(arg, "update") == 0 ? REGISTER_UPDATE : REGISTER_STOP;
		return o->how.mode != REGISTER_STOP || strcmp(arg, "stop") == 0;
	case 'm':
		return pair(o->how.map, arg, true);
	case 'f':
		return pair(o->how.fill, arg, false);
	case 'C':
		o->columns = arg;
		return true;
	case 'r':
		o->how.keep = true;
		return true;
	case 'h':
		if (num_parse_u64(arg, INT32_MAX, &n, NULL) < 0 || n == 0)
			return false;
		o->how.row = (int64_t)n;
		return true;
	case 'e':
		o->csv.given = true;
		return csv_encoding_get(arg, &o->csv.encoding) == 0;
	case 's':
		o->sheet = arg;
		return true;
	case 'b':
		o->by = arg;
		return strlen(arg) < 70;
	default:
		return false;
	}
}

static void
say_place(struct reg *r, json_t *p)
{
	const char *field = str(p, "field");

	fprintf(stderr, L(r->c, "  %lld 行目 %s「%s」: %s\n", "  row %lld, %s \"%s\": %s\n"),
	    num(p, "row"), strcmp(field, "_id") == 0 ? "ID" : reg_label(r, field), str(p, "value"),
	    str(p, L(r->c, "ja", "en")));
}

static void
say_conflict(struct reg *r, json_t *p)
{
	const char *why = str(p, "why");
	json_t *f;
	size_t i;

	fprintf(stderr, L(r->c, "  %lld 行目 %s: %s\n", "  row %lld, %s: %s\n"), num(p, "row"),
	    str(p, "id"), strcmp(why, "changed") == 0 ? L(r->c,
	    "書き出した後に、ほかの人が変えました", "was changed by somebody else since the export")
	    : strcmp(why, "archived") == 0 ? L(r->c, "保管済みです", "is archived")
	    : strcmp(str(p, "by"), r->k->title) != 0 ? L(r->c,
	    "同じ番号のものがもうあります", "something with the same number is there already")
	    : L(r->c, "同じものがもうあります", "seems to be there already"));
	json_array_foreach(json_object_get(p, "fields"), i, f)
		fprintf(stderr, L(r->c, "      %s: いま「%s」 ファイル「%s」\n",
		    "      %s: is \"%s\", in the file \"%s\"\n"), reg_label(r, str(f, "field")),
		    str(f, "theirs"), str(f, "mine"));
}

static const char *
field_word(const struct reg *r, const char *field)
{
	return strcmp(field, "_id") == 0 ? "ID" : reg_label(r, field);
}

static void
say_mapping(struct reg *r, json_t *res)
{
	json_t *c;
	size_t i;

	json_array_foreach(json_object_get(res, "columns"), i, c) {
		const char *field = str(c, "field"), *how = str(c, "how"), *mark = "";

		if (strcmp(how, "alike") == 0 || strcmp(how, "alias") == 0)
			mark = L(r->c, "（推測）", " (a guess)");
		else if (strcmp(how, "kept") == 0)
			mark = L(r->c, "（前に選んだとおり）", " (as chosen before)");
		if (strcmp(how, "twice") == 0)
			cli_say(r->c, L(r->c, "  列「%s」は取り込みません（%s の列がほかにあります）",
			    "  column \"%s\" is left out (another column is the %s)"),
			    str(c, "label"), field_word(r, str(c, "guess")));
		else if (!*field)
			cli_say(r->c, L(r->c, "  列「%s」は取り込みません%s",
			    "  column \"%s\" is left out%s"), str(c, "label"), mark);
		else
			cli_say(r->c, L(r->c, "  列「%s」→ %s%s", "  column \"%s\" → %s%s"),
			    str(c, "label"), field_word(r, field), mark);
	}
}

/* say_missing(r, res): What keeps rows from being read, as a whole. */
static void
say_missing(struct reg *r, json_t *res)
{
	json_t *p;
	size_t i;

	if (json_is_true(json_object_get(res, "changed")))
		fprintf(stderr, "%s\n", L(r->c, "  列の見出しが、試したときと違います。もう一度試してください。",
		    "  The headings are not those of the trial. Please try again."));
	json_array_foreach(json_object_get(res, "missing"), i, p) {
		const char *field = str(p, "field");

		fprintf(stderr, L(r->c,
		    "  「%s」の列がありません。--map '見出し=%s' で選べます（見出しは %lld 行目）\n",
		    "  No column is the %s. Choose one with --map 'HEADING=%s' (the heading is row "
		    "%lld)\n"), reg_label(r, field), field, num(res, "row"));
		if (strcmp(field, r->k->title) != 0)
			fprintf(stderr, L(r->c, "    どの新しい行も同じなら --fill '%s=値'\n",
			    "    or --fill '%s=VALUE' when all new rows have the same\n"), field);
	}
}

static int
say_import(struct reg *r, json_t *res)
{
	bool done = json_is_true(json_object_get(res, "done"));
	bool dry = json_is_true(json_object_get(res, "dry"));
	json_t *p;
	size_t i;

	say_mapping(r, res);
	say_missing(r, res);
	json_array_foreach(json_object_get(res, "warnings"), i, p)
		say_place(r, p);
	json_array_foreach(json_object_get(res, "problems"), i, p)
		say_place(r, p);
	json_array_foreach(json_object_get(res, "conflicts"), i, p)
		say_conflict(r, p);
	cli_say(r->c,
	    L(r->c,
		"%lld 行: 追加 %lld、変更 %lld（うち合わせた %lld）、同じ %lld、とばした %lld",
		"%lld rows: %lld added, %lld changed (%lld of them merged), %lld the same, "
		"%lld skipped"),
	    num(res, "rows"), num(res, "added"), num(res, "updated"), num(res, "merged"),
	    num(res, "unchanged"), num(res, "skipped"));
	if (!done)
		cli_say(r->c,
		    L(r->c, "直すところが %lld、食い違いが %lld あります。何も変えていません。",
			"%lld problems and %lld conflicts; nothing was changed."),
		    num(res, "nproblems"), num(res, "nconflicts"));
	else if (dry)
		cli_say(r->c, "%s", L(r->c, "試しただけです。何も変えていません。",
		    "This was a trial; nothing was changed."));
	cli_json(r->c, res);
	return done ? CLI_OK : CLI_NO;
}

/* shown(o, e): The file with the columns of a trial. */
static int
shown(struct in_options *o, struct err *e)
{
	json_error_t bad;
	struct buf b;
	int r;

	if (!o->columns)
		return 0;
	buf_init(&b, COLUMNS_MAX);
	r = fio_slurp(fio_os(), AT_FDCWD, o->columns, &b, e);
	o->how.shown = r == 0 ? json_loadb((const char *)b.p, b.len, JSON_REJECT_DUPLICATES, &bad)
			      : NULL;
	buf_free(&b);
	if (r < 0)
		return r;
	if (!json_is_array(json_object_get(o->how.shown, "columns")))
		return err_set(e, E_INVAL, "%s: not what a trial printed with --json", o->columns);
	if (json_is_object(json_object_get(o->how.shown, "fill")))
		(void)json_object_update_missing(o->how.fill,
		    json_object_get(o->how.shown, "fill"));
	return 0;
}

static int
import_file(struct reg *r, const char *path, struct in_options *o)
{
	struct csv_found found = {CSV_UTF8, ','};
	struct err e = {0};
	json_t *res = NULL;
	struct table t;
	int x;

	table_init(&t);
	x = shown(o, &e);
	if (x == 0)
		x = reg_table(r, path, o->sheet, &o->csv, &t, &found, &e);
	if (x == 0)
		x = register_import(r->db, r->k, &t, &o->how, &r->who, &res, &e);
	table_free(&t);
	if (x == E_INVAL || x == E_CORRUPT || x == E_PROTO) {
		(void)cli_fail(r->c, &e, L(r->c, "取り込めませんでした", "nothing was taken in"));
		return CLI_NO;
	}
	if (x < 0)
		return cli_fail(r->c, &e, L(r->c, "取り込めませんでした", "nothing was taken in"));
	(void)json_object_set_new(res, "encoding", json_string(csv_encoding_name(found.encoding)));
	return say_import(r, res);
}

int
register_import_cmd(struct cli *c, int argc, char **argv)
{
	static const struct option opts[] = {{"dry-run", no_argument, NULL, 'd'},
	    {"conflict", required_argument, NULL, 'c'}, {"map", required_argument, NULL, 'm'},
	    {"encoding", required_argument, NULL, 'e'}, {"sheet", required_argument, NULL, 's'},
	    {"by", required_argument, NULL, 'b'}, {"columns", required_argument, NULL, 'C'},
	    {"fill", required_argument, NULL, 'f'}, {"heading", required_argument, NULL, 'h'},
	    {"remember", no_argument, NULL, 'r'}, {0}};
	struct in_options o = {.how = {.map = json_object(), .fill = json_object()},
	    .csv = {.restore = true}};
	struct reg r;
	int opt, x = CLI_OK;

	optind = 0;
	opterr = 0;
	while (x == CLI_OK && (opt = getopt_long(argc, argv, "", opts, NULL)) != -1)
		if (!in_option(&o, opt, optarg))
			x = cli_usage(c, REG_IMPORT);
	if (x == CLI_OK && argc - optind != 2)
		x = cli_usage(c, REG_IMPORT);
	if (x == CLI_OK)
		x = reg_open(c, argv[optind], &r);
	if (x == CLI_OK) {
		if (o.by)
			r.who.who = o.by;
		x = import_file(&r, argv[optind + 1], &o);
		reg_close(&r);
	}
	json_decref(o.how.map);
	json_decref(o.how.fill);
	json_decref(o.how.shown);
	return x;
}

/* -- what was chosen for columns --------------------------------------------------------------- */

int
register_columns_cmd(struct cli *c, int argc, char **argv)
{
	static const struct option opts[] = {{"forget", no_argument, NULL, 'f'}, {0}};
	json_t *kept = NULL, *one, *list;
	bool forget = false;
	struct err e = {0};
	const char *key;
	struct reg r;
	int opt, x, n = 0;

	optind = 0;
	opterr = 0;
	while ((opt = getopt_long(argc, argv, "", opts, NULL)) != -1) {
		if (opt != 'f')
			return cli_usage(c, REG_COLUMNS);
		forget = true;
	}
	if (argc - optind != 1)
		return cli_usage(c, REG_COLUMNS);
	x = reg_open(c, argv[optind], &r);
	if (x != CLI_OK)
		return x;
	x = register_match_kept(r.db, r.k, &kept, &e);
	if (x == 0 && forget) {
		n = register_match_forget(r.db, r.k, &e);
		if (n < 0)
			json_decref(kept);
		x = n < 0 ? n : 0;
	}
	if (x < 0) {
		reg_close(&r);
		return cli_fail(c, &e, NULL);
	}
	list = json_array();
	json_object_foreach(kept, key, one) {
		const char *field = str(one, "field");

		cli_say(c, L(c, "列「%s」→ %s", "column \"%s\" → %s"), str(one, "label"),
		    *field ? field_word(&r, field) : L(c, "取り込まない", "left out"));
		(void)json_array_append(list, one);
	}
	json_decref(kept);
	if (forget)
		cli_say(c, L(c, "%d 列の選び方を忘れました。", "The choices for %d columns are forgotten."),
		    n);
	cli_json(c, json_pack("{s:b, s:o, s:i}", "ok", 1, "columns", list, "forgotten", n));
	reg_close(&r);
	return CLI_OK;
}

/* -- export ------------------------------------------------------------------------------------ */

struct out_options {
	struct register_query q;
	char field[REGISTER_FILTERS][64];
	size_t filters;
	enum csv_encoding encoding;
	bool xlsx, format;
};

static bool
out_option(struct out_options *o, int opt, const char *arg)
{
	const char *eq;

	switch (opt) {
	case 'f':
		o->format = true;
		o->xlsx = strcmp(arg, "xlsx") == 0;
		return o->xlsx || strcmp(arg, "csv") == 0;
	case 'e':
		return csv_encoding_get(arg, &o->encoding) == 0 && o->encoding != CSV_UTF16;
	case 'a':
		o->q.state = REGISTER_ANY;
		return true;
	case 't':
		o->q.text = arg;
		return true;
	case 'F':
		eq = strchr(arg, '=');
		if (!eq || o->filters == REGISTER_FILTERS || (size_t)(eq - arg) >= 64)
			return false;
		(void)snprintf(o->field[o->filters], 64, "%.*s", (int)(eq - arg), arg);
		o->q.filter[o->filters].field = o->field[o->filters];
		o->q.filter[o->filters++].value = eq + 1;
		return true;
	default:
		return false;
	}
}

static int
csv_bytes(const struct table *t, size_t ncols, enum csv_encoding encoding, struct buf *out,
    struct err *e)
{
	struct csv_writer w;
	int r = csv_begin(&w, out, encoding, e), end;

	for (size_t i = 0; i < table_rows(t) && r == 0; i++) {
		for (size_t k = 0; k < ncols && r == 0; k++)
			r = csv_put(&w, table_cell(table_row(t, i), k), e);
		if (r == 0)
			r = csv_line(&w, e);
	}
	end = csv_end(&w, r == 0 ? e : NULL);
	return r < 0 ? r : end;
}

static enum xlsx_type
type_of(const struct register_kind *k, size_t col)
{
	enum register_type t;

	if (col == 0)
		return XLSX_TEXT;
	if (col > k->nfields)
		return XLSX_DAY;
	t = k->fields[col - 1].type;
	return t == REGISTER_INT ? XLSX_NUMBER : t == REGISTER_DATE ? XLSX_DAY : XLSX_TEXT;
}

/* describe(r, col, c, list): A column of the sheet; ${list} has room for the choices. */
static void
describe(const struct reg *r, size_t col, struct xlsx_column *c, const char **list, size_t room)
{
	const struct register_field *f = col > 0 && col <= r->k->nfields ? &r->k->fields[col - 1]
	                                                                 : NULL;

	*c = (struct xlsx_column){.label = register_column(r->k, col, r->c->ja), .width = 14,
	    .hidden = col == 0, .type = type_of(r->k, col)};
	if (!f)
		return;
	if (f->type == REGISTER_LONG || strcmp(f->key, r->k->title) == 0)
		c->width = 28;
	if (f->type != REGISTER_CHOICE || f->nchoices + 1 > room)
		return;
	for (size_t i = 0; i < f->nchoices; i++)
		list[i] = L(r->c, f->choices[i].ja, f->choices[i].en);
	list[f->nchoices] = NULL;
	c->list = list;
}

static int
xlsx_file(const struct reg *r, const struct table *all, const char *path, struct err *e)
{
	enum { ROOM = 32 };
	size_t n = register_columns(r->k);
	struct xlsx_column *c = calloc(n, sizeof(*c));
	const char **lists = calloc(n * ROOM, sizeof(*lists));
	struct table body = *all; /* the same rows without the heading, which the writer makes */
	int x;

	if (!c || !lists) {
		free(c);
		free(lists);
		return err_set(e, E_NOMEM, "no memory for a spreadsheet");
	}
	for (size_t i = 0; i < n; i++)
		describe(r, i, &c[i], lists + i * ROOM, ROOM);
	body.rows.p = VEC_AT(&all->rows, struct table_row, 1);
	body.rows.len = all->rows.len - 1;
	x = xlsx_write(path, L(r->c, r->k->ja, r->k->en), c, n, &body, e);
	free(c);
	free(lists);
	return x;
}

static int
put_all(int fd, const struct buf *b, struct err *e)
{
	size_t at = 0;

	while (at < b->len) {
		ssize_t n = write(fd, b->p + at, b->len - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_sys(e, "cannot write");
		at += (size_t)n;
	}
	return 0;
}

/* write_out(r, t, o, path, e): Into a file beside ${path}, which then takes its name: half an
 * export never lies there. */
static int
write_out(const struct reg *r, const struct table *t, const struct out_options *o,
    const char *path, struct err *e)
{
	char tmp[4200];
	struct buf b;
	int fd, x = 0;

	buf_init(&b, OUT_MAX);
	if (!o->xlsx)
		x = csv_bytes(t, register_columns(r->k), o->encoding, &b, e);
	if (x == 0 && strcmp(path, "-") == 0) {
		x = o->xlsx ? err_set(e, E_INVAL, "a spreadsheet needs a file name")
			    : put_all(STDOUT_FILENO, &b, e);
		buf_free(&b);
		return x;
	}
	(void)snprintf(tmp, sizeof(tmp), "%.4000s.XXXXXX", path);
	fd = x == 0 ? mkstemp(tmp) : -1;
	if (x == 0 && fd < 0)
		x = err_sys(e, "cannot write beside %s", path);
	if (x == 0)
		x = o->xlsx ? xlsx_file(r, t, tmp, e) : put_all(fd, &b, e);
	if (x == 0 && (fchmod(fd, 0600) < 0 || fsync(fd) < 0 || rename(tmp, path) < 0))
		x = err_sys(e, "cannot write %s", path);
	if (fd >= 0)
		(void)close(fd);
	if (x < 0 && fd >= 0)
		(void)unlink(tmp);
	buf_free(&b);
	return x;
}

static int
export_file(struct reg *r, const char *path, struct out_options *o)
{
	struct err e = {0};
	struct table t;
	int x;

	table_init(&t);
	x = register_export(r->db, r->k, &o->q, r->c->ja, &t, &e);
	if (x == 0)
		x = write_out(r, &t, o, path, &e);
	if (x == E_INVAL && o->encoding == CSV_CP932 && !o->xlsx) {
		(void)cli_fail(r->c, &e, L(r->c, "CP932（シフトJIS）に書けない文字があります。"
		    "--encoding utf-8-bom なら書けます", "some characters cannot be written in CP932; "
		    "--encoding utf-8-bom can"));
		x = CLI_NO;
	} else if (x < 0) {
		x = cli_fail(r->c, &e, L(r->c, "書き出せませんでした", "nothing was written"));
	} else {
		if (strcmp(path, "-") != 0)
			cli_say(r->c, L(r->c, "%zu 件を %s に書き出しました。", "%zu records are in %s."),
			    table_rows(&t) - 1, path);
		if (strcmp(path, "-") != 0)
			cli_json(r->c, json_pack("{s:b, s:I, s:s}", "ok", 1, "count",
			    (json_int_t)(table_rows(&t) - 1), "file", path));
	}
	table_free(&t);
	return x;
}

int
register_export_cmd(struct cli *c, int argc, char **argv)
{
	static const struct option opts[] = {{"format", required_argument, NULL, 'f'},
	    {"encoding", required_argument, NULL, 'e'}, {"all", no_argument, NULL, 'a'},
	    {"text", required_argument, NULL, 't'}, {"filter", required_argument, NULL, 'F'}, {0}};
	struct out_options o = {.encoding = CSV_UTF8_BOM};
	const char *path;
	struct reg r;
	size_t n;
	int opt, x;

	optind = 0;
	opterr = 0;
	while ((opt = getopt_long(argc, argv, "", opts, NULL)) != -1)
		if (!out_option(&o, opt, optarg))
			return cli_usage(c, REG_EXPORT);
	if (argc - optind != 2)
		return cli_usage(c, REG_EXPORT);
	path = argv[optind + 1];
	n = strlen(path);
	if (!o.format)
		o.xlsx = n > 5 && strcmp(path + n - 5, ".xlsx") == 0;
	x = reg_open(c, argv[optind], &r);
	if (x == CLI_OK) {
		x = export_file(&r, path, &o);
		reg_close(&r);
	}
	return x;
}

/* -- check ------------------------------------------------------------------------------------- */

static int
record_fact(struct reg *r, struct facts *fs, json_t *f, struct err *e)
{
	struct fact fact;
	enum fact_outcome outcome = FACT_UNKNOWN;
	int x;

	if (fact_outcome_get(str(f, "outcome"), &outcome) < 0)
		return err_set(e, E_INVAL, "%s: no such outcome", str(f, "outcome"));
	fact_init(&fact);
	x = fact_fill(&fact, "register", str(f, "check"), str(f, "kind"), str(f, "id"), outcome,
	    r->who.now, e);
	/* what people wrote into a register is a declaration; only dates gone by are counted */
	if (strcmp(str(f, "check"), "register.next.overdue") != 0)
		fact.by = FACT_DECLARED;
	fact.observed = json_incref(json_object_get(f, "observed"));
	fact.expected = json_incref(json_object_get(f, "expected"));
	if (x == 0)
		x = facts_add(fs, &fact, r->who.now, NULL, e);
	fact_free(&fact);
	return x;
}

static int
record_all(struct reg *r, json_t *list, struct err *e)
{
	struct facts *fs = NULL;
	json_t *f;
	size_t i;
	int x = facts_open(&r->st, true, r->who.now, &fs, e);

	json_array_foreach(list, i, f)
		if (x == 0)
			x = record_fact(r, fs, f, e);
	facts_close(fs);
	return x;
}

int
register_check_cmd(struct cli *c, int argc, char **argv)
{
	static const struct option opts[] = {{"no-fact", no_argument, NULL, 'n'}, {0}};
	bool keep = true, good = true;
	size_t adopted = 0, i;
	struct err e = {0};
	json_t *list, *f;
	struct reg r;
	int opt, x;

	optind = 0;
	opterr = 0;
	while ((opt = getopt_long(argc, argv, "", opts, NULL)) != -1) {
		if (opt != 'n')
			return cli_usage(c, REG_CHECK);
		keep = false;
	}
	if (optind != argc)
		return cli_usage(c, REG_CHECK);
	x = reg_open(c, NULL, &r);
	if (x != CLI_OK)
		return x;
	x = keep ? register_adopt(r.db, &r.who, &adopted, &e) : 0;
	if (x == 0)
		x = register_check(r.db, r.today, &list, &e);
	if (x == 0 && keep) {
		x = record_all(&r, list, &e);
		if (x < 0)
			json_decref(list);
	}
	if (x < 0) {
		reg_close(&r);
		return cli_fail(c, &e, L(c, "台帳を確かめられませんでした", "the registers were not checked"));
	}
	json_array_foreach(list, i, f) {
		good = good && strcmp(str(f, "outcome"), "fail") != 0;
		cli_say(c, "%-8s %-30s %s:%s", str(f, "outcome"), str(f, "check"), str(f, "kind"),
		    str(f, "id"));
	}
	cli_json(c, json_pack("{s:b, s:o, s:I}", "ok", good, "facts", list, "adopted",
	    (json_int_t)adopted));
	reg_close(&r);
	return good ? CLI_OK : CLI_NO;
}
