#include "sys/chan.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "tap.h"

static char path[108];

static void
test_parse(void)
{
	static const char *const bad[] = {
		"", "{", "[]", "1", "null", "{}", "{\"method\":1}", "{\"method\":\"\"}",
		"{\"method\":\"A\"}", "{\"method\":\"a b\"}", "{\"method\":\"../x\"}",
		"{\"method\":\"9a\"}", "{\"method\":\"a\"}x", "{\"method\":\"a\",\"method\":\"b\"}",
		"{\"method\":\"a\",\"params\":[]}", "{\"method\":\"a\",\"params\":null}",
		"{\"method\":\"a\",\"id\":-1}", "{\"method\":\"a\",\"id\":1.5}",
		"{\"method\":\"a\",\"id\":99999999999999999999}", "{\"method\":\"a\",\"uid\":0}",
		"{\"method\":\"a\xff\"}", "{\"method\":\"a\\u0000b\"}",
		"{\"method\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}",
	};
	static const char good[] =
	    "{\"id\":7,\"method\":\"job.run\",\"params\":{\"name\":\"追加 髙橋 﨑 𠮷野 葛󠄀 ① ㈱ ｶﾅ ～\"}}";
	struct chan_msg m;
	struct err e = {0};
	char *deep = malloc(CHAN_MAX);
	int wrong = 0;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (chan_parse(bad[i], strlen(bad[i]), &m, &e) != E_PROTO) {
			wrong++;
			printf("# accepted: %s\n", bad[i]);
		}
	EQ_I(wrong, 0, "malformed messages are refused");
	OK(chan_parse(good, sizeof(good) - 1, &m, &e) == 0, "a good one");
	OK(m.id == 7 && strcmp(m.method, "job.run") == 0, "its id and method");
	EQ_S(json_string_value(json_object_get(m.params, "name")),
	    "追加 髙橋 﨑 𠮷野 葛󠄀 ① ㈱ ｶﾅ ～", "its text unchanged");
	chan_msg_free(&m);
	(void)memset(deep, '[', CHAN_MAX);
	EQ_I(chan_parse(deep, CHAN_MAX, &m, &e), E_PROTO, "64 KiB of brackets");
	free(deep);
}

struct srv {
	struct loop *l;
	struct chan *c;
	pthread_t t;
	int stop[2];
	size_t fd_bytes;
};

static int
h_echo(struct chan_call *c, struct err *e)
{
	(void)e;
	c->result = json_deep_copy(c->params);
	(void)json_object_set_new(c->result, "uid", json_integer(c->uid));
	return 0;
}

static int
h_fail(struct chan_call *c, struct err *e)
{
	(void)c;
	return err_set(e, E_NOENT, "その予定はありません");
}

static int
h_big(struct chan_call *c, struct err *e)
{
	char *s = malloc(CHAN_MAX + 1);

	(void)e;
	(void)memset(s, 'x', CHAN_MAX);
	s[CHAN_MAX] = 0;
	c->result = json_pack("{s:s}", "big", s);
	free(s);
	return 0;
}

static int
h_fat(struct chan_call *c, struct err *e)
{
	char *s = malloc(60001);

	(void)e;
	(void)memset(s, 'x', 60000);
	s[60000] = 0;
	c->result = json_pack("{s:s}", "fat", s);
	free(s);
	return 0;
}

static int
h_fd(struct chan_call *c, struct err *e)
{
	struct stat st;

	if (c->fd < 0 || fstat(c->fd, &st) < 0)
		return err_set(e, E_INVAL, "no descriptor");
	c->result = json_pack("{s:I}", "size", (json_int_t)st.st_size);
	return 0;
}

static const struct chan_rule rules[] = {
	{"echo", CHAN_ANYBODY, 0, false, h_echo},
	{"owner", CHAN_OWNER, 0, false, h_echo},
	{"fail", CHAN_ANYBODY, 0, false, h_fail},
	{"big", CHAN_ANYBODY, 0, false, h_big},
	{"fat", CHAN_ANYBODY, 0, false, h_fat},
	{"fd", CHAN_ANYBODY, 0, true, h_fd},
	{"later", CHAN_ANYBODY, 2, false, h_echo},
};

