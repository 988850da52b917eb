/* The life of generations under the keep ledger, with years passing in a second: arrival, lock,
 * request, approval, waiting, removal; and everything an attacker with the client's rights, or with
 * the box's key, would try instead. */
#include "fault/keeplib.h"

#include "base/time.h"
#include "vault/keep_int.h"
#include "vault/verify.h"

#include "tap.h"

static struct vt v;
static struct kt t;
static struct vt_gen gens[40];
static int ngens;
static unsigned round_no;

/* as_is(drilled): A generation of the source as it is. backup(drilled): of a new day. */
static bool
as_is(bool drilled)
{
	struct vault_generation g = {0};
	struct err e = {0};
	int r;

	vt_sum_source(&v, gens[ngens].sum);
	r = vt_backup(&v, fio_os(), &g, &e);
	if (r == 0)
		r = kt_note(&t, &g, drilled, &e);
	(void)memcpy(gens[ngens].id, g.id, FMT_ID_LEN);
	gens[ngens++].acked = true;
	if (r < 0)
		printf("# %s\n", e.msg);
	free(g.runs);
	return r == 0;
}

static bool
backup(bool drilled)
{
	vt_source(&v, round_no++);
	return as_is(drilled);
}

/* left(): How many generations of those made can be read and are what they were; -1 when one is
 * not. Those marked removed must not open. */
static int
left(void)
{
	VAULT_R *r = NULL;
	struct err e = {0};
	size_t n = 0;
	int good = 0;

	if (vt_open(&v, fio_os(), &r, &e) < 0)
		return -1;
	const struct vault_generation *g = vault_r_list(r, &n);

	for (size_t i = 0; i < n && good >= 0; i++) {
		uint8_t sum[VT_SUM];
		int x = vt_sum_gen(r, &g[i], sum, &e), k = 0;

		while (k < ngens && memcmp(gens[k].id, g[i].id, FMT_ID_LEN) != 0)
			k++;
		if (g[i].removed)
			good = x == E_NOENT ? good : -1;
		else if (x < 0 || k == ngens || memcmp(sum, gens[k].sum, VT_SUM) != 0)
			good = -1;
		else
			good++;
		if (good < 0)
			printf("# generation %zu: %s\n", i, e.msg);
	}
	vault_r_close(r);
	return good;
}

static int
reap(struct keep_reaped *done)
{
	struct err e = {0};
	int r = keep_reap(fio_os(), v.repo, t.k, &t.now, done, &e);

	if (r < 0)
		printf("# %s: %s\n", err_name(r), e.msg);
	return r;
}

static const struct keep_gen *
newest(void)
{
	return keep_find(t.k, gens[ngens - 1].id);
}

static bool
verifies(enum verify_depth depth)
{
	struct vault_verify_opts o = {.depth = depth, .secret = v.secret, .threads = 1};
	struct vault_verify_report rep;
	struct err e = {0};
	bool ok = vault_verify(fio_os(), v.repo, &o, &rep, &e) == 0 && rep.ok;

	if (!ok)
		printf("# %s\n", rep.nlisted ? rep.errors[0].why : e.msg);
	vault_verify_report_free(&rep);
	return ok;
}

/* ---- arrival and locks ---- */

static void
arrival(void)
{
	struct keep_state st;
	int64_t until;
	struct err e;

	OK(backup(true), "a generation comes in");
	EQ_I(newest()->until - newest()->received, 14 * TIME_DAY,
	    "it is locked for the policy's time");
	until = newest()->until;
	OK(keep_extend(t.k, &t.now, newest()->id, until - 5, &e) == 0 && newest()->until == until,
	    "a lock is never made shorter");
	OK(keep_extend(t.k, &t.now, newest()->id, until + TIME_DAY, &e) == 0 &&
	    newest()->until == until + TIME_DAY, "it can be made longer");
	EQ_I(keep_extend(t.k, &t.now, newest()->id, until + 4000 * TIME_DAY, &e), E_LIMIT,
	    "but not for ever");
	EQ_I(keep_extend(t.k, &t.now, (const uint8_t[16]){1}, until, &e), E_NOENT,
	    "of what never came in there is nothing to lock");
	t.now.wall += 3653 * TIME_DAY;
	OK(keep_clock(t.k, &t.now, NULL, &e) == 1, "the wall clock ten years on is noticed");
	keep_state(t.k, &st);
	OK(st.last.c < TIME_DAY && st.jumps == 1, "and moves no lock");
	t.now.wall -= 3653 * TIME_DAY;
	OK(keep_clock(t.k, &t.now, NULL, &e) == 1, "and back");
	keep_state(t.k, &st);
	OK(st.last.c < TIME_DAY && newest()->until == until + TIME_DAY, "nothing changed");
}

