/* The same ledger in two places: what is given away whole is taken whole, and nothing else is. */
#include "ledger_help.h"

static struct ledger *
open_it(const char *name, struct signer *s)
{
	struct ledger *l = NULL;

	return ledger_open(fio_os(), help_fd, name, signer_pub(s), &l, NULL) < 0 ? NULL : l;
}

static bool
same_files(const char *a, const char *b)
{
	struct buf x, y;
	char pa[300], pb[300];
	bool same;

	buf_init(&x, 1 << 26);
	buf_init(&y, 1 << 26);
	(void)snprintf(pa, sizeof(pa), "%s/log", a);
	(void)snprintf(pb, sizeof(pb), "%s/log", b);
	same = fio_slurp(fio_os(), help_fd, pa, &x, NULL) == 0 &&
	    fio_slurp(fio_os(), help_fd, pb, &y, NULL) == 0 && x.len == y.len &&
	    memcmp(x.p, y.p, x.len) == 0;
	buf_free(&x);
	buf_free(&y);
	return same;
}

static void
test_copy(struct signer *s, struct signer *other)
{
	struct ledger_report rep;
	struct ledger *l = open_it("a", s), *m;
	struct buf raw, part;
	struct err e;

	buf_init(&raw, 1 << 24);
	buf_init(&part, 1 << 24);
	EQ_I(ledger_raw(l, 0, 1 << 20, &raw, &e), 0, "all bytes");
	EQ_I(ledger_import(fio_os(), help_fd, "b", signer_pub(other), raw.p, raw.len, &e), E_AUTH,
	    "begun with another key");
	EQ_I(ledger_import(fio_os(), help_fd, "b", signer_pub(s), raw.p, raw.len, &e), 0,
	    "taken in another place");
	OK(same_files("a", "b"), "the same bytes");
	EQ_I(ledger_import(fio_os(), help_fd, "b", NULL, raw.p, raw.len, &e), E_EXIST,
	    "a second time");
	OK(ledger_verify(fio_os(), help_fd, "b", signer_pub(s), NULL, &rep, &e) == 0 && rep.ok,
	    "the copy verifies, signatures and head");
	EQ_I(ledger_raw(l, 7, 1, &part, &e), 0, "from the middle, at least one");
	EQ_I(
	    ledger_append(l, s, 16, "later", 5, help_at(10), NULL, &e), 0, "the first one goes on");
	buf_clear(&part);
	EQ_I(ledger_raw(l, 9, 1 << 20, &part, &e), 0, "the end, one record twice");
	m = open_it("b", s);
	EQ_I(ledger_accept(m, part.p, part.len, &e), 0, "what is here is passed over");
	OK(same_files("a", "b"), "again the same bytes");
	EQ_I(ledger_accept(m, part.p, part.len, &e), 0, "a repetition changes nothing");
	OK(same_files("a", "b"), "nothing twice");
	buf_clear(&part);
	EQ_I(ledger_raw(l, 99, 1 << 20, &part, &e), 0, "past the end");
	EQ_I(part.len, 0, "there is nothing");
	ledger_close(m);
	ledger_close(l);
	buf_free(&raw);
	buf_free(&part);
}

static void
test_compose(struct signer *s, struct signer *other)
{
	struct ledger *l = open_it("a", s), *m = open_it("b", s);
	struct ledger_head h;
	struct buf one, two;
	struct err e;

	buf_init(&one, 1 << 21);
	buf_init(&two, 1 << 21);
	EQ_I(ledger_compose(m, other, 16, "x", 1, help_at(20), &one, &e), E_AUTH, "a stranger");
	EQ_I(ledger_compose(m, s, LEDGER_T_GENESIS, "x", 1, 0, &one, &e), E_INVAL, "a genesis");
	EQ_I(ledger_compose(m, s, 16, "𠮷野", 7, help_at(20), &one, &e), 0, "composed");
	EQ_I(ledger_head_of(one.p, one.len, &h), 0, "its head");
	EQ_I(h.seq, ledger_head(m).seq + 1, "the next number");
	OK(same_files("a", "b"), "nothing was written");
	EQ_I(ledger_compose(m, s, 16, "other", 5, help_at(20), &two, &e), 0, "another one");
	EQ_I(ledger_accept(l, one.p, one.len, &e), 0, "the first is faster");
	EQ_I(ledger_accept(l, two.p, two.len, &e), E_CORRUPT, "the second is refused: a fork");
	EQ_I(ledger_accept(m, one.p, one.len, &e), 0, "into the copy");
	OK(same_files("a", "b"), "the same bytes");
	/* a gap */
	EQ_I(ledger_append(l, s, 16, "1", 1, help_at(21), NULL, &e), 0, "one more");
	buf_clear(&one);
	EQ_I(ledger_append(l, s, 16, "2", 1, help_at(22), &h, &e), 0, "and one more");
	EQ_I(ledger_raw(l, h.seq, 1, &one, &e), 0, "the last one alone");
	EQ_I(ledger_accept(m, one.p, one.len, &e), E_BUSY, "leaves a gap");
	/* a key and what it signs, in one piece */
	EQ_I(ledger_enrol(l, s, signer_pub(other), help_at(23), &e), 0, "another writer");
	EQ_I(ledger_append(l, other, 16, "3", 1, help_at(24), NULL, &e), 0, "writes");
	buf_clear(&one);
	EQ_I(ledger_raw(l, ledger_head(m).seq + 1, 1 << 20, &one, &e), 0, "all of that");
	EQ_I(ledger_accept(m, one.p, one.len, &e), 0, "is taken");
	OK(same_files("a", "b"), "the same bytes");
	ledger_close(l);
	ledger_close(m);
	buf_free(&one);
	buf_free(&two);
}

