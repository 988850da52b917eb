/* Drills: proving on a copy that the vault gives everything back.
 *
 * The ransomware drill copies the newest generations into a private folder, damages that copy the
 * way ransomware does, gives everything back from the vault into a fresh folder and compares every
 * byte. The restore drill gives back some files, or one whole system, and recomputes their digests.
 * Neither touches the source, the vault, or anything outside STATE/drill. */
#ifndef MAMORI_VAULT_DRILL_H
#define MAMORI_VAULT_DRILL_H

#include "vault/vault.h"

enum drill_step {
	DRILL_COPY,
	DRILL_DAMAGE,
	DRILL_FIRST,
	DRILL_RESTORE,
	DRILL_COMPARE,
	DRILL_STEPS,
};

enum { DRILL_MAX_SYSTEMS = 64, DRILL_WHY = 300 };

struct drill_opts {
	const struct fio *f;
	int statefd;
	const char *state;       /* its path */
	const char *repo;        /* the repository's path */
	struct vault_open open;  /* with which key */
	const char *system;      /* one system's name; NULL: all */
	uint64_t max_bytes;      /* ransomware: at most this much data, 0: what fits the disk */
	uint32_t files;          /* restore: how many files, 0: 50 */
	bool whole;              /* restore: a whole system; ${system} is given */
	bool keep;               /* leave the folder for looking at */
	uint64_t seed;           /* chooses files and damage */
	void (*progress)(void *cookie, enum drill_step step, uint64_t done, uint64_t total);
	void *cookie;
	const volatile int *cancel; /* may be NULL */
};

struct drill_system {
	char name[256];
	uint8_t generation[FMT_ID_LEN];
	int64_t at;
	uint64_t files, bytes, lost;
};

struct drill_report {
	bool ok;             /* nothing lost, nothing different */
	uint64_t files;      /* regular files compared */
	uint64_t bytes;      /* of them */
	uint64_t others;     /* folders, links and special files compared */
	uint64_t damaged;    /* files of the copy that the drill damaged */
	uint64_t lost;       /* files whose bytes did not come back */
	uint64_t different;  /* entries whose name came back but not its times, rights or kind */
	uint64_t from_source; /* files whose reference was read from the machine itself */
	uint64_t left_out; /* files not taken: path too long, over the size, unread in the backup */
	double first_chart_seconds; /* from nothing opened to the first chart's bytes */
	double seconds;      /* from nothing opened to everything back */
	char chart[512];     /* the path of that chart; bytes */
	char why[DRILL_WHY]; /* the first thing that was wrong, "" when ok */
	char folder[512];    /* where the copies are, with ${keep} */
	bool reduced;        /* less than everything, because of the disk or ${max_bytes} */
	size_t nsystems;
	struct drill_system systems[DRILL_MAX_SYSTEMS];
};

/* drill_ransomware(o, ret, e): 0 when the drill was done, whatever its result: look at ret->ok.
 * E_NOENT: no generation (of that system); E_AUTH: the key does not open it; E_NOSPC; E_CANCEL;
 * E_SYS: among others a kernel without openat2 (before 5.6), where the guards cannot be kept. */
MUST int drill_ransomware(const struct drill_opts *o, struct drill_report *ret, struct err *e);

/* drill_restore(o, ret, e): The same for the restore drill; ret->lost counts the files whose bytes
 * are not those of the backup, by digest or size. */
MUST int drill_restore(const struct drill_opts *o, struct drill_report *ret, struct err *e);

#endif
