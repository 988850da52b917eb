/* The power goes away at any moment while a server is set up, enrols a machine, takes a new vault,
 * its segments, its log entries and three generations, notes their locks, lengthens one and lets
 * its clock go on.
 *
 * Everything that the server asks of its disk is recorded; every state in which the disk may be
 * left is built (replay.h), and the server starts on it. Then: it starts without a repair; what was
 * acknowledged to the machine is there (its enrolment, the authority it believes, each segment,
 * each entry, each lock); the machine goes on where it was and the vault ends up as it should.
 *
 *	t-hold-crash            a bounded number of states
 *	t-hold-crash --full     all families at every moment
 */
#include "fault/replay.h"

#include "base/time.h"
#include "ledger/ledger_fmt.h"
#include "net/ca.h"
#include "tap.h"
#include "vault/book.h"
#include "vault/hold_int.h"
#include "vault/verify.h"

#define HOUR (3600 * TIME_SEC)

enum { GENS = 3, SEEN = 1 << 22, MAX_ACKS = 128, PIECE = 512 << 10 };
enum ack { ACK_BOOK, ACK_CODE, ACK_CLIENT, ACK_CREATE, ACK_PUT, ACK_COMMIT, ACK_NOTED };

static struct vt v; /* the machine: its vault, ready to be sent */
static struct repo *own;
static struct buf ident, birth; /* what CREATE carries */
static struct vt_gen gens[GENS];
static struct tape tape;
static struct { enum ack what; uint64_t no; int64_t until; } acks[MAX_ACKS];
static int nacks;
static struct buf authority, spki;
static uint8_t print[TLS_PRINT];
static char code_id[CODE_ID];
static struct keep_time now = {.boot = {7}, .ran = 1, .up = 1};
static uint64_t *seen, points, states, resumed, odd, told, segments;
static bool full;
static int pool;
static uint64_t rng = 88172645463325252;

