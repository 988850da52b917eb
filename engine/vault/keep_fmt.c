#include "vault/keep_fmt.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

/* ---- parts ---- */

static int
put_i64(struct buf *b, int64_t v, struct err *e)
{
	return buf_u64(b, (uint64_t)v, e);
}

static int64_t
get_i64(struct rd *r)
{
	return (int64_t)rd_u64(r);
}

static void
get_bytes(struct rd *r, void *out, size_t n)
{
	const uint8_t *p = rd_bytes(r, n);

	if (p)
		(void)memcpy(out, p, n);
}

static int
put_clock(struct buf *b, const struct keep_clock *c, struct err *e)
{
	int r = buf_put(b, c->boot, KEEP_BOOT_LEN, e);

	if (r == 0)
		r = put_i64(b, c->ran, e);
	if (r == 0)
		r = put_i64(b, c->up, e);
	if (r == 0)
		r = put_i64(b, c->wall, e);
	return r < 0 ? r : put_i64(b, c->c, e);
}

static void
get_clock(struct rd *r, struct keep_clock *c)
{
	get_bytes(r, c->boot, KEEP_BOOT_LEN);
	c->ran = get_i64(r);
	c->up = get_i64(r);
	c->wall = get_i64(r);
	c->c = get_i64(r);
}

static int
put_text(struct buf *b, const char *s, struct err *e)
{
	size_t n = strlen(s);

	if (n >= KEEP_TEXT || !utf8_ok(s, n))
		return err_set(e, E_INVAL, "the text is too long, or no text");
	return buf_blob(b, s, n, e);
}

static void
get_text(struct rd *r, char out[KEEP_TEXT])
{
	size_t n;
	const uint8_t *p = rd_blob(r, KEEP_TEXT - 1, &n);

	if (p && (!utf8_ok((const char *)p, n) || memchr(p, 0, n)))
		r->bad = true;
	else if (p) {
		(void)memcpy(out, p, n);
		out[n] = 0;
	}
}

static bool
name_ok(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!(s[i] >= 'a' && s[i] <= 'z') && !(s[i] >= '0' && s[i] <= '9') && s[i] != '-')
			return false;
	}
	return n > 0;
}

static int
put_policy(struct buf *b, const struct keep_policy *p, struct err *e)
{
	const uint16_t counts[5] = {p->daily, p->weekly, p->monthly, p->yearly, p->verified};
	int r = keep_policy_ok(p, e);

	if (r == 0)
		r = buf_blob(b, p->name, strlen(p->name), e);
	for (int i = 0; r == 0 && i < 5; i++)
		r = buf_u16(b, counts[i], e);
	if (r == 0)
		r = buf_u32(b, p->lock_days, e);
	return r < 0 ? r : buf_u32(b, p->wait_days, e);
}

static void
get_policy(struct rd *r, struct keep_policy *p)
{
	size_t n;
	const uint8_t *s = rd_blob(r, sizeof(p->name) - 1, &n);

	if (s) {
		(void)memcpy(p->name, s, n);
		p->name[n] = 0;
		if (memchr(s, 0, n))
			r->bad = true;
	}
	p->daily = rd_u16(r);
	p->weekly = rd_u16(r);
	p->monthly = rd_u16(r);
	p->yearly = rd_u16(r);
	p->verified = rd_u16(r);
	p->lock_days = rd_u32(r);
	p->wait_days = rd_u32(r);
	if (!r->bad && keep_policy_ok(p, NULL) < 0)
		r->bad = true;
}

int
keep_policy_ok(const struct keep_policy *p, struct err *e)
{
	enum { MAX_DAYS = 36525 };

	if (!name_ok(p->name, strnlen(p->name, sizeof(p->name))) ||
	    strnlen(p->name, sizeof(p->name)) == sizeof(p->name))
		return err_set(e, E_INVAL, "the name of a policy is made of a-z, 0-9 and '-'");
	if (p->daily == 0)
		return err_set(e, E_INVAL, "a policy that keeps no generation");
	if (p->lock_days > MAX_DAYS || p->wait_days > MAX_DAYS)
		return err_set(e, E_INVAL, "more than a hundred years");
	return 0;
}