static void
on_stop(struct loop *l, int fd, uint32_t events, void *cookie)
{
	(void)fd, (void)events, (void)cookie;
	loop_stop(l);
}

static void *
serve(void *arg)
{
	struct srv *s = arg;

	(void)!loop_run(s->l, NULL);
	return NULL;
}

static void
start(struct srv *s)
{
	struct chan_conf conf = {.rules = rules, .nrules = ARRAY_LEN(rules), .max_conns = 8,
	    .max_per_uid = 4, .idle_us = 500000, .reply_us = 300000};
	int fd;

	if (loop_new(loop_clock_os(), &s->l, NULL) < 0 || chan_listen(path, 0666, &fd, NULL) < 0 ||
	    chan_serve(s->l, fd, &conf, &s->c, NULL) < 0 || pipe(s->stop) < 0 ||
	    loop_add_fd(s->l, s->stop[0], 1, on_stop, NULL, NULL, NULL) < 0)
		abort();
	chan_state(s->c, 1);
	(void)pthread_create(&s->t, NULL, serve, s);
}

static void
stop(struct srv *s)
{
	(void)!write(s->stop[1], "x", 1);
	(void)pthread_join(s->t, NULL);
	chan_free(s->c);
	loop_free(s->l);
	(void)close(s->stop[0]);
	(void)close(s->stop[1]);
}

static int
client(void)
{
	int fd = -1;

	if (chan_connect(path, &fd, NULL) < 0)
		return -1;
	return fd;
}

/* Whether the server closed the connection (and does so soon). */
static bool
closed(int fd)
{
	struct timeval tv = {.tv_sec = 3};
	char c;
	bool end;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	end = recv(fd, &c, 1, 0) <= 0 && errno != EAGAIN;
	(void)close(fd);
	return end;
}

static void
test_calls(void)
{
	int fd = client(), f;
	struct err e = {0};
	json_t *ret = NULL, *p = json_pack("{s:s}", "name", "𠮷野");

	OK(chan_call(fd, "echo", p, -1, TIME_SEC, &ret, &e) == 0, "a call");
	EQ_S(json_string_value(json_object_get(ret, "name")), "𠮷野", "its answer");
	EQ_I(json_integer_value(json_object_get(ret, "uid")), getuid(), "the peer's uid is known");
	json_decref(ret);
	EQ_I(chan_call(fd, "fail", p, -1, TIME_SEC, NULL, &e), E_NOENT, "an error comes back");
	EQ_S(e.msg, "その予定はありません", "with its message");
	EQ_I(chan_call(fd, "big", NULL, -1, TIME_SEC, NULL, &e), E_LIMIT, "an answer too long");
	EQ_I(chan_call(fd, "later", NULL, -1, TIME_SEC, NULL, &e), E_BUSY, "not in this state");
	OK(chan_call(fd, "owner", NULL, -1, TIME_SEC, NULL, &e) == 0, "the owner may");
	f = open("/etc/passwd", O_RDONLY);
	OK(chan_call(fd, "fd", NULL, f, TIME_SEC, &ret, &e) == 0, "a descriptor is passed");
	OK(json_integer_value(json_object_get(ret, "size")) > 0, "and readable there");
	json_decref(ret);
	EQ_I(chan_call(fd, "echo", NULL, f, TIME_SEC, NULL, &e), E_PROTO,
	    "a descriptor nobody asked for closes the connection");
	(void)close(f);
	(void)close(fd);
	fd = client();
	EQ_I(chan_call(fd, "nosuch", NULL, -1, TIME_SEC, NULL, &e), E_PROTO,
	    "a method outside the table closes it");
	(void)close(fd);
	json_decref(p);
}

