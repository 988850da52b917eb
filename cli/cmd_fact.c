/* mamori fact list|show|add: read the sealed facts, or declare one. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli_state.h"

#include "base/num.h"
#include "base/time.h"
#include "ledger/checks.h"
#include "ledger/evidence.h"
#include "ledger/facts.h"

#define USAGE_LIST                                                                                 \
	"mamori fact list [--check NAME|GROUP.] [--subject KIND:ID] [--since TIME|DAYSd] "         \
	"[--limit N] [--newest]"
#define USAGE_SHOW "mamori fact show SEQ"
#define USAGE_ADD                                                                                  \
	"mamori fact add --check NAME --subject KIND:ID --outcome pass|fail|na|error|unknown "     \
	"[--observed JSON] [--expected JSON] [--note TEXT] [--at TIME] "                           \
	"[--by declared|vendor|imported] [--evidence FILE] | mamori fact add FILE|-"

enum { LIMIT_DEFAULT = 1000, LIMIT_MAX = 1000000 };
#define EVIDENCE_MAX (UINT64_C(1) << 32)

static void
line(struct cli *c, const struct fact *f)
{
	char at[TIME_TEXT];

	time_put(at, f->at);
	cli_say(c, "#%-6llu %.16s  %-7s  %-28s %s:%s  (%s, %s@%s)", (unsigned long long)f->seq, at,
	    fact_outcome_name(f->outcome), f->check, f->kind, f->id, fact_by_name(f->by), f->module,
	    f->host);
}

/* -- list -------------------------------------------------------------------------------------- */

struct ring { /* the newest facts that fit */
	struct fact *slot;
	size_t limit, count;
};

static int
on_fact(const struct fact *f, void *cookie, struct err *e)
{
	struct ring *r = cookie;
	struct fact *to = &r->slot[r->count++ % r->limit];

	(void)e;
	fact_free(to);
	*to = *f;
	json_incref(to->observed);
	json_incref(to->expected);
	json_incref(to->evidence);
	return 0;
}

static int
print_list(struct cli *c, const struct fact *list, size_t start, size_t n, size_t wrap,
    size_t total)
{
	json_t *facts = json_array();

	for (size_t i = 0; i < n; i++) {
		const struct fact *f = &list[(start + i) % wrap];

		if (!c->json)
			line(c, f);
		else
			(void)json_array_append_new(facts, fact_json(f, true));
	}
	if (n == 0)
		cli_say(c, "%s", L(c, "あてはまる事実はありません。", "No fact fits."));
	else if (total > n)
		cli_say(c, L(c, "（ほかに古いものが %zu 件あります。--limit で増やせます）",
		    "(%zu older ones are not shown; see --limit)"), total - n);
	cli_json(c, json_pack("{s:o,s:I,s:I}", "facts", facts, "count", (json_int_t)n, "total",
	    (json_int_t)total));
	return CLI_OK;
}

static int
list_all(struct cli *c, struct facts *fs, const struct facts_filter *filter, size_t limit)
{
	struct ring ring = {.limit = limit, .slot = calloc(limit, sizeof(struct fact))};
	struct err e = {.code = E_NOMEM, .msg = "no memory"};
	int r = E_NOMEM;

	if (ring.slot)
		r = facts_each(fs, filter, on_fact, &ring, NULL, &e);
	if (r == 0) {
		size_t n = ring.count < limit ? ring.count : limit;

		r = print_list(c, ring.slot, ring.count - n, n, limit, ring.count);
	} else {
		r = cli_fail(c, &e, L(c, "事実を読めません", "cannot read the facts"));
	}
	for (size_t i = 0; ring.slot && i < limit && i < ring.count; i++)
		fact_free(&ring.slot[i]);
	free(ring.slot);
	return r;
}

static int
list_newest(struct cli *c, struct facts *fs, const struct facts_filter *filter, size_t limit)
{
	struct fact *list;
	struct err e;
	size_t n;

	if (facts_newest(fs, filter, &list, &n, &e) < 0)
		return cli_fail(c, &e, L(c, "事実を読めません", "cannot read the facts"));
	(void)print_list(c, list, 0, n < limit ? n : limit, n ? n : 1, n);
	facts_newest_free(list, n);
	return CLI_OK;
}

static int
get_subject(const char *s, char *kind, size_t kind_size, char *id, size_t id_size)
{
	const char *colon = strchr(s, ':');
	size_t n = colon ? (size_t)(colon - s) : 0;

	if (!colon || n == 0 || n >= kind_size || strlen(colon + 1) >= id_size)
		return E_INVAL;
	(void)memcpy(kind, s, n);
	kind[n] = 0;
	(void)memcpy(id, colon + 1, strlen(colon + 1) + 1);
	return 0;
}

