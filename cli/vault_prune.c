/* mamori vault prune: the way to removing generations. Asking, approving and waiting happen here;
 * removing is mamori-reaper's. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "cli/cli_state.h"
#include "cli/vault_keep.h"
#include "cli/vault_parity.h"
#include "sys/proc.h"

enum { ANSWER_MAX = 4096, MAX_PEOPLE = 8 };

extern char **environ;

struct wish {
	struct cli *c;
	const char *repo, *name, *by;
	uint64_t only; /* the request that is meant; 0: any */
	struct vault_person people[MAX_PEOPLE];
	size_t npeople;
	bool cancel, dry;
};

struct outcome {
	json_t *refused; /* [{id, why, until}] */
	json_t *pending; /* or null */
	uint64_t removed, freed;
	uint64_t loose; /* bytes of unfinished backups that go along, or went */
	bool waits; /* something was asked for and is not done */
	bool asked; /* just now */
};

/* ---- what may go ---- */

static const char *
why_stays(struct cli *c, enum keep_why w)
{
	switch (w) {
	case KEEP_LOCKED:
		return L(c, "固定されています（まだ誰にも消せません）", "it is locked: nobody can remove it yet");
	case KEEP_NEWEST:
		return L(c, "いちばん新しい世代です", "it is the newest one");
	case KEEP_COUNTED:
		return L(c, "決まりで残す世代です", "the policy keeps it");
	case KEEP_VERIFIED:
		return L(c, "復元訓練で確かめた世代として残します", "it is one of those proved by a drill");
	case KEEP_UNVERIFIED:
		return L(c, "復元訓練で確かめた世代が足りません", "too few of its system are proved by drills");
	default:
		return L(c, "消せません", "it cannot be removed");
	}
}

static const char *
why_word(enum keep_why w)
{
	static const char *const words[] = {"goes", "locked", "newest", "policy", "verified",
	    "unverified", "unknown", "removed"};

	return words[w];
}

static void
stays(struct wish *w, struct vault_kept *v, const struct keep_gen *g, enum keep_why why,
    struct outcome *o)
{
	char id[2 * FMT_ID_LEN + 1], name[256];

	hex_put(id, g->id, FMT_ID_LEN);
	vault_name_of(v, g->id, name);
	if (why != KEEP_COUNTED && why != KEEP_NEWEST)
		cli_say(w->c, "%.8s %s: %s", id, name, why_stays(w->c, why));
	(void)json_array_append_new(o->refused, json_pack("{s:s,s:s,s:s,s:o}", "id", id, "name",
	    name, "why", why_word(why), "locked_until", vault_time(keep_wall(v->k, g->until))));
}

/* along(w, v, o): What goes along with generations: pieces of backups that were never finished. */
static void
along(struct wish *w, const struct vault_kept *v, struct outcome *o)
{
	uint64_t n;
	char size[24];

	if (keep_loose(v->k, v->r, v->clock.c, &n, &o->loose, NULL) == 0 && n > 0)
		cli_say(w->c,
		    L(w->c, "途中で終わり、どの世代にも要らない保管の残り %s も一緒に消えます。",
			"%s go along: left over from backups that were never finished, and "
			"needed by no generation."), cli_bytes(size, o->loose));
}

/* ask(w, v, p, o, e): Note a request for all that may go. 1: nothing may. */
static int
ask(struct wish *w, struct vault_kept *v, const struct keep_policy *p, struct outcome *o,
    struct err *e)
{
	size_t n, m = 0;
	const struct keep_gen *g = keep_gens(v->k, &n);
	uint8_t *plan = calloc(n ? n : 1, 1);
	uint8_t(*go)[FMT_ID_LEN] = calloc(n ? n : 1, FMT_ID_LEN);
	uint64_t seq;
	int r = plan && go ? keep_plan(g, n, p, v->clock.c, plan, e) :
	    err_set(e, E_NOMEM, "no memory");

