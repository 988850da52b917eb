#include "practice/pixels.h"

#include <string.h>

void
pixels_paint(struct rng *r, uint16_t *px, int w, int h, int bits)
{
	enum { GRID = 18 };
	int32_t node[GRID][GRID];
	int cell = (w > h ? w : h) / (GRID - 2) + 1, top = (1 << bits) - 1, noise = bits - 6;
	uint64_t pool = 0;
	int left = 0;

	for (int y = 0; y < GRID; y++)
		for (int x = 0; x < GRID; x++)
			node[y][x] = rng_range(r, top / 8, top * 7 / 8);
	for (int y = 0; y < h; y++) {
		const int32_t *a = node[y / cell], *b = node[y / cell + 1];
		uint16_t *row = px + (size_t)y * (size_t)w;
		int fy = y % cell;

		for (int i = 0, x = 0; x < w; i++) {
			/* along a cell in steps of 2^-12 */
			int32_t u = a[i] + (b[i] - a[i]) * fy / cell;
			int32_t v = a[i + 1] + (b[i + 1] - a[i + 1]) * fy / cell;
			int32_t at = u * 4096, step = (v - u) * 4096 / cell;
			int end = x + cell < w ? x + cell : w;

			for (; x < end; x++, at += step) {
				int32_t k;

				if (left < noise) {
					pool = rng_next(r);
					left = 64;
				}
				k = at / 4096 + (int32_t)(pool & ((1u << noise) - 1)) -
				    (1 << noise) / 2;
				pool >>= noise;
				left -= noise;
				row[x] = (uint16_t)(k < 0 ? 0 : k > top ? top : k);
			}
		}
	}
}

/* One row of bytes as PackBits. */
static int
packbits(const uint8_t *row, int n, struct buf *out, struct err *e)
{
	int i = 0, r = 0;

	while (i < n && r == 0) {
		int run = 1, lit = 0;

		while (i + run < n && run < 128 && row[i + run] == row[i])
			run++;
		if (run > 1) {
			uint8_t two[2] = {(uint8_t)(1 - run), row[i]};

			r = buf_put(out, two, 2, e);
			i += run;
			continue;
		}
		/* literals until three equal bytes come */
		while (i + lit < n && lit < 128 &&
		    !(i + lit + 2 < n && row[i + lit] == row[i + lit + 1] &&
			row[i + lit] == row[i + lit + 2]))
			lit++;
		r = buf_u8(out, (uint8_t)(lit - 1), e);
		if (r == 0)
			r = buf_put(out, row + i, (size_t)lit, e);
		i += lit;
	}
	return r;
}

int
pixels_rle(const uint16_t *px, int w, int h, int bytes, struct buf *out, struct err *e)
{
	size_t start = out->len;
	uint8_t head[64] = {(uint8_t)bytes}, row[4096];
	int r = w > 4096 ? err_set(e, E_LIMIT, "a picture %d wide", w) : buf_put(out, head, 64, e);

	for (int k = bytes - 1; k >= 0 && r == 0; k--) {
		uint32_t at = (uint32_t)(out->len - start);
		size_t slot = start + 4 + 4 * (size_t)(bytes - 1 - k);

		for (int i = 0; i < 4; i++)
			out->p[slot + (size_t)i] = (uint8_t)(at >> (8 * i));
		for (int y = 0; y < h && r == 0; y++) {
			for (int x = 0; x < w; x++)
				row[x] = (uint8_t)(px[(size_t)y * (size_t)w +
				    (size_t)x] >> (8 * k));
			r = packbits(row, w, out, e);
		}
		if (r == 0 && (out->len - start) % 2)
			r = buf_u8(out, 0, e);
	}
	return r;
}

/* --- baseline JPEG --- */

