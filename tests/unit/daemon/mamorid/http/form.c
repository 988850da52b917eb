/* What browsers and others send. */
#include <stdlib.h>

#include "mamorid/http/console.h"
#include "tap.h"

static int
add(struct form *f, const char *s)
{
	return form_urlencoded(f, s, strlen(s), NULL);
}

static void
test_urlencoded(void)
{
	struct form f;

	form_init(&f);
	EQ_I(
	    add(&f, "a=1&b=%E9%AB%99%E6%A9%8B+%F0%A0%AE%B7&a=2&&c&d=%0D%0Ax%0Ay%0Dz"), 0, "a form");
	EQ_S(form_get(&f, "b"), "髙橋 𠮷", "decoded");
	EQ_S(form_get(&f, "a"), "1", "the first of two");
	EQ_S(form_nth(&f, "a", 1), "2", "the second");
	OK(form_chosen(&f, "a", "2") && !form_chosen(&f, "a", "3") && !form_chosen(&f, "x", ""),
	    "which of them were chosen");
	OK(form_nth(&f, "a", 2) == NULL && !form_has(&f, "x") && form_has(&f, "c"), "and no more");
	EQ_S(form_get(&f, "d"), "\nx\ny\nz", "every line break is one");
	form_free(&f);
	for (const char *const *p = (const char *const[]){"a=%", "a=%4", "a=%zz", "a=%ff", "a=%00",
	         "a=%ED%A0%80", "=x", "a=%01", "%0a=x", "a=%1b", NULL};
	     *p; p++) {
		form_init(&f);
		OK(add(&f, *p) == E_INVAL, "refused: %s", *p);
		form_free(&f);
	}
}

static void
test_torture(void)
{
	static const char torture[] = "追加 髙橋 﨑 𠮷野 葛󠄀 ① ㈱ ｶﾅ ～";
	struct form f;
	struct buf b;

	form_init(&f);
	buf_init(&b, 1000);
	OK(buf_str(&b, "t=", NULL) == 0 && tmpl_escape(CTX_URLPART, torture, &b, NULL) == 0 &&
	        form_urlencoded(&f, b.p, b.len, NULL) == 0, "encoded and read");
	EQ_S(form_get(&f, "t"), torture, "the same");
	form_free(&f);
	buf_free(&b);
}

static void
test_many(void)
{
	struct form f;
	struct buf b;

	form_init(&f);
	buf_init(&b, 1 << 20);
	for (int i = 0; i < FORM_FIELDS + 1; i++)
		if (buf_str(&b, "a=1&", NULL) < 0)
			abort();
	EQ_I(form_urlencoded(&f, b.p, b.len, NULL), E_LIMIT, "too many fields");
	form_free(&f);
	buf_free(&b);
}

static void
test_cookie(void)
{
	char v[16];

	OK(form_cookie("a=1; __Host-m=abc-_.; b=2", "__Host-m", v, sizeof(v)), "a cookie");
	EQ_S(v, "abc-_.", "its value");
	OK(!form_cookie("xa=1", "a", v, sizeof(v)) && !form_cookie("a", "a", v, sizeof(v)) &&
	        !form_cookie(NULL, "a", v, sizeof(v)), "no other one");
	OK(!form_cookie("a=1; a=2", "a", v, sizeof(v)), "two of a name are none");
	OK(!form_cookie("a=0123456789abcdef", "a", v, sizeof(v)), "too long is none, not cut");
	OK(!form_cookie("a=<b>", "a", v, sizeof(v)), "strange characters are none");
}

static void
test_path(void)
{
	struct params p;

	OK(form_path("/tasks/:id/stop", "/tasks/12/stop", &p) && p.n == 1, "a part");
	EQ_S(p.v[0], "12", "its value");
	OK(form_path("/r/:kind/:id", "/r/person/%E9%AB%99%20x", &p), "decoded");
	EQ_S(p.v[1], "髙 x", "its value");
	OK(form_path("/", "/", &p) && !form_path("/", "/x", &p) && !form_path("/x", "/", &p) &&
	        !form_path("/x", "/x/", &p) && !form_path("/x/:id", "/x/", &p) &&
	        !form_path("/x/:id", "/x", &p) && !form_path("/x", "/xy", &p) &&
	        !form_path("/x/:id", "/x/a/b", &p), "others do not fit");
	OK(!form_path("/x/:id", "/x/%2f", &p) && !form_path("/x/:id", "/x/%0a", &p) &&
	        !form_path("/x/:id", "/x/%00", &p) && !form_path("/x/:id", "/x/%ff", &p) &&
	        !form_path("/x/:id", "/x/%", &p), "nor does what is no name");
	for (const char *const *s = (const char *const[]){"", "x", "//", "/a//b", "/.", "/..",
		 "/a/../b", "/a/./b", "/%2e%2e/x", "/a%2f%2e%2e", "/a\\b", "/a%5cb", "/a%00",
		 "/a%0d", "/%ff", "/%", "/a/..", NULL};
	     *s; s++)
		OK(!form_path_ok(*s), "no address: %s", *s);
	OK(form_path_ok("/") && form_path_ok("/a.b/..c/.d") && form_path_ok("/%E9%AB%99"),
	    "addresses");
	for (const char *const *s = (const char *const[]){"//evil", "/\\evil", "https://evil",
		 "/a//b", "javascript:x", "/a\nb", "/../x", "", "/a#b", "/a b", "/%5cevil", NULL};
	     *s; s++)
		OK(!form_local(*s), "not gone to: %s", *s);
	OK(form_local("/a?b=c") && form_local("/"), "gone to");
}

