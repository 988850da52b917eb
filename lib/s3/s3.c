/* The background thread that moves bytes, and waiting for it. */
#include "s3/s3.h"

#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "crypt/secret.h"
#include "s3/s3_int.h"

enum { FEW = 3 }; /* tries where nobody listens: a person is waiting */

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
global(void)
{
	(void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

int64_t
s3_now(const struct s3 *s)
{
	return s->now();
}

int64_t
s3_skew(struct s3 *s)
{
	int64_t v;

	(void)pthread_mutex_lock(&s->mu);
	v = s->skew;
	(void)pthread_mutex_unlock(&s->mu);
	return v;
}

/* ---- the background ---- */

/* finish(s, c): Under the lock: answered or given up. */
static void
finish(struct s3 *s, struct s3_call *c)
{
	c->done = true;
	(void)pthread_cond_broadcast(&s->done);
}

static void
give_back(struct s3 *s, struct s3_call *c)
{
	curl_easy_reset(c->easy);
	if (s->nspare < S3_PARALLEL_MAX)
		s->spare[s->nspare++] = c->easy;
	else
		curl_easy_cleanup(c->easy);
	c->easy = NULL;
}

/* later(s, c): When the next try is due: twice as long each time, at most 20 s, and a random part
 * of up to half so that many clients do not come back together; or when the store said. */
static void
later(struct s3 *s, struct s3_call *c)
{
	uint64_t ms = (uint64_t)s->patience_ms << (c->try < 8 ? c->try : 8);
	uint16_t dice;

	random_fill(&dice, sizeof(dice));
	if (ms > 20000)
		ms = 20000;
	ms = ms / 2 + ms * dice / 131072;
	if (c->wait_s * 1000u > ms)
		ms = c->wait_s * 1000u;
	c->not_before = time_mono_us() + (int64_t)ms * 1000;
	c->next = s->queue;
	s->queue = c;
}

/* begin(s, c): Under the lock: start a request that is due. */
static void
begin(struct s3 *s, struct s3_call *c)
{
	int r = 0;

	c->easy = s->nspare ? s->spare[--s->nspare] : curl_easy_init();
	if (!c->easy || s3_call_prepare(c, NULL) < 0)
		r = E_NOMEM;
	if (r == 0 && curl_multi_add_handle(s->multi, c->easy) != CURLM_OK)
		r = E_NOMEM;
	if (r == 0) {
		s->active++;
		return;
	}
	if (c->easy)
		give_back(s, c);
	c->code = E_NOMEM;
	finish(s, c);
}

/* start_due(s): Returns how long to sleep for the next that is not due yet. */
static int
start_due(struct s3 *s)
{
	int64_t now = time_mono_us(), soonest = INT64_MAX;
	struct s3_call **at = &s->queue, *ready = NULL, **tail = &ready;

	while (*at) {
		struct s3_call *c = *at;

		if (c->not_before > now) {
			soonest = c->not_before < soonest ? c->not_before : soonest;
			at = &c->next;
		} else {
			*at = c->next;
			*tail = c;
			tail = &c->next;
			c->next = NULL;
		}
	}
	while (ready) {
		struct s3_call *c = ready;

		ready = c->next;
		c->next = NULL;
		if (s->active < s->parallel) {
			begin(s, c);
		} else { /* stays first in line */
			struct s3_call **end = &s->queue;

			while (*end)
				end = &(*end)->next;
			*end = c;
		}
	}
	return soonest == INT64_MAX ? 1000 : (int)((soonest - now) / 1000 + 1);
}

static void
answered(struct s3 *s, CURL *easy, CURLcode result)
{
	struct s3_call *c = NULL;

	(void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&c);
	(void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &c->status);
	(void)curl_multi_remove_handle(s->multi, easy);
	s->active--;
	if (result != CURLE_OK) {
		c->code = result == CURLE_OUT_OF_MEMORY ? E_NOMEM : E_NET;
		c->no_host =
		    result == CURLE_COULDNT_CONNECT || result == CURLE_COULDNT_RESOLVE_HOST;
		if (!c->why[0])
			(void)snprintf(c->why, sizeof(c->why), "%s", curl_easy_strerror(result));
	} else if (c->p && c->status < 300 && c->got != c->n) {
		c->code = E_NET;
		(void)snprintf(c->why, sizeof(c->why), "%zu of %zu bytes arrived", c->got, c->n);
	}
	if (c->status >= 300)
		s3_xml_error(c->own.p, c->own.len, &c->refused);
	if (c->date)
		s->skew = c->date - s3_now(s);
	give_back(s, c);
	if ((c->code < 0 || c->status >= 300) && s3_call_again(c) &&
	    ++c->try < (c->no_host && s->tries > FEW ? FEW : s->tries) &&
	    !s->stop)
		later(s, c);
	else
		finish(s, c);
}

static void *
background(void *cookie)
{
	struct s3 *s = cookie;
	int running = 0, wait = 0, left;
	CURLMsg *m;

	for (;;) {
		(void)pthread_mutex_lock(&s->mu);
		if (s->stop && s->active == 0 && !s->queue) {
			(void)pthread_mutex_unlock(&s->mu);
			return NULL;
		}
		wait = start_due(s);
		(void)pthread_mutex_unlock(&s->mu);
		(void)curl_multi_perform(s->multi, &running);
		(void)pthread_mutex_lock(&s->mu);
		left = 0;
		while ((m = curl_multi_info_read(s->multi, &left))) {
			if (m->msg == CURLMSG_DONE)
				answered(s, m->easy_handle, m->data.result);
			wait = 0;
		}
		(void)pthread_mutex_unlock(&s->mu);
		if (wait > 0)
			(void)curl_multi_poll(s->multi, NULL, 0, wait, NULL);
	}
}

/* ---- asking ---- */

int
s3_call_start(struct s3 *s, struct s3_call *c, struct err *e)
{
	struct s3_call **end;
	uint8_t md5[16];
	int r;

	c->s3 = s;
	r = s3_call_digest(c, md5, e);
	if (r < 0)
		return r;
	c->into_start = c->into ? c->into->len : 0;
	c->done = false;
	c->try = 0;
	c->not_before = 0;
	c->next = NULL;
	(void)pthread_mutex_lock(&s->mu);
	for (end = &s->queue; *end; end = &(*end)->next)
		;
	*end = c;
	(void)pthread_mutex_unlock(&s->mu);
	(void)curl_multi_wakeup(s->multi);
	return 0;
}

int
s3_call_wait(struct s3 *s, struct s3_call *c, struct err *e)
{
	(void)pthread_mutex_lock(&s->mu);
	while (!c->done)
		(void)pthread_cond_wait(&s->done, &s->mu);
	(void)pthread_mutex_unlock(&s->mu);
	if (c->code == 0 && c->status >= 200 && c->status < 300)
		return 0;
	if (c->into)
		c->into->len = c->into_start;
	return s3_call_error(c, e);
}

int
s3_call_run(struct s3 *s, struct s3_call *c, struct err *e)
{
	int r = s3_call_start(s, c, e);

	return r < 0 ? r : s3_call_wait(s, c, e);
}

/* ---- open and close ---- */

static void
take_conf(struct s3 *s, const struct s3_conf *c)
{
	s->where = *c->where;
	*s->login = *c->login;
	s->now = c->now;
	s->parallel = c->parallel ? c->parallel : S3_PARALLEL;
	if (s->parallel > S3_PARALLEL_MAX)
		s->parallel = S3_PARALLEL_MAX;
	s->tries = c->tries ? c->tries : S3_TRIES;
	s->patience_ms = c->patience_ms ? c->patience_ms : 200;
	s->connect_s = c->connect_s ? c->connect_s : 15;
	s->stall_s = c->stall_s ? c->stall_s : 30;
	s->loopback = strncmp(s->where.host, "127.", 4) == 0 ||
	    strncmp(s->where.host, "localhost", 9) == 0 || strncmp(s->where.host, "[::1]", 5) == 0;
	(void)snprintf(s->base, sizeof(s->base), "%s://%s", s->where.tls ? "https" : "http",
	    s->where.host);
}

int
s3_open(const struct s3_conf *c, struct s3 **ret, struct err *e)
{
	struct s3 *s = calloc(1, sizeof(*s));

	(void)pthread_once(&once, global);
	if (!s)
		return err_set(e, E_NOMEM, "no memory");
	(void)pthread_mutex_init(&s->mu, NULL);
	(void)pthread_cond_init(&s->done, NULL);
	s->login = secret_new(sizeof(*s->login), e);
	s->multi = curl_multi_init();
	if (!s->login || !s->multi) {
		s3_close(s);
		return err_set(e, E_NOMEM, "no memory");
	}
	take_conf(s, c);
	(void)curl_multi_setopt(s->multi, CURLMOPT_MAXCONNECTS, (long)s->parallel);
	(void)curl_multi_setopt(s->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
	if (pthread_create(&s->thread, NULL, background, s) != 0) {
		s3_close(s);
		return err_set(e, E_SYS, "a thread could not be started");
	}
	s->running = true;
	*ret = s;
	return 0;
}

void
s3_close(struct s3 *s)
{
	if (!s)
		return;
	if (s->running) {
		(void)pthread_mutex_lock(&s->mu);
		s->stop = true;
		(void)pthread_mutex_unlock(&s->mu);
		(void)curl_multi_wakeup(s->multi);
		(void)pthread_join(s->thread, NULL);
	}
	for (unsigned i = 0; i < s->nspare; i++)
		curl_easy_cleanup(s->spare[i]);
	if (s->multi)
		(void)curl_multi_cleanup(s->multi);
	secret_free(s->login, sizeof(*s->login));
	(void)pthread_mutex_destroy(&s->mu);
	(void)pthread_cond_destroy(&s->done);
	free(s);
}