/* Every single wrong bit of a record, and every cut, is refused and changes nothing. */
static void
test_wrong(struct signer *s)
{
	struct ledger *l = open_it("a", s), *m = open_it("b", s);
	struct buf one;
	unsigned taken = 0, tries = 0;
	struct ledger_report rep;
	struct err e;

	buf_init(&one, 1 << 21);
	(void)!ledger_append(l, s, 16, "葛󠄀城", 10, help_at(30), NULL, &e);
	(void)!ledger_raw(l, ledger_head(l).seq, 1, &one, &e);
	for (size_t bit = 0; bit < one.len * 8; bit++, tries++) {
		one.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		/* the number alone may make it look old: then it is passed over, not taken */
		if (ledger_accept(m, one.p, one.len, &e) == 0 &&
		    ledger_head(m).seq == ledger_head(l).seq)
			taken++;
		one.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t n = 1; n < one.len; n++, tries++)
		taken += ledger_accept(m, one.p, n, &e) == 0;
	EQ_I(taken, 0, "no damaged or cut record was taken");
	OK(tries > 1000, "many were tried (%u)", tries);
	OK(ledger_verify(fio_os(), help_fd, "b", signer_pub(s), NULL, &rep, &e) == 0 && rep.ok,
	    "the copy still verifies");
	EQ_I(ledger_accept(m, one.p, one.len, &e), 0, "the right one is taken");
	ledger_close(l);
	ledger_close(m);
	buf_free(&one);
}

static void
test_import_wrong(struct signer *s)
{
	struct ledger *l = open_it("a", s);
	struct buf raw;
	struct err e;
	unsigned taken = 0;

	buf_init(&raw, 1 << 21);
	(void)!ledger_raw(l, 0, 1, &raw, &e);
	for (size_t i = 0; i < raw.len; i++) {
		raw.p[i] ^= 0x40;
		if (ledger_import(fio_os(), help_fd, "c", signer_pub(s), raw.p, raw.len, &e) == 0) {
			taken++;
			help_wipe("c");
		}
		raw.p[i] ^= 0x40;
	}
	for (size_t n = 0; n < raw.len; n++)
		taken += ledger_import(fio_os(), help_fd, "c", signer_pub(s), raw.p, n, &e) == 0;
	EQ_I(taken, 0, "no damaged or cut beginning was taken");
	EQ_I(ledger_import(fio_os(), help_fd, "c", signer_pub(s), raw.p, raw.len, &e), 0,
	    "the right one");
	ledger_close(l);
	buf_free(&raw);
}

/* What is checked without a file is what would be taken. */
static void
test_check(struct signer *s, struct signer *other)
{
	struct ledger *l = open_it("a", s);
	struct buf raw;
	struct err e;
	unsigned held = 0, steps = 0;

	buf_init(&raw, 1 << 21);
	(void)!ledger_raw(l, 0, 1 << 20, &raw, &e);
	EQ_I(ledger_check(signer_pub(s), raw.p, raw.len, &e), 0, "a whole ledger holds");
	EQ_I(ledger_check(NULL, raw.p, raw.len, &e), 0, "whoever began it");
	EQ_I(ledger_check(signer_pub(other), raw.p, raw.len, &e), E_AUTH, "not for another key");
	for (size_t i = 0; i < raw.len; i += 1 + raw.len / 3000, steps++) {
		raw.p[i] ^= 0x40;
		held += ledger_check(signer_pub(s), raw.p, raw.len, &e) == 0;
		raw.p[i] ^= 0x40;
	}
	OK(steps > 100 && held == 0, "no flipped byte passes, in signatures neither (%u of %u)",
	    held, steps);
	EQ_I(ledger_check(signer_pub(s), raw.p, raw.len - 1, &e), E_CORRUPT, "nor half a record");
	EQ_I(ledger_check(signer_pub(s), raw.p, 10, &e) < 0, 1, "nor the beginning of a header");
	ledger_close(l);
	buf_free(&raw);
}

int
main(void)
{
	struct signer *s = help_signer(1), *other = help_signer(2);

	help_begin();
	help_make("a", s, 10);
	test_copy(s, other);
	test_compose(s, other);
	test_wrong(s);
	test_check(s, other);
	test_import_wrong(s);
	signer_free(s);
	signer_free(other);
	help_end();
	return tap_done();
}
