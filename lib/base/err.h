/* Errors are carried by the caller; nothing below daemon/ and cli/ logs or exits.
 *
 * A function that can fail returns 0 (or a non-negative result) on success and a negative E_* code
 * on failure, and takes a `struct err *` as its last parameter, which it fills on failure only. The
 * pointer may be NULL when the caller wants the code alone. */
#ifndef MAMORI_BASE_ERR_H
#define MAMORI_BASE_ERR_H

#define MUST __attribute__((warn_unused_result))

enum {
	E_SYS = -1,     /* a system call failed; err.sys holds errno */
	E_NOMEM = -2,   /* no memory */
	E_INVAL = -3,   /* the caller or the user asked for something that makes no sense */
	E_NOENT = -4,   /* it is not there */
	E_CORRUPT = -5, /* bytes are not what was once written: damage or tampering */
	E_AUTH = -6,    /* wrong or missing key, or not allowed */
	E_LIMIT = -7,   /* a named limit was reached */
	E_PROTO = -8,   /* a message or file of a foreign or newer format */
	E_EXIST = -9,   /* it is already there */
	E_BUSY = -10,   /* somebody else holds it; try again */
	E_CANCEL = -11, /* the caller asked to stop */
	E_NOSPC = -12,  /* the device or quota is full; nothing was lost */
	E_NET = -13,    /* another machine: not reached, cut off, or no answer in time; try again */
};

struct err {
	int code;
	int sys;
	char msg[480];
};

/* err_set(e, code, fmt, ...): Fill ${e} (if not NULL) and return ${code}. The message is cut, never
 * overrun. Meant as `return err_set(e, E_CORRUPT, "segment %s: ...", ...)`. */
int err_set(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* err_sys(e, fmt, ...): As err_set with the current errno: the code is E_NOSPC for ENOSPC and
 * EDQUOT, E_NOENT for ENOENT, E_EXIST for EEXIST, E_NOMEM for ENOMEM, else E_SYS. The text of errno
 * is appended. */
int err_sys(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* err_wrap(e, fmt, ...): Put a context before the message already in ${e}; returns e->code. */
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* err_name(code): A short stable English word for an E_* code ("corrupt"), "ok" for >= 0. */
const char *err_name(int code);

/* Static analyzers look at one file at a time and would follow a failure on as if it had returned
 * 0; tell them what the contract above says. The program itself is compiled without this. */
#if defined(__clang_analyzer__) || defined(MAMORI_ANALYZER)
#define ERR_NEGATIVE(call)                                                                         \
	__extension__({                                                                            \
		int err_negative_code = (call);                                                    \
		if (err_negative_code >= 0)                                                        \
			__builtin_unreachable();                                                   \
		err_negative_code;                                                                 \
	})
#define err_set(...) ERR_NEGATIVE((err_set)(__VA_ARGS__))
#define err_sys(...) ERR_NEGATIVE((err_sys)(__VA_ARGS__))
#define err_wrap(...) ERR_NEGATIVE((err_wrap)(__VA_ARGS__))
#endif

#endif
