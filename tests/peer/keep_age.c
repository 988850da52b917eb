/* keep-age STATE REPO DAYS: for tests, which cannot wait a fortnight: with the box's key, note a
 * reading of a machine that has run so many days more. Whoever holds that key and the vault's
 * folder could say so; a client cannot (tests/unit/engine/vault/keep.c). */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "vault/keep.h"

int
main(int argc, char **argv)
{
	struct vault_place place = {.statefd = -1};
	struct vault_ident id;
	struct keep_key key;
	struct keep_state st;
	struct keep_time now = {.boot = {0xa9, 0xe}};
	struct keep *k = NULL;
	struct err e = {0};
	uint64_t days = 0;
	int r, dir;

	if (argc != 4 || num_parse_u64(argv[3], 4000, &days, &e) < 0)
		return 2;
	place.statefd = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = vault_identify(fio_os(), argv[2], &id, &e);
	if (r == 0)
		r = keep_key_load(fio_os(), &place, id.repo, false, &key, &e);
	if (r == 0)
		r = keep_open(fio_os(), dir, &id, &key, NULL, &k, &e);
	if (r == 0) {
		keep_state(k, &st);
		now.ran = now.up = (int64_t)days * TIME_DAY;
		now.wall = st.last.wall + now.ran;
		r = keep_clock(k, &now, NULL, &e);
	}
	keep_close(k);
	if (r < 0)
		fprintf(stderr, "keep-age: %s\n", e.msg);
	return r < 0 ? 3 : 0;
}
