/* A client of S3-compatible object stores: what a store of locked, never overwritten objects needs,
 * and nothing else. There is no call that deletes.
 *
 * One background thread moves the bytes of all requests over kept-alive connections (libcurl's
 * multi interface); any number of threads may call at the same time and wait for their own answer.
 * Certificates are always verified; plain http is spoken to this machine's loopback only. What may
 * be repeated safely is repeated, with exponential back-off and jitter, after 5xx, 429, time-outs
 * and broken connections; all requests here are safe to repeat.
 *
 * Errors, beside those named below: E_NET (not reached, cut off, or busy for too long), E_AUTH (the
 * login or its rights, an expired token, this machine's clock too far off: the message says which),
 * E_PROTO (the answer is not what an S3 store says), E_NOENT (no such bucket), E_NOSPC (quota),
 * E_LIMIT, E_NOMEM, E_SYS (refused for another reason). */
#ifndef MAMORI_S3_S3_H
#define MAMORI_S3_S3_H

#include "base/buf.h"
#include "s3/s3_xml.h"
#include "s3/sigv4.h"

enum {
	S3_PARALLEL = 24,        /* requests at once unless said otherwise */
	S3_PARALLEL_MAX = 64,
	S3_PART = 16 << 20,      /* larger objects go up in parts of this size */
	S3_TRIES = 7,
};

/* ---- where, and who ---- */

/* An address taken apart: s3://HOST[:PORT]/BUCKET[/PREFIX]; "s3+https://" and "s3+http://" say the
 * scheme, "s3://" means https except on loopback. */
struct s3_where {
	char host[256];   /* with the port, as the Host header has it */
	bool tls;
	char bucket[64];
	char prefix[512]; /* without slashes at its ends; may be empty */
};
/* s3_where_get(url, ret, e): E_INVAL, with what is wrong; so is plain http to another machine. */
MUST int s3_where_get(const char *url, struct s3_where *ret, struct err *e);

struct s3_login {
	char access[160];
	char secret[160];
	char token[2048]; /* of a temporary login, or "" */
	char region[64];  /* "us-east-1" unless said otherwise */
	char ca[1024];    /* a file of certificates to trust instead of the system's, or "" */
};
/* s3_login_get(p, n, ret, e): Lines `name = value` or `name: value`: access-key, secret-key,
 * token, region, ca (the names of AWS's own files are understood, too: aws_access_key_id ...).
 * Empty lines, comments (# ;) and [section] lines are passed over. E_INVAL: the line and what is
 * expected; a value is never repeated in a message. */
MUST int s3_login_get(const void *p, size_t n, struct s3_login *ret, struct err *e);

struct s3_conf {
	const struct s3_where *where;
	const struct s3_login *login;
	int64_t (*now)(void); /* microseconds UTC */
	unsigned parallel;    /* 0: S3_PARALLEL */
	unsigned tries;       /* 0: S3_TRIES */
	unsigned patience_ms; /* first pause between two tries; 0: 200 */
	unsigned connect_s;   /* 0: 15 */
	unsigned stall_s;     /* a transfer that hardly moves for so long is broken off; 0: 30 */
};

struct s3;
/* s3_open(c, ret, e): Everything in ${c} is copied. Speaks to nobody yet. */
MUST int s3_open(const struct s3_conf *c, struct s3 **ret, struct err *e);
void s3_close(struct s3 *s); /* no call may be waiting; NULL is fine */
/* s3_skew(s): The store's clock minus ours as of the last answer, microseconds. */
int64_t s3_skew(struct s3 *s);
/* s3_now(s): The time, by s3_conf.now. */
int64_t s3_now(const struct s3 *s);

/* ---- objects ---- */

struct s3_meta { /* what an answer says about an object */
	uint64_t size;
	char etag[S3_ETAG_MAX];
	char version[S3_ID_MAX];
	int64_t modified;
	int64_t until;        /* end of its lock, 0: none */
	bool compliance;
};

