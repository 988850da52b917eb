/* The wizard's step about whom to call: the house's own people first, then who helps from outside.
 * No number is known beforehand: numbers change, and a wrong one on the worst day costs hours. */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "mamorid/pages/wizard_page.h"

static const struct {
	const char *kind, *word;
} outside[] = {
	{"police", "wizard.call.police"},
	{"authority", "wizard.call.prefecture"},
	{"authority", "wizard.call.mhlw"},
	{"other", "wizard.call.ipa"},
	{"insurer", "wizard.call.insurer"},
	{"association", "wizard.call.association"},
};

struct tree {
	struct wizard_form *f;
	size_t n;
	json_t *have; /* contacts that are there */
};

static bool
has(const struct tree *t, const char *key, const char *value)
{
	json_t *rec;
	size_t i;

	json_array_foreach(t->have, i, rec)
		if (strcmp(reg_text(json_object_get(rec, "values"), key), value) == 0)
			return true;
	return false;
}

/* row(t, rec, example, e): One line. What is not asked (kind and so on) travels with the form. */
static int
row(struct tree *t, json_t *rec, json_t *example, struct err *e)
{
	static const char *const hidden[] = {"kind", "person", "vendor"};
	struct wizard_form *f = t->f;
	char p[WIZARD_P], name[FORM_NAME];
	json_t *o, *more = json_array();
	bool blank = !f->sent && !rec && !example;
	const char *kind;
	int rc;

	(void)snprintf(p, sizeof(p), "k%u", (unsigned)(t->n++ % 1000));
	o = wizard_row(f, p, "contact", rec, example);
	kind = wizard_value(f, o, "kind");
	blank = blank || (f->sent && *wizard_value(f, o, "blank"));
	for (size_t i = 0; i < ARRAY_LEN(hidden); i++) {
		(void)snprintf(name, sizeof(name), "%s_%s", p, hidden[i]);
		if ((!blank || i > 0) && *wizard_value(f, o, hidden[i]))
			(void)json_array_append_new(more, json_pack("{s:s, s:s}", "name", name,
			    "value", wizard_value(f, o, hidden[i])));
	}
	if (blank) {
		(void)snprintf(name, sizeof(name), "%s_blank", p);
		(void)json_array_append_new(more, json_pack("{s:s, s:s}", "name", name, "value",
		    "1"));
	}
	model_put(o, "hidden", more);
	if (!blank) {
		const struct register_choice *c = register_choice(register_field(
		    register_kind("contact"), "kind"), kind);

		model_text(o, "legend", c ? reg_label(f->r, c->ja, c->en) : "");
	} else
		model_text(o, "legend", wizard_word(f, "wizard.call.more"));
	rc = wizard_field(f, o, "name", e);
	if (rc == 0 && blank)
		rc = wizard_field(f, o, "kind", e);
	return rc == 0 ? wizard_field(f, o, "phone", e) : rc;
}

static int
staff(struct tree *t, struct err *e)
{
	static const char *const seats[] = {"security_manager", "director", "deputy"};
	json_t *house = NULL, *person = NULL;
	int rc = register_get(t->f->r->db, register_kind("facility"), "main", &house, e);

	if (rc == E_NOENT)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(seats) && rc == 0; i++) {
		json_t *v = json_object_get(house, "values");
		const char *id = reg_text(v, seats[i]);
		bool twice = has(t, "person", id);

		for (size_t k = 0; k < i; k++)
			twice = twice || strcmp(reg_text(v, seats[k]), id) == 0;
		if (!*id || twice || register_get(t->f->r->db, register_kind("person"), id,
		    &person, NULL) < 0)
			continue;
		rc = row(t, NULL, json_pack("{s:s, s:s, s:s, s:s}", "kind", "staff", "person", id,
		    "name", reg_text(person, "title"), "phone",
		    *reg_text(json_object_get(person, "values"), "phone")
			? reg_text(json_object_get(person, "values"), "phone")
			: wizard_x(t->f, "wizard.x.phone")), e);
		json_decref(person);
	}
	json_decref(house);
	return rc;
}

