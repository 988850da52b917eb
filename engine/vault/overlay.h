/* Serve first, hydrate after: a generation as a writable folder that is usable at once, while its
 * data flows onto the local disk behind it.
 *
 * OVERLAY/ holds `data`, an ordinary folder, and `journal`, which says what of it is not there
 * yet. A folder of the generation is filled with its names when somebody first looks into it; a
 * file begins as a hole of its full size, and a piece of it is fetched from the vault when
 * somebody first needs it. What is written goes to `data` alone; the vault is only ever read.
 * Meanwhile everything else is fetched in the background, what was touched last first. When all
 * has arrived, `data` is an ordinary folder that needs neither this program nor the vault.
 *
 * After `kill -9` or loss of power at any instruction the next vault_overlay on the same OVERLAY
 * goes on: what an application had synced (fsync) is as it left it, what it had not synced is old
 * or new piece by piece, as with any file system. */
#ifndef MAMORI_VAULT_OVERLAY_H
#define MAMORI_VAULT_OVERLAY_H

#include "vault/vault.h"

struct vault_overlay_state {
	uint8_t repo[FMT_ID_LEN], gen[FMT_ID_LEN];
	uint64_t files_left; /* known and not whole yet */
	uint64_t bytes_left; /* of those */
	uint64_t bytes_here; /* fetched or overwritten so far */
	uint64_t dirs_left;  /* folders nobody has looked into yet */
	uint64_t damaged;    /* files with a piece that the vault cannot give */
	bool complete;
};

struct vault_overlay_opts {
	const char *path; /* show only this folder of the generation; NULL: everything */
	bool allow_other; /* others than the mounting user, by the recorded permissions */
	bool lazy;        /* fetch only what is asked for */
	unsigned threads; /* 0: eight */
	int stop_fd;      /* ends when this becomes readable; -1: none */
	/* The folder answers. Called once; may be NULL. */
	void (*ready)(void *cookie);
	/* Something cannot be read from the vault (damaged, missing): whoever reads it gets
	 * EIO, and the overlay never calls itself complete. ${path} in the generation. May be
	 * NULL. */
	void (*problem)(void *cookie, const char *path, const char *why);
	/* About once a second while data flows, and once at the end. May be NULL. */
	void (*progress)(void *cookie, const struct vault_overlay_state *st);
	void *cookie;
};

/* vault_overlay(r, g, dir, overlay, o, e): Show generation ${g} on the empty directory ${dir}, with
 * ${overlay} (made when missing, else continued) holding what has arrived. Returns 0 when it was
 * unmounted or told to stop; everything that arrived is durable then. E_EXIST: ${overlay} holds
 * something else, or another generation (the message says which); E_BUSY: somebody serves it now;
 * E_NOENT: no such ${path}; errors of vault_mount. */
MUST int vault_overlay(VAULT_R *r, const struct vault_generation *g, const char *dir,
    const char *overlay, const struct vault_overlay_opts *o, struct err *e);

/* vault_overlay_look(overlay, ret, e): How far an overlay is; may be asked while it is served (then
 * it is at most two seconds old). E_NOENT: that is no overlay; E_CORRUPT. */
MUST int vault_overlay_look(const char *overlay, struct vault_overlay_state *ret, struct err *e);

/* vault_overlay_finish(overlay, to, e): Turn a complete overlay that nobody serves into the
 * ordinary folder ${to} (a name on the same file system that is not there yet). E_BUSY: it is
 * being served; E_INVAL: not complete; E_EXIST. */
MUST int vault_overlay_finish(const char *overlay, const char *to, struct err *e);

#endif
