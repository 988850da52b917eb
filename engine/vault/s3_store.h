/* A repository in an S3-compatible object store that keeps versions and locks (Object Lock in
 * compliance mode): `s3://HOST/BUCKET/PREFIX`. A library of its own, so that only the command line
 * links an HTTP client.
 *
 * Below the prefix:
 *   mamori-vault   the identity, written last
 *   log/NNN        one record each (20 digits; the first with the log's file header before it)
 *   ckp/NNN        256 records end to end, from number NNN on, so that reading is quick
 *   seg/<id>       segments
 *
 * All are locked; each generation lengthens the locks of what it still needs. Whoever holds the
 * login can add versions and delete markers, and cannot take away the version that was there:
 * every read asks for the oldest version that holds. Of a log record that is the one which
 * continues the chain under the signature of an enrolled key, so a name that somebody took
 * beforehand is no obstacle; of a segment, the one whose size and root are those in the log. */
#ifndef MAMORI_VAULT_S3_STORE_H
#define MAMORI_VAULT_S3_STORE_H

#include "vault/store.h"

/* s3_store_open(url, env, ret, e): For a table of struct store_scheme: "s3://" (https, on loopback
 * http), "s3+https://", "s3+http://" (loopback only). The login is looked for in the file that the
 * environment's MAMORI_S3_LOGIN names, in the state directory (s3_store_keep_login), then in
 * AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and AWS_REGION. Opening for writing
 * refuses (E_INVAL) a bucket that keeps no versions or no locks. */
MUST int s3_store_open(const char *url, const struct store_env *env, struct store **ret,
    struct err *e);

/* s3_store_check_login(url, text, n, now, e): Whether the login in ${text} opens the bucket and the
 * bucket keeps versions and locks. E_INVAL, E_AUTH, E_NOENT, E_NET. */
MUST int s3_store_check_login(const char *url, const void *text, size_t n, int64_t (*now)(void),
    struct err *e);
/* s3_store_keep_login(f, statefd, url, text, n, e): Keep it in `keys/s3/` of the state. */
MUST int s3_store_keep_login(const struct fio *f, int statefd, const char *url, const void *text,
    size_t n, struct err *e);

#endif
