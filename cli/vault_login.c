#include <fcntl.h>
#include <getopt.h>
#include <string.h>
#include <unistd.h>

#include "base/time.h"
#include "cli/cli_state.h"
#include "cli/cli_vault.h"
#include "vault/s3_store.h"

enum { MAX_LOGIN = 8192 };

static int
from_stdin(struct buf *b, struct err *e)
{
	ssize_t n = 1;

	while (n > 0) {
		int r = buf_reserve(b, 1024, e);

		if (r < 0)
			return r;
		n = read(STDIN_FILENO, b->p + b->len, 1024);
		if (n < 0)
			return err_sys(e, "standard input");
		b->len += (size_t)n;
	}
	return 0;
}

static int
keep(struct cli *c, const char *repo, const char *file, struct err *e)
{
	struct buf b;
	struct state st;
	int r;

	buf_init(&b, MAX_LOGIN);
	r = strcmp(file, "-") == 0 ? from_stdin(&b, e) :
	    fio_slurp(fio_os(), AT_FDCWD, file, &b, e);
	/* a login that does not work is not kept */
	if (r == 0)
		r = s3_store_check_login(repo, b.p, b.len, time_now_us, e);
	if (r == 0 && cli_state(c, true, &st) != CLI_OK) {
		r = err_set(e, E_SYS, "the state cannot be opened");
	} else if (r == 0) {
		r = s3_store_keep_login(fio_os(), st.dirfd, repo, b.p, b.len, e);
		state_close(&st);
	}
	if (b.p)
		explicit_bzero(b.p, b.cap);
	buf_free(&b);
	return r;
}

int
vault_login_cmd(struct cli *c, int argc, char **argv)
{
	static const struct option longs[] = {{"login-file", required_argument, NULL, 'f'}, {0}};
	const char *file = NULL;
	struct err e = {0};
	int opt;

	optind = 0;
	opterr = 0;
	while ((opt = getopt_long(argc, argv, "", longs, NULL)) == 'f')
		file = optarg;
	if (opt != -1 || optind + 1 != argc || !file)
		return cli_usage(c, VAULT_LOGIN_USAGE);
	if (keep(c, argv[optind], file, &e) < 0)
		return cli_fail(c, &e, L(c, "ログインは預かりませんでした", "the login was not kept"));
	cli_say(c,
	    L(c,
		"確かめました。版と固定（Object Lock）のあるバケットです。ログインをこの機械に預かりました。",
		"Checked: the bucket keeps versions and locks (Object Lock). The login is kept on "
	    "this machine."));
	cli_json(c, json_pack("{s:b}", "ok", 1));
	return CLI_OK;
}
