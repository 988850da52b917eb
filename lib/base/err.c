#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void
put(struct err *e, const char *fmt, va_list ap)
{
	(void)vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
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
	(void)snprintf(e->msg + n, sizeof(e->msg) - n, ": %s", strerrordesc_np(sys) ? strerrordesc_np(sys) : "?");
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
	return e->code;
}

const char *
err_name(int code)
{
	static const char *const names[] = {
		"ok", "system", "no memory", "invalid", "not found", "corrupt", "no key", "limit",
		"format", "exists", "busy", "cancelled", "no space",
	};
	int i = code >= 0 ? 0 : -code;

	return i < (int)(sizeof(names) / sizeof(names[0])) ? names[i] : "unknown";
}
