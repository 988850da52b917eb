/* Password hashes against published vectors, forged records and the wrong password. */
#include "crypt/pwhash.h"

#include "base/num.h"
#include "tap.h"

/* From the test program of the Argon2 reference implementation (version 0x13, Argon2id). */
#define ARGON_64M                                                                                  \
	"$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
#define ARGON_256K                                                                                 \
	"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
#define ARGON_2LANES                                                                               \
	"$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc"
/* RFC 7914 section 11: PBKDF2-HMAC-SHA-256; the first 32 of its 64 bytes. */
#define PBKDF2_1 "$pbkdf2-sha256$i=1$c2FsdA$VawEblbjCJ/sFpHCJUS2BflBhSFt3gRl5oudV8INrLw"
#define PBKDF2_80000                                                                               \
	"$pbkdf2-sha256$i=80000$TmFDbA$TdzY9guYviGDDO5e8icB+WQaRBjQTAQUrv8Ih2s0q1Y"

#define SALT "$c29tZXNhbHQ$"
#define HASH "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
#define PHASH "$c2FsdA$VawEblbjCJ/sFpHCJUS2BflBhSFt3gRl5oudV8INrLw"

static int
verify(const char *text, const char *password, struct err *e)
{
	return pwhash_verify(text, password, strlen(password), e);
}

static void
vectors(void)
{
	static const struct {
		const char *text, *password, *what;
	} v[] = {
		{ARGON_64M, "password", "Argon2id, 64 MiB"},
		{ARGON_256K, "password", "Argon2id, 256 KiB"},
		{ARGON_2LANES, "password", "Argon2id, two lanes"},
		{PBKDF2_1, "passwd", "PBKDF2, one round"},
		{PBKDF2_80000, "Password", "PBKDF2, 80000 rounds"},
	};
	struct err e = {0};

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		OK(verify(v[i].text, v[i].password, &e) == 0, "%s %s", v[i].what, e.msg);
		OK(verify(v[i].text, "Passwd", &e) == E_AUTH, "%s: wrong password", v[i].what);
	}
}

static void
made(void)
{
	static const char pass[] = "追加 髙橋 﨑 𠮷野 葛󠄀 ① ㈱ ｶﾅ ～";
	struct pwhash_cost costs[2] = {
		{.scheme = PWHASH_ARGON2ID, .memory_kib = 64, .passes = 1, .lanes = 1},
		{.scheme = PWHASH_PBKDF2, .passes = 10},
	};
	char text[PWHASH_LEN], again[PWHASH_LEN], big[PWHASH_PASSWORD_MAX + 1];
	struct pwhash_cost c;
	struct err e;

	for (size_t i = 0; i < ARRAY_LEN(costs); i++) {
		bool none = true;

		EQ_I(pwhash_make(&costs[i], pass, strlen(pass), text, &e), 0, "made");
		EQ_I(verify(text, pass, &e), 0, "verifies");
		EQ_I(pwhash_make(&costs[i], pass, strlen(pass), again, &e), 0, "made again");
		OK(strcmp(text, again) != 0, "each has its own salt");
		EQ_I(pwhash_verify(text, pass, strlen(pass) - 1, &e), E_AUTH, "a part of it");
		EQ_I(pwhash_verify(text, "", 0, &e), E_AUTH, "nothing");
		OK(!pwhash_stale(text, &costs[i]), "not stale");
		c = costs[i];
		c.passes++;
		OK(pwhash_stale(text, &c), "stale when more passes are asked for");
		OK(pwhash_stale(text, &costs[1 - i]), "stale when the other scheme is");
		for (size_t k = 0; text[k]; k++) {
			char was = text[k];

			text[k] = was == 'A' ? 'B' : 'A';
			none = none && verify(text, pass, &e) < 0;
			text[k] = 0;
			none = none && verify(text, pass, &e) < 0;
			text[k] = was;
		}
		OK(none, "no altered or cut record passes");
		EQ_I(pwhash_make(&costs[i], "", 0, again, &e), E_INVAL, "an empty password");
		(void)memset(big, 'x', sizeof(big));
		EQ_I(pwhash_make(&costs[i], big, sizeof(big), again, &e), E_INVAL, "too long");
		EQ_I(pwhash_verify(text, big, sizeof(big), &e), E_AUTH, "too long to be right");
		EQ_I(pwhash_make(&costs[i], big, sizeof(big) - 1, again, &e), 0, "the longest");
		EQ_I(pwhash_verify(again, big, sizeof(big) - 1, &e), 0, "verifies");
	}
	c = pwhash_default(PWHASH_ARGON2ID);
	OK(c.memory_kib == 65536 && c.passes == 3 && c.lanes == 1, "the default is 64 MiB, 3, 1");
	EQ_I(pwhash_make(&c, pass, strlen(pass), text, &e), 0, "at the default cost");
	OK(strncmp(text, "$argon2id$v=19$m=65536,t=3,p=1$", 31) == 0,
	    "the parameters are in the text");
	OK(pwhash_stale(ARGON_64M, &c), "fewer passes are stale");
	c = pwhash_default(PWHASH_PBKDF2);
	EQ_I(c.passes, 600000, "the default of PBKDF2");
}

