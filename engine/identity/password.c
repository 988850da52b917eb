#include "identity/password.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#include "base/num.h"
#include "base/utf8.h"
#include "crypt/pwhash.h"
#include "crypt/secret.h"

int
password_nfc(const void *p, size_t n, char **ret, size_t *ret_n, struct err *e)
{
	utf8proc_uint8_t *nfc = NULL;
	utf8proc_ssize_t len;
	char *out;

	if (n > PWHASH_PASSWORD_MAX)
		return err_set(e, E_LIMIT, "a password has at most %d bytes", PWHASH_PASSWORD_MAX);
	if (n == 0 || memchr(p, 0, n) || !utf8_ok(p, n))
		return err_set(e, E_INVAL, "a password is text");
	len = utf8proc_map(p, (utf8proc_ssize_t)n, &nfc, UTF8PROC_COMPOSE | UTF8PROC_STABLE);
	if (len <= 0 || len > PWHASH_PASSWORD_MAX) {
		free(nfc);
		return err_set(e, len > 0 ? E_LIMIT : E_NOMEM, "the password cannot be taken");
	}
	out = secret_new((size_t)len + 1, e);
	if (out)
		(void)memcpy(out, nfc, (size_t)len);
	explicit_bzero(nfc, (size_t)len);
	free(nfc);
	if (!out)
		return E_NOMEM;
	*ret = out;
	*ret_n = (size_t)len;
	return 0;
}

/* --- characters ------------------------------------------------------------------------------- */

struct chars {
	size_t n;
	int32_t c[PWHASH_PASSWORD_MAX]; /* small letters */
	bool letter, digit, bad;
};

static void
scan(const char *p, size_t n, struct chars *out)
{
	const utf8proc_uint8_t *s = (const utf8proc_uint8_t *)p;

	*out = (struct chars){0};
	while (n > 0 && out->n < PWHASH_PASSWORD_MAX) {
		utf8proc_int32_t c;
		utf8proc_ssize_t k = utf8proc_iterate(s, (utf8proc_ssize_t)n, &c);
		utf8proc_category_t cat;

		if (k <= 0) {
			out->bad = true;
			return;
		}
		cat = utf8proc_category(c);
		out->bad = out->bad || cat == UTF8PROC_CATEGORY_CC;
		out->digit = out->digit || cat == UTF8PROC_CATEGORY_ND;
		out->letter = out->letter ||
		    (cat >= UTF8PROC_CATEGORY_LU && cat <= UTF8PROC_CATEGORY_LO);
		out->c[out->n++] = utf8proc_tolower(c);
		s += k;
		n -= (size_t)k;
	}
}

size_t
password_chars(const char *p, size_t n)
{
	struct chars c;
	size_t count;

	scan(p, n, &c);
	count = c.n;
	explicit_bzero(&c, sizeof(c));
	return count;
}

/* --- what many people use --------------------------------------------------------------------- */

/* Words that passwords are made of, in small letters; digits and signs behind, in front and in the
 * place of letters do not make them better. */
