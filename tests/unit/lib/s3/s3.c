/* Addresses, logins, and the client against a small scripted server: what it says, what it repeats,
 * and how it words refusals. (A real store is asked in tests/scenario.) */
#include "s3/s3.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "tap.h"

/* ---- address and login ---- */

static void
where(void)
{
	static const char *const bad[] = {"http://h/b", "s3://h", "s3://h/", "s3:///bucket",
		"s3://h:0/bucket", "s3://h:99999/bucket", "s3://h/BUCKET", "s3://h/b",
		"s3://h/bucket/a//b", "s3://h/bucket/../x", "s3://h/bucket/a b",
		"s3+http://example.org/bucket", "s3://[::1/bucket", "s3://h/bucket/\xe8\xbf\xbd"};
	struct s3_where w;
	struct err e;

	EQ_I(s3_where_get("s3://store.example.jp/clinic-1/a/b/", &w, &e), 0, "an address");
	OK(w.tls && strcmp(w.host, "store.example.jp") == 0, "https unless said otherwise");
	EQ_S(w.bucket, "clinic-1", "the bucket");
	EQ_S(w.prefix, "a/b", "the prefix, without slashes at its end");
	EQ_I(s3_where_get("s3://127.0.0.1:8000/bucket", &w, &e), 0, "loopback");
	OK(!w.tls && w.prefix[0] == 0, "plain http, no prefix");
	EQ_I(s3_where_get("s3+https://localhost:443/bucket", &w, &e), 0, "https on loopback");
	OK(w.tls, "when asked for");
	EQ_S(w.host, "localhost", "the usual port is not said");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		EQ_I(s3_where_get(bad[i], &w, &e), E_INVAL, bad[i]);
}

static void
login(void)
{
	static const char good[] = "# of the store\n[default]\r\naccess-key: AK\r\n"
	    "  aws_secret_access_key = s3cr=t/+\nca: /etc/some where.pem\n\n";
	static const char *const bad[] = {"", "access-key: A\n", "access-key: A\nsecret-key: a b\n",
		"access-key: A\nsecret-key: \n", "access-key A\n", "user: A\n",
		"access-key: A\nsecret-key: topsecret\x01\n"};
	struct s3_login l;
	struct err e;

	EQ_I(s3_login_get(good, sizeof(good) - 1, &l, &e), 0, "a login");
	EQ_S(l.access, "AK", "its name");
	EQ_S(l.secret, "s3cr=t/+", "its secret, with = and / in it");
	EQ_S(l.region, "us-east-1", "the region that all understand");
	EQ_S(l.ca, "/etc/some where.pem", "a file of certificates");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		EQ_I(s3_login_get(bad[i], strlen(bad[i]), &l, &e), E_INVAL, "a login that is none");
	OK(!strstr(e.msg, "topsecret"), "a message does not repeat a secret");
}

/* ---- a scripted server: one answer a request, in the order they come ---- */

struct script {
	const char *answers[16]; /* after the status line; NULL: close without a word */
	size_t n, at;
	int fd;
	uint16_t port;
	pthread_t thread;
	char seen[16][8192];
};

static size_t
receive(int c, char *buf, size_t size)
{
	size_t len = 0, want = 0;

	while (len < size - 1) {
		ssize_t n = read(c, buf + len, size - 1 - len);
		char *body, *cl;

		if (n <= 0)
			return len;
		len += (size_t)n;
		buf[len] = 0;
		body = strstr(buf, "\r\n\r\n");
		if (!body)
			continue;
		cl = strcasestr(buf, "content-length: ");
		for (want = 0, cl = cl && cl < body ? cl + 16 : NULL;
		     cl && *cl >= '0' && *cl <= '9';)
			want = want * 10 + (size_t)(*cl++ - '0');
		if (len >= (size_t)(body - buf) + 4 + want)
			return len;
	}
	return len;
}

/* drain(c, buf, got): What of a long body did not fit; nothing when the client waits for a word. */
static void
drain(int c, const char *buf, size_t got)
{
	const char *body = strstr(buf, "\r\n\r\n"), *cl = strcasestr(buf, "content-length: ");
	static char rest[1 << 16];
	size_t want = body && cl && cl < body ? strtoull(cl + 16, NULL, 10) : 0;

	got -= body ? (size_t)(body - buf) + 4 : got;
	while (got < want) {
		ssize_t n = read(c, rest, want - got < sizeof(rest) ? want - got : sizeof(rest));

		if (n <= 0)
			return;
		got += (size_t)n;
	}
}

