#include "cli/vault_pull.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "base/utf8.h"
#include "crypt/digest.h"
#include "sys/proc.h"

enum { MOUNT_MS = 45000, END_MS = 10000, LOG_PART = 400 };

/* ---- the login file ---- */

int
pull_login_read(const char *file, struct pull_login *ret, struct err *e)
{
	struct stat st;
	struct buf b;
	int r = 0;

	if (stat(file, &st) < 0)
		return err_sys(e, "cannot open the login file %s", file);
	if (st.st_mode & 077)
		return err_set(e, E_AUTH,
		    "others may read the login file %s; do: chmod 600 %s", file, file);
	buf_init(&b, 64 << 10);
	r = fio_slurp(fio_os(), AT_FDCWD, file, &b, e);
	if (r == 0 && pull_login_get((const char *)b.p, b.len, ret, e) < 0)
		r = err_wrap(e, "%s", file);
	if (b.p)
		explicit_bzero(b.p, b.cap);
	buf_free(&b);
	return r;
}

/* ---- helpers ---- */

static const char *
program(const char *name, char out[PATH_MAX])
{
	static const char *const dirs[] = {"/usr/bin", "/bin", "/usr/sbin", "/sbin"};

	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		(void)snprintf(out, PATH_MAX, "%s/%s", dirs[i], name);
		if (access(out, X_OK) == 0)
			return out;
	}
	return NULL;
}

static void
nap(unsigned ms)
{
	const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

	(void)nanosleep(&t, NULL);
}

static bool
is_mounted(const char *dir)
{
	char up[PATH_MAX + 4];
	struct stat a, b;

	(void)snprintf(up, sizeof(up), "%s/..", dir);
	return stat(dir, &a) == 0 && stat(up, &b) == 0 && a.st_dev != b.st_dev;
}

/* last_words(p, out): The last line that the helper wrote. */
static void
last_words(const struct pull *p, char out[LOG_PART])
{
	char part[LOG_PART];
	struct stat st;
	ssize_t n = -1;
	int fd = open(p->log, O_RDONLY | O_CLOEXEC);
	char *line;

	if (fd >= 0 && fstat(fd, &st) == 0)
		n = pread(fd, part, sizeof(part) - 1,
		    st.st_size > LOG_PART - 1 ? st.st_size - (LOG_PART - 1) : 0);
	if (fd >= 0)
		(void)close(fd);
	part[n > 0 ? n : 0] = 0;
	while (n > 0 && isspace((unsigned char)part[n - 1]))
		part[--n] = 0;
	line = strrchr(part, '\n');
	(void)snprintf(out, LOG_PART, "%s", line ? line + 1 : part);
}

/* words(p, url, e): What the helper's end means. */
static int
words(const struct pull *p, const struct pull_url *url, struct err *e)
{
	static const char *const refused[] = {"ermission denied", "LOGON_FAILURE", "ccess denied",
	    "ACCESS_DENIED", "authenticat", "ogon failure", "Host key verification"};
	char last[LOG_PART];

	last_words(p, last);
	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		if (strstr(last, refused[i]))
			return err_set(e, E_AUTH, "%s refused the login: %s", url->host, last);
	return err_set(e, E_NET, "%s cannot be read: %s", url->host,
	    *last ? last : "no answer in time");
}

/* start(p, argv, env, in, e): The helper, with its words in the log. */
static int
start(struct pull *p, const char *path, const char *const *argv, const char *const *env, int in,
    struct err *e)
{
	int log = open(p->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), r;
	struct proc_spec s = {.path = path, .argv = argv, .env = env, .in = in, .out = log,
	    .err = log, .own_group = true};

	if (log < 0)
		return err_sys(e, "%s", p->log);
	r = proc_spawn(&s, &p->pid, e);
	(void)close(log);
	return r;
}

static int
wait_mounted(struct pull *p, const struct pull_url *url, struct err *e)
{
	int status;

	for (int ms = 0; ms < MOUNT_MS; ms += 50, nap(50)) {
		if (waitpid(p->pid, &status, WNOHANG) == p->pid) {
			p->pid = 0;
			return words(p, url, e);
		}
		if (is_mounted(p->dir)) {
			p->mounted = true;
			return pull_alive(p) ? 0 : words(p, url, e);
		}
	}
	return words(p, url, e);
}

/* ---- SSH ---- */

/* known(p, url, login, out, e): A file with the one host key that is accepted. */
static int
known(const struct pull *p, const struct pull_url *url, const struct pull_login *login,
    char out[PATH_MAX + 32], struct err *e)
{
	struct buf b;
	int r;

	if (!*login->host_key)
		return err_set(e, E_AUTH,
		    "the login file needs `host_key = …`: the first two words of "
		    "/etc/ssh/ssh_host_ed25519_key.pub on %s, so that nobody can pass for it",
		    url->host);
	buf_init(&b, 8192);
	(void)snprintf(out, PATH_MAX + 32, "%.*s/known_hosts",
	    (int)(strrchr(p->dir, '/') - p->dir), p->dir);
	r = url->port && url->port != 22 ?
	    buf_fmt(&b, e, "[%s]:%u %s\n", url->host, url->port, login->host_key) :
	    buf_fmt(&b, e, "%s %s\n", url->host, login->host_key);
	if (r == 0)
		r = fio_replace(fio_os(), AT_FDCWD, out, b.p, b.len, 0600, e);
	buf_free(&b);
	return r;
}

