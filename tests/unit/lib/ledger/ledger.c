/* The ledger as its users see it: making, opening, appending, walking, enrolling, verifying. */
#include "ledger_help.h"

#include <signal.h>
#include <sys/wait.h>

struct walk {
	uint64_t next, stop, count;
	uint16_t last_type;
	bool good;
};

static int
on_rec(const struct ledger_rec *rec, void *cookie, struct err *e)
{
	struct walk *w = cookie;
	char text[64];
	int n = snprintf(text, sizeof(text), "record %llu 髙橋", (unsigned long long)rec->seq);

	(void)e;
	if (rec->seq != w->next++)
		w->good = false;
	if (rec->type == LEDGER_T_USER &&
	    (rec->len != (size_t)n || memcmp(rec->payload, text, rec->len) != 0 ||
	    rec->at != help_at(rec->seq)))
		w->good = false;
	w->last_type = rec->type;
	w->count++;
	return w->count == w->stop ? 77 : 0;
}

static void
test_basics(void)
{
	struct signer *s = help_signer(1), *other = help_signer(2);
	struct ledger *l = NULL, *twin = NULL;
	struct ledger_head h;
	struct walk w = {.good = true};
	struct err e = {0};
	size_t n;

	EQ_I(ledger_open(fio_os(), help_fd, "none", NULL, &l, &e), E_NOENT, "nothing there");
	EQ_I(ledger_create(fio_os(), help_fd, "a/b", s, NULL, 0, 0, &e), E_INVAL,
	    "a name, not a path");
	help_make("a", s, 10);
	EQ_I(
	    ledger_create(fio_os(), help_fd, "a", s, NULL, 0, 0, &e), E_EXIST, "a second creation");
	EQ_I(ledger_open(fio_os(), help_fd, "a", signer_pub(other), &l, &e), E_AUTH, "another pin");
	EQ_I(ledger_open(fio_os(), help_fd, "a", signer_pub(s), &l, &e), 0, "open with the pin");
	h = ledger_head(l);
	EQ_I(h.seq, 9, "newest record");
	EQ_I(h.at, help_at(9), "its time");
	EQ_M(ledger_key(l), signer_pub(s), SIGN_PUB_LEN, "the first key");
	OK(memcmp(ledger_genesis(l, &n), "genesis", 7) == 0 && n == 7, "the owner's payload");
	EQ_I(ledger_each(l, 0, on_rec, &w, &e), 0, "walk");
	OK(w.good && w.count == 10, "all ten, in order, with their content");
	w = (struct walk){.good = true, .next = 4, .stop = 3};
	EQ_I(ledger_each(l, 4, on_rec, &w, &e), 77, "the callback stops the walk");
	OK(w.good && w.count == 3, "from record 4");
	w = (struct walk){.good = true};
	EQ_I(ledger_each(l, 10, on_rec, &w, &e), 0, "a walk past the end");
	EQ_I(w.count, 0, "shows nothing");
	EQ_I(ledger_open(fio_os(), help_fd, "a", NULL, &twin, &e), 0, "a second handle");
	EQ_I(ledger_append(l, s, 20, "x", 1, help_at(10), &h, &e), 0, "append");
	EQ_I(h.seq, 10, "the new head");
	EQ_I(ledger_append(twin, s, 21, NULL, 0, help_at(11), &h, &e), 0, "append by the other");
	EQ_I(h.seq, 11, "which read the first's record before");
	w = (struct walk){.good = true};
	EQ_I(ledger_each(l, 0, on_rec, &w, &e), 0, "walk again");
	OK(w.count == 12 && w.last_type == 21, "the first sees the other's record");
	EQ_I(ledger_append(l, other, 20, "x", 1, 0, NULL, &e), E_AUTH, "a foreign key");
	EQ_I(ledger_append(l, s, LEDGER_T_KEY, "x", 1, 0, NULL, &e), E_INVAL, "a reserved type");
	EQ_I(ledger_enrol(l, s, signer_pub(other), help_at(12), &e), 0, "enrol a key");
	EQ_I(ledger_append(twin, other, 20, "x", 1, help_at(13), NULL, &e), 0, "now it may sign");
	ledger_close(l);
	ledger_close(twin);
	ledger_close(NULL);
	OK(help_verify("a").ok, "verify: %s", help_verify("a").why);
	EQ_I(help_verify("a").records, 14, "all counted");
	signer_free(s);
	signer_free(other);
}

