/* The book of removable disks: which one, where it lies, what it holds, and whether it is plugged
 * in just now. */
#ifndef MAMORI_CLI_DISK_BOOK_H
#define MAMORI_CLI_DISK_BOOK_H

#include "cli/cli_state.h"
#include "cli/cli_vault.h"
#include "db/db.h"
#include "vault/disk.h"

struct disk_row {
	char id[2 * DISK_ID_LEN + 1];
	char label[200], lies[400], serial[100], uuid[100], path[4096], repo[4096];
	json_t *systems; /* owned */
	int64_t bytes, copied_at, proved_at;
	bool attached;   /* as of now */
	bool found;
};

void disk_row_free(struct disk_row *d);
/* disk_book_get(db, what, ret, e): By id, its leading digits, or label. E_NOENT, E_INVAL. */
MUST int disk_book_get(struct db *db, const char *what, struct disk_row *ret, struct err *e);
/* disk_book_each(db, fn, cookie, e): All, by label. */
typedef int disk_book_fn(struct disk_row *d, void *cookie, struct err *e);
MUST int disk_book_each(struct db *db, disk_book_fn *fn, void *cookie, struct err *e);
/* disk_book_put(db, d, now, e): Enter or change. */
MUST int disk_book_put(struct db *db, const struct disk_row *d, int64_t now, struct err *e);
/* disk_device(path, d): Serial number and file system's id of the device below a path, as far as
 * the machine tells. */
void disk_device(const char *path, struct disk_row *d);
/* disk_attached(d): Whether a disk is plugged in: its container is where it was last, or on any
 * mounted file system, or its file system is there without being mounted. */
bool disk_attached(const struct disk_row *d);

#endif
