/* Paper from the command line: what several subcommands share. */
#ifndef MAMORI_CLI_CLI_REPORT_H
#define MAMORI_CLI_CLI_REPORT_H

#include <jansson.h>

#include "base/buf.h"
#include "cli/cli.h"

/* cli_pdf(c, model, n, path, e): Render a document's model (report/report.h) to the file ${path}:
 * complete and durable, or not at all; an older file of that name stays until then. "-" is standard
 * output. Prints nothing. Errors as report_render, E_SYS, E_NOSPC. */
MUST int cli_pdf(struct cli *c, const void *model, size_t n, const char *path, struct err *e);
/* cli_pdf_of(c, model, path, e): The same from a JSON value; takes the reference, also of NULL. */
MUST int cli_pdf_of(struct cli *c, json_t *model, const char *path, struct err *e);
/* cli_slurp(path, ret, e): A whole file, or standard input for "-", into ${ret}. */
MUST int cli_slurp(const char *path, struct buf *ret, struct err *e);
/* cli_pdf_done(c, path): Say where the paper is; returns CLI_OK. */
int cli_pdf_done(struct cli *c, const char *path);

#endif
