/* Keys, opening, and small things that the vault's subcommands share. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "base/utf8.h"
#include "cli/cli_state.h"
#include "cli/cli_vault.h"
#include "cli/vault_where.h"
#include "ledger/seals.h"

enum { KEY_FILE_MAX = 256 << 10 };

/* ---- the recovery key ---- */

int
vault_keys_add(struct cli *c, struct vault_keys *k, const char *file)
{
	if (k->n == VAULT_MAX_KEYS) {
		fprintf(stderr, "mamori: %s\n", L(c, "--key が多すぎます。", "too many --key."));
		return CLI_USAGE;
	}
	k->files[k->n++] = file;
	return CLI_OK;
}

static int
slurp_stdin(struct buf *b, struct err *e)
{
	char part[4096];
	ssize_t n;
	int r = 0;

	while (r == 0 && (n = read(STDIN_FILENO, part, sizeof(part))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "cannot read the key from standard input");
		r = buf_put(b, part, (size_t)n, e);
	}
	explicit_bzero(part, sizeof(part));
	return r;
}

static int
read_one(const char *file, struct paperkey_file *ret, struct err *e)
{
	bool std = strcmp(file, "-") == 0;
	struct buf b;
	char path[PATH_MAX];
	int r;

	buf_init(&b, KEY_FILE_MAX);
	/* a key on a stick may be reached through a link */
	if (std)
		r = slurp_stdin(&b, e);
	else if (!realpath(file, path))
		r = err_sys(e, "cannot open the key file %s", file);
	else
		r = fio_slurp(fio_os(), AT_FDCWD, path, &b, e);
	if (r == E_LIMIT)
		r = err_set(e, E_INVAL, "%s is too large for a key file", file);
	if (r == 0) {
		r = paperkey_file_get((const char *)b.p, b.len, ret, e);
		if (r < 0)
			r = err_wrap(e, "%s", std ? "key" : file);
	}
	if (b.p)
		explicit_bzero(b.p, b.cap);
	buf_free(&b);
	return r;
}

/* take(f, id, shares, n, secret, e): One file read: 1 when ${secret} is known now. */
static int
take(const struct paperkey_file *f, const char *id, struct paperkey_file *first, bool *have,
    uint8_t *secret, struct err *e)
{
	char print[9];
	int r;

	if (f->id[0] && id[0] && strcmp(f->id, id) != 0)
		return err_set(
		    e, E_AUTH, "this is the key of another vault (%s, not %s)", f->id, id);
	if (f->share == 0) {
		(void)memcpy(secret, f->key, PAPERKEY_LEN);
		return 1;
	}
	if (!*have) {
		*first = *f;
		*have = true;
		return 0;
	}
	if (first->share == f->share)
		return err_set(e, E_INVAL,
		    "share %d was given twice; two different ones are needed", f->share);
	r = paperkey_join(first->share, first->key, f->share, f->key, secret, e);
	if (r < 0)
		return r;
	paperkey_fingerprint(secret, print);
	if (f->fingerprint[0] && strcmp(print, f->fingerprint) != 0)
		return err_set(e, E_AUTH, "the two shares do not belong together");
	return 1;
}

int
vault_keys_read(struct cli *c, const struct vault_keys *k, const struct vault_ident *id,
    uint8_t secret[PAPERKEY_LEN], struct err *e)
{
	struct paperkey_file f, first;
	char hex[2 * FMT_ID_LEN + 1] = "";
	bool have = false;
	int r = 0;

	(void)c;
	if (id)
		hex_put(hex, id->repo, FMT_ID_LEN);
	for (size_t i = 0; i < k->n && r == 0; i++) {
		r = read_one(k->files[i], &f, e);
		if (r == 0)
			r = take(&f, hex, &first, &have, secret, e);
	}
	explicit_bzero(&f, sizeof(f));
	explicit_bzero(&first, sizeof(first));
	if (r == 0)
		return err_set(e, E_AUTH,
		    "one share alone does not open anything: give a second one "
		    "with another --key");
	return r < 0 ? r : 0;
}

