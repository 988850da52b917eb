#include "practice/practice.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "practice/date.h"
#include "practice/parts.h"
#include "practice/ssmix.h"
#include "practice/truth.h"

enum { PRACTICE_FORMAT = 1, NOTHING_YET = -1 };

struct state {
	uint64_t size, seed;
	int64_t day;   /* last day that is whole, or NOTHING_YET */
	int64_t going; /* the day an unfinished call was going to */
	uint64_t files, bytes;
};

struct run {
	const struct practice_wish *w;
	struct state st;
	struct practice_plan plan;
	struct tree tree;
	struct enc *enc;
	struct hospital h;
	struct ssmix ssmix;
	struct truth truth;
	struct images images;
	uint64_t ticks;
	bool writing; /* the simulated day is a new one */
};

/* A third of the days' bytes comes from in-patients, whatever the size. Measured: about 3.05 kB a
 * known patient, 490 kB a day of the wards, 3.4 kB a visit. */
void
practice_plan(uint64_t size, struct practice_plan *ret)
{
	const uint64_t turn = UINT64_C(200) << 20;
	uint64_t ssmix = size < turn ? size * 26 / 100 : turn * 26 / 100 + (size - turn) * 6 / 100;
	uint64_t rest = size - ssmix, patients = ssmix / 5200, daily, days;

	*ret = (struct practice_plan){0};
	patients = patients < 600 ? 600 : patients > 150000 ? 150000 : patients;
	ret->patients = (uint32_t)patients;
	ret->visits = (uint32_t)(patients / 50 < 12 ? 12 : patients / 50 > 300 ? 300 :
	    patients / 50);
	daily = 490000 + ret->visits * UINT64_C(3400) * 6 / 7;
	days = ssmix > patients * 3050 ? (ssmix - patients * 3050) / daily : 0;
	ret->first = -(int32_t)(days < 7 ? 7 : days > 1100 ? 1100 : days);
	ret->images = rest * 56 / 100;
	ret->database = rest * 25 / 100;
	ret->scans = rest * 15 / 100;
	ret->office = rest * 4 / 100;
}

/* --- the state file --- */

static int
state_save(struct run *r, struct err *e)
{
	json_t *o = json_pack("{s:s s:i s:I s:I s:I s:I s:I s:I}", "what",
	    "mamori practice hospital",
	    "format", PRACTICE_FORMAT, "seed", (json_int_t)r->st.seed, "size",
	    (json_int_t)r->st.size, "day", (json_int_t)r->st.day, "going", (json_int_t)r->st.going,
	    "files", (json_int_t)r->st.files, "bytes", (json_int_t)r->st.bytes);
	char *text = o ? json_dumps(o, JSON_INDENT(1)) : NULL;
	int code;

	json_decref(o);
	if (!text)
		return err_set(e, E_NOMEM, "no memory");
	code = fio_replace(r->tree.f, r->tree.fd, "practice.json", text, strlen(text), 0644, e);
	free(text);
	return code;
}

static int
state_parse(const char *text, size_t n, struct state *st, struct err *e)
{
	json_int_t format = 0, seed = 0, size = 0, day = 0, going = 0, files = 0, bytes = 0;
	const char *what = "";
	json_error_t je;
	json_t *o = json_loadb(text, n, 0, &je);
	int r = 0;

	if (!o || json_unpack(o, "{s:s s:I}", "what", &what, "format", &format) < 0 ||
	    strcmp(what, "mamori practice hospital") != 0)
		r = err_set(e, E_CORRUPT, "practice.json is damaged, or of another program");
	else if (format != PRACTICE_FORMAT)
		r = err_set(e, E_PROTO, "practice.json has format %lld", (long long)format);
	else if (json_unpack(o, "{s:I s:I s:I s:I s:I s:I}", "seed", &seed, "size", &size, "day",
		&day, "going", &going, "files", &files, "bytes", &bytes) < 0 ||
	    seed < 0 || size < (json_int_t)PRACTICE_SIZE_MIN ||
	    size > (json_int_t)PRACTICE_SIZE_MAX || day < NOTHING_YET || day > PRACTICE_DAY_MAX ||
	    going < day || going > PRACTICE_DAY_MAX || files < 0 || bytes < 0)
		r = err_set(e, E_CORRUPT, "practice.json is damaged");
	json_decref(o);
	if (r == 0)
		*st = (struct state){.size = (uint64_t)size, .seed = (uint64_t)seed, .day = day,
			.going = going, .files = (uint64_t)files, .bytes = (uint64_t)bytes};
	return r;
}

