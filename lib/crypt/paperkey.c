#include "crypt/paperkey.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/num.h"
#include "base/utf8.h"
#include "crypt/digest.h"
#include "crypt/secret.h"

enum {
	DATA_SYMS = 4,               /* 16 bits a word */
	WORD_SYMS = DATA_SYMS + 1,   /* and the check kana */
	DATA_WORDS = PAPERKEY_LEN / 2,
	WORDS = DATA_WORDS + 1,      /* the last one is the checksum of the whole */
	SYMS = WORDS * WORD_SYMS,
	MAX_SYMS = 256,
	MAX_MARKS = 32,
	MAX_TEXT = 16 * 1024,
};

/* The sixteen. In handwriting none has a near twin among the others (of so/n, shi/tsu, ku/ke/ta,
 * wa/u/fu, no/me/na, ro/ko/yo, ma/a/mu, ru/re/ha, te/chi/ra, se/ya/sa, su/nu at most one is
 * here). On the telephone, two with the same vowel always differ in the kind of their consonant:
 * stop (k, t), hiss (s, h), nasal (m, n), glide (r, y). None carries a voicing mark. The order is
 * the value. */
static const struct {
	const char *kana;
	uint16_t cp;
	uint16_t half;
	char latin[3];
} table[16] = {
	{"カ", 0x30ab, 0xff76, "KA"}, {"キ", 0x30ad, 0xff77, "KI"},
	{"ケ", 0x30b1, 0xff79, "KE"}, {"サ", 0x30b5, 0xff7b, "SA"},
	{"ス", 0x30b9, 0xff7d, "SU"}, {"ト", 0x30c8, 0xff84, "TO"},
	{"ナ", 0x30ca, 0xff85, "NA"}, {"ネ", 0x30cd, 0xff88, "NE"},
	{"ホ", 0x30db, 0xff8e, "HO"}, {"ミ", 0x30df, 0xff90, "MI"},
	{"ム", 0x30e0, 0xff91, "MU"}, {"モ", 0x30e2, 0xff93, "MO"},
	{"ユ", 0x30e6, 0xff95, "YU"}, {"ラ", 0x30e9, 0xff97, "RA"},
	{"リ", 0x30ea, 0xff98, "RI"}, {"ロ", 0x30ed, 0xff9b, "RO"},
};

/* A text taken apart: the symbols, where a word begins as it was written (after a space), and the
 * numbers that were written between them. */
struct reading {
	size_t n, nmark;
	uint32_t number; /* being read; 0 = none */
	bool gap;
	char consonant; /* a Latin one that waits for its vowel */
	uint8_t sym[MAX_SYMS];
	bool starts[MAX_SYMS];
	struct {
		uint32_t value;
		size_t at;
	} mark[MAX_MARKS];
};

/* Product in GF(16), polynomial x^4 + x + 1. */
static uint8_t
mul16(uint8_t a, uint8_t b)
{
	unsigned r = 0;

	for (unsigned i = 0; i < 4; i++)
		r ^= ((unsigned)a << i) & -((b >> i) & 1U);
	for (unsigned i = 6; i >= 4; i--)
		r ^= (0x13U << (i - 4)) & -((r >> i) & 1U);
	return (uint8_t)(r & 15);
}

/* The check symbol of word ${number} (from 1). The four weights and the check's own (1) differ and
 * are not zero: one wrong symbol, or two exchanged ones, always show; and a word does not fit at
 * the place of another. */
static uint8_t
check_of(const uint8_t d[DATA_SYMS], size_t number)
{
	uint8_t c = (uint8_t)(number & 15);

	for (size_t i = 0; i < DATA_SYMS; i++)
		c ^= mul16(d[i], (uint8_t)(i + 2));
	return c;
}

static bool
word_fits(const uint8_t *w, size_t number)
{
	return check_of(w, number) == w[DATA_SYMS];
}

static void
derive(const uint8_t key[PAPERKEY_LEN], const char *info, uint8_t *out, size_t n)
{
	if (kdf_hkdf(key, PAPERKEY_LEN, NULL, 0, info, out, n, NULL) < 0)
		(void)memset(out, 0, n); /* not reached: n is far below the limit */
}

static void
encode(const uint8_t key[PAPERKEY_LEN], uint8_t syms[SYMS])
{
	uint8_t all[PAPERKEY_LEN + 2];

	(void)memcpy(all, key, PAPERKEY_LEN);
	derive(key, "mamori paperkey checksum v1", all + PAPERKEY_LEN, 2);
	for (size_t w = 0; w < WORDS; w++) {
		uint8_t *s = syms + w * WORD_SYMS;

		for (size_t i = 0; i < DATA_SYMS; i++)
			s[i] = all[w * 2 + i / 2] >> (i % 2 ? 0 : 4) & 15;
		s[DATA_SYMS] = check_of(s, w + 1);
	}
	OPENSSL_cleanse(all, sizeof(all));
}

