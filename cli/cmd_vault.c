/* mamori vault: the copy of the data that cannot be read, altered or removed by an attacker. */
#include "cli/cli_vault.h"
#include "cli/vault_keep.h"
#include "cli/vault_mount.h"
#include "cli/vault_parity.h"
#include "cli/vault_serve.h"

#include "base/num.h"

static const struct cli_cmd commands[] = {
	{"init", vault_init_cmd,
	    "mamori vault init REPO [--recovery-out FILE] [--split FILE1 FILE2 FILE3] "
	    "[--sheet FILE.html] [--lock-days N] [--no-ring]",
	    "新しい保管庫を作り、復旧鍵を一度だけ書き出します",
	    "make a new vault and write its recovery key, once"},
	{"backup", vault_backup_cmd,
	    "mamori vault backup REPO PATH... [--name N] [--full] [--level 1-19] [--lock-days N] "
	    "[--threads N] [--login-file FILE]",
	    "一世代を保管します", "keep one generation"},
	{"list", vault_list_cmd, "mamori vault list REPO [--key FILE]", "世代の一覧",
	    "the generations"},
	{"restore", vault_restore_cmd,
	    "mamori vault restore REPO GEN --to DIR [--path P]... [--key FILE]... [--resume] "
	    "[--force-into] [--overwrite] [--threads N]",
	    "世代を別の場所へ戻します（戻しながら確かめます）",
	    "give a generation back into another place, verified while written"},
	{"verify", vault_verify_cmd,
	    "mamori vault verify REPO [--data] [--repair [--parity DIR] [--from REPO2]] "
	    "[--key FILE]... [--threads N]",
	    "保管庫が正しいか確かめます", "check the structure of a vault, or every byte of it"},
	{"mount", vault_mount_cmd, VAULT_MOUNT_USAGE,
	    "世代を読み取り専用のフォルダとして、すぐに開きます",
	    "open a generation as a read-only folder, at once"},
	{"open", vault_open_cmd, VAULT_OPEN_USAGE,
	    "世代を作業できるフォルダとしてすぐに開き、データはあとから届けます",
	    "open a generation to work in at once; its data follows"},
	{"hydrate", vault_hydrate_cmd, VAULT_HYDRATE_USAGE,
	    "開いた世代のデータがどこまで届いたか", "how much of an opened generation has arrived"},
	{"policy", vault_policy_cmd, VAULT_POLICY_USAGE, "世代をいつまで残すかの決まり",
	    "how long generations stay"},
	{"approver", vault_approver_cmd, VAULT_APPROVER_USAGE, "世代を消すことを承認できる人",
	    "who may approve the removal of generations"},
	{"state", vault_state_cmd, VAULT_STATE_USAGE,
	    "保管庫の様子: 決まり、待っている消去、疑わしい世代、すべての世代",
	    "policy, waiting removals, generations in doubt, and all generations"},
	{"prune", vault_prune_cmd, VAULT_PRUNE_USAGE,
	    "決まりに合わなくなった世代を消します（二人の承認と7日以上の待ち時間が要ります）",
	    "remove generations that a policy no longer keeps (two people and a week of waiting)"},
	{"accept", vault_accept_cmd, VAULT_ACCEPT_USAGE, "疑わしいとされた世代を、良い世代と認めます",
	    "say that a generation in doubt is good after all"},
	{"adopt", vault_adopt_cmd, VAULT_ADOPT_USAGE,
	    "番をしていた機械か鍵をなくした保管庫を、復旧鍵でこの機械が引き継ぎます",
	    "look after a vault whose keeper or its key was lost (recovery key)"},
	{"clock", vault_clock_cmd, VAULT_CLOCK_USAGE,
	    "消せない期限の時計を進め、時計のずれを知らせます",
	    "let the clocks of locks go on, and tell when a clock is wrong"},
	{"serve", vault_serve_cmd, VAULT_SERVE_USAGE,
	    "ほかの機械のために、書き足ししかできない保管場所を開きます",
	    "keep vaults for other machines, which can only add to them"},
	{"enrol", vault_enrol_cmd, VAULT_ENROL_USAGE,
	    "印刷したコードで、この機械を保管場所に登録します",
	    "make this machine known to such a server, with a printed code"},
	{"parity", vault_parity_cmd, VAULT_PARITY_USAGE,
	    "壊れても直せるように、パリティを作ります",
	    "make parity files, so that damage can be repaired"},
	{"carry", vault_carry_cmd, VAULT_CARRY_USAGE,
	    "取り外せるディスクに写します（鍵は要りません）",
	    "bring the copy on a removable disk up to date (no key needed)"},
	{"unpack", vault_unpack_cmd, VAULT_UNPACK_USAGE,
	    "ディスクの写しを保管庫に戻します", "make a vault out of the copy on a disk"},
	{"disk", vault_disk_cmd, VAULT_DISK_USAGE,
	    "どのディスクがどこにあり、何を持っているか",
	    "which disk lies where, and what it holds"},
	{"login", vault_login_cmd, VAULT_LOGIN_USAGE,
	    "オブジェクトストア（S3）のログインをこの機械に預けます",
	    "keep the login of an object store (S3) on this machine"},
	{"ls", vault_ls_cmd, "mamori vault ls REPO GEN [PATH] [--key FILE]",
	    "世代の中のフォルダを見ます", "look into a folder of a generation"},
	{"find", vault_find_cmd, "mamori vault find REPO GEN PATTERN [--key FILE]",
	    "世代の中を名前で探します", "look for names in a generation"},
	{"cat", vault_cat_cmd, "mamori vault cat REPO GEN PATH [--key FILE]",
	    "世代の中のファイルを一つ出します", "print one file of a generation"},
	{"peek", vault_peek_cmd, "mamori vault peek REPO GEN PATH [--key FILE]",
	    "世代の中のファイルの種類と、はじめの部分を見ます",
	    "say what kind of file it is and show how it begins"},
};

int
cmd_vault(struct cli *c, int argc, char **argv)
{
	return cli_dispatch(c, commands, ARRAY_LEN(commands), argc, argv);
}
