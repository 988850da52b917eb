/* The journal of an overlay: which names, files and pieces are not there yet. Records of 40 bytes,
 * each with a check over its number and content, so that a torn end is seen and cut off. Order is
 * what makes it safe: "is here" is written only after what it speaks of was synced, "is missing"
 * before anybody could look. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "crypt/digest.h"
#include "vault/overlay_int.h"

enum { READ_PART = OV_REC * 16384 };

static const char magic[8] = {'M', 'M', 'R', 'I', 'O', 'V', 'L', '1'};

static void
check_of(const uint8_t p[OV_REC], uint64_t seq, uint8_t out[8])
{
	uint8_t in[40], h[DIGEST_LEN];

	le64_put(in, seq);
	(void)memcpy(in + 8, p, OV_REC - 8);
	digest_sha256(in, sizeof(in), h);
	(void)memcpy(out, h, 8);
}

void
ov_rec_put(const struct ov_rec *r, uint64_t seq, uint8_t out[OV_REC])
{
	le32_put(out, (uint32_t)r->type);
	le32_put(out + 4, 0);
	le64_put(out + 8, r->ino);
	le64_put(out + 16, r->a);
	le64_put(out + 24, r->b);
	check_of(out, seq, out + 32);
}

bool
ov_rec_get(const uint8_t p[OV_REC], uint64_t seq, struct ov_rec *ret)
{
	uint8_t check[8];
	uint32_t type = le32_get(p);

	check_of(p, seq, check);
	if (memcmp(check, p + 32, 8) != 0 || type < OV_FILE || type > OV_LOST ||
	    le32_get(p + 4) != 0)
		return false;
	*ret = (struct ov_rec){.type = (enum ov_type)type, .ino = le64_get(p + 8),
	    .a = le64_get(p + 16), .b = le64_get(p + 24)};
	return true;
}

void
ov_head_put(const uint8_t repo[FMT_ID_LEN], const uint8_t gen[FMT_ID_LEN], uint8_t out[OV_HEAD])
{
	uint8_t h[DIGEST_LEN];

	(void)memset(out, 0, OV_HEAD);
	(void)memcpy(out, magic, sizeof(magic));
	le32_put(out + 8, 1); /* version */
	(void)memcpy(out + 16, repo, FMT_ID_LEN);
	(void)memcpy(out + 32, gen, FMT_ID_LEN);
	digest_sha256(out, 48, h);
	(void)memcpy(out + 48, h, OV_HEAD - 48);
}

int
ov_head_get(const uint8_t p[OV_HEAD], uint8_t repo[FMT_ID_LEN], uint8_t gen[FMT_ID_LEN],
    struct err *e)
{
	uint8_t h[DIGEST_LEN];

	if (memcmp(p, magic, sizeof(magic)) != 0)
		return err_set(e, E_PROTO, "this is not the journal of an overlay");
	if (le32_get(p + 8) != 1)
		return err_set(e, E_PROTO, "the overlay was made by a newer Mamori");
	digest_sha256(p, 48, h);
	if (memcmp(p + 48, h, OV_HEAD - 48) != 0)
		return err_set(e, E_CORRUPT, "the beginning of the overlay's journal is damaged");
	(void)memcpy(repo, p + 16, FMT_ID_LEN);
	(void)memcpy(gen, p + 32, FMT_ID_LEN);
	return 0;
}

int
ov_note(struct overlay *ov, enum ov_type type, uint64_t ino, uint64_t a, uint64_t b, struct err *e)
{
	struct ov_rec rec = {.type = type, .ino = ino, .a = a, .b = b};
	uint8_t raw[OV_REC];
	int r;

	(void)pthread_mutex_lock(&ov->log);
	ov_rec_put(&rec, (ov->log_len - OV_HEAD + ov->log_new.len) / OV_REC, raw);
	r = buf_put(&ov->log_new, raw, sizeof(raw), e);
	(void)pthread_mutex_unlock(&ov->log);
	return r;
}

int
ov_log_sync(struct overlay *ov, struct err *e)
{
	int r = 0;

	(void)pthread_mutex_lock(&ov->log);
	if (ov->log_new.len > 0) {
		r = fio_pwrite_all(ov->f, ov->logfd, ov->log_new.p, ov->log_new.len, ov->log_len,
		    e);
		if (r == 0)
			r = fio_datasync(ov->f, ov->logfd, e);
		if (r == 0) { /* else they are written again, at the same place */
			ov->log_len += ov->log_new.len;
			buf_clear(&ov->log_new);
		}
	}
	(void)pthread_mutex_unlock(&ov->log);
	return r;
}

/* ---- loading ---- */

