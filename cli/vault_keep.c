/* The keep ledger from the command line: opening it, and what happens around a backup. */
#include "cli/vault_keep.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "cli/cli_state.h"
#include "crypt/digest.h"
#include "ledger/seals.h"

/* ---- opening ---- */

static int
open_parts(struct vault_kept *v, struct err *e)
{
	struct vault_place place = {.statefd = v->statefd};
	struct vault_open with = {.place = &place};
	struct vault_writer_key w;
	struct keep_key key;
	bool there;
	int r = vault_identify(fio_os(), v->path, &v->id, e);

	if (r == 0)
		r = v->fd = fio_open(fio_os(), AT_FDCWD, v->path, O_RDONLY | O_DIRECTORY, 0, e);
	if (r < 0)
		return r;
	there = faccessat(v->fd, KEEP_DIR, F_OK, 0) == 0;
	r = keep_key_load(fio_os(), &place, v->id.repo, !there, &key, e);
	if (r == E_NOENT) {
		v->keeper = KEEPER_OTHER;
		return err_set(e, E_AUTH,
		    "another machine looks after this vault (no keep.key here). If it is gone, or "
		    "lost its key: mamori vault adopt REPO --key FILE");
	}
	if (r == 0)
		r = keep_open(fio_os(), v->fd, &v->id, &key, &v->now, &v->k, e);
	if (r == E_AUTH) {
		v->keeper = KEEPER_MOVED;
		r = err_set(e, E_AUTH,
		    "the key with which this machine looked after the vault (keep.key) is not the "
		    "vault's any more: another machine does so, or somebody put an older state "
		    "of the vault back. If it is to be this one: mamori vault adopt REPO --key "
		    "FILE");
	}
	explicit_bzero(&key, sizeof(key));
	if (r == 0)
		r = vault_r_open(fio_os(), v->path, &with, &v->r, e);
	if (r == 0 && vault_key_load(fio_os(), &place, v->id.repo, &w, NULL) == 0) {
		(void)memcpy(v->index_key, w.index, 32);
		v->index = true;
		explicit_bzero(&w, sizeof(w));
	}
	return r;
}

int
vault_kept_open(struct cli *c, int statefd, const char *repo, struct vault_kept *ret,
    struct err *e)
{
	int r;

	(void)c;
	*ret = (struct vault_kept){.fd = -1, .statefd = statefd};
	keep_time_now(&ret->now);
	if (vault_is_address(repo))
		return err_set(e, E_INVAL,
		    "this vault is elsewhere; the machine that holds it looks after it");
	if (!realpath(repo, ret->path))
		return err_sys(e, "%s", repo);
	r = open_parts(ret, e);
	if (r == 0) {
		struct keep_state st;

		keep_state(ret->k, &st);
		ret->before = st.last;
		r = keep_clock(ret->k, &ret->now, &ret->clock, e);
	}
	if (r < 0) {
		enum vault_keeper keeper = ret->keeper;

		vault_kept_close(ret);
		ret->keeper = keeper;
		return r;
	}
	ret->jumped = r == 1;
	return 0;
}

void
vault_kept_close(struct vault_kept *v)
{
	keep_close(v->k);
	vault_r_close(v->r);
	fio_close(fio_os(), v->fd);
	explicit_bzero(v->index_key, sizeof(v->index_key));
	*v = (struct vault_kept){.fd = -1, .statefd = -1};
}

int
vault_kept_seen(const char *repo, int64_t *ret, struct err *e)
{
	struct vault_ident id;
	struct keep_state st;
	struct keep *k = NULL;
	int fd = -1, r = vault_identify(fio_os(), repo, &id, e);

	if (r == 0)
		fd = open(repo, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r == 0 && fd < 0)
		r = err_sys(e, "%s", repo);
	if (r == 0)
		r = keep_open(fio_os(), fd, &id, NULL, NULL, &k, e);
	if (r == 0) {
		keep_state(k, &st);
		*ret = st.last.wall;
	}
	keep_close(k);
	fio_close(fio_os(), fd);
	return r < 0 ? r : 0;
}

void
vault_name_of(const struct vault_kept *v, const uint8_t id[FMT_ID_LEN], char out[256])
{
	size_t n;
	const struct vault_generation *g = vault_r_list(v->r, &n);

	*out = 0;
	for (size_t i = 0; i < n; i++) {
		if (g[i].info_ok && memcmp(g[i].id, id, FMT_ID_LEN) == 0)
			(void)memcpy(out, g[i].info.name, 256);
	}
}

/* ---- words ---- */

