/* A file of strangers becomes a table in a child process inside a jail: no file, no network, no
 * other program; all it can do is hand the table over. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/time.h"
#include "cli/cli_register.h"
#include "sys/jail.h"
#include "text/xlsx.h"

enum { FILE_MAX = 64 << 20, WAIT_S = 120, CHILD_MEMORY = 1 << 30 };

static int
slurp(const char *path, struct buf *b, struct err *e)
{
	int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
	char piece[65536];
	ssize_t n = 1;
	int r = fd < 0 ? err_sys(e, "cannot open %s", path) : 0;

	while (r == 0 && n != 0) {
		n = read(fd, piece, sizeof(piece));
		if (n < 0 && errno != EINTR)
			r = err_sys(e, "cannot read %s", path);
		else if (n > 0)
			r = buf_put(b, piece, (size_t)n, e);
	}
	if (fd >= 0)
		(void)close(fd);
	return r == E_LIMIT ? err_set(e, r, "%s: more than %d MiB", path, FILE_MAX >> 20) : r;
}

static int
put_all(int fd, const void *p, size_t n)
{
	const char *s = p;

	while (n > 0) {
		ssize_t k = write(fd, s, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return -1;
		s += k;
		n -= (size_t)k;
	}
	return 0;
}

static int
parse(const struct buf *in, const char *sheet, const struct csv_options *o, struct table *t,
    struct csv_found *f, struct err *e)
{
	if (xlsx_is(in->p, in->len) || (in->len > 4 && in->p[0] == 0xd0 && in->p[1] == 0xcf))
		return xlsx_read(in->p, in->len, sheet, t, e);
	return csv_read(in->len ? in->p : (const unsigned char *)"", in->len, o, t, f, e);
}

/* child(in, ...): Does not return. What it says: code, encoding, delimiter, message, table. */
static void
child(const struct buf *in, const char *sheet, const struct csv_options *o, int fd)
{
	const struct jail j = {.max_files = 16, .max_memory = CHILD_MEMORY};
	struct csv_found f = {CSV_UTF8, ','};
	struct jail_report report;
	struct err e = {0};
	struct table t;
	struct buf out;
	struct jis *warm = NULL;
	int r = jis_new(&warm, &e); /* loads the converter while files can still be opened */

	if (r == 0)
		r = jail_enter(&j, &report, &e);
	table_init(&t);
	buf_init(&out, (size_t)2 * TABLE_MAX_BYTES);
	if (r == 0)
		r = parse(in, sheet, o, &t, &f, &e);
	if (buf_u32(&out, (uint32_t)-r, NULL) < 0 || buf_u8(&out, (uint8_t)f.encoding, NULL) < 0 ||
	    buf_u8(&out, (uint8_t)f.delimiter, NULL) < 0 ||
	    buf_blob(&out, e.msg, strlen(e.msg), NULL) < 0)
		_exit(1);
	if (r == 0 && table_pack(&t, &out, NULL) < 0)
		_exit(1);
	_exit(put_all(fd, out.p, out.len) < 0 ? 1 : 0);
}

static int
take(const struct buf *b, struct table *t, struct csv_found *f, struct err *e)
{
	struct rd rd = rd_init(b->p, b->len);
	int r = -(int)rd_u32(&rd);
	const unsigned char *msg;
	size_t n = 0;

	f->encoding = (enum csv_encoding)rd_u8(&rd);
	f->delimiter = (char)rd_u8(&rd);
	msg = rd_blob(&rd, sizeof(e->msg), &n);
	if (rd.bad || f->encoding >= CSV_ENCODINGS)
		return err_set(e, E_CORRUPT, "the file could not be read");
	if (r < 0)
		return err_set(e, r, "%.*s", (int)n, (const char *)msg);
	return table_unpack(t, b->p + rd.pos, b->len - rd.pos, e);
}

static int
collect(int fd, struct buf *b, struct err *e)
{
	int64_t until = time_mono_us() + WAIT_S * TIME_SEC;
	char piece[65536];
	ssize_t n = 1;
	int r = 0;

	while (r == 0 && n != 0) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left = until - time_mono_us();

		if (left <= 0 || poll(&p, 1, (int)(left / 1000) + 1) == 0)
			return err_set(e, E_LIMIT, "reading the file takes too long");
		n = read(fd, piece, sizeof(piece));
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			r = err_sys(e, "cannot read from the reader");
		else if (n > 0)
			r = buf_put(b, piece, (size_t)n, e);
	}
	return r;
}

int
reg_table(struct reg *r, const char *path, const char *sheet, const struct csv_options *o,
    struct table *t, struct csv_found *ret, struct err *e)
{
	int p[2], x, status = 0;
	struct buf in, out;
	pid_t pid;

	(void)r;
	buf_init(&in, FILE_MAX);
	buf_init(&out, (size_t)2 * TABLE_MAX_BYTES);
	x = slurp(path, &in, e);
	if (x == 0 && pipe2(p, O_CLOEXEC) < 0)
		x = err_sys(e, "pipe");
	if (x < 0) {
		buf_free(&in);
		return x;
	}
	pid = fork();
	if (pid == 0)
		child(&in, sheet, o, p[1]);
	(void)close(p[1]);
	x = pid < 0 ? err_sys(e, "cannot start the reader") : collect(p[0], &out, e);
	(void)close(p[0]);
	if (pid > 0 && x < 0)
		(void)kill(pid, SIGKILL);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (x == 0 && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
		x = err_set(e, E_CORRUPT, "%s: the reader of this file died", path);
	if (x == 0)
		x = take(&out, t, ret, e);
	buf_free(&in);
	buf_free(&out);
	return x;
}
