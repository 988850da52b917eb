/* The file of a recovery key: what is in it, and what may come back of it. */
#include <stdlib.h>

#include "base/num.h"
#include "base/utf8.h"
#include "crypt/paperkey.h"
#include "crypt/secret.h"
#include "tap.h"

#define ID "0123456789abcdef0123456789abcdef"

static struct buf file;
static uint8_t key[PAPERKEY_LEN];
static char fp[9];

static void
make(int share)
{
	buf_clear(&file);
	if (paperkey_file_put(&file, ID, fp, key, share, NULL) < 0)
		abort();
}

static int
get(const char *s, struct paperkey_file *ret, struct err *e)
{
	(void)memset(ret, 0x55, sizeof(*ret));
	return paperkey_file_get(s, strlen(s), ret, e);
}

/* The file with the first ${from} replaced, and everything from it on cut when ${to} is NULL. */
static const char *
edited(const char *from, const char *to)
{
	static char out[32768];
	const char *s = buf_cstr(&file, NULL);
	const char *at = strstr(s, from);

	if (!at)
		abort();
	(void)snprintf(out, sizeof(out), "%.*s%s%s", (int)(at - s), s, to ? to : "",
	    to ? at + strlen(from) : "");
	return out;
}

static bool
refused(const char *s, int code, const char *says)
{
	struct paperkey_file f;
	struct err e;
	int r = get(s, &f, &e);

	if (r == code && strstr(e.msg, says))
		return true;
	printf("#   %d: %s\n", r, r < 0 ? e.msg : "");
	return false;
}

static void
whole(void)
{
	struct paperkey_file f;
	struct err e = {0};
	const char *s;

	make(0);
	s = buf_cstr(&file, NULL);
	OK(utf8_ok(file.p, file.len), "the file is text");
	OK(strstr(s, "金庫") && strstr(s, "mamori vault restore"), "says where to keep it and what to do");
	OK(strstr(s, "\nfor: " ID "\n") && strstr(s, "\nmamori-key: v1\n"), "its labels");
	OK(!strstr(s, "\nshare:"), "a whole key has no share");
	EQ_I(get(s, &f, &e), 0, "read back");
	EQ_S(f.id, ID, "the id");
	EQ_S(f.fingerprint, fp, "the fingerprint");
	EQ_I(f.share, 0, "the whole key");
	EQ_M(f.key, key, PAPERKEY_LEN, "the key");
	for (size_t n = 1, width = 0; n < file.len; n++) {
		width = s[n] == '\n' ? 0 : width + ((s[n] & 0xc0) != 0x80);
		if (width > 84) {
			OK(false, "a line is too long to print");
			break;
		}
	}
}

static void
share(void)
{
	struct paperkey_file f[3];
	uint8_t parts[3][PAPERKEY_LEN], got[PAPERKEY_LEN], whole_key[PAPERKEY_LEN];
	struct err e = {0};

	(void)memcpy(whole_key, key, sizeof(key));
	EQ_I(paperkey_split(key, parts, NULL), 0, "split");
	for (int i = 0; i < 3; i++) {
		(void)memcpy(key, parts[i], sizeof(key));
		make(i + 1);
		OK(strstr(buf_cstr(&file, NULL), " of 3, any 2\n"), "the share says so");
		EQ_I(get(buf_cstr(&file, NULL), &f[i], &e), 0, "read back");
		EQ_I(f[i].share, i + 1, "its number");
		EQ_S(f[i].fingerprint, fp, "the fingerprint of the whole key");
		EQ_M(f[i].key, parts[i], PAPERKEY_LEN, "the share");
	}
	EQ_I(paperkey_join(f[2].share, f[2].key, f[0].share, f[0].key, got, NULL), 0, "joined");
	EQ_M(got, whole_key, PAPERKEY_LEN, "the key");
	make(3);
	OK(refused(edited("share: 3", "share: 4"), E_INVAL, "share"), "share 4");
	OK(refused(edited("share: 3", "share: 31"), E_INVAL, "share"), "share 31");
	OK(refused(edited("share: 3 of 3, any 2", "share:"), E_INVAL, "share"), "no share");
	(void)memcpy(key, whole_key, sizeof(key));
}

