/* mamori guide finding|review|request|evidence: what comes of an inspection. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/guide_common.h"

#include "base/num.h"

/* A subcommand whose first word is a number and that answers {"ok": true}. */
typedef int work_fn(struct guide_cli *x, int64_t id, const char *const *v, struct err *e);

struct work {
	const char *usage;
	const char *opt[4]; /* options in the order of v */
	unsigned must;      /* bit i: opt[i] has to be there */
	work_fn *fn;
};

static int
work(struct cli *c, int argc, char **argv, const struct work *w)
{
	const char *v[4] = {0};
	struct guide_opt opts[4];
	struct guide_cli x;
	struct err e = {0};
	int64_t id;
	size_t n = 0;
	int r;

	while (n < 4 && w->opt[n]) {
		opts[n] = (struct guide_opt){w->opt[n], &v[n], NULL};
		n++;
	}
	argc = guide_cli_opts(argc, argv, opts, n);
	if (argc != 2 || guide_cli_id(argv[1], &id) < 0)
		return cli_usage(c, w->usage);
	for (size_t i = 0; i < n; i++)
		if (w->must >> i & 1 && !v[i])
			return cli_usage(c, w->usage);
	r = guide_cli_open(c, &x);
	if (r != CLI_OK)
		return r;
	r = w->fn(&x, id, v, &e);
	if (r == CLI_OK)
		cli_json(c, json_pack("{s:b}", "ok", 1));
	return guide_cli_end(&x, r, &e, "できません", "cannot do it");
}

static int
list_end(struct guide_cli *x, int r, json_t *list, const char *key, struct err *e)
{
	if (r == 0 && json_array_size(list) == 0)
		cli_say(x->c, "%s", L(x->c, "ありません。", "None."));
	if (r == 0)
		cli_json(x->c, json_pack("{s:o}", key, list));
	return guide_cli_end(x, r, e, "読めません", "cannot read them");
}

static int
id_end(struct guide_cli *x, int r, int64_t id, struct err *e)
{
	if (r == 0) {
		cli_say(x->c, L(x->c, "#%lld を記録しました。", "Recorded as #%lld."), (long long)id);
		cli_json(x->c, json_pack("{s:I}", "id", (json_int_t)id));
	}
	return guide_cli_end(x, r, e, "記録できません", "cannot record it");
}

/* -- findings ---------------------------------------------------------------------------------- */

#define USAGE_F_LIST "mamori guide finding list [--all]"
#define USAGE_F_ADD                                                                                \
	"mamori guide finding add TITLE [--detail TEXT] [--pack P] [--item I] [--practice ID] "    \
	"[--severity 1|2|3] [--owner NAME]"

static int
f_list(struct cli *c, int argc, char **argv)
{
	bool all = false;
	const struct guide_opt opts[] = {{"all", NULL, &all}};
	struct guide_cli x;
	struct err e = {0};
	json_t *list = NULL, *v;
	size_t i;
	int r;

	if (guide_cli_opts(argc, argv, opts, 1) != 1)
		return cli_usage(c, USAGE_F_LIST);
	r = guide_cli_open(c, &x);
	if (r != CLI_OK)
		return r;
	r = finding_list(x.db, all, &list, &e);
	json_array_foreach(list, i, v) cli_say(c, "#%-4lld %-9s %-10s %s  %s",
	    (long long)json_integer_value(json_object_get(v, "id")), guide_cli_text(v, "state"),
	    guide_cli_text(v, "due"), guide_cli_text(v, "title"), guide_cli_text(v, "plan"));
	return list_end(&x, r, list, "findings", &e);
}

static int
f_add(struct cli *c, int argc, char **argv)
{
	const char *detail = "", *pack = "", *item = "", *practice = "", *severity = "2",
		   *owner = "";
	const struct guide_opt opts[] = {{"detail", &detail, NULL}, {"pack", &pack, NULL},
	    {"item", &item, NULL}, {"practice", &practice, NULL}, {"severity", &severity, NULL},
	    {"owner", &owner, NULL}};
	struct guide_cli x;
	struct err e = {0};
	uint64_t n = 0;
	int64_t id = 0;
	json_t *f;
	int r;

	argc = guide_cli_opts(argc, argv, opts, ARRAY_LEN(opts));
	if (argc != 2 || num_parse_u64(severity, 3, &n, NULL) < 0)
		return cli_usage(c, USAGE_F_ADD);
	r = guide_cli_open(c, &x);
	if (r != CLI_OK)
		return r;
	f = json_pack("{s:s,s:s,s:s,s:s,s:s,s:I,s:s}", "title", argv[1], "detail", detail, "pack",
	    pack, "item", item, "practice", practice, "severity", (json_int_t)n, "owner", owner);
	r = f ? finding_add(x.db, f, &x.who, &id, &e) : err_set(&e, E_INVAL, "not UTF-8");
	json_decref(f);
	return id_end(&x, r, id, &e);
}

