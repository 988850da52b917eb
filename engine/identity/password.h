/* The rule for passwords (guideline 6.0 operation 14, 7.0; inspection checklist R7): thirteen
 * characters or more; or eight or more with letters and digits when a second factor stands beside
 * it. None that many people use, none made of the login, no runs. No forced change. */
#ifndef MAMORI_ENGINE_IDENTITY_PASSWORD_H
#define MAMORI_ENGINE_IDENTITY_PASSWORD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum { PASSWORD_LONG = 13, PASSWORD_SHORT = 8 };

enum password_why {
	PASSWORD_OK,
	PASSWORD_TEXT,   /* not UTF-8, or holds control characters */
	PASSWORD_FEW,    /* fewer than 13 characters (8 beside a second factor) */
	PASSWORD_MIXED,  /* shorter than 13 and without both letters and digits */
	PASSWORD_MANY,   /* more than 1024 bytes */
	PASSWORD_COMMON, /* one that many people use, plain or slightly changed */
	PASSWORD_RUN,    /* 1234..., abcd..., qwerty..., aaaa..., or one piece over and over */
	PASSWORD_OWN,    /* made of the login or the name */
};

/* password_nfc(p, n, ret, ret_n, e): The form in which passwords are hashed (NFC), so that the same
 * keys typed on another machine give the same bytes. A secret of ${ret_n} bytes and a NUL behind
 * them, which the caller gives back with secret_free(ret, ret_n + 1). E_INVAL: not UTF-8; E_LIMIT.
 */
MUST int password_nfc(const void *p, size_t n, char **ret, size_t *ret_n, struct err *e);

/* password_chars(p, n): How many characters. */
size_t password_chars(const char *p, size_t n);

/* password_judge(p, n, login, name, second): Whether a password (in NFC) will do. ${login} and
 * ${name} may be NULL. A pure function. */
enum password_why password_judge(const char *p, size_t n, const char *login, const char *name,
    bool second);

/* password_words(why, ja): What to type instead, as a sentence. */
const char *password_words(enum password_why why, bool ja);

#endif
