/* Looking into a generation without giving it back: ls, find, cat. */
#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "cli/cli_vault.h"
#include "text/peek.h"
#include "vault/walk.h"

enum { PEEK_MAX = 64 << 10 };

struct look {
	struct cli *c;
	const char *usage;
	struct vault_keys keys;
	struct vault_opened o;
	const struct vault_generation *g;
	struct vault_gen *gen;
	struct walk *w;
	const char *arg; /* path or pattern; NULL: none */
	struct buf bytes, text;
	json_t *list;
	uint64_t n;
	struct buf *sink; /* takes what a file says instead of standard output, up to its maximum */
};

static const char *
type_name(uint8_t t)
{
	static const char *const names[] = {"?", "file", "dir", "symlink", "hardlink", "fifo",
	    "chr", "blk", "sock"};

	return t < ARRAY_LEN(names) ? names[t] : "?";
}

static void
show(struct look *k, const struct tree_entry *en, bool whole_path)
{
	char at[TIME_TEXT], size[24] = "";
	struct buf path;
	const char *name;

	buf_init(&path, 1 << 18);
	if (whole_path && *en->dir &&
	    (buf_str(&path, en->dir, NULL) < 0 || buf_u8(&path, '/', NULL) < 0))
		buf_clear(&path);
	if (buf_str(&path, en->name, NULL) < 0)
		buf_clear(&path);
	name = vault_show(&k->text, path.p, path.len);
	time_put(at, en->mtime > INT64_MAX / TIME_SEC || en->mtime < INT64_MIN / TIME_SEC ? 0 :
	    en->mtime * TIME_SEC);
	if (en->type == TREE_FILE)
		(void)cli_bytes(size, en->size);
	cli_say(k->c, "%c %10s  %s  %s%s", "?-dlhpcbs"[en->type <= TREE_SOCK ? en->type : 0], size,
	    at, name, en->type == TREE_DIR ? "/" : "");
	if (k->c->json)
		(void)json_array_append_new(k->list, json_pack("{s:s,s:s,s:I,s:s,s:i}",
		    whole_path ? "path" : "name", name, "type", type_name(en->type), "size",
		    (json_int_t)en->size, "mtime", at, "mode", (int)en->mode));
	k->n++;
	buf_free(&path);
}

/* list_dir(k, dir, e): What stands directly in a folder. */
static int
list_dir(struct look *k, const char *dir, struct err *e)
{
	const struct tree_manifest *m = vault_gen_manifest(k->gen);
	struct tree_entry en;
	int r = 0;

	for (uint32_t i = m->nrefs ? tree_manifest_find(m, dir, "") : 0; i < m->nrefs; i++) {
		r = walk_block(k->w, i, e);
		while (r >= 0 && (r = walk_next(k->w, &en, e)) == 1) {
			int x = tree_path_cmp(en.dir, strlen(en.dir), dir, strlen(dir));

			if (x == 0)
				show(k, &en, false);
			else if (x > 0)
				return 0;
		}
		if (r < 0)
			return r;
	}
	return 0;
}

static int
find_entry(struct look *k, const char *path, struct tree_entry *en, struct err *e)
{
	const char *name;
	char *dir = strndup(path, walk_split(path, &name));
	int r = dir ? walk_find(k->w, dir, name, en, e) : err_set(e, E_NOMEM, "no memory");

	free(dir);
	return r == E_NOENT ? err_set(e, E_NOENT, "\"%.200s\" is not in this generation", path) : r;
}

static int
ls(struct look *k, struct err *e)
{
	char **paths = NULL;
	size_t n = 0;
	int r;

	if (!k->arg)
		return list_dir(k, "", e);
	r = walk_resolve(vault_gen_manifest(k->gen), k->arg, &paths, &n, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n && r == 0; i++) {
		struct tree_entry en;

		if (*paths[i] == 0) {
			r = list_dir(k, "", e);
			continue;
		}
		r = find_entry(k, paths[i], &en, e);
		if (r == 0 && en.type == TREE_DIR && n == 1)
			r = list_dir(k, paths[i], e);
		else if (r == 0)
			show(k, &en, true);
	}
	walk_resolve_free(paths, n);
	return r;
}

