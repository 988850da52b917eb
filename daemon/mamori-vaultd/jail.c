/* The jail of mamori-vaultd: the folder with the repositories, the time zone, no program, no new
 * connection to anywhere. */
#include "base/num.h"
#include "mamori-vaultd/vaultd.h"

int
vaultd_jail(struct vaultd *v, struct err *e)
{
	const struct jail_path paths[] = {
		{v->root, JAIL_READ | JAIL_WRITE},
		{"/etc/localtime", JAIL_READ},
		{"/usr/share/zoneinfo", JAIL_READ},
		{"/proc/sys/kernel/random/boot_id", JAIL_READ}, /* the compliance clock */
		{"/dev/urandom", JAIL_READ},
		{"/dev/null", JAIL_READ | JAIL_WRITE},
	};
	const struct jail j = {
		.paths = paths,
		.npaths = ARRAY_LEN(paths),
		.sets = JAIL_S_FILES | JAIL_S_SERVE | JAIL_S_THREADS,
		.max_files = 4096,
		.min_level = JAIL_CALLS,
	};

	return jail_enter(&j, &v->jail, e);
}
