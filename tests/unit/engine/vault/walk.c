#include <stdlib.h>

#include "base/num.h"
#include "tap.h"
#include "vault/walk.h"

static const char *sources[] = {"/srv/charts", "/srv/追加", "/", "/mnt/x/"};
static const char *tops[] = {"charts", "追加", "root", "x"};

/* meant(n, path): What is found, joined by commas; or the error. Owned by the caller. */
static char *
meant(uint32_t nsources, const char *path)
{
	const struct tree_manifest m = {.nsources = nsources, .sources = sources, .tops = tops};
	char **list = NULL, *out = calloc(1, 4096);
	struct err e = {0};
	size_t n = 0;

	if (walk_resolve(&m, path, &list, &n, &e) < 0) {
		(void)snprintf(out, 4096, "E %s", err_name(e.code));
		return out;
	}
	for (size_t i = 0; i < n; i++)
		(void)snprintf(out + strlen(out), 4096 - strlen(out), "%s%s", i ? "," : "",
		    list[i]);
	walk_resolve_free(list, n);
	return out;
}

static void
test_resolve(void)
{
	static const struct {
		uint32_t nsources;
		const char *path, *want;
	} rows[] = {
		{2, "/srv/charts", "charts"},
		{2, "/srv/charts/", "charts"},
		{2, "//srv///charts/./1/2", "charts/1/2"},
		{2, "/srv/追加/髙橋", "追加/髙橋"},
		{2, "/srv", "charts,追加"},
		{2, "/", "charts,追加"},
		{2, "/srv/chart", "E not found"},
		{2, "/srv/charts2/x", "E not found"},
		{2, "/etc", "E not found"},
		{2, "/srv/charts/../x", "E invalid"},
		{2, "charts/1", "charts/1"},
		{2, "./charts//1/", "charts/1"},
		{2, ".", ""},
		{2, "../charts", "E not found"},
		{2, "charts/../..", "E not found"},
		{3, "/etc/passwd", "root/etc/passwd"},
		{3, "/srv/charts/1", "charts/1,root/srv/charts/1"},
		{4, "/mnt/x/a", "root/mnt/x/a,x/a"},
		{4, "/mnt", "root/mnt,x"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *got = meant(rows[i].nsources, rows[i].path);

		EQ_S(got, rows[i].want, rows[i].path);
		free(got);
	}
}

static void
test_small(void)
{
	const char *name;

	OK(walk_inside("", "a", 1) && walk_inside("a", "a", 1) && walk_inside("a", "a/b", 3) &&
	    !walk_inside("a", "ab", 2) && !walk_inside("a/b", "a", 1), "inside");
	EQ_I(walk_split("a/b/c", &name), 3, "split: the folder");
	EQ_S(name, "c", "split: the name");
	EQ_I(walk_split("c", &name), 0, "split: at the top");
	EQ_S(name, "c", "split: its name");
}

int
main(void)
{
	test_resolve();
	test_small();
	return tap_done();
}