/* ask(c, id, secret): The key from somebody at the terminal. */
static int
ask(struct cli *c, const struct vault_ident *id, uint8_t secret[PAPERKEY_LEN])
{
	FILE *tty = fopen("/dev/tty", "r+e");
	struct paperkey_file f, first;
	char line[4096], hex[2 * FMT_ID_LEN + 1];
	struct buf text;
	bool have = false;
	struct err e;
	int r = 0;

	if (!tty)
		return E_AUTH;
	hex_put(hex, id->repo, FMT_ID_LEN);
	buf_init(&text, KEY_FILE_MAX);
	fprintf(tty, "%s\n", L(c,
	    "復旧鍵が必要です。紙のことばを打ち込み、最後に空の行を入れてください（鍵ファイルの場所でもかまいません）。",
	    "The recovery key is needed. Type the words from the paper and end with an empty line "
	    "(or give the path of the key file)."));
	(void)fflush(tty); /* between writing and reading, as the C standard asks */
	while (r == 0 && fgets(line, sizeof(line), tty)) {
		size_t n = strcspn(line, "\n");

		if (n > 0 && text.len == 0 && access((line[n] = 0, line), R_OK) == 0) {
			r = read_one(line, &f, &e);
		} else if (n > 0) {
			line[n] = '\n';
			if (buf_put(&text, line, n + 1, &e) < 0)
				break;
			continue;
		} else {
			r = paperkey_file_get((const char *)text.p, text.len, &f, &e);
			buf_clear(&text);
		}
		if (r == 0)
			r = take(&f, hex, &first, &have, secret, &e);
		if (r == 0)
			fprintf(tty, "%s\n", L(c, "もう一つの分割片もお願いします。", "And another share, please."));
		if (r < 0) {
			fprintf(tty, "%s\n%s\n", e.msg, L(c, "もう一度お願いします（やめるときは Ctrl-C）。",
			    "Once more, please (Ctrl-C to give up)."));
			r = 0;
		}
	}
	explicit_bzero(line, sizeof(line));
	explicit_bzero(&f, sizeof(f));
	if (text.p)
		explicit_bzero(text.p, text.cap);
	buf_free(&text);
	(void)fclose(tty);
	return r == 1 ? 0 : E_AUTH;
}

/* ---- opening ---- */