static int
put_sigs(struct buf *b, const struct keep_rec *x, struct err *e)
{
	int r = x->nsigs > KEEP_MAX_SIGS ? err_set(e, E_INVAL, "too many signatures") :
	    buf_u8(b, x->nsigs, e);

	for (unsigned i = 0; r == 0 && i < x->nsigs; i++) {
		r = buf_put(b, x->sigs[i].pub, SIGN_PUB_LEN, e);
		if (r == 0)
			r = buf_put(b, x->sigs[i].sig, SIGN_LEN, e);
	}
	return r;
}

static void
get_sigs(struct rd *r, struct keep_rec *x)
{
	uint8_t n = rd_u8(r);

	if (n > KEEP_MAX_SIGS) {
		r->bad = true;
		return;
	}
	x->nsigs = n;
	for (unsigned i = 0; i < n; i++) {
		get_bytes(r, x->sigs[i].pub, SIGN_PUB_LEN);
		get_bytes(r, x->sigs[i].sig, SIGN_LEN);
	}
}

static int
put_gens(struct buf *b, const struct keep_rec *x, struct err *e)
{
	int r = x->ngens == 0 || x->ngens > KEEP_MAX_GENS ?
	    err_set(e, E_INVAL, "no generations, or too many at once") : buf_var(b, x->ngens, e);

	return r < 0 ? r : buf_put(b, x->gens, (size_t)x->ngens * FMT_ID_LEN, e);
}

static int
get_gens(struct rd *r, struct keep_rec *x, struct err *e)
{
	uint64_t n = rd_var(r);
	const uint8_t *p;

	if (n == 0 || n > KEEP_MAX_GENS) {
		r->bad = true;
		return 0;
	}
	p = rd_bytes(r, (size_t)n * FMT_ID_LEN);
	if (!p)
		return 0;
	x->gens = malloc((size_t)n * FMT_ID_LEN);
	if (!x->gens)
		return err_set(e, E_NOMEM, "no memory");
	(void)memcpy(x->gens, p, (size_t)n * FMT_ID_LEN);
	x->ngens = (uint32_t)n;
	return 0;
}

/* Runs: the gap to the end of the one before, then the length; both at least 1 but the first gap.
 */
static int
put_runs(struct buf *b, const struct keep_rec *x, struct err *e)
{
	uint64_t end = 0;
	int r = x->nruns > KEEP_MAX_RUNS ? err_set(e, E_LIMIT, "too many pieces at once") :
	    buf_var(b, x->nruns, e);

	for (uint32_t i = 0; r == 0 && i < x->nruns; i++) {
		const struct fmt_run *u = &x->runs[i];

		if (u->first < end || (i > 0 && u->first == end) || u->count == 0)
			return err_set(e, E_INVAL, "segments out of order");
		r = buf_var(b, u->first - end, e);
		if (r == 0)
			r = buf_var(b, u->count, e);
		end = (uint64_t)u->first + u->count;
	}
	return r;
}

static int
get_runs(struct rd *r, struct keep_rec *x, struct err *e)
{
	uint64_t n = rd_var(r), end = 0;

	if (n > KEEP_MAX_RUNS || n > rd_left(r)) {
		r->bad = true;
		return 0;
	}
	x->runs = calloc(n ? (size_t)n : 1, sizeof(*x->runs));
	if (!x->runs)
		return err_set(e, E_NOMEM, "no memory");
	for (uint64_t i = 0; i < n && !r->bad; i++) {
		uint64_t gap = rd_var(r), count = rd_var(r);

		if (gap > UINT32_MAX || count > UINT32_MAX || count == 0 || (i > 0 && gap == 0) ||
		    end + gap + count > UINT32_MAX) {
			r->bad = true;
			break;
		}
		x->runs[i] = (struct fmt_run){(uint32_t)(end + gap), (uint32_t)count};
		end += gap + count;
	}
	x->nruns = (uint32_t)n;
	return 0;
}

/* ---- records ---- */

