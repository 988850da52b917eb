/* The same ledger in two places: giving records away as they are, and taking them after checking
 * each as if it came from an enemy. */
#include <fcntl.h>
#include <string.h>

#include "ledger/ledger_int.h"

struct give {
	struct buf *ret;
	size_t start, max;
};

static int
give_one(const struct ledger_rec *rec, void *cookie, struct err *e)
{
	struct give *g = cookie;
	int r;

	if (g->ret->len > g->start && g->ret->len - g->start + rec->raw_len > g->max)
		return 1;
	r = buf_put(g->ret, rec->raw, rec->raw_len, e);
	return r < 0 ? r : 0;
}

int
ledger_raw(struct ledger *l, uint64_t from, size_t max, struct buf *ret, struct err *e)
{
	struct give g = {.ret = ret, .start = ret->len, .max = max};
	uint8_t header[LEDGER_FMT_HEADER];
	int r = 0;

	if (from == 0) {
		r = fio_pread_all(l->f, l->log, header, sizeof(header), 0, e);
		if (r == 0)
			r = buf_put(ret, header, sizeof(header), e);
		g.start = ret->len;
	}
	if (r == 0)
		r = ledger_each(l, from, give_one, &g, e);
	return r < 0 ? r : 0;
}

int
ledger_compose(struct ledger *l, struct signer *s, uint16_t type, const void *payload, size_t n,
    int64_t now, struct buf *ret, struct err *e)
{
	uint8_t id[LEDGER_FMT_KEY_ID];

	if (type < LEDGER_T_USER && type != LEDGER_T_KEY)
		return err_set(
		    e, E_INVAL, "record types below %d belong to the ledger", LEDGER_T_USER);
	ledger_fmt_key_id(signer_pub(s), id);
	if (!ledger_scan_key(l, id))
		return err_set(e, E_AUTH, "this key may not sign in this ledger");
	return ledger_fmt_rec_put(ret, l->id, l->tail.hash, s, &(struct ledger_fmt_new){
	    .type = type, .seq = l->tail.seq + 1, .at = now, .first = payload, .first_len = n}, e);
}

int
ledger_head_of(const void *raw, size_t n, struct ledger_head *ret)
{
	struct ledger_fmt_rec rec;
	int r = ledger_fmt_rec_get(raw, n, &rec);

	if (r < 0)
		return r;
	ret->seq = rec.seq;
	ret->at = rec.at;
	(void)memcpy(ret->hash, rec.hash, LEDGER_HASH_LEN);
	return 0;
}

/* ---- taking ---- */

/* One walk over the bytes that are to be taken. */
struct take {
	struct ledger *l;
	const uint8_t *p;
	size_t n;
	uint64_t seq; /* of the next record */
	uint8_t prev[LEDGER_HASH_LEN];
	struct vec keys; /* of struct ledger_pub: admitted in these very bytes */
	const uint8_t *last[2]; /* the last two taken, for the slots */
	size_t first; /* offset of the first new record */
	uint64_t count;
};

static const uint8_t *
key_of(const struct take *t, const uint8_t *id)
{
	for (size_t i = 0; i < t->keys.len; i++) {
		const struct ledger_pub *k = VEC_AT(&t->keys, struct ledger_pub, i);

		if (memcmp(k->id, id, sizeof(k->id)) == 0)
			return k->pub;
	}
	return ledger_scan_key(t->l, id);
}

static int
refuse(struct take *t, const struct ledger_fmt_rec *rec, const char *why, struct err *e)
{
	t->l->bad_seq = rec->seq;
	return err_set(e, E_CORRUPT, "record %llu from elsewhere %s", (unsigned long long)rec->seq,
	    why);
}

static int
note_key(struct take *t, const struct ledger_fmt_rec *rec, struct err *e)
{
	struct ledger_pub *k;

	if (t->l->keys.len + t->keys.len >= LEDGER_MAX_KEYS)
		return err_set(e, E_LIMIT, "more than %d keys", LEDGER_MAX_KEYS);
	k = vec_add(&t->keys);
	if (!k)
		return err_set(e, E_NOMEM, "no memory for the keys of the ledger");
	ledger_fmt_key_id(rec->payload, k->id);
	(void)memcpy(k->pub, rec->payload, SIGN_PUB_LEN);
	return 0;
}

