#include "status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/time.h"
#include "base/utf8.h"

struct page {
	struct buf *b;
	const struct model *m;
	const struct status_opts *o;
	struct err *e;
	int r; /* the first failure; everything after it does nothing */
};

#define T(ja_text, en_text) (p->o->ja ? (ja_text) : (en_text))

int
status_esc(struct buf *out, const char *s, struct err *e)
{
	struct buf show;
	int r = 0;

	buf_init(&show, 1 << 20);
	if (!utf8_ok(s, strlen(s))) {
		r = utf8_show(&show, s, strlen(s), e);
		s = r < 0 ? "" : buf_cstr(&show, e);
		if (!s)
			r = E_NOMEM;
	}
	for (; r == 0 && *s; s++) {
		switch (*s) {
		case '&':
			r = buf_str(out, "&amp;", e);
			break;
		case '<':
			r = buf_str(out, "&lt;", e);
			break;
		case '>':
			r = buf_str(out, "&gt;", e);
			break;
		case '"':
			r = buf_str(out, "&quot;", e);
			break;
		case '\'':
			r = buf_str(out, "&#39;", e);
			break;
		default:
			r = buf_u8(out, (uint8_t)*s, e);
		}
	}
	buf_free(&show);
	return r;
}

/* put: our own text, as it is. esc: anybody's text. fmt: our own text with numbers in it. */
static void
put(struct page *p, const char *s)
{
	if (p->r == 0)
		p->r = buf_str(p->b, s, p->e);
}

static void
esc(struct page *p, const char *s)
{
	if (p->r == 0)
		p->r = status_esc(p->b, s, p->e);
}

__attribute__((format(printf, 2, 3))) static void
fmt(struct page *p, const char *f, ...)
{
	va_list ap;

	va_start(ap, f);
	if (p->r == 0)
		p->r = buf_vfmt(p->b, p->e, f, ap);
	va_end(ap);
}

/* --- words ---------------------------------------------------------------------------------- */

static const char *
light_shape(enum light l)
{
	static const char *const s[] = {"●", "？", "▲", "■"};

	return s[l];
}

static const char *
light_word(const struct page *p, enum light l)
{
	static const char *const ja[] = {"緑", "灰", "黄", "赤"};
	static const char *const en[] = {"green", "grey", "yellow", "red"};

	return T(ja[l], en[l]);
}

static void
light(struct page *p, enum light l)
{
	fmt(p, "<span class=\"light %s\"><span aria-hidden=\"true\">%s</span> %s</span>",
	    light_name(l), light_shape(l), light_word(p, l));
}

static const char *
kind_word(const struct page *p, const char *kind)
{
	if (strcmp(kind, "backup") == 0)
		return T("写しを取る", "copy");
	if (strcmp(kind, "drill-files") == 0)
		return T("戻す訓練（無作為に選んだファイル）", "restore drill (random files)");
	if (strcmp(kind, "drill-system") == 0)
		return T("戻す訓練（一つのシステム全部）", "restore drill (one whole system)");
	if (strcmp(kind, "verify") == 0)
		return T("保管庫の確かめ（鍵なし）", "check of the vault (without the key)");
	if (strcmp(kind, "verify-deep") == 0)
		return T("保管庫の確かめ（全バイト）", "check of the vault (every byte)");
	if (strcmp(kind, "vault-clock") == 0)
		return T("保管庫の時計", "clock of the vaults");
	if (strcmp(kind, "disk-check") == 0)
		return T("離したディスクの確かめ", "check of the disks that are kept apart");
	if (strcmp(kind, "register-check") == 0)
		return T("台帳の確かめ", "check of the registers");
	return T("その他", "other");
}

static const char *
outcome_word(const struct page *p, const char *outcome)
{
	if (strcmp(outcome, "pass") == 0)
		return T("成功", "done");
	if (strcmp(outcome, "fail") == 0)
		return T("不合格", "failed");
	if (strcmp(outcome, "missed") == 0)
		return T("実行されず", "missed");
	return T("できなかった", "could not be done");
}

