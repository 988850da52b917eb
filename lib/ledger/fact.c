#include "ledger/fact.h"

#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "base/utf8.h"
#include "ledger/checks.h"

static const char *const outcomes[FACT_OUTCOMES] = {"pass", "fail", "na", "error", "unknown"};
static const char *const bys[FACT_BYS] = {"measured", "declared", "vendor", "imported"};

void
fact_init(struct fact *fact)
{
	*fact = (struct fact){0};
}

void
fact_free(struct fact *fact)
{
	if (!fact)
		return;
	json_decref(fact->observed);
	json_decref(fact->expected);
	json_decref(fact->evidence);
	fact_init(fact);
}

int
fact_fill(struct fact *fact, const char *module, const char *check, const char *kind,
    const char *id, enum fact_outcome outcome, int64_t now, struct err *e)
{
	char host[sizeof(fact->host)] = "";
	int r;

	if (gethostname(host, sizeof(host) - 1) < 0 || host[0] == 0)
		(void)memcpy(host, "localhost", 10);
	fact_init(fact);
	fact->outcome = outcome;
	fact->by = FACT_MEASURED;
	fact->at = now;
	if ((r = fact_set(fact->check, sizeof(fact->check), "check", check, e)) < 0 ||
	    (r = fact_set(fact->kind, sizeof(fact->kind), "subject.kind", kind, e)) < 0 ||
	    (r = fact_set(fact->id, sizeof(fact->id), "subject.id", id, e)) < 0 ||
	    (r = fact_set(fact->module, sizeof(fact->module), "source.module", module, e)) < 0 ||
	    (r = fact_set(
		 fact->version, sizeof(fact->version), "source.version", MAMORI_VERSION, e)) < 0)
		return r;
	return fact_set(fact->host, sizeof(fact->host), "source.host", host, e);
}

const char *
fact_outcome_name(enum fact_outcome o)
{
	return o < FACT_OUTCOMES ? outcomes[o] : "unknown";
}

const char *
fact_by_name(enum fact_by b)
{
	return b < FACT_BYS ? bys[b] : "unknown";
}

int
fact_outcome_get(const char *s, enum fact_outcome *ret)
{
	for (int i = 0; i < FACT_OUTCOMES; i++) {
		if (strcmp(outcomes[i], s) == 0) {
			*ret = (enum fact_outcome)i;
			return 0;
		}
	}
	return E_INVAL;
}

int
fact_by_get(const char *s, enum fact_by *ret)
{
	for (int i = 0; i < FACT_BYS; i++) {
		if (strcmp(bys[i], s) == 0) {
			*ret = (enum fact_by)i;
			return 0;
		}
	}
	return E_INVAL;
}

static int
text_ok(const char *s, size_t size, const char *what, struct err *e)
{
	size_t n = strnlen(s, size);

	if (n == 0)
		return err_set(e, E_INVAL, "%s is empty", what);
	if (n >= size)
		return err_set(e, E_INVAL, "%s is longer than %zu bytes", what, size - 1);
	if (!utf8_ok(s, n))
		return err_set(e, E_INVAL, "%s is not UTF-8", what);
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			return err_set(e, E_INVAL, "%s holds a control character", what);
	}
	return 0;
}

int
fact_set(char *out, size_t size, const char *what, const char *text, struct err *e)
{
	int r = text_ok(text, size, what, e);

	if (r == 0)
		(void)memcpy(out, text, strlen(text) + 1);
	return r;
}

static int
evidence_ok(const json_t *list, struct err *e)
{
	size_t i;
	json_t *item;

	if (!json_is_array(list) || json_array_size(list) > FACT_MAX_EVIDENCE)
		return err_set(e, E_INVAL, "evidence is not a list of at most %d names",
		    FACT_MAX_EVIDENCE);
	json_array_foreach(list, i, item) {
		const char *s = json_string_value(item);

		if (!s || strlen(s) != 64 || strspn(s, "0123456789abcdef") != 64)
			return err_set(
			    e, E_INVAL, "evidence %zu is not a SHA-256 in lower-case digits", i);
	}
	return 0;
}

