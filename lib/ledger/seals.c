#include "ledger/seals.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/utf8.h"
#include "base/vec.h"

enum { SEAL_MAX = 64 << 10, SEALS_MAX = 10000, SEAL_FILE = 2 * LEDGER_ID_LEN + 6 };

/* A path may be any bytes; JSON is UTF-8. */
static const char *
shown(struct buf *b, const char *s, struct err *e)
{
	buf_clear(b);
	return utf8_show(b, s, strlen(s), e) < 0 ? NULL : buf_cstr(b, e);
}

static json_t *
pack(const struct seal *s, struct err *e)
{
	char pin[2 * SIGN_PUB_LEN + 1], hash[2 * LEDGER_HASH_LEN + 1];
	struct buf dir, name;
	const char *d, *n;
	json_t *o = NULL;

	buf_init(&dir, 4 * PATH_MAX + 1);
	buf_init(&name, 4 * NAME_MAX + 1);
	hex_put(pin, s->pin, sizeof(s->pin));
	hex_put(hash, s->seen.hash, sizeof(s->seen.hash));
	d = shown(&dir, s->dir, e);
	n = shown(&name, s->name, e);
	if (d && n)
		o = json_pack("{s:i,s:s,s:s,s:s,s:s,s:I,s:s,s:I}", "v", 1, "kind", s->kind, "dir",
		    d, "name", n, "pin", pin, "seq", (json_int_t)s->seen.seq, "hash", hash, "at",
		    (json_int_t)s->seen.at);
	buf_free(&dir);
	buf_free(&name);
	if (!o)
		(void)err_set(e, E_NOMEM, "the place of a sealed record cannot be written down");
	return o;
}

static void
file_of(const uint8_t id[LEDGER_ID_LEN], char out[SEAL_FILE])
{
	hex_put(out, id, LEDGER_ID_LEN);
	(void)memcpy(out + 2 * LEDGER_ID_LEN, ".json", 6);
}

int
seals_update(const struct state *st, const struct seal *seal, struct err *e)
{
	char file[SEAL_FILE];
	json_t *o = pack(seal, e);
	char *text;
	int dir, r;

	if (!o)
		return E_NOMEM;
	text = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(o);
	if (!text)
		return err_set(e, E_NOMEM, "no memory");
	dir = state_dir(st, "seals", true, e);
	r = dir;
	if (dir >= 0) {
		file_of(seal->id, file);
		r = fio_replace(st->f, dir, file, text, strlen(text), 0600, e);
		fio_close(st->f, dir);
	}
	free(text);
	return r < 0 ? r : 0;
}

/* -- reading ----------------------------------------------------------------------------------- */

static int
text_field(const json_t *o, const char *key, char *out, size_t size)
{
	const char *s = json_string_value(json_object_get(o, key));
	struct buf b;
	int r = E_CORRUPT;

	if (!s)
		return E_CORRUPT;
	buf_init(&b, size);
	if (utf8_unshow(&b, s, NULL) == 0 && b.len > 0 && b.len < size && !memchr(b.p, 0, b.len)) {
		(void)memcpy(out, b.p, b.len);
		out[b.len] = 0;
		r = 0;
	}
	buf_free(&b);
	return r;
}

static int
parse(const void *p, size_t n, struct seal *s)
{
	json_t *o = json_loadb(p, n, JSON_REJECT_DUPLICATES, NULL);
	const char *pin = json_string_value(json_object_get(o, "pin"));
	const char *hash = json_string_value(json_object_get(o, "hash"));
	const json_t *seq = json_object_get(o, "seq"), *at = json_object_get(o, "at");
	int r = E_CORRUPT;

	if (json_integer_value(json_object_get(o, "v")) == 1 && pin && hash &&
	    hex_get(s->pin, sizeof(s->pin), pin) == 0 &&
	    hex_get(s->seen.hash, sizeof(s->seen.hash), hash) == 0 &&
	    json_is_integer(seq) && json_integer_value(seq) >= 0 && json_is_integer(at) &&
	    text_field(o, "kind", s->kind, sizeof(s->kind)) == 0 &&
	    text_field(o, "dir", s->dir, sizeof(s->dir)) == 0 &&
	    text_field(o, "name", s->name, sizeof(s->name)) == 0 && !strchr(s->name, '/'))
		r = 0;
	s->seen.seq = (uint64_t)json_integer_value(seq);
	s->seen.at = json_integer_value(at);
	json_decref(o);
	return r;
}

