/* Reading the log record by record, and telling a write that was interrupted from damage. */
#include <fcntl.h>
#include <string.h>

#include "ledger/ledger_int.h"

/* What one record turned out to be. */
enum step { STEP_GOOD, STEP_BAD /* maybe an interrupted write */, STEP_WRONG /* certainly not */ };

const uint8_t *
ledger_scan_key(const struct ledger *l, const uint8_t id[LEDGER_FMT_KEY_ID])
{
	for (size_t i = l->keys.len; i > 0; i--) {
		const struct ledger_pub *k = VEC_AT(&l->keys, struct ledger_pub, i - 1);

		if (memcmp(k->id, id, sizeof(k->id)) == 0)
			return k->pub;
	}
	return NULL;
}

static int
key_add(struct ledger *l, const uint8_t pub[SIGN_PUB_LEN], struct err *e)
{
	struct ledger_pub *k;
	uint8_t id[LEDGER_FMT_KEY_ID];

	ledger_fmt_key_id(pub, id);
	if (ledger_scan_key(l, id))
		return 0; /* enrolled twice: nothing new */
	k = vec_add(&l->keys);
	if (!k && l->keys.len < LEDGER_MAX_KEYS)
		return err_set(e, E_NOMEM, "no memory for the keys of the ledger");
	if (!k)
		return err_set(e, E_LIMIT, "more than %d keys", LEDGER_MAX_KEYS);
	(void)memcpy(k->id, id, sizeof(k->id));
	(void)memcpy(k->pub, pub, sizeof(k->pub));
	return 0;
}

static int
took_genesis(struct ledger *l, const struct ledger_fmt_rec *rec, struct err *e)
{
	(void)memcpy(l->first, rec->payload, SIGN_PUB_LEN);
	buf_clear(&l->genesis);
	return buf_put(
	    &l->genesis, rec->payload + SIGN_PUB_LEN, rec->payload_len - SIGN_PUB_LEN, e);
}

int
ledger_scan_took(struct ledger *l, const struct ledger_fmt_rec *rec, uint64_t off, struct err *e)
{
	int r = 0;

	if (rec->type == LEDGER_T_GENESIS)
		r = took_genesis(l, rec, e);
	if (r == 0 && rec->type < LEDGER_T_USER)
		r = key_add(l, rec->payload, e);
	if (r == 0 && rec->seq % LEDGER_MARK_EVERY == 0) {
		struct ledger_mark *m = vec_add(&l->marks);

		if (!m)
			return err_set(e, E_NOMEM, "no memory for the ledger's index");
		m->seq = rec->seq;
		m->off = off;
		(void)memcpy(m->prev, l->tail.hash, LEDGER_HASH_LEN);
	}
	if (r < 0)
		return r;
	l->tail.any = true;
	l->tail.seq = rec->seq;
	l->tail.at = rec->at;
	l->tail.off = off;
	l->tail.end = off + rec->len;
	(void)memcpy(l->tail.hash, rec->hash, LEDGER_HASH_LEN);
	return 0;
}

bool
ledger_scan_lawful(const struct ledger_fmt_rec *rec, uint64_t seq, const char **why)
{
	bool first = seq == 0;

	if (rec->seq != seq)
		*why = "has another number";
	else if (first != (rec->type == LEDGER_T_GENESIS))
		*why = "is of the wrong type";
	else if (first && rec->payload_len < SIGN_PUB_LEN)
		*why = "holds no key";
	else if (rec->type == LEDGER_T_KEY && rec->payload_len != SIGN_PUB_LEN)
		*why = "holds no key";
	else if (rec->flags != 0 || (rec->type < LEDGER_T_USER && rec->type > LEDGER_T_KEY))
		*why = "is of an unknown kind";
	else
		return true;
	return false;
}

static enum step
signature(const struct ledger *l, const struct ledger_fmt_rec *rec, const char **why)
{
	uint8_t id[LEDGER_FMT_KEY_ID];
	const uint8_t *pub;

	if (rec->type == LEDGER_T_GENESIS) {
		pub = rec->payload;
		ledger_fmt_key_id(pub, id);
		if (memcmp(id, rec->key_id, sizeof(id)) != 0)
			pub = NULL;
	} else {
		pub = ledger_scan_key(l, rec->key_id);
	}
	if (!pub) {
		*why = "is signed by a key that was never enrolled";
		return STEP_WRONG;
	}
	*why = "has a wrong signature";
	return sign_ok(pub, rec->hash, LEDGER_HASH_LEN, rec->sig) ? STEP_GOOD : STEP_BAD;
}