static const char *const common[] = {
	"password", "passwd", "pass", "passwort", "passphrase", "passcode", "secret", "admin",
	"administrator", "administrador", "root", "user", "username", "guest", "test", "testtest",
	"testing", "tester", "demo", "sample", "welcome", "letmein", "login", "logon", "signin",
	"changeme", "change", "default", "temp", "temporary", "initial", "master", "system",
	"manager", "support", "service", "server", "backup", "operator", "office", "computer",
	"internet", "windows", "microsoft", "google", "apple", "android", "iphone", "oracle",
	"database", "network", "security", "hello", "helloworld", "love", "iloveyou", "monkey",
	"dragon", "football", "baseball", "basketball", "soccer", "princess", "sunshine", "shadow",
	"superman", "batman", "pokemon", "starwars", "michael", "jordan", "hunter", "killer",
	"freedom", "whatever", "trustno", "access", "flower", "summer", "spring", "winter",
	"autumn", "monday", "friday", "january", "december", "hospital", "clinic", "doctor",
	"doctors", "nurse", "medical", "patient", "health", "karte", "iryou", "iryo", "byouin",
	"byoin", "kangoshi", "kango", "isha", "sensei", "incho", "inchou", "jimu", "uketsuke",
	"yakkyoku", "shinryou", "shinryo", "naika", "geka", "shika", "mamori", "sakura", "tokyo",
	"osaka", "kyoto", "japan", "nippon", "nihon", "fujisan", "samurai", "ninja", "doraemon",
	"pikachu", "totoro", "arigatou", "arigato", "konnichiwa", "ohayou", "pasuwado", "himitsu",
	"kanri", "kanrisha", "saiyo", "aiueo", "abc", "abcabc", "asdf", "zxcvbn", "qwerty",
	"qwertyuiop", "qazwsx", "qazwsxedc", "zaq", "xyz",
};
static const char *const common_kana[] = {"パスワード", "ぱすわーど", "病院", "びょういん", "ビョウイン",
    "ありがとう", "あいうえお", "アイウエオ", "さくら", "サクラ"};

static int32_t
unleet(int32_t c)
{
	static const char from[] = "0134578@$!|";
	static const char to[] = "oleastbasil";
	const char *at = c > 0 && c < 128 ? strchr(from, (int)c) : NULL;

	return at ? to[at - from] : c;
}

static bool
is_letter(int32_t c)
{
	return (c >= 'a' && c <= 'z') || c >= 128;
}

/* bare(c, leet, out): The word inside: letters between the first and the last one. With ${leet},
 * what stands for a letter between two of them counts as one. */
static void
bare(const struct chars *c, bool leet, struct chars *out)
{
	size_t from = 0, to = c->n;

	while (from < to && !is_letter(c->c[from]) && !(leet && c->c[from] == '@'))
		from++;
	while (to > from && !is_letter(c->c[to - 1]))
		to--;
	*out = (struct chars){0};
	for (size_t i = from; i < to; i++) {
		int32_t k = leet ? unleet(c->c[i]) : c->c[i];

		if (is_letter(k))
			out->c[out->n++] = k;
	}
}

static bool
is_word(const struct chars *c, const char *word)
{
	struct chars w;

	scan(word, strlen(word), &w);
	return w.n == c->n && memcmp(w.c, c->c, w.n * sizeof(w.c[0])) == 0;
}

static bool
in_list(const struct chars *c)
{
	for (size_t i = 0; i < ARRAY_LEN(common); i++)
		if (is_word(c, common[i]))
			return true;
	for (size_t i = 0; i < ARRAY_LEN(common_kana); i++)
		if (is_word(c, common_kana[i]))
			return true;
	return false;
}

static bool
is_common(const struct chars *c)
{
	struct chars word;
	bool hit;

	bare(c, false, &word);
	hit = in_list(&word);
	bare(c, true, &word);
	hit = hit || in_list(&word);
	explicit_bzero(&word, sizeof(word));
	return hit;
}

/* --- runs ------------------------------------------------------------------------------------- */

/* next_to(a, b): Whether ${b} is what fingers or fantasy put after ${a}. */
static bool
next_to(int32_t a, int32_t b)
{
	static const char *const rows[] = {"1234567890-^", "qwertyuiop@[", "asdfghjkl;:]",
	    "zxcvbnm,./", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol."};

	if (a == b || a == b + 1 || b == a + 1)
		return true;
	if (a <= 0 || a >= 128 || b <= 0 || b >= 128)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *at = strchr(rows[i], (int)a);

		if (at && (at[1] == b || (at > rows[i] && at[-1] == b)))
			return true;
	}
	return false;
}

/* surprises(c): How many characters do not follow from the one before. */
static size_t
surprises(const struct chars *c)
{
	size_t k = c->n > 0;

	for (size_t i = 1; i < c->n; i++)
		k += !next_to(c->c[i - 1], c->c[i]);
	return k;
}

