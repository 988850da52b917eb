/* A checklist with its verdicts as OSCAL assessment results (NIST OSCAL 1.1.2, JSON): for export
 * only. OSCAL knows satisfied and not-satisfied; the colour, the reason, and what rests on words
 * alone stand in properties and remarks. */
#ifndef MAMORI_ENGINE_GUIDE_OSCAL_H
#define MAMORI_ENGINE_GUIDE_OSCAL_H

#include <jansson.h>

#include "base/err.h"

enum { OSCAL_UUID = 37 };

/* oscal_make(status, host, at, version, ret, e): From what desk_status gives. ${at}: RFC 3339.
 * Pure and deterministic: the same status gives the same bytes (UUIDs are of version 5, from the
 * content). E_INVAL (no items), E_NOMEM. */
MUST int oscal_make(const json_t *status, const char *host, const char *at, const char *version,
    json_t **ret, struct err *e);

/* oscal_uuid(name, out): The UUID of version 5 (RFC 9562) of a name in this format's namespace. */
void oscal_uuid(const char *name, char out[OSCAL_UUID]);
/* oscal_token(s, out, size): ${s} as an OSCAL token: begins with a letter; letters, digits, - _ .
 */
void oscal_token(const char *s, char *out, size_t size);

#endif