	for (size_t i = 0; r == 0 && i < n; i++) {
		if (plan[i] == KEEP_GOES && m < KEEP_MAX_GENS)
			(void)memcpy(go[m++], g[i].id, FMT_ID_LEN);
		else if (plan[i] != KEEP_REMOVED && plan[i] != KEEP_GOES)
			stays(w, v, &g[i], (enum keep_why)plan[i], o);
	}
	for (size_t i = 0; r == 0 && i < m && w->dry; i++) {
		char id[2 * FMT_ID_LEN + 1];

		hex_put(id, go[i], FMT_ID_LEN);
		cli_say(w->c, "%.8s: %s", id, L(w->c, "消すことを申請できます", "its removal can be asked for"));
	}
	if (r == 0 && m > 0 && w->dry)
		along(w, v, o);
	if (r == 0 && m == 0)
		r = 1;
	else if (r == 0 && !w->dry)
		r = keep_ask(v->k, &v->now, p, (const uint8_t(*)[FMT_ID_LEN])go, m, &seq, e);
	free(plan);
	free(go);
	return r;
}

/* ---- the reaper ---- */

static int
read_all(int fd, char out[ANSWER_MAX])
{
	size_t at = 0;
	ssize_t n;

	while (at < ANSWER_MAX - 1 && (n = read(fd, out + at, ANSWER_MAX - 1 - at)) != 0) {
		if (n < 0 && errno != EINTR)
			return -1;
		at += n > 0 ? (size_t)n : 0;
	}
	out[at] = 0;
	return 0;
}

/* reap(w, v, o, e): Start mamori-reaper and take its answer. */
static int
reap(struct wish *w, struct vault_kept *v, struct outcome *o, struct err *e)
{
	char program[PATH_MAX], answer[ANSWER_MAX] = "";
	const char *const av[] = {program, "--repo", v->path, "--state", w->c->state, NULL};
	struct proc_spec s = {.path = program, .argv = av, .in = -1, .err = 2,
	    .env = (const char *const *)environ};
	int fds[2], status = -1, r;
	json_t *j;
	pid_t pid;

	r = proc_beside(w->c->self, "mamori-reaper", program, sizeof(program), e);
	if (r < 0)
		return r;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(e, "cannot make a pipe");
	s.out = fds[1];
	r = proc_spawn(&s, &pid, e);
	(void)close(fds[1]);
	if (r == 0 && read_all(fds[0], answer) < 0)
		r = err_sys(e, "mamori-reaper");
	(void)close(fds[0]);
	if (r < 0)
		return r;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	j = json_loads(answer, 0, NULL);
	if (!WIFEXITED(status) || WEXITSTATUS(status) > 1 || !j) {
		json_decref(j);
		return err_set(e, E_SYS, "mamori-reaper could not do it; it goes on next time");
	}
	o->removed = (uint64_t)json_integer_value(json_object_get(j, "removed"));
	o->freed = (uint64_t)json_integer_value(json_object_get(j, "freed_bytes"));
	o->loose = (uint64_t)json_integer_value(json_object_get(j, "leftover_bytes"));
	if (WEXITSTATUS(status) == 1)
		r = err_set(e, E_CORRUPT, "%.300s",
		    json_string_value(json_object_get(j, "why")) ?: "not allowed");
	json_decref(j);
	return r < 0 ? r : keep_refresh(v->k, e);
}

/* ---- the order of things ---- */

static int
approve(struct wish *w, struct vault_kept *v, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < w->npeople; i++) {
		struct signer *by = NULL;

		r = vault_signer(w->c, &w->people[i], &v->id, &by, e);
		if (r == 0)
			r = keep_approve(v->k, &v->now, by, e);
		signer_free(by);
		if (r == E_EXIST)
			r = 0; /* said so before: still said */
	}
	return r;
}