static const uint8_t zigzag[64] = {
	0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27,
	20, 13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
	58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
};
static const uint8_t quant[64] = { /* table K.1 halved: quality 75 */
	8, 6, 5, 8, 12, 20, 26, 31, 6, 6, 7, 10, 13, 29, 30, 28, 7, 7, 8, 12, 20, 29, 35, 28, 7, 9,
	11, 15, 26, 44, 40, 31, 9, 11, 19, 28, 34, 55, 52, 39, 12, 18, 28, 32, 41, 52, 57, 46, 25,
	32, 39, 44, 52, 61, 60, 51, 36, 46, 48, 49, 56, 50, 52, 50,
};
static const uint8_t dc_count[16] = {0, 1, 5, 1, 1, 1, 1, 1, 1}; /* K.3 */
static const uint8_t dc_value[12] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
static const uint8_t ac_count[16] = {0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7d}; /* K.5 */
static const uint8_t ac_value[162] = {
	0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61,
	0x07, 0x22, 0x71, 0x14, 0x32, 0x81, 0x91, 0xa1, 0x08, 0x23, 0x42, 0xb1, 0xc1, 0x15, 0x52,
	0xd1, 0xf0, 0x24, 0x33, 0x62, 0x72, 0x82, 0x09, 0x0a, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x25,
	0x26, 0x27, 0x28, 0x29, 0x2a, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x43, 0x44, 0x45,
	0x46, 0x47, 0x48, 0x49, 0x4a, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x63, 0x64,
	0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x83,
	0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99,
	0x9a, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6,
	0xb7, 0xb8, 0xb9, 0xba, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xd2, 0xd3,
	0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xe1, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8,
	0xe9, 0xea, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa,
};
/* cos((2x+1) u pi / 16) / 2, times 1/sqrt(2) for u = 0, in 1/8192 */
static const int16_t cosine[8][8] = {
	{2896, 2896, 2896, 2896, 2896, 2896, 2896, 2896},
	{4017, 3406, 2276, 799, -799, -2276, -3406, -4017},
	{3784, 1567, -1567, -3784, -3784, -1567, 1567, 3784},
	{3406, -799, -4017, -2276, 2276, 4017, 799, -3406},
	{2896, -2896, -2896, 2896, 2896, -2896, -2896, 2896},
	{2276, -4017, 799, 3406, -3406, -799, 4017, -2276},
	{1567, -3784, 3784, -1567, -1567, 3784, -3784, 1567},
	{799, -2276, 3406, -4017, 4017, -3406, 2276, -799},
};

struct bits {
	struct buf *out;
	struct err *e;
	uint32_t acc;
	int n, r;
	uint16_t dc_code[12], ac_code[256];
	uint8_t dc_len[12], ac_len[256];
};

static void
codes(const uint8_t *count, const uint8_t *value, uint16_t *code, uint8_t *len)
{
	uint16_t c = 0;
	int k = 0;

	for (int l = 0; l < 16; l++) {
		for (int i = 0; i < count[l]; i++, k++) {
			code[value[k]] = c++;
			len[value[k]] = (uint8_t)(l + 1);
		}
		c = (uint16_t)(c << 1);
	}
}

static void
bits_put(struct bits *b, uint32_t v, int n)
{
	b->acc = b->acc << n | (v & ((1u << n) - 1));
	b->n += n;
	while (b->n >= 8 && b->r == 0) {
		uint8_t byte = (uint8_t)(b->acc >> (b->n - 8));

		b->r = buf_u8(b->out, byte, b->e);
		if (b->r == 0 && byte == 0xff)
			b->r = buf_u8(b->out, 0, b->e);
		b->n -= 8;
	}
}

static int
magnitude(int v)
{
	int n = 0;

	for (v = v < 0 ? -v : v; v; v >>= 1)
		n++;
	return n;
}

static void
transform(const uint16_t *px, int w, int32_t out[64])
{
	int32_t tmp[64];

	for (int y = 0; y < 8; y++)
		for (int u = 0; u < 8; u++) {
			int32_t s = 0;

			for (int x = 0; x < 8; x++)
				s += ((int32_t)px[y * w + x] - 128) * cosine[u][x];
			tmp[y * 8 + u] = s / 64;
		}
	for (int u = 0; u < 8; u++)
		for (int v = 0; v < 8; v++) {
			int64_t s = 0;
			int64_t q = quant[v * 8 + u];

			for (int y = 0; y < 8; y++)
				s += (int64_t)tmp[y * 8 + u] * cosine[v][y];
			/* the sums carry 128 * 8192 */
			q <<= 20;
			out[v * 8 + u] = (int32_t)((s + (s < 0 ? -q / 2 : q / 2)) / q);
		}
}

