/* The packs of the program, packs from outside, manifests, and the next action. */
#include <stdlib.h>

#include "base/buf.h"
#include "base/num.h"
#include "base/time.h"
#include "crypt/digest.h"
#include "guide/guide.h"
#include "guide/survey.h"
#include "tap.h"

#define NOW (INT64_C(1790000000) * TIME_SEC) /* 2026-09-21 */

static struct guide *g;

static void
shipped(void)
{
	static const struct {
		const char *id;
		size_t items;
	} want[] = {
	    {"gl-5.2", 122},
	    {"gl-6.0", 101},
	    {"gl-7.0", 16},
	    {"role-management", 13},
	    {"role-administrators", 19},
	    {"role-users", 11},
	    {"nine-2023", 9},
	    {"bcp-2024", 24},
	    {"check-r5", 13},
	    {"check-r6", 14},
	    {"check-r7", 19},
	    {"check-r8", 19},
	    {"check-r5-vendor", 9},
	    {"check-r7-vendor", 13},
	    {"check-r8-vendor", 13},
	    {"ipa-25", 25},
	};
	size_t n, orphans = 0, category[GUIDE_CATEGORIES] = {0};

	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		const struct guide_pack *p = guide_pack(g, want[i].id);

		OK(p && p->items == want[i].items && p->trust == GUIDE_SHIPPED, "%s has %zu items",
		    want[i].id, want[i].items);
	}
	for (size_t i = 0; i < (guide_packs(g, &n), n); i++) {
		const struct guide_pack *p = guide_packs(g, &n)[i];

		for (size_t k = 0; k < p->items; k++) {
			const struct guide_item *it = &p->item[k];

			if (it->bys > 0 || it->level == GUIDE_INFO || it->level == GUIDE_GATE)
				continue;
			orphans++;
			printf("#   %s:%s\n", p->id, it->id);
		}
	}
	EQ_I(orphans, 0, "every item that asks for something is answered by a practice");
	for (size_t i = 0; i < (guide_practices(g, &n), n); i++)
		category[guide_practices(g, &n)[i]->category]++;
	OK(category[0] > 10 && category[1] > 5 && category[2] > 15 && category[3] > 5,
	    "practices of all four categories");
	EQ_S(guide_current(g, "inspection", "2026-11-25")->id, "check-r8", "the checklist of 2026");
	EQ_S(guide_current(g, "inspection", "2026-06-28")->id, "check-r7", "the one before");
	EQ_S(guide_current(g, "inspection", "2025-01-01")->id, "check-r6", "and before that");
	EQ_S(guide_current(g, "vendor", "2026-11-25")->id, "check-r8-vendor", "the vendor form");
	OK(!guide_current(g, "inspection", "2020-01-01"), "none in 2020");
	EQ_S(guide_item(guide_pack(g, "check-r8"), "R8-H-2-11")->was, "R7-H-2-11",
	    "what it was before");
	OK(!guide_item(guide_pack(g, "check-r7"), "R7-H-2-7")->was, "new that year");
}

/* -- from outside ------------------------------------------------------------------------------ */

#define HEAD                                                                                       \
	"\"format\":\"mamori-pack-1\",\"kind\":\"checklist\",\"edition\":\"1\",\"title\":"         \
	"{\"ja\":\"t\",\"en\":\"t\"},\"issued\":\"2026-01-01\",\"publisher\":\"p\","               \
	"\"sections\":[{\"id\":\"1\",\"ja\":\"a\",\"en\":\"a\"}],"
#define ITEM(id)                                                                                   \
	"{\"id\":\"" id "\",\"section\":\"1\",\"ref\":\"1\",\"level\":\"must\",\"ja\":\"追加 髙橋 﨑 𠮷野 葛󠄀 ① ㈱ ｶﾅ ～\"," \
	"\"en\":\"a\",\"mark\":\"official\",\"practices\":[\"backup\",\"no-such\"]}"

static int
add(const char *s, struct err *e)
{
	*e = (struct err){0};
	return guide_add(g, s, strlen(s), GUIDE_OPERATOR, e);
}

