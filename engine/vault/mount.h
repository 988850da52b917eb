/* A generation as a folder: a read-only FUSE mount that is usable at once, however large the
 * generation is. Nothing is read before somebody asks for it; what is kept in memory is bounded. */
#ifndef MAMORI_VAULT_MOUNT_H
#define MAMORI_VAULT_MOUNT_H

#include "vault/vault.h"

struct vault_mount_opts {
	bool allow_other; /* others than the mounting user may read, by the recorded permissions */
	unsigned threads; /* 0: eight */
	int stop_fd;      /* the mount ends when this becomes readable; -1: none */
	/* The folder answers. Called once, from a thread of the mount; may be NULL. */
	void (*ready)(void *cookie);
	/* Something cannot be read (damaged, missing, no key): the reader got EIO for that range
	 * only.
	 * ${path} in the generation, bytes. Called from several threads, never at the same time;
	 * once for a path. May be NULL. */
	void (*problem)(void *cookie, const char *path, const char *why);
	void *cookie;
};

/* vault_mount_check(dir, e): Whether ${dir} can be mounted on here: E_NOENT (no such directory, no
 * /dev/fuse, no fusermount3), E_EXIST (the directory is not empty, or is a mount point already),
 * E_AUTH (may not open /dev/fuse). The message says which. */
MUST int vault_mount_check(const char *dir, struct err *e);

/* vault_mount_clear(dir): Take away what a mount left on ${dir} whose server was killed ("transport
 * endpoint is not connected"); anything else is left alone. What cannot be taken away is noticed by
 * vault_mount_check. */
void vault_mount_clear(const char *dir);

/* vault_mount(r, g, dir, o, e): Mount generation ${g} on the empty directory ${dir} and serve it
 * until it is unmounted (fusermount3 -u, umount) or ${o}->stop_fd is readable; then 0. Needs no
 * privilege where fusermount3 is installed. Only the calling user can look inside unless
 * ${o}->allow_other.
 *
 * Every name, content, time, owner, mode, link, device and extended attribute is as recorded; hard
 * links share an inode (the number of links is not known and shown as 1). Whoever holds the key may
 * read everything: permissions are shown, and enforced with allow_other only.
 * E_CORRUPT or E_AUTH when the generation itself cannot be opened, errors of vault_mount_check,
 * E_SYS. */
MUST int vault_mount(VAULT_R *r, const struct vault_generation *g, const char *dir,
    const struct vault_mount_opts *o, struct err *e);

#endif
