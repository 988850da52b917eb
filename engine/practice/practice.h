/* The practice hospital: a made-up hospital of 120 beds as a folder of files, for trials,
 * rehearsals and tests. A pure function of seed, size and day: the same three give the same bytes,
 * whatever the steps in between.
 *
 *   ssmix2/ SS-MIX2 standardised storage   images/ DICOM   database/ page file and SQLite
 *   scans/ PDF   office/ CSV, text, docx, xlsx, odd names   truth/ what is true, for tests
 *   practice.json seed, size, day
 *
 * Every name begins with 仮 and every address is in 99丁目. Nothing here protects anything. */
#ifndef MAMORI_PRACTICE_PRACTICE_H
#define MAMORI_PRACTICE_PRACTICE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define PRACTICE_SIZE_MIN (UINT64_C(16) << 20)
#define PRACTICE_SIZE_USUAL (UINT64_C(50) << 20)
#define PRACTICE_SIZE_MAX (UINT64_C(1) << 40)
enum { PRACTICE_DAY_MAX = 3650, PRACTICE_SEED_USUAL = 20260401 };

/* practice_progress: What is being made ("ssmix2", "images" ...) and how much of it. Return false
 * to stop; the folder can be finished by another call. */
typedef bool practice_progress(void *ctx, const char *what, uint64_t files, uint64_t bytes);

struct practice_wish {
	const char *dir; /* made if missing */
	bool has_size, has_seed, has_day;
	uint64_t size; /* of day 0, about; only for a new folder */
	uint64_t seed; /* only for a new folder */
	uint32_t day;  /* move to this day; without it a new folder gets day 0, an old one stays */
	practice_progress *progress; /* may be NULL */
	void *ctx;
};

struct practice_report {
	uint64_t size, seed;
	uint32_t day;
	uint64_t files, bytes;         /* the whole folder, without practice.json */
	uint64_t new_files, new_bytes; /* written by this call */
	uint32_t patients, beds, inpatients;
};

/* practice_run(w, ret, e): Make or move forward. E_INVAL: a size or seed other than the folder's,
 * an earlier day, a day before that of an interrupted call; E_EXIST: the folder holds something
 * else; E_PROTO: made by a newer program; E_CORRUPT: a damaged practice.json; E_CANCEL, E_NOSPC,
 * E_SYS, E_NOMEM. After any failure the call may be repeated. */
MUST int practice_run(const struct practice_wish *w, struct practice_report *ret, struct err *e);

/* How a size is spent: pure. */
struct practice_plan {
	uint32_t patients, visits;
	int32_t first; /* first simulated day, < 0 */
	uint64_t images, database, scans, office; /* bytes on day 0 */
};
void practice_plan(uint64_t size, struct practice_plan *ret);

#endif
