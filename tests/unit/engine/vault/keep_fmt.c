/* Records of the keep ledger: golden bytes, every record there and back, and anything else refused.
 */
#include "vault/keep_fmt.h"

#include <stdlib.h>

#include "base/num.h"
#include "crypt/digest.h"
#include "tap.h"

enum { GOLDEN_LEN = 1951, GOLDEN_KEEPER = 282 };
#define GOLDEN_SUM "43045d5de494c0ce0d98e1cccb60668ae06a67b96daddc3398317aa14a5af409"

#define GOLDEN_KEEPER_SUM "532859b48b9e6e8c7e6e2503f78198d273ee6e5d017c069bd0c5627a0a7b1ff5"

static uint8_t gens[3][FMT_ID_LEN] = {{1, 2}, {3}, {4, 5, 6}};
static struct fmt_run runs[3] = {{0, 3}, {10, 1}, {500, 70000}};

static struct keep_rec
sample(uint16_t type)
{
	struct keep_rec r = {
		.type = type, .seq = 77, .until = INT64_C(1209600000000), .wish = -1,
		.new_bytes = 5, .all_bytes = 6, .doubt = KEEP_DOUBT, .yes = true,
		.policy = {"guideline", 5, 0, 1, 2, 3, 14, 7}, .serial = 9, .nsigs = 2, .count = 3,
		.bytes = 201252864, .ngens = 3, .nruns = 3, .gens = gens, .runs = runs,
		.sealed_len = 4,
		.at = {.ran = 11, .up = 12, .wall = INT64_C(1780000000000000), .c = 13},
	};

	for (int i = 0; i < 16; i++) {
		r.gen[i] = (uint8_t)(0xa0 + i);
		r.tag[i] = (uint8_t)(0xb0 + i);
		r.ref[i] = (uint8_t)(0xc0 + i);
		r.at.boot[i] = (uint8_t)i;
	}
	(void)memset(r.hash, 0xdd, sizeof(r.hash));
	(void)memset(r.sigs, 0xee, sizeof(r.sigs));
	(void)memcpy(r.sealed, "figs", 4);
	(void)snprintf(r.text, sizeof(r.text), "髙橋 ①");
	return r;
}

static bool
same(const struct keep_rec *a, const struct buf *b)
{
	struct buf AUTO(buf_free) again = {0};

	buf_init(&again, 1 << 20);
	return keep_rec_put(&again, a, NULL) == 0 && again.len == b->len &&
	    memcmp(again.p, b->p, b->len) == 0;
}

static void
there_and_back(void)
{
	struct buf AUTO(buf_free) all = {0};
	uint8_t sum[DIGEST_LEN];
	char hex[2 * DIGEST_LEN + 1];

	buf_init(&all, 1 << 20);
	for (uint16_t t = KEEP_CLOCK; t <= KEEP_KEEPER; t++) {
		struct keep_rec in = sample(t), out;
		struct buf AUTO(buf_free) b = {0};
		struct err e = {0};
		bool cut = true, more, head;

		buf_init(&b, 1 << 20);
		if (keep_rec_put(&b, &in, &e) < 0 || keep_rec_get(t, b.p, b.len, &out, &e) != 0) {
			OK(false, "record %u: %s", t, e.msg);
			continue;
		}
		OK(same(&out, &b), "record %u comes back as it was", t);
		keep_rec_free(&out);
		for (size_t n = 0; n < b.len; n++)
			cut &= keep_rec_get(t, b.p, n, &out, &e) == E_CORRUPT;
		OK(cut, "record %u cut anywhere is refused", t);
		more = buf_put(&all, b.p, b.len, NULL) == 0 && buf_u8(&b, 0, NULL) == 0 &&
		    keep_rec_get(t, b.p, b.len, &out, &e) == E_CORRUPT;
		b.p[0] = KEEP_VERSION + 1;
		head = keep_rec_get(t, b.p, b.len - 1, &out, &e) == E_CORRUPT;
		OK(more && head, "record %u with more behind it, or of another version, is refused",
		    t);
	}
	EQ_I(all.len, GOLDEN_LEN + GOLDEN_KEEPER, "golden bytes: length");
	digest_sha256(all.p, GOLDEN_LEN, sum);
	hex_put(hex, sum, DIGEST_LEN);
	EQ_S(hex, GOLDEN_SUM, "golden bytes: digest");
	digest_sha256(all.p + GOLDEN_LEN, all.len - GOLDEN_LEN, sum);
	hex_put(hex, sum, DIGEST_LEN);
	EQ_S(hex, GOLDEN_KEEPER_SUM, "golden bytes: of the keeper, which came later");
}

/* odd(t, at, byte): A record with one byte changed. */
static int
odd(uint16_t t, size_t at, uint8_t byte)
{
	struct keep_rec in = sample(t), out;
	struct buf AUTO(buf_free) b = {0};
	int r;

	buf_init(&b, 1 << 20);
	if (keep_rec_put(&b, &in, NULL) < 0 || at >= b.len)
		return 99;
	b.p[at] = byte;
	r = keep_rec_get(t, b.p, b.len, &out, NULL);
	if (r == 0)
		keep_rec_free(&out);
	return r;
}

