/* The wizard's steps about the house and its people. */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "mamorid/pages/wizard_page.h"

/* -- the house --------------------------------------------------------------------------------- */

/* house(f, ret, e): The facility's record; NULL where there is none yet. */
static int
house(struct wizard_form *f, json_t **ret, struct err *e)
{
	int rc = register_get(f->r->db, register_kind("facility"), "main", ret, e);

	if (rc == E_NOENT)
		*ret = NULL;
	return rc == E_NOENT ? 0 : rc;
}

static int
rows_facility(struct wizard_form *f, struct err *e)
{
	static const char *const keys[] = {"name", "type", "beds", "departments", "phone"};
	json_t *rec, *row;
	int rc = house(f, &rec, e);

	if (rc < 0)
		return rc;
	row = wizard_row(f, "h", "facility", rec, json_pack("{s:s, s:s, s:s, s:s, s:s}", "name",
	    wizard_x(f, "wizard.x.facility"), "type", f->practice ? "hospital" : "", "beds",
	    f->practice ? "120" : "", "departments", wizard_x(f, "wizard.x.departments"), "phone",
	    wizard_x(f, "wizard.x.phone")));
	json_decref(rec);
	model_bool(row, "must", true);
	for (size_t i = 0; i < ARRAY_LEN(keys) && rc == 0; i++)
		rc = wizard_field(f, row, keys[i], e);
	return rc;
}

static int
items_facility(struct wizard_form *f, struct err *e)
{
	static const char *const keys[] = {"name", "type", "beds", "departments", "phone", NULL};
	json_t *row = json_array_get(f->rows, 0);

	(void)e;
	(void)wizard_item(f, row, json_pack("{s:s, s:o}", "kind", "facility", "values",
	    wizard_given(f, row, keys)));
	return 0;
}

/* -- who answers for it ------------------------------------------------------------------------ */

static const struct {
	const char *key, *field, *post;
} seats[] = {
	{"who_director", "director", "wizard.post.director"},
	{"who_manager", "security_manager", "wizard.post.manager"},
	{"who_deputy", "deputy", "wizard.post.deputy"},
};

/* sitting(f, rec, field): The name of whoever holds a seat, "" where nobody does. */
static void
sitting(struct wizard_form *f, json_t *rec, const char *field, char *out, size_t n)
{
	const char *id = reg_text(json_object_get(rec, "values"), field);
	json_t *person = NULL;

	*out = 0;
	if (!*id || register_get(f->r->db, register_kind("person"), id, &person, NULL) < 0)
		return;
	(void)snprintf(out, n, "%s", reg_text(person, "title"));
	json_decref(person);
}

static int
rows_appointed(struct wizard_form *f, struct err *e)
{
	static const char *const labels[] = {"wizard.who.director", "wizard.who.manager",
	    "wizard.who.deputy"};
	static const char *const hints[] = {NULL, "wizard.who.manager.hint",
	    "wizard.who.deputy.hint"};
	static const char *const examples[] = {"wizard.x.director", "wizard.x.manager",
	    "wizard.x.deputy"};
	const struct identity_account *me = &f->r->s.account;
	json_t *rec, *row, *values;
	char name[1100];
	int rc = house(f, &rec, e);

	if (rc < 0)
		return rc;
	row = wizard_row(f, "h", "facility", rec, NULL);
	values = json_copy(json_object_get(row, "values"));
	for (size_t i = 0; i < ARRAY_LEN(seats); i++) {
		sitting(f, rec, seats[i].field, name, sizeof(name));
		if (!*name && i == 0 && me->role == ROLE_DIRECTOR)
			(void)snprintf(name, sizeof(name), "%s", me->name);
		model_text(values, seats[i].key, *name ? name : wizard_x(f, examples[i]));
	}
	if (!rec && f->practice)
		model_text(values, "management", "concurrent");
	(void)json_object_set_new(row, "values", values);
	model_bool(row, "must", true);
	/* a house without a name cannot be kept: the first step was put off */
	if (!rec)
		rc = wizard_field(f, row, "name", e);
	json_decref(rec);
	for (size_t i = 0; i < ARRAY_LEN(seats); i++)
		wizard_text(f, row, seats[i].key, labels[i], hints[i], i == 0);
	return rc == 0 ? wizard_field(f, row, "management", e) : rc;
}

