/* How long each object is locked, and lengthening only what needs it.
 *
 * Every generation needs nearly every object of the store to stay as long as itself. Asking the
 * store for all of them each time would be a request for each. So a lock is made longer than asked
 * for, by a part that depends on the object's name (so that not all of them are due on the same
 * day), and what was asked for is remembered, here and in STATE/vault/<repo>/locks. A generation
 * asks only for what would end before it. The memory is not believed blindly: a part of what it
 * calls long enough, another part each time, is looked up in the store; one that is shorter there,
 * and everything is asked for again. Without the file that is what happens, too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/num.h"
#include "base/time.h"
#include "crypt/digest.h"
#include "crypt/secret.h"
#include "vault/repo_int.h"
#include "vault/s3_int.h"

enum {
	ID = 16,             /* of an object and its version */
	ENTRY = ID + 8,
	HEAD = 16,           /* magic, number of entries */
	MAX_FILE = 256 << 20,
	SPARE_MAX_DAYS = 30, /* a lock is at most so much longer than asked for */
	LOOK_LEAST = 8, LOOK_SHARE = 64,
};

static const char magic[] = "MMRILCK1";

static void
id_of(const char *key, const char *version, uint8_t ret[ID])
{
	char text[S3L_NAME + S3_ID_MAX + 2];
	uint8_t hash[DIGEST_LEN];
	int n = snprintf(text, sizeof(text), "%s\n%s", key, version);
	size_t len = n < 0 ? 0 : (size_t)n;

	digest_sha256(text, len < sizeof(text) ? len : sizeof(text) - 1, hash);
	(void)memcpy(ret, hash, ID);
}

int64_t
s3_lock_target(struct s3_store *s, const char *key, int64_t until)
{
	int64_t ahead = until - s3_now(s->s3), spare = ahead > 0 ? ahead / 2 : 0;
	uint8_t id[ID];

	if (spare > (int64_t)SPARE_MAX_DAYS * TIME_DAY)
		spare = (int64_t)SPARE_MAX_DAYS * TIME_DAY;
	id_of(key, "", id);
	return until + spare / 2 + spare / 2 / 255 * id[0];
}

/* ---- what is remembered ---- */

/* put(s, id, until): Values are whole seconds + 1, so that none is NULL. With s->mu. */
static void
put(struct s3_store *s, const uint8_t id[ID], int64_t until)
{
	uintptr_t sec = until > 0 ? (uintptr_t)(until / TIME_SEC) + 1 : 1;

	/* what does not fit is asked for again the next time */
	if (map_put(&s->locks, id, ID, (void *)sec, NULL) == 0)
		s->locks_changed = true;
}

void
s3_lock_note(struct s3_store *s, const char *key, const char *version, int64_t until)
{
	uint8_t id[ID];

	if (!version[0])
		return;
	id_of(key, version, id);
	(void)pthread_mutex_lock(&s->mu);
	put(s, id, until);
	(void)pthread_mutex_unlock(&s->mu);
}

static int64_t
known(struct s3_store *s, const struct s3_retain_one *one)
{
	uint8_t id[ID];
	uintptr_t sec;

	id_of(one->key, one->version ? one->version : "", id);
	(void)pthread_mutex_lock(&s->mu);
	sec = (uintptr_t)map_get(&s->locks, id, ID);
	(void)pthread_mutex_unlock(&s->mu);
	return sec ? (int64_t)(sec - 1) * TIME_SEC : 0;
}

static bool
place(const struct s3_store *s, char out[96])
{
	struct vault_place pl = {.statefd = s->statefd};
	char dir[64];

	if (!s->lock_days || keys_place(&pl, s->repo, dir, NULL) < 0)
		return false;
	(void)snprintf(out, 96, "%s/locks", dir);
	return true;
}

int
s3_lock_parse(const uint8_t *p, size_t n, struct map *ret, struct err *e)
{
	uint8_t sum[DIGEST_LEN];
	struct rd r = rd_init(p, n);
	const uint8_t *m = rd_bytes(&r, 8), *id;
	uint64_t count = rd_u64(&r), sec;
	int x = 0;

	if (!m || memcmp(m, magic, 8) != 0 || n < HEAD + DIGEST_LEN ||
	    count != (n - HEAD - DIGEST_LEN) / ENTRY || (n - HEAD - DIGEST_LEN) % ENTRY != 0)
		return err_set(e, E_CORRUPT, "the list of locks is damaged");
	digest_sha256(p, n - DIGEST_LEN, sum);
	if (memcmp(sum, p + n - DIGEST_LEN, DIGEST_LEN) != 0)
		return err_set(e, E_CORRUPT, "the list of locks is damaged");
	for (uint64_t i = 0; x == 0 && i < count; i++) {
		id = rd_bytes(&r, ID);
		sec = rd_u64(&r);
		if (!id || sec == 0 || sec > INT64_MAX / TIME_SEC)
			return err_set(e, E_CORRUPT, "the list of locks is damaged");
		x = map_put(ret, id, ID, (void *)(uintptr_t)sec, e);
	}
	return x;
}

