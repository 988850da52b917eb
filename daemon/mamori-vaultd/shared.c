/* What connections share: open repositories, and the counts that keep one client from taking what
 * is everybody's. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "mamori-vaultd/vaultd.h"

/* ---- repositories ---- */

static struct repo_slot *
slot_of(struct vaultd *v, const char *name)
{
	struct repo_slot *free_one = NULL;

	for (size_t i = 0; i < VAULTD_MAX_REPOS; i++) {
		struct repo_slot *s = &v->repos[i];

		if (s->hold && strcmp(s->name, name) == 0)
			return s;
		if (!s->hold && !free_one)
			free_one = s;
	}
	return free_one;
}

int
vaultd_repo(struct vaultd *v, const char *name, struct hold **ret, struct err *e)
{
	struct repo_slot *s;
	int r = 0;

	(void)pthread_mutex_lock(&v->lock);
	s = slot_of(v, name);
	if (!s)
		r = err_set(e, E_LIMIT, "too many vaults are in use at once");
	else if (!s->hold)
		r = hold_open(fio_os(), name, &s->hold, e);
	if (r == 0) {
		(void)snprintf(s->name, sizeof(s->name), "%s", name);
		s->users++;
		*ret = s->hold;
	}
	(void)pthread_mutex_unlock(&v->lock);
	return r;
}

void
vaultd_repo_put(struct vaultd *v, struct hold *h)
{
	(void)pthread_mutex_lock(&v->lock);
	for (size_t i = 0; h && i < VAULTD_MAX_REPOS; i++) {
		struct repo_slot *s = &v->repos[i];

		if (s->hold == h && --s->users == 0) {
			hold_close(s->hold); /* an idle one takes no memory */
			s->hold = NULL;
			s->name[0] = 0;
		}
	}
	(void)pthread_mutex_unlock(&v->lock);
}

static void
one_clock(struct vaultd *v, const char *name, const struct keep_time *now)
{
	struct vault_place pl = {.statefd = v->book.fd};
	struct err e = {0};
	int r;

	(void)pthread_mutex_lock(&v->make);
	r = hold_clock(fio_os(), name, &pl, now, &e);
	(void)pthread_mutex_unlock(&v->make);
	if (r < 0)
		vaultd_log(VAULTD_WARN, "%s: its clock could not be noted: %s%s", name,
		    e.msg, r == E_AUTH ? VAULTD_ADOPT : "");
	else if (r == 1)
		vaultd_log(VAULTD_WARN, "%s: the clock of this machine was changed by a lot; that "
		    "time does not count for any lock", name);
	else if (r == 2)
		vaultd_log(VAULTD_WARN, "%s: the clock on which locks run stands still; is the "
		    "clock of this machine right?", name);
}

void
vaultd_clocks(struct vaultd *v)
{
	DIR *d = opendir(".");
	struct keep_time now;
	struct dirent *de;

	keep_time_now(&now);
	while (d && (de = readdir(d)))
		if (wire_name_ok(de->d_name) && de->d_type != DT_REG)
			one_clock(v, de->d_name, &now);
	if (d)
		(void)closedir(d);
}

/* ---- clients ---- */

/* usage_of(v, print): Its counts; NULL when the table is full of clients that are connected. */
static struct usage *
usage_of(struct vaultd *v, const uint8_t *print)
{
	struct usage *idle = NULL;

	for (size_t i = 0; i < VAULTD_MAX_KNOWN; i++) {
		struct usage *u = &v->usage[i];

		if (memcmp(u->print, print, TLS_PRINT) == 0)
			return u;
		if (u->lines == 0 && (!idle || u->day < idle->day))
			idle = u;
	}
	if (idle) {
		*idle = (struct usage){0};
		(void)memcpy(idle->print, print, TLS_PRINT);
	}
	return idle;
}

int
vaultd_enter(struct vaultd *v, const uint8_t print[TLS_PRINT], struct err *e)
{
	struct usage *u;
	int r = 0;

	(void)pthread_mutex_lock(&v->lock);
	u = usage_of(v, print);
	if (!u || u->lines >= VAULTD_PER_CLIENT)
		r = err_set(e, E_LIMIT, "this machine has too many connections open");
	else
		u->lines++;
	(void)pthread_mutex_unlock(&v->lock);
	return r;
}

