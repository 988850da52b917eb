/* What the files overlay*.c share. Private to vault.
 *
 * overlay.c       opening, continuing, ending
 * overlay_log.c   the journal: what is not there yet
 * overlay_fill.c  the names of a folder
 * overlay_data.c  pieces of files
 * overlay_flow.c  the background
 * overlay_fs.c    requests of the kernel
 *
 * Locks, taken in this order and none twice: fill (one folder is filled at a time), a stripe (one
 * file's pieces), state (tables and counters), log (bytes for the journal). */
#ifndef MAMORI_VAULT_OVERLAY_INT_H
#define MAMORI_VAULT_OVERLAY_INT_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "base/map.h"
#include "vault/mount_int.h"
#include "vault/overlay.h"

enum {
	OV_BLOCK = 128 << 10, /* a piece: what the vault decompresses at once */
	OV_STRIPES = 64,
	OV_HOT = 1024,        /* touched files that wait for the background */
	OV_MAX = 64 << 20,    /* files and folders of one overlay */
	OV_REC = 40,          /* bytes of a journal record */
	OV_HEAD = 64,
};

enum ov_type {
	OV_FILE = 1, /* ino, place in the generation, size: nothing of it is here */
	OV_HAVE,     /* ino, first piece, count: these are */
	OV_WHOLE,    /* ino: all of it is; or it is gone */
	OV_DIR,      /* ino, place: its names are not here */
	OV_FILLED,   /* ino: they are */
	OV_TOUCHED,  /* ino: written by an application, so its time is its own */
	OV_LOST,     /* ino: the vault cannot give a piece of it */
};

struct ov_rec {
	enum ov_type type;
	uint64_t ino, a, b;
};

/* A file of which something is missing. */
struct ov_file {
	uint64_t ino;   /* of the local file */
	uint64_t place; /* of the entry in the generation (mtree_ino) */
	uint64_t size;  /* bytes from the beginning that come from the generation */
	uint32_t n, have; /* pieces */
	uint8_t *bits;  /* pieces here; NULL: none */
	uint8_t *safe;  /* pieces the journal knows of, likewise */
	unsigned refs;
	bool touched, lost;
	atomic_bool gone, unsafe; /* bits has what safe has not */
};

struct ov_dir {
	uint64_t ino, place;
};

struct overlay {
	VAULT_R *r;
	const struct vault_generation *g;
	const struct vault_overlay_opts *o;
	const struct fio *f;
	struct mtree *tree;
	struct mread *read;
	int topfd, datafd, logfd;
	uint64_t log_len;
	struct buf log_new; /* records not written yet */
	pthread_mutex_t fill, state, log, stripe[OV_STRIPES];
	struct map files, dirs; /* by inode number; a value may be ov_none */
	uint64_t nfiles, left, here, ndirs, nlost;
	char *root;             /* path of the folder shown, in the generation */
	bool is_root;           /* this process may give files to others */
	bool whole;             /* the journal's last word */

	/* the background */
	pthread_cond_t wake;
	struct ov_hot {
		struct ov_file *file;
		int fd;
	} hot[OV_HOT];
	size_t nhot;
	atomic_uint foreground; /* requests that wait for the vault now */
	atomic_bool stop;
	pthread_t flow, saver;
	bool flowing, saving;
};

extern struct ov_file ov_none; /* "was here once" in a table that only grows */

/* ---- overlay_log.c ---- */
/* ov_rec_put / ov_rec_get: Pure codecs. ${seq} is the record's number; a record moved or torn does
 * not hold. ov_rec_get: false when it does not. */
void ov_rec_put(const struct ov_rec *r, uint64_t seq, uint8_t out[OV_REC]);
bool ov_rec_get(const uint8_t p[OV_REC], uint64_t seq, struct ov_rec *ret);
void ov_head_put(const uint8_t repo[FMT_ID_LEN], const uint8_t gen[FMT_ID_LEN],
    uint8_t out[OV_HEAD]);
