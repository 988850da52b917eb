#include "ledger/ledger_fmt.h"

#include <string.h>

#include "base/num.h"

static const char LOG_MAGIC[8] = {'M', 'M', 'R', 'I', 'L', 'E', 'D', 'G'};
static const char SLOT_MAGIC[8] = {'M', 'M', 'R', 'I', 'H', 'E', 'A', 'D'};
/* With the ledger id and the previous hash this fills one block of SHA-256 exactly. */
static const char HASH_LABEL[16] = {'m', 'a', 'm', 'o', 'r', 'i', ' ', 'l', 'e', 'd', 'g', 'e',
	'r', ' ', 'v', '1'};

enum { HEADER_SUMMED = 36, SLOT_SUMMED = LEDGER_FMT_SLOT - DIGEST_LEN };

_Static_assert(HEADER_SUMMED + 28 == LEDGER_FMT_HEADER, "header layout");

void
ledger_fmt_key_id(const uint8_t pub[SIGN_PUB_LEN], uint8_t out[LEDGER_FMT_KEY_ID])
{
	uint8_t d[DIGEST_LEN];

	digest_sha256(pub, SIGN_PUB_LEN, d);
	(void)memcpy(out, d, LEDGER_FMT_KEY_ID);
}

void
ledger_fmt_header_put(uint8_t out[LEDGER_FMT_HEADER], const uint8_t id[LEDGER_ID_LEN])
{
	uint8_t d[DIGEST_LEN];

	(void)memset(out, 0, LEDGER_FMT_HEADER);
	(void)memcpy(out, LOG_MAGIC, sizeof(LOG_MAGIC));
	le16_put(out + 8, LEDGER_FMT_VERSION);
	le16_put(out + 10, LEDGER_FMT_HEADER);
	/* 12: compatible flags, 16: incompatible flags, both none */
	(void)memcpy(out + 20, id, LEDGER_ID_LEN);
	digest_sha256(out, HEADER_SUMMED, d);
	(void)memcpy(out + HEADER_SUMMED, d, LEDGER_FMT_HEADER - HEADER_SUMMED);
}

int
ledger_fmt_header_get(const void *p, size_t n, uint8_t id[LEDGER_ID_LEN], struct err *e)
{
	struct rd r = rd_init(p, n);
	const uint8_t *magic = rd_bytes(&r, sizeof(LOG_MAGIC));
	uint16_t version = rd_u16(&r), len = rd_u16(&r);
	uint32_t incompat;
	const uint8_t *the_id, *sum;
	uint8_t d[DIGEST_LEN];

	if (magic && memcmp(magic, LOG_MAGIC, sizeof(LOG_MAGIC)) != 0)
		return err_set(
		    e, E_INVAL, "record 0: this is not a ledger (its first bytes are others)");
	(void)rd_u32(&r); /* compatible flags: a reader that does not know them may go on */
	incompat = rd_u32(&r);
	the_id = rd_bytes(&r, LEDGER_ID_LEN);
	sum = rd_bytes(&r, LEDGER_FMT_HEADER - HEADER_SUMMED);
	if (r.bad)
		return err_set(e, E_CORRUPT, "record 0: the file header at offset 0 is cut short");
	digest_sha256(p, HEADER_SUMMED, d);
	if (memcmp(sum, d, LEDGER_FMT_HEADER - HEADER_SUMMED) != 0)
		return err_set(e, E_CORRUPT, "record 0: the file header at offset 0 is damaged");
	if (version > LEDGER_FMT_VERSION || incompat != 0)
		return err_set(e, E_PROTO,
		    "written in the newer format %u (flags %#x); this program "
		    "reads format %u: use a newer Mamori",
		    version, incompat, LEDGER_FMT_VERSION);
	if (version == 0 || len != LEDGER_FMT_HEADER)
		return err_set(e, E_PROTO, "unknown format %u", version);
	(void)memcpy(id, the_id, LEDGER_ID_LEN);
	return 0;
}

