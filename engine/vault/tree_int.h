/* What the files tree*.c share: the layout of a block and the rules of names. Not for use
 * elsewhere.
 *
 * block:  u8 version | var segments | segments * 16 bytes | var entries | entry*
 * entry:  u8 head    bits 0-3 type, then HEAD_*
 *         dir        unless HEAD_SAME_DIR: var bytes shared with the previous one, blob rest
 *         name       var bytes shared with the previous one, blob rest
 *         owner      unless HEAD_SAME_OWNER: var mode, var uid, var gid
 *         mtime      zigzag var seconds after the previous entry's, var nanoseconds
 *         flags      u8 when HEAD_FLAGS
 *         by type    file: var size, fid[16], var extents, extent*
 *                    symlink, hard link: blob target     device: var rdev
 *         xattrs     when HEAD_XATTRS: var count, (blob name, blob value)*
 * extent: var (length << EXT_SHIFT | kind), or when the length is a multiple of 4 KiB, kind with
 *         EXT_PAGES and the length in such pages; EXT_AT is followed by var segment, var offset;
 *         EXT_LONG (a hole of 2^60 bytes or more) alone, then var length */
#ifndef MAMORI_VAULT_TREE_INT_H
#define MAMORI_VAULT_TREE_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "vault/tree.h"

enum {
	TREE_BLOCK_VERSION = 1,
	TREE_MANIFEST_VERSION = 1,

	HEAD_TYPE = 0x0f,
	HEAD_SAME_DIR = 0x10,
	HEAD_SAME_OWNER = 0x20,
	HEAD_XATTRS = 0x40,
	HEAD_FLAGS = 0x80,

	EXT_HOLE = 0,
	EXT_NEXT = 1, /* goes on where the previous piece ended */
	EXT_AT = 2,
	EXT_LONG = 3,
	EXT_KIND = 3,
	EXT_PAGES = 4,
	EXT_SHIFT = 3,
	EXT_PAGE = 4096,

	TREE_ALL_FLAGS = TREE_CHANGED | TREE_UNREADABLE | TREE_GRID,
	TREE_MODE_BITS = 07777,
	/* Space of one entry, so that a block that was not full always takes it. */
	TREE_MAX_ENTRY = (15 << 20) - 64,
	TREE_MAX_TARGET = TREE_MAX_PATH + 1 + TREE_MAX_NAME,
};

#define EXT_LONG_MIN (UINT64_C(1) << 60)

static inline uint64_t
tree_zigzag(int64_t v)
{
	return (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0);
}

static inline int64_t
tree_unzigzag(uint64_t v)
{
	return (int64_t)(v >> 1 ^ (v & 1 ? UINT64_MAX : 0));
}

/* tree_name_ok(p, n): Whether ${n} bytes may be a name. */
bool tree_name_ok(const char *p, size_t n);
/* tree_path_ok(p, n, from): Whether ${n} bytes may be a path, looking only at the components that
 * reach past byte ${from}. "" is one. */
bool tree_path_ok(const char *p, size_t n, size_t from);

#endif
