/* A drill's certificate: what was rehearsed, when, with which result, how long it took (RTO) and
 * how old the data was (RPO), as measured; signed with the key of this machine's facts, and checked
 * by anybody who has the file and the public key.
 *
 *   {"certificate": {...}, "signer": "<64 hexadecimal digits>", "signature": "<128>"}
 *
 * The signature is Ed25519 over "mamori drill certificate 1\n" and the certificate as compact JSON
 * with sorted keys. Its numbers are integers, so that there is one way to write them. */
#ifndef MAMORI_CLI_DRILL_CERT_H
#define MAMORI_CLI_DRILL_CERT_H

#include <jansson.h>

#include "ledger/evidence.h"

/* drill_cert_keep(st, cert, hex, e): Sign ${cert} and keep it as evidence; ${hex} names it. E_AUTH
 * (no key here), E_NOSPC, E_NOMEM. */
MUST int drill_cert_keep(const struct state *st, json_t *cert, char hex[EVIDENCE_HEX],
    struct err *e);

/* drill_cert_check(p, n, ret, ret_signer, e): The certificate inside (new reference) when its
 * signature holds. E_PROTO: not a certificate; E_CORRUPT: the signature does not hold. */
MUST int drill_cert_check(const void *p, size_t n, json_t **ret, uint8_t ret_signer[SIGN_PUB_LEN],
    struct err *e);

#endif
