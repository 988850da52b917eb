#include "text/mime.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/b64.h"
#include "base/time.h"
#include "tap.h"

#define TORTURE "追加 髙橋 﨑 𠮷野 葛󠄀 ① ㈱ ｶﾅ ～"

static struct err e;

static const char *
header(struct buf *b, const char *name, const char *text)
{
	buf_clear(b);
	return mime_header(b, name, text, &e) < 0 ? "(refused)" : buf_cstr(b, &e);
}

/* decode(s, out): The text of encoded words on folded lines; false when a line is too long, a word
 * is longer than 75 characters, or a word alone is not whole UTF-8. */
static bool
decode(const char *s, char *out)
{
	const char *line = s;
	size_t n = 0;

	while (*line) {
		const char *end = strstr(line, "\r\n");

		if (!end || end - line > 76)
			return false;
		line = end + 2;
	}
	while ((s = strstr(s, "=?UTF-8?B?"))) {
		const char *end = strstr(s + 10, "?=");
		size_t got;

		if (!end || end + 2 - s > 75 ||
		    b64_get(out + n, 200, s + 10, (size_t)(end - s - 10), &got) < 0 ||
		    ((unsigned char)out[n] & 0xc0) == 0x80)
			return false;
		n += got;
		s = end;
	}
	out[n] = 0;
	return true;
}

static void
headers(void)
{
	struct buf b;
	char text[4000] = "", out[8000];

	buf_init(&b, 20000);
	EQ_S(header(&b, "Subject", "Hello"), "Subject: Hello\r\n", "plain ASCII stays as it is");
	EQ_S(header(&b, "Subject", "守り"), "Subject: =?UTF-8?B?5a6I44KK?=\r\n", "an encoded word");
	EQ_S(header(&b, "Subject", "=?UTF-8?B?5a6I?="),
	    "Subject: =?UTF-8?B?PT9VVEYtOD9CPzVhNkk/PQ==?=\r\n",
	    "what only looks like a word is not decoded by the reader");
	EQ_S(header(&b, "Subject", "a\r\nBcc: x@y"), "(refused)", "no header is smuggled in");
	EQ_S(header(&b, "Subject", "a\nb"), "(refused)", "nor by a line feed");
	EQ_S(header(&b, "Subject", "a\xe2\x80\xa8" "b"), "(refused)", "nor by a line separator");
	EQ_S(header(&b, "Subject", "a\xff"), "(refused)", "only UTF-8");
	OK(decode(header(&b, "Subject", TORTURE), out), "torture strings: the words are whole");
	EQ_S(out, TORTURE, "and come back");
	for (size_t i = 0; i < 120; i++)
		(void)strcat(text, i % 3 == 0 ? "葛󠄀" : i % 3 == 1 ? "𠮷" : "a"); /* allow: bounded */
	OK(decode(header(&b, "Subject", text), out),
	    "a long one: lines and words keep their limits");
	EQ_S(out, text, "and comes back");
	OK(!strstr((const char *)b.p, "?=\r\n =?UTF-8?B?86CE"),
	    "a variation selector stays with its character");
	buf_free(&b);
}

static void
addresses(void)
{
	static const char *const good[] = {"a@b", "info@clinic.example", "a.b+c@x-y.example.jp"};
	static const char *const bad[] = {"", "a", "@b", "a@", "a@b.", "a@.b", "a@b..c", ".a@b",
	    "a.@b", "a..b@c", "a b@c", "a@b\r\nRCPT TO:<x@y>", "<a@b>", "a@b,c@d", "\"a\"@b",
	    "a@-b", "a@b-", "院@b", "a@院"};

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		OK(mime_addr_ok(good[i]), "an address: %s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		OK(!mime_addr_ok(bad[i]), "no address: %zu", i);
}

static void
whole(void)
{
	struct mime_file f = {"依頼状 髙橋.pdf", "application/pdf", "%PDF-1.4", 8};
	struct mime m = {.from = "mamori@clinic.example",
	    .from_name = "守り",
	    .to = "it@vendor.example",
	    .subject = "test",
	    .body = "one\ntwo\n",
	    .id = "m-1",
	    .date = INT64_C(1700000000) * TIME_SEC};
	struct buf b;
	const char *s;

	buf_init(&b, 100000);
	EQ_I(mime_write(&b, &m, &e), 0, "a letter");
	EQ_S(buf_cstr(&b, &e), "From: =?UTF-8?B?5a6I44KK?= <mamori@clinic.example>\r\n"
	    "To: it@vendor.example\r\nSubject: test\r\nDate: Wed, 15 Nov 2023 07:13:20 +0900\r\n"
	    "Message-ID: <m-1@clinic.example>\r\nAuto-Submitted: auto-generated\r\n"
	    "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n"
	    "Content-Transfer-Encoding: 7bit\r\n\r\none\r\ntwo\r\n", "as RFC 5322 wants it");
	buf_clear(&b);
	m.body = TORTURE;
	m.file = &f;
	m.from_name = "a \"b\" <c>";
	EQ_I(mime_write(&b, &m, &e), 0, "one with an enclosure");
	s = buf_cstr(&b, &e);
	OK(strstr(s, "Content-Type: application/pdf; name=\"file.pdf\"\r\n") &&
	    strstr(s, "attachment;\r\n filename*0*=UTF-8''%E4%BE%9D"),
	    "its name in both forms");
	OK(strstr(s, "\r\nJVBERi0xLjQ=\r\n"), "its bytes");
	OK(strstr(s, "From: =?UTF-8?B?"), "a name with quotes is encoded");
	OK(strstr(s, "--=_m-1--\r\n"), "its end");
	m.to = "x@y\r\nBcc: z@w";
	EQ_I(mime_write(&b, &m, &e), E_INVAL, "no second address in To");
	m.to = "x@y";
	m.reply_to = "a@b>\r\nX: y";
	EQ_I(mime_write(&b, &m, &e), E_INVAL, "nor in Reply-To");
	m.reply_to = NULL;
	m.from_name = "a\r\nBcc: z@w";
	EQ_I(mime_write(&b, &m, &e), E_INVAL, "nor in a name");
	m.from_name = "a";
	m.id = "a\"; b";
	EQ_I(mime_write(&b, &m, &e), E_INVAL, "nor in the id");
	m.id = "a";
	f.name = "a\r\nb";
	EQ_I(mime_write(&b, &m, &e), E_INVAL, "nor in a file's name");
	m.file = NULL;
	m.body = "a\x01";
	EQ_I(mime_write(&b, &m, &e), E_INVAL, "no control characters in the body");
	buf_free(&b);
	buf_init(&b, 200);
	m.body = TORTURE;
	EQ_I(mime_write(&b, &m, &e), E_LIMIT, "a limit");
	buf_free(&b);
}

int
main(void)
{
	(void)setenv("TZ", "JST-9", 1);
	tzset();
	headers();
	addresses();
	whole();
	return tap_done();
}
