/* Verdicts in words. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/num.h"
#include "base/time.h"
#include "base/utf8.h"
#include "guide/guide.h"

const char *
guide_colour_name(enum guide_colour c)
{
	static const char *const name[GUIDE_COLOURS] = {"green", "yellow", "grey", "red", "na"};

	return name[c];
}

struct guide_text
guide_colour_text(enum guide_colour c)
{
	static const struct guide_text text[GUIDE_COLOURS] = {
	    [GUIDE_GREEN] = {"● 緑", "● green"},
	    [GUIDE_YELLOW] = {"▲ 黄", "▲ yellow"},
	    [GUIDE_GREY] = {"？ 灰", "? grey"},
	    [GUIDE_RED] = {"■ 赤", "■ red"},
	    [GUIDE_NA] = {"－ 対象外", "- not applicable"},
	};

	return text[c];
}

const char *
guide_value_name(enum guide_value v)
{
	static const char *const name[GUIDE_VALUES] = {"yes", "no", "na", "unknown"};

	return name[v];
}

int
guide_value_get(const char *s, enum guide_value *ret)
{
	for (int i = 0; i < GUIDE_VALUES; i++) {
		if (strcmp(guide_value_name((enum guide_value)i), s) == 0) {
			*ret = (enum guide_value)i;
			return 0;
		}
	}
	return E_INVAL;
}

struct guide_text
guide_value_text(enum guide_value v)
{
	static const struct guide_text text[GUIDE_VALUES] = {
	    {"はい", "Yes"},
	    {"いいえ", "No"},
	    {"非該当", "Not applicable"},
	    {"わからない", "I do not know"},
	};

	return text[v];
}

enum fact_outcome
guide_value_outcome(enum guide_value v)
{
	static const enum fact_outcome outcome[GUIDE_VALUES] = {FACT_PASS, FACT_FAIL, FACT_NA,
	    FACT_UNKNOWN};

	return outcome[v];
}

struct guide_text
guide_check_text(const struct guide *g, const char *check)
{
	const struct check *row = check ? checks_find(check) : NULL;
	const struct guide_practice *p;

	if (row)
		return (struct guide_text){row->ja, row->en};
	p = check && strncmp(check, "practice.", 9) == 0 ? guide_practice(g, check + 9) : NULL;
	return p ? p->title : (struct guide_text){check, check};
}

/* What each reason says. %1: the check in words; %2: the day that matters. */
static const struct {
	struct guide_text with, without; /* a day, no day */
} reasons[GUIDE_WHYS] = {
    [GUIDE_SHOWN] = {{"確かめられています（いちばん古い根拠は%2）", "Shown; the oldest basis is of %2"},
	{"確かめられています", "Shown"}},
    [GUIDE_DECLARED] = {{"申告のみです：%1（%2）。測るか書類を付けると緑になります",
	"Only declared: %1 (%2). A measurement or a paper would make it green"},
	{"申告のみです：%1", "Only declared: %1"}},
    [GUIDE_SAID] = {{"業者の申告のみです：%1（%2）", "Only said by a vendor: %1 (%2)"},
	{"業者の申告のみです：%1", "Only said by a vendor: %1"}},
    [GUIDE_PLANNED] = {{"まだ合っていませんが、承認された計画があります（期限 %2）",
	"Not so, but there is an approved plan for %2"},
	{"承認された計画があります", "There is an approved plan"}},
    [GUIDE_NEVER] = {{"まだ確かめていません：%1", "Nobody has looked: %1"},
	{"まだ確かめていません：%1", "Nobody has looked: %1"}},
    [GUIDE_STALE] = {{"確かめが古くなっています：%1（最後は%2）", "The last look is too old: %1 (%2)"},
	{"確かめが古くなっています：%1", "The last look is too old: %1"}},
    [GUIDE_UNSURE] = {{"「わからない」のままです：%1（%2）", "Still unknown: %1 (%2)"},
	{"「わからない」のままです：%1", "Still unknown: %1"}},
    [GUIDE_FAILED] = {{"測ったところ合っていません：%1（%2）", "Measured, and it is not so: %1 (%2)"},
	{"測ったところ合っていません：%1", "Measured, and it is not so: %1"}},
    [GUIDE_DENIED] = {{"「いいえ」と答えています：%1（%2）", "The answer is no: %1 (%2)"},
	{"「いいえ」と答えています：%1", "The answer is no: %1"}},
    [GUIDE_MISSED] = {{"起きてはいけないことがありました：%1（%2）",
	"Something happened that should not: %1 (%2)"},
	{"起きてはいけないことがありました：%1", "Something happened that should not: %1"}},
    [GUIDE_LATE] = {{"計画の期限（%2）を過ぎています", "The plan was due on %2"},
	{"計画の期限を過ぎています", "The plan is overdue"}},
    [GUIDE_EXEMPT] = {{"非該当と答えています（%2）", "Answered as not applicable (%2)"},
	{"非該当です", "Not applicable"}},
    [GUIDE_ELSEWHERE] = {{"この施設の規模や使い方では対象外です", "Not for an institution of this kind"},
	{"この施設の規模や使い方では対象外です", "Not for an institution of this kind"}},
    [GUIDE_READ] = {{"読んでおく項目です", "To be read"}, {"読んでおく項目です", "To be read"}},
};