/* RFC 3339, a local day (2026-11-22), or "7d": that many days ago. */
static int
get_since(const char *s, int64_t now, int64_t *ret)
{
	char digits[16];
	struct tm tm = {.tm_isdst = -1};
	size_t n = strlen(s);
	uint64_t days;
	const char *end;
	time_t t;

	if (time_get(s, ret, NULL) == 0)
		return 0;
	if (n > 1 && n < sizeof(digits) && s[n - 1] == 'd') {
		(void)memcpy(digits, s, n - 1);
		digits[n - 1] = 0;
		if (num_parse_u64(digits, 36500, &days, NULL) < 0)
			return E_INVAL;
		*ret = now - (int64_t)days * TIME_DAY;
		return 0;
	}
	end = n == 10 ? strptime(s, "%Y-%m-%d", &tm) : NULL;
	t = end && *end == 0 ? mktime(&tm) : (time_t)-1;
	if (t == (time_t)-1)
		return E_INVAL;
	*ret = (int64_t)t * TIME_SEC;
	return 0;
}

static int
list_options(int argc, char **argv, struct facts_filter *f, uint64_t *limit, bool *newest)
{
	static const struct option opts[] = {
		{"check", required_argument, NULL, 'c'}, {"subject", required_argument, NULL, 's'},
		{"since", required_argument, NULL, 't'}, {"limit", required_argument, NULL, 'l'},
		{"newest", no_argument, NULL, 'n'}, {0},
	};
	int o, r = 0;

	optind = 0;
	opterr = 0;
	while (r == 0 && (o = getopt_long(argc, argv, "+", opts, NULL)) != -1) {
		if (o == 'c' && strlen(optarg) < sizeof(f->check))
			(void)memcpy(f->check, optarg, strlen(optarg) + 1);
		else if (o == 's')
			r = get_subject(optarg, f->kind, sizeof(f->kind), f->id, sizeof(f->id));
		else if (o == 't')
			r = get_since(optarg, time_now_us(), &f->since);
		else if (o == 'l')
			r = num_parse_u64(optarg, LIMIT_MAX, limit, NULL);
		else if (o == 'n')
			*newest = true;
		else
			r = E_INVAL;
	}
	return r < 0 || optind != argc || *limit == 0 ? E_INVAL : 0;
}

static int
fact_list(struct cli *c, int argc, char **argv)
{
	struct facts_filter filter = {0};
	uint64_t limit = LIMIT_DEFAULT;
	bool newest = false;
	struct facts *fs;
	struct state st;
	int r;

	if (list_options(argc, argv, &filter, &limit, &newest) < 0)
		return cli_usage(c, USAGE_LIST);
	r = cli_facts(c, false, &st, &fs);
	if (r != CLI_OK)
		return r;
	r = newest ? list_newest(c, fs, &filter, (size_t)limit)
		   : list_all(c, fs, &filter, (size_t)limit);
	facts_close(fs);
	state_close(&st);
	return r;
}

/* -- show -------------------------------------------------------------------------------------- */

struct find {
	struct cli *c;
	uint64_t seq;
	bool found;
};

static int
on_find(const struct fact *f, void *cookie, struct err *e)
{
	struct find *it = cookie;
	json_t *o;
	char *text;

	(void)e;
	if (f->seq != it->seq)
		return 1;
	it->found = true;
	o = fact_json(f, true);
	text = json_dumps(o, JSON_INDENT(2) | JSON_SORT_KEYS);
	if (text && !it->c->json)
		cli_say(it->c, "%s", text);
	free(text);
	cli_json(it->c, json_pack("{s:[o]}", "facts", o));
	return 1;
}

static int
fact_show(struct cli *c, int argc, char **argv)
{
	struct facts_filter filter = {0};
	struct find it = {.c = c};
	struct facts *fs;
	struct state st;
	struct err e;
	int r;

	if (argc != 2 || num_parse_u64(argv[1][0] == '#' ? argv[1] + 1 : argv[1], UINT64_MAX >> 1,
	    &it.seq, NULL) < 0)
		return cli_usage(c, USAGE_SHOW);
	r = cli_facts(c, false, &st, &fs);
	if (r != CLI_OK)
		return r;
	filter.from = it.seq;
	r = facts_each(fs, &filter, on_find, &it, NULL, &e);
	if (r >= 0 && !it.found)
		r = err_set(&e, E_NOENT, "#%llu", (unsigned long long)it.seq);
	r = r < 0 ? cli_fail(c, &e, L(c, "その番号の事実がありません", "there is no such fact")) : CLI_OK;
	facts_close(fs);
	state_close(&st);
	return r;
}

