#include "cli/disk_book.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/num.h"

void
disk_row_free(struct disk_row *d)
{
	json_decref(d->systems);
	d->systems = NULL;
}

static void
copy(char *out, size_t size, const char *s)
{
	size_t n = strnlen(s, size - 1);

	(void)memcpy(out, s, n);
	out[n] = 0;
}

#define COLUMNS                                                                                    \
	"id, label, lies, serial, uuid, path, repo, systems, bytes, copied_at, proved_at FROM disks"

static void
fill(const struct db_row *row, struct disk_row *d)
{
	*d = (struct disk_row){.found = true};
	copy(d->id, sizeof(d->id), db_col_text(row, 0));
	copy(d->label, sizeof(d->label), db_col_text(row, 1));
	copy(d->lies, sizeof(d->lies), db_col_text(row, 2));
	copy(d->serial, sizeof(d->serial), db_col_text(row, 3));
	copy(d->uuid, sizeof(d->uuid), db_col_text(row, 4));
	copy(d->path, sizeof(d->path), db_col_text(row, 5));
	copy(d->repo, sizeof(d->repo), db_col_text(row, 6));
	d->systems = json_loads(db_col_text(row, 7), 0, NULL);
	if (!json_is_object(d->systems)) {
		json_decref(d->systems);
		d->systems = json_object();
	}
	d->bytes = db_col_i64(row, 8);
	d->copied_at = db_col_i64(row, 9);
	d->proved_at = db_col_i64(row, 10);
}

struct one {
	const char *what;
	struct disk_row *ret;
	int n;
};

static int
on_one(const struct db_row *row, void *cookie, struct err *e)
{
	struct one *o = cookie;
	const char *id = db_col_text(row, 0);

	(void)e;
	if (strcmp(db_col_text(row, 1), o->what) != 0 &&
	    (strlen(o->what) < 4 || strncmp(id, o->what, strlen(o->what)) != 0))
		return 0;
	if (o->n++ == 0)
		fill(row, o->ret);
	return 0;
}

int
disk_book_get(struct db *db, const char *what, struct disk_row *ret, struct err *e)
{
	struct one o = {.what = what, .ret = ret};
	int r = db_each(db, "SELECT " COLUMNS " ORDER BY label", on_one, &o, "", e);

	if (r == 0 && o.n == 0)
		return err_set(e, E_NOENT, "there is no disk \"%s\" in the book", what);
	if (r == 0 && o.n > 1) {
		disk_row_free(ret);
		return err_set(e, E_INVAL, "\"%s\" is the name of more than one disk", what);
	}
	return r;
}

struct all {
	disk_book_fn *fn;
	void *cookie;
};

static int
on_all(const struct db_row *row, void *cookie, struct err *e)
{
	struct all *a = cookie;
	struct disk_row *d = malloc(sizeof(*d));
	int r;

	if (!d)
		return err_set(e, E_NOMEM, "no memory");
	fill(row, d);
	d->attached = disk_attached(d);
	r = a->fn(d, a->cookie, e);
	disk_row_free(d);
	free(d);
	return r;
}

int
disk_book_each(struct db *db, disk_book_fn *fn, void *cookie, struct err *e)
{
	struct all a = {fn, cookie};

	return db_each(db, "SELECT " COLUMNS " ORDER BY label, id", on_all, &a, "", e);
}

struct put {
	const struct disk_row *d;
	int64_t now;
	char *systems;
};

static int
put(struct db *db, void *cookie, struct err *e)
{
	const struct put *p = cookie;
	const struct disk_row *d = p->d;
	int r = db_exec(db,
	    "INSERT INTO disks (id, label, lies, serial, uuid, path, repo, systems, bytes, "
	    "copied_at, proved_at, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) "
	    "ON CONFLICT (id) DO UPDATE SET label = $2, lies = $3, serial = $4, uuid = $5, path = "
	    "$6, repo = $7, systems = $8, bytes = $9, copied_at = $10, proved_at = $11, at = $12",
	    "ssssssssiiii", e, d->id, d->label, d->lies, d->serial, d->uuid, d->path, d->repo,
	    p->systems, d->bytes, d->copied_at, d->proved_at, p->now);

	if (r >= 0)
		r = db_exec(db,
		    "INSERT INTO disk_moves (disk, lies, at) SELECT $1, $2, $3 WHERE NOT EXISTS "
		    "(SELECT 1 FROM disk_moves WHERE disk = $1 AND id = (SELECT max(id) FROM "
		    "disk_moves WHERE disk = $1) AND lies = $2)", "ssi", e, d->id, d->lies, p->now);
	return r < 0 ? r : 0;
}

