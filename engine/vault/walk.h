/* Walking the tree of a generation, and finding one entry by its path. */
#ifndef MAMORI_VAULT_WALK_H
#define MAMORI_VAULT_WALK_H

#include "vault/vault.h"

/* A walk holds one block at a time. One thread; any number of walks at once. */
struct walk;
MUST int walk_new(VAULT_R *r, const struct vault_gen *g, struct walk **ret, struct err *e);
void walk_free(struct walk *w); /* NULL is fine */
/* walk_block(w, i, e): Go to the beginning of block ${i}. Checks that it is the block that the
 * manifest means. E_NOENT, E_CORRUPT, E_AUTH. */
MUST int walk_block(struct walk *w, uint32_t i, struct err *e);
/* walk_next(w, ret, e): 1 and the next entry of the block (views valid until the next call), 0 at
 * its end, E_CORRUPT. */
MUST int walk_next(struct walk *w, struct tree_entry *ret, struct err *e);
/* walk_find(w, dir, name, ret, e): The entry with exactly this key. E_NOENT. */
MUST int walk_find(struct walk *w, const char *dir, const char *name, struct tree_entry *ret,
    struct err *e);
/* walk_ctx(w): Its reading context, for the data of entries. */
struct vault_ctx *walk_ctx(struct walk *w);

/* walk_inside(top, path, n): Whether the ${n} bytes are ${top} or below it; "" holds everything. */
bool walk_inside(const char *top, const char *path, size_t n);
/* walk_split(path, ret_name): The length of the directory part; the name begins at ${ret_name}. */
size_t walk_split(const char *path, const char **ret_name);

/* walk_resolve(m, path, ret, ret_n, e): What a person means by a path: an absolute path as it was
 * on the machine (also one above several sources), or a path of the tree. One or more tree paths,
 * NUL-terminated; ${ret} is freed with walk_resolve_free. Does not look whether they exist.
 * E_NOENT: nothing was backed up there; E_INVAL. */
MUST int walk_resolve(const struct tree_manifest *m, const char *path, char ***ret, size_t *ret_n,
    struct err *e);
void walk_resolve_free(char **paths, size_t n);

#endif
