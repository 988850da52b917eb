/* The key of somebody who may approve: making its file, reading it, and the passphrase that locks
 * it. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "cli/cli_pass.h"
#include "cli/vault_keep.h"
#include "crypt/keyfile.h"
#include "identity/password.h"

enum { FILE_MAX = 256 << 10 };

bool
vault_person_pass(struct vault_person *p, size_t n, const char *file)
{
	if (n == 0 || p[n - 1].pass)
		return false;
	p[n - 1].pass = file;
	return true;
}

static void
name_of(const struct vault_ident *id, char out[80])
{
	char hex[2 * FMT_ID_LEN + 1];

	hex_put(hex, id->repo, FMT_ID_LEN);
	(void)snprintf(out, 80, "approver:%s", hex);
}

/* ---- reading ---- */

static int
unlock(struct cli *c, const struct vault_person *who, const struct keyfile *f,
    uint8_t seed[PAPERKEY_LEN], struct err *e)
{
	struct cli_pass pass = {0};
	char prompt[600];
	int r;

	(void)snprintf(prompt, sizeof(prompt), L(c, "%.500s のパスフレーズ", "passphrase of %.500s"),
	    who->file);
	r = who->pass ? cli_pass_file(who->pass, &pass, e) :
	    cli_pass_ask(c, prompt, false, &pass, e);
	if (r == 1)
		r = err_set(e, E_AUTH,
		    "%s is locked with a passphrase: give it with --passphrase-file, or at the "
		    "terminal", who->file);
	if (r == 0)
		r = keyfile_open(f, pass.p, pass.n, seed, e);
	cli_pass_free(&pass);
	return r;
}

/* seed_of(c, who, b, want, seed, e): The key in the bytes of a file, if it is named ${want}. */
static int
seed_of(struct cli *c, const struct vault_person *who, const struct buf *b, const char *want,
    uint8_t seed[PAPERKEY_LEN], struct err *e)
{
	struct paperkey_file f = {0};
	struct keyfile k = {0};
	bool locked = keyfile_is(b->p, b->len), other;
	int r = locked ? keyfile_get(b->p, b->len, &k, e) :
	    paperkey_file_get((const char *)b->p, b->len, &f, e);

	other = locked ? strcmp(k.id, want) != 0 : f.id[0] && strcmp(f.id, want) != 0;
	if (r == 0 && other)
		r = err_set(e, E_AUTH, "%s is not an approver's key of this vault", who->file);
	else if (r == E_CORRUPT) /* a slip of somebody, as with the words of a key in clear */
		r = err_set(e, E_INVAL, "%s: the file of this key is damaged", who->file);
	if (r == 0 && locked)
		r = unlock(c, who, &k, seed, e);
	else if (r == 0)
		(void)memcpy(seed, f.key, PAPERKEY_LEN);
	explicit_bzero(&f, sizeof(f));
	return r;
}

int
vault_signer(struct cli *c, const struct vault_person *who, const struct vault_ident *id,
    struct signer **ret, struct err *e)
{
	uint8_t seed[PAPERKEY_LEN] = {0};
	char path[PATH_MAX], want[80];
	struct buf b;
	int r;

	buf_init(&b, FILE_MAX);
	name_of(id, want);
	if (!realpath(who->file, path))
		r = err_sys(e, "cannot open the key file %s", who->file);
	else
		r = fio_slurp(fio_os(), AT_FDCWD, path, &b, e);
	if (r == 0)
		r = seed_of(c, who, &b, want, seed, e);
	if (r == 0)
		r = signer_new(seed, ret, e);
	if (b.p)
		explicit_bzero(b.p, b.cap);
	explicit_bzero(seed, sizeof(seed));
	buf_free(&b);
	return r;
}

/* ---- making ---- */

/* passphrase(c, file, name, ret, e): A new one, that is not easy to guess: whoever finds the file
 * can try as often as he likes. 1: none. */
static int
passphrase(struct cli *c, const char *file, const char *name, struct cli_pass *ret, struct err *e)
{
	enum password_why why;
	int r = file ? cli_pass_file(file, ret, e) :
	    cli_pass_ask(c, L(c, "この鍵のパスフレーズ（付けないなら何も入れない）",
		"passphrase for this key (empty: none)"), true, ret, e);

	if (r != 0)
		return r;
	why = password_judge(ret->p, ret->n, NULL, name, false);
	if (why == PASSWORD_OK)
		return 0;
	cli_pass_free(ret);
	return err_set(e, E_INVAL, "%.300s", password_words(why, c->ja));
}

static int
text_of(const char *id, const uint8_t seed[PAPERKEY_LEN], const struct cli_pass *pass,
    struct buf *b, struct err *e)
{
	struct pwhash_cost cost = pwhash_default(PWHASH_ARGON2ID);
	struct keyfile f;
	char print[9];
	int r;

	if (!pass->p) {
		paperkey_fingerprint(seed, print);
		return paperkey_file_put(b, id, print, seed, 0, e);
	}
	r = keyfile_lock(id, seed, pass->p, pass->n, &cost, &f, e);
	return r < 0 ? r : keyfile_put(b, &f, e);
}

int
vault_person_make(struct cli *c, const char *out, const char *pass, const struct vault_ident *id,
    const char *name, const uint8_t seed[PAPERKEY_LEN], struct err *e)
{
	struct cli_pass p = {0};
	char want[80];
	struct buf b;
	int r = passphrase(c, pass, name, &p, e);
	bool none = r == 1;

	name_of(id, want);
	buf_init(&b, FILE_MAX);
	if (r >= 0)
		r = text_of(want, seed, &p, &b, e);
	if (r == 0)
		r = fio_create(fio_os(), AT_FDCWD, out, b.p, b.len, 0400, e);
	if (b.p)
		explicit_bzero(b.p, b.cap);
	buf_free(&b);
	cli_pass_free(&p);
	if (r == E_EXIST)
		return err_set(e, E_EXIST,
		    "%s is there already; a key is never written over another: choose another file",
		    out);
	if (r == 0 && none)
		fprintf(stderr, "%s\n", L(c,
		    "⚠ この鍵にはパスフレーズがありません。ファイルを手に入れた人は、だれでもこの人として承認できます（--passphrase-file）。",
		    "! This key has no passphrase: whoever gets hold of the file can approve in "
		    "this person's name (--passphrase-file)."));
	return r;
}