static void
set_bits(struct ov_file *f, uint64_t first, uint64_t count)
{
	for (uint64_t i = first; i < f->n && i - first < count; i++) {
		uint8_t bit = (uint8_t)(1U << (i & 7));

		f->have += !(f->bits[i >> 3] & bit);
		f->bits[i >> 3] |= bit;
		f->safe[i >> 3] |= bit;
	}
}

static uint64_t
file_left(const struct ov_file *f)
{
	uint64_t here = (uint64_t)f->have * OV_BLOCK;

	return here < f->size ? f->size - here : 0;
}

static int
drop_file(struct overlay *ov, uint64_t ino, struct err *e)
{
	struct ov_file *f = map_get(&ov->files, &ino, sizeof(ino));

	if (!f || f == &ov_none)
		return 0;
	ov->here += f->size;
	ov->nlost -= f->lost;
	free(f->bits);
	free(f->safe);
	free(f);
	ov->nfiles--;
	return map_put(&ov->files, &ino, sizeof(ino), &ov_none, e);
}

static int
load_have(struct overlay *ov, const struct ov_rec *rec, struct err *e)
{
	struct ov_file *f = map_get(&ov->files, &rec->ino, sizeof(rec->ino));

	if (!f || f == &ov_none)
		return 0;
	if (!f->bits) {
		f->bits = calloc(1, f->n / 8 + 1);
		f->safe = calloc(1, f->n / 8 + 1);
		if (!f->bits || !f->safe)
			return err_set(e, E_NOMEM, "no memory for the overlay's journal");
	}
	set_bits(f, rec->a, rec->b);
	return 0;
}

static int
load_dir(struct overlay *ov, const struct ov_rec *rec, struct err *e)
{
	struct ov_dir *d = map_get(&ov->dirs, &rec->ino, sizeof(rec->ino));

	if (rec->type == OV_DIR)
		return ov_dir_add(ov, rec->ino, rec->a, e);
	if (!d || d == (void *)&ov_none)
		return 0;
	free(d);
	ov->ndirs--;
	return map_put(&ov->dirs, &rec->ino, sizeof(rec->ino), &ov_none, e);
}

static int
apply(struct overlay *ov, const struct ov_rec *rec, struct err *e)
{
	struct ov_file *f = map_get(&ov->files, &rec->ino, sizeof(rec->ino));
	int r;

	switch (rec->type) {
	case OV_FILE:
		r = drop_file(ov, rec->ino, e);
		return r < 0 ? r : ov_file_add(ov, rec->ino, rec->a, rec->b, e);
	case OV_HAVE:
		return load_have(ov, rec, e);
	case OV_WHOLE:
		return drop_file(ov, rec->ino, e);
	case OV_DIR:
	case OV_FILLED:
		return load_dir(ov, rec, e);
	case OV_TOUCHED:
		if (f && f != &ov_none)
			f->touched = true;
		return 0;
	case OV_LOST:
		if (f && f != &ov_none && !f->lost) {
			f->lost = true;
			ov->nlost++;
		}
		return 0;
	}
	return 0;
}

static void
count_left(struct overlay *ov)
{
	struct ov_file *f;
	size_t pos = 0;

	ov->left = 0;
	while ((f = map_each(&ov->files, &pos, NULL, NULL)) != NULL) {
		if (f == &ov_none)
			continue;
		ov->left += file_left(f);
		ov->here += f->size - file_left(f);
	}
}

int
ov_log_load(struct overlay *ov, struct err *e)
{
	uint8_t *p = malloc(READ_PART);
	uint64_t at = OV_HEAD;
	struct ov_rec rec;
	bool ended = false;
	int r = p ? 0 : err_set(e, E_NOMEM, "no memory");

	while (r == 0 && !ended) {
		ssize_t n = fio_pread(ov->f, ov->logfd, p, READ_PART, at, e);

		if (n < 0)
			r = (int)n;
		ended = n < READ_PART;
		for (ssize_t i = 0; r == 0 && i + OV_REC <= n; i += OV_REC) {
			if (!ov_rec_get(p + i, (at - OV_HEAD) / OV_REC, &rec)) {
				ended = true; /* torn: what follows was never acknowledged */
				break;
			}
			r = apply(ov, &rec, e);
			at += OV_REC;
		}
	}
	free(p);
	ov->log_len = at;
	if (r == 0)
		count_left(ov);
	return r;
}

/* ---- saving ---- */

struct saving {
	struct ov_file *f;
	uint8_t *bits;
	struct saving *next;
};

