#include "practice/enc.h"

#include <iconv.h>

#include "practice/names.h"
#include "tap.h"

static void
jis_is(struct enc *n, const char *in, const char *want)
{
	struct buf b;

	buf_init(&b, 4096);
	OK(enc_jis_utf8(n, in, &b, NULL) == 0, "%s is accepted", in);
	EQ_S(buf_cstr(&b, NULL), want, "what a reader of the file will see");
	buf_free(&b);
}

/* What the system's own decoder makes of our bytes. */
static bool
decodes_to(const char *set, const struct buf *b, const char *want)
{
	iconv_t cd = iconv_open("UTF-8", set);
	char in[2048], out[4096];
	char *ip = in, *op = out;
	size_t il = b->len, ol = sizeof(out) - 1;
	bool ok;

	if (b->len > sizeof(in))
		return false;
	(void)memcpy(in, b->p, b->len);
	ok = iconv(cd, &ip, &il, &op, &ol) != (size_t)-1 && il == 0;
	*op = 0;
	(void)iconv_close(cd);
	if (!ok || strcmp(out, want) != 0)
		printf("#   %s, expected %s\n", out, want);
	return ok && strcmp(out, want) == 0;
}

static void
everybody(struct enc *n)
{
	bool good = true, ascii = true, odd = false;

	for (uint32_t i = 0; i < 3000 && good; i++) {
		struct buf b, want;
		struct person p;
		char text[400];

		names_person(1, i, 0, &p);
		(void)snprintf(text, sizeof(text), "%s^%s~%s^%s|%s", p.family, p.given,
		    p.family_kana,
		    p.given_kana, p.address);
		buf_init(&b, 4096);
		buf_init(&want, 4096);
		good = enc_jis(n, text, strlen(text), &b, NULL) == 0 &&
		    enc_jis_utf8(n, text, &want, NULL) == 0 &&
		    decodes_to("ISO-2022-JP", &b, buf_cstr(&want, NULL));
		for (size_t k = 0; k < b.len; k++)
			ascii = ascii && b.p[k] < 0x80;
		odd = odd || strstr(buf_cstr(&want, NULL), "■");
		buf_free(&b);
		buf_free(&want);
	}
	OK(good, "3000 patients: the bytes decode to what was announced");
	OK(ascii, "seven bits only");
	OK(odd, "some names have a character that JIS lacks");
}

int
main(void)
{
	struct enc *n = NULL;
	struct buf b;
	char big[64];

	OK(enc_new(&n, NULL) == 0, "converters");
	buf_init(&b, 4096);
	OK(enc_jis(n, "患者^", strlen("患者^"), &b, NULL) == 0, "encodes");
	OK(b.len == 11 && memcmp(b.p, "\x1b$B45<T\x1b(B^", 11) == 0,
	    "the bytes of the guideline's sample");
	buf_clear(&b);
	OK(enc_jis(n, "者", strlen("者"), &b, NULL) == 0 && memcmp(b.p + b.len - 3, "\x1b(B", 3) == 0,
	    "ends in ASCII");
	jis_is(n, "追加 髙橋 﨑 𠮷野 葛󠄀 ① ㈱ ｶﾅ ～", "追加 ■橋 ■ ■野 ■ (1) (株) カナ 〜");
	jis_is(n, "ｶﾞｷﾞﾊﾟﾋﾟｳﾞﾞﾟｰ｡", "ガギパピヴ゛゜ー。");
	jis_is(n, "ソリタ－Ｔ３号 60㎎ №Ⅳ", "ソリタ−Ｔ３号 60mg No.IV");
	jis_is(n, "ﾊ", "ハ");
	jis_is(n, "", "");
	jis_is(n, "濵田 德永 é €", "■田 ■永 ■ ■");
	buf_clear(&b);
	OK(enc_cp932(n, "㈱①～髙﨑葛󠄀𠮷", strlen("㈱①～髙﨑葛󠄀𠮷"), &b, NULL) == 0, "CP932");
	OK(b.len == 13 && memcmp(b.p, "\x87\x8a\x87\x40\x81\x60\xfb\xfc\xfa\xb1\x8a\x8b?", 13) == 0,
	    "vendor characters kept, the rest a question mark");
	buf_clear(&b);
	OK(enc_ir13(n, "ヤマダ^タロウ", &b, NULL) == 0, "half-width katakana");
	OK(b.len == 8 && memcmp(b.p, "\xd4\xcf\xc0\xde^\xc0\xdb\xb3", 8) == 0,
	    "the bytes of DICOM PS3.5 annex H");
	buf_clear(&b);
	OK(enc_ir13(n, "パー山", &b, NULL) == 0 && b.len == 4 && memcmp(b.p, "\xca\xdf\xb0?", 4) == 0,
	    "half voiced, long, and what it is not");
	everybody(n);
	buf_free(&b);
	buf_init(&b, 16);
	(void)memset(big, 'a', sizeof(big));
	EQ_I(enc_jis(n, big, sizeof(big), &b, NULL), E_LIMIT, "the buffer's limit holds");
	EQ_I(b.len, 0, "and nothing is left behind");
	buf_free(&b);
	enc_free(n);
	enc_free(NULL);
	return tap_done();
}
