/* The recovery key on paper: fixed words of a fixed key, every slip a person can make with one kana
 * or one word, every way of typing it, shares, and the file. */
#include "crypt/paperkey.h"

#include <stdlib.h>

#include "base/num.h"
#include "crypt/secret.h"
#include "tap.h"

enum { WORDS = 17, PER = 5, SYMS = WORDS * PER };

static const char *const kana[16] = {"カ", "キ", "ケ", "サ", "ス", "ト", "ナ", "ネ", "ホ", "ミ", "ム",
    "モ", "ユ", "ラ", "リ", "ロ"};
static const char *const half[16] = {"ｶ", "ｷ", "ｹ", "ｻ", "ｽ", "ﾄ", "ﾅ", "ﾈ", "ﾎ", "ﾐ", "ﾑ", "ﾓ", "ﾕ",
    "ﾗ", "ﾘ", "ﾛ"};
static const char *const hira[16] = {"か", "き", "け", "さ", "す", "と", "な", "ね", "ほ", "み", "む",
    "も", "ゆ", "ら", "り", "ろ"};
static const char *const latin[16] = {"KA", "KI", "KE", "SA", "SU", "TO", "NA", "NE", "HO", "MI",
    "MU", "MO", "YU", "RA", "RI", "RO"};
static const char *const lower[16] = {"ka", "ki", "ke", "sa", "su", "to", "na", "ne", "ho", "mi",
    "mu", "mo", "yu", "ra", "ri", "ro"};
static const char *const wide[16] = {"ＫＡ", "ｋｉ", "ＫＥ", "ｓａ", "ＳＵ", "ｔｏ", "ＮＡ", "ｎｅ", "ＨＯ",
    "ｍｉ", "ＭＵ", "ｍｏ", "ＹＵ", "ｒａ", "ＲＩ", "ｒｏ"};
static const char *const alike[16] = {"力", "キ", "ヶ", "サ", "ス", "卜", "ナ", "ネ", "ホ", "三", "ム",
    "モ", "ュ", "ラ", "リ", "口"};

/* Both computed by an independent implementation. A change here makes every printed key useless. */
static const char golden_kana[] =
    "   1  カモサカサ  トトネムユ  ミロユスケ  リミカリカ\n"
    "   5  ササトホロ  ネラムケホ  ユネリユキ  キキサナホ\n"
    "   9  トモホカモ  ムトユムサ  リロキスト  サミトリナ\n"
    "  13  ホサムホモ  ユラロケケ  キネサユキ  ナキホナス\n"
    "  17  モララモカ\n";
static const char golden_latin[] =
    "   1  KA-MO-SA-KA-SA  TO-TO-NE-MU-YU  MI-RO-YU-SU-KE  RI-MI-KA-RI-KA\n"
    "   5  SA-SA-TO-HO-RO  NE-RA-MU-KE-HO  YU-NE-RI-YU-KI  KI-KI-SA-NA-HO\n"
    "   9  TO-MO-HO-KA-MO  MU-TO-YU-MU-SA  RI-RO-KI-SU-TO  SA-MI-TO-RI-NA\n"
    "  13  HO-SA-MU-HO-MO  YU-RA-RO-KE-KE  KI-NE-SA-YU-KI  NA-KI-HO-NA-SU\n"
    "  17  MO-RA-RA-MO-KA\n";

static void
fixed_key(uint8_t key[PAPERKEY_LEN])
{
	for (int i = 0; i < PAPERKEY_LEN; i++)
		key[i] = (uint8_t)(i * 37 + 11);
}

/* The symbols of the golden words. */
static void
fixed_syms(uint8_t syms[SYMS])
{
	size_t n = 0;

	for (const char *p = golden_kana; *p;) {
		size_t k;

		for (k = 0; k < 16 && strncmp(p, kana[k], 3) != 0; k++)
			;
		if (k < 16)
			syms[n++] = (uint8_t)k;
		p += k < 16 ? 3 : 1;
	}
	if (n != SYMS)
		abort();
}