const char *
vault_doubt_text(struct cli *c, const struct keep_verdict *v, char out[300])
{
	unsigned long long a = v->a, b = v->b;
	char x[24], y[24];

	switch (v->reason) {
	case KEEP_SHRANK:
		(void)snprintf(out, 300, L(c, "ファイル %llu 個のうち %llu 個がなくなっています",
		    "of %llu files %llu are gone"), b, a);
		break;
	case KEEP_LIGHTER:
		(void)snprintf(out, 300, L(c, "%s のうち %s がなくなっています", "of %s, %s are gone"),
		    cli_bytes(y, b), cli_bytes(x, a));
		break;
	case KEEP_CHANGED:
		(void)snprintf(out, 300,
		    L(c, "ファイル %llu 個のうち %llu 個が一度に変わるか、なくなりました",
			"of %llu files %llu changed or went missing at once"), b, a);
		break;
	case KEEP_NOISE:
		(void)snprintf(out, 300,
		    L(c, "新しく保管した %s のうち %s が、暗号化されたデータのように見えます",
			"of %s newly kept, %s look like encrypted data"),
		    cli_bytes(y, b), cli_bytes(x, a));
		break;
	case KEEP_RENAMED:
		(void)snprintf(out, 300,
		    L(c, "ファイル %llu 個のうち %llu 個の名前に、見慣れない末尾が付きました",
			"of %llu files %llu had an ending added to their names"), b, a);
		break;
	case KEEP_REWROTE:
		(void)snprintf(out, 300, L(c, "%s のうち %s が一度に入れ替わりました",
		    "of %s, %s were replaced at once"), cli_bytes(y, b), cli_bytes(x, a));
		break;
	case KEEP_AFTER:
		(void)snprintf(out, 300, "%s", L(c, "疑わしい世代のあとの世代で、まだ元に戻っていません",
		    "it follows a generation in doubt, and things are not back as they were"));
		break;
	default:
		(void)snprintf(out, 300, "%s", L(c, "理由は記録されていません", "no reason is noted"));
		break;
	}
	return out;
}

/* ---- facts ---- */

static void
leave(struct cli *c, const char *check, const char *kind, const char *id, enum fact_outcome out,
    json_t *observed, json_t *expected)
{
	struct fact f;
	struct err e;

	if (fact_fill(&f, "vault", check, kind, id, out, time_now_us(), &e) < 0) {
		json_decref(observed);
		json_decref(expected);
		fprintf(stderr, "mamori: %s\n", e.msg);
		return;
	}
	f.observed = observed;
	f.expected = expected;
	vault_fact(c, &f, true);
}

/* locked(c, v, name): How many generations of a system nobody can remove, and until when. Of three
 * and more, the third and older must be among them (the ministry's rule). */
static void
locked(struct cli *c, struct vault_kept *v, const char *name)
{
	size_t n;
	const struct vault_generation *g = vault_r_list(v->r, &n);
	int64_t first = 0, last = 0;
	int all = 0, held = 0;

	for (size_t i = 0; i < n; i++) {
		const struct keep_gen *k = keep_find(v->k, g[i].id);

		if (!g[i].info_ok || !k || k->removed || strcmp(g[i].info.name, name) != 0)
			continue;
		all++;
		if (k->until <= v->clock.c)
			continue;
		held++;
		if (!first || k->until < first)
			first = k->until;
		last = k->until > last ? k->until : last;
	}
	leave(c, "vault.locked.generations", "system", name,
	    held >= 3 ? FACT_PASS : all >= 3 ? FACT_FAIL : FACT_UNKNOWN,
	    json_pack("{s:i,s:i,s:o,s:o}", "generations", all, "locked", held, "first_end",
		vault_time(first ? keep_wall(v->k, first) : 0), "last_end",
		vault_time(last ? keep_wall(v->k, last) : 0)), json_pack("{s:i}", "locked", 3));
}

void
vault_kept_asked(struct cli *c, struct vault_kept *v, const char *who)
{
	struct keep_request q;
	char id[2 * FMT_ID_LEN + 1];
	json_t *o;

	hex_put(id, v->id.repo, FMT_ID_LEN);
	if (!keep_pending(v->k, &q)) {
		leave(c, "vault.prune.pending", "vault", id, FACT_PASS, NULL, NULL);
		return;
	}
	o = json_pack("{s:I,s:i,s:o,s:o,s:i,s:s,s:s,s:b}", "request", (json_int_t)q.seq,
	    "generations", (int)q.ngens, "since", vault_time(q.wall), "due",
	    vault_time(keep_wall(v->k, q.ripe)), "approvals", (int)q.approvals, "policy",
	    q.policy.name, "repo", v->path, "signed", q.signed_before);
	if (o && who)
		(void)json_object_set_new(o, "asked_by", json_string(who));
	leave(c, "vault.prune.pending", "vault", id, FACT_FAIL, o, NULL);
}

