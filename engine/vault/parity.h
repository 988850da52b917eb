/* Parity over closed segments (Reed-Solomon, 16 + 2), in files of their own, best on another
 * device: of sixteen segments and their two parity files any two may be lost, and any pages damaged
 * as long as no page is lost in more than two of the eighteen at the same place. Nobody needs a
 * key: what is right is told by the hashes over sealed pages and the roots in the log.
 *
 * Segments are grouped by size class (full ones; others by powers of two) in the order of the log,
 * so that padding stays small; the last group of a class has fewer than sixteen members and is made
 * anew when more arrive. */
#ifndef MAMORI_VAULT_PARITY_H
#define MAMORI_VAULT_PARITY_H

#include "vault/vault.h"

enum { PARITY_DATA = 16, PARITY_MORE = 2 };

struct parity_report {
	uint64_t groups, made; /* all; those whose files were made or made anew */
	uint64_t segments;     /* covered */
	uint64_t absent;       /* in the log and not in the vault: not covered */
	uint64_t damaged;      /* a group with damage keeps what it has; repair first */
	uint64_t bytes, parity_bytes;
	bool same_device;      /* as the vault: no help when the disk dies */
};

struct parity_how {
	void (*progress)(void *cookie, uint64_t done, uint64_t all); /* groups; may be NULL */
	void *cookie;
	const volatile int *cancel; /* may be NULL */
};

/* parity_make(f, repo, to, how, ret, e): Bring the parity files of the directory repository ${repo}
 * in the folder ${to} (made if missing) up to date. E_NOSPC, E_SYS, E_CANCEL: what was there
 * stays. */
MUST int parity_make(const struct fio *f, const char *repo, const char *to,
    const struct parity_how *how, struct parity_report *ret, struct err *e);

struct repair_report {
	uint64_t looked, whole;
	uint64_t repaired;          /* segments */
	uint64_t from_copy, from_parity; /* pages taken from the second copy; computed */
	uint64_t lost;              /* segments that could not be repaired */
	uint8_t first_lost[FMT_ID_LEN];
};
struct repair_how {
	const char *parity;         /* folder of parity files, or NULL */
	const char *copy;           /* a second copy (path or address), or NULL */
	const struct vault_place *place; /* for an address */
	void (*progress)(void *cookie, uint64_t done, uint64_t all); /* segments; may be NULL */
	void *cookie;
	const volatile int *cancel;
};
/* parity_repair(f, repo, how, ret, e): Look at every byte of the directory repository and put right
 * what can be put right: first page by page from the second copy, then by parity. A repaired
 * segment is checked against the log's root before it gets its name; the damaged file is kept in
 * `damaged/`. 0 also when something stays lost. */
MUST int parity_repair(const struct fio *f, const char *repo, const struct repair_how *how,
    struct repair_report *ret, struct err *e);

#endif