int
fact_check(const struct fact *fact, struct err *e)
{
	int r;

	if (!checks_name_ok(fact->check))
		return err_set(e, E_INVAL, "check is not a name like vault.restore.drill");
	if ((r = text_ok(fact->kind, sizeof(fact->kind), "subject.kind", e)) < 0 ||
	    (r = text_ok(fact->id, sizeof(fact->id), "subject.id", e)) < 0 ||
	    (r = text_ok(fact->module, sizeof(fact->module), "source.module", e)) < 0 ||
	    (r = text_ok(fact->version, sizeof(fact->version), "source.version", e)) < 0 ||
	    (r = text_ok(fact->host, sizeof(fact->host), "source.host", e)) < 0)
		return r;
	if (fact->outcome >= FACT_OUTCOMES || fact->by >= FACT_BYS)
		return err_set(e, E_INVAL, "outcome or source.by is not one of its words");
	if (fact->observed && !json_is_object(fact->observed))
		return err_set(e, E_INVAL, "observed is not an object");
	if (fact->expected && !json_is_object(fact->expected))
		return err_set(e, E_INVAL, "expected is not an object");
	if (fact->at < 0 || fact->at > INT64_C(253402300799) * TIME_SEC)
		return err_set(e, E_INVAL, "at is not between the years 1970 and 9999");
	return fact->evidence ? evidence_ok(fact->evidence, e) : 0;
}

/* -- reading ----------------------------------------------------------------------------------- */

static int
known_keys(const json_t *obj, const char *const *keys, size_t n, const char *where, struct err *e)
{
	void *iter = json_object_iter((json_t *)(uintptr_t)obj);

	for (; iter; iter = json_object_iter_next((json_t *)(uintptr_t)obj, iter)) {
		const char *key = json_object_iter_key(iter);
		size_t i = 0;

		while (i < n && strcmp(keys[i], key) != 0)
			i++;
		if (i == n)
			return err_set(
			    e, E_INVAL, "%s has a key that is not known: %.80s", where, key);
	}
	return 0;
}

static int
field(const json_t *obj, const char *key, const char *what, char *out, size_t size, struct err *e)
{
	const json_t *v = json_object_get(obj, key);

	if (!json_is_string(v))
		return err_set(e, E_INVAL, "%s is missing or not text", what);
	if (strlen(json_string_value(v)) != json_string_length(v))
		return err_set(e, E_INVAL, "%s holds a control character", what);
	return fact_set(out, size, what, json_string_value(v), e);
}

static int
fields(const json_t *root, bool strict, struct fact *fact, struct err *e)
{
	static const char *const top[] = {
	    "at", "check", "evidence", "expected", "observed", "outcome", "source", "subject"};
	static const char *const sub[] = {"id", "kind"};
	static const char *const src[] = {"by", "host", "module", "version"};
	const json_t *subject = json_object_get(root, "subject");
	const json_t *source = json_object_get(root, "source");
	char outcome[16], by[16], at[TIME_TEXT];
	int r = 0;

	if (!json_is_object(root))
		return err_set(e, E_INVAL, "a fact is a JSON object");
	if (strict && ((r = known_keys(root, top, ARRAY_LEN(top), "the fact", e)) < 0 ||
	    (r = known_keys(subject, sub, ARRAY_LEN(sub), "subject", e)) < 0 ||
	    (r = known_keys(source, src, ARRAY_LEN(src), "source", e)) < 0))
		return r;
	if ((r = field(root, "check", "check", fact->check, sizeof(fact->check), e)) < 0 ||
	    (r = field(subject, "kind", "subject.kind", fact->kind, sizeof(fact->kind), e)) < 0 ||
	    (r = field(subject, "id", "subject.id", fact->id, sizeof(fact->id), e)) < 0 ||
	    (r = field(root, "outcome", "outcome", outcome, sizeof(outcome), e)) < 0 ||
	    (r = field(root, "at", "at", at, sizeof(at), e)) < 0 ||
	    (r = field(source, "by", "source.by", by, sizeof(by), e)) < 0 ||
	    (r = field(source, "module", "source.module", fact->module, sizeof(fact->module), e)) <
		0 ||
	    (r = field(source, "version", "source.version", fact->version, sizeof(fact->version),
		 e)) < 0 ||
	    (r = field(source, "host", "source.host", fact->host, sizeof(fact->host), e)) < 0)
		return r;
	if (fact_outcome_get(outcome, &fact->outcome) < 0)
		return err_set(e, E_INVAL, "outcome is not one of pass fail na error unknown");
	if (fact_by_get(by, &fact->by) < 0)
		return err_set(
		    e, E_INVAL, "source.by is not one of measured declared vendor imported");
	if (time_get(at, &fact->at, NULL) < 0)
		return err_set(e, E_INVAL, "at is not a time like 2026-11-22T03:10:00+09:00");
	return 0;
}