/* -- add --------------------------------------------------------------------------------------- */

struct add {
	struct fact fact;
	const char *evidence[FACT_MAX_EVIDENCE];
	size_t evidence_n;
	bool check, subject, outcome;
};

static int
get_object(const char *s, json_t **ret, const char *what, struct err *e)
{
	json_error_t where;
	json_t *o = json_loads(s, JSON_REJECT_DUPLICATES, &where);

	if (!json_is_object(o)) {
		json_decref(o);
		return err_set(e, E_INVAL, "%s is not a JSON object", what);
	}
	json_decref(*ret);
	*ret = o;
	return 0;
}

static int
get_note(const char *s, struct fact *f, struct err *e)
{
	if (!f->observed)
		f->observed = json_object();
	return json_object_set_new(f->observed, "note", json_string(s)) < 0
	    ? err_set(e, E_INVAL, "the note is not UTF-8") : 0;
}

static int
add_option(struct add *a, int o, const char *arg, struct err *e)
{
	struct fact *f = &a->fact;

	switch (o) {
	case 'c':
		a->check = true;
		return fact_set(f->check, sizeof(f->check), "check", arg, e);
	case 's':
		a->subject = true;
		return get_subject(arg, f->kind, sizeof(f->kind), f->id, sizeof(f->id)) == 0 ? 0
		    : err_set(e, E_INVAL, "the subject is not KIND:ID");
	case 'o':
		a->outcome = true;
		return fact_outcome_get(arg, &f->outcome) == 0 ? 0
		    : err_set(e, E_INVAL, "outcome is not one of pass fail na error unknown");
	case 'b':
		return fact_by_get(arg, &f->by) == 0 && f->by != FACT_MEASURED ? 0
		    : err_set(e, E_INVAL, "--by is not one of declared vendor imported");
	case 'O':
		return get_object(arg, &f->observed, "observed", e);
	case 'E':
		return get_object(arg, &f->expected, "expected", e);
	case 'n':
		return get_note(arg, f, e);
	case 't':
		return time_get(arg, &f->at, NULL) == 0 ? 0
		    : err_set(e, E_INVAL, "--at is not a time like 2026-11-22T03:10:00+09:00");
	case 'v':
		if (a->evidence_n == FACT_MAX_EVIDENCE)
			return err_set(
			    e, E_LIMIT, "more than %d pieces of evidence", FACT_MAX_EVIDENCE);
		a->evidence[a->evidence_n++] = arg;
		return 0;
	default:
		return err_set(e, E_INVAL, "unknown option, or its value is missing");
	}
}

static int
add_options(int argc, char **argv, struct add *a, struct err *e)
{
	static const struct option opts[] = {
	    {"check", required_argument, NULL, 'c'},
	    {"subject", required_argument, NULL, 's'},
	    {"outcome", required_argument, NULL, 'o'},
	    {"by", required_argument, NULL, 'b'},
	    {"observed", required_argument, NULL, 'O'},
	    {"expected", required_argument, NULL, 'E'},
	    {"note", required_argument, NULL, 'n'},
	    {"at", required_argument, NULL, 't'},
	    {"evidence", required_argument, NULL, 'v'},
	    {0},
	};
	int o, r = 0;

	optind = 0;
	opterr = 0;
	while (r == 0 && (o = getopt_long(argc, argv, "+", opts, NULL)) != -1)
		r = add_option(a, o, optarg, e);
	if (r == 0 && optind != argc)
		r = err_set(e, E_INVAL, "too many words: %s", argv[optind]);
	if (r == 0 && (!a->check || !a->subject || !a->outcome))
		r = err_set(e, E_INVAL, "--check, --subject and --outcome are needed");
	return r;
}

/* A file that the user names; unlike Mamori's own it may be reached through a symbolic link. */
static int
open_named(const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? err_sys(e, "cannot open %s", path) : fd;
}

static int
read_all(int fd, struct buf *b, struct err *e)
{
	char piece[4096];
	ssize_t n;

	while ((n = read(fd, piece, sizeof(piece))) != 0) {
		int r = n > 0 ? buf_put(b, piece, (size_t)n, e) : 0;

		if (n < 0 && errno != EINTR)
			r = err_sys(e, "cannot read the fact");
		if (r < 0)
			return r;
	}
	return 0;
}

