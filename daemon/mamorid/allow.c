#include "mamorid/allow.h"

#include <string.h>

#include "base/num.h"

/* Forms of arguments:
 *   R  a repository: an absolute path, mamori://... or s3://...
 *   P  an absolute path without "." or ".." in it, outside the state directory, but for the
 *      practice hospital's data in STATE/practice
 *   K  the same, but it may lie in STATE itself (the practice hospital's recovery key does)
 *   D  a folder to give data back into: as P, or STATE/spool/..., STATE/restored/...
 *   S  a file of the spool: STATE/spool/NAME
 *   T  a text that is no option; a name, a path inside a generation, a date
 *   N  a number
 *   W  a plain word: letters, digits, - _ .
 * A "+" after a form: one or more; "?": none or one. An option without a form is a flag; one that
 * begins with "!" must be there. Of several rows with the same words, one must fit. */
static const struct {
	const char *words[2];
	const char *plain; /* the arguments that are no options, in order */
	const char *options[8];
} table[] = {
	{{"vault", "backup"}, "RP+", {"--name T"}},
	{{"vault", "verify"}, "R", {"--data", "--key K"}},
	{{"vault", "clock"}, "R?", {0}},
	{{"vault", "disk"}, "W", {0}},
	{{"vault", "list"}, "R", {"--key K"}},
	{{"vault", "state"}, "R", {"--key K"}},
	/* a word about the request that was shown; to open one is for who sits at the machine */
	{{"vault", "prune"}, "R", {"!--policy W", "!--request N", "!--approver-key S",
	                             "--passphrase-file S", "--by T"}},
	{{"vault", "prune"}, "R", {"!--cancel", "--request N", "--by T"}},
	{{"vault", "accept"}, "RW", {"--approver-key S", "--passphrase-file S"}},
	{{"vault", "ls"}, "RTT?", {"--key K"}},
	{{"vault", "find"}, "RTT", {"--key K"}},
	{{"vault", "cat"}, "RTT", {"--key K"}},
	{{"vault", "peek"}, "RTT", {"--key K"}},
	{{"vault", "restore"}, "RT", {"--to D", "--path T", "--key K", "--resume"}},
	{{"drill", "restore"}, "", {"--repo R", "--key K", "--files N", "--system T"}},
	{{"report", "render"}, "S", {"--pdf S"}},
	{{"guide", "binder"}, "", {"--pdf S", "--pack W"}},
	{{"guide", "first"}, "", {"--pdf S"}},
	{{"guide", "morning"}, "", {"--pdf S"}},
	{{"guide", "letter"}, "N", {"--pdf S"}},
	{{"guide", "check"}, "", {0}},
	{{"guide", "export"}, "", {"--oscal S"}},
	{{"register", "import"}, "WS", {"--dry-run", "--conflict W", "--by T", "--encoding W",
	    "--columns S", "--remember"}},
	{{"register", "export"}, "WS", {"--format W", "--encoding W", "--all"}},
	{{"register", "check"}, "", {0}},
	{{"identity", "check"}, "", {0}},
	{{"notify", "send"}, "", {0}},
	{{"notify", "test"}, "", {0}},
};

/* in_state(s, state): What follows "STATE/" in ${s}, or NULL. */
static const char *
in_state(const char *s, const char *state)
{
	size_t n = strlen(state);

	return strncmp(s, state, n) == 0 && s[n] == '/' ? s + n + 1 : NULL;
}

static bool
is_path(const char *s)
{
	if (s[0] != '/')
		return false;
	for (const char *p = s; *p; p++)
		if (p[0] == '/' && p[1] == '.' &&
		    (p[2] == '/' || !p[2] || (p[2] == '.' && (p[3] == '/' || !p[3]))))
			return false;
	return true;
}

static bool
is_word(const char *s)
{
	static const char plain[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

	return s[0] && s[0] != '-' && s[0] != '.' && strlen(s) <= 120 &&
	    strspn(s, plain) == strlen(s);
}

/* fits(form, s, state): ${s} is not empty, no option, and holds no control character. */
static bool
fits(char form, const char *s, const char *state)
{
	const char *in = in_state(s, state);

	if (!s[0] || s[0] == '-' || strlen(s) > 4000)
		return false;
	for (const char *p = s; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return false;
	switch (form) {
	case 'R':
		return is_path(s) || strncmp(s, "mamori://", 9) == 0 ||
		    strncmp(s, "s3://", 5) == 0;
	case 'P':
		return is_path(s) && strcmp(s, state) != 0 &&
		    (!in || strncmp(in, "practice/", 9) == 0);
	case 'D': /* where things are given back: nowhere in the state but these two */
		return is_path(s) && strcmp(s, state) != 0 &&
		    (!in || strncmp(in, "spool/", 6) == 0 || strncmp(in, "restored/", 9) == 0);
	case 'K':
		return is_path(s) && (!in || !strchr(in, '/'));
	case 'S':
		return in && strncmp(in, "spool/", 6) == 0 && is_word(in + 6);
	case 'N':
		return strlen(s) <= 9 && strspn(s, "0123456789") == strlen(s);
	case 'W':
		return is_word(s);
	default:
		return form == 'T';
	}
}

/* option(row, s, seen): The row's text of an option ("--key K"), or NULL; noted in ${seen}. */
static const char *
option(size_t row, const char *s, unsigned *seen)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < ARRAY_LEN(table[row].options) && table[row].options[i]; i++) {
		const char *o = table[row].options[i] + (table[row].options[i][0] == '!');

		if (strncmp(o, s, n) == 0 && (o[n] == ' ' || !o[n])) {
			*seen |= 1U << i;
			return o;
		}
	}
	return NULL;
}

/* complete(row, seen): Whether every option is there that must be. */
static bool
complete(size_t row, unsigned seen)
{
	for (size_t i = 0; i < ARRAY_LEN(table[row].options) && table[row].options[i]; i++)
		if (table[row].options[i][0] == '!' && !(seen & 1U << i))
			return false;
	return true;
}

static bool
check(size_t row, const char *state, const json_t *argv)
{
	const char *plain = table[row].plain;
	bool met = false; /* the "+" that stands at ${plain} */
	unsigned seen = 0;

	for (size_t i = 2; i < json_array_size(argv); i++) {
		const char *s = json_string_value(json_array_get(argv, i));

		if (s[0] == '-') {
			const char *o = option(row, s, &seen), *form = o ? strchr(o, ' ') : NULL;

			if (!o)
				return false;
			if (form) {
				s = json_string_value(json_array_get(argv, ++i));
				if (!s || !fits(form[1], s, state))
					return false;
			}
			continue;
		}
		if (!*plain || !fits(*plain, s, state))
			return false;
		met = plain[1] == '+';
		if (met)
			continue;
		plain += plain[1] == '?' ? 2 : 1;
	}
	if (!complete(row, seen))
		return false;
	if (*plain && plain[1] == '+')
		return met;
	return !*plain || plain[1] == '?';
}

bool
allow_argv(const char *state, const json_t *argv)
{
	size_t n = json_array_size(argv);

	if (n < 2 || n > ALLOW_ARGS)
		return false;
	for (size_t i = 0; i < n; i++) {
		const json_t *v = json_array_get(argv, i);

		if (!json_is_string(v) || strlen(json_string_value(v)) != json_string_length(v))
			return false;
	}
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (strcmp(json_string_value(json_array_get(argv, 0)), table[i].words[0]) == 0 &&
		    strcmp(json_string_value(json_array_get(argv, 1)), table[i].words[1]) == 0 &&
		    check(i, state, argv))
			return true;
	return false;
}
