/* mamori-reaper --repo DIR --state DIR: carry out the removal that people allowed, if one waits and
 * is due; finish one that was interrupted. Prints one JSON object. Everything it relies on it
 * verifies itself: signatures, waiting time, locks, what other generations need.
 *
 * Exit status: 0 done · 1 nothing may be removed (now) · 2 usage · 3 could not. */
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mamori-reaper/reaper.h"
#include "vault/keep_reap.h"

static int
print(const struct keep_reaped *done, int code, const struct err *e)
{
	json_t *o = json_pack("{s:I,s:I,s:I,s:I,s:I}", "removed", (json_int_t)done->generations,
	    "segments", (json_int_t)done->segments, "freed_bytes", (json_int_t)done->bytes,
	    "leftover_bytes", (json_int_t)done->loose_bytes, "spared", (json_int_t)done->spared);
	char *text;

	if (o && code < 0) {
		(void)json_object_set_new(o, "error", json_string(err_name(code)));
		(void)json_object_set_new(o, "why", json_string(e->msg));
	}
	text = o ? json_dumps(o, JSON_COMPACT) : NULL;
	json_decref(o);
	if (!text || printf("%s\n", text) < 0 || fflush(stdout) != 0) {
		free(text);
		return 3;
	}
	free(text);
	switch (code) {
	case E_NOENT:
	case E_AUTH:
	case E_BUSY:
	case E_EXIST:
	case E_CORRUPT:
		return 1;
	default:
		return code < 0 ? 3 : 0;
	}
}

/* ready(repo, state, id, key, ret_dir, e): Whatever needs more rights than the jail leaves. */
static int
ready(const char *repo, const char *state, struct vault_ident *id, struct keep_key *key,
    int *ret_dir, struct err *e)
{
	struct vault_place place = {.statefd = -1};
	int r = vault_identify(fio_os(), repo, id, e);

	if (r < 0)
		return r;
	place.statefd = fio_open(fio_os(), AT_FDCWD, state, O_RDONLY | O_DIRECTORY, 0, e);
	if (place.statefd < 0)
		return place.statefd;
	r = keep_key_load(fio_os(), &place, id->repo, false, key, e);
	fio_close(fio_os(), place.statefd);
	if (r == E_NOENT)
		return err_set(e, E_AUTH, "this machine does not look after the vault");
	if (r == 0)
		r = *ret_dir = fio_open(fio_os(), AT_FDCWD, repo, O_RDONLY | O_DIRECTORY, 0, e);
	return r < 0 ? r : 0;
}

static int
reap(const char *repo, const char *state, struct keep_reaped *done, struct err *e)
{
	struct vault_ident id;
	struct jail_report jail;
	struct keep_time now;
	struct keep_key key;
	struct keep *k = NULL;
	int dir = -1, r = ready(repo, state, &id, &key, &dir, e);

	keep_time_now(&now); /* before the jail: it has no /proc */
	if (r == 0)
		r = reaper_jail(repo, &jail, e);
	if (r == 0)
		r = keep_open(fio_os(), dir, &id, &key, NULL, &k, e);
	explicit_bzero(&key, sizeof(key));
	if (r == 0)
		r = keep_reap(fio_os(), repo, k, &now, done, e);
	keep_close(k);
	fio_close(fio_os(), dir);
	return r;
}

int
main(int argc, char **argv)
{
	static const struct option longs[] = {
		{"repo", required_argument, NULL, 'r'},
		{"state", required_argument, NULL, 's'},
		{NULL, 0, NULL, 0},
	};
	const char *repo = NULL, *state = "/var/lib/mamori";
	char path[PATH_MAX];
	struct keep_reaped done = {0};
	struct err e = {0};
	int o, r;

	while ((o = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (o == 'r')
			repo = optarg;
		else if (o == 's')
			state = optarg;
		else
			repo = NULL, optind = argc + 1;
	}
	if (!repo || optind != argc) {
		fprintf(stderr, "mamori-reaper --repo DIR [--state DIR]\n");
		return 2;
	}
	if (!realpath(repo, path))
		r = err_sys(&e, "%s", repo);
	else
		r = reap(path, state, &done, &e);
	if (r < 0)
		fprintf(stderr, "mamori-reaper: %s\n", e.msg);
	return print(&done, r, &e);
}
