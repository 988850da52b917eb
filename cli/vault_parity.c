/* mamori vault parity, and the repair of mamori vault verify --repair. */
#include "cli/vault_parity.h"

#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "cli/cli_state.h"
#include "ledger/state.h"
#include "vault/parity.h"

static void
on_progress(void *cookie, uint64_t done, uint64_t all)
{
	cli_progress(cookie, "%llu / %llu", (unsigned long long)done, (unsigned long long)all);
}

/* ---- where the files are: STATE/vault/<id>/parity ---- */

static void
place_name(const struct vault_ident *id, char out[96])
{
	char hex[2 * FMT_ID_LEN + 1];

	hex_put(hex, id->repo, FMT_ID_LEN);
	(void)snprintf(out, 96, "vault/%s/parity", hex);
}

/* remember(c, id, to): So that others need not ask. A machine that keeps nothing about the vault
 * does without. */
static void
remember(struct cli *c, const struct vault_ident *id, const char *to)
{
	struct state st;
	char real[PATH_MAX], name[96], line[PATH_MAX + 1];
	int n;

	place_name(id, name);
	if (!realpath(to, real) || state_open(fio_os(), c->state, false, &st, NULL) < 0)
		return;
	n = snprintf(line, sizeof(line), "%s\n", real);
	if (n > 0 && (size_t)n < sizeof(line) &&
	    fio_replace(fio_os(), st.dirfd, name, line, (size_t)n, 0600, NULL) < 0)
		cli_say(c, "%s", L(c, "（パリティの場所を控えておけませんでした）",
		    "(the place of the parity files could not be noted)"));
	cli_give(st.dirfd, name);
	state_close(&st);
}

/* find(c, repo, id, out): The folder of the parity files, as far as one is there. */
static bool
find(struct cli *c, const char *repo, const struct vault_ident *id, char out[PATH_MAX])
{
	struct state st;
	struct buf AUTO(buf_free) b = {0};
	char name[96];
	int r = state_open(fio_os(), c->state, false, &st, NULL);

	if (r == 0) {
		buf_init(&b, PATH_MAX);
		place_name(id, name);
		r = fio_slurp(fio_os(), st.dirfd, name, &b, NULL);
		state_close(&st);
	}
	if (r == 0 && b.len > 1 && b.len < PATH_MAX) {
		(void)memcpy(out, b.p, b.len - 1);
		out[b.len - 1] = 0;
		if (out[0] == '/' && access(out, F_OK) == 0)
			return true;
	}
	r = snprintf(out, PATH_MAX, "%s/parity", repo);
	return r > 0 && r < PATH_MAX && access(out, F_OK) == 0;
}

/* ---- facts and words ---- */

static void
leave_fact(struct cli *c, const struct vault_ident *ident, bool good, json_t *observed)
{
	char id[2 * FMT_ID_LEN + 1];
	struct fact f;
	struct err e;

	hex_put(id, ident->repo, FMT_ID_LEN);
	if (fact_fill(&f, "vault", "vault.parity", "vault", id, good ? FACT_PASS : FACT_FAIL,
	    time_now_us(), &e) < 0) {
		json_decref(observed);
		return;
	}
	f.observed = observed;
	vault_fact(c, &f, false);
}

json_t *
vault_parity_watch(struct cli *c, const char *repo, const struct vault_ident *id)
{
	struct parity_cover cover;
	char dir[PATH_MAX];
	json_t *o;

	if (vault_is_address(repo) || !find(c, repo, id, dir) ||
	    parity_look(fio_os(), repo, dir, &cover, NULL) < 0)
		return json_null();
	o = json_pack("{s:I,s:I,s:I,s:I}", "segments", (json_int_t)cover.segments, "full",
	    (json_int_t)cover.full, "weak", (json_int_t)cover.weak, "uncovered",
	    (json_int_t)cover.none);
	if (cover.weak == 0)
		return o;
	cli_say(c,
	    L(c,
		"▲ パリティの守りが弱くなっている区画が %llu あります（消去のあと、またはパリティのファイルの欠け）。"
		"次を実行してください: mamori vault parity %s --to %s",
		"▲ Parity protects %llu segments less than it should (after a removal, or because "
		"parity files are missing). Run: mamori vault parity %s --to %s"),
	    (unsigned long long)cover.weak, repo, dir);
	leave_fact(c, id, false, json_incref(o));
	return o;
}

