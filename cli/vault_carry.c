/* mamori vault carry, mamori vault unpack: a copy on a disk that goes into a drawer, and back. */
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"
#include "cli/disk_book.h"

struct job {
	struct cli *c;
	const char *repo, *disk, *label;
	struct disk_how how;
	struct disk_carry done;
	struct vault_keys keys;
};

static void
on_progress(void *cookie, uint64_t done, uint64_t all)
{
	struct job *j = cookie;
	char a[24], b[24];

	cli_progress(j->c, "%s / %s", cli_bytes(a, done), cli_bytes(b, all));
}

/* systems(j): The newest generation of each system, as far as this machine may know their names. */
static json_t *
systems(struct job *j)
{
	json_t *ret = json_object();
	const struct vault_generation *g;
	struct vault_open o = {.place = j->how.place};
	VAULT_R *r = NULL;
	size_t n = 0;

	if (vault_r_open(fio_os(), j->repo, &o, &r, NULL) < 0)
		return ret;
	g = vault_r_list(r, &n);
	for (size_t i = 0; i < n; i++)
		if (g[i].info_ok)
			(void)json_object_set_new(ret, g[i].info.name, json_integer(g[i].at));
	vault_r_close(r);
	return ret;
}

static int
enter(struct job *j, struct db *db, struct err *e)
{
	struct disk_row *d = calloc(1, sizeof(*d));
	char id[2 * DISK_ID_LEN + 1], path[PATH_MAX];
	int64_t now = time_now_us();
	int r;

	if (!d)
		return err_set(e, E_NOMEM, "no memory");
	hex_put(id, j->done.info.id, DISK_ID_LEN);
	r = disk_book_get(db, id, d, NULL);
	if (r < 0) {
		*d = (struct disk_row){.found = false};
		(void)snprintf(d->label, sizeof(d->label), "disk %.8s", id);
	}
	if (j->label)
		(void)snprintf(d->label, sizeof(d->label), "%.199s", j->label);
	(void)memcpy(d->id, id, sizeof(id));
	(void)snprintf(d->path, sizeof(d->path), "%s", realpath(j->disk, path) ? path : j->disk);
	(void)snprintf(d->repo, sizeof(d->repo), "%s", realpath(j->repo, path) ? path : j->repo);
	disk_device(j->disk, d);
	json_decref(d->systems);
	d->systems = systems(j);
	d->bytes = (int64_t)j->done.info.bytes;
	d->copied_at = now;
	if (j->how.prove || j->done.made)
		d->proved_at = now;
	r = disk_book_put(db, d, now, e);
	disk_row_free(d);
	free(d);
	return r;
}

static int
answer(struct job *j)
{
	const struct disk_carry *d = &j->done;
	struct cli *c = j->c;
	char id[2 * DISK_ID_LEN + 1], size[24], all[24], bad[2 * FMT_ID_LEN + 1] = "";

	hex_put(id, d->info.id, DISK_ID_LEN);
	if (d->damaged)
		hex_put(bad, d->first_bad, FMT_ID_LEN);
	cli_say(c, L(c, "ディスク %.8s: %s を写しました（新しい区画 %llu、世代 %llu、ディスク上 %s）。"
	    "読み戻して確かめました。",
	    "Disk %.8s: %s copied (%llu new segments, %llu generations, %s on the disk). Read back "
	    "and checked."), id, cli_bytes(size, d->copied_bytes), (unsigned long long)d->copied,
	    (unsigned long long)d->info.generations, cli_bytes(all, d->info.bytes));
	if (d->damaged)
		cli_say(c, L(c, "✗ 壊れた区画が %llu あり、写していません（%.12s ほか）。保管庫を確かめてください"
		    "（mamori vault verify --data）。",
		    "✗ %llu damaged segments were not copied (%.12s ...). Check the vault (mamori "
		    "vault verify --data)."), (unsigned long long)d->damaged, bad);
	if (d->keep_lost)
		cli_say(c, "%s", L(c,
		    "▲ 保管庫の「守りの記録」（消せない期限、消した世代）が、ないか、読めないか、"
		    "ディスクのものの続きではありません。\nデータだけを写し、"
		    "ディスクの記録は前のままです。保管庫を見る機械を引き継ぐには mamori vault "
		    "adopt、記録を新しく始めたときは新しいディスクを。",
		    "▲ The vault's record of locks and removals is missing, does not hold, or does "
		    "not continue\nthe one on the disk, which stays as it was; the data was "
		    "copied. After mamori vault adopt,\nor where the record was begun anew, take "
		    "a new disk."));
	cli_say(c, "%s", L(c, "まだ「離れた写し」ではありません。取り出して外し、置き場所を mamori vault disk move で"
	    "書き、mamori vault disk check で確かめてください。",
	    "It is not an offline copy yet. Take the disk off, write down where it lies (mamori "
	    "vault disk move), then run mamori vault disk check."));
	cli_json(c, json_pack("{s:s,s:b,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:b,s:b}", "disk", id, "ok",
	    d->damaged == 0, "copied", (json_int_t)d->copied, "copied_bytes",
	    (json_int_t)d->copied_bytes, "generations", (json_int_t)d->info.generations,
	    "disk_bytes", (json_int_t)d->info.bytes, "proved_bytes", (json_int_t)d->proved_bytes,
	    "damaged", (json_int_t)d->damaged, "absent", (json_int_t)d->absent, "keep_lost",
	    (int)d->keep_lost, "offline", 0));
	return d->damaged ? CLI_NO : CLI_OK;
}