static void
block(struct bits *b, const int32_t c[64], int *dc)
{
	int diff = c[0] - *dc, n = magnitude(diff), zeros = 0;

	*dc = c[0];
	bits_put(b, b->dc_code[n], b->dc_len[n]);
	if (n)
		bits_put(b, (uint32_t)(diff < 0 ? diff - 1 : diff), n);
	for (int k = 1; k < 64; k++) {
		int v = c[zigzag[k]];

		if (v == 0) {
			zeros++;
			continue;
		}
		for (; zeros > 15; zeros -= 16)
			bits_put(b, b->ac_code[0xf0], b->ac_len[0xf0]);
		n = magnitude(v);
		bits_put(b, b->ac_code[zeros << 4 | n], b->ac_len[zeros << 4 | n]);
		bits_put(b, (uint32_t)(v < 0 ? v - 1 : v), n);
		zeros = 0;
	}
	if (zeros)
		bits_put(b, b->ac_code[0], b->ac_len[0]);
}

static int
jpeg_head(int w, int h, struct buf *out, struct err *e)
{
	uint8_t dqt[] = {0xff, 0xd8, 0xff, 0xdb, 0, 67, 0};
	uint8_t sof[] = {0xff, 0xc0, 0, 11, 8, (uint8_t)(h >> 8), (uint8_t)h, (uint8_t)(w >> 8),
		(uint8_t)w, 1, 1, 0x11, 0};
	uint8_t dht0[] = {0xff, 0xc4, 0, 19 + 12, 0x00}, dht1[] = {0xff, 0xc4, 0, 19 + 162, 0x10};
	uint8_t sos[] = {0xff, 0xda, 0, 8, 1, 1, 0x00, 0, 63, 0};
	int r = buf_put(out, dqt, sizeof(dqt), e);

	for (int k = 0; k < 64 && r == 0; k++)
		r = buf_u8(out, quant[zigzag[k]], e);
	r = r < 0 ? r : buf_put(out, sof, sizeof(sof), e);
	r = r < 0 ? r : buf_put(out, dht0, sizeof(dht0), e);
	r = r < 0 ? r : buf_put(out, dc_count, sizeof(dc_count), e);
	r = r < 0 ? r : buf_put(out, dc_value, sizeof(dc_value), e);
	r = r < 0 ? r : buf_put(out, dht1, sizeof(dht1), e);
	r = r < 0 ? r : buf_put(out, ac_count, sizeof(ac_count), e);
	r = r < 0 ? r : buf_put(out, ac_value, sizeof(ac_value), e);
	return r < 0 ? r : buf_put(out, sos, sizeof(sos), e);
}

int
pixels_jpeg(const uint16_t *px, int w, int h, struct buf *out, struct err *e)
{
	static const uint8_t end[] = {0xff, 0xd9};
	struct bits b = {.out = out, .e = e};
	int32_t coef[64];
	int dc = 0, r;

	if (w % 8 || h % 8 || w <= 0 || h <= 0 || w > 4096 || h > 4096)
		return err_set(e, E_INVAL, "a picture of %d x %d", w, h);
	codes(dc_count, dc_value, b.dc_code, b.dc_len);
	codes(ac_count, ac_value, b.ac_code, b.ac_len);
	r = jpeg_head(w, h, out, e);
	for (int y = 0; y < h && r == 0; y += 8)
		for (int x = 0; x < w && b.r == 0; x += 8) {
			transform(px + (size_t)y * (size_t)w + (size_t)x, w, coef);
			block(&b, coef, &dc);
		}
	if (r == 0)
		bits_put(&b, 0x7f, b.n ? 8 - b.n : 0);
	r = r < 0 ? r : b.r;
	return r < 0 ? r : buf_put(out, end, sizeof(end), e);
}
