/* One page of the practice hospital's page file. Little-endian:
 *
 *   0 "MPPG"  4 u32 page number  8 u64 LSN (1 + day of the last change)  16 u64 checksum
 *   24 u16 records  26 u16 bytes used  28 u32 0  32 records: u16 length, UTF-8 text
 *
 * The checksum runs over the page's 64-bit words with itself taken as 0. Page 0 is the header:
 * one record "karte pages=N day=D". Pure. */
#ifndef MAMORI_PRACTICE_PAGEDB_H
#define MAMORI_PRACTICE_PAGEDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PAGEDB_PAGE = 8192 };

/* pagedb_fill(page, seed, no, day, patients): A full page of chart notes; ${patients} known people.
 * */
void pagedb_fill(uint8_t page[PAGEDB_PAGE], uint64_t seed, uint32_t no, int32_t day,
    uint32_t patients);
/* pagedb_change(page, seed, no, day): Rewrite one record in place; the same day twice changes
 * nothing more. */
void pagedb_change(uint8_t page[PAGEDB_PAGE], uint64_t seed, uint32_t no, int32_t day);
/* pagedb_ok(page, no): Whether the page is whole. */
bool pagedb_ok(const uint8_t page[PAGEDB_PAGE], uint32_t no);

#endif
