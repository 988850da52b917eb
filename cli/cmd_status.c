/* mamori status: one line an engine, computed from facts alone. Unknown is grey, never green. */
#include <stdio.h>
#include <string.h>

#include "cli/cli_state.h"

#include "base/num.h"
#include "base/time.h"
#include "ledger/checks.h"
#include "ledger/verdict.h"

struct engine {
	const char *name, *ja, *en;
	const struct verdict_rule *rule; /* NULL: this version has no such engine */
	const char *dir;                 /* in the state, when it is set up */
	const char *next_ja, *next_en;   /* what to do when it is not green */
};

static const char *const vault_need[] = {"vault.generation.age", "vault.restore.drill", NULL};
static const char *const vault_watch[] = {"vault.scrub", "vault.ransomware.drill", NULL};
static const char *const vault_missed[] = {"vault.generation.missed", "vault.generation.age",
	"vault.drill.missed", "vault.restore.drill", "vault.scrub.missed", "vault.scrub", NULL};
static const struct verdict_rule vault_rule = {vault_need, vault_watch, vault_missed};
static const char *const ledger_need[] = {"ledger.verify", NULL};
static const struct verdict_rule ledger_rule = {.need = ledger_need};

static const struct engine engines[] = {
	{"vault", "保管庫（カルテの写し）", "vault (copies of the charts)", &vault_rule, "vault",
	    "mamori vault backup で写しを取り、mamori drill restore で戻せることを確かめてください",
	    "take a copy (mamori vault backup) and prove that it restores (mamori drill restore)"},
	{"ledger", "封印された記録", "sealed record", &ledger_rule, "facts",
	    "mamori verify で確かめてください", "run mamori verify"},
	{"sentinel", "見張り", "sentinel", NULL, NULL, NULL, NULL},
	{"journal", "アクセスの記録", "access journal", NULL, NULL, NULL, NULL},
	{"sensor", "機器と通信", "devices and network", NULL, NULL, NULL, NULL},
	{"chart", "停止中のカルテ", "charts in downtime", NULL, NULL, NULL, NULL},
	{"register", "台帳", "ledger books", NULL, NULL, NULL, NULL},
	{"identity", "利用者と権限", "people and rights", NULL, NULL, NULL, NULL},
	{"guide", "点検表", "checklist", NULL, NULL, NULL, NULL},
	{"incident", "もしもの時", "incident", NULL, NULL, NULL, NULL},
};

struct view {
	struct cli *c;
	struct fact *facts;
	size_t n;
	int64_t now;
	struct err broken; /* code != 0: the facts cannot be trusted or read */
	const struct state *st;
	json_t *rows;
	int count[VERDICT_COLOURS];
	const struct fact *oldest;
	const char *next;
};

static const char *
shape(const struct cli *c, enum verdict_colour v)
{
	static const char *const ja[] = {"緑●", "黄▲", "赤■", "灰？"};
	static const char *const en[] = {"green ●", "yellow ▲", "red ■", "grey ?"};

	return L(c, ja[v], en[v]);
}

static const char *
reason(const struct cli *c, enum verdict_why w)
{
	switch (w) {
	case VERDICT_FRESH:
		return L(c, "確かめ済みです", "checked and well");
	case VERDICT_DECLARED:
		return L(c, "申告のみです（測っていません）", "only declared, not measured");
	case VERDICT_FAILED:
		return L(c, "だめでした", "it failed");
	case VERDICT_MISSED:
		return L(c, "予定どおり行われていません", "it was due and did not happen");
	case VERDICT_ERROR:
		return L(c, "確かめられませんでした", "it could not be checked");
	case VERDICT_OLD:
		return L(c, "確かめが古くなっています", "the last check is too old");
	case VERDICT_NEVER:
	default:
		return L(c, "まだ確かめていません", "never checked");
	}
}

static const char *
check_text(const struct cli *c, const char *name)
{
	const struct check *row = checks_find(name);

	return row ? L(c, row->ja, row->en) : name;
}

static void
say_why(const struct view *v, const struct verdict *got, char *out, size_t size)
{
	char at[TIME_TEXT] = "";
	const struct fact *basis = got->why == VERDICT_FRESH ? got->oldest : got->basis;

	if (basis)
		time_put(at, basis->at);
	(void)snprintf(out, size, "%s%s%s%s%.10s%s", got->check ? check_text(v->c, got->check) : "",
	    got->check ? ": " : "", reason(v->c, got->why), at[0] ? " (" : "", at,
	    at[0] ? ")" : "");
}

