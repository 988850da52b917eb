/* Another key of the box after one that was lost: only the recovery key's word counts, nothing else
 * changes with it, and nobody can use it twice, elsewhere, or go back behind it. */
#include "fault/keeplib.h"

#include "base/time.h"
#include "vault/keep_int.h"
#include "vault/verify.h"

#include "tap.h"

static struct vt v;
static struct kt t;
static struct keep_key old; /* what a thief has */
static char aside[400], keep_dir[400];

static const char *
key_file(void)
{
	static char path[400];
	char hex[2 * FMT_ID_LEN + 1];

	hex_put(hex, t.id.repo, FMT_ID_LEN);
	(void)snprintf(path, sizeof(path), "%s/vault/%s/keep.key", v.state, hex);
	return path;
}

static void
reopen(const char *what)
{
	struct err e = {0};
	int r;

	kt_close(&t);
	r = kt_open(&t, fio_os(), &e);
	OK(r == 0, "%s%s%s", what, r < 0 ? ": " : "", r < 0 ? e.msg : "");
	if (r < 0)
		vt_die(e.msg);
}

/* lose(): The key is gone, and another one lies in its place. */
static void
lose(void)
{
	struct err e;

	kt_close(&t);
	if (unlink(key_file()) < 0 ||
	    keep_key_load(fio_os(), &v.place, t.id.repo, true, &t.key, &e) < 0)
		vt_die("another key");
	t.fd = open(v.repo, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* As if what follows had not been: a copy of the keep ledger, and back to it. */
static void
keep_aside(void)
{
	vt_copy(keep_dir, aside);
}

static void
put_back(void)
{
	kt_close(&t);
	vt_rm(keep_dir);
	if (rename(aside, keep_dir) < 0)
		vt_die("rename");
	t.fd = open(v.repo, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int
adopt(struct signer *root, struct err *e)
{
	return keep_adopt(fio_os(), t.fd, &t.id, &t.key, root, &t.now, e);
}

static int
try_open(const struct keep_key *key, bool write)
{
	struct keep *k = NULL;
	struct err e;
	int r = keep_open(fio_os(), t.fd, &t.id, key, write ? &t.now : NULL, &k, &e);

	keep_close(k);
	return r;
}

/* ---- records that somebody writes by hand ---- */

/* seen(k): A reader's view. */
static struct keep *
seen(void)
{
	struct keep *k = NULL;
	struct err e;

	if (keep_open(fio_os(), t.fd, &t.id, NULL, NULL, &k, &e) < 0)
		vt_die(e.msg);
	return k;
}

/* put(seed, rec): A record under this key, whatever it says. */
static int
put(const uint8_t seed[SIGN_SEED_LEN], struct keep_rec *rec)
{
	struct buf AUTO(buf_free) b = {0};
	struct signer *by = NULL;
	struct keep *k = seen();
	struct err e;
	int r = signer_new(seed, &by, &e);

	buf_init(&b, 1 << 16);
	rec->at = k->last;
	if (r == 0)
		r = keep_rec_put(&b, rec, &e);
	if (r == 0)
		r = ledger_append(
		    keep_ledger(k), by, rec->type, b.p, b.len, t.now.wall, NULL, &e);
	signer_free(by);
	keep_close(k);
	return r;
}

/* let(by, pub): A ledger's record that this key may sign. */
static int
let(struct signer *by, const uint8_t pub[SIGN_PUB_LEN])
{
	struct keep *k = seen();
	struct err e;
	int r = ledger_enrol(keep_ledger(k), by, pub, t.now.wall, &e);

	keep_close(k);
	return r;
}

/* keeper(id, key, serial, root, rec): A record of a new keeper as the recovery key would sign it
 * now. */
static void
keeper(const struct vault_ident *id, const struct keep_key *key, uint64_t serial,
    struct signer *root, struct keep_rec *rec)
{
	struct buf AUTO(buf_free) say = {0};
	struct signer *s = NULL;
	struct keep *k = seen();
	struct err e;

	buf_init(&say, 1024);
	*rec = (struct keep_rec){.type = KEEP_KEEPER, .serial = serial, .nsigs = 1};
	if (signer_new(key->seed, &s, &e) < 0)
		vt_die(e.msg);
	(void)memcpy(rec->hash, signer_pub(s), SIGN_PUB_LEN);
	(void)memcpy(rec->sigs[0].pub, signer_pub(root), SIGN_PUB_LEN);
	if (keep_say_keeper(&say, id->repo, rec->hash, serial, k->prev, &e) < 0 ||
	    signer_sign(root, say.p, say.len, rec->sigs[0].sig, &e) < 0)
		vt_die(e.msg);
	signer_free(s);
	keep_close(k);
}

/* refused(why): The newest record means nothing, and everybody can see it. */
static void
refused(const char *what, const char *why)
{
	struct keep *k = seen();
	struct err e = {0};
	int r = keep_sound(k, &e);

	OK(r == E_CORRUPT && strstr(e.msg, why), "%s: %s", what, e.msg);
	OK(memcmp(k->owner, signer_pub(t.people[2]), SIGN_PUB_LEN) != 0, "and nothing follows");
	keep_close(k);
}

/* ---- the way it is meant ---- */

static void
meant(void)
{
	struct keep *reader = seen();
	struct keep_state before, st;
	struct keep_request q;
	int64_t until;
	size_t n, m;
	struct err e = {0};

	keep_state(t.k, &before);
	until = keep_gens(t.k, &n)[n - 1].until;
	OK(before.rooted, "the ledger takes the recovery key's word");
	(void)memcpy(&old, &t.key, sizeof(old));
	lose();
	EQ_I(try_open(&t.key, true), E_AUTH, "another key is another box");
	EQ_I(adopt(t.people[0], &e), E_AUTH, "an approver's key does not make it this one");
	EQ_I(try_open(&t.key, true), E_AUTH, "nothing changed");
	/* it comes up again after a new start, an hour later by the wall clock */
	t.now = (struct keep_time){.boot = {8}, .ran = 1000, .up = 1000,
	    .wall = t.now.wall + 3600 * TIME_SEC};
	EQ_I(adopt(t.root, &e), 0, "the recovery key does");
	EQ_I(adopt(t.root, &e), 1, "once");
	reopen("the new key opens it");
	keep_state(t.k, &st);
	OK(st.keepers == 1 && st.keeper_since == t.now.wall, "it is known since when");
	OK(st.last.c == before.last.c + 1000, "the clock goes on by what this start certainly ran");
	OK(strcmp(st.policy.name, before.policy.name) == 0 && st.approvers == 2 &&
	    keep_gens(t.k, &m)[n - 1].until == until && m == n, "locks and people are as before");
	OK(keep_pending(t.k, &q) && q.approvals == 1, "so is a request that waits");
	OK(keep_sound(t.k, &e) == 0, "all of it holds");
	OK(keep_refresh(reader, &e) == 0 && memcmp(reader->owner, t.k->owner, SIGN_PUB_LEN) == 0,
	    "who had it open reads on");
	keep_close(reader);
}

static void
before_key(void)
{
	struct keep_rec rec = {.type = KEEP_EXTEND};
	struct keep *k = NULL;
	const struct keep_gen *g;
	int64_t until;
	size_t n;
	struct err e;

	EQ_I(try_open(&old, true), E_AUTH, "the key before opens nothing for writing");
	g = keep_gens(t.k, &n);
	until = g[0].until;
	(void)memcpy(rec.gen, g[0].id, FMT_ID_LEN);
	rec.until = until + TIME_DAY;
	keep_aside();
	EQ_I(put(old.seed, &rec), 0, "a thief of it can put a record behind");
	k = seen();
	EQ_I(keep_sound(k, &e), E_CORRUPT, "which is seen");
	EQ_I(keep_gens(k, &n)[0].until, until, "and counts for nothing");
	keep_close(k);
	put_back();
	reopen("without it");
}

static void
both_open(void)
{
	struct keep *was = NULL;
	struct err e;

	(void)memcpy(&old, &t.key, sizeof(old));
	if (keep_open(fio_os(), t.fd, &t.id, &old, &t.now, &was, &e) < 0)
		vt_die(e.msg);
	kt_close(&t);
	if (unlink(key_file()) < 0 ||
	    keep_key_load(fio_os(), &v.place, t.id.repo, true, &t.key, &e) < 0)
		vt_die("another key");
	t.fd = open(v.repo, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	EQ_I(adopt(t.root, &e), 0, "and once more another key");
	kt_pass(&t, 1);
	EQ_I(keep_clock(was, &t.now, NULL, &e), E_AUTH,
	    "who had it open with the one before writes no more");
	keep_close(was);
	reopen("the new one writes");
	EQ_I(keep_clock(t.k, &t.now, NULL, &e), 0, "its clock");
}

/* What was removed before can be removed with another key, too. */
static void
removal(void)
{
	struct keep_reaped done;
	struct keep_state st;
	struct vault_verify_opts o = {.depth = VERIFY_DEEP, .secret = v.secret, .threads = 1};
	struct vault_verify_report rep;
	struct err e = {0};
	int r = keep_approve(t.k, &t.now, t.people[1], &e);

	OK(r == 0, "the second one approves");
	kt_pass(&t, 5); /* one went by before */
	EQ_I(keep_reap(fio_os(), v.repo, t.k, &t.now, &done, &e), E_BUSY, "the week is not over");
	kt_pass(&t, 2);
	EQ_I(keep_reap(fio_os(), v.repo, t.k, &t.now, &done, &e), 0, "then removal works");
	keep_state(t.k, &st);
	OK(st.removed > 0 && st.removed == done.generations, "it removed what was asked for");
	r = vault_verify(fio_os(), v.repo, &o, &rep, &e);
	OK(r == 0 && rep.ok, "and all of it holds");
	vault_verify_report_free(&rep);
}

/* ---- those who try ---- */

static void
forged(void)
{
	struct keep_key mine = {.seed = {3}}; /* people[2]'s */
	struct keep_rec rec, first;
	struct vault_ident other = t.id;

	(void)memcpy(mine.repo, t.id.repo, FMT_ID_LEN);
	keep_aside();
	EQ_I(let(t.people[2], signer_pub(t.people[2])), E_AUTH, "nobody lets himself in");
	{
		struct signer *box = NULL;

		if (signer_new(t.key.seed, &box, NULL) < 0)
			vt_die("signer");
		EQ_I(let(box, signer_pub(t.people[2])), 0, "the box's key lets somebody in");
		signer_free(box);
	}
	refused("which the box has no right to", "a second key");
	keeper(&t.id, &mine, 3, t.people[2], &rec);
	EQ_I(put(mine.seed, &rec), 0, "who then calls himself the keeper");
	refused("without the recovery key", "a second key");
	put_back();

	keep_aside();
	EQ_I(let(t.root, signer_pub(t.people[2])), 0, "the recovery key lets somebody in");
	keeper(&t.id, &mine, 3, t.people[2], &rec);
	EQ_I(put(mine.seed, &rec), 0, "who signs for himself");
	refused("a forged keeper", "nobody with the recovery key");
	put_back();

	keep_aside();
	EQ_I(let(t.root, signer_pub(t.people[2])), 0, "again");
	other.repo[0] ^= 1;
	keeper(&other, &mine, 3, t.root, &rec);
	EQ_I(put(mine.seed, &rec), 0, "with the recovery key's word about another vault");
	refused("another vault's keeper", "nobody with the recovery key");
	put_back();

	keep_aside();
	keeper(&t.id, &mine, 3, t.root, &first); /* signed over the record that is newest now */
	EQ_I(let(t.root, signer_pub(t.people[2])), 0, "again");
	EQ_I(put(mine.seed, &first), 0, "with its word about an older state");
	refused("a keeper out of place", "nobody with the recovery key");
	put_back();

	keep_aside();
	EQ_I(let(t.root, signer_pub(t.people[2])), 0, "again");
	keeper(&t.id, &mine, 2, t.root, &rec);
	EQ_I(put(mine.seed, &rec), 0, "with a number that was used before");
	refused("a serial number that goes back", "an old keeper");
	put_back();

	keep_aside();
	EQ_I(let(t.root, signer_pub(t.people[2])), 0, "again");
	keeper(&t.id, &mine, 3, t.root, &rec);
	EQ_I(put(t.key.seed, &rec), 0, "written by the box's key instead of the new one");
	refused("a keeper who did not write it himself", "did not let in");
	put_back();
}

/* A machine that ended between the two records goes on. */
static void
halfway(void)
{
	struct signer *s = NULL;
	struct keep_state st;
	struct keep *k;
	struct ledger_head a, b;
	struct err e = {0};

	(void)memcpy(&old, &t.key, sizeof(old));
	lose();
	if (signer_new(t.key.seed, &s, &e) < 0)
		vt_die(e.msg);
	EQ_I(let(t.root, signer_pub(s)), 0, "the first of two records, and no more");
	signer_free(s);
	k = seen();
	a = ledger_head(keep_ledger(k));
	OK(keep_sound(k, &e) == 0, "is no damage");
	keep_close(k);
	EQ_I(try_open(&old, false), 0, "the key before is still the box's");
	EQ_I(adopt(t.root, &e), 0, "done again, it ends well");
	reopen("the new key opens it");
	b = ledger_head(keep_ledger(t.k));
	keep_state(t.k, &st);
	OK(b.seq == a.seq + 1 && st.keepers == 3, "with one more record");
}

/* A ledger from before there was a way. */
static void
early(void)
{
	struct keep_genesis g = {.at = {.wall = t.now.wall}};
	struct keep_state st;
	struct buf AUTO(buf_free) b = {0};
	struct signer *s = NULL;
	struct keep *k = NULL;
	struct err e = {0};

	keep_aside();
	vt_rm(keep_dir);
	buf_init(&b, 512);
	EQ_I(adopt(t.root, &e), E_NOENT, "where nobody ever looked after it, there is nothing");
	(void)memcpy(g.repo, t.id.repo, FMT_ID_LEN);
	(void)memcpy(g.root, t.id.pin, SIGN_PUB_LEN);
	if (signer_new(old.seed, &s, &e) < 0 || keep_genesis_put(&b, &g, &e) < 0 ||
	    ledger_create(fio_os(), t.fd, KEEP_DIR, s, b.p, b.len, t.now.wall, &e) < 0)
		vt_die(e.msg);
	signer_free(s);
	OK(adopt(t.root, &e) == E_AUTH && strstr(e.msg, "earlier Mamori"),
	    "an early ledger whose key is lost: %.60s", e.msg);
	EQ_I(try_open(&old, false), 0, "its own key reads it");
	EQ_I(keep_open(fio_os(), t.fd, &t.id, &old, &t.now, &k, &e), 0, "and writes it");
	keep_state(k, &st);
	OK(st.rooted, "which provides for it");
	keep_close(k);
	EQ_I(adopt(t.root, &e), 0, "so the key may be lost now");
	put_back();
}

int
main(void)
{
	struct err e = {0};
	bool good = true;

	vt_new(&v);
	kt_new(&t, &v, fio_os());
	(void)snprintf(keep_dir, sizeof(keep_dir), "%s/" KEEP_DIR, v.repo);
	(void)snprintf(aside, sizeof(aside), "%s/aside", v.top);
	OK(kt_name_two(&t, &e) == 0, "two people");
	for (unsigned d = 0; d < 8; d++) {
		struct vault_generation gen = {0};

		vt_source(&v, d);
		good &= vt_backup(&v, fio_os(), &gen, &e) == 0 && kt_note(&t, &gen, true, &e) == 0;
		free(gen.runs);
		kt_pass(&t, 1);
	}
	kt_pass(&t, 30);
	OK(good && kt_ask(&t, "guideline", &e) > 0 &&
	    keep_approve(t.k, &t.now, t.people[0], &e) == 0,
	    "eight days, a month, and a request that one of two approved");
	meant();
	before_key();
	both_open();
	forged();
	reopen("as it was");
	removal();
	halfway();
	early();
	kt_close(&t);
	kt_keys_free(&t);
	vt_free(&v);
	return tap_done();
}
