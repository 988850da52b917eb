#include "practice/enc.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"

struct enc {
	iconv_t jis;
	iconv_t cp932;
	uint8_t has[65536 / 8]; /* which of the first 65,536 characters JIS X 0208 holds */
};

/* What the National Hospital Organization's conversion table says, plus the two signs whose Unicode
 * differs between CP932 and JIS. */
static const struct {
	const char *from, *to;
} nho[] = {
	{"①", "(1)"}, {"②", "(2)"}, {"③", "(3)"}, {"④", "(4)"}, {"⑤", "(5)"}, {"⑥", "(6)"},
	{"⑦", "(7)"}, {"⑧", "(8)"}, {"⑨", "(9)"}, {"⑩", "(10)"}, {"⑪", "(11)"}, {"⑫", "(12)"},
	{"⑬", "(13)"}, {"⑭", "(14)"}, {"⑮", "(15)"}, {"⑯", "(16)"}, {"⑰", "(17)"}, {"⑱", "(18)"},
	{"⑲", "(19)"}, {"⑳", "(20)"}, {"Ⅰ", "I"}, {"Ⅱ", "II"}, {"Ⅲ", "III"}, {"Ⅳ", "IV"},
	{"Ⅴ", "V"}, {"Ⅵ", "VI"}, {"Ⅶ", "VII"}, {"Ⅷ", "VIII"}, {"Ⅸ", "IX"}, {"Ⅹ", "X"},
	{"ⅰ", "i"}, {"ⅱ", "ii"}, {"ⅲ", "iii"}, {"ⅳ", "iv"}, {"ⅴ", "v"}, {"ⅵ", "vi"},
	{"ⅶ", "vii"}, {"ⅷ", "viii"}, {"ⅸ", "ix"}, {"ⅹ", "x"},
	{"㍉", "ミリ"}, {"㌔", "キロ"}, {"㌢", "センチ"}, {"㍍", "メートル"}, {"㌘", "グラム"},
	{"㌧", "トン"}, {"㌃", "アール"}, {"㌶", "ヘクタール"}, {"㍑", "リットル"}, {"㍗", "ワット"},
	{"㌍", "カロリー"}, {"㌦", "ドル"}, {"㌣", "セント"}, {"㌫", "パーセント"},
	{"㍊", "ミリバール"}, {"㌻", "ページ"}, {"㎜", "mm"}, {"㎝", "cm"}, {"㎞", "km"},
	{"㎎", "mg"}, {"㎏", "kg"}, {"㏄", "cc"}, {"㎡", "m*2"}, {"㍻", "平成"}, {"〝", "″"},
	{"〟", "、"}, {"№", "No."}, {"㏍", "K.K."}, {"℡", "Tel"}, {"㊤", "(上)"}, {"㊥", "(中)"},
	{"㊦", "(下)"}, {"㊧", "(左)"}, {"㊨", "(右)"}, {"㈱", "(株)"}, {"㈲", "(有)"},
	{"㈹", "(代)"}, {"㍾", "明治"}, {"㍽", "大正"}, {"㍼", "昭和"}, {"∮", "Φ"}, {"∑", "Σ"},
	{"∟", "└"}, {"⊿", "Δ"}, {"～", "〜"}, {"－", "−"},
};

/* Half-width katakana U+FF61..U+FF9F in order, and what each is in full width. */
static const char *const full_kana[] = {
	"。", "「", "」", "、", "・", "ヲ", "ァ", "ィ", "ゥ", "ェ", "ォ", "ャ", "ュ", "ョ", "ッ", "ー",
	"ア", "イ", "ウ", "エ", "オ", "カ", "キ", "ク", "ケ", "コ", "サ", "シ", "ス", "セ", "ソ", "タ",
	"チ", "ツ", "テ", "ト", "ナ", "ニ", "ヌ", "ネ", "ノ", "ハ", "ヒ", "フ", "ヘ", "ホ", "マ", "ミ",
	"ム", "メ", "モ", "ヤ", "ユ", "ヨ", "ラ", "リ", "ル", "レ", "ロ", "ワ", "ン", "゛", "゜",
};
static const char voiced_from[] = "カキクケコサシスセソタチツテトハヒフヘホウ";
static const char voiced_to[] = "ガギグゲゴザジズゼゾダヂヅデドバビブベボヴ";
static const char semi_from[] = "ハヒフヘホ";
static const char semi_to[] = "パピプペポ";

static size_t
char_len(const char *s, size_t left)
{
	unsigned char c = (unsigned char)s[0];
	size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	return n <= left ? n : left;
}

