#include "identity/roles.h"

#include <string.h>

#include "base/num.h"

static const struct {
	const char *name, *ja, *en;
	bool second; /* must have a second factor */
	bool ends;   /* must have an end date */
} roles[ROLES] = {
	[ROLE_DIRECTOR] = {"director", "院長", "director", true, false},
	[ROLE_CLERK] = {"clerk", "担当", "clerk", true, false},
	[ROLE_STAFF] = {"staff", "職員", "staff", false, false},
	[ROLE_ZONE] = {"zone", "区画責任者", "zone keeper", false, false},
	[ROLE_VENDOR] = {"vendor", "業者", "vendor", false, true},
	[ROLE_INSPECTOR] = {"inspector", "点検者", "inspector", false, true},
	[ROLE_GLASS] = {"glass", "非常時", "break-glass", false, true},
};

static const char *const areas[AREAS] = {
	[AREA_TODAY] = "today", [AREA_GUIDE] = "guide", [AREA_REGISTER] = "register",
	[AREA_PEOPLE] = "people", [AREA_PAPERS] = "papers", [AREA_INCIDENT] = "incident",
	[AREA_REQUESTS] = "requests", [AREA_VAULT] = "vault", [AREA_RESTORE] = "restore",
	[AREA_SETTINGS] = "settings", [AREA_ACCOUNTS] = "accounts", [AREA_ACCESS] = "access",
	[AREA_API] = "api", [AREA_TASKS] = "tasks", [AREA_SELF] = "self",
};

static const char *const verbs[VERBS] = {
	[VERB_READ] = "read", [VERB_WRITE] = "write", [VERB_RUN] = "run",
	[VERB_APPROVE] = "approve", [VERB_EXPORT] = "export",
};

/* r read, w write, x run, a approve, e export; a capital: only for one's own objects. What is not
 * here is forbidden. tests/unit/engine/identity/roles.c holds this table against the words of the
 * man page a second time: a change is made in both. */
static const char letters[VERBS] = {'r', 'w', 'x', 'a', 'e'};
static const char *const rights[ROLES][AREAS] = {
	[ROLE_DIRECTOR] = {
		[AREA_TODAY] = "rw", [AREA_GUIDE] = "rwxae", [AREA_REGISTER] = "rwxae",
		[AREA_PEOPLE] = "rwxae", [AREA_PAPERS] = "rwxae", [AREA_INCIDENT] = "rwxae",
		[AREA_REQUESTS] = "rwxae", [AREA_VAULT] = "rwxae", [AREA_RESTORE] = "rx",
		[AREA_SETTINGS] = "rwxa", [AREA_ACCOUNTS] = "rwa", [AREA_ACCESS] = "re",
		[AREA_API] = "rw", [AREA_TASKS] = "rw", [AREA_SELF] = "rw",
	},
	[ROLE_CLERK] = {
		[AREA_TODAY] = "rw", [AREA_GUIDE] = "rwxe", [AREA_REGISTER] = "rwxe",
		[AREA_PEOPLE] = "rwxe", [AREA_PAPERS] = "rwxe", [AREA_INCIDENT] = "rwxe",
		[AREA_REQUESTS] = "rwxe", [AREA_VAULT] = "rx", [AREA_RESTORE] = "rx",
		[AREA_SETTINGS] = "r", [AREA_ACCOUNTS] = "r", [AREA_TASKS] = "rw",
		[AREA_SELF] = "rw",
	},
	[ROLE_STAFF] = {
		[AREA_TODAY] = "r", [AREA_PEOPLE] = "RW", [AREA_PAPERS] = "r",
		[AREA_INCIDENT] = "rwx", [AREA_TASKS] = "rw", [AREA_SELF] = "rw",
	},
	[ROLE_ZONE] = {
		[AREA_TODAY] = "r", [AREA_REGISTER] = "RW", [AREA_PEOPLE] = "RW",
		[AREA_PAPERS] = "r", [AREA_INCIDENT] = "rwx", [AREA_TASKS] = "rw",
		[AREA_SELF] = "rw",
	},
	[ROLE_VENDOR] = {[AREA_REQUESTS] = "RW", [AREA_TASKS] = "rw", [AREA_SELF] = "rw"},
	[ROLE_INSPECTOR] = {
		[AREA_GUIDE] = "R", [AREA_REGISTER] = "R", [AREA_PEOPLE] = "R",
		[AREA_PAPERS] = "R", [AREA_INCIDENT] = "R", [AREA_REQUESTS] = "R",
		[AREA_VAULT] = "R", [AREA_TASKS] = "rw", [AREA_SELF] = "rw",
	},
	[ROLE_GLASS] = {
		[AREA_TODAY] = "r", [AREA_REGISTER] = "r", [AREA_PEOPLE] = "r", [AREA_PAPERS] = "r",
		[AREA_INCIDENT] = "rwx", [AREA_VAULT] = "rx", [AREA_RESTORE] = "rx",
		[AREA_TASKS] = "rw",
	},
};

