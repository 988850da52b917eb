#include "vault/keep_poison.h"

#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "crypt/secret.h"
#include "vault/keep_int.h"

enum {
	HISTORY = 30,       /* generations looked back */
	FEW = 20,           /* files: below this a share says nothing */
	GONE = 40,          /* per cent of files missing */
	LIGHTER = 60,       /* per cent of bytes missing ... */
	TOUCHED = 25,       /* per cent of files changed or removed ... */
	TIMES = 3,          /* ... and so many times what was ever usual */
	ENDINGS = 10,       /* per cent of files with one more ending */
	NOISY = 70,         /* per cent of what was stored looks encrypted ... */
	NOISIER = 40,       /* ... and so many points more than usual */
	REWRITTEN = 50,     /* per cent of all bytes are new, where that is not usual */
	SEEN = 3,           /* generations that make a habit */
	FIGURES = 11, SALT = 16,
};
#define SOME_BYTES UINT64_C(262144)
#define MANY_BYTES UINT64_C(67108864)

/* ---- figures ---- */

static void
fields(struct vault_figures *f, uint64_t *out[FIGURES])
{
	uint64_t *const list[FIGURES] = {&f->files, &f->bytes, &f->before, &f->added, &f->changed,
	    &f->removed, &f->renamed, &f->touched_bytes, &f->new_bytes, &f->packed, &f->noise};

	(void)memcpy(out, list, sizeof(list));
}

static int
cipher(const uint8_t index_key[32], const uint8_t gen[FMT_ID_LEN], const uint8_t salt[SALT],
    struct aead **ret, struct err *e)
{
	uint8_t key[32], both[FMT_ID_LEN + SALT];
	int r;

	(void)memcpy(both, gen, FMT_ID_LEN);
	(void)memcpy(both + FMT_ID_LEN, salt, SALT);
	r = kdf_hkdf(index_key, 32, both, sizeof(both), "mamori keep figures v1", key, 32, e);
	if (r == 0)
		r = aead_new(key, ret, e);
	explicit_bzero(key, sizeof(key));
	return r;
}

int
keep_figures_seal(const uint8_t index_key[32], const uint8_t gen[FMT_ID_LEN],
    const struct vault_figures *f, uint8_t out[KEEP_MAX_SEALED], size_t *ret_n, struct err *e)
{
	struct vault_figures copy = *f;
	uint8_t nonce[AEAD_NONCE_LEN], plain[8 * FIGURES];
	uint64_t *list[FIGURES];
	struct aead *a = NULL;
	int r;

	fields(&copy, list);
	for (int i = 0; i < FIGURES; i++)
		le64_put(plain + 8 * i, *list[i]);
	random_fill(out, SALT); /* a fresh key each time, so the counter may start at zero */
	aead_nonce(nonce, 0);
	r = cipher(index_key, gen, out, &a, e);
	if (r == 0)
		r = aead_seal(a, nonce, gen, FMT_ID_LEN, plain, sizeof(plain), out + SALT, e);
	aead_free(a);
	*ret_n = SALT + sizeof(plain) + AEAD_TAG_LEN;
	return r;
}

int
keep_figures_open(const uint8_t index_key[32], const uint8_t gen[FMT_ID_LEN], const uint8_t *p,
    size_t n, struct vault_figures *ret, struct err *e)
{
	uint8_t nonce[AEAD_NONCE_LEN], plain[8 * FIGURES];
	uint64_t *list[FIGURES];
	struct aead *a = NULL;
	int r;

	if (n != SALT + sizeof(plain) + AEAD_TAG_LEN)
		return err_set(e, E_CORRUPT, "figures that do not make sense");
	aead_nonce(nonce, 0);
	r = cipher(index_key, gen, p, &a, e);
	if (r == 0)
		r = aead_open(a, nonce, gen, FMT_ID_LEN, p + SALT, n - SALT, plain, e);
	aead_free(a);
	if (r < 0)
		return r;
	fields(ret, list);
	for (int i = 0; i < FIGURES; i++)
		*list[i] = le64_get(plain + 8 * i);
	return 0;
}

/* ---- verdicts ---- */

static const char *const words[KEEP_REASONS] = {
	"fine", "shrank", "lighter", "changed", "noise", "renamed", "rewrote", "after",
};

void
keep_verdict_put(const struct keep_verdict *v, char out[KEEP_TEXT])
{
	(void)snprintf(out, KEEP_TEXT, "%s %llu %llu", words[v->reason], (unsigned long long)v->a,
	    (unsigned long long)v->b);
}

