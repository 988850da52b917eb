#include "guide/oscal.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#define NS "urn:mamori:oscal:1"

/* --- names ------------------------------------------------------------------------------------ */

void
oscal_uuid(const char *name, char out[OSCAL_UUID])
{
	/* the namespace: UUID 5 of "mamori" under the DNS namespace of RFC 9562, once and for all
	 */
	static const unsigned char space[16] = {0x36, 0x9b, 0xaf, 0xc2, 0x62, 0x81, 0x59, 0x93,
	    0xae, 0x3d, 0xb3, 0xf9, 0x61, 0x41, 0xfe, 0xd1};
	unsigned char h[EVP_MAX_MD_SIZE] = {0};
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned n = 0;

	if (ctx && EVP_DigestInit_ex(ctx, EVP_sha1(), NULL) == 1 &&
	    EVP_DigestUpdate(ctx, space, sizeof(space)) == 1 &&
	    EVP_DigestUpdate(ctx, name, strlen(name)) == 1)
		(void)EVP_DigestFinal_ex(ctx, h, &n);
	EVP_MD_CTX_free(ctx);
	h[6] = (unsigned char)((h[6] & 0x0f) | 0x50);
	h[8] = (unsigned char)((h[8] & 0x3f) | 0x80);
	(void)snprintf(out, OSCAL_UUID,
	    "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", h[0], h[1],
	    h[2], h[3], h[4], h[5], h[6], h[7], h[8], h[9], h[10], h[11], h[12], h[13], h[14],
	    h[15]);
}

