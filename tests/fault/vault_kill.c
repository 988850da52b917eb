/* Processes that die and processes that meet. A child adds one generation after the other over a
 * source that changes, and is killed at any moment; then two children of the same machine add
 * generations to the same vault at the same time while the parent reads it. */
#include <signal.h>
#include <sys/wait.h>

#include "fault/vlib.h"
#include "tap.h"

enum { MAX_GENS = 8192 };

static struct vt v;
static struct vt_gen gens[MAX_GENS];
static size_t ngens;
static uint64_t rng = 0x1234567;

/* generations read back before: the others are read again only now and then */
static uint8_t verified[MAX_GENS][FMT_ID_LEN];
static size_t nverified;

static bool
known(const uint8_t id[FMT_ID_LEN])
{
	for (size_t i = 0; i < nverified; i++) {
		if (memcmp(verified[i], id, FMT_ID_LEN) == 0)
			return vt_rng(&rng) % 64 != 0;
	}
	if (nverified < MAX_GENS)
		(void)memcpy(verified[nverified++], id, FMT_ID_LEN);
	return false;
}

struct ack {
	uint8_t id[FMT_ID_LEN], sum[VT_SUM];
};

static void
child(struct vt *s, int out, unsigned first, unsigned count)
{
	for (unsigned i = first; i - first < count; i++) {
		struct vault_generation g;
		struct err e = {0};
		struct ack a;

		vt_source(s, i);
		vt_sum_source(s, a.sum);
		s->now = vt_clock();
		if (vt_backup(s, fio_os(), &g, &e) < 0) {
			printf("# child: %d %s\n", e.code, e.msg);
			(void)fflush(stdout);
			_exit(1);
		}
		(void)memcpy(a.id, g.id, FMT_ID_LEN);
		if (write(out, &a, sizeof(a)) != (ssize_t)sizeof(a))
			_exit(2);
	}
	_exit(0);
}

static pid_t
begin(struct vt *s, int *ret_fd, unsigned first, unsigned count)
{
	int p[2];
	pid_t pid = -1;

	(void)fflush(stdout);
	if (pipe2(p, O_CLOEXEC) < 0 || (pid = fork()) < 0)
		vt_die("fork");
	if (pid == 0)
		child(s, p[1], first, count);
	(void)close(p[1]);
	*ret_fd = p[0];
	return pid;
}

static void
take(int fd)
{
	struct ack a;

	while (read(fd, &a, sizeof(a)) == (ssize_t)sizeof(a) && ngens < MAX_GENS) {
		(void)memcpy(gens[ngens].id, a.id, FMT_ID_LEN);
		(void)memcpy(gens[ngens].sum, a.sum, VT_SUM);
		gens[ngens++].acked = true;
	}
}

static void
killed(int times)
{
	char why[600] = "";
	unsigned round = 1;
	int bad = 0, kills = 0;

	v.known = known;
	for (int i = 0; i < times && bad < 3; i++) {
		struct vault_generation g;
		struct err e = {0};
		int fd, status = 0;
		pid_t pid = begin(&v, &fd, round, 1000);

		(void)usleep((useconds_t)(1000 + vt_rng(&rng) % 70000));
		(void)kill(pid, SIGKILL);
		take(fd);
		(void)close(fd);
		(void)waitpid(pid, &status, 0);
		kills += WIFSIGNALED(status);
		round += 100;
		if (!vt_check(&v, gens, ngens, why)) {
			printf("# after kill %d: %s\n", i, why);
			bad++;
			continue;
		}
		vt_source(&v, round);
		vt_sum_source(&v, gens[ngens].sum);
		v.now = vt_clock();
		if (vt_backup(&v, fio_os(), &g, &e) < 0) {
			printf("# after kill %d: backup: %s\n", i, e.msg);
			bad++;
			continue;
		}
		(void)memcpy(gens[ngens].id, g.id, FMT_ID_LEN);
		gens[ngens++].acked = true;
	}
	v.known = NULL;
	OK(bad == 0, "killed %d times: nothing acknowledged lost, no repair, the next run works",
	    kills);
	OK(kills == times, "every child was at work when it was killed");
	OK(vt_check(&v, gens, ngens, why), "all %zu acknowledged generations read back (%s)", ngens,
	    why);
}

