/* The papers: whatever the data lacks or has of another type, the model stays one that can be
 * printed; and what the data says stands in it. */
#include <stdlib.h>

#include "report/papers.h"
#include "report/report.h"
#include "tap.h"

#define NOW "2026-11-25T21:00:00+09:00"

static const char full[] =
    "{\"facility\":{\"name\":\"髙橋医院\",\"beds\":19,\"director\":\"𠮷野\",\"contact\":\"﨑\"},"
    "\"number\":\"M-1\",\"link\":\"https://example.jp/\",\"fiscal\":\"令和8年度\","
    "\"checklists\":[{\"title\":\"点検表\",\"edition\":\"R7\",\"note\":\"n\",\"sections\":[{\"title\":"
    "\"1\",\"items\":[{\"ref\":\"2-①\",\"text\":\"台帳\",\"first\":{\"answer\":\"yes\",\"date\":"
    "\"2026-11-20\"},\"mark\":\"green\",\"reason\":\"r\"},{\"ref\":\"2-②\",\"text\":\"保守\","
    "\"first\":{\"answer\":\"no\"},\"target\":\"2027-02-28\",\"mark\":\"yellow\","
    "\"declared\":true},"
    "{\"text\":\"だれも見ていない\"}]}]}],"
    "\"organisation\":{\"title\":\"院長\",\"text\":\"t\",\"children\":[{\"title\":\"担当\"}]},"
    "\"contacts\":{\"title\":\"警察\"},"
    "\"vendors\":[{\"name\":\"㈱業者\",\"systems\":\"s\",\"state\":\"依頼\",\"date\":\"2026-11-20\"}],"
    "\"ledgers\":[{\"title\":\"台帳\",\"columns\":[\"a\",\"b\"],\"rows\":[[\"ｶﾅ\",\"～\"],[\"x\"]],"
    "\"note\":\"n\"}],"
    "\"generations\":[{\"system\":\"emr\",\"place\":\"p\",\"newest\":\"2026-11-25\",\"count\":62}],"
    "\"drills\":[{\"date\":\"2026-11-01\",\"kind\":\"復元訓練\",\"system\":\"emr\",\"files\":3,"
    "\"seconds\":8.4,\"mismatch\":0,\"ok\":true,\"mark\":\"#1\"}],"
    "\"access\":[{\"period\":\"10月\",\"entries\":5,\"found\":\"f\",\"by\":\"b\",\"date\":\"d\"}],"
    "\"seals\":{\"ok\":true,\"records\":4,\"date\":\"2026-11-25\"},"
    "\"documents\":[{\"title\":\"規程\"}],\"training\":[{\"title\":\"研修\",\"people\":3}],"
    "\"minutes\":[{\"date\":\"2026-04-01\",\"text\":\"決めた\"}],"
    "\"plan\":[{\"ref\":\"2-②\",\"what\":\"w\",\"due\":\"2027-02-28\"}],"
    "\"missing_due\":\"2027-01-31\",\"director\":{\"name\":\"d\"},"
    "\"responsible\":{\"name\":\"r\",\"post\":\"p\"},\"deputy\":{\"name\":\"c\"},"
    "\"effective\":\"2026-12-01\",\"measures\":[{\"title\":\"m\",\"why\":\"w\",\"how\":"
    "[\"1\",\"2\"],"
    "\"minutes\":5,\"who\":\"w\"}],"
    "\"to\":{\"company\":\"㈱業者\",\"department\":\"d\",\"person\":\"p\"},\"date\":\"2026-11-25\","
    "\"due\":\"2026-12-16\",\"chase\":1,\"item\":{\"ref\":\"2-②\",\"text\":\"t\",\"plain\":\"p\","
    "\"reason\":\"r\",\"ask\":\"a\"},\"answer_link\":\"https://example.jp/a\",\"answer_until\":"
    "\"2026-12-31\",\"form\":{\"title\":\"用紙\",\"items\":[{\"ref\":\"1\",\"text\":\"t\"}]},"
    "\"systems\":[{\"name\":\"emr\",\"order\":1,\"place\":\"p\",\"minutes\":40,\"phone\":\"1\"}],"
    "\"key_places\":[\"金庫\"],\"calls\":[{\"who\":\"警察\",\"phone\":\"#9110\"}],"
    "\"sentence\":\"大丈夫です\",\"action\":{\"title\":\"a\",\"why\":\"w\",\"how\":[\"1\"],\"minutes\":1,"
    "\"who\":\"w\"},\"also\":[\"x\"],\"good\":[\"y\"],\"pillars\":[{\"title\":\"人\",\"mark\":\"red\","
    "\"text\":\"t\"}],\"lists\":[{\"title\":\"来訪\",\"items\":[\"i\"]}]}";

static const char *const kinds[] = {"binder", "first", "letter", "recovery", "morning"};
enum { KINDS = 5 };