static void
day_text(char out[24], int64_t us, bool ja)
{
	time_t t = (time_t)(us / TIME_SEC);
	struct tm tm;

	if (!localtime_r(&t, &tm))
		tm = (struct tm){0};
	if (ja)
		(void)snprintf(out, 24, "%d年%d月%d日", (tm.tm_year + 1900) % 10000,
		    (tm.tm_mon + 1) % 100, tm.tm_mday % 100);
	else
		(void)snprintf(out, 24, "%04d-%02d-%02d", (tm.tm_year + 1900) % 10000,
		    (tm.tm_mon + 1) % 100, tm.tm_mday % 100);
}

/* Append as much of ${s} as fits, whole characters only; ${size} says that it is full. */
static size_t
put(char *out, size_t size, size_t at, const char *s)
{
	size_t n = strlen(s);
	bool full = at + n >= size;

	if (at >= size)
		return at;
	if (full)
		n = (size_t)utf8_cut(s, size - 1 - at);
	(void)memcpy(out + at, s, n);
	out[at + n] = 0;
	return full ? size : at + n;
}

const char *
guide_reason(const struct guide *g, const struct guide_verdict *v, bool ja, char *out, size_t size)
{
	int64_t at = v->why == GUIDE_SHOWN ? v->oldest : v->at;
	struct guide_text form = at ? reasons[v->why].with : reasons[v->why].without;
	struct guide_text what = guide_check_text(g, v->check);
	size_t n = 0;
	char day[24];

	if (!v->check && v->practice)
		what = v->practice->title;
	if (!v->check && !v->practice)
		what = (struct guide_text){"この項目", "this item"};
	day_text(day, at, ja);
	out[0] = 0;
	for (const char *s = ja ? form.ja : form.en; *s;) {
		char piece[5] = "";
		size_t k = 1;

		if (s[0] == '%' && (s[1] == '1' || s[1] == '2')) {
			n = put(out, size, n, s[1] == '2' ? day : ja ? what.ja : what.en);
			s += 2;
			continue;
		}
		while (k < 4 && ((unsigned char)s[k] & 0xc0) == 0x80)
			k++;
		(void)memcpy(piece, s, k);
		n = put(out, size, n, piece);
		s += k;
	}
	return out;
}

static json_t *
basis_json(const struct guide *g, const struct guide_basis *b, int64_t at)
{
	struct guide_text text = guide_check_text(g, b->check);
	char day[TIME_TEXT];
	json_t *o;

	time_put(day, b->fact ? b->fact->at : at);
	o = json_pack("{s:s*,s:s*,s:s*,s:s,s:s}", "check", b->check, "ja", text.ja, "en", text.en,
	    "by", b->fact ? fact_by_name(b->fact->by) : "declared", "at", day);
	if (o && b->fact)
		(void)json_object_update_new(o, json_pack("{s:s,s:I,s:{s:s,s:s},s:i}", "outcome",
		    fact_outcome_name(b->fact->outcome), "seq", (json_int_t)b->fact->seq, "subject",
		    "kind", b->fact->kind, "id", b->fact->id, "evidence",
		    (int)json_array_size(b->fact->evidence)));
	return o;
}

static json_t *
by_json(unsigned by)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < FACT_BYS; i++)
		if (by & 1U << i)
			(void)json_array_append_new(list,
			    json_string(fact_by_name((enum fact_by)i)));
	return list;
}

json_t *
guide_item_json(const struct guide *g, const struct guide_item *item, const struct guide_verdict *v,
    const struct guide_answer *answer)
{
	char ja[500], en[500], oldest[TIME_TEXT] = "";
	json_t *basis = json_array(), *practices = json_array(), *o;

	for (size_t i = 0; i < v->bases; i++)
		(void)json_array_append_new(basis, basis_json(g, &v->basis[i], v->oldest));
	for (size_t i = 0; i < item->bys; i++)
		(void)json_array_append_new(practices, json_string(item->by[i]->id));
	if (v->oldest)
		time_put(oldest, v->oldest);
	o = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:b,s:o,s:o,s:o,s:s,s:s*}", "id",
	    item->id, "ref", item->ref, "section", item->section->id, "level",
	    guide_level_name(item->level), "ja", item->text.ja, "en", item->text.en, "verdict",
	    guide_colour_name(v->colour), "reason", guide_reason(g, v, true, ja, sizeof(ja)),
	    "reason_en", guide_reason(g, v, false, en, sizeof(en)), "declared_only",
	    v->declared_only, "by", by_json(v->by), "basis", basis, "practices", practices, "mark",
	    item->mark, "source", item->source);
	if (o && *oldest)
		(void)json_object_set_new(o, "oldest", json_string(oldest));
	if (o && answer)
		(void)json_object_set_new(
		    o, "answer", json_string(guide_value_name(answer->value)));
	if (o && item->plain.ja)
		(void)json_object_set_new(o, "plain", json_pack("{s:s,s:s}", "ja", item->plain.ja,
		    "en", item->plain.en));
	return o;
}