/* seat(f, row, i, at): The item of whoever is named for a seat, or -1; the same name twice is one
 * person. */
static int
seat(struct wizard_form *f, json_t *row, size_t i, const int *at)
{
	const char *name = wizard_value(f, row, seats[i].key);
	json_t *was, *o;

	if (!*name)
		return -1;
	for (size_t k = 0; k < i; k++)
		if (at[k] >= 0 && strcmp(name, wizard_value(f, row, seats[k].key)) == 0)
			return at[k];
	o = json_pack("{s:s, s:b, s:[], s:{s:s, s:s, s:s}}", "kind", "person", "fill", 1, "same",
	    "values", "name", name, "category", i == 0 ? "statutory" : "employee", "post",
	    tmpl_word(seats[i].post, true));
	was = wizard_named(f->r, "person", name);
	if (was)
		model_text(o, "id", reg_text(was, "id"));
	json_decref(was);
	return (int)wizard_item(f, NULL, o);
}

static int
items_appointed(struct wizard_form *f, struct err *e)
{
	json_t *row = json_array_get(f->rows, 0), *o = json_object();
	int at[ARRAY_LEN(seats)];
	char ref[16];

	(void)e;
	if (form_has(&f->r->form, "h_name"))
		model_text(o, "name", wizard_value(f, row, "name"));
	model_text(o, "management", wizard_value(f, row, "management"));
	for (size_t i = 0; i < ARRAY_LEN(seats); i++) {
		at[i] = seat(f, row, i, at);
		(void)snprintf(ref, sizeof(ref), "@%d", at[i]);
		model_text(o, seats[i].field, at[i] < 0 ? "" : ref);
	}
	if (at[0] < 0)
		wizard_blame(f, row, seats[0].key, wizard_word(f, "wizard.who.director"),
		    wizard_word(f, "wizard.missing"));
	(void)wizard_item(f, row, json_pack("{s:s, s:o}", "kind", "facility", "values", o));
	return 0;
}

/* -- everybody else ---------------------------------------------------------------------------- */

static int
person_fields(struct wizard_form *f, json_t *row, struct err *e)
{
	json_t *fields = json_object_get(row, "fields"), *values;
	int rc;

	/* whoever was appointed without a word about the work: the category follows from that */
	if (!f->sent && !*wizard_value(f, row, "job") && *wizard_value(f, row, "post") &&
	    strcmp(wizard_value(f, row, "category"), "employee") == 0) {
		values = json_copy(json_object_get(row, "values"));
		model_text(values, "category", "");
		(void)json_object_set_new(row, "values", values);
	}
	rc = wizard_field(f, row, "name", e);
	if (rc == 0)
		rc = wizard_field(f, row, "job", e);
	if (rc == 0)
		rc = wizard_field(f, row, "category", e);
	if (rc == 0)
		model_bool(json_array_get(fields, json_array_size(fields) - 1), "required", false);
	return rc;
}

static void
number(struct wizard_form *f, json_t *row, size_t n)
{
	char text[80];

	(void)snprintf(text, sizeof(text), f->r->ja ? "%zu%s" : "%2$s %1$zu", n,
	    wizard_word(f, "wizard.person.nth"));
	model_text(row, "legend", text);
}