static int
do_plan(struct guide_cli *x, int64_t id, const char *const *v, struct err *e)
{
	return finding_plan(x->db, id, 0, v[0], v[1], v[2] ? v[2] : "", &x->who, e);
}

static int
do_approve(struct guide_cli *x, int64_t id, const char *const *v, struct err *e)
{
	return finding_approve(x->db, id, 0, v[0], &x->who, e);
}

static int
do_done(struct guide_cli *x, int64_t id, const char *const *v, struct err *e)
{
	return finding_end(x->db, id, true, v[0] ? v[0] : "", &x->who, e);
}

static int
do_drop(struct guide_cli *x, int64_t id, const char *const *v, struct err *e)
{
	return finding_end(x->db, id, false, v[0], &x->who, e);
}

static const struct work plan_work = {
    "mamori guide finding plan ID --do TEXT --by DAY [--owner NAME]", {"do", "by", "owner"}, 3,
    do_plan};
static const struct work approve_work = {
    "mamori guide finding approve ID --name NAME", {"name"}, 1, do_approve};
static const struct work done_work = {
    "mamori guide finding done ID [--why TEXT]", {"why"}, 0, do_done};
static const struct work drop_work = {
    "mamori guide finding drop ID --why TEXT", {"why"}, 1, do_drop};

static int
f_plan(struct cli *c, int argc, char **argv)
{
	return work(c, argc, argv, &plan_work);
}

static int
f_approve(struct cli *c, int argc, char **argv)
{
	return work(c, argc, argv, &approve_work);
}

static int
f_done(struct cli *c, int argc, char **argv)
{
	return work(c, argc, argv, &done_work);
}

static int
f_drop(struct cli *c, int argc, char **argv)
{
	return work(c, argc, argv, &drop_work);
}

int
guide_finding(struct cli *c, int argc, char **argv)
{
	const struct cli_cmd table[] = {
	    {"list", f_list, USAGE_F_LIST, "不備を並べます", "list findings"},
	    {"add", f_add, USAGE_F_ADD, "不備を記録します", "record one"},
	    {"plan", f_plan, plan_work.usage, "いつまでに何をするか決めます", "what will be done by when"},
	    {"approve", f_approve, approve_work.usage, "院長が計画を承認します", "the director approves the plan"},
	    {"done", f_done, done_work.usage, "済みにします", "it is done"},
	    {"drop", f_drop, drop_work.usage, "理由を残してやめます", "drop it, with a reason"},
	};

	return cli_dispatch(c, table, ARRAY_LEN(table), argc, argv);
}

/* -- reviews ----------------------------------------------------------------------------------- */

#define USAGE_R_LIST "mamori guide review list"
#define USAGE_R_ADD                                                                                \
	"mamori guide review add --chair NAME --minutes TEXT [--held DAY] [--present NAMES] "      \
	"[--decisions FILE.json]"

static int
r_list(struct cli *c, int argc, char **argv)
{
	struct guide_cli x;
	struct err e = {0};
	json_t *list = NULL, *v;
	size_t i;
	int r;

	(void)argv;
	if (argc != 1)
		return cli_usage(c, USAGE_R_LIST);
	r = guide_cli_open(c, &x);
	if (r != CLI_OK)
		return r;
	r = finding_reviews(x.db, &list, &e);
	json_array_foreach(list, i, v)
		cli_say(c, "%s  %s  %s", guide_cli_text(v, "held"), guide_cli_text(v, "chair"),
		    guide_cli_text(v, "minutes"));
	return list_end(&x, r, list, "reviews", &e);
}