/* A client's time and wish are labels. */
static void
wishes(void)
{
	struct vault_generation g = {.seq = 900, .locked_until = t.now.wall + 30 * TIME_DAY};
	struct keep_arrival a = {.gen = &g, .tag = {9}};
	struct keep_clock c;
	struct err e;

	OK(keep_clock(t.k, &t.now, &c, &e) >= 0, "now");
	g.id[0] = 1;
	OK(keep_received(t.k, &t.now, &a, &e) == 0 && keep_find(t.k, g.id)->until ==
	    c.c + 30 * TIME_DAY, "a longer wish counts");
	g.id[0] = 2;
	g.locked_until = t.now.wall - 900 * TIME_DAY;
	OK(keep_received(t.k, &t.now, &a, &e) == 0 && keep_find(t.k, g.id)->until ==
	    c.c + 14 * TIME_DAY, "a back-dated one does not shorten");
	g.id[0] = 3;
	g.locked_until = INT64_MAX;
	OK(keep_received(t.k, &t.now, &a, &e) == 0 && keep_find(t.k, g.id)->until ==
	    c.c + KEEP_WISH_DAYS * TIME_DAY, "one in the far future is capped");
	g.locked_until = t.now.wall + 999 * TIME_DAY;
	OK(keep_received(t.k, &t.now, &a, &e) == 1 && keep_find(t.k, g.id)->until ==
	    c.c + KEEP_WISH_DAYS * TIME_DAY, "coming in twice changes nothing");
}

/* ---- people ---- */

static void
people(void)
{
	const struct keep_policy *weak = keep_policy_named("guideline");
	struct signer *two[2] = {t.people[0], t.people[1]};
	struct keep_state st;
	struct err e = {0};

	EQ_I(keep_approver(t.k, &t.now, t.people[2], signer_pub(t.people[2]), "me", true, &e),
	    E_AUTH, "nobody names himself");
	OK(kt_name_two(&t, &e) == 0, "the recovery key names two people");
	OK(keep_policy_set(t.k, &t.now, keep_policy_named("month"), NULL, 0, &e) == 0,
	    "a stronger policy needs nobody");
	EQ_I(keep_policy_set(t.k, &t.now, weak, NULL, 0, &e), E_AUTH, "a weaker one does");
	EQ_I(keep_policy_set(t.k, &t.now, weak, two, 1, &e), E_AUTH, "one person is not enough");
	two[1] = t.people[0];
	EQ_I(keep_policy_set(t.k, &t.now, weak, two, 2, &e), E_AUTH, "nor the same one twice");
	two[1] = t.people[2];
	EQ_I(keep_policy_set(t.k, &t.now, weak, two, 2, &e), E_AUTH, "nor with a stranger");
	two[1] = t.people[1];
	OK(keep_policy_set(t.k, &t.now, weak, two, 2, &e) == 0, "two people may");
	keep_state(t.k, &st);
	OK(strcmp(st.policy.name, "guideline") == 0 && !st.policy_signed && st.approvers == 2,
	    "the policy is theirs, and no authority beforehand");
}

/* ---- removal ---- */

static void
fill(int days)
{
	bool good = true;

	for (int d = 0; d < days; d++) {
		kt_pass(&t, 1);
		good &= backup(true);
	}
	OK(good, "%d days of backups, each proved by a drill", days);
}

