/* mamori vault disk: the book of removable disks. */
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"
#include "cli/disk_book.h"

enum { OFFLINE_DAYS = 31 };

struct job {
	struct cli *c;
	struct db *db;
	int64_t now;
	json_t *list;
	/* system -> {"at","disk","label","attached"}: the best disk for it, and the best that is
	 * only plugged in */
	json_t *off, *on;
};

static void
say_row(struct job *j, const struct disk_row *d)
{
	struct cli *c = j->c;
	char copied[TIME_TEXT] = "-", proved[TIME_TEXT] = "-", size[24];

	if (d->copied_at)
		time_put(copied, d->copied_at);
	if (d->proved_at)
		time_put(proved, d->proved_at);
	cli_say(c, L(c, "%.8s  %s  %s  写した日 %s  全部確かめた日 %s  %s  %s",
	    "%.8s  %s  %s  copied %s  proved whole %s  %s  %s"), d->id, d->label,
	    cli_bytes(size, (uint64_t)d->bytes), copied, proved,
	    d->attached ? L(c, "● つながっています（離れた写しではありません）",
	                      "● plugged in (not an offline copy)") :
	                  L(c, "○ 離れています", "○ not plugged in"),
	    d->lies[0] ? d->lies : L(c, "（置き場所が書かれていません）", "(nobody wrote where it lies)"));
	(void)json_array_append_new(j->list,
	    json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:I,s:o,s:o,s:b,s:O}", "id", d->id, "label",
	    d->label, "lies", d->lies, "serial", d->serial, "uuid", d->uuid, "repo", d->repo,
	    "bytes", (json_int_t)d->bytes, "copied_at", vault_time(d->copied_at), "proved_at",
	    vault_time(d->proved_at), "attached", d->attached, "systems", d->systems));
}

/* newer(j, d, kind, name, at): This disk holds what ${name} was at ${at}; the newest one counts. */
static void
newer(struct job *j, const struct disk_row *d, const char *kind, const char *name, int64_t at)
{
	json_t *to = d->attached ? j->on : j->off, *old = json_object_get(to, name);

	if (!old || json_integer_value(json_object_get(old, "at")) < at)
		(void)json_object_set_new(to, name, json_pack("{s:I,s:s,s:s,s:s}", "at",
		    (json_int_t)at, "disk", d->id, "label", d->label, "kind", kind));
}

/* better(j, d): For each system the disk with its newest generation. A machine that may not know
 * the names (a vault's server, without a key) looks at the vault as one. */
static void
better(struct job *j, const struct disk_row *d)
{
	const char *name;
	json_t *at;

	json_object_foreach(d->systems, name, at)
		newer(j, d, "system", name, json_integer_value(at));
	if (json_object_size(d->systems) == 0 && d->copied_at)
		newer(j, d, "vault", d->repo, d->copied_at);
}

static int
on_row(struct disk_row *d, void *cookie, struct err *e)
{
	struct job *j = cookie;

	(void)e;
	say_row(j, d);
	better(j, d);
	return 0;
}

/* one_fact(j, system, best, attached): How old the newest copy is that nobody can reach. */
static bool
one_fact(struct job *j, const char *system, const json_t *best, bool attached)
{
	int64_t at = json_integer_value(json_object_get(best, "at"));
	double days = (double)(j->now - at) / (double)TIME_DAY;
	bool good = !attached && days <= OFFLINE_DAYS;
	struct cli *c = j->c;
	struct fact f;
	struct err e;

	if (attached)
		cli_say(c, L(c, "▲ %s: 写しのあるディスクは全部つながったままです。外してください。",
		    "▲ %s: every disk that holds a copy is plugged in. Take one off."), system);
	else
		cli_say(c, L(c, "%s %s: 離れた写しは %.1f 日前のもの（%s）", "%s %s: the offline copy is "
		    "%.1f days old (%s)"), good ? "●" : "■", system, days,
		    json_string_value(json_object_get(best, "label")));
	if (fact_fill(&f, "vault", "vault.offline.age",
		json_string_value(json_object_get(best, "kind")), system,
		good ? FACT_PASS : FACT_FAIL, j->now, &e) < 0)
		return good;
	f.observed = json_pack("{s:f,s:s,s:b}", "days", days, "disk",
	    json_string_value(json_object_get(best, "disk")), "attached", attached);
	f.expected = json_pack("{s:i,s:b}", "max_age_days", OFFLINE_DAYS, "attached", 0);
	vault_fact(c, &f, true);
	return good;
}

static bool
facts(struct job *j)
{
	const char *name;
	json_t *v;
	bool all = true;

	json_object_foreach(j->off, name, v)
		all = one_fact(j, name, v, false) && all;
	json_object_foreach(j->on, name, v)
		if (!json_object_get(j->off, name))
			all = one_fact(j, name, v, true) && all;
	return all && json_object_size(j->off) + json_object_size(j->on) > 0;
}

/* none(j, check): A book without a disk has nothing that could be too old: as with `vault clock`,
 * that is no failure of a check. Whether there should be a disk the guideline's checklist asks,
 * where vault.offline.age stays unknown. */