static uint32_t
char_code(const char *s, size_t n)
{
	const unsigned char *p = (const unsigned char *)s;

	switch (n) {
	case 2:
		return (uint32_t)(p[0] & 0x1f) << 6 | (p[1] & 0x3f);
	case 3:
		return (uint32_t)(p[0] & 0x0f) << 12 | (uint32_t)(p[1] & 0x3f) << 6 | (p[2] & 0x3f);
	case 4:
		return (uint32_t)(p[0] & 7) << 18 | (uint32_t)(p[1] & 0x3f) << 12 |
		    (uint32_t)(p[2] & 0x3f) << 6 | (p[3] & 0x3f);
	default:
		return p[0];
	}
}

static bool
is_selector(uint32_t c)
{
	return (c >= 0xfe00 && c <= 0xfe0f) || (c >= 0xe0100 && c <= 0xe01ef);
}

static bool
in_0208(const struct enc *n, uint32_t c)
{
	return c < 65536 && n->has[c / 8] >> c % 8 & 1;
}

/* Ask the system once for all 94 x 94 cells, less the rows that only vendors fill. */
static int
learn_0208(struct enc *n, struct err *e)
{
	iconv_t cd = iconv_open("UTF-8", "EUC-JP");

	if (cd == (iconv_t)-1)
		return err_sys(e, "the system's conversion from EUC-JP");
	for (int row = 0xa1; row <= 0xf4; row++) {
		if (row >= 0xa9 && row <= 0xaf)
			continue;
		for (int cell = 0xa1; cell <= 0xfe; cell++) {
			char in[2] = {(char)row, (char)cell}, out[8];
			char *ip = in, *op = out;
			size_t il = 2, ol = sizeof(out);
			uint32_t c;

			(void)iconv(cd, NULL, NULL, NULL, NULL);
			if (iconv(cd, &ip, &il, &op, &ol) == (size_t)-1)
				continue;
			c = char_code(out, (size_t)(op - out));
			if (c < 65536)
				n->has[c / 8] |= (uint8_t)(1 << c % 8);
		}
	}
	(void)iconv_close(cd);
	return 0;
}

int
enc_new(struct enc **ret, struct err *e)
{
	struct enc *n = calloc(1, sizeof(*n));
	int r;

	if (!n)
		return err_set(e, E_NOMEM, "no memory");
	n->jis = iconv_open("ISO-2022-JP", "UTF-8");
	n->cp932 = iconv_open("CP932", "UTF-8");
	if (n->jis == (iconv_t)-1 || n->cp932 == (iconv_t)-1)
		r = err_sys(e, "the system's conversion to ISO-2022-JP or CP932");
	else
		r = learn_0208(n, e);
	if (r < 0) {
		enc_free(n);
		return r;
	}
	*ret = n;
	return 0;
}

void
enc_free(struct enc *n)
{
	if (!n)
		return;
	if (n->jis != (iconv_t)-1)
		(void)iconv_close(n->jis);
	if (n->cp932 != (iconv_t)-1)
		(void)iconv_close(n->cp932);
	free(n);
}

/* The k-th character of ${to}, where ${s} is the k-th of ${from}; all have three bytes. */
static const char *
mate(const char *from, const char *to, const char *s)
{
	for (size_t i = 0; from[i]; i += 3)
		if (memcmp(from + i, s, 3) == 0)
			return to + i;
	return NULL;
}

/* A half-width kana at ${s}, with the voice mark that may follow. Returns the bytes used, or 0. */
static size_t
half_kana(const char *s, size_t left, struct buf *out, struct err *e, int *r)
{
	size_t n = char_len(s, left), used = n;
	uint32_t c = char_code(s, n);
	const char *full, *other = NULL;

	if (c < 0xff61 || c > 0xff9f)
		return 0;
	full = full_kana[c - 0xff61];
	if (left >= 6) {
		uint32_t mark = char_code(s + 3, char_len(s + 3, left - 3));

		if (mark == 0xff9e)
			other = mate(voiced_from, voiced_to, full);
		else if (mark == 0xff9f)
			other = mate(semi_from, semi_to, full);
	}
	if (other) {
		full = other;
		used = 6;
	}
	*r = buf_put(out, full, 3, e);
	return used;
}

static int
one(const struct enc *n, const char *s, size_t len, struct buf *out, struct err *e)
{
	if (len == 1 || in_0208(n, char_code(s, len)))
		return buf_put(out, s, len, e);
	for (size_t i = 0; i < ARRAY_LEN(nho); i++)
		if (strlen(nho[i].from) == len && memcmp(nho[i].from, s, len) == 0)
			return buf_str(out, nho[i].to, e);
	return buf_str(out, "■", e);
}