static void
failed(const struct rp_plan *pl, const char *family, const char *why)
{
	if (odd++ < 10)
		printf("# after operation %d of %d, %s: %s\n", pl->upto, tape.n, family, why);
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

/* ---- the machine's side ---- */

/* whole(no): The bytes of a segment; read once and kept. */
static const struct buf *
whole(uint32_t no)
{
	static struct buf kept[64];
	char path[400], hex[2 * FMT_ID_LEN + 1];

	if (no >= ARRAY_LEN(kept))
		vt_die("segments");
	if (kept[no].len == 0) {
		hex_put(hex, own->segs[no].rec.seg, FMT_ID_LEN);
		(void)snprintf(path, sizeof(path), "%s/seg/%s", v.repo, hex);
		buf_init(&kept[no], 1 << 27);
		if (fio_slurp(fio_os(), AT_FDCWD, path, &kept[no], NULL) < 0)
			vt_die(path);
	}
	return &kept[no];
}

static int
send_segment(struct hold *h, uint32_t no, struct err *e)
{
	const struct buf *b = whole(no);
	struct hold_put *p = NULL;
	int r = hold_put_begin(h, &own->segs[no].rec, 0, &p, e);

	if (r != 0)
		return r < 0 ? r : 0;
	for (size_t at = 0; r == 0 && at < b->len; at += PIECE)
		r = hold_put_data(p, b->p + at, b->len - at < PIECE ? b->len - at : PIECE, e);
	if (r == 0)
		return hold_put_end(p, e);
	hold_put_drop(p);
	return r;
}

static void
entry(uint64_t seq, struct buf *ret)
{
	buf_clear(ret);
	if (ledger_raw(own->log, seq, 1, ret, NULL) < 0)
		vt_die("the log");
}

static int
send_entry(struct hold *h, uint64_t seq, struct err *e)
{
	struct buf AUTO(buf_free) raw = {0}, before = {0};
	struct ledger_fmt_rec rec;
	uint16_t kind;

	buf_init(&raw, 1 << 22);
	buf_init(&before, 1 << 22);
	entry(seq, &raw);
	entry(seq - 1, &before);
	if (ledger_fmt_rec_get(before.p, before.len, &rec) < 0)
		vt_die("the log");
	return hold_commit(h, seq, rec.hash, raw.p, raw.len, &kind, e);
}

static int
no_of(uint64_t seq, bool gen)
{
	for (uint32_t i = 0; !gen && i < own->nsegs; i++) {
		if (own->segs[i].seq == seq)
			return (int)i;
	}
	for (size_t i = 0; gen && i < own->ngens; i++) {
		if (own->gens[i].seq == seq)
			return (int)i;
	}
	return -1;
}

static void
tell(enum ack what, uint64_t no, int64_t until)
{
	if (!tape.on)
		return;
	if (nacks == MAX_ACKS)
		vt_die("acknowledgements");
	acks[nacks].what = what;
	acks[nacks].no = no;
	acks[nacks++].until = until;
	tape_ack(&tape);
}

/* send_rest(f, h, from, book, e): All entries from ${from} on, each with what it needs. */
static int
send_rest(const struct fio *f, struct hold *h, uint64_t from, struct book *book, struct err *e)
{
	struct vault_place pl = {.statefd = book->fd};
	uint64_t last = ledger_head(own->log).seq;
	int r = 0;

	for (uint64_t seq = from; r == 0 && seq <= last; seq++) {
		int seg = no_of(seq, false);

		if (seg >= 0) {
			r = send_segment(h, (uint32_t)seg, e);
			if (r == 0)
				tell(ACK_PUT, (uint64_t)seg, 0);
		}
		if (r == 0)
			r = send_entry(h, seq, e);
		if (r == 0)
			tell(ACK_COMMIT, seq, 0);
		if (r == 0 && no_of(seq, true) >= 0) {
			now.ran += TIME_DAY;
			now.up += TIME_DAY;
			now.wall += TIME_DAY;
			r = hold_stamp(f, "clinic", &pl, &now, e);
		}
	}
	return r;
}

/* ---- a server's start on what the disk was left with ---- */

static int
keep_of(const struct fio *f, struct book *b, bool make, int *fd, struct keep **ret, struct err *e)
{
	struct vault_place pl = {.statefd = b->fd};
	struct keep_key key;
	struct vault_ident id;
	int r = vault_identify(f, "clinic", &id, e);

	if (r == 0)
		r = keep_key_load(f, &pl, id.repo, make, &key, e);
	if (r == 0)
		r = *fd = fio_open(f, AT_FDCWD, "clinic", O_RDONLY | O_DIRECTORY, 0, e);
	return r < 0 ? r : keep_open(f, *fd, &id, &key, &now, ret, e);
}

static bool
people_known(struct book *b, int upto, char why[600])
{
	struct buf AUTO(buf_free) there = {0}, cert = {0}, key = {0};
	struct wire_msg m = {.kind = WIRE_ENROL, .name = "受付", .a = spki.p,
		.an = (uint32_t)spki.len, .b = (const uint8_t *)"clinic", .bn = 6};
	struct book_client c;
	struct err e = {0};
	bool coded = false, in = false;

	buf_init(&there, 1 << 16);
	buf_init(&cert, 1 << 16);
	buf_init(&key, 1 << 16);
	if (book_identity(b, v.now, &cert, &key, &there, &e) < 0) {
		(void)snprintf(why, 600, "its own certificate: %s", e.msg);
		return false;
	}
	explicit_bzero(key.p, key.cap);
	for (int i = 0; i < upto; i++) {
		if (acks[i].what == ACK_BOOK && (there.len != authority.len ||
		    memcmp(there.p, authority.p, there.len) != 0)) {
			(void)snprintf(why, 600, "machines believe another authority");
			return false;
		}
		coded = coded || acks[i].what == ACK_CODE;
		in = in || acks[i].what == ACK_CLIENT;
	}
	if (in && book_client(b, print, &c, &e) < 0) {
		(void)snprintf(why, 600, "the machine is not enrolled any more: %s", e.msg);
		return false;
	}
	buf_clear(&cert);
	if (coded && book_enrol(b, code_id, &m, v.now, &cert, &c, &e) < 0) {
		(void)snprintf(why, 600, "the code, asked again: %s", e.msg);
		return false;
	}
	return true;
}

/* holds(h, upto, why): What was acknowledged of segments and entries is there. */
static bool
holds(struct hold *h, int upto, char why[600])
{
	struct buf AUTO(buf_free) raw = {0}, mine = {0};
	struct hold_put *p = NULL;
	struct err e = {0};

	buf_init(&raw, 1 << 22);
	buf_init(&mine, 1 << 22);
	for (int i = 0; i < upto; i++) {
		if (acks[i].what == ACK_PUT &&
		    hold_put_begin(h, &own->segs[acks[i].no].rec, 0, &p, &e) != 1) {
			hold_put_drop(p);
			(void)snprintf(why, 600, "segment %d is gone: %s", (int)acks[i].no, e.msg);
			return false;
		}
		if (acks[i].what != ACK_COMMIT)
			continue;
		buf_clear(&raw);
		entry(acks[i].no, &mine);
		if (hold_log(h, acks[i].no, 1, &raw, &e) < 0 || raw.len < mine.len ||
		    memcmp(raw.p, mine.p, mine.len) != 0) {
			(void)snprintf(why, 600, "entry %d is gone: %s", (int)acks[i].no, e.msg);
			return false;
		}
	}
	return true;
}

static bool
locks_hold(struct book *b, int upto, char why[600])
{
	struct keep *k = NULL;
	struct err e = {0};
	bool good = true, need = false;
	int fd = -1, r;

	for (int i = 0; i < upto; i++)
		need = need || acks[i].what == ACK_NOTED;
	if (!need)
		return true;
	r = keep_of(fio_os(), b, false, &fd, &k, &e);
	good = r == 0 && keep_sound(k, &e) == 0;
	if (!good)
		(void)snprintf(why, 600, "the locks: %s", e.msg);
	for (int i = 0; good && i < upto; i++) {
		const struct keep_gen *g = acks[i].what == ACK_NOTED
		    ? keep_find(k, gens[acks[i].no].id)
		    : NULL;

		if (acks[i].what == ACK_NOTED && (!g || g->until < acks[i].until)) {
			(void)snprintf(why, 600, "generation %d: %s", (int)acks[i].no,
			    g ? "a shorter lock" : "not noted any more");
			good = false;
		}
	}
	keep_close(k);
	if (fd >= 0)
		(void)close(fd);
	return good;
}

/* reads(lying, why): Every listed generation reads back as it was; the number of them, or -1.
 * ${lying}: one may be unreadable if that is said. */
static int
reads(bool lying, char why[600])
{
	const struct vault_open o = {.secret = v.secret};
	VAULT_R *r = NULL;
	struct err e = {0};
	size_t n = 0;
	int good = 0;

	if (vault_r_open(fio_os(), "clinic", &o, &r, &e) < 0) {
		(void)snprintf(why, 600, "open: %s", e.msg);
		told++;
		return lying ? 0 : -1;
	}
	const struct vault_generation *g = vault_r_list(r, &n);

	for (size_t i = 0; i < n && good >= 0; i++) {
		uint8_t sum[VT_SUM];
		int k = 0;

		while (k < GENS && memcmp(gens[k].id, g[i].id, FMT_ID_LEN) != 0)
			k++;
		if (k == GENS) {
			(void)snprintf(why, 600, "a generation nobody made");
			good = -1;
		} else if (vt_sum_gen(r, &g[i], sum, &e) < 0) {
			(void)snprintf(why, 600, "generation %d: %s", k, e.msg);
			told++;
			good = lying ? good : -1;
		} else if (memcmp(sum, gens[k].sum, VT_SUM) != 0) {
			(void)snprintf(why, 600, "generation %d is not what was sent", k);
			good = -1;
		} else {
			good++;
		}
	}
	vault_r_close(r);
	return good;
}

static bool
verifies(enum verify_depth depth, char why[600])
{
	struct vault_verify_opts o = {.depth = depth, .threads = 1};
	struct vault_verify_report rep;
	struct err e = {0};
	bool ok = vault_verify(fio_os(), "clinic", &o, &rep, &e) == 0 && rep.ok;

	if (!ok)
		(void)snprintf(why, 600, "verify: %s", rep.nlisted ? rep.errors[0].why : e.msg);
	vault_verify_report_free(&rep);
	return ok;
}

static bool
empty(const char *path)
{
	DIR *d = opendir(path);
	int n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		(void)closedir(d);
	return n <= 2;
}

static bool
created(int upto)
{
	for (int i = 0; i < upto; i++) {
		if (acks[i].what == ACK_CREATE)
			return true;
	}
	return false;
}

/* go_on(h, b, why): The machine comes back, looks at the log and sends what is missing. */
static bool
go_on(struct hold *h, struct book *b, char why[600])
{
	struct keep_time before = now;
	struct err e = {0};
	uint64_t from = ledger_head(h->repo->log).seq + 1;
	int r = send_rest(fio_os(), h, from, b, &e), n;

	resumed++;
	now = before;
	if (r < 0) {
		(void)snprintf(why, 600, "going on: %s", e.msg);
		return false;
	}
	if (first_time(segments * 0x9e3779b97f4a7c15)) {
		n = reads(false, why);
		if (n >= 0 && n != GENS)
			(void)snprintf(why, 600, "%d generations", n);
		if (n != GENS)
			return false;
	}
	return verifies(VERIFY_STRUCTURE, why);
}

/* serve(upto, deep, why): As told at the top, in the working directory. */
static bool
serve(int upto, bool deep, char why[600])
{
	struct book b = {.fd = -1};
	struct hold *h = NULL;
	struct err e = {0};
	int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = book_open(fio_os(), fd, true, v.now, &b, &e);
	bool good = r == 0 && people_known(&b, upto, why);

	(void)close(fd);
	if (r < 0)
		(void)snprintf(why, 600, "the server does not start: %s", e.msg);
	if (good && !created(upto))
		r = hold_create(fio_os(), "clinic", ident.p, ident.len, birth.p, birth.len, &e);
	if (good && r == 0)
		r = hold_open(fio_os(), "clinic", &h, &e);
	if (good && r < 0)
		(void)snprintf(why, 600, "the vault does not open: %s", e.msg);
	if (good && r == 0 && !empty("clinic/tmp"))
		(void)snprintf(why, 600, "something is left in tmp");
	good = good && r == 0 && !*why && holds(h, upto, why) && locks_hold(&b, upto, why) &&
	    (!deep || go_on(h, &b, why)) && (!deep || locks_hold(&b, upto, why));
	hold_close(h);
	book_close(&b);
	return good;
}

/* build(pl, fs): The state below ${v.top}/s, and the working directory in it. */
static void
build(const struct rp_plan *pl, const struct rp_fs *fs, struct vt *s)
{
	int fd = -1;

	(void)snprintf(s->top, sizeof(s->top), "%.200s/s", v.top);
	s->place.statefd = -1;
	if (mkdir(s->top, 0700) < 0 || (fd = open(s->top, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		vt_die(s->top);
	rp_dir(&tape, pl, fs, 0, fd, pool);
	if (fchdir(fd) < 0)
		vt_die(s->top);
	(void)close(fd);
	segments = rp_segments(&tape, pl, fs);
}

static void
try(const struct rp_plan *pl, const char *family)
{
	static struct rp_fs fs;
	struct vt s = {0};
	char why[600] = "";
	int upto = 0;

	points++;
	rp_names(&tape, pl, &fs);
	for (int i = 0; i < pl->upto; i++)
		upto += tape.op[i].kind == TAPE_ACK;
	if (!first_time(rp_key(&tape, pl, &fs) + (uint64_t)upto))
		return;
	states++;
	build(pl, &fs, &s);
	if (!serve(upto, states % (full ? 4 : 8) == 0, why))
		failed(pl, family, why);
	if (chdir(v.top) < 0)
		vt_die(v.top);
	vt_rm(s.top);
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
torn(struct rp_plan *pl, int upto)
{
	const struct tape_op *o = &tape.op[upto - 1];
	/* a head slot that lacks only its last byte is reported as damage (lib/ledger/README.md) */
	const uint64_t cuts[] = {0, 1, o->n / 2, o->n == 256 ? 255 / 2 : o->n - 1,
		o->n > 512 ? 512 : 0, o->n > 4096 ? 4096 : 0};

	if (o->kind != TAPE_WRITE)
		return;
	keep_all(pl, upto);
	pl->what[upto - 1] = TORN;
	for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
		pl->cut[upto - 1] = cuts[i];
		pl->mask[upto - 1] = 0;
		try(pl, "torn write");
	}
	for (int i = 0; i < (full ? 8 : 1); i++) {
		pl->cut[upto - 1] = 0;
		pl->mask[upto - 1] = vt_rng(&rng) | 1;
		try(pl, "sectors missing");
	}
	pl->mask[upto - 1] = 0;
}

static void
unsafe(struct rp_plan *pl, int upto)
{
	static uint8_t must[TAPE_MAX];
	int pending = 0;

	pl->upto = upto;
	rp_durable(&tape, upto, 0, must);
	for (int i = 0; i < upto; i++)
		pending += !must[i];
	if (pending == 0)
		return;
	(void)memcpy(pl->what, must, (size_t)upto);
	try(pl, "all that was not safe is lost");
	for (int i = 0; i < upto; i++) {
		if (must[i])
			continue;
		keep_all(pl, upto);
		pl->what[i] = 0;
		try(pl, "one lost");
		(void)memcpy(pl->what, must, (size_t)upto);
		pl->what[i] = KEEP;
		try(pl, "only one arrived");
	}
	for (int k = 0; k < (full ? 60 : 2); k++) {
		for (int i = 0; i < upto; i++)
			pl->what[i] = must[i] || vt_rng(&rng) >> 20 & 1 ? KEEP : 0;
		try(pl, "some arrived");
	}
}

static void
all_points(void)
{
	static struct rp_plan pl;

	for (int upto = 1; upto <= tape.n; upto++) {
		keep_all(&pl, upto);
		try(&pl, "in order");
		torn(&pl, upto);
		if (full || upto % 2 == 0)
			unsafe(&pl, upto);
	}
}

/* ---- a disk that lies about having written ---- */

/* What may happen: an error. What may not: other bytes than were sent. */
static void
lie(const struct rp_plan *pl)
{
	static struct rp_fs fs;
	struct vt s = {0};
	struct book b = {.fd = -1};
	struct hold *h = NULL;
	char why[600] = "";
	int fd;

	rp_names(&tape, pl, &fs);
	build(pl, &fs, &s);
	fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || book_open(fio_os(), fd, true, v.now, &b, NULL) < 0 ||
	    hold_open(fio_os(), "clinic", &h, NULL) < 0)
		told++;
	(void)close(fd);
	if (reads(true, why) < 0)
		failed(pl, "lying disk", why);
	if (h && go_on(h, &b, why) && reads(true, why) != GENS && verifies(VERIFY_DATA, why))
		failed(pl, "lying disk", "verify praises what cannot be read");
	hold_close(h);
	book_close(&b);
	if (chdir(v.top) < 0)
		vt_die(v.top);
	vt_rm(s.top);
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
		for (int round = 0; round < (full ? 100 : 20); round++) {
			for (int i = 0; i < tape.n; i++) {
				uint64_t x = vt_rng(&rng) >> 20;

				/* the later, the likelier lost */
				pl.what[i] = must[i] ||
				    x % 1000 > (uint64_t)(round % 20) * 24 ? KEEP : 0;
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
machine(void)
{
	struct vault_generation g;
	struct buf key;
	struct err e = {0};

	if (vt_init(&v, fio_os(), &e) < 0)
		vt_die(e.msg);
	for (unsigned i = 0; i < GENS; i++) {
		vt_source(&v, i);
		vt_sum_source(&v, gens[i].sum);
		v.now += TIME_DAY;
		if (vt_backup(&v, fio_os(), &g, &e) < 0)
			vt_die(e.msg);
		free(g.runs);
		(void)memcpy(gens[i].id, g.id, FMT_ID_LEN);
	}
	buf_init(&ident, 1 << 16);
	buf_init(&birth, 1 << 20);
	buf_init(&spki, CA_MAX_SPKI);
	buf_init(&key, 1 << 16);
	if (repo_open(fio_os(), v.repo, &own, &e) < 0 ||
	    ledger_raw(own->log, 0, 1, &birth, &e) < 0 ||
	    ledger_raw(own->log, 1, 1, &birth, &e) < 0 ||
	    fio_slurp(fio_os(), own->dirfd, "mamori-vault", &ident, &e) < 0 ||
	    ca_key(&key, &spki, &e) < 0 || ca_spki_print(spki.p, spki.len, print, &e) < 0)
		vt_die(e.msg);
	buf_free(&key);
	now.wall = v.now;
}

static int
enrol(struct book *b, struct err *e)
{
	struct book_code wish = {.vault = "clinic", .may = WIRE_MAY_WRITE,
		.expires = v.now + TIME_DAY};
	struct wire_msg m = {.kind = WIRE_ENROL, .name = "受付", .a = spki.p,
		.an = (uint32_t)spki.len, .b = (const uint8_t *)"clinic", .bn = 6};
	struct buf AUTO(buf_free) cert = {0};
	struct book_client c;
	char text[CODE_TEXT];
	struct code code;
	int r = book_code_new(b, &wish, text, e);

	buf_init(&cert, 1 << 16);
	if (r == 0)
		r = code_get(text, strlen(text), &code, e);
	if (r < 0)
		return r;
	(void)memcpy(code_id, code.id, sizeof(code_id));
	tell(ACK_CODE, 0, 0);
	r = book_enrol(b, code_id, &m, v.now, &cert, &c, e);
	if (r == 0)
		tell(ACK_CLIENT, 0, 0);
	return r;
}

/* locks(f, b, e): Locks as they are, one made longer, and an hour of the clock. */
static int
locks(const struct fio *f, struct book *b, struct err *e)
{
	struct keep *k = NULL;
	int fd = -1, r = keep_of(f, b, true, &fd, &k, e);

	for (uint64_t i = 0; r == 0 && i < GENS; i++) {
		const struct keep_gen *g = keep_find(k, gens[i].id);

		if (!g)
			r = err_set(e, E_NOENT, "a generation was not noted");
		else
			tell(ACK_NOTED, i, g->until);
	}
	for (uint64_t i = 0; r == 0 && i < GENS; i++) {
		int64_t until = keep_find(k, gens[i].id)->until + 30 * TIME_DAY;

		now.ran += HOUR;
		now.up += HOUR;
		now.wall += HOUR;
		r = keep_clock(k, &now, NULL, e);
		if (r >= 0)
			r = keep_extend(k, &now, gens[i].id, until, e);
		if (r == 0)
			tell(ACK_NOTED, i, until);
	}
	keep_close(k);
	fio_close(f, fd);
	return r;
}

static int
life(const struct fio *f, int top, struct err *e)
{
	struct buf AUTO(buf_free) cert = {0}, key = {0};
	struct book b = {.fd = -1};
	struct hold *h = NULL;
	int r = book_open(f, top, true, v.now, &b, e);

	buf_init(&cert, 1 << 16);
	buf_init(&key, 1 << 16);
	buf_init(&authority, 1 << 16);
	if (r == 0)
		r = book_identity(&b, v.now, &cert, &key, &authority, e);
	if (r == 0)
		tell(ACK_BOOK, 0, 0);
	if (r == 0)
		r = enrol(&b, e);
	if (r == 0)
		r = hold_create(f, "clinic", ident.p, ident.len, birth.p, birth.len, e);
	if (r == 0)
		tell(ACK_CREATE, 0, 0);
	if (r == 0)
		r = hold_open(f, "clinic", &h, e);
	if (r == 0)
		r = send_rest(f, h, 2, &b, e);
	hold_close(h);
	if (r == 0)
		r = locks(f, &b, e);
	book_close(&b);
	return r;
}

static void
record(void)
{
	const struct fio *f = tape_init(&tape);
	struct err e = {0};
	char box[400];
	int top, r, fds = vt_fds();

	(void)snprintf(box, sizeof(box), "%s/box", v.top);
	if (mkdir(box, 0700) < 0 || chdir(box) < 0)
		vt_die(box);
	tape_watch(&tape, box, NULL);
	top = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = life(f, top, &e);
	(void)close(top);
	tape.on = false;
	OK(r == 0, "a server's life recorded: %d acknowledgements (%s)", nacks,
	    r == 0 ? "no error" : e.msg);
	OK(vt_fds() == fds, "every descriptor was closed");
	printf("# operations on the tape: %d\n", tape.n);
}

int
main(int argc, char **argv)
{
	char path[400];

	full = (argc > 1 && strcmp(argv[1], "--full") == 0) || getenv("MAMORI_FULL");
	seen = calloc(SEEN, sizeof(*seen));
	if (!seen)
		return 99;
	vt_new(&v);
	(void)snprintf(path, sizeof(path), "%s/pool", v.top);
	if (mkdir(path, 0700) < 0)
		vt_die(path);
	pool = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	machine();
	record();
	all_points();
	OK(odd == 0, "every state starts, has what was acknowledged, and the machine goes on");
	printf("# crash points: %llu (%llu different states, the machine went on in %llu)\n",
	    (unsigned long long)points, (unsigned long long)states, (unsigned long long)resumed);
	OK(points > 1000 && resumed > 100, "enough of them");
	odd = told = 0;
	liars();
	OK(odd == 0, "a disk that lies about syncing is never believed");
	printf("# states of a lying disk told of: %llu\n", (unsigned long long)told);
	free(seen);
	tape_free(&tape);
	repo_close(own);
	(void)close(pool);
	(void)!chdir("/");
	vt_free(&v);
	return tap_done();
}
