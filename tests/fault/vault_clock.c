/* Clocks that jump and files that hide a change: a generation always holds what the file held.
 *
 * The time given to most runs is an hour ahead, so that files written a moment ago count as old and
 * the quick way (size, times and inode are the same: not read again) is really taken. */
#include "fault/vlib.h"
#include "tap.h"

enum { HOUR = 3600 };
static const int64_t year = INT64_C(365) * 86400 * 1000000;

static struct vt v;
static struct vt_gen gens[64];
static size_t n;

static bool
generation(int64_t ahead)
{
	struct vault_generation g;
	struct err e = {0};

	vt_sum_source(&v, gens[n].sum);
	v.now = vt_clock() + ahead;
	if (vt_backup(&v, fio_os(), &g, &e) < 0) {
		printf("# %s\n", e.msg);
		return false;
	}
	(void)memcpy(gens[n].id, g.id, FMT_ID_LEN);
	gens[n++].acked = true;
	return true;
}

static bool
whole(void)
{
	char why[600] = "";
	bool good = vt_check(&v, gens, n, why);

	if (!good)
		printf("# %s\n", why);
	return good;
}

static void
path_of(const char *name, char out[VT_PATH])
{
	(void)snprintf(out, VT_PATH, "%s/%s", v.src, name);
}

/* same_times(name, st): Give the file the times it had. */
static void
same_times(const char *name, const struct stat *st)
{
	const struct timespec t[2] = {st->st_atim, st->st_mtim};
	char path[VT_PATH];

	path_of(name, path);
	if (utimensat(AT_FDCWD, path, t, 0) < 0)
		vt_die(path);
}

static struct stat
look(const char *name)
{
	struct stat st;
	char path[VT_PATH];

	path_of(name, path);
	if (stat(path, &st) < 0)
		vt_die(path);
	return st;
}

static void
jumps(void)
{
	static const int64_t to[] = {0, 10, -30, 40, 0, -56, 60, 0};
	bool good = true;

	for (size_t i = 0; i < ARRAY_LEN(to) && good; i++) {
		struct stat st = look("text.log");

		vt_source(&v, (unsigned)i + 1);
		same_times("text.log", &st); /* also hides its change of size and time */
		good = generation(to[i] * year);
	}
	OK(good && whole(), "the clock jumps by decades between %zu generations", n);
}

static void
hidden(void)
{
	char path[VT_PATH], other[VT_PATH];
	struct stat st, now;
	bool good;

	vt_put(&v, "a", "first content", 13, 0);
	good = generation((int64_t)HOUR * 1000000) && generation((int64_t)HOUR * 1000000);
	st = look("a");
	(void)usleep(20000);
	vt_put(&v, "a", "other content", 13, 0);
	same_times("a", &st);
	now = look("a");
	OK(now.st_size == st.st_size && now.st_mtim.tv_nsec == st.st_mtim.tv_nsec &&
	    now.st_ino == st.st_ino, "a change with size and time put back");
	good = good && generation((int64_t)HOUR * 1000000);
	OK(good && whole(), "is seen by its time of change");

	path_of("a", path);
	path_of("a.new", other);
	vt_put(&v, "a.new", "third content", 13, 0);
	same_times("a.new", &st);
	if (rename(other, path) < 0)
		vt_die(path);
	good = generation((int64_t)HOUR * 1000000);
	OK(look("a").st_ino != st.st_ino && good && whole(),
	    "another file of the same size and time in its place");
}

static void
from_the_future(void)
{
	struct stat st = look("a");
	struct timespec far[2] = {{4102444800, 0}, {4102444800, 5}};
	char path[VT_PATH];
	bool good;

	path_of("a", path);
	st.st_mtim = far[1];
	st.st_atim = far[0];
	same_times("a", &st);
	good = generation(0);
	for (int i = 0; i < 3 && good; i++) {
		vt_put(&v, "a", i % 2 ? "AAAAA content" : "BBBBB content", 13, 0);
		same_times("a", &st);
		good = generation(i == 1 ? 200 * year : 0);
	}
	OK(good && whole(), "a file from the year 2100 that changes is read each time");
}

/* Written again and again just around the moment in which a run reads it. */
static void
racy(void)
{
	bool good = true;

	for (int i = 0; i < 12 && good; i++) {
		char text[14];
		struct stat st = look("a");

		(void)snprintf(text, sizeof(text), "round %07d", i);
		vt_put(&v, "a", text, 13, 0);
		same_times("a", &st);
		good = generation(0);
	}
	OK(good && whole(), "changes within the span of one tick");
}

static void
links(void)
{
	char path[VT_PATH], other[VT_PATH];
	bool good;

	/* names that change places: same sizes, same times */
	vt_put(&v, "x", "one", 3, 0);
	vt_put(&v, "y", "two", 3, 0);
	struct stat st = look("x");

	same_times("y", &st);
	good = generation((int64_t)HOUR * 1000000);
	path_of("x", path);
	path_of("y", other);
	good = good && renameat2(AT_FDCWD, path, AT_FDCWD, other, RENAME_EXCHANGE) == 0 &&
	    generation((int64_t)HOUR * 1000000);
	OK(good && whole(), "two equal-looking files change places");
	/* a file becomes a folder and a link, and back */
	(void)unlink(path);
	vt_mkdir(&v, "x");
	good = generation((int64_t)HOUR * 1000000);
	(void)rmdir(path);
	good = good && symlink("y", path) == 0 && generation((int64_t)HOUR * 1000000);
	(void)unlink(path);
	vt_put(&v, "x", "one", 3, 0);
	good = good && generation((int64_t)HOUR * 1000000);
	OK(good && whole(), "a file becomes a folder, a link, and a file again");
}

int
main(void)
{
	struct err e = {0};

	vt_new(&v);
	vt_source(&v, 0);
	OK(vt_init(&v, fio_os(), &e) == 0, "init");
	jumps();
	hidden();
	from_the_future();
	racy();
	links();
	vt_free(&v);
	return tap_done();
}