static void
tell_waiting(struct wish *w, struct vault_kept *v, const struct keep_request *q, struct outcome *o)
{
	struct cli *c = w->c;
	int64_t left = q->ripe - v->clock.c;
	int days = left > 0 ? (int)((left + TIME_DAY - 1) / TIME_DAY) : 0;
	unsigned more = q->signed_before || q->approvals >= 2 ? 0 : 2 - q->approvals;

	o->waits = true;
	cli_say(c, L(c, "世代 %u 個の消去が申請されています（決まり: %s）。",
	    "The removal of %u generations is asked for (policy: %s)."), q->ngens, q->policy.name);
	if (days > 0)
		cli_say(c, L(c, "あと %d 日待ちます。だれでも中止できます: mamori vault prune REPO --cancel",
		    "It waits %d more days. Anybody can stop it: mamori vault prune REPO --cancel"),
		    days);
	if (more)
		cli_say(c, L(c, "あと %u 人の承認が必要です（--approver-key）。",
		    "%u more people must approve it (--approver-key)."), more);
	along(w, v, o);
	o->pending = json_pack("{s:I,s:s,s:i,s:o,s:o,s:i,s:i,s:i}", "request", (json_int_t)q->seq,
	    "policy", q->policy.name, "generations", (int)q->ngens, "since", vault_time(q->wall),
	    "due", vault_time(keep_wall(v->k, q->ripe)), "days_left", days, "approvals",
	    (int)q->approvals, "approvals_needed", (int)more);
}

static int
forward(struct wish *w, struct vault_kept *v, struct outcome *o, struct err *e)
{
	const struct keep_policy *p = keep_policy_named(w->name);
	struct keep_request q;
	struct keep_state st;
	int r;

	if (!p)
		return err_set(e, E_INVAL,
		    "there is no policy \"%.40s\"; \"mamori vault policy REPO\" "
		    "lists them",
		    w->name);
	keep_state(v->k, &st);
	if (st.intent_open && !w->dry) {
		r = reap(w, v, o, e);
		if (r < 0)
			return r;
	}
	if (keep_pending(v->k, &q)) {
		if (w->only && w->only != q.seq)
			return err_set(e, E_NOENT, "request %llu does not wait any more",
			    (unsigned long long)w->only);
		if (!keep_policy_same(&q.policy, p))
			return err_set(e, E_EXIST,
			    "another request waits, under the policy \"%s\"; "
			    "stop it first with --cancel",
			    q.policy.name);
	} else if (w->only) {
		return err_set(e, E_NOENT, "no request waits any more");
	} else {
		r = ask(w, v, p, o, e);
		if (r != 0 || w->dry)
			return r < 0 ? r : 0;
		o->asked = true;
	}
	r = approve(w, v, e);
	if (r < 0 || !keep_pending(v->k, &q))
		return r;
	if ((q.approvals < 2 && !q.signed_before) || v->clock.c < q.ripe || w->dry) {
		tell_waiting(w, v, &q, o);
		return 0;
	}
	return reap(w, v, o, e);
}

static int
cancel(struct wish *w, struct vault_kept *v, struct err *e)
{
	struct keep_request q;
	char who[KEEP_TEXT];
	int r;

	if (w->only && (!keep_pending(v->k, &q) || q.seq != w->only))
		return err_set(e, E_NOENT, "that request does not wait any more");
	(void)snprintf(who, sizeof(who), "%s", w->by);
	r = keep_cancel(v->k, &v->now, who, e);
	if (r == 0)
		cli_say(w->c, "%s", L(w->c, "消去の申請を中止しました。何も消えていません。",
		    "The request is stopped. Nothing was removed."));
	return r;
}

