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

/* What the official JSON schema of the assessment results (read in its edition 1.0.4) allows in the
 * objects that are written: "key", "key!" (required), ":shape" its value, "[]" a list that is not
 * empty. */
static const struct {
	const char *name, *keys[12];
} shapes[] = {
	{"top", {"assessment-results!:results"}},
	{"results", {"uuid!", "metadata!:metadata", "import-ap!:import", "local-definitions",
	    "results![]:result", "back-matter:matter"}},
	{"metadata", {"title!", "last-modified!", "version!", "oscal-version!", "published",
	    "props[]:prop", "parties", "remarks"}},
	{"import", {"href!", "remarks"}},
	{"result", {"uuid!", "title!", "description!", "start!", "end", "props[]:prop",
	    "reviewed-controls!:reviewed", "attestations", "observations[]:observation",
	    "risks", "findings[]:finding", "remarks"}},
	{"reviewed", {"description", "props[]:prop", "control-selections![]:selection", "remarks"}},
	{"selection", {"description", "props[]:prop", "include-all", "include-controls[]:control",
	    "exclude-controls", "remarks"}},
	{"control", {"control-id!", "statement-ids"}},
	{"observation", {"uuid!", "title", "description!", "props[]:prop", "methods!", "types",
	    "origins", "subjects", "relevant-evidence", "collected!", "expires", "remarks"}},
	{"finding", {"uuid!", "title!", "description!", "props[]:prop", "origins", "target!:target",
	    "related-observations[]:related", "related-risks", "remarks"}},
	{"target", {"type!", "target-id!", "title", "description", "props[]:prop", "status!:status",
	    "remarks"}},
	{"status", {"state!", "reason", "remarks"}},
	{"related", {"observation-uuid!"}},
	{"prop", {"name!", "uuid", "ns", "value!", "class", "remarks"}},
	{"matter", {"resources[]:resource"}},
	{"resource", {"uuid!", "title", "description", "props[]:prop", "rlinks", "remarks"}},
};

static bool fits(const char *shape, const json_t *o);

/* fits_value(k, v): The value of the key ${k}, as its rule says. */
static bool
fits_value(const char *k, const json_t *v)
{
	const char *inner = strchr(k, ':');
	const json_t *one;
	size_t i;

	if (!strstr(k, "[]"))
		return !inner || fits(inner + 1, v);
	if (json_array_size(v) == 0)
		return false;
	json_array_foreach(v, i, one)
		if (!fits(inner + 1, one))
			return false;
	return true;
}

static bool
fits(const char *shape, const json_t *o)
{
	size_t s = 0, known = 0;

	while (strcmp(shapes[s].name, shape) != 0)
		s++;
	for (size_t i = 0; i < 12 && shapes[s].keys[i]; i++) {
		const char *k = shapes[s].keys[i];
		char name[40] = "";
		const json_t *v;

		(void)memcpy(name, k, strcspn(k, "![:"));
		v = json_object_get(o, name);
		known += v != NULL;
		if (v ? !fits_value(k, v) : strchr(k, '!') != NULL) {
			printf("# %s of %s\n", name, shape);
			return false;
		}
	}
	if (!json_is_object(o) || json_object_size(o) != known)
		printf("# a key too many in %s\n", shape);
	return json_is_object(o) && json_object_size(o) == known;
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
	OK(fits("top", o), "the keys that the schema requires, and no other");
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
	(void)json_object_set_new(json_array_get(f, 1), "extra", json_true());
	OK(!fits("top", o), "a key of our own would be seen");
	OK(!make("{\"pack\":\"x\",\"items\":[]}"), "nothing is no document");
	json_decref(o);
	json_decref(again);
	return tap_done();
}