void
oscal_token(const char *s, char *out, size_t size)
{
	static const char plain[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
	size_t n = 0;

	if (size < 3)
		return;
	if (!*s || !memchr(plain, *s, 52))
		out[n++] = '_';
	for (; *s && n + 1 < size; s++)
		out[n++] = strchr(plain, *s) ? *s : '_';
	out[n] = 0;
}

static const char *
text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

/* uuid_of(out, kind, parts ...): Of a name made of three parts. */
static void
uuid_of(char out[OSCAL_UUID], const char *kind, const char *a, const char *b)
{
	char name[1200];

	(void)snprintf(name, sizeof(name), "%s|%.500s|%.500s", kind, a, b);
	oscal_uuid(name, out);
}

static json_t *
prop(const char *name, const char *value)
{
	return json_pack("{s:s, s:s, s:s}", "name", name, "ns", NS, "value", value);
}

/* --- one item --------------------------------------------------------------------------------- */

/* add_observation(b, item, list, refs, at): What a verdict rests on. A statement of a person is an
 * interview, a measurement a test. */
static void
add_observation(const json_t *b, const char *item, json_t *list, json_t *refs, const char *at)
{
	char name[600], uuid[OSCAL_UUID];
	bool said = strcmp(text(b, "by"), "measured") != 0;
	const char *when = *text(b, "at") ? text(b, "at") : at;
	json_t *o;

	(void)snprintf(name, sizeof(name), "%.90s|%lld", text(b, "check"),
	    (long long)json_integer_value(json_object_get(b, "seq")));
	uuid_of(uuid, "observation", item, name);
	o = json_pack("{s:s, s:s, s:[s], s:s, s:[o, o]}", "uuid", uuid, "description",
	    *text(b, "ja") ? text(b, "ja") : "-", "methods", said ? "INTERVIEW" : "TEST",
	    "collected", when, "props", prop("check", *text(b, "check") ? text(b, "check") : "-"),
	    prop("by", *text(b, "by") ? text(b, "by") : "-"));
	if (*text(b, "outcome") && o)
		(void)json_array_append_new(json_object_get(o, "props"),
		    prop("outcome", text(b, "outcome")));
	(void)json_array_append_new(list, o);
	(void)json_array_append_new(refs, json_pack("{s:s}", "observation-uuid", uuid));
}

static json_t *
finding(const json_t *item, const char *token, const char *uuid, json_t *refs)
{
	const char *verdict = text(item, "verdict");
	bool good = strcmp(verdict, "green") == 0;
	const char *reason = strcmp(verdict, "red") == 0 ? "fail" : good ? "pass" : "other";
	char remarks[1400];
	json_t *o;

	(void)snprintf(remarks, sizeof(remarks), "%.600s / %.600s%s", text(item, "reason"),
	    text(item, "reason_en"), json_is_true(json_object_get(item, "declared_only"))
	        ? " (申告のみ / declared only)" : "");
	o = json_pack("{s:s, s:s, s:s, s:[o, o], s:{s:s, s:s, s:{s:s, s:s}}, s:s}", "uuid", uuid,
	    "title", text(item, "id"), "description", *text(item, "ja") ? text(item, "ja") : "-",
	    "props", prop("verdict", verdict), prop("declared-only",
	        json_is_true(json_object_get(item, "declared_only")) ? "yes" : "no"), "target",
	    "type", "objective-id", "target-id", token, "status", "state",
	    good ? "satisfied" : "not-satisfied", "reason", reason, "remarks", remarks);
	if (o && json_array_size(refs) > 0)
		(void)json_object_set(o, "related-observations", refs);
	return o;
}

struct lists {
	json_t *controls, *observations, *findings;
	size_t na;
};

static void
add_item(const json_t *item, const char *pack, const char *at, struct lists *l)
{
	char token[128], uuid[OSCAL_UUID], full[300];
	json_t *refs, *b;
	size_t i;

	/* OSCAL has no "does not apply": it is left out, and the remarks say how many were */
	if (strcmp(text(item, "verdict"), "na") == 0) {
		l->na++;
		return;
	}
	refs = json_array();
	oscal_token(text(item, "id"), token, sizeof(token));
	(void)snprintf(full, sizeof(full), "%.100s|%.100s", pack, text(item, "id"));
	(void)json_array_append_new(l->controls, json_pack("{s:s}", "control-id", token));
	json_array_foreach(json_object_get(item, "basis"), i, b)
		add_observation(b, full, l->observations, refs, at);
	uuid_of(uuid, "finding", full, at);
	(void)json_array_append_new(l->findings, finding(item, token, uuid, refs));
	json_decref(refs);
}

/* --- the document ----------------------------------------------------------------------------- */

static const char *
title_of(const json_t *status)
{
	const json_t *t = json_object_get(status, "title");

	return json_is_object(t) ? text(t, "ja") : text(status, "title");
}

static json_t *
result(const json_t *status, const char *host, const char *at, struct lists *l)
{
	char uuid[OSCAL_UUID], remarks[300];
	json_t *o;

	uuid_of(uuid, "result", text(status, "pack"), at);
	(void)snprintf(remarks, sizeof(remarks),
	    "非該当の %zu 項目は含みません / %zu items that do not apply are left out. "
	    "灰色と黄色は not-satisfied です / grey and yellow are not-satisfied; see props.",
	    l->na, l->na);
	o = json_pack("{s:s, s:s, s:s, s:s, s:{s:[{s:o}]}, s:O, s:s}", "uuid", uuid, "title",
	    title_of(status), "description", host, "start", at, "reviewed-controls",
	    "control-selections", "include-controls", json_incref(l->controls), "findings",
	    l->findings, "remarks", remarks);
	if (o && json_array_size(l->observations) > 0)
		(void)json_object_set(o, "observations", l->observations);
	return o;
}

int
oscal_make(const json_t *status, const char *host, const char *at, const char *version,
    json_t **ret, struct err *e)
{
	struct lists l = {json_array(), json_array(), json_array(), 0};
	char uuid[OSCAL_UUID], plan[OSCAL_UUID], href[OSCAL_UUID + 1];
	const json_t *item;
	json_t *res;
	size_t i;

	json_array_foreach(json_object_get(status, "items"), i, item)
		add_item(item, text(status, "pack"), at, &l);
	uuid_of(uuid, "document", text(status, "pack"), at);
	uuid_of(plan, "plan", text(status, "pack"), text(status, "edition"));
	(void)snprintf(href, sizeof(href), "#%s", plan);
	res = json_array_size(l.findings) > 0 ? result(status, host, at, &l) : NULL;
	*ret = res ? json_pack("{s:{s:s, s:{s:s, s:s, s:s, s:s}, s:{s:s}, s:[o], "
	    "s:{s:[{s:s, s:s, s:s}]}}}", "assessment-results", "uuid", uuid, "metadata", "title",
	    title_of(status), "last-modified", at, "version", version, "oscal-version", "1.1.2",
	    "import-ap", "href", href, "results", res, "back-matter", "resources", "uuid", plan,
	    "title", title_of(status), "description", *text(status, "edition")
	        ? text(status, "edition") : "-") : NULL;
	i = json_array_size(l.findings);
	json_decref(l.controls);
	json_decref(l.observations);
	json_decref(l.findings);
	if (i == 0)
		return err_set(e, E_INVAL, "there is nothing to export");
	return *ret ? 0 : err_set(e, E_NOMEM, "no memory");
}
