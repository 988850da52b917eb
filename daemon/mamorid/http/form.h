/* What a browser sends, read by pure functions: query and form fields, cookies, addresses, ranges
 * of multipart bodies. All of it is foreign. */
#ifndef MAMORI_DAEMON_MAMORID_HTTP_FORM_H
#define MAMORI_DAEMON_MAMORID_HTTP_FORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/vec.h"

enum {
	FORM_FIELDS = 4000,      /* of one form */
	FORM_NAME = 100,         /* bytes of a name */
	FORM_PARAMS = 4,         /* :parts of an address */
	FORM_PATH = 512,         /* bytes of an address */
};

struct field {
	char *name, *value; /* one allocation; the value is UTF-8 without NUL */
	size_t len;         /* of the value */
};
struct form {
	struct vec fields; /* of struct field, in the order sent */
};
void form_init(struct form *f);
void form_free(struct form *f);
/* form_add(f, name, nn, value, nv, e): E_INVAL (not UTF-8, a NUL, control characters other than tab
 * and line breaks, a name that is empty or too long), E_LIMIT, E_NOMEM. Line breaks become "\n". */
MUST int form_add(struct form *f, const char *name, size_t nn, const void *value, size_t nv,
    struct err *e);
/* form_urlencoded(f, p, n, e): Add the fields of application/x-www-form-urlencoded. E_INVAL also on
 * a broken %-escape. */
MUST int form_urlencoded(struct form *f, const void *p, size_t n, struct err *e);
/* form_get(f, name): The first value of that name, or "". */
const char *form_get(const struct form *f, const char *name);
/* form_has(f, name): Whether it was sent at all. */
bool form_has(const struct form *f, const char *name);
/* form_chosen(f, name, value): Whether one of the boxes of that name was sent with this value. */
bool form_chosen(const struct form *f, const char *name, const char *value);
/* form_nth(f, name, i): The i-th value of that name (from 0), or NULL. */
const char *form_nth(const struct form *f, const char *name, size_t i);

/* form_cookie(header, name, out, size): The value of a cookie (letters, digits, - _ . ~ % = + /),
 * cut never: false when it is missing, too long, of other characters, or sent twice. */
bool form_cookie(const char *header, const char *name, char *out, size_t size);

struct params {
	char v[FORM_PARAMS][FORM_NAME]; /* decoded */
	size_t n;
};
/* form_path(pattern, path, ret): Whether an address fits a pattern such as "/tasks/:id/stop". A
 * :part is not empty, holds no slash, and is UTF-8 without control characters after decoding.
 * ${ret} may be partly written when it does not fit. */
bool form_path(const char *pattern, const char *path, struct params *ret);
/* form_path_ok(path): Begins with a slash, no "//", no "." or ".." between slashes, no backslash or
 * control characters, not too long: plain or %-encoded. */
bool form_path_ok(const char *path);

/* form_local(s): Whether ${s} is an address on this console that may be gone to after a sign-in:
 * one path, perhaps with a query; nothing that another host could be read from. */
bool form_local(const char *s);

/* --- multipart/form-data, as it comes in -------------------------------------------------------
 */

struct part {
	char name[FORM_NAME];
	char filename[256]; /* the last part of it, UTF-8; "" when it is no file */
	char type[64];      /* as the browser says; nobody believes it */
	bool file;
};
struct multipart_ops {
	void *ctx;
	int (*begin)(void *ctx, const struct part *p, struct err *e);
	int (*data)(void *ctx, const void *p, size_t n, struct err *e);
	int (*end)(void *ctx, struct err *e); /* of the part */
};
enum { MULTIPART_HEAD = 4096, MULTIPART_PARTS = 1000 };
struct multipart {
	struct multipart_ops ops;
	char mark[80]; /* "\r\n--" and the boundary */
	size_t nmark;
	struct buf held; /* what is not decided yet */
	int state;
	unsigned parts;
};
/* multipart_init(m, content_type, ops, e): E_INVAL when there is no usable boundary. */
MUST int multipart_init(struct multipart *m, const char *content_type,
    const struct multipart_ops *ops, struct err *e);
/* multipart_feed(m, p, n, e): The next bytes; calls ${ops}. E_INVAL (malformed), E_LIMIT, and what
 * the operations return; the upload is then over. */
MUST int multipart_feed(struct multipart *m, const void *p, size_t n, struct err *e);
/* multipart_end(m, e): After the last byte. E_INVAL when the closing boundary is missing. */
MUST int multipart_end(struct multipart *m, struct err *e);
void multipart_free(struct multipart *m);

/* form_sniff(p, n, name): What a file is by its first bytes: "application/pdf", "image/png",
 * "image/jpeg", "image/gif", "image/webp", "application/zip", "application/vnd.openxmlformats-
 * officedocument.spreadsheetml.sheet" (zip named .xlsx), "text/csv" (text named .csv),
 * "text/plain", else "application/octet-stream". Never a type that a browser would run. */
const char *form_sniff(const void *p, size_t n, const char *name);

#endif
