/* The answers of an S3-compatible store, as XML. Pure functions of foreign bytes: bounded in depth,
 * text and count, no document type, no entities of its own, no external anything (fuzzed). */
#ifndef MAMORI_S3_S3_XML_H
#define MAMORI_S3_S3_XML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
	S3_KEY_MAX = 1025,  /* a key has at most 1,024 bytes, and a NUL here */
	S3_ID_MAX = 1025,   /* version ids, upload ids */
	S3_ETAG_MAX = 128,
	S3_TOKEN_MAX = 4096,
	S3_XML_MAX = 4 << 20, /* no answer is longer */
};

/* What a store says when it refuses. */
struct s3_xml_error {
	char code[64];
	char message[256];
};

/* One line of a list: an object, a version of one, a delete marker, an upload in parts, or a part.
 */
struct s3_entry {
	char key[S3_KEY_MAX];     /* decoded; may hold any byte but NUL */
	char version[S3_ID_MAX];  /* version or upload id, "" in a plain list */
	char etag[S3_ETAG_MAX];   /* without quotes */
	uint64_t size;
	int64_t modified;         /* microseconds UTC, 0 when it was not said */
	unsigned part;            /* number of a part */
	bool latest, delete_marker;
};

/* Where the next page of a list begins. */
struct s3_page {
	bool more;
	char token[S3_TOKEN_MAX];   /* of a plain list */
	char key[S3_KEY_MAX]; /* of a list of versions or uploads, decoded; a part number for parts
			       */
	char version[S3_ID_MAX];
};

/* s3_entry_fn: a result below 0 stops the walk and is returned. */
typedef int s3_entry_fn(const struct s3_entry *en, void *cookie, struct err *e);

/* s3_xml_error(p, n, ret): What the store said; both texts are empty when it said nothing that can
 * be read. Printable ASCII only. */
void s3_xml_error(const void *p, size_t n, struct s3_xml_error *ret);

/* s3_xml_list(p, n, page, fn, cookie, e): A ListObjectsV2, ListObjectVersions, ListMultipartUploads
 * or ListParts answer whose keys are url-encoded where the answer says so. ${fn} is called for each
 * line in the order of the answer. E_PROTO: not such an answer; E_LIMIT. */
MUST int s3_xml_list(const void *p, size_t n, struct s3_page *page, s3_entry_fn *fn, void *cookie,
    struct err *e);

/* s3_xml_upload(p, n, id, e): The upload id of a started upload in parts. E_PROTO. */
MUST int s3_xml_upload(const void *p, size_t n, char id[S3_ID_MAX], struct err *e);

struct s3_xml_lock {
	bool enabled;       /* the bucket keeps locks */
	bool versions;      /* a versioning answer: the bucket keeps versions */
	bool compliance; /* the lock, or the bucket's default lock, is one that nobody can lift */
	bool governance;    /* ... is one that an administrator can lift */
	uint64_t days;      /* of the bucket's default lock */
	int64_t until;      /* of an object's lock, microseconds UTC */
};
/* s3_xml_lock(p, n, ret, e): An ObjectLockConfiguration, Retention or VersioningConfiguration.
 * E_PROTO. */
MUST int s3_xml_lock(const void *p, size_t n, struct s3_xml_lock *ret, struct err *e);

/* s3_xml_done(p, n, e): A CompleteMultipartUpload answer can say in its body that it failed after
 * all, under a status that says it did not. E_SYS then, E_PROTO. */
MUST int s3_xml_done(const void *p, size_t n, struct s3_xml_error *ret, struct err *e);

/* s3_xml_unquote(s): Decode %XX in place; false on a broken escape or a NUL. */
bool s3_xml_unquote(char *s);

#endif