/* A whole fact as JSON, from a file or standard input. What a person hands in is never measured. */
static int
add_file(const char *path, struct fact *ret, struct err *e)
{
	bool std = strcmp(path, "-") == 0;
	int r, fd = std ? STDIN_FILENO : open_named(path, e);
	struct fact fact = {0};
	struct buf b;

	if (fd < 0)
		return fd;
	buf_init(&b, FACT_MAX_JSON);
	r = read_all(fd, &b, e);
	if (r == 0)
		r = fact_read(b.p, b.len, true, &fact, e);
	buf_free(&b);
	if (!std)
		(void)close(fd);
	if (r < 0)
		return r;
	fact_free(ret);
	*ret = fact;
	return fact.by != FACT_MEASURED ? 0
	    : err_set(e, E_INVAL, "source.by: measured facts come from the engines alone");
}

static int
keep_evidence(const struct state *st, struct add *a, struct err *e)
{
	if (a->evidence_n > 0)
		a->fact.evidence = json_array();
	for (size_t i = 0; i < a->evidence_n; i++) {
		char hex[EVIDENCE_HEX];
		int fd = open_named(a->evidence[i], e);
		int r = fd < 0 ? fd : evidence_put_fd(st, fd, EVIDENCE_MAX, hex, e);

		fio_close(st->f, fd);
		if (r < 0)
			return r;
		(void)json_array_append_new(a->fact.evidence, json_string(hex));
	}
	return 0;
}

static int
store(struct cli *c, struct add *a)
{
	struct state st = {.dirfd = -1};
	struct facts *fs = NULL;
	struct err e;
	uint64_t seq;
	int r = state_open(fio_os(), c->state, true, &st, &e);

	/* open the ledger first: what is refused there leaves no evidence behind */
	if (r == 0)
		r = facts_open(&st, true, time_now_us(), &fs, &e);
	if (r == 0)
		r = keep_evidence(&st, a, &e);
	if (r == 0)
		r = facts_add(fs, &a->fact, time_now_us(), &seq, &e);
	if (r == 0) {
		cli_say(c, L(c, "記録しました。#%llu %s %s", "Recorded. #%llu %s %s"),
		    (unsigned long long)seq, a->fact.check, fact_outcome_name(a->fact.outcome));
		if (!checks_find(a->fact.check))
			cli_say(c, "%s", L(c, "（この確かめの名前を使う機能はまだありません。書き間違いでないか確かめてください）",
			    "(No engine knows this check; please make sure its name is right.)"));
		cli_json(c, json_pack("{s:I,s:b}", "seq", (json_int_t)seq, "known_check",
		    checks_find(a->fact.check) != NULL));
	}
	facts_close(fs);
	state_close(&st);
	return r == 0 ? CLI_OK : cli_fail(c, &e, L(c, "事実を記録できませんでした", "the fact was not recorded"));
}

static int
fact_add(struct cli *c, int argc, char **argv)
{
	struct add a = {0};
	struct err e = {0};
	int64_t now = time_now_us();
	int r = fact_fill(&a.fact, "cli", "x.x", "x", "x", FACT_UNKNOWN, now, &e);

	a.fact.by = FACT_DECLARED;
	if (r == 0 && argc == 2 && (argv[1][0] != '-' || argv[1][1] == 0))
		r = add_file(argv[1], &a.fact, &e);
	else if (r == 0)
		r = add_options(argc, argv, &a, &e);
	if (r == 0)
		r = fact_check(&a.fact, &e);
	if (r == 0 && a.fact.at > now + 10 * 60 * TIME_SEC)
		r = err_set(&e, E_INVAL, "at lies in the future");
	if (r < 0) {
		r = cli_fail(c, &e, L(c, "事実の書き方が違います", "this is not a fact"));
		if (r == CLI_USAGE)
			(void)cli_usage(c, USAGE_ADD);
	} else {
		r = store(c, &a);
	}
	fact_free(&a.fact);
	return r;
}

int
cmd_fact(struct cli *c, int argc, char **argv)
{
	static const struct cli_cmd table[] = {
		{"list", fact_list, USAGE_LIST, "事実を並べます", "list facts"},
		{"show", fact_show, USAGE_SHOW, "一つの事実を全部出します", "show one fact in full"},
		{"add", fact_add, USAGE_ADD, "事実を一つ申告します", "declare a fact"},
	};

	return cli_dispatch(c, table, ARRAY_LEN(table), argc, argv);
}
