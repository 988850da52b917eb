/* Mounting, serving, ending. */
#define FUSE_USE_VERSION 312
#include "vault/mount.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/proc.h"

#include "vault/overlay_int.h"

enum { THREADS = 8, MAX_THREADS = 64 };

static int
check_dir(const char *dir, struct err *e)
{
	struct stat st, up;
	struct dirent *en;
	DIR *d;
	int n = 0;

	if (stat(dir, &st) < 0)
		return err_sys(e, "%s", dir);
	if (!S_ISDIR(st.st_mode))
		return err_set(e, E_NOENT, "%s is not a directory", dir);
	d = opendir(dir);
	if (!d)
		return err_sys(e, "%s", dir);
	while ((en = readdir(d)) != NULL)
		n += strcmp(en->d_name, ".") != 0 && strcmp(en->d_name, "..") != 0;
	if (fstatat(dirfd(d), "..", &up, 0) == 0 && up.st_dev != st.st_dev)
		n++;
	(void)closedir(d);
	return n == 0 ? 0 :
	    err_set(e, E_EXIST, "%s is not empty, or something is mounted there", dir);
}

static const char *const helper[] = {"/usr/bin/fusermount3", "/bin/fusermount3",
    "/usr/local/bin/fusermount3"};

void
vault_mount_clear(const char *dir)
{
	const char *argv[] = {"fusermount3", "-u", "-z", "--", dir, NULL}, *env[] = {NULL};
	struct proc_spec s = {.argv = argv, .env = env, .in = -1, .out = -1, .err = -1};
	struct statfs st;
	pid_t pid;

	/* not stat(2): the kernel answers that from what it remembers of a server that is gone */
	if (statfs(dir, &st) == 0 || errno != ENOTCONN || umount2(dir, MNT_DETACH) == 0)
		return;
	for (size_t i = 0; i < sizeof(helper) / sizeof(helper[0]); i++) {
		s.path = helper[i];
		if (proc_spawn(&s, &pid, NULL) < 0)
			continue;
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		return;
	}
}

int
vault_mount_check(const char *dir, struct err *e)
{
	bool found = geteuid() == 0; /* root mounts without it */
	int r = check_dir(dir, e);

	if (r < 0)
		return r;
	if (access("/dev/fuse", F_OK) < 0)
		return err_set(e, E_NOENT, "this system has no /dev/fuse: it cannot mount here");
	if (access("/dev/fuse", R_OK | W_OK) < 0)
		return err_set(e, E_AUTH, "/dev/fuse may not be opened by this user");
	for (size_t i = 0; i < sizeof(helper) / sizeof(helper[0]); i++)
		found |= access(helper[i], X_OK) == 0;
	return found ? 0 :
	    err_set(e, E_NOENT, "fusermount3 is not installed (package fuse3)");
}

/* One thread that answers requests. libfuse's own loop cannot be ended from outside without a
 * signal handler, which a library must not set; so the threads are ours, and cancelled only while
 * they wait for a request. */
struct server {
	struct fuse_session *se;
	struct fuse_buf buf;
	pthread_t thread;
	int done_fd;
};

/* Reads ahead further than the kernel's 128 KiB where we may say so (root); otherwise it stays. */
static void
read_ahead(const struct stat *st)
{
	char path[96];
	int fd;

	(void)snprintf(path, sizeof(path), "/sys/class/bdi/%u:%u/read_ahead_kb", major(st->st_dev),
	    minor(st->st_dev));
	/* allow: a kernel setting, not a file */
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	(void)!write(fd, "1024", 4);
	(void)close(fd);
}

static void *
server(void *arg)
{
	struct server *s = arg;
	uint64_t one = 1;
	int old, n;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
	while (!fuse_session_exited(s->se)) {
		(void)pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old);
		n = fuse_session_receive_buf(s->se, &s->buf);
		(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
		if (n == -EINTR || n == -EAGAIN)
			continue;
		if (n <= 0) /* unmounted */
			break;
		fuse_session_process_buf(s->se, &s->buf);
	}
	(void)!write(s->done_fd, &one, sizeof(one));
	return NULL;
}

