/* mamori vault parity, and the repair of mamori vault verify --repair. */
#include "cli/vault_parity.h"

#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "vault/parity.h"

static void
on_progress(void *cookie, uint64_t done, uint64_t all)
{
	cli_progress(cookie, "%llu / %llu", (unsigned long long)done, (unsigned long long)all);
}

static void
leave_fact(struct cli *c, const char *repo, const struct parity_report *rep)
{
	struct vault_ident ident;
	char id[2 * FMT_ID_LEN + 1];
	struct fact f;
	struct err e;

	if (vault_identify(fio_os(), repo, &ident, &e) < 0)
		return;
	hex_put(id, ident.repo, FMT_ID_LEN);
	if (fact_fill(&f, "vault", "vault.parity", "vault", id,
	    rep->damaged || rep->same_device ? FACT_FAIL : FACT_PASS, time_now_us(), &e) < 0)
		return;
	f.observed = json_pack("{s:I,s:I,s:I,s:I,s:b}", "groups", (json_int_t)rep->groups,
	    "segments", (json_int_t)rep->segments, "parity_bytes", (json_int_t)rep->parity_bytes,
	    "damaged", (json_int_t)rep->damaged, "same_device", rep->same_device);
	vault_fact(c, &f, false);
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
	cli_json(c, json_pack("{s:b,s:I,s:I,s:I,s:I,s:I,s:I,s:b,s:f}", "ok", rep->damaged == 0,
	    "groups", (json_int_t)rep->groups, "made", (json_int_t)rep->made, "segments",
	    (json_int_t)rep->segments, "bytes", (json_int_t)rep->bytes, "parity_bytes",
	    (json_int_t)rep->parity_bytes, "damaged", (json_int_t)rep->damaged, "same_device",
	    rep->same_device, "seconds", seconds));
	return rep->damaged ? CLI_NO : CLI_OK;
}

int
vault_parity_cmd(struct cli *c, int argc, char **argv)
{
	static const struct option longs[] = {{"to", required_argument, NULL, 't'}, {0}};
	struct parity_how how = {.progress = on_progress, .cookie = c};
	struct parity_report rep;
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
	leave_fact(c, argv[optind], &rep);
	return say(c, &rep, (double)(time_mono_us() - start) / 1e6);
}

int
vault_repair(struct cli *c, const char *repo, const char *parity, const char *from,
    const struct vault_place *pl, json_t **ret, struct err *e)
{
	struct repair_how how = {.parity = parity, .copy = from, .place = pl,
	    .progress = on_progress, .cookie = c, .cancel = vault_cancel()};
	struct repair_report rep;
	char own[PATH_MAX];
	int r;

	if (vault_is_address(repo))
		return err_set(e, E_INVAL, "only a vault in a folder of this machine is repaired");
	(void)snprintf(own, sizeof(own), "%s/parity", repo);
	if (!parity && access(own, F_OK) == 0)
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