static void
none(struct job *j, bool check)
{
	struct cli *c = j->c;

	cli_say(c, "%s", L(c, "まだディスクがありません（mamori vault carry REPO DISK）",
	    "no disk yet (mamori vault carry REPO DISK)"));
	if (check)
		cli_say(c, "%s", L(c,
		    "確かめるものがありません。離れた写しを持つには、ディスクをつないで上の命令で写し、外してしまってください。",
		    "There is nothing to check. For an offline copy, plug a disk in, fill it with "
		    "the command above, unplug it and put it away."));
}

static int
list(struct job *j, bool check, struct err *e)
{
	bool good = true, some;
	int r;

	j->list = json_array();
	j->off = json_object();
	j->on = json_object();
	r = disk_book_each(j->db, on_row, j, e);
	some = json_array_size(j->list) > 0;
	if (r == 0 && !some)
		none(j, check);
	if (r == 0 && some && check)
		good = facts(j);
	if (r == 0)
		cli_json(j->c, json_pack("{s:O,s:b}", "disks", j->list, "ok", good));
	json_decref(j->list);
	json_decref(j->off);
	json_decref(j->on);
	return r < 0 ? r : good ? CLI_OK : CLI_NO;
}

/* add(j, argc, argv, e): Enter a disk that was filled elsewhere, or change what is written. */
static int
add(struct job *j, int argc, char **argv, struct err *e)
{
	static const struct option longs[] = {{"label", required_argument, NULL, 'l'},
		{"lies", required_argument, NULL, 'w'}, {0}};
	const char *label = NULL, *lies = NULL;
	struct disk_row *d;
	uint8_t id[DISK_ID_LEN];
	char path[PATH_MAX], hex[2 * DISK_ID_LEN + 1];
	int o, r;

	optind = 0;
	opterr = 0;
	while ((o = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (o == 'l')
			label = optarg;
		else if (o == 'w')
			lies = optarg;
		else
			return 1;
	}
	if (optind + 1 != argc)
		return 1;
	r = disk_name(fio_os(), argv[optind], id, e);
	if (r == E_NOENT)
		return err_set(e, E_NOENT,
		    "%s: there is no copy of Mamori on this disk yet; mamori "
		    "vault carry makes one",
		    argv[optind]);
	d = r < 0 ? NULL : calloc(1, sizeof(*d));
	if (!d)
		return r < 0 ? r : err_set(e, E_NOMEM, "no memory");
	hex_put(hex, id, sizeof(id));
	if (disk_book_get(j->db, hex, d, NULL) < 0) {
		*d = (struct disk_row){.found = false};
		(void)snprintf(d->label, sizeof(d->label), "disk %.8s", hex);
	}
	(void)memcpy(d->id, hex, sizeof(hex));
	if (label)
		(void)snprintf(d->label, sizeof(d->label), "%s", label);
	if (lies)
		(void)snprintf(d->lies, sizeof(d->lies), "%s", lies);
	if (realpath(argv[optind], path))
		(void)snprintf(d->path, sizeof(d->path), "%.*s", (int)sizeof(d->path) - 1, path);
	disk_device(argv[optind], d);
	r = disk_book_put(j->db, d, j->now, e);
	disk_row_free(d);
	free(d);
	return r;
}

static int
move(struct job *j, int argc, char **argv, struct err *e)
{
	struct disk_row *d;
	int r;

	if (argc != 3)
		return 1;
	d = calloc(1, sizeof(*d));
	if (!d)
		return err_set(e, E_NOMEM, "no memory");
	r = disk_book_get(j->db, argv[1], d, e);
	if (r == 0) {
		(void)snprintf(d->lies, sizeof(d->lies), "%s", argv[2]);
		r = disk_book_put(j->db, d, j->now, e);
		disk_row_free(d);
	}
	free(d);
	return r;
}

int
vault_disk_cmd(struct cli *c, int argc, char **argv)
{
	struct job j = {.c = c, .now = time_now_us()};
	const char *what = argc > 1 ? argv[1] : "";
	bool check = strcmp(what, "check") == 0, show = strcmp(what, "list") == 0;
	struct state st;
	struct err e = {0};
	int r;

	if ((check || show) ? argc != 2 : strcmp(what, "add") != 0 && strcmp(what, "move") != 0)
		return cli_usage(c, VAULT_DISK_USAGE);
	r = cli_records(c, true, &st, &j.db);
	if (r != CLI_OK)
		return r;
	if (check || show)
		r = list(&j, check, &e);
	else
		r = what[0] == 'a' ? add(&j, argc - 1, argv + 1, &e) :
		    move(&j, argc - 1, argv + 1, &e);
	db_close(j.db);
	state_close(&st);
	if (r < 0)
		return cli_fail(c, &e, NULL);
	if (check || show)
		return r;
	if (r > 0)
		return cli_usage(c, VAULT_DISK_USAGE);
	cli_say(c, "%s", L(c, "書きました。", "Written down."));
	cli_json(c, json_pack("{s:b}", "ok", 1));
	return CLI_OK;
}
