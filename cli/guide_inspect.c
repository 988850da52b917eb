/* mamori guide inspect: one run through a checklist. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/guide_common.h"

#include "base/num.h"

#define USAGE_LIST "mamori guide inspect list"
#define USAGE_OPEN "mamori guide inspect open PACK --round1 DAY --round2 DAY"
#define USAGE_SHOW "mamori guide inspect show ID"
#define USAGE_ANSWER                                                                               \
	"mamori guide inspect answer ID ITEM yes|no|na|unknown [--confirmed DAY] [--target DAY] "  \
	"[--note TEXT]"
#define USAGE_SIGN "mamori guide inspect sign ID --name NAME"
#define USAGE_ROUND "mamori guide inspect round ID"
#define USAGE_UPGRADE "mamori guide inspect upgrade ID PACK"
#define USAGE_DIFF "mamori guide inspect diff ID"
#define USAGE_CLOSE "mamori guide inspect close ID"

/* Open everything and the inspection's own pack. */
struct one {
	struct guide_cli x;
	int64_t id;
	json_t *insp;
	struct guide *own;
	const struct guide_pack *pack;
};

static int
one_open(struct cli *c, const char *id, struct one *o)
{
	struct err e = {0};
	int r;

	*o = (struct one){0};
	if (guide_cli_id(id, &o->id) < 0)
		return CLI_USAGE;
	r = guide_cli_open(c, &o->x);
	if (r != CLI_OK)
		return r;
	r = inspect_get(o->x.db, o->id, &o->insp, &e);
	if (r == 0)
		r = inspect_pack(&o->x.st, o->x.g, guide_cli_text(o->insp, "pack"),
		    guide_cli_text(o->insp, "pack_sum"), &o->own, &o->pack, &e);
	if (r == 0)
		return CLI_OK;
	json_decref(o->insp);
	return guide_cli_end(&o->x, r, &e, "その点検がありません", "there is no such inspection");
}

static int
one_end(struct one *o, int r, struct err *e, const char *ja, const char *en)
{
	json_decref(o->insp);
	guide_free(o->own);
	return guide_cli_end(&o->x, r, e, ja, en);
}

static void
line(struct cli *c, const json_t *v)
{
	cli_say(c, "#%lld  %s  %s  %s  %s", (long long)json_integer_value(json_object_get(v, "id")),
	    guide_cli_text(v, c->ja ? "title_ja" : "title_en"), guide_cli_text(v, "state"),
	    json_integer_value(json_object_get(v, "round")) == 1 ? L(c, "一回目", "first round")
								 : L(c, "二回目", "second round"),
	    guide_cli_text(
		v, json_integer_value(json_object_get(v, "round")) == 1 ? "due1" : "due2"));
}

static int
list(struct cli *c, int argc, char **argv)
{
	struct guide_cli x;
	struct err e = {0};
	json_t *all = NULL, *v;
	size_t i;
	int r;

	(void)argv;
	if (argc != 1)
		return cli_usage(c, USAGE_LIST);
	r = guide_cli_open(c, &x);
	if (r != CLI_OK)
		return r;
	r = inspect_list(x.db, &all, &e);
	json_array_foreach(all, i, v)
		line(c, v);
	if (r == 0 && json_array_size(all) == 0)
		cli_say(c, "%s", L(c, "点検はまだありません。", "There is no inspection yet."));
	if (r == 0)
		cli_json(c, json_pack("{s:o}", "inspections", all));
	return guide_cli_end(&x, r, &e, "点検を読めません", "cannot read the inspections");
}

static int
begun(struct guide_cli *x, int r, int64_t id, struct err *e)
{
	if (r == 0) {
		cli_say(x->c, L(x->c, "点検 #%lld を始めました。", "Inspection #%lld has begun."), (long long)id);
		cli_json(x->c, json_pack("{s:I}", "id", (json_int_t)id));
	}
	return guide_cli_end(x, r, e, "点検を始められません", "cannot begin the inspection");
}

