/* Requests as the parts of lib/s3 see them. Private to this folder. */
#ifndef MAMORI_S3_S3_INT_H
#define MAMORI_S3_S3_INT_H

#include <curl/curl.h>
#include <pthread.h>

#include "crypt/digest.h"
#include "s3/s3.h"

enum { S3_PAIRS = 8, S3_TIME_TEXT = 24 };

/* One request and its answer. Filled by s3_call_init and the helpers below it. */
struct s3_call {
	/* asked */
	const char *method;
	const char *key;                      /* NULL: the bucket */
	struct sigv4_pair query[S3_PAIRS];    /* borrowed */
	size_t nquery;
	struct sigv4_pair headers[S3_PAIRS];  /* borrowed; names in lower case */
	size_t nheaders;
	const void *body;                     /* or */
	int fd;                               /* -1: none */
	uint64_t fd_off;
	uint64_t body_len;
	bool md5;                             /* say the body's MD5, as requests about locks must */
	/* answered */
	struct buf *into;                     /* the body goes here, or */
	void *p;                              /* ... here, exactly ${n} bytes */
	size_t n, got;
	long status;                          /* 0: no answer */
	struct s3_meta meta;
	struct s3_xml_error refused;
	/* inside */
	struct buf own;                       /* body of a refusal */
	char sha[2 * DIGEST_LEN + 1], md5_text[32];
	char stamp[SIGV4_STAMP];
	char why[CURL_ERROR_SIZE];
	CURL *easy;
	struct curl_slist *sent;
	struct buf url, auth;
	uint64_t sent_body;
	size_t into_start;
	int64_t date;                         /* what the answer says the time is */
	int64_t not_before;                   /* monotonic; of the next try */
	unsigned try;
	unsigned wait_s;                      /* Retry-After */
	bool read_failed, too_long, no_host;
	bool done;
	int code;                             /* of the transport */
	struct s3 *s3;
	struct s3_call *next;
};

struct s3 {
	struct s3_where where;
	struct s3_login *login;               /* in secret memory */
	char base[320];
	bool loopback;
	int64_t (*now)(void);
	unsigned parallel, tries, patience_ms, connect_s, stall_s;
	CURLM *multi;
	pthread_t thread;
	bool running;
	pthread_mutex_t mu;
	pthread_cond_t done;
	struct s3_call *queue;                /* waiting: for a place or for their time */
	unsigned active;
	bool stop;
	int64_t skew;
	CURL *spare[S3_PARALLEL_MAX];
	unsigned nspare;
};

/* s3_call_init(c, method, key): A request without body. */
void s3_call_init(struct s3_call *c, const char *method, const char *key);
void s3_call_query(struct s3_call *c, const char *name, const char *value);
void s3_call_header(struct s3_call *c, const char *name, const char *value);
/* s3_call_free(c): What the answer holds. */
void s3_call_free(struct s3_call *c);
/* s3_call_digest(c, md5, e): SHA-256 and MD5 of the body (as texts in ${c}). E_SYS, E_CORRUPT. */
MUST int s3_call_digest(struct s3_call *c, uint8_t md5[16], struct err *e);
/* s3_call_start(s, c, e): Hash the body and hand it to the background. On success the caller must
 * s3_call_wait. */
MUST int s3_call_start(struct s3 *s, struct s3_call *c, struct err *e);
/* s3_call_wait(s, c, e): Until it is answered or given up. 0 for a status below 300. */
MUST int s3_call_wait(struct s3 *s, struct s3_call *c, struct err *e);
/* s3_call_run(s, c, e): Both. */
MUST int s3_call_run(struct s3 *s, struct s3_call *c, struct err *e);

/* s3_call_prepare(c, e): Make ${c}'s easy handle ready for the next try (s3_req.c). */
MUST int s3_call_prepare(struct s3_call *c, struct err *e);
/* s3_call_again(c): Whether what happened may pass, so that another try makes sense. */
bool s3_call_again(const struct s3_call *c);
/* s3_call_error(c, e): What a finished request that failed means, in words (s3_words.c). */
int s3_call_error(const struct s3_call *c, struct err *e);
/* s3_call_lock(c, until, text): Ask for a lock in compliance mode. ${text} is kept by the caller.
 */
void s3_call_lock(struct s3_call *c, int64_t until, char text[S3_TIME_TEXT]);

#endif
