/* The folder of the practice hospital: writes files with the times of the simulation. Everything
 * here can be made again from the seed, so nothing is synced; only the state file is durable. Each
 * call may be repeated after an interruption with the same outcome. */
#ifndef MAMORI_PRACTICE_TREE_H
#define MAMORI_PRACTICE_TREE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "sys/fio.h"

struct tree {
	const struct fio *f;
	int fd;             /* the folder */
	uint64_t files;     /* written so far */
	uint64_t bytes;
};

/* tree_put(t, path, p, n, stamp, e): The file ${path} (its folders are made) holds these bytes and
 * was last changed at ${stamp}. Counts one new file. E_NOSPC, E_SYS. */
MUST int tree_put(struct tree *t, const char *path, const void *p, size_t n, int64_t stamp,
    struct err *e);
/* tree_open(t, path, flags, e): A descriptor of a file in the tree, its folders made; the caller
 * closes it through t->f. */
MUST int tree_open(struct tree *t, const char *path, int flags, struct err *e);
/* tree_mkdirs(t, path, e): All folders above the last slash of ${path}. */
MUST int tree_mkdirs(struct tree *t, const char *path, struct err *e);
/* tree_touch(t, fd, stamp, e): Set the time of an open file. */
MUST int tree_touch(struct tree *t, int fd, int64_t stamp, struct err *e);
/* tree_rename(t, from, to, e): Fine when ${from} is gone and ${to} is there already. */
MUST int tree_rename(struct tree *t, const char *from, const char *to, struct err *e);

/* tree_count(t, files, bytes, e): Regular files in the whole folder but practice.json, and the sum
 * of their lengths. */
MUST int tree_count(const struct tree *t, uint64_t *files, uint64_t *bytes, struct err *e);

#endif