static void
nonsense(void)
{
	enum { HEAD = 1 + 16 + 4 * 8 };
	struct keep_rec r = sample(KEEP_INTENT), out;
	struct fmt_run touching[2] = {{0, 3}, {3, 1}};
	struct buf AUTO(buf_free) b = {0};
	struct err e;

	buf_init(&b, 1 << 20);
	EQ_I(odd(KEEP_DRILL, HEAD + 16, 2), E_CORRUPT, "a drill neither passed nor failed");
	EQ_I(odd(KEEP_POISON, HEAD + 16, KEEP_SOUND), E_CORRUPT, "a doubt that is none");
	EQ_I(odd(KEEP_RECEIVED, HEAD + 16 + 16 + 5 * 8, 3), E_CORRUPT, "an unknown doubt");
	EQ_I(odd(KEEP_POLICY, HEAD + 1, 'A'), E_CORRUPT, "a policy with an odd name");
	EQ_I(odd(KEEP_POLICY, HEAD + 1 + 9, 0), E_CORRUPT, "a policy that keeps nothing");
	EQ_I(odd(KEEP_INTENT, HEAD + 8, 0), E_CORRUPT, "an intent without generations");
	EQ_I(odd(KEEP_INTENT, HEAD + 8, 0x80), E_CORRUPT, "a count in a longer form than needed");
	EQ_I(odd(KEEP_CANCEL, HEAD + 9, 0xff), E_CORRUPT, "a text that is none");
	EQ_I(odd(KEEP_GOOD, HEAD + 16, KEEP_MAX_SIGS + 1), E_CORRUPT, "too many signatures");
	EQ_I(odd(KEEP_KEEPER, HEAD + 32 + 8, KEEP_MAX_SIGS + 1), E_CORRUPT,
	    "too many signatures for a keeper");
	EQ_I(keep_rec_get(30, (const uint8_t *)"x", 1, &out, &e), 1,
	    "a type that is not known here");
	r.runs = touching;
	r.nruns = 2;
	EQ_I(keep_rec_put(&b, &r, &e), E_INVAL, "runs that touch are not written");
	r.runs = runs;
	r.nruns = 3;
	r.ngens = 0;
	buf_clear(&b);
	EQ_I(keep_rec_put(&b, &r, &e), E_INVAL, "nor an intent about nothing");
}

static void
genesis(void)
{
	struct keep_genesis g = {.at = {.c = 0, .wall = 5}}, h;
	struct buf AUTO(buf_free) b = {0};
	struct err e;
	bool cut = true;

	buf_init(&b, 1024);
	(void)memset(g.repo, 1, sizeof(g.repo));
	(void)memset(g.root, 2, sizeof(g.root));
	OK(keep_genesis_put(&b, &g, &e) == 0 && keep_genesis_get(b.p, b.len, &h, &e) == 0 &&
	    memcmp(&g, &h, sizeof(g)) == 0, "the genesis comes back");
	for (size_t n = 0; n < b.len; n++)
		cut &= keep_genesis_get(b.p, n, &h, &e) < 0;
	OK(cut, "and is refused when cut");
	b.p[12] = 2;
	EQ_I(keep_genesis_get(b.p, b.len, &h, &e), E_PROTO, "of a newer Mamori");
	b.p[0] = 'x';
	EQ_I(keep_genesis_get(b.p, b.len, &h, &e), E_PROTO, "of something else");
}

static void
statements(void)
{
	struct keep_policy p = {"month", 7, 5, 0, 0, 3, 35, 7};
	const uint8_t repo[FMT_ID_LEN] = {9}, other[FMT_ID_LEN] = {8}, hash[32] = {7};
	struct buf b[6] = {0};
	bool differ = true;
	int r = 0;

	for (int i = 0; i < 6; i++)
		buf_init(&b[i], 1024);
	r |= keep_say_policy(&b[0], repo, &p, 1, NULL) | keep_say_policy(&b[1], repo, &p, 2, NULL);
	r |= keep_say_policy(&b[2], other, &p, 1, NULL);
	r |= keep_say_approve(&b[3], repo, hash, NULL) | keep_say_good(&b[4], repo, hash, NULL);
	r |= keep_say_approver(&b[5], repo, hash, "院長", true, 1, NULL);
	for (int i = 0; i < 6; i++) {
		for (int k = 0; k < i; k++)
			differ &= b[i].len != b[k].len || memcmp(b[i].p, b[k].p, b[i].len) != 0;
	}
	OK(r == 0 && differ, "no statement that people sign is the same as another");
	for (int i = 0; i < 6; i++)
		buf_free(&b[i]);
}

int
main(void)
{
	there_and_back();
	nonsense();
	genesis();
	statements();
	return tap_done();
}
