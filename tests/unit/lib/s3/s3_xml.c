/* What the stores answer: real shapes, and what somebody else may send. */
#include "s3/s3_xml.h"

#include <string.h>

#include "base/buf.h"
#include "base/num.h"
#include "tap.h"

#define HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"

struct seen {
	struct s3_entry en[8];
	size_t n;
	int answer;
};

static int
on_entry(const struct s3_entry *en, void *cookie, struct err *e)
{
	struct seen *s = cookie;

	(void)e;
	if (s->n < ARRAY_LEN(s->en))
		s->en[s->n] = *en;
	s->n++;
	return s->answer;
}

static int
list(const char *xml, struct s3_page *page, struct seen *s)
{
	struct err e;

	s->n = 0;
	return s3_xml_list(xml, strlen(xml), page, on_entry, s, &e);
}

static const char plain[] = HEAD
    "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name>"
    "<Prefix>p/</Prefix><KeyCount>2</KeyCount><MaxKeys>2</MaxKeys>"
    "<Contents><Key>p%2Fa%20%E8%BF%BD</Key><LastModified>2026-11-25T01:02:03.456Z</LastModified>"
    "<ETag>&quot;9b2cf535f27731c974343645a3985328&quot;</ETag><Size>67084288</Size>"
    "<StorageClass>STANDARD</StorageClass><Owner><ID>x</ID></Owner></Contents>"
    "<Contents><Key>p%2Fb</Key><Size>0</Size></Contents>"
    "<IsTruncated>true</IsTruncated><NextContinuationToken>t&amp;k+==</NextContinuationToken>"
    "<EncodingType>url</EncodingType></ListBucketResult>";

static const char versions[] = HEAD
    "<ListVersionsResult><IsTruncated>true</IsTruncated><NextKeyMarker>k%2Fb</NextKeyMarker>"
    "<NextVersionIdMarker>v9</NextVersionIdMarker><EncodingType>url</EncodingType>"
    "<DeleteMarker><Key>k%2Fa</Key><VersionId>d1</VersionId><IsLatest>true</IsLatest>"
    "</DeleteMarker><Version><Key>k%2Fa</Key><VersionId>v2</VersionId>"
    "<IsLatest>false</IsLatest><Size>5</Size></Version></ListVersionsResult>";

static void
lists(void)
{
	struct seen s = {0};
	struct s3_page page;

	EQ_I(list(plain, &page, &s), 0, "a list");
	EQ_I(s.n, 2, "two lines");
	EQ_S(s.en[0].key, "p/a \xe8\xbf\xbd", "a key is decoded, also before the answer says so");
	EQ_S(s.en[0].etag, "9b2cf535f27731c974343645a3985328", "an ETag without quotes");
	EQ_I(s.en[0].size, 67084288, "a size");
	EQ_I(s.en[0].modified, INT64_C(1795568523456000), "a time");
	OK(page.more, "there is more");
	EQ_S(page.token, "t&k+==", "a token is left as it is");
	EQ_I(list(versions, &page, &s), 0, "a list of versions");
	OK(s.n == 2 && s.en[0].delete_marker && s.en[0].latest, "a delete marker");
	OK(!s.en[1].delete_marker && !s.en[1].latest, "an older version");
	EQ_S(s.en[1].version, "v2", "its id");
	EQ_S(page.key, "k/b", "the next key, decoded");
	EQ_S(page.version, "v9", "the next version");
	s.answer = E_CANCEL;
	EQ_I(list(versions, &page, &s), E_CANCEL, "the walk can be stopped");
	EQ_I(s.n, 1, "at once");
	s.answer = 0;
	EQ_I(list(HEAD "<ListPartsResult><UploadId>u</UploadId><Part><PartNumber>3</PartNumber>"
	    "<ETag>\"ab\"</ETag><Size>7</Size></Part></ListPartsResult>", &page, &s), 0, "parts");
	OK(s.n == 1 && s.en[0].part == 3 && s.en[0].size == 7, "number and size of a part");
	EQ_I(list(HEAD "<ListMultipartUploadsResult><Upload><Key>k</Key><UploadId>u1</UploadId>"
	    "<Initiated>2026-11-25T01:02:03Z</Initiated></Upload></ListMultipartUploadsResult>",
	    &page, &s), 0, "uploads");
	OK(s.n == 1 && strcmp(s.en[0].version, "u1") == 0 && s.en[0].modified > 0, "an upload");
}

