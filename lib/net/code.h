/* The printed one-time code by which a machine is enrolled: 25 letters and digits in five groups,
 *
 *   K7QF2-9DVWX-...    four say which code it is, twenty are the secret (100 bits), one is a check
 *
 * without I, L, O, U, which people misread; what they write for them is understood. The secret is
 * never sent: TLS proves on both sides that it is known. */
#ifndef MAMORI_NET_CODE_H
#define MAMORI_NET_CODE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "net/tls.h"

enum { CODE_TEXT = 30, CODE_ID = 5 }; /* with the NUL */

struct code {
	char id[CODE_ID];          /* its public part */
	uint8_t key[TLS_CODE_KEY]; /* what both sides know */
};
/* code_make(text): A fresh code. */
void code_make(char text[CODE_TEXT]);
/* code_get(s, n, ret, e): Read what somebody typed: capitals or not, spaces and dashes anywhere.
 * E_INVAL: it is no code (mistyped). */
MUST int code_get(const char *s, size_t n, struct code *ret, struct err *e);

#endif
