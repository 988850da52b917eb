#include "ledger/ledger.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/ledger_int.h"

int
ledger_open(const struct fio *f, int dirfd, const char *name, const uint8_t *pin,
    struct ledger **ret, struct err *e)
{
	struct ledger *l;
	int r = ledger_io_open(f, dirfd, name, true, &l, e);

	if (r < 0)
		return r;
	r = ledger_io_header(l, e);
	if (r == E_INVAL)
		r = err_set(e, E_PROTO, "this is not a ledger");
	if (r == 0)
		r = ledger_scan_all(l, e);
	if (r == 0 && pin && memcmp(pin, l->first, SIGN_PUB_LEN) != 0)
		r = err_set(
		    e, E_AUTH, "the ledger was begun with another key than the one known here");
	if (r == 0)
		r = ledger_slots_judge(l, false, e);
	if (r < 0) {
		ledger_io_close(l);
		return r;
	}
	*ret = l;
	return 0;
}

void
ledger_close(struct ledger *l)
{
	ledger_io_close(l);
}

const uint8_t *
ledger_id(const struct ledger *l)
{
	return l->id;
}

const uint8_t *
ledger_genesis(const struct ledger *l, size_t *ret_len)
{
	*ret_len = l->genesis.len;
	return l->genesis.p;
}

const uint8_t *
ledger_key(const struct ledger *l)
{
	return l->first;
}

struct ledger_head
ledger_head(const struct ledger *l)
{
	struct ledger_head h = {.seq = l->tail.seq, .at = l->tail.at};

	(void)memcpy(h.hash, l->tail.hash, sizeof(h.hash));
	return h;
}

/* Where to begin in order to meet record ${from}. */
static const struct ledger_mark *
mark_before(const struct ledger *l, uint64_t from)
{
	size_t i = (size_t)(from / LEDGER_MARK_EVERY); /* marks are made for every such record */

	return VEC_AT(&l->marks, struct ledger_mark, i < l->marks.len ? i : l->marks.len - 1);
}

static int
show(const struct ledger_fmt_rec *rec, uint64_t off, ledger_fn *fn, void *cookie, struct err *e)
{
	struct ledger_rec view = {
		.seq = rec->seq, .at = rec->at, .type = rec->type, .key_id = rec->key_id,
		.payload = rec->payload, .len = rec->payload_len, .hash = rec->hash, .offset = off,
		.raw = rec->body, .raw_len = rec->len,
	};

	return fn(&view, cookie, e);
}

/* ${l} may be appended to while the walk goes on; everything it needs was copied before. */
static int
walk(struct ledger *l, struct ledger_win *w, uint64_t from, ledger_fn *fn, void *cookie,
    struct err *e)
{
	struct ledger_mark at = *mark_before(l, from);
	uint64_t end = l->tail.end;

	while (at.off < end) {
		struct ledger_fmt_rec rec;
		uint8_t hash[LEDGER_HASH_LEN] = {0};
		const uint8_t *p;
		size_t n;
		int r = ledger_io_view(l, w, at.off, LEDGER_FMT_REC_HEAD, end, &p, &n, e);

		if (r == 0)
			r = ledger_io_view(l, w, at.off, ledger_fmt_rec_len(p, n), end, &p, &n, e);
		if (r < 0)
			return r;
		r = ledger_fmt_rec_get(p, n, &rec);
		if (r == 0)
			ledger_fmt_rec_hash(l->digest, l->id, at.prev, &rec, hash);
		if (r < 0 || memcmp(hash, rec.hash, sizeof(hash)) != 0)
			return err_set(e, E_CORRUPT,
			    "record %llu at offset %llu was changed while it "
			    "was in use",
			    (unsigned long long)at.seq, (unsigned long long)at.off);
		r = rec.seq >= from ? show(&rec, at.off, fn, cookie, e) : 0;
		if (r != 0)
			return r;
		(void)memcpy(at.prev, hash, sizeof(hash));
		at.off += rec.len;
		at.seq++;
	}
	return 0;
}

/* Take in what others appended, under a read lock so that no half-made record is seen. */
static int
refresh(struct ledger *l, struct err *e)
{
	uint64_t size;
	int r = ledger_io_lock(l, F_RDLCK, e);

	if (r < 0)
		return r;
	r = ledger_io_size(l, &size, e);
	if (r == 0 && size < l->tail.end)
		r = err_set(e, E_CORRUPT, "the log was cut below record %llu while it was in use",
		    (unsigned long long)l->tail.seq);
	if (r == 0 && size > l->tail.end) {
		r = ledger_io_head(l, e);
		l->win.len = 0; /* what was read before may have grown */
		if (r == 0)
			r = ledger_scan(l, size, e);
	}
	ledger_io_unlock(l);
	return r;
}

int
ledger_each(struct ledger *l, uint64_t from, ledger_fn *fn, void *cookie, struct err *e)
{
	struct ledger_win w = {0};
	int r = refresh(l, e);

	if (r < 0 || from > l->tail.seq)
		return r;
	w.p = malloc(LEDGER_WINDOW);
	if (!w.p)
		return err_set(e, E_NOMEM, "no memory to read the ledger");
	r = walk(l, &w, from, fn, cookie, e);
	free(w.p);
	return r;
}

int
ledger_hold(struct ledger *l, struct err *e)
{
	int r;

	if (!l->writable)
		return err_set(e, E_AUTH, "the ledger cannot be written here");
	r = ledger_io_lock(l, F_WRLCK, e);
	if (r == 0)
		l->held = true;
	return r;
}

void
ledger_release(struct ledger *l)
{
	l->held = false;
	ledger_io_unlock(l);
}
