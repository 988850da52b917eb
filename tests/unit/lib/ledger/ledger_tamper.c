/* Every way to alter a ledger after the fact must be found, and named. */
#include "ledger_help.h"

#include "crypt/digest.h"

static struct blob log_, head_; /* the untouched ledger */

static void
put(const char *name, const void *log, size_t n)
{
	help_write(name, "log", log, n);
	help_write(name, "head", head_.p, head_.n);
}

static bool
found(const struct ledger_report *rep, uint64_t seq)
{
	return !rep->ok && rep->first_bad == seq && rep->why[0] != 0;
}

/* Which record a byte of the log belongs to; the file header counts as record 0. */
static uint64_t
owner(size_t at)
{
	uint64_t i = 0;

	while (help_offset(&log_, i + 1) <= at)
		i++;
	return i;
}

static void
flip_log(void)
{
	static const uint8_t mask[] = {0x01, 0xff};
	uint8_t *copy = malloc(log_.n);
	size_t missed = 0, misnamed = 0, opened = 0;

	for (size_t i = 0; i < log_.n * 2; i++) {
		struct ledger_report rep;
		struct ledger *l = NULL;
		size_t at = i / 2;

		(void)memcpy(copy, log_.p, log_.n);
		copy[at] ^= mask[i % 2];
		put("t", copy, log_.n);
		rep = help_verify("t");
		missed += rep.ok;
		if (rep.first_bad != owner(at)) {
			misnamed++;
			printf("# byte %zu: record %llu %s\n", at,
			    (unsigned long long)rep.first_bad, rep.why);
		}
		/* opening checks all but the signatures of older records */
		if (ledger_open(fio_os(), help_fd, "t", NULL, &l, NULL) == 0) {
			size_t end = help_offset(&log_, owner(at) + 1);

			opened += at < end - SIGN_LEN;
			ledger_close(l);
		}
	}
	EQ_I(missed, 0, "every flipped byte of the log is found");
	EQ_I(misnamed, 0, "and the record is named");
	EQ_I(opened, 0, "only an older signature can be changed without ledger_open noticing");
	free(copy);
}

static void
flip_head(void)
{
	static const uint8_t mask[] = {0x01, 0x02, 0xff};
	uint8_t copy[LEDGER_FMT_HEAD_FILE];
	size_t missed = 0, refused = 0;

	help_write("t", "log", log_.p, log_.n);
	for (size_t i = 0; i < sizeof(copy) * 3; i++) {
		struct ledger *l = NULL;

		(void)memcpy(copy, head_.p, sizeof(copy));
		copy[i / 3] ^= mask[i % 3];
		help_write("t", "head", copy, sizeof(copy));
		if (help_verify("t").ok) {
			missed++;
			printf("# head byte %zu mask %#x\n", i / 3, mask[i % 3]);
		}
		/* one good slot is enough to go on working */
		refused += ledger_open(fio_os(), help_fd, "t", NULL, &l, NULL) < 0;
		ledger_close(l);
	}
	EQ_I(missed, 0, "every flipped byte of the head file is found");
	EQ_I(refused, 0, "and none of them stops the work");
	(void)memset(copy, 0x55, sizeof(copy));
	help_write("t", "head", copy, sizeof(copy));
	EQ_I(help_verify("t").ok, 0, "both slots spoiled: found");
	EQ_I(ledger_open(fio_os(), help_fd, "t", NULL, &(struct ledger *){0}, NULL), E_CORRUPT,
	    "and not worked with");
	help_write("t", "head", copy, 0);
	EQ_I(help_verify("t").ok, 0, "an empty head file");
	help_write("t", "head", head_.p, 511);
	EQ_I(help_verify("t").ok, 0, "a head file cut by a byte");
	(void)memset(copy, 0, sizeof(copy));
	help_write("t", "head", copy, sizeof(copy));
	EQ_I(help_verify("t").ok, 0, "a head file of zeros");
	(void)unlinkat(help_fd, "t/head", 0);
	EQ_I(help_verify("t").ok, 0, "no head file");
	EQ_I(ledger_open(fio_os(), help_fd, "t", NULL, &(struct ledger *){0}, NULL), E_CORRUPT,
	    "nothing is opened without one");
	help_write("t", "head", head_.p, head_.n);
	(void)unlinkat(help_fd, "t/log", 0);
	EQ_I(help_verify("t").ok, 0, "no log");
}