static int
check_one(struct take *t, const struct ledger_fmt_rec *rec, struct err *e)
{
	uint8_t hash[LEDGER_HASH_LEN];
	const uint8_t *pub;
	const char *why;

	ledger_fmt_rec_hash(t->l->digest, t->l->id, t->prev, rec, hash);
	if (memcmp(hash, rec->hash, sizeof(hash)) != 0)
		return refuse(t, rec, "does not continue this ledger", e);
	if (!ledger_scan_lawful(rec, t->seq, &why))
		return refuse(t, rec, why, e);
	pub = key_of(t, rec->key_id);
	if (!pub)
		return refuse(t, rec, "is signed by a key that was never enrolled", e);
	if (!sign_ok(pub, rec->hash, LEDGER_HASH_LEN, rec->sig))
		return refuse(t, rec, "has a wrong signature", e);
	(void)memcpy(t->prev, hash, sizeof(t->prev));
	return rec->type == LEDGER_T_KEY ? note_key(t, rec, e) : 0;
}

/* check_all(t, e): Everything before anything is written. */
static int
check_all(struct take *t, struct err *e)
{
	const struct ledger_tail *tail = &t->l->tail;
	size_t at = 0;

	while (at < t->n) {
		struct ledger_fmt_rec rec;
		int r = ledger_fmt_rec_get(t->p + at, t->n - at, &rec);

		if (r < 0)
			return err_set(e, E_CORRUPT, "what came from elsewhere is no record");
		if (rec.seq <= tail->seq && t->count == 0) {
			if (rec.seq == tail->seq &&
			    memcmp(rec.hash, tail->hash, LEDGER_HASH_LEN) != 0)
				return refuse(t, &rec, "is not the one that is here", e);
			at += rec.len;
			t->first = at;
			continue;
		}
		if (rec.seq > t->seq)
			return err_set(e, E_BUSY, "records before number %llu are missing",
			    (unsigned long long)rec.seq);
		r = check_one(t, &rec, e);
		if (r < 0)
			return r;
		t->last[0] = t->last[1];
		t->last[1] = t->p + at;
		t->count++;
		t->seq++;
		at += rec.len;
	}
	return 0;
}

static int
write_slots(struct take *t, uint64_t end, struct err *e)
{
	struct ledger_fmt_rec rec[2];
	int r;

	for (int i = 0; i < 2; i++) {
		if (t->last[i] && ledger_fmt_rec_get(t->last[i],
		    t->n - (size_t)(t->last[i] - t->p), &rec[i]) < 0)
			return err_set(e, E_CORRUPT, "the records changed while they were taken");
	}
	/* the older one first, so that a power cut between the two leaves a head that is behind */
	r = t->last[0] ? ledger_put_slot(t->l, &rec[0], end - rec[1].len, e) : 0;
	if (r == 0)
		r = ledger_put_slot(t->l, &rec[1], end, e);
	if (r == 0 && t->count > 1)
		r = fio_datasync(t->l->f, t->l->head, e);
	return r;
}

static int
write_all(struct take *t, struct err *e)
{
	struct ledger *l = t->l;
	uint64_t off = l->tail.end, end = off + (t->n - t->first);
	int r = fio_pwrite_all(l->f, l->log, t->p + t->first, t->n - t->first, off, e);

	if (r == 0)
		r = fio_datasync(l->f, l->log, e);
	if (r < 0) {
		if (fio_truncate(l->f, l->log, off, NULL) == 0)
			(void)l->f->fdatasync(l->f->ctx, l->log); /* else the next one mends it */
		return r;
	}
	r = write_slots(t, end, e);
	if (r < 0)
		return err_wrap(e, "the records are in the log, but its head file failed");
	for (size_t at = t->first; r == 0 && at < t->n;) {
		struct ledger_fmt_rec rec;

		r = ledger_fmt_rec_get(t->p + at, t->n - at, &rec);
		if (r < 0)
			return err_set(e, r, "the records changed while they were taken");
		r = ledger_scan_took(l, &rec, off + (at - t->first), e);
		at += rec.len;
	}
	return r;
}

static int
take_locked(struct take *t, struct err *e)
{
	int r = ledger_put_catch_up(t->l, e);

	if (r < 0)
		return r;
	t->seq = t->l->tail.seq + 1;
	(void)memcpy(t->prev, t->l->tail.hash, LEDGER_HASH_LEN);
	r = check_all(t, e);
	if (r < 0 || t->count == 0)
		return r;
	r = ledger_put_mend(t->l, e);
	return r == 0 ? write_all(t, e) : r;
}

