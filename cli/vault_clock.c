/* mamori vault clock: let the clocks go on on which locks run, and say when a clock is odd. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "cli/cli_state.h"
#include "cli/vault_keep.h"
#include "cli/vault_where.h"

#define UNKEPT_MAX (2 * TIME_DAY)
#define OFF_MAX (300 * TIME_SEC) /* the scheduler takes more for a jump, too */

struct job {
	struct cli *c;
	struct state st;
	json_t *list;
	bool good;
	unsigned looked, away;
};

/* tell(j, repo, id, what, off_s, o): One vault: on the screen, in the list, and as a fact. */
static void
tell(struct job *j, const char *repo, const char *id, const char *state, const char *words,
    json_t *observed)
{
	bool good = strcmp(state, "good") == 0;
	struct fact f;
	struct err e;

	j->good = j->good && good;
	j->looked++;
	cli_say(j->c, "%s %s: %s", good ? "●" : "▲", repo, words);
	(void)json_object_set_new(observed, "state", json_string(state));
	(void)json_array_append_new(j->list,
	    json_pack("{s:s,s:s,s:s,s:O}", "repo", repo, "id", id, "text", words, "observed",
	    observed));
	if (fact_fill(&f, "vault", "vault.clock", "vault", id, good ? FACT_PASS : FACT_FAIL,
	    time_now_us(), &e) < 0) {
		json_decref(observed);
		return;
	}
	f.observed = observed;
	f.expected = json_pack("{s:i}", "max_off_seconds", (int)(OFF_MAX / TIME_SEC));
	vault_fact(j->c, &f, true);
}

static int
local(struct job *j, const char *repo, enum vault_keeper *ret_who, struct err *e)
{
	struct cli *c = j->c;
	char id[2 * FMT_ID_LEN + 1];
	struct vault_kept v;
	bool stands;
	int r = vault_kept_open(c, j->st.dirfd, repo, &v, e);

	*ret_who = v.keeper;
	if (r < 0)
		return r;
	hex_put(id, v.id.repo, FMT_ID_LEN);
	stands = keep_clock_stands(&v.before, &v.clock);
	tell(j, repo, id, v.jumped ? "jumped" : stands ? "stands" : "good",
	    v.jumped ? L(c, "この機械の時計が大きく変わりました。その間の時間は、消せない期限に数えません。時刻合わせを確かめてください",
	                   "the clock of this machine was changed by a lot; that time does not "
	                   "count for any lock. See that it is set right") :
	    stands ? L(c, "消せない期限の時計が止まっています。この機械の時刻合わせを確かめてください",
	                 "the clock on which locks run stands still. See that this machine's "
	                 "clock is set right") :
	             L(c, "時計は進んでいます", "the clock goes on"),
	    json_pack("{s:I,s:I}", "counted_seconds",
		(json_int_t)((v.clock.c - v.before.c) / TIME_SEC), "clock_seconds",
		(json_int_t)(v.clock.c / TIME_SEC)));
	vault_kept_close(&v);
	return 0;
}

static int
elsewhere(struct job *j, const char *repo, struct err *e)
{
	struct vault_place pl = vault_place_of(j->st.dirfd);
	struct cli *c = j->c;
	char id[2 * FMT_ID_LEN + 1], words[300];
	struct vault_ident ident;
	int64_t off = 0;
	long long min;
	bool good;
	int r = vault_identify_at(fio_os(), repo, &pl, &ident, e);

	if (r == 0)
		r = vault_clock_off(fio_os(), repo, &pl, &off, e);
	if (r < 0)
		return r;
	hex_put(id, ident.repo, FMT_ID_LEN);
	good = off <= OFF_MAX && off >= -OFF_MAX;
	min = (off < 0 ? -off : off) / (60 * TIME_SEC);
	if (good)
		(void)snprintf(words, sizeof(words), "%s", L(c, "保管先の時計は合っています",
		    "the clock there agrees with this machine's"));
	else
		(void)snprintf(words, sizeof(words), off > 0 ?
		    L(c, "保管先の時計は、この機械より %lld 分進んでいます。どちらが正しいか確かめて、合わせてください",
			"the clock there is %lld minutes ahead of this machine's. Find out which "
			"is right, and set the other") :
		    L(c, "保管先の時計は、この機械より %lld 分遅れています。どちらが正しいか確かめて、合わせてください",
			"the clock there is %lld minutes behind this machine's. Find out which is "
			"right, and set the other"), min);
	tell(j, repo, id, good ? "good" : "off", words, json_pack("{s:I}", "off_seconds",
	    (json_int_t)(off / TIME_SEC)));
	return 0;
}