/* Write symbols as a text: ${gap} between words, ${joint} within. */
static void
spell(struct buf *b, const uint8_t *syms, size_t n, const char *const script[16], const char *gap,
    const char *joint)
{
	buf_clear(b);
	for (size_t i = 0; i < n; i++) {
		if (buf_str(b, i == 0 ? "" : i % PER == 0 ? gap : joint, NULL) < 0 ||
		    buf_str(b, script[syms[i]], NULL) < 0)
			abort();
	}
}

static int
read_buf(const struct buf *b, uint8_t key[PAPERKEY_LEN], struct err *e)
{
	return paperkey_read((const char *)b->p, b->len, key, e);
}

static bool
says(const struct err *e, const char *what)
{
	if (strstr(e->msg, what))
		return true;
	printf("#   \"%s\" does not say \"%s\"\n", e->msg, what);
	return false;
}

static void
golden(void)
{
	uint8_t key[PAPERKEY_LEN], got[PAPERKEY_LEN];
	char fp[9];
	struct buf b;

	fixed_key(key);
	buf_init(&b, 4096);
	EQ_I(paperkey_words(&b, key, PAPERKEY_KANA, NULL), 0, "kana");
	EQ_S(buf_cstr(&b, NULL), golden_kana, "the words of a fixed key");
	EQ_I(read_buf(&b, got, NULL), 0, "read back");
	EQ_M(got, key, PAPERKEY_LEN, "the same key");
	buf_clear(&b);
	EQ_I(paperkey_words(&b, key, PAPERKEY_LATIN, NULL), 0, "Latin");
	EQ_S(buf_cstr(&b, NULL), golden_latin, "the Latin words of a fixed key");
	EQ_I(read_buf(&b, got, NULL), 0, "read back");
	EQ_M(got, key, PAPERKEY_LEN, "the same key");
	paperkey_fingerprint(key, fp);
	EQ_S(fp, "b8cd67a0", "the fingerprint of a fixed key");
	buf_free(&b);
	buf_init(&b, 300);
	EQ_I(buf_str(&b, "before", NULL), 0, "a small buffer");
	EQ_I(paperkey_words(&b, key, PAPERKEY_KANA, NULL), E_LIMIT, "too small for the words");
	EQ_I(b.len, 6, "is left as it was");
	buf_free(&b);
}

static void
ways_of_typing(void)
{
	static const struct {
		const char *const *script;
		const char *gap, *joint, *what;
	} v[] = {
	    {kana, " ", "", "kana"},
	    {kana, "", "", "kana without a space"},
	    {kana, "\r\n", "", "one word a line, CRLF"},
	    {kana, "　", "", "full-width spaces"},
	    {kana, "－", "", "full-width hyphens"},
	    {kana, "ー", "", "long-vowel marks as hyphens"},
	    {kana, "、", "・", "Japanese punctuation"},
	    {kana, " ", " ", "a space after each kana"},
	    {half, " ", "", "half-width kana"},
	    {hira, "\n", "", "hiragana"},
	    {latin, " ", "", "Latin capitals"},
	    {lower, "\t", "", "Latin small letters"},
	    {lower, "", "", "Latin without a space"},
	    {latin, " ", "-", "Latin with hyphens"},
	    {lower, " ", " ", "Latin, each syllable apart"},
	    {wide, " ", "", "full-width Latin"},
	    {alike, " ", "", "kanji and small kana of the same shape"},
	};
	uint8_t key[PAPERKEY_LEN], got[PAPERKEY_LEN], syms[SYMS];
	char hex[80];
	struct err e;
	struct buf b;

	fixed_key(key);
	fixed_syms(syms);
	buf_init(&b, 4096);
	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		spell(&b, syms, SYMS, v[i].script, v[i].gap, v[i].joint);
		(void)memset(got, 0, sizeof(got));
		e.msg[0] = 0;
		OK(read_buf(&b, got, &e) == 0 && memcmp(got, key, sizeof(key)) == 0, "%s %s",
		    v[i].what, e.msg);
	}
	hex_put(hex, key, sizeof(key));
	EQ_I(paperkey_read(hex, 64, got, NULL), 0, "64 hexadecimal digits");
	EQ_M(got, key, PAPERKEY_LEN, "the same key");
	EQ_I(paperkey_read(hex, 63, got, &e), E_INVAL, "63 digits");
	OK(says(&e, "63"), "says how many there are");
	buf_free(&b);
}

