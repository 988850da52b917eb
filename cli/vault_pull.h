/* Pull mode: the box reads a share over SMB, NFS or SSH with a read-only account; the source never
 * sees the vault. The share is mounted read-only in STATE/pull by somebody else's program (sshfs,
 * rclone, the kernel), which is started for this one backup and ended with it.
 *
 *   ssh://[USER@]HOST[:PORT]/PATH   smb://[USER@]HOST[:PORT]/SHARE[/PATH]   nfs://HOST/EXPORT
 *
 * The login file holds lines `user = …`, `password = …`, `domain = …`, `key = FILE` (a private SSH
 * key), `host_key = TYPE BASE64` (as in the server's ssh_host_…_key.pub); only its owner may read
 * it. */
#ifndef MAMORI_CLI_VAULT_PULL_H
#define MAMORI_CLI_VAULT_PULL_H

#include <limits.h>
#include <sys/types.h>

#include "cli/cli.h"
#include "ledger/state.h"

struct pull_url {
	enum { PULL_SSH, PULL_SMB, PULL_NFS } kind;
	char user[256], host[256], path[1024]; /* path: without the first slash */
	unsigned port; /* 0: the usual one */
};
/* pull_is(arg): Whether it is an address of another machine. */
bool pull_is(const char *arg);
/* pull_url_get(s, ret, e): A pure function. E_INVAL names what is wrong. */
MUST int pull_url_get(const char *s, struct pull_url *ret, struct err *e);

struct pull_login {
	char user[256], password[256], domain[256], key[1024], host_key[2048];
};
/* pull_login_get(p, n, ret, e): A pure function. E_INVAL names the line. */
MUST int pull_login_get(const char *p, size_t n, struct pull_login *ret, struct err *e);
/* pull_login_read(file, ret, e): E_AUTH: others may read the file. */
MUST int pull_login_read(const char *file, struct pull_login *ret, struct err *e);

struct pull {
	char dir[PATH_MAX]; /* where it is mounted: the path to back up */
	char log[PATH_MAX]; /* what the helper said */
	pid_t pid;          /* the helper, 0: the kernel's mount */
	bool mounted;
};
/* pull_open(st, url, login, ret, e): Mount. E_NOENT: the helper is not installed (the message names
 * the package); E_NET: not reached; E_AUTH: refused. Undone by pull_close. */
MUST int pull_open(const struct state *st, const struct pull_url *url,
    const struct pull_login *login, struct pull *ret, struct err *e);
/* pull_alive(p): Whether the share still answers. */
bool pull_alive(struct pull *p);
void pull_close(struct pull *p);

#endif
