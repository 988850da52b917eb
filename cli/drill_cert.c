#include "cli/drill_cert.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/num.h"
#include "ledger/facts.h"

static const char label[] = "mamori drill certificate 1\n";

/* signed_text(cert, ret, e): What the signature is over. */
static int
signed_text(const json_t *cert, struct buf *ret, struct err *e)
{
	char *text = json_dumps(cert, JSON_COMPACT | JSON_SORT_KEYS);
	int r;

	if (!text)
		return err_set(e, E_NOMEM, "no memory for a certificate");
	r = buf_str(ret, label, e);
	if (r == 0)
		r = buf_str(ret, text, e);
	free(text);
	return r;
}

static int
keep(const struct state *st, const json_t *o, char hex[EVIDENCE_HEX], struct err *e)
{
	char *text = json_dumps(o, JSON_INDENT(1) | JSON_SORT_KEYS);
	int r, fd = memfd_create("certificate", MFD_CLOEXEC);

	if (!text || fd < 0)
		r = err_set(e, E_NOMEM, "no memory for a certificate");
	else if (write(fd, text, strlen(text)) != (ssize_t)strlen(text) || write(fd, "\n", 1) != 1)
		r = err_sys(e, "a certificate");
	else
		r = evidence_put_fd(st, fd, 1 << 20, hex, e);
	free(text);
	if (fd >= 0)
		(void)close(fd);
	return r;
}

int
drill_cert_keep(const struct state *st, json_t *cert, char hex[EVIDENCE_HEX], struct err *e)
{
	char pub[2 * SIGN_PUB_LEN + 1], sig[2 * SIGN_LEN + 1];
	struct signer *s = NULL;
	uint8_t raw[SIGN_LEN];
	struct buf text;
	json_t *o = NULL;
	int r = state_signer(st, FACTS_KEY, false, &s, e);

	buf_init(&text, 1 << 20);
	if (r == 0)
		r = signed_text(cert, &text, e);
	if (r == 0)
		r = signer_sign(s, text.p, text.len, raw, e);
	if (r == 0) {
		hex_put(pub, signer_pub(s), SIGN_PUB_LEN);
		hex_put(sig, raw, SIGN_LEN);
		o = json_pack("{s:O, s:s, s:s}", "certificate", cert, "signer", pub, "signature",
		    sig);
		r = o ? keep(st, o, hex, e) : err_set(e, E_NOMEM, "no memory for a certificate");
	}
	json_decref(o);
	buf_free(&text);
	signer_free(s);
	return r;
}

int
drill_cert_check(const void *p, size_t n, json_t **ret, uint8_t ret_signer[SIGN_PUB_LEN],
    struct err *e)
{
	json_t *o = json_loadb(p, n, JSON_REJECT_DUPLICATES, NULL);
	json_t *cert = json_object_get(o, "certificate");
	const char *pub = json_string_value(json_object_get(o, "signer"));
	const char *sig = json_string_value(json_object_get(o, "signature"));
	uint8_t key[SIGN_PUB_LEN], raw[SIGN_LEN];
	struct buf text;
	int r = 0;

	buf_init(&text, 1 << 20);
	if (!json_is_object(cert) || !pub || !sig || hex_get(key, sizeof(key), pub) < 0 ||
	    hex_get(raw, sizeof(raw), sig) < 0)
		r = err_set(e, E_PROTO, "this is not a drill certificate");
	if (r == 0)
		r = signed_text(cert, &text, e);
	if (r == 0 && !sign_ok(key, text.p, text.len, raw))
		r = err_set(
		    e, E_CORRUPT, "the signature does not hold: the certificate was changed");
	if (r == 0) {
		*ret = json_incref(cert);
		(void)memcpy(ret_signer, key, sizeof(key));
	}
	buf_free(&text);
	json_decref(o);
	return r;
}