int
ledger_accept(struct ledger *l, const void *raw, size_t n, struct err *e)
{
	struct take t = {.l = l, .p = raw, .n = n};
	int r;

	if (!l->writable)
		return err_set(e, E_AUTH, "the ledger cannot be written here");
	vec_init(&t.keys, sizeof(struct ledger_pub), LEDGER_MAX_KEYS);
	r = ledger_io_lock(l, F_WRLCK, e);
	if (r == 0) {
		r = take_locked(&t, e);
		ledger_io_unlock(l);
	}
	vec_free(&t.keys);
	return r;
}

/* first_holds(raw, n, pin, ret_len, e): The file header and the genesis; ${ret_len} is where the
 * second record begins. */
static int
first_holds(const uint8_t *raw, size_t n, const uint8_t *pin, size_t *ret_len, struct err *e)
{
	uint8_t id[LEDGER_ID_LEN], prev[LEDGER_HASH_LEN], hash[LEDGER_HASH_LEN];
	uint8_t key_id[LEDGER_FMT_KEY_ID];
	struct ledger_fmt_rec rec;
	struct digest *d = NULL;
	const char *why = "";
	int r = ledger_fmt_header_get(raw, n, id, e);

	if (r == E_INVAL)
		return err_set(e, E_PROTO, "this is not a ledger");
	if (r < 0)
		return r;
	if (ledger_fmt_rec_get(raw + LEDGER_FMT_HEADER, n - LEDGER_FMT_HEADER, &rec) < 0)
		return err_set(e, E_CORRUPT, "the first record does not hold");
	r = digest_new(&d, e);
	if (r < 0)
		return r;
	digest_sha256(raw, LEDGER_FMT_HEADER, prev);
	ledger_fmt_rec_hash(d, id, prev, &rec, hash);
	digest_free(d);
	if (memcmp(hash, rec.hash, sizeof(hash)) != 0 || !ledger_scan_lawful(&rec, 0, &why))
		return err_set(e, E_CORRUPT, "the first record does not hold");
	ledger_fmt_key_id(rec.payload, key_id);
	if (memcmp(key_id, rec.key_id, sizeof(key_id)) != 0 ||
	    !sign_ok(rec.payload, rec.hash, LEDGER_HASH_LEN, rec.sig))
		return err_set(e, E_CORRUPT, "the first record has a wrong signature");
	if (pin && memcmp(pin, rec.payload, SIGN_PUB_LEN) != 0)
		return err_set(
		    e, E_AUTH, "the ledger was begun with another key than the one known here");
	*ret_len = LEDGER_FMT_HEADER + rec.len;
	return 0;
}

int
ledger_check(const uint8_t *pin, const void *raw, size_t n, struct err *e)
{
	const uint8_t *p = raw;
	struct ledger l = {.log = -1, .head = -1, .dir = -1};
	struct ledger_fmt_rec first;
	struct take t = {.l = &l, .p = p, .n = n, .seq = 1};
	size_t len = 0;
	int r = first_holds(raw, n, pin, &len, e);

	if (r < 0)
		return r;
	vec_init(&t.keys, sizeof(struct ledger_pub), LEDGER_MAX_KEYS);
	r = ledger_fmt_header_get(raw, n, l.id, e);
	if (r == 0)
		r = ledger_fmt_rec_get(p + LEDGER_FMT_HEADER, n - LEDGER_FMT_HEADER, &first);
	if (r == 0)
		r = digest_new(&l.digest, e);
	if (r == 0)
		r = note_key(&t, &first, e);
	if (r == 0) {
		t.p += len;
		t.n -= len;
		(void)memcpy(t.prev, first.hash, sizeof(t.prev));
		r = check_all(&t, e);
	}
	digest_free(l.digest);
	vec_free(&t.keys);
	return r == E_BUSY ? err_set(e, E_CORRUPT, "records are missing in between") : r;
}

int
ledger_import(const struct fio *f, int dirfd, const char *name, const uint8_t *pin,
    const void *raw, size_t n, struct err *e)
{
	struct buf AUTO(buf_free) log = {0};
	struct ledger *l = NULL;
	size_t len = 0;
	int r = first_holds(raw, n, pin, &len, e);

	buf_init(&log, LEDGER_FMT_HEADER + LEDGER_FMT_REC_MAX);
	if (r == 0)
		r = buf_put(&log, raw, len, e);
	if (r == 0)
		r = ledger_put_new(f, dirfd, name, &log, e);
	if (r < 0 || len == n)
		return r;
	r = ledger_open(f, dirfd, name, pin, &l, e);
	if (r == 0)
		r = ledger_accept(l, (const uint8_t *)raw + len, n - len, e);
	ledger_close(l);
	if (r < 0)
		ledger_drop_dir(f, dirfd, name);
	return r;
}
