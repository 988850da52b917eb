#include "vault/tree.h"

#include "vault/tree_int.h"

bool
tree_name_ok(const char *p, size_t n)
{
	if (n == 0 || n > TREE_MAX_NAME || memchr(p, 0, n) || memchr(p, '/', n))
		return false;
	return !(p[0] == '.' && (n == 1 || (n == 2 && p[1] == '.')));
}

bool
tree_path_ok(const char *p, size_t n, size_t from)
{
	if (n > TREE_MAX_PATH)
		return false;
	if (n == 0)
		return true;
	if (from > n)
		from = n;
	while (from > 0 && p[from - 1] != '/')
		from--;
	for (;;) {
		const char *slash = memchr(p + from, '/', n - from);
		size_t end = slash ? (size_t)(slash - p) : n;

		if (!tree_name_ok(p + from, end - from))
			return false;
		if (!slash)
			return true;
		from = end + 1;
	}
}

/* The separator sorts below every byte of a name, the end below the separator; so a directory comes
 * before what it contains, and that before a sibling whose name only begins alike. */
static int
rank(const char *p, size_t n, size_t i)
{
	if (i >= n)
		return -1;
	return p[i] == '/' ? 0 : (unsigned char)p[i];
}

int
tree_path_cmp(const char *a, size_t an, const char *b, size_t bn)
{
	size_t n = an < bn ? an : bn, i = 0;

	while (i + 8 <= n && memcmp(a + i, b + i, 8) == 0)
		i += 8;
	while (i < n && a[i] == b[i])
		i++;
	return rank(a, an, i) - rank(b, bn, i);
}

int
tree_key_cmp(const char *dir_a, const char *name_a, const char *dir_b, const char *name_b)
{
	int c = tree_path_cmp(dir_a, strlen(dir_a), dir_b, strlen(dir_b));

	return c ? c : strcmp(name_a, name_b);
}