/* asked_before(v): Whether there was ever anything to tell about removals. */
static bool
asked_before(struct vault_kept *v)
{
	struct keep_request q;
	struct keep_state st;

	keep_state(v->k, &st);
	return keep_pending(v->k, &q) || st.removed || keep_last_request(v->k, &q);
}

void
vault_kept_facts(struct cli *c, struct vault_kept *v)
{
	size_t n;
	const struct vault_generation *g = vault_r_list(v->r, &n);
	struct state st;
	struct err e;

	for (size_t i = 0; i < n; i++) {
		bool newer = !g[i].info_ok || g[i].removed;

		for (size_t k = i + 1; k < n && !newer; k++)
			newer = g[k].info_ok && !g[k].removed &&
			    strcmp(g[k].info.name, g[i].info.name) == 0;
		if (!newer)
			locked(c, v, g[i].info.name);
	}
	if (asked_before(v))
		vault_kept_asked(c, v, NULL);
	if (state_open(fio_os(), c->state, false, &st, &e) < 0)
		return;
	if (seals_remember(&st, "keep", v->path, KEEP_DIR, keep_ledger(v->k), &e) < 0)
		fprintf(stderr, "mamori: %s\n", e.msg);
	state_close(&st);
}

/* ---- around a backup ---- */

static int
note(struct vault_kept *v, const struct vault_generation *g, const struct vault_figures *f,
    struct keep_arrival *a, char why[KEEP_TEXT], struct err *e)
{
	uint8_t sealed[KEEP_MAX_SEALED];
	int r = keep_weigh(v->r, g->id, &a->new_bytes, &a->all_bytes, e);

	a->gen = g;
	a->lock_days = vault_r_lock_days(v->r);
	if (r == 0)
		r = vault_system_tag(v->index_key, g->info.name, a->tag, e);
	if (r == 0)
		r = keep_judge_run(v->k, v->index_key, f, a, why, e);
	if (r == 0)
		r = keep_figures_seal(v->index_key, g->id, f, sealed, &a->sealed_len, e);
	a->sealed = sealed;
	if (r == 0)
		r = keep_received(v->k, &v->now, a, e);
	a->sealed = NULL;
	if (r >= 0)
		r = keep_catch_up(v->k, &v->now, v->r, e);
	return r;
}

static json_t *
judged(struct cli *c, struct vault_kept *v, const struct vault_generation *g,
    const struct vault_figures *f)
{
	const struct keep_gen *k = keep_find(v->k, g->id);
	struct keep_verdict why = keep_verdict_get(k ? k->why : "");
	bool bad = k && k->doubt != KEEP_SOUND;
	char id[2 * FMT_ID_LEN + 1], text[300];
	json_t *o;

	hex_put(id, g->id, FMT_ID_LEN);
	o = json_pack("{s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "generation", id, "files",
	    (json_int_t)f->files, "before", (json_int_t)f->before, "added", (json_int_t)f->added,
	    "changed", (json_int_t)f->changed, "removed", (json_int_t)f->removed, "renamed",
	    (json_int_t)f->renamed, "stored", (json_int_t)f->packed, "noise",
	    (json_int_t)f->noise);
	if (bad)
		(void)json_object_set_new(o, "reason", json_string(k->why));
	leave(c, "vault.generation.poison", "system", g->info.name, bad ? FACT_FAIL : FACT_PASS, o,
	    NULL);
	if (!bad)
		return json_null();
	fprintf(stderr, L(c, "⚠ 疑わしい世代です: %s。\n  世代は残しますが、良い世代としては数えません。\n"
	    "  心当たりがなければ、すぐに担当者へ知らせ、このシステムの様子を確かめてください。\n",
	    "! This generation is in doubt: %s.\n  It is kept, and not counted as a good one.\n"
	    "  Unless you know why, tell the person in charge at once and look at the system.\n"),
	    vault_doubt_text(c, &why, text));
	return json_pack("{s:s,s:s}", "reason", k->why, "text", text);
}

void
vault_kept_judged(struct cli *c, struct vault_kept *v, const char *name, const char *who)
{
	const struct vault_generation *newest = NULL;
	const struct keep_gen *k;
	char id[2 * FMT_ID_LEN + 1];
	size_t n;
	const struct vault_generation *g = vault_r_list(v->r, &n);
	json_t *o;

	for (size_t i = 0; i < n; i++)
		if (g[i].info_ok && !g[i].removed && strcmp(g[i].info.name, name) == 0)
			newest = &g[i];
	k = newest ? keep_find(v->k, newest->id) : NULL;
	if (!k)
		return;
	hex_put(id, newest->id, FMT_ID_LEN);
	o = json_pack("{s:s,s:s}", "generation", id, "judged_by", who);
	if (o && k->doubt != KEEP_SOUND)
		(void)json_object_set_new(o, "reason", json_string(k->why));
	leave(c, "vault.generation.poison", "system", name,
	    k->doubt == KEEP_SOUND ? FACT_PASS : FACT_FAIL, o, NULL);
}