static int
vendors(struct tree *t, struct err *e)
{
	json_t *list, *rec;
	size_t i;
	int rc = wizard_live(t->f->r, "vendor", &list, e);

	if (rc < 0)
		return rc;
	json_array_foreach(list, i, rec) {
		const char *phone = reg_text(json_object_get(rec, "values"), "phone");

		if (has(t, "vendor", reg_text(rec, "id")))
			continue;
		rc = row(t, NULL, json_pack("{s:s, s:s, s:s, s:s}", "kind", "vendor", "vendor",
		    reg_text(rec, "id"), "name", reg_text(rec, "title"), "phone", *phone ? phone
		    : wizard_x(t->f, "wizard.x.phone")), e);
		if (rc < 0)
			break;
	}
	json_decref(list);
	return rc;
}

int
wizard_rows_contacts(struct wizard_form *f, struct err *e)
{
	struct tree t = {.f = f};
	json_t *rec;
	char p[WIZARD_P];
	size_t i;
	int rc = 0;

	for (i = 0; f->sent && rc == 0 && wizard_again(f, "k", i, "name", p); i++)
		rc = row(&t, NULL, NULL, e);
	if (f->sent) {
		for (i = 0; i < f->blanks && rc == 0; i++) {
			f->sent = false; /* nobody has typed into these */
			rc = row(&t, NULL, NULL, e);
			f->sent = true;
		}
		return rc;
	}
	rc = wizard_live(f->r, "contact", &t.have, e);
	json_array_foreach(t.have, i, rec)
		if (rc == 0)
			rc = row(&t, rec, NULL, e);
	if (rc == 0)
		rc = staff(&t, e);
	if (rc == 0)
		rc = vendors(&t, e);
	for (i = 0; i < ARRAY_LEN(outside) && rc == 0; i++) {
		const char *name = tmpl_word(outside[i].word, true);

		/* what was left out at the first time is not offered for ever */
		if (json_array_size(t.have) == 0)
			rc = row(&t, NULL, json_pack("{s:s, s:s}", "kind", outside[i].kind, "name",
			    name), e);
	}
	for (i = 0; i < f->blanks && rc == 0; i++)
		rc = row(&t, NULL, NULL, e);
	json_decref(t.have);
	return rc;
}

/* phone_too(f, row): A vendor whose number nobody had entered gets it, too. */
static void
phone_too(struct wizard_form *f, json_t *o)
{
	static const struct {
		const char *key, *kind;
	} also[] = {{"vendor", "vendor"}, {"person", "person"}};
	const char *phone = wizard_value(f, o, "phone");

	for (size_t i = 0; i < ARRAY_LEN(also) && *phone; i++) {
		const char *id = wizard_value(f, o, also[i].key);

		if (*id)
			(void)wizard_item(f, NULL, json_pack("{s:s, s:s, s:b, s:{s:s}}", "kind",
			    also[i].kind, "id", id, "fill", 1, "values", "phone", phone));
	}
}

int
wizard_items_contacts(struct wizard_form *f, struct err *e)
{
	static const char *const keys[] = {"name", "phone", NULL};
	json_t *o, *v;
	size_t i;
	int first = -1, order = 1;
	char text[24];

	(void)e;
	json_array_foreach(f->rows, i, o) {
		bool old = *reg_text(o, "id") != 0;
		size_t at;

		if (!*wizard_value(f, o, "name") && !old) {
			if (*wizard_value(f, o, "phone"))
				wizard_blame(f, o, "name", wizard_word(f, "wizard.name"),
				    wizard_word(f, "wizard.missing"));
			continue;
		}
		v = wizard_given(f, o, keys);
		if (!old) {
			(void)snprintf(text, sizeof(text), "%d", order);
			model_text(v, "order", text);
			model_text(v, "kind", *wizard_value(f, o, "kind")
			    ? wizard_value(f, o, "kind") : "other");
			model_text(v, "person", wizard_value(f, o, "person"));
			model_text(v, "vendor", wizard_value(f, o, "vendor"));
			(void)snprintf(text, sizeof(text), "@%d", first);
			if (first >= 0)
				model_text(v, "parent", text);
		}
		order++;
		at = wizard_item(f, o, json_pack("{s:s, s:[s], s:o}", "kind", "contact", "same",
		    "kind", "values", v));
		/* whoever stands first in the house calls the others */
		if (first < 0 && strcmp(wizard_value(f, o, "kind"), "staff") == 0)
			first = (int)at;
		phone_too(f, o);
	}
	return 0;
}