/* Every one of the 85 kana replaced by each of the 15 others: always caught, its word named alone.
 */
static void
single_slips(void)
{
	uint8_t syms[SYMS], got[PAPERKEY_LEN], zero[PAPERKEY_LEN] = {0};
	bool caught = true, named = true;
	struct err e;
	struct buf b;

	fixed_syms(syms);
	buf_init(&b, 4096);
	(void)memset(got, 0, sizeof(got));
	for (size_t i = 0; i < SYMS; i++) {
		uint8_t right = syms[i];
		char want[64];

		(void)snprintf(want, sizeof(want), "(word %zu does not fit;", i / PER + 1);
		for (uint8_t wrong = 0; wrong < 16; wrong++) {
			if (wrong == right)
				continue;
			syms[i] = wrong;
			spell(&b, syms, SYMS, wrong & 1 ? kana : latin, " ", "");
			caught = caught && read_buf(&b, got, &e) == E_INVAL;
			named = named && says(&e, want);
		}
		syms[i] = right;
	}
	OK(caught, "each of 1275 slips of one kana is caught");
	OK(named, "and its word is named, and no other");
	EQ_M(got, zero, sizeof(got), "no key is given out");
	buf_free(&b);
}

static void
swaps(void)
{
	uint8_t syms[SYMS], got[PAPERKEY_LEN];
	bool kana_ok = true, word_ok = true;
	struct err e;
	struct buf b;

	buf_init(&b, 4096);
	for (size_t i = 0; i + 1 < SYMS; i++) {
		uint8_t t;

		fixed_syms(syms);
		t = syms[i];
		if (t == syms[i + 1])
			continue;
		syms[i] = syms[i + 1];
		syms[i + 1] = t;
		spell(&b, syms, SYMS, kana, " ", "");
		kana_ok = kana_ok && read_buf(&b, got, &e) == E_INVAL && says(&e, "does not fit");
	}
	OK(kana_ok, "two neighbouring kana exchanged");
	for (size_t i = 0; i < WORDS; i++) {
		for (size_t j = i + 1; j < WORDS; j++) {
			uint8_t t[PER];

			fixed_syms(syms);
			(void)memcpy(t, syms + i * PER, PER);
			(void)memcpy(syms + i * PER, syms + j * PER, PER);
			(void)memcpy(syms + j * PER, t, PER);
			spell(&b, syms, SYMS, kana, " ", "");
			word_ok = word_ok && read_buf(&b, got, &e) == E_INVAL;
		}
	}
	OK(word_ok, "any two words exchanged");
	buf_free(&b);
}

/* Something left out or put in, in words that are separated by spaces. */
static void
missing(void)
{
	uint8_t syms[SYMS + 1], got[PAPERKEY_LEN];
	bool less = true, more = true, word = true;
	char want[64];
	struct err e;
	struct buf b;

	buf_init(&b, 4096);
	for (size_t i = 0; i < SYMS; i++) {
		fixed_syms(syms);
		buf_clear(&b);
		for (size_t k = 0; k < SYMS; k++) {
			if ((k > 0 && k % PER == 0 && buf_str(&b, " ", NULL) < 0) ||
			    (k != i && buf_str(&b, kana[syms[k]], NULL) < 0))
				abort();
		}
		(void)snprintf(want, sizeof(want), "(word %zu has 4 kana", i / PER + 1);
		less = less && read_buf(&b, got, &e) == E_INVAL && says(&e, want);
		buf_clear(&b);
		for (size_t k = 0; k < SYMS; k++) {
			if ((k > 0 && k % PER == 0 && buf_str(&b, " ", NULL) < 0) ||
			    buf_str(&b, kana[syms[k]], NULL) < 0 ||
			    (k == i && buf_str(&b, "カ", NULL) < 0))
				abort();
		}
		(void)snprintf(want, sizeof(want), "(word %zu has 6 kana", i / PER + 1);
		more = more && read_buf(&b, got, &e) == E_INVAL && says(&e, want);
	}
	OK(less, "each kana left out: its word is named");
	OK(more, "a kana too many anywhere: its word is named");
	for (size_t w = 0; w < WORDS; w++) {
		fixed_syms(syms);
		(void)memmove(syms + w * PER, syms + (w + 1) * PER, (WORDS - 1 - w) * PER);
		spell(&b, syms, SYMS - PER, kana, " ", "");
		(void)snprintf(want, sizeof(want), "(word %zu is missing:", w + 1);
		word = word && read_buf(&b, got, &e) == E_INVAL && says(&e, want);
	}
	OK(word, "each word left out: it is named");
	fixed_syms(syms);
	(void)memmove(syms + 42, syms + 43, SYMS - 43);
	spell(&b, syms, SYMS - 1, kana, "", "");
	EQ_I(read_buf(&b, got, &e), E_INVAL, "a kana left out without any spaces");
	OK(says(&e, "missing near word"), "says about where");
	buf_free(&b);
}