static int
put_word(struct buf *b, const uint8_t *s, enum paperkey_script script, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < WORD_SYMS && r == 0; i++) {
		if (script == PAPERKEY_LATIN && i > 0)
			r = buf_str(b, "-", e);
		if (r == 0)
			r = buf_str(b,
			    script == PAPERKEY_LATIN ? table[s[i]].latin : table[s[i]].kana, e);
	}
	return r;
}

int
paperkey_words(struct buf *b, const uint8_t key[PAPERKEY_LEN], enum paperkey_script script,
    struct err *e)
{
	size_t old = b->len;
	uint8_t syms[SYMS];
	int r = 0;

	encode(key, syms);
	for (size_t w = 0; w < WORDS && r == 0; w++) {
		if (w % 4 == 0)
			r = buf_fmt(b, e, "%4zu", w + 1);
		if (r == 0)
			r = buf_str(b, "  ", e);
		if (r == 0)
			r = put_word(b, syms + w * WORD_SYMS, script, e);
		if (r == 0 && (w % 4 == 3 || w == WORDS - 1))
			r = buf_str(b, "\n", e);
	}
	OPENSSL_cleanse(syms, sizeof(syms));
	if (r < 0)
		b->len = old;
	return r;
}

void
paperkey_fingerprint(const uint8_t key[PAPERKEY_LEN], char out[9])
{
	uint8_t p[4];

	derive(key, "mamori paperkey fingerprint v1", p, sizeof(p));
	hex_put(out, p, sizeof(p));
}

/* ---- reading ---- */

/* The next character of well-formed UTF-8. */
static uint32_t
next_char(struct rd *r)
{
	uint32_t c = rd_u8(r);
	int more = c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;

	if (more > 0)
		c &= 0x3fU >> more;
	for (; more > 0; more--)
		c = c << 6 | (rd_u8(r) & 0x3f);
	return c;
}

/* Fold the many ways of writing one thing: full-width ASCII, hiragana, small kana, and the kanji
 * that look exactly like a kana. */
static uint32_t
fold(uint32_t c)
{
	static const uint16_t alike[][2] = {
		{0x30f5, 0x30ab}, {0x529b, 0x30ab}, /* small ka, kanji "power" */
		{0x30f6, 0x30b1},                   /* small ke */
		{0x30e5, 0x30e6},                   /* small yu */
		{0x535c, 0x30c8}, {0x4e09, 0x30df}, /* kanji "divine", "three" */
		{0x53e3, 0x30ed}, {0x56d7, 0x30ed}, /* kanji "mouth", "enclosure" */
	};

	if (c >= 0xff01 && c <= 0xff5e)
		c -= 0xfee0;
	if (c >= 0x3041 && c <= 0x3096)
		c += 0x60;
	for (size_t i = 0; i < ARRAY_LEN(alike); i++) {
		if (c == alike[i][0])
			c = alike[i][1];
	}
	return c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c;
}

static bool
is_space(uint32_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || c == 0xa0 || c == 0x3000 || c == ',' ||
	    c == 0x3001 || c == '/' || c == '|';
}

/* Marks that people put inside or after words and numbers; they say nothing. */
static bool
is_mark(uint32_t c)
{
	return c == '-' || c == '.' || c == ':' || c == '(' || c == ')' || c == '_' ||
	    (c >= 0x2010 && c <= 0x2015) || c == 0x2212 || c == 0x30fc || c == 0xff70 ||
	    c == 0x30fb || c == 0xff65 || c == 0x3002 || c == 0xfeff || c == 0x200b;
}

static int
foreign(const struct reading *rd, const char *p, size_t n, struct err *e)
{
	return err_set(e, E_INVAL,
	    "%zu番の語の「%.*s」は、この鍵に使う16のカナではありません"
	    " (word %zu: \"%.*s\" is not one of the sixteen kana)",
	    rd->n / WORD_SYMS + 1, (int)n, p, rd->n / WORD_SYMS + 1, (int)n, p);
}

static int
push(struct reading *rd, size_t sym, struct err *e)
{
	if (rd->n == MAX_SYMS)
		return err_set(e, E_INVAL, "語が多すぎます。鍵は%d語です (too many words; a key has %d)",
		    WORDS, WORDS);
	rd->sym[rd->n] = (uint8_t)sym;
	rd->starts[rd->n] = rd->gap || rd->n == 0;
	rd->gap = false;
	rd->n++;
	return 0;
}

