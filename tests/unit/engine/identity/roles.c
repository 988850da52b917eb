#include "identity/roles.h"

#include "base/num.h"
#include "tap.h"

enum { NOW = 1000 };

static struct identity_account
account(enum identity_role role)
{
	struct identity_account a = {.id = "a-1", .person = "p-7", .role = role,
	    .state = ACCOUNT_ACTIVE, .valid_until = 2000};

	return a;
}

/* The matrix once more, as people would say it: for each role the areas and verbs it has without an
 * object of its own. Everything that is not listed must be refused. */
static const struct {
	enum identity_role role;
	const char *may;
} said[] = {
	{ROLE_DIRECTOR,
	    " today:read today:write guide:read guide:write guide:run guide:approve guide:export"
	    " register:read register:write register:run register:approve register:export"
	    " people:read people:write people:run people:approve people:export"
	    " papers:read papers:write papers:run papers:approve papers:export"
	    " incident:read incident:write incident:run incident:approve incident:export"
	    " requests:read requests:write requests:run requests:approve requests:export"
	    " vault:read vault:write vault:run vault:approve vault:export"
	    " restore:read restore:run"
	    " settings:read settings:write settings:run settings:approve"
	    " accounts:read accounts:write accounts:approve access:read access:export"
	    " api:read api:write tasks:read tasks:write self:read self:write "},
	{ROLE_CLERK,
	    " today:read today:write guide:read guide:write guide:run guide:export"
	    " register:read register:write register:run register:export"
	    " people:read people:write people:run people:export"
	    " papers:read papers:write papers:run papers:export"
	    " incident:read incident:write incident:run incident:export"
	    " requests:read requests:write requests:run requests:export"
	    " vault:read vault:run restore:read restore:run settings:read accounts:read"
	    " tasks:read tasks:write self:read self:write "},
	{ROLE_STAFF,
	    " today:read papers:read incident:read incident:write incident:run"
	    " tasks:read tasks:write self:read self:write "},
	{ROLE_ZONE,
	    " today:read papers:read incident:read incident:write incident:run"
	    " tasks:read tasks:write self:read self:write "},
	{ROLE_VENDOR, " tasks:read tasks:write self:read self:write "},
	{ROLE_INSPECTOR, " tasks:read tasks:write self:read self:write "},
	{ROLE_GLASS,
	    " today:read register:read people:read papers:read incident:read incident:write"
	    " incident:run vault:read vault:run restore:read restore:run"
	    " tasks:read tasks:write "},
};

static void
test_matrix(void)
{
	for (size_t i = 0; i < ARRAY_LEN(said); i++) {
		struct identity_account a = account(said[i].role);
		int bad = 0;

		for (int area = 0; area < AREAS; area++)
			for (int verb = 0; verb < VERBS; verb++) {
				char word[64];
				bool may = identity_may(&a, (enum identity_area)area,
				    (enum identity_verb)verb, NULL, NOW);

				(void)snprintf(word, sizeof(word), " %s:%s ",
				    identity_area_name((enum identity_area)area),
				    identity_verb_name((enum identity_verb)verb));
				if (may != (strstr(said[i].may, word) != NULL)) {
					printf("# %s%s\n", identity_role_name(said[i].role), word);
					bad++;
				}
			}
		EQ_I(bad, 0, identity_role_name(said[i].role));
	}
}