static int
by_ssh(struct pull *p, const struct pull_url *url, const struct pull_login *login, struct err *e)
{
	static const char *const env[] = {"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", NULL};
	char prog[PATH_MAX], from[1600], port[16], opts[4 * PATH_MAX], kh[PATH_MAX + 32];
	const char *argv[] = {
	    "sshfs", from, p->dir, "-f", "-p", port, "-F", "/dev/null", "-o", opts, NULL};
	const char *user = *url->user ? url->user : login->user;
	int r, fd[2];

	if (!program("sshfs", prog))
		return err_set(e, E_NOENT, "sshfs is not installed (package sshfs)");
	r = known(p, url, login, kh, e);
	if (r < 0)
		return r;
	if (strpbrk(kh, ",\\ ") || strpbrk(login->key, ",\\ "))
		return err_set(
		    e, E_INVAL, "no commas or spaces in the paths of keys and state, please");
	(void)snprintf(from, sizeof(from), "%s%s%s:/%s", user, *user ? "@" : "", url->host,
	    url->path);
	(void)snprintf(port, sizeof(port), "%u", url->port ? url->port : 22);
	(void)snprintf(opts, sizeof(opts),
	    "ro,UserKnownHostsFile=%s,StrictHostKeyChecking=yes,ServerAliveInterval=10,"
	    "ServerAliveCountMax=2,ConnectTimeout=15,%s%s%s", kh,
	    *login->key ? "IdentitiesOnly=yes,BatchMode=yes,IdentityFile=" : "",
	    *login->key ? login->key : "",
	    *login->key ? "" : "password_stdin,NumberOfPasswordPrompts=1,PubkeyAuthentication=no");
	if (pipe2(fd, O_CLOEXEC) < 0)
		return err_sys(e, "a pipe");
	(void)!write(fd[1], login->password, strlen(login->password));
	(void)!write(fd[1], "\n", 1);
	(void)close(fd[1]);
	r = start(p, prog, argv, env, *login->key ? -1 : fd[0], e);
	(void)close(fd[0]);
	return r < 0 ? r : wait_mounted(p, url, e);
}

/* ---- SMB ---- */

