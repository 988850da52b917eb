#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/num.h"
#include "mamori-reaper/reaper.h"

int
reaper_jail(const char *repo, struct jail_report *ret, struct err *e)
{
	char seg[PATH_MAX], log[PATH_MAX], keep[PATH_MAX];
	const struct jail_path paths[] = {
		{repo, JAIL_READ},
		{seg, JAIL_READ | JAIL_WRITE},
		/* the log is not written, but its lock is for those who could */
		{log, JAIL_READ | JAIL_WRITE},
		{keep, JAIL_READ | JAIL_WRITE},
		{"/dev/urandom", JAIL_READ},
	};
	struct jail j = {
		.paths = paths,
		.npaths = ARRAY_LEN(paths),
		.sets = JAIL_S_FILES,
		.max_files = 64,
		.min_level = JAIL_CALLS,
	};
	int n = snprintf(seg, sizeof(seg), "%s/seg", repo);

	if (n < 0 || (size_t)n >= sizeof(seg) - 2)
		return err_set(e, E_INVAL, "the path is too long");
	(void)snprintf(log, sizeof(log), "%s/log", repo);
	(void)snprintf(keep, sizeof(keep), "%s/keep", repo);
	/* As a user of its own it reaches the files of the vault's owner by this right alone, which
	 * systemd gives it; it is worth that only where the kernel limits it to these paths. */
	if (geteuid() != 0 && getenv("MAMORI_REAPER_UNIT")) {
		j.keep_caps = UINT64_C(1) << CAP_DAC_OVERRIDE;
		j.min_level = JAIL_PATHS;
	}
	return jail_enter(&j, ret, e);
}