static int
put_received(struct buf *b, const struct keep_rec *x, struct err *e)
{
	int r = buf_put(b, x->gen, FMT_ID_LEN, e);

	if (r == 0)
		r = buf_put(b, x->tag, KEEP_TAG_LEN, e);
	if (r == 0)
		r = buf_u64(b, x->seq, e);
	if (r == 0)
		r = put_i64(b, x->until, e);
	if (r == 0)
		r = put_i64(b, x->wish, e);
	if (r == 0)
		r = buf_u64(b, x->new_bytes, e);
	if (r == 0)
		r = buf_u64(b, x->all_bytes, e);
	if (r == 0)
		r = buf_u8(b, x->doubt, e);
	if (r == 0)
		r = buf_put(b, x->ref, FMT_ID_LEN, e);
	if (r == 0)
		r = put_text(b, x->text, e);
	if (r == 0 && x->sealed_len > KEEP_MAX_SEALED)
		r = err_set(e, E_LIMIT, "too many figures");
	return r < 0 ? r : buf_blob(b, x->sealed, x->sealed_len, e);
}

static void
get_received(struct rd *r, struct keep_rec *x)
{
	const uint8_t *p;
	size_t n = 0;

	get_bytes(r, x->gen, FMT_ID_LEN);
	get_bytes(r, x->tag, KEEP_TAG_LEN);
	x->seq = rd_u64(r);
	x->until = get_i64(r);
	x->wish = get_i64(r);
	x->new_bytes = rd_u64(r);
	x->all_bytes = rd_u64(r);
	x->doubt = rd_u8(r);
	get_bytes(r, x->ref, FMT_ID_LEN);
	get_text(r, x->text);
	p = rd_blob(r, KEEP_MAX_SEALED, &n);
	if (p) {
		(void)memcpy(x->sealed, p, n);
		x->sealed_len = (uint16_t)n;
	}
	if (x->doubt > KEEP_FOLLOWS)
		r->bad = true;
}

static int
put_named(struct buf *b, const struct keep_rec *x, struct err *e)
{
	int r;

	switch (x->type) {
	case KEEP_EXTEND:
		r = buf_put(b, x->gen, FMT_ID_LEN, e);
		return r < 0 ? r : put_i64(b, x->until, e);
	case KEEP_DRILL:
		r = buf_put(b, x->gen, FMT_ID_LEN, e);
		if (r == 0)
			r = buf_u8(b, x->yes, e);
		return r < 0 ? r : buf_put(b, x->hash, sizeof(x->hash), e);
	case KEEP_POISON:
		r = buf_put(b, x->gen, FMT_ID_LEN, e);
		if (r == 0)
			r = buf_u8(b, x->doubt, e);
		if (r == 0)
			r = buf_put(b, x->ref, FMT_ID_LEN, e);
		return r < 0 ? r : put_text(b, x->text, e);
	case KEEP_GOOD:
		r = buf_put(b, x->gen, FMT_ID_LEN, e);
		return r < 0 ? r : put_sigs(b, x, e);
	case KEEP_POLICY:
		r = put_policy(b, &x->policy, e);
		break;
	default: /* KEEP_APPROVER */
		r = put_text(b, x->text, e);
		if (r == 0)
			r = buf_put(b, x->hash, SIGN_PUB_LEN, e);
		if (r == 0)
			r = buf_u8(b, x->yes, e);
		break;
	}
	if (r == 0)
		r = buf_u64(b, x->serial, e);
	return r < 0 ? r : put_sigs(b, x, e);
}

static int
put_removal(struct buf *b, const struct keep_rec *x, struct err *e)
{
	int r;

	if (x->type == KEEP_REQUEST) {
		r = put_policy(b, &x->policy, e);
		return r < 0 ? r : put_gens(b, x, e);
	}
	r = buf_u64(b, x->seq, e);
	if (r == 0 && x->type == KEEP_APPROVE) {
		r = buf_put(b, x->hash, sizeof(x->hash), e);
		return r < 0 ? r : put_sigs(b, x, e);
	}
	if (r == 0 && x->type == KEEP_CANCEL)
		return put_text(b, x->text, e);
	if (r == 0 && x->type == KEEP_INTENT) {
		r = put_gens(b, x, e);
		return r < 0 ? r : put_runs(b, x, e);
	}
	if (r == 0)
		r = buf_var(b, x->count, e);
	return r < 0 ? r : buf_var(b, x->bytes, e);
}