static int
find(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return (int)i;
	return E_INVAL;
}

const char *
identity_role_name(enum identity_role r)
{
	return (unsigned)r < ROLES ? roles[r].name : "?";
}

const char *
identity_role_label(enum identity_role r, bool ja)
{
	return (unsigned)r >= ROLES ? "?" : ja ? roles[r].ja : roles[r].en;
}

int
identity_role_get(const char *name, enum identity_role *ret)
{
	for (size_t i = 0; i < ROLES; i++) {
		if (strcmp(roles[i].name, name) == 0) {
			*ret = (enum identity_role)i;
			return 0;
		}
	}
	return E_INVAL;
}

const char *
identity_area_name(enum identity_area a)
{
	return (unsigned)a < AREAS ? areas[a] : "?";
}

int
identity_area_get(const char *name, enum identity_area *ret)
{
	int i = find(areas, AREAS, name);

	if (i < 0)
		return i;
	*ret = (enum identity_area)i;
	return 0;
}

const char *
identity_verb_name(enum identity_verb v)
{
	return (unsigned)v < VERBS ? verbs[v] : "?";
}

int
identity_verb_get(const char *name, enum identity_verb *ret)
{
	int i = find(verbs, VERBS, name);

	if (i < 0)
		return i;
	*ret = (enum identity_verb)i;
	return 0;
}

bool
identity_role_needs_second(enum identity_role r)
{
	return (unsigned)r < ROLES && roles[r].second;
}

bool
identity_role_must_end(enum identity_role r)
{
	return (unsigned)r < ROLES && roles[r].ends;
}

/* fits(pattern, object): "*", "kind:*" or the object itself. */
static bool
fits(const char *pattern, const char *object)
{
	size_t n = strlen(pattern);

	if (strcmp(pattern, "*") == 0)
		return true;
	if (!object || !*object)
		return false;
	if (n > 2 && strcmp(pattern + n - 2, ":*") == 0)
		return strncmp(pattern, object, n - 1) == 0;
	return strcmp(pattern, object) == 0;
}

/* is(object, kind, id): Whether ${object} is "${kind}:${id}"; never for an empty id. */
static bool
is(const char *object, const char *kind, const char *id)
{
	size_t n = strlen(kind);

	return object && *id && strncmp(object, kind, n) == 0 && object[n] == ':' &&
	    strcmp(object + n + 1, id) == 0;
}

static bool
owns(const struct identity_account *a, const char *object)
{
	for (size_t i = 0; i < a->nobjects && i < IDENTITY_OBJECTS; i++)
		if (fits(a->objects[i], object))
			return true;
	return is(object, "account", a->id) || is(object, "person", a->person);
}

bool
identity_may(const struct identity_account *a, enum identity_area area, enum identity_verb verb,
    const char *object, int64_t now)
{
	const char *r;

	if ((unsigned)a->role >= ROLES || (unsigned)area >= AREAS || (unsigned)verb >= VERBS)
		return false;
	if (a->state != ACCOUNT_ACTIVE || (a->valid_from != 0 && now < a->valid_from) ||
	    (a->valid_until != 0 && now >= a->valid_until))
		return false;
	if (roles[a->role].ends && a->valid_until == 0)
		return false;
	r = rights[a->role][area];
	if (!r)
		return false;
	if (strchr(r, letters[verb]))
		return true;
	return strchr(r, letters[verb] - 'a' + 'A') && owns(a, object);
}

bool
identity_needs_fresh(enum identity_area area, enum identity_verb verb)
{
	if (verb == VERB_APPROVE || verb == VERB_EXPORT)
		return true;
	return (area == AREA_RESTORE && (verb == VERB_RUN || verb == VERB_READ)) ||
	    (area == AREA_ACCOUNTS && verb == VERB_WRITE) ||
	    (area == AREA_API && verb == VERB_WRITE);
}
