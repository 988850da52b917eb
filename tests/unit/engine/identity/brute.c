/* Guessing, listing who exists, and planting sessions. */
#include "unit/engine/identity/world.h"

#include <time.h>

#define PW "ao-sora 7 no kumo"

static char director[IDENTITY_ID];
static uint8_t seed[OTP_SEED_LEN];
static char cookie[IDENTITY_TOKEN];

/* burst(login, from, n): So many wrong tries at the same moment; how many were looked at. */
static int
burst(const char *login, const struct identity_from *from, int n)
{
	struct identity_pass p;
	int looked = 0;

	for (int i = 0; i < n; i++) {
		int r = signin(login, "not the password", from, &p);

		if (r != E_AUTH && r != E_BUSY)
			abort();
		looked += r == E_AUTH;
	}
	return looked;
}

static void
test_back_off(void)
{
	struct identity_pass p;
	int64_t last = 0;
	int bad = 0;

	EQ_I(burst("boss", &far, 50), IDENTITY_FREE, "only the first tries are looked at");
	EQ_I(signin("boss", PW, &far, &p), E_BUSY, "then even the right password waits");
	OK(waits > 0 && waits <= TIME_SEC, "for a second");
	for (int i = 0; i < 16; i++) {
		now += waits;
		bad += signin("boss", "no", &far, &p) != E_AUTH;
		bad += signin("boss", "no", &far, &p) != E_BUSY;
		bad += waits < last;
		last = waits;
	}
	EQ_I(bad, 0, "each wait is twice as long");
	EQ_I(last, IDENTITY_WAIT_MAX,
	    "but never more than a quarter of an hour: nobody is locked out");
	now += waits;
	EQ_I(signin("boss", PW, &far, &p), 0, "then the right password is taken");
	EQ_I(burst("boss", &(struct identity_from){.source = "203.0.113.9"}, 50), IDENTITY_FREE,
	    "and the count begins anew");
	now += TIME_DAY + TIME_SEC;
}

static void
test_known_browser(void)
{
	struct identity_from home = desk, strange = {.source = "203.0.113.50"};
	struct identity_pass p;

	must(signin("boss", PW, &desk, &p), "sign in");
	must(identity_second(id, now, p.token, otp(seed), &desk, &p, &waits, &e), "second");
	must(identity_device_new(id, now, p.token, "", cookie, &e), "device");
	home.device = cookie;
	EQ_I(burst("boss", &strange, 50), IDENTITY_FREE, "a stranger guesses");
	EQ_I(signin("boss", PW, &desk, &p), E_BUSY, "an unknown browser waits");
	EQ_I(signin("boss", PW, &home, &p), 0, "the director's own does not");
	strange.device = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
	EQ_I(signin("boss", PW, &strange, &p), E_BUSY, "a made-up cookie does not help");
	EQ_I(burst("boss", &home, 50), IDENTITY_FREE, "nor is the known browser a way round");
	now += TIME_DAY + TIME_SEC;
}

static void
test_source(void)
{
	char login[32];
	struct identity_from six = {.source = "2001:db8:1:2::1"};
	struct identity_pass p;
	int looked = 0;

	for (int i = 0; i < 100; i++) {
		(void)snprintf(login, sizeof(login), "nobody%d", i);
		looked += burst(login, &far, 1);
	}
	EQ_I(looked, IDENTITY_FREE_SOURCE, "one source, many names: only the first are looked at");
	EQ_I(signin("boss", PW, &(struct identity_from){.source = "192.0.2.99"}, &p), 0,
	    "another source is not held back");
	looked = 0;
	for (int i = 0; i < 100; i++) {
		char source[64];

		(void)snprintf(source, sizeof(source), "2001:db8:1:2:%x::%x", i + 1, i);
		(void)snprintf(login, sizeof(login), "somebody%d", i);
		six.source = source;
		looked += burst(login, &six, 1);
	}
	EQ_I(looked, IDENTITY_FREE_SOURCE, "all of an IPv6 network is one source");
	now += TIME_DAY + TIME_SEC;
}

