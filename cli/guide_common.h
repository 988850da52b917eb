/* What the guide's subcommands share. */
#ifndef MAMORI_CLI_GUIDE_COMMON_H
#define MAMORI_CLI_GUIDE_COMMON_H

#include "cli/cli_state.h"

#include "guide/desk.h"

struct guide_cli {
	struct cli *c;
	struct state st;
	struct facts *facts;
	struct db *db;
	struct guide *g;
	struct fact *list;
	size_t n;
	json_t *facility; /* values of the register's record, or NULL */
	struct desk desk;
	struct inspect_who who;
	char name[80];
};

/* guide_cli_open(c, x): State, facts, records, packs and the desk. CLI_OK, or the exit status after
 * saying why not. */
int guide_cli_open(struct cli *c, struct guide_cli *x);
void guide_cli_close(struct guide_cli *x);
/* guide_cli_seal(x, f): Seal a fact and give it back; CLI_OK or the exit status. */
int guide_cli_seal(struct guide_cli *x, struct fact *f);
/* guide_cli_end(x, r, e, ja, en): Close; the exit status of ${r}, having said ${ja}/${en} and what
 * ${e} says when it is negative. */
int guide_cli_end(struct guide_cli *x, int r, struct err *e, const char *ja, const char *en);
/* guide_cli_id(s, ret): A number from the command line. E_INVAL. */
MUST int guide_cli_id(const char *s, int64_t *ret);

/* One long option of a subcommand: --name VALUE, or --name alone (flag). */
struct guide_opt {
	const char *name;
	const char **value;
	bool *flag;
};
/* guide_cli_opts(argc, argv, opts, n): Take options out of argv; returns the new argc, or -1. */
int guide_cli_opts(int argc, char **argv, const struct guide_opt *opts, size_t n);
/* guide_cli_text(o, key): A text of a JSON object, "" where there is none. */
const char *guide_cli_text(const json_t *o, const char *key);
/* The text of {"ja","en"} under ${key}. */
const char *guide_cli_words(const struct cli *c, const json_t *o, const char *key);

cli_fn guide_inspect, guide_finding, guide_review, guide_request, guide_evidence, guide_binder,
    guide_export, guide_first, guide_morning, guide_letter;

#endif
