#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "cli/cli_state.h"
#include "cli/cli_vault.h"
#include "cli/vault_parity.h"
#include "ledger/seals.h"
#include "vault/verify.h"

#define USAGE                                                                                      \
	"mamori vault verify REPO [--data] [--repair [--parity DIR] [--from REPO2]] "              \
	"[--key FILE]... [--threads N]"

enum { SAY_ERRORS = 20, SAY_FILES = 5 };

struct job {
	struct cli *c;
	struct vault_verify_opts o;
	struct vault_keys keys;
	const char *repo;
	struct vault_ident id;
	uint8_t secret[PAPERKEY_LEN];
	struct ledger_head seen;
	bool has_seen;
	struct buf text;
	json_t *traces; /* of tampering, as texts */
	bool repair;
	const char *parity, *from;
	json_t *repaired; /* NULL: not asked for */
	json_t *cover; /* of parity */
};

static void
on_progress(void *cookie, uint64_t done, uint64_t all)
{
	struct job *j = cookie;
	char a[24], b[24];

	cli_progress(j->c, L(j->c, "%s / %s を確かめました", "%s of %s verified"), cli_bytes(a, done),
	    cli_bytes(b, all));
}

/* ---- what this machine saw last ---- */

static int
on_seal(const struct seal *s, void *cookie, struct err *e)
{
	struct job *j = cookie;

	(void)e;
	if (strcmp(s->kind, "vault") == 0 && memcmp(s->pin, j->id.pin, SIGN_PUB_LEN) == 0) {
		j->seen = s->seen;
		j->has_seen = true;
	}
	return 0;
}

static void
remembered(struct job *j)
{
	struct state st;

	if (state_open(fio_os(), j->c->state, false, &st, NULL) < 0)
		return;
	if (seals_each(&st, on_seal, j, NULL) == 0 && j->has_seen)
		j->o.at_least = &j->seen;
	state_close(&st);
}

/* ---- the answer ---- */

static json_t *
error_json(struct job *j, const struct verify_error *x)
{
	char seg[2 * FMT_ID_LEN + 1] = "", gen[2 * FMT_ID_LEN + 1];
	json_t *gens = json_array(), *systems = json_array(), *files = json_array();

	if (x->has_seg)
		hex_put(seg, x->seg, FMT_ID_LEN);
	for (size_t i = 0; i < x->ngens; i++) {
		hex_put(gen, x->gens[i], FMT_ID_LEN);
		(void)json_array_append_new(gens, json_string(gen));
	}
	for (size_t i = 0; i < x->nsystems; i++)
		(void)json_array_append_new(systems, json_string(x->systems[i]));
	for (size_t i = 0; i < x->nfiles; i++)
		(void)json_array_append_new(files,
		    json_string(vault_show(&j->text, x->files[i], strlen(x->files[i]))));
	return json_pack("{s:s,s:o,s:o,s:o,s:o,s:o,s:I}", "why",
	    vault_show(&j->text, x->why, strlen(x->why)), "segment",
	    x->has_seg ? json_string(seg) : json_null(), "page",
	    x->page < 0 ? json_null() : json_integer(x->page), "generations", gens, "systems",
	    systems, "files", files, "files_all", (json_int_t)x->files_all);
}

static void
error_text(struct job *j, const struct verify_error *x)
{
	struct cli *c = j->c;
	char seg[2 * FMT_ID_LEN + 1], at[64] = "";

	if (x->has_seg) {
		hex_put(seg, x->seg, FMT_ID_LEN);
		if (x->page >= 0)
			(void)snprintf(at, sizeof(at), L(c, " %lld ページ", " page %lld"),
			    (long long)x->page);
		cli_say(c, L(c, "✗ 区画 %.12s%s: %s", "✗ segment %.12s%s: %s"), seg, at, x->why);
	} else {
		cli_say(c, "✗ %s", vault_show(&j->text, x->why, strlen(x->why)));
	}
	if (x->ngens > 0)
		cli_say(c, L(c, "    関係する世代: %zu", "    generations touched: %zu"), x->ngens);
	for (size_t i = 0; i < x->nsystems; i++)
		cli_say(c, L(c, "    システム: %s", "    system: %s"), x->systems[i]);
	for (size_t i = 0; i < x->nfiles && i < SAY_FILES; i++)
		cli_say(c, L(c, "    ファイル: %s", "    file: %s"),
		    vault_show(&j->text, x->files[i], strlen(x->files[i])));
	if (x->files_all > SAY_FILES)
		cli_say(c, L(c, "    ほかに %llu ファイル", "    and %llu more files"),
		    (unsigned long long)(x->files_all - SAY_FILES));
}

static const char *
depth_name(enum verify_depth d)
{
	return d == VERIFY_STRUCTURE ? "structure" : d == VERIFY_DATA ? "data" : "deep";
}

