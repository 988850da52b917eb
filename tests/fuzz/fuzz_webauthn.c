/* deps: identity */
/* What a browser hands over for a passkey: one byte says which ceremony and how long the first part
 * is; then clientDataJSON, and the attestation object or the authenticator data. The challenge and
 * the site are those of the corpus, so that the checks behind them are reached. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "identity/cbor.h"
#include "identity/webauthn.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
key(const uint8_t *p, size_t n)
{
	struct webauthn_key k, again;
	size_t used = 0, used2 = 0;

	if (!webauthn_key_read(p, n, &k, &used))
		return;
	if (used != k.n || used > n || !webauthn_key_read(k.cose, k.n, &again, &used2) ||
	    used2 != k.n || again.alg != k.alg)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const uint8_t challenge[WEBAUTHN_CHALLENGE] = {0};
	static const struct webauthn_key none = {.alg = WEBAUTHN_ES256, .n = 1, .cose = {0xa0}};
	const struct webauthn_rp rp = {.id = "mamori.clinic.example",
	    .origin = "https://mamori.clinic.example:8443", .challenge = challenge};
	struct webauthn_made made;
	struct webauthn_seen seen;
	struct rd r = rd_init(p, n);
	size_t cut;

	if (n == 0)
		return 0;
	if (p[0] == 0xff) { /* a key alone */
		key(p + 1, n - 1);
		return 0;
	}
	(void)cbor_skip(&r);
	cut = 1 + p[0];
	if (cut > n)
		cut = n;
	if (webauthn_register(&rp, (struct webauthn_bytes){p + 1, cut - 1},
	        (struct webauthn_bytes){p + cut, n - cut}, &made, NULL) == 0 &&
	    (made.id_len == 0 || made.id_len > WEBAUTHN_ID_MAX || made.key.n > WEBAUTHN_KEY_MAX))
		abort();
	if (webauthn_assert(&rp, (struct webauthn_bytes){p + 1, cut - 1},
		(struct webauthn_bytes){p + cut, n - cut},
		(struct webauthn_bytes){p, n < 72 ? n : 72}, &none, 0, &seen, NULL) == 0)
		abort(); /* no signature fits no key */
	return 0;
}
