/* The background: what was touched last first, then everything else; and a thread that makes what
 * arrived durable every two seconds.
 * allow-files: see overlay_data.c */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vault/overlay_int.h"

enum { SAVE_MS = 2000, YIELD_US = 2000, PART = MREAD_MAX, MAX_DEPTH = 4096, PASSES = 50 };

void
ov_state(struct overlay *ov, struct vault_overlay_state *ret)
{
	(void)pthread_mutex_lock(&ov->state);
	ret->files_left = ov->nfiles;
	ret->bytes_left = ov->left;
	ret->bytes_here = ov->here;
	ret->dirs_left = ov->ndirs;
	ret->damaged = ov->nlost;
	ret->complete = ov->whole;
	(void)pthread_mutex_unlock(&ov->state);
	(void)memcpy(ret->gen, ov->g->id, FMT_ID_LEN);
	(void)memcpy(ret->repo, vault_r_ident(ov->r)->repo, FMT_ID_LEN);
}

void
ov_flow_hot(struct overlay *ov, struct ov_file *f, int fd)
{
	int mine;

	if (!ov->flowing || f->n < 2)
		return;
	mine = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	(void)pthread_mutex_lock(&ov->state);
	if (mine >= 0 && ov->nhot < OV_HOT && !ov->stop) {
		f->refs++;
		ov->hot[ov->nhot++] = (struct ov_hot){f, mine};
		mine = -1;
	}
	(void)pthread_mutex_unlock(&ov->state);
	if (mine >= 0)
		(void)close(mine);
}

static bool
take_hot(struct overlay *ov, struct ov_hot *ret)
{
	bool got;

	(void)pthread_mutex_lock(&ov->state);
	got = ov->nhot > 0;
	if (got)
		*ret = ov->hot[--ov->nhot];
	(void)pthread_mutex_unlock(&ov->state);
	return got;
}

static bool
stopped(struct overlay *ov)
{
	return atomic_load(&ov->stop);
}

/* give_way(ov): Whoever waits for the vault now goes first; but not for ever. */
static void
give_way(struct overlay *ov)
{
	for (int i = 0; i < 25 && atomic_load(&ov->foreground) > 0 && !stopped(ov); i++)
		(void)usleep(YIELD_US);
}

static void serve_hot(struct overlay *ov);

/* whole_file(ov, f, fd, hot): Fetch all of it. ${hot}: it was touched itself. */
static void
whole_file(struct overlay *ov, struct ov_file *f, int fd, bool hot)
{
	struct err e;

	for (uint64_t off = 0; off < f->size && !stopped(ov) && !f->gone; off += PART) {
		give_way(ov);
		if (!hot)
			serve_hot(ov);
		if (ov_need(ov, f, fd, off, PART, &e) < 0 &&
		    (e.code == E_NOSPC || e.code == E_SYS)) {
			ov_report(ov, f, e.msg);
			return; /* the next pass tries again */
		}
	}
}

static void
serve_hot(struct overlay *ov)
{
	struct ov_hot h;

	while (!stopped(ov) && take_hot(ov, &h)) {
		whole_file(ov, h.file, h.fd, true);
		(void)close(h.fd);
		ov_file_put(ov, h.file);
	}
}

/* pass(ov, fd, depth): Everything below the local folder ${fd} (closed at the end). Names may
 * change meanwhile; what was missed is met by the next pass. */
static void
pass(struct overlay *ov, int fd, unsigned depth)
{
	DIR *d = NULL;
	struct dirent *en;
	struct err e;

	give_way(ov);
	if (depth < MAX_DEPTH && ov_fill_fd(ov, fd, &e) == 0)
		d = fdopendir(fd);
	if (!d) {
		(void)close(fd);
		return;
	}
	while (!stopped(ov) && (en = readdir(d)) != NULL) {
		struct ov_file *f;
		int sub;

		serve_hot(ov);
		if (strcmp(en->d_name, ".") == 0 || strcmp(en->d_name, "..") == 0)
			continue;
		if (en->d_type == DT_DIR || en->d_type == DT_UNKNOWN) {
			sub = openat(dirfd(d), en->d_name,
			    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
			if (sub >= 0)
				pass(ov, sub, depth + 1);
		}
		f = en->d_type == DT_DIR ? NULL : ov_file_get(ov, en->d_ino);
		sub = f ? ov_open_rw(dirfd(d), en->d_name) : -1;
		if (sub >= 0) {
			whole_file(ov, f, sub, false);
			(void)close(sub);
		}
		ov_file_put(ov, f);
	}
	(void)closedir(d);
}

static bool
all_here(struct overlay *ov)
{
	bool yes;

	(void)pthread_mutex_lock(&ov->state);
	yes = ov->nfiles == 0 && ov->ndirs == 0;
	(void)pthread_mutex_unlock(&ov->state);
	return yes;
}

static void *
flow_main(void *arg)
{
	struct overlay *ov = arg;

	for (int i = 0; i < PASSES && !stopped(ov) && !ov->whole; i++) {
		int fd = fcntl(ov->datafd, F_DUPFD_CLOEXEC, 0);
		int own = fd >= 0 ? openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

		if (fd >= 0)
			(void)close(fd);
		if (own >= 0)
			pass(ov, own, 0);
		serve_hot(ov);
		if (ov_save_all(ov, NULL) == 0 && all_here(ov)) {
			(void)pthread_mutex_lock(&ov->state);
			ov->whole = true;
			(void)pthread_mutex_unlock(&ov->state);
		}
		for (int k = 0; k < 10 * (i + 1) && !stopped(ov) && !ov->whole; k++)
			(void)usleep(20000);
	}
	return NULL;
}

static void *
saver_main(void *arg)
{
	struct overlay *ov = arg;
	struct vault_overlay_state st = {0};
	struct timespec t;
	bool told = false;

	while (!stopped(ov)) {
		(void)clock_gettime(CLOCK_REALTIME, &t);
		t.tv_sec += SAVE_MS / 1000;
		(void)pthread_mutex_lock(&ov->state);
		if (!ov->stop)
			(void)pthread_cond_timedwait(&ov->wake, &ov->state, &t);
		(void)pthread_mutex_unlock(&ov->state);
		(void)!ov_save_all(ov, NULL); /* what fails now is tried again, and by fsync */
		ov_state(ov, &st);
		if (ov->o->progress && !told)
			ov->o->progress(ov->o->cookie, &st);
		told = st.complete;
	}
	return NULL;
}

int
ov_flow_start(struct overlay *ov, struct err *e)
{
	if (pthread_create(&ov->saver, NULL, saver_main, ov) != 0)
		return err_set(e, E_NOMEM, "no memory for a thread");
	ov->saving = true;
	if (ov->o->lazy || ov->whole)
		return 0;
	ov->flowing = true;
	if (pthread_create(&ov->flow, NULL, flow_main, ov) == 0)
		return 0;
	ov->flowing = false;
	return err_set(e, E_NOMEM, "no memory for a thread");
}

void
ov_flow_stop(struct overlay *ov)
{
	struct ov_hot h;

	(void)pthread_mutex_lock(&ov->state);
	ov->stop = true;
	(void)pthread_cond_broadcast(&ov->wake);
	(void)pthread_mutex_unlock(&ov->state);
	if (ov->flowing)
		(void)pthread_join(ov->flow, NULL);
	if (ov->saving)
		(void)pthread_join(ov->saver, NULL);
	while (take_hot(ov, &h)) {
		(void)close(h.fd);
		ov_file_put(ov, h.file);
	}
}
