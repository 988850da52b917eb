/* システムと接続の絵: one page, drawn from the register of systems, with the same data in a table.
 * Each band is the Internet above, the house's network below, and up to four systems between them.
 */
#include <stdio.h>
#include <string.h>

#include "mamorid/pages/register.h"

enum { ACROSS = 4, BOX = 200, GAP = 20, HIGH = 250, MAX_SYSTEMS = 200 };

static bool
is(json_t *v, const char *field, const char *value)
{
	return strcmp(reg_text(v, field), value) == 0;
}

/* clip(s, out, n, width): At most ${width} columns, wide characters counting two. */
static void
clip(const char *s, char *out, size_t n, int width)
{
	size_t k = 0;

	while (*s && k + 8 < n) {
		int step = (*s & 0x80) ? 2 : 1;
		size_t len = 1;

		if (width < step + 1 && s[1]) {
			(void)memcpy(out + k, "…", sizeof("…"));
			return;
		}
		while (((unsigned char)s[len] & 0xc0) == 0x80)
			len++;
		(void)memcpy(out + k, s, len);
		k += len;
		s += len;
		width -= step;
	}
	out[k] = 0;
}

static const char *
light_of(json_t *v, bool copied)
{
	if (is(v, "connection", "unused"))
		return "grey";
	if (copied || is(v, "protection", "vendor") || is(v, "protection", "cloud") ||
	    is(v, "protection", "other"))
		return "green";
	return is(v, "protection", "none") ? "red" : "grey";
}

static bool
in_vault(json_t *vault, json_t *record)
{
	const char *name = reg_text(json_object_get(record, "values"), "vault_system");
	json_t *one;
	size_t i;

	name = *name ? name : reg_text(record, "id");
	json_array_foreach(vault, i, one)
		if (strcmp(reg_text(one, "system"), name) == 0)
			return true;
	return false;
}

static json_t *
box(struct req *r, const struct register_kind *k, json_t *record, json_t *titles, json_t *vault,
    size_t at)
{
	json_t *v = json_object_get(record, "values"), *o;
	bool copied = in_vault(vault, record), up, down;
	json_int_t x = GAP + (json_int_t)(at % ACROSS) * (BOX + GAP);
	json_int_t y = (json_int_t)(at / ACROSS) * HIGH;
	char name[120], vendor[120], conn[120], how[120];

	up = is(v, "connection", "internet") || is(v, "connection", "both");
	down = is(v, "connection", "internal") || is(v, "connection", "both");
	clip(reg_text(record, "title"), name, sizeof(name), 22);
	register_show(register_field(k, "vendor"), reg_text(v, "vendor"), titles, r->ja, vendor,
	    sizeof(vendor));
	register_show(register_field(k, "connection"), reg_text(v, "connection"), NULL, r->ja, conn,
	    sizeof(conn));
	register_show(register_field(k, "protection"),
	    copied ? "mamori" : reg_text(v, "protection"), NULL, r->ja, how, sizeof(how));
	o = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "x", x, "y", y + 80, "cx",
	    x + BOX / 2, "top", y + 40, "bottom", y + 190, "ty", y + 110, "by", y + 140, "by2",
	    y + 160, "top2", y + 65);
	model_text(o, "id", reg_text(record, "id"));
	model_text(o, "name", name);
	model_text(o, "title", reg_text(record, "title"));
	model_text(o, "connection", *conn ? conn : reg_label(r, "わからない", "not known"));
	model_text(o, "protection", *how ? how : reg_label(r, "わからない", "not known"));
	model_text(o, "vendor", vendor);
	model_text(o, "light", light_of(v, copied));
	model_bool(o, "up", up);
	model_bool(o, "down", down);
	model_bool(o, "unknown", !up && !down && !is(v, "connection", "none") &&
	    !is(v, "connection", "unused"));
	model_bool(o, "unused", is(v, "connection", "unused"));
	model_bool(o, "remote", is(v, "remote", "yes"));
	model_text(o, "remote_word", is(v, "remote", "yes") ? "register.yes" : is(v, "remote", "no")
	    ? "register.no" : "register.unknown");
	return o;
}

static json_t *
bands(size_t n)
{
	json_t *out = json_array();

	for (size_t i = 0; i * ACROSS < n; i++)
		(void)json_array_append_new(out, json_pack("{s:I, s:I, s:I, s:I}", "top",
		    (json_int_t)(i * HIGH + 10), "top_text", (json_int_t)(i * HIGH + 30), "bottom",
		    (json_int_t)(i * HIGH + 190), "bottom_text", (json_int_t)(i * HIGH + 210)));
	return out;
}

static int
map(struct req *r, struct err *e)
{
	const struct register_kind *k = register_kind("system");
	const struct register_query q = {.limit = MAX_SYSTEMS, .sort = "kind"};
	json_t *list, *vault, *one, *boxes, *m;
	size_t i, n;
	char view[64];
	int rc = register_list(r->db, k, &q, &list, e);

	if (rc < 0)
		return rc;
	rc = register_protection(r->db, &vault, e);
	if (rc < 0) {
		json_decref(list);
		return rc;
	}
	boxes = json_array();
	json_array_foreach(json_object_get(list, "records"), i, one)
		(void)json_array_append_new(boxes, box(r, k, one, json_object_get(list, "titles"),
		    vault, i));
	n = json_array_size(boxes);
	(void)snprintf(view, sizeof(view), "0 0 %d %zu", GAP + ACROSS * (BOX + GAP),
	    (n + ACROSS - 1) / ACROSS * HIGH);
	m = json_pack("{s:s, s:o, s:I}", "view", view, "bands", bands(n), "wide",
	    (json_int_t)(ACROSS * (BOX + GAP) - GAP));
	model_put(m, "systems", boxes);
	model_bool(m, "any", n > 0);
	model_put(m, "crumbs", model_crumbs("nav.register", "/register", NULL));
	json_decref(list);
	json_decref(vault);
	return req_page(r, "register-map", m, e);
}

const struct route register_map_rows[] = {
	{M_GET, "/register/map", AREA_REGISTER, VERB_READ, NULL, 0, map, 0},
	{0},
};