/* The written numbers tell in which line something is missing. */
static void
numbered(void)
{
	uint8_t key[PAPERKEY_LEN], got[PAPERKEY_LEN];
	struct err e;
	static const char bad[] = "   1  カモサカサ  トトネムユ  ミロユスケ  リミカリカ\n"
				  "   5  ササトホロ  ネラムケホ  ユネリユキ  キキサナホ\n"
				  "   9  トモホカモ  ムトユムサ              サミトリナ\n"
				  "  13  ホサムホモ  ユラロケケ  キネサユキ  ナキホナス\n"
				  "  17  モララモカ\n";
	static const char other[] = "①カモサカサ ②トトネムユ ③ミロユスケ ④リミカリカ\n"
				    "⑤ササトホロ ⑥ネラムケホ ⑦ユネリユキ ⑧キキサナホ\n"
				    "９：トモホカモ 10. ムトユムサ (11) リロキスト 12 サミトリナ\n"
				    "13 ホサムホモ ユラロケケ キネサユキ ナキホナス モララモカ";
	static const char lines[] = "1 カモサカサ  トトネムユ  ミロユスケ  リミカリカ\n"
				    "2 ササトホロ  ネラムケホ  ユネリユキ  キキサナホ\n"
				    "3 トモホカモ  ムトユムサ  リロキスト  サミトリナ\n"
				    "4 ホサムホモ  ユラロケケ  キネサユキ  ナキホナス\n"
				    "5 モララモカ\n";

	fixed_key(key);
	EQ_I(paperkey_read(bad, strlen(bad), got, &e), E_INVAL, "a word left out of a line");
	OK(says(&e, "(word 11 is missing: 3 words where 4 belong)"), "the word is named");
	EQ_I(paperkey_read(other, strlen(other), got, &e), 0, "other ways to number");
	EQ_M(got, key, sizeof(key), "the same key");
	EQ_I(paperkey_read(lines, strlen(lines), got, &e), 0, "numbers of lines do no harm");
	EQ_M(got, key, sizeof(key), "the same key");
}

static void
bad_text(void)
{
	static const struct {
		const char *s, *says;
	} v[] = {
		{"", "no key words"}, {" \n　\n", "no key words"},
		{"カモサカサ トトネコユ", "word 2: \"コ\""},
		{"カモサガサ", "word 1: \"ガ\""}, {"ｶﾞ", "word 1: \"ﾞ\""},
		{"KA-MO-SA-KO-SA", "word 1: \"KO\""}, {"ka-mo-sha", "word 1: \"SH\""},
		{"A", "word 1: \"A\""}, {"KA K", "word 1: \"K\""}, {"Kカ", "word 1: \"カ\""},
		{"髙橋 𠮷野", "word 1: \"髙\""}, {"𠮷野", "word 1: \"𠮷\""},
		{"葛󠄀 ① ㈱", "word 1: \"葛\""}, {"追加", "\"追\""}, {"\x01", "word 1: \"?\""},
		{"\x83\x4a\x83\x82", "UTF-8"}, {"\xff\xfe\x31\x30", "UTF-8"},
		{"1 2 3", "no key words"},
	};
	uint8_t key[PAPERKEY_LEN] = {0}, zero[PAPERKEY_LEN] = {0};
	struct err e;
	struct buf b;
	char *big = malloc(100000);

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		EQ_I(paperkey_read(v[i].s, strlen(v[i].s), key, &e), E_INVAL, "refused");
		OK(says(&e, v[i].says), "with a reason (%zu)", i);
	}
	EQ_I(paperkey_read("カ\0", 4, key, &e), E_INVAL, "a NUL inside");
	(void)memset(big, ' ', 100000);
	EQ_I(paperkey_read(big, 100000, key, &e), E_INVAL, "far too long");
	buf_init(&b, 100000);
	for (int i = 0; i < 1000; i++) {
		if (buf_str(&b, i % 50 ? "ka" : " 7 ka", NULL) < 0)
			abort();
	}
	EQ_I(read_buf(&b, key, &e), E_INVAL, "too many words");
	OK(says(&e, "too many words"), "says so");
	EQ_M(key, zero, sizeof(zero), "no key is given out");
	buf_free(&b);
	free(big);
}

