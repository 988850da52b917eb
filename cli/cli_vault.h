/* What the subcommands of `mamori vault` share. One file each: vault_*.c. */
#ifndef MAMORI_CLI_CLI_VAULT_H
#define MAMORI_CLI_CLI_VAULT_H

#include "cli/cli.h"

#include "ledger/fact.h"
#include "vault/vault.h"

cli_fn vault_init_cmd, vault_backup_cmd, vault_list_cmd, vault_restore_cmd, vault_verify_cmd,
    vault_ls_cmd, vault_cat_cmd, vault_find_cmd, vault_login_cmd, vault_peek_cmd, vault_carry_cmd,
    vault_unpack_cmd, vault_disk_cmd;

#define VAULT_CARRY_USAGE "mamori vault carry REPO DISK [--label NAME] [--prove]"
#define VAULT_UNPACK_USAGE "mamori vault unpack DISK --to DIR [--key FILE]..."
#define VAULT_DISK_USAGE                                                                           \
	"mamori vault disk list|check | add DISK [--label NAME] [--lies WHERE] | move NAME WHERE"
#define VAULT_LOGIN_USAGE "mamori vault login REPO --login-file FILE|-"

enum { VAULT_MAX_KEYS = 8 };

/* Where the recovery key comes from: files ("-" is standard input); none: this machine's keys. */
struct vault_keys {
	const char *files[VAULT_MAX_KEYS];
	size_t n;
};
/* vault_keys_add(c, k, file): CLI_OK, or CLI_USAGE when there are too many. */
int vault_keys_add(struct cli *c, struct vault_keys *k, const char *file);
/* vault_keys_read(c, k, id, secret, e): The recovery key from the files, joined from shares where
 * they are shares. ${id} may be NULL while it is not known whose key is needed. E_AUTH: the file is
 * the key of another vault; E_INVAL; E_NOENT. */
MUST int vault_keys_read(struct cli *c, const struct vault_keys *k, const struct vault_ident *id,
    uint8_t secret[PAPERKEY_LEN], struct err *e);

/* vault_place_of(statefd): What this machine knows of vaults: its state (or -1), and the kinds of
 * addresses that REPO may be. */
struct vault_place vault_place_of(int statefd);

/* An opened repository with what must live as long. */
struct vault_opened {
	VAULT_R *r;
	struct vault_ident id;
	bool whole; /* opened with the recovery key */
	int statefd;
};
/* vault_reader(c, repo, k, ret): Open for reading with the keys given, else with what this machine
 * holds. CLI_OK, or the exit status after saying why not. */
int vault_reader(struct cli *c, const char *repo, const struct vault_keys *k,
    struct vault_opened *ret);
/* vault_generation(c, o, repo, what, ret, ret_gen): Find a generation and open it. Where this
 * machine's keys do not reach and somebody sits at the terminal, ask for the recovery key and open
 * again. */
int vault_generation(struct cli *c, struct vault_opened *o, const char *repo, const char *what,
    const struct vault_generation **ret, struct vault_gen **ret_gen);
void vault_reader_close(struct vault_opened *o);

/* vault_cancel(): A flag that Ctrl-C and SIGTERM set from now on. */
const volatile int *vault_cancel(void);
/* vault_path_arg(c, b, arg): A path as typed: shown bytes (\xHH) are turned back where that can be
 * meant. Owned by ${b}. */
const char *vault_path_arg(struct buf *b, const char *arg);
/* vault_show(b, p, n): Any bytes as printable text; "?" without memory. Owned by ${b}, cleared. */
const char *vault_show(struct buf *b, const void *p, size_t n);
/* vault_time(us): JSON text of a time, null for 0. */
json_t *vault_time(int64_t us);
/* vault_fact(c, f): Seal a fact when this machine keeps facts; says on stderr when it cannot. Takes
 * what ${f} owns. ${begin}: also begin the record of facts. */
void vault_fact(struct cli *c, struct fact *f, bool begin);
/* vault_key_proved(c, repo, o, k, how): Leave a fact that the recovery key really opened it.
 * Nothing when this machine's own keys did it, or when the key lies in the state itself: that says
 * nothing about the paper in the safe. */
void vault_key_proved(struct cli *c, const char *repo, const struct vault_opened *o,
    const struct vault_keys *k, const char *how);
/* vault_seal(c, repo, id): Remember the log's newest record, so that `mamori verify` notices a
 * roll-back. */
void vault_seal(struct cli *c, const char *repo, const struct vault_ident *id);
/* vault_sheet(b, id, fingerprint, key, share, made, e): The printable page of a key or share
 * (HTML). */
MUST int vault_sheet(struct buf *b, const char *id, const char *fingerprint,
    const uint8_t key[PAPERKEY_LEN], int share, const char *made, struct err *e);

#endif
