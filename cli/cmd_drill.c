/* mamori drill ransomware|restore|database|verify: rehearse on a copy, measure, leave a signed fact
 * and a certificate. */
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli_state.h"
#include "cli/cli_vault.h"
#include "cli/drill_paper.h"
#include "cli/vault_keep.h"
#include "cli/vault_where.h"

#include "base/num.h"
#include "base/time.h"
#include "base/utf8.h"
#include "crypt/secret.h"
#include "vault/drill.h"

#define USAGE_RANSOMWARE                                                                           \
	"mamori drill ransomware [--system NAME] [--size N] [--keep] [--repo REPO] [--key FILE]"
#define USAGE_RESTORE                                                                              \
	"mamori drill restore [--system NAME] [--files N] [--whole] [--no-database] [--keep] "     \
	"[--repo REPO] [--key FILE]"
#define USAGE_DATABASE "mamori drill database --system NAME|--next [--repo REPO] [--key FILE]"
#define USAGE_VERIFY "mamori drill verify FILE"

struct wish {
	struct cli *c;
	const char *repo;
	struct vault_keys keys;
	uint64_t files;
	bool has_files, no_database, next;
	struct drill_opts o;
	enum drill_step step;
};

static int
options(struct wish *w, int argc, char **argv, bool ransomware, struct err *e)
{
	static const struct option longs[] = {
		{"system", required_argument, NULL, 's'}, {"size", required_argument, NULL, 'b'},
		{"files", required_argument, NULL, 'n'}, {"whole", no_argument, NULL, 'w'},
		{"keep", no_argument, NULL, 'k'}, {"repo", required_argument, NULL, 'r'},
		{"key", required_argument, NULL, 'f'}, {"no-database", no_argument, NULL, 'd'},
		{"next", no_argument, NULL, 'x'}, {NULL, 0, NULL, 0},
	};
	int o, r = 0;

	optind = 0;
	opterr = 0;
	while (r == 0 && (o = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (o == 's')
			w->o.system = optarg;
		else if (o == 'b' && ransomware)
			r = num_parse_size(optarg, &w->o.max_bytes, e);
		else if (o == 'n' && !ransomware) {
			r = num_parse_u64(optarg, 2000, &w->files, e);
			w->has_files = true;
		} else if (o == 'w' && !ransomware)
			w->o.whole = true;
		else if (o == 'k')
			w->o.keep = true;
		else if (o == 'x' && ransomware) /* of database drills: see database() */
			w->next = true;
		else if (o == 'd' && !ransomware)
			w->no_database = true;
		else if (o == 'r')
			w->repo = optarg;
		else if (o == 'f')
			r = vault_keys_add(w->c, &w->keys, optarg) == CLI_OK ? 0 : 1;
		else
			return 1;
	}
	if (r == 0 && optind < argc)
		return 1;
	/* a system alone means all of it */
	if (!ransomware && w->o.system && !w->has_files)
		w->o.whole = true;
	w->o.files = (uint32_t)w->files;
	return r;
}

static const char *
step_name(struct cli *c, enum drill_step s)
{
	switch (s) {
	case DRILL_COPY:
		return L(c, "写しを作っています", "making a copy");
	case DRILL_DAMAGE:
		return L(c, "写しを壊しています（元のデータには触れません）",
		    "damaging the copy (never the data itself)");
	case DRILL_RESTORE:
		return L(c, "保管庫から戻しています", "giving back from the vault");
	case DRILL_COMPARE:
		return L(c, "一文字ずつ比べています", "comparing every byte");
	default:
		return L(c, "最初のカルテを開いています", "opening the first chart");
	}
}

static void
progress(void *cookie, enum drill_step s, uint64_t done, uint64_t total)
{
	struct wish *w = cookie;
	char a[24], b[24];

	cli_progress(w->c, "%s: %s / %s", step_name(w->c, s), cli_bytes(a, done),
	    cli_bytes(b, total));
}

/* Where the vault is and with which keys; undone by let_go. */
struct reach {
	struct vault_ident id;
	struct vault_place pl;
	uint8_t *secret;
	struct buf where;
};

static int
reach(struct wish *w, struct state *st, struct reach *x, struct err *e)
{
	int r = 0;

	*x = (struct reach){.pl = vault_place_of(st->dirfd)};
	buf_init(&x->where, 8192);
	if (!w->repo) {
		r = vault_where_get(st->dirfd, &x->where, e);
		w->repo = (const char *)x->where.p;
	}
	if (r == 0)
		r = vault_identify_at(fio_os(), w->repo, &x->pl, &x->id, e);
	if (r == 0 && w->keys.n > 0) {
		x->secret = secret_new(PAPERKEY_LEN, e);
		r = x->secret ? vault_keys_read(w->c, &w->keys, &x->id, x->secret, e) : E_NOMEM;
	}
	return r;
}

static void
let_go(struct reach *x)
{
	secret_free(x->secret, PAPERKEY_LEN);
	buf_free(&x->where);
}

/* run(w, st, ransomware, x, rep, e): Do it. */
static int
run(struct wish *w, struct state *st, bool ransomware, struct reach *x, struct drill_report *rep,
    struct err *e)
{
	w->o.open.place = &x->pl;
	w->o.open.secret = x->secret;
	w->o.f = fio_os();
	w->o.statefd = st->dirfd;
	w->o.state = w->c->state;
	w->o.repo = w->repo;
	w->o.progress = progress;
	w->o.cookie = w;
	w->o.cancel = vault_cancel();
	random_fill(&w->o.seed, sizeof(w->o.seed));
	return ransomware ? drill_ransomware(&w->o, rep, e) : drill_restore(&w->o, rep, e);
}

/* ---- what is left behind ---- */

static json_t *
text(const char *s)
{
	struct buf b;
	json_t *j = NULL;

	buf_init(&b, 8192);
	if (utf8_show(&b, s, strlen(s), NULL) == 0)
		j = json_stringn((const char *)b.p, b.len);
	buf_free(&b);
	return j ? j : json_string("");
}

/* The files of one system, or of all of them together (s == NULL). */
static json_t *
observed(const struct drill_report *rep, const struct drill_system *s, bool ransomware, bool whole)
{
	json_t *o = json_pack("{s:I,s:I,s:f}", "files",
	    (json_int_t)(s ? s->files : rep->files), "bytes",
	    (json_int_t)(s ? s->bytes : rep->bytes), "seconds", rep->seconds);

	if (ransomware) {
		(void)json_object_set_new(o, "damaged", json_integer((json_int_t)rep->damaged));
		(void)json_object_set_new(o, "lost", json_integer((json_int_t)rep->lost));
		(void)json_object_set_new(o, "different", json_integer((json_int_t)rep->different));
		(void)json_object_set_new(o, "first_chart_seconds",
		    json_real(rep->first_chart_seconds));
		(void)json_object_set_new(o, "whole", json_boolean(!rep->reduced));
	} else {
		(void)json_object_set_new(o, "mismatch",
		    json_integer((json_int_t)(s ? s->lost : rep->lost)));
		(void)json_object_set_new(o, "whole", json_boolean(whole));
	}
	return o;
}

/* ${paper}: the certificate behind it, or "". */
static void
one_fact(struct wish *w, const char *check, const char *kind, const char *id, bool ok,
    json_t *what, const char *paper)
{
	struct fact f;
	struct err e = {0};

	fact_init(&f);
	if (fact_fill(&f, "vault", check, kind, id, ok ? FACT_PASS : FACT_FAIL, time_now_us(), &e) <
	    0) {
		json_decref(what);
		(void)cli_fail(w->c, &e, L(w->c, "事実を残せません", "no fact could be left"));
		return;
	}
	f.observed = what;
	if (*paper)
		f.evidence = json_pack("[s]", paper);
	vault_fact(w->c, &f, true);
}

/* keep_note(w, statefd, s, ok): The vault remembers which generations were given back: so many
 * of each system always stay. */
static void
keep_note(struct wish *w, int statefd, const struct drill_system *s, bool ok)
{
	json_t *what = json_pack("{s:s,s:I,s:I,s:I}", "system", s->name, "files",
	    (json_int_t)s->files, "bytes", (json_int_t)s->bytes, "lost", (json_int_t)s->lost);

	vault_kept_drill(w->c, statefd, w->o.repo, s->generation, ok, what);
	json_decref(what);
}

/* certify(w, st, id, rep, s, begun, hex): A whole system that was given back gets a certificate. */
static void
certify(struct wish *w, const struct state *st, const struct vault_ident *id,
    const struct drill_report *rep, const struct drill_system *s, int64_t begun,
    char hex[EVIDENCE_HEX])
{
	struct drill_paper p = {.drill = "restore", .system = s->name, .repo = id->repo,
	    .gen = s->generation, .gen_at = s->at, .begun = begun, .ended = time_now_us(),
	    .rto_ms = (int64_t)(rep->seconds * 1000), .outcome = s->lost == 0 ? "pass" : "fail"};

	hex[0] = 0;
	if (!w->o.whole)
		return;
	p.observed = json_pack("{s:I, s:I, s:I}", "files", (json_int_t)s->files, "bytes",
	    (json_int_t)s->bytes, "mismatch", (json_int_t)s->lost);
	if (!drill_paper_keep(w->c, st, &p, hex))
		hex[0] = 0;
}

static void
facts(struct wish *w, const struct state *st, const struct vault_ident *id,
    const struct drill_report *rep, bool ransomware, int64_t begun)
{
	char hex[2 * FMT_ID_LEN + 1], paper[EVIDENCE_HEX];

	hex_put(hex, id->repo, FMT_ID_LEN);
	if (ransomware) {
		bool one = w->o.system != NULL;

		one_fact(w, "vault.ransomware.drill", one ? "system" : "vault",
		    one ? w->o.system : hex, rep->ok, observed(rep, NULL, true, false), "");
		for (size_t i = 0; i < rep->nsystems && !rep->reduced; i++) {
			if (rep->systems[i].files > 0 && rep->ok)
				keep_note(w, st->dirfd, &rep->systems[i], true);
		}
		return;
	}
	for (size_t i = 0; i < rep->nsystems; i++) {
		const struct drill_system *s = &rep->systems[i];
		bool ok = s->lost == 0 && (rep->ok || rep->nsystems > 1);

		if (s->files == 0)
			continue;
		certify(w, st, id, rep, s, begun, paper);
		one_fact(w, "vault.restore.drill", "system", s->name, ok,
		    observed(rep, s, false, w->o.whole), paper);
		keep_note(w, st->dirfd, s, ok);
	}
}

/* ---- what is said ---- */

static void
say_ransomware(struct cli *c, const struct drill_report *rep)
{
	char size[24];

	cli_say(c,
	    L(c, "訓練: 写しのファイル %llu 件（%s）のうち %llu 件を、ランサムウェアと同じやり方で壊しました。",
		"Drill: of a copy of %llu files (%s), %llu were damaged the way ransomware does."),
	    (unsigned long long)rep->files, cli_bytes(size, rep->bytes),
	    (unsigned long long)rep->damaged);
	cli_say(c, L(c, "最初のカルテが読めるまで %.3f 秒、全部が戻るまで %.1f 秒。",
	    "First chart readable after %.3f s, everything back after %.1f s."),
	    rep->first_chart_seconds, rep->seconds);
	if (rep->ok)
		cli_say(c, "%s", L(c, "失われたファイルは 0 件です。すべて一文字まで同じでした。",
		    "Files lost: 0. Every byte is the same."));
	else
		cli_say(c,
		    L(c, "失われたファイル %llu 件、性質の違うもの %llu 件。",
			"Files lost: %llu; with other properties: %llu."),
		    (unsigned long long)rep->lost, (unsigned long long)rep->different);
	if (rep->reduced)
		cli_say(c, L(c, "（場所または --size に合わせ、%llu 件は除きました）",
		    "(%llu files were left out for lack of room, or by --size)"),
		    (unsigned long long)rep->left_out);
}

static void
say_restore(struct cli *c, const struct drill_report *rep)
{
	char size[24];

	cli_say(c,
	    L(c, "復元訓練: %llu 件（%s）を %.1f 秒で戻し、指紋を計算し直しました。違うもの %llu 件。",
		"Restore drill: %llu files (%s) given back in %.1f s and their digests recomputed; "
		"different: %llu."),
	    (unsigned long long)rep->files, cli_bytes(size, rep->bytes), rep->seconds,
	    (unsigned long long)rep->lost);
}

/* ${databases}: of a whole system, or NULL; taken. */
static int
report(struct wish *w, const struct drill_report *rep, bool ransomware, json_t *databases)
{
	struct cli *c = w->c;
	json_t *o = observed(rep, NULL, ransomware, w->o.whole), *list = json_array();

	for (size_t i = 0; i < rep->nsystems; i++)
		(void)json_array_append_new(list, json_pack("{s:o,s:I,s:I}", "name",
		    text(rep->systems[i].name), "files", (json_int_t)rep->systems[i].files,
		    "lost", (json_int_t)rep->systems[i].lost));
	(void)json_object_set_new(o, "ok", json_boolean(rep->ok));
	(void)json_object_set_new(o, "lost", json_integer((json_int_t)rep->lost));
	(void)json_object_set_new(o, "systems", list);
	if (databases)
		(void)json_object_set_new(o, "database", databases);
	if (ransomware)
		(void)json_object_set_new(o, "first_chart", text(rep->chart));
	if (rep->why[0])
		(void)json_object_set_new(o, "why", text(rep->why));
	if (rep->folder[0])
		(void)json_object_set_new(o, "folder", text(rep->folder));
	if (ransomware)
		say_ransomware(c, rep);
	else
		say_restore(c, rep);
	if (!rep->ok && rep->why[0])
		cli_say(c, "%s %s", L(c, "最初に見つかった違い:", "The first difference:"), rep->why);
	else if (!rep->ok && rep->files == 0)
		cli_say(c, "%s", L(c, "確かめられるファイルが一つもありません。",
		    "There was no file to check."));
	if (rep->folder[0])
		cli_say(c, L(c, "残した場所: %s", "Kept in: %s"), rep->folder);
	cli_json(c, o);
	return rep->ok ? CLI_OK : CLI_NO;
}

/* databases(w, st, x, asked, ret): The databases of the system, started and checked. ${asked}: this
 * alone was asked for; else a machine that cannot do it here (a service in its own jail) leaves the
 * word to the drill that can. */
static int
databases(struct wish *w, struct state *st, struct reach *x, bool asked, json_t **ret)
{
	struct drill_db d = {.c = w->c, .st = st, .repo = w->repo, .system = w->o.system,
	    .secret = x->secret};
	int64_t begun = time_now_us();
	char hex[EVIDENCE_HEX];
	struct err e = {0};
	json_t *o = NULL;
	int r;

	if (drill_db_run(&d, &o, &e) < 0)
		return cli_fail(w->c, &e, L(w->c, "データベースの訓練ができませんでした",
		    "the database drill could not be done"));
	hex[0] = 0;
	r = asked || !json_string_value(json_object_get(o, "detail")) ?
	    drill_paper_database(w->c, st, o, x->id.repo, w->o.system, begun, hex) : CLI_OK;
	if (hex[0])
		(void)json_object_set_new(o, "certificate", json_string(hex));
	(void)json_object_del(o, "generation_at_us");
	*ret = o;
	return r;
}

/* results(w, st, ransomware, x, rep, begun): Facts, words, and the databases of a whole system. */
static int
results(struct wish *w, struct state *st, bool ransomware, struct reach *x,
    const struct drill_report *rep, int64_t begun)
{
	json_t *o = NULL;
	int r = CLI_OK, all;

	facts(w, st, &x->id, rep, ransomware, begun);
	if (!ransomware && w->o.whole && !w->no_database)
		r = databases(w, st, x, false, &o);
	all = report(w, rep, ransomware, o);
	return all == CLI_OK ? r : all;
}

static int
drill(struct cli *c, int argc, char **argv, bool ransomware)
{
	struct wish w = {.c = c};
	static struct drill_report rep; /* large */
	int64_t begun = time_now_us();
	struct reach x;
	struct state st;
	struct err e = {0};
	int r = options(&w, argc, argv, ransomware, &e);

	if (r > 0 || w.next)
		return cli_usage(c, ransomware ? USAGE_RANSOMWARE : USAGE_RESTORE);
	if (r < 0)
		return cli_fail(c, &e, NULL);
	r = cli_state(c, false, &st);
	if (r != CLI_OK)
		return r;
	r = reach(&w, &st, &x, &e);
	if (r == 0)
		r = run(&w, &st, ransomware, &x, &rep, &e);
	cli_progress_end(c);
	if (r < 0)
		r = cli_fail(c, &e, L(c, "訓練ができませんでした", "the drill could not be done"));
	else
		r = results(&w, &st, ransomware, &x, &rep, begun);
	let_go(&x);
	state_close(&st);
	return r;
}

static int
ransomware(struct cli *c, int argc, char **argv)
{
	return drill(c, argc, argv, true);
}

static int
restore(struct cli *c, int argc, char **argv)
{
	return drill(c, argc, argv, false);
}

/* ---- whose turn it is ---- */

struct turn {
	const char *name;
	int64_t at; /* of its last database drill */
};

static int
last_drill(const struct fact *f, void *cookie, struct err *e)
{
	struct turn *t = cookie;

	(void)e;
	if (strcmp(f->id, t->name) == 0 && f->at > t->at)
		t->at = f->at;
	return 0;
}

/* whose_turn(w, st, x, ret, e): The system whose databases were drilled longest ago; "" when the
 * vault holds none. */
static int
whose_turn(struct wish *w, struct state *st, struct reach *x, char ret[256], struct err *e)
{
	struct vault_open o = {.secret = x->secret, .place = &x->pl};
	const struct facts_filter only = {.check = "vault.database.drill", .kind = "system"};
	const struct vault_generation *all;
	struct facts *fs = NULL;
	int64_t oldest = INT64_MAX;
	VAULT_R *v = NULL;
	size_t n = 0;
	int r = vault_r_open(fio_os(), w->repo, &o, &v, e);

	if (r == 0 && facts_open(st, false, time_now_us(), &fs, NULL) < 0)
		fs = NULL; /* nothing was drilled yet */
	all = r == 0 ? vault_r_list(v, &n) : NULL;
	ret[0] = 0;
	for (size_t i = n; r == 0 && i-- > 0;) {
		struct turn t = {.name = all[i].info.name};

		if (!all[i].info_ok || !*t.name)
			continue;
		if (fs)
			r = facts_each(fs, &only, last_drill, &t, NULL, e);
		if (t.at < oldest) {
			oldest = t.at;
			(void)snprintf(ret, 256, "%s", t.name);
		}
	}
	facts_close(fs);
	vault_r_close(v);
	return r;
}

static int
database(struct cli *c, int argc, char **argv)
{
	struct wish w = {.c = c};
	char turn[256] = "";
	struct reach x;
	struct state st;
	struct err e = {0};
	json_t *o = NULL;
	int r = options(&w, argc, argv, true, &e);

	if (r != 0 || !w.o.system != w.next || w.o.max_bytes || w.o.keep)
		return cli_usage(c, USAGE_DATABASE);
	r = cli_state(c, false, &st);
	if (r != CLI_OK)
		return r;
	r = reach(&w, &st, &x, &e);
	if (r == 0 && w.next) {
		r = whose_turn(&w, &st, &x, turn, &e);
		if (r == 0 && !turn[0])
			r = err_set(&e, E_NOENT, "there is no generation yet");
		w.o.system = turn;
	}
	if (r < 0)
		r = cli_fail(c, &e, L(c, "訓練ができませんでした", "the drill could not be done"));
	else
		r = databases(&w, &st, &x, true, &o);
	if (o) {
		(void)json_object_set_new(o, "ok", json_boolean(r == CLI_OK));
		cli_json(c, o);
	}
	let_go(&x);
	state_close(&st);
	return r;
}

static const struct cli_cmd commands[] = {
    {"ransomware", ransomware, USAGE_RANSOMWARE,
	"写しをランサムウェアと同じやり方で壊し、保管庫から戻して比べます（元のデータには触れません）",
	"damage a copy the way ransomware does, give everything back, compare every byte"},
    {"restore", restore, USAGE_RESTORE,
	"いくつかのファイル、または一つのシステム全体を別の場所に戻し、確かめます",
	"give some files, or one whole system, back into a private place and check them"},
    {"database", database, USAGE_DATABASE,
	"システムのデータベースを、保管庫の世代の上で隔離して起動し、最後まで読みます",
	"start a system's databases on its newest generation, in isolation, and read all of them"},
    {"verify", drill_verify_cmd, USAGE_VERIFY, "訓練証の署名を確かめます",
	"check the signature of a drill's certificate"},
};

int
cmd_drill(struct cli *c, int argc, char **argv)
{
	return cli_dispatch(c, commands, ARRAY_LEN(commands), argc, argv);
}
