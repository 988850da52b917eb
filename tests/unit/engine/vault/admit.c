/* A machine that lost its writer key is let in again by the recovery key, and by nothing else. */
#include "fault/vlib.h"

#include "base/num.h"
#include "vault/verify.h"

#include "tap.h"

int
main(void)
{
	static struct vt v;
	struct vault_verify_opts o = {.depth = VERIFY_DEEP, .secret = v.secret, .threads = 1};
	struct vault_verify_report rep;
	struct vault_generation g = {0};
	struct vault_ident id;
	uint8_t wrong[PAPERKEY_LEN];
	char hex[2 * FMT_ID_LEN + 1], path[400];
	struct err e = {0};

	vt_new(&v);
	vt_source(&v, 0);
	OK(vt_init(&v, fio_os(), &e) == 0 && vt_backup(&v, fio_os(), &g, &e) == 0 &&
	    vault_identify(fio_os(), v.repo, &id, &e) == 0, "a vault");
	free(g.runs);
	EQ_I(vault_admit(fio_os(), v.repo, &v.place, v.secret, v.now, &e), 1,
	    "who holds a key needs none");
	hex_put(hex, id.repo, FMT_ID_LEN);
	(void)snprintf(path, sizeof(path), "%s/vault/%s/writer.key", v.state, hex);
	OK(unlink(path) == 0, "the key is lost");
	EQ_I(vt_backup(&v, fio_os(), &g, &e), E_AUTH, "nothing can be added");
	(void)memcpy(wrong, v.secret, sizeof(wrong));
	wrong[0] ^= 1;
	EQ_I(vault_admit(fio_os(), v.repo, &v.place, wrong, v.now, &e), E_AUTH,
	    "another vault's recovery key does not help");
	OK(access(path, F_OK) < 0, "and leaves no key");
	EQ_I(vault_admit(fio_os(), v.repo, &v.place, v.secret, v.now, &e), 0,
	    "the vault's own does");
	vt_source(&v, 1);
	OK(vt_backup(&v, fio_os(), &g, &e) == 0, "a generation can be added");
	free(g.runs);
	OK(vault_verify(fio_os(), v.repo, &o, &rep, &e) == 0 && rep.ok, "and all of it holds");
	vault_verify_report_free(&rep);
	EQ_I(vault_admit(fio_os(), v.src, &v.place, v.secret, v.now, &e), E_PROTO,
	    "a folder without a vault is none");
	vt_free(&v);
	return tap_done();
}
