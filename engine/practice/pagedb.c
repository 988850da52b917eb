#include "practice/pagedb.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "practice/date.h"
#include "practice/names.h"
#include "practice/parts.h"
#include "practice/rng.h"

enum { HEAD = 32, BATCH = 128 };

static const char *const phrases[] = {
	"S）とくに変わりありません。", "S）夜間の咳が続いている。", "S）食欲は戻ってきた。",
	"S）右膝の痛みが強い。", "S）ふらつきあり、転倒はなし。", "O）呼吸音清、ラ音なし。",
	"O）下腿に浮腫を認める。", "O）腹部平坦・軟、圧痛なし。", "O）創部の発赤なし。",
	"A）経過は良好。", "A）脱水の傾向。", "A）血圧の管理は不十分。", "A）誤嚥に注意が必要。",
	"P）内服を続ける。", "P）採血を追加、結果を見て再検討。", "P）家族へ説明し同意を得た。",
	"P）リハビリを続ける。", "P）①点滴②酸素③安静。", "看護：体位変換、口腔ケアを行った。",
	"看護：髙橋師長へ報告。", "薬剤：㈱仮薬品へ照会済み。", "栄養：ｶﾛﾘｰを1600kcalへ変更。",
};

static uint64_t
sum_of(const uint8_t page[PAGEDB_PAGE])
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	/* eight bytes a step: quick, and any flipped bit still changes it */
	for (size_t i = 0; i < PAGEDB_PAGE; i += 8) {
		h ^= i == 16 ? 0 : le64_get(page + i);
		h *= UINT64_C(0x100000001b3);
		h ^= h >> 29;
	}
	return h;
}

static size_t
put(uint8_t *at, size_t room, const char *s)
{
	size_t n = strlen(s);

	if (n > room)
		return 0;
	(void)memcpy(at, s, n);
	return n;
}

static size_t
note(struct rng *r, uint8_t *at, size_t room, uint32_t patients, int32_t day)
{
	char head[80], id[9], when[9];
	size_t n;
	int k = rng_range(r, 3, 7);

	names_id(rng_below(r, patients), id);
	date_put8(when, day - (int32_t)rng_below(r, 400));
	(void)snprintf(head, sizeof(head), "%s|%s|%02d:%02d|BT%d.%d BP%d/%d P%d SpO2 %d|", id, when,
	    rng_range(r, 7, 22), rng_range(r, 0, 59), rng_range(r, 35, 38), rng_range(r, 0, 9),
	    rng_range(r, 90, 180), rng_range(r, 50, 100), rng_range(r, 50, 110),
	    rng_range(r, 88, 100));
	n = put(at, room, head);
	for (int i = 0; i < k; i++)
		n += put(at + n, room - n, phrases[rng_below(r, (uint32_t)ARRAY_LEN(phrases))]);
	return n;
}

static void
finish(uint8_t page[PAGEDB_PAGE], uint32_t no, int32_t day, uint16_t records, size_t used)
{
	(void)memcpy(page, "MPPG", 4);
	le32_put(page + 4, no);
	le64_put(page + 8, (uint64_t)(day + 1));
	le16_put(page + 24, records);
	le16_put(page + 26, (uint16_t)used);
	le64_put(page + 16, sum_of(page));
}

void
pagedb_fill(uint8_t page[PAGEDB_PAGE], uint64_t seed, uint32_t no, int32_t day, uint32_t patients)
{
	struct rng r;
	uint16_t records = 0;
	size_t used = HEAD;

	rng_init(&r, rng_hash(seed, no, 0x50414745));
	(void)memset(page, 0, PAGEDB_PAGE);
	while (used + 400 < PAGEDB_PAGE) {
		size_t n = note(&r, page + used + 2, PAGEDB_PAGE - used - 2, patients, day);

		le16_put(page + used, (uint16_t)n);
		used += 2 + n;
		records++;
	}
	finish(page, no, day, records, used);
}