/* snap(ov, f, ret, e): What of ${f} is here at this moment and not known to the journal. */
static int
snap(struct overlay *ov, struct ov_file *f, struct saving **ret, struct err *e)
{
	pthread_mutex_t *lock = &ov->stripe[f->ino % OV_STRIPES];
	size_t n = f->n / 8 + 1;
	struct saving *s = NULL;
	int r = 0;

	*ret = NULL;
	(void)pthread_mutex_lock(lock);
	if (f->unsafe && !f->gone) {
		s = calloc(1, sizeof(*s));
		if (s)
			s->bits = malloc(n);
		if (s && s->bits) {
			s->f = f;
			(void)memcpy(s->bits, f->bits, n);
			f->unsafe = false;
			*ret = s;
		} else {
			free(s);
			r = err_set(e, E_NOMEM, "no memory");
		}
	}
	(void)pthread_mutex_unlock(lock);
	return r;
}

static bool
bit_at(const uint8_t *bits, uint32_t i)
{
	return bits[i >> 3] >> (i & 7) & 1;
}

/* note_runs(ov, s, e): Pieces that are durable now. */
static int
note_runs(struct overlay *ov, const struct saving *s, struct err *e)
{
	struct ov_file *f = s->f;
	uint32_t first = 0, have = 0;
	bool in = false;
	int r = 0;

	for (uint32_t i = 0; i < f->n; i++)
		have += bit_at(s->bits, i);
	if (have == f->n)
		return ov_note(ov, OV_WHOLE, f->ino, 0, 0, e);
	for (uint32_t i = 0; i <= f->n && r == 0; i++) {
		bool new = i < f->n && bit_at(s->bits, i) && !bit_at(f->safe, i);

		if (new && !in)
			first = i;
		else if (!new && in)
			r = ov_note(ov, OV_HAVE, f->ino, first, i - first, e);
		in = new;
	}
	return r;
}

/* settle(ov, s, e): After the data was synced. */
static int
settle(struct overlay *ov, struct saving *s, struct err *e)
{
	struct ov_file *f = s->f;
	pthread_mutex_t *lock = &ov->stripe[f->ino % OV_STRIPES];
	bool whole = false;
	int r = 0;

	(void)pthread_mutex_lock(lock);
	if (!f->gone) {
		r = note_runs(ov, s, e);
		if (r == 0)
			(void)memcpy(f->safe, s->bits, f->n / 8 + 1);
		else
			f->unsafe = true;
		whole = r == 0 && f->have == f->n && memcmp(f->safe, f->bits, f->n / 8 + 1) == 0;
	}
	(void)pthread_mutex_unlock(lock);
	if (whole)
		ov_file_gone(ov, f->ino);
	free(s->bits);
	free(s);
	return r;
}

int
ov_save_file(struct overlay *ov, struct ov_file *f, int fd, struct err *e)
{
	struct saving *s = NULL;
	bool notes;
	int r = 0;

	if (f)
		r = snap(ov, f, &s, e);
	if (r == 0)
		r = fio_datasync(ov->f, fd, e);
	if (s && r == 0) {
		r = settle(ov, s, e);
	} else if (s) {
		f->unsafe = true;
		free(s->bits);
		free(s);
	}
	(void)pthread_mutex_lock(&ov->log);
	notes = ov->log_new.len > 0;
	(void)pthread_mutex_unlock(&ov->log);
	return r == 0 && notes ? ov_log_sync(ov, e) : r;
}

/* unsafe_files(ov, ret, e): Those with news, referenced. */
static int
unsafe_files(struct overlay *ov, struct vec *ret, struct err *e)
{
	struct ov_file *f, **slot;
	size_t pos = 0;
	int r = 0;

	(void)pthread_mutex_lock(&ov->state);
	while (r == 0 && (f = map_each(&ov->files, &pos, NULL, NULL)) != NULL) {
		if (f == &ov_none || !f->unsafe)
			continue;
		slot = vec_add(ret);
		if (slot) {
			f->refs++;
			*slot = f;
		} else {
			r = err_set(e, E_NOMEM, "no memory");
		}
	}
	(void)pthread_mutex_unlock(&ov->state);
	return r;
}

int
ov_save_all(struct overlay *ov, struct err *e)
{
	struct saving *list = NULL, *s;
	struct vec files;
	int r;

	vec_init(&files, sizeof(struct ov_file *), OV_MAX);
	r = unsafe_files(ov, &files, e);
	for (size_t i = 0; r == 0 && i < files.len; i++) {
		r = snap(ov, *VEC_AT(&files, struct ov_file *, i), &s, e);
		if (s) {
			s->next = list;
			list = s;
		}
	}
	if (r == 0 && list && syncfs(ov->datafd) < 0)
		r = err_sys(e, "syncing the overlay");
	while ((s = list) != NULL) {
		list = s->next;
		if (r == 0) {
			r = settle(ov, s, e);
			continue;
		}
		s->f->unsafe = true;
		free(s->bits);
		free(s);
	}
	for (size_t i = 0; i < files.len; i++)
		ov_file_put(ov, *VEC_AT(&files, struct ov_file *, i));
	vec_free(&files);
	return r < 0 ? r : ov_log_sync(ov, e);
}