static int
state_load(struct run *r, struct err *e)
{
	AUTO(buf_free) struct buf b = {0};
	int code;

	buf_init(&b, 65536);
	code = fio_slurp(r->tree.f, r->tree.fd, "practice.json", &b, e);
	return code < 0 ? code : state_parse((const char *)b.p, b.len, &r->st, e);
}

static int
is_empty(const char *dir, struct err *e)
{
	DIR *d = opendir(dir);
	struct dirent *de;
	int r = 1;

	if (!d)
		return err_sys(e, "cannot list %s", dir);
	while (r == 1 && (de = readdir(d)))
		if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0)
			r = 0;
	(void)closedir(d);
	return r;
}

/* --- one call --- */

static int
begin(struct run *r, struct err *e)
{
	const struct practice_wish *w = r->w;
	int code = state_load(r, e);

	if (code == E_NOENT) {
		code = is_empty(w->dir, e);
		if (code < 0)
			return code;
		if (code == 0)
			return err_set(e, E_EXIST,
			    "%s holds something that is not a practice hospital",
			    w->dir);
		r->st = (struct state){.size = w->has_size ? w->size : PRACTICE_SIZE_USUAL,
			.seed = w->has_seed ? w->seed : PRACTICE_SEED_USUAL, .day = NOTHING_YET,
			.going = w->has_day ? w->day : 0};
		return 0;
	}
	if (code < 0)
		return code;
	if (w->has_size && w->size != r->st.size)
		return err_set(e, E_INVAL, "%s was made with --size %llu", w->dir,
		    (unsigned long long)r->st.size);
	if (w->has_seed && w->seed != r->st.seed)
		return err_set(e, E_INVAL, "%s was made with --seed %llu", w->dir,
		    (unsigned long long)r->st.seed);
	if (w->has_day && w->day < r->st.day)
		return err_set(e, E_INVAL, "%s is at day %lld already; it cannot go back", w->dir,
		    (long long)r->st.day);
	if (w->has_day && w->day < r->st.going)
		return err_set(e, E_INVAL,
		    "an interrupted call was moving %s to day %lld; repeat that",
		    w->dir, (long long)r->st.going);
	if (w->has_day)
		r->st.going = w->day;
	return 0;
}

static int
check(const struct practice_wish *w, struct err *e)
{
	if (!w->dir || !w->dir[0])
		return err_set(e, E_INVAL, "no folder given");
	if (w->has_size && (w->size < PRACTICE_SIZE_MIN || w->size > PRACTICE_SIZE_MAX))
		return err_set(e, E_INVAL, "the size must be between 16M and 1T");
	if (w->has_day && w->day > PRACTICE_DAY_MAX)
		return err_set(e, E_INVAL, "the day must be between 0 and %d", PRACTICE_DAY_MAX);
	if (w->has_seed && w->seed > INT64_MAX)
		return err_set(e, E_INVAL, "the seed must be below 2^63");
	return 0;
}

static int
tick(struct run *r, const char *what, struct err *e)
{
	if (r->w->progress && !r->w->progress(r->w->ctx, what, r->tree.files, r->tree.bytes))
		return err_set(e, E_CANCEL, "stopped");
	return 0;
}