static int
open_new(struct cli *c, int argc, char **argv)
{
	const char *due1 = NULL, *due2 = NULL;
	const struct guide_opt opts[] = {{"round1", &due1, NULL}, {"round2", &due2, NULL}};
	struct guide_cli x;
	struct err e = {0};
	int64_t id = 0;
	int r;

	argc = guide_cli_opts(argc, argv, opts, ARRAY_LEN(opts));
	if (argc != 2 || !due1 || !due2)
		return cli_usage(c, USAGE_OPEN);
	r = guide_cli_open(c, &x);
	if (r != CLI_OK)
		return r;
	r = inspect_open(x.db, &x.st, x.g, argv[1], due1, due2, &x.who, &id, &e);
	return begun(&x, r, id, &e);
}

static int
upgrade(struct cli *c, int argc, char **argv)
{
	struct guide_cli x;
	struct err e = {0};
	int64_t id = 0, old;
	int r;

	if (argc != 3 || guide_cli_id(argv[1], &old) < 0)
		return cli_usage(c, USAGE_UPGRADE);
	r = guide_cli_open(c, &x);
	if (r != CLI_OK)
		return r;
	r = inspect_upgrade(x.db, &x.st, x.g, old, argv[2], &x.who, &id, &e);
	return begun(&x, r, id, &e);
}

static int
show(struct cli *c, int argc, char **argv)
{
	struct one o;
	struct err e = {0};
	json_t *answers = NULL;
	int r;

	if (argc != 2)
		return cli_usage(c, USAGE_SHOW);
	r = one_open(c, argv[1], &o);
	if (r != CLI_OK)
		return r == CLI_USAGE ? cli_usage(c, USAGE_SHOW) : r;
	r = inspect_answers(o.x.db, o.id, &answers, &e);
	line(c, o.insp);
	for (size_t i = 0; r == 0 && i < o.pack->items; i++) {
		const struct guide_item *it = &o.pack->item[i];
		json_t *a = json_object_get(answers, it->id);
		enum guide_value v;
		bool given = a && guide_value_get(guide_cli_text(a, "value"), &v) == 0;

		cli_say(c, "%-12s %s%s %s  %s", it->id, given ? L(c, guide_value_text(v).ja,
		    guide_value_text(v).en) : L(c, "未回答", "no answer"),
		    given && json_is_true(json_object_get(a, "carried"))
			? L(c, "（前の版から・未確認）", " (carried over, not confirmed)") : "",
		    guide_cli_text(a, "confirmed"), L(c, it->text.ja, it->text.en));
	}
	if (r == 0)
		cli_json(c, json_pack("{s:O,s:o}", "inspection", o.insp, "answers", answers));
	return one_end(&o, r, &e, "点検を読めません", "cannot read the inspection");
}

static int
answer(struct cli *c, int argc, char **argv)
{
	const char *confirmed = NULL, *target = NULL, *note = NULL;
	const struct guide_opt opts[] = {
	    {"confirmed", &confirmed, NULL}, {"target", &target, NULL}, {"note", &note, NULL}};
	enum guide_value v = GUIDE_UNKNOWN;
	struct one o;
	struct err e = {0};
	int r;

	argc = guide_cli_opts(argc, argv, opts, ARRAY_LEN(opts));
	if (argc != 4 || guide_value_get(argv[3], &v) < 0)
		return cli_usage(c, USAGE_ANSWER);
	r = one_open(c, argv[1], &o);
	if (r != CLI_OK)
		return r == CLI_USAGE ? cli_usage(c, USAGE_ANSWER) : r;
	r = inspect_answer(o.x.db, o.pack, o.id, argv[2], v, confirmed, target, note, &o.x.who, &e);
	if (r == 0) {
		cli_say(c, "%s", L(c, "記録しました。", "Recorded."));
		cli_json(c, json_pack("{s:b}", "ok", 1));
	}
	return one_end(&o, r, &e, "答えを記録できません", "cannot record the answer");
}

