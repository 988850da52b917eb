#include "practice/zip.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "practice/date.h"

int
zip_deflate(const void *p, size_t n, bool raw, bool quick, struct buf *out, struct err *e)
{
	z_stream z = {0};
	uLong bound;
	int r;

	if (n > UINT32_MAX / 2)
		return err_set(e, E_LIMIT, "%zu bytes at once", n);
	if (deflateInit2(&z, quick ? 1 : 6, Z_DEFLATED, raw ? -15 : 15, 8,
		quick ? Z_HUFFMAN_ONLY : Z_DEFAULT_STRATEGY) != Z_OK)
		return err_set(e, E_NOMEM, "no memory");
	bound = deflateBound(&z, (uLong)n);
	r = buf_reserve(out, bound, e);
	if (r == 0) {
		z.next_in = (unsigned char *)(uintptr_t)p; /* zlib does not write through it */
		z.avail_in = (uInt)n;
		z.next_out = out->p + out->len;
		z.avail_out = (uInt)bound;
		if (deflate(&z, Z_FINISH) != Z_STREAM_END)
			r = err_set(e, E_SYS, "deflate failed");
		else
			out->len += z.total_out;
	}
	(void)deflateEnd(&z);
	return r;
}

void
zip_begin(struct zip *z, struct buf *out, int64_t stamp)
{
	int64_t s = stamp / 1000 % 86400;
	int y, m, d;

	*z = (struct zip){.out = out};
	date_split(date_of(stamp), &y, &m, &d);
	z->date = (uint16_t)((y - 1980) << 9 | m << 5 | d);
	z->time = (uint16_t)(s / 3600 << 11 | s / 60 % 60 << 5 | s % 60 / 2);
}

/* The fields that local and central header share. */
static int
common(struct zip *z, int i, struct err *e)
{
	struct buf *b = z->out;
	int r = buf_u16(b, 20, e); /* version needed */

	r = r < 0 ? r : buf_u16(b, 0x0800, e); /* names are UTF-8 */
	r = r < 0 ? r : buf_u16(b, 8, e);
	r = r < 0 ? r : buf_u16(b, z->time, e);
	r = r < 0 ? r : buf_u16(b, z->date, e);
	r = r < 0 ? r : buf_u32(b, z->entry[i].crc, e);
	r = r < 0 ? r : buf_u32(b, z->entry[i].packed, e);
	r = r < 0 ? r : buf_u32(b, z->entry[i].plain, e);
	r = r < 0 ? r : buf_u16(b, (uint16_t)strlen(z->entry[i].name), e);
	return r < 0 ? r : buf_u16(b, 0, e);
}

int
zip_add(struct zip *z, const char *name, const void *p, size_t n, struct err *e)
{
	AUTO(buf_free) struct buf packed = {0};
	int i = z->n, r;

	if (i == ZIP_MAX || strlen(name) >= sizeof(z->entry[0].name))
		return err_set(e, E_LIMIT, "more than %d entries", ZIP_MAX);
	buf_init(&packed, n + n / 8 + 1024);
	r = zip_deflate(p, n, true, false, &packed, e);
	if (r < 0)
		return r;
	z->n++;
	(void)snprintf(z->entry[i].name, sizeof(z->entry[i].name), "%s", name);
	z->entry[i].crc = (uint32_t)crc32(0, p, (uInt)n);
	z->entry[i].packed = (uint32_t)packed.len;
	z->entry[i].plain = (uint32_t)n;
	z->entry[i].at = (uint32_t)z->out->len;
	r = buf_u32(z->out, 0x04034b50, e);
	r = r < 0 ? r : common(z, i, e);
	r = r < 0 ? r : buf_str(z->out, name, e);
	return r < 0 ? r : buf_put(z->out, packed.p, packed.len, e);
}

int
zip_end(struct zip *z, struct err *e)
{
	struct buf *b = z->out;
	size_t at = b->len, len;
	int r = 0;

	for (int i = 0; i < z->n; i++) {
		r = r < 0 ? r : buf_u32(b, 0x02014b50, e);
		r = r < 0 ? r : buf_u16(b, 20, e);
		r = r < 0 ? r : common(z, i, e);
		r = r < 0 ? r : buf_u16(b, 0, e); /* comment */
		r = r < 0 ? r : buf_u16(b, 0, e); /* disk */
		r = r < 0 ? r : buf_u16(b, 0, e);
		r = r < 0 ? r : buf_u32(b, 0, e);
		r = r < 0 ? r : buf_u32(b, z->entry[i].at, e);
		r = r < 0 ? r : buf_str(b, z->entry[i].name, e);
	}
	len = b->len - at;
	r = r < 0 ? r : buf_u32(b, 0x06054b50, e);
	r = r < 0 ? r : buf_u32(b, 0, e);
	r = r < 0 ? r : buf_u16(b, (uint16_t)z->n, e);
	r = r < 0 ? r : buf_u16(b, (uint16_t)z->n, e);
	r = r < 0 ? r : buf_u32(b, (uint32_t)len, e);
	r = r < 0 ? r : buf_u32(b, (uint32_t)at, e);
	return r < 0 ? r : buf_u16(b, 0, e);
}
