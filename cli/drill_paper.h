/* What a drill leaves behind: the certificate and the fact that points at it. */
#ifndef MAMORI_CLI_DRILL_PAPER_H
#define MAMORI_CLI_DRILL_PAPER_H

#include "cli/drill_cert.h"
#include "cli/drill_db.h"

struct drill_paper {
	const char *drill;  /* "restore", "database" */
	const char *system;
	const uint8_t *repo, *gen; /* ids */
	int64_t gen_at;     /* when the generation was made */
	int64_t begun, ended;
	int64_t rto_ms;     /* until it was usable; -1: was not measured */
	const char *outcome;
	json_t *observed;   /* integers and texts; new reference, taken */
	json_t *databases;  /* likewise; NULL: none */
};

/* drill_paper_keep(c, st, p, hex): Make, sign and keep the certificate; false after saying why not.
 */
bool drill_paper_keep(struct cli *c, const struct state *st, struct drill_paper *p,
    char hex[EVIDENCE_HEX]);
/* drill_paper_database(c, st, o, repo, system, begun, ret_hex): The certificate and the fact
 * `vault.database.drill` for what drill_db_run found; says the result. CLI_OK or CLI_NO (a database
 * did not pass). ${ret_hex}: "" when there was nothing to certify. */
int drill_paper_database(struct cli *c, const struct state *st, const json_t *o,
    const uint8_t *repo, const char *system, int64_t begun, char ret_hex[EVIDENCE_HEX]);

cli_fn drill_verify_cmd;

#endif