static void
end_number(struct reading *rd)
{
	if (rd->number == 0)
		return;
	if (rd->nmark < MAX_MARKS) {
		rd->mark[rd->nmark].value = rd->number;
		rd->mark[rd->nmark++].at = rd->n;
	}
	rd->number = 0;
	rd->gap = true;
}

/* A Latin letter: a consonant waits, a vowel completes it. */
static int
take_letter(struct reading *rd, char c, struct err *e)
{
	char two[3] = {rd->consonant ? rd->consonant : c, rd->consonant ? c : 0, 0};

	if (!rd->consonant) {
		if (!strchr("KSTNHMYR", c))
			return foreign(rd, two, strlen(two), e);
		rd->consonant = c;
		return 0;
	}
	rd->consonant = 0;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (memcmp(table[i].latin, two, 2) == 0)
			return push(rd, i, e);
	}
	return foreign(rd, two, 2, e);
}

static int
take_char(struct reading *rd, uint32_t c, const char *raw, size_t n, struct err *e)
{
	if (c >= '0' && c <= '9') {
		if (rd->number < 10000)
			rd->number = rd->number * 10 + (c - '0');
		return 0;
	}
	end_number(rd);
	if (c >= 0x2460 && c <= 0x2473) { /* circled numbers */
		rd->number = c - 0x2460 + 1;
		end_number(rd);
		return 0;
	}
	if (is_space(c)) {
		rd->gap = true;
		return 0;
	}
	if (is_mark(c))
		return 0;
	if (c >= 'A' && c <= 'Z')
		return take_letter(rd, (char)c, e);
	for (size_t i = 0; i < ARRAY_LEN(table) && !rd->consonant; i++) {
		if (c == table[i].cp || c == table[i].half)
			return push(rd, i, e);
	}
	return foreign(rd, c < 0x20 || c == 0x7f ? "?" : raw, c < 0x20 || c == 0x7f ? 1 : n, e);
}

static int
take_text(struct reading *rd, const char *s, size_t n, struct err *e)
{
	struct rd in = rd_init(s, n);
	int r = 0;

	while (r == 0 && rd_left(&in) > 0) {
		size_t from = in.pos;
		uint32_t c = fold(next_char(&in));

		r = take_char(rd, c, s + from, in.pos - from, e);
	}
	if (r == 0 && rd->consonant)
		r = foreign(rd, &rd->consonant, 1, e);
	end_number(rd);
	return r;
}

/* Between which words the count goes wrong, as far as the written numbers tell: words ${from} up to
 * before ${to} (from 1), which were written in the symbols ${a} up to before ${b}. */
struct stretch {
	size_t from, to, a, b;
};

static struct stretch
find_stretch(const struct reading *rd)
{
	struct stretch s = {.from = 1, .to = WORDS + 1, .a = 0, .b = rd->n};

	for (size_t i = 0; i < rd->nmark; i++) {
		size_t v = rd->mark[i].value, at = rd->mark[i].at;

		if (v < s.from || v > WORDS || at < s.a)
			continue; /* not a word number */
		if (at - s.a != (v - s.from) * WORD_SYMS) {
			s.to = v;
			s.b = at;
			break;
		}
		s.from = v;
		s.a = at;
	}
	return s;
}

/* Explain why there are not 85 symbols: as exactly as the spaces and numbers allow. */
static int
explain(const struct reading *rd, struct err *e)
{
	struct stretch s = find_stretch(rd);
	size_t groups = 0, odd = 0, odd_len = 0, at, w;

	for (size_t i = s.a; i < s.b;) {
		size_t len = 1;

		while (i + len < s.b && !rd->starts[i + len])
			len++;
		groups++;
		if (len != WORD_SYMS && odd == 0) {
			odd = groups;
			odd_len = len;
		}
		i += len;
	}
	if (odd > 0 && groups == s.to - s.from)
		return err_set(e, E_INVAL,
		    "%zu番の語が%zu文字です。どの語も%d文字です"
		    " (word %zu has %zu kana; every word has %d)",
		    s.from + odd - 1, odd_len, WORD_SYMS, s.from + odd - 1, odd_len, WORD_SYMS);
	for (w = s.from, at = s.a; at + WORD_SYMS <= s.b && w < s.to; w++, at += WORD_SYMS) {
		if (!word_fits(rd->sym + at, w))
			break;
	}
	if (odd == 0 && groups < s.to - s.from)
		return err_set(e, E_INVAL,
		    "%zu番の語が抜けています。%zu語のはずが%zu語です"
		    " (word %zu is missing: %zu words where %zu belong)",
		    w, s.to - s.from, groups, w, groups, s.to - s.from);
	return err_set(e, E_INVAL,
	    "%zu番の語のあたりでカナが%s。全部で%d文字のはずが%zu文字です"
	    " (a kana is %s near word %zu: %zu in all, there should be %d)",
	    w < s.to ? w : s.to - 1, rd->n < SYMS ? "足りません" : "余っています", SYMS, rd->n,
	    rd->n < SYMS ? "missing" : "too many", w < s.to ? w : s.to - 1, rd->n, SYMS);
}