static int
r_add(struct cli *c, int argc, char **argv)
{
	const char *held = NULL, *chair = NULL, *present = "", *minutes = NULL, *file = NULL;
	const struct guide_opt opts[] = {{"held", &held, NULL}, {"chair", &chair, NULL},
	    {"present", &present, NULL}, {"minutes", &minutes, NULL}, {"decisions", &file, NULL}};
	json_t *decisions = NULL, *o;
	struct guide_cli x;
	struct err e = {0};
	struct fact f;
	int64_t id = 0;
	int r;

	if (guide_cli_opts(argc, argv, opts, ARRAY_LEN(opts)) != 1 || !chair || !minutes)
		return cli_usage(c, USAGE_R_ADD);
	if (file && !(decisions = json_load_file(file, JSON_REJECT_DUPLICATES, NULL))) {
		(void)err_set(&e, E_INVAL, "%s is not a JSON list of decisions", file);
		return cli_fail(c, &e, NULL);
	}
	r = guide_cli_open(c, &x);
	if (r != CLI_OK) {
		json_decref(decisions);
		return r;
	}
	o = json_pack("{s:s,s:s,s:s,s:s,s:o*}", "held", held ? held : x.desk.today, "chair", chair,
	    "present", present, "minutes", minutes, "decisions", decisions);
	r = o ? finding_review(x.db, o, &x.who, &id, &f, &e) : err_set(&e, E_INVAL, "not UTF-8");
	json_decref(o);
	if (r == 0)
		r = guide_cli_seal(&x, &f);
	return id_end(&x, r, id, &e);
}

int
guide_review(struct cli *c, int argc, char **argv)
{
	static const struct cli_cmd table[] = {
	    {"list", r_list, USAGE_R_LIST, "見直し会議を並べます", "list reviews"},
	    {"add", r_add, USAGE_R_ADD, "見直し会議を記録します", "record a review"},
	};

	return cli_dispatch(c, table, ARRAY_LEN(table), argc, argv);
}

/* -- requests ---------------------------------------------------------------------------------- */

#define USAGE_Q_LIST "mamori guide request list [--all]"
#define USAGE_Q_ADD \
	"mamori guide request add VENDOR [--practice ID] [--form PACK] --due DAY " \
	"[--facility NAME] [--vendor-id RECORD]"

static int
q_list(struct cli *c, int argc, char **argv)
{
	bool all = false;
	const struct guide_opt opts[] = {{"all", NULL, &all}};
	struct guide_cli x;
	struct err e = {0};
	json_t *list = NULL, *v;
	size_t i;
	int r;

	if (guide_cli_opts(argc, argv, opts, 1) != 1)
		return cli_usage(c, USAGE_Q_LIST);
	r = guide_cli_open(c, &x);
	if (r != CLI_OK)
		return r;
	r = request_list(x.db, all, &list, &e);
	json_array_foreach(list, i, v)
		cli_say(c, "#%-4lld %-9s %s  %s  %s",
		    (long long)json_integer_value(json_object_get(v, "id")),
		    guide_cli_text(v, "state"), guide_cli_text(v, "due"),
		    guide_cli_text(v, "vendor_name"), guide_cli_text(v, "subject"));
	return list_end(&x, r, list, "requests", &e);
}

static int
q_add(struct cli *c, int argc, char **argv)
{
	const char *practice = "", *form = "", *due = NULL, *facility = NULL, *vendor = "";
	const struct guide_opt opts[] = {{"practice", &practice, NULL}, {"form", &form, NULL},
	    {"due", &due, NULL}, {"facility", &facility, NULL}, {"vendor-id", &vendor, NULL}};
	struct guide_cli x;
	struct err e = {0};
	json_t *letter = NULL, *o = NULL;
	int64_t id = 0;
	int r;

	argc = guide_cli_opts(argc, argv, opts, ARRAY_LEN(opts));
	if (argc != 2 || !due || (!*practice && !*form))
		return cli_usage(c, USAGE_Q_ADD);
	r = guide_cli_open(c, &x);
	if (r != CLI_OK)
		return r;
	if (!facility)
		facility = x.facility ? guide_cli_text(x.facility, "name") : "";
	r = request_letter(x.g, practice, form, c->ja, argv[1], facility, due, &letter, &e);
	if (r == 0) {
		o = json_pack("{s:s,s:s,s:O,s:O,s:s,s:s,s:s}", "vendor", vendor, "vendor_name",
		    argv[1], "subject", json_object_get(letter, "subject"), "body",
		    json_object_get(letter, "body"), "practice", practice, "form", form, "due",
		    due);
		r = o ? request_add(x.db, x.g, o, &x.who, &id, &e)
		      : err_set(&e, E_INVAL, "not UTF-8");
	}
	if (r == 0)
		cli_say(c, "%s", guide_cli_text(letter, "body"));
	json_decref(letter);
	json_decref(o);
	return id_end(&x, r, id, &e);
}