uint32_t
ledger_fmt_rec_len(const void *p, size_t n)
{
	struct rd r = rd_init(p, n);
	uint32_t len = rd_u32(&r);

	return r.bad || len < LEDGER_FMT_REC_MIN || len > LEDGER_FMT_REC_MAX ? 0 : len;
}

int
ledger_fmt_rec_get(const void *p, size_t n, struct ledger_fmt_rec *ret)
{
	struct rd r = rd_init(p, n);
	struct ledger_fmt_rec rec = {.len = ledger_fmt_rec_len(p, n), .body = p};

	if (rec.len == 0)
		return E_CORRUPT;
	(void)rd_u32(&r);
	rec.type = rd_u16(&r);
	rec.flags = rd_u16(&r);
	rec.seq = rd_u64(&r);
	rec.at = (int64_t)rd_u64(&r);
	rec.key_id = rd_bytes(&r, LEDGER_FMT_KEY_ID);
	rec.payload_len = rd_u32(&r);
	if (r.bad || rec.payload_len != rec.len - LEDGER_FMT_REC_MIN)
		return E_CORRUPT;
	rec.payload = rd_bytes(&r, rec.payload_len);
	rec.hash = rd_bytes(&r, LEDGER_HASH_LEN);
	rec.sig = rd_bytes(&r, SIGN_LEN);
	if (r.bad)
		return E_CORRUPT;
	*ret = rec;
	return 0;
}

void
ledger_fmt_rec_hash(struct digest *d, const uint8_t id[LEDGER_ID_LEN],
    const uint8_t prev[LEDGER_HASH_LEN], const struct ledger_fmt_rec *rec,
    uint8_t out[LEDGER_HASH_LEN])
{
	uint8_t lead[64];

	(void)memcpy(lead, HASH_LABEL, 16);
	(void)memcpy(lead + 16, id, LEDGER_ID_LEN);
	(void)memcpy(lead + 32, prev, LEDGER_HASH_LEN);
	digest_reset(d);
	digest_add(d, lead, sizeof(lead));
	digest_add(d, rec->body, rec->len - LEDGER_FMT_REC_TAIL);
	digest_end(d, out);
}

static int
body_put(struct buf *b, struct signer *s, const struct ledger_fmt_new *n, struct err *e)
{
	uint32_t payload_len = (uint32_t)(n->first_len + n->second_len);
	uint8_t key_id[LEDGER_FMT_KEY_ID];
	int r;

	ledger_fmt_key_id(signer_pub(s), key_id);
	if ((r = buf_u32(b, payload_len + LEDGER_FMT_REC_MIN, e)) < 0 ||
	    (r = buf_u16(b, n->type, e)) < 0 ||
	    (r = buf_u16(b, 0, e)) < 0 ||
	    (r = buf_u64(b, n->seq, e)) < 0 ||
	    (r = buf_u64(b, (uint64_t)n->at, e)) < 0 ||
	    (r = buf_put(b, key_id, sizeof(key_id), e)) < 0 ||
	    (r = buf_u32(b, payload_len, e)) < 0 ||
	    (r = buf_put(b, n->first, n->first_len, e)) < 0 ||
	    (r = buf_put(b, n->second, n->second_len, e)) < 0)
		return r;
	return 0;
}

int
ledger_fmt_rec_put(struct buf *b, const uint8_t id[LEDGER_ID_LEN],
    const uint8_t prev[LEDGER_HASH_LEN], struct signer *s, const struct ledger_fmt_new *n,
    struct err *e)
{
	uint8_t lead[64], hash[LEDGER_HASH_LEN], sig[SIGN_LEN];
	struct iovec iov[2];
	size_t start = b->len;
	int r;