int
enc_jis_utf8(struct enc *n, const char *s, struct buf *out, struct err *e)
{
	size_t left = strlen(s);
	int r = 0;

	while (left > 0 && r == 0) {
		size_t len = half_kana(s, left, out, e, &r);

		if (len == 0) {
			size_t next;

			len = char_len(s, left);
			next = len < left ? char_len(s + len, left - len) : 0;
			if (next && is_selector(char_code(s + len, next))) {
				r = buf_str(out, "■", e);
				len += next;
			} else {
				r = one(n, s, len, out, e);
			}
		}
		s += len;
		left -= len;
	}
	return r;
}

/* The whole of ${s} through ${cd}; ${out} is unchanged unless everything went. 1 when the set lacks
 * a character. */
static int
convert(iconv_t cd, const char *s, size_t len, struct buf *out, struct err *e)
{
	char *ip = (char *)(uintptr_t)s; /* iconv does not write through it */
	char *op;
	size_t il = len, ol, got;
	/* at most ESC $ B, two bytes and ESC ( B for three bytes */
	int r = buf_reserve(out, len * 3 + 16, e);

	if (r < 0)
		return r;
	op = (char *)out->p + out->len;
	ol = out->cap - out->len;
	(void)iconv(cd, NULL, NULL, NULL, NULL);
	got = iconv(cd, &ip, &il, &op, &ol);
	if (got == (size_t)-1)
		return errno == EILSEQ ? 1 : err_sys(e, "character conversion");
	if (iconv(cd, NULL, NULL, &op, &ol) == (size_t)-1)
		return err_sys(e, "character conversion");
	out->len = (size_t)(op - (char *)out->p);
	return 0;
}

int
enc_jis(struct enc *n, const char *s, size_t len, struct buf *out, struct err *e)
{
	AUTO(buf_free) struct buf fit = {0};
	AUTO(buf_free) struct buf copy = {0};
	const char *z;
	int r = convert(n->jis, s, len, out, e);

	if (r <= 0)
		return r;
	buf_init(&copy, len + 1);
	buf_init(&fit, len * 6 + 16);
	if ((r = buf_put(&copy, s, len, e)) < 0)
		return r;
	z = buf_cstr(&copy, e);
	if (!z)
		return E_NOMEM;
	if ((r = enc_jis_utf8(n, z, &fit, e)) < 0)
		return r;
	r = convert(n->jis, (const char *)fit.p, fit.len, out, e);
	return r > 0 ? err_set(e, E_CORRUPT, "text that is not well-formed UTF-8") : r;
}

int
enc_cp932(struct enc *n, const char *s, size_t len, struct buf *out, struct err *e)
{
	size_t old = out->len;
	int r = convert(n->cp932, s, len, out, e);

	if (r <= 0)
		return r;
	while (len > 0) {
		size_t k = char_len(s, len);

		if (!is_selector(char_code(s, k))) {
			r = convert(n->cp932, s, k, out, e);
			if (r > 0)
				r = buf_u8(out, '?', e);
			if (r < 0) {
				out->len = old;
				return r;
			}
		}
		s += k;
		len -= k;
	}
	return 0;
}

/* One full-width character as half-width katakana; 0 bytes when it is none. */
static size_t
kana_half(const char *s, unsigned char out[2])
{
	const char *base = s;
	size_t n = 1;

	for (int pass = 0; pass < 3; pass++) {
		for (size_t i = 0; i < ARRAY_LEN(full_kana); i++) {
			if (memcmp(full_kana[i], base, 3) == 0) {
				out[0] = (unsigned char)(0xa1 + i);
				return n;
			}
		}
		base = mate(pass ? semi_to : voiced_to, pass ? semi_from : voiced_from, s);
		if (!base) {
			base = s;
			continue;
		}
		out[1] = pass ? 0xdf : 0xde;
		n = 2;
	}
	return 0;
}

int
enc_ir13(struct enc *n, const char *s, struct buf *out, struct err *e)
{
	size_t left = strlen(s);
	int r = 0;

	(void)n;
	while (left > 0 && r == 0) {
		size_t k = char_len(s, left), got = 0;
		unsigned char half[2];

		if (k == 1) {
			r = buf_put(out, s, 1, e);
		} else {
			if (k == 3)
				got = kana_half(s, half);
			r = got ? buf_put(out, half, got, e) : buf_u8(out, '?', e);
		}
		s += k;
		left -= k;
	}
	return r;
}
