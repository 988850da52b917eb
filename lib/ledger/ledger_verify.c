#include <stdio.h>
#include <string.h>

#include "ledger/ledger_int.h"

/* Whether a failure is an answer ("no, it does not hold") rather than an inability to look. */
static bool
is_answer(int code)
{
	/* E_INVAL: other first bytes in a place where a ledger must be */
	return code == E_CORRUPT || code == E_AUTH || code == E_INVAL;
}

static int
checked(struct ledger *l, const uint8_t *pin, struct err *e)
{
	int r = ledger_io_header(l, e);

	if (r == 0)
		r = ledger_scan_all(l, e);
	if (r == 0)
		r = ledger_slots_judge(l, true, e);
	if (r < 0)
		return r;
	if (pin && memcmp(pin, l->first, SIGN_PUB_LEN) != 0) {
		l->bad_seq = 0;
		return err_set(e, E_AUTH,
		    "record 0: the ledger was begun with another key than the "
		    "one known here");
	}
	if (l->want && !l->want_found) {
		l->bad_seq = l->tail.seq + 1;
		return err_set(e, E_CORRUPT,
		    "the log was cut: it ends with record %llu, but record "
		    "%llu is remembered",
		    (unsigned long long)l->tail.seq, (unsigned long long)l->want->seq);
	}
	return 0;
}

int
ledger_verify(const struct fio *f, int dirfd, const char *name, const uint8_t *pin,
    const struct ledger_head *at_least, struct ledger_report *rep, struct err *e)
{
	struct ledger_report got = {0};
	struct ledger *l = NULL;
	struct err why = {0};
	int r = ledger_io_open(f, dirfd, name, false, &l, &why);

	if (r == 0) {
		l->all_sigs = true;
		l->want = at_least;
		r = checked(l, pin, &why);
		got.records = l->tail.any ? l->tail.seq + 1 : 0;
		got.first_bad = l->bad_seq;
		got.head = ledger_head(l);
	}
	ledger_io_close(l);
	if (r < 0 && !is_answer(r))
		return err_set(e, r, "%s", why.msg);
	got.ok = r == 0;
	if (got.ok)
		got.first_bad = 0;
	else
		(void)snprintf(got.why, sizeof(got.why), "%.199s", why.msg);
	*rep = got;
	return 0;
}
