/* What the subcommands about retention share, and what a backup does for it. */
#ifndef MAMORI_CLI_VAULT_KEEP_H
#define MAMORI_CLI_VAULT_KEEP_H

#include <limits.h>

#include "cli/cli_vault.h"

#include "vault/keep_auth.h"
#include "vault/keep_poison.h"

cli_fn vault_clock_cmd, vault_policy_cmd, vault_approver_cmd, vault_prune_cmd, vault_accept_cmd,
    vault_state_cmd, vault_adopt_cmd;

#define VAULT_CLOCK_USAGE "mamori vault clock [REPO]"
#define VAULT_POLICY_USAGE                                                                         \
	"mamori vault policy REPO [--set NAME] [--key FILE]... "                                   \
	"[--approver-key FILE [--passphrase-file FILE]]..."
#define VAULT_APPROVER_USAGE                                                                       \
	"mamori vault approver list REPO | add REPO --name NAME --out FILE --key FILE "            \
	"[--passphrase-file FILE] | "                                                              \
	"remove REPO --name NAME --key FILE"
#define VAULT_PRUNE_USAGE                                                                          \
	"mamori vault prune REPO --policy NAME [--approver-key FILE [--passphrase-file FILE]]... " \
	"[--request N] "                                                                           \
	"[--dry-run] [--by WHO] | REPO --cancel [--request N] [--by WHO]"
#define VAULT_STATE_USAGE "mamori vault state REPO [--key FILE]..."
#define VAULT_ACCEPT_USAGE                                                                         \
	"mamori vault accept REPO GEN --key FILE... | --approver-key FILE [--passphrase-file FILE]"

#define VAULT_ADOPT_USAGE "mamori vault adopt REPO --key FILE... [--writer]"

/* Who looks after a vault that could not be opened as this machine's. */
enum vault_keeper {
	KEEPER_HERE,  /* this machine, as far as is known */
	KEEPER_OTHER, /* another one: no keep.key is here */
	KEEPER_MOVED, /* another one now: the keep.key here is not the vault's any more */
};

/* A repository whose keep ledger this machine writes. */
struct vault_kept {
	struct keep *k;
	VAULT_R *r; /* with this machine's keys */
	struct vault_ident id;
	struct keep_time now;
	struct keep_clock before; /* of the last record */
	struct keep_clock clock;  /* as of now */
	bool jumped;             /* the wall clock, since the last record */
	int fd, statefd;
	bool index; /* names can be read */
	enum vault_keeper keeper;
	uint8_t index_key[32];
	char path[PATH_MAX];
};

/* vault_kept_open(c, statefd, repo, ret, e): Begins the keep ledger where there is none. Notes what
 * came in unnoted, and the time. E_AUTH: another machine looks after the vault (${ret->keeper} says
 * more); E_INVAL: the vault is elsewhere (its own box looks after it). */
MUST int vault_kept_open(struct cli *c, int statefd, const char *repo, struct vault_kept *ret,
    struct err *e);
void vault_kept_close(struct vault_kept *v);
/* vault_kept_seen(repo, ret, e): When somebody last looked after it, wall clock, by its own record.
 * Needs no key. */
MUST int vault_kept_seen(const char *repo, int64_t *ret, struct err *e);
/* vault_kept_facts(c, v): Facts about locks and waiting requests; and the seal of the keep ledger.
 */
void vault_kept_facts(struct cli *c, struct vault_kept *v);
/* vault_kept_asked(c, v, who): The fact about a waiting request, with who asked. ${who} may be
 * NULL. */
void vault_kept_asked(struct cli *c, struct vault_kept *v, const char *who);
/* vault_kept_judged(c, v, name, who): The fact about the newest generation of a system, after
 * ${who} said what is right. */
void vault_kept_judged(struct cli *c, struct vault_kept *v, const char *name, const char *who);

/* vault_kept_backup(c, statefd, repo, g, f): After a backup: note the generation (its lock becomes
 * the box's), judge it, leave facts. What is in doubt about it: a JSON object, or null. Says what
 * matters to a person. */
json_t *vault_kept_backup(struct cli *c, int statefd, const char *repo,
    struct vault_generation *g, const struct vault_figures *f);

/* vault_kept_drill(c, statefd, repo, gen, passed, what): A drill's result, for the ledger. */
void vault_kept_drill(struct cli *c, int statefd, const char *repo,
    const uint8_t gen[FMT_ID_LEN], bool passed, const json_t *what);

/* vault_doubt_text(c, v, out): A reason as a sentence. */
const char *vault_doubt_text(struct cli *c, const struct keep_verdict *v, char out[300]);
/* Somebody's approver key: its file, and the file of its passphrase (NULL: whoever sits at the
 * terminal is asked, where the key has one). */
struct vault_person {
	const char *file, *pass;
};
/* vault_person_pass(p, n, file): Of the last of ${n} people given; false when it has one already,
 * or nobody was given. */
bool vault_person_pass(struct vault_person *p, size_t n, const char *file);
/* vault_signer(c, who, id, ret, e): The key itself. E_AUTH: of another vault, or not with this
 * passphrase. */
MUST int vault_signer(struct cli *c, const struct vault_person *who, const struct vault_ident *id,
    struct signer **ret, struct err *e);
/* vault_person_make(c, out, pass, id, name, seed, e): Write a new key to the file ${out}, locked
 * with the passphrase of the file ${pass} (NULL: asked for; none is told). E_INVAL: a passphrase
 * that is easy to guess; E_EXIST. */
MUST int vault_person_make(struct cli *c, const char *out, const char *pass,
    const struct vault_ident *id, const char *name, const uint8_t seed[PAPERKEY_LEN],
    struct err *e);
/* vault_name_of(v, id, out): The system's name of a generation, or "". */
void vault_name_of(const struct vault_kept *v, const uint8_t id[FMT_ID_LEN], char out[256]);

#endif