static int
q_link(struct cli *c, int argc, char **argv)
{
	const char *days = "30";
	const struct guide_opt opts[] = {{"days", &days, NULL}};
	char token[REQUEST_TOKEN];
	struct guide_cli x;
	struct err e = {0};
	uint64_t n = 0;
	int64_t id;
	int r;

	argc = guide_cli_opts(argc, argv, opts, 1);
	if (argc != 2 || guide_cli_id(argv[1], &id) < 0 || num_parse_u64(days, 1000, &n, NULL) < 0)
		return cli_usage(c, "mamori guide request link ID [--days N]");
	r = guide_cli_open(c, &x);
	if (r != CLI_OK)
		return r;
	r = request_link(x.db, id, (int)n, &x.who, token, &e);
	if (r == 0) {
		cli_say(c, L(c, "業者に渡す道（一度だけ出します）: /vendor/%s",
		    "The way for the vendor (shown once): /vendor/%s"), token);
		cli_json(c, json_pack("{s:s}", "path", token));
	}
	return guide_cli_end(&x, r, &e, "道を作れません", "cannot make a link");
}

static int
do_sent(struct guide_cli *x, int64_t id, const char *const *v, struct err *e)
{
	(void)v;
	return request_sent(x->db, id, &x->who, e);
}

static int
do_chased(struct guide_cli *x, int64_t id, const char *const *v, struct err *e)
{
	(void)v;
	return request_chased(x->db, id, &x->who, e);
}

static int
do_close(struct guide_cli *x, int64_t id, const char *const *v, struct err *e)
{
	(void)v;
	return request_close(x->db, id, &x->who, e);
}

static int
seal_one(const struct fact *f, void *cookie, struct err *e)
{
	struct guide_cli *x = cookie;

	return facts_add(x->facts, f, x->who.now, NULL, e);
}

/* An answer that came on paper, typed in. */
static int
do_answer(struct guide_cli *x, int64_t id, const char *const *v, struct err *e)
{
	json_t *answers = json_load_file(v[1], JSON_REJECT_DUPLICATES, NULL), *req = NULL;
	int r;

	if (!answers)
		return err_set(e, E_INVAL, "%s is not a JSON object of answers", v[1]);
	r = request_answer(x->db, x->g, id, v[0], answers, &x->who, e);
	json_decref(answers);
	if (r == 0)
		r = request_get(x->db, id, &req, e);
	if (r == 0)
		r = request_facts(x->g, req, NULL, &x->who, seal_one, x, e);
	json_decref(req);
	return r;
}

static const struct work sent_work = {"mamori guide request sent ID", {0}, 0, do_sent};
static const struct work chased_work = {"mamori guide request chased ID", {0}, 0, do_chased};
static const struct work close_work = {"mamori guide request close ID", {0}, 0, do_close};
static const struct work answer_work = {
    "mamori guide request answer ID --name NAME --file FILE.json", {"name", "file"}, 3, do_answer};

static int
q_sent(struct cli *c, int argc, char **argv)
{
	return work(c, argc, argv, &sent_work);
}

static int
q_chased(struct cli *c, int argc, char **argv)
{
	return work(c, argc, argv, &chased_work);
}

static int
q_close(struct cli *c, int argc, char **argv)
{
	return work(c, argc, argv, &close_work);
}

static int
q_answer(struct cli *c, int argc, char **argv)
{
	return work(c, argc, argv, &answer_work);
}