int
vault_reader(struct cli *c, const char *repo, const struct vault_keys *k, struct vault_opened *ret)
{
	uint8_t secret[PAPERKEY_LEN];
	bool far = vault_is_address(repo);
	struct vault_place place;
	struct vault_open o = {0};
	struct err e = {0};
	int r;

	*ret = (struct vault_opened){.statefd = -1};
	/* the state is a help, not a condition: a copy must open on any machine */
	if (k->n == 0 || far)
		ret->statefd = open(c->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	place = vault_place_of(ret->statefd);
	if (ret->statefd >= 0 || far)
		o.place = &place;
	r = far && k->n == 0 ? 0 : vault_identify_at(fio_os(), repo, &place, &ret->id, &e);
	if (r == 0 && k->n > 0) {
		r = vault_keys_read(c, k, &ret->id, secret, &e);
		o.secret = secret;
		ret->whole = true;
	}
	if (r == 0)
		r = vault_r_open(fio_os(), repo, &o, &ret->r, &e);
	explicit_bzero(secret, sizeof(secret));
	if (r == 0) {
		ret->id = *vault_r_ident(ret->r);
		return CLI_OK;
	}
	vault_reader_close(ret);
	return cli_fail(c, &e, L(c, "保管庫を開けません", "cannot open the vault"));
}

void
vault_reader_close(struct vault_opened *o)
{
	vault_r_close(o->r);
	o->r = NULL;
	if (o->statefd >= 0)
		(void)close(o->statefd);
	o->statefd = -1;
}

static int
find_and_open(struct vault_opened *o, const char *what, const struct vault_generation **ret,
    struct vault_gen **ret_gen, struct err *e)
{
	int r = vault_r_find(o->r, what, ret, e);

	return r < 0 ? r : vault_gen_open(o->r, *ret, ret_gen, e);
}

int
vault_generation(struct cli *c, struct vault_opened *o, const char *repo, const char *what,
    const struct vault_generation **ret, struct vault_gen **ret_gen)
{
	uint8_t secret[PAPERKEY_LEN];
	struct vault_place place = vault_place_of(o->statefd);
	struct vault_open with = {
		.secret = secret, .place = vault_is_address(repo) ? &place : NULL,
	};
	VAULT_R *again = NULL;
	struct err e;
	int r = find_and_open(o, what, ret, ret_gen, &e);

	if (r == E_NOENT && !o->whole) {
		size_t n;
		const struct vault_generation *all = vault_r_list(o->r, &n);

		if (n > 0 && !all[n - 1].info_ok)
			r = E_AUTH; /* names are sealed too */
	}
	if (r == E_AUTH && !o->whole && isatty(STDIN_FILENO) && ask(c, &o->id, secret) == 0) {
		r = vault_r_open(fio_os(), repo, &with, &again, &e);
		if (r == 0) {
			vault_r_close(o->r);
			o->r = again;
			o->whole = true;
			r = find_and_open(o, what, ret, ret_gen, &e);
		}
		explicit_bzero(secret, sizeof(secret));
	} else if (r == E_AUTH && !o->whole) {
		(void)err_set(&e, E_AUTH,
		    "this needs the recovery key: --key FILE (or --key - and the words on "
		    "standard input)");
	}
	if (r == 0)
		return CLI_OK;
	return cli_fail(c, &e, L(c, "この世代を開けません", "cannot open this generation"));
}

/* ---- small things ---- */

static volatile int cancelled;

static void
on_signal(int sig)
{
	(void)sig;
	cancelled = 1;
}

const volatile int *
vault_cancel(void)
{
	struct sigaction sa = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

	(void)sigaction(SIGINT, &sa, NULL);
	(void)sigaction(SIGTERM, &sa, NULL);
	return &cancelled;
}

const char *
vault_path_arg(struct buf *b, const char *arg)
{
	buf_clear(b);
	if (strchr(arg, '\\') && utf8_unshow(b, arg, NULL) == 0 && !memchr(b->p, 0, b->len))
		return buf_cstr(b, NULL);
	return arg;
}

const char *
vault_show(struct buf *b, const void *p, size_t n)
{
	const char *s = NULL;

	buf_clear(b);
	if (utf8_show(b, p, n, NULL) == 0)
		s = buf_cstr(b, NULL);
	return s ? s : "?";
}

json_t *
vault_time(int64_t us)
{
	char text[TIME_TEXT];

	if (us == 0)
		return json_null();
	time_put(text, us);
	return json_string(text);
}

void
vault_fact(struct cli *c, struct fact *f, bool begin)
{
	struct state st;
	struct err e;
	int r = state_open(fio_os(), c->state, false, &st, &e);

	if (r == 0) {
		if (begin || faccessat(st.dirfd, FACTS_DIR, F_OK, 0) == 0)
			r = facts_record(&st, f, time_now_us(), NULL, &e);
		state_close(&st);
	} else if (!begin) {
		r = 0; /* not a machine that keeps facts */
	}
	if (r < 0)
		fprintf(stderr, "mamori: %s: %s\n", L(c, "（結果を事実として記録できませんでした）",
		    "(the result could not be recorded as a fact)"), e.msg);
	fact_free(f);
}

/* elsewhere(c, k): Whether no key file lies below the state directory. */
static bool
elsewhere(const struct cli *c, const struct vault_keys *k)
{
	char state[PATH_MAX], path[PATH_MAX];
	size_t n;

	if (!realpath(c->state, state))
		return true;
	n = strlen(state);
	for (size_t i = 0; i < k->n; i++)
		if (realpath(k->files[i], path) && strncmp(path, state, n) == 0 && path[n] == '/')
			return false;
	return true;
}

void
vault_key_proved(struct cli *c, const char *repo, const struct vault_opened *o,
    const struct vault_keys *k, const char *how)
{
	char id[2 * FMT_ID_LEN + 1], path[PATH_MAX];
	struct fact f;

	hex_put(id, o->id.repo, FMT_ID_LEN);
	if (!o->whole || !elsewhere(c, k) ||
	    fact_fill(&f, "vault", "vault.recovery.proved", "vault", id, FACT_PASS, time_now_us(),
		NULL) < 0)
		return;
	f.observed = json_pack("{s:s,s:s,s:i,s:s}", "how", how, "from",
	    k->n == 0 || strcmp(k->files[0], "-") == 0 ? "typed" : "file", "files", (int)k->n,
	    "repo", !vault_is_address(repo) && realpath(repo, path) ? path : repo);
	vault_fact(c, &f, false);
}

/* seal_where(c, st, repo, id, path, e): The folder in which the log lies here, as the seals name
 * it; of a repository elsewhere its mirror. A descriptor of it. */
static int
seal_where(const struct state *st, const char *repo, const struct vault_ident *id,
    char path[PATH_MAX], struct err *e)
{
	char hex[2 * FMT_ID_LEN + 1];

	if (vault_is_address(repo)) {
		hex_put(hex, id->repo, FMT_ID_LEN);
		(void)snprintf(path, PATH_MAX, "vault/%s/mirror", hex);
		return fio_open(fio_os(), st->dirfd, path, O_RDONLY | O_DIRECTORY, 0, e);
	}
	if (!realpath(repo, path))
		return err_sys(e, "%s", repo);
	return fio_open(fio_os(), AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, e);
}

void
vault_seal(struct cli *c, const char *repo, const struct vault_ident *id)
{
	char path[PATH_MAX];
	struct ledger *log = NULL;
	struct state st = {.dirfd = -1};
	struct err e;
	int fd = -1, r = state_open(fio_os(), c->state, false, &st, &e);

	if (r < 0)
		return;
	fd = r = seal_where(&st, repo, id, path, &e);
	if (r >= 0)
		r = ledger_open(fio_os(), fd, "log", id->pin, &log, &e);
	if (r == 0)
		r = seals_remember(&st, "vault", path, "log", log, &e);
	/* a new one elsewhere has no mirror before it is first used */
	if (r == 0 || (r == E_NOENT && vault_is_address(repo)))
		r = vault_where_put(st.dirfd, id, vault_is_address(repo) ? repo : path, &e);
	if (r < 0)
		fprintf(stderr, "mamori: %s: %s\n", L(c, "（保管庫の最後の記録を覚えられませんでした）",
		    "(the vault's newest record could not be remembered)"), e.msg);
	ledger_close(log);
	fio_close(fio_os(), fd);
	state_close(&st);
}
