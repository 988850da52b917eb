/* A minimal ZIP writer (PKWARE APPNOTE 6.3: local header, deflate, central directory) over zlib,
 * for docx and xlsx; and deflate for others. Pure. */
#ifndef MAMORI_PRACTICE_ZIP_H
#define MAMORI_PRACTICE_ZIP_H

#include "base/buf.h"
#include "base/err.h"

/* zip_deflate(p, n, raw, quick, out, e): Append the deflate stream of ${p}; ${raw} without the zlib
 * wrapper (RFC 1951), else with (RFC 1950). ${quick}: Huffman codes alone, for noise. */
MUST int zip_deflate(const void *p, size_t n, bool raw, bool quick, struct buf *out, struct err *e);

enum { ZIP_MAX = 16 };
struct zip {
	struct buf *out;
	struct {
		char name[64];
		uint32_t crc, packed, plain, at;
	} entry[ZIP_MAX];
	int n;
	uint16_t date, time; /* DOS */
};
/* zip_begin(z, out, stamp): Archive into ${out}; entries carry the time of ${stamp}. */
void zip_begin(struct zip *z, struct buf *out, int64_t stamp);
MUST int zip_add(struct zip *z, const char *name, const void *p, size_t n, struct err *e);
MUST int zip_end(struct zip *z, struct err *e);

#endif