int
guide_request(struct cli *c, int argc, char **argv)
{
	const struct cli_cmd table[] = {
	    {"list", q_list, USAGE_Q_LIST, "業者への依頼を並べます", "list requests"},
	    {"add", q_add, USAGE_Q_ADD, "依頼の手紙を作ります", "make a letter"},
	    {"link", q_link, "mamori guide request link ID [--days N]", "業者が答えるための道を作ります",
		"make a link by which the vendor answers"},
	    {"sent", q_sent, sent_work.usage, "送りました", "it was sent"},
	    {"chased", q_chased, chased_work.usage, "催促しました", "a reminder was sent"},
	    {"answer", q_answer, answer_work.usage, "紙で来た返事を入れます", "enter an answer that came on paper"},
	    {"close", q_close, close_work.usage, "閉じます", "close it"},
	};

	return cli_dispatch(c, table, ARRAY_LEN(table), argc, argv);
}

/* -- evidence ---------------------------------------------------------------------------------- */

#define USAGE_E_LIST "mamori guide evidence list practice|item|finding|request|review [SUBJECT]"
#define USAGE_E_ADD \
	"mamori guide evidence add practice|item|finding|request|review SUBJECT FILE " \
	"[--title TEXT] [--effective DAY] [--expires DAY] [--by declared|vendor|imported]"

static int
e_list(struct cli *c, int argc, char **argv)
{
	struct guide_cli x;
	struct err e = {0};
	json_t *list = NULL, *v;
	size_t i;
	int r;

	if (argc != 2 && argc != 3)
		return cli_usage(c, USAGE_E_LIST);
	r = guide_cli_open(c, &x);
	if (r != CLI_OK)
		return r;
	r = proof_list(x.db, argv[1], argc == 3 ? argv[2] : NULL, &list, &e);
	json_array_foreach(list, i, v)
		cli_say(c, "#%-4lld %s  %s  %s  %.12s",
		    (long long)json_integer_value(json_object_get(v, "id")),
		    guide_cli_text(v, "effective"), guide_cli_text(v, "subject"),
		    guide_cli_text(v, "title"), guide_cli_text(v, "sha256"));
	return list_end(&x, r, list, "evidence", &e);
}

static int
e_add(struct cli *c, int argc, char **argv)
{
	const char *title = "", *effective = "", *expires = "", *by = "declared", *base;
	const struct guide_opt opts[] = {{"title", &title, NULL}, {"effective", &effective, NULL},
	    {"expires", &expires, NULL}, {"by", &by, NULL}};
	struct guide_cli x;
	struct err e = {0};
	char hex[65];
	int64_t id = 0;
	json_t *meta;
	int r, fd;

	argc = guide_cli_opts(argc, argv, opts, ARRAY_LEN(opts));
	if (argc != 4)
		return cli_usage(c, USAGE_E_ADD);
	r = guide_cli_open(c, &x);
	if (r != CLI_OK)
		return r;
	base = strrchr(argv[3], '/');
	meta = json_pack("{s:s,s:s,s:s,s:s,s:s}", "name", base ? base + 1 : argv[3], "title", title,
	    "effective", effective, "expires", expires, "source", by);
	fd = open(argv[3], O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		r = err_sys(&e, "cannot open %s", argv[3]);
	else if (!meta)
		r = err_set(&e, E_INVAL, "not UTF-8");
	else
		r = proof_add(x.db, &x.st, argv[1], argv[2], fd, meta, &x.who, &id, hex, &e);
	if (fd >= 0)
		(void)close(fd);
	json_decref(meta);
	return id_end(&x, r, id, &e);
}

static int
do_hide(struct guide_cli *x, int64_t id, const char *const *v, struct err *e)
{
	(void)v;
	return proof_hide(x->db, id, &x->who, e);
}

static int
e_hide(struct cli *c, int argc, char **argv)
{
	static const struct work w = {"mamori guide evidence hide ID", {0}, 0, do_hide};

	return work(c, argc, argv, &w);
}

int
guide_evidence(struct cli *c, int argc, char **argv)
{
	static const struct cli_cmd table[] = {
	    {"list", e_list, USAGE_E_LIST, "根拠の書類を並べます", "list evidence"},
	    {"add", e_add, USAGE_E_ADD, "根拠の書類を付けます", "attach evidence"},
	    {"hide", e_hide, "mamori guide evidence hide ID", "出さなくします（中身は残ります）",
		"no longer show it; the bytes stay"},
	};

	return cli_dispatch(c, table, ARRAY_LEN(table), argc, argv);
}