static enum light
outcome_light(const char *outcome)
{
	if (strcmp(outcome, "pass") == 0)
		return LIGHT_GREEN;
	return strcmp(outcome, "missed") == 0 ? LIGHT_YELLOW : LIGHT_RED;
}

/* span(p, us): "3 時間" / "3 hours". */
static void
span(struct page *p, int64_t us)
{
	long long s = us / TIME_SEC;

	if (s < 0)
		s = 0;
	if (s < 1)
		put(p, T("1秒未満", "less than 1 s"));
	else if (s < 60)
		fmt(p, T("%lld秒", "%lld s"), s);
	else if (s < 3600)
		fmt(p, T("%lld分", "%lld min"), s / 60);
	else if (s < 48 * 3600)
		fmt(p, T("%lld時間", "%lld h"), s / 3600);
	else
		fmt(p, T("%lld日", "%lld days"), s / 86400);
}

static void
when(struct page *p, int64_t us)
{
	static const char *const wday_ja[] = {"日", "月", "火", "水", "木", "金", "土"};
	static const char *const wday_en[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	time_t t = (time_t)(us / TIME_SEC);
	char iso[TIME_TEXT];
	struct tm tm;

	time_put(iso, us);
	(void)localtime_r(&t, &tm);
	fmt(p, "<time datetime=\"%s\">", iso);
	if (p->o->ja)
		fmt(p, "%d月%d日（%s）%d:%02d", tm.tm_mon + 1, tm.tm_mday, wday_ja[tm.tm_wday],
		    tm.tm_hour, tm.tm_min);
	else
		fmt(p, "%s %02d-%02d %d:%02d", wday_en[tm.tm_wday], tm.tm_mon + 1, tm.tm_mday,
		    tm.tm_hour, tm.tm_min);
	put(p, "</time>");
}

static void
ago(struct page *p, int64_t us)
{
	span(p, p->m->now - us);
	put(p, T("前", " ago"));
}

static void
bytes(struct page *p, int64_t n)
{
	static const char *const unit[] = {"B", "kB", "MB", "GB", "TB", "PB"};
	double v = (double)n;
	int i = 0;

	for (; v >= 999.95 && i < 5; i++)
		v /= 1000;
	fmt(p, i ? "%.1f&nbsp;%s" : "%.0f&nbsp;%s", v, unit[i]);
}

/* --- sentences ------------------------------------------------------------------------------ */

static void
reason(struct page *p, const struct item *t)
{
	bool copy = strcmp(t->kind, "backup") == 0;

	switch (t->why) {
	case WHY_FRESH:
		put(p, copy ? T("新しい写しがあります。", "There is a recent copy.")
			    : T("決めたとおりに確かめています。", "Checked as planned."));
		break;
	case WHY_NEVER:
		put(p, copy ? T("まだ写しがありません。", "There is no copy yet.")
			    : T("まだ一度も確かめていません。", "Never checked yet."));
		break;
	case WHY_RUNNING:
		put(p, T("最初の一回を実行しています。", "The first run is on."));
		break;
	case WHY_STALE:
		put(p, copy ? T("写しが古くなっています。", "The copy is too old.")
			    : T("長い間、確かめていません。", "Not checked for too long."));
		break;
	case WHY_LATE:
		put(p, T("予定より遅れています。", "Later than planned."));
		break;
	case WHY_FAILED:
		put(p, T("最後の結果は「不合格」です。", "The last answer was no."));
		break;
	case WHY_ERROR:
		put(p, t->good_at ? T("最後の実行はできませんでした。その前の結果はまだ有効です。",
				       "The last run could not be done; the one before still counts.")
				  : T("実行できませんでした。", "It could not be done."));
		break;
	case WHY_NO_KEY:
		put(p, T("復旧鍵がこの機械にないため、戻せるかどうかを自動では確かめられません。鍵を持って手で訓練してください。",
		    "The recovery key is not on this machine, so nothing tries by itself whether the "
		    "copies come back. Take the key and run a drill by hand."));
		break;
	case WHY_NOTHING:
		put(p, T("守るものがまだ登録されていません。", "Nothing is registered yet."));
		break;
	}
	if (t->good_at && t->why != WHY_FRESH) {
		put(p, T("最後の成功は", " Last good: "));
		ago(p, t->good_at);
		put(p, T("です。", "."));
	}
}

static const struct item *
worst(const struct model *m)
{
	const struct item *w = NULL;

	for (size_t i = 0; i < m->nitems; i++)
		if (!w || m->items[i].light > w->light)
			w = &m->items[i];
	return w;
}

static void
subject(struct page *p, const struct item *t)
{
	const char *name = T(t->name_ja, t->name_en);

	if (strcmp(t->kind, "backup") == 0) {
		esc(p, *name ? name : t->subject);
		return;
	}
	put(p, kind_word(p, t->kind));
}

static void
hero_sentence(struct page *p)
{
	const struct model *m = p->m;
	size_t n[4] = {0};

	for (size_t i = 0; i < m->nitems; i++)
		n[m->items[i].light]++;
	if (m->nitems == 0) {
		put(p, T("守るものがまだ登録されていません。", "Nothing is protected yet."));
		return;
	}
	switch (m->overall) {
	case LIGHT_GREEN:
		put(p, T("すべての写しが新しく、戻せることも確かめてあります。",
		    "Every copy is recent, and it was tried that they come back."));
		break;
	case LIGHT_GREY:
		fmt(p, T("まだ分からないことが %zu 件あります。", "%zu things are not known yet."),
		    n[LIGHT_GREY]);
		break;
	case LIGHT_YELLOW:
		fmt(p, T("気をつけることが %zu 件あります。", "%zu things need attention."),
		    n[LIGHT_YELLOW]);
		break;
	case LIGHT_RED:
		fmt(p, T("すぐ直すことが %zu 件あります。", "%zu things must be put right now."),
		    n[LIGHT_RED]);
		break;
	}
}

static void
next_action(struct page *p)
{
	const struct item *w = worst(p->m);

	put(p, "<p class=\"next\"><strong>");
	put(p, T("次にすること: ", "Next: "));
	put(p, "</strong>");
	if (!w)
		put(p, T("写しを取る場所を登録してください。", "register what is to be copied."));
	else if (w->light == LIGHT_GREEN)
		put(p, T("ありません。月に一度、下の訓練を一行打って試してください。",
		    "nothing. Once a month, type the one line of the drill below."));
	else if (p->m->running && w->light == LIGHT_GREY)
		put(p, T("いま動いている仕事が終わるのを待ってください。この画面は自分で新しくなります。",
		    "wait for the running job; this page renews itself."));
	else if (w->light == LIGHT_GREY && w->why == WHY_NEVER)
		put(p, T("予定の時刻まで待つか、下の訓練を試してください。",
		    "wait for the planned time, or try the drill below."));
	else {
		put(p, "「");
		subject(p, w);
		put(p, w->why == WHY_ERROR
		        ? T("」の下に出ている理由を直してください。半時間後に自動でもう一度試します。",
			      "」: put right the reason shown there; it is tried again in half an hour.")
		        : T("」の下に出ている理由を確かめてください。", "」: look at the reason shown there."));
	}
	put(p, "</p>");
}

/* --- parts of the page ---------------------------------------------------------------------- */

static void
head(struct page *p, const char *title, int refresh)
{
	fmt(p, "<!doctype html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n"
	       "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
	    T("ja", "en"));
	if (refresh)
		fmt(p, "<meta http-equiv=\"refresh\" content=\"%d\">\n", refresh);
	put(p, "<title>");
	esc(p, title);
	put(p, "</title>\n<link rel=\"stylesheet\" href=\"/static/status.css\">\n"
	       "<link rel=\"icon\" href=\"/static/icon.svg\" type=\"image/svg+xml\">\n</head>\n<body>\n"
	       "<header><div class=\"brand\"><span class=\"mark\" aria-hidden=\"true\">守</span>"
	       "<span>守り <small>Mamori</small></span></div>\n<nav>");
	put(p, p->o->ja ? "<a href=\"/?lang=en\" hreflang=\"en\" lang=\"en\">English</a>"
			: "<a href=\"/?lang=ja\" hreflang=\"ja\" lang=\"ja\">日本語</a>");
	put(p, "</nav></header>\n<main>\n");
}

static void
hero(struct page *p)
{
	fmt(p, "<section class=\"hero %s\">\n<p class=\"big\"><span aria-hidden=\"true\">%s</span> %s</p>\n"
	       "<div>\n<h1>", light_name(p->m->overall), light_shape(p->m->overall),
	    light_word(p, p->m->overall));
	hero_sentence(p);
	put(p, "</h1>\n");
	next_action(p);
	put(p, "</div>\n</section>\n");
	if (p->m->practice)
		fmt(p, "<p class=\"notice\">%s</p>\n",
		    T("これは練習用の病院です。本物の患者のデータは一つもありません。",
		        "This is the practice hospital. There is no data of real patients."));
	if (p->m->jumps > 0)
		fmt(p, T("<p class=\"notice\">この七日間に、時計が大きく変わったことが %lld 回ありました。時計合わせを確かめてください。</p>\n",
		        "<p class=\"notice\">The clock was changed by a lot %lld times in seven days: "
		        "check how it is set.</p>\n"), (long long)p->m->jumps);
}

static void
ledger(struct page *p)
{
	if (!p->o->ledger_error || !*p->o->ledger_error)
		return;
	put(p, "<section><div class=\"card red\"><div class=\"row\"><p class=\"name\">");
	put(p, T("封印された記録", "Sealed record"));
	put(p, "</p>");
	light(p, LIGHT_RED);
	fmt(p, "</div><p>%s</p><p class=\"fine detail\">",
	    T("記録を封印できません。写しは取り続けています。記録は待たせてあり、直れば封印されます。「mamori verify」で確かめてください。",
	        "Records cannot be sealed. Copies go on; what is to be sealed waits. Check with \"mamori "
	        "verify\"."));
	esc(p, p->o->ledger_error);
	put(p, "</p></div></section>\n");
}

static void
running(struct page *p)
{
	const struct run_view *r = &p->m->run;
	const char *name = T(r->name_ja, r->name_en);

	fmt(p, "<section>\n<h2>%s</h2>\n", T("いま動いていること", "Running now"));
	if (!p->m->running) {
		fmt(p, "<p class=\"quiet\">%s</p>\n</section>\n",
		    T("動いている仕事はありません。", "Nothing is running."));
		return;
	}
	put(p, "<div class=\"card\"><p class=\"name\">");
	put(p, kind_word(p, r->kind));
	if (*name || *r->subject) {
		put(p, " – ");
		esc(p, *name ? name : r->subject);
	}
	put(p, "</p>\n<p>");
	put(p, T("始めてから ", "for "));
	span(p, p->m->run_seconds * TIME_SEC);
	if (p->m->usual_seconds >= 0) {
		put(p, T("（前回は ", " (last time "));
		span(p, p->m->usual_seconds * TIME_SEC);
		put(p, T("）", ")"));
	}
	put(p, "</p>\n");
	if (p->m->usual_seconds > 0) {
		long long max = p->m->usual_seconds, v = p->m->run_seconds;

		/* past the usual span the bar stays short of full: not done is not done */
		fmt(p, "<progress max=\"%lld\" value=\"%lld\"></progress>", max * 20,
		    v * 20 > max * 19 ? max * 19 : v * 20);
	} else {
		put(p, "<progress></progress>");
	}
	put(p, "</div>\n</section>\n");
}

static void
result_line(struct page *p, const struct run_view *r)
{
	if (r->files >= 0)
		fmt(p, T("%lld ファイル", "%lld files"), (long long)r->files);
	if (r->bytes >= 0) {
		put(p, r->files >= 0 ? T("、", ", ") : "");
		bytes(p, r->bytes);
	}
	if (r->new_bytes >= 0) {
		put(p, T("、うち新しい分 ", ", new "));
		bytes(p, r->new_bytes);
	}
	if (r->mismatch >= 0)
		fmt(p, T("、違い %lld 件", ", %lld differences"), (long long)r->mismatch);
	if (*r->generation) {
		put(p, T("、世代 ", ", generation "));
		esc(p, r->generation);
	}
}

static void
card(struct page *p, const struct item *t)
{
	fmt(p, "<li class=\"card %s\"><div class=\"row\"><p class=\"name\">", light_name(t->light));
	subject(p, t);
	put(p, "</p>");
	light(p, t->light);
	put(p, "</div>\n<p>");
	reason(p, t);
	put(p, "</p>\n");
	if (t->good_at) {
		put(p, "<p class=\"fine\">");
		put(p, T("最後の成功 ", "last good "));
		when(p, t->good_at);
		put(p, T("（", " ("));
		ago(p, t->good_at);
		put(p, T("）", ")"));
		put(p, "</p>\n");
	}
	if (strcmp(t->last.outcome, "pass") == 0 && t->last.files >= 0) {
		put(p, "<p class=\"fine\">");
		result_line(p, &t->last);
		put(p, "</p>\n");
	}
	if (*t->last.message && strcmp(t->last.outcome, "pass") != 0) {
		put(p, "<p class=\"fine detail\">");
		esc(p, t->last.message);
		put(p, "</p>\n");
	}
	put(p, "</li>\n");
}

static void
cards(struct page *p, bool copies)
{
	size_t n = 0;

	fmt(p, "<section>\n<h2>%s</h2>\n<ul class=\"cards\">\n",
	    copies ? T("システムごとの写し", "Copies, system by system")
		   : T("戻せることの確かめ", "Proof that they come back"));
	for (size_t i = 0; i < p->m->nitems; i++) {
		const struct item *t = &p->m->items[i];

		if ((strcmp(t->kind, "backup") == 0) == copies) {
			card(p, t);
			n++;
		}
	}
	put(p, "</ul>\n");
	if (n == 0)
		fmt(p, "<p class=\"quiet\">%s</p>\n", T("まだありません。", "None yet."));
	put(p, "</section>\n");
}

static void
planned(struct page *p)
{
	size_t n = 0;

	fmt(p, "<section>\n<h2>%s</h2>\n<ol class=\"plan\">\n", T("次の予定", "What comes next"));
	for (int64_t after = 0; n < 8;) {
		const struct item *best = NULL;
		int64_t at = 0;

		/* the items are few; equal times come out together */
		for (size_t i = 0; i < p->m->nitems; i++) {
			const struct item *t = &p->m->items[i];

			if (t->next_due > after && (!best || t->next_due < at)) {
				best = t;
				at = t->next_due;
			}
		}
		if (!best)
			break;
		for (size_t i = 0; i < p->m->nitems && n < 12; i++) {
			const struct item *t = &p->m->items[i];

			if (t->next_due != at)
				continue;
			put(p, "<li>");
			if (t->next_due <= p->m->now)
				put(p, T("順番を待っています", "waiting for its turn"));
			else
				when(p, t->next_due);
			put(p, " <span>");
			put(p, kind_word(p, t->kind));
			if (strcmp(t->kind, "backup") == 0) {
				put(p, " – ");
				subject(p, t);
			}
			put(p, "</span></li>\n");
			n++;
		}
		after = at;
	}
	put(p, "</ol>\n");
	if (n == 0)
		fmt(p, "<p class=\"quiet\">%s</p>\n", T("まだありません。", "None yet."));
	put(p, "</section>\n");
}

static void
history(struct page *p)
{
	fmt(p, "<section>\n<h2>%s</h2>\n<ul class=\"log\">\n", T("最近の記録", "Recently"));
	for (size_t i = 0; i < p->m->nruns; i++) {
		const struct run_view *r = &p->m->runs[i];
		const char *name = T(r->name_ja, r->name_en);
		bool missed = strcmp(r->outcome, "missed") == 0;

		put(p, "<li>");
		when(p, missed ? r->due : r->ended);
		fmt(p, "<span class=\"light %s\"><span aria-hidden=\"true\">%s</span> %s</span><span>",
		    light_name(outcome_light(r->outcome)), light_shape(outcome_light(r->outcome)),
		    outcome_word(p, r->outcome));
		put(p, kind_word(p, r->kind));
		if (*name || *r->subject) {
			put(p, " – ");
			esc(p, *name ? name : r->subject);
		}
		if (!missed) {
			put(p, " <span class=\"fine\">");
			span(p, r->ended - r->started);
			put(p, "</span>");
		}
		put(p, "</span></li>\n");
	}
	put(p, "</ul>\n");
	if (p->m->nruns == 0)
		fmt(p, "<p class=\"quiet\">%s</p>\n", T("まだありません。", "None yet."));
	put(p, "</section>\n");
}

static void
drill(struct page *p)
{
	fmt(p, "<section>\n<h2>%s</h2>\n<p>%s</p>\n<pre><code>",
	    T("ランサムウェアの訓練", "Ransomware drill"),
	    T("データの写しを作ってわざと壊し、保管庫から戻して、全バイトを比べます。本物には触りません。この機械で次の一行を打ってください。",
	        "Makes a copy of the data, damages it on purpose, gives it back from the vault and compares every "
	        "byte. Nothing real is touched. Type this line on this machine."));
	esc(p, p->o->drill_line);
	put(p, "</code></pre>\n</section>\n");
}

static void
foot(struct page *p)
{
	put(p, "</main>\n<footer><p>Mamori ");
	esc(p, p->o->version);
	put(p, " · ");
	if (p->m) {
		put(p, T("この画面の時刻 ", "as of "));
		when(p, p->m->now);
	}
	put(p, "</p></footer>\n</body>\n</html>\n");
}

int
status_page(const struct model *m, const struct status_opts *o, struct buf *out, struct err *e)
{
	struct page page = {.b = out, .m = m, .o = o, .e = e}, *p = &page;

	head(p, T("守りの様子 – Mamori", "Mamori status"), m->running ? 5 : 30);
	hero(p);
	ledger(p);
	running(p);
	cards(p, true);
	cards(p, false);
	planned(p);
	history(p);
	drill(p);
	foot(p);
	return page.r;
}

int
status_error(int code, bool ja, struct buf *out, struct err *e)
{
	struct status_opts o = {.ja = ja, .version = MAMORI_VERSION};
	struct page page = {.b = out, .o = &o, .e = e}, *p = &page;
	const char *text = code == 404 ? T("そのページはありません。", "There is no such page.")
	    : code == 405	       ? T("見るだけの画面です。", "This page can only be read.")
	    : code == 503	       ? T("いまは表示できません。少し待ってください。",
					     "Not now: wait a little.")
				       : T("その求めには応えられません。", "That cannot be answered.");

	head(p, text, 0);
	fmt(p, "<section class=\"hero grey\"><p class=\"big\">%d</p><div><h1>%s</h1>"
	       "<p><a href=\"/\">%s</a></p></div></section>\n", code, text,
	    T("守りの様子へ", "To the status page"));
	put(p, "</main>\n</body>\n</html>\n");
	return page.r;
}