struct s3_put {
	int64_t until; /* lock in compliance mode until then, rounded up to a second; 0: no lock */
	bool fresh;      /* only when there is no such key (If-None-Match: *) where the store can */
};
/* s3_put(s, key, p, n, o, ret, e): Store ${n} bytes. E_EXIST: o->fresh, and there is one. With
 * ${ret} (may be NULL): its version and ETag. A store that does not know If-None-Match stores
 * another version; the caller looks at the versions where that matters. */
MUST int s3_put(struct s3 *s, const char *key, const void *p, size_t n, const struct s3_put *o,
    struct s3_meta *ret, struct err *e);
/* s3_put_file(s, key, fd, n, o, ret, e): As s3_put for the first ${n} bytes of ${fd}. Past S3_PART
 * in parts, several at once; parts of an earlier try that are there already (same number, size and
 * MD5) are not sent again. */
MUST int s3_put_file(struct s3 *s, const char *key, int fd, uint64_t n, const struct s3_put *o,
    struct s3_meta *ret, struct err *e);
/* s3_get(s, key, version, b, ret, e): Append a whole object to ${b}, whose maximum is the limit.
 * ${version} may be NULL (the newest). E_NOENT: no such object, or deleted. ${ret} may be NULL. */
MUST int s3_get(struct s3 *s, const char *key, const char *version, struct buf *b,
    struct s3_meta *ret, struct err *e);
struct s3_get_one {
	const char *key;
	const char *version; /* or NULL */
	struct buf *b;       /* the object is appended; its maximum is the limit */
	int code;            /* 0 or E_*, set on return */
};
/* s3_get_all(s, v, n): Many objects, several at once. Every code says how it went. E_NOMEM only. */
MUST int s3_get_all(struct s3 *s, struct s3_get_one *v, size_t n, struct err *e);
/* s3_read(s, key, version, off, p, n, e): Exactly ${n} bytes at ${off}. E_CORRUPT: it ends before.
 */
MUST int s3_read(struct s3 *s, const char *key, const char *version, uint64_t off, void *p,
    size_t n, struct err *e);
/* s3_head(s, key, version, ret, e): E_NOENT. */
MUST int s3_head(struct s3 *s, const char *key, const char *version, struct s3_meta *ret,
    struct err *e);

struct s3_head_one {
	const char *key;
	const char *version; /* or NULL */
	struct s3_meta meta;
	int code;            /* 0 or E_*, set on return */
};
/* s3_head_all(s, v, n, e): s3_head for many, several at once. Every code says how it went. E_NOMEM
 * only. */
MUST int s3_head_all(struct s3 *s, struct s3_head_one *v, size_t n, struct err *e);

/* s3_list(s, prefix, after, fn, cookie, e): Every object whose key begins with ${prefix} and is
 * greater than ${after} (NULL: all), in the order of keys. */
MUST int s3_list(struct s3 *s, const char *prefix, const char *after, s3_entry_fn *fn,
    void *cookie, struct err *e);
/* s3_versions(s, prefix, after, fn, cookie, e): Every version and delete marker, by key, the newest
 * of a key first. */
MUST int s3_versions(struct s3 *s, const char *prefix, const char *after, s3_entry_fn *fn,
    void *cookie, struct err *e);

/* ---- locks ---- */

/* s3_retain(s, key, version, until, e): Lengthen an object's lock in compliance mode. One that is
 * longer already stays. E_NOENT, E_AUTH (the store or the login does not allow it). */
MUST int s3_retain(struct s3 *s, const char *key, const char *version, int64_t until,
    struct err *e);
struct s3_retain_one {
	const char *key;
	const char *version; /* or NULL */
	int64_t until;       /* of this one; 0: of all */
	int code;            /* 0 or E_*, set on return */
};
/* s3_retain_all(s, v, n, until, e): The same for many, several at once. The first error is
 * returned; every code says how it went. */
MUST int s3_retain_all(struct s3 *s, struct s3_retain_one *v, size_t n, int64_t until,
    struct err *e);

struct s3_bucket {
	bool versions; /* it keeps versions */
	bool locks;    /* it keeps object locks */
	uint64_t default_days;
};
/* s3_bucket(s, ret, e): What the bucket keeps. E_NOENT: no such bucket. */
MUST int s3_bucket(struct s3 *s, struct s3_bucket *ret, struct err *e);

#endif