static int
carry_options(struct job *j, int argc, char **argv)
{
	static const struct option longs[] = {{"label", required_argument, NULL, 'l'},
		{"prove", no_argument, NULL, 'p'}, {0}};
	int o;

	optind = 0;
	opterr = 0;
	while ((o = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (o == 'l' && *optarg && strlen(optarg) < 100)
			j->label = optarg;
		else if (o == 'p')
			j->how.prove = true;
		else
			return -1;
	}
	if (optind + 2 != argc)
		return -1;
	j->repo = argv[optind];
	j->disk = argv[optind + 1];
	return 0;
}

int
vault_carry_cmd(struct cli *c, int argc, char **argv)
{
	struct job j = {.c = c};
	struct vault_place place;
	struct state st;
	struct db *db = NULL;
	struct err e = {0};
	int r;

	if (carry_options(&j, argc, argv) < 0)
		return cli_usage(c, VAULT_CARRY_USAGE);
	if (vault_is_address(j.repo)) {
		(void)err_set(
		    &e, E_INVAL, "a disk is filled from a vault in a folder of this machine");
		return cli_fail(c, &e, NULL);
	}
	r = cli_records(c, true, &st, &db);
	if (r != CLI_OK)
		return r;
	place = vault_place_of(st.dirfd);
	j.how.place = &place;
	j.how.progress = on_progress;
	j.how.cookie = &j;
	j.how.cancel = vault_cancel();
	r = disk_carry(fio_os(), j.repo, j.disk, &j.how, &j.done, &e);
	cli_progress_end(c);
	if (r == 0)
		r = enter(&j, db, &e);
	r = r < 0 ? cli_fail(c, &e, L(c, "ディスクに写せませんでした", "the disk was not brought up "
	    "to date")) : answer(&j);
	db_close(db);
	state_close(&st);
	return r;
}

int
vault_unpack_cmd(struct cli *c, int argc, char **argv)
{
	static const struct option longs[] = {{"to", required_argument, NULL, 't'},
		{"key", required_argument, NULL, 'k'}, {0}};
	struct job j = {.c = c};
	struct vault_place place = vault_place_of(-1);
	uint8_t secret[PAPERKEY_LEN] = {0};
	const char *to = NULL;
	struct state st;
	struct err e = {0};
	char size[24];
	bool here;
	int o, r = 0;

	optind = 0;
	opterr = 0;
	while ((o = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (o == 't')
			to = optarg;
		else if (o != 'k' || vault_keys_add(c, &j.keys, optarg) != CLI_OK)
			return cli_usage(c, VAULT_UNPACK_USAGE);
	}
	if (optind + 1 != argc || !to)
		return cli_usage(c, VAULT_UNPACK_USAGE);
	here = state_open(fio_os(), c->state, false, &st, NULL) == 0;
	place.statefd = here ? st.dirfd : -1;
	if (j.keys.n > 0)
		r = vault_keys_read(c, &j.keys, NULL, secret, &e);
	if (r == 0)
		r = disk_unpack(fio_os(), argv[optind], to, j.keys.n ? secret : NULL,
		    here ? &place : NULL, &j.done, &e);
	explicit_bzero(secret, sizeof(secret));
	if (here)
		state_close(&st);
	if (r < 0)
		return cli_fail(c, &e, L(c, "ディスクから出せませんでした", "could not unpack the disk"));
	cli_say(c, L(c, "%s に保管庫として出しました: 区画 %llu、%s、世代 %llu。次: mamori vault list %s",
	    "Unpacked as a vault in %s: %llu segments, %s, %llu generations. Next: mamori vault "
	    "list %s"), to, (unsigned long long)j.done.copied, cli_bytes(size, j.done.copied_bytes),
	    (unsigned long long)j.done.info.generations, to);
	if (j.done.keep_lost)
		cli_say(c, "%s", L(c,
		    "▲ ディスクにあった「守りの記録」（消せない期限、消した世代）は"
		    "読めませんでした。世代とデータは、これとは別です。",
		    "▲ The record of locks and removals on the disk cannot be used. Generations "
		    "and data do not depend on it."));
	cli_say(c, L(c,
	    "この機械で保管を続けるには: mamori vault adopt %s --key 復旧鍵 --writer",
	    "To go on keeping generations in it on this machine: mamori vault adopt %s --key "
	    "FILE --writer"), to);
	if (j.done.damaged)
		cli_say(c, L(c, "✗ ディスクの上で壊れていた区画: %llu",
		    "✗ damaged on the disk: %llu segments"), (unsigned long long)j.done.damaged);
	cli_json(c, json_pack("{s:b,s:I,s:I,s:I,s:I,s:I,s:b}", "ok", j.done.damaged == 0,
	    "segments", (json_int_t)j.done.copied, "bytes", (json_int_t)j.done.copied_bytes,
	    "generations", (json_int_t)j.done.info.generations,
	    "damaged", (json_int_t)j.done.damaged, "absent",
	    (json_int_t)j.done.absent, "keep_lost", (int)j.done.keep_lost));
	return j.done.damaged ? CLI_NO : CLI_OK;
}
