/* What store_net*.c share. Not for use elsewhere. */
#ifndef MAMORI_VAULT_STORE_NET_INT_H
#define MAMORI_VAULT_STORE_NET_INT_H

#include "net/tls.h"
#include "vault/store_net.h"

/* ---- logins (store_net_login.c): STATE/vault/remote/<address>.<rights>.pem ---- */

struct net_login {
	struct store_net_where where;
	struct tls_side *side;
	unsigned wait_ms; /* for an answer; 0: as is usual */
	char file[96];    /* where it lies, in the state directory */
	int days;         /* that its certificate is still valid */
};
MUST int net_login_load(const char *url, const struct store_env *env, struct net_login *ret,
    struct err *e);
void net_login_free(struct net_login *l);
struct line;
/* net_login_renew(l, env, line, e): When two thirds of its certificate's time are over, ask for
 * a new one over a line that was greeted, and keep it. 1: done; 0: it is not time yet. */
MUST int net_login_renew(struct net_login *l, const struct store_env *env, struct line *line,
    struct err *e);

/* ---- lines (store_net_line.c): a connection on which requests wait in order ---- */

struct answer {
	struct wire_msg m; /* views into body */
	struct buf body;
	uint8_t *into; /* DATA of exactly ${into_n} bytes goes here instead; NULL: to body */
	size_t into_n;
};
void answer_init(struct answer *a);
void answer_free(struct answer *a);

/* line_new(login, ret, e): Connect. One reference. */
MUST int line_new(const struct net_login *login, struct line **ret, struct err *e);
/* line_over(t, wait_ms, ret, e): Make a line of a connection, which is then its. 0: the usual
 * wait. */
MUST int line_over(struct tls *t, unsigned wait_ms, struct line **ret, struct err *e);
struct line *line_get(struct line *l);
void line_put(struct line *l);
bool line_dead(struct line *l);
/* line_ask(l, m, want, a, e): Send a request, wait for its answer. For many threads at once. The
 * server's refusal comes back as its own code and words. */
MUST int line_ask(struct line *l, const struct wire_msg *m, uint8_t want, struct answer *a,
    struct err *e);
/* line_fetch(l, id, off, p, n, e): ${n} bytes of a segment at ${off}, in pieces of LINE_PIECE that
 * are asked for together. E_PROTO: another number of bytes came. */
enum { LINE_PIECE = 256 << 10, LINE_PIECES = STORE_MAX_READ / LINE_PIECE };
MUST int line_fetch(struct line *l, const uint8_t id[FMT_ID_LEN], uint64_t off, uint8_t *p,
    size_t n, struct err *e);
/* line_send_segment(l, m, f, fd, size, e): A PUT with its pieces. */
MUST int line_send_segment(struct line *l, const struct wire_msg *m, const struct fio *f, int fd,
    uint64_t size, struct err *e);

#endif
