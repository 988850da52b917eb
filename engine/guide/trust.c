/* Which packs from outside are those of the release: a manifest of digests under one signature. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/num.h"
#include "base/time.h"
#include "crypt/digest.h"
#include "guide/guide.h"

enum { LINE_MAX_LEN = 255 };

/* The public half; whoever releases packs keeps the other (tools/sign-packs). */
static const uint8_t release_key[SIGN_PUB_LEN] = {
#include "guide/release_key.inc"
};

const uint8_t *
guide_release_key(void)
{
	return release_key;
}

/* The next line without its end, as text; false at the end or when it is too long. */
static bool
line_of(struct rd *in, char out[LINE_MAX_LEN + 1])
{
	size_t n = 0;

	while (rd_left(in) > 0) {
		uint8_t c = rd_u8(in);

		if (c == '\n') {
			out[n] = 0;
			return true;
		}
		if (n == LINE_MAX_LEN || c < 0x20 || c > 0x7e)
			return false;
		out[n++] = (char)c;
	}
	return false;
}

static bool
day_ok(const char *s)
{
	char text[TIME_TEXT];
	int64_t us;

	(void)snprintf(text, sizeof(text), "%.10sT00:00:00Z", s);
	return strlen(s) == 10 && time_get(text, &us, NULL) == 0;
}

/* "<64 digits> <name>" */
static int
file_line(const char *s, struct guide_manifest *m, struct err *e)
{
	char hex[65] = "";
	const char *name;

	if (strlen(s) < 66 || s[64] != ' ' || strlen(s + 65) >= GUIDE_ID || strchr(s + 65, '/'))
		return err_set(e, E_INVAL, "manifest: not a digest and a file name: %s", s);
	if (m->files == ARRAY_LEN(m->file))
		return err_set(e, E_LIMIT, "manifest: more than %d files", GUIDE_PACKS);
	(void)memcpy(hex, s, 64);
	name = s + 65;
	if (hex_get(m->file[m->files].sum, 32, hex) < 0)
		return err_set(e, E_INVAL, "manifest: not a digest: %s", hex);
	(void)memcpy(m->file[m->files].name, name, strlen(name) + 1);
	m->files++;
	return 0;
}

int
guide_manifest_read(const void *p, size_t n, const uint8_t pub[SIGN_PUB_LEN],
    struct guide_manifest *ret, struct err *e)
{
	struct guide_manifest m = {0};
	struct rd in = rd_init(p, n);
	char line[LINE_MAX_LEN + 1];
	uint8_t sig[SIGN_LEN];
	size_t before;
	int r = 0;

	if (!line_of(&in, line) || strcmp(line, "MAMORI-PACKS 1") != 0)
		return err_set(e, E_INVAL, "this is not a manifest of packs");
	if (!line_of(&in, line) || strncmp(line, "date: ", 6) != 0 || !day_ok(line + 6))
		return err_set(e, E_INVAL, "manifest: the date is missing");
	(void)memcpy(m.date, line + 6, sizeof(m.date));
	for (;;) {
		before = in.pos;
		if (!line_of(&in, line))
			return err_set(e, E_INVAL, "manifest: the signature is missing");
		if (strncmp(line, "file: ", 6) != 0)
			break;
		r = file_line(line + 6, &m, e);
		if (r < 0)
			return r;
	}
	if (strncmp(line, "sig: ", 5) != 0 || hex_get(sig, sizeof(sig), line + 5) < 0 ||
	    !rd_end(&in))
		return err_set(e, E_INVAL, "manifest: the last line is not the signature");
	if (!sign_ok(pub, p, before, sig))
		return err_set(e, E_AUTH, "manifest: the signature is not the release's");
	*ret = m;
	return 0;
}

bool
guide_manifest_covers(const struct guide_manifest *m, const char *name, const void *p, size_t n)
{
	uint8_t sum[DIGEST_LEN];

	digest_sha256(p, n, sum);
	for (size_t i = 0; i < m->files; i++)
		if (strcmp(m->file[i].name, name) == 0)
			return memcmp(m->file[i].sum, sum, sizeof(sum)) == 0;
	return false;
}
