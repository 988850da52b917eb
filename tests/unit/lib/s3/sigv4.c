/* The signer against the published vectors: AWS's generic test suite (service "service",
 * 20150830T123600Z) and the examples of the S3 documentation (20130524T000000Z). */
#include "s3/sigv4.h"

#include <string.h>

#include "base/num.h"
#include "base/time.h"
#include "tap.h"

#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define WORDS "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define TOKEN                                                                              \
	"AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKW"         \
	"HGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM"         \
	"4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6"         \
	"fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC"         \
	"9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="

struct vector {
	const char *name, *method, *path;
	struct sigv4_pair query[4], headers[8];
	const char *payload, *names, *sig;
};

static const struct vector suite[] = {
	{"get-vanilla", "GET", "/", {{0}}, {{0}}, EMPTY, "host;x-amz-date",
	    "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
	{"get-relative", "GET", "/example/..", {{0}}, {{0}}, EMPTY, "host;x-amz-date",
	    "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
	{"get-slash", "GET", "//", {{0}}, {{0}}, EMPTY, "host;x-amz-date",
	    "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
	{"get-unreserved", "GET", "/" WORDS, {{0}}, {{0}}, EMPTY, "host;x-amz-date",
	    "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
	{"get-vanilla-empty-query-key", "GET", "/", {{"Param1", "value1"}}, {{0}}, EMPTY,
	    "host;x-amz-date", "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
	{"get-vanilla-query-order-key-case", "GET", "/",
	    {{"Param2", "value2"}, {"Param1", "value1"}}, {{0}}, EMPTY, "host;x-amz-date",
	    "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
	{"get-vanilla-query-order-encoded", "GET", "/",
	    {{"Param-3", "Value3"}, {"Param", "Value2"}, {"\xe1\x88\xb4", "Value1"}}, {{0}}, EMPTY,
	    "host;x-amz-date", "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac"},
	{"get-vanilla-query-unreserved", "GET", "/", {{WORDS, WORDS}}, {{0}}, EMPTY,
	    "host;x-amz-date", "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
	{"get-vanilla-utf8-query", "GET", "/", {{"\xe1\x88\xb4", "bar"}}, {{0}}, EMPTY,
	    "host;x-amz-date", "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
	{"get-header-key-duplicate", "GET", "/", {{0}},
	    {{"My-Header1", "value2"}, {"My-Header1", "value2"}, {"My-Header1", "value1"}}, EMPTY,
	    "host;my-header1;x-amz-date",
	    "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
	{"get-header-value-multiline", "GET", "/", {{0}}, {{"my-header1", "value1,value2,value3"}},
	    EMPTY, "host;my-header1;x-amz-date",
	    "ba17b383a53190154eb5fa66a1b836cc297cc0a3d70a5d00705980573d8ff790"},
	{"get-header-value-order", "GET", "/", {{0}},
	    {{"My-Header1", "value4"}, {"My-Header1", "value1"}, {"My-Header1", "value3"},
	        {"My-Header1", "value2"}}, EMPTY, "host;my-header1;x-amz-date",
	    "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"},
	{"get-header-value-trim", "GET", "/", {{0}},
	    {{"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\""}}, EMPTY,
	    "host;my-header1;my-header2;x-amz-date",
	    "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
	{"post-vanilla", "POST", "/", {{0}}, {{0}}, EMPTY, "host;x-amz-date",
	    "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
	{"post-vanilla-query", "POST", "/", {{"Param1", "value1"}}, {{0}}, EMPTY,
	    "host;x-amz-date", "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"},
	{"post-vanilla-query-nonunreserved", "POST", "/",
	    {{"@#$%^", ""}, {"+", "/,?><`\";:\\|][{}"}}, {{0}}, EMPTY, "host;x-amz-date",
	    "66c82657c86e26fb25238d0e69f011edc4c6df5ae71119d7cb98ed9b87393c1e"},
	{"post-vanilla-query-space", "POST", "/", {{"p", ""}}, {{0}}, EMPTY, "host;x-amz-date",
	    "e71688addb58a26418614085fb730ba3faa623b461c17f48f2fbdb9361b94a9b"},
	{"post-header-key-sort", "POST", "/", {{0}}, {{"My-Header1", "value1"}}, EMPTY,
	    "host;my-header1;x-amz-date",
	    "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"},
	{"post-header-value-case", "POST", "/", {{0}}, {{"My-Header1", "VALUE1"}}, EMPTY,
	    "host;my-header1;x-amz-date",
	    "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"},
	{"post-sts-header-before", "POST", "/", {{0}}, {{"X-Amz-Security-Token", TOKEN}}, EMPTY,
	    "host;x-amz-date;x-amz-security-token",
	    "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"},
	{"post-x-www-form-urlencoded", "POST", "/", {{0}},
	    {{"Content-Type", "application/x-www-form-urlencoded"}, {"Content-Length", "13"},
	        {"x-amz-content-sha256",
	            "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e"}},
	    "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e",
	    "content-length;content-type;host;x-amz-content-sha256;x-amz-date",
	    "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b"},
};
/* The path as S3 has it, under the same suite. */
static const struct vector unchanged[] = {
	{"get-utf8", "GET", "/\xe1\x88\xb4", {{0}}, {{0}}, EMPTY, "host;x-amz-date",
	    "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
	{"get-space-unnormalized", "GET", "/example space/", {{0}}, {{0}}, EMPTY,
	    "host;x-amz-date", "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"},
	{"get-slashes-unnormalized", "GET", "//example//", {{0}}, {{0}}, EMPTY, "host;x-amz-date",
	    "87cca117541a147f6df867677d98a7d80dff226d2bfca9e4ffa899665623c7e5"},
	{"get-relative-unnormalized", "GET", "/example/..", {{0}}, {{0}}, EMPTY,
	    "host;x-amz-date", "eca7ead57bb5aa5c8e28007acd4ff04e1ff9a0ff3b237ec1554a184887ff9282"},
};
#define PUT_SHA "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"
static const struct vector s3[] = {
    {"S3: GET object", "GET", "/test.txt", {{0}},
	{{"Range", "bytes=0-9"}, {"x-amz-content-sha256", EMPTY}}, EMPTY,
	"host;range;x-amz-content-sha256;x-amz-date",
	"f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
    {"S3: PUT object", "PUT", "/test$file.text", {{0}},
	{{"Date", "Fri, 24 May 2013 00:00:00 GMT"}, {"x-amz-storage-class", "REDUCED_REDUNDANCY"},
	    {"x-amz-content-sha256", PUT_SHA}},
	PUT_SHA, "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
	"98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
    {"S3: GET bucket lifecycle", "GET", "/", {{"lifecycle", ""}}, {{"x-amz-content-sha256", EMPTY}},
	EMPTY, "host;x-amz-content-sha256;x-amz-date",
	"fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
    {"S3: list objects", "GET", "/", {{"prefix", "J"}, {"max-keys", "2"}},
	{{"x-amz-content-sha256", EMPTY}}, EMPTY, "host;x-amz-content-sha256;x-amz-date",
	"34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
};

static size_t
pairs(const struct sigv4_pair *p, size_t max)
{
	size_t n = 0;

	while (n < max && p[n].name)
		n++;
	return n;
}

static void
check(const struct vector *v, bool is_s3, bool plain)
{
	struct sigv4_pair h[10] = {
		{"Host", is_s3 ? "examplebucket.s3.amazonaws.com" : "example.amazonaws.com"},
		{"X-Amz-Date", is_s3 ? "20130524T000000Z" : "20150830T123600Z"}};
	struct sigv4 s = {.access = is_s3 ? "AKIAIOSFODNN7EXAMPLE" : "AKIDEXAMPLE",
	    .secret = is_s3 ? "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" :
	                      "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
	    .region = "us-east-1", .service = is_s3 ? "s3" : "service", .method = v->method,
	    .path = v->path, .plain_path = plain, .query = v->query,
	    .nquery = pairs(v->query, ARRAY_LEN(v->query)), .headers = h, .payload = v->payload};
	size_t n = pairs(v->headers, ARRAY_LEN(v->headers));
	struct buf b;
	struct err e = {0};
	char want[1024];

	buf_init(&b, 1 << 16);
	for (size_t i = 0; i < n; i++)
		h[2 + i] = v->headers[i];
	s.nheaders = 2 + n;
	if (time_get(is_s3 ? "2013-05-24T00:00:00Z" : "2015-08-30T12:36:00Z", &s.at, &e) < 0)
		s.at = 0;
	(void)snprintf(want, sizeof(want),
	    "AWS4-HMAC-SHA256 Credential=%s/%.8s/us-east-1/%s/aws4_request, SignedHeaders=%s, "
	    "Signature=%s", s.access, h[1].value, s.service, v->names, v->sig);
	EQ_I(sigv4_sign(&s, &b, &e), 0, v->name);
	EQ_S(buf_cstr(&b, &e), want, v->name);
	buf_free(&b);
}

static void
steps(void)
{
	struct sigv4_pair h[] = {{"host", "h"}, {"x-amz-date", "20130524T000000Z"}};
	struct sigv4 s = {.access = "A",
	    .secret = "S",
	    .region = "r",
	    .service = "s3",
	    .at = INT64_C(1369353600000000),
	    .method = "PUT",
	    .path = "/b/\xe8\xbf\xbd\xe5\x8a\xa0 ~",
	    .plain_path = true,
	    .headers = h,
	    .nheaders = 2,
	    .payload = EMPTY};
	struct sigv4_pair many[SIGV4_MAX_PAIRS + 1];
	struct buf b;
	struct err e;
	char stamp[SIGV4_STAMP];

	buf_init(&b, 1 << 16);
	sigv4_stamp(s.at, stamp);
	EQ_S(stamp, "20130524T000000Z", "the time as S3 wants it");
	EQ_I(sigv4_canonical(&s, &b, &e), 0, "a canonical request");
	EQ_S(buf_cstr(&b, &e),
	    "PUT\n/b/%E8%BF%BD%E5%8A%A0%20~\n\nhost:h\n"
	    "x-amz-date:20130524T000000Z\n\nhost;x-amz-date\n" EMPTY,
	    "names in Japanese are encoded");
	s.headers = h + 1;
	s.nheaders = 1;
	EQ_I(sigv4_canonical(&s, &b, &e), E_INVAL, "a request without host is not signed");
	for (size_t i = 0; i < ARRAY_LEN(many); i++)
		many[i] = (struct sigv4_pair){"a", "b"};
	EQ_I(sigv4_query(&b, many, ARRAY_LEN(many), &e), E_LIMIT, "too many parameters");
	s.headers = many;
	s.nheaders = ARRAY_LEN(many);
	EQ_I(sigv4_canonical(&s, &b, &e), E_LIMIT, "too many headers");
	buf_free(&b);
	buf_init(&b, 8);
	EQ_I(sigv4_sign(&s, &b, &e), E_LIMIT, "no room");
	buf_free(&b);
}

int
main(void)
{
	for (size_t i = 0; i < ARRAY_LEN(suite); i++)
		check(&suite[i], false, false);
	for (size_t i = 0; i < ARRAY_LEN(unchanged); i++)
		check(&unchanged[i], false, true);
	for (size_t i = 0; i < ARRAY_LEN(s3); i++)
		check(&s3[i], true, true);
	steps();
	return tap_done();
}
