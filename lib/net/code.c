#include "net/code.h"

#include <string.h>

#include "crypt/digest.h"
#include "crypt/secret.h"

enum { LETTERS = 25, SECRET_AT = 4 };

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static char
check_of(const char *letters)
{
	uint8_t d[DIGEST_LEN];

	digest_sha256(letters, LETTERS - 1, d);
	return alphabet[d[0] & 31];
}

void
code_make(char text[CODE_TEXT])
{
	uint8_t raw[LETTERS];
	char letters[LETTERS];
	size_t n = 0;

	random_fill(raw, sizeof(raw));
	for (int i = 0; i < LETTERS - 1; i++)
		letters[i] = alphabet[raw[i] & 31];
	letters[LETTERS - 1] = check_of(letters);
	for (int i = 0; i < LETTERS; i++) {
		if (i > 0 && i % 5 == 0)
			text[n++] = '-';
		text[n++] = letters[i];
	}
	text[n] = 0;
	explicit_bzero(raw, sizeof(raw));
	explicit_bzero(letters, sizeof(letters));
}

/* letter(c): As it stands in the alphabet, 0 when it does not. */
static char
letter(char c)
{
	if (c >= 'a' && c <= 'z')
		c = (char)(c - 'a' + 'A');
	if (c == 'O')
		c = '0';
	if (c == 'I' || c == 'L')
		c = '1';
	return c && strchr(alphabet, c) ? c : 0;
}

int
code_get(const char *s, size_t n, struct code *ret, struct err *e)
{
	char letters[LETTERS + 1] = "";
	size_t k = 0;
	int r;

	for (size_t i = 0; i < n; i++) {
		char c = letter(s[i]);

		if (s[i] == '-' || s[i] == ' ' || s[i] == '\n' || s[i] == '\r' || s[i] == '\t')
			continue;
		if (!c || k == LETTERS)
			return err_set(e, E_INVAL, "this is not a code: 25 letters and digits in "
			    "five groups");
		letters[k++] = c;
	}
	if (k != LETTERS)
		return err_set(
		    e, E_INVAL, "this is not a code: it has %zu letters instead of %d", k, LETTERS);
	if (check_of(letters) != letters[LETTERS - 1])
		return err_set(e, E_INVAL, "the code was mistyped: its last letter does not fit");
	(void)memcpy(ret->id, letters, CODE_ID - 1);
	ret->id[CODE_ID - 1] = 0;
	r = kdf_hkdf(letters + SECRET_AT, LETTERS - 1 - SECRET_AT, letters, SECRET_AT,
	    "mamori enrol code v1", ret->key, sizeof(ret->key), e);
	explicit_bzero(letters, sizeof(letters));
	return r;
}