static void
outside(void)
{
	static const char *const wrong[] = {
	    "", "[]", "{}", "{\"format\":\"mamori-pack-2\"}", "{" HEAD "\"id\":\"o\",\"items\":[]}",
	    "{" HEAD "\"id\":\"../o\",\"items\":[" ITEM("a") "]}",
	    "{" HEAD "\"id\":\"o\",\"items\":[" ITEM("a") "," ITEM("a") "]}",
	    "{" HEAD "\"id\":\"o\",\"version\":0,\"items\":[" ITEM("a") "]}",
	    "{" HEAD "\"id\":\"o\",\"items\":[{\"id\":\"a\"}]}",
	    "{" HEAD "\"id\":\"o\",\"items\":{\"a\":1}}",
	    "{" HEAD "\"id\":\"o\",\"until\":\"soon\",\"items\":[" ITEM("a") "]}",
	    "{" HEAD "\"id\":\"o\",\"id\":\"o\",\"items\":[" ITEM("a") "]}",
	};
	const struct guide_pack *p;
	struct err e;
	size_t n, after;

	(void)guide_packs(g, &n);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		OK(add(wrong[i], &e) == E_INVAL, "refused: %.60s (%.80s)", wrong[i], e.msg);
	(void)guide_packs(g, &after);
	EQ_I(after, n, "nothing of them stayed");
	EQ_I(add("{" HEAD "\"id\":\"o\",\"items\":[" ITEM("a") "]}", &e), 0, "one that is fine");
	p = guide_pack(g, "o");
	EQ_S(p->item[0].text.ja, "追加 髙橋 﨑 𠮷野 葛󠄀 ① ㈱ ｶﾅ ～", "its text, unchanged");
	EQ_I(p->item[0].bys, 1, "joined to the practice that exists");
	EQ_I(p->trust, GUIDE_OPERATOR, "marked as the operator's");
	EQ_I(add("{" HEAD "\"id\":\"o\",\"items\":[" ITEM("b") "]}", &e), E_EXIST,
	    "the same version");
	EQ_I(add("{" HEAD "\"id\":\"o\",\"version\":2,\"items\":[" ITEM("b") "]}", &e), 0,
	    "a newer one");
	OK(guide_item(guide_pack(g, "o"), "b") && !guide_item(guide_pack(g, "o"), "a"),
	    "replaces it");
	EQ_I(add("{" HEAD "\"id\":\"check-r8\",\"items\":[" ITEM("b") "]}", &e), E_EXIST,
	    "nor replaces a shipped one of the same version");
	EQ_I(guide_pack(g, "gl-5.2")->item[0].bys > 0, 1, "the others are still joined");
}

static void
deep(void)
{
	struct buf b;
	struct err e = {0};

	buf_init(&b, 1 << 20);
	for (int i = 0; i < 1000; i++)
		if (buf_str(&b, "{\"a\":", &e) < 0)
			break;
	OK(guide_add(g, b.p, b.len, GUIDE_OPERATOR, &e) < 0, "a tower of brackets");
	buf_clear(&b);
	if (buf_str(&b, "{" HEAD "\"x\":", &e) < 0)
		return;
	for (int i = 0; i < 100; i++)
		if (buf_str(&b, "[", &e) < 0)
			break;
	for (int i = 0; i < 100; i++)
		if (buf_str(&b, "]", &e) < 0)
			break;
	if (buf_str(&b, "}", &e) < 0)
		return;
	EQ_I(guide_add(g, b.p, b.len, GUIDE_OPERATOR, &e), E_LIMIT, "nested too deeply");
	buf_free(&b);
}

static void
manifest(void)
{
	uint8_t seed[SIGN_SEED_LEN] = {7}, sig[SIGN_LEN], sum[32];
	char hex[2 * SIGN_LEN + 1], body[400], all[600];
	struct guide_manifest m;
	struct signer *s;
	struct err e = {0};
	size_t n;

	if (signer_new(seed, &s, &e) < 0)
		return;
	digest_sha256("pack", 4, sum);
	hex_put(hex, sum, sizeof(sum));
	(void)snprintf(
	    body, sizeof(body), "MAMORI-PACKS 1\ndate: 2026-11-25\nfile: %s a.json\n", hex);
	if (signer_sign(s, body, strlen(body), sig, &e) < 0)
		return;
	hex_put(hex, sig, sizeof(sig));
	(void)snprintf(all, sizeof(all), "%ssig: %s\n", body, hex);
	n = strlen(all);
	EQ_I(guide_manifest_read(all, n, signer_pub(s), &m, &e), 0, "a signed manifest");
	EQ_S(m.date, "2026-11-25", "its date");
	OK(guide_manifest_covers(&m, "a.json", "pack", 4), "covers the file");
	OK(!guide_manifest_covers(&m, "a.json", "pick", 4), "not other bytes");
	OK(!guide_manifest_covers(&m, "b.json", "pack", 4), "nor another name");
	EQ_I(guide_manifest_read(all, n, guide_release_key(), &m, &e), E_AUTH, "another key");
	for (size_t i = 0; i < n; i++) {
		int r;

		all[i] ^= 1;
		r = guide_manifest_read(all, n, signer_pub(s), &m, &e);
		if (r == 0 && OK(false, "byte %zu of the manifest changed and nobody noticed", i))
			break;
		all[i] ^= 1;
	}
	OK(true, "every changed byte is noticed");
	for (size_t i = 0; i < n; i++)
		if (guide_manifest_read(all, i, signer_pub(s), &m, &e) == 0)
			OK(false, "cut to %zu bytes and nobody noticed", i);
	OK(guide_manifest_read(all, n, signer_pub(s), &m, &e) == 0, "and whole again it is fine");
	signer_free(s);
}

/* -- next -------------------------------------------------------------------------------------- */

