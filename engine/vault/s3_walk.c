/* Which record may come next: the log's own rules, applied to bytes that somebody else holds. */
#include <string.h>

#include "vault/s3_int.h"

void
s3_walk_init(struct s3_walk *w)
{
	struct digest *keep = w->digest;
	uint8_t pin[SIGN_PUB_LEN];

	(void)memcpy(pin, w->pin, sizeof(pin));
	if (w->begun)
		vec_free(&w->keys);
	buf_free(&w->recent);
	buf_free(&w->hashes);
	*w = (struct s3_walk){.digest = keep, .begun = true};
	(void)memcpy(w->pin, pin, sizeof(pin));
	vec_init(&w->keys, SIGN_PUB_LEN, S3L_MAX_KEYS);
	buf_init(&w->recent, S3L_MAX_CKP);
	buf_init(&w->hashes, S3L_MAX_HASHES);
	w->recent_whole = true;
}

void
s3_walk_free(struct s3_walk *w)
{
	if (w->begun)
		vec_free(&w->keys);
	buf_free(&w->recent);
	buf_free(&w->hashes);
	digest_free(w->digest);
	*w = (struct s3_walk){.next = 0};
}

size_t
s3_walk_len(const struct s3_walk *w, const uint8_t *p, size_t n)
{
	size_t head = w->next == 0 ? LEDGER_FMT_HEADER : 0;
	uint32_t len;

	if (n < head + 4)
		return 0;
	len = ledger_fmt_rec_len(p + head, n - head);
	return len == 0 || len > n - head ? 0 : head + len;
}

static bool
signed_by_one(const struct s3_walk *w, const struct ledger_fmt_rec *rec)
{
	for (size_t i = 0; i < w->keys.len; i++) {
		const uint8_t *pub = (const uint8_t *)w->keys.p + i * SIGN_PUB_LEN;
		uint8_t id[LEDGER_FMT_KEY_ID];

		ledger_fmt_key_id(pub, id);
		if (memcmp(id, rec->key_id, sizeof(id)) == 0 &&
		    sign_ok(pub, rec->hash, LEDGER_HASH_LEN, rec->sig))
			return true;
	}
	return false;
}

/* first(w, p, rec, prev, id): Number 0: what it chains to, and that its key is the one that the
 * identity names. */
static bool
first(const struct s3_walk *w, const uint8_t *p, const struct ledger_fmt_rec *rec,
    uint8_t prev[LEDGER_HASH_LEN], uint8_t id[LEDGER_ID_LEN])
{
	if (ledger_fmt_header_get(p, LEDGER_FMT_HEADER, id, NULL) < 0)
		return false;
	digest_sha256(p, LEDGER_FMT_HEADER, prev);
	return rec->type == LEDGER_T_GENESIS && rec->payload_len >= SIGN_PUB_LEN &&
	    memcmp(rec->payload, w->pin, SIGN_PUB_LEN) == 0 &&
	    sign_ok(w->pin, rec->hash, LEDGER_HASH_LEN, rec->sig);
}

static bool
parse(struct s3_walk *w, const uint8_t *p, size_t n, struct ledger_fmt_rec *rec,
    uint8_t id[LEDGER_ID_LEN])
{
	size_t head = w->next == 0 ? LEDGER_FMT_HEADER : 0;
	uint8_t prev[LEDGER_HASH_LEN], hash[LEDGER_HASH_LEN];

	(void)memcpy(prev, w->hash, sizeof(prev));
	(void)memcpy(id, w->id, LEDGER_ID_LEN);
	if (n <= head || s3_walk_len(w, p, n) != n ||
	    ledger_fmt_rec_get(p + head, n - head, rec) < 0 || rec->seq != w->next)
		return false;
	if (w->next == 0 ? !first(w, p, rec, prev, id) : !signed_by_one(w, rec))
		return false;
	ledger_fmt_rec_hash(w->digest, id, prev, rec, hash);
	return memcmp(hash, rec->hash, sizeof(hash)) == 0;
}

bool
s3_walk_fits(struct s3_walk *w, const uint8_t *p, size_t n)
{
	struct ledger_fmt_rec rec;
	uint8_t id[LEDGER_ID_LEN];

	return parse(w, p, n, &rec, id);
}

bool
s3_walk_rival(struct s3_walk *w, uint64_t no, const uint8_t *p, size_t n)
{
	uint8_t hash[LEDGER_HASH_LEN];
	struct ledger_fmt_rec rec;

	/* hashes end where there was no more room; the first record has no rival */
	if (no == 0 || no > w->hashes.len / LEDGER_HASH_LEN || n < 4 ||
	    ledger_fmt_rec_len(p, n) != n || ledger_fmt_rec_get(p, n, &rec) < 0 ||
	    rec.seq != no || !signed_by_one(w, &rec))
		return false;
	ledger_fmt_rec_hash(w->digest, w->id, w->hashes.p + (no - 1) * LEDGER_HASH_LEN, &rec, hash);
	return memcmp(hash, rec.hash, sizeof(hash)) == 0;
}

static void
remember(struct s3_walk *w, const uint8_t *p, size_t n)
{
	if (w->next % S3L_CKP == 0) {
		buf_clear(&w->recent);
		w->recent_from = w->next;
		w->recent_whole = true;
	}
	if (w->recent_whole && buf_put(&w->recent, p, n, NULL) < 0)
		w->recent_whole = false; /* no such object then; the records stand alone */
}

int
s3_walk_take(struct s3_walk *w, const uint8_t *p, size_t n, struct err *e)
{
	struct ledger_fmt_rec rec;
	uint8_t id[LEDGER_ID_LEN], *key;

	if (!parse(w, p, n, &rec, id))
		return err_set(e, E_CORRUPT, "record %llu of the log does not hold",
		    (unsigned long long)w->next);
	if (w->next == 0 || rec.type == LEDGER_T_KEY) {
		if (rec.payload_len < SIGN_PUB_LEN)
			return err_set(e, E_CORRUPT, "record %llu of the log names no key",
			    (unsigned long long)w->next);
		key = vec_add(&w->keys);
		if (!key)
			return err_set(e, E_LIMIT, "the log has too many keys");
		(void)memcpy(key, rec.payload, SIGN_PUB_LEN);
	}
	remember(w, p, n);
	(void)memcpy(w->id, id, sizeof(id));
	(void)memcpy(w->hash, rec.hash, LEDGER_HASH_LEN);
	if (w->hashes.len == w->next * LEDGER_HASH_LEN)
		(void)(buf_put(&w->hashes, rec.hash, LEDGER_HASH_LEN, NULL) < 0);
	w->next++;
	return 0;
}
