/* An overlay's life: made or continued, served, ended.
 * allow-files: renames a whole folder at the very end */
#define FUSE_USE_VERSION 312
#include "vault/overlay_int.h"

#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { THREADS = 8, NOTES_MAX = 256 << 20, CLAIM_MS = 10000 };

/* ---- on the disk ---- */

/* claim(ov, e): Nobody else may serve it; the lock goes with the descriptor. A server that was just
 * told to end makes everything durable first, so this waits for a moment. */
static int
claim(struct overlay *ov, struct err *e)
{
	for (int ms = 0; ms < CLAIM_MS; ms += 50) {
		if (flock(ov->logfd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK)
			break;
		(void)usleep(50000);
	}
	return errno == EWOULDBLOCK ?
	    err_set(e, E_BUSY, "this overlay is being served now") :
	    err_sys(e, "the overlay's journal");
}

static int
same_generation(struct overlay *ov, struct err *e)
{
	uint8_t head[OV_HEAD], repo[FMT_ID_LEN], gen[FMT_ID_LEN];
	int r = fio_pread_all(ov->f, ov->logfd, head, sizeof(head), 0, e);

	if (r == 0)
		r = ov_head_get(head, repo, gen, e);
	if (r == 0 && (memcmp(repo, vault_r_ident(ov->r)->repo, FMT_ID_LEN) != 0 ||
	    memcmp(gen, ov->g->id, FMT_ID_LEN) != 0))
		r = err_set(e, E_EXIST, "this overlay was begun with another generation");
	return r;
}

/* root_place(ov, ret, e): The folder of the generation that is shown. */
static int
root_place(struct overlay *ov, uint64_t *ret, struct err *e)
{
	const char *slash = strrchr(ov->root, '/');
	struct mtree_block *b = NULL;
	struct buf dir;
	uint32_t i = 0;
	int r;

	if (!*ov->root) {
		*ret = MTREE_ROOT;
		if (ov->o->allow_other) /* OVERLAY itself stays closed; the mount shows this */
			(void)fchmod(ov->datafd, 0755);
		return 0;
	}
	buf_init(&dir, TREE_MAX_PATH + 1);
	r = buf_put(&dir, ov->root, slash ? (size_t)(slash - ov->root) : 0, e);
	if (r == 0)
		r = buf_u8(&dir, 0, e);
	if (r == 0)
		r = mtree_find(ov->tree, (const char *)dir.p, slash ? slash + 1 : ov->root, &b, &i,
		    e);
	buf_free(&dir);
	if (r == 1 && mtree_at(b, i)->type != TREE_DIR)
		r = err_set(e, E_INVAL, "%s is not a folder of this generation", ov->root);
	else if (r == 0)
		r = err_set(e, E_NOENT, "this generation has no %s", ov->root);
	if (r == 1) {
		struct mtree_entry *en = mtree_at(b, i);

		*ret = mtree_ino(b->no, i);
		(void)fchmod(ov->datafd, (en->mode & 07777) | (geteuid() == 0 ? 0 : 0700));
		if (geteuid() == 0)
			(void)!fchown(ov->datafd, en->uid, en->gid);
		r = 0;
	}
	mtree_put(ov->tree, b);
	return r;
}

static int
begin(struct overlay *ov, struct err *e)
{
	uint8_t head[OV_HEAD];
	struct stat st;
	uint64_t place;
	int r = fio_mkdir(ov->f, ov->topfd, "data", 0700, e);

	if (r == 0)
		r = ov->datafd = fio_open(ov->f, ov->topfd, "data", O_RDONLY | O_DIRECTORY, 0, e);
	if (r >= 0)
		r = root_place(ov, &place, e);
	if (r == 0 && fstat(ov->datafd, &st) < 0)
		r = err_sys(e, "the overlay");
	ov_head_put(vault_r_ident(ov->r)->repo, ov->g->id, head);
	if (r == 0)
		r = fio_create(ov->f, ov->topfd, "journal", head, sizeof(head), 0600, e);
	if (r == 0)
		r = ov->logfd = fio_open(ov->f, ov->topfd, "journal", O_RDWR, 0, e);
	if (r >= 0)
		r = claim(ov, e);
	ov->log_len = OV_HEAD;
	if (r == 0)
		r = ov_dir_add(ov, st.st_ino, place, e);
	if (r == 0)
		r = ov_note(ov, OV_DIR, st.st_ino, place, 0, e);
	return r < 0 ? r : ov_log_sync(ov, e);
}

static int
empty_but_data(int topfd)
{
	struct stat st;

	return fstatat(topfd, "journal", &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
}

static int
open_top(struct overlay *ov, const char *path, struct err *e)
{
	int r = fio_mkdirs(ov->f, path, 0700, e);

	if (r == 0)
		r = ov->topfd = fio_open(ov->f, AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, e);
	if (r < 0)
		return r;
	if (empty_but_data(ov->topfd))
		return begin(ov, e);
	ov->datafd = fio_open(ov->f, ov->topfd, "data", O_RDONLY | O_DIRECTORY, 0, e);
	if (ov->datafd < 0)
		return ov->datafd;
	ov->logfd = fio_open(ov->f, ov->topfd, "journal", O_RDWR, 0, e);
	if (ov->logfd < 0)
		return ov->logfd;
	r = claim(ov, e);
	if (r == 0)
		r = same_generation(ov, e);
	return r < 0 ? r : ov_log_load(ov, e);
}

/* ---- in memory ---- */

static void
locks(struct overlay *ov)
{
	(void)pthread_mutex_init(&ov->fill, NULL);
	(void)pthread_mutex_init(&ov->state, NULL);
	(void)pthread_mutex_init(&ov->log, NULL);
	(void)pthread_cond_init(&ov->wake, NULL);
	for (int i = 0; i < OV_STRIPES; i++)
		(void)pthread_mutex_init(&ov->stripe[i], NULL);
}

static struct overlay *
overlay_new(const char *root)
{
	struct overlay *ov = calloc(1, sizeof(*ov));

	if (!ov)
		return NULL;
	ov->f = fio_os();
	ov->topfd = ov->datafd = ov->logfd = -1;
	ov->is_root = geteuid() == 0;
	ov->root = strdup(root);
	map_init(&ov->files, OV_MAX);
	map_init(&ov->dirs, OV_MAX);
	buf_init(&ov->log_new, NOTES_MAX);
	locks(ov);
	if (ov->root)
		return ov;
	free(ov);
	return NULL;
}

static void
overlay_free(struct overlay *ov)
{
	size_t pos = 0;
	struct ov_file *f;
	struct ov_dir *d;

	while ((f = map_each(&ov->files, &pos, NULL, NULL)) != NULL)
		if (f != &ov_none) {
			free(f->bits);
			free(f->safe);
			free(f);
		}
	pos = 0;
	while ((d = map_each(&ov->dirs, &pos, NULL, NULL)) != NULL)
		if (d != (void *)&ov_none)
			free(d);
	map_free(&ov->files);
	map_free(&ov->dirs);
	buf_free(&ov->log_new);
	mread_free(ov->read);
	mtree_free(ov->tree);
	fio_close(ov->f, ov->logfd);
	fio_close(ov->f, ov->datafd);
	fio_close(ov->f, ov->topfd);
	free(ov->root);
	free(ov);
}

/* ---- serving ---- */

static int
serve(struct overlay *ov, const char *dir, unsigned threads, struct err *e)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct fuse *fuse = NULL;
	int r = 0;

	if (fuse_opt_add_arg(&args, "mamori") < 0 ||
	    fuse_opt_add_arg(&args, "-onosuid,nodev,fsname=mamori,subtype=overlay") < 0 ||
	    (ov->o->allow_other &&
	    fuse_opt_add_arg(&args, "-oallow_other,default_permissions") < 0))
		r = err_set(e, E_NOMEM, "no memory");
	if (r == 0) {
		fuse = fuse_new(&args, &ov_ops, sizeof(ov_ops), ov);
		if (!fuse)
			r = err_set(e, E_SYS, "the mount could not be prepared");
	}
	if (r == 0 && fuse_mount(fuse, dir) != 0)
		r = err_set(e, E_SYS, "%s could not be mounted (see the message above)", dir);
	if (r == 0) {
		r = ov_flow_start(ov, e);
		if (r == 0)
			r = mount_serve(fuse_get_session(fuse), dir, threads, ov->o->stop_fd,
			    ov->o->ready, ov->o->cookie, e);
		ov_flow_stop(ov);
		fuse_unmount(fuse);
	}
	if (fuse)
		fuse_destroy(fuse);
	fuse_opt_free_args(&args);
	return r;
}

static int
run(struct overlay *ov, const char *dir, const char *top, struct err *e)
{
	unsigned threads = ov->o->threads ? ov->o->threads : THREADS;
	struct vault_overlay_state st = {0};
	int r = mtree_new(ov->r, ov->g, &ov->tree, e);

	if (r == 0) /* two more: the background, and a fill that meets it */
		r = mread_new(ov->r, threads + 2, &ov->read, e);
	if (r == 0)
		r = open_top(ov, top, e);
	if (r == 0)
		ov->whole = ov->nfiles == 0 && ov->ndirs == 0;
	if (r == 0)
		r = serve(ov, dir, threads, e);
	if (r == 0)
		r = ov_save_all(ov, e);
	ov_state(ov, &st);
	if (r == 0 && ov->o->progress)
		ov->o->progress(ov->o->cookie, &st);
	return r;
}

int
vault_overlay(VAULT_R *r, const struct vault_generation *g, const char *dir, const char *overlay,
    const struct vault_overlay_opts *o, struct err *e)
{
	struct overlay *ov;
	char *real;
	int x = vault_mount_check(dir, e);

	if (x < 0)
		return x;
	real = realpath(dir, NULL);
	ov = real ? overlay_new(o->path ? o->path : "") : NULL;
	if (!ov) {
		free(real);
		return err_set(e, E_NOMEM, "no memory for the overlay");
	}
	ov->r = r;
	ov->g = g;
	ov->o = o;
	x = run(ov, real, overlay, e);
	overlay_free(ov);
	free(real);
	return x;
}

/* ---- looking and finishing ---- */

static int
look(struct overlay *ov, const char *path, struct vault_overlay_state *ret, struct err *e)
{
	uint8_t head[OV_HEAD];
	int r;

	ov->topfd = fio_open(ov->f, AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, e);
	if (ov->topfd < 0)
		return ov->topfd;
	ov->logfd = fio_open(ov->f, ov->topfd, "journal", O_RDONLY, 0, e);
	if (ov->logfd == E_NOENT)
		return err_set(e, E_NOENT, "%s is not an overlay", path);
	if (ov->logfd < 0)
		return ov->logfd;
	r = fio_pread_all(ov->f, ov->logfd, head, sizeof(head), 0, e);
	if (r == 0)
		r = ov_head_get(head, ret->repo, ret->gen, e);
	if (r == 0)
		r = ov_log_load(ov, e);
	if (r < 0)
		return r;
	ret->files_left = ov->nfiles;
	ret->bytes_left = ov->left;
	ret->bytes_here = ov->here;
	ret->dirs_left = ov->ndirs;
	ret->damaged = ov->nlost;
	ret->complete = ov->nfiles == 0 && ov->ndirs == 0;
	return 0;
}

int
vault_overlay_look(const char *overlay, struct vault_overlay_state *ret, struct err *e)
{
	struct overlay *ov = overlay_new("");
	struct vault_overlay_state st = {0};
	int r = ov ? look(ov, overlay, &st, e) : err_set(e, E_NOMEM, "no memory");

	if (r == 0)
		*ret = st;
	if (ov)
		overlay_free(ov);
	return r;
}

int
vault_overlay_finish(const char *overlay, const char *to, struct err *e)
{
	struct overlay *ov = overlay_new("");
	struct vault_overlay_state st = {0};
	int r = ov ? look(ov, overlay, &st, e) : err_set(e, E_NOMEM, "no memory");

	if (r == 0)
		r = claim(ov, e);
	if (r == 0 && !st.complete)
		r = err_set(e, E_INVAL,
		    "not everything has arrived yet (%llu files, %llu folders are missing)",
		    (unsigned long long)st.files_left, (unsigned long long)st.dirs_left);
	if (r == 0)
		r = fio_rename(ov->f, ov->topfd, "data", AT_FDCWD, to, false, e);
	if (r == 0) {
		(void)fio_unlink(ov->f, ov->topfd, "journal", NULL);
		(void)rmdir(overlay);
	}
	if (ov)
		overlay_free(ov);
	return r;
}