int
fact_read(const void *p, size_t n, bool strict, struct fact *ret, struct err *e)
{
	struct fact fact;
	json_error_t where;
	json_t *root;
	int r;

	if (n > FACT_MAX_JSON)
		return err_set(e, E_LIMIT, "a fact has at most %d bytes", FACT_MAX_JSON);
	root = json_loadb(p, n, JSON_REJECT_DUPLICATES, &where);
	if (!root)
		return err_set(
		    e, E_INVAL, "this is not JSON (line %d: %.100s)", where.line, where.text);
	fact_init(&fact);
	r = fields(root, strict, &fact, e);
	if (r == 0) {
		fact.observed = json_incref(json_object_get(root, "observed"));
		fact.expected = json_incref(json_object_get(root, "expected"));
		fact.evidence = json_incref(json_object_get(root, "evidence"));
		r = fact_check(&fact, e);
	}
	json_decref(root);
	if (r < 0)
		fact_free(&fact);
	else
		*ret = fact;
	return r;
}

/* -- writing ----------------------------------------------------------------------------------- */

json_t *
fact_json(const struct fact *fact, bool from_ledger)
{
	char at[TIME_TEXT], recorded[TIME_TEXT];
	json_t *o;

	if (from_ledger)
		time_put(at, fact->at);
	else
		time_put_utc(at, fact->at);
	o = json_pack("{s:s, s:{s:s,s:s}, s:s, s:s, s:{s:s,s:s,s:s,s:s}, s:O*, s:O*, s:O*}",
	    "check", fact->check, "subject", "kind", fact->kind, "id", fact->id,
	    "outcome", fact_outcome_name(fact->outcome), "at", at,
	    "source", "by", fact_by_name(fact->by), "module", fact->module,
	    "version", fact->version, "host", fact->host,
	    "observed", fact->observed, "expected", fact->expected, "evidence", fact->evidence);
	if (!o || !from_ledger)
		return o;
	time_put(recorded, fact->recorded_at);
	if (json_object_set_new(o, "seq", json_integer((json_int_t)fact->seq)) < 0 ||
	    json_object_set_new(o, "effective_at", json_string(at)) < 0 ||
	    json_object_set_new(o, "recorded_at", json_string(recorded)) < 0) {
		json_decref(o);
		return NULL;
	}
	return o;
}

static int
put_piece(const char *p, size_t n, void *cookie)
{
	return buf_put(cookie, p, n, NULL) < 0 ? -1 : 0;
}

int
fact_write(struct buf *b, const struct fact *fact, struct err *e)
{
	size_t start = b->len;
	json_t *o;
	int r = fact_check(fact, e);

	if (r < 0)
		return r;
	o = fact_json(fact, false);
	if (!o)
		return err_set(e, E_NOMEM, "no memory");
	r = json_dump_callback(o, put_piece, b, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(o);
	if (r < 0 || b->len - start > FACT_MAX_JSON) {
		b->len = start;
		return err_set(e, E_LIMIT, "a fact has at most %d bytes", FACT_MAX_JSON);
	}
	return 0;
}
