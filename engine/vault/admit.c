/* Another writer key, by the recovery key's word: for a machine that lost its own. */
#include <string.h>

#include "crypt/aead.h"
#include "crypt/secret.h"
#include "crypt/sign.h"
#include "vault/repo_int.h"

/* fill(log, all, root, id, w, e): What a writer holds besides its own signing key. E_AUTH: the
 * recovery key is another vault's. */
static int
fill(struct ledger *log, const struct keys_all *all, const struct signer *root,
    const struct vault_ident *id, struct vault_writer_key *w, struct err *e)
{
	struct fmt_genesis g;
	uint8_t commit[32];
	size_t n;
	const uint8_t *p = ledger_genesis(log, &n);
	int r = fmt_genesis_get(p, n, &g, e);

	if (r == 0)
		r = aead_commit(all->index, commit, e);
	if (r < 0)
		return r;
	if (memcmp(signer_pub(root), id->pin, SIGN_PUB_LEN) != 0 ||
	    !secret_eq(commit, g.index_commit, sizeof(commit)))
		return err_set(e, E_AUTH, "this is not the recovery key of this vault");
	(void)memcpy(w->repo, id->repo, FMT_ID_LEN);
	(void)memcpy(w->index, all->index, 32);
	(void)memcpy(w->dedup, all->dedup, 32);
	(void)memcpy(w->recovery, g.recovery, SEAL_PUB_LEN);
	(void)memcpy(w->pin, id->pin, SIGN_PUB_LEN);
	return 0;
}

/* admit(f, fd, pl, id, all, now, e): The vault takes the new key's word first: a key of which only
 * the vault knows can do no harm, a machine with a key that the vault does not know can do nothing.
 */
static int
admit(const struct fio *f, int fd, const struct vault_place *pl, const struct vault_ident *id,
    const struct keys_all *all, int64_t now, struct err *e)
{
	struct vault_writer_key w = {.ring = true};
	struct signer *root = NULL, *writer = NULL;
	struct ledger *log = NULL;
	int r = ledger_open(f, fd, "log", id->pin, &log, e);

	random_fill(w.seed, sizeof(w.seed));
	if (r == 0)
		r = signer_new(all->sign, &root, e);
	if (r == 0)
		r = signer_new(w.seed, &writer, e);
	if (r == 0)
		r = fill(log, all, root, id, &w, e);
	if (r == 0)
		r = ledger_enrol(log, root, signer_pub(writer), now, e);
	if (r == 0)
		r = keys_save(f, pl, &w, e);
	ledger_close(log);
	signer_free(writer);
	signer_free(root);
	explicit_bzero(&w, sizeof(w));
	return r;
}

int
vault_admit(const struct fio *f, const char *path, const struct vault_place *pl,
    const uint8_t secret[PAPERKEY_LEN], int64_t now, struct err *e)
{
	struct vault_writer_key w;
	struct vault_ident id;
	struct keys_all all;
	int fd, r = vault_identify(f, path, &id, e);

	if (r < 0)
		return r;
	r = vault_key_load(f, pl, id.repo, &w, e);
	explicit_bzero(&w, sizeof(w));
	if (r != E_AUTH)
		return r < 0 ? r : 1;
	fd = repo_place(f, path, e);
	if (fd < 0)
		return fd;
	r = keys_derive(secret, &all, e);
	if (r == 0)
		r = admit(f, fd, pl, &id, &all, now, e);
	fio_close(f, fd);
	explicit_bzero(&all, sizeof(all));
	return r;
}