	if (n->first_len > LEDGER_MAX_PAYLOAD || n->second_len > LEDGER_MAX_PAYLOAD ||
	    n->first_len + n->second_len > LEDGER_MAX_PAYLOAD)
		return err_set(e, E_LIMIT, "a record holds at most %d bytes", LEDGER_MAX_PAYLOAD);
	r = body_put(b, s, n, e);
	if (r < 0)
		return r;
	(void)memcpy(lead, HASH_LABEL, 16);
	(void)memcpy(lead + 16, id, LEDGER_ID_LEN);
	(void)memcpy(lead + 32, prev, LEDGER_HASH_LEN);
	iov[0] = (struct iovec){.iov_base = lead, .iov_len = sizeof(lead)};
	iov[1] = (struct iovec){.iov_base = b->p + start, .iov_len = b->len - start};
	digest_sha256v(iov, 2, hash);
	if ((r = signer_sign(s, hash, sizeof(hash), sig, e)) < 0 ||
	    (r = buf_put(b, hash, sizeof(hash), e)) < 0 ||
	    (r = buf_put(b, sig, sizeof(sig), e)) < 0)
		return r;
	return 0;
}

void
ledger_fmt_slot_put(uint8_t out[LEDGER_FMT_SLOT], const struct ledger_fmt_slot *slot)
{
	(void)memset(out, 0, LEDGER_FMT_SLOT);
	(void)memcpy(out, SLOT_MAGIC, sizeof(SLOT_MAGIC));
	le64_put(out + 8, slot->seq + 1); /* so that zeros claim no record */
	(void)memcpy(out + 16, slot->id, LEDGER_ID_LEN);
	le64_put(out + 32, (uint64_t)slot->at);
	le64_put(out + 40, slot->end);
	(void)memcpy(out + 48, slot->hash, LEDGER_HASH_LEN);
	(void)memcpy(out + 80, slot->sig, SIGN_LEN);
	(void)memcpy(out + 144, slot->key_id, LEDGER_FMT_KEY_ID);
	le32_put(out + 152, LEDGER_FMT_VERSION);
	digest_sha256(out, SLOT_SUMMED, out + SLOT_SUMMED);
}

int
ledger_fmt_slot_get(const uint8_t p[LEDGER_FMT_SLOT], struct ledger_fmt_slot *ret)
{
	static const uint8_t zero[LEDGER_FMT_SLOT];
	struct ledger_fmt_slot slot = {0};
	uint8_t again[LEDGER_FMT_SLOT];
	uint64_t seq;

	if (memcmp(p, zero, LEDGER_FMT_SLOT) == 0)
		return 0;
	if (!ledger_fmt_slot_claim(p, &seq))
		return E_CORRUPT;
	slot.seq = seq;
	slot.at = (int64_t)le64_get(p + 32);
	slot.end = le64_get(p + 40);
	(void)memcpy(slot.id, p + 16, LEDGER_ID_LEN);
	(void)memcpy(slot.hash, p + 48, LEDGER_HASH_LEN);
	(void)memcpy(slot.sig, p + 80, SIGN_LEN);
	(void)memcpy(slot.key_id, p + 144, LEDGER_FMT_KEY_ID);
	/* one encoding per slot: comparing the re-encoding covers magic, version, zeros and sum */
	ledger_fmt_slot_put(again, &slot);
	if (memcmp(again, p, LEDGER_FMT_SLOT) != 0)
		return E_CORRUPT;
	*ret = slot;
	return 1;
}

bool
ledger_fmt_slot_claim(const uint8_t p[LEDGER_FMT_SLOT], uint64_t *ret_seq)
{
	uint64_t one_more = le64_get(p + 8);

	if (one_more == 0)
		return false;
	*ret_seq = one_more - 1;
	return true;
}

bool
ledger_fmt_slot_torn(const uint8_t *p, const uint8_t *newer, const uint8_t *older)
{
	size_t head = 0, tail = 0;

	while (head < LEDGER_FMT_SLOT && p[head] == newer[head])
		head++;
	while (tail < LEDGER_FMT_SLOT &&
	    p[LEDGER_FMT_SLOT - 1 - tail] == older[LEDGER_FMT_SLOT - 1 - tail])
		tail++;
	return tail >= 2 && head + tail >= LEDGER_FMT_SLOT;
}
