/* What the pages of the vault share. */
#ifndef MAMORI_DAEMON_MAMORID_PAGES_VAULT_PAGES_H
#define MAMORI_DAEMON_MAMORID_PAGES_VAULT_PAGES_H

#include "mamorid/http/console.h"
#include "mamorid/pages/pages.h"
#include "mamorid/tasks.h"

struct vault_place {
	char id[64], name[200];
	char repo[4096], key_file[4096];
};

/* vault_place_get(r, id, ret, e): E_NOENT. */
MUST int vault_place_get(struct req *r, const char *id, struct vault_place *ret, struct err *e);
/* vault_gen_ok(s): Whether it can be the name of a generation on a command line: "latest", a
 * system's name, or the digits of an id. */
bool vault_gen_ok(const char *s);
/* vault_path_ok(s): Whether it can be a path inside a generation on a command line. "" can. */
bool vault_path_ok(const char *s);
/* vault_task(r, n, argv, prefix, e): Start a command (takes ${argv}) and go to its page; when it is
 * done, on to ${prefix} and the task's id. NULL: stay there. */
MUST int vault_task(struct req *r, struct task_new *n, json_t *argv, const char *prefix,
    struct err *e);
/* vault_task_result(r, what, ret, ret_argv, ret_out, e): The task of the address, which belongs to
 * whoever asks and has done `mamori vault WHAT`: itself, its command, and the object that it
 * printed (${ret_out} NULL: not read). The caller frees all three; nothing on failure. E_NOENT. */
MUST int vault_task_result(struct req *r, const char *what, struct task *ret, json_t **ret_argv,
    json_t **ret_out, struct err *e);
/* vault_alarms(r, m): Into the model: what waits for somebody's word ("pending", "doubts").
 * vault_keepers(r, m): When a recovery key last opened a vault ("keys"), and the removable disks
 * ("disks"). */
void vault_alarms(struct req *r, json_t *m);
void vault_keepers(struct req *r, json_t *m);
/* vault_crumbs(last): Crumbs of a page below the vault. */
json_t *vault_crumbs(const char *word);

#endif
