#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli_report.h"
#include "report/report.h"
#include "sys/fio.h"

/* Beside the target under another name first, so that a half-written PDF never has the name. */
static int
to_file(struct cli *c, const void *model, size_t n, const char *path, struct err *e)
{
	const struct fio *f = fio_os();
	char tmp[4096];
	int fd, r;

	if (snprintf(tmp, sizeof(tmp), "%s.%ld.tmp", path, (long)getpid()) >= (int)sizeof(tmp))
		return err_set(e, E_INVAL, "%s: the name is too long", path);
	fd = fio_open(f, AT_FDCWD, tmp, O_RDWR | O_CREAT | O_EXCL, 0600, e);
	if (fd < 0)
		return fd;
	r = report_render(c->self, model, n, fd, e);
	if (r == 0)
		r = fio_sync(f, fd, e);
	fio_close(f, fd);
	if (r == 0)
		r = fio_rename(f, AT_FDCWD, tmp, AT_FDCWD, path, true, e);
	if (r < 0) {
		(void)fio_unlink(f, AT_FDCWD, tmp, NULL);
		return r;
	}
	return 0;
}

int
cli_pdf(struct cli *c, const void *model, size_t n, const char *path, struct err *e)
{
	if (strcmp(path, "-") == 0)
		return report_render(c->self, model, n, STDOUT_FILENO, e);
	return to_file(c, model, n, path, e);
}

int
cli_pdf_of(struct cli *c, json_t *model, const char *path, struct err *e)
{
	char *s = model ? json_dumps(model, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	int r;

	json_decref(model);
	if (!s)
		return err_set(e, E_NOMEM, "no memory for the document");
	r = cli_pdf(c, s, strlen(s), path, e);
	free(s);
	return r;
}

int
cli_slurp(const char *path, struct buf *ret, struct err *e)
{
	if (strcmp(path, "-") != 0)
		return fio_slurp(fio_os(), AT_FDCWD, path, ret, e);
	for (;;) {
		ssize_t n;
		int r = buf_reserve(ret, 4096, e);

		if (r < 0)
			return r;
		n = read(STDIN_FILENO, ret->p + ret->len, 4096);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "standard input");
		if (n == 0)
			return 0;
		ret->len += (size_t)n;
	}
}

int
cli_pdf_done(struct cli *c, const char *path)
{
	struct stat st = {0};

	if (strcmp(path, "-") == 0)
		return CLI_OK;
	(void)stat(path, &st);
	cli_say(c, L(c, "PDF を作りました: %s", "The PDF is ready: %s"), path);
	cli_json(c, json_pack("{s:s,s:I}", "pdf", path, "bytes", (json_int_t)st.st_size));
	return CLI_OK;
}
