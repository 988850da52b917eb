/* The power goes away at any moment of making a vault and of three generations.
 *
 * Everything the vault asks of the disk is recorded. Then every state in which the disk may be left
 * is built (replay.h) and opened as after a restart: it opens without any repair, every
 *acknowledged generation is listed and every listed one reads back exactly, and the next backup
 *works.
 *
 *	t-vault-crash            a bounded number of states
 *	t-vault-crash --full     all families, every sector of every write, many random subsets
 */
#include "fault/replay.h"

#include "tap.h"

enum { GENS = 3, SEEN = 1 << 22 };

static struct vt v;
static struct tape tape;
static struct vt_gen gens[GENS + 1];
static uint64_t *seen; /* keys of the states tried */
static uint64_t points, states, backups, odd;
static bool full;
static int pool;
static uint64_t rng = 88172645463325252;
static uint8_t final_sum[VT_SUM];

static void
failed(const struct rp_plan *pl, const char *family, const char *why)
{
	if (odd++ >= 10)
		return;
	printf("# after operation %d of %d, %s: %s\n#   lost:", pl->upto, tape.n, family, why);
	for (int i = 0; i < pl->upto; i++) {
		if (pl->what[i] != KEEP)
			printf(" %d(kind %d node %d %s%s)", i, tape.op[i].kind, tape.op[i].node,
			    tape.op[i].name, pl->what[i] ? " torn" : "");
	}
	printf("\n");
	(void)fflush(stdout);
}

static bool
first_time(uint64_t key)
{
	for (uint64_t i = key;; i++) {
		uint64_t *s = &seen[i % SEEN];

		if (*s == (key | 1))
			return false;
		if (*s == 0) {
			*s = key | 1;
			return true;
		}
	}
}

static uint64_t segments; /* which segments there are in this state, and what is in them */

/* What a generation reads as depends on the segments alone; reading it once from each set of them
 * is enough. */
static bool
known(const uint8_t id[FMT_ID_LEN])
{
	return !first_time((segments ^ le64_get(id)) * 0x9e3779b97f4a7c15);
}

/* Before the vault's making was acknowledged: it is there whole, or it is said what is there. */
static void
unborn(struct vt *s, const struct rp_plan *pl, const char *family)
{
	VAULT_W *w = NULL;
	struct vault_generation g;
	struct err e = {0};
	int r = vault_w_open(fio_os(), s->repo, &s->place, &w, &e);

	if (r == 0) {
		if (vt_backup_w(s, w, &g, &e) < 0)
			failed(pl, family, e.msg);
		vault_w_close(w);
		return;
	}
	if (r != E_PROTO && r != E_NOENT && r != E_AUTH && r != E_CORRUPT)
		failed(pl, family, e.msg);
	r = vt_init(s, fio_os(), &e);
	if (r < 0 && r != E_EXIST)
		failed(pl, family, e.msg);
	else if (r == 0 && vt_backup(s, fio_os(), &g, &e) < 0)
		failed(pl, family, e.msg);
}

static void
born(struct vt *s, const struct rp_plan *pl, const char *family, int acked)
{
	char why[600];
	VAULT_W *w = NULL;
	struct vt_gen list[GENS + 1];
	struct vault_generation g;
	struct err e = {0};

	(void)memcpy(list, gens, sizeof(list));
	s->known = known;
	for (int i = 0; i < GENS; i++)
		list[i].acked = i < acked;
	if (!vt_check(s, list, GENS, why)) {
		failed(pl, family, why);
		return;
	}
	if (vault_w_open(fio_os(), s->repo, &s->place, &w, &e) < 0) {
		failed(pl, family, e.msg);
		return;
	}
	if (states % (full ? 16 : 8) == 0) {
		backups++;
		s->known = NULL;
		if (vt_backup_w(s, w, &g, &e) < 0) {
			failed(pl, family, e.msg);
		} else {
			(void)memcpy(list[GENS].id, g.id, FMT_ID_LEN);
			(void)memcpy(list[GENS].sum, final_sum, VT_SUM);
			list[GENS].acked = true;
			if (!vt_check(s, list, GENS + 1, why))
				failed(pl, family, why);
		}
	}
	vault_w_close(w);
}

