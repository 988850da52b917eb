#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "crypt/secret.h"
#include "ledger/ledger_int.h"

/* The log may have been cut, replaced or extended since we looked; called with the lock held. */
int
ledger_put_catch_up(struct ledger *l, struct err *e)
{
	uint64_t size;
	uint8_t hash[LEDGER_HASH_LEN];
	uint64_t known;
	int r = ledger_io_size(l, &size, e);

	if (r < 0)
		return r;
	l->bad_seq = l->tail.seq;
	if (size < l->tail.end)
		return err_set(e, E_CORRUPT,
		    "the log was cut below record %llu while it was in use",
		    (unsigned long long)l->tail.seq);
	r = fio_pread_all(l->f, l->log, hash, sizeof(hash),
	    l->tail.end - LEDGER_FMT_REC_TAIL, e);
	if (r == 0)
		r = ledger_io_head(l, e);
	if (r < 0)
		return r;
	if (memcmp(hash, l->tail.hash, sizeof(hash)) != 0)
		return err_set(e, E_CORRUPT,
		    "record %llu at offset %llu was changed while it was in "
		    "use",
		    (unsigned long long)l->tail.seq, (unsigned long long)l->tail.off);
	l->win.len = 0;
	r = ledger_scan(l, size, e);
	known = l->seen.known;
	if (r == 0 && known > l->tail.seq + 1) {
		l->bad_seq = l->tail.seq + 1;
		return err_set(e, E_CORRUPT,
		    "the log was cut: it ends with record %llu, but record "
		    "%llu was written",
		    (unsigned long long)l->tail.seq, (unsigned long long)(known - 1));
	}
	return r;
}

/* Make the end of the log fit to be followed: cut what was never acknowledged, and write again a
 * newest record that its writer may have been unable to make durable. After a failed fdatasync the
 * kernel may take a page for clean that never reached the disk; writing it again makes sure. */
int
ledger_put_mend(struct ledger *l, struct err *e)
{
	const uint8_t *p;
	size_t n;
	int r = 0;

	if (l->torn) {
		r = fio_truncate(l->f, l->log, l->tail.end, e);
		if (r == 0)
			r = fio_datasync(l->f, l->log, e);
		if (r < 0)
			return r;
		l->torn = false;
		l->win.len = 0;
	}
	if (l->seen.known == l->tail.seq + 1)
		return 0;
	r = ledger_io_view(
	    l, &l->win, l->tail.off, (size_t)(l->tail.end - l->tail.off), l->tail.end, &p, &n, e);
	if (r == 0)
		r = fio_pwrite_all(l->f, l->log, p, n, l->tail.off, e);
	return r;
}

int
ledger_put_slot(struct ledger *l, const struct ledger_fmt_rec *rec, uint64_t end, struct err *e)
{
	struct ledger_fmt_slot s = {.seq = rec->seq, .at = rec->at, .end = end};
	uint8_t raw[LEDGER_FMT_SLOT];
	int r;

	(void)memcpy(s.id, l->id, sizeof(s.id));
	(void)memcpy(s.hash, rec->hash, sizeof(s.hash));
	(void)memcpy(s.sig, rec->sig, sizeof(s.sig));
	(void)memcpy(s.key_id, rec->key_id, sizeof(s.key_id));
	ledger_fmt_slot_put(raw, &s);
	r = fio_pwrite_all(l->f, l->head, raw, sizeof(raw),
	    rec->seq % LEDGER_FMT_SLOTS * LEDGER_FMT_SLOT, e);
	if (r == 0 && rec->seq % LEDGER_HEAD_SYNC == 0)
		r = fio_datasync(l->f, l->head, e);
	return r;
}

/* Put the finished record behind the tail. When the log fails, what was written is taken back. When
 * only the head file fails, the record stays: cutting it off again while a head may know it would
 * look like an attack. */
