#include "practice/ssmix.h"

#include <stdio.h>

#include "practice/codes.h"
#include "practice/date.h"
#include "practice/hl7.h"
#include "practice/names.h"

enum { MESSAGE_MAX = 256 << 10 };

void
ssmix_path(char out[SSMIX_PATH], const struct ev *ev, int64_t at, char flag)
{
	char id[9], day[9], made[18];
	const char *kind = ev_name(ev->kind);
	/* what has no date has no department either */
	const char *dept = ev->day == DATE_NONE ? "-" : codes_depts[ev->dept].code;

	names_id(ev->pt, id);
	date_put8(day, ev->day);
	date_put17(made, at);
	(void)snprintf(out, SSMIX_PATH, "ssmix2/%.3s/%.3s/%s/%s/%s/%s_%s_%s_%015llu_%s_%s_%c", id,
	    id + 3, id, day, kind, id, day, kind, (unsigned long long)ev->no, made, dept, flag);
}

void
ssmix_init(struct ssmix *s, struct tree *t, struct enc *enc, uint64_t seed)
{
	*s = (struct ssmix){.t = t, .enc = enc, .seed = seed};
	buf_init(&s->text, MESSAGE_MAX);
	buf_init(&s->coded, MESSAGE_MAX * 4);
}

void
ssmix_free(struct ssmix *s)
{
	buf_free(&s->text);
	buf_free(&s->coded);
}

int
ssmix_write(struct ssmix *s, const struct ev *ev, struct err *e)
{
	char path[SSMIX_PATH], was[SSMIX_PATH], now[SSMIX_PATH];
	int r;

	ssmix_path(path, ev, ev->at, ev->cancel ? '0' : '1');
	if (ev->prev_at) {
		ssmix_path(was, ev, ev->prev_at, '1');
		ssmix_path(now, ev, ev->prev_at, ev->cancel ? '0' : '2');
		r = tree_rename(s->t, was, now, e);
		if (r < 0)
			return r;
	}
	buf_clear(&s->text);
	buf_clear(&s->coded);
	r = hl7_build(s->seed, ev, &s->text, e);
	if (r == 0)
		r = enc_jis(s->enc, (const char *)s->text.p, s->text.len, &s->coded, e);
	if (r == 0)
		r = tree_put(s->t, path, s->coded.p, s->coded.len, ev->at, e);
	return r;
}
