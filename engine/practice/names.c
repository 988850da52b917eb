#include "practice/names.h"

#include <stdio.h>

#include "base/num.h"
#include "practice/date.h"
#include "practice/rng.h"

struct name {
	const char *kanji, *kana, *roman;
};

static const struct name families[] = {
	{"佐藤", "サトウ", "SATO"}, {"鈴木", "スズキ", "SUZUKI"}, {"高橋", "タカハシ", "TAKAHASHI"},
	{"田中", "タナカ", "TANAKA"}, {"伊藤", "イトウ", "ITO"}, {"渡辺", "ワタナベ", "WATANABE"},
	{"山本", "ヤマモト", "YAMAMOTO"}, {"中村", "ナカムラ", "NAKAMURA"},
	{"小林", "コバヤシ", "KOBAYASHI"}, {"加藤", "カトウ", "KATO"}, {"吉田", "ヨシダ", "YOSHIDA"},
	{"山田", "ヤマダ", "YAMADA"}, {"佐々木", "ササキ", "SASAKI"}, {"山口", "ヤマグチ", "YAMAGUCHI"},
	{"松本", "マツモト", "MATSUMOTO"}, {"井上", "イノウエ", "INOUE"}, {"木村", "キムラ", "KIMURA"},
	{"林", "ハヤシ", "HAYASHI"}, {"斎藤", "サイトウ", "SAITO"}, {"齋藤", "サイトウ", "SAITO"},
	{"清水", "シミズ", "SHIMIZU"}, {"山崎", "ヤマザキ", "YAMAZAKI"}, {"森", "モリ", "MORI"},
	{"池田", "イケダ", "IKEDA"}, {"橋本", "ハシモト", "HASHIMOTO"}, {"阿部", "アベ", "ABE"},
	{"石川", "イシカワ", "ISHIKAWA"}, {"山下", "ヤマシタ", "YAMASHITA"},
	{"中島", "ナカジマ", "NAKAJIMA"}, {"石井", "イシイ", "ISHII"}, {"小川", "オガワ", "OGAWA"},
	{"前田", "マエダ", "MAEDA"}, {"岡田", "オカダ", "OKADA"}, {"長谷川", "ハセガワ", "HASEGAWA"},
	{"藤田", "フジタ", "FUJITA"}, {"後藤", "ゴトウ", "GOTO"}, {"近藤", "コンドウ", "KONDO"},
	{"村上", "ムラカミ", "MURAKAMI"}, {"遠藤", "エンドウ", "ENDO"}, {"青木", "アオキ", "AOKI"},
	{"坂本", "サカモト", "SAKAMOTO"}, {"渡邊", "ワタナベ", "WATANABE"},
	{"渡邉", "ワタナベ", "WATANABE"}, {"東海林", "ショウジ", "SHOJI"},
	{"五十嵐", "イガラシ", "IGARASHI"}, {"小鳥遊", "タカナシ", "TAKANASHI"},
	/* not in JIS X 0208: ■ in SS-MIX2, so that the kana must carry the name */
	{"髙橋", "タカハシ", "TAKAHASHI"}, {"山﨑", "ヤマザキ", "YAMAZAKI"},
	{"𠮷野", "ヨシノ", "YOSHINO"}, {"葛󠄀西", "カサイ", "KASAI"}, {"濵田", "ハマダ", "HAMADA"},
	{"德永", "トクナガ", "TOKUNAGA"},
};

static const struct name men[] = {
	{"太郎", "タロウ", "TARO"}, {"一郎", "イチロウ", "ICHIRO"}, {"清", "キヨシ", "KIYOSHI"},
	{"茂", "シゲル", "SHIGERU"}, {"実", "ミノル", "MINORU"}, {"正", "タダシ", "TADASHI"},
	{"弘", "ヒロシ", "HIROSHI"}, {"博", "ヒロシ", "HIROSHI"}, {"勇", "イサム", "ISAMU"},
	{"健一", "ケンイチ", "KENICHI"}, {"誠", "マコト", "MAKOTO"}, {"隆", "タカシ", "TAKASHI"},
	{"和夫", "カズオ", "KAZUO"}, {"幸雄", "ユキオ", "YUKIO"}, {"昭", "アキラ", "AKIRA"},
	{"進", "ススム", "SUSUMU"}, {"大輔", "ダイスケ", "DAISUKE"}, {"翔太", "ショウタ", "SHOTA"},
	{"蓮", "レン", "REN"}, {"悠真", "ユウマ", "YUMA"}, {"辰巳", "タツミ", "TATSUMI"},
	{"純也", "ジュンヤ", "JUNYA"}, {"哲也", "テツヤ", "TETSUYA"}, {"三郎", "サブロウ", "SABURO"},
};

