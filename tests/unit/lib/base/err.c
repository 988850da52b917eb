#include "base/err.h"

#include <errno.h>
#include <limits.h>

#include "base/utf8.h"
#include "tap.h"

static void
test_set(void)
{
	struct err e = {0};

	EQ_I(err_set(&e, E_CORRUPT, "segment %d", 7), E_CORRUPT, "err_set returns its code");
	EQ_I(e.code, E_CORRUPT, "and keeps it");
	EQ_I(e.sys, 0, "without errno");
	EQ_S(e.msg, "segment 7", "message");
	EQ_I(err_set(NULL, E_LIMIT, "x"), E_LIMIT, "no place for the message");
	EQ_I(err_set(&e, E_INVAL, "追加 髙橋 﨑 𠮷野 葛󠄀 ① ㈱ ｶﾅ ～"), E_INVAL, "Japanese");
	EQ_S(e.msg, "追加 髙橋 﨑 𠮷野 葛󠄀 ① ㈱ ｶﾅ ～", "text passes unchanged");
}

static void
test_sys(void)
{
	static const struct {
		int sys, code;
	} table[] = {
		{ENOSPC, E_NOSPC}, {EDQUOT, E_NOSPC}, {ENOENT, E_NOENT},
		{EEXIST, E_EXIST}, {ENOMEM, E_NOMEM}, {EIO, E_SYS}, {EACCES, E_SYS},
	};
	struct err e;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		errno = table[i].sys;
		EQ_I(err_sys(&e, "open %s", "a"), table[i].code, strerrordesc_np(table[i].sys));
		EQ_I(e.sys, table[i].sys, "errno is kept");
	}
	EQ_S(e.msg, "open a: Permission denied", "the text of errno is appended");
	errno = 99999;
	EQ_I(err_sys(&e, "x"), E_SYS, "an errno nobody knows");
	EQ_S(e.msg, "x: ?", "is shown as ?");
	errno = ENOSPC;
	EQ_I(err_sys(NULL, "x"), E_NOSPC, "no place for the message");
}

static void
test_wrap(void)
{
	struct err e;

	(void)err_set(&e, E_AUTH, "wrong key");
	EQ_I(err_wrap(&e, "repository %s", "r"), E_AUTH, "err_wrap returns the old code");
	EQ_S(e.msg, "repository r: wrong key", "context comes first");
	EQ_I(err_wrap(NULL, "x"), E_SYS, "nothing to wrap");
	e = (struct err){0};
	EQ_I(err_wrap(&e, "x"), E_SYS, "an error that nobody filled does not become success");
	for (int i = 0; i < 200; i++)
		(void)err_wrap(&e, "level %d", i);
	OK(strlen(e.msg) == sizeof(e.msg) - 1, "a message is cut, never overrun");
}

/* A cut never leaves half a character: 1 to 4 bytes each, at every offset to the end. */
static void
test_cut(void)
{
	static const char *const chars[] = {"a", "é", "葛", "𠮷"};
	struct err e;
	bool ok = true, full = true;
	char line[1200];

	for (size_t k = 0; k < 4; k++) {
		for (size_t shift = 0; shift < 8; shift++) {
			size_t n = 0;

			while (n < shift)
				line[n++] = 'x';
			while (n + 5 < sizeof(line)) {
				(void)memcpy(line + n, chars[k], strlen(chars[k]));
				n += strlen(chars[k]);
			}
			line[n] = 0;
			(void)err_set(&e, E_SYS, "%s", line);
			ok = ok && utf8_ok(e.msg, strlen(e.msg));
			full = full && strlen(e.msg) + 4 >= sizeof(e.msg);
			errno = EIO;
			(void)err_sys(&e, "%s", line);
			ok = ok && utf8_ok(e.msg, strlen(e.msg));
			(void)err_wrap(&e, "%s", line);
			ok = ok && utf8_ok(e.msg, strlen(e.msg));
		}
	}
	OK(ok, "a cut message is still UTF-8");
	OK(full, "and no shorter than it must be");
	(void)memset(line, 0x80, sizeof(line) - 1);
	line[sizeof(line) - 1] = 0;
	(void)err_set(&e, E_SYS, "%s", line);
	OK(strlen(e.msg) == sizeof(e.msg) - 1, "bytes that never were UTF-8 are left alone");
}

static void
test_names(void)
{
	bool all = true;

	EQ_S(err_name(0), "ok", "0");
	EQ_S(err_name(INT_MAX), "ok", "a result");
	EQ_S(err_name(E_SYS), "system", "first");
	EQ_S(err_name(E_CORRUPT), "corrupt", "corrupt");
	EQ_S(err_name(E_NET), "not reached", "last");
	EQ_S(err_name(E_NET - 1), "unknown", "one past the last");
	EQ_S(err_name(INT_MIN), "unknown", "smallest int");
	for (int c = E_NET; c < 0; c++)
		all = all && strcmp(err_name(c), "unknown") != 0;
	OK(all, "every code has a name");
}

int
main(void)
{
	test_set();
	test_sys();
	test_wrap();
	test_cut();
	test_names();
	return tap_done();
}
