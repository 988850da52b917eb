#include <string.h>

#include "base/time.h"
#include "s3/s3_int.h"

/* What the codes of the stores mean to the caller, and to the person who must act. */
static const struct {
	const char *code;
	int as;
	const char *words;
} known[] = {
	{"AccessDenied", E_AUTH, "the store does not allow this to the login"},
	{"InvalidAccessKeyId", E_AUTH, "the store does not know the access-key"},
	{"SignatureDoesNotMatch", E_AUTH, "the secret-key does not belong to the access-key"},
	{"ExpiredToken", E_AUTH, "the temporary login has expired"},
	{"InvalidToken", E_AUTH, "the token of the temporary login is not valid"},
	{"AccountProblem", E_AUTH, "the store has a problem with the account"},
	{"NoSuchBucket", E_NOENT, "there is no such bucket"},
	{"NoSuchKey", E_NOENT, "there is no such object"},
	{"NoSuchVersion", E_NOENT, "there is no such version of the object"},
	{"NoSuchUpload", E_NOENT, "the upload is not there any more"},
	{"PreconditionFailed", E_EXIST, "there already is such an object"},
	{"ConditionalRequestConflict", E_BUSY, "somebody else is writing this object"},
	{"QuotaExceeded", E_NOSPC, "the store's quota is used up"},
	{"EntityTooLarge", E_LIMIT, "the store does not take objects of this size"},
	{"PermanentRedirect", E_INVAL, "the bucket lies at another address or region"},
	{"AuthorizationHeaderMalformed", E_INVAL, "the store expects another region"},
	{"NotImplemented", E_PROTO, "the store cannot do this"},
	{"ObjectLockConfigurationNotFoundError", E_NOENT, "the bucket keeps no locks"},
	{"NoSuchObjectLockConfiguration", E_NOENT, "the object has no lock"},
	{"InvalidRetentionPeriod", E_INVAL, "the store does not take this retention"},
	{"BadDigest", E_CORRUPT, "the bytes changed on their way"},
	{"XAmzContentSHA256Mismatch", E_CORRUPT, "the bytes changed on their way"},
};

static int
skewed(const struct s3_call *c, struct err *e)
{
	int64_t off = (c->date - s3_now(c->s3)) / TIME_SEC;
	int64_t min = ((off < 0 ? -off : off) + 30) / 60;

	return err_set(e, E_AUTH, "%s: this machine's clock is %lld minutes %s the store's; set it "
	    "right and try again", c->s3->where.host, (long long)min,
	    off > 0 ? "behind" : "ahead of");
}

static int
by_status(const struct s3_call *c, const char *what, struct err *e)
{
	const char *host = c->s3->where.host;
	long st = c->status;

	switch (st) {
	case 401:
	case 403:
		return err_set(e, E_AUTH, "%s: the store does not allow this to the login (%s)",
		    host, what);
	case 404:
	case 405: /* what a delete marker answers */
		return err_set(e, E_NOENT, "%s: there is no such object or bucket (%s)", host,
		    what);
	case 409:
		return err_set(
		    e, E_BUSY, "%s: the store is busy with this object (%s)", host, what);
	case 412:
		return err_set(e, E_EXIST, "%s: there already is such an object (%s)", host, what);
	case 416:
		return err_set(e, E_CORRUPT, "%s: the object is shorter than it should be (%s)",
		    host, what);
	case 507:
		return err_set(e, E_NOSPC, "%s: the store is full (%s)", host, what);
	default:
		break;
	}
	if (st >= 300 && st < 400)
		return err_set(e, E_INVAL, "%s: the bucket lies at another address or region (%ld)",
		    host, st);
	return err_set(e, st >= 500 ? E_NET : E_SYS, "%s: the store answered %ld %s %s", host, st,
	    c->refused.code, c->refused.message);
}

static int
by_transport(const struct s3_call *c, struct err *e)
{
	const char *host = c->s3->where.host;

	if (c->code == E_NOMEM)
		return err_set(e, E_NOMEM, "no memory");
	if (c->read_failed)
		return err_set(e, E_SYS, "a file could not be read while it was sent");
	if (c->too_long)
		return err_set(e, E_LIMIT, "%s: the store's answer is longer than expected", host);
	return err_set(e, E_NET, "%s: the store cannot be reached: %s", host,
	    c->why[0] ? c->why : "no answer");
}

int
s3_call_error(const struct s3_call *c, struct err *e)
{
	const char *code = c->refused.code;
	char what[1200];

	if (c->code < 0 || c->status == 0)
		return by_transport(c, e);
	if (strcmp(code, "RequestTimeTooSkewed") == 0 || strcmp(code, "RequestExpired") == 0)
		return skewed(c, e);
	(void)snprintf(what, sizeof(what), "%s %s%s%s%s%s", c->method, c->s3->where.bucket,
	    c->key ? "/" : "", c->key ? c->key : "", *code ? ", " : "", code);
	for (size_t i = 0; *code && i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(code, known[i].code) == 0)
			return err_set(e, known[i].as, "%s: %s (%s)", c->s3->where.host,
			    known[i].words, what);
	}
	return by_status(c, what, e);
}

bool
s3_call_again(const struct s3_call *c)
{
	if (c->code == E_NOMEM || c->read_failed || c->too_long)
		return false;
	if (c->status == 0 || c->code < 0)
		return true;
	return c->status >= 500 ? c->status != 501 && c->status != 507 :
	    c->status == 429 || c->status == 408 ||
	    strcmp(c->refused.code, "RequestTimeout") == 0 ||
	    strcmp(c->refused.code, "SlowDown") == 0 ||
	    strcmp(c->refused.code, "OperationAborted") == 0 ||
	    strcmp(c->refused.code, "ConditionalRequestConflict") == 0;
}