static void
not_set_up(struct view *v, const struct engine *en)
{
	struct cli *c = v->c;

	v->count[VERDICT_GREY]++;
	cli_say(c, "%s  %s: %s", shape(c, VERDICT_GREY), L(c, en->ja, en->en),
	    L(c, "まだ用意されていません", "not set up"));
	(void)json_array_append_new(v->rows,
	    json_pack("{s:s,s:s,s:s,s:s}", "name", en->name, "state", "not set up", "verdict",
		"grey", "reason", L(c, "まだ用意されていません", "not set up")));
}

static bool
has_facts(const struct view *v, const struct verdict_rule *rule)
{
	for (size_t i = 0; i < v->n; i++) {
		for (const char *const *need = rule->need; need && *need; need++)
			if (strcmp(v->facts[i].check, *need) == 0)
				return true;
	}
	return false;
}

static bool
is_set_up(const struct view *v, const struct engine *en)
{
	int fd;

	if (!en->rule)
		return false;
	if (has_facts(v, en->rule))
		return true;
	fd = state_dir(v->st, en->dir, false, NULL);
	fio_close(v->st->f, fd);
	return fd >= 0;
}

static void
one(struct view *v, const struct engine *en)
{
	struct cli *c = v->c;
	struct verdict got;
	char why[400], at[TIME_TEXT];

	if (!is_set_up(v, en) && !(v->broken.code && en->rule)) {
		if (en->rule && !v->next)
			v->next = L(c, en->next_ja, en->next_en);
		not_set_up(v, en);
		return;
	}
	got = verdict_of(en->rule, v->facts, v->n, v->now);
	say_why(v, &got, why, sizeof(why));
	if (v->broken.code) { /* nothing can be known from facts that do not hold */
		got.colour = en->rule == &ledger_rule ? VERDICT_RED : VERDICT_GREY;
		(void)snprintf(why, sizeof(why), "%s: %.300s", L(c, "事実の記録を読めません",
		    "the facts cannot be read"), v->broken.msg);
	}
	v->count[got.colour]++;
	if (got.oldest && (!v->oldest || got.oldest->at < v->oldest->at))
		v->oldest = got.oldest;
	if (got.colour != VERDICT_GREEN && (!v->next || got.colour == VERDICT_RED))
		v->next = L(c, en->next_ja, en->next_en);
	cli_say(c, "%s  %s: %s", shape(c, got.colour), L(c, en->ja, en->en), why);
	if (got.oldest)
		time_put(at, got.oldest->at);
	(void)json_array_append_new(v->rows,
	    json_pack("{s:s,s:s,s:s,s:s,s:s*,s:s*}", "name", en->name, "state", "set up", "verdict",
		verdict_name(got.colour), "reason", why, "check", got.check, "oldest_at",
		got.oldest ? at : NULL));
}

static int
print(struct view *v)
{
	struct cli *c = v->c;
	char at[TIME_TEXT];
	json_t *oldest = NULL;

	v->rows = json_array();
	for (size_t i = 0; i < ARRAY_LEN(engines); i++)
		one(v, &engines[i]);
	if (v->oldest) {
		time_put(at, v->oldest->at);
		cli_say(c, "%s %.10s (%s)", L(c, "いちばん古い根拠:", "oldest basis:"), at,
		    check_text(c, v->oldest->check));
		oldest = json_pack(
		    "{s:s,s:s,s:s}", "check", v->oldest->check, "id", v->oldest->id, "at", at);
	}
	if (v->next)
		cli_say(c, "%s %s", L(c, "次にすること:", "next:"), v->next);
	cli_json(c, json_pack("{s:o,s:{s:i,s:i,s:i,s:i},s:o?,s:s?}", "engines", v->rows, "verdicts",
	    "green", v->count[VERDICT_GREEN], "yellow", v->count[VERDICT_YELLOW],
	    "red", v->count[VERDICT_RED], "grey", v->count[VERDICT_GREY],
	    "oldest_fact", oldest, "next_action", v->next));
	return v->count[VERDICT_RED] > 0 ? CLI_NO : CLI_OK;
}

int
cmd_status(struct cli *c, int argc, char **argv)
{
	struct view v = {.c = c, .now = time_now_us()};
	struct facts *fs = NULL;
	struct state st;
	int r;

	(void)argv;
	if (argc != 1)
		return cli_usage(c, "mamori status");
	r = cli_state(c, false, &st);
	if (r != CLI_OK)
		return r;
	v.st = &st;
	r = facts_open(&st, false, 0, &fs, &v.broken);
	if (r == 0)
		r = facts_newest(fs, NULL, &v.facts, &v.n, &v.broken);
	if (r == 0 || r == E_NOENT) /* no facts yet is an ordinary beginning */
		v.broken.code = 0;
	r = print(&v);
	facts_newest_free(v.facts, v.n);
	facts_close(fs);
	state_close(&st);
	return r;
}