static void *
serve(void *cookie)
{
	struct script *s = cookie;

	for (; s->at < s->n; s->at++) {
		int c = accept(s->fd, NULL, NULL);
		const char *a = s->answers[s->at];

		if (c < 0)
			break;
		drain(c, s->seen[s->at], receive(c, s->seen[s->at], sizeof(s->seen[0])));
		if (a && write(c, a, strlen(a)) < 0)
			a = NULL;
		(void)close(c);
	}
	return NULL;
}

static void
begin(struct script *s)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(sin);

	s->at = 0;
	s->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(s->fd, (struct sockaddr *)&sin, sizeof(sin)) < 0 || listen(s->fd, 16) < 0 ||
	    getsockname(s->fd, (struct sockaddr *)&sin, &n) < 0 ||
	    pthread_create(&s->thread, NULL, serve, s) != 0)
		abort();
	s->port = ntohs(sin.sin_port);
}

static void
end(struct script *s)
{
	(void)shutdown(s->fd, SHUT_RDWR);
	(void)pthread_join(s->thread, NULL);
	(void)close(s->fd);
}

static int64_t
at_one(void)
{
	return INT64_C(1795568523000000); /* 2026-11-25T01:02:03Z */
}

static struct s3 *
client(uint16_t port)
{
	static struct s3_login l;
	struct s3_where w;
	struct s3_conf c = {.where = &w, .login = &l, .now = at_one, .tries = 3,
	    .patience_ms = 1, .connect_s = 5, .stall_s = 2, .parallel = 1};
	struct s3 *s = NULL;
	struct err e;
	char url[64];

	(void)snprintf(url, sizeof(url), "s3://127.0.0.1:%u/bucket/p", port);
	if (s3_login_get("access-key: AK\nsecret-key: SK\n", 30, &l, &e) < 0 ||
	    s3_where_get(url, &w, &e) < 0 || s3_open(&c, &s, &e) < 0)
		abort();
	return s;
}

#define OKAY "HTTP/1.1 200 OK\r\nConnection: close\r\n"
#define NO_CONTENT "Content-Length: 0\r\n\r\n"
static struct script s;

static void
repeats(void)
{
	struct s3_put o = {.until = INT64_C(1795568523000001), .fresh = true};
	struct s3_meta m = {0};
	struct s3 *c;
	struct err e = {0};

	s = (struct script){.n = 3, .answers = {
	    "HTTP/1.1 503 Slow Down\r\nConnection: close\r\n" NO_CONTENT, NULL,
	    OKAY "x-amz-version-id: v1\r\nETag: \"abc\"\r\n" NO_CONTENT}};
	begin(&s);
	c = client(s.port);
	EQ_I(s3_put(c, "p/k", "hello", 5, &o, &m, &e), 0, "after a 503 and a broken connection");
	end(&s);
	EQ_I(s.at, 3, "at the third try");
	EQ_S(m.version, "v1", "the version");
	EQ_S(m.etag, "abc", "the ETag");
	OK(strncmp(s.seen[2], "PUT /bucket/p/k HTTP/1.1\r\n", 26) == 0, "the request line");
	OK(strstr(s.seen[2], "x-amz-object-lock-mode: COMPLIANCE\r\n"), "a lock nobody can lift");
	OK(strstr(s.seen[2], "x-amz-object-lock-retain-until-date: 2026-11-25T01:02:04Z\r\n"),
	    "until when, rounded up");
	OK(strstr(s.seen[2], "if-none-match: *\r\n"), "only when there is none");
	OK(strstr(s.seen[2], "content-md5: XUFAKrxLKna5cZ2REBfFkg==\r\n"), "the MD5");
	OK(strstr(s.seen[2], "x-amz-content-sha256: "
	    "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\r\n"), "the SHA-256");
	OK(strstr(s.seen[2], "SignedHeaders=content-md5;host;if-none-match;x-amz-content-sha256;"
	    "x-amz-date;x-amz-object-lock-mode;x-amz-object-lock-retain-until-date"),
	    "all of it is signed");
	OK(strstr(s.seen[2], "\r\n\r\nhello"), "the body, again from its beginning");
	OK(!strstr(s.seen[2], "SK"), "the secret is never sent");
	s3_close(c);
}