/* A pattern with * ? [ is matched against name and whole path; other text may stand anywhere. */
static bool
matches(const char *pattern, const char *name, const char *path)
{
	if (strpbrk(pattern, "*?["))
		return fnmatch(pattern, name, 0) == 0 || fnmatch(pattern, path, 0) == 0;
	return strstr(path, pattern) != NULL;
}

static int
find(struct look *k, struct err *e)
{
	const struct tree_manifest *m = vault_gen_manifest(k->gen);
	struct tree_entry en;
	struct buf path;
	int r = 0;

	buf_init(&path, 1 << 18);
	for (uint32_t i = 0; i < m->nrefs && r >= 0; i++) {
		r = walk_block(k->w, i, e);
		while (r >= 0 && (r = walk_next(k->w, &en, e)) == 1) {
			const char *p;

			buf_clear(&path);
			r = buf_fmt(&path, e, "%s%s%s", en.dir, *en.dir ? "/" : "", en.name);
			p = r < 0 ? NULL : buf_cstr(&path, e);
			if (p && matches(k->arg, en.name, p))
				show(k, &en, true);
		}
	}
	buf_free(&path);
	return r < 0 ? r : 0;
}

/* ---- cat ---- */

static int
put(struct look *k, const void *p, size_t n, struct err *e)
{
	if (k->sink) {
		size_t room = k->sink->max - k->sink->len;

		return buf_put(k->sink, p, n < room ? n : room, e);
	}
	return fwrite(p, 1, n, stdout) == n ? 0 : err_sys(e, "cannot write the output");
}

static int
put_file(struct look *k, const struct tree_entry *en, struct err *e)
{
	static const uint8_t zero[65536];
	struct vault_ctx *ctx = NULL;
	int r = vault_ctx_new(k->o.r, 4, &ctx, e);

	for (uint32_t i = 0; i < en->nextents && r == 0; i++) {
		if (k->sink && k->sink->len == k->sink->max)
			break;
		struct tree_extent x = en->extents[i];

		while (x.len > 0 && r == 0) {
			const uint8_t *p = zero;
			ssize_t n = x.seg ? vault_view(ctx, x.seg, x.off, &p, e) :
			    (ssize_t)sizeof(zero);

			if (n < 0) {
				r = (int)n;
				break;
			}
			if ((uint64_t)n > x.len)
				n = (ssize_t)x.len;
			r = put(k, p, (size_t)n, e);
			x.off += (uint32_t)(x.seg ? n : 0);
			x.len -= (uint64_t)n;
		}
	}
	vault_ctx_free(ctx);
	if (r == 0 && fflush(stdout) != 0)
		r = err_sys(e, "cannot write the output");
	return r;
}

/* file_of(k, ret, e): The one file that k->arg names. */
static int
file_of(struct look *k, struct tree_entry *ret, struct err *e)
{
	char **paths = NULL;
	struct tree_entry en;
	size_t n = 0;
	int r = walk_resolve(vault_gen_manifest(k->gen), k->arg, &paths, &n, e);

	if (r < 0)
		return r;
	r = n == 1 ? find_entry(k, paths[0], &en, e) :
	    err_set(e, E_INVAL, "%s is not one file", k->arg);
	if (r == 0 && en.type == TREE_HARDLINK) {
		char *first = strdup(en.target);

		r = first ? find_entry(k, first, &en, e) : err_set(e, E_NOMEM, "no memory");
		free(first);
	}
	if (r == 0 && (en.flags & TREE_UNREADABLE))
		r = err_set(e, E_NOENT, "it could not be read when this generation was made");
	else if (r == 0 && en.type != TREE_FILE)
		r = err_set(e, E_INVAL, "%s is not a file", k->arg);
	walk_resolve_free(paths, n);
	if (r == 0)
		*ret = en;
	return r;
}

static int
cat(struct look *k, struct err *e)
{
	struct tree_entry en;
	int r = file_of(k, &en, e);

	return r < 0 ? r : put_file(k, &en, e);
}

/* ---- peek ---- */

static json_t *
segments(const struct buf *text)
{
	json_t *a = json_array();

	for (size_t i = 0; i < text->len;) {
		const unsigned char *p = text->p + i, *nl = memchr(p, '\n', text->len - i);
		size_t n = nl ? (size_t)(nl - p) : text->len - i;
		const unsigned char *bar = memchr(p, '|', n);

		if (n > 0)
			(void)json_array_append_new(a, json_pack("{s:s%, s:s%}", "name", p,
			    bar ? (size_t)(bar - p) : n, "text", p, n));
		i += n + 1;
	}
	return a;
}