/* Two writers with the same key and place; the parent reads meanwhile. */
static void
two_writers(unsigned each)
{
	struct vt s[2];
	pid_t pid[2];
	int fd[2], status[2] = {-1, -1}, left = 2, looks = 0, bad = 0;
	char why[600] = "";
	VAULT_R *r = NULL;
	struct err e = {0};
	size_t before = 0, have = 0;

	if (vt_open(&v, fio_os(), &r, &e) == 0)
		(void)vault_r_list(r, &before);
	vault_r_close(r);
	for (int i = 0; i < 2; i++) {
		char dir[400];

		s[i] = v;
		(void)snprintf(dir, sizeof(dir), "%.200s/w%d", v.top, i);
		(void)snprintf(s[i].src, sizeof(s[i].src), "%.200s/w%d/src", v.top, i);
		if (mkdir(dir, 0700) < 0 || mkdir(s[i].src, 0700) < 0)
			vt_die(dir);
		s[i].threads = 2;
		vt_source(&s[i], 0);
		vt_put(&s[i], "which", i ? "b" : "a", 1, 0);
	}
	for (int i = 0; i < 2; i++)
		pid[i] = begin(&s[i], &fd[i], 1 + 50 * (unsigned)i, each);
	while (left > 0) {
		for (int i = 0; i < 2; i++) {
			if (status[i] == -1 && waitpid(pid[i], &status[i], WNOHANG) == pid[i])
				left--;
		}
		v.known = known;
		if (!vt_check(&v, NULL, 0, why)) {
			printf("# while two write: %s\n", why);
			bad++;
		}
		v.known = NULL;
		looks++;
	}
	for (int i = 0; i < 2; i++) {
		take(fd[i]);
		(void)close(fd[i]);
	}
	OK(status[0] == 0 && status[1] == 0, "two writers at once finish (%d, %d)", status[0],
	    status[1]);
	OK(bad == 0 && looks > 0, "what a reader sees meanwhile is whole (%d looks)", looks);
	if (vt_open(&v, fio_os(), &r, &e) == 0)
		(void)vault_r_list(r, &have);
	vault_r_close(r);
	EQ_I(have, before + 2 * each, "every one of their generations is listed");
	OK(vt_check(&v, gens, ngens, why), "and reads back (%s)", why);
}

/* What the log says after all this. */
static void
log_holds(void)
{
	int fd = open(v.repo, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct ledger_report rep = {0};
	struct err e = {0};

	int r = ledger_verify(fio_os(), fd, "log", NULL, NULL, &rep, &e);

	OK(r == 0 && rep.ok && rep.records > ngens,
	    "the log holds: %llu records (%s)", (unsigned long long)rep.records, rep.why);
	(void)close(fd);
}

static int
leftovers(const char *name)
{
	char path[400];
	DIR *d;
	int n = 0;

	(void)snprintf(path, sizeof(path), "%.290s/%s", v.repo, name);
	d = opendir(path);
	while (d && readdir(d))
		n++;
	if (d)
		(void)closedir(d);
	return n - 2;
}

int
main(int argc, char **argv)
{
	bool full = (argc > 1 && strcmp(argv[1], "--full") == 0) || getenv("MAMORI_FULL");
	struct err e = {0};

	(void)alarm(full ? 900 : 600); /* a deadlock must not look like patience */
	vt_new(&v);
	vt_source(&v, 0);
	OK(vt_init(&v, fio_os(), &e) == 0, "init");
	killed(full ? 250 : 100);
	two_writers(full ? 25 : 10);
	log_holds();
	EQ_I(leftovers("tmp"), 0, "nothing is left in tmp");
	vt_free(&v);
	return tap_done();
}