void
vaultd_leave(struct vaultd *v, const uint8_t print[TLS_PRINT])
{
	struct usage *u;

	(void)pthread_mutex_lock(&v->lock);
	u = usage_of(v, print);
	if (u && u->lines > 0)
		u->lines--;
	(void)pthread_mutex_unlock(&v->lock);
}

int
vaultd_spend(struct vaultd *v, const struct book_client *c, uint64_t n, int64_t now,
    struct err *e)
{
	struct usage *u;
	int64_t day = now / TIME_DAY;
	int r = 0;

	if (c->day == 0)
		return 0;
	(void)pthread_mutex_lock(&v->lock);
	u = usage_of(v, c->print);
	if (u && u->day != day) {
		u->day = day;
		u->bytes = 0;
	}
	if (!u || n > c->day || u->bytes > c->day - n)
		r = err_set(e, E_NOSPC, "this machine's amount for today is used up (%llu MiB); "
		    "nothing was lost", (unsigned long long)(c->day >> 20));
	else
		u->bytes += n;
	(void)pthread_mutex_unlock(&v->lock);
	return r;
}

/* ---- addresses ---- */

/* caller_of(v, addr, now): Its counts, with the lock. One with open lines is never forgotten: there
 * are more places than lines. */
static struct caller *
caller_of(struct vaultd *v, const uint8_t addr[16], int64_t now)
{
	struct caller *oldest = NULL;

	for (size_t i = 0; i < VAULTD_MAX_KNOWN; i++) {
		struct caller *c = &v->callers[i];

		if (c->at && memcmp(c->addr, addr, 16) == 0)
			return c;
		if (c->strangers == 0 && (!oldest || c->at < oldest->at))
			oldest = c;
	}
	if (oldest) {
		*oldest = (struct caller){.left = VAULTD_BURST, .at = now > 0 ? now : 1};
		(void)memcpy(oldest->addr, addr, 16);
	}
	return oldest;
}

/* refusal(v, c, now): Why it may not come in now; NULL: it may. With the lock. */
static const char *
refusal(struct vaultd *v, struct caller *c, int64_t now)
{
	if (now > c->at)
		c->left += (double)(now - c->at) / 60e6 * VAULTD_PER_MIN;
	if (c->left > VAULTD_BURST)
		c->left = VAULTD_BURST;
	c->at = now > 0 ? now : 1;
	if (c->strangers >= VAULTD_PER_ADDR)
		return "too many that do not say who they are, from one address";
	if (v->strangers >= VAULTD_STRANGERS)
		return "too many that do not say who they are";
	if (c->left < 1)
		return "too many from one address";
	c->left -= 1;
	return NULL;
}

bool
vaultd_admit(struct vaultd *v, const uint8_t addr[16], const char *from, int64_t now)
{
	const char *why = "too many addresses";
	struct caller *c;

	(void)pthread_mutex_lock(&v->lock);
	c = caller_of(v, addr, now);
	if (c)
		why = refusal(v, c, now);
	if (!why) {
		c->strangers++;
		v->strangers++;
	}
	(void)pthread_mutex_unlock(&v->lock);
	if (why)
		vaultd_turned_away(v, from, why, now);
	return !why;
}

void
vaultd_settle(struct vaultd *v, const uint8_t addr[16])
{
	(void)pthread_mutex_lock(&v->lock);
	for (size_t i = 0; i < VAULTD_MAX_KNOWN; i++) {
		struct caller *c = &v->callers[i];

		if (c->strangers && memcmp(c->addr, addr, 16) == 0) {
			c->strangers--;
			v->strangers--;
			break;
		}
	}
	(void)pthread_mutex_unlock(&v->lock);
}

void
vaultd_turned_away(struct vaultd *v, const char *from, const char *why, int64_t now)
{
	uint64_t n;

	(void)pthread_mutex_lock(&v->lock);
	n = ++v->turned_away;
	if (v->told_at && now - v->told_at < VAULTD_TELL_S * TIME_SEC) {
		n = 0;
	} else {
		v->turned_away = 0;
		v->told_at = now > 0 ? now : 1;
	}
	(void)pthread_mutex_unlock(&v->lock);
	if (n)
		vaultd_log(VAULTD_WARN, "%s: %llu connections turned away: %s", from,
		    (unsigned long long)n, why);
}