static int
commit(struct ledger *l, const struct buf *b, struct err *e)
{
	struct ledger_fmt_rec rec;
	uint64_t off = l->tail.end;
	int r = ledger_fmt_rec_get(b->p, b->len, &rec);
	int head;

	if (r < 0)
		return err_set(e, E_INVAL, "the new record is not well-formed");
	r = fio_pwrite_all(l->f, l->log, b->p, b->len, off, e);
	if (r == 0)
		r = fio_datasync(l->f, l->log, e);
	if (r < 0) {
		if (fio_truncate(l->f, l->log, off, NULL) == 0)
			(void)l->f->fdatasync(
			    l->f->ctx, l->log); /* else the next append mends it */
		return r;
	}
	head = ledger_put_slot(l, &rec, off + rec.len, e);
	if (head < 0)
		return err_wrap(e, "the record is in the log, but its head file failed");
	return ledger_scan_took(l, &rec, off, e);
}

static int
append(struct ledger *l, struct signer *s, const struct ledger_fmt_new *what, struct buf *b,
    struct err *e)
{
	struct ledger_fmt_new n = *what;
	uint8_t id[LEDGER_FMT_KEY_ID];
	int r = ledger_put_catch_up(l, e);

	if (r < 0)
		return r;
	ledger_fmt_key_id(signer_pub(s), id);
	if (!ledger_scan_key(l, id))
		return err_set(e, E_AUTH, "this key may not sign in this ledger");
	if (n.type == LEDGER_T_KEY && l->keys.len >= LEDGER_MAX_KEYS)
		return err_set(e, E_LIMIT, "more than %d keys", LEDGER_MAX_KEYS);
	n.seq = l->tail.seq + 1;
	r = ledger_fmt_rec_put(b, l->id, l->tail.hash, s, &n, e);
	if (r == 0)
		r = ledger_put_mend(l, e);
	return r == 0 ? commit(l, b, e) : r;
}

static int
locked_append(struct ledger *l, struct signer *s, const struct ledger_fmt_new *n, struct err *e)
{
	struct buf b;
	int r;

	if (!l->writable)
		return err_set(e, E_AUTH, "the ledger cannot be written here");
	buf_init(&b, LEDGER_FMT_REC_MAX);
	r = ledger_io_lock(l, F_WRLCK, e);
	if (r == 0) {
		r = append(l, s, n, &b, e);
		ledger_io_unlock(l);
	}
	buf_free(&b);
	return r;
}

int
ledger_append(struct ledger *l, struct signer *s, uint16_t type, const void *payload, size_t n,
    int64_t now, struct ledger_head *ret, struct err *e)
{
	int r;

	if (type < LEDGER_T_USER)
		return err_set(
		    e, E_INVAL, "record types below %d belong to the ledger", LEDGER_T_USER);
	r = locked_append(l, s, &(struct ledger_fmt_new){.type = type, .at = now, .first = payload,
	    .first_len = n}, e);
	if (r == 0 && ret)
		*ret = ledger_head(l);
	return r;
}

int
ledger_enrol(struct ledger *l, struct signer *s, const uint8_t pub[SIGN_PUB_LEN], int64_t now,
    struct err *e)
{
	return locked_append(l, s, &(struct ledger_fmt_new){.type = LEDGER_T_KEY, .at = now,
	    .first = pub, .first_len = SIGN_PUB_LEN}, e);
}

/* -- a new ledger ------------------------------------------------------------------------------ */

static int
new_file(const struct fio *f, int dir, const char *name, const void *p, size_t n, struct err *e)
{
	int fd = fio_open(f, dir, name, O_WRONLY | O_CREAT | O_EXCL, 0640, e);
	int r;

	if (fd < 0)
		return fd;
	r = fio_pwrite_all(f, fd, p, n, 0, e);
	if (r == 0)
		r = fio_sync(f, fd, e);
	fio_close(f, fd);
	return r;
}

static int
first_bytes(struct buf *log, struct signer *s, const void *payload, size_t n, int64_t now,
    struct err *e)
{
	uint8_t header[LEDGER_FMT_HEADER], hash[LEDGER_HASH_LEN], id[LEDGER_ID_LEN];
	int r;

	random_fill(id, sizeof(id));
	ledger_fmt_header_put(header, id);
	digest_sha256(header, sizeof(header), hash);
	r = buf_put(log, header, sizeof(header), e);
	if (r == 0)
		r = ledger_fmt_rec_put(log, id, hash, s, &(struct ledger_fmt_new){
		    .type = LEDGER_T_GENESIS, .at = now, .first = signer_pub(s),
		    .first_len = SIGN_PUB_LEN, .second = payload, .second_len = n}, e);
	return r;
}

