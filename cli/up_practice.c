/* Filling an empty state with the practice hospital. Every step may be cut off and is taken up
 * again by the next `mamori up --practice`. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "cli/up.h"
#include "sys/fio.h"

enum { CALL_WAIT_S = 10, LOOK_MS = 400 };

static const struct {
	const char *id, *kind, *ja, *en;
} systems[] = {
	{"ssmix2", "chart", "電子カルテ（SS-MIX2）", "charts (SS-MIX2)"},
	{"images", "images", "画像（DICOM）", "images (DICOM)"},
	{"database", "database", "医事データベース", "billing database"},
	{"scans", "scans", "スキャン文書", "scanned papers"},
	{"office", "office", "事務の書類", "office files"},
};

int
up_call(struct up *u, const char *method, const json_t *params, json_t **ret, struct err *e)
{
	int fd, r = chan_connect(u->sock, &fd, e);

	if (r < 0)
		return r;
	r = chan_call(fd, method, params, -1, CALL_WAIT_S * TIME_SEC, ret, e);
	(void)close(fd);
	return r;
}

/* present(u, ret): How many systems are registered: 0, all of the practice ones, or -1 for others.
 */
static int
present(struct up *u, int *ret, struct err *e)
{
	json_t *st = NULL, *t;
	size_t i;
	int n = 0, r = up_call(u, "status", NULL, &st, e);

	if (r < 0)
		return r;
	json_array_foreach(json_object_get(st, "items"), i, t)
		n += strcmp(json_string_value(json_object_get(t, "kind")), "backup") == 0;
	if (n > 0 && !json_is_true(json_object_get(st, "practice")))
		n = -1;
	json_decref(st);
	*ret = n;
	return 0;
}

/* --- the vault ------------------------------------------------------------------------------ */

/* clear_way(vault, key, e): What an init that was cut off left behind. A vault without a finished
 * registration holds no generation that anybody was told of; even so it is put aside, not removed,
 * and so is the key, which may be that of another vault. */
static int
aside(const char *path, struct err *e)
{
	char to[PATH_MAX + 64];
	int r = 0;

	if (access(path, F_OK) != 0)
		return 0;
	for (int i = 1; i < 100; i++) {
		(void)snprintf(to, sizeof(to), "%.*s.unfinished-%d", PATH_MAX - 1, path, i);
		r = fio_rename(fio_os(), AT_FDCWD, path, AT_FDCWD, to, false, e);
		if (r != E_EXIST)
			break;
	}
	return r;
}

static int
clear_way(const char *vault, const char *key, struct err *e)
{
	int r = aside(key, e);

	return r < 0 ? r : aside(vault, e);
}

static int
make_vault(struct up *u, const char *vault, const char *key)
{
	const char *const words[] = {"vault", "init", vault, "--recovery-out", key, NULL};
	char mark[PATH_MAX + 32], dir[PATH_MAX + 32];
	struct err e = {0};

	(void)snprintf(mark, sizeof(mark), "%.*s/mamori-vault", PATH_MAX - 1, vault);
	if (access(mark, F_OK) == 0 && access(key, F_OK) == 0)
		return CLI_OK; /* an earlier try came this far */
	(void)snprintf(dir, sizeof(dir), "%.*s/vault", PATH_MAX - 1, u->state);
	if (fio_mkdir(fio_os(), AT_FDCWD, dir, 0700, &e) < 0 || clear_way(vault, key, &e) < 0)
		return cli_fail(u->c, &e, NULL);
	return up_step(u, words);
}

/* --- registering ---------------------------------------------------------------------------- */

static int
add_place(struct up *u, const char *vault, const char *key, struct err *e)
{
	json_t *p = json_pack("{s:s, s:s, s:s, s:s, s:s}", "id", "practice", "repo", vault,
	    "name_ja", "練習用の保管庫", "name_en", "practice vault", "key_file", key);
	int r = p ? up_call(u, "place.add", p, NULL, e) : err_set(e, E_NOMEM, "no memory");

	json_decref(p);
	return r == E_EXIST ? 0 : r;
}

static int
add_system(struct up *u, size_t i, struct err *e)
{
	char path[PATH_MAX + 64];
	json_t *p;
	int r;

	(void)snprintf(path, sizeof(path), "%.*s/practice/%s", PATH_MAX - 1, u->state,
	    systems[i].id);
	p = json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:[s]}", "id", systems[i].id, "kind",
	    systems[i].kind, "name_ja", systems[i].ja, "name_en", systems[i].en, "place",
	    "practice", "practice", 1, "paths", path);
	r = p ? up_call(u, "system.add", p, NULL, e)
	      : err_set(e, E_INVAL, "the path %s is not UTF-8", u->state);
	json_decref(p);
	return r == E_EXIST ? 0 : r;
}

/* --- the first copies ----------------------------------------------------------------------- */

static void
on_look(struct loop *l, void *cookie)
{
	(void)cookie;
	loop_stop(l);
}

/* pending(st, t): Whether the copy of an item is still to come: it never succeeded, and it was not
 * tried yet, is running, or is due (one that was cut off is due again at once). */
