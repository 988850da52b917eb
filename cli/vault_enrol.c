/* mamori vault enrol: make this machine known to an append-only server, with a printed code. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/time.h"
#include "cli/cli_state.h"
#include "cli/cli_vault.h"
#include "cli/vault_serve.h"
#include "vault/store_net.h"

enum { MAX_CODE = 1024 };

/* read_code(file, b, e): From a file, or standard input. */
static int
read_code(const char *file, struct buf *b, struct err *e)
{
	char path[PATH_MAX], part[256];
	ssize_t n;
	int r = 0;

	if (strcmp(file, "-") != 0)
		return realpath(file, path) ? fio_slurp(fio_os(), AT_FDCWD, path, b, e) :
		    err_sys(e, "%s", file);
	if (isatty(STDIN_FILENO))
		fprintf(stderr, "コード / code: ");
	while (r == 0 && (n = read(STDIN_FILENO, part, sizeof(part))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "cannot read the code");
		r = buf_put(b, part, (size_t)n, e);
		if (r == 0 && isatty(STDIN_FILENO) && memchr(part, '\n', (size_t)n))
			break;
	}
	explicit_bzero(part, sizeof(part));
	return r;
}

static int
enrol(struct cli *c, const char *url, const char *file, struct state *st, struct err *e)
{
	struct store_env env = {.f = fio_os(), .statefd = st->dirfd, .now = time_now_us};
	struct store_net_enrolled got;
	struct buf AUTO(buf_free) code = {0};
	char host[256] = "";
	const char *right;
	int r;

	buf_init(&code, MAX_CODE);
	r = read_code(file, &code, e);
	if (gethostname(host, sizeof(host) - 1) < 0 || !host[0])
		(void)snprintf(host, sizeof(host), "?");
	if (r == 0)
		r = store_net_enrol(url, code.p ? (const char *)code.p : "", code.len, host, &env,
		    &got, e);
	if (code.p)
		explicit_bzero(code.p, code.cap);
	if (r < 0)
		return r;
	right = got.may == WIRE_MAY_WRITE ? "write" : got.may == WIRE_MAY_READ ? "restore" : "both";
	cli_say(c, L(c, "登録しました: %s（権限 %s）。", "Enrolled: %s (right: %s)."), url, right);
	if (got.may & WIRE_MAY_WRITE)
		cli_say(c, L(c, "次にすること: mamori vault init %s（新しい保管庫）、または mamori vault backup %s …",
		    "Next: mamori vault init %s (a new vault), or mamori vault backup %s ..."), url,
		    url);
	cli_json(c, json_pack("{s:s,s:s,s:s}", "repo", url, "vault", got.name, "role", right));
	return 0;
}

int
vault_enrol_cmd(struct cli *c, int argc, char **argv)
{
	static const struct option opts[] = {
		{"code-file", required_argument, NULL, 'c'}, {NULL, 0, NULL, 0},
	};
	const char *file = NULL;
	struct err e = {0};
	struct state st;
	int o, r;

	while ((o = getopt_long(argc, argv, "", opts, NULL)) != -1) {
		if (o != 'c')
			return cli_usage(c, VAULT_ENROL_USAGE);
		file = optarg;
	}
	if (!file || optind + 1 != argc)
		return cli_usage(c, VAULT_ENROL_USAGE);
	r = cli_state(c, true, &st);
	if (r != CLI_OK)
		return r;
	r = enrol(c, argv[optind], file, &st, &e);
	state_close(&st);
	return r == 0 ? CLI_OK : cli_fail(c, &e, L(c, "登録できませんでした", "not enrolled"));
}
