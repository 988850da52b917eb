#include "vault/keep_clock.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"

#define SLACK (120 * TIME_SEC)

static int64_t
read_clock(clockid_t id)
{
	struct timespec t = {0};

	(void)clock_gettime(id, &t);
	return (int64_t)t.tv_sec * TIME_SEC + t.tv_nsec / 1000;
}

/* boot_id(out): The kernel's name for this boot, or zeros. */
static void
boot_id(uint8_t out[KEEP_BOOT_LEN])
{
	char text[40], hex[2 * KEEP_BOOT_LEN + 1];
	size_t n = 0;
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC); /* allow: reads */
	ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text));

	if (fd >= 0)
		(void)close(fd);
	for (ssize_t i = 0; i < got && n < sizeof(hex) - 1; i++) {
		if (text[i] != '-' && text[i] != '\n')
			hex[n++] = text[i];
	}
	hex[n] = 0;
	if (hex_get(out, KEEP_BOOT_LEN, hex) < 0)
		(void)memset(out, 0, KEEP_BOOT_LEN);
}

void
keep_time_now(struct keep_time *ret)
{
	boot_id(ret->boot);
	ret->ran = read_clock(CLOCK_MONOTONIC);
	ret->up = read_clock(CLOCK_BOOTTIME);
	ret->wall = read_clock(CLOCK_REALTIME);
}

/* sub(a, b): Without overflow; foreign records may hold anything. */
static int64_t
sub(int64_t a, int64_t b)
{
	int64_t r;

	if (__builtin_sub_overflow(a, b, &r))
		return a < b ? INT64_MIN : INT64_MAX;
	return r;
}

static int64_t
least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

bool
keep_clock_next(const struct keep_clock *last, const struct keep_time *now, struct keep_clock *ret)
{
	static const uint8_t none[KEEP_BOOT_LEN];
	int64_t wall = sub(now->wall, last->wall), up = sub(now->up, last->up), more = 0;
	bool known = memcmp(now->boot, none, KEEP_BOOT_LEN) != 0;
	bool same = known && memcmp(now->boot, last->boot, KEEP_BOOT_LEN) == 0;
	bool jump;
	struct keep_clock next = {.ran = now->ran, .up = now->up, .wall = now->wall};

	(void)memcpy(next.boot, now->boot, KEEP_BOOT_LEN);
	if (same) {
		int64_t off = sub(wall, up), may = up > 0 ? SLACK + up / 100 : SLACK;

		jump = off > may || off < -may;
		if (!jump)
			more = least(sub(now->ran, last->ran), wall);
	} else {
		/* how long it was off nobody can tell, so forwards no jump can be seen */
		jump = wall < -SLACK;
		if (known)
			more = least(now->ran, wall);
	}
	if (more < 0 || __builtin_add_overflow(last->c, more, &next.c))
		next.c = last->c;
	*ret = next;
	return jump;
}

bool
keep_clock_stands(const struct keep_clock *last, const struct keep_clock *next)
{
	bool same = memcmp(last->boot, next->boot, KEEP_BOOT_LEN) == 0;

	return next->c == last->c &&
	    (same ? sub(next->ran, last->ran) : next->ran) >= 3600 * TIME_SEC;
}

bool
keep_clock_follows(const struct keep_clock *last, const struct keep_clock *next)
{
	struct keep_time t = {.ran = next->ran, .up = next->up, .wall = next->wall};
	struct keep_clock most;

	(void)memcpy(t.boot, next->boot, KEEP_BOOT_LEN);
	(void)keep_clock_next(last, &t, &most);
	return next->c >= last->c && next->c <= most.c;
}
