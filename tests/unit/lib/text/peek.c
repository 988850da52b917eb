/* What a file is by its first bytes, and what a text in one of three encodings says. */
#include "text/peek.h"

#include "tap.h"

static void
is(const char *what, const void *p, size_t n, bool whole, enum peek_kind kind, const char *enc,
    const char *says)
{
	struct peek k;
	struct buf b;
	struct err e = {0};

	buf_init(&b, 4096);
	if (OK(peek(p, n, whole, &k, &b, &e) == 0 && k.kind == kind && strcmp(k.encoding, enc) == 0,
		"%s", what))
		EQ_S(b.len ? buf_cstr(&b, NULL) : "", says, what);
	else
		printf("# %s %s %s\n", peek_kind_name(k.kind), k.encoding, e.msg);
	buf_free(&b);
}
#define IS(what, s, whole, kind, enc, says) is(what, s, sizeof(s) - 1, whole, kind, enc, says)

int
main(void)
{
	struct peek k;
	struct buf b;

	IS("UTF-8", "追加 髙橋 𠮷野 葛󠄀 ①", true, PEEK_TEXT, "UTF-8", "追加 髙橋 𠮷野 葛󠄀 ①");
	IS("its mark is left out", "\xef\xbb\xbf" "a", true, PEEK_TEXT, "UTF-8", "a");
	IS("CP932", "\x94\xaa\xfb\xfc\xb6\xc5\x87\x40", true, PEEK_TEXT, "CP932", "八髙ｶﾅ①");
	IS("ISO-2022-JP", "a\x1b$B9b\x1b(Bb", true, PEEK_TEXT, "ISO-2022-JP", "a高b");
	IS("HL7 with carriage returns", "MSH|^~\\&|a\rPID|1|\x1b$B9b\x1b(B\r", true, PEEK_HL7,
	    "ISO-2022-JP", "MSH|^~\\&|a\nPID|1|高\n");
	IS("a character cut off", "a\xe8\xbf", false, PEEK_TEXT, "UTF-8", "a");
	IS("four bytes, cut off", "a\xf0\xa0\xae", false, PEEK_TEXT, "UTF-8", "a");
	IS("a whole one stays", "a\xe8\xbf\xbd", false, PEEK_TEXT, "UTF-8", "a追");
	IS("half a character at the end of a whole file", "\xe8\xbf\xbd\xe8", true, PEEK_OTHER, "",
	    "");
	IS("control characters are spaces", "a\x1b[31mb\r\nc", true, PEEK_TEXT, "UTF-8",
	    "a [31mb\nc");
	IS("a NUL is no text", "a\0b", true, PEEK_OTHER, "", "");
	IS("nothing", "", true, PEEK_TEXT, "UTF-8", "");
	IS("an image", "\x89PNG\r\n\x1a\nxx", true, PEEK_IMAGE, "", "");
	IS("no picture that can run", "<svg onload=\"x\">", true, PEEK_TEXT, "UTF-8",
	    "<svg onload=\"x\">");
	IS("a PDF is not shown", "%PDF-1.5 a", true, PEEK_OTHER, "", "");
	IS("half a HL7 file of another encoding", "MSH|\x94\xaa\x94", false, PEEK_HL7, "CP932", "MSH|八");
	buf_init(&b, 3);
	EQ_I(peek("abcdef", 6, true, &k, &b, NULL), E_LIMIT, "no room");
	buf_free(&b);
	return tap_done();
}
