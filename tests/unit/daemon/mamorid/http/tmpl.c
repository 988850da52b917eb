/* Templates: that nothing gets out of its place. What the compiler refuses: tests/self/tmplc.sh. */
#include <stdlib.h>
#include <time.h>

#include "mamorid/http/tmpl.h"
#include "tap.h"

static const char *
esc(enum tmpl_ctx ctx, const char *s)
{
	static struct buf b;

	buf_free(&b); /* of the last call */
	buf_init(&b, 4096);
	if (tmpl_escape(ctx, s, &b, NULL) < 0 || !buf_cstr(&b, NULL))
		abort();
	return (const char *)b.p;
}

static void
test_escape(void)
{
	EQ_S(esc(CTX_TEXT, "<script>'\"&\x01"), "&lt;script&gt;&#39;&quot;&amp;\xef\xbf\xbd",
	    "text");
	EQ_S(esc(CTX_ATTR, "\" onload=\"x"), "&quot; onload=&quot;x", "an attribute");
	for (const char *const *s = (const char *const[]){"javascript:alert(1)", "JaVaScRiPt:x",
		 "data:text/html,x", "//evil", "http://evil", " /x", "\tjavascript:x", "/\\evil",
		 "x", "/a\nb", "vbscript:x", NULL};
	     *s; s++)
		EQ_S(esc(CTX_URL, *s), "#", *s);
	EQ_S(esc(CTX_URL, "/a?b=c&d=\"e\""), "/a?b=c&amp;d=&quot;e&quot;", "our own address");
	EQ_S(esc(CTX_URL, "tel:0312345678"), "tel:0312345678", "a telephone");
	EQ_S(esc(CTX_URLPART, "a/b?c=髙&\""), "a%2Fb%3Fc%3D%E9%AB%99%26%22", "a part of an address");
	EQ_S(esc(CTX_DIGITS, "5;url=javascript:x"), "5", "digits");
	EQ_S(esc(CTX_TEXT, "追加 髙橋 﨑 𠮷野 葛󠄀 ① ㈱ ｶﾅ ～"), "追加 髙橋 﨑 𠮷野 葛󠄀 ① ㈱ ｶﾅ ～", "names");
}

static const char *
fmt(enum tmpl_fmt f, bool ja, json_int_t v)
{
	static struct buf b;
	json_t *j = json_integer(v);

	buf_free(&b);
	buf_init(&b, 4096);
	if (tmpl_format(f, ja, j, 0, &b, NULL) < 0 || !buf_cstr(&b, NULL))
		abort();
	json_decref(j);
	return (const char *)b.p;
}

static void
test_format(void)
{
	const json_int_t at = 1795284600LL * 1000000; /* 2026-11-22 03:10 in Japan */

	EQ_S(fmt(FMT_NUMBER, true, 1234567), "1,234,567", "thousands");
	EQ_S(fmt(FMT_NUMBER, true, -1000), "-1,000", "below zero");
	EQ_S(fmt(FMT_NUMBER, true, 999), "999", "few");
	EQ_S(fmt(FMT_SIZE, true, 0), "0 B", "nothing");
	EQ_S(fmt(FMT_SIZE, true, 1234567890), "1.2 GB", "bytes");
	EQ_S(fmt(FMT_DATETIME, true, at), "2026年11月22日 03:10", "a moment");
	EQ_S(fmt(FMT_DATE, false, at), "2026-11-22 (Sun)", "a day");
	EQ_S(fmt(FMT_WAREKI, true, at), "令和8年11月22日", "its Japanese year");
	EQ_S(fmt(FMT_WAREKI, true, 1556636400LL * 1000000), "令和元年5月1日", "the first day of an era");
	EQ_S(fmt(FMT_WAREKI, true, 1556636399LL * 1000000), "平成31年4月30日", "and the day before");
	EQ_S(fmt(FMT_DATE, true, 0), "–", "never");
	EQ_S(fmt(FMT_SPAN, true, 90), "90 秒", "seconds");
	EQ_S(fmt(FMT_SPAN, false, 3600), "60 minutes", "minutes");
	EQ_S(fmt(FMT_SPAN, false, 86400), "24 hours", "hours");
	EQ_S(fmt(FMT_AGO, true, -3 * 86400LL * 1000000), "3 日前", "ago");
}

/* The error page has a value, words by key and the layout. */
static void
test_page(void)
{
	AUTO(buf_free) struct buf b = {0};
	json_t *m = json_pack("{s:i, s:s, s:s, s:{s:s, s:s, s:b, s:[{s:s, s:s, s:b}]}}", "status",
	    404, "word", "error.404", "detail", "<img src=x onerror=alert(1)>", "app", "lang",
	    "en\" x=\"", "other", "javascript:x", "signed_in", 0, "nav", "word", "<b>", "href",
	    "//evil", "current", 1);
	struct err e = {0};
	const char *s;

	buf_init(&b, 1 << 20);
	OK(tmpl_render(tmpl_find("error"), true, m, &b, &e) == 0, "rendered %s", e.msg);
	s = buf_cstr(&b, NULL);
	OK(s && strstr(s, "そのページはありません。"), "words by their key");
	OK(strstr(s, "&lt;img src=x onerror=alert(1)&gt;") && !strstr(s, "<img"),
	    "a value means itself");
	OK(strstr(s, "lang=\"en&quot; x=&quot;\""), "in an attribute too");
	OK(strstr(s, "<a href=\"#\" aria-current=\"page\">&lt;b&gt;</a>"),
	    "no address elsewhere; unknown words are text");
	OK(!strstr(s, "javascript:"), "no address that runs");
	json_decref(m);
	EQ_I(tmpl_find("nope") == NULL, 1, "an unknown template");
	b.max = b.len / 2;
	buf_clear(&b);
	m = json_object();
	EQ_I(tmpl_render(tmpl_find("error"), true, m, &b, NULL), E_LIMIT, "never past the limit");
	json_decref(m);
}

static void
test_words(void)
{
	AUTO(buf_free) struct buf b = {0};
	json_t *o = json_pack("{s:i, s:i, s:i}", "total", 12345, "from", 1, "to", 50);

	buf_init(&b, 1000);
	OK(tmpl_say("pager.range", true, o, &b, NULL) == 0 && buf_cstr(&b, NULL),
	    "words with holes");
	EQ_S((const char *)b.p, "12,345 件のうち 1〜50 件目", "filled");
	EQ_I(tmpl_say("no.such", true, o, &b, NULL), E_NOENT, "no such words");
	json_decref(o);
	for (size_t i = 1; i < tmpl_nstrings; i++)
		if (strcmp(tmpl_strings[i - 1].key, tmpl_strings[i].key) >= 0)
			abort(); /* bsearch */
	for (size_t i = 1; i < tmpl_count; i++)
		if (strcmp(tmpl_table[i - 1].name, tmpl_table[i].name) >= 0)
			abort();
}

int
main(void)
{
	(void)setenv("TZ", "Asia/Tokyo", 1);
	tzset();
	test_escape();
	test_format();
	test_page();
	test_words();
	return tap_done();
}
