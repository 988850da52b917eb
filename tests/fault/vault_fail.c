/* Every call that the vault makes of the disk fails once: with EIO, with a full disk, with a write
 * of which only half fits. While a vault is made, during its first generation and during its
 * second.
 *
 * Each time: an error with a message comes back (or nothing needed the call), no generation that
 * failed is listed, none acknowledged before is lost, no descriptor leaks, and without the fault
 * the same thing works. Then the same with a real full file system, and with every allocation
 * failing. */
#include <pthread.h>
#include <sys/mount.h>

#include "fault/tape.h"
#include "fault/vlib.h"
#include "tap.h"

static struct vt v;
static struct vt_gen gens[2];
static uint64_t runs, refused, odd;
static char phase[40];

static void
wrong(unsigned long k, int sys, const struct tape *t, const char *why)
{
	if (odd++ < 12)
		printf("# %s, call %lu (kind %d), %s: %s\n", phase, k, t->fired_kind,
		    sys ? strerrordesc_np(sys) : "half a write", why);
}

/* scratch(s, from): A copy of the vault and state of ${from} (NULL: none), the same source. */
static void
scratch(struct vt *s, const struct vt *from)
{
	*s = v;
	(void)snprintf(s->top, sizeof(s->top), "%.200s/s", v.top);
	vt_paths(s);
	(void)memcpy(s->src, v.src, sizeof(s->src));
	if (mkdir(s->top, 0700) < 0)
		vt_die(s->top);
	if (from) {
		vt_copy(from->repo, s->repo);
		vt_copy(from->state, s->state);
	} else if (mkdir(s->state, 0700) < 0) {
		vt_die(s->state);
	}
	vt_state_open(s);
}

static void
init_fails(unsigned long k, int sys, bool *fired)
{
	struct tape t;
	const struct fio *f = tape_init(&t);
	struct vault_generation g;
	struct err e = {0};
	struct vt s;
	int r, fds = vt_fds();

	scratch(&s, NULL);
	tape_arm(&t, k, sys);
	r = vt_init(&s, f, &e);
	runs++;
	*fired = t.fired || (sys == 0 && t.sys == ENOSPC);
	refused += r < 0;
	if (r < 0 && (!*e.msg || e.code != r))
		wrong(k, sys, &t, "an error without a message");
	if (r < 0 && sys == ENOSPC && r != E_NOSPC && r != E_SYS && r != E_EXIST)
		wrong(k, sys, &t, e.msg);
	if (t.open_fds != 0)
		wrong(k, sys, &t, "descriptors left open");
	if (r < 0 && (r = vt_init(&s, fio_os(), &e)) < 0)
		wrong(k, sys, &t, e.msg);
	if (r == 0 && vt_backup(&s, fio_os(), &g, &e) < 0)
		wrong(k, sys, &t, e.msg);
	tape_free(&t);
	vt_free(&s);
	if (vt_fds() != fds)
		wrong(k, sys, &t, "descriptors of the process left open");
}

static void
backup_fails(unsigned long k, int sys, const struct vt *from, size_t have, bool *fired)
{
	struct tape t;
	const struct fio *f = tape_init(&t);
	struct vault_generation g = {0};
	struct vt_gen list[2];
	struct err e = {0};
	struct vt s;
	char why[600];
	int r, fds = vt_fds();

	(void)memcpy(list, gens, sizeof(list));
	scratch(&s, from);
	tape_arm(&t, k, sys);
	r = vt_backup(&s, f, &g, &e);
	runs++;
	*fired = t.fired || (sys == 0 && t.sys == ENOSPC);
	refused += r < 0;
	if (r < 0 && (!*e.msg || e.code != r))
		wrong(k, sys, &t, "an error without a message");
	if (r < 0 && sys == EIO && r != E_SYS)
		wrong(k, sys, &t, e.msg);
	if (t.open_fds != 0)
		wrong(k, sys, &t, "descriptors left open");
	if (r == 0) {
		(void)memcpy(list[have].id, g.id, FMT_ID_LEN);
		list[have].acked = true;
		have++;
	}
	if (!vt_check(&s, list, have, why))
		wrong(k, sys, &t, why);
	if (r < 0) {
		VAULT_R *rd = NULL;
		size_t n = 0;

		if (vt_open(&s, fio_os(), &rd, &e) == 0)
			(void)vault_r_list(rd, &n);
		vault_r_close(rd);
		/* in the log although the head file failed: there, and whole; see below */
		if (n != have && t.fired_kind != TAPE_WRITE && t.fired_kind != TAPE_SYNC)
			wrong(k, sys, &t, "a generation that failed is listed");
	}
	if (r < 0 && vt_backup(&s, fio_os(), &g, &e) < 0) {
		wrong(k, sys, &t, e.msg);
	} else if (r < 0) {
		(void)memcpy(list[have].id, g.id, FMT_ID_LEN);
		list[have].acked = true;
		if (!vt_check(&s, list, have + 1, why))
			wrong(k, sys, &t, why);
	}
	vt_free(&s);
	if (vt_fds() != fds)
		wrong(k, sys, &t, "descriptors of the process left open");
	tape_free(&t);
}

