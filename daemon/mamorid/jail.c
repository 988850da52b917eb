/* mamorid's jail: its state directory and the time zone, no program, no new connection to anywhere.
 * The runner (runner.c) was forked before and is not inside. */
#include "base/num.h"
#include "mamorid/mamorid.h"

int
mamorid_jail(struct mamorid *m, struct err *e)
{
	const struct jail_path paths[] = {
		{m->state_path, JAIL_READ | JAIL_WRITE},
		{"/etc/localtime", JAIL_READ},
		{"/usr/share/zoneinfo", JAIL_READ},
		{"/dev/urandom", JAIL_READ},
		{"/dev/null", JAIL_READ | JAIL_WRITE},
	};
	const struct jail j = {
		.paths = paths,
		.npaths = ARRAY_LEN(paths),
		.sets = JAIL_S_FILES | JAIL_S_SERVE | JAIL_S_UNIX | JAIL_S_THREADS,
		.max_files = 512,
		/* a kernel without Landlock still gets the other layers; the log says which */
		.min_level = JAIL_CALLS,
	};

	return jail_enter(&j, &m->jail, e);
}
