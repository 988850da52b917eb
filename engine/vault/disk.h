/* A copy of a vault on a removable disk that goes into a drawer. Whoever finds the disk learns
 * nothing but its size: below `mamori-disk/` there are only files of equal size whose bytes cannot
 * be told from random ones, and their times are all the same. Names, numbers, the log and the
 * segments lie inside.
 *
 *   mamori-disk/k            4 KiB: the container's id, and its key sealed twice: to the vault's
 *                            recovery point, and under this machine's carry key
 *   mamori-disk/h0, h1       4 KiB each, written in turn: where the catalog is
 *   mamori-disk/cNNN/NNN     chunks of exactly 4 MiB: salt | AES-256-GCM under a key that exists
 *                            for this salt only. The plaintexts end to end are the stream; an
 *                            object in it is found by position and length
 *
 * A chunk is never written over while the catalog that counts needs it, so a disk that is pulled
 * out at any moment holds what it held before. */
#ifndef MAMORI_VAULT_DISK_H
#define MAMORI_VAULT_DISK_H

#include "vault/vault.h"

enum { DISK_ID_LEN = 16, DISK_KEY_LEN = 32 };

struct disk_info {
	uint8_t id[DISK_ID_LEN]; /* of the container, random */
	uint64_t bytes;          /* of the container on the disk */
	uint64_t segments, log_records, generations;
	int64_t newest;          /* time of the newest generation on it, 0: none */
};

struct disk_carry {
	struct disk_info info;
	bool made;               /* the container was begun by this call */
	uint64_t copied, copied_bytes; /* segments that were new to it */
	uint64_t absent;         /* segments of the log that the vault does not hold */
	uint64_t damaged;        /* segments that do not fit the log; not copied */
	/* the keep ledger of the vault (carry) or of the disk (unpack) is missing or cannot be
	 * used; the disk keeps what it has, or what comes out has none */
	bool keep_lost;
	uint64_t proved_bytes;   /* read back from the disk, and held */
	uint8_t first_bad[FMT_ID_LEN]; /* one of those damaged */
};

struct disk_how {
	const struct vault_place *place; /* where this machine's carry key is kept */
	bool prove;              /* read back everything on the disk, not only what is new */
	void (*progress)(void *cookie, uint64_t done, uint64_t all); /* bytes; may be NULL */
	void *cookie;
	const volatile int *cancel; /* may be NULL */
};

/* disk_carry(f, repo, disk, how, ret, e): Bring the copy on the disk (a folder, usually where it is
 * mounted) up to date with the directory repository ${repo}, and read back what was written. No key
 * is needed. May be stopped and called again: what was copied stays. E_AUTH: the disk belongs to
 * another vault or machine; E_NOSPC: too full (nothing was changed), E_SYS: read-only, gone;
 * E_CORRUPT: what was read back is not what was written, the vault's log does not hold, or is not
 * the one on the disk grown longer (nothing was changed). */
MUST int disk_carry(const struct fio *f, const char *repo, const char *disk,
    const struct disk_how *how, struct disk_carry *ret, struct err *e);

/* disk_unpack(f, disk, to, secret, place, ret, e): Make an ordinary directory repository in ${to}
 * (missing or empty) out of the disk, checked by log and hashes. With the recovery key (NULL: with
 * a carry key of this machine). A segment that does not hold is left out and counted in
 * ret->damaged. E_AUTH: not its key. */
MUST int disk_unpack(const struct fio *f, const char *disk, const char *to,
    const uint8_t *secret, const struct vault_place *pl, struct disk_carry *ret, struct err *e);

/* disk_name(f, disk, ret, e): The id of the container in a folder, without any key. E_NOENT: there
 * is none. */
MUST int disk_name(const struct fio *f, const char *disk, uint8_t ret[DISK_ID_LEN],
    struct err *e);

#endif
