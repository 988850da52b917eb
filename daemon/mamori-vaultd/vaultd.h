/* mamori-vaultd: the append-only server of repositories. One thread a connection; the limits below
 * bound threads, memory and what one client can take from the others. */
#ifndef MAMORI_VAULTD_H
#define MAMORI_VAULTD_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "net/tls.h"
#include "sys/jail.h"
#include "vault/book.h"
#include "vault/hold.h"

enum {
	VAULTD_MAX_LINES = 400,    /* connections at once */
	VAULTD_PER_CLIENT = 8,     /* of one client */
	VAULTD_MAX_REPOS = 256,    /* open at once */
	VAULTD_MAX_KNOWN = 1024,   /* clients and addresses whose use is counted */
	VAULTD_SHAKE_MS = 10000,
	VAULTD_FIRST_MS = 15000,   /* from the handshake to the first request */
	VAULTD_IDLE_MS = 600000,   /* between requests */
	VAULTD_STALL_MS = 30000,   /* within one */
	VAULTD_TICK_S = 1800,      /* the clocks on which locks run are noted */
	VAULTD_BURST = 300,        /* connections of one address at once, then ... */
	VAULTD_PER_MIN = 600,      /* ... so many a minute */
	VAULTD_STRANGERS = 256,    /* connections on which nobody proved who he is, at once ... */
	VAULTD_PER_ADDR = 128,     /* ... and of one address: the rest is for those we know */
	VAULTD_TELL_REFUSED = 20,  /* refused requests of a connection are told one by one */
	VAULTD_TELL_S = 10,        /* refused connections are told together */
};

struct repo_slot {
	char name[WIRE_MAX_NAME + 1];
	struct hold *hold;
	unsigned users;
};

struct usage { /* of one client */
	uint8_t print[TLS_PRINT];
	unsigned lines;
	int64_t day;      /* its number since 1970 */
	uint64_t bytes;   /* received that day */
};

struct caller { /* an address */
	uint8_t addr[16];
	int64_t at; /* microseconds */
	double left;
	unsigned strangers;
};

struct vaultd {
	const char *root, *listen;
	unsigned idle_ms;  /* VAULTD_IDLE_MS, or less in tests */
	unsigned stall_ms; /* VAULTD_STALL_MS, never longer than that */
	struct book book;
	struct tls_side *side;
	struct jail_report jail;
	int fd;
	pthread_mutex_t lock; /* of everything below */
	pthread_cond_t gone;
	bool busy[VAULTD_MAX_LINES];
	struct tls *lines[VAULTD_MAX_LINES]; /* NULL during the handshake */
	unsigned nlines;
	struct repo_slot repos[VAULTD_MAX_REPOS];
	struct usage usage[VAULTD_MAX_KNOWN];
	struct caller callers[VAULTD_MAX_KNOWN];
	unsigned strangers;
	uint64_t turned_away; /* connections, not told yet */
	int64_t told_at;
	pthread_mutex_t make; /* making a repository, enrolling: one at a time */
	atomic_bool stop;
};

/* What to do when the box's key of a vault is gone, behind the reason. */
#define VAULTD_ADOPT                                                                               \
	"; here, with the vault's recovery key: mamori --state DIR/.server vault adopt "           \
	"DIR/NAME --key FILE"

enum vaultd_level { VAULTD_SAY, VAULTD_WARN, VAULTD_ERROR };
/* vaultd_log(level, fmt, ...): One line to standard error, with the time. For any thread. */
void vaultd_log(enum vaultd_level level, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* vaultd_jail(v, e): Enter the jail: the repositories' folder and nothing else. */
MUST int vaultd_jail(struct vaultd *v, struct err *e);

/* ---- serve.c ---- */
/* vaultd_serve(v, e): Accept until v->stop; returns when every connection is closed. */
MUST int vaultd_serve(struct vaultd *v, struct err *e);
/* vaultd_code(cookie, id, key): As tls_config.code; the cookie is the server. */
bool vaultd_code(void *cookie, const char *id, uint8_t key[TLS_CODE_KEY]);

/* ---- shared.c: what connections share ---- */
/* vaultd_repo(v, name, make, ret, e): The open repository, held until vaultd_repo_put. E_NOENT. */
MUST int vaultd_repo(struct vaultd *v, const char *name, struct hold **ret, struct err *e);
void vaultd_repo_put(struct vaultd *v, struct hold *h);
/* vaultd_enter(v, print, e) / vaultd_leave: Count a client's connection. E_LIMIT. */
MUST int vaultd_enter(struct vaultd *v, const uint8_t print[TLS_PRINT], struct err *e);
void vaultd_leave(struct vaultd *v, const uint8_t print[TLS_PRINT]);
/* vaultd_spend(v, c, n, now, e): ${n} bytes are going to come from a client. E_NOSPC: its day is
 * used up. */
MUST int vaultd_spend(struct vaultd *v, const struct book_client *c, uint64_t n, int64_t now,
    struct err *e);
/* vaultd_admit(v, addr, from, now): Whether an address may connect once more now; it is then
 * counted as a stranger until vaultd_settle, which must follow once. Who is turned away is logged,
 * with ${from}, the address as text. */
bool vaultd_admit(struct vaultd *v, const uint8_t addr[16], const char *from, int64_t now);
void vaultd_settle(struct vaultd *v, const uint8_t addr[16]);
/* vaultd_turned_away(v, from, why, now): Log it, together with others of the last seconds. */
void vaultd_turned_away(struct vaultd *v, const char *from, const char *why, int64_t now);

/* vaultd_clocks(v): Let the clock of every vault go on; says what is odd. */
void vaultd_clocks(struct vaultd *v);

/* ---- talk.c ---- */
struct start {
	struct vaultd *v;
	int fd;
	unsigned slot;
	uint8_t addr[16];
	bool settled; /* no stranger any more */
	char from[INET6_ADDRSTRLEN];
};
/* vaultd_talk(s, t): Everything that happens on one connection. */
void vaultd_talk(struct start *s, struct tls *t);

#endif
