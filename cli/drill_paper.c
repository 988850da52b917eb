#include "cli/drill_paper.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "ledger/facts.h"

static void
set_time(json_t *o, const char *key, int64_t us)
{
	char text[TIME_TEXT];

	time_put(text, us);
	(void)json_object_set_new(o, key, json_string(text));
}

static json_t *
make(struct drill_paper *p, const char *host)
{
	char repo[2 * FMT_ID_LEN + 1], gen[2 * FMT_ID_LEN + 1];
	json_t *o;

	hex_put(repo, p->repo, FMT_ID_LEN);
	hex_put(gen, p->gen, FMT_ID_LEN);
	o = json_pack("{s:s, s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I}", "type",
	    "mamori.drill", "version", 1, "drill", p->drill, "system", p->system, "repository",
	    repo, "generation", gen, "outcome", p->outcome, "host", host, "program",
	    MAMORI_VERSION, "rpo_seconds", (json_int_t)((p->begun - p->gen_at) / TIME_SEC));
	set_time(o, "generation_at", p->gen_at);
	set_time(o, "begun", p->begun);
	set_time(o, "ended", p->ended);
	if (p->rto_ms >= 0)
		(void)json_object_set_new(o, "rto_ms", json_integer(p->rto_ms));
	if (p->observed)
		(void)json_object_set_new(o, "observed", p->observed);
	if (p->databases)
		(void)json_object_set_new(o, "databases", p->databases);
	return o;
}

bool
drill_paper_keep(struct cli *c, const struct state *st, struct drill_paper *p,
    char hex[EVIDENCE_HEX])
{
	char host[256] = "";
	struct facts *fs = NULL;
	struct err e = {0};
	json_t *o;
	int r;

	(void)gethostname(host, sizeof(host) - 1);
	o = make(p, host);
	/* the first fact makes the key */
	r = facts_open(st, true, time_now_us(), &fs, &e);
	facts_close(fs);
	if (r == 0)
		r = o ? drill_cert_keep(st, o, hex, &e) : err_set(&e, E_NOMEM, "no memory");
	json_decref(o);
	if (r < 0)
		(void)cli_fail(c, &e, L(c, "訓練証を残せません", "no certificate could be left"));
	return r == 0;
}

/* ---- databases ---- */

static void
say_one(struct cli *c, json_t *v)
{
	const char *outcome = json_string_value(json_object_get(v, "outcome"));
	const char *detail = json_string_value(json_object_get(v, "detail"));
	const char *path = json_string_value(json_object_get(v, "path"));
	bool pg = strcmp(json_string_value(json_object_get(v, "kind")), "postgresql") == 0;
	const char *kind = pg ? "PostgreSQL" : "SQLite";
	double s = (double)json_integer_value(json_object_get(v, "first_answer_ms")) / 1000;

	if (strcmp(outcome, "pass") == 0 && pg)
		cli_say(c,
		    L(c, "  ● %s %s: 起動して最初の答えまで %.1f 秒、最後まで読めました。",
			"  OK %s %s: started, first answer after %.1f s, read to the end."),
		    kind, path, s);
	else if (strcmp(outcome, "pass") == 0)
		cli_say(c, L(c, "  ● %s %s: 壊れていません。", "  OK %s %s: whole."), kind, path);
	else
		cli_say(c, "  %s %s %s: %s", strcmp(outcome, "fail") == 0 ? L(c, "■", "FAILED") :
		    L(c, "？", "UNKNOWN"), kind, path, detail ? detail : "");
}

static void
say(struct cli *c, const json_t *o, const char *outcome)
{
	json_t *list = json_object_get(o, "databases"), *v;
	const char *detail = json_string_value(json_object_get(o, "detail"));
	size_t i;

	if (strcmp(outcome, "na") == 0)
		cli_say(c, "%s", L(c, "この世代に、調べられるデータベースはありません。",
		    "There is no database in this generation that could be checked."));
	else if (json_array_size(list) == 0)
		cli_say(c, L(c, "データベースは確かめられませんでした: %s",
		    "The databases could not be checked: %s"), detail ? detail : "");
	else
		cli_say(c, "%s", L(c, "データベース訓練（隔離した場所で起動）:",
		    "Database drill (started in isolation):"));
	json_array_foreach(list, i, v)
		say_one(c, v);
}

static void
leave_fact(struct cli *c, const char *system, const char *outcome, json_t *observed,
    const char *hex)
{
	enum fact_outcome out = FACT_UNKNOWN;
	struct fact f;
	struct err e = {0};

	(void)!fact_outcome_get(outcome, &out);
	fact_init(&f);
	if (fact_fill(&f, "vault", "vault.database.drill", "system", system, out, time_now_us(),
	        &e) < 0) {
		json_decref(observed);
		(void)cli_fail(c, &e, L(c, "事実を残せません", "no fact could be left"));
		return;
	}
	f.observed = observed;
	if (hex[0])
		f.evidence = json_pack("[s]", hex);
	vault_fact(c, &f, true);
}