struct keep_verdict
keep_verdict_get(const char *text)
{
	struct keep_verdict v = {0};
	char word[KEEP_TEXT], *a, *b;

	(void)snprintf(word, sizeof(word), "%s", text);
	a = strchr(word, ' ');
	b = a ? strchr(a + 1, ' ') : NULL;
	if (!b)
		return v;
	*a++ = 0;
	*b++ = 0;
	if (num_parse_u64(a, UINT64_MAX, &v.a, NULL) < 0 ||
	    num_parse_u64(b, UINT64_MAX, &v.b, NULL) < 0)
		return v;
	for (int i = 1; i < KEEP_REASONS; i++) {
		if (strcmp(words[i], word) == 0)
			v.reason = (enum keep_reason)i;
	}
	return v;
}

/* share(a, b): Of ${b}, in hundredths of a per cent, at most 10000. */
static uint64_t
share(uint64_t a, uint64_t b)
{
	if (b == 0 || a >= b)
		return b == 0 ? 0 : 10000;
	return (uint64_t)((unsigned __int128)a * 10000 / b);
}

static bool
found(struct keep_verdict *ret, enum keep_reason why, uint64_t a, uint64_t b)
{
	*ret = (struct keep_verdict){why, a, b};
	return true;
}

/* sum(a, b): Foreign figures may be anything; a sum must not wrap. */
static uint64_t
sum(uint64_t a, uint64_t b)
{
	uint64_t r;

	return __builtin_add_overflow(a, b, &r) ? UINT64_MAX : r;
}

static bool
shrank(const struct vault_figures *last, const struct vault_figures *now, struct keep_verdict *ret)
{
	uint64_t gone = last->files > now->files ? last->files - now->files : 0;
	uint64_t lighter = last->bytes > now->bytes ? last->bytes - now->bytes : 0;

	if (now->files == 0 && last->files > 0)
		return found(ret, KEEP_SHRANK, gone, last->files);
	if (gone >= FEW && share(gone, last->files) >= GONE * 100)
		return found(ret, KEEP_SHRANK, gone, last->files);
	if (lighter >= SOME_BYTES && share(lighter, last->bytes) >= LIGHTER * 100)
		return found(ret, KEEP_LIGHTER, lighter, last->bytes);
	return false;
}

static bool
changed(const struct vault_figures *h, size_t n, const struct vault_figures *now,
    struct keep_verdict *ret)
{
	uint64_t touched = sum(now->changed, now->removed), most = 0, new_most = 0;
	uint64_t all = now->before ? now->before : h[n - 1].files;
	size_t habits = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t s = share(sum(h[i].changed, h[i].removed), h[i].before);
		uint64_t fresh = share(h[i].new_bytes, h[i].bytes);

		if (h[i].before == 0)
			continue; /* the first one: everything was new */
		habits++;
		most = s > most ? s : most;
		new_most = fresh > new_most ? fresh : new_most;
	}
	if (now->renamed >= FEW && share(now->renamed, all) >= ENDINGS * 100)
		return found(ret, KEEP_RENAMED, now->renamed, all);
	if (touched >= FEW && share(touched, all) >= TOUCHED * 100 &&
	    share(touched, all) > TIMES * most)
		return found(ret, KEEP_CHANGED, touched, all);
	if (habits >= SEEN && now->new_bytes >= SOME_BYTES &&
	    share(now->new_bytes, now->bytes) >= REWRITTEN * 100 &&
	    share(now->new_bytes, now->bytes) > TIMES * new_most)
		return found(ret, KEEP_REWROTE, now->new_bytes, now->bytes);
	return false;
}

static bool
noisy(const struct vault_figures *h, size_t n, const struct vault_figures *now,
    struct keep_verdict *ret)
{
	uint64_t packed = 0, noise = 0, least = now->bytes / 20;

	for (size_t i = 0; i < n; i++) {
		packed = sum(packed, h[i].packed);
		noise = sum(noise, h[i].noise);
	}
	if (now->packed < (least > SOME_BYTES ? least : SOME_BYTES))
		return false;
	if (share(now->noise, now->packed) < NOISY * 100 ||
	    share(now->noise, now->packed) < share(noise, packed) + NOISIER * 100)
		return false;
	return found(ret, KEEP_NOISE, now->noise, now->packed);
}

bool
keep_judge(const struct vault_figures *history, size_t n, const struct vault_figures *now,
    struct keep_verdict *ret)
{
	*ret = (struct keep_verdict){0};
	if (n == 0)
		return false; /* nothing to compare with */
	return noisy(history, n, now, ret) || shrank(&history[n - 1], now, ret) ||
	    changed(history, n, now, ret);
}

/* near(a, b): Within a tenth. */
static bool
near(uint64_t a, uint64_t b)
{
	return a <= sum(b, b / 10) && b <= sum(a, a / 10);
}

bool
keep_recovered(const struct vault_figures *good, const struct vault_figures *bad,
    const struct vault_figures *now)
{
	uint64_t harm = sum(bad->changed, bad->removed);

	return near(now->files, good->files) && near(now->bytes, good->bytes) &&
	    sum(now->added, now->changed) >= harm / 2 && now->touched_bytes > 0 &&
	    now->new_bytes <= now->touched_bytes / 10;
}

