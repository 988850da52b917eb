/* deps: base notify text */
/* Addresses that somebody typed, and text that becomes a letter or a calendar: whatever is taken
 * has no control character, and a letter has the headers it should have and no others. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "notify/notify.h"
#include "text/ical.h"
#include "text/mime.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t
headers(const struct buf *b)
{
	size_t n = 0;

	for (size_t i = 0; i + 3 < b->len; i++) {
		if (memcmp(b->p + i, "\r\n", 2) != 0)
			continue;
		if (memcmp(b->p + i, "\r\n\r\n", 4) == 0)
			return n + 1;
		n += b->p[i + 2] != ' ';
	}
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mime m = {.from = "a@b", .to = "c@d", .id = "x", .body = "b"};
	struct buf b;
	char *s;

	if (size > 3000 || !(s = malloc(size + 1)))
		return 0;
	if (size > 0)
		(void)memcpy(s, data, size);
	s[size] = 0;
	if (notify_url_hook(s, NULL) == 0 || notify_url_smtp(s, NULL, NULL) == 0) {
		const char *host = strstr(s, "://");

		for (const char *p = s; *p; p++)
			if (*p <= 0x20 || *p > 0x7e)
				abort();
		/* behind the host an @ is a letter like others */
		if (!host || memchr(host, '@', strcspn(host + 3, "/?#") + 3))
			abort();
	}
	buf_init(&b, 64 << 10);
	m.subject = s;
	m.from_name = s;
	if (mime_write(&b, &m, NULL) == 0 && headers(&b) != 9)
		abort();
	buf_clear(&b);
	if (ical_line(&b, "SUMMARY", s, NULL) == 0)
		for (size_t i = 0, col = 0; i < b.len; i++, col++) {
			if (col > 76)
				abort();
			if (b.p[i] == '\n')
				col = (size_t)-1;
		}
	if (mime_addr_ok(s) && strpbrk(s, "\r\n<> ,;"))
		abort();
	buf_free(&b);
	free(s);
	return 0;
}
