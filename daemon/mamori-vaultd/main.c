/* mamori-vaultd: open what is needed, enter the jail, serve. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "mamori-vaultd/vaultd.h"
#include "net/dial.h"
#include "sys/notify.h"

static struct vaultd server = {.fd = -1, .idle_ms = VAULTD_IDLE_MS,
    .stall_ms = VAULTD_STALL_MS};

void
vaultd_log(enum vaultd_level level, const char *fmt, ...)
{
	static const char *const prefix[] = {"<6>", "<4>", "<3>"};
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (char *p = text; *p; p++) /* a name that somebody else chose stays one line */
		if ((unsigned char)*p < ' ' || *p == 127)
			*p = '?';
	(void)fprintf(
	    stderr, "%smamori-vaultd: %s\n", getenv("JOURNAL_STREAM") ? prefix[level] : "", text);
}

static void
usage(FILE *out)
{
	(void)fputs("usage: mamori-vaultd --repo DIR --listen ADDR:PORT [--idle SECONDS]\n", out);
}

static int
options(int argc, char **argv)
{
	static const struct option opts[] = {
		{"repo", required_argument, NULL, 'r'}, {"listen", required_argument, NULL, 'l'},
		{"idle", required_argument, NULL, 'i'}, {"version", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0},
	};
	uint64_t n;
	int c;

	while ((c = getopt_long(argc, argv, "", opts, NULL)) != -1) {
		switch (c) {
		case 'r':
			server.root = optarg;
			break;
		case 'l':
			server.listen = optarg;
			break;
		case 'i':
			if (num_parse_u64(optarg, 3600, &n, NULL) < 0 || n == 0) {
				usage(stderr);
				return 2;
			}
			server.idle_ms = (unsigned)n * 1000;
			if (server.stall_ms > server.idle_ms)
				server.stall_ms = server.idle_ms;
			break;
		case 'v':
			(void)puts("mamori-vaultd " MAMORI_VERSION);
			return 0;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind < argc || !server.root || !server.listen) {
		usage(stderr);
		return 2;
	}
	return -1;
}

static void
on_stop(int sig)
{
	(void)sig;
	atomic_store(&server.stop, true);
}

/* alone(v, e): Two servers on one folder would count quotas apart. The kernel drops the lock when
 * the process dies, so nothing is left to be cleaned. */
static int
alone(struct vaultd *v, struct err *e)
{
	if (flock(v->book.fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno == EWOULDBLOCK)
		return err_set(e, E_BUSY, "%s is being served already", v->root);
	return err_sys(e, "%s", v->root);
}

static int
identity(struct vaultd *v, struct err *e)
{
	struct buf AUTO(buf_free) cert = {0}, key = {0}, ca = {0};
	struct tls_config c = {.server = true, .code = vaultd_code, .cookie = v};
	int r;

	buf_init(&cert, 32 << 10);
	buf_init(&key, 32 << 10);
	buf_init(&ca, 32 << 10);
	r = book_identity(&v->book, time_now_us(), &cert, &key, &ca, e);
	if (r == 0) {
		c.cert = buf_cstr(&cert, e);
		c.key = buf_cstr(&key, e);
		c.ca = buf_cstr(&ca, e);
		r = c.cert && c.key && c.ca ? tls_side_new(&c, &v->side, e) : E_NOMEM;
	}
	if (cert.p)
		explicit_bzero(cert.p, cert.cap);
	if (key.p)
		explicit_bzero(key.p, key.cap);
	return r;
}

/* ready(v): Tell whoever started us. Before the jail, which lets nothing be sent to others. */
static void
ready(const struct vaultd *v)
{
	char text[64];

	(void)printf("{\"ready\":true,\"port\":%u}\n", net_port(v->fd));
	(void)fflush(stdout);
	(void)snprintf(text, sizeof(text), "READY=1\nSTATUS=port %u", net_port(v->fd));
	(void)!notify_send(getenv("NOTIFY_SOCKET"), text, NULL);
}

static int
begin(struct vaultd *v, char real[PATH_MAX], struct err *e)
{
	struct net_addr a;
	int r = net_addr_get(v->listen, strlen(v->listen), &a, e), fd;

	if (r == 0)
		r = fio_mkdirs(fio_os(), v->root, 0700, e);
	if (r < 0)
		return r;
	if (!realpath(v->root, real) || chdir(real) < 0)
		return err_sys(e, "%s", v->root);
	v->root = real;
	fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "%s", real);
	r = book_open(fio_os(), fd, true, time_now_us(), &v->book, e);
	(void)close(fd);
	if (r == 0)
		r = alone(v, e);
	if (r == 0)
		r = identity(v, e);
	if (r == 0) {
		v->fd = net_listen(&a, e);
		r = v->fd < 0 ? v->fd : 0;
	}
	if (r == 0)
		ready(v); /* who connects now waits in the kernel's queue */
	return r == 0 ? vaultd_jail(v, e) : r;
}

int
main(int argc, char **argv)
{
	static char real[PATH_MAX];
	const struct sigaction stop = {.sa_handler = on_stop};
	struct err e = {0};
	int r = options(argc, argv);

	if (r >= 0)
		return r;
	(void)umask(077);
	(void)sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
	(void)sigaction(SIGTERM, &stop, NULL);
	(void)sigaction(SIGINT, &stop, NULL);
	(void)mallopt(M_ARENA_MAX, 2); /* hundreds of threads with little memory each */
	(void)mallopt(M_TRIM_THRESHOLD, 256 << 10);
	(void)pthread_mutex_init(&server.lock, NULL);
	(void)pthread_mutex_init(&server.make, NULL);
	(void)pthread_cond_init(&server.gone, NULL);
	tzset();
	r = begin(&server, real, &e);
	if (r == 0) {
		vaultd_log(VAULTD_SAY, "serving %s on port %u (%s)", real, net_port(server.fd),
		    server.jail.text);
		r = vaultd_serve(&server, &e);
	}
	if (r < 0)
		vaultd_log(VAULTD_ERROR, "%s", e.msg);
	else
		vaultd_log(VAULTD_SAY, "stopped");
	if (server.fd >= 0)
		(void)close(server.fd);
	tls_side_free(server.side);
	book_close(&server.book);
	return r == E_INVAL ? 2 : r < 0 ? 3 : 0;
}