static int
options(struct wish *w, int argc, char **argv)
{
	static const struct option longs[] = {
	    {"policy", required_argument, NULL, 'p'},
	    {"approver-key", required_argument, NULL, 'a'},
	    {"passphrase-file", required_argument, NULL, 'f'},
	    {"cancel", no_argument, NULL, 'c'},
	    {"dry-run", no_argument, NULL, 'd'},
	    {"request", required_argument, NULL, 'r'},
	    {"by", required_argument, NULL, 'b'},
	    {NULL, 0, NULL, 0},
	};
	int o;

	optind = 0;
	opterr = 0;
	while ((o = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (o == 'p')
			w->name = optarg;
		else if (o == 'a' && w->npeople < MAX_PEOPLE)
			w->people[w->npeople++].file = optarg;
		else if (o == 'f' && vault_person_pass(w->people, w->npeople, optarg))
			continue;
		else if (o == 'c')
			w->cancel = true;
		else if (o == 'd')
			w->dry = true;
		else if (o == 'b' && strlen(optarg) < KEEP_TEXT)
			w->by = optarg;
		else if (o == 'r' &&
		    num_parse_u64(optarg, UINT64_MAX, &w->only, NULL) == 0 && w->only)
			continue;
		else
			return cli_usage(w->c, VAULT_PRUNE_USAGE);
	}
	if (optind + 1 != argc || w->cancel == (w->name != NULL) ||
	    (w->cancel && (w->npeople || w->dry)))
		return cli_usage(w->c, VAULT_PRUNE_USAGE);
	w->repo = argv[optind];
	return CLI_OK;
}

static int
finish(struct wish *w, struct vault_kept *v, struct outcome *o)
{
	struct cli *c = w->c;
	json_t *cover = json_null();
	char size[24];

	vault_kept_facts(c, v);
	if (o->asked)
		vault_kept_asked(c, v, w->by);
	if (o->removed || o->freed)
		cli_say(c, L(c, "世代 %llu 個を消し、%s を空けました。",
		    "%llu generations are removed, %s freed."), (unsigned long long)o->removed,
		    cli_bytes(size, o->freed));
	if ((o->removed || o->freed) && o->loose)
		cli_say(c, L(c, "うち %s は、途中で終わった保管の残りでした。",
		    "%s of it were left over from backups that were never finished."),
		    cli_bytes(size, o->loose));
	if (!o->removed && !o->freed && !o->waits && !w->dry && !w->cancel)
		cli_say(c, "%s", L(c, "消せる世代はありません。", "There is nothing that may be removed."));
	if (o->removed || o->freed)
		cover = vault_parity_watch(c, v->path, &v->id);
	cli_json(c, json_pack("{s:I,s:I,s:I,s:O,s:O,s:b,s:o}", "removed", (json_int_t)o->removed,
	    "freed_bytes", (json_int_t)o->freed, "leftover_bytes", (json_int_t)o->loose, "pending",
	    o->pending ? o->pending : json_null(),
	    "refused", o->refused, "cancelled", w->cancel, "parity", cover));
	/* who names a request asks whether his word was noted, not whether it is done */
	return o->waits && !(w->only && w->npeople) ? CLI_NO : CLI_OK;
}

int
vault_prune_cmd(struct cli *c, int argc, char **argv)
{
	char who[32];
	struct wish w = {.c = c, .by = who};
	struct outcome o = {.refused = json_array()};
	struct vault_kept v;
	struct state st;
	struct err e = {0};
	int r = options(&w, argc, argv);

	(void)snprintf(who, sizeof(who), "uid %u", (unsigned)getuid());
	if (r == CLI_OK)
		r = cli_state(c, false, &st);
	if (r != CLI_OK) {
		json_decref(o.refused);
		return r;
	}
	r = vault_kept_open(c, st.dirfd, w.repo, &v, &e);
	if (r == 0) {
		r = keep_catch_up(v.k, &v.now, v.r, &e);
		if (r >= 0)
			r = w.cancel ? cancel(&w, &v, &e) : forward(&w, &v, &o, &e);
		if (r >= 0)
			r = finish(&w, &v, &o);
		vault_kept_close(&v);
	}
	state_close(&st);
	json_decref(o.refused);
	json_decref(o.pending);
	return r < 0 ? cli_fail(c, &e, L(c, "世代を消せません", "no generation can be removed")) : r;
}
