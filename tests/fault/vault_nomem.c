/* Every allocation of the vault fails once: while a vault is made, opened, listed, read, and while
 * a generation is added. Each time E_NOMEM comes back (or the call was not needed), nothing leaks,
 * and the same thing works afterwards. The counters are atomic: a backup allocates in several
 * threads. */
#include <stdatomic.h>

#include "fault/vlib.h"
#include "tap.h"

void *__real_malloc(size_t n);
void *__real_calloc(size_t k, size_t n);
void *__real_realloc(void *p, size_t n);
void *__real_reallocarray(void *p, size_t k, size_t n);
void __real_free(void *p);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t k, size_t n);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_reallocarray(void *p, size_t k, size_t n);
void __wrap_free(void *p);

static atomic_long fail_in; /* 0: not armed */
static atomic_long count, fired;

static bool
now(void)
{
	(void)atomic_fetch_add(&count, 1);
	if (atomic_load(&fail_in) <= 0 || atomic_fetch_sub(&fail_in, 1) != 1)
		return false;
	(void)atomic_fetch_add(&fired, 1);
	return true;
}

void *
__wrap_malloc(size_t n)
{
	return now() ? NULL : __real_malloc(n);
}

void *
__wrap_calloc(size_t k, size_t n)
{
	return now() ? NULL : __real_calloc(k, n);
}

void *
__wrap_realloc(void *p, size_t n)
{
	return now() ? NULL : __real_realloc(p, n);
}

void *
__wrap_reallocarray(void *p, size_t k, size_t n)
{
	return now() ? NULL : __real_reallocarray(p, k, n);
}

void
__wrap_free(void *p)
{
	__real_free(p);
}

static struct vt v;
static struct vault_generation made;

static int
do_init(struct err *e)
{
	return vt_init(&v, fio_os(), e);
}

static int
do_read(struct err *e)
{
	VAULT_R *r = NULL;
	const struct vault_generation *g;
	uint8_t sum[VT_SUM];
	int x = vt_open(&v, fio_os(), &r, e);

	if (x == 0)
		x = vault_r_find(r, "latest", &g, e);
	if (x == 0)
		x = vt_sum_gen(r, g, sum, e);
	vault_r_close(r);
	return x;
}

static int
do_place(struct err *e)
{
	VAULT_R *r = NULL;
	const struct vault_generation *g;
	uint8_t sum[VT_SUM];
	int x = vault_r_open(fio_os(), v.repo, &(struct vault_open){.place = &v.place}, &r, e);

	if (x == 0)
		x = vault_r_find(r, "src", &g, e);
	if (x == 0)
		x = vt_sum_gen(r, g, sum, e);
	vault_r_close(r);
	return x;
}

static int
do_backup(struct err *e)
{
	static unsigned round;

	if (atomic_load(&fail_in) == 0)
		vt_source(&v, ++round);
	v.now = vt_clock();
	return vt_backup(&v, fio_os(), &made, e);
}

static void
every(const char *what, int (*fn)(struct err *e), bool full)
{
	long total, step, refused = 0, runs = 0, odd = 0;
	struct err e = {0};
	int fds;

	if (fn == do_init)
		vt_rm(v.repo);
	atomic_store(&count, 0);
	if (fn(&e) < 0)
		printf("# %s without a fault: %s\n", what, e.msg);
	total = atomic_load(&count);
	step = full || total < 200 ? 1 : total / 120 + 1;
	fds = vt_fds();
	for (long n = 1; n <= total; n += step) {
		int r;

		if (fn == do_init)
			vt_rm(v.repo);
		(void)memset(&e, 0, sizeof(e));
		atomic_store(&fired, 0);
		atomic_store(&fail_in, n);
		r = fn(&e);
		atomic_store(&fail_in, 0);
		runs++;
		refused += r < 0;
		if (r < 0 && (r != E_NOMEM || !*e.msg) && odd++ < 5)
			printf("# %s, allocation %ld: %d %s\n", what, n, r, e.msg);
		if (r < 0 && fn == do_init)
			vt_rm(v.repo);
		if (r < 0 && fn(&e) < 0 && odd++ < 5)
			printf("# %s, after allocation %ld failed: %s\n", what, n, e.msg);
	}
	OK(total > 10 && refused > 5, "%s: %ld of %ld allocations failed, %ld refused", what, runs,
	    total, refused);
	OK(odd == 0, "%s: no memory is said as such and works afterwards", what);
	EQ_I(vt_fds(), fds, "no descriptor was left open");
}

int
main(int argc, char **argv)
{
	bool full = (argc > 1 && strcmp(argv[1], "--full") == 0) || getenv("MAMORI_FULL");
	struct vt_gen last = {.acked = true};
	struct err e = {0};
	char why[600] = "";

	vt_new(&v);
	vt_source(&v, 0);
	every("init", do_init, full);
	every("backup", do_backup, full);
	every("reading with the recovery key", do_read, full);
	every("reading with this machine's keys", do_place, full);
	vt_sum_source(&v, last.sum);
	OK(vt_backup(&v, fio_os(), &made, &e) == 0, "a last generation");
	(void)memcpy(last.id, made.id, FMT_ID_LEN);
	OK(vt_check(&v, &last, 1, why), "everything listed can be read (%s)", why);
	vt_free(&v);
	return tap_done();
}