MUST int ov_head_get(const uint8_t p[OV_HEAD], uint8_t repo[FMT_ID_LEN], uint8_t gen[FMT_ID_LEN],
    struct err *e);
/* ov_note(ov, type, ino, a, b, e): A record for the next ov_log_sync. */
MUST int ov_note(struct overlay *ov, enum ov_type type, uint64_t ino, uint64_t a, uint64_t b,
    struct err *e);
/* ov_log_sync(ov, e): Make all notes durable. */
MUST int ov_log_sync(struct overlay *ov, struct err *e);
/* ov_log_load(ov, e): Read the journal into the tables; cuts a torn end off. */
MUST int ov_log_load(struct overlay *ov, struct err *e);
/* ov_save_file(ov, f, fd, e): fdatasync ${fd} and make what is here of ${f} known to the journal.
 * ${f} may be NULL. */
MUST int ov_save_file(struct overlay *ov, struct ov_file *f, int fd, struct err *e);
/* ov_save_all(ov, e): The same for everything. */
MUST int ov_save_all(struct overlay *ov, struct err *e);

/* ---- overlay_fill.c ---- */
/* ov_fill_fd(ov, fd, e): Make the names of the local folder ${fd} be there. */
MUST int ov_fill_fd(struct overlay *ov, int fd, struct err *e);
/* ov_fill_path(ov, path, e): Those of the folder ${path} below data. */
MUST int ov_fill_path(struct overlay *ov, const char *path, struct err *e);
/* ov_dir_add(ov, ino, place, e): A new local folder whose names are not here. */
MUST int ov_dir_add(struct overlay *ov, uint64_t ino, uint64_t place, struct err *e);

/* ---- overlay_data.c ---- */
struct ov_file *ov_file_get(struct overlay *ov, uint64_t ino); /* referenced, or NULL: whole */
void ov_file_put(struct overlay *ov, struct ov_file *f);       /* NULL is fine */
MUST int ov_file_add(struct overlay *ov, uint64_t ino, uint64_t place, uint64_t size,
    struct err *e);
/* ov_file_gone(ov, ino): Its last name was removed. */
void ov_file_gone(struct overlay *ov, uint64_t ino);
/* ov_need(ov, f, fd, off, n, e): Make the pieces around these bytes be here. */
MUST int ov_need(struct overlay *ov, struct ov_file *f, int fd, uint64_t off, uint64_t n,
    struct err *e);
/* ov_write(ov, f, fd, p, n, off): As pwrite; f may be NULL. -errno on failure. */
ssize_t ov_write(struct overlay *ov, struct ov_file *f, int fd, const void *p, size_t n,
    uint64_t off);
/* ov_resize(ov, f, fd, size): As ftruncate. -errno. */
int ov_resize(struct overlay *ov, struct ov_file *f, int fd, uint64_t size);
/* ov_touch(ov, f): The application changed it. */
void ov_touch(struct overlay *ov, struct ov_file *f);
/* ov_open_rw(dirfd, name): A descriptor for fetching into a file, whatever its permissions. */
int ov_open_rw(int dirfd, const char *name);
void ov_report(struct overlay *ov, const struct ov_file *f, const char *why);

/* ---- overlay_flow.c ---- */
MUST int ov_flow_start(struct overlay *ov, struct err *e);
void ov_flow_stop(struct overlay *ov);
/* ov_flow_hot(ov, f, fd): ${f} was opened: fetch the rest of it soon. */
void ov_flow_hot(struct overlay *ov, struct ov_file *f, int fd);
void ov_state(struct overlay *ov, struct vault_overlay_state *ret);

/* ---- overlay_fs.c ---- */
struct fuse_operations;
extern const struct fuse_operations ov_ops;

/* ---- mount.c ---- */
struct fuse_session;
MUST int mount_serve(struct fuse_session *se, const char *dir, unsigned threads, int stop_fd,
    void (*ready)(void *cookie), void *cookie, struct err *e);

#endif