static enum step
check(struct ledger *l, const struct ledger_fmt_rec *rec, bool newest, const char **why)
{
	uint64_t seq = l->tail.any ? l->tail.seq + 1 : 0;
	uint8_t hash[LEDGER_HASH_LEN];

	*why = "does not fit its hash or the record before it";
	ledger_fmt_rec_hash(l->digest, l->id, l->tail.hash, rec, hash);
	if (memcmp(hash, rec->hash, sizeof(hash)) != 0)
		return STEP_BAD;
	if (!ledger_scan_lawful(rec, seq, why))
		return STEP_WRONG;
	if (l->all_sigs || newest || seq == 0)
		return signature(l, rec, why);
	if (ledger_scan_key(l, rec->key_id))
		return STEP_GOOD;
	*why = "is signed by a key that was never enrolled";
	return STEP_WRONG;
}

/* Whether bytes at ${i} look like a whole record of this ledger that follows on the 96 bytes before
 * it: by its chain, or by its signature when the hash before it is the damaged part. */
static bool
is_record(struct ledger *l, const struct ledger_fmt_rec *rec, const uint8_t *p, size_t i)
{
	uint8_t hash[LEDGER_HASH_LEN];
	const uint8_t *pub;

	if (i >= LEDGER_FMT_REC_TAIL) {
		ledger_fmt_rec_hash(l->digest, l->id, p + i - LEDGER_FMT_REC_TAIL, rec, hash);
		if (memcmp(hash, rec->hash, sizeof(hash)) == 0)
			return true;
	}
	pub = ledger_scan_key(l, rec->key_id);
	return pub && sign_ok(pub, rec->hash, LEDGER_HASH_LEN, rec->sig);
}

/* Whether a whole record, newer than the bad one, starts anywhere behind it. Then the bad one was
 * not the last, and something damaged it. */
static int
more_behind(struct ledger *l, uint64_t seq, uint64_t off, uint64_t limit, struct err *e)
{
	const uint8_t *p;
	size_t n;
	int r = ledger_io_view(l, &l->win, off, LEDGER_FMT_REC_MAX, limit, &p, &n, e);

	for (size_t i = 1; r == 0 && i + LEDGER_FMT_REC_MIN <= n; i++) {
		struct ledger_fmt_rec rec;

		if (ledger_fmt_rec_get(p + i, n - i, &rec) == 0 && rec.seq > seq &&
		    is_record(l, &rec, p, i))
			return 1;
	}
	return r;
}

/* Whether the whole record at ${off} is a copy of one that is in the log already. Nobody's
 * interrupted write leaves that behind. */
static int
is_copy(struct ledger *l, uint64_t off, uint64_t limit, struct err *e)
{
	uint8_t hash[LEDGER_HASH_LEN];
	struct ledger_fmt_rec rec;
	const uint8_t *p;
	uint64_t seq, at;
	size_t n;
	int r = ledger_io_view(l, &l->win, off, LEDGER_FMT_REC_MAX, limit, &p, &n, e);

	if (r < 0 || ledger_fmt_rec_get(p, n, &rec) < 0 || rec.seq > l->tail.seq)
		return r;
	(void)memcpy(hash, rec.hash, sizeof(hash));
	seq = rec.seq;
	at = VEC_AT(&l->marks, struct ledger_mark, seq / LEDGER_MARK_EVERY)->off;
	for (uint64_t i = seq - seq % LEDGER_MARK_EVERY; r == 0 && i <= seq; i++) {
		r = ledger_io_view(l, &l->win, at, LEDGER_FMT_REC_HEAD, off, &p, &n, e);
		if (r == 0)
			r = ledger_io_view(
			    l, &l->win, at, ledger_fmt_rec_len(p, n), off, &p, &n, e);
		if (r == 0 && ledger_fmt_rec_get(p, n, &rec) < 0)
			r = err_set(e, E_CORRUPT,
			    "record %llu at offset %llu was changed while it was read",
			    (unsigned long long)i, (unsigned long long)at);
		if (r == 0)
			at += rec.len;
	}
	return r < 0 ? r : memcmp(hash, rec.hash, sizeof(hash)) == 0;
}

