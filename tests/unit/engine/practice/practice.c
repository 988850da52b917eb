#include "practice/practice.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypt/digest.h"
#include "sys/fio.h"
#include "tap.h"

static int
drop(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)type;
	(void)f;
	return remove(path);
}

static void
clear(const char *dir)
{
	(void)nftw(dir, drop, 16, FTW_DEPTH | FTW_PHYS);
}

static int
names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* Names, contents and times of a whole folder as one digest. */
static void
sum_dir(int dirfd, const char *name, struct digest *d)
{
	struct dirent **list;
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int n = scandirat(fd, ".", &list, NULL, names);

	for (int i = 0; i < n; i++) {
		const char *s = list[i]->d_name;
		struct stat st;

		if (strcmp(s, ".") == 0 || strcmp(s, "..") == 0 ||
		    fstatat(fd, s, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		digest_add(d, s, strlen(s) + 1);
		if (S_ISDIR(st.st_mode)) {
			sum_dir(fd, s, d);
		} else if (S_ISREG(st.st_mode)) {
			struct buf b;

			buf_init(&b, 64 << 20);
			if (fio_slurp(fio_os(), fd, s, &b, NULL) == 0)
				digest_add(d, b.p, b.len);
			if (strcmp(s, "practice.json") != 0)
				digest_add(d, &st.st_mtim, sizeof(st.st_mtim));
			buf_free(&b);
		}
	}
	for (int i = 0; i < n; i++)
		free(list[i]);
	if (n >= 0)
		free(list);
	(void)close(fd);
}

static void
sum(const char *dir, uint8_t out[DIGEST_LEN])
{
	struct digest *d = NULL;

	if (digest_new(&d, NULL) < 0)
		return;
	sum_dir(AT_FDCWD, dir, d);
	digest_end(d, out);
	digest_free(d);
}

static struct practice_wish
wish(const char *dir, int day)
{
	return (struct practice_wish){.dir = dir, .has_size = true, .size = PRACTICE_SIZE_MIN,
		.has_seed = true, .seed = 42, .has_day = day >= 0, .day = (uint32_t)(day < 0 ? 0 :
		    day)};
}

static int calls_left;

static bool
stop_after(void *ctx, const char *what, uint64_t files, uint64_t bytes)
{
	(void)ctx;
	(void)what;
	(void)files;
	(void)bytes;
	return --calls_left >= 0;
}

static void
steps(const char *root)
{
	char a[300], b[300], c[300];
	uint8_t da[DIGEST_LEN], db[DIGEST_LEN], dc[DIGEST_LEN];
	struct practice_report ra = {0}, rb = {0};
	struct practice_wish w;
	struct err e = {0};
	int stops = 0, r = E_CANCEL;

	(void)snprintf(a, sizeof(a), "%s/at-once", root);
	(void)snprintf(b, sizeof(b), "%s/by-days", root);
	(void)snprintf(c, sizeof(c), "%s/broken-off", root);
	w = wish(a, 2);
	OK(practice_run(&w, &ra, &e) == 0, "day 2 at once %s", e.msg);
	OK(ra.day == 2 && ra.beds == 120 && ra.inpatients > 80 && ra.inpatients <= 120 &&
	    ra.patients >= 600, "%u patients, %u in beds", ra.patients, ra.inpatients);
	OK(ra.bytes > PRACTICE_SIZE_MIN * 7 / 10 && ra.bytes < PRACTICE_SIZE_MIN * 16 / 10,
	    "about the size asked for (%llu)", (unsigned long long)ra.bytes);
	for (int day = 0; day <= 2; day++) {
		w = wish(b, day);
		OK(practice_run(&w, &rb, &e) == 0, "day %d", day);
	}
	sum(a, da);
	sum(b, db);
	EQ_M(da, db, DIGEST_LEN, "day by day gives the same bytes and times");
	OK(ra.files == rb.files && ra.bytes == rb.bytes, "and the same numbers");
	w = wish(b, 2);
	OK(practice_run(&w, &rb, &e) == 0 && rb.new_files == 0, "again: nothing to do");
	w.has_day = false;
	OK(practice_run(&w, &rb, &e) == 0 && rb.day == 2, "without a day it stays");
	for (int budget = 1; r < 0 && stops < 100; budget += 3, stops++) {
		w = wish(c, 2);
		w.progress = stop_after;
		calls_left = budget;
		r = practice_run(&w, &rb, &e);
		if (r < 0 && r != E_CANCEL)
			break;
	}
	OK(r == 0 && stops > 2, "broken off %d times, then finished", stops - 1);
	sum(c, dc);
	EQ_M(da, dc, DIGEST_LEN, "with the same outcome");
	w = wish(a, 1);
	EQ_I(practice_run(&w, &ra, &e), E_INVAL, "no way back");
	w = wish(a, 2);
	w.size *= 2;
	EQ_I(practice_run(&w, &ra, &e), E_INVAL, "another size");
	w = wish(a, 2);
	w.seed++;
	EQ_I(practice_run(&w, &ra, &e), E_INVAL, "another seed");
	sum(a, dc);
	EQ_M(da, dc, DIGEST_LEN, "refusals change nothing");
}

static void
put(const char *dir, const char *text)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)!fio_replace(fio_os(), fd, "practice.json", text, strlen(text), 0644, NULL);
	(void)close(fd);
}

