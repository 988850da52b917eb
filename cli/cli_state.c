#include "cli/cli_state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/time.h"

int
cli_state(struct cli *c, bool create, struct state *ret)
{
	struct err e;

	if (state_open(fio_os(), c->state, create, ret, &e) < 0)
		return cli_fail(c, &e, L(c, "データの置き場所を開けません", "cannot open the state"));
	return CLI_OK;
}

int
cli_facts(struct cli *c, bool create, struct state *ret_state, struct facts **ret)
{
	struct err e;
	int r = cli_state(c, create, ret_state);

	if (r != CLI_OK)
		return r;
	if (facts_open(ret_state, create, time_now_us(), ret, &e) < 0) {
		state_close(ret_state);
		return cli_fail(c, &e, L(c, "事実の記録を開けません", "cannot open the facts"));
	}
	return CLI_OK;
}

void
cli_give(int dirfd, const char *name)
{
	struct stat sb;

	if (geteuid() != 0 || fstat(dirfd, &sb) < 0 || sb.st_uid == 0)
		return;
	if (fchownat(dirfd, name, sb.st_uid, sb.st_gid, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT)
		fprintf(stderr, "mamori: %s: cannot be given to the service's user\n", name);
}

int
cli_record(struct cli *c, const struct fact *fact)
{
	struct state st;
	struct err e;
	int r = cli_state(c, true, &st);

	if (r != CLI_OK)
		return r;
	if (facts_record(&st, fact, time_now_us(), NULL, &e) < 0)
		r = cli_fail(c, &e, L(c, "事実を記録できませんでした", "the fact was not recorded"));
	state_close(&st);
	return r;
}

static int
records(const struct state *st, bool create, struct db **ret, struct err *e)
{
	char url[PATH_MAX + 32];
	const struct db_step *steps;
	size_t n;
	int r;

	if (!create && faccessat(st->dirfd, "records.db", F_OK, 0) != 0)
		return err_set(e, E_NOENT, "there are no records in %s yet", st->path);
	(void)snprintf(url, sizeof(url), "sqlite:%s/records.db", st->path);
	r = db_open(url, ret, e);
	if (r < 0)
		return r;
	steps = db_steps(&n);
	r = db_migrate(*ret, steps, n, time_now_us(), e);
	if (r < 0)
		db_close(*ret);
	return r < 0 ? r : 0;
}

int
cli_records(struct cli *c, bool create, struct state *ret_state, struct db **ret)
{
	struct err e;
	int r = cli_state(c, create, ret_state);

	if (r != CLI_OK)
		return r;
	if (records(ret_state, create, ret, &e) < 0) {
		state_close(ret_state);
		return cli_fail(c, &e, L(c, "台帳を開けません", "cannot open the records"));
	}
	return CLI_OK;
}