static bool
pending(const json_t *st, const json_t *t)
{
	const char *outcome = json_string_value(json_object_get(t, "last_outcome"));
	const char *due = json_string_value(json_object_get(t, "next_due"));
	const char *on = json_string_value(json_object_get(json_object_get(st, "running"), "job"));
	int64_t at = 0;

	if (json_is_string(json_object_get(t, "good_at")))
		return false;
	if (!*outcome || (on && strcmp(on, json_string_value(json_object_get(t, "job"))) == 0))
		return true;
	return due && time_get(due, &at, NULL) == 0 && at <= time_now_us();
}

/* tell_new(u, st, told): Say what happened since the last look (nothing where ${told} is NULL).
 * Returns how many first copies are still to come. */
static size_t
tell_new(struct up *u, const json_t *st, bool told[])
{
	size_t left = 0, k;
	const json_t *t;

	json_array_foreach(json_object_get(st, "items"), k, t) {
		const char *subject = json_string_value(json_object_get(t, "subject"));
		const char *msg = json_string_value(json_object_get(t, "last_message"));

		if (strcmp(json_string_value(json_object_get(t, "kind")), "backup") != 0)
			continue;
		if (pending(st, t)) {
			left++;
			continue;
		}
		for (size_t i = 0; told && i < ARRAY_LEN(systems); i++) {
			if (told[i] || strcmp(subject, systems[i].id) != 0)
				continue;
			told[i] = true;
			if (json_is_string(json_object_get(t, "good_at")))
				cli_say(u->c, L(u->c, "  写しができました: %s", "  copied: %s"),
				    L(u->c, systems[i].ja, systems[i].en));
			else
				cli_say(u->c,
				    L(u->c, "  写しを取れませんでした: %s（%s）",
					"  could not be copied: %s (%s)"),
				    L(u->c, systems[i].ja, systems[i].en), msg ? msg : "");
		}
	}
	return left;
}

/* follow(u, fresh): Wait for the first copies. Of a hospital that was registered earlier nothing is
 * said when they are all there. */
static int
follow(struct up *u, bool fresh)
{
	bool told[ARRAY_LEN(systems)] = {false}, said = false;
	struct loop_src *timer = NULL;
	struct err e = {0};
	size_t left = 1;
	int r = loop_add_timer(u->l, -1, on_look, u, &timer, &e);

	while (r >= 0 && left > 0 && !u->stop && u->daemon) {
		json_t *st = NULL;

		r = up_call(u, "status", NULL, &st, &e);
		if (r < 0)
			break;
		left = tell_new(u, st, NULL);
		if (!said && (fresh || left > 0)) {
			cli_say(u->c, "%s", L(u->c, "最初の世代（写し）を作っています…",
			    "Making the first generation ..."));
			said = true;
		}
		if (said)
			(void)tell_new(u, st, told);
		json_decref(st);
		if (left > 0) {
			loop_arm(timer, loop_mono(u->l) + LOOK_MS * 1000);
			r = loop_run(u->l, &e);
		}
	}
	loop_del(timer);
	if (u->stop)
		return CLI_OK;
	return r < 0 ? cli_fail(u->c, &e, NULL) : u->daemon ? CLI_OK : CLI_FAIL;
}

static int
make_hospital(struct up *u)
{
	char dir[PATH_MAX + 32];
	const char *words[] = {"practice", "--to", dir, u->size ? "--size" : NULL, u->size, NULL};

	(void)snprintf(dir, sizeof(dir), "%.*s/practice", PATH_MAX - 1, u->state);
	cli_say(u->c, "%s", L(u->c, "練習用の病院を作っています（架空の患者だけです）…",
	    "Making the practice hospital (made-up patients only) ..."));
	return up_step(u, words);
}

int
up_practice(struct up *u)
{
	char vault[PATH_MAX + 32], key[PATH_MAX + 32];
	struct err e = {0};
	int n = 0, r = present(u, &n, &e);

	if (r < 0)
		return cli_fail(u->c, &e, NULL);
	if (n < 0) {
		fprintf(stderr, "mamori: %s\n  → %s\n",
		    L(u->c, "ここには本物のシステムが登録されています。練習用の病院は入れません。",
			"real systems are registered here; the practice hospital is not put "
			"beside them."),
		    L(u->c, "別の場所を --state で選ぶか、--practice を付けずに始めてください。",
			"Choose another place with --state, or start without --practice."));
		return CLI_FAIL;
	}
	if (n >= (int)ARRAY_LEN(systems))
		return follow(u, false);
	(void)snprintf(vault, sizeof(vault), "%.*s/vault/practice", PATH_MAX - 1, u->state);
	(void)snprintf(key, sizeof(key), "%.*s/recovery-key.txt", PATH_MAX - 1, u->state);
	r = make_hospital(u);
	if (r == CLI_OK && n == 0)
		r = make_vault(u, vault, key);
	if (r != CLI_OK)
		return u->stop ? CLI_OK : CLI_FAIL;
	r = add_place(u, vault, key, &e);
	for (size_t i = 0; i < ARRAY_LEN(systems) && r == 0; i++)
		r = add_system(u, i, &e);
	if (r < 0)
		return cli_fail(u->c, &e, NULL);
	return follow(u, true);
}