static void
test_sizes(void)
{
	struct signer *s = help_signer(1);
	uint8_t *big = calloc(1, LEDGER_MAX_PAYLOAD + 1);
	struct ledger *l;
	struct err e = {0};
	bool good = true;

	help_make("b", s, 1);
	EQ_I(ledger_open(help_fast(), help_fd, "b", NULL, &l, &e), 0, "open");
	EQ_I(ledger_append(l, s, 16, big, LEDGER_MAX_PAYLOAD + 1, 1, NULL, &e), E_LIMIT,
	    "too large");
	EQ_I(ledger_append(l, s, 16, big, LEDGER_MAX_PAYLOAD, 2, NULL, &e), 0, "the largest");
	for (size_t n = 0; n < 300; n++)
		good = good && ledger_append(l, s, 16, big, n, -1, NULL, &e) == 0;
	OK(good, "every small size, a time before 1970");
	for (int i = 0; i < 2000; i++)
		good = good && ledger_append(l, s, 16, big, 3, i, NULL, &e) == 0;
	OK(good, "past the second index mark");
	ledger_close(l);
	EQ_I(help_verify("b").records, 2302, help_verify("b").why);
	EQ_I(ledger_open(help_fast(), help_fd, "b", NULL, &l, &e), 0, "open again");
	EQ_I(ledger_head(l).seq, 2301, "all there");
	ledger_close(l);
	free(big);
	signer_free(s);
}

/* Two processes, 500 records each, at the same time. */
static void
test_two_writers(void)
{
	struct signer *s = help_signer(1);
	pid_t pid[2];
	int status, bad = 0;

	help_make("c", s, 1);
	for (int k = 0; k < 2; k++) {
		pid[k] = fork();
		if (pid[k] == 0) {
			struct ledger *l;
			int r = ledger_open(fio_os(), help_fd, "c", NULL, &l, NULL);

			for (int i = 0; r == 0 && i < 500; i++)
				r = ledger_append(l, s, (uint16_t)(16 + k), &i, sizeof(i), i, NULL,
				    NULL);
			_exit(r == 0 ? 0 : 1);
		}
	}
	for (int k = 0; k < 2; k++) {
		(void)waitpid(pid[k], &status, 0);
		bad += status != 0;
	}
	EQ_I(bad, 0, "both writers were satisfied");
	OK(help_verify("c").ok && help_verify("c").records == 1001, "1001 records: %s",
	    help_verify("c").why);
	signer_free(s);
}

/* Appends until it is killed and writes each acknowledged number to a pipe. */
static void
appender(int out, struct signer *s)
{
	struct ledger *l;
	uint8_t pad[700] = {0};

	if (ledger_open(fio_os(), help_fd, "d", NULL, &l, NULL) < 0)
		_exit(1);
	for (;;) {
		struct ledger_head h;

		if (ledger_append(l, s, 16, pad, arc4random_uniform(sizeof(pad)), 1, &h, NULL) < 0)
			_exit(2);
		if (write(out, &h, sizeof(h)) != sizeof(h))
			_exit(3);
	}
}

static bool
kill_once(struct signer *s, uint64_t *total)
{
	struct ledger_head h, newest = {0};
	struct ledger_report rep;
	int fd[2], status;
	bool good = true;
	pid_t pid;

	if (pipe2(fd, O_CLOEXEC) < 0)
		abort();
	pid = fork();
	if (pid == 0)
		appender(fd[1], s);
	(void)close(fd[1]);
	(void)usleep(5000 + arc4random_uniform(40000));
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, &status, 0);
	while (read(fd[0], &h, sizeof(h)) == sizeof(h)) {
		good = good && (newest.seq == 0 || h.seq == newest.seq + 1);
		newest = h;
		++*total;
	}
	(void)close(fd[0]);
	if (ledger_verify(fio_os(), help_fd, "d", NULL, newest.seq ? &newest : NULL, &rep, NULL) <
	    0)
		return false;
	if (!rep.ok)
		printf("# %s\n", rep.why);
	return good && rep.ok && WIFSIGNALED(status);
}

static void
test_kill(void)
{
	struct signer *s = help_signer(1);
	uint64_t total = 0;
	int good = 0, kills = 0;

	help_make("d", s, 1);
	/* on a slow or busy disk it takes more kills until something was acknowledged */
	for (; kills < 40 || (total <= 40 && kills < 1000); kills++)
		good += kill_once(s, &total);
	EQ_I(good, kills, "every acknowledged record is there after all kills");
	OK(total > 0, "and there were some (%llu)", (unsigned long long)total);
	signer_free(s);
}

int
main(void)
{
	help_begin();
	test_basics();
	test_sizes();
	test_two_writers();
	test_kill();
	help_end();
	return tap_done();
}