/* ---- with the ledger ---- */

/* origin(k, g): The generation in doubt that ${g} goes back to, or NULL when it is good. */
static const struct keep_gen *
origin(const struct keep *k, const struct keep_gen *g)
{
	if (g->doubt == KEEP_FOLLOWS)
		g = keep_find(k, g->follows);
	return g && g->doubt == KEEP_DOUBT ? g : NULL;
}

static bool
same_system(const struct keep_gen *g, const struct keep_arrival *a)
{
	return memcmp(g->tag, a->tag, KEEP_TAG_LEN) == 0 && memcmp(g->id, a->gen->id, FMT_ID_LEN);
}

/* before(k, a): The newest one of the same system. */
static const struct keep_gen *
before(const struct keep *k, const struct keep_arrival *a)
{
	for (size_t i = k->gens.len; i-- > 0;) {
		const struct keep_gen *g = VEC_AT(&k->gens, struct keep_gen, i);

		if (same_system(g, a))
			return g;
	}
	return NULL;
}

/* good_ones(k, index_key, a, out): Figures of the newest good ones, oldest first. */
static size_t
good_ones(const struct keep *k, const uint8_t *index_key, const struct keep_arrival *a,
    struct vault_figures out[HISTORY])
{
	size_t n = 0;

	for (size_t i = k->gens.len; i-- > 0 && n < HISTORY;) {
		const struct keep_gen *g = VEC_AT(&k->gens, struct keep_gen, i);

		if (!same_system(g, a) || origin(k, g) || g->sealed_len == 0)
			continue;
		if (keep_figures_open(index_key, g->id, g->sealed, g->sealed_len,
			&out[HISTORY - 1 - n], NULL) == 0)
			n++;
	}
	(void)memmove(out, out + HISTORY - n, n * sizeof(*out));
	return n;
}

static enum keep_doubt
follow(const struct keep_gen *bad, uint8_t follows[FMT_ID_LEN], char why[KEEP_TEXT])
{
	struct keep_verdict v = {.reason = KEEP_AFTER};

	(void)memcpy(follows, bad->id, FMT_ID_LEN);
	keep_verdict_put(&v, why);
	return KEEP_FOLLOWS;
}

enum keep_doubt
keep_judge_bytes(const struct keep *k, const struct keep_arrival *a, uint8_t follows[FMT_ID_LEN],
    char why[KEEP_TEXT])
{
	const struct keep_gen *last = before(k, a), *bad = last ? origin(k, last) : NULL;
	struct keep_verdict v = {KEEP_REWROTE, a->new_bytes, a->all_bytes};
	uint64_t most = 0;
	size_t habits = 0;
	bool first = true;

	*why = 0;
	if (bad)
		return follow(bad, follows, why);
	for (size_t i = 0; i < k->gens.len; i++) {
		const struct keep_gen *g = VEC_AT(&k->gens, struct keep_gen, i);
		uint64_t s = share(g->new_bytes, g->all_bytes);

		if (!same_system(g, a) || origin(k, g))
			continue;
		habits += !first;
		most = !first && s > most ? s : most;
		first = false;
	}
	if (habits < SEEN || a->new_bytes < MANY_BYTES ||
	    share(a->new_bytes, a->all_bytes) < REWRITTEN * 100 ||
	    share(a->new_bytes, a->all_bytes) <= TIMES * most)
		return KEEP_SOUND;
	keep_verdict_put(&v, why);
	return KEEP_DOUBT;
}

int
keep_judge_run(struct keep *k, const uint8_t index_key[32], const struct vault_figures *f,
    struct keep_arrival *a, char why[KEEP_TEXT], struct err *e)
{
	struct vault_figures history[HISTORY], was;
	struct keep_verdict v;
	const struct keep_gen *last, *bad;
	size_t n;
	int r = keep_refresh(k, e);

	if (r < 0)
		return r;
	*why = 0;
	a->why = why;
	if (!f) {
		a->doubt = keep_judge_bytes(k, a, a->follows, why);
		return 0;
	}
	last = before(k, a);
	bad = last ? origin(k, last) : NULL;
	n = good_ones(k, index_key, a, history);
	if (bad && n && keep_figures_open(index_key, bad->id, bad->sealed, bad->sealed_len, &was,
		NULL) == 0 && keep_recovered(&history[n - 1], &was, f)) {
		a->doubt = KEEP_SOUND;
		return 0;
	}
	if (bad) {
		a->doubt = follow(bad, a->follows, why);
		return 0;
	}
	a->doubt = keep_judge(history, n, f, &v) ? KEEP_DOUBT : KEEP_SOUND;
	if (a->doubt == KEEP_DOUBT)
		keep_verdict_put(&v, why);
	return 0;
}