/* wait_end(dir, done_fd, stop_fd, ready, cookie): Say that the folder answers, then wait for the
 * end. */
static void
wait_end(const char *dir, int done_fd, int stop_fd, void (*ready)(void *cookie), void *cookie)
{
	struct pollfd p[2] = {{.fd = done_fd, .events = POLLIN},
	    {.fd = stop_fd, .events = POLLIN}};
	struct stat st;

	if (stat(dir, &st) == 0) /* answered by our threads: the proof that it is usable */
		read_ahead(&st);
	if (ready)
		ready(cookie);
	while (poll(p, stop_fd >= 0 ? 2 : 1, -1) < 0 && errno == EINTR)
		;
}

int
mount_serve(struct fuse_session *se, const char *dir, unsigned threads, int stop_fd,
    void (*ready)(void *cookie), void *cookie, struct err *e)
{
	struct server *s = calloc(threads, sizeof(*s));
	int done_fd = eventfd(0, EFD_CLOEXEC);
	unsigned n = 0;

	for (; s && done_fd >= 0 && n < threads; n++) {
		s[n].se = se;
		s[n].done_fd = done_fd;
		if (pthread_create(&s[n].thread, NULL, server, &s[n]) != 0)
			break;
	}
	if (n > 0)
		wait_end(dir, done_fd, stop_fd, ready, cookie);
	fuse_session_exit(se);
	for (unsigned i = 0; i < n; i++)
		(void)pthread_cancel(s[i].thread);
	for (unsigned i = 0; i < n; i++) {
		(void)pthread_join(s[i].thread, NULL);
		free(s[i].buf.mem);
	}
	free(s);
	if (done_fd >= 0)
		(void)close(done_fd);
	return n > 0 ? 0 : err_set(e, E_NOMEM, "no memory for the mount's threads");
}

static int
mount_and_serve(struct mfs *m, const char *dir, unsigned threads, struct err *e)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct fuse_session *se = NULL;
	int r = 0;

	if (fuse_opt_add_arg(&args, "mamori") < 0 ||
	    fuse_opt_add_arg(&args, "-oro,nosuid,nodev,noatime,fsname=mamori,subtype=vault") < 0 ||
	    (m->o->allow_other && fuse_opt_add_arg(&args, "-oallow_other,default_permissions") < 0))
		r = err_set(e, E_NOMEM, "no memory");
	if (r == 0) {
		se = fuse_session_new(&args, &mfs_ops, sizeof(mfs_ops), m);
		if (!se)
			r = err_set(e, E_SYS, "the mount could not be prepared");
	}
	if (r == 0 && fuse_session_mount(se, dir) != 0)
		r = err_set(e, E_SYS, "%s could not be mounted (see the message above)", dir);
	if (r == 0) {
		r = mount_serve(se, dir, threads, m->o->stop_fd, m->o->ready, m->o->cookie, e);
		fuse_session_unmount(se);
	}
	if (se)
		fuse_session_destroy(se);
	fuse_opt_free_args(&args);
	return r;
}

int
vault_mount(VAULT_R *r, const struct vault_generation *g, const char *dir,
    const struct vault_mount_opts *o, struct err *e)
{
	struct mfs m = {.gen = g, .o = o};
	unsigned threads = o->threads ? o->threads : THREADS;
	char *real;
	int x;

	if (threads > MAX_THREADS)
		threads = MAX_THREADS;
	x = vault_mount_check(dir, e);
	if (x < 0)
		return x;
	real = realpath(dir, NULL);
	if (!real)
		return err_sys(e, "%s", dir);
	(void)pthread_mutex_init(&m.lock, NULL);
	x = mtree_new(r, g, &m.tree, e);
	if (x == 0)
		x = mread_new(r, threads, &m.read, e);
	if (x == 0)
		x = mount_and_serve(&m, real, threads, e);
	mread_free(m.read);
	mtree_free(m.tree);
	(void)pthread_mutex_destroy(&m.lock);
	free(real);
	return x;
}
