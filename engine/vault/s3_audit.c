/* Traces of somebody who holds the login: versions over what was there, delete markers. Not one of
 * them: two writers who wanted to add the same record at the same time, in a store that does not
 * know If-None-Match. The slower one's record lies over the other's within minutes, and it tells by
 * its chain and signature what it is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"
#include "vault/s3_int.h"

enum { TOLD = 100 }; /* at most so many sentences; the rest is counted */
enum { LOG_VERSIONS = 32 }; /* versions of a record that are looked at; more are no race */
#define RACE_MAX (15 * 60 * TIME_SEC) /* between the first and the last version of a race */

struct look {
	struct s3_store *s;
	size_t log_skip; /* bytes of a record's name before its number */
	char log_prefix[S3L_NAME];
	char version[LOG_VERSIONS][S3_ID_MAX]; /* of a record */
	char key[S3_KEY_MAX];
	unsigned versions, markers;
	unsigned other; /* versions with other bytes than the one before */
	int64_t first, last; /* when the oldest and the newest version were stored; 0: not said */
	bool log_tried, log_read;
	char etag[S3_ETAG_MAX];
	unsigned told;
	uint64_t untold;
	store_odd_fn *fn;
	void *cookie;
};

/* read_log(l, e): The log's chain and keys up to now, once. Where it cannot be read no record is
 * excused; only what may be over by the next try ends the audit. */
static int
read_log(struct look *l, struct err *e)
{
	struct buf AUTO(buf_free) rest = {0};
	int r;

	if (l->log_tried)
		return 0;
	buf_init(&rest, 2 * STORE_LOG_BATCH);
	r = s3_log_read(&l->s->st, UINT64_MAX, &rest, e);
	if (r == E_NET || r == E_NOMEM)
		return r;
	l->log_tried = true;
	l->log_read = r == 0;
	return 0;
}

/* race(l, ret, e): Whether every version of the name is a record that a writer could have added
 * there, all of them within minutes. */
static int
race(struct look *l, bool *ret, struct err *e)
{
	uint64_t no;
	int r = 0;

	*ret = strncmp(l->key, l->log_prefix, l->log_skip) == 0 &&
	    num_parse_u64(l->key + l->log_skip, UINT64_MAX, &no, NULL) == 0 &&
	    l->versions <= LOG_VERSIONS && l->first > 0 && l->last - l->first <= RACE_MAX;
	if (*ret) {
		r = read_log(l, e);
		*ret = l->log_read;
	}
	for (unsigned i = 0; r == 0 && *ret && i < l->versions; i++) {
		struct buf AUTO(buf_free) b = {0};

		buf_init(&b, LEDGER_FMT_HEADER + LEDGER_FMT_REC_MAX);
		r = s3_get(l->s->s3, l->key, l->version[i], &b, NULL, e);
		*ret = r == 0 && s3_walk_rival(&l->s->walk, no, b.p, b.len);
		if (r == E_NOENT || r == E_LIMIT)
			r = 0;
	}
	return r;
}

static int
tell(struct look *l, struct err *e)
{
	char ja[S3_KEY_MAX + 300], en[S3_KEY_MAX + 300];
	bool raced = false;
	int r = 0;

	if (l->other > 0)
		r = race(l, &raced, e);
	if (r < 0)
		return r;
	if (raced)
		l->other = 0;
	if (l->other == 0 && l->markers == 0)
		return 0;
	if (l->told++ >= TOLD) {
		l->untold++;
		return 0;
	}
	if (l->markers) {
		(void)snprintf(ja, sizeof(ja), "%s を消そうとした跡が %u 件あります（元のものは残って"
		    "います）", l->key, l->markers);
		(void)snprintf(en, sizeof(en),
		    "%s: somebody tried to delete it, %u times (what was "
		    "there is still there)",
		    l->key, l->markers);
		r = l->fn(ja, en, l->cookie, e);
	}
	if (r == 0 && l->other > 0) {
		(void)snprintf(ja, sizeof(ja), "%s に %u 回、別のものが書き重ねられました（元のものを"
		    "読みます）", l->key, l->other);
		(void)snprintf(en, sizeof(en),
		    "%s: written over %u times (the first one that holds "
		    "is what is read)",
		    l->key, l->other);
		r = l->fn(ja, en, l->cookie, e);
	}
	return r;
}

static int
on_line(const struct s3_entry *en, void *cookie, struct err *e)
{
	struct look *l = cookie;
	int r = 0;

	if (strcmp(l->key, en->key) != 0) {
		r = tell(l, e);
		(void)memcpy(l->key, en->key, sizeof(l->key));
		l->versions = l->markers = l->other = 0;
	}
	if (en->delete_marker) {
		l->markers++;
	} else {
		if (l->versions == 0)
			l->first = l->last = en->modified;
		l->first = en->modified < l->first ? en->modified : l->first;
		l->last = en->modified > l->last ? en->modified : l->last;
		if (l->versions < LOG_VERSIONS)
			(void)memcpy(l->version[l->versions], en->version, S3_ID_MAX);
		/* the same bytes twice are a request that was repeated after a broken connection */
		l->other += l->versions++ > 0 && strcmp(l->etag, en->etag) != 0;
		(void)memcpy(l->etag, en->etag, sizeof(l->etag));
	}
	return r;
}

int
s3_audit(struct store *st, store_odd_fn *fn, void *cookie, struct err *e)
{
	struct s3_store *s =
	    (struct s3_store *)(void *)((char *)st - offsetof(struct s3_store, st));
	struct look *l = calloc(1, sizeof(*l));
	char ja[200], en[200];
	int r;

	if (!l)
		return err_set(e, E_NOMEM, "no memory");
	l->s = s;
	l->fn = fn;
	l->cookie = cookie;
	l->log_skip = (size_t)snprintf(l->log_prefix, sizeof(l->log_prefix), "%slog/", s->prefix);
	r = s3_versions(s->s3, s->prefix, NULL, on_line, l, e);
	if (r == 0)
		r = tell(l, e);
	if (r == 0 && l->untold) {
		(void)snprintf(ja, sizeof(ja), "ほかに %llu 件あります",
		    (unsigned long long)l->untold);
		(void)snprintf(en, sizeof(en), "and %llu more", (unsigned long long)l->untold);
		r = fn(ja, en, cookie, e);
	}
	free(l);
	return r;
}