int
drill_paper_database(struct cli *c, const struct state *st, const json_t *o,
    const uint8_t *repo, const char *system, int64_t begun, char ret_hex[EVIDENCE_HEX])
{
	const char *outcome = json_string_value(json_object_get(o, "outcome"));
	const char *id = json_string_value(json_object_get(o, "generation"));
	json_t *list = json_object_get(o, "databases");
	uint8_t gen[FMT_ID_LEN] = {0};
	struct drill_paper p = {.drill = "database", .system = system, .repo = repo, .gen = gen,
	    .gen_at = json_integer_value(json_object_get(o, "generation_at_us")), .begun = begun,
	    .ended = time_now_us(), .outcome = outcome, .databases = json_incref(list),
	    .rto_ms = json_integer_value(json_object_get(o, "first_answer_ms"))};
	json_t *observed;

	ret_hex[0] = 0;
	(void)!hex_get(gen, sizeof(gen), id ? id : "");
	say(c, o, outcome);
	if (strcmp(outcome, "na") == 0) { /* a fact too: it was looked */
		json_decref(list);
		leave_fact(c, system, outcome, NULL, "");
		return CLI_OK;
	}
	if (!drill_paper_keep(c, st, &p, ret_hex))
		ret_hex[0] = 0;
	observed = json_pack("{s:I, s:I, s:I}", "databases", (json_int_t)json_array_size(list),
	    "first_answer_ms", (json_int_t)p.rto_ms, "rpo_seconds",
	    (json_int_t)((begun - p.gen_at) / TIME_SEC));
	if (observed && json_object_get(o, "detail"))
		(void)json_object_set(observed, "detail", json_object_get(o, "detail"));
	leave_fact(c, system, outcome, observed, ret_hex);
	return strcmp(outcome, "fail") == 0 ? CLI_NO : CLI_OK;
}

/* ---- drill verify ---- */

static int
say_cert(struct cli *c, json_t *cert, const char *signer, int known)
{
	static const char *const keys[] = {"drill", "system", "outcome", "begun", "ended",
	    "generation", "generation_at", "host"};

	cli_say(c, "%s", L(c, "署名は正しい。訓練証の内容:", "The signature holds. The certificate says:"));
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		const char *s = json_string_value(json_object_get(cert, keys[i]));

		cli_say(c, "  %-14s %s", keys[i], s ? s : "-");
	}
	cli_say(c, L(c, "  使えるまで(RTO) %.1f 秒・データの古さ(RPO) %lld 秒（どちらも実測）",
	    "  usable after (RTO) %.1f s, age of the data (RPO) %lld s, both measured"),
	    (double)json_integer_value(json_object_get(cert, "rto_ms")) / 1000,
	    (long long)json_integer_value(json_object_get(cert, "rpo_seconds")));
	cli_say(c, "%s", known > 0 ? L(c, "  この機械の鍵で署名されています。", "  Signed by this machine.") :
	    known == 0 ? L(c, "  署名した鍵は、この機械のものではありません。", "  Signed by another machine.") :
	    L(c, "  署名した鍵を比べる相手がここにありません。", "  There is nothing here to compare the key with."));
	cli_json(c, json_pack("{s:b, s:s, s:o, s:O}", "ok", known != 0, "signer", signer,
	    "signer_known", known > 0 ? json_true() : known == 0 ? json_false() : json_null(),
	    "certificate", cert));
	return known == 0 ? CLI_NO : CLI_OK;
}

int
drill_verify_cmd(struct cli *c, int argc, char **argv)
{
	uint8_t signer[SIGN_PUB_LEN], ours[SIGN_PUB_LEN];
	char hex[2 * SIGN_PUB_LEN + 1];
	struct state st;
	struct err e = {0};
	json_t *cert = NULL;
	struct buf b;
	int known = -1, r;

	if (argc != 2 || argv[1][0] == '-')
		return cli_usage(c, "mamori drill verify FILE");
	buf_init(&b, 1 << 20);
	r = fio_slurp(fio_os(), AT_FDCWD, argv[1], &b, &e);
	if (r == 0)
		r = drill_cert_check(b.p, b.len, &cert, signer, &e);
	buf_free(&b);
	if (r < 0)
		return cli_fail(c, &e, NULL);
	if (state_open(fio_os(), c->state, false, &st, NULL) == 0) {
		if (state_pub_get(&st, FACTS_KEY, ours, NULL) == 0)
			known = memcmp(ours, signer, sizeof(ours)) == 0;
		state_close(&st);
	}
	hex_put(hex, signer, SIGN_PUB_LEN);
	r = say_cert(c, cert, hex, known);
	json_decref(cert);
	return r;
}
