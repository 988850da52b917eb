#include "vault/chunk.h"

#include <string.h>

#include "base/num.h"
#include "crypt/digest.h"

struct limits {
	size_t min, mean, max;
	uint64_t strict, loose; /* masks before and after the mean */
};

/* The bits of a gear hash that have seen the most bytes are the high ones. */
#define HIGH_BITS(n) (~UINT64_C(0) << (64 - (n)))

static const struct limits doc = {
	16 << 10, 64 << 10, 256 << 10, HIGH_BITS(18), HIGH_BITS(14),
};
static const struct limits large = {
	256 << 10, 1 << 20, 4 << 20, HIGH_BITS(22), HIGH_BITS(18),
};

int
chunker_init(struct chunker *c, const uint8_t key[32], struct err *e)
{
	return kdf_hkdf(key, 32, NULL, 0, "mamori chunker v1", (uint8_t *)c->gear, sizeof(c->gear),
	    e);
}

size_t
chunk_max(enum chunk_class cl)
{
	switch (cl) {
	case CHUNK_CLASS_GRID:
		return CHUNK_GRID;
	case CHUNK_CLASS_LARGE:
		return large.max;
	case CHUNK_CLASS_DOC:
	default:
		return doc.max;
	}
}

size_t
chunk_cut(const struct chunker *c, enum chunk_class cl, const uint8_t *p, size_t n)
{
	const struct limits *l = cl == CHUNK_CLASS_LARGE ? &large : &doc;
	size_t i, end;
	uint64_t h = 0;

	if (cl == CHUNK_CLASS_GRID)
		return n < CHUNK_GRID ? n : CHUNK_GRID;
	if (n <= l->min)
		return n;
	/* a window of 64 bytes before the minimum, so that the hash has its full memory there */
	for (i = l->min - 64; i < l->min; i++)
		h = (h << 1) + c->gear[p[i]];
	end = n < l->mean ? n : l->mean;
	for (; i < end; i++) {
		h = (h << 1) + c->gear[p[i]];
		if (!(h & l->strict))
			return i + 1;
	}
	end = n < l->max ? n : l->max;
	for (; i < end; i++) {
		h = (h << 1) + c->gear[p[i]];
		if (!(h & l->loose))
			return i + 1;
	}
	return end;
}

bool
chunk_zero(const uint8_t *p, size_t n)
{
	return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

struct magic {
	uint16_t at;
	uint8_t len;
	char bytes[16];
};

static bool
starts(const uint8_t *head, size_t n, const struct magic *m, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if ((size_t)m[i].at + m[i].len <= n &&
		    memcmp(head + m[i].at, m[i].bytes, m[i].len) == 0)
			return true;
	}
	return false;
}

enum chunk_class
chunk_classify(const uint8_t *head, size_t n, uint64_t size, bool was_grid)
{
	/* changed in place: databases and disk images */
	static const struct magic paged[] = {
		{0, 16, "SQLite format 3"}, /* with its NUL */
		{4, 15, "Standard ACE DB"}, {4, 15, "Standard Jet DB"},
		{0, 4, "QFI\xfb"}, {0, 4, "KDMV"}, {0, 8, "vhdxfile"}, {0, 8, "conectix"},
		{0, 4, "!BDN"}, {4, 4, "\xef\xcd\xab\x89"},
	};
	/* written once, already dense: images, films, archives */
	static const struct magic dense[] = {
		{128, 4, "DICM"}, {0, 3, "\xff\xd8\xff"}, {0, 8, "\x89PNG\r\n\x1a\n"},
		{0, 2, "\x1f\x8b"}, {0, 4, "PK\x03\x04"}, {0, 4, "\x28\xb5\x2f\xfd"},
		{0, 6, "\xfd" "7zXZ"}, {0, 6, "7z\xbc\xaf\x27\x1c"}, {4, 4, "ftyp"},
		{0, 5, "%PDF-"}, {0, 4, "OggS"}, {0, 3, "ID3"}, {0, 3, "BZh"}, {0, 4, "II*"},
		{0, 4, "RIFF"}, {0, 4, "fLaC"}, {0, 4, "\x1a\x45\xdf\xa3"},
	};

	if (size >= CHUNK_WHOLE && (was_grid || starts(head, n, paged, ARRAY_LEN(paged))))
		return CHUNK_CLASS_GRID;
	if (starts(head, n, dense, ARRAY_LEN(dense)))
		return size >= CHUNK_MAX ? CHUNK_CLASS_LARGE : CHUNK_CLASS_DOC;
	/* Files of whole pages are nearly always changed page by page, whatever they are called. */
	if (size >= 1 << 20 && size % 4096 == 0)
		return CHUNK_CLASS_GRID;
	return size >= UINT64_C(1) << 30 ? CHUNK_CLASS_LARGE : CHUNK_CLASS_DOC;
}