/* Name every word whose check kana does not fit. */
static int
check_words(const struct reading *rd, struct err *e)
{
	char list[WORDS * 4 + 1] = "";
	size_t len = 0;

	for (size_t w = 0; w < WORDS; w++) {
		if (!word_fits(rd->sym + w * WORD_SYMS, w + 1))
			len += (size_t)snprintf(
			    list + len, sizeof(list) - len, "%s%zu", len ? ", " : "", w + 1);
	}
	if (len == 0)
		return 0;
	return err_set(e, E_INVAL,
	    "%s番の語が合いません。紙と見くらべてください"
	    " (word %s does not fit; compare it with the paper)",
	    list, list);
}

static int
decode(const struct reading *rd, uint8_t key[PAPERKEY_LEN], struct err *e)
{
	uint8_t got[PAPERKEY_LEN], again[SYMS];
	int r = 0;

	for (size_t i = 0; i < PAPERKEY_LEN; i++) {
		const uint8_t *s = rd->sym + i / 2 * WORD_SYMS + i % 2 * 2;

		got[i] = (uint8_t)(s[0] << 4 | s[1]);
	}
	encode(got, again);
	if (!secret_eq(again, rd->sym, SYMS))
		r = err_set(e, E_INVAL,
		    "語は一つ一つ正しい形ですが、全体の検算（%d番の語）が合いません。"
		    "二つの鍵が混ざっていないか確かめてください"
		    " (each word fits, but the whole does not: are these words of one key?)",
		    WORDS);
	else
		(void)memcpy(key, got, PAPERKEY_LEN);
	OPENSSL_cleanse(got, sizeof(got));
	OPENSSL_cleanse(again, sizeof(again));
	return r;
}

static int
nibble(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* 1 when the text was hexadecimal digits (then ${key} is filled), 0 when it is something else. */
static int
read_hex(const char *s, size_t n, uint8_t key[PAPERKEY_LEN], struct err *e)
{
	uint8_t got[PAPERKEY_LEN] = {0};
	size_t digits = 0;

	for (size_t i = 0; i < n; i++) {
		int v = nibble((unsigned char)s[i]);

		if (is_space((unsigned char)s[i]) || s[i] == '-' || s[i] == ':')
			continue;
		if (v < 0) {
			OPENSSL_cleanse(got, sizeof(got));
			return 0;
		}
		if (digits < sizeof(got) * 2)
			got[digits / 2] = (uint8_t)(got[digits / 2] << 4 | v);
		digits++;
	}
	if (digits == sizeof(got) * 2)
		(void)memcpy(key, got, sizeof(got));
	OPENSSL_cleanse(got, sizeof(got));
	if (digits == sizeof(got) * 2)
		return 1;
	if (digits < 20)
		return 0; /* a few numbers are no attempt at it */
	return err_set(e, E_INVAL,
	    "16進数は64桁のはずですが%zu桁です (64 hexadecimal digits belong here, there are %zu)",
	    digits, digits);
}

int
paperkey_read(const char *s, size_t n, uint8_t key[PAPERKEY_LEN], struct err *e)
{
	struct reading rd = {0};
	int r;

	if (n > MAX_TEXT)
		return err_set(e, E_INVAL, "鍵の文書ではありません：長すぎます (too long for a key)");
	if (!utf8_ok(s, n))
		return err_set(e, E_INVAL,
		    "文字コードが UTF-8 ではありません。UTF-8 で保存するか、ローマ字で打ってください"
		    " (not UTF-8: save it as UTF-8, or type the words in Latin letters)");
	r = read_hex(s, n, key, e);
	if (r != 0)
		return r < 0 ? r : 0;
	r = take_text(&rd, s, n, e);
	if (r == 0 && rd.n == 0)
		r = err_set(e, E_INVAL, "鍵の語がありません (there are no key words)");
	else if (r == 0 && rd.n != SYMS)
		r = explain(&rd, e);
	if (r == 0)
		r = check_words(&rd, e);
	if (r == 0)
		r = decode(&rd, key, e);
	OPENSSL_cleanse(&rd, sizeof(rd));
	return r;
}
