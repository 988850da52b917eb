/* mamori-render: a document's model on standard input, a PDF on standard output. One-shot, in a
 * jail from the first line: no network, no other file than the fonts, nothing to write to but what
 * it was given. Exit status: 0 done, 2 the model is wrong, 3 could not do it, 4 no Japanese font.
 * What went wrong is one line on standard error. */
#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/num.h"
#include "mamori-render/page.h"
#include "sys/jail.h"

enum { CPU_SECONDS = 90, FILE_MAX = 256 << 20 };
#define MEMORY (UINT64_C(2) << 30)

static int
fail(int status, const struct err *e)
{
	(void)fprintf(stderr, "%s\n", e->msg);
	return status;
}

static int
enter(struct err *e)
{
	static const struct jail_path paths[] = {
	    {"/usr/share/fonts", JAIL_READ},
	    {"/var/cache/fontconfig", JAIL_READ},
	};
	const struct jail j = {
	    .paths = paths,
	    .npaths = ARRAY_LEN(paths),
	    .sets = JAIL_S_READ | JAIL_S_THREADS, /* pango looks for fonts in a thread */
	    .max_files = 64,
	    .max_memory = MEMORY,
	    .min_level = JAIL_CALLS,
	};
	const struct rlimit cpu = {CPU_SECONDS, CPU_SECONDS}, size = {FILE_MAX, FILE_MAX};
	struct jail_report rep;

	if (setrlimit(RLIMIT_CPU, &cpu) < 0 || setrlimit(RLIMIT_FSIZE, &size) < 0)
		return err_sys(e, "limits");
	return jail_enter(&j, &rep, e);
}

static int
read_model(struct buf *b, struct err *e)
{
	for (;;) {
		ssize_t n;
		int r = buf_reserve(b, 65536, e);

		if (r < 0)
			return r;
		n = read(0, b->p + b->len, 65536);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "reading the document");
		if (n == 0)
			return 0;
		b->len += (size_t)n;
	}
}

static cairo_status_t
to_stdout(void *cookie, const unsigned char *p, unsigned n)
{
	struct err *e = cookie;

	while (n > 0) {
		ssize_t k = write(1, p, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0) {
			(void)err_sys(e, "writing the PDF");
			return CAIRO_STATUS_WRITE_ERROR;
		}
		p += k;
		n -= (unsigned)k;
	}
	return CAIRO_STATUS_SUCCESS;
}

static int
render(const struct report *rep, struct fonts *fonts, struct err *e)
{
	struct err written = {0};
	struct flow f;
	int r;

	flow_init(&f, rep, fonts, e);
	lay_document(&f);
	r = f.r;
	if (r == 0)
		r = draw(&f, to_stdout, &written, e);
	if (written.code < 0 && e)
		*e = written;
	flow_free(&f);
	return r;
}

static int
work(void)
{
	struct err e = {0};
	struct report rep;
	struct fonts fonts;
	struct buf model;
	int r;

	if (enter(&e) < 0)
		return fail(3, &e);
	buf_init(&model, REPORT_MAX_JSON + 65536);
	if (read_model(&model, &e) < 0)
		return fail(e.code == E_LIMIT ? 2 : 3, &e);
	r = report_read(model.p, model.len, &rep, &e);
	buf_free(&model);
	if (r < 0)
		return fail(2, &e);
	r = fonts_open(&fonts, &e);
	if (r < 0) {
		report_free(&rep);
		return fail(r == E_NOENT ? 4 : 3, &e);
	}
	r = render(&rep, &fonts, &e);
	fonts_close(&fonts);
	report_free(&rep);
	return r == 0 ? 0 : fail(r == E_INVAL || r == E_LIMIT ? 2 : 3, &e);
}

int
main(void)
{
	int status = work();

	/* out at once: what the libraries keep until the end is not worth tidying, and whoever
	 * looks for leaks or counts lines at the end of main cannot work inside the jail */
	(void)fflush(stderr);
	_exit(status);
}
