/* What several subcommands do with the state directory. */
#ifndef MAMORI_CLI_CLI_STATE_H
#define MAMORI_CLI_CLI_STATE_H

#include "cli/cli.h"

#include "db/db.h"
#include "ledger/facts.h"
#include "ledger/state.h"

/* cli_state(c, create, ret): Open the state directory; CLI_OK, or the exit status after saying why
 * not. The caller closes it (state_close). */
int cli_state(struct cli *c, bool create, struct state *ret);
/* cli_facts(c, create, ret_state, ret): Open the state and its facts; as above. */
int cli_facts(struct cli *c, bool create, struct state *ret_state, struct facts **ret);

/* cli_give(dirfd, name): What root wrote as ${name} below ${dirfd} belongs to whom ${dirfd} belongs
 * to: a service must be able to read it. Not there: nothing. */
void cli_give(int dirfd, const char *name);

/* cli_record(c, fact): Seal a measured fact into the state's ledger of facts, which is begun when
 * there is none. CLI_OK, or the exit status after saying why not. */
int cli_record(struct cli *c, const struct fact *fact);

/* cli_records(c, create, ret_state, ret): Open the state and its records database, brought to the
 * newest schema. ${create}: also where there is none yet. As above. */
int cli_records(struct cli *c, bool create, struct state *ret_state, struct db **ret);

#endif