/* unkept(j, repo, who): Not this machine's to look after, as far as it knows. Then another one does
 * so every hour; a vault that nobody looks after is told, for its locks never end, and its keeper's
 * key may be lost. */
static void
unkept(struct job *j, const char *repo, enum vault_keeper who)
{
	struct cli *c = j->c;
	char id[2 * FMT_ID_LEN + 1], words[600];
	struct vault_ident ident;
	int64_t seen = 0, idle = 0;
	struct err e;

	if (vault_identify(fio_os(), repo, &ident, &e) < 0 ||
	    vault_kept_seen(repo, &seen, &e) < 0 ||
	    __builtin_sub_overflow(time_now_us(), seen, &idle) ||
	    (who == KEEPER_OTHER && idle < UNKEPT_MAX))
		return;
	hex_put(id, ident.repo, FMT_ID_LEN);
	(void)snprintf(words, sizeof(words),
	    who == KEEPER_MOVED
		? L(c,
		      "この機械の keep.key は、もうこの保管庫の番をする鍵ではありません（最後の記録は %lld 日前）。心当たりがなければ mamori verify で確かめてください。"
		      "この機械が見るなら: mamori vault adopt %.300s --key 復旧鍵",
		      "the keep.key of this machine is not the vault's any more (last noted %lld "
		      "days ago). "
		      "Unless you know why, run mamori verify. If it is to be this machine: "
		      "mamori vault "
		      "adopt %.300s --key FILE")
		: L(c,
		      "%lld 日のあいだ、どの機械もこの保管庫を見ていません。見ていた機械か、その鍵がなくなったのなら: mamori vault adopt %.300s --key 復旧鍵",
		      "for %lld days no machine has looked after this vault. If the one that did "
		      "is gone, or "
		      "lost its key: mamori vault adopt %.300s --key FILE"),
	    (long long)(idle / TIME_DAY), repo);
	tell(j, repo, id, who == KEEPER_MOVED ? "moved" : "unkept", words,
	    json_pack("{s:o}", "last_noted", vault_time(seen)));
}

/* one(j, repo, asked, e): ${asked}: by name; else what cannot be looked at is told, not an end. */
static int
one(struct job *j, const char *repo, bool asked, struct err *e)
{
	struct vault_ident id;
	struct err why = {0};
	enum vault_keeper who = KEEPER_HERE;
	int r = vault_is_address(repo) ? elsewhere(j, repo, &why) : local(j, repo, &who, &why);

	if (r == 0)
		return 0;
	if (asked) {
		*e = why;
		return r;
	}
	if (r == E_AUTH && !vault_is_address(repo)) {
		unkept(j, repo, who); /* its own box looks after it, or should */
		return 0;
	}
	fprintf(stderr, "mamori: %s: %s\n", repo, why.msg);
	if (!vault_is_address(repo) && vault_identify(fio_os(), repo, &id, NULL) == E_NOENT)
		j->away++; /* a disk that is not plugged in has no clock to be right or wrong */
	else
		j->good = false;
	return 0;
}

/* on_known: Of every vault this machine knows. */
static int
on_known(const char *id, const char *where, void *cookie, struct err *e)
{
	(void)id;
	return where ? one(cookie, where, false, e) : 0;
}

int
vault_clock_cmd(struct cli *c, int argc, char **argv)
{
	struct job j = {.c = c, .good = true};
	struct err e = {0};
	int r;

	if (argc > 2 || (argc == 2 && argv[1][0] == '-'))
		return cli_usage(c, VAULT_CLOCK_USAGE);
	r = state_open(fio_os(), c->state, true, &j.st, &e);
	if (r < 0)
		return cli_fail(c, &e, NULL);
	j.list = json_array();
	r = argc == 2 ? one(&j, argv[1], true, &e) :
	    vault_where_each(j.st.dirfd, on_known, &j, &e);
	if (r == 0 && j.looked == 0 && j.away == 0 && j.good)
		cli_say(c, "%s", L(c, "この機械が見ている保管庫はありません", "this machine looks after no vault"));
	if (r == 0)
		cli_json(c, json_pack("{s:O,s:b}", "vaults", j.list, "ok", j.good));
	json_decref(j.list);
	state_close(&j.st);
	return r < 0 ? cli_fail(c, &e, NULL) : j.good ? CLI_OK : CLI_NO;
}