static int
sign(struct cli *c, int argc, char **argv)
{
	const char *name = NULL;
	const struct guide_opt opts[] = {{"name", &name, NULL}};
	struct one o;
	struct err e = {0};
	struct fact f;
	int r;

	argc = guide_cli_opts(argc, argv, opts, ARRAY_LEN(opts));
	if (argc != 2 || !name)
		return cli_usage(c, USAGE_SIGN);
	r = one_open(c, argv[1], &o);
	if (r != CLI_OK)
		return r == CLI_USAGE ? cli_usage(c, USAGE_SIGN) : r;
	r = inspect_sign(o.x.db, &o.x.st, o.pack, o.id, name, &o.x.who, &f, &e);
	if (r == 0)
		r = guide_cli_seal(&o.x, &f);
	if (r == CLI_OK) {
		cli_say(c, "%s", L(c, "署名して封印しました。", "Signed and sealed."));
		cli_json(c, json_pack("{s:b}", "ok", 1));
	}
	return one_end(&o, r, &e, "署名できません", "cannot sign");
}

static int
round2(struct cli *c, int argc, char **argv)
{
	struct guide_cli x;
	struct err e = {0};
	int64_t id;
	int r;

	if (argc != 2 || guide_cli_id(argv[1], &id) < 0)
		return cli_usage(c, USAGE_ROUND);
	r = guide_cli_open(c, &x);
	if (r != CLI_OK)
		return r;
	r = inspect_round(x.db, id, &x.who, &e);
	if (r == 0)
		cli_json(c, json_pack("{s:b}", "ok", 1));
	return guide_cli_end(&x, r, &e, "二回目を始められません", "cannot begin the second round");
}

static int
close_it(struct cli *c, int argc, char **argv)
{
	struct guide_cli x;
	struct err e = {0};
	int64_t id;
	int r;

	if (argc != 2 || guide_cli_id(argv[1], &id) < 0)
		return cli_usage(c, USAGE_CLOSE);
	r = guide_cli_open(c, &x);
	if (r != CLI_OK)
		return r;
	r = inspect_close(x.db, id, &e);
	if (r == 0)
		cli_json(c, json_pack("{s:b}", "ok", 1));
	return guide_cli_end(&x, r, &e, "閉じられません", "cannot close it");
}

static int
diff(struct cli *c, int argc, char **argv)
{
	struct one o;
	struct err e = {0};
	json_t *list = NULL, *v;
	size_t i;
	int r;

	if (argc != 2)
		return cli_usage(c, USAGE_DIFF);
	r = one_open(c, argv[1], &o);
	if (r != CLI_OK)
		return r == CLI_USAGE ? cli_usage(c, USAGE_DIFF) : r;
	r = inspect_diff(o.x.db, o.pack, o.id, &list, &e);
	json_array_foreach(list, i, v) cli_say(c, "%-14s %-8s %s -> %s", guide_cli_text(v, "item"),
	    guide_cli_text(v, "kind"), guide_cli_text(v, "before"), guide_cli_text(v, "after"));
	if (r == 0 && json_array_size(list) == 0)
		cli_say(c, "%s", L(c, "前回と同じです。", "Nothing has changed."));
	if (r == 0)
		cli_json(c, json_pack("{s:o}", "changes", list));
	return one_end(&o, r, &e, "くらべられません", "cannot compare");
}

int
guide_inspect(struct cli *c, int argc, char **argv)
{
	static const struct cli_cmd table[] = {
	    {"list", list, USAGE_LIST, "点検を並べます", "list inspections"},
	    {"open", open_new, USAGE_OPEN, "点検を始めます", "begin one"},
	    {"show", show, USAGE_SHOW, "答えを全部出します", "all answers"},
	    {"answer", answer, USAGE_ANSWER, "一つ答えます", "answer one item"},
	    {"sign", sign, USAGE_SIGN, "この回に署名します", "sign the present round"},
	    {"round", round2, USAGE_ROUND, "二回目を始めます", "begin the second round"},
	    {"upgrade", upgrade, USAGE_UPGRADE, "新しい版に移ります", "go on under a newer edition"},
	    {"diff", diff, USAGE_DIFF, "前回との違い", "what differs from last time"},
	    {"close", close_it, USAGE_CLOSE, "閉じます", "close it"},
	};

	return cli_dispatch(c, table, ARRAY_LEN(table), argc, argv);
}
