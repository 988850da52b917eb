/* Japanese character sets as hospital systems use them. Input is always well-formed UTF-8. */
#ifndef MAMORI_PRACTICE_ENC_H
#define MAMORI_PRACTICE_ENC_H

#include "base/buf.h"
#include "base/err.h"

/* A set of converters; one a run, not shared between threads. */
struct enc;
MUST int enc_new(struct enc **ret, struct err *e); /* E_SYS, E_NOMEM */
void enc_free(struct enc *n);                      /* NULL is fine */

/* enc_jis(n, s, len, out, e): Append ${s} as ISO-2022-JP the way SS-MIX2 wants it: ASCII and
 * JIS X 0208 only, back to ASCII before every single-byte character and at the end. Half-width kana
 * become full-width, the vendor-dependent characters are spelled out by the table of the National
 * Hospital Organization ((1) for a circled one, (株) ...), everything else that JIS X 0208 lacks
 * becomes ■ (U+25A0); a variation selector after a character makes the pair one ■. */
MUST int enc_jis(struct enc *n, const char *s, size_t len, struct buf *out, struct err *e);
/* enc_jis_utf8(n, s, out, e): The same replacements, but the result stays UTF-8: what a reader of
 * the SS-MIX2 file will see. */
MUST int enc_jis_utf8(struct enc *n, const char *s, struct buf *out, struct err *e);
/* enc_cp932(n, s, len, out, e): Append ${s} as CP932 (Windows); what it lacks becomes "?". */
MUST int enc_cp932(struct enc *n, const char *s, size_t len, struct buf *out, struct err *e);
/* enc_ir13(n, s, out, e): Append full-width katakana as half-width katakana of JIS X 0201 (DICOM
 * ISO 2022 IR 13, G1). Only what names and addresses use is known; other characters become "?". */
MUST int enc_ir13(struct enc *n, const char *s, struct buf *out, struct err *e);

#endif