static int
put_keeper(struct buf *b, const struct keep_rec *x, struct err *e)
{
	int r = buf_put(b, x->hash, SIGN_PUB_LEN, e);

	if (r == 0)
		r = buf_u64(b, x->serial, e);
	return r < 0 ? r : put_sigs(b, x, e);
}

static void
get_keeper(struct rd *r, struct keep_rec *x)
{
	get_bytes(r, x->hash, SIGN_PUB_LEN);
	x->serial = rd_u64(r);
	get_sigs(r, x);
}

int
keep_rec_put(struct buf *b, const struct keep_rec *x, struct err *e)
{
	int r = buf_u8(b, KEEP_VERSION, e);

	if (r == 0)
		r = put_clock(b, &x->at, e);
	if (r < 0 || x->type == KEEP_CLOCK)
		return r;
	if (x->type == KEEP_RECEIVED)
		return put_received(b, x, e);
	if (x->type >= KEEP_EXTEND && x->type <= KEEP_APPROVER)
		return put_named(b, x, e);
	if (x->type >= KEEP_REQUEST && x->type <= KEEP_REAPED)
		return put_removal(b, x, e);
	if (x->type == KEEP_KEEPER)
		return put_keeper(b, x, e);
	return err_set(e, E_INVAL, "no such record");
}

static void
get_named(struct rd *r, struct keep_rec *x)
{
	uint8_t flag = 0;

	if (x->type <= KEEP_GOOD)
		get_bytes(r, x->gen, FMT_ID_LEN);
	switch (x->type) {
	case KEEP_EXTEND:
		x->until = get_i64(r);
		break;
	case KEEP_DRILL:
		flag = rd_u8(r);
		get_bytes(r, x->hash, sizeof(x->hash));
		break;
	case KEEP_POISON:
		x->doubt = rd_u8(r);
		get_bytes(r, x->ref, FMT_ID_LEN);
		get_text(r, x->text);
		if (x->doubt != KEEP_DOUBT && x->doubt != KEEP_FOLLOWS)
			r->bad = true;
		break;
	case KEEP_GOOD:
		get_sigs(r, x);
		break;
	case KEEP_POLICY:
		get_policy(r, &x->policy);
		x->serial = rd_u64(r);
		get_sigs(r, x);
		break;
	default:
		get_text(r, x->text);
		get_bytes(r, x->hash, SIGN_PUB_LEN);
		flag = rd_u8(r);
		x->serial = rd_u64(r);
		get_sigs(r, x);
		break;
	}
	if (flag > 1)
		r->bad = true;
	x->yes = flag == 1;
}

static int
get_removal(struct rd *r, struct keep_rec *x, struct err *e)
{
	int k = 0;

	if (x->type == KEEP_REQUEST) {
		get_policy(r, &x->policy);
		return get_gens(r, x, e);
	}
	x->seq = rd_u64(r);
	switch (x->type) {
	case KEEP_APPROVE:
		get_bytes(r, x->hash, sizeof(x->hash));
		get_sigs(r, x);
		break;
	case KEEP_CANCEL:
		get_text(r, x->text);
		break;
	case KEEP_INTENT:
		k = get_gens(r, x, e);
		return k < 0 ? k : get_runs(r, x, e);
	default:
		x->count = rd_var(r);
		x->bytes = rd_var(r);
		break;
	}
	return k;
}

int
keep_rec_get(uint16_t type, const uint8_t *p, size_t n, struct keep_rec *ret, struct err *e)
{
	struct rd r = rd_init(p, n);
	int k = 0;

	(void)memset(ret, 0, sizeof(*ret));
	ret->type = type;
	if (type < KEEP_CLOCK || type > KEEP_KEEPER)
		return 1;
	if (rd_u8(&r) != KEEP_VERSION)
		return err_set(e, E_CORRUPT, "a record of another version");
	get_clock(&r, &ret->at);
	if (type == KEEP_RECEIVED)
		get_received(&r, ret);
	else if (type >= KEEP_EXTEND && type <= KEEP_APPROVER)
		get_named(&r, ret);
	else if (type == KEEP_KEEPER)
		get_keeper(&r, ret);
	else if (type >= KEEP_REQUEST)
		k = get_removal(&r, ret, e);
	if (k == 0 && !rd_end(&r))
		k = err_set(e, E_CORRUPT, "a record that does not make sense");
	if (k < 0)
		keep_rec_free(ret);
	return k;
}