/* period(c): The length of the piece that the whole is made of. */
static size_t
period(const struct chars *c)
{
	for (size_t p = 1; p <= c->n / 2; p++) {
		size_t i = p;

		while (i < c->n && c->c[i] == c->c[i - p])
			i++;
		if (i == c->n)
			return p;
	}
	return c->n;
}

/* --- of one's own ----------------------------------------------------------------------------- */

/* cut_out(c, own, n): Take every ${own} out of ${c}. */
static void
cut_out(struct chars *c, const int32_t *own, size_t n)
{
	size_t left = 0;

	for (size_t i = 0; i < c->n;) {
		if (i + n <= c->n && memcmp(c->c + i, own, n * sizeof(own[0])) == 0)
			i += n;
		else
			c->c[left++] = c->c[i++];
	}
	c->n = left;
}

/* made_of(c, text): Whether little is left without the words of ${text}. */
static bool
made_of(const struct chars *c, const char *text)
{
	struct chars own, rest = *c;
	size_t from = 0;
	bool made;

	if (!text)
		return false;
	scan(text, strlen(text), &own);
	for (size_t i = 0; i <= own.n; i++) {
		if (i < own.n && (is_letter(own.c[i]) || (own.c[i] >= '0' && own.c[i] <= '9')))
			continue;
		/* two kanji are a family name; two Latin letters are chance */
		if (i - from > 2 || (i - from == 2 && own.c[from] >= 128))
			cut_out(&rest, own.c + from, i - from);
		from = i + 1;
	}
	made = rest.n < c->n && rest.n < PASSWORD_SHORT;
	explicit_bzero(&rest, sizeof(rest));
	return made;
}

enum password_why
password_judge(const char *p, size_t n, const char *login, const char *name, bool second)
{
	enum password_why why = PASSWORD_OK;
	struct chars c;

	if (n > PWHASH_PASSWORD_MAX)
		return PASSWORD_MANY;
	scan(p, n, &c);
	if (n == 0 || c.bad)
		why = PASSWORD_TEXT;
	else if (c.n < PASSWORD_SHORT || (!second && c.n < PASSWORD_LONG))
		why = PASSWORD_FEW;
	else if (is_common(&c))
		why = PASSWORD_COMMON;
	else if (surprises(&c) < 5 || period(&c) < 5)
		why = PASSWORD_RUN;
	else if (made_of(&c, login) || made_of(&c, name))
		why = PASSWORD_OWN;
	else if (c.n < PASSWORD_LONG && !(c.letter && c.digit))
		why = PASSWORD_MIXED;
	explicit_bzero(&c, sizeof(c));
	return why;
}

const char *
password_words(enum password_why why, bool ja)
{
	static const struct {
		const char *ja, *en;
	} t[] = {
		[PASSWORD_OK] = {"使えます。", "This will do."},
		[PASSWORD_TEXT] = {"文字として読めません。もう一度入力してください。",
		    "This is not text. Please type it again."},
		[PASSWORD_FEW] = {"13文字以上にしてください（二つ目の確認がある人は8文字以上）。短い文を"
		                  "そのまま使うと覚えやすくなります。",
		    "Use 13 characters or more (8 where a second factor is set up). A short "
		    "sentence is easy to remember."},
		[PASSWORD_MIXED] = {"13文字より短いときは、英字と数字の両方を入れてください。",
		    "When it is shorter than 13 characters, use both letters and digits."},
		[PASSWORD_MANY] = {"長すぎます。1024バイトまでです。",
		    "This is too long; 1024 bytes at most."},
		[PASSWORD_COMMON] = {"多くの人が使う言葉です。攻撃者が最初に試します。別のものにしてください。",
		    "Many people use this; attackers try it first. Choose another."},
		[PASSWORD_RUN] = {"並びや繰り返しでできています。別のものにしてください。",
		    "This is a run or a repetition. Choose another."},
		[PASSWORD_OWN] = {"ログイン名や名前でできています。別のものにしてください。",
		    "This is made of the login or the name. Choose another."},
	};

	if ((size_t)why >= ARRAY_LEN(t))
		why = PASSWORD_TEXT;
	return ja ? t[why].ja : t[why].en;
}