static int
rows_people(struct wizard_form *f, struct err *e)
{
	static const char *const jobs[] = {"nurse", "nurse", "clerk"};
	static const char *const names[] = {"wizard.x.person1", "wizard.x.person2",
	    "wizard.x.person3"};
	json_t *list = NULL, *row, *example;
	char p[WIZARD_P];
	size_t n = 0, there = 0;
	int rc = 0;

	if (!f->sent)
		rc = wizard_live(f->r, "person", &list, e);
	there = json_array_size(list);
	if (there >= WIZARD_BLANKS && f->blanks > 2)
		f->blanks = 2; /* most are there */
	for (; rc == 0; n++) {
		json_t *rec = json_array_get(list, n);
		size_t k = n - there;

		if (f->sent ? !wizard_again(f, "p", n, "name", p) : n >= there + f->blanks)
			break;
		(void)snprintf(p, sizeof(p), "p%u", (unsigned)(n % 1000));
		example = !rec && k < ARRAY_LEN(jobs) && there <= 3
		    ? json_pack("{s:s, s:s}", "name", wizard_x(f, names[k]), "job",
			  f->practice ? jobs[k] : "")
		    : NULL;
		row = wizard_row(f, p, "person", rec, example);
		number(f, row, n + 1);
		rc = person_fields(f, row, e);
	}
	/* more rows were asked for */
	for (size_t i = 0; rc == 0 && f->sent && i < f->blanks; i++, n++) {
		(void)snprintf(p, sizeof(p), "p%u", (unsigned)(n % 1000));
		row = wizard_row(f, p, "person", NULL, NULL);
		number(f, row, n + 1);
		rc = person_fields(f, row, e);
	}
	json_decref(list);
	return rc;
}

/* category(job): Which of the five categories somebody of that work belongs to, where nobody chose.
 */
static const char *
category(const char *job)
{
	static const char *const sworn[] = {"doctor", "dentist", "nurse", "pharmacist",
	    "technician"};

	for (size_t i = 0; i < ARRAY_LEN(sworn); i++)
		if (strcmp(job, sworn[i]) == 0)
			return "statutory";
	return *job ? "employee" : "";
}

static int
items_people(struct wizard_form *f, struct err *e)
{
	static const char *const keys[] = {"name", "job", "category", NULL};
	json_t *row, *o;
	size_t i;

	(void)e;
	json_array_foreach(f->rows, i, row) {
		if (!*wizard_value(f, row, "name") && !*reg_text(row, "id")) {
			if (*wizard_value(f, row, "job") || *wizard_value(f, row, "category"))
				wizard_blame(f, row, "name", wizard_word(f, "wizard.name"),
				    wizard_word(f, "wizard.missing"));
			continue;
		}
		o = wizard_given(f, row, keys);
		if (!*reg_text(o, "category"))
			model_text(o, "category", category(reg_text(o, "job")));
		if (!*reg_text(o, "category") && *reg_text(row, "id"))
			(void)json_object_del(o, "category"); /* stays what it was */
		(void)wizard_item(f, row, json_pack("{s:s, s:[], s:o}", "kind", "person", "same",
		    "values", o));
	}
	if (json_array_size(f->items) == 0 && json_array_size(f->problems) == 0)
		wizard_blame(f, json_array_get(f->rows, 0), "name", wizard_word(f, "wizard.name"),
		    wizard_word(f, "wizard.missing"));
	return 0;
}

/* -- which step -------------------------------------------------------------------------------- */

static const struct {
	int (*rows)(struct wizard_form *f, struct err *e);
	int (*items)(struct wizard_form *f, struct err *e);
} steps[WIZARD_STEPS] = {
	[WIZARD_FACILITY] = {rows_facility, items_facility},
	[WIZARD_APPOINTED] = {rows_appointed, items_appointed},
	[WIZARD_PEOPLE] = {rows_people, items_people},
	[WIZARD_SYSTEMS] = {wizard_rows_systems, wizard_items_systems},
	[WIZARD_VENDORS] = {wizard_rows_vendors, wizard_items_vendors},
	[WIZARD_BACKUP] = {wizard_rows_backup, wizard_items_backup},
	[WIZARD_CONTACTS] = {wizard_rows_contacts, wizard_items_contacts},
};

int
wizard_ask(struct wizard_form *f, struct err *e)
{
	return steps[f->step].rows ? steps[f->step].rows(f, e) : 0;
}

int
wizard_items(struct wizard_form *f, struct err *e)
{
	return steps[f->step].items ? steps[f->step].items(f, e) : 0;
}