static int
load(const struct state *st, int dir, const char *file, struct seal *ret, struct err *e)
{
	char hex[2 * LEDGER_ID_LEN + 1];
	struct seal s = {0};
	struct buf b;
	int r;

	(void)memcpy(hex, file, sizeof(hex) - 1);
	hex[sizeof(hex) - 1] = 0;
	buf_init(&b, SEAL_MAX);
	r = fio_slurp(st->f, dir, file, &b, e);
	if (r == 0 && (hex_get(s.id, sizeof(s.id), hex) < 0 || parse(b.p, b.len, &s) < 0))
		r = err_set(e, E_CORRUPT, "%s/seals/%s is damaged", st->path, file);
	buf_free(&b);
	if (r == 0)
		*ret = s;
	return r;
}

struct name {
	char file[SEAL_FILE];
};

static int
by_file(const void *a, const void *b)
{
	return strcmp(((const struct name *)a)->file, ((const struct name *)b)->file);
}

static int
names(int dir, struct vec *v, struct err *e)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *ent;
	int r = 0;

	if (!d)
		return err_sys(e, "cannot list the seals");
	while (r == 0 && (errno = 0, ent = readdir(d))) {
		size_t n = strlen(ent->d_name);
		struct name *to;

		if (n != SEAL_FILE - 1 || strcmp(ent->d_name + n - 5, ".json") != 0)
			continue;
		to = vec_add(v);
		if (to)
			(void)memcpy(to->file, ent->d_name, n + 1);
		else
			r = err_set(e, E_LIMIT, "more than %d sealed records", SEALS_MAX);
	}
	if (r == 0 && errno != 0)
		r = err_sys(e, "cannot list the seals");
	(void)closedir(d);
	return r;
}

int
seals_each(const struct state *st, seals_fn *fn, void *cookie, struct err *e)
{
	struct vec v;
	int r, dir = state_dir(st, "seals", false, e);

	if (dir < 0)
		return dir == E_NOENT ? 0 : dir;
	vec_init(&v, sizeof(struct name), SEALS_MAX);
	r = names(dir, &v, e);
	if (r == 0 && v.len > 0)
		qsort(v.p, v.len, sizeof(struct name), by_file);
	for (size_t i = 0; r == 0 && i < v.len; i++) {
		struct seal s;

		r = load(st, dir, VEC_AT(&v, struct name, i)->file, &s, e);
		if (r == 0)
			r = fn(&s, cookie, e);
	}
	vec_free(&v);
	fio_close(st->f, dir);
	return r;
}

int
seals_remember(const struct state *st, const char *kind, const char *dir, const char *name,
    const struct ledger *l, struct err *e)
{
	struct seal s = {.seen = ledger_head(l)}, old;
	char file[SEAL_FILE];
	int fd;

	if (strlen(kind) >= sizeof(s.kind) || strlen(dir) >= sizeof(s.dir) ||
	    strlen(name) >= sizeof(s.name))
		return err_set(e, E_INVAL, "the place of a sealed record is too long");
	(void)memcpy(s.kind, kind, strlen(kind));
	(void)memcpy(s.dir, dir, strlen(dir));
	(void)memcpy(s.name, name, strlen(name));
	(void)memcpy(s.id, ledger_id(l), sizeof(s.id));
	(void)memcpy(s.pin, ledger_key(l), sizeof(s.pin));
	file_of(s.id, file);
	fd = state_dir(st, "seals", false, NULL);
	if (fd >= 0) {
		if (load(st, fd, file, &old, NULL) == 0 && old.seen.seq > s.seen.seq)
			s.seen = old.seen;
		fio_close(st->f, fd);
	}
	return seals_update(st, &s, e);
}

int
seals_learn(const struct state *st, const char *kind, const char *dir, const char *name,
    const uint8_t *pin, struct err *e)
{
	struct ledger *l;
	int r, fd;

	if (dir[0] != '/')
		return err_set(e, E_INVAL, "the place of a sealed record must be absolute");
	fd = openat(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "cannot reach %s", dir);
	r = ledger_open(st->f, fd, name, pin, &l, e);
	fio_close(st->f, fd);
	if (r < 0)
		return r;
	r = seals_remember(st, kind, dir, name, l, e);
	ledger_close(l);
	return r;
}

int
seals_verify(const struct state *st, const struct seal *seal, struct ledger_report *rep,
    struct err *e)
{
	int r, dir = openat(st->dirfd, seal->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return err_sys(e, "cannot reach %s", seal->dir);
	r = ledger_verify(st->f, dir, seal->name, seal->pin, &seal->seen, rep, e);
	fio_close(st->f, dir);
	return r;
}