static void
leave_fact(struct job *j, const struct vault_verify_report *rep, double seconds)
{
	char id[2 * FMT_ID_LEN + 1];
	struct fact f;
	struct err e;

	hex_put(id, j->id.repo, FMT_ID_LEN);
	if (fact_fill(&f, "vault", "vault.scrub", "vault", id, rep->ok ? FACT_PASS : FACT_FAIL,
	    time_now_us(), &e) < 0)
		return;
	f.observed = json_pack("{s:s,s:I,s:I,s:I,s:I,s:f}", "depth", depth_name(j->o.depth),
	    "segments", (json_int_t)rep->segments, "bytes", (json_int_t)rep->bytes, "errors",
	    (json_int_t)rep->nerrors, "log_records", (json_int_t)rep->log_records, "seconds",
	    seconds);
	vault_fact(j->c, &f, false);
}

/* ---- what somebody tried to do to it ---- */

enum { SAY_TRACES = 20 };

static int
on_trace(const char *ja, const char *en, void *cookie, struct err *e)
{
	struct job *j = cookie;

	(void)e;
	if (json_array_size(j->traces) < SAY_TRACES)
		cli_say(j->c, "⚠ %s", L(j->c, ja, en));
	(void)json_array_append_new(j->traces, json_string(L(j->c, ja, en)));
	return 0;
}

/* warn(j): What to do about them. */
static void
warn(const struct job *j)
{
	struct cli *c = j->c;

	if (vault_is_address(j->repo))
		cli_say(c, "%s",
		    L(c,
			"⚠ 保管先のログインを持つ誰かが書き重ねや削除を試みました。"
			"中身は守られています。ログインを変え、調べてください。",
			"⚠ Somebody who holds the login of this place tried to overwrite or "
			"delete. What is kept is safe. Change the login, and find out who it "
			"was."));
	else
		cli_say(c, "%s",
		    L(c,
			"⚠ 保管庫に書く機械か、この機械の時計を調べてください。前の世代は守られています。",
			"⚠ Look at the machine that writes into this vault, and at the clock of "
			"this one. The generations before are safe."));
}

/* traces(j): They are an alarm, not damage. */
static void
traces(struct job *j)
{
	char id[2 * FMT_ID_LEN + 1];
	struct fact f;
	struct err e = {0};
	size_t n;

	if (vault_audit(fio_os(), j->repo, j->o.place, on_trace, j, &e) < 0) {
		cli_say(j->c, L(j->c, "（改ざんの跡は調べられませんでした: %s）",
		    "(traces of tampering could not be looked for: %s)"), e.msg);
		return;
	}
	n = json_array_size(j->traces);
	if (n > 0)
		warn(j);
	hex_put(id, j->id.repo, FMT_ID_LEN);
	if (fact_fill(&f, "vault", "vault.tampering", "vault", id, n ? FACT_FAIL : FACT_PASS,
	    time_now_us(), &e) < 0)
		return;
	f.observed = json_pack("{s:I}", "traces", (json_int_t)n);
	vault_fact(j->c, &f, false);
}

static int
say(struct job *j, const struct vault_verify_report *rep, double seconds)
{
	struct cli *c = j->c;
	json_t *errors = json_array();
	char size[24], head[2 * LEDGER_HASH_LEN + 1];

	for (size_t i = 0; i < rep->nlisted; i++) {
		(void)json_array_append_new(errors, error_json(j, &rep->errors[i]));
		if (i < SAY_ERRORS)
			error_text(j, &rep->errors[i]);
	}
	if (rep->strays > 0)
		cli_say(c, L(c, "（途中で終わった書き込みの残り: %llu。害はありません）",
		    "(left over from unfinished writing: %llu; no harm)"),
		    (unsigned long long)rep->strays);
	if (rep->unchecked > 0)
		cli_say(c,
		    L(c, "（鍵がなく中身を見ていないもの: %llu。復旧鍵を使うと見られます）",
			"(content not looked at, for want of a key: %llu; the recovery key "
			"reaches it)"),
		    (unsigned long long)rep->unchecked);
	cli_say(c, rep->ok ?
	    L(c, "✓ 保管庫は正しい状態です: 区画 %llu、%s、%.1f 秒（%s）。",
		"✓ The vault holds: %llu segments, %s, %.1f s (%s).") :
	    L(c, "✗ 保管庫に壊れたところがあります: 区画 %llu、%s、%.1f 秒（%s）。この場所をそのまま残してください。",
		"✗ The vault is damaged: %llu segments, %s, %.1f s (%s). Keep it as it is."),
	    (unsigned long long)rep->segments, cli_bytes(size, rep->bytes), seconds,
	    depth_name(j->o.depth));
	hex_put(head, rep->head.hash, LEDGER_HASH_LEN);
	cli_json(c,
	    json_pack("{s:b,s:O,s:I,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:f,s:I,s:s,s:O,s:O,s:O}", "ok",
		rep->ok, "errors", errors, "error_count", (json_int_t)rep->nerrors, "depth",
		depth_name(j->o.depth), "log_records", (json_int_t)rep->log_records, "segments",
		(json_int_t)rep->segments, "bytes", (json_int_t)rep->bytes, "chunks",
		(json_int_t)rep->chunks, "files", (json_int_t)rep->files, "strays",
		(json_int_t)rep->strays, "unchecked", (json_int_t)rep->unchecked, "seconds",
		seconds, "head_seq", (json_int_t)rep->head.seq, "head", head, "traces", j->traces,
		"repaired", j->repaired ? j->repaired : json_null(), "parity", j->cover));
	json_decref(errors);
	return rep->ok ? CLI_OK : CLI_NO;
}