static void
refusals(const char *root)
{
	static const char *const damaged[] = {"", "{", "[]", "{\"what\":\"x\",\"format\":1}",
		"{\"what\":\"mamori practice hospital\",\"format\":1}",
		"{\"what\":\"mamori practice hospital\",\"format\":1,\"seed\":-1,\"size\":52428800,"
		"\"day\":0,\"going\":0,\"files\":0,\"bytes\":0}",
		"{\"what\":\"mamori practice hospital\",\"format\":1,\"seed\":1,\"size\":52428800,"
		"\"day\":5,\"going\":3,\"files\":0,\"bytes\":0}"};
	struct practice_report rep;
	struct practice_wish w;
	char dir[300];
	struct err e = {0};

	w = wish(root, 0);
	EQ_I(practice_run(&w, &rep, &e), E_EXIST, "a folder of somebody else");
	(void)snprintf(dir, sizeof(dir), "%s/state", root);
	(void)mkdir(dir, 0755);
	w = wish(dir, 0);
	w.has_size = w.has_seed = false;
	for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
		put(dir, damaged[i]);
		EQ_I(practice_run(&w, &rep, &e), E_CORRUPT, "a damaged state file");
	}
	put(dir, "{\"what\":\"mamori practice hospital\",\"format\":2}");
	EQ_I(practice_run(&w, &rep, &e), E_PROTO, "a newer state file");
	put(dir, "{\"what\":\"mamori practice hospital\",\"format\":1,\"seed\":1,\"size\":52428800,"
		 "\"day\":0,\"going\":3,\"files\":0,\"bytes\":0}");
	w.day = 2;
	EQ_I(practice_run(&w, &rep, &e), E_INVAL, "an interrupted move must be finished first");
	w = wish("", 0);
	EQ_I(practice_run(&w, &rep, &e), E_INVAL, "no folder");
	w = wish(dir, 0);
	w.size = 1000;
	EQ_I(practice_run(&w, &rep, &e), E_INVAL, "too small");
	w = wish("/dev/null/x", 0);
	OK(practice_run(&w, &rep, &e) < 0, "a place where no folder can be: %s", e.msg);
}

int
main(void)
{
	const char *tmp = getenv("TMPDIR");
	char root[200];
	struct practice_plan small, large;

	practice_plan(PRACTICE_SIZE_USUAL, &small);
	practice_plan(UINT64_C(5) << 30, &large);
	OK(small.patients > 2000 && small.patients < 5000 && small.first < -6,
	    "some thousand patients");
	OK(large.patients > 10000 && large.images > UINT64_C(2) << 30,
	    "a large one is mostly images");
	(void)snprintf(root, sizeof(root), "%s/practice-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!OK(mkdtemp(root) != NULL, "a folder for the test"))
		return tap_done();
	steps(root);
	refusals(root);
	clear(root);
	return tap_done();
}