static const struct name women[] = {
	{"花子", "ハナコ", "HANAKO"}, {"和子", "カズコ", "KAZUKO"}, {"幸子", "サチコ", "SACHIKO"},
	{"節子", "セツコ", "SETSUKO"}, {"洋子", "ヨウコ", "YOKO"}, {"弘子", "ヒロコ", "HIROKO"},
	{"文子", "フミコ", "FUMIKO"}, {"美代子", "ミヨコ", "MIYOKO"}, {"キヨ", "キヨ", "KIYO"},
	{"ハル", "ハル", "HARU"}, {"ヨシ", "ヨシ", "YOSHI"}, {"千代", "チヨ", "CHIYO"},
	{"久美子", "クミコ", "KUMIKO"}, {"由美", "ユミ", "YUMI"}, {"恵子", "ケイコ", "KEIKO"},
	{"小百合", "サユリ", "SAYURI"}, {"香織", "カオリ", "KAORI"}, {"結衣", "ユイ", "YUI"},
	{"葵", "アオイ", "AOI"}, {"陽菜", "ヒナ", "HINA"}, {"真理", "マリ", "MARI"},
	{"玲奈", "レイナ", "REINA"}, {"ふみ", "フミ", "FUMI"}, {"つぎ", "ツギ", "TSUGI"},
};

static const char *const towns[] = {
	"徳島県仮町市守町", "徳島県仮町市東浜", "徳島県仮町市西山手", "徳島県仮町市半田",
	"徳島県仮町市大字つるぎ", "徳島県仮郡仮川町本町", "徳島県仮郡仮川町南", "徳島県仮郡貞光字仮",
	"香川県仮島市中通り", "愛媛県仮中央市北条",
};

static const char *const houses[] = {"仮メゾン", "仮コーポ", "仮パレス", "仮ハイツ"};

static const struct {
	const char *code, *name;
} plans[] = {
	{"C0", "国民健康保険"}, {"06", "組合管掌健康保険"}, {"01", "全国健康保険協会管掌健康保険"},
	{"39", "後期高齢者医療"}, {"67", "国民健康保険退職者"},
};

static const char *const works[] = {
	"", "", "", "仮山食品有限会社", "仮川運送㈱", "仮町農業協同組合", "㈱仮電機①工場",
	"仮町市役所",
};

void
names_id(uint32_t no, char out[9])
{
	/* 38462143 and 10^8 have no common divisor: a permutation */
	uint64_t id = ((uint64_t)no * UINT64_C(38462143) + UINT64_C(5309417)) % UINT64_C(100000000);

	(void)snprintf(out, 9, "%08u", (unsigned)id);
}

static int
age_of(struct rng *r, uint32_t no)
{
	uint32_t k = rng_below(r, 100);

	(void)no;
	if (k < 6)
		return rng_range(r, 0, 15);
	if (k < 30)
		return rng_range(r, 16, 59);
	if (k < 85)
		return rng_range(r, 60, 89);
	return rng_range(r, 90, 103);
}

static void
body(struct rng *r, int age, struct person *p)
{
	static const char *const abo[] = {"A", "A", "A", "A", "O", "O", "O", "B", "B", "AB"};
	int adult = p->sex == 'M' ? rng_bell(r, 1520, 1800) : rng_bell(r, 1400, 1680);

	if (age < 16)
		adult = 500 + age * (adult - 500) / 16;
	p->height_mm = adult;
	p->weight_hg = (int)((int64_t)adult * adult / 1000 * rng_range(r, 17, 29) / 100);
	if (p->weight_hg < 30)
		p->weight_hg = 30;
	p->abo = abo[rng_below(r, ARRAY_LEN(abo))];
	p->rh = rng_below(r, 200) == 0 ? '-' : '+';
}

