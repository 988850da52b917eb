/* mamori vault serve: start the append-only server; print codes, list and shut out machines. */
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "cli/cli_state.h"
#include "cli/cli_vault.h"
#include "cli/vault_serve.h"
#include "sys/proc.h"
#include "vault/book.h"

struct job {
	struct cli *c;
	const char *repo, *listen, *idle, *code, *revoke;
	bool clients;
	struct book_code wish;
	uint64_t hours;
};

static int
options(struct job *j, int argc, char **argv, struct err *e)
{
	static const struct option opts[] = {
		{"repo", required_argument, NULL, 'r'}, {"listen", required_argument, NULL, 'l'},
		{"idle", required_argument, NULL, 'i'}, {"code", required_argument, NULL, 'c'},
		{"role", required_argument, NULL, 'o'}, {"quota", required_argument, NULL, 'q'},
		{"day", required_argument, NULL, 'd'}, {"hours", required_argument, NULL, 'h'},
		{"clients", no_argument, NULL, 'C'}, {"revoke", required_argument, NULL, 'R'},
		{NULL, 0, NULL, 0},
	};
	int c, r = 0;

	while (r == 0 && (c = getopt_long(argc, argv, "", opts, NULL)) != -1) {
		if (c == 'r')
			j->repo = optarg;
		else if (c == 'l')
			j->listen = optarg;
		else if (c == 'i')
			j->idle = optarg;
		else if (c == 'c')
			j->code = optarg;
		else if (c == 'C')
			j->clients = true;
		else if (c == 'R')
			j->revoke = optarg;
		else if (c == 'q')
			r = num_parse_size(optarg, &j->wish.quota, e);
		else if (c == 'd')
			r = num_parse_size(optarg, &j->wish.day, e);
		else if (c == 'h')
			r = num_parse_u64(optarg, 24 * 30, &j->hours, e);
		else if (c == 'o' && strcmp(optarg, "write") == 0)
			j->wish.may = WIRE_MAY_WRITE;
		else if (c == 'o' && strcmp(optarg, "restore") == 0)
			j->wish.may = WIRE_MAY_READ;
		else if (c == 'o' && strcmp(optarg, "both") == 0)
			j->wish.may = WIRE_MAY_WRITE | WIRE_MAY_READ;
		else
			return 1;
	}
	if (r < 0)
		return r;
	return !j->repo || optind < argc ||
	    (!j->listen + !j->code + !j->clients + !j->revoke) != 3;
}

/* open_book(j, make, b, e): The folder `.server` below the repositories. */
static int
open_book(struct job *j, bool make, struct book *b, struct err *e)
{
	int r = make ? fio_mkdirs(fio_os(), j->repo, 0700, e) : 0, fd;

	if (r < 0)
		return r;
	fd = open(j->repo, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "%s", j->repo);
	r = book_open(fio_os(), fd, make, time_now_us(), b, e);
	(void)close(fd);
	return r;
}

/* give_to_server(j, id): What root writes here belongs to whom the folder belongs to. */
static void
give_to_server(const struct job *j, const char *id)
{
	char path[PATH_MAX];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/" BOOK_DIR, j->repo);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	(void)snprintf(path, sizeof(path), "codes/%.4s", id);
	cli_give(fd, path);
	(void)close(fd);
}

static const char *
role(uint8_t may)
{
	return may == WIRE_MAY_WRITE ? "write" : may == WIRE_MAY_READ ? "restore" : "both";
}

static int
new_code(struct job *j, struct err *e)
{
	struct cli *c = j->c;
	char text[CODE_TEXT], until[TIME_TEXT];
	struct book b = {.fd = -1};
	int r;

	if (!wire_name_ok(j->code))
		return err_set(e, E_INVAL,
		    "\"%.80s\": a vault's name has letters, digits, '.', '_' "
		    "and '-', at most %d",
		    j->code, WIRE_MAX_NAME);
	(void)snprintf(j->wish.vault, sizeof(j->wish.vault), "%s", j->code);
	j->wish.expires = time_now_us() + (int64_t)j->hours * 3600 * 1000000;
	r = open_book(j, true, &b, e);
	if (r == 0)
		r = book_code_new(&b, &j->wish, text, e);
	book_close(&b);
	if (r < 0)
		return r;
	give_to_server(j, text);
	time_put(until, j->wish.expires);
	cli_say(c, L(c, "一度だけ使える登録コード（保管庫 %s、権限 %s、%s まで）:",
	    "One-time code (vault %s, right: %s, until %s):"), j->wish.vault, role(j->wish.may),
	    until);
	cli_say(c, "\n    %s\n", text);
	cli_say(c, "%s", L(c, "登録する機械で: mamori vault enrol mamori://この機械:ポート/保管庫名 "
	    "--code-file -\n紙で渡し、電子メールでは送らないでください。",
	    "On the machine to be enrolled: mamori vault enrol mamori://THIS-MACHINE:PORT/NAME "
	    "--code-file -\nHand it over on paper, not by mail."));
	cli_json(c, json_pack("{s:s,s:s,s:s,s:s}", "code", text, "vault", j->wish.vault, "role",
	    role(j->wish.may), "expires", until));
	explicit_bzero(text, sizeof(text));
	return 0;
}

