#include "vault/walk.h"

#include <stdlib.h>
#include <string.h>

#include "vault/tree_int.h"

struct walk {
	const struct tree_manifest *m;
	struct vault_ctx *ctx;
	struct buf block;
	struct tree_read *rd;
	uint32_t i, seen;
};

int
walk_new(VAULT_R *r, const struct vault_gen *g, struct walk **ret, struct err *e)
{
	struct walk *w = calloc(1, sizeof(*w));
	int x;

	if (!w)
		return err_set(e, E_NOMEM, "no memory");
	w->m = vault_gen_manifest(g);
	buf_init(&w->block, TREE_MAX_BLOCK);
	x = vault_ctx_new(r, 4, &w->ctx, e);
	if (x < 0) {
		walk_free(w);
		return x;
	}
	*ret = w;
	return 0;
}

void
walk_free(struct walk *w)
{
	if (!w)
		return;
	tree_read_free(w->rd);
	buf_free(&w->block);
	vault_ctx_free(w->ctx);
	free(w);
}

struct vault_ctx *
walk_ctx(struct walk *w)
{
	return w->ctx;
}

int
walk_block(struct walk *w, uint32_t i, struct err *e)
{
	const struct tree_ref *ref;
	int x;

	tree_read_free(w->rd);
	w->rd = NULL;
	if (i >= w->m->nrefs)
		return err_set(e, E_INVAL, "there is no block %u in the list of files", i);
	ref = &w->m->refs[i];
	buf_clear(&w->block);
	x = buf_reserve(&w->block, ref->len, e);
	if (x == 0)
		x = vault_read(w->ctx, ref->seg, ref->off, w->block.p, ref->len, e);
	if (x == 0)
		x = tree_read_new(w->block.p, ref->len, &w->rd, e);
	w->i = i;
	w->seen = 0;
	return x;
}

int
walk_next(struct walk *w, struct tree_entry *ret, struct err *e)
{
	const struct tree_ref *ref = &w->m->refs[w->i];
	int x;

	if (!w->rd)
		return err_set(e, E_INVAL, "no block is open");
	x = tree_read_next(w->rd, ret, e);
	if (x < 0)
		return x;
	if (x == 0)
		return w->seen == ref->count ? 0 :
		    err_set(e, E_CORRUPT, "block %u of the list of files has %u entries, not %u",
		    w->i, w->seen, ref->count);
	if (w->seen++ == 0 &&
	    (strcmp(ret->dir, ref->dir) != 0 || strcmp(ret->name, ref->name) != 0))
		return err_set(
		    e, E_CORRUPT, "block %u of the list of files is another block", w->i);
	return 1;
}

int
walk_find(struct walk *w, const char *dir, const char *name, struct tree_entry *ret, struct err *e)
{
	int x, c;

	if (w->m->nrefs == 0)
		return err_set(e, E_NOENT, "the generation is empty");
	x = walk_block(w, tree_manifest_find(w->m, dir, name), e);
	if (x < 0)
		return x;
	while ((x = walk_next(w, ret, e)) == 1) {
		c = tree_key_cmp(ret->dir, ret->name, dir, name);
		if (c == 0)
			return 0;
		if (c > 0)
			break;
	}
	return x < 0 ? x : err_set(e, E_NOENT, "it is not in this generation");
}

bool
walk_inside(const char *top, const char *path, size_t n)
{
	size_t t = strlen(top);

	return t == 0 || (n >= t && memcmp(top, path, t) == 0 && (n == t || path[t] == '/'));
}

size_t
walk_split(const char *path, const char **ret_name)
{
	const char *slash = strrchr(path, '/');

	*ret_name = slash ? slash + 1 : path;
	return slash ? (size_t)(slash - path) : 0;
}

/* ---- what a person means by a path ---- */

struct found {
	char **p;
	size_t n;
};

static int
push(struct found *f, const char *a, size_t an, const char *b, size_t bn, struct err *e)
{
	char **p = reallocarray(f->p, f->n + 1, sizeof(*p));
	char *s = p ? malloc(an + bn + 2) : NULL;

	if (p)
		f->p = p;
	if (!s)
		return err_set(e, E_NOMEM, "no memory");
	(void)memcpy(s, a, an);
	if (an > 0 && bn > 0)
		s[an++] = '/';
	(void)memcpy(s + an, b, bn);
	s[an + bn] = 0;
	f->p[f->n++] = s;
	return 0;
}

/* tidy(path, ret_n): Without slashes at the end and doubled ones. Owned by the caller. */
static char *
tidy(const char *path, size_t *ret_n)
{
	size_t len = strlen(path), n = 0;
	char *s = malloc(len + 1);

	for (size_t i = 0; s && i < len; i++) {
		if (path[i] == '/' && (path[i + 1] == '/' || path[i + 1] == 0))
			continue;
		if (path[i] == '.' && (path[i + 1] == '/' || path[i + 1] == 0) &&
		    (n == 0 || s[n - 1] == '/')) {
			if (path[i + 1] == '/')
				i++;
			continue;
		}
		s[n++] = path[i];
	}
	while (s && n > 0 && s[n - 1] == '/')
		n--;
	if (s)
		s[n] = 0;
	*ret_n = n;
	return s;
}

static int
from_absolute(const struct tree_manifest *m, const char *p, size_t n, struct found *f,
    struct err *e)
{
	int r = 0;

	for (uint32_t i = 0; i < m->nsources && r == 0; i++) {
		const char *src = m->sources[i];
		size_t s = strlen(src);

		while (s > 0 && src[s - 1] == '/')
			s--;
		if (n >= s && memcmp(p, src, s) == 0 && (n == s || p[s] == '/'))
			r = push(f, m->tops[i], strlen(m->tops[i]), p + s + (n > s),
			    n - s - (n > s), e);
		else if (s > n && memcmp(p, src, n) == 0 && src[n] == '/')
			r = push(f, m->tops[i], strlen(m->tops[i]), "", 0, e);
	}
	return r;
}

int
walk_resolve(const struct tree_manifest *m, const char *path, char ***ret, size_t *ret_n,
    struct err *e)
{
	struct found f = {0};
	size_t n;
	char *p = tidy(path, &n);
	int r = 0;

	if (!p)
		return err_set(e, E_NOMEM, "no memory");
	if (path[0] == '/')
		r = from_absolute(m, p, n, &f, e);
	else if (tree_path_ok(p, n, 0))
		r = push(&f, p, n, "", 0, e);
	for (size_t i = 0; i < f.n && r == 0; i++)
		if (!tree_path_ok(f.p[i], strlen(f.p[i]), 0))
			r = err_set(e, E_INVAL, "\"%.200s\" is not a path", path);
	free(p);
	if (r == 0 && f.n == 0)
		r = err_set(e, E_NOENT, "nothing was backed up at %.200s", path);
	if (r < 0) {
		walk_resolve_free(f.p, f.n);
		return r;
	}
	*ret = f.p;
	*ret_n = f.n;
	return 0;
}

void
walk_resolve_free(char **paths, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(paths[i]);
	free(paths);
}