int
disk_book_put(struct db *db, const struct disk_row *d, int64_t now, struct err *e)
{
	struct put p = {.d = d, .now = now};
	int r;

	p.systems =
	    d->systems ? json_dumps(d->systems, JSON_COMPACT | JSON_SORT_KEYS) : strdup("{}");
	if (!p.systems)
		return err_set(e, E_NOMEM, "no memory");
	r = db_tx(db, put, &p, e);
	free(p.systems);
	return r;
}

/* ---- the device ---- */

static void
uuid_of(dev_t dev, char *out, size_t size)
{
	DIR *dir = opendir("/dev/disk/by-uuid");
	struct dirent *de;

	while (dir && (de = readdir(dir))) {
		struct stat st;

		if (de->d_name[0] != '.' && fstatat(dirfd(dir), de->d_name, &st, 0) == 0 &&
		    S_ISBLK(st.st_mode) && st.st_rdev == dev)
			copy(out, size, de->d_name);
	}
	if (dir)
		(void)closedir(dir);
}

static void
serial_of(dev_t dev, char *out, size_t size)
{
	static const char key[] = "\nE:ID_SERIAL_SHORT=";
	struct buf AUTO(buf_free) b = {0};
	char path[64];
	const char *at;
	size_t n = 0;

	buf_init(&b, 1 << 16);
	(void)snprintf(path, sizeof(path), "/run/udev/data/b%u:%u", major(dev), minor(dev));
	if (fio_slurp(fio_os(), AT_FDCWD, path, &b, NULL) < 0)
		return;
	at = b.len ? memmem(b.p, b.len, key, sizeof(key) - 1) : NULL;
	if (!at)
		return;
	at += sizeof(key) - 1;
	while (n + 1 < size && at + n < (const char *)b.p + b.len && at[n] > ' ' && at[n] < 127)
		n++;
	(void)memcpy(out, at, n);
	out[n] = 0;
}

void
disk_device(const char *path, struct disk_row *d)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return;
	uuid_of(st.st_dev, d->uuid, sizeof(d->uuid));
	serial_of(st.st_dev, d->serial, sizeof(d->serial));
}

/* ---- whether it is plugged in ---- */

static bool
holds(const char *path, const char *id)
{
	uint8_t raw[DISK_ID_LEN];
	char hex[2 * DISK_ID_LEN + 1];

	if (disk_name(fio_os(), path, raw, NULL) < 0)
		return false;
	hex_put(hex, raw, sizeof(raw));
	return strcmp(hex, id) == 0;
}

/* unescape(s): mountinfo writes blanks and the like as \040. */
static void
unescape(char *s)
{
	char *out = s;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
		    s[3] >= '0' && s[3] <= '7') {
			*out++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
			s += 3;
		} else {
			*out++ = *s;
		}
	}
	*out = 0;
}

static bool
on_any_mount(const char *id)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	size_t size = 0;
	bool found = false;

	while (f && !found && getline(&line, &size, f) > 0) {
		char *at = line;

		for (int i = 0; at && i < 4; i++) {
			at = strchr(at, ' ');
			at = at ? at + 1 : NULL;
		}
		if (!at)
			continue;
		at[strcspn(at, " ")] = 0;
		unescape(at);
		found =
		    strncmp(at, "/proc", 5) != 0 && strncmp(at, "/sys", 4) != 0 && holds(at, id);
	}
	free(line);
	if (f)
		(void)fclose(f);
	return found;
}

bool
disk_attached(const struct disk_row *d)
{
	char dev[140];
	struct stat st;

	if (d->path[0] && holds(d->path, d->id))
		return true;
	if (d->uuid[0] && d->path[0]) {
		/* only a file system that is not the one of this machine's own root */
		char root[100] = "";

		if (stat("/", &st) == 0)
			uuid_of(st.st_dev, root, sizeof(root));
		(void)snprintf(dev, sizeof(dev), "/dev/disk/by-uuid/%.100s", d->uuid);
		if (strcmp(root, d->uuid) != 0 && stat(dev, &st) == 0)
			return true;
	}
	return on_any_mount(d->id);
}
