/* A state with an identity store for the tests of engine/identity, with cheap hashes. */
#ifndef MAMORI_TESTS_IDENTITY_WORLD_H
#define MAMORI_TESTS_IDENTITY_WORLD_H

#include <stdlib.h>
#include <unistd.h>

#include "base/num.h"
#include "crypt/otp.h"
#include "identity/identity.h"
#include "tap.h"

/* Some day in 2026. */
#define T0 (INT64_C(1790000000) * TIME_SEC)

static char world_dir[64];
static struct state world_st;
static struct db *world_db;
static struct identity *id;
static struct err e;
static int64_t now = T0;
static int64_t waits;

static const struct identity_from desk = {.source = "192.0.2.10", .agent = "desk"};
static const struct identity_from far = {.source = "198.51.100.7", .agent = "far"};

static inline void
must(int r, const char *what)
{
	if (r < 0) {
		printf("# %s: %s\n", what, e.msg);
		abort();
	}
}

static inline void
world_open(void)
{
	static const struct identity_conf conf = {
	    .cost = {.scheme = PWHASH_ARGON2ID, .memory_kib = 64, .passes = 1, .lanes = 1},
	    .rp = "mamori.clinic.example", .origin = "https://mamori.clinic.example:8443"};
	const struct db_step *steps;
	char url[128];
	size_t n;

	(void)snprintf(world_dir, sizeof(world_dir), "/tmp/mamori-identity-XXXXXX");
	if (!mkdtemp(world_dir))
		abort();
	must(state_open(fio_os(), world_dir, true, &world_st, &e), "state");
	(void)snprintf(url, sizeof(url), "sqlite:%s/records.db", world_dir);
	must(db_open(url, &world_db, &e), "db");
	steps = db_steps(&n);
	must(db_migrate(world_db, steps, n, T0, &e), "schema");
	must(identity_open(&world_st, world_db, &conf, &id, &e), "identity");
}

static inline void
world_close(void)
{
	char cmd[128];

	identity_close(id);
	db_close(world_db);
	state_close(&world_st);
	(void)snprintf(cmd, sizeof(cmd), "rm -rf %s", world_dir);
	(void)!system(cmd); /* allow: a test's own directory */
}

/* signin(login, pw, from, pass): One try with a password, all three parts. */
static inline int
signin(const char *login, const char *pw, const struct identity_from *from,
    struct identity_pass *pass)
{
	struct identity_try *t;
	int r = identity_try_begin(id, now, login, from, &t, &waits, &e);

	if (r < 0)
		return r;
	identity_try_hash(t, pw, strlen(pw));
	return identity_try_finish(id, now, t, pass, &e);
}

static inline int
newpw(struct identity_pass *pass, const char *pw, enum password_why *why)
{
	struct identity_newpw *w;
	int r = identity_newpw_begin(id, now, pass->token, pw, strlen(pw), &w, why, &e);

	if (r < 0)
		return r;
	identity_newpw_hash(w);
	return identity_newpw_finish(id, now, w, pass, &e);
}

/* unbase32(text, seed): As an authenticator reads it. */
static inline void
unbase32(const char *text, uint8_t seed[OTP_SEED_LEN])
{
	static const char abc[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	uint32_t acc = 0;
	unsigned bits = 0;
	size_t n = 0;

	for (; *text && n < OTP_SEED_LEN; text++) {
		acc = acc << 5 | (uint32_t)(strchr(abc, *text) - abc);
		bits += 5;
		if (bits >= 8) {
			bits -= 8;
			seed[n++] = (uint8_t)(acc >> bits);
		}
	}
}

static inline const char *
otp(const uint8_t seed[OTP_SEED_LEN])
{
	static char code[16];

	(void)snprintf(code, sizeof(code), "%06u",
	    otp_hotp(seed, OTP_SEED_LEN, (uint64_t)(now / TIME_SEC / OTP_STEP_S), 6));
	return code;
}

/* person(login, role, account, pass): An account that was invited and has set its password; the
 * session of stage ENROL or FULL. */
static inline void
person(const char *login, enum identity_role role, char account[IDENTITY_ID],
    struct identity_pass *pass)
{
	const char *const all[] = {"*"};
	struct identity_new n = {.login = login, .name = login, .role = role, .ja = true,
	    .valid_until = identity_role_must_end(role) ? now + 30 * TIME_DAY : 0,
	    .objects = all, .nobjects = role == ROLE_INSPECTOR};
	enum password_why why;
	char code[IDENTITY_CODE];

	must(identity_account_add(id, now, "console", &n, account, code, &e), "add");
	must(identity_invite_use(id, now, code, &desk, pass, &waits, &e), "invite");
	must(newpw(pass, "ao-sora 7 no kumo", &why), "password");
}

/* totp(pass, seed): Sets up an authenticator in this session. */
static inline void
totp(struct identity_pass *pass, uint8_t seed[OTP_SEED_LEN])
{
	char secret[IDENTITY_TOTP_SECRET], uri[IDENTITY_TOTP_URI];

	must(identity_totp_begin(id, now, pass->token, secret, uri, &e), "totp begin");
	unbase32(secret, seed);
	must(identity_totp_confirm(id, now, pass->token, otp(seed), pass, &e), "totp confirm");
	now += 60 * TIME_SEC; /* the next code is a new one */
}

#endif