struct show {
	struct job *j;
	json_t *list;
	const char *want; /* to be shut out: a name or the leading digits of a key */
	unsigned found;
	uint8_t print[TLS_PRINT];
};

static int
on_client(const struct book_client *x, void *cookie)
{
	struct show *s = cookie;
	struct cli *c = s->j->c;
	char hex[2 * TLS_PRINT + 1], since[TIME_TEXT];

	hex_put(hex, x->print, TLS_PRINT);
	if (s->want) {
		if (strcmp(x->name, s->want) == 0 ||
		    (strlen(s->want) >= 8 && strncmp(hex, s->want, strlen(s->want)) == 0)) {
			s->found++;
			(void)memcpy(s->print, x->print, TLS_PRINT);
		}
		return 0;
	}
	time_put(since, x->since);
	cli_say(c, "%.16s  %-7s %-20s %s%s", hex, role(x->may), x->vault, x->name,
	    x->revoked ? L(c, "（締め出し済み）", " (shut out)") : "");
	(void)json_array_append_new(s->list, json_pack("{s:s,s:s,s:s,s:s,s:I,s:I,s:s,s:b}", "key",
	    hex, "name", x->name, "vault", x->vault, "role", role(x->may), "quota",
	    (json_int_t)x->quota, "day", (json_int_t)x->day, "since", since, "revoked",
	    x->revoked));
	return 0;
}

static int
clients(struct job *j, struct err *e)
{
	struct show s = {.j = j, .want = j->revoke, .list = json_array()};
	struct book b = {.fd = -1};
	int r = open_book(j, false, &b, e);

	if (r == 0)
		r = book_clients(&b, on_client, &s, e);
	if (r == 0 && j->revoke && s.found != 1)
		r = err_set(e, s.found ? E_INVAL : E_NOENT, s.found ?
		    "\"%.60s\" fits more than one machine: give the digits of its key" :
		    "there is no machine \"%.60s\"", j->revoke);
	if (r == 0 && j->revoke) {
		r = book_revoke(&b, s.print, e);
		if (r == 0)
			cli_say(j->c, L(j->c, "%s を締め出しました（次の接続から）。",
			    "%s is shut out, from its next connection on."), j->revoke);
	}
	if (r == 0)
		cli_json(j->c, j->revoke ? json_pack("{s:s}", "revoked", j->revoke) :
		    json_pack("{s:O}", "clients", s.list));
	json_decref(s.list);
	book_close(&b);
	return r;
}

static int
serve(struct job *j, struct err *e)
{
	char self[PATH_MAX], path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	const char *args[8];
	int k = 0, r;

	self[n > 0 ? n : 0] = 0;
	r = proc_beside(n > 0 ? self : "mamori", "mamori-vaultd", path, sizeof(path), e);
	if (r < 0)
		return r;
	args[k++] = "mamori-vaultd";
	args[k++] = "--repo";
	args[k++] = j->repo;
	args[k++] = "--listen";
	args[k++] = j->listen;
	if (j->idle) {
		args[k++] = "--idle";
		args[k++] = j->idle;
	}
	args[k] = NULL;
	(void)execv(path, (char *const *)(uintptr_t)args);
	return err_sys(e, "%s", path);
}

int
vault_serve_cmd(struct cli *c, int argc, char **argv)
{
	struct job j = {.c = c, .wish.may = WIRE_MAY_WRITE, .hours = BOOK_CODE_HOURS};
	struct err e = {0};
	int r = options(&j, argc, argv, &e);

	if (r > 0)
		return cli_usage(c, VAULT_SERVE_USAGE);
	if (r == 0)
		r = j.listen ? serve(&j, &e) : j.code ? new_code(&j, &e) : clients(&j, &e);
	return r == 0 ? CLI_OK : cli_fail(c, &e, NULL);
}
