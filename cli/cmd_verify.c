/* mamori verify: every seal of the state, offline: the facts and their evidence, and every other
 * sealed record that the state knows of. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli_state.h"

#include "base/num.h"
#include "base/time.h"
#include "ledger/evidence.h"
#include "ledger/seals.h"

#define USAGE "mamori verify [--no-fact]"

struct job {
	struct cli *c;
	const struct state *st;
	json_t *ledgers;
	json_t *first_bad; /* NULL while all is well */
	uint64_t checked, ledgers_n, evidence;
	bool ok, facts_seen;
	int unreachable;
};

static void
bad(struct job *j, const char *what, const char *place, uint64_t seq, const char *why)
{
	struct cli *c = j->c;

	j->ok = false;
	cli_say(c, "%s %s (%s): %s", L(c, "✗ 正しくありません:", "✗ does not hold:"), what, place, why);
	if (!j->first_bad)
		j->first_bad = json_pack("{s:s,s:s*,s:I,s:s*}", "ledger", what, "place", place,
		    "seq", (json_int_t)seq, "why", why);
}

/* One verified ledger: say it, and remember its newest record for the next time. */
static void
judged(struct job *j, const struct seal *seal, const char *place, const struct ledger_report *rep)
{
	struct cli *c = j->c;
	struct seal now = *seal;
	struct err e;

	j->checked += rep->records;
	j->ledgers_n++;
	(void)json_array_append_new(j->ledgers,
	    json_pack("{s:s,s:s*,s:b,s:I,s:o,s:s*}", "kind", seal->kind, "place", place, "ok",
		rep->ok, "records", (json_int_t)rep->records, "first_bad",
		rep->ok ? json_null() : json_integer((json_int_t)rep->first_bad), "why",
		rep->ok ? NULL : rep->why));
	if (!rep->ok) {
		bad(j, seal->kind, place, rep->first_bad, rep->why);
		return;
	}
	cli_say(c, L(c, "✓ %s (%s): %llu 件の記録すべて正しい", "✓ %s (%s): all %llu records hold"),
	    seal->kind, place, (unsigned long long)rep->records);
	if (rep->head.seq == seal->seen.seq && seal->dir[0])
		return;
	now.seen = rep->head;
	if (seals_update(j->st, &now, &e) < 0) /* the answer stands; only the next one is weaker */
		cli_say(c, "%s: %s", L(c, "（最後の記録の番号を覚えられませんでした）",
		    "(the newest record could not be remembered)"), e.msg);
}

/* -- facts ------------------------------------------------------------------------------------- */

static int
on_fact(const struct fact *f, void *cookie, struct err *e)
{
	struct job *j = cookie;
	struct err why;
	json_t *item;
	size_t i;

	(void)e;
	json_array_foreach(f->evidence, i, item) {
		const char *hex = json_string_value(item);

		j->evidence++;
		if (evidence_check(j->st, hex, &why) == 0)
			continue;
		if (why.code == E_NOENT)
			(void)err_set(&why, E_NOENT, "evidence %.12s... of fact %llu is missing",
			    hex, (unsigned long long)f->seq);
		bad(j, "evidence", hex, f->seq, why.msg);
	}
	return 0;
}

static int
verify_evidence(struct job *j, struct err *e)
{
	struct facts *fs;
	int r = facts_open(j->st, false, 0, &fs, e);

	if (r < 0)
		return r;
	r = facts_each(fs, NULL, on_fact, j, NULL, e);
	facts_close(fs);
	j->checked += j->evidence;
	return r;
}

static int
find_facts(const struct seal *seal, void *cookie, struct err *e)
{
	struct seal *to = cookie;

	(void)e;
	if (strcmp(seal->kind, "facts") == 0 && strcmp(seal->name, FACTS_DIR) == 0)
		*to = *seal;
	return 0;
}

/* The facts are known by their public key even when nothing was remembered of them yet. */
static int
verify_facts(struct job *j, struct err *e)
{
	struct seal seal = {.kind = "facts"};
	struct ledger_report rep;
	struct facts *fs;
	uint8_t pub[SIGN_PUB_LEN];
	int has_pub = state_pub_get(j->st, FACTS_KEY, pub, e);
	int r = seals_each(j->st, find_facts, &seal, e);

	if (r < 0)
		return r;
	if (has_pub == 0)
		(void)memcpy(seal.pin, pub, sizeof(pub));
	r = ledger_verify(j->st->f, j->st->dirfd, FACTS_DIR,
	    has_pub == 0 || seal.dir[0] ? seal.pin : NULL, seal.dir[0] ? &seal.seen : NULL, &rep,
	    e);
	if (r == E_NOENT && has_pub == 0) {
		bad(j, "facts", FACTS_DIR, 0, "the sealed record is gone, but its key is there");
		return 0;
	}
	if (r == E_NOENT && !seal.dir[0])
		return 0; /* nothing was ever recorded here */
	if (r < 0)
		return r;
	j->facts_seen = true;
	if (rep.ok && !seal.dir[0] && facts_open(j->st, false, 0, &fs, e) == 0) {
		if (seals_remember(j->st, "facts", ".", FACTS_DIR, facts_ledger(fs), e) == 0)
			r = seals_each(j->st, find_facts, &seal, e);
		facts_close(fs);
	}
	judged(j, &seal, FACTS_DIR, &rep);
	return r == 0 && rep.ok ? verify_evidence(j, e) : r;
}

