#include "identity/password.h"

#include "base/num.h"
#include "crypt/secret.h"
#include "tap.h"

static const struct {
	const char *pw;
	bool second;
	enum password_why why;
} t[] = {
	{"", false, PASSWORD_TEXT},
	{"\xff\xfe\xfd\xfc\xfb\xfa\xf9", false, PASSWORD_TEXT},
	{"tab\tinside the words", false, PASSWORD_TEXT},
	{"kumo7 sora", false, PASSWORD_FEW},
	{"kumo7 sora", true, PASSWORD_OK},
	{"kumo7so", true, PASSWORD_FEW},
	{"kumososora", true, PASSWORD_MIXED},
	{"83105926", true, PASSWORD_MIXED},
	{"kumo no ue no neko", false, PASSWORD_OK},
	{"雲の上の猫が三匹いる朝", false, PASSWORD_FEW},
	{"雲の上の猫が三匹いる朝でした", false, PASSWORD_OK},
	{"髙橋さんと𠮷野さんの葛󠄀の葉", false, PASSWORD_OK},
	{"password12345678", false, PASSWORD_COMMON},
	{"P@ssw0rd2026!!", false, PASSWORD_COMMON},
	{"2026Password!!!", false, PASSWORD_COMMON},
	{"Hospital2026!!", false, PASSWORD_COMMON},
	{"pa55w0rd", true, PASSWORD_COMMON},
	{"パスワード12345678", false, PASSWORD_COMMON},
	{"byouin20261125", false, PASSWORD_COMMON},
	{"1234567890123", false, PASSWORD_RUN},
	{"abcdefghijklm", false, PASSWORD_RUN},
	{"aaaaaaaaaaaaa", false, PASSWORD_RUN},
	{"qwertyuiopasdf", false, PASSWORD_RUN},
	{"1qaz2wsx3edc4rfv", false, PASSWORD_RUN},
	{"k9Xk9Xk9Xk9Xk9X", false, PASSWORD_RUN},
	{"yamadahanako1", false, PASSWORD_OWN},
	{"Yamada-Hanako-77", false, PASSWORD_OWN},
	{"山田花子山田花子山田花子12", false, PASSWORD_OWN},
	{"yamada no neko 3 biki", false, PASSWORD_OK},
};

int
main(void)
{
	char *nfc = NULL, many[1100];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		enum password_why why = password_judge(t[i].pw, strlen(t[i].pw),
		    i == ARRAY_LEN(t) - 4 || t[i].pw[0] == 'Y' || t[i].pw[0] == 'y' ? "yamadahanako"
		                                                                  : "tanaka",
		    strncmp(t[i].pw, "Yamada-", 7) == 0 ? "Yamada Hanako" : "山田花子", t[i].second);

		if (!OK(why == t[i].why, "%s", t[i].why == PASSWORD_TEXT ? "not text" : t[i].pw))
			printf("#   got %d, expected %d\n", why, t[i].why);
	}
	(void)memset(many, 'x', sizeof(many));
	EQ_I(password_judge(many, sizeof(many), NULL, NULL, false), PASSWORD_MANY, "too long");
	OK(password_nfc("か\xe3\x82\x99", 6, &nfc, &n, NULL) == 0 && n == 3 &&
	        memcmp(nfc, "が", 3) == 0, "two ways to write one kana are one password");
	secret_free(nfc, n + 1);
	OK(password_nfc("葛󠄀", strlen("葛󠄀"), &nfc, &n, NULL) == 0 && n == strlen("葛󠄀"),
	    "a variant selector stays");
	secret_free(nfc, n + 1);
	EQ_I(password_nfc("a\0b", 3, &nfc, &n, NULL), E_INVAL, "a NUL");
	EQ_I(password_nfc(many, sizeof(many), &nfc, &n, NULL), E_LIMIT, "too long");
	EQ_I(password_nfc("\xc3", 1, &nfc, &n, NULL), E_INVAL, "not UTF-8");
	for (int w = PASSWORD_OK; w <= PASSWORD_OWN; w++)
		OK(strlen(password_words((enum password_why)w, true)) > 10 &&
			strlen(password_words((enum password_why)w, false)) > 10,
		    "words for %d", w);
	return tap_done();
}