static void
came_back(void)
{
	struct paperkey_file f;
	struct err e = {0};
	struct buf b;
	char hex[65], text[4096];

	make(0);
	EQ_I(get(edited("\nlatin:", NULL), &f, &e), 0, "only the kana were typed");
	EQ_M(f.key, key, PAPERKEY_LEN, "the key");
	EQ_I(get(edited("kana:\n", "kana:\nコ"), &f, &e), 0, "kana spoilt, Latin whole");
	EQ_M(f.key, key, PAPERKEY_LEN, "the key");
	EQ_I(get(edited("RO", "KA"), &f, &e), 0, "Latin spoilt, kana whole");
	EQ_I(get(edited("mamori-key: v1", "\xef\xbb\xbfMamori-Key:v1\r"), &f, &e), 0,
	    "byte order mark, CR, capitals");
	EQ_S(f.id, ID, "the id");
	OK(refused(edited("mamori-key: v1", "mamori-key: v2"), E_PROTO, "newer"), "a newer format");
	OK(refused(edited("fingerprint: ", "fingerprint: x"), E_INVAL, "fingerprint"),
	    "a bad fingerprint");
	OK(refused(
	       edited("fingerprint: b", "fingerprint: c"), E_INVAL, "the words are key b8cd67a0"),
	    "another key's fingerprint");
	EQ_I(get(edited("fingerprint: b", "fingerprint: B"), &f, &e), 0,
	    "a fingerprint in capitals");
	EQ_S(f.fingerprint, fp, "is the same");
	OK(refused(edited("\nkana:", NULL), E_INVAL, "no key words"), "the words torn off");
	buf_init(&b, 4096);
	if (paperkey_words(&b, key, PAPERKEY_KANA, NULL) < 0)
		abort();
	EQ_I(get(buf_cstr(&b, NULL), &f, &e), 0, "bare words");
	EQ_S(f.id, "", "have no id");
	EQ_S(f.fingerprint, "", "and no fingerprint");
	EQ_I(f.share, 0, "and are a whole key");
	(void)snprintf(text, sizeof(text), "share: 2\n%s", buf_cstr(&b, NULL));
	EQ_I(get(text, &f, &e), 0, "a share typed without the rest");
	EQ_I(f.share, 2, "its number");
	(void)snprintf(text, sizeof(text), "kana:\n%s", buf_cstr(&b, NULL));
	EQ_I(get(text, &f, &e), 0, "with the caption");
	hex_put(hex, key, sizeof(key));
	EQ_I(get(hex, &f, &e), 0, "64 hexadecimal digits");
	EQ_M(f.key, key, PAPERKEY_LEN, "the key");
	buf_free(&b);
}

static void
bad(void)
{
	struct paperkey_file f;
	uint8_t other[PAPERKEY_LEN] = {1};
	char id[200], text[8192];
	char *big = calloc(1, 100000);
	struct buf b;

	OK(refused("", E_INVAL, "no key words"), "an empty file");
	OK(refused("これは鍵ではない", E_INVAL, "\"こ\""), "another text");
	OK(refused("\x82\xb1", E_INVAL, "UTF-8"), "another encoding");
	OK(refused("for: x\ny", E_INVAL, ""), "labels alone");
	EQ_I(paperkey_file_get(big, 100000, &f, NULL), E_INVAL, "far too long");
	(void)memset(big, ' ', 60000);
	EQ_I(paperkey_file_get(big, 60000, &f, NULL), E_INVAL, "long and empty");
	buf_init(&b, 4096);
	if (paperkey_words(&b, key, PAPERKEY_KANA, NULL) < 0 || buf_str(&b, "latin:\n", NULL) < 0 ||
	    paperkey_words(&b, other, PAPERKEY_LATIN, NULL) < 0)
		abort();
	(void)snprintf(text, sizeof(text), "kana:\n%s", buf_cstr(&b, NULL));
	OK(refused(text, E_INVAL, "differ"), "kana and Latin of two keys");
	buf_clear(&b);
	(void)memset(id, 'x', sizeof(id));
	id[79] = 0;
	EQ_I(paperkey_file_put(&file, id, fp, key, 0, NULL), 0, "an id of 79 characters");
	id[79] = 'x';
	id[80] = 0;
	EQ_I(paperkey_file_put(&b, id, fp, key, 0, NULL), E_INVAL, "one more");
	EQ_I(paperkey_file_put(&b, "a\nshare: 1", fp, key, 0, NULL), E_INVAL, "an id of two lines");
	EQ_I(paperkey_file_put(&b, "a", "123", key, 0, NULL), E_INVAL, "no fingerprint");
	EQ_I(paperkey_file_put(&b, "a", fp, key, 4, NULL), E_INVAL, "share 4");
	buf_free(&b);
	buf_init(&b, 2000);
	EQ_I(paperkey_file_put(&b, "a", fp, key, 0, NULL), E_LIMIT, "a buffer that is too small");
	EQ_I(b.len, 0, "is left as it was");
	buf_free(&b);
	free(big);
}

int
main(void)
{
	buf_init(&file, 65536);
	for (int i = 0; i < PAPERKEY_LEN; i++)
		key[i] = (uint8_t)(i * 37 + 11);
	paperkey_fingerprint(key, fp);
	whole();
	share();
	came_back();
	bad();
	buf_free(&file);
	return tap_done();
}