static int
on_event(void *ctx, const struct ev *ev, struct err *e)
{
	struct run *r = ctx;
	int code = truth_add(&r->truth, ev, e);

	if (code < 0 || !r->writing)
		return code;
	code = ssmix_write(&r->ssmix, ev, e);
	if (code == 0)
		code = images_note(&r->images, ev, e);
	if (code == 0 && ++r->ticks % 1024 == 0)
		code = tick(r, "ssmix2", e);
	return code;
}

/* What is made once a day, from day 0. */
static int
daily(struct run *r, int32_t day, struct err *e)
{
	const struct parts p = {.t = &r->tree, .enc = r->enc, .h = &r->h, .plan = &r->plan,
		.dir = r->w->dir, .seed = r->st.seed};
	int code = tick(r, "images", e);

	if (code == 0)
		code = images_day(&r->images, &p, day, e);
	if (code == 0)
		code = tick(r, "database", e);
	if (code == 0)
		code = pagedb_day(&p, day, e);
	if (code == 0)
		code = sqldb_day(&p, day, e);
	if (code == 0)
		code = tick(r, "scans", e);
	if (code == 0)
		code = scans_day(&p, day, e);
	if (code == 0)
		code = tick(r, "office", e);
	return code < 0 ? code : office_day(&p, day, e);
}

static int
days(struct run *r, struct err *e)
{
	int code = 0;

	while (r->h.day < r->st.going && code == 0) {
		r->writing = r->st.day == NOTHING_YET || r->h.day >= r->st.day;
		code = hospital_next(&r->h, e);
		if (code == 0 && r->writing && r->h.day >= 0)
			code = daily(r, r->h.day, e);
	}
	if (code == 0 && r->st.day != r->st.going)
		code = truth_write(&r->truth, &r->h, r->enc, &r->tree,
		    date_stamp((int32_t)r->st.going, INT64_C(86000000)), e);
	return code;
}

static int
work(struct run *r, struct err *e)
{
	int code;

	practice_plan(r->st.size, &r->plan);
	if (r->st.day != r->st.going && (code = state_save(r, e)) < 0)
		return code;
	if ((code = enc_new(&r->enc, e)) < 0)
		return code;
	ssmix_init(&r->ssmix, &r->tree, r->enc, r->st.seed);
	images_init(&r->images);
	code = truth_init(&r->truth, r->st.seed, e);
	if (code == 0)
		code = hospital_init(&r->h, r->st.seed, r->plan.patients, r->plan.visits,
		    r->plan.first, on_event, r, e);
	if (code == 0)
		code = days(r, e);
	return code;
}

static void
report(const struct run *r, struct practice_report *ret)
{
	*ret = (struct practice_report){
		.size = r->st.size, .seed = r->st.seed, .day = (uint32_t)r->st.day,
		.files = r->st.files, .bytes = r->st.bytes,
		.new_files = r->tree.files, .new_bytes = r->tree.bytes,
		.patients = (uint32_t)r->h.patients.len, .beds = HOSPITAL_BEDS,
		.inpatients = hospital_inpatients(&r->h),
	};
}

int
practice_run(const struct practice_wish *w, struct practice_report *ret, struct err *e)
{
	struct run r = {.w = w, .tree = {.f = fio_os(), .fd = -1}};
	int code = check(w, e);

	if (code == 0)
		code = fio_mkdirs(r.tree.f, w->dir, 0755, e);
	if (code < 0)
		return code;
	r.tree.fd = open(w->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r.tree.fd < 0)
		return err_sys(e, "cannot open %s", w->dir);
	code = begin(&r, e);
	if (code == 0)
		code = work(&r, e);
	if (code == 0 && r.st.day != r.st.going) {
		r.st.day = r.st.going;
		code = tree_count(&r.tree, &r.st.files, &r.st.bytes, e);
		if (code == 0)
			code = state_save(&r, e);
	}
	if (code == 0)
		report(&r, ret);
	images_free(&r.images);
	hospital_free(&r.h);
	truth_free(&r.truth);
	ssmix_free(&r.ssmix);
	enc_free(r.enc);
	fio_close(r.tree.f, r.tree.fd);
	return code;
}