static void
gives_up(void)
{
	struct s3_meta m;
	struct s3 *c;
	struct err e = {0};

	s = (struct script){.n = 3, .answers = {NULL, NULL, NULL}};
	begin(&s);
	c = client(s.port);
	EQ_I(s3_head(c, "p/k", NULL, &m, &e), E_NET, "nobody answers");
	OK(strstr(e.msg, "cannot be reached"), "in words");
	end(&s);
	EQ_I(s3_head(c, "p/k", NULL, &m, &e), E_NET, "nobody is there");
	s3_close(c);
}

static void
refusals(void)
{
	static const struct {
		const char *answer;
		int want;
		const char *words;
	} t[] = {
	    {"HTTP/1.1 403 x\r\nConnection: close\r\n\r\n<Error><Code>SignatureDoesNotMatch</Code>"
	     "</Error>",
		E_AUTH, "secret-key"},
	    {"HTTP/1.1 403 x\r\nConnection: close\r\n\r\n<Error><Code>InvalidAccessKeyId</Code>"
	     "</Error>",
		E_AUTH, "access-key"},
	    {"HTTP/1.1 403 x\r\nConnection: close\r\nDate: Wed, 25 Nov 2026 03:02:03 GMT\r\n\r\n"
	     "<Error><Code>RequestTimeTooSkewed</Code></Error>",
		E_AUTH, "120 minutes behind"},
	    {"HTTP/1.1 404 x\r\nConnection: close\r\n\r\n<Error><Code>NoSuchBucket</Code></Error>",
		E_NOENT, "no such bucket"},
	    {"HTTP/1.1 404 x\r\nConnection: close\r\n" NO_CONTENT, E_NOENT, "no such object"},
	    {"HTTP/1.1 412 x\r\nConnection: close\r\n" NO_CONTENT, E_EXIST, "already"},
	    {"HTTP/1.1 403 x\r\nConnection: close\r\n\r\n<Error><Code>QuotaExceeded</Code></Error>",
		E_NOSPC, "quota"},
	    {"HTTP/1.1 301 x\r\nLocation: http://evil.example/\r\nConnection: close\r\n" NO_CONTENT,
		E_INVAL, "another address"},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct buf AUTO(buf_free) b = {0};
		struct s3 *c;
		struct err e = {0};

		buf_init(&b, 100);
		s = (struct script){.n = 1, .answers = {t[i].answer}};
		begin(&s);
		c = client(s.port);
		EQ_I(s3_get(c, "p/k", "v 1", &b, NULL, &e), t[i].want, t[i].words);
		if (!OK(strstr(e.msg, t[i].words), "the message says so"))
			printf("#   %s\n", e.msg);
		end(&s);
		EQ_I(b.len, 0, "nothing of a refusal is taken for data");
		s3_close(c);
	}
	OK(strstr(s.seen[0], "GET /bucket/p/k?versionId=v%201 "), "a version is asked for");
}