/* An account of one's own does not wash away the failures of its source. */
static void
test_washing(void)
{
	char mine[IDENTITY_ID], login[32];
	struct identity_pass p;
	int looked = 0;

	person("insider", ROLE_STAFF, mine, &p);
	for (int i = 0; i < 60; i++) {
		(void)snprintf(login, sizeof(login), "victim%d", i);
		looked += burst(login, &far, 1);
		if (i % 4 == 3)
			(void)!signin("insider", PW, &far, &p);
	}
	OK(looked <= IDENTITY_FREE_SOURCE + 1, "signing in oneself in between gains nothing (%d)",
	    looked);
	now += TIME_DAY + TIME_SEC;
}

/* What an answer tells: the code, the words, the wait. */
static void
test_enumeration(void)
{
	char gone[IDENTITY_ID], words[2][sizeof(e.msg)];
	struct identity_from a = {.source = "203.0.113.1"}, b = {.source = "203.0.113.2"};
	struct identity_pass p;
	int bad = 0;

	person("gone", ROLE_STAFF, gone, &p);
	must(identity_account_disable(id, now, gone, &e), "disable");
	for (int i = 0; i < 12; i++) {
		int64_t w[2];
		int r[2];

		r[0] = signin("boss", "wrong", &a, &p);
		w[0] = waits;
		(void)snprintf(words[0], sizeof(words[0]), "%s", e.msg);
		r[1] = signin("nosuchperson", "wrong", &b, &p);
		w[1] = waits;
		(void)snprintf(words[1], sizeof(words[1]), "%s", e.msg);
		bad += r[0] != r[1] || w[0] != w[1] || strcmp(words[0], words[1]) != 0;
	}
	EQ_I(bad, 0,
	    "a name that exists and one that does not are answered alike, and slowed alike");
	EQ_I(signin("gone", PW, &desk, &p), E_AUTH, "a disabled account");
	(void)snprintf(words[0], sizeof(words[0]), "%s", e.msg);
	EQ_I(signin("nobodyatall", PW, &desk, &p), E_AUTH, "and nobody");
	EQ_S(words[0], e.msg, "are answered with the same words");
	now += TIME_DAY + TIME_SEC;
}

static int64_t
cpu_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * TIME_SEC + t.tv_nsec / 1000;
}

/* spent(login, pw, n): Processor time of ${n} hashes of a try. */
static int64_t
spent(struct identity *slow, const char *login, const char *pw, size_t len)
{
	int64_t sum = 0;

	for (int i = 0; i < 4; i++) {
		struct identity_try *t;
		int64_t t0;

		must(identity_try_begin(slow, now, login, &desk, &t, &waits, &e), "begin");
		t0 = cpu_us();
		identity_try_hash(t, pw, len);
		sum += cpu_us() - t0;
		identity_try_free(t);
		now += TIME_DAY + TIME_SEC;
	}
	return sum;
}

/* The hash is the cost of a try; it is paid whether there is an account or not, whether it has a
 * password or not, and whether what was typed is text. */
static void
test_same_work(void)
{
	static const struct identity_conf conf = {
	    .cost = {.scheme = PWHASH_ARGON2ID, .memory_kib = 8192, .passes = 2, .lanes = 1}};
	struct identity_new n = {.login = "fresh", .name = "fresh", .role = ROLE_STAFF};
	char account[IDENTITY_ID], code[IDENTITY_CODE];
	struct identity_pass p;
	struct identity *slow;
	int64_t t[4];

	must(identity_open(&world_st, world_db, &conf, &slow, &e), "open");
	{ /* the director's hash is made at this cost when he signs in next */
		struct identity_try *try;

		must(identity_try_begin(slow, now, "boss", &desk, &try, &waits, &e), "begin");
		identity_try_hash(try, PW, strlen(PW));
		EQ_I(identity_try_finish(slow, now, try, &p, &e), 0,
		    "a hash of a lower cost still works, and is made anew");
	}
	must(identity_account_add(id, now, "console", &n, account, code, &e), "add");
	(void)spent(slow, "boss", "wrong", 5); /* the memory is warm from here on */
	t[0] = spent(slow, "boss", "wrong", 5);
	t[1] = spent(slow, "nobody", "wrong", 5);
	t[2] = spent(slow, "fresh", "wrong", 5);
	t[3] = spent(slow, "boss", "\xff\xfe", 2);
	printf("# microseconds: %lld %lld %lld %lld\n", (long long)t[0], (long long)t[1],
	    (long long)t[2], (long long)t[3]);
	for (int i = 1; i < 4; i++)
		OK(t[i] > t[0] / 4 && t[i] < 4 * t[0], "the same work (%d)", i);
	identity_close(slow);
}

