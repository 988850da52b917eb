/* Pictures for the practice images, and two ways to code them. Pure. */
#ifndef MAMORI_PRACTICE_PIXELS_H
#define MAMORI_PRACTICE_PIXELS_H

#include <stdint.h>

#include "base/buf.h"
#include "practice/rng.h"

/* pixels_paint(r, px, w, h, bits): A smooth picture with a sensor's noise: values below 2^${bits}
 * (at most 12), row by row. ${w} and ${h} up to 4096. */
void pixels_paint(struct rng *r, uint16_t *px, int w, int h, int bits);
/* pixels_rle(px, w, h, bytes, out, e): Append the DICOM RLE Lossless coding (PS3.5 annex G) of one
 * frame: PackBits rows, one segment for each of the ${bytes} (1 or 2) bytes of a sample, the most
 * significant first. */
MUST int pixels_rle(const uint16_t *px, int w, int h, int bytes, struct buf *out, struct err *e);
/* pixels_jpeg(px, w, h, out, e): Append a baseline JPEG stream (ITU-T T.81, 8-bit grey, the tables
 * of its annex K) of values 0..255. ${w} and ${h} must be multiples of 8. */
MUST int pixels_jpeg(const uint16_t *px, int w, int h, struct buf *out, struct err *e);

#endif