static int
say(struct cli *c, const struct parity_report *rep, double seconds)
{
	char a[24], b[24];

	cli_say(c,
	    L(c,
		"パリティ: 区画 %llu（%s）に対して %s、%llu 組のうち %llu 組を作りました。%.1f 秒。",
		"Parity: %llu segments (%s) are covered by %s; %llu groups, %llu of them made "
		"now, %.1f s."),
	    (unsigned long long)rep->segments, cli_bytes(a, rep->bytes),
	    cli_bytes(b, rep->parity_bytes),
	    (unsigned long long)rep->groups, (unsigned long long)rep->made,
	    seconds);
	if (rep->same_device)
		cli_say(c, "%s", L(c, "▲ 保管庫と同じディスクです。ディスクごと壊れると役に立ちません。別のディスクをおすすめします。",
		    "▲ It lies on the same disk as the vault and is no help when that disk dies. "
		    "Better use another one."));
	if (rep->damaged)
		cli_say(c,
		    L(c,
			"✗ 壊れた区画を含む組が %llu あり、作れませんでした。先に mamori vault verify --data "
			"--repair を実行してください。",
			"✗ %llu groups hold damaged segments and were left as they are. First run "
			"mamori vault verify --data --repair."),
		    (unsigned long long)rep->damaged);
	cli_json(c, json_pack("{s:b,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:b,s:f}", "ok", rep->damaged == 0,
	    "groups", (json_int_t)rep->groups, "made", (json_int_t)rep->made, "segments",
	    (json_int_t)rep->segments, "bytes", (json_int_t)rep->bytes, "parity_bytes",
	    (json_int_t)rep->parity_bytes, "damaged", (json_int_t)rep->damaged, "removed",
	    (json_int_t)rep->removed, "same_device", rep->same_device, "seconds", seconds));
	return rep->damaged ? CLI_NO : CLI_OK;
}

int
vault_parity_cmd(struct cli *c, int argc, char **argv)
{
	static const struct option longs[] = {{"to", required_argument, NULL, 't'}, {0}};
	struct parity_how how = {.progress = on_progress, .cookie = c};
	struct parity_report rep;
	struct vault_ident id;
	const char *to = NULL;
	int64_t start = time_mono_us();
	struct err e = {0};
	int o;

	optind = 0;
	opterr = 0;
	while ((o = getopt_long(argc, argv, "", longs, NULL)) == 't')
		to = optarg;
	if (o != -1 || optind + 1 != argc || !to)
		return cli_usage(c, VAULT_PARITY_USAGE);
	how.cancel = vault_cancel();
	if (vault_is_address(argv[optind]))
		o = err_set(&e, E_INVAL, "parity is made for a vault in a folder of this machine");
	else
		o = parity_make(fio_os(), argv[optind], to, &how, &rep, &e);
	cli_progress_end(c);
	if (o < 0)
		return cli_fail(c, &e, L(c, "パリティを作れませんでした", "no parity was made"));
	if (vault_identify(fio_os(), argv[optind], &id, NULL) == 0) {
		leave_fact(c, &id, !rep.damaged && !rep.same_device,
		    json_pack("{s:I,s:I,s:I,s:I,s:b}", "groups", (json_int_t)rep.groups,
			"segments", (json_int_t)rep.segments, "parity_bytes",
			(json_int_t)rep.parity_bytes, "damaged", (json_int_t)rep.damaged,
			"same_device", rep.same_device));
		remember(c, &id, to);
	}
	return say(c, &rep, (double)(time_mono_us() - start) / 1e6);
}

int
vault_repair(struct cli *c, const char *repo, const char *parity, const char *from,
    const struct vault_place *pl, json_t **ret, struct err *e)
{
	struct repair_how how = {.parity = parity, .copy = from, .place = pl,
	    .progress = on_progress, .cookie = c, .cancel = vault_cancel()};
	struct repair_report rep;
	struct vault_ident id;
	char own[PATH_MAX];
	int r;

	if (vault_is_address(repo))
		return err_set(e, E_INVAL, "only a vault in a folder of this machine is repaired");
	r = vault_identify(fio_os(), repo, &id, e);
	if (r < 0)
		return r;
	if (!parity && find(c, repo, &id, own))
		how.parity = own;
	if (!how.parity && !from)
		return err_set(e, E_INVAL,
		    "to repair there must be parity files (--parity DIR) or a "
		    "second copy (--from REPO)");
	r = parity_repair(fio_os(), repo, &how, &rep, e);
	cli_progress_end(c);
	if (r < 0)
		return r;
	cli_say(c, L(c, "直しました: 区画 %llu（%llu ページを写しから、%llu ページを計算で）。直せない区画: %llu。",
	    "Repaired: %llu segments (%llu pages from the copy, %llu computed). Not repairable: "
	    "%llu."), (unsigned long long)rep.repaired, (unsigned long long)rep.from_copy,
	    (unsigned long long)rep.from_parity, (unsigned long long)rep.lost);
	if (rep.repaired)
		cli_say(c, "%s", L(c, "（壊れていたファイルは damaged フォルダに残してあります）",
		    "(the damaged files are kept in the folder damaged)"));
	*ret = json_pack("{s:I,s:I,s:I,s:I,s:I}", "looked", (json_int_t)rep.looked, "repaired",
	    (json_int_t)rep.repaired, "from_copy", (json_int_t)rep.from_copy, "from_parity",
	    (json_int_t)rep.from_parity, "lost", (json_int_t)rep.lost);
	return 0;
}