/* -- everything else --------------------------------------------------------------------------- */

static int
on_seal(const struct seal *seal, void *cookie, struct err *e)
{
	struct job *j = cookie;
	struct ledger_report rep;
	int r;

	if (strcmp(seal->kind, "facts") == 0)
		return 0;
	cli_progress(j->c, L(j->c, "%s を確かめています…", "verifying %s ..."), seal->dir);
	r = seals_verify(j->st, seal, &rep, e);
	if (r == E_NOENT) {
		/* unplugged, or removed: unknown is not green */
		j->unreachable++;
		bad(j, seal->kind, seal->dir, 0, L(j->c, "ここにありません（外した媒体なら、つないでから確かめてください）",
		    "it is not there (plug the medium in and verify again)"));
		return 0;
	}
	if (r < 0)
		return r;
	judged(j, seal, seal->dir, &rep);
	return 0;
}

static void
leave_fact(struct job *j)
{
	struct cli *c = j->c;
	struct fact fact;
	struct err e;
	int64_t now = time_now_us();
	int r = fact_fill(&fact, "ledger", "ledger.verify", "system", "mamori",
	    j->ok ? FACT_PASS : FACT_FAIL, now, &e);

	if (r == 0)
		fact.observed =
		    json_pack("{s:I,s:I,s:I,s:i,s:O*}", "ledgers", (json_int_t)j->ledgers_n,
			"records", (json_int_t)j->checked, "evidence", (json_int_t)j->evidence,
			"unreachable", j->unreachable, "first_bad", j->first_bad);
	if (r == 0)
		r = facts_record(j->st, &fact, now, NULL, &e);
	if (r < 0) /* the answer stands without it; reading a copy must stay possible for anybody */
		cli_say(c, "%s: %s", L(c, "（結果を事実として記録できませんでした）",
		    "(the result could not be recorded as a fact)"), e.msg);
	fact_free(&fact);
}

static int
finish(struct job *j, bool no_fact)
{
	struct cli *c = j->c;

	if (!no_fact && j->ledgers_n + (uint64_t)j->unreachable > 0)
		leave_fact(j);
	if (j->ledgers_n == 0 && j->ok)
		cli_say(c, "%s", L(c, "封印された記録はまだありません。", "There is no sealed record yet."));
	else if (j->ok)
		cli_say(c, L(c, "すべて正しい状態です（%llu 件）。", "Everything holds (%llu)."),
		    (unsigned long long)j->checked);
	else
		cli_say(c, "%s",
		    L(c, "正しくない記録があります。この場所をそのまま残し、写しと比べてください。",
			"Something does not hold. Keep this place as it is, and compare it "
			"with a copy."));
	cli_json(c, json_pack("{s:b,s:I,s:O?,s:O,s:I,s:i}", "ok", j->ok, "checked",
	    (json_int_t)j->checked, "first_bad", j->first_bad, "ledgers", j->ledgers, "evidence",
	    (json_int_t)j->evidence, "unreachable", j->unreachable));
	return j->ok ? CLI_OK : CLI_NO;
}

int
cmd_verify(struct cli *c, int argc, char **argv)
{
	static const struct option opts[] = {{"no-fact", no_argument, NULL, 'n'}, {0}};
	struct job j = {.c = c, .ok = true};
	bool no_fact = false;
	struct state st;
	struct err e;
	int o, r;

	optind = 0;
	opterr = 0;
	while ((o = getopt_long(argc, argv, "+", opts, NULL)) == 'n')
		no_fact = true;
	if (o != -1 || optind != argc)
		return cli_usage(c, USAGE);
	r = cli_state(c, false, &st);
	if (r != CLI_OK)
		return r;
	j.st = &st;
	j.ledgers = json_array();
	r = verify_facts(&j, &e);
	if (r == 0)
		r = seals_each(&st, on_seal, &j, &e);
	r = r < 0 ? cli_fail(c, &e, L(c, "確かめを終えられませんでした", "could not verify everything"))
		  : finish(&j, no_fact);
	json_decref(j.ledgers);
	json_decref(j.first_bad);
	state_close(&st);
	return r;
}