static struct fact
fact(const char *check, enum fact_outcome o, enum fact_by by, int days)
{
	struct fact f;

	fact_init(&f);
	(void)snprintf(f.check, sizeof(f.check), "%s", check);
	(void)snprintf(f.kind, sizeof(f.kind), "facility");
	(void)snprintf(f.id, sizeof(f.id), "self");
	f.outcome = o;
	f.by = by;
	f.at = NOW - days * TIME_DAY;
	return f;
}

static void
next(void)
{
	struct fact f[8] = {fact("vault.restore.drill", FACT_FAIL, FACT_MEASURED, 1)};
	struct guide_snooze snooze = {"contact-chart", NOW + TIME_DAY};
	struct guide_next_input in = {.in = {.facts = f, .n = 0, .now = NOW}};
	struct guide_next got[3], again[400];
	char first[GUIDE_ID];
	size_t n, all;

	EQ_I(guide_next(g, &in, got, 3), 3, "three things");
	OK(got[0].score >= got[1].score && got[1].score >= got[2].score, "best first");
	EQ_S(got[0].practice->id, "contact-chart",
	    "nothing known: finding out whom to call comes first");
	in.in.n = 1;
	n = guide_next(g, &in, got, 3);
	EQ_S(got[0].practice->id, "restore-drill", "a failed drill comes before it");
	in.yesterday = "backup";
	(void)guide_next(g, &in, got, 3);
	EQ_S(got[0].practice->id, "restore-drill",
	    "even when that was yesterday's, because it is red");
	in.in.n = 0;
	in.yesterday = "contact";
	(void)guide_next(g, &in, got, 3);
	OK(strcmp(got[0].practice->family, "contact") != 0, "grey waits a day");
	in.yesterday = NULL;
	in.snoozes = &snooze;
	in.snooze_n = 1;
	n = guide_next(g, &in, got, 3);
	OK(n == 3 && strcmp(got[0].practice->id, "contact-chart") != 0, "snoozed");
	snooze.until = NOW - 1;
	(void)guide_next(g, &in, got, 3);
	EQ_S(got[0].practice->id, "contact-chart", "and back");
	(void)snprintf(first, sizeof(first), "%s", got[0].practice->declared);
	f[0] = fact("practice.policy", FACT_NA, FACT_DECLARED, 1);
	in.in.n = 1;
	all = guide_next(g, &in, again, 400);
	for (size_t i = 0; i < all; i++)
		if (strcmp(again[i].practice->id, "policy") == 0)
			OK(false, "not applicable is proposed");
	f[0] = fact("practice.locks", FACT_PASS, FACT_DECLARED, 195);
	n = guide_next(g, &in, again, 400);
	EQ_I(n, all + 1, "a declaration that lapses in five days is proposed again");
}

/* -- survey ------------------------------------------------------------------------------------ */

static void
survey(void)
{
	json_t *s = NULL, *o = NULL, *row, *systems = json_pack("[{s:s,s:s,s:s}]", "kind", "chart",
	    "connection", "both", "name", "電子カルテ");
	struct err e = {0};
	size_t own = 0, i;

	EQ_I(survey_get(&s, &e), 0, "the survey adds up in rows and columns");
	EQ_I(survey_compare(s, 'C', systems, "director", true, &o, &e), 0, "beside one's own");
	EQ_I(json_integer_value(json_object_get(json_array_get(o, 1), "n")), 1400, "1,400 clinics");
	json_array_foreach(json_object_get(json_array_get(o, 1), "rows"), i, row)
		own += json_is_true(json_object_get(row, "own"));
	EQ_I(own, 1, "one answer is marked");
	row = json_array_get(json_object_get(json_array_get(o, 2), "rows"), 4);
	OK(json_number_value(json_object_get(row, "pct")) > 64.35 &&
	    json_number_value(json_object_get(row, "pct")) < 64.45, "64.4 %% of the directors");
	OK(strstr(json_string_value(json_object_get(json_array_get(o, 2), "sentence")), "64.4"),
	    "and the sentence says so");
	json_decref(o);
	EQ_I(survey_compare(s, 0, systems, "", false, &o, &e), 0, "of unknown size");
	EQ_I(json_integer_value(json_object_get(json_array_get(o, 0), "n")), 2989, "all of them");
	json_decref(o);
	(void)json_array_set_new(json_object_get(json_object_get(json_array_get(
	    json_object_get(s, "tables"), 0), "rows"), "C"), 0, json_integer(352));
	EQ_I(survey_check(s, &e), E_INVAL, "a number that does not add up is found");
	json_decref(s);
	json_decref(systems);
}

int
main(void)
{
	struct err e = {0};

	if (!OK(guide_new(&g, &e) == 0, "packs"))
		printf("#   %s\n", e.msg);
	shipped();
	next();
	outside();
	deep();
	manifest();
	survey();
	guide_free(g);
	guide_free(NULL);
	return tap_done();
}
