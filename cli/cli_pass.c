#include "cli/cli_pass.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/num.h"
#include "crypt/secret.h"
#include "identity/password.h"
#include "sys/fio.h"

enum { LINE = 2048, TRIES = 3 };

void
cli_pass_free(struct cli_pass *p)
{
	if (p->p)
		secret_free(p->p, p->n + 1);
	*p = (struct cli_pass){0};
}

/* take(s, n, ret, e): Without the end of its line, in the form that other machines give, too. */
static int
take(const char *s, size_t n, struct cli_pass *ret, struct err *e)
{
	const char *nl = n ? memchr(s, '\n', n) : NULL;

	n = nl ? (size_t)(nl - s) : n;
	if (n > 0 && s[n - 1] == '\r')
		n--;
	return n ? password_nfc(s, n, &ret->p, &ret->n, e) : 1;
}

int
cli_pass_file(const char *file, struct cli_pass *ret, struct err *e)
{
	char path[PATH_MAX];
	struct buf b;
	int r;

	*ret = (struct cli_pass){0};
	buf_init(&b, LINE);
	r = buf_reserve(&b, LINE, e); /* one that grows would leave copies behind */
	if (r == 0 && !realpath(file, path))
		r = err_sys(e, "cannot open %s", file);
	if (r == 0)
		r = fio_slurp(fio_os(), AT_FDCWD, path, &b, e);
	if (r == 0)
		r = take((const char *)b.p, b.len, ret, e);
	if (r == E_LIMIT || r == 1)
		r = err_set(e, E_INVAL, r == 1 ? "%s: there is no passphrase in it" :
		    "%s: too long for a passphrase", file);
	if (b.p)
		explicit_bzero(b.p, b.cap);
	buf_free(&b);
	return r;
}

/* ---- the terminal ---- */

static volatile sig_atomic_t came; /* the signal that ended the reading */

static void
on_signal(int no)
{
	came = no;
}

/* quietly(tty, prompt, line): Read a line without showing it; asked for when the terminal is ready,
 * for what was typed before that is thrown away. A signal ends the reading, and is handed on
 * when the terminal is as it was; one that is ignored stays so. Nobody can stop us here (^Z) and
 * leave a terminal that shows nothing. */
static bool
quietly(FILE *tty, const char *prompt, char line[LINE])
{
	static const int list[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	struct sigaction sa = {.sa_handler = on_signal}, old[ARRAY_LEN(list)];
	struct termios was, now;
	sigset_t stop, mask;
	int fd = fileno(tty);
	bool got = false;

	if (tcgetattr(fd, &was) < 0)
		return false;
	came = 0;
	(void)sigemptyset(&stop);
	(void)sigaddset(&stop, SIGTSTP);
	(void)sigprocmask(SIG_BLOCK, &stop, &mask);
	for (size_t i = 0; i < ARRAY_LEN(list); i++)
		if (sigaction(list[i], &sa, &old[i]) == 0 && old[i].sa_handler == SIG_IGN)
			(void)sigaction(list[i], &old[i], NULL);
	now = was;
	now.c_lflag &= ~(tcflag_t)ECHO;
	if (tcsetattr(fd, TCSAFLUSH, &now) == 0) {
		fprintf(tty, "%s: ", prompt);
		(void)fflush(tty); /* between writing and reading, as the C standard asks */
		got = fgets(line, LINE, tty) != NULL;
	}
	(void)tcsetattr(fd, TCSAFLUSH, &was);
	for (size_t i = 0; i < ARRAY_LEN(list); i++)
		(void)sigaction(list[i], &old[i], NULL);
	(void)sigprocmask(SIG_SETMASK, &mask, NULL);
	(void)fputc('\n', tty);
	(void)fflush(tty);
	if (came)
		(void)raise((int)came);
	return got && !came;
}

/* one(tty, prompt, ret, e): 1: nothing was typed. */
static int
one(FILE *tty, const char *prompt, struct cli_pass *ret, struct err *e)
{
	char line[LINE];
	int r = 1;

	if (quietly(tty, prompt, line))
		r = take(line, strlen(line), ret, e);
	explicit_bzero(line, sizeof(line));
	return r;
}

static int
pair(struct cli *c, FILE *tty, const char *prompt, struct cli_pass *ret, struct err *e)
{
	for (int i = 0; i < TRIES; i++) {
		struct cli_pass again = {0};
		int r = one(tty, prompt, ret, e);

		if (r != 0)
			return r;
		r = one(tty, L(c, "もう一度", "once more"), &again, e);
		if (r == 0 && again.n == ret->n && secret_eq(again.p, ret->p, ret->n)) {
			cli_pass_free(&again);
			return 0;
		}
		cli_pass_free(&again);
		cli_pass_free(ret);
		if (r < 0)
			return r;
		fprintf(tty, "%s\n", L(c, "二つが違います。", "The two differ."));
	}
	return err_set(e, E_CANCEL, "the two never were the same");
}

int
cli_pass_ask(struct cli *c, const char *prompt, bool twice, struct cli_pass *ret, struct err *e)
{
	FILE *tty = isatty(STDIN_FILENO) ? fopen("/dev/tty", "r+e") : NULL;
	int r;

	*ret = (struct cli_pass){0};
	if (!tty)
		return 1;
	(void)setvbuf(tty, NULL, _IONBF, 0); /* nothing typed stays in a buffer */
	r = twice ? pair(c, tty, prompt, ret, e) : one(tty, prompt, ret, e);
	(void)fclose(tty);
	return r;
}