void
keep_rec_free(struct keep_rec *r)
{
	free(r->gens);
	free(r->runs);
	r->gens = NULL;
	r->runs = NULL;
	r->ngens = r->nruns = 0;
}

/* ---- the genesis ---- */

int
keep_genesis_put(struct buf *b, const struct keep_genesis *g, struct err *e)
{
	int r = buf_str(b, "mamori keep\n", e);

	if (r == 0)
		r = buf_u8(b, KEEP_VERSION, e);
	if (r == 0)
		r = buf_put(b, g->repo, FMT_ID_LEN, e);
	if (r == 0)
		r = buf_put(b, g->root, SIGN_PUB_LEN, e);
	return r < 0 ? r : put_clock(b, &g->at, e);
}

int
keep_genesis_get(const uint8_t *p, size_t n, struct keep_genesis *ret, struct err *e)
{
	struct rd r = rd_init(p, n);
	const uint8_t *magic = rd_bytes(&r, 12);

	if (!magic || memcmp(magic, "mamori keep\n", 12) != 0)
		return err_set(e, E_PROTO, "this is not a keep ledger");
	if (rd_u8(&r) != KEEP_VERSION && !r.bad)
		return err_set(e, E_PROTO, "this keep ledger was made by a newer Mamori");
	get_bytes(&r, ret->repo, FMT_ID_LEN);
	get_bytes(&r, ret->root, SIGN_PUB_LEN);
	get_clock(&r, &ret->at);
	return rd_end(&r) ? 0 : err_set(e, E_CORRUPT, "the first record does not make sense");
}

/* ---- what people sign ---- */

static int
say(struct buf *b, const char *label, const uint8_t repo[FMT_ID_LEN], struct err *e)
{
	int r = buf_blob(b, label, strlen(label), e);

	return r < 0 ? r : buf_put(b, repo, FMT_ID_LEN, e);
}

int
keep_say_policy(struct buf *b, const uint8_t repo[FMT_ID_LEN], const struct keep_policy *p,
    uint64_t serial, struct err *e)
{
	int r = say(b, "mamori keep policy v1", repo, e);

	if (r == 0)
		r = put_policy(b, p, e);
	return r < 0 ? r : buf_u64(b, serial, e);
}

int
keep_say_approver(struct buf *b, const uint8_t repo[FMT_ID_LEN], const uint8_t pub[SIGN_PUB_LEN],
    const char *name, bool add, uint64_t serial, struct err *e)
{
	int r = say(b, "mamori keep approver v1", repo, e);

	if (r == 0)
		r = buf_put(b, pub, SIGN_PUB_LEN, e);
	if (r == 0)
		r = put_text(b, name, e);
	if (r == 0)
		r = buf_u8(b, add, e);
	return r < 0 ? r : buf_u64(b, serial, e);
}

int
keep_say_approve(struct buf *b, const uint8_t repo[FMT_ID_LEN], const uint8_t hash[32],
    struct err *e)
{
	int r = say(b, "mamori keep approve v1", repo, e);

	return r < 0 ? r : buf_put(b, hash, 32, e);
}

int
keep_say_good(struct buf *b, const uint8_t repo[FMT_ID_LEN], const uint8_t gen[FMT_ID_LEN],
    struct err *e)
{
	int r = say(b, "mamori keep good v1", repo, e);

	return r < 0 ? r : buf_put(b, gen, FMT_ID_LEN, e);
}

int
keep_say_keeper(struct buf *b, const uint8_t repo[FMT_ID_LEN], const uint8_t pub[SIGN_PUB_LEN],
    uint64_t serial, const uint8_t before[32], struct err *e)
{
	int r = say(b, "mamori keep keeper v1", repo, e);

	if (r == 0)
		r = buf_put(b, pub, SIGN_PUB_LEN, e);
	if (r == 0)
		r = buf_u64(b, serial, e);
	return r < 0 ? r : buf_put(b, before, 32, e);
}