/* obscure(prog, password, out, e): As rclone wants a password in its environment. */
static int
obscure(const char *prog, const char *password, char out[1024], struct err *e)
{
	static const char *const argv[] = {"rclone", "obscure", "-", NULL};
	static const char *const env[] = {"PATH=/usr/bin:/bin", NULL};
	int in[2], res[2], status = -1;
	struct proc_spec s = {.path = prog, .argv = argv, .env = env, .err = -1};
	ssize_t n;
	pid_t pid;

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(res, O_CLOEXEC) < 0)
		return err_sys(e, "a pipe");
	(void)!write(in[1], password, strlen(password));
	(void)close(in[1]);
	s.in = in[0];
	s.out = res[1];
	if (proc_spawn(&s, &pid, e) < 0)
		return e->code;
	(void)close(in[0]);
	(void)close(res[1]);
	n = read(res[0], out, 1023);
	(void)close(res[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	out[n > 0 ? n : 0] = 0;
	out[strcspn(out, "\r\n")] = 0;
	return status == 0 && *out ? 0 : err_set(e, E_SYS, "rclone did not take the password");
}

static int
by_smb(struct pull *p, const struct pull_url *url, const struct pull_login *login, struct err *e)
{
	char prog[PATH_MAX], from[1100], hidden[1024], pass[1100], host[300], user[300], port[48],
	    domain[300];
	const char *env[] = {"PATH=/usr/bin:/bin", "HOME=/nonexistent",
	    "RCLONE_CONFIG_SRC_TYPE=smb", host, user, pass, port, domain, NULL};
	const char *argv[] = {"rclone", "mount", from, p->dir, "--config", "/dev/null",
	    "--read-only", "--vfs-cache-mode", "off", "--attr-timeout", "60s", "--dir-cache-time",
	    "60s", "--contimeout", "15s", "--timeout", "60s", "--low-level-retries", "2",
	    "--no-modtime=false", "--poll-interval", "0", "--log-level", "ERROR", NULL};
	int r;

	if (!program("rclone", prog))
		return err_set(e, E_NOENT, "rclone is not installed (package rclone)");
	r = obscure(prog, login->password, hidden, e);
	if (r < 0)
		return r;
	(void)snprintf(from, sizeof(from), "src:%s", url->path);
	(void)snprintf(host, sizeof(host), "RCLONE_CONFIG_SRC_HOST=%s", url->host);
	(void)snprintf(user, sizeof(user), "RCLONE_CONFIG_SRC_USER=%s",
	    *url->user ? url->user : login->user);
	(void)snprintf(pass, sizeof(pass), "RCLONE_CONFIG_SRC_PASS=%s", hidden);
	(void)snprintf(
	    port, sizeof(port), "RCLONE_CONFIG_SRC_PORT=%u", url->port ? url->port : 445);
	(void)snprintf(domain, sizeof(domain), "RCLONE_CONFIG_SRC_DOMAIN=%s",
	    *login->domain ? login->domain : "WORKGROUP");
	r = start(p, prog, argv, env, -1, e);
	explicit_bzero(pass, sizeof(pass));
	explicit_bzero(hidden, sizeof(hidden));
	return r < 0 ? r : wait_mounted(p, url, e);
}

/* ---- NFS: the kernel's, for which root is needed ---- */

static int
by_nfs(struct pull *p, const struct pull_url *url, struct err *e)
{
	static const char *const env[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	char prog[PATH_MAX], helper[PATH_MAX], from[1400], opts[128];
	const char *argv[] = {"mount", "-t", "nfs", "-o", opts, from, p->dir, NULL};
	int status, r;

	if (geteuid() != 0)
		return err_set(e, E_AUTH,
		    "only root may mount NFS; let root mount it read-only (fstab) and back up "
		    "the folder");
	if (!program("mount", prog) || !program("mount.nfs", helper))
		return err_set(e, E_NOENT, "mount.nfs is not installed (package nfs-common)");
	(void)snprintf(from, sizeof(from), "%s:/%s", url->host, url->path);
	(void)snprintf(opts, sizeof(opts),
	    "ro,soft,timeo=150,retrans=2,nosuid,nodev,noexec,nolock%s", url->port ? ",port=" : "");
	if (url->port)
		(void)snprintf(opts + strlen(opts), sizeof(opts) - strlen(opts), "%u", url->port);
	r = start(p, prog, argv, env, -1, e);
	if (r < 0)
		return r;
	while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
		;
	p->pid = 0;
	p->mounted = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	return p->mounted ? 0 : words(p, url, e);
}

/* ---- opening and closing ---- */

/* place(st, url, p, e): STATE/pull/<address>/<name>: the same for the same address every night, so
 * that the next generation knows the files again. */
static int
place(const struct state *st, const struct pull_url *url, struct pull *p, struct err *e)
{
	char real[PATH_MAX], id[17], text[2048];
	uint8_t h[DIGEST_LEN];
	const char *leaf = strrchr(url->path, '/');

	leaf = leaf ? leaf + 1 : *url->path ? url->path : url->host;
	(void)snprintf(text, sizeof(text), "%d %s %u %s", (int)url->kind, url->host, url->port,
	    url->path);
	digest_sha256(text, strlen(text), h);
	hex_put(id, h, 8);
	if (!realpath(st->path, real))
		return err_sys(e, "%s", st->path);
	if (snprintf(p->log, sizeof(p->log), "%s/pull/%s/log", real, id) >= (int)sizeof(p->log) ||
	    snprintf(p->dir, sizeof(p->dir), "%s/pull/%s/%s", real, id, leaf) >=
	        (int)sizeof(p->dir))
		return err_set(e, E_LIMIT, "the path of the state is too long");
	if (is_mounted(p->dir) || (access(p->dir, F_OK) < 0 && errno == ENOTCONN)) {
		p->mounted = true; /* left by a run that was killed */
		pull_close(p);
	}
	return fio_mkdirs(fio_os(), p->dir, 0700, e);
}

int
pull_open(const struct state *st, const struct pull_url *url, const struct pull_login *login,
    struct pull *ret, struct err *e)
{
	int r;

	*ret = (struct pull){0};
	r = place(st, url, ret, e);
	if (r == 0)
		r = url->kind == PULL_SSH ? by_ssh(ret, url, login, e) :
		    url->kind == PULL_SMB ? by_smb(ret, url, login, e) : by_nfs(ret, url, e);
	if (r < 0)
		pull_close(ret);
	return r;
}

bool
pull_alive(struct pull *p)
{
	int status, fd;

	if (p->pid && waitpid(p->pid, &status, WNOHANG) == p->pid)
		p->pid = 0;
	if (!p->mounted || !is_mounted(p->dir))
		return false;
	fd = open(p->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	(void)close(fd);
	return true;
}

void
pull_close(struct pull *p)
{
	static const char *const env[] = {NULL};
	const char *argv[] = {"fusermount3", "-u", "-z", "--", p->dir, NULL};
	char prog[PATH_MAX];
	struct proc_spec s = {.argv = argv, .env = env, .in = -1, .out = -1, .err = -1};
	int status;
	pid_t pid;

	if (p->mounted && umount2(p->dir, MNT_DETACH) < 0 && program("fusermount3", prog)) {
		s.path = prog;
		if (proc_spawn(&s, &pid, NULL) == 0)
			while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
				;
	}
	p->mounted = false;
	for (int ms = 0; p->pid && ms < END_MS; ms += 50, nap(50)) {
		if (ms == 0 || ms == END_MS / 2)
			proc_kill(p->pid, true, ms ? SIGKILL : SIGTERM);
		if (waitpid(p->pid, &status, WNOHANG) == p->pid)
			p->pid = 0;
	}
	(void)rmdir(p->dir);
}
