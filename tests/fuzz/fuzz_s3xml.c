/* deps: base crypt s3 */
/* The answers of an object store, and the two texts a person writes: address and login. The first
 * byte says which. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "s3/s3.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static int
on_entry(const struct s3_entry *en, void *cookie, struct err *e)
{
	size_t *total = cookie;

	(void)e;
	if (strlen(en->key) >= S3_KEY_MAX || strlen(en->version) >= S3_ID_MAX ||
	    strlen(en->etag) >= S3_ETAG_MAX)
		abort();
	*total += 1;
	return *total > 20000 ? E_LIMIT : 0;
}

static void
texts(const uint8_t *p, size_t n)
{
	struct s3_login l;
	struct s3_where w;
	char *url = malloc(n + 1);
	struct err e;

	if (s3_login_get(p, n, &l, &e) == 0 && (!l.access[0] || !l.secret[0]))
		abort();
	if (!url)
		return;
	(void)memcpy(url, p, n);
	url[n] = 0;
	if (s3_where_get(url, &w, &e) == 0 &&
	    (strlen(w.bucket) < 3 || !w.host[0] || strchr(w.bucket, '/')))
		abort();
	free(url);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct s3_page page;
	struct s3_xml_error err;
	struct s3_xml_lock lock;
	char id[S3_ID_MAX];
	size_t total = 0;
	struct err e;

	if (n == 0)
		return 0;
	switch (p[0] % 4) {
	case 0:
		(void)!s3_xml_list(p + 1, n - 1, &page, on_entry, &total, &e);
		break;
	case 1:
		(void)!s3_xml_lock(p + 1, n - 1, &lock, &e);
		(void)!s3_xml_upload(p + 1, n - 1, id, &e);
		break;
	case 2:
		s3_xml_error(p + 1, n - 1, &err);
		(void)!s3_xml_done(p + 1, n - 1, &err, &e);
		break;
	default:
		texts(p + 1, n - 1);
		break;
	}
	return 0;
}