static void
lengths(void)
{
	struct buf AUTO(buf_free) b = {0};
	char p[6] = {0};
	struct s3 *c;
	struct err e = {0};

	buf_init(&b, 8);
	s = (struct script){.n = 8, .answers = {
	    "HTTP/1.1 206 x\r\nConnection: close\r\nContent-Length: 5\r\n\r\nworld",
	    "HTTP/1.1 206 x\r\nConnection: close\r\nContent-Length: 4\r\n\r\nworl",
	    "HTTP/1.1 206 x\r\nConnection: close\r\nContent-Length: 5\r\n\r\nworld",
	    "HTTP/1.1 200 x\r\nConnection: close\r\nContent-Length: 11\r\n\r\nhello world",
	    "HTTP/1.1 200 x\r\nConnection: close\r\nContent-Length: 11\r\n\r\nhello world",
	    "HTTP/1.1 200 x\r\nConnection: close\r\nContent-Length: 9\r\n\r\nhell",
	    "HTTP/1.1 200 x\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello",
	    "HTTP/1.1 416 x\r\nConnection: close\r\n" NO_CONTENT}};
	begin(&s);
	c = client(s.port);
	EQ_I(s3_read(c, "p/k", NULL, 6, p, 5, &e), 0, "a piece");
	EQ_S(p, "world", "the right bytes");
	OK(strstr(s.seen[0], "range: bytes=6-10\r\n"), "the range that was asked for");
	EQ_I(s3_read(c, "p/k", NULL, 6, p, 5, &e), 0, "a short piece is asked for again");
	EQ_I(s3_read(c, "p/k", NULL, 6, p, 5, &e), E_LIMIT,
	    "a store that ignores the range does not overrun");
	EQ_I(s3_get(c, "p/k", NULL, &b, NULL, &e), E_LIMIT, "more than the limit is not taken");
	EQ_I(b.len, 0, "nor a part of it");
	EQ_I(s3_get(c, "p/k", NULL, &b, NULL, &e), 0, "a cut answer is asked for again");
	OK(b.len == 5 && memcmp(b.p, "hello", 5) == 0, "and not put behind the first half");
	EQ_I(s3_read(c, "p/k", NULL, 99, p, 5, &e), E_CORRUPT, "a range behind the end");
	end(&s);
	s3_close(c);
}

static int
on_entry(const struct s3_entry *en, void *cookie, struct err *e)
{
	(void)en, (void)e;
	*(int *)cookie += 1;
	return 0;
}

static void
lists(void)
{
	static const char same[] = "HTTP/1.1 200 x\r\nConnection: close\r\n\r\n<ListBucketResult>"
	    "<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>"
	    "<Contents><Key>b</Key></Contents></ListBucketResult>";
	static const char back[] = "HTTP/1.1 200 x\r\nConnection: close\r\n\r\n<ListBucketResult>"
	    "<Contents><Key>a</Key></Contents></ListBucketResult>";
	static const char none[] = "HTTP/1.1 200 x\r\nConnection: close\r\n\r\n<ListBucketResult>"
	    "<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>"
	    "</ListBucketResult>";
	struct s3 *c;
	struct err e;
	int n = 0;

	s = (struct script){.n = 3, .answers = {same, back, none}};
	begin(&s);
	c = client(s.port);
	EQ_I(s3_list(c, "p/", NULL, on_entry, &n, &e), E_PROTO, "a list that goes backwards");
	EQ_I(n, 1, "is stopped there");
	OK(strstr(s.seen[0], "GET /bucket?encoding-type=url&list-type=2&prefix=p%2F "),
	    "first page");
	OK(strstr(s.seen[1], "continuation-token=t&"), "second page");
	EQ_I(s3_list(c, "p/", NULL, on_entry, &n, &e), E_PROTO, "a list without end");
	end(&s);
	s3_close(c);
}

/* ---- a large object whose upload was broken off ---- */

#define XML OKAY "Content-Type: application/xml\r\n\r\n"
#define ZEROS "2c7ab85a893283e98c931e9511add182" /* MD5 of 16 MiB of them */

static int
half(void)
{
	int fd = memfd_create("half", 0);

	if (fd < 0 || ftruncate(fd, 40 << 20) < 0)
		abort();
	return fd;
}

