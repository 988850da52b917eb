/* The wizard's steps about systems: what there is and what it is wired to; who repairs it. */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "mamorid/pages/wizard_page.h"

/* -- cards ------------------------------------------------------------------------------------- */

/* What a practice hospital has. */
static bool
usual(const char *kind)
{
	static const char *const kinds[] = {"receipt", "chart", "images", "network", "wifi"};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcmp(kind, kinds[i]) == 0)
			return true;
	return false;
}

/* links(f, row): The survey's question. "Not used" is a card without its tick. */
static void
links(struct wizard_form *f, json_t *row)
{
	const struct register_field *rf = register_field(register_kind("system"), "connection");
	json_t *options = json_array();

	for (size_t i = 0; i < rf->nchoices; i++)
		if (strcmp(rf->choices[i].key, "unused") != 0)
			wizard_option(options, rf->choices[i].key, reg_label(f->r,
			    rf->choices[i].ja, rf->choices[i].en));
	wizard_choice(f, row, "connection", "wizard.connection", NULL, options);
}

/* own_title(f, row): There are two cards for what has no kind; they are told apart by a number. */
static void
own_title(struct wizard_form *f, json_t *row)
{
	char title[80];
	unsigned n = 1;
	json_t *one;
	size_t i;

	json_array_foreach(f->rows, i, one)
		n += json_is_true(json_object_get(one, "own"));
	model_bool(row, "own", true);
	(void)snprintf(title, sizeof(title), "%.60s %u", wizard_word(f, "wizard.card.other"), n);
	model_text(row, "card", title);
}

/* card(f, p, rec, kind, example, title, e): A card. ${kind}: its key of system_kind. */
static void
card(struct wizard_form *f, const char *p, json_t *rec, const char *kind, json_t *example,
    const char *title)
{
	json_t *row = wizard_row(f, p, "system", rec, example), *values;
	const char *link = wizard_value(f, row, "connection");
	bool own = strcmp(kind, "other") == 0 && !*reg_text(row, "id") && !*title;
	char name[FORM_NAME];
	bool used = f->sent ? *wizard_value(f, row, "use") != 0
	    : rec           ? strcmp(link, "unused") != 0
			    : *wizard_value(f, row, "use") != 0;

	values = json_copy(json_object_get(row, "values"));
	if (!f->sent && (!*link || strcmp(link, "unused") == 0))
		model_text(values, "connection", "unknown");
	(void)json_object_set_new(row, "values", values);
	(void)snprintf(name, sizeof(name), "%.15s_use", p);
	model_text(row, "use", name);
	model_bool(row, "used", used);
	if (own)
		own_title(f, row);
	else
		model_text(row, "card", title);
	model_text(row, "skind", kind);
	model_text(row, "vault", wizard_value(f, row, "vault"));
	if (own)
		wizard_text(f, row, "name", "wizard.card.name", NULL, false);
	links(f, row);
}

static bool
shown(const struct wizard_form *f, const char *kind)
{
	json_t *row;
	size_t i;

	json_array_foreach(f->rows, i, row)
		if (strcmp(reg_text(row, "skind"), kind) == 0)
			return true;
	return false;
}

/* sent_cards(f): The cards as they were sent. */
static int
sent_cards(struct wizard_form *f)
{
	const struct register_field *rf = register_field(register_kind("system"), "kind");
	char p[WIZARD_P];

	for (size_t i = 0; wizard_again(f, "s", i, "skind", p); i++) {
		const struct register_choice *c;
		char name[FORM_NAME], title[FORM_NAME];
		bool other;

		(void)snprintf(name, sizeof(name), "%s_skind", p);
		(void)snprintf(title, sizeof(title), "%s_card", p);
		c = register_choice(rf, req_form(f->r, name));
		if (!c)
			continue;
		other = strcmp(c->key, "other") == 0;
		/* a card that had a field for its name has it again */
		(void)snprintf(name, sizeof(name), "%s_name", p);
		card(f, p, NULL, c->key, NULL, other && form_has(&f->r->form, name) ? ""
		    : *req_form(f->r, title) ? req_form(f->r, title)
		    : other ? "" : reg_label(f->r, c->ja, c->en));
	}
	return 0;
}

