/* A key behind a passphrase: opens with it and with nothing else; a changed byte, a foreign cost
 * and any other text are refused before anything is computed. */
#include "crypt/keyfile.h"

#include <string.h>

#include "base/num.h"
#include "crypt/secret.h"
#include "tap.h"

#define ID "approver:0123456789abcdef0123456789abcdef"

/* The least cost that is taken, so that the test is quick. */
static const struct pwhash_cost least = {PWHASH_ARGON2ID, 8 * 1024, 1, 1};
static const char pass[] = "葛󠄀 髙橋 ① ㈱ ｶﾅ ～ 𠮷野";

/* A fixed file: key 00..1f, passphrase "correct horse", made by another implementation of the same
 * text form. */
static const char golden[] =
    "mamori-locked-key: v1\n"
    "for: " ID "\n"
    "cost: argon2id m=8192 t=1 p=1\n"
    "salt: 000102030405060708090a0b0c0d0e0f\n"
    "sealed: f0af18c049e26cc13813b4b0bc1cc51a02dfad1e57852b97"
    "3bb8c8649763dbed415e13b2ce5995d004c00d846d288948\n"
    "end\n";

static void
there_and_back(void)
{
	uint8_t key[KEYFILE_KEY], got[KEYFILE_KEY];
	static const uint8_t zero[KEYFILE_KEY];
	struct keyfile f, g, h;
	struct buf AUTO(buf_free) b = {0};
	struct err e = {0};

	random_fill(key, sizeof(key));
	OK(keyfile_lock(ID, key, pass, sizeof(pass) - 1, &least, &f, &e) == 0, "locked: %s", e.msg);
	OK(keyfile_lock(ID, key, pass, sizeof(pass) - 1, &least, &h, &e) == 0 &&
	    memcmp(f.salt, h.salt, sizeof(f.salt)) != 0 &&
	    memcmp(f.sealed, h.sealed, sizeof(f.sealed)) != 0, "never twice the same");
	buf_init(&b, KEYFILE_MAX);
	OK(keyfile_put(&b, &f, &e) == 0 && keyfile_is(b.p, b.len) &&
	    keyfile_get(b.p, b.len, &g, &e) == 0, "written and read");
	EQ_S(g.id, ID, "whose it is");
	OK(keyfile_open(&g, pass, sizeof(pass) - 1, got, &e) == 0 &&
	    memcmp(got, key, sizeof(key)) == 0, "opens to the same key");
	EQ_I(keyfile_open(&g, pass, sizeof(pass) - 2, got, &e), E_AUTH, "not with another word");
	OK(memcmp(got, zero, sizeof(zero)) == 0, "and leaves nothing then");
	EQ_I(keyfile_open(&g, "", 0, got, &e), E_AUTH, "nor with none");
	for (int i = 0; i < 4; i++) {
		struct keyfile x = g;

		if (i == 0)
			x.id[3] ^= 1;
		else if (i == 1)
			x.cost.passes = 2;
		else if (i == 2)
			x.salt[0] ^= 1;
		else
			x.sealed[5] ^= 1;
		EQ_I(keyfile_open(&x, pass, sizeof(pass) - 1, got, &e), E_AUTH,
		    i == 0 ? "another name on it" : i == 1 ? "another cost" :
			i == 2 ? "another salt" : "a changed byte");
	}
	EQ_I(keyfile_lock(ID, key, "", 0, &least, &f, &e), E_INVAL, "there is no empty passphrase");
	EQ_I(keyfile_lock("two words", key, "x", 1, &least, &f, &e), E_INVAL, "nor an odd name");
	EQ_I(keyfile_lock(ID, key, "x", 1, &(struct pwhash_cost){PWHASH_ARGON2ID, 1 << 20, 1, 1},
	    &f, &e), E_INVAL, "nor a cost that no reader takes");
}

static void
fixed(void)
{
	uint8_t got[KEYFILE_KEY] = {0};
	struct keyfile f;
	struct err e = {0};
	bool same = true;

	OK(keyfile_get(golden, sizeof(golden) - 1, &f, &e) == 0, "a file of old: %s", e.msg);
	EQ_I(keyfile_open(&f, "correct horse", 13, got, &e), 0, "opens");
	for (int i = 0; i < KEYFILE_KEY; i++)
		same &= got[i] == i;
	OK(same, "to what was in it");
}

/* edited(from, to): The file with one place changed. */
static int
edited(const char *from, const char *to, struct err *e)
{
	char text[1024];
	const char *at = strstr(golden, from);
	struct keyfile f;
	int n = at ? snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - golden), golden, to,
	    at + strlen(from)) : -1;

	return n < 0 ? 99 : keyfile_get(text, (size_t)n, &f, e);
}

static void
nonsense(void)
{
	static const struct {
		const char *from, *to, *what;
		int want;
	} list[] = {
	    {"v1", "v2", "a newer version", E_PROTO},
	    {"m=8192", "m=8191", "too little memory", E_LIMIT},
	    {"m=8192", "m=262145", "too much memory", E_LIMIT},
	    {"t=1", "t=0", "no pass", E_LIMIT},
	    {"t=1", "t=11", "too many passes", E_LIMIT},
	    {"p=1", "p=5", "too many lanes", E_LIMIT},
	    {"m=8192", "m=99999999", "a number that is no cost", E_CORRUPT},
	    {"m=8192", "m=08192", "a zero before it", E_CORRUPT},
	    {"m=8192", "m=", "no number", E_CORRUPT},
	    {"p=1", "p=1 ", "something behind it", E_CORRUPT},
	    {"argon2id", "scrypt", "another way of hashing", E_CORRUPT},
	    {"salt: 00", "salt: ", "a short salt", E_CORRUPT},
	    {"salt: 00", "salt: 0000", "a long one", E_CORRUPT},
	    {"salt: 00", "salt: 0g", "one that is no number", E_CORRUPT},
	    {"sealed: ", "sealed: 00", "too much sealed", E_CORRUPT},
	    {"for: ", "for: a b", "an odd name", E_CORRUPT},
	    {"for: " ID "\n", "", "no name", E_CORRUPT},
	    {"for: " ID "\n", "for: a\nfor: b\n", "two names", E_CORRUPT},
	    {"end\n", "", "no end", E_CORRUPT},
	    {"end\n", "end\nmore\n", "more behind it", E_CORRUPT},
	    {"mamori-locked-key", "mamori-key", "another kind of file", E_CORRUPT},
	    {"\n", "\r\n", "another kind of line end is taken", 0},
	    {"end\n", "end", "a last line without an end, too", 0},
	};
	struct keyfile f;
	struct err e;
	bool cut = true;

	for (size_t i = 0; i < ARRAY_LEN(list); i++)
		EQ_I(edited(list[i].from, list[i].to, &e), list[i].want, list[i].what);
	for (size_t n = 0; n < sizeof(golden) - 2; n++)
		cut &= keyfile_get(golden, n, &f, &e) < 0;
	OK(cut, "cut anywhere it is refused");
	OK(!keyfile_is("mamori-key: v1\n", 15), "a key in clear is none");
}

int
main(void)
{
	there_and_back();
	fixed();
	nonsense();
	return tap_done();
}
