/* Passkeys: what a relying party checks (W3C Web Authentication level 2, sections 7.1 and 7.2).
 * Pure functions over what the browser sent; challenges, accounts and counters are the caller's.
 *
 * Attestation is not asked for ("none"), so a statement that comes all the same is not believed and
 * not checked: what counts is that the same key answers later. Algorithms: ES256, EdDSA (Ed25519),
 * RS256. */
#ifndef MAMORI_ENGINE_IDENTITY_WEBAUTHN_H
#define MAMORI_ENGINE_IDENTITY_WEBAUTHN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
	WEBAUTHN_CHALLENGE = 32,
	WEBAUTHN_ID_MAX = 512,     /* bytes of a credential id */
	WEBAUTHN_KEY_MAX = 600,    /* of a public key as it is kept */
	WEBAUTHN_CLIENT_MAX = 4096,
	WEBAUTHN_OBJECT_MAX = 16384,
	WEBAUTHN_AUTH_MAX = 8192,  /* authenticator data */
	WEBAUTHN_SIG_MAX = 1024,
	WEBAUTHN_ES256 = -7,
	WEBAUTHN_EDDSA = -8,
	WEBAUTHN_RS256 = -257,
};

struct webauthn_rp {
	const char *id;     /* host name */
	const char *origin; /* https://host[:port], as browsers write it */
	const uint8_t *challenge; /* WEBAUTHN_CHALLENGE bytes, of this ceremony */
	bool verify;        /* the person must have been verified (PIN, finger), not only present */
};

struct webauthn_bytes {
	const void *p;
	size_t n;
};

struct webauthn_key {
	int64_t alg;
	size_t n;
	uint8_t cose[WEBAUTHN_KEY_MAX]; /* COSE_Key as it came */
};

struct webauthn_made {
	uint8_t id[WEBAUTHN_ID_MAX];
	size_t id_len;
	struct webauthn_key key;
	uint32_t count;
	bool verified, synced; /* synced: the key may exist on more than one device */
};

/* webauthn_register(rp, client, object, ret, e): The answer to navigator.credentials.create:
 * clientDataJSON and attestationObject. E_PROTO: malformed. E_AUTH: well-formed, but for another
 * site, another challenge, without the person's touch, or with a key we cannot check. */
MUST int webauthn_register(const struct webauthn_rp *rp, struct webauthn_bytes client,
    struct webauthn_bytes object, struct webauthn_made *ret, struct err *e);

struct webauthn_seen {
	uint32_t count;
	bool verified;
};

/* webauthn_assert(rp, client, auth, sig, key, last, ret, e): The answer to
 * navigator.credentials.get: clientDataJSON, authenticatorData and signature, against the key kept.
 * ${last}: the counter seen last; one that does not grow means a copied key, E_AUTH (0 both times
 * is a device that does not count). Else as above. */
MUST int webauthn_assert(const struct webauthn_rp *rp, struct webauthn_bytes client,
    struct webauthn_bytes auth, struct webauthn_bytes sig, const struct webauthn_key *key,
    uint32_t last, struct webauthn_seen *ret, struct err *e);

/* webauthn_key_read(p, n, ret, ret_used): A COSE_Key at the start of ${n} bytes. False when it is
 * malformed or of a kind that is not taken. */
bool webauthn_key_read(const void *p, size_t n, struct webauthn_key *ret, size_t *ret_used);

#endif