static void
hostile(void)
{
	static const struct {
		const char *xml, *what;
		int want;
	} bad[] = {
	    {"", "nothing", E_PROTO},
	    {"<html><body>proxy</body></html>", "a page of a proxy", E_PROTO},
	    {"<ListBucketResult><Contents>", "an answer that is cut", E_PROTO},
	    {"<!DOCTYPE x [<!ENTITY a \"b\">]><ListBucketResult/>", "a document type", E_PROTO},
	    {"<ListBucketResult><a><b><c><d><e><f><g><h/></g></f></e></d></c></b></a>"
	     "</ListBucketResult>",
		"deep nesting", E_PROTO},
	    {"<ListBucketResult><Contents><Size>-1</Size></Contents></ListBucketResult>",
		"a negative size", E_PROTO},
	    {"<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>a%0</Key></Contents>"
	     "</ListBucketResult>",
		"a broken escape", E_PROTO},
	    {"<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>a%00b</Key>"
	     "</Contents></ListBucketResult>",
		"a NUL in a key", E_PROTO},
	};
	struct seen s = {0};
	struct s3_page page;
	struct buf b;
	struct err e;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		EQ_I(list(bad[i].xml, &page, &s), bad[i].want, bad[i].what);
	buf_init(&b, 8 << 20);
	(void)!buf_str(&b, "<ListBucketResult><Contents><Key>", &e);
	for (int i = 0; i < 2000; i++)
		(void)!buf_u8(&b, 'k', &e);
	(void)!buf_str(&b, "</Key></Contents></ListBucketResult>", &e);
	EQ_I(s3_xml_list(b.p, b.len, &page, on_entry, &s, &e), E_PROTO, "an overlong key");
	buf_clear(&b);
	(void)!buf_str(&b, "<ListBucketResult>", &e);
	for (int i = 0; i < 10001; i++)
		(void)!buf_str(&b, "<Contents/>", &e);
	(void)!buf_str(&b, "</ListBucketResult>", &e);
	EQ_I(s3_xml_list(b.p, b.len, &page, on_entry, &s, &e), E_LIMIT, "a list without end");
	buf_free(&b);
}

static void
others(void)
{
	static const char refused[] = HEAD "<Error><Code>AccessDenied</Code><Message>forbidden "
	    "\xe7\xa6\x81</Message><RequestId>tx</RequestId></Error>";
	static const char lock[] = "<ObjectLockConfiguration><ObjectLockEnabled>Enabled"
	    "</ObjectLockEnabled><Rule><DefaultRetention><Mode>COMPLIANCE</Mode><Days>5</Days>"
	    "</DefaultRetention></Rule></ObjectLockConfiguration>";
	static const char held[] = "<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>"
	    "2027-01-02T03:04:05.000Z</RetainUntilDate></Retention>";
	static const char ver[] =
	    "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>";
	struct s3_xml_error err;
	struct s3_xml_lock l;
	char id[S3_ID_MAX];
	struct err e;

	s3_xml_error(refused, sizeof(refused) - 1, &err);
	EQ_S(err.code, "AccessDenied", "why it was refused");
	EQ_S(err.message, "forbidden ???", "in printable characters");
	s3_xml_error("gateway", 7, &err);
	EQ_S(err.code, "", "an answer of somebody else says nothing");
	EQ_I(s3_xml_lock(lock, sizeof(lock) - 1, &l, &e), 0, "a bucket's lock");
	OK(l.enabled && l.compliance && l.days == 5, "its default");
	EQ_I(s3_xml_lock(held, sizeof(held) - 1, &l, &e), 0, "an object's lock");
	OK(!l.compliance && l.governance && l.until == INT64_C(1798859045000000), "until when");
	EQ_I(s3_xml_lock(ver, sizeof(ver) - 1, &l, &e), 0, "versioning");
	OK(!l.versions, "suspended is not enabled");
	EQ_I(s3_xml_lock("<x/>", 4, &l, &e), E_PROTO, "something else");
	EQ_I(s3_xml_upload("<InitiateMultipartUploadResult><UploadId>2~a</UploadId>"
	    "</InitiateMultipartUploadResult>", 81, id, &e), E_PROTO, "a cut answer");
	EQ_I(s3_xml_upload("<InitiateMultipartUploadResult><UploadId>2~a</UploadId>"
	    "</InitiateMultipartUploadResult>", 87, id, &e), 0, "an upload");
	EQ_S(id, "2~a", "its id");
	EQ_I(s3_xml_upload("<InitiateMultipartUploadResult/>", 32, id, &e), E_PROTO, "without id");
	EQ_I(s3_xml_done("<Error><Code>InternalError</Code></Error>", 41, &err, &e), E_SYS,
	    "an error under a status that says it went well");
	EQ_I(s3_xml_done("<CompleteMultipartUploadResult/>", 32, &err, &e), 0, "put together");
}

int
main(void)
{
	lists();
	hostile();
	others();
	return tap_done();
}