/* look_at(k, e): What kind of file it is and how it begins. */
static int
look_at(struct look *k, struct err *e)
{
	AUTO(buf_free) struct buf head = {0}, text = {0};
	struct tree_entry en;
	struct peek what;
	json_t *o;
	int r = file_of(k, &en, e);

	buf_init(&head, PEEK_MAX);
	buf_init(&text, 4 * PEEK_MAX);
	k->sink = &head;
	if (r == 0)
		r = put_file(k, &en, e);
	if (r == 0)
		r = peek(head.p, head.len, head.len == en.size, &what, &text, e);
	if (r < 0)
		return r;
	cli_say(k->c, "%s %s %s\n%.*s", peek_kind_name(what.kind), what.type, what.encoding,
	    (int)text.len, text.p ? (const char *)text.p : "");
	o = json_pack("{s:s, s:s, s:s, s:s%, s:I, s:b}", "kind", peek_kind_name(what.kind), "type",
	    what.type, "encoding", what.encoding, "text", text.p ? (const char *)text.p : "",
	    text.len, "size", (json_int_t)en.size, "truncated", (int)(head.len < en.size));
	if (o && what.kind == PEEK_HL7)
		(void)json_object_set_new(o, "segments", segments(&text));
	cli_json(k->c, o);
	return 0;
}

/* ---- what they share ---- */

static int
look(struct cli *c, int argc, char **argv, const char *usage, int min, int max,
    int (*fn)(struct look *, struct err *))
{
	static const struct option longs[] = {{"key", required_argument, NULL, 'k'}, {0}};
	struct look k = {.c = c};
	struct err e;
	int opt, r;

	optind = 0;
	opterr = 0;
	while ((opt = getopt_long(argc, argv, "", longs, NULL)) == 'k')
		if (vault_keys_add(c, &k.keys, optarg) != CLI_OK)
			return CLI_USAGE;
	if (opt != -1 || argc - optind < min || argc - optind > max)
		return cli_usage(c, usage);
	buf_init(&k.bytes, 1 << 18);
	buf_init(&k.text, 1 << 20);
	if (argc - optind == 3)
		k.arg = vault_path_arg(&k.bytes, argv[optind + 2]);
	r = vault_reader(c, argv[optind], &k.keys, &k.o);
	if (r == CLI_OK) {
		k.list = json_array();
		r = vault_generation(c, &k.o, argv[optind], argv[optind + 1], &k.g, &k.gen);
		if (r == CLI_OK) {
			int x = walk_new(k.o.r, k.gen, &k.w, &e);

			if (x == 0)
				x = fn(&k, &e);
			if (x < 0)
				r = cli_fail(c, &e, NULL);
			else if (fn == find && k.n == 0)
				r = CLI_NO;
			if (x == 0 && fn != cat && fn != look_at)
				cli_json(c, json_pack("{s:O,s:I}", "entries", k.list, "count",
				    (json_int_t)k.n));
			walk_free(k.w);
			vault_gen_close(k.gen);
		}
		json_decref(k.list);
		vault_reader_close(&k.o);
	}
	buf_free(&k.bytes);
	buf_free(&k.text);
	return r;
}

int
vault_ls_cmd(struct cli *c, int argc, char **argv)
{
	return look(c, argc, argv, "mamori vault ls REPO GEN [PATH] [--key FILE]", 2, 3, ls);
}

int
vault_find_cmd(struct cli *c, int argc, char **argv)
{
	return look(c, argc, argv, "mamori vault find REPO GEN PATTERN [--key FILE]", 3, 3, find);
}

int
vault_cat_cmd(struct cli *c, int argc, char **argv)
{
	return look(c, argc, argv, "mamori vault cat REPO GEN PATH [--key FILE]", 3, 3, cat);
}

int
vault_peek_cmd(struct cli *c, int argc, char **argv)
{
	return look(c, argc, argv, "mamori vault peek REPO GEN PATH [--key FILE]", 3, 3, look_at);
}
