/* Numbers: little-endian codecs, strict parsing, checked arithmetic helpers. Pure functions. */
#ifndef MAMORI_BASE_NUM_H
#define MAMORI_BASE_NUM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

static inline uint16_t
le16_get(const void *p)
{
	uint16_t v;

	(void)memcpy(&v, p, sizeof(v));
	return v; /* all supported targets are little-endian; num.c asserts it */
}

static inline uint32_t
le32_get(const void *p)
{
	uint32_t v;

	(void)memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64_t
le64_get(const void *p)
{
	uint64_t v;

	(void)memcpy(&v, p, sizeof(v));
	return v;
}

static inline void
le16_put(void *p, uint16_t v)
{
	(void)memcpy(p, &v, sizeof(v));
}

static inline void
le32_put(void *p, uint32_t v)
{
	(void)memcpy(p, &v, sizeof(v));
}

static inline void
le64_put(void *p, uint64_t v)
{
	(void)memcpy(p, &v, sizeof(v));
}

/* num_parse_u64(s, max, ret, e): Parse the whole of ${s} as a decimal number <= ${max} into
 * ${ret}. No sign, no space, no leading plus. E_INVAL otherwise. */
MUST int num_parse_u64(const char *s, uint64_t max, uint64_t *ret, struct err *e);

/* num_parse_size(s, ret, e): As above with an optional suffix K M G T (powers of 1024). */
MUST int num_parse_size(const char *s, uint64_t *ret, struct err *e);

/* hex_put(out, p, n): Write 2 * ${n} lower-case digits and a NUL to ${out}. */
void hex_put(char *out, const void *p, size_t n);

/* hex_get(out, n, s): Read exactly 2 * ${n} digits from ${s}, which must end there. 0 or E_INVAL.
 * ${out} may be partly written then. */
MUST int hex_get(void *out, size_t n, const char *s);

#endif