static void
cut_tail(void)
{
	size_t missed = 0, opened = 0, misnamed = 0;

	for (size_t n = 0; n < log_.n; n++) {
		struct ledger_report rep;
		struct ledger *l = NULL;

		put("t", log_.p, n);
		rep = help_verify("t");
		missed += rep.ok;
		misnamed += n >= LEDGER_FMT_HEADER && rep.first_bad != owner(n);
		opened += ledger_open(fio_os(), help_fd, "t", NULL, &l, NULL) == 0;
		ledger_close(l);
	}
	EQ_I(missed, 0, "a tail cut at any length is found");
	EQ_I(misnamed, 0, "the first missing record is named");
	EQ_I(opened, 0, "and refused");
}

/* Put records together anew, as listed, ended by -1. */
static size_t
compose(uint8_t *to, const int *order, const struct blob *from)
{
	size_t n = LEDGER_FMT_HEADER;

	(void)memcpy(to, from->p, n);
	for (; *order >= 0; order++) {
		size_t a = help_offset(from, (uint64_t)*order),
		       b = help_offset(from, (uint64_t)*order + 1);

		(void)memcpy(to + n, from->p + a, b - a);
		n += b - a;
	}
	return n;
}

static void
reorder(void)
{
	static const struct {
		const char *what;
		int order[9];
		uint64_t bad;
	} all[] = {
		{"untouched", {0, 1, 2, 3, 4, 5, -1}, 99},
		{"two swapped", {0, 1, 3, 2, 4, 5, -1}, 2},
		{"the last two swapped", {0, 1, 2, 3, 5, 4, -1}, 4},
		{"one removed", {0, 1, 3, 4, 5, -1}, 2},
		{"the first removed", {1, 2, 3, 4, 5, -1}, 0},
		{"one twice", {0, 1, 2, 2, 3, 4, 5, -1}, 3},
		{"the last twice", {0, 1, 2, 3, 4, 5, 5, -1}, 6},
		{"an old one replayed at the end", {0, 1, 2, 3, 4, 5, 2, -1}, 6},
		{"the genesis replayed at the end", {0, 1, 2, 3, 4, 5, 0, -1}, 6},
		{"an old one replayed inside", {0, 1, 2, 3, 1, 4, 5, -1}, 4},
		{"the genesis replayed", {0, 0, 1, 2, 3, 4, 5, -1}, 1},
		{"the last removed", {0, 1, 2, 3, 4, -1}, 5},
	};
	uint8_t *copy = malloc(2 * log_.n);

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		size_t n = compose(copy, all[i].order, &log_);
		struct ledger_report rep;

		put("t", copy, n);
		rep = help_verify("t");
		if (all[i].bad == 99)
			OK(rep.ok && rep.records == 6, "%s: six good records (%s)", all[i].what,
			    rep.why);
		else
			OK(found(&rep, all[i].bad), "%s: %s", all[i].what, rep.why);
	}
	free(copy);
}

/* Records that are genuine, but of another ledger with the same key. */
static void
transplant(struct signer *s)
{
	uint8_t *copy = malloc(2 * log_.n);
	struct ledger_report rep;
	struct blob other;
	size_t n;

	help_make("o", s, 6);
	other = help_read("o", "log");
	(void)memcpy(copy, log_.p, log_.n);
	n = help_offset(&log_, 3);
	(void)memcpy(copy + n, other.p + n, help_offset(&log_, 4) - n);
	put("t", copy, log_.n);
	rep = help_verify("t");
	OK(found(&rep, 3), "a record of another ledger: %s", rep.why);
	put("t", other.p, other.n);
	rep = help_verify("t");
	OK(!rep.ok, "the whole log of another ledger: %s", rep.why);
	free(copy);
	free(other.p);
}

/* The keyless rewrite: an attacker without the key rebuilds chain and head but cannot sign. */
static void
rebuild(struct signer *thief)
{
	struct ledger_report rep;
	struct ledger_head at = {.seq = 5};
	struct ledger *l;
	struct blob h;

	(void)memcpy(at.hash, log_.p + log_.n - LEDGER_FMT_REC_TAIL, LEDGER_HASH_LEN);
	help_make("f", thief, 6);
	EQ_I(help_verify("f").ok, 1, "a forged ledger is sound in itself");
	EQ_I(ledger_verify(fio_os(), help_fd, "f", NULL, &at, &rep, NULL), 0, "verify");
	OK(found(&rep, 5), "a remembered head finds it: %s", rep.why);
	put("t", log_.p, log_.n);
	EQ_I(ledger_verify(fio_os(), help_fd, "t", signer_pub(thief), NULL, &rep, NULL), 0,
	    "verify");
	OK(found(&rep, 0), "another pin: %s", rep.why);
	EQ_I(ledger_verify(fio_os(), help_fd, "t", NULL, &at, &rep, NULL), 0, "verify");
	OK(rep.ok, "the remembered head is there");
	/* the tail cut together with an older head: only what is remembered elsewhere finds it */
	help_make("g", thief, 4);
	h = help_read("g", "head");
	EQ_I(ledger_open(fio_os(), help_fd, "g", NULL, &l, NULL), 0, "open");
	EQ_I(ledger_append(l, thief, 16, "x", 1, 1, &at, NULL), 0, "append");
	ledger_close(l);
	{
		struct blob g = help_read("g", "log");

		help_write("g", "log", g.p, help_offset(&g, 4));
		help_write("g", "head", h.p, h.n);
		free(g.p);
	}
	EQ_I(help_verify("g").ok, 1, "cut with its head: sound in itself");
	EQ_I(ledger_verify(fio_os(), help_fd, "g", NULL, &at, &rep, NULL), 0, "verify");
	OK(found(&rep, 4), "but not what was remembered: %s", rep.why);
	free(h.p);
}