/* vault_cards(f, n, e): What the vault copies and nobody has entered. */
static int
vault_cards(struct wizard_form *f, size_t *n, struct err *e)
{
	json_t *all, *v;
	char p[WIZARD_P];
	size_t i;
	int rc = register_protection(f->r->db, &all, e);

	if (rc < 0)
		return rc;
	json_array_foreach(all, i, v) {
		const char *kind = reg_text(v, "kind");

		if (*reg_text(v, "record") || *n >= WIZARD_ROWS)
			continue;
		kind = strcmp(kind, "chart") == 0 || strcmp(kind, "images") == 0 ? kind
		    : strcmp(kind, "office") == 0 ? "files" : "other";
		(void)snprintf(p, sizeof(p), "s%u", (unsigned)((*n)++ % 1000));
		card(f, p, NULL, kind,
		    json_pack("{s:s, s:s, s:s}", "use", "1", "vault", reg_text(v, "system"),
			"connection", "internal"),
		    reg_text(v, f->r->ja ? "name_ja" : "name_en"));
	}
	json_decref(all);
	return 0;
}

int
wizard_rows_systems(struct wizard_form *f, struct err *e)
{
	const struct register_field *rf = register_field(register_kind("system"), "kind");
	json_t *list, *rec;
	char p[WIZARD_P];
	size_t i, n = 0;
	int rc;

	if (f->sent)
		return sent_cards(f);
	rc = wizard_live(f->r, "system", &list, e);
	if (rc < 0)
		return rc;
	json_array_foreach(list, i, rec) {
		(void)snprintf(p, sizeof(p), "s%u", (unsigned)(n++ % 1000));
		card(f, p, rec, reg_text(json_object_get(rec, "values"), "kind"), NULL,
		    reg_text(rec, "title"));
	}
	json_decref(list);
	rc = vault_cards(f, &n, e);
	for (i = 0; i < rf->nchoices + 1 && rc == 0; i++) {
		const struct register_choice *c = &rf->choices[i < rf->nchoices ? i
		    : rf->nchoices - 1];
		bool own = strcmp(c->key, "other") == 0;

		if (!own && shown(f, c->key))
			continue;
		(void)snprintf(p, sizeof(p), "s%u", (unsigned)(n++ % 1000));
		card(f, p, NULL, c->key, f->practice && usual(c->key)
		    ? json_pack("{s:s, s:s}", "use", "1", "connection", "internal") : NULL,
		    own ? "" : reg_label(f->r, c->ja, c->en));
	}
	return rc;
}

int
wizard_items_systems(struct wizard_form *f, struct err *e)
{
	const struct register_field *rf = register_field(register_kind("system"), "kind");
	json_t *row, *o;
	size_t i;

	(void)e;
	json_array_foreach(f->rows, i, row) {
		const char *kind = reg_text(row, "skind"), *name = wizard_value(f, row, "name");
		const struct register_choice *c = register_choice(rf, kind);
		bool used = json_is_true(json_object_get(row, "used"));

		if (*reg_text(row, "id")) {
			o = json_pack("{s:s}", "connection", used ? wizard_value(f, row,
			    "connection") : "unused");
			(void)wizard_item(f, row, json_pack("{s:s, s:o}", "kind", "system",
			    "values", o));
			continue;
		}
		if (!used && !*name)
			continue;
		if (!used || (strcmp(kind, "other") == 0 && !*name && !*reg_text(row, "vault"))) {
			wizard_blame(f, row, used ? "name" : "use", reg_text(row, "card"),
			    wizard_word(f, used ? "wizard.missing"
			    : "wizard.card.tick"));
			continue;
		}
		o = json_pack("{s:s, s:s, s:s}", "name", *name ? name : *reg_text(row, "vault")
		    ? reg_text(row, "card") : c->ja, "kind", kind, "connection",
		    wizard_value(f, row, "connection"));
		if (*reg_text(row, "vault")) {
			model_text(o, "vault_system", reg_text(row, "vault"));
			model_text(o, "protection", "mamori");
		}
		(void)wizard_item(f, row, json_pack("{s:s, s:[s], s:o}", "kind", "system", "same",
		    "kind", "values", o));
	}
	return 0;
}

/* -- who repairs it ---------------------------------------------------------------------------- */

static int
vendor_row(struct wizard_form *f, const char *p, json_t *rec, struct err *e)
{
	json_t *values = json_copy(json_object_get(rec, "values")), *vendor = NULL, *row, *o;
	const char *id = reg_text(values, "vendor");

	if (*id && register_get(f->r->db, register_kind("vendor"), id, &vendor, NULL) < 0)
		vendor = NULL;
	model_text(values, "who", vendor ? reg_text(vendor, "title") : !*id
	    ? wizard_x(f, "wizard.x.vendor") : "");
	json_decref(vendor);
	if (!*reg_text(values, "remote") && f->practice)
		model_text(values, "remote", "no");
	o = json_pack("{s:O, s:O, s:o}", "id", json_object_get(rec, "id"), "rev",
	    json_object_get(rec, "rev"), "values", values);
	row = wizard_row(f, p, "system", o, NULL);
	json_decref(o);
	model_text(row, "legend", reg_text(rec, "title"));
	model_text(row, "skind", reg_text(json_object_get(rec, "values"), "kind"));
	wizard_text(f, row, "who", "wizard.vendor.who", NULL, false);
	return wizard_field(f, row, "remote", e);
}

