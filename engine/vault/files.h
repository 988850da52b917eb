/* What this machine remembers of a system's previous generation, so that unchanged files are not
 * read again: a sorted list with the inode facts, the place of the data, and when the file was last
 * really read. Local, disposable, and checked by digests frame by frame, so damage costs time, not
 * data. Private to vault. */
#ifndef MAMORI_VAULT_FILES_H
#define MAMORI_VAULT_FILES_H

#include "vault/index.h"

struct ext { /* seg: the index's number; UINT32_MAX: a hole */
	uint32_t seg, off;
	uint64_t len;
};
struct extv {
	struct ext *p; /* owned */
	uint32_t n, cap;
};
/* ext_add(v, seg, off, len, e): Append, merged with the last where they touch. */
MUST int ext_add(struct extv *v, uint32_t seg, uint32_t off, uint64_t len, struct err *e);
void ext_free(struct extv *v);

struct files_entry {
	const char *dir, *name;
	uint64_t ino, size;
	int64_t mtime, ctime; /* nanoseconds */
	int64_t read_at;      /* microseconds: when it was last read in full */
	uint8_t flags;        /* TREE_GRID */
	uint8_t fid[TREE_FID_LEN];
	const struct tree_xattr *xattrs;
	uint32_t nxattrs;
	struct extv ext;
	bool usable; /* reading: every segment is known */
};

struct files_w;
/* files_w_new(f, place, repo, system, started, ix, ret, e): Start the list for a run. */
MUST int files_w_new(const struct fio *f, const struct vault_place *pl,
    const uint8_t repo[FMT_ID_LEN], const char *system, int64_t started, struct index *ix,
    struct files_w **ret, struct err *e);
MUST int files_w_add(struct files_w *w, const struct files_entry *en, struct err *e);
/* files_w_end(w, keep): Finish; ${keep}: it becomes the list for the next run. */
void files_w_end(struct files_w *w, bool keep);

struct files_r;
/* files_r_open(...): The kept list, or NULL in ${ret} when there is none that can be used. */
MUST int files_r_open(const struct fio *f, const struct vault_place *pl,
    const uint8_t repo[FMT_ID_LEN], const char *system, struct index *ix, struct files_r **ret,
    struct err *e);
int64_t files_r_started(const struct files_r *r);
/* files_r_find(r, dir, name): The entry, or NULL; keys must be asked in order. Valid until the next
 * call. */
const struct files_entry *files_r_find(struct files_r *r, const char *dir, const char *name);
/* files_r_seen(r, ret): After the last question: what the list had. False when part of it could not
 * be read. */
struct files_seen {
	uint64_t all;     /* entries */
	uint64_t gone;    /* nobody asked for */
	uint64_t renamed; /* gone, while the same name with an ending more was asked for */
};
bool files_r_seen(struct files_r *r, struct files_seen *ret);
void files_r_close(struct files_r *r);

#endif