static void
test_sniff(void)
{
	EQ_S(form_sniff("%PDF-1.7", 8, "x.html"), "application/pdf", "by bytes, not by name");
	EQ_S(form_sniff("<html><script>", 14, "x.html"), "text/plain", "no page");
	EQ_S(form_sniff("<svg onload=x>", 14, "x.svg"), "text/plain", "no picture that runs");
	EQ_S(form_sniff("PK\3\4....", 8, "a.XLSX"),
	    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "a sheet");
	EQ_S(form_sniff("a,b\r\n", 5, "a.csv"), "text/csv", "a table");
	EQ_S(form_sniff("\0\1", 2, "a.csv"), "application/octet-stream", "bytes");
	EQ_S(form_sniff("", 0, ""), "text/plain", "nothing");
}

/* --- multipart ------------------------------------------------------------------------------ */

struct got {
	char text[8192];
};

static int
on_begin(void *ctx, const struct part *p, struct err *e)
{
	struct got *g = ctx;

	(void)e;
	(void)snprintf(g->text + strlen(g->text), sizeof(g->text) - strlen(g->text), "[%s|%s|%d]",
	    p->name, p->filename, p->file);
	return 0;
}

static int
on_data(void *ctx, const void *p, size_t n, struct err *e)
{
	struct got *g = ctx;

	(void)e;
	(void)snprintf(g->text + strlen(g->text), sizeof(g->text) - strlen(g->text), "%.*s", (int)n,
	    (const char *)p);
	return 0;
}

static int
on_end(void *ctx, struct err *e)
{
	struct got *g = ctx;

	(void)e;
	(void)snprintf(g->text + strlen(g->text), sizeof(g->text) - strlen(g->text), ";");
	return 0;
}

static int
upload(const char *type, const char *s, size_t step, struct got *g)
{
	struct multipart_ops ops = {.ctx = g, .begin = on_begin, .data = on_data, .end = on_end};
	struct multipart m;
	size_t n = strlen(s);
	int r;

	g->text[0] = 0;
	r = multipart_init(&m, type, &ops, NULL);
	for (size_t at = 0; r == 0 && at < n; at += step)
		r = multipart_feed(&m, s + at, n - at < step ? n - at : step, NULL);
	if (r == 0)
		r = multipart_end(&m, NULL);
	multipart_free(&m);
	return r;
}

#define MP "multipart/form-data; boundary=xx"

static void
test_multipart(void)
{
	static const char body[] =
	    "--xx\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\nabc\r\n"
	    "--xx\r\nContent-Disposition: form-data; name=\"f\"; filename=\"C:\\\\tmp\\髙 橋.pdf\"\r\n"
	    "Content-Type: text/html\r\n\r\n%PDF\r\n--x\r\n-\r\n--xx\r\n"
	    "Content-Disposition: form-data; name=\"empty\"\r\n\r\n\r\n--xx--\r\n";
	static const char want[] = "[csrf||0]abc;[f|髙 橋.pdf|1]%PDF\r\n--x\r\n-;[empty||0];";
	struct got g;
	int wrong = 0;

	for (size_t step = 1; step < sizeof(body); step++)
		if (upload(MP, body, step, &g) != 0 || strcmp(g.text, want) != 0)
			wrong++;
	EQ_I(wrong, 0, "an upload, cut at every place");
	EQ_S(g.text, want, "as it was sent");
	EQ_I(upload("multipart/form-data; boundary=\"xx\"", body, 7, &g), 0, "a quoted boundary");
	EQ_I(upload("multipart/form-data", body, 7, &g), E_INVAL, "no boundary");
	EQ_I(upload("multipart/mixed; boundary=xx", body, 7, &g), E_INVAL, "another kind");
	EQ_I(upload("multipart/form-data; boundary=", body, 7, &g), E_INVAL, "an empty one");
	for (size_t n = 0; n + 4 < sizeof(body); n++) {
		char cut[sizeof(body)];

		(void)memcpy(cut, body, n);
		cut[n] = 0;
		if (upload(MP, cut, 16, &g) == 0)
			wrong++;
	}
	EQ_I(wrong, 0, "cut short anywhere it is refused");
	EQ_I(upload(MP, "--xx\r\nContent-Type: x\r\n\r\n\r\n--xx--", 9, &g), E_INVAL, "no name");
	EQ_I(upload(MP, "--xx\r\nContent-Disposition: form-data; name=x\r\n\r\n\r\n--xx--", 9, &g),
	    E_INVAL, "a name without quotes");
	EQ_I(upload(MP, "--xxy\r\n", 9, &g), E_INVAL, "another boundary that begins alike");
}

static void
test_long_head(void)
{
	struct got g;
	struct buf b;

	buf_init(&b, 1 << 20);
	if (buf_str(&b, "--xx\r\nX: ", NULL) < 0)
		abort();
	for (int i = 0; i < MULTIPART_HEAD + 10; i++)
		if (buf_u8(&b, 'a', NULL) < 0)
			abort();
	EQ_I(upload(MP, buf_cstr(&b, NULL), 1000, &g), E_LIMIT, "a head without end");
	buf_free(&b);
}

int
main(void)
{
	test_urlencoded();
	test_torture();
	test_many();
	test_cookie();
	test_path();
	test_sniff();
	test_multipart();
	test_long_head();
	return tap_done();
}