static void
try(const struct rp_plan *pl, const char *family)
{
	static struct rp_fs fs;
	struct vt s = v;
	int acks = 0, fd = -1;

	points++;
	rp_names(&tape, pl, &fs);
	for (int i = 0; i < pl->upto; i++)
		acks += tape.op[i].kind == TAPE_ACK;
	if (!first_time(rp_key(&tape, pl, &fs) + (uint64_t)acks))
		return;
	states++;
	(void)snprintf(s.top, sizeof(s.top), "%.200s/s", v.top);
	vt_paths(&s);
	(void)memcpy(s.src, v.src, sizeof(s.src));
	if (mkdir(s.top, 0700) < 0 || (fd = open(s.top, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		vt_die(s.top);
	rp_dir(&tape, pl, &fs, 0, fd, pool);
	(void)close(fd);
	vt_state_open(&s);
	segments = rp_segments(&tape, pl, &fs);
	if (acks == 0)
		unborn(&s, pl, family);
	else
		born(&s, pl, family, acks - 1);
	vt_free(&s);
}

/* ---- families of states at one moment ---- */

static void
keep_all(struct rp_plan *pl, int upto)
{
	pl->upto = upto;
	for (int i = 0; i < upto; i++)
		pl->what[i] = KEEP;
}

static void
torn_last(struct rp_plan *pl, int upto)
{
	const struct tape_op *o = upto > 0 ? &tape.op[upto - 1] : NULL;
	uint64_t step;

	if (!o || o->kind != TAPE_WRITE)
		return;
	keep_all(pl, upto);
	pl->what[upto - 1] = TORN;
	pl->mask[upto - 1] = 0;
	step = full ? (o->n > 65536 ? 4096 : 512) : o->n > 8192 ? o->n / 2 / 512 * 512 : 512;
	for (uint64_t cut = 0; cut < o->n; cut += step ? step : 512) {
		pl->cut[upto - 1] = cut;
		try(pl, "torn write");
	}
	const uint64_t odd_cuts[] = {1, o->n / 2, o->n - 1, o->n > 4096 ? 4096 : 0};

	for (size_t i = 0; i < ARRAY_LEN(odd_cuts); i++) {
		pl->cut[upto - 1] = odd_cuts[i];
		try(pl, "torn write");
	}
	for (int i = 0; i < (full ? 8 : 1); i++) {
		pl->mask[upto - 1] = vt_rng(&rng) | 1;
		try(pl, "sectors missing");
	}
	pl->mask[upto - 1] = 0;
}

static bool
is_data(int i)
{
	return tape.op[i].kind == TAPE_WRITE || tape.op[i].kind == TAPE_TRUNC;
}

/* Each thing not yet safe lost alone, alone left, lost by kind, and random subsets. */
static void
unsafe(struct rp_plan *pl, int upto)
{
	static uint8_t must[TAPE_MAX];
	int rounds = full ? 600 : 4, pending = 0;

	pl->upto = upto;
	rp_durable(&tape, upto, 0, must);
	for (int i = 0; i < upto; i++)
		pending += !must[i];
	if (pending == 0)
		return;
	(void)memcpy(pl->what, must, (size_t)upto);
	try(pl, "all that was not safe is lost");
	for (int kind = 0; kind < 2; kind++) {
		for (int i = 0; i < upto; i++)
			pl->what[i] = must[i] || is_data(i) == kind ? KEEP : 0;
		try(pl, kind ? "names lost, data kept" : "data lost, names kept");
		for (int i = 0; i < upto; i++) {
			if (must[i] || is_data(i) == kind)
				continue;
			pl->what[i] = TORN; /* names kept, files of full length without bytes */
			pl->cut[i] = 0;
			pl->mask[i] = UINT64_C(1) << 63;
		}
		if (kind == 0)
			try(pl, "data lost, lengths kept");
	}
	for (int i = 0; i < upto; i++) {
		if (must[i] || (!full && pending > 24 && i % 3 != upto % 3))
			continue;
		keep_all(pl, upto);
		pl->what[i] = 0;
		try(pl, "one lost");
		(void)memcpy(pl->what, must, (size_t)upto);
		pl->what[i] = KEEP;
		try(pl, "only one arrived");
	}
	for (int k = 0; k < rounds; k++) {
		for (int i = 0; i < upto; i++) {
			uint64_t r = vt_rng(&rng) >> 20;

			pl->what[i] = must[i] || r % 8 < 4 ? KEEP : 0;
			if (!must[i] && tape.op[i].kind == TAPE_WRITE && r % 8 == 4) {
				pl->what[i] = TORN;
				pl->cut[i] = 0;
				pl->mask[i] = vt_rng(&rng) | 1;
			}
		}
		try(pl, "some arrived");
	}
}

static void
all_points(void)
{
	static struct rp_plan pl;

	for (int upto = 2; upto <= tape.n; upto++) { /* the state directory was there before */
		keep_all(&pl, upto);
		try(&pl, "in order");
		torn_last(&pl, upto);
		unsafe(&pl, upto);
	}
}

/* ---- a disk that lies about having written ---- */

static uint64_t lies, lies_told;

/* What may happen: an error. What may not: other bytes than were backed up, or a writer that goes
 * on although what it saw before is gone. */
static void
lie(const struct rp_plan *pl)
{
	static struct rp_fs fs;
	struct vt s = v;
	struct err e = {0};
	VAULT_R *r = NULL;
	VAULT_W *w = NULL;
	size_t n = 0, have = 0;
	int fd = -1;

	lies++;
	rp_names(&tape, pl, &fs);
	(void)snprintf(s.top, sizeof(s.top), "%.200s/s", v.top);
	vt_paths(&s);
	if (mkdir(s.top, 0700) < 0 || (fd = open(s.top, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		vt_die(s.top);
	rp_dir(&tape, pl, &fs, 0, fd, pool);
	(void)close(fd);
	vt_state_open(&s);
	if (vt_open(&s, fio_os(), &r, &e) < 0) {
		lies_told++;
	} else {
		const struct vault_generation *g = vault_r_list(r, &n);

		for (size_t i = 0; i < n; i++) {
			uint8_t sum[VT_SUM];
			int k = 0;

			while (k < GENS && memcmp(gens[k].id, g[i].id, FMT_ID_LEN) != 0)
				k++;
			if (k == GENS)
				failed(pl, "lying disk", "a generation nobody made");
			else if (vt_sum_gen(r, &g[i], sum, &e) < 0)
				lies_told++;
			else if (memcmp(sum, gens[k].sum, VT_SUM) != 0)
				failed(pl, "lying disk", "wrong data without a word");
			else
				have++;
		}
	}
	vault_r_close(r);
	if (have < GENS && faccessat(s.place.statefd, "vault", F_OK, 0) == 0 &&
	    vault_w_open(fio_os(), s.repo, &s.place, &w, &e) < 0)
		lies_told++;
	vault_w_close(w);
	vt_free(&s);
}

static void
liars(void)
{
	static struct rp_plan pl;
	static uint8_t must[TAPE_MAX];
	const unsigned kinds[] = {1u << TAPE_SYNC, 1u << TAPE_DIRSYNC,
		1u << TAPE_SYNC | 1u << TAPE_DIRSYNC};

	pl.upto = tape.n;
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		rp_durable(&tape, tape.n, kinds[k], must);
		for (int round = 0; round < (full ? 400 : 40); round++) {
			for (int i = 0; i < tape.n; i++) {
				uint64_t x = vt_rng(&rng) >> 20;

				/* the later, the likelier lost */
				pl.what[i] = i < 2 || must[i] ||
				    x % 1000 > (uint64_t)(round % 40) * 12 ? KEEP : 0;
				if (!pl.what[i] && tape.op[i].kind == TAPE_WRITE && x % 3 == 0) {
					pl.what[i] = TORN;
					pl.cut[i] = 0;
					pl.mask[i] = vt_rng(&rng) | 1;
				}
			}
			lie(&pl);
		}
	}
}

/* ---- recording ---- */

static void
record(void)
{
	const struct fio *f = tape_init(&tape);
	struct vault_generation g;
	struct err e = {0};
	bool good;

	tape_watch(&tape, v.top, NULL);
	tape_watch(&tape, v.state, "state");
	good = vt_init(&v, f, &e) == 0;
	tape_ack(&tape);
	for (unsigned i = 0; good && i < GENS; i++) {
		vt_source(&v, i);
		vt_sum_source(&v, gens[i].sum);
		v.now = vt_clock();
		good = vt_backup(&v, f, &g, &e) == 0;
		tape_ack(&tape);
		(void)memcpy(gens[i].id, g.id, FMT_ID_LEN);
		gens[i].acked = true;
	}
	tape.on = false;
	(void)memcpy(final_sum, gens[GENS - 1].sum, VT_SUM);
	OK(good, "init and %d generations recorded (%s)", GENS, good ? "no error" : e.msg);
	OK(tape.open_fds == 0, "every descriptor was closed");
	printf("# operations on the tape: %d\n", tape.n);
}

int
main(int argc, char **argv)
{
	char path[400];
	struct rp_plan *all = calloc(1, sizeof(*all));

	full = (argc > 1 && strcmp(argv[1], "--full") == 0) || getenv("MAMORI_FULL");
	seen = calloc(SEEN, sizeof(*seen));
	if (!all || !seen)
		return 99;
	vt_new(&v);
	(void)snprintf(path, sizeof(path), "%s/pool", v.top);
	if (mkdir(path, 0700) < 0)
		vt_die(path);
	pool = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	record();
	if (getenv("MAMORI_TAPE")) {
		static const char *const kinds[] = {"open", "read", "write", "sync", "dirsync",
			"trunc", "rename", "unlink", "mkdir", "ack"};

		for (int i = 0; i < tape.n; i++)
			printf("# %d %s node %d dir %d %s -> %d %s off %llu n %llu\n", i,
			    kinds[tape.op[i].kind], tape.op[i].node, tape.op[i].dir,
			    tape.op[i].name, tape.op[i].dir2, tape.op[i].name2,
			    (unsigned long long)tape.op[i].off, (unsigned long long)tape.op[i].n);
	}
	all_points();
	OK(odd == 0, "every state opens, lists and gives back what was acknowledged");
	printf("# crash points: %llu (%llu different states, %llu with a backup after)\n",
	    (unsigned long long)points, (unsigned long long)states, (unsigned long long)backups);
	OK(full || points > 1000, "more than a thousand crash points");
	odd = 0;
	liars();
	OK(odd == 0, "a disk that lies about syncing is noticed, never believed");
	printf("# states of a lying disk: %llu (told: %llu)\n", (unsigned long long)lies,
	    (unsigned long long)lies_told);
	free(all);
	free(seen);
	tape_free(&tape);
	(void)close(pool);
	vt_free(&v);
	return tap_done();
}