static void
forged(void)
{
	static const char *const broken[] = {
		"", "$", "password", "$argon2id$", "$argon2i$v=19$m=256,t=2,p=1" SALT HASH,
		"$argon2id$v=16$m=256,t=2,p=1" SALT HASH,
		"$argon2id$v=19$m=0256,t=2,p=1" SALT HASH,
		"$argon2id$v=19$m=-256,t=2,p=1" SALT HASH,
		"$argon2id$v=19$m=256,t=2,p=1$c29tZQ$" HASH,
		ARGON_256K "A", ARGON_256K "$", ARGON_256K "=",
		"$argon2id$v=19$m=256,t=2,p=1" SALT "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/5",
		"$argon2id$v=19$m=9999999999,t=2,p=1" SALT HASH,
		"$pbkdf2-sha256$i=" PHASH,
		"$pbkdf2-sha256$i=1$c2FsdA$",
		"$pbkdf2-sha512$i=1" PHASH,
	};
	static const char *const costly[] = {
		"$argon2id$v=19$m=99999999,t=2,p=1" SALT HASH,
		"$argon2id$v=19$m=256,t=999999999,p=1" SALT HASH,
		"$argon2id$v=19$m=256,t=2,p=999" SALT HASH,
		"$argon2id$v=19$m=0,t=2,p=1" SALT HASH,
		"$pbkdf2-sha256$i=999999999" PHASH,
		"$pbkdf2-sha256$i=0" PHASH,
	};
	struct pwhash_cost c = pwhash_default(PWHASH_ARGON2ID);
	struct err e;
	char long_text[PWHASH_LEN + 50], out[PWHASH_LEN];

	for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
		OK(verify(broken[i], "password", &e) == E_CORRUPT, "unreadable record %zu", i);
		OK(pwhash_stale(broken[i], &c), "counts as stale");
	}
	for (size_t i = 0; i < ARRAY_LEN(costly); i++)
		OK(verify(costly[i], "password", &e) == E_LIMIT, "cost out of bounds %zu", i);
	(void)memset(long_text, 'A', sizeof(long_text));
	long_text[sizeof(long_text) - 1] = 0;
	(void)memcpy(long_text, "$pbkdf2-sha256$i=1$", 19);
	EQ_I(verify(long_text, "password", &e), E_CORRUPT, "a record that is too long");
	c.lanes = 0;
	EQ_I(pwhash_make(&c, "x", 1, out, &e), E_INVAL, "no lanes");
	c = (struct pwhash_cost){
	    .scheme = PWHASH_ARGON2ID, .memory_kib = 15, .passes = 1, .lanes = 2};
	EQ_I(pwhash_make(&c, "x", 1, out, &e), E_INVAL, "less memory than the lanes need");
}

int
main(void)
{
	vectors();
	made();
	forged();
	return tap_done();
}