/* The model as text, or NULL when it cannot be printed; why goes to ${e}. */
static char *
model_of(const char *kind, const json_t *data, struct err *e)
{
	struct report rep;
	json_t *model;
	char *s;

	if (papers_of(kind, data, NOW, &model, e) < 0)
		return NULL;
	s = json_dumps(model, JSON_COMPACT);
	json_decref(model);
	if (!s || report_read(s, strlen(s), &rep, e) < 0) {
		free(s);
		return NULL;
	}
	report_free(&rep);
	return s;
}

static size_t tried, broken;

static void
every_kind(const json_t *root)
{
	for (size_t k = 0; k < KINDS; k++) {
		struct err e = {0};
		char *s = model_of(kinds[k], root, &e);

		tried++;
		if (!s && broken++ < 5)
			printf("# %s: %s\n", kinds[k], e.msg);
		free(s);
	}
}

/* Put each of some wrong values in the place of every value below ${at}, one at a time. */
static void
spoil(json_t *root, json_t *at)
{
	json_t *wrong[] = {json_null(), json_integer(-5), json_real(1.5), json_string(""),
	    json_array(), json_object(), json_true(), json_pack("[[]]"), json_string("a\nb\tc")};
	size_t n = json_is_array(at) ? json_array_size(at) : 0;
	const char *key;
	json_t *v;
	void *tmp;

	json_object_foreach_safe(at, tmp, key, v) {
		json_t *old = json_incref(v);
		char name[64];

		(void)snprintf(name, sizeof(name), "%s", key);
		for (size_t w = 0; w < sizeof(wrong) / sizeof(wrong[0]); w++) {
			(void)json_object_set(at, name, wrong[w]);
			every_kind(root);
		}
		(void)json_object_set(at, name, old);
		spoil(root, old);
		json_decref(old);
	}
	for (size_t i = 0; i < n; i++) {
		json_t *old = json_incref(json_array_get(at, i));

		for (size_t w = 0; w < sizeof(wrong) / sizeof(wrong[0]); w++) {
			(void)json_array_set(at, i, wrong[w]);
			every_kind(root);
		}
		(void)json_array_set(at, i, old);
		spoil(root, old);
		json_decref(old);
	}
	for (size_t w = 0; w < sizeof(wrong) / sizeof(wrong[0]); w++)
		json_decref(wrong[w]);
}

static void
says(const char *kind, const json_t *data, const char *const *what)
{
	struct err e = {0};
	char *s = model_of(kind, data, &e);

	if (!OK(s != NULL, "%s can be printed (%s)", kind, e.msg))
		return;
	for (; *what; what++)
		OK(strstr(s, *what) != NULL, "%s says %s", kind, *what);
	free(s);
}

static void
contents(const json_t *data)
{
	static const char *const binder[] = {"髙橋医院", "2-①", "だれも見ていない", "2026/11/20", "2027/02/28",
	    "\"check\":true,\"text\":\"はい", "申告のみ", "㈱業者", "ｶﾅ", "すべて元のとおり", "#1", "病床 19",
	    "すべて入っています", NULL};
	static const char *const first[] = {"任命書", "令和8年12月1日（2026-12-01）", "基本方針", "アクションカード",
	    "今月の六つ", NULL};
	static const char *const letter[] = {"㈱業者", "2回目のご連絡", "令和8年12月16日（2026-12-16）",
	    "https://example.jp/a", "用紙", NULL};
	static const char *const recovery[] = {"emr", "金庫", "#9110", "--resume", NULL};
	static const char *const morning[] = {"大丈夫です", "人", "来訪", NULL};

	says("binder", data, binder);
	says("first", data, first);
	says("letter", data, letter);
	says("recovery", data, recovery);
	says("morning", data, morning);
}

static void
empty(void)
{
	static const char *const gaps[] = {"連絡体制図", "復元の訓練の証明", "研修の記録", "足りない書類と作る予定", NULL};
	json_t *none = json_object();

	says("binder", none, gaps);
	every_kind(none);
	json_decref(none);
}

static void
refusals(const json_t *data)
{
	json_t *model, *list = json_array();
	struct err e;

	EQ_I(papers_of("novel", data, NOW, &model, &e), E_INVAL, "no such paper");
	EQ_I(papers_of("binder", list, NOW, &model, &e), E_INVAL, "a list is no data");
	EQ_I(papers_build("binder", "{", 1, NOW, &model, &e), E_INVAL, "half an object");
	EQ_I(papers_build("binder", "", 0, NOW, &model, &e), E_INVAL, "nothing");
	EQ_I(papers_build("binder", full, REPORT_MAX_JSON + 1, NOW, &model, &e), E_LIMIT,
	    "too much");
	if (OK(papers_build("binder", full, sizeof(full) - 1, NOW, &model, &e) == 0,
		"bytes are read"))
		json_decref(model);
	json_decref(list);
}

int
main(void)
{
	json_t *data = json_loads(full, 0, NULL);

	if (!OK(data != NULL, "the data of this test is JSON"))
		return tap_done();
	contents(data);
	empty();
	refusals(data);
	spoil(data, data);
	OK(broken == 0 && tried > 5000, "%zu of %zu spoilt data made no paper", broken, tried);
	json_decref(data);
	return tap_done();
}
