#include "base/err.h"

#undef err_set
#undef err_sys
#undef err_wrap

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* trim(e): A message that filled its room may end inside a character; take that one off, so that
 * whoever prints it or puts it into JSON still has well-formed UTF-8. */
static void
trim(struct err *e)
{
	size_t n = strlen(e->msg);

	if (n + 1 >= sizeof(e->msg))
		e->msg[utf8_whole(e->msg, n)] = 0;
}

__attribute__((format(printf, 2, 0))) static void
put(struct err *e, const char *fmt, va_list ap)
{
	(void)vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	trim(e);
}

int
err_set(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return code;
	e->code = code;
	e->sys = 0;
	va_start(ap, fmt);
	put(e, fmt, ap);
	va_end(ap);
	return code;
}

static int
code_of_errno(int sys)
{
	switch (sys) {
	case ENOSPC:
	case EDQUOT:
		return E_NOSPC;
	case ENOENT:
		return E_NOENT;
	case EEXIST:
		return E_EXIST;
	case ENOMEM:
		return E_NOMEM;
	default:
		return E_SYS;
	}
}

int
err_sys(struct err *e, const char *fmt, ...)
{
	int sys = errno;
	int code = code_of_errno(sys);
	const char *text = strerrordesc_np(sys); /* always English, no locale, no lock */
	va_list ap;
	size_t n;

	if (!e)
		return code;
	e->code = code;
	e->sys = sys;
	va_start(ap, fmt);
	put(e, fmt, ap);
	va_end(ap);
	n = strlen(e->msg);
	(void)snprintf(e->msg + n, sizeof(e->msg) - n, ": %s", text ? text : "?");
	trim(e);
	return code;
}

int
err_wrap(struct err *e, const char *fmt, ...)
{
	char old[sizeof(e->msg)];
	va_list ap;
	size_t n;

	if (!e)
		return E_SYS;
	(void)memcpy(old, e->msg, sizeof(old));
	va_start(ap, fmt);
	put(e, fmt, ap);
	va_end(ap);
	n = strlen(e->msg);
	(void)snprintf(e->msg + n, sizeof(e->msg) - n, ": %s", old);
	trim(e);
	if (e->code >= 0)
		e->code = E_SYS; /* nobody filled it; a failure must not turn into success */
	return e->code;
}

const char *
err_name(int code)
{
	static const char *const names[] = {
		"ok", "system", "no memory", "invalid", "not found", "corrupt", "no key", "limit",
		"format", "exists", "busy", "cancelled", "no space",
		"not reached",
	};
	const int n = (int)(sizeof(names) / sizeof(names[0]));

	if (code >= 0)
		return names[0];
	return code > -n ? names[-code] : "unknown";
}
