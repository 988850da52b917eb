/* What the parts of `mamori register` share. */
#ifndef MAMORI_CLI_CLI_REGISTER_H
#define MAMORI_CLI_CLI_REGISTER_H

#include "cli/cli_state.h"
#include "register/exchange.h"
#include "register/register.h"
#include "text/csv.h"

struct reg { /* one call */
	struct cli *c;
	struct state st;
	struct db *db;
	const struct register_kind *k;
	struct register_who who;
	char name[80], today[REGISTER_DAY];
};

/* reg_open(c, kind, ret): The state, its records and the kind (NULL: none is needed). CLI_OK, or
 * the exit status after saying why not. reg_close(r): Give them back. */
int reg_open(struct cli *c, const char *kind, struct reg *ret);
void reg_close(struct reg *r);

/* reg_problems(r, problems, e, lead): Say what is wrong with values; CLI_USAGE. Takes ${problems}.
 */
int reg_problems(struct reg *r, json_t *problems, const struct err *e, const char *lead);
/* reg_label(r, field): The words for a field in the user's language. */
const char *reg_label(const struct reg *r, const char *field);

/* reg_table(r, path, sheet, o, t, ret, e): Read a file in a child that can do nothing but hand the
 * table over. */
MUST int reg_table(struct reg *r, const char *path, const char *sheet, const struct csv_options *o,
    struct table *t, struct csv_found *ret, struct err *e);

cli_fn register_import_cmd, register_columns_cmd, register_export_cmd, register_check_cmd;

#define REG_IMPORT                                                                                 \
	"mamori register import KIND FILE [--dry-run] [--conflict stop|skip|update] "              \
	"[--map HEADING=FIELD]... [--columns FILE] [--fill FIELD=VALUE]... [--heading ROW] "       \
	"[--remember] [--encoding utf-8|cp932|utf-16] [--sheet NAME] [--by NAME]"
#define REG_COLUMNS "mamori register columns KIND [--forget]"
#define REG_EXPORT                                                                                 \
	"mamori register export KIND FILE [--format csv|xlsx] "                                    \
	"[--encoding utf-8-bom|utf-8|cp932] [--all] [--text TEXT] [--filter FIELD=VALUE]..."
#define REG_CHECK "mamori register check [--no-fact]"

#endif