/* load(s): Once. What cannot be read is as good as nothing; what was noted since is newer. */
static void
load(struct s3_store *s)
{
	struct buf AUTO(buf_free) b = {0};
	struct map AUTO(map_free) was = {0};
	const void *id;
	char path[96];
	size_t pos = 0;
	void *sec;

	map_init(&was, S3L_MAX_LOCKS);

	if (s->locks_read || !place(s, path))
		return;
	s->locks_read = true;
	buf_init(&b, MAX_FILE);
	if (fio_slurp(s->f, s->statefd, path, &b, NULL) < 0)
		return;
	(void)(s3_lock_parse(b.p, b.len, &was, NULL) < 0);
	(void)pthread_mutex_lock(&s->mu);
	while ((sec = map_each(&was, &pos, &id, NULL)) != NULL)
		if (!map_get(&s->locks, id, ID))
			(void)(map_put(&s->locks, id, ID, sec, NULL) < 0);
	(void)pthread_mutex_unlock(&s->mu);
}

int
s3_lock_print(const struct map *m, int64_t now, struct buf *ret, struct err *e)
{
	uint8_t sum[DIGEST_LEN];
	uint64_t count = 0;
	size_t pos = 0;
	const void *id;
	void *v;
	int r = buf_put(ret, magic, 8, e);

	if (r == 0)
		r = buf_u64(ret, 0, e);
	while (r == 0 && (v = map_each(m, &pos, &id, NULL))) {
		if ((int64_t)(uintptr_t)v < now / TIME_SEC)
			continue; /* ended: nobody needs it any more */
		r = buf_put(ret, id, ID, e);
		if (r == 0)
			r = buf_u64(ret, (uintptr_t)v, e);
		count++;
	}
	if (r < 0)
		return r;
	le64_put(ret->p + 8, count);
	digest_sha256(ret->p, ret->len, sum);
	return buf_put(ret, sum, sizeof(sum), e);
}

void
s3_lock_save(struct s3_store *s)
{
	struct buf AUTO(buf_free) b = {0};
	char path[96];
	int r;

	if (!s->writing || !s->locks_changed || !place(s, path))
		return;
	load(s); /* what this session did not ask about stays known */
	buf_init(&b, MAX_FILE);
	(void)pthread_mutex_lock(&s->mu);
	r = s3_lock_print(&s->locks, s3_now(s->s3), &b, NULL);
	s->locks_changed = false;
	(void)pthread_mutex_unlock(&s->mu);
	/* what is not remembered is asked for again; no reason to fail */
	if (r == 0 && fio_replace(s->f, s->statefd, path, b.p, b.len, 0600, NULL) < 0)
		(void)fio_unlink(s->f, s->statefd, path, NULL);
}

/* ---- lengthening ---- */

/* true_to(s, v, n, until, ret, e): Look some of these up that are said to be locked for long
 * enough. ${ret}: all of them are. */
static int
true_to(struct s3_store *s, const struct s3_retain_one *v, size_t n, int64_t until, bool *ret,
    struct err *e)
{
	size_t k = n / LOOK_SHARE > LOOK_LEAST ? n / LOOK_SHARE : LOOK_LEAST;
	struct s3_head_one *look;
	uint64_t from;
	int r;

	*ret = true;
	if (n == 0)
		return 0;
	k = k < n ? k : n;
	look = calloc(k, sizeof(*look));
	if (!look)
		return err_set(e, E_NOMEM, "no memory");
	random_fill(&from, sizeof(from));
	from %= n;
	for (size_t i = 0; i < k; i++) {
		const struct s3_retain_one *one = &v[(from + i) % n];

		look[i] = (struct s3_head_one){.key = one->key, .version = one->version};
	}
	r = s3_head_all(s->s3, look, k, e);
	for (size_t i = 0; r == 0 && i < k; i++)
		*ret &= look[i].code == 0 && look[i].meta.compliance && look[i].meta.until >= until;
	free(look);
	return r;
}

int
s3_lock_all(struct s3_store *s, struct s3_retain_one *v, size_t n, int64_t until, struct err *e)
{
	size_t due = 0;
	bool sure = false;
	int r;

	load(s);
	for (size_t i = 0; i < n; i++) /* those that are due to the front */
		if (known(s, &v[i]) < until) {
			struct s3_retain_one t = v[due];

			v[due++] = v[i];
			v[i] = t;
		}
	r = true_to(s, v + due, n - due, until, &sure, e);
	if (r < 0)
		return r;
	if (!sure) {
		(void)pthread_mutex_lock(&s->mu);
		map_free(&s->locks);
		map_init(&s->locks, S3L_MAX_LOCKS);
		s->locks_changed = true;
		(void)pthread_mutex_unlock(&s->mu);
		due = n;
	}
	for (size_t i = 0; i < due; i++)
		v[i].until = s3_lock_target(s, v[i].key, until);
	r = s3_retain_all(s->s3, v, due, until, e);
	for (size_t i = 0; i < due; i++)
		if (v[i].code == 0 && r == 0)
			s3_lock_note(s, v[i].key, v[i].version ? v[i].version : "", v[i].until);
	return r;
}