static void
test_rude(void)
{
	char *big = calloc(1, CHAN_MAX + 100);
	int fd[6], n = 0, size = 1 << 20;
	struct err e = {0};

	fd[0] = client();
	(void)!send(fd[0], "not json", 8, MSG_NOSIGNAL);
	OK(closed(fd[0]), "rubbish closes the connection");
	fd[0] = client();
	(void)setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	(void)memset(big, ' ', CHAN_MAX + 100);
	OK(send(fd[0], big, CHAN_MAX + 100, MSG_NOSIGNAL) > 0 && closed(fd[0]),
	    "so does a message too long");
	free(big);
	for (int i = 0; i < 6; i++) {
		fd[i] = client();
		if (chan_call(fd[i], "echo", NULL, -1, TIME_SEC, NULL, &e) == 0)
			n++;
	}
	EQ_I(n, 4, "four connections a user");
	for (int i = 0; i < 6; i++)
		(void)close(fd[i]);
	fd[0] = client();
	OK(closed(fd[0]), "a silent connection is closed");
	/* asks without reading: the replies fill the socket, then the deadline comes */
	fd[0] = client();
	for (int i = 0; i < 20; i++)
		(void)!send(fd[0], "{\"method\":\"fat\"}", 16, MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)usleep(900000);
	for (n = 0; n < 20; n++)
		if (send(fd[0], "{\"method\":\"fat\"}", 16, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
		    errno == EPIPE)
			break;
	OK(n < 20, "one that does not read is closed");
	(void)close(fd[0]);
	fd[0] = client();
	OK(chan_call(fd[0], "echo", NULL, -1, TIME_SEC, NULL, &e) == 0, "others are served on");
	(void)close(fd[0]);
}

static void
test_stranger(void)
{
	pid_t pid;
	int st = 1;

	if (geteuid() != 0) {
		SKIP("needs root to become somebody else");
		return;
	}
	pid = fork();
	if (pid == 0) {
		struct err e = {0};
		int fd;

		if (setresuid(65534, 65534, 65534) < 0 || (fd = client()) < 0)
			_exit(2);
		if (chan_call(fd, "echo", NULL, -1, TIME_SEC, NULL, &e) != 0)
			_exit(3);
		_exit(chan_call(fd, "owner", NULL, -1, TIME_SEC, NULL, &e) == E_PROTO ? 0 : 4);
	}
	(void)waitpid(pid, &st, 0);
	EQ_I(st, 0, "a stranger may call only what is for anybody");
}

/* A path longer than a socket address takes. */
static void
test_long(const char *dir)
{
	char deep[200], sock[220], name[121];
	struct err e = {0};
	int fd, again;

	(void)memset(name, 'd', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	(void)snprintf(deep, sizeof(deep), "%s/%s", dir, name);
	(void)snprintf(sock, sizeof(sock), "%s/s", deep);
	(void)mkdir(deep, 0700);
	OK(chan_listen(sock, 0600, &fd, &e) == 0, "a long path");
	EQ_I(chan_listen(sock, 0600, &again, &e), E_BUSY, "is reached by others too");
	(void)close(fd);
	(void)unlink(sock);
	(void)rmdir(deep);
	(void)snprintf(sock, sizeof(sock), "/nonexistent/%s/s", name);
	OK(chan_listen(sock, 0600, &fd, &e) < 0, "a folder that is not there");
}

int
main(void)
{
	char dir[] = "/tmp/mamori-chan-XXXXXX";
	struct srv s = {0};
	struct err e = {0};
	char longpath[300];
	int fd;

	if (!mkdtemp(dir))
		abort();
	(void)chmod(dir, 0755);
	(void)snprintf(path, sizeof(path), "%s/s", dir);
	test_parse();
	EQ_I(chan_connect(path, &fd, &e), E_NOENT, "nobody listens");
	start(&s);
	EQ_I(chan_listen(path, 0600, &fd, &e), E_BUSY, "a second listener is refused");
	test_calls();
	test_rude();
	test_stranger();
	stop(&s);
	EQ_I(chan_connect(path, &fd, &e), E_NOENT, "the socket file stays, nobody listens");
	OK(chan_listen(path, 0600, &fd, &e) == 0, "and is replaced by the next");
	(void)close(fd);
	(void)memset(longpath, 'a', sizeof(longpath) - 1);
	longpath[sizeof(longpath) - 1] = 0;
	EQ_I(chan_listen(longpath, 0600, &fd, &e), E_INVAL, "a path too long");
	(void)unlink(path);
	test_long(dir);
	(void)rmdir(dir);
	return tap_done();
}
