/* The console's own certificate. Closed networks have no authority to ask; people compare the
 * fingerprint once. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "crypt/x509.h"
#include "mamorid/mamorid.h"

enum { PEM_MAX = 16 << 10 };

#define CERT_FILE "console.crt"
#define KEY_FILE "console.key"

/* usable(cert, key, now, info): Whether the two fit together and are not about to end. A crash
 * between the two files leaves a pair that does not fit. */
static bool
usable(const struct buf *cert, const struct buf *key, int64_t now, struct x509_info *info)
{
	return cert->len && key->len && x509_read(cert->p, cert->len, info, NULL) == 0 &&
	    x509_matches(cert->p, cert->len, key->p, key->len, NULL) == 0 &&
	    info->not_after > now / TIME_SEC + 30 * 86400;
}

static int
make(struct mamorid *m, int dir, struct buf *cert, struct buf *key, struct x509_info *info,
    struct err *e)
{
	const struct fio *f = m->state.f;
	const char *dns[2] = {"localhost"}, *ips[3] = {"127.0.0.1", "::1"};
	struct x509_site site = {.name = "Mamori", .dns = dns, .ndns = 1, .ips = ips, .nips = 2,
	    .now = loop_wall(m->l) / TIME_SEC};
	char addr[WEB_URL];
	int r;

	/* the address people type, where it is a real one */
	(void)snprintf(addr, sizeof(addr), "%s", m->url + strlen("https://"));
	if (addr[0] == '[')
		(void)memmove(addr, addr + 1, strlen(addr));
	addr[strcspn(addr, m->url[8] == '[' ? "]" : ":")] = 0;
	if (strcmp(addr, "127.0.0.1") != 0 && strcmp(addr, "::1") != 0 &&
	    strcmp(addr, "0.0.0.0") != 0 && strcmp(addr, "::") != 0)
		ips[site.nips++] = addr;
	if (strspn(m->host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") ==
	    strlen(m->host))
		dns[site.ndns++] = m->host;
	buf_clear(cert);
	buf_clear(key);
	r = x509_make(&site, cert, key, info, e);
	if (r == E_INVAL) { /* a host name of another form is not worth failing for */
		site.ndns = 1;
		r = x509_make(&site, cert, key, info, e);
	}
	if (r == 0)
		r = fio_replace(f, dir, KEY_FILE, key->p, key->len, 0600, e);
	if (r == 0)
		r = fio_replace(f, dir, CERT_FILE, cert->p, cert->len, 0644, e);
	return r;
}

int
mamorid_site(struct mamorid *m, struct buf *cert, struct buf *key, struct err *e)
{
	struct x509_info info = {0};
	int r, dir = state_dir(&m->state, "keys", true, e);

	if (dir < 0)
		return dir;
	if (fio_slurp(m->state.f, dir, CERT_FILE, cert, NULL) < 0)
		buf_clear(cert);
	if (fio_slurp(m->state.f, dir, KEY_FILE, key, NULL) < 0)
		buf_clear(key);
	r = usable(cert, key, loop_wall(m->l), &info) ? 0 : make(m, dir, cert, key, &info, e);
	fio_close(m->state.f, dir);
	if (r < 0)
		return err_wrap(e, "the console's certificate");
	(void)snprintf(m->fingerprint, sizeof(m->fingerprint), "%s", info.fingerprint);
	if (!buf_cstr(cert, e) || !buf_cstr(key, e))
		return E_NOMEM;
	return 0;
}
