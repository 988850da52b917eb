/* What the pages of the registers and of the first-run wizard share. */
#ifndef MAMORI_DAEMON_MAMORID_PAGES_REGISTER_H
#define MAMORI_DAEMON_MAMORID_PAGES_REGISTER_H

#include "mamorid/pages/pages.h"
#include "register/register.h"

/* reg_may(r, k, verb): Whether whoever asks may do this in the register, or with the record that
 * the row of the route table names. */
bool reg_may(const struct req *r, const struct register_kind *k, enum identity_verb verb);
/* reg_kind(r, name, verb, ret, e): The register of that name, when whoever asks may do this there
 * (people are an area of their own). E_NOENT, E_AUTH. */
MUST int reg_kind(struct req *r, const char *name, enum identity_verb verb,
    const struct register_kind **ret, struct err *e);
/* reg_who(r, today): For the engine's calls; ${today} is filled. */
struct register_who reg_who(struct req *r, char today[REGISTER_DAY]);
const char *reg_text(json_t *o, const char *key); /* "" where there is none */
/* reg_label(r, ja, en): In the reader's language. */
static inline const char *
reg_label(const struct req *r, const char *ja, const char *en)
{
	return r->ja ? ja : en;
}
/* reg_name(r, by, out, n): The name of whoever changed something. */
const char *reg_name(struct req *r, const char *by, char *out, size_t n);
/* reg_field_label(r, k, key): A field's words, also of _next and so on. */
const char *reg_field_label(const struct req *r, const struct register_kind *k, const char *key);

/* people_dates(r, m): Into the model what is near: "visits" of vendors, "returns" of media,
 * "leavers"; each only for whoever may read it. */
void people_dates(struct req *r, json_t *m);

/* reg_form(r, k, values, problems, ret, e): The fields of a form: an array of {"type":
 * "text|area|select|many","name","label","value","hint","error","required","options"}. */
MUST int reg_form(struct req *r, const struct register_kind *k, json_t *values, json_t *problems,
    json_t **ret, struct err *e);
/* reg_field(r, f, name, value, error, list, e): One such field under another name, appended to
 * ${list}; ${error}: what is wrong with it, or NULL. */
MUST int reg_field(struct req *r, const struct register_field *f, const char *name,
    const char *value, const char *error, json_t *list, struct err *e);
/* reg_form_values(r, k): What the form that came back holds, field to text. */
json_t *reg_form_values(const struct req *r, const struct register_kind *k);

#endif
