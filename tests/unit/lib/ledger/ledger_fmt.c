/* The bytes of a ledger, fixed for ever: three records made from fixed seeds. */
#include "ledger_help.h"

#include "crypt/digest.h"

/* log 64 + (36+32+7+96) + (36+3+96) + (36+32+96) bytes; the whole, as SHA-256 */
#define GOLDEN_LOG "bdb52eceee1d732df514546125de454c2108ff99aef49679598973ea136d9991"
#define GOLDEN_SLOT "a5eb566d98801d37d0bc9cc29eac9b24f8ac863b7ef6c40056311700e65b1898"

static const uint8_t ID[LEDGER_ID_LEN] = "0123456789abcdef";

static void
hex_is(const void *p, size_t n, const char *want, const char *what)
{
	char got[200];

	hex_put(got, p, n);
	EQ_S(got, want, what);
}

static size_t
next(struct buf *b, uint8_t prev[LEDGER_HASH_LEN], struct signer *s, const struct ledger_fmt_new *n)
{
	size_t at = b->len;

	if (ledger_fmt_rec_put(b, ID, prev, s, n, NULL) < 0)
		abort();
	(void)memcpy(prev, b->p + b->len - LEDGER_FMT_REC_TAIL, LEDGER_HASH_LEN);
	return at;
}

/* The head slot of the newest record; then the files that both make are a ledger. */
static void
golden_slot(const struct buf *b, const struct ledger_fmt_rec *rec)
{
	struct ledger_fmt_slot sl = {.seq = 2, .at = 3};
	uint8_t slot[LEDGER_FMT_SLOT], d[DIGEST_LEN];

	sl.end = b->len;
	(void)memcpy(sl.id, ID, sizeof(sl.id));
	(void)memcpy(sl.hash, rec->hash, sizeof(sl.hash));
	(void)memcpy(sl.sig, rec->sig, sizeof(sl.sig));
	(void)memcpy(sl.key_id, rec->key_id, sizeof(sl.key_id));
	ledger_fmt_slot_put(slot, &sl);
	digest_sha256(slot, sizeof(slot), d);
	hex_is(d, sizeof(d), GOLDEN_SLOT, "the head slot");
	/* a file made of these bytes is a ledger */
	help_write("v", "log", b->p, b->len);
	{
		uint8_t head[LEDGER_FMT_HEAD_FILE] = {0};

		(void)memcpy(head, slot, sizeof(slot));
		help_write("v", "head", head, sizeof(head));
	}
	OK(help_verify("v").ok && help_verify("v").records == 3, "and it verifies: %s",
	    help_verify("v").why);
}

static void
golden(void)
{
	struct signer *s = help_signer(1), *t = help_signer(2);
	uint8_t prev[LEDGER_HASH_LEN], d[DIGEST_LEN];
	struct ledger_fmt_rec rec;
	struct digest *dg;
	struct buf b;
	size_t r1, r2;

	buf_init(&b, 4096);
	if (buf_reserve(&b, LEDGER_FMT_HEADER, NULL) < 0)
		abort();
	ledger_fmt_header_put(b.p, ID);
	b.len = LEDGER_FMT_HEADER;
	digest_sha256(b.p, b.len, prev);
	(void)next(&b, prev, s,
	    &(struct ledger_fmt_new){.type = LEDGER_T_GENESIS,
		.at = 1,
		.first = signer_pub(s),
		.first_len = SIGN_PUB_LEN,
		.second = "genesis",
		.second_len = 7});
	r1 = next(&b, prev, s, &(struct ledger_fmt_new){.type = LEDGER_T_USER, .seq = 1, .at = 2,
	    .first = "abc", .first_len = 3});
	r2 = next(&b, prev, s, &(struct ledger_fmt_new){.type = LEDGER_T_KEY, .seq = 2, .at = 3,
	    .first = signer_pub(t), .first_len = SIGN_PUB_LEN});
	EQ_I(b.len, 64 + 171 + 135 + 164, "length of the log");
	hex_is(b.p, 36, "4d4d52494c4544470100400000000000000000003031323334353637383961626364"
			"6566", "the file header before its check");
	hex_is(b.p + r1, 39,
	    "87000000100000000100000000000000020000000000000034750f98bd59fcfc03000000"
	    "616263",
	    "record 1 before its hash");
	digest_sha256(b.p, b.len, d);
	hex_is(d, sizeof(d), GOLDEN_LOG, "the whole log");
	EQ_I(ledger_fmt_rec_get(b.p + r2, b.len - r2, &rec), 0, "the last record reads back");
	OK(rec.seq == 2 && rec.at == 3 && rec.type == LEDGER_T_KEY && rec.payload_len == 32,
	    "as it was");
	if (digest_new(&dg, NULL) < 0)
		abort();
	ledger_fmt_rec_hash(dg, ID, b.p + r2 - LEDGER_FMT_REC_TAIL, &rec, d);
	EQ_M(d, rec.hash, sizeof(d), "its hash");
	digest_free(dg);
	OK(sign_ok(signer_pub(s), rec.hash, LEDGER_HASH_LEN, rec.sig), "its signature");
	golden_slot(&b, &rec);
	buf_free(&b);
	signer_free(s);
	signer_free(t);
}

static void
malformed(void)
{
	uint8_t raw[LEDGER_FMT_REC_MIN + 4] = {0}, id[LEDGER_ID_LEN];
	struct ledger_fmt_rec rec;
	struct ledger_fmt_slot slot;
	uint8_t zero[LEDGER_FMT_SLOT] = {0}, newer[LEDGER_FMT_SLOT];
	uint64_t seq;

	EQ_I(ledger_fmt_header_get(raw, 0, id, NULL), E_CORRUPT, "an empty file");
	EQ_I(ledger_fmt_header_get("MMRILEDG", 8, id, NULL), E_CORRUPT, "a header cut short");
	EQ_I(ledger_fmt_header_get("MMRILEDH", 8, id, NULL), E_INVAL, "other first bytes");
	for (size_t n = 0; n < sizeof(raw); n++) {
		le32_put(raw, sizeof(raw));
		le32_put(raw + 32, 4);
		if (ledger_fmt_rec_get(raw, n, &rec) == 0)
			OK(false, "a record of %zu bytes", n);
	}
	EQ_I(ledger_fmt_rec_get(raw, sizeof(raw), &rec), 0, "a whole record");
	le32_put(raw + 32, 5);
	EQ_I(ledger_fmt_rec_get(raw, sizeof(raw), &rec), E_CORRUPT, "lengths that do not agree");
	le32_put(raw, LEDGER_FMT_REC_MIN - 1);
	EQ_I(ledger_fmt_rec_get(raw, sizeof(raw), &rec), E_CORRUPT, "too short");
	le32_put(raw, LEDGER_FMT_REC_MAX + 1);
	EQ_I(ledger_fmt_rec_get(raw, sizeof(raw), &rec), E_CORRUPT, "too long");
	EQ_I(ledger_fmt_slot_get(zero, &slot), 0, "a slot never written");
	OK(!ledger_fmt_slot_claim(zero, &seq), "claims nothing");
	ledger_fmt_slot_put(newer, &(struct ledger_fmt_slot){.seq = 0});
	EQ_I(ledger_fmt_slot_get(newer, &slot), 1, "a slot of record 0");
	newer[200] = 1; /* among the zeros that must be zeros */
	EQ_I(ledger_fmt_slot_get(newer, &slot), E_CORRUPT, "padding counts, too");
}

int
main(void)
{
	help_begin();
	golden();
	malformed();
	help_end();
	return tap_done();
}
