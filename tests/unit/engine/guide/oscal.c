#include "guide/oscal.h"

#include <stdlib.h>

#include "tap.h"

static const char status[] =
    "{\"pack\":\"check-r8\",\"title\":{\"ja\":\"点検 髙橋\",\"en\":\"x\"},\"edition\":\"R8\","
    "\"items\":[{\"id\":\"R8-H-1\",\"ja\":\"台帳\",\"verdict\":\"green\",\"reason\":\"測った\","
    "\"reason_en\":\"measured\",\"declared_only\":false,\"basis\":[{\"check\":\"vault.scrub\","
    "\"ja\":\"点検\",\"by\":\"measured\",\"outcome\":\"pass\",\"seq\":7,"
    "\"at\":\"2026-11-22T03:10:00+09:00\"}]},"
    "{\"id\":\"6.5-C-1\",\"ja\":\"言葉だけ\",\"verdict\":\"yellow\",\"declared_only\":true,"
    "\"basis\":[{\"ja\":\"申告\",\"by\":\"declared\"}]},"
    "{\"id\":\"R8-H-3\",\"verdict\":\"grey\",\"basis\":[]},"
    "{\"id\":\"R8-H-4\",\"verdict\":\"na\",\"basis\":[]}]}";

static json_t *
make(const char *text)
{
	json_t *in = json_loads(text, 0, NULL), *out = NULL;

	if (!in || oscal_make(in, "box", "2026-11-25T00:00:00Z", "0.1.0", &out, NULL) < 0)
		out = NULL;
	json_decref(in);
	return out;
}

static const char *
at(const json_t *list, size_t i, const char *key)
{
	return json_string_value(json_object_get(json_array_get(list, i), key));
}

int
main(void)
{
	json_t *o = make(status), *again = make(status), *top, *res, *f;
	char uuid[OSCAL_UUID], token[64];

	oscal_uuid("x", uuid);
	OK(strlen(uuid) == 36 && uuid[14] == '5' && strchr("89ab", uuid[19]),
	    "a UUID of version 5");
	EQ_S(uuid, "96e6812b-ccb9-5866-a008-a15385dcf5c2", "as another program computes it");
	oscal_token("6.5-C-1 (2)", token, sizeof(token));
	EQ_S(token, "_6.5-C-1__2_", "a token begins with a letter or _");
	if (!OK(o && json_equal(o, again), "the same status gives the same document"))
		return tap_done();
	top = json_object_get(o, "assessment-results");
	EQ_S(json_string_value(json_object_get(json_object_get(top, "metadata"), "oscal-version")),
	    "1.1.2", "of a version");
	res = json_array_get(json_object_get(top, "results"), 0);
	f = json_object_get(res, "findings");
	EQ_I(json_array_size(f), 3, "what does not apply is left out");
	OK(strstr(json_string_value(json_object_get(res, "remarks")), "1 items"), "and counted");
	EQ_S(json_string_value(json_object_get(json_object_get(json_object_get(
	    json_array_get(f, 0), "target"), "status"), "state")), "satisfied", "green");
	EQ_S(json_string_value(json_object_get(
		 json_object_get(json_object_get(json_array_get(f, 1), "target"), "status"),
		 "state")),
	    "not-satisfied", "yellow is not");
	OK(strstr(at(f, 1, "remarks"), "申告のみ"), "words alone are named as that");
	OK(json_object_get(json_array_get(f, 0), "related-observations") &&
	        !json_object_get(json_array_get(f, 2), "related-observations"),
	    "observations where there are some");
	f = json_object_get(res, "observations");
	EQ_I(json_array_size(f), 2, "two observations");
	EQ_S(json_string_value(json_array_get(json_object_get(json_array_get(f, 0), "methods"), 0)),
	    "TEST", "a measurement is a test");
	EQ_S(json_string_value(json_array_get(json_object_get(json_array_get(f, 1), "methods"), 0)),
	    "INTERVIEW", "a declaration an interview");
	OK(!make("{\"pack\":\"x\",\"items\":[]}"), "nothing is no document");
	json_decref(o);
	json_decref(again);
	return tap_done();
}