static void
early(void)
{
	struct keep_reaped done;
	struct keep_request q;
	const uint8_t(*one)[FMT_ID_LEN] = (const uint8_t(*)[FMT_ID_LEN])gens[ngens - 1].id;
	uint64_t seq;
	struct err e = {0};
	int n;

	EQ_I(reap(&done), E_NOENT, "without a request nothing is removed");
	EQ_I(keep_ask(t.k, &t.now, keep_policy_named("guideline"), one, 1, &seq, &e), E_AUTH,
	    "what is locked cannot even be asked for");
	n = kt_ask(&t, "guideline", &e);
	OK(n > 3, "a request for all that may go (%d)", n);
	EQ_I(kt_ask(&t, "guideline", &e), E_EXIST, "there is one request at a time");
	EQ_I(reap(&done), E_AUTH, "unapproved, nothing is removed");
	EQ_I(keep_approve(t.k, &t.now, t.people[2], &e), E_AUTH, "a stranger cannot approve");
	EQ_I(keep_approve(t.k, &t.now, t.root, &e), E_AUTH, "nor the recovery key by itself");
	OK(keep_approve(t.k, &t.now, t.people[0], &e) == 0, "one approves");
	EQ_I(keep_approve(t.k, &t.now, t.people[0], &e), E_EXIST, "not twice");
	EQ_I(reap(&done), E_AUTH, "one is not enough");
	OK(keep_approve(t.k, &t.now, t.people[1], &e) == 0, "the second one");
	EQ_I(reap(&done), E_BUSY, "the waiting time is not over");
	t.now.wall += 30 * TIME_DAY;
	EQ_I(reap(&done), E_BUSY, "nor when the clock is pushed");
	t.now.wall -= 30 * TIME_DAY;
	OK(keep_cancel(t.k, &t.now, "somebody", &e) == 0, "anybody can stop it");
	OK(!keep_pending(t.k, &q), "then nothing waits");
	kt_pass(&t, 8);
	EQ_I(reap(&done), E_NOENT, "and nothing is removed later");
}

static void
removal(void)
{
	struct keep_reaped done;
	struct keep_state st;
	struct err e = {0};
	int before = left(), n = kt_ask(&t, "guideline", &e);

	OK(n > 0 && keep_approve(t.k, &t.now, t.people[0], &e) == 0 &&
	    keep_approve(t.k, &t.now, t.people[1], &e) == 0, "asked for and approved");
	kt_pass(&t, 6.9);
	EQ_I(reap(&done), E_BUSY, "not a moment before seven days");
	kt_pass(&t, 0.2);
	OK(backup(true), "backups go on while a request waits");
	EQ_I(reap(&done), 0, "now it is done");
	EQ_I(done.generations, n, "all that was asked for is removed");
	OK(done.bytes > 0 && done.segments > 0, "and frees space");
	EQ_I(left(), before + 1 - n, "every other one reads back, byte by byte");
	OK(verifies(VERIFY_DEEP), "what was removed is no damage");
	EQ_I(reap(&done), E_NOENT, "once");
	keep_state(t.k, &st);
	OK(st.removed == (uint64_t)n && st.freed > 0 && !st.intent_open, "the account says so");
	OK(backup(false) && left() == before + 2 - n, "and backups go on");
	OK(verifies(VERIFY_DEEP), "all of it holds");
}

/* A policy signed with the recovery key needs no approvals, only the waiting. */
static void
beforehand(void)
{
	const struct keep_gen *g, *old = NULL;
	struct keep_reaped done;
	struct err e = {0};
	uint8_t one[1][FMT_ID_LEN];
	uint64_t seq;
	size_t all;
	int n;

	OK(keep_policy_set(t.k, &t.now, keep_policy_named("guideline"), &t.root, 1, &e) == 0,
	    "the recovery key signs a policy");
	kt_pass(&t, 30);
	OK(backup(true), "a month later");
	n = kt_ask(&t, "guideline", &e);
	OK(n > 0 && reap(&done) == E_BUSY, "its removals wait, too");
	kt_pass(&t, 8);
	OK(reap(&done) == 0 && done.generations == (uint32_t)n, "and need nobody more");
	g = keep_gens(t.k, &all);
	for (size_t i = 0; i < all && !old; i++)
		old = !g[i].removed && g[i].until < t.now.ran ? &g[i] : NULL;
	(void)memcpy(one[0], old ? old->id : gens[0].id, FMT_ID_LEN);
	EQ_I(keep_ask(t.k, &t.now, keep_policy_named("month"), (const uint8_t(*)[FMT_ID_LEN])one, 1,
	    &seq, &e), 0,
	    "a request under another policy than the signed one");
	kt_pass(&t, 8);
	EQ_I(reap(&done), E_AUTH, "needs approvals all the same");
	OK(keep_cancel(t.k, &t.now, "test", &e) == 0, "stopped");
}

/* ---- a backup that runs while a removal is noted ---- */

static struct {
	bool armed, fired;
	int r;
} race;