/* not_ours(c, repo, who): The generation is kept; how long is another machine's to note. Whoever
 * lost that machine, or its key, must learn of it now and not when space runs out. */
static void
not_ours(struct cli *c, const char *repo, enum vault_keeper who)
{
	int64_t seen = 0;
	char at[TIME_TEXT] = "?";
	struct err e;

	if (vault_kept_seen(repo, &seen, &e) == 0)
		time_put(at, seen);
	if (who == KEEPER_MOVED)
		fprintf(stderr, "%s",
		    L(c,
			"⚠ この機械の鍵 keep.key は、もうこの保管庫の番をする鍵ではありません。\n"
			"  心当たりがなければ、だれかが保管庫を古い状態に戻したおそれがあります。mamori verify で確かめてください。\n",
			"! The keep.key of this machine is not the one that looks after the "
			"vault any more.\n"
			"  Unless you know why, somebody may have put an older state back: run "
			"mamori verify.\n"));
	fprintf(stderr,
	    L(c,
		"（世代は保管しました。いつまで消せないかは、この保管庫を見ている機械が記録します。最後の記録は %s です。\n"
		"  その機械がもうない、または鍵 keep.key をなくしたときは、金庫の復旧鍵で:\n"
		"    mamori vault adopt %s --key 復旧鍵のファイル）\n",
		"(The generation is kept. How long it stays is noted by the machine that looks "
		"after the "
		"vault; it last did so at %s.\n"
		"  If that machine is gone, or lost its keep.key, take the recovery key from the "
		"safe:\n"
		"    mamori vault adopt %s --key FILE)\n"),
	    at, repo);
}

json_t *
vault_kept_backup(struct cli *c, int statefd, const char *repo, struct vault_generation *g,
    const struct vault_figures *f)
{
	struct keep_arrival a = {0};
	struct vault_kept v;
	char why[KEEP_TEXT];
	const struct keep_gen *k;
	json_t *doubt;
	struct err e;
	int r;

	if (vault_is_address(repo))
		return json_null();
	r = vault_kept_open(c, statefd, repo, &v, &e);
	if (r == E_AUTH) { /* its box notes it when it looks next */
		not_ours(c, repo, v.keeper);
		return json_null();
	}
	if (r == 0) {
		r = note(&v, g, f, &a, why, &e);
		if (r < 0)
			vault_kept_close(&v);
	}
	if (r < 0) {
		fprintf(stderr, "mamori: %s: %s\n",
		    L(c,
			"（世代は保管しましたが、いつまで消せないかを記録できませんでした。次の保管のときに記録します）",
			"(the generation is kept; how long it stays could not be noted and "
			"will be with the next one)"),
		    e.msg);
		return json_null();
	}
	k = keep_find(v.k, g->id);
	if (k)
		g->locked_until = keep_wall(v.k, k->until);
	if (v.jumped)
		fprintf(stderr, "%s\n", L(c, "⚠ この機械の時計が大きく変わりました。その間の時間は数えません。",
		    "! The clock of this machine was changed by a lot; that time does not count."));
	doubt = judged(c, &v, g, f);
	vault_kept_facts(c, &v);
	vault_kept_close(&v);
	return doubt;
}

void
vault_kept_drill(struct cli *c, int statefd, const char *repo, const uint8_t gen[FMT_ID_LEN],
    bool passed, const json_t *what)
{
	struct vault_kept v;
	uint8_t hash[DIGEST_LEN];
	char *text = json_dumps(what, JSON_COMPACT | JSON_SORT_KEYS);
	struct err e;
	int r;

	if (!text || vault_is_address(repo)) {
		free(text);
		return;
	}
	digest_sha256(text, strlen(text), hash);
	free(text);
	r = vault_kept_open(c, statefd, repo, &v, &e);
	if (r == 0) {
		r = keep_catch_up(v.k, &v.now, v.r, &e);
		if (r >= 0)
			r = keep_drilled(v.k, &v.now, gen, passed, hash, &e);
		vault_kept_close(&v);
	}
	if (r < 0 && r != E_AUTH)
		fprintf(stderr, "mamori: %s: %s\n", L(c, "（訓練の結果を保管庫に記録できませんでした）",
		    "(the drill could not be noted in the vault)"), e.msg);
}
