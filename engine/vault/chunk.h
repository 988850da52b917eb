/* Where a file is cut. Three ways: an aligned 16 KiB grid for files that are changed in place
 * (databases, disk images); content-defined cuts for everything that shifts (normalised gear hash
 * after FastCDC, Xia et al. 2016, with a keyed table); one chunk for small files. */
#ifndef MAMORI_VAULT_CHUNK_H
#define MAMORI_VAULT_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
	CHUNK_GRID = 16 * 1024,
	CHUNK_WHOLE = 64 * 1024, /* files up to this are one chunk */
	CHUNK_MAX = 4 << 20,
};

enum chunk_class {
	CHUNK_CLASS_DOC,   /* 16 / 64 / 256 KiB */
	CHUNK_CLASS_LARGE, /* 256 KiB / 1 MiB / 4 MiB: images, films, archives */
	CHUNK_CLASS_GRID,
};

struct chunker {
	uint64_t gear[256];
};

/* chunker_init(c, key, e): The gear table from 32 secret bytes (HKDF). */
MUST int chunker_init(struct chunker *c, const uint8_t key[32], struct err *e);

/* chunk_cut(c, cl, p, n): Length of the first chunk of the ${n} > 0 bytes at ${p}; ${n} itself when
 * there is no cut in them and they are fewer than the class's maximum. Pure; the cut depends only
 * on bytes inside the chunk. */
size_t chunk_cut(const struct chunker *c, enum chunk_class cl, const uint8_t *p, size_t n);
/* chunk_max(cl): The longest chunk of the class: what must be at hand to cut finally. */
size_t chunk_max(enum chunk_class cl);

/* chunk_classify(head, n, size, was_grid): The class for a file of ${size} bytes that starts with
 * these
 * ${n} <= 4096 bytes; ${was_grid}: the previous generation cut it on the grid. */
enum chunk_class chunk_classify(const uint8_t *head, size_t n, uint64_t size, bool was_grid);

/* chunk_zero(p, n): Whether all bytes are zero. */
bool chunk_zero(const uint8_t *p, size_t n);

#endif
