/* Parity over closed segments (Reed-Solomon, 16 + 2), in files of their own, best on another
 * device: of sixteen segments and their two parity files any two may be lost, and any pages damaged
 * as long as no page is lost in more than two of the eighteen at the same place. Nobody needs a
 * key: what is right is told by the hashes over sealed pages and the roots in the log.
 *
 * Segments are grouped by size class (full ones; others by powers of two) in the order of the log,
 * so that padding stays small; the last group of a class has fewer than sixteen members and is made
 * anew when more arrive. A group that lost members because they were removed on purpose (keep.h) is
 * made anew with those that are left: what is gone can help nobody. */
#ifndef MAMORI_VAULT_PARITY_H
#define MAMORI_VAULT_PARITY_H

#include "vault/vault.h"

enum { PARITY_DATA = 16, PARITY_MORE = 2 };

struct parity_report {
	uint64_t groups, made; /* all; those whose files were made or made anew */
	uint64_t segments;     /* covered */
	uint64_t removed;      /* of the log, on purpose: nothing to cover */
	uint64_t dropped;      /* files that went because newer ones say more */
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
 * in the folder ${to} (made if missing) up to date. A file goes only after all that it covers is
 * covered by newer ones, durably. E_NOSPC, E_SYS, E_CANCEL: what was there stays, and the next run
 * goes on. */
MUST int parity_make(const struct fio *f, const char *repo, const char *to,
    const struct parity_how *how, struct parity_report *ret, struct err *e);

/* How well parity covers what is there, without reading a segment. */
struct parity_cover {
	uint64_t segments; /* that are not removed */
	uint64_t full;     /* two more may be lost of what covers them */
	uint64_t weak;     /* less: members were removed, or a parity file is missing or cut */
	uint64_t none;     /* no parity file knows them: newer than the last run */
};
/* parity_look(f, repo, dir, ret, e): E_NOENT: there is no such folder, or no parity file of this
 * repository in it. */
MUST int parity_look(const struct fio *f, const char *repo, const char *dir,
    struct parity_cover *ret, struct err *e);

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
 * what can be put right: first page by page from the second copy, then by parity. Segments that
 * were removed on purpose are neither missed nor brought back. A repaired segment is checked
 * against the log's root before it gets its name; the damaged file is kept in `damaged/`. 0 also
 * when something stays lost. */
MUST int parity_repair(const struct fio *f, const char *repo, const struct repair_how *how,
    struct repair_report *ret, struct err *e);

#endif
