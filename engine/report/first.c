/* はじめの一冊: what the first hour with Mamori gives to a clinic, on paper. */
#include "report/make_int.h"

static const char *
person(const struct make *m, const char *role, const char *what)
{
	return get(json_object_get(m->data, role), what);
}

static void
cover(struct make *m)
{
	make_section(m, "", NO_TOC);
	make_space(m, 10);
	make_line(m, "はじめの一冊", "center", 26, true);
	make_line(m, "サイバー攻撃を受けても、診療を続けるために", "center", 13, false);
	make_space(m, 6);
	make_kv(m, 45, "医療機関名", facility(m, "name"), "院長", or(person(m, "director", "name"), facility(m, "director")),
	    "安全管理責任者", or(person(m, "responsible", "name"), facility(m, "responsible")), "担当",
	    or(person(m, "deputy", "name"), facility(m, "deputy")), NULL);
	make_note(m, "最初にすること",
	    "1. 任命書と基本方針を読み、日付と名前を書いて印を押します。\n"
	    "2. 連絡網を電話機のそばに貼ります。\n3. アクションカードを、それぞれの席に置きます。\n"
	    "4. 「今月の六つ」を上から一つずつ進めます。",
	    true);
	make_line(m, "目次", "left", 13, true);
	make_block(m, json_pack("{s:s}", "type", "toc"));
}

static void
appointment(struct make *m, const char *role, const char *title, const char *const *duties)
{
	const char *name = person(m, role, "name"), *post = person(m, role, "post");

	make_section(m, say(m, "任命書（%s）", title), UPRIGHT);
	make_space(m, 8);
	make_line(m, "任 命 書", "center", 22, true);
	make_space(m, 8);
	make_line(m, say(m, "%s%s%s　殿", post, *post ? "　" : "", or(name, "　　　　　　　　　　　　")), "left", 14, true);
	make_space(m, 4);
	make_line(m, say(m, "あなたを、%sの%sに任命します。", or(facility(m, "name"), "当院"), title), "left", 12, false);
	make_space(m, 2);
	make_line(m, "務め", "left", 12, true);
	make_list(m, true, duties);
	make_para(m, say(m, "任期は、%s から、次の任命の日までとします。",
	    or(day(m, get(m->data, "effective")), "　　　　年　　月　　日")));
	make_space(m, 10);
	make_para(m, "任命する者");
	make_sign(m, "日付", or(facility(m, "name"), "医療機関名"), "管理者（院長）", NULL);
	make_para(m, "任命を受ける者");
	make_sign(m, "日付", "氏名", NULL);
}

static void
policy(struct make *m)
{
	const char *name = or(facility(m, "name"), "当院");
	const char *mail = or(facility(m, "phone"), "（電話番号）");

	make_section(m, "医療情報システムの安全管理の基本方針", UPRIGHT);
	make_heading(m, 2, "1. 考え方と目的");
	make_para(m, say(m, "%sは、患者さんから預かった情報を守り、攻撃や故障があっても診療を続けることを、医療の質の一部と考えます。"
		     "この方針は、院長が定め、すべての職員と関わる事業者が守ります。", name));
	make_heading(m, 2, "2. 扱う情報の範囲");
	make_para(m, "診療録（電子カルテ）、医事会計、検査、画像、処方、予約、職員の情報と、それを扱う機械・紙・媒体のすべてを対象とします。"
		     "何がどこにあるかは台帳に書き、年に一度見直します。");
	make_heading(m, 2, "3. 取り扱いと保存");
	make_para(m, "情報は、診療に必要な人が、必要な範囲で扱います。保存の方法と期間は、法令と台帳に従います。"
		     "写し（バックアップ）は毎日取り、消せない形で残し、戻せることを訓練で確かめます。持ち出しは、許可と記録がある時だけとします。");
	make_heading(m, 2, "4. 利用する人の識別");
	make_para(m, "一人に一つの利用者番号を使い、共有や使い回しをしません。二つの要素で本人を確かめます。"
		     "辞めた人、使わない番号は、その日に止めます。だれがいつ何を見たかを記録し、月に一度見直します。");
	make_heading(m, 2, "5. 責任者");
	make_para(m, say(m, "医療情報システム安全管理責任者は %s、担当は %s です。責任者は、方針が守られているかを年に一度院長に報告します。",
	    or(person(m, "responsible", "name"), "（　　　　　　　　）"), or(person(m, "deputy", "name"), "（　　　　　　　　）")));
	make_heading(m, 2, "6. 苦情と質問の窓口");
	make_para(m, say(m, "情報の扱いについての苦情と質問は、%s の受付（%s）でお受けし、責任者が答えます。", name, mail));
	make_heading(m, 2, "7. もしもの時");
	make_para(m, "おかしいと思った人は、だれでもすぐに担当へ知らせます。知らせた人を責めません。"
		     "対策本部を置き、紙で診療を続け、関係するところへ決められた時間の中で届け出ます。");
	make_sign(m, "定めた日", "管理者（院長）", NULL);
}

int
paper_first(const json_t *data, const char *now, json_t **ret, struct err *e)
{
	static const char *const responsible[] = {"医療情報システムの安全管理の規程を作り、年に一度見直すこと",
	    "台帳（情報・機器・人・業者）が今の様子に合っていることを確かめること", "職員の研修と訓練を、年に一度以上行うこと",
	    "異常があった時に、対策本部を置き、関係するところへ届け出ること", "点検の結果と計画を院長に報告すること", NULL};
	static const char *const deputy[] = {"毎日の写し（バックアップ）と記録の確かめをすること",
	    "業者との連絡と、遠隔保守の立ち会い・記録をすること", "利用者番号の登録・変更・停止をすること",
	    "異常の知らせを受け、記録（クロノロ）を始めること", NULL};
	struct make m;

	make_begin(&m, data, "はじめの一冊", now);
	cover(&m);
	appointment(&m, "responsible", "医療情報システム安全管理責任者", responsible);
	appointment(&m, "deputy", "医療情報システムの担当", deputy);
	policy(&m);
	make_section(&m, "体制図", UPRIGHT);
	if (!part_tree(&m, "organisation"))
		make_para(&m, "まだ決まっていません。院長・責任者・担当を決めて、ここに書きます。");
	make_section(&m, "連絡網", UPRIGHT);
	make_para(&m, "上から順に電話します。つながらないときは次へ進みます。電話機のそばに貼ってください。");
	if (!part_tree(&m, "contacts"))
		make_note(&m, "", "連絡先がまだありません。次の所の電話番号を調べて書きます: 業者、警察、都道府県、厚生労働省、保険会社、"
				  "医師会。", false);
	make_block(&m, json_pack("{s:s,s:i,s:s}", "type", "lines", "count", 5, "label", "書き足す連絡先"));
	part_ledgers(&m);
	part_checklists(&m);
	if (get_list(data, "measures")) {
		make_section(&m, "今月の六つ", UPRIGHT);
		make_para(&m, "点検の答えと測ったことから選んだ、先にする六つのことです。上から順に進めます。");
		part_measures(&m);
	}
	part_cards(&m);
	return make_end(&m, ret, e);
}