/* In the midst of a run, when it has looked at what there is: the removal happens. */
static void
in_between(void *cookie, const struct vault_progress *p)
{
	struct keep_reaped done;
	struct err e;

	(void)cookie;
	(void)p;
	if (!race.armed || race.fired)
		return;
	race.fired = true;
	race.r = keep_reap(fio_os(), v.repo, t.k, &t.now, &done, &e);
}

/* Content that only removed generations had comes back while it is being removed. */
static void
races(void)
{
	static uint8_t mem[1500000];
	const char *src = v.src;
	struct vault_backup b = {.sources = &src, .nsources = 1, .host = "h", .threads = 1,
	    .level = 1, .progress = in_between, .full = true};
	struct vault_generation g = {0};
	VAULT_W *w = NULL;
	struct err e = {0};
	char path[400];
	int r;

	vt_noise(mem, sizeof(mem), 4711);
	vt_put(&v, "old-only.bin", mem, sizeof(mem), 0);
	/* alone in its segment, so that the segment goes with the generation */
	OK(as_is(false), "something large, in one generation only");
	(void)snprintf(path, sizeof(path), "%s/old-only.bin", v.src);
	(void)unlink(path);
	for (int d = 0; d < 24; d++) {
		kt_pass(&t, 1);
		if (d > 17 && !backup(true))
			OK(false, "a backup");
	}
	OK(kt_ask(&t, "guideline", &e) > 0, "its removal is asked for");
	kt_pass(&t, 8);
	vt_put(&v, "old-only.bin", mem, sizeof(mem), 0);
	vt_sum_source(&v, gens[ngens].sum);
	race.armed = true;
	b.now = v.now;
	r = vault_w_open(fio_os(), v.repo, &v.place, &w, &e);
	if (r == 0)
		r = vault_w_backup(w, &b, &g, &e);
	vault_w_close(w);
	race.armed = false;
	EQ_I(race.r, 0, "the removal happens while the backup runs");
	OK(race.fired && r == 0, "and the backup still succeeds (%s)", e.msg);
	(void)memcpy(gens[ngens].id, g.id, FMT_ID_LEN);
	gens[ngens++].acked = true;
	OK(kt_note(&t, &g, false, &e) == 0 && left() > 0, "nothing it needs is gone");
	OK(verifies(VERIFY_DEEP), "to the last byte");
	free(g.runs);
}

/* ---- somebody with the box's key who does not keep to the rules ---- */

static bool
forged(struct keep_rec *rec)
{
	struct buf AUTO(buf_free) b = {0};
	struct signer *box = NULL;
	struct err e;
	bool took;

	buf_init(&b, 1 << 20);
	(void)keep_clock_next(&(struct keep_clock){0}, &t.now, &rec->at);
	if (rec->at.c >= 0) {
		struct keep_state st;

		keep_state(t.k, &st);
		if (rec->type != KEEP_CLOCK)
			rec->at = st.last;
	}
	took = signer_new(t.key.seed, &box, &e) == 0 && keep_rec_put(&b, rec, &e) == 0 &&
	    ledger_append(keep_ledger(t.k), box, rec->type, b.p, b.len, t.now.wall, NULL, &e) ==
		0 &&
	    keep_refresh(t.k, &e) == 0;
	signer_free(box);
	return took && keep_sound(t.k, &e) == E_CORRUPT;
}

static void
reopen(void)
{
	struct err e;

	kt_close(&t);
	if (kt_open(&t, fio_os(), &e) < 0)
		vt_die(e.msg);
}