void
pagedb_change(uint8_t page[PAGEDB_PAGE], uint64_t seed, uint32_t no, int32_t day)
{
	uint16_t records = le16_get(page + 24), used = le16_get(page + 26);
	size_t at = HEAD, n;
	uint32_t which;
	char text[64];
	struct rng r;

	rng_init(&r, rng_hash(seed, no, 0x4348414e0000 + (uint64_t)day));
	if (records == 0 || used > PAGEDB_PAGE)
		return;
	which = rng_below(&r, records);
	for (uint32_t i = 0; i < which && at + 2 <= used; i++)
		at += 2u + le16_get(page + at);
	n = at + 2 <= used ? le16_get(page + at) : 0;
	(void)snprintf(text, sizeof(text), "訂正%d日目 BT%d.%d BP%d/%d P%d　", day,
	    rng_range(&r, 35, 38), rng_range(&r, 0, 9), rng_range(&r, 90, 180),
	    rng_range(&r, 50, 100), rng_range(&r, 50, 110));
	if (n < strlen(text) || at + 2 + n > PAGEDB_PAGE)
		return;
	(void)memset(page + at + 2, ' ', n);
	(void)put(page + at + 2, n, text);
	finish(page, no, day, records, used);
}

bool
pagedb_ok(const uint8_t page[PAGEDB_PAGE], uint32_t no)
{
	return memcmp(page, "MPPG", 4) == 0 && le32_get(page + 4) == no &&
	    le64_get(page + 16) == sum_of(page);
}

static void
header(uint8_t page[PAGEDB_PAGE], uint32_t pages, int32_t day)
{
	int n;

	(void)memset(page, 0, PAGEDB_PAGE);
	n = snprintf((char *)page + HEAD + 2, 64, "karte pages=%u day=%d", pages, day);
	le16_put(page + HEAD, (uint16_t)n);
	finish(page, 0, day, 1, (size_t)(HEAD + 2 + n));
}

/* Write pages from..to-1 as new, a megabyte at a time. */
static int
append(const struct parts *p, int fd, uint32_t from, uint32_t to, int32_t day, struct err *e)
{
	uint8_t *batch = malloc((size_t)BATCH * PAGEDB_PAGE);
	int r = batch ? 0 : err_set(e, E_NOMEM, "no memory");

	while (from < to && r == 0) {
		uint32_t n = to - from < BATCH ? to - from : BATCH;

		for (uint32_t i = 0; i < n; i++)
			pagedb_fill(batch + (size_t)i * PAGEDB_PAGE, p->seed, from + i, day,
			    p->h->known);
		r = fio_pwrite_all(p->t->f, fd, batch, (size_t)n * PAGEDB_PAGE,
		    (uint64_t)from * PAGEDB_PAGE, e);
		from += n;
	}
	free(batch);
	return r;
}

static int
rewrite(const struct parts *p, int fd, uint32_t pages, int32_t day, struct err *e)
{
	uint8_t page[PAGEDB_PAGE];
	int r = 0;

	for (uint32_t no = 1; no < pages && r == 0; no++) {
		if (rng_hash(p->seed, no, 0x44415900000000 + (uint64_t)day) % 100 != 0)
			continue;
		r = fio_pread_all(p->t->f, fd, page, sizeof(page), (uint64_t)no * PAGEDB_PAGE, e);
		if (r == 0 && !pagedb_ok(page, no))
			return err_set(e, E_CORRUPT, "database/karte.dat, page %u", no);
		pagedb_change(page, p->seed, no, day);
		if (r == 0)
			r = fio_pwrite_all(p->t->f, fd, page, sizeof(page),
			    (uint64_t)no * PAGEDB_PAGE, e);
	}
	return r;
}

int
pagedb_day(const struct parts *p, int32_t day, struct err *e)
{
	uint32_t first = (uint32_t)(p->plan->database / PAGEDB_PAGE);
	uint32_t grow = first / 2000 + 2;
	uint32_t before = first + grow * (uint32_t)(day > 0 ? day - 1 : 0);
	uint32_t now = first + grow * (uint32_t)day;
	int fd = tree_open(p->t, "database/karte.dat", O_RDWR | O_CREAT | (day == 0 ? O_TRUNC : 0),
	    e);
	uint8_t page[PAGEDB_PAGE];
	int r;

	if (fd < 0)
		return fd;
	r = append(p, fd, day == 0 ? 1 : before, now, day, e);
	if (r == 0 && day > 0)
		r = rewrite(p, fd, before, day, e);
	header(page, now, day);
	if (r == 0)
		r = fio_pwrite_all(p->t->f, fd, page, sizeof(page), 0, e);
	if (r == 0)
		r = tree_touch(p->t, fd, date_stamp(day, INT64_C(82800123)), e);
	fio_close(p->t->f, fd);
	p->t->files++;
	p->t->bytes += (uint64_t)(day == 0 ? now : now - before) * PAGEDB_PAGE;
	return r;
}