static void
home(uint64_t seed, uint32_t no, uint16_t version, struct person *p)
{
	struct rng r;
	int n;

	/* every second change is a move */
	rng_init(&r, rng_hash(seed, no, 0x4144 + version / 2));
	n = snprintf(p->address, sizeof(p->address), "%s99丁目%d番%d号",
	    towns[rng_below(&r, ARRAY_LEN(towns))], rng_range(&r, 1, 30), rng_range(&r, 1, 20));
	if (rng_percent(&r, 35))
		(void)snprintf(p->address + n, sizeof(p->address) - (size_t)n, "　%s%d",
		    houses[rng_below(&r, ARRAY_LEN(houses))], rng_range(&r, 101, 909));
	(void)snprintf(p->postal, sizeof(p->postal), "779-%04d", rng_range(&r, 9000, 9999));
	(void)snprintf(p->phone, sizeof(p->phone), "0999-%02d-%04d", rng_range(&r, 10, 99),
	    rng_range(&r, 0, 9999));
	(void)snprintf(p->mobile, sizeof(p->mobile), "000-%04d-%04d", rng_range(&r, 0, 9999),
	    rng_range(&r, 0, 9999));
	p->weight_hg += rng_range(&r, -15, 15) + (version % 2) * rng_range(&r, -20, 20);
	if (p->weight_hg < 20)
		p->weight_hg = 20;
}

static void
fill(const struct name *f, const struct name *g, struct person *p)
{
	(void)snprintf(p->family, sizeof(p->family), "仮%s", f->kanji);
	(void)snprintf(p->family_kana, sizeof(p->family_kana), "カリ%s", f->kana);
	(void)snprintf(p->family_roman, sizeof(p->family_roman), "KARI%s", f->roman);
	(void)snprintf(p->given, sizeof(p->given), "%s", g->kanji);
	(void)snprintf(p->given_kana, sizeof(p->given_kana), "%s", g->kana);
	(void)snprintf(p->given_roman, sizeof(p->given_roman), "%s", g->roman);
}

void
names_person(uint64_t seed, uint32_t no, uint16_t version, struct person *p)
{
	const struct name *f, *g;
	struct rng r;
	int age;

	*p = (struct person){0};
	rng_init(&r, rng_hash(seed, no, 0x50455253));
	names_id(no, p->id);
	p->sex = rng_percent(&r, 54) ? 'F' : 'M';
	f = &families[rng_below(&r, ARRAY_LEN(families))];
	g = p->sex == 'M' ? &men[rng_below(&r, ARRAY_LEN(men))]
			  : &women[rng_below(&r, ARRAY_LEN(women))];
	fill(f, g, p);
	age = age_of(&r, no);
	p->birth = -age * 365 - age / 4 - rng_range(&r, 40, 364);
	body(&r, age, p);
	if (age >= 75) {
		p->plan = plans[3].code;
		p->plan_name = plans[3].name;
	} else {
		uint32_t k = rng_below(&r, 3);

		p->plan = plans[k].code;
		p->plan_name = plans[k].name;
	}
	(void)snprintf(p->insurer, sizeof(p->insurer), "99%06d", rng_range(&r, 0, 999999));
	p->work = age >= 20 && age < 68 ? works[rng_below(&r, ARRAY_LEN(works))] : "";
	home(seed, no, version, p);
}

void
names_staff(uint32_t no, struct staff *s)
{
	const struct name *f, *g;
	struct rng r;

	rng_init(&r, rng_hash(0x5354414646, no, 1));
	f = &families[rng_below(&r, 46)];
	g = rng_percent(&r, 50) ? &men[rng_below(&r, ARRAY_LEN(men))]
				: &women[rng_below(&r, ARRAY_LEN(women))];
	(void)snprintf(s->id, sizeof(s->id), "%05u", (10000 + no * 37) % 100000u);
	(void)snprintf(s->family, sizeof(s->family), "仮%s", f->kanji);
	(void)snprintf(s->family_kana, sizeof(s->family_kana), "カリ%s", f->kana);
	(void)snprintf(s->given, sizeof(s->given), "%s", g->kanji);
	(void)snprintf(s->given_kana, sizeof(s->given_kana), "%s", g->kana);
}