int
wizard_rows_vendors(struct wizard_form *f, struct err *e)
{
	json_t *list = NULL, *rec = NULL;
	char p[WIZARD_P], name[FORM_NAME];
	size_t i, n = 0;
	int rc = 0;

	for (i = 0; f->sent && rc == 0 && wizard_again(f, "v", i, "who", p); i++) {
		(void)snprintf(name, sizeof(name), "%s_id", p);
		rc = register_get(f->r->db, register_kind("system"), req_form(f->r, name), &rec, e);
		if (rc == 0) {
			rc = vendor_row(f, p, rec, e);
			json_decref(rec);
		}
	}
	if (f->sent)
		return rc;
	rc = wizard_live(f->r, "system", &list, e);
	json_array_foreach(list, i, rec) {
		if (rc < 0 || strcmp(reg_text(json_object_get(rec, "values"), "connection"),
		    "unused") == 0)
			continue;
		(void)snprintf(p, sizeof(p), "v%u", (unsigned)(n++ % 1000));
		rc = vendor_row(f, p, rec, e);
	}
	json_decref(list);
	return rc;
}

/* does(kind): What a vendor of such a system does. */
static const char *
does(const char *kind)
{
	static const char *const same[] = {"receipt", "chart", "images", "lab"};

	for (size_t i = 0; i < ARRAY_LEN(same); i++)
		if (strcmp(kind, same[i]) == 0)
			return kind;
	if (strcmp(kind, "network") == 0 || strcmp(kind, "wifi") == 0)
		return "network";
	if (strcmp(kind, "files") == 0 || strcmp(kind, "office") == 0)
		return "pc";
	return strcmp(kind, "website") == 0 ? "cloud" : "other";
}

static void
add_once(json_t *list, const char *word)
{
	json_t *v;
	size_t i;

	json_array_foreach(list, i, v)
		if (strcmp(json_string_value(v), word) == 0)
			return;
	(void)json_array_append_new(list, json_string(word));
}

/* vendor_of(f, name): The item of a vendor with all that the form says of it. */
static size_t
vendor_of(struct wizard_form *f, const char *name)
{
	json_t *was = wizard_named(f->r, "vendor", name), *work = json_array(), *row, *o, *v;
	bool yes = false, open = false;
	size_t i;

	for (const char *p = reg_text(json_object_get(was, "values"), "does"); *p;) {
		size_t n = strcspn(p, ",");
		char word[40];

		(void)snprintf(word, sizeof(word), "%.*s", (int)(n < 30 ? n : 30), p);
		add_once(work, word);
		p += n + (p[n] == ',');
	}
	json_array_foreach(f->rows, i, row) {
		const char *remote = wizard_value(f, row, "remote");

		if (strcmp(wizard_value(f, row, "who"), name) != 0)
			continue;
		add_once(work, does(reg_text(row, "skind")));
		yes = yes || strcmp(remote, "yes") == 0;
		open = open || strcmp(remote, "no") != 0;
	}
	v = json_pack("{s:s, s:o}", "name", name, "does", work);
	model_text(v, "remote", yes ? "yes" : open ? "unknown" : "no");
	o = json_pack("{s:s, s:[], s:o}", "kind", "vendor", "same", "values", v);
	if (was)
		model_text(o, "id", reg_text(was, "id"));
	json_decref(was);
	return wizard_item(f, NULL, o);
}

int
wizard_items_vendors(struct wizard_form *f, struct err *e)
{
	json_t *row, *items = json_object(), *o;
	char ref[24];
	size_t i;

	(void)e;
	json_array_foreach(f->rows, i, row) { /* vendors first: systems refer to them */
		const char *name = wizard_value(f, row, "who");

		if (*name && !json_object_get(items, name))
			(void)json_object_set_new(items, name, json_integer((json_int_t)vendor_of(f,
			    name)));
	}
	json_array_foreach(f->rows, i, row) {
		json_t *at = json_object_get(items, wizard_value(f, row, "who"));

		(void)snprintf(ref, sizeof(ref), "@%lld", (long long)json_integer_value(at));
		o = json_pack("{s:s, s:s}", "vendor", at ? ref : "", "remote", wizard_value(f, row,
		    "remote"));
		(void)wizard_item(f, row, json_pack("{s:s, s:o}", "kind", "system", "values", o));
	}
	json_decref(items);
	return 0;
}