/* The head file that goes with a log of one record. */
static int
first_head(const struct buf *log, uint8_t head[LEDGER_FMT_HEAD_FILE], struct err *e)
{
	struct ledger_fmt_slot slot = {.end = log->len};
	struct ledger_fmt_rec rec = {0};
	int r = ledger_fmt_header_get(log->p, log->len, slot.id, e);

	if (r < 0)
		return r;
	if (ledger_fmt_rec_get(
	    log->p + LEDGER_FMT_HEADER, log->len - LEDGER_FMT_HEADER, &rec) < 0 || !rec.hash ||
	    rec.len != log->len - LEDGER_FMT_HEADER)
		return err_set(e, E_INVAL, "the first record is not well-formed");
	slot.at = rec.at;
	(void)memcpy(slot.hash, rec.hash, sizeof(slot.hash));
	(void)memcpy(slot.sig, rec.sig, sizeof(slot.sig));
	(void)memcpy(slot.key_id, rec.key_id, sizeof(slot.key_id));
	(void)memset(head, 0, LEDGER_FMT_HEAD_FILE);
	ledger_fmt_slot_put(head, &slot);
	return 0;
}

static int
fill_dir(const struct fio *f, int dirfd, const char *tmp, const struct buf *log,
    const uint8_t *head, struct err *e)
{
	int dir = fio_open(f, dirfd, tmp, O_RDONLY | O_DIRECTORY, 0, e);
	int r;

	if (dir < 0)
		return dir;
	r = new_file(f, dir, "log", log->p, log->len, e);
	if (r == 0)
		r = new_file(f, dir, "head", head, LEDGER_FMT_HEAD_FILE, e);
	if (r == 0)
		r = fio_sync_dir(f, dir, NULL, e);
	fio_close(f, dir);
	return r;
}

void
ledger_drop_dir(const struct fio *f, int dirfd, const char *name)
{
	int dir = fio_open(f, dirfd, name, O_RDONLY | O_DIRECTORY, 0, NULL);

	/* best effort: the log first, without which nothing is taken for a ledger */
	if (dir >= 0) {
		(void)f->unlink_at(f->ctx, dir, "log", false);
		(void)f->unlink_at(f->ctx, dir, "head", false);
		fio_close(f, dir);
	}
	(void)f->unlink_at(f->ctx, dirfd, name, true);
}

int
ledger_put_new(const struct fio *f, int dirfd, const char *name, const struct buf *log,
    struct err *e)
{
	uint8_t head[LEDGER_FMT_HEAD_FILE];
	char tmp[256];
	int r, len;

	len = snprintf(tmp, sizeof(tmp), ".%s.%08x.tmp", name, arc4random());
	if (len < 0 || (size_t)len >= sizeof(tmp) || strchr(name, '/'))
		return err_set(e, E_INVAL, "this cannot be the name of a ledger");
	r = first_head(log, head, e);
	if (r == 0)
		r = fio_mkdir(f, dirfd, tmp, 0750, e);
	if (r < 0)
		return r;
	r = fill_dir(f, dirfd, tmp, log, head, e);
	if (r == 0)
		r = fio_rename(f, dirfd, tmp, dirfd, name, false, e);
	if (r == 0)
		r = fio_sync_dir(f, dirfd, NULL, e);
	else
		ledger_drop_dir(f, dirfd, tmp);
	return r;
}

int
ledger_create(const struct fio *f, int dirfd, const char *name, struct signer *s,
    const void *payload, size_t n, int64_t now, struct err *e)
{
	struct buf AUTO(buf_free) log = {0};
	int r;

	if (strchr(name, '/'))
		return err_set(e, E_INVAL, "this cannot be the name of a ledger");
	buf_init(&log, LEDGER_FMT_HEADER + LEDGER_FMT_REC_MAX);
	r = first_bytes(&log, s, payload, n, now, e);
	return r == 0 ? ledger_put_new(f, dirfd, name, &log, e) : r;
}