static void
test_objects(void)
{
	struct identity_account v = account(ROLE_VENDOR), z = account(ROLE_ZONE),
	    s = account(ROLE_STAFF), i = account(ROLE_INSPECTOR);

	(void)snprintf(v.objects[v.nobjects++], IDENTITY_OBJECT, "request:12");
	(void)snprintf(z.objects[z.nobjects++], IDENTITY_OBJECT, "zone:*");
	(void)snprintf(i.objects[i.nobjects++], IDENTITY_OBJECT, "*");
	OK(identity_may(&v, AREA_REQUESTS, VERB_WRITE, "request:12", NOW),
	    "a vendor answers his own");
	OK(!identity_may(&v, AREA_REQUESTS, VERB_WRITE, "request:13", NOW), "not another one");
	OK(!identity_may(&v, AREA_REQUESTS, VERB_READ, "request:1", NOW),
	    "not one that begins alike");
	OK(!identity_may(&v, AREA_REQUESTS, VERB_READ, "request:123", NOW), "not a longer one");
	OK(!identity_may(&v, AREA_REQUESTS, VERB_READ, NULL, NOW), "not the list");
	OK(!identity_may(&v, AREA_REGISTER, VERB_READ, "request:12", NOW), "not elsewhere");
	OK(identity_may(&z, AREA_REGISTER, VERB_WRITE, "zone:3", NOW), "a zone keeper, any zone");
	OK(!identity_may(&z, AREA_REGISTER, VERB_WRITE, "vendor:3", NOW), "but no vendor");
	OK(!identity_may(&z, AREA_REGISTER, VERB_READ, NULL, NOW), "nor the whole register");
	OK(identity_may(&s, AREA_PEOPLE, VERB_READ, "person:p-7", NOW), "staff see themselves");
	OK(!identity_may(&s, AREA_PEOPLE, VERB_READ, "person:p-8", NOW), "and nobody else");
	s.person[0] = 0;
	OK(!identity_may(&s, AREA_PEOPLE, VERB_READ, "person:", NOW),
	    "no person is nobody's person");
	OK(identity_may(&i, AREA_GUIDE, VERB_READ, NULL, NOW), "an inspector of everything reads");
	OK(!identity_may(&i, AREA_GUIDE, VERB_WRITE, NULL, NOW), "and writes nothing");
	OK(!identity_may(&i, AREA_RESTORE, VERB_READ, "generation:1", NOW), "nor restores");
	OK(!identity_may(&i, AREA_ACCESS, VERB_READ, NULL, NOW), "nor reads the access log");
}

static void
test_time_and_state(void)
{
	struct identity_account d = account(ROLE_DIRECTOR), i = account(ROLE_INSPECTOR);

	d.valid_until = 0;
	OK(identity_may(&d, AREA_GUIDE, VERB_READ, NULL, NOW), "no end is needed for a director");
	d.valid_from = NOW + 1;
	OK(!identity_may(&d, AREA_GUIDE, VERB_READ, NULL, NOW), "not yet");
	d.valid_from = NOW;
	d.state = ACCOUNT_DISABLED;
	OK(!identity_may(&d, AREA_GUIDE, VERB_READ, NULL, NOW), "disabled");
	d.state = ACCOUNT_INVITED;
	OK(!identity_may(&d, AREA_GUIDE, VERB_READ, NULL, NOW), "only invited");
	(void)snprintf(i.objects[i.nobjects++], IDENTITY_OBJECT, "*");
	OK(identity_may(&i, AREA_GUIDE, VERB_READ, NULL, i.valid_until - 1), "until the end");
	OK(!identity_may(&i, AREA_GUIDE, VERB_READ, NULL, i.valid_until), "not at it");
	i.valid_until = 0;
	OK(!identity_may(&i, AREA_GUIDE, VERB_READ, NULL, NOW),
	    "an inspector without an end: never");
	d = account((enum identity_role)77);
	OK(!identity_may(&d, AREA_SELF, VERB_READ, NULL, NOW), "an unknown role");
	d = account(ROLE_DIRECTOR);
	OK(!identity_may(&d, (enum identity_area)77, VERB_READ, NULL, NOW) &&
	        !identity_may(&d, AREA_SELF, (enum identity_verb)77, NULL, NOW),
	    "an unknown area or verb");
}

static void
test_names(void)
{
	enum identity_role r;
	enum identity_area a;
	enum identity_verb v;
	int bad = 0;

	for (int i = 0; i < ROLES; i++)
		bad += identity_role_get(identity_role_name((enum identity_role)i), &r) != 0 ||
		    r != (enum identity_role)i;
	for (int i = 0; i < AREAS; i++)
		bad += identity_area_get(identity_area_name((enum identity_area)i), &a) != 0 ||
		    a != (enum identity_area)i;
	for (int i = 0; i < VERBS; i++)
		bad += identity_verb_get(identity_verb_name((enum identity_verb)i), &v) != 0 ||
		    v != (enum identity_verb)i;
	EQ_I(bad, 0, "every name reads back");
	EQ_I(identity_role_get("root", &r), E_INVAL, "no such role");
	EQ_S(identity_role_label(ROLE_DIRECTOR, true), "院長", "the word for people");
	OK(identity_needs_fresh(AREA_RESTORE, VERB_RUN) &&
		identity_needs_fresh(AREA_GUIDE, VERB_APPROVE) &&
		identity_needs_fresh(AREA_PEOPLE, VERB_EXPORT) &&
		!identity_needs_fresh(AREA_GUIDE, VERB_WRITE),
	    "what needs a fresh factor");
}

int
main(void)
{
	test_matrix();
	test_objects();
	test_time_and_state();
	test_names();
	return tap_done();
}
