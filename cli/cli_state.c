#include "cli/cli_state.h"

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