static void
round_trips(void)
{
	bool good = true;
	struct buf b;

	buf_init(&b, 4096);
	for (int i = 0; i < 2000; i++) {
		uint8_t key[PAPERKEY_LEN], got[PAPERKEY_LEN];

		random_fill(key, sizeof(key));
		if (i < 256)
			(void)memset(key, i, sizeof(key));
		buf_clear(&b);
		good = good &&
		    paperkey_words(&b, key, i & 1 ? PAPERKEY_KANA : PAPERKEY_LATIN, NULL) == 0 &&
		    read_buf(&b, got, NULL) == 0 && memcmp(key, got, sizeof(key)) == 0;
	}
	OK(good, "two thousand keys to words and back");
	buf_free(&b);
}

static void
shares(void)
{
	/* Shares of the fixed key with a known slope, by an independent implementation. */
	static const char *const known[3] = {
	    "c3132ba3ab4b034b93a32b13cb8bd32b23538b430b2ba3abd303cb93ab2b134b",
	    "8076a9d3f7c1268468b5d1dbdf228e0cab3df9c33c6a16af23e5c13074128507",
	    "4855d70ac34eccc1c84e876ad3454c11d3eed74ad8558c5a734ec751c805f7ca"};
	uint8_t key[PAPERKEY_LEN], s[3][PAPERKEY_LEN], t[3][PAPERKEY_LEN], got[PAPERKEY_LEN];
	bool pairs = true, differ = true, golden_ok = true;

	fixed_key(key);
	for (int n = 0; n < 200; n++) {
		if (n > 0)
			random_fill(key, sizeof(key));
		pairs = pairs && paperkey_split(key, s, NULL) == 0;
		for (int i = 1; i <= 3; i++) {
			differ = differ && memcmp(s[i - 1], key, sizeof(key)) != 0;
			for (int j = 1; j <= 3; j++) {
				int r = paperkey_join(i, s[i - 1], j, s[j - 1], got, NULL);

				pairs = pairs &&
				    (i == j ? r == E_INVAL
				            : r == 0 && memcmp(got, key, sizeof(key)) == 0);
			}
		}
	}
	OK(pairs, "any two different shares, in either order, make the key");
	OK(differ, "no share is the key");
	fixed_key(key);
	for (int i = 0; i < 3; i++) {
		if (hex_get(t[i], PAPERKEY_LEN, known[i]) < 0)
			abort();
	}
	for (int i = 0; i < 3; i++) {
		int j = (i + 1) % 3;

		golden_ok = golden_ok && paperkey_join(i + 1, t[i], j + 1, t[j], got, NULL) == 0 &&
		    memcmp(got, key, sizeof(key)) == 0;
	}
	OK(golden_ok, "known shares join to the known key");
	EQ_I(paperkey_join(1, t[0], 2, t[2], got, NULL), 0, "a share with the wrong number");
	OK(memcmp(got, key, sizeof(key)) != 0, "gives another key");
	EQ_I(paperkey_join(0, t[0], 2, t[2], got, NULL), E_INVAL, "share 0");
	EQ_I(paperkey_join(1, t[0], 4, t[2], got, NULL), E_INVAL, "share 4");
	EQ_I(paperkey_split(key, t, NULL), 0, "split again");
	OK(memcmp(s, t, sizeof(s)) != 0, "never the same shares twice");
}

int
main(void)
{
	golden();
	ways_of_typing();
	single_slips();
	swaps();
	missing();
	numbered();
	bad_text();
	round_trips();
	shares();
	return tap_done();
}