static int
refused(struct ledger *l, enum step s, uint64_t limit, const char *why, struct err *e)
{
	uint64_t seq = l->tail.any ? l->tail.seq + 1 : 0, off = l->tail.end;
	int more = 1;

	if (s == STEP_BAD && seq > 0 && l->seen.known <= seq && limit - off <= LEDGER_FMT_REC_MAX)
		more = more_behind(l, seq, off, limit, e);
	if (more == 0) {
		more = is_copy(l, off, limit, e);
		why = more > 0 ? "is a copy of an older record" : why;
	}
	if (more < 0)
		return more;
	l->torn = more == 0;
	if (l->torn)
		return 0;
	l->bad_seq = seq;
	return err_set(e, E_CORRUPT, "record %llu at offset %llu %s", (unsigned long long)seq,
	    (unsigned long long)off, why);
}

static int
good(struct ledger *l, const struct ledger_fmt_rec *rec, uint64_t off, struct err *e)
{
	int r = ledger_slots_note(l, rec, off + rec->len, e);

	if (r == 0 && l->want && l->want->seq == rec->seq) {
		l->want_found = true;
		if (memcmp(l->want->hash, rec->hash, LEDGER_HASH_LEN) != 0) {
			l->bad_seq = rec->seq;
			return err_set(e, E_CORRUPT, "record %llu is not the one that was "
			    "remembered", (unsigned long long)rec->seq);
		}
	}
	return r == 0 ? ledger_scan_took(l, rec, off, e) : r;
}

int
ledger_scan(struct ledger *l, uint64_t limit, struct err *e)
{
	l->torn = false;
	while (l->tail.end < limit) {
		const char *why = "is cut short";
		struct ledger_fmt_rec rec;
		enum step s = STEP_BAD;
		uint64_t off = l->tail.end;
		const uint8_t *p;
		size_t n;
		uint32_t len;
		int r = ledger_io_view(l, &l->win, off, LEDGER_FMT_REC_HEAD, limit, &p, &n, e);

		if (r < 0)
			return r;
		len = ledger_fmt_rec_len(p, n);
		if (len > 0)
			r = ledger_io_view(l, &l->win, off, len, limit, &p, &n, e);
		if (r < 0)
			return r;
		if (len == 0 && n >= 4)
			why = "is not a record";
		if (len > 0 && ledger_fmt_rec_get(p, n, &rec) == 0)
			s = check(l, &rec, off + rec.len >= limit, &why);
		if (s != STEP_GOOD)
			return refused(l, s, limit, why, e);
		r = good(l, &rec, off, e);
		if (r < 0)
			return r;
	}
	return 0;
}

int
ledger_scan_all(struct ledger *l, struct err *e)
{
	uint64_t size = 0, known;
	int r = ledger_io_lock(l, F_RDLCK, e);

	if (r < 0)
		return r;
	r = ledger_io_head(l, e);
	if (r == 0)
		r = ledger_io_size(l, &size, e);
	ledger_io_unlock(l);
	if (r < 0)
		return r;
	known = l->seen.known > 0 && l->seen.best.end < size ? l->seen.best.end : 0;
	r = ledger_scan(l, known > l->tail.end ? known : l->tail.end, e);
	if (r == 0)
		r = ledger_io_lock(l, F_RDLCK, e);
	if (r < 0)
		return r;
	r = ledger_io_size(l, &size, e);
	if (r == 0 && size < l->tail.end)
		r = err_set(e, E_CORRUPT, "the log was cut while it was in use");
	l->win.len = 0; /* what was read before the lock may have grown since */
	if (r == 0)
		r = ledger_scan(l, size, e);
	ledger_io_unlock(l);
	if (r == 0 && !l->tail.any) {
		l->bad_seq = 0;
		return err_set(e, E_CORRUPT, "record 0 at offset %d is missing", LEDGER_FMT_HEADER);
	}
	return r;
}