/* Damage inside, while the head file is old (as after a power cut): not a torn tail. */
static void
damage_with_old_head(struct signer *s)
{
	uint8_t *copy = malloc(log_.n);
	size_t quiet = 0, bytes = 0;
	struct blob old;

	help_make("h", s, 2);
	old = help_read("h", "head");
	help_wipe("h");
	free(old.p);
	/* slots of records 0 and 1 as they were: rebuilt from the log itself */
	for (size_t at = help_offset(&log_, 2); at < log_.n; at++) {
		uint8_t head[LEDGER_FMT_HEAD_FILE];

		for (uint64_t i = 0; i < 2; i++) {
			size_t off = help_offset(&log_, i);
			struct ledger_fmt_rec rec;
			struct ledger_fmt_slot slot;

			if (ledger_fmt_rec_get(log_.p + off, log_.n - off, &rec) < 0)
				abort();
			slot =
			    (struct ledger_fmt_slot){.seq = i, .at = rec.at, .end = off + rec.len};
			(void)memcpy(slot.id, log_.p + 20, LEDGER_ID_LEN);
			(void)memcpy(slot.hash, rec.hash, LEDGER_HASH_LEN);
			(void)memcpy(slot.sig, rec.sig, SIGN_LEN);
			(void)memcpy(slot.key_id, rec.key_id, LEDGER_FMT_KEY_ID);
			ledger_fmt_slot_put(head + i * LEDGER_FMT_SLOT, &slot);
		}
		(void)memcpy(copy, log_.p, log_.n);
		copy[at] ^= 0x10;
		help_write("t", "log", copy, log_.n);
		help_write("t", "head", head, sizeof(head));
		if (owner(at) < 5) {
			bytes++;
			quiet += help_verify("t").ok;
		}
	}
	OK(bytes > 0, "%zu bytes tried", bytes);
	EQ_I(quiet, 0, "damage before the last record is never taken for a torn tail");
	free(copy);
}

static void
newer_format(void)
{
	uint8_t *copy = malloc(log_.n);
	struct ledger *l = NULL;
	struct ledger_report rep;
	struct err e = {0};
	uint8_t d[DIGEST_LEN];

	for (int k = 0; k < 2; k++) {
		(void)memcpy(copy, log_.p, log_.n);
		copy[k == 0 ? 8 : 16] = 2;
		digest_sha256(copy, 36, d);
		(void)memcpy(copy + 36, d, 28);
		put("t", copy, log_.n);
		EQ_I(ledger_open(fio_os(), help_fd, "t", NULL, &l, &e), E_PROTO, "a newer format");
		OK(strstr(e.msg, "newer") != NULL, "%s", e.msg);
		EQ_I(ledger_verify(fio_os(), help_fd, "t", NULL, NULL, &rep, &e), E_PROTO,
		    "for verify, too");
	}
	(void)memcpy(copy, "SQLite format 3", 16);
	put("t", copy, log_.n);
	EQ_I(ledger_open(fio_os(), help_fd, "t", NULL, &l, &e), E_PROTO, "not a ledger at all");
	free(copy);
}

int
main(void)
{
	struct signer *s = help_signer(1), *thief = help_signer(7);

	help_begin();
	help_make("a", s, 6);
	log_ = help_read("a", "log");
	head_ = help_read("a", "head");
	flip_log();
	flip_head();
	cut_tail();
	reorder();
	transplant(s);
	rebuild(thief);
	damage_with_old_head(s);
	newer_format();
	help_end();
	free(log_.p);
	free(head_.p);
	signer_free(s);
	signer_free(thief);
	return tap_done();
}
