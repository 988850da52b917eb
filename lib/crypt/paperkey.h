/* The recovery key on paper: 32 secret bytes as words that can be read over a telephone and typed
 * back, and split into three shares of which any two suffice.
 *
 * Words: the key is written as numbered words of five kana each, four carrying 16 bits and the
 * fifth a check kana over the four and the word's number, so that a slip names its word; the last
 * word is a checksum over the whole. Only sixteen kana are used, chosen so that handwriting does
 * not confuse them. The same in Latin letters (each kana one consonant-vowel syllable) for English
 * readers. Reading accepts kana (full and half width, hiragana too), Latin letters in either case,
 * spaces, hyphens, line breaks and word numbers.
 *
 * Shares: Shamir's scheme over GF(2^8) (polynomial 0x11b), threshold 2 of 3, each share printed in
 * the same words with its number and the key's fingerprint. */
#ifndef MAMORI_CRYPT_PAPERKEY_H
#define MAMORI_CRYPT_PAPERKEY_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum { PAPERKEY_LEN = 32, PAPERKEY_SHARES = 3 };

enum paperkey_script { PAPERKEY_KANA, PAPERKEY_LATIN };

/* paperkey_words(b, key, script, e): Append the seventeen words, four to a line; each line begins
 * with the number of its first word. E_LIMIT, E_NOMEM; then ${b} is unchanged. */
MUST int paperkey_words(struct buf *b, const uint8_t key[PAPERKEY_LEN],
    enum paperkey_script script, struct err *e);
/* paperkey_read(s, n, key, e): Read words (or 64 hexadecimal digits). E_INVAL names the word that
 * does not fit, or says that a word is missing (in Japanese and English: this is the one message of
 * the library that a clerk must act on). ${key} is written on success only. */
MUST int paperkey_read(const char *s, size_t n, uint8_t key[PAPERKEY_LEN], struct err *e);

/* paperkey_fingerprint(key, out): the 8-hex-digit fingerprint by which people tell keys apart,
 * derived one-way (HKDF) from the key. */
void paperkey_fingerprint(const uint8_t key[PAPERKEY_LEN], char out[9]);

/* paperkey_split(key, out): Three shares; each alone says nothing about the key. */
MUST int paperkey_split(const uint8_t key[PAPERKEY_LEN], uint8_t out[PAPERKEY_SHARES][PAPERKEY_LEN],
    struct err *e);
/* paperkey_join(i, a, j, b, key): From share ${i} and share ${j} (1..3, different).
 * E_INVAL for other numbers. Two shares of different keys join to a third key without an error: the
 * caller compares paperkey_fingerprint of the result with the one printed on the shares. */
MUST int paperkey_join(int i, const uint8_t a[PAPERKEY_LEN], int j, const uint8_t b[PAPERKEY_LEN],
    uint8_t key[PAPERKEY_LEN], struct err *e);

/* paperkey_file_put(b, id, fingerprint, key, share, e): Append the text file that `vault init`
 * writes: a bilingual explanation, "mamori-key: v1", "for: ${id}", "share: N of 3, any 2" (only for
 * a share, 0 otherwise), the fingerprint of the whole key (8 hexadecimal digits), and both forms of
 * words. E_INVAL: ${share} is not 0..3, or ${id} is longer than 79 bytes or not one line. */
MUST int paperkey_file_put(struct buf *b, const char *id, const char *fingerprint,
    const uint8_t key[PAPERKEY_LEN], int share, struct err *e);

struct paperkey_file {
	char id[80];         /* "" when the text holds words alone */
	char fingerprint[9];  /* "" likewise */
	int share;           /* 0 = the whole key */
	uint8_t key[PAPERKEY_LEN];
};
/* paperkey_file_get(p, n, ret, e): Read such a file, or bare words, or 64 hexadecimal digits.
 * Labels may be left out when the words are typed from paper; one readable form of the words is
 * enough. E_INVAL: as paperkey_read, or the words do not fit the fingerprint; E_PROTO: a newer
 * format; E_NOMEM. ${ret} is written on success only. */
MUST int paperkey_file_get(const char *p, size_t n, struct paperkey_file *ret, struct err *e);

#endif