static int
options(struct job *j, int argc, char **argv, struct err *e)
{
	static const struct option longs[] = {
		{"data", no_argument, NULL, 'd'}, {"key", required_argument, NULL, 'k'},
		{"threads", required_argument, NULL, 't'}, {"repair", no_argument, NULL, 'r'},
		{"parity", required_argument, NULL, 'p'}, {"from", required_argument, NULL, 'f'},
		{NULL, 0, NULL, 0},
	};
	uint64_t v;
	int o, r = 0;

	optind = 0;
	opterr = 0;
	while (r == 0 && (o = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (o == 'd') {
			j->o.depth = VERIFY_DATA;
		} else if (o == 'k') {
			r = vault_keys_add(j->c, &j->keys, optarg) == CLI_OK ? 0 : 1;
		} else if (o == 'r') {
			j->repair = true;
		} else if (o == 'p') {
			j->parity = optarg;
		} else if (o == 'f') {
			j->from = optarg;
		} else if (o == 't') {
			r = num_parse_u64(optarg, 256, &v, e);
			j->o.threads = r == 0 ? (unsigned)v : 0;
		} else {
			return 1;
		}
	}
	if (r != 0 || optind + 1 != argc)
		return r < 0 ? r : 1;
	j->repo = argv[optind];
	if (j->repair ? j->o.depth != VERIFY_DATA : j->parity || j->from)
		return 1; /* a repair looks at every byte, and only a repair needs sources */
	if (j->o.depth == VERIFY_DATA && j->keys.n > 0)
		j->o.depth = VERIFY_DEEP;
	return 0;
}

/* note_damage(j, rep): The next generation made here must not build on what was found damaged. */
static void
note_damage(const struct job *j, const struct vault_verify_report *rep)
{
	uint8_t(*ids)[FMT_ID_LEN] = calloc(rep->nlisted ? rep->nlisted : 1, FMT_ID_LEN);
	size_t n = 0;
	struct err e;

	for (size_t i = 0; ids && i < rep->nlisted; i++) {
		if (rep->errors[i].has_seg)
			(void)memcpy(ids[n++], rep->errors[i].seg, FMT_ID_LEN);
	}
	if (n && j->o.place && j->o.place->statefd >= 0 &&
	    vault_distrust(fio_os(), j->o.place, j->id.repo, ids, n, &e) < 0 && e.code != E_NOENT)
		fprintf(stderr, "mamori: %s: %s\n", L(j->c, "（壊れた区画を控えておけませんでした）",
		    "(the damaged segments could not be noted)"), e.msg);
	free(ids);
}

static int
run(struct job *j)
{
	struct vault_verify_report rep = {0};
	struct vault_place place = vault_place_of(-1);
	struct cli *c = j->c;
	struct err e = {0};
	int64_t start = time_mono_us();
	int r;

	place.statefd = open(c->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = vault_identify_at(fio_os(), j->repo, &place, &j->id, &e);
	if (r == 0 && j->keys.n > 0) {
		r = vault_keys_read(c, &j->keys, &j->id, j->secret, &e);
		j->o.secret = j->secret;
	}
	if (r == 0) {
		remembered(j);
		if (place.statefd >= 0 || vault_is_address(j->repo))
			j->o.place = &place;
		j->o.progress = on_progress;
		j->o.cookie = j;
		j->o.cancel = vault_cancel();
		start = time_mono_us();
		if (j->repair)
			r = vault_repair(c, j->repo, j->parity, j->from, &place, &j->repaired, &e);
	}
	if (r == 0) {
		r = vault_verify(fio_os(), j->repo, &j->o, &rep, &e);
		if (r == 0)
			note_damage(j, &rep);
	}
	cli_progress_end(c);
	if (r < 0) {
		r = cli_fail(c, &e, L(c, "確かめられませんでした", "could not verify"));
	} else {
		double seconds = (double)(time_mono_us() - start) / 1e6;

		leave_fact(j, &rep, seconds);
		traces(j);
		j->cover = vault_parity_watch(c, j->repo, &j->id);
		if (rep.ok)
			vault_seal(c, j->repo, &j->id);
		r = say(j, &rep, seconds);
	}
	if (place.statefd >= 0)
		(void)close(place.statefd);
	vault_verify_report_free(&rep);
	return r;
}

int
vault_verify_cmd(struct cli *c, int argc, char **argv)
{
	struct job j = {.c = c};
	struct err e;
	int r;

	buf_init(&j.text, 1 << 20);
	j.traces = json_array();
	r = options(&j, argc, argv, &e);
	if (r == 0)
		r = run(&j);
	else
		r = r > 0 ? cli_usage(c, USAGE) : cli_fail(c, &e, NULL);
	explicit_bzero(j.secret, sizeof(j.secret));
	buf_free(&j.text);
	json_decref(j.traces);
	json_decref(j.repaired);
	json_decref(j.cover);
	return r;
}
