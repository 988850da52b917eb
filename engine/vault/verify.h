/* Whether a repository is what it should be. Three depths:
 *
 *   structure  no key: the log (chain, every signature), every segment of the log there with its
 * exact size, header, hashes and footer as the log's root says data       no key: also the hash of
 * every page deep       with the recovery key: also every group decrypted and decompressed, every
 * chunk's id, every list of files, every file's digest
 *
 * An error does not end the run. Each names what it touches: segment, page, generations, and with a
 * key systems and files. Nothing is ever changed. */
#ifndef MAMORI_VAULT_VERIFY_H
#define MAMORI_VAULT_VERIFY_H

#include "ledger/ledger.h"
#include "vault/vault.h"

enum verify_depth { VERIFY_STRUCTURE, VERIFY_DATA, VERIFY_DEEP };

struct vault_verify_opts {
	enum verify_depth depth;
	const uint8_t *secret;           /* as in struct vault_open */
	const struct vault_place *place;
	const struct ledger_head
	    *at_least; /* a head remembered earlier; finds a roll-back. NULL: none */
	unsigned threads; /* 0: one per processor */
	void (*progress)(void *cookie, uint64_t done, uint64_t all); /* bytes; may be NULL */
	void *cookie;
	const volatile int *cancel; /* may be NULL */
};

enum { VERIFY_MAX_ERRORS = 1000, VERIFY_MAX_FILES = 200 };

struct verify_error {
	bool has_seg;
	uint8_t seg[FMT_ID_LEN];
	uint32_t number; /* of the segment in the log */
	int64_t page;  /* -1: not one page */
	uint64_t from, to; /* of the segment's content, when that much is known; else 0, 0 */
	char why[240]; /* English, for people */
	/* all owned */
	uint8_t (*gens)[FMT_ID_LEN]; /* generations that need it */
	size_t ngens;
	char **systems; /* their names, each once; none without a key */
	size_t nsystems;
	char **files; /* paths in the tree; the first VERIFY_MAX_FILES */
	size_t nfiles;
	uint64_t files_all; /* how many there are; 0 without a key */
};

struct vault_verify_report {
	bool ok;
	uint64_t nerrors;
	struct verify_error *errors; /* the first VERIFY_MAX_ERRORS, in the order of the log */
	size_t nlisted;
	uint64_t log_records, segments, pages, bytes; /* looked at */
	uint64_t chunks, files, generations;          /* deep */
	uint64_t strays; /* files in seg/ that the log does not know: unfinished work, no error */
	uint64_t unchecked; /* segments for which there is no key (deep, from a place) */
	struct ledger_head head;
};

/* vault_verify(f, path, o, ret, e): 0 with ret->ok true or false; ${ret} is freed with
 * vault_verify_report_free in every case. Negative only when it could not be looked at: E_NOENT,
 * E_PROTO (not a repository, newer format), E_AUTH (not its key), E_CANCEL, E_NOMEM. */
MUST int vault_verify(const struct fio *f, const char *path, const struct vault_verify_opts *o,
    struct vault_verify_report *ret, struct err *e);
void vault_verify_report_free(struct vault_verify_report *rep);

#endif