/* Of three parts the first is there, the second is there with other bytes. */
static void
taken_up(void)
{
	struct s3_put o = {.until = INT64_C(1795568523000001)};
	struct s3_meta m = {0};
	struct s3 *c;
	struct err e = {0};
	int fd = half();

	s = (struct script){.n = 6, .answers = {
	    XML "<ListMultipartUploadsResult><Upload><Key>p/k2</Key><UploadId>no</UploadId>"
	    "<Initiated>2026-11-25T01:00:00Z</Initiated></Upload><Upload><Key>p/k</Key>"
	    "<UploadId>u1</UploadId><Initiated>2026-11-24T01:00:00Z</Initiated></Upload>"
	    "</ListMultipartUploadsResult>",
	    XML "<ListPartsResult><Part><PartNumber>1</PartNumber><ETag>\"" ZEROS "\"</ETag>"
	    "<Size>16777216</Size></Part><Part><PartNumber>2</PartNumber><ETag>\"00" ZEROS "\""
	    "</ETag><Size>16777216</Size></Part></ListPartsResult>",
	    OKAY "ETag: \"e2\"\r\n" NO_CONTENT, OKAY "ETag: \"e3\"\r\n" NO_CONTENT,
	    OKAY "x-amz-version-id: v9\r\n\r\n<CompleteMultipartUploadResult/>",
	    OKAY NO_CONTENT}};
	begin(&s);
	c = client(s.port);
	EQ_I(s3_put_file(c, "p/k", fd, 40 << 20, &o, &m, &e), 0, "an upload is taken up");
	end(&s);
	EQ_I(s.at, 6, "in six requests");
	OK(strstr(s.seen[0], "GET /bucket?encoding-type=url&prefix=p%2Fk&uploads="),
	    "what is unfinished there is asked");
	OK(strstr(s.seen[1], "GET /bucket/p/k?uploadId=u1 "), "its parts, of this name");
	OK(strstr(s.seen[2], "PUT /bucket/p/k?partNumber=2&uploadId=u1 "),
	    "the part with other bytes goes again");
	OK(strstr(s.seen[3], "PUT /bucket/p/k?partNumber=3&uploadId=u1 ") &&
	        strstr(s.seen[3], "ength: 8388608\r\n"), "and the one that is missing");
	OK(strstr(s.seen[4], "<PartNumber>1</PartNumber><ETag>\"" ZEROS "\"</ETag>") &&
	        strstr(s.seen[4], "<PartNumber>2</PartNumber><ETag>\"e2\"</ETag>") &&
	        strstr(s.seen[4], "<PartNumber>3</PartNumber><ETag>\"e3\"</ETag>"),
	    "the first is taken as it is");
	OK(strstr(s.seen[5], "PUT /bucket/p/k?retention=&versionId=v9 "),
	    "the older lock is lengthened");
	s3_close(c);
	(void)close(fd);
}

/* A store says 200 and in its body that it failed; a list that cannot be had begins anew. */
static void
not_completed(void)
{
	struct s3_put o = {.until = 0};
	struct s3_meta m = {0};
	struct s3 *c;
	struct err e = {0};
	int fd = half();

	s = (struct script){.n = 6, .answers = {
	    "HTTP/1.1 403 x\r\nConnection: close\r\n" NO_CONTENT,
	    XML "<InitiateMultipartUploadResult><UploadId>u2</UploadId>"
	    "</InitiateMultipartUploadResult>",
	    OKAY "ETag: \"e1\"\r\n" NO_CONTENT, OKAY "ETag: \"e2\"\r\n" NO_CONTENT,
	    OKAY "ETag: \"e3\"\r\n" NO_CONTENT,
	    XML "<Error><Code>InternalError</Code><Message>again</Message></Error>"}};
	begin(&s);
	c = client(s.port);
	OK(s3_put_file(c, "p/k", fd, 40 << 20, &o, &m, &e) < 0, "a failure in the body is one");
	end(&s);
	EQ_I(s.at, 6, "after six requests");
	OK(strstr(s.seen[1], "POST /bucket/p/k?uploads= "), "begun anew");
	OK(strstr(s.seen[4], "partNumber=3&uploadId=u2 "), "to its last part");
	s3_close(c);
	(void)close(fd);
}

/* ---- many at once ---- */

struct worker {
	struct s3 *c;
	int bad;
};

static void *
work(void *cookie)
{
	struct worker *w = cookie;
	struct s3_meta m;

	for (int i = 0; i < 20; i++)
		w->bad += s3_head(w->c, "p/k", NULL, &m, NULL) != E_NET;
	return NULL;
}

static void
many(void)
{
	struct worker w[4];
	pthread_t t[4];
	int bad = 0;
	struct s3 *c = client(1); /* nobody listens there */

	for (size_t i = 0; i < 4; i++) {
		w[i] = (struct worker){.c = c};
		if (pthread_create(&t[i], NULL, work, &w[i]) != 0)
			abort();
	}
	for (size_t i = 0; i < 4; i++) {
		(void)pthread_join(t[i], NULL);
		bad += w[i].bad;
	}
	EQ_I(bad, 0, "four threads, each gets its own answer");
	s3_close(c);
	s3_close(NULL);
}

int
main(void)
{
	where();
	login();
	repeats();
	gives_up();
	refusals();
	lengths();
	lists();
	taken_up();
	not_completed();
	many();
	return tap_done();
}