/* Many tries at once must not slip through between looking and counting. */
static void
test_parallel(void)
{
	struct identity_try *t[40];
	int n = 0;

	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		if (identity_try_begin(id, now, "boss", &far, &t[n], &waits, &e) == 0)
			n++;
	EQ_I(n, IDENTITY_FREE, "of forty tries that are begun at once, five are");
	for (int i = 0; i < n; i++)
		identity_try_free(t[i]);
	now += TIME_DAY + TIME_SEC;
}

static void
test_second_factor(void)
{
	struct identity_pass p, q;
	int looked = 0, r = 0;
	char code[8];

	must(signin("boss", PW, &far, &p), "sign in");
	for (int i = 0; i < 200; i++) {
		(void)snprintf(code, sizeof(code), "%06d", i * 37);
		r = identity_second(id, now, p.token, code, &far, &q, &waits, &e);
		looked += r == E_AUTH;
	}
	EQ_I(looked, IDENTITY_FREE, "codes cannot be tried one after the other");
	must(signin("boss", PW, &desk, &p), "sign in");
	EQ_I(identity_second(id, now, p.token, otp(seed), &desk, &p, &waits, &e), E_BUSY,
	    "nor in another session");
	now += 2 * TIME_SEC;
	EQ_I(identity_second(id, now, p.token, otp(seed), &desk, &p, &waits, &e), 0,
	    "a moment later the right one is taken");
	now += TIME_DAY + TIME_SEC;
}

static void
test_fixation(void)
{
	struct identity_session s;
	struct identity_pass p, before;

	/* a session that was begun by somebody else, whose cookie was planted */
	must(signin("boss", PW, &far, &before), "sign in");
	p = before;
	must(identity_second(id, now, p.token, otp(seed), &far, &p, &waits, &e), "second");
	OK(strcmp(p.token, before.token) != 0, "every step forward changes the token");
	EQ_I(identity_session(id, now, before.token, &s, &e), E_AUTH, "the planted one is dead");
	before = p;
	now += 60 * TIME_SEC;
	must(identity_second(id, now, p.token, otp(seed), &far, &p, &waits, &e), "step up");
	EQ_I(identity_session(id, now, before.token, &s, &e), E_AUTH, "a step-up, too");
	must(identity_session(id, now, p.token, &s, &e), "session");
	{
		struct identity_session t;

		must(signin("boss", PW, &far, &before), "sign in");
		must(identity_session(id, now, before.token, &t, &e), "session");
		OK(memcmp(s.csrf, t.csrf, sizeof(s.csrf)) != 0,
		    "each token has a form secret of its own");
	}
}

static void
test_disk(void)
{
	char cmd[256];

	(void)snprintf(cmd, sizeof(cmd), "cat %s/records.db* | grep -aqE 'ao-sora|%s'", world_dir,
	    cookie);
	OK(system(cmd) != 0, "neither a password nor a token is in the database"); /* allow: grep */
	(void)snprintf(
	    cmd, sizeof(cmd), "cat %s/records.db* | grep -aq inchou-login-mark", world_dir);
	OK(system(cmd) != 0, "nor is a name that nobody has"); /* allow: grep */
}

int
main(void)
{
	struct identity_pass p;

	world_open();
	person("boss", ROLE_DIRECTOR, director, &p);
	totp(&p, seed);
	(void)burst("inchou-login-mark", &far, 3);
	now += TIME_DAY + TIME_SEC;
	test_back_off();
	test_known_browser();
	test_source();
	test_washing();
	test_enumeration();
	test_parallel();
	test_second_factor();
	test_fixation();
	test_disk();
	test_same_work();
	world_close();
	return tap_done();
}
