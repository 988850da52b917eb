/* mamori guide export: a checklist with its verdicts for other programs. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "cli/guide_common.h"
#include "guide/oscal.h"

static int
make(struct guide_cli *x, const char *pack, json_t **ret, struct err *e)
{
	const struct guide_pack *now = guide_current(x->g, "inspection", x->desk.today);
	char at[TIME_TEXT], host[256] = "";
	json_t *status = NULL;
	struct fact f;
	int r;

	if (!pack && !now)
		return err_set(e, E_NOENT, "no checklist is in force");
	time_put_utc(at, x->who.now);
	/* the machine's name as facts have it */
	if (fact_fill(&f, "guide", "ledger.verify", "host", "x", FACT_NA, x->who.now, NULL) == 0) {
		(void)memcpy(host, f.host, sizeof(host));
		fact_free(&f);
	}
	r = desk_status(&x->desk, pack ? pack : now->id, &status, e);
	if (r == 0)
		r = oscal_make(status, host, at, MAMORI_VERSION, ret, e);
	json_decref(status);
	return r;
}

int
guide_export(struct cli *c, int argc, char **argv)
{
	const char *file = NULL, *pack = NULL;
	const struct guide_opt opts[] = {{"oscal", &file, NULL}, {"pack", &pack, NULL}};
	struct guide_cli x;
	struct err e = {0};
	json_t *o = NULL;
	char *s = NULL;
	int r;

	argc = guide_cli_opts(argc, argv, opts, 2);
	if (argc != 1 || !file)
		return cli_usage(c, "mamori guide export --oscal FILE [--pack P]");
	r = guide_cli_open(c, &x);
	if (r != CLI_OK)
		return r;
	r = make(&x, pack, &o, &e);
	if (r == 0)
		s = json_dumps(o, JSON_INDENT(1) | JSON_SORT_KEYS);
	if (r == 0 && !s)
		r = err_set(&e, E_NOMEM, "no memory");
	json_decref(o);
	if (r == 0)
		r = fio_replace(fio_os(), AT_FDCWD, file, s, strlen(s), 0600, &e);
	if (r == 0) {
		cli_say(c, L(c, "%s に書きました。", "Written to %s."), file);
		cli_json(c, json_pack("{s:b, s:s, s:I}", "ok", 1, "file", file, "bytes",
		    (json_int_t)strlen(s)));
	}
	free(s);
	return guide_cli_end(&x, r, &e, "書き出せません", "cannot export");
}