static void
forgeries(void)
{
	struct keep_rec rec = {.type = KEEP_EXTEND};
	struct keep_reaped done;
	struct keep_state st;
	uint8_t one[1][FMT_ID_LEN];
	int64_t until = newest()->until;
	int before = left();
	struct err e;

	(void)memcpy(one[0], gens[ngens - 1].id, FMT_ID_LEN);
	(void)memcpy(rec.gen, one[0], FMT_ID_LEN);
	rec.until = 5;
	OK(!forged(&rec) && newest()->until == until,
	    "a shorter lock is written and means nothing");
	rec = (struct keep_rec){.type = KEEP_INTENT, .ngens = 1, .gens = one};
	OK(forged(&rec), "an intent that nobody allowed is odd");
	OK(!newest()->removed, "and removes nothing");
	EQ_I(reap(&done), E_CORRUPT, "the reaper touches nothing any more");
	reopen();
	keep_state(t.k, &st);
	rec = (struct keep_rec){.type = KEEP_CLOCK};
	OK(forged(&rec), "a clock that runs ahead is odd");
	reopen();
	rec = (struct keep_rec){.type = KEEP_APPROVER, .yes = true, .serial = 3, .text = "me"};
	OK(forged(&rec), "so is an approver without the recovery key");
	reopen();
	rec = (struct keep_rec){.type = KEEP_GOOD};
	(void)memcpy(rec.gen, one[0], FMT_ID_LEN);
	OK(forged(&rec), "and a doubt lifted by nobody");
	EQ_I(keep_sound(t.k, &e), E_CORRUPT, "it is remembered");
	OK(!verifies(VERIFY_STRUCTURE), "verify tells");
	EQ_I(left(), before, "and every generation is as it was");
	OK(backup(false), "backups go on even then");
}

/* ---- others ---- */

static void
strangers(void)
{
	struct keep_key other = {.seed = {9}};
	struct keep *k = NULL;
	struct err e;
	struct keep_rec rec = {.type = KEEP_CLOCK};

	EQ_I(keep_open(fio_os(), t.fd, &t.id, &other, &t.now, &k, &e), E_AUTH,
	    "another machine cannot write the ledger");
	EQ_I(keep_open(fio_os(), t.fd, &t.id, NULL, NULL, &k, &e), 0, "anybody can read it");
	EQ_I(keep_begin(k, &t.now, &rec, &e), E_AUTH, "and a reader cannot write");
	keep_close(k);
	EQ_I(keep_open(fio_os(), v.place.statefd, &t.id, NULL, NULL, &k, &e), E_NOENT,
	    "where there is none, there is none");
}

/* A generation in doubt, and the ones after it, through the ledger. */
static void
doubts(void)
{
	static const uint8_t key[32] = {5};
	struct vault_figures f = {.files = 1000, .bytes = 50 << 20, .before = 1000, .changed = 10,
	    .new_bytes = 1 << 20, .packed = 1 << 20, .touched_bytes = 1 << 20};
	struct vault_generation g = {.seq = 5000};
	struct keep_arrival a = {.gen = &g, .tag = {77}};
	uint8_t sealed[KEEP_MAX_SEALED];
	char why[KEEP_TEXT];
	enum keep_doubt got[8];
	struct err e = {0};
	int r = 0;

	for (int i = 0; i < 8 && r >= 0; i++) {
		struct vault_figures day = f;

		g.id[0] = (uint8_t)(0x40 + i);
		g.id[1] = 0x77;
		if (i == 4)
			day.changed = 900;
		if (i == 6) { /* put back from the vault */
			day.changed = 900;
			day.touched_bytes = 45 << 20;
		}
		r = keep_judge_run(t.k, key, &day, &a, why, &e);
		if (r == 0)
			r = keep_figures_seal(key, g.id, &day, sealed, &a.sealed_len, &e);
		a.sealed = sealed;
		if (r == 0)
			r = keep_received(t.k, &t.now, &a, &e);
		got[i] = a.doubt;
	}
	OK(r == 0, "eight days (%s)", r < 0 ? e.msg : "no error");
	OK(got[0] == KEEP_SOUND && got[3] == KEEP_SOUND, "four ordinary ones");
	EQ_I(got[4], KEEP_DOUBT, "everything changed");
	EQ_I(got[5], KEEP_FOLLOWS, "the day after is in doubt with it");
	EQ_I(got[6], KEEP_SOUND, "the day when it was put back is not");
	EQ_I(got[7], KEEP_SOUND, "nor are those after");
	EQ_I(keep_good(t.k, &t.now, a.gen->id, t.people[2], &e), E_AUTH,
	    "a stranger lifts no doubt");
	g.id[0] = 0x44;
	OK(keep_good(t.k, &t.now, g.id, t.people[0], &e) == 0 &&
	    keep_find(t.k, g.id)->doubt == KEEP_SOUND, "an approver does");
}

int
main(void)
{
	vt_new(&v);
	kt_new(&t, &v, fio_os());
	strangers();
	arrival();
	people();
	fill(20);
	early();
	removal();
	beforehand();
	races();
	wishes();
	doubts();
	forgeries();
	kt_close(&t);
	kt_keys_free(&t);
	vt_free(&v);
	return tap_done();
}