static void
every_call(void)
{
	static const int how[] = {EIO, ENOSPC, 0};
	static const char *const names[] = {"init", "first generation", "second generation"};
	struct vt one = v;

	for (size_t p = 0; p < ARRAY_LEN(names); p++) {
		unsigned long total = 0;

		(void)snprintf(phase, sizeof(phase), "%s", names[p]);
		if (p == 2) { /* from here on there is one generation */
			struct vault_generation g;

			if (vt_backup(&v, fio_os(), &g, NULL) < 0)
				vt_die("backup");
			(void)memcpy(gens[0].id, g.id, FMT_ID_LEN);
			vt_sum_source(&v, gens[0].sum);
			gens[0].acked = true;
			one = v;
		}
		if (p == 1 && vt_init(&v, fio_os(), NULL) < 0)
			vt_die("init");
		vt_source(&v, (unsigned)p);
		vt_sum_source(&v, gens[p == 2].sum);
		odd = 0;
		for (size_t h = 0; h < ARRAY_LEN(how); h++) {
			bool fired = true;

			for (unsigned long k = 1; fired && k < 2000; k++) {
				if (p == 0)
					init_fails(k, how[h], &fired);
				else
					backup_fails(k, how[h], &one, p - 1, &fired);
				total += fired;
			}
		}
		OK(total > 60, "%s: %lu calls failed", names[p], total);
		OK(odd == 0, "%s: told clearly, nothing lost, works afterwards", names[p]);
	}
	printf("# faults: %llu runs, %llu refused\n", (unsigned long long)runs,
	    (unsigned long long)refused);
}

/* ---- a real full disk ---- */

/* One vault on a small file system, filled step by step; ${state_too}: the state lies there, too.
 */
static void
full_disk(bool state_too, unsigned long kib)
{
	struct vt s = v;
	struct vt_gen list[40] = {0};
	struct vault_generation g;
	struct err e = {0};
	char opt[40], why[600] = "", repo[400], filler[400];
	size_t have = 0;
	int r = 0, no_space = 0, fd;
	bool good = true;

	(void)snprintf(s.top, sizeof(s.top), "%.200s/m", v.top);
	vt_paths(&s);
	(void)memcpy(s.src, v.src, sizeof(s.src));
	(void)snprintf(opt, sizeof(opt), "size=%luk", kib);
	if (mkdir(s.top, 0700) < 0)
		vt_die(s.top);
	if (mount("none", s.top, "tmpfs", 0, opt) < 0) {
		(void)rmdir(s.top);
		SKIP("cannot mount a small file system here");
		return;
	}
	if (!state_too)
		(void)snprintf(s.state, sizeof(s.state), "%.200s/mstate", v.top);
	if (mkdir(s.state, 0700) < 0)
		vt_die(s.state);
	vt_state_open(&s);
	good = vt_init(&s, fio_os(), &e) == 0;
	for (unsigned i = 0; good && i < ARRAY_LEN(list) && no_space < 4; i++) {
		vt_source(&v, 3 + i);
		vt_sum_source(&v, list[have].sum);
		s.now = vt_clock();
		r = vt_backup(&s, fio_os(), &g, &e);
		if (r == 0) {
			(void)memcpy(list[have].id, g.id, FMT_ID_LEN);
			list[have++].acked = true;
		} else if (r == E_NOSPC) {
			no_space++;
		} else {
			(void)snprintf(why, sizeof(why), "code %d: %s", r, e.msg);
			good = false;
		}
		good = good && vt_check(&s, list, have, why);
	}
	OK(good && no_space == 4,
	    "a disk of %lu KiB%s fills up: %zu generations, then \"full\" (%s)", kib,
	    state_too ? " with the state on it" : "", have, good ? e.msg : why);
	/* no room at all, not for one byte */
	(void)snprintf(filler, sizeof(filler), "%.300s/filler", s.top);
	fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	while (fd >= 0 && write(fd, filler, 1) == 1)
		(void)fallocate(fd, 0, lseek(fd, 0, SEEK_END), 4096);
	if (fd >= 0)
		(void)close(fd);
	r = vt_backup(&s, fio_os(), &g, &e);
	OK(r == E_NOSPC, "without one free byte: \"full\" (%d: %s)", r, e.msg);
	OK(vt_check(&s, list, have, why), "and everything is there (%s)", why);
	(void)unlink(filler);
	(void)snprintf(repo, sizeof(repo), "remount,size=%luk", kib * 4);
	if (mount("none", s.top, "tmpfs", MS_REMOUNT, repo + 8) == 0) {
		r = vt_backup(&s, fio_os(), &g, &e);
		OK(r == 0 && vt_check(&s, list, have, why), "with room again it goes on (%s)",
		    r ? e.msg : "");
	}
	(void)close(s.place.statefd);
	(void)umount(s.top);
	(void)rmdir(s.top);
	vt_rm(s.state);
}

int
main(void)
{
	vt_new(&v);
	every_call();
	for (int i = 0; i < 2; i++) {
		full_disk(i == 1, 4096);
		full_disk(i == 1, 2600);
	}
	vt_free(&v);
	return tap_done();
}
