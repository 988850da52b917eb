/* The text file of a recovery key: written for a clerk who finds the sheet on the worst day, and
 * read back leniently, because what comes back may have been typed from paper. */
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>

#include "base/num.h"
#include "base/utf8.h"
#include "crypt/paperkey.h"
#include "crypt/secret.h"

enum { MAX_FILE = 64 * 1024, MAX_WORDS_TEXT = 8 * 1024 };

static const char head_whole[] =
    "守り（Mamori） 復旧の鍵\n"
    "======================================================================\n"
    "\n"
    "■ これは何か\n"
    "  控え（バックアップ）を読み戻すための、ただ一つの鍵です。\n"
    "  この鍵がないと、守りを作った人にも、誰にも、控えは読めません。\n"
    "  この鍵を持つ人は、控えにあるすべての診療情報を読めます。現金と同じに扱ってください。\n"
    "\n"
    "■ 今日すること\n"
    "  1. この文書を二枚印刷し、それぞれ封筒に入れて封をする。\n"
    "  2. 一枚は院内の金庫へ。もう一枚は院外（貸金庫、院長宅の金庫など）へ。\n"
    "  3. 印刷を確かめたら、この文書をパソコンから消す。\n"
    "     このパソコンにも、ファイルサーバーにも、クラウドにも置かない。\n"
    "     写真に撮らない。メールで送らない。\n"
    "  4. しまった場所と日付を、鍵の台帳に書く。\n"
    "\n";

static const char title_share[] =
    "守り（Mamori） 復旧の鍵 － 三つに分けた %d番の紙 / share %d\n"
    "======================================================================\n"
    "\n";

static const char head_share[] =
    "■ これは何か\n"
    "  控え（バックアップ）を読み戻す鍵を三つに分けた、そのうちの一枚です。\n"
    "  三枚のうち、どれか二枚がそろうと鍵になります。一枚だけでは何も読めません。\n"
    "  一枚をなくしても、残りの二枚で読めます。二枚をなくすと、誰にも読めなくなります。\n"
    "\n"
    "■ 今日すること\n"
    "  1. この文書を印刷し、封筒に入れて封をする。\n"
    "  2. 三枚を別々の場所、別々の人に預ける\n"
    "     （院内の金庫、院長宅の金庫、顧問の先生や貸金庫など）。\n"
    "  3. 印刷を確かめたら、この文書をパソコンから消す。\n"
    "     このパソコンにも、ファイルサーバーにも、クラウドにも置かない。\n"
    "     写真に撮らない。メールで送らない。\n"
    "  4. 誰にどの番号を預けたかを、鍵の台帳に書く。\n"
    "\n";

static const char worst_whole[] =
    "■ カルテが読めなくなった日にすること\n"
    "  1. 被害を受けていないパソコンを使う。被害を受けたパソコンにこの鍵を入れない。\n"
    "  2. 下の「kana:」から後の言葉を打ち込み、key.txt という名前で保存する\n"
    "     （この文書がファイルで手元にあれば、そのまま使える）。\n"
    "     カナでもローマ字でもよい。打ち間違えると、何番の言葉かを守りが知らせます。\n"
    "  3. 次の一行を打つ：\n"
    "\n"
    "       mamori vault restore 控えの場所 latest --to 戻す場所 --key key.txt\n"
    "\n"
    "  4. 終わったら key.txt を消し、この紙を金庫に戻す。\n"
    "\n";

static const char worst_share[] =
    "■ カルテが読めなくなった日にすること\n"
    "  1. 番号の違う二枚を集める。\n"
    "  2. 被害を受けていないパソコンを使う。被害を受けたパソコンにこの鍵を入れない。\n"
    "  3. 一枚ごとに「mamori-key:」の行から後を打ち込み、key1.txt、key2.txt として保存する\n"
    "     （この文書がファイルで手元にあれば、そのまま使える）。\n"
    "     カナでもローマ字でもよい。打ち間違えると、何番の言葉かを守りが知らせます。\n"
    "  4. 次の一行を打つ：\n"
    "\n"
    "       mamori vault restore 控えの場所 latest --to 戻す場所 --key key1.txt --key key2.txt\n"
    "\n"
    "  5. 終わったら key1.txt と key2.txt を消し、紙を元の場所に戻す。\n"
    "\n";

static const char english_whole[] =
    "----------------------------------------------------------------------\n"
    "RECOVERY KEY. The only key that reads the backup back; whoever holds it can\n"
    "read every record in it. Print two copies, keep them in two safes (one outside\n"
    "the building), then delete this file. Never keep it on this computer, a file\n"
    "server or a phone. On the worst day, on a computer that was not attacked, type\n"
    "the words below into key.txt and run\n"
    "\n"
    "  mamori vault restore REPO latest --to DIR --key key.txt\n"
    "\n";

static const char english_share[] =
    "----------------------------------------------------------------------\n"
    "RECOVERY KEY, ONE OF THREE SHARES. Any two different shares make the key; one\n"
    "alone reveals nothing. Print it, give the three to three different safes, then\n"
    "delete this file. Never keep it on this computer, a file server or a phone. On\n"
    "the worst day, on a computer that was not attacked, type everything from\n"
    "\"mamori-key:\" on into key1.txt and key2.txt and run\n"
    "\n"
    "  mamori vault restore REPO latest --to DIR --key key1.txt --key key2.txt\n"
    "\n";

static const char caption[] =
    "----------------------------------------------------------------------\n"
    "ここから下を守りが読みます。書きかえないでください。/ Mamori reads what follows.\n"
    "for＝どの控えの鍵か　fingerprint＝鍵の見分け番号　kana・latin＝鍵の言葉（どちらか一方でよい）\n"
    "\n";

static bool
fingerprint_ok(const char *s)
{
	uint8_t p[4];

	return hex_get(p, sizeof(p), s) == 0;
}

static bool
id_ok(const char *p, size_t n)
{
	if (n >= sizeof(((struct paperkey_file *)0)->id) || !utf8_ok(p, n))
		return false;
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)p[i] < 0x20 || p[i] == 0x7f)
			return false;
	}
	return n == 0 || (p[0] != ' ' && p[n - 1] != ' ');
}

static int
put(struct buf *b, const char *id, const char *fingerprint, const uint8_t key[PAPERKEY_LEN],
    int share, struct err *e)
{
	int r = share ? buf_fmt(b, e, title_share, share, share) : 0;

	if (r == 0)
		r = buf_str(b, share ? head_share : head_whole, e);
	if (r == 0)
		r = buf_str(b, share ? worst_share : worst_whole, e);
	if (r == 0)
		r = buf_str(b, share ? english_share : english_whole, e);
	if (r == 0)
		r = buf_str(b, caption, e);
	if (r == 0)
		r = buf_fmt(b, e, "mamori-key: v1\nfor: %s\n", id);
	if (r == 0 && share)
		r = buf_fmt(b, e, "share: %d of %d, any 2\n", share, PAPERKEY_SHARES);
	if (r == 0)
		r = buf_fmt(b, e, "fingerprint: %s\n\nkana:\n", fingerprint);
	if (r == 0)
		r = paperkey_words(b, key, PAPERKEY_KANA, e);
	if (r == 0)
		r = buf_str(b, "\nlatin:\n", e);
	if (r == 0)
		r = paperkey_words(b, key, PAPERKEY_LATIN, e);
	return r == 0 ? buf_str(b, "\nend\n", e) : r;
}

int
paperkey_file_put(struct buf *b, const char *id, const char *fingerprint,
    const uint8_t key[PAPERKEY_LEN], int share, struct err *e)
{
	size_t old = b->len;
	int r;

	if (share < 0 || share > PAPERKEY_SHARES)
		return err_set(e, E_INVAL, "there is no share %d", share);
	if (!id_ok(id, strlen(id)) || !fingerprint_ok(fingerprint))
		return err_set(e, E_INVAL, "not an id and fingerprint of a key");
	r = put(b, id, fingerprint, key, share, e);
	if (r < 0)
		b->len = old;
	return r;
}

/* ---- reading ---- */

struct line {
	const char *p;
	size_t n;
};

/* The next line without its end and without spaces at both sides. */
static bool
next_line(struct rd *r, struct line *l)
{
	size_t left = rd_left(r), n;
	const char *p = (const char *)r->p + r->pos, *nl;

	if (left == 0)
		return false;
	nl = memchr(p, '\n', left);
	n = nl ? (size_t)(nl - p) : left;
	(void)rd_bytes(r, nl ? n + 1 : n);
	if (n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0) {
		p += 3;
		n -= 3;
	}
	while (n > 0 && (p[0] == ' ' || p[0] == '\t')) {
		p++;
		n--;
	}
	while (n > 0 && (p[n - 1] == ' ' || p[n - 1] == '\t' || p[n - 1] == '\r'))
		n--;
	*l = (struct line){p, n};
	return true;
}

/* If the line is "name: value" (any case), its value. */
static bool
field(const struct line *l, const char *name, struct line *value)
{
	size_t n = strlen(name);

	if (l->n <= n || strncasecmp(l->p, name, n) != 0 || l->p[n] != ':')
		return false;
	*value = (struct line){l->p + n + 1, l->n - n - 1};
	while (value->n > 0 && (value->p[0] == ' ' || value->p[0] == '\t')) {
		value->p++;
		value->n--;
	}
	return true;
}

enum part { PART_NONE, PART_KANA, PART_LATIN };

struct parse {
	struct paperkey_file *ret;
	bool marked;   /* the words are announced by "kana:" or "latin:" */
	bool labelled; /* there is at least one label */
	enum part part;
	struct buf kana, latin;
};

static int
take_share(struct parse *p, const struct line *v, struct err *e)
{
	if (v->n < 1 || v->p[0] < '1' || v->p[0] > '0' + PAPERKEY_SHARES ||
	    (v->n > 1 && v->p[1] >= '0' && v->p[1] <= '9'))
		return err_set(e, E_INVAL,
		    "「share:」の行は 1、2、3 のどれかです (the share must be 1, 2 or 3)");
	p->ret->share = v->p[0] - '0';
	return 0;
}

/* 1: the line was a label; 0: it was not. */
static int
take_label(struct parse *p, const struct line *l, struct err *e)
{
	struct line v;
	char fp[9] = "";

	if (field(l, "mamori-key", &v)) {
		if (v.n != 2 || memcmp(v.p, "v1", 2) != 0)
			return err_set(e, E_PROTO,
			    "この鍵の書式は新しすぎます。新しい守りを使ってください"
			    " (this key was written by a newer Mamori)");
	} else if (field(l, "for", &v)) {
		if (!id_ok(v.p, v.n))
			return err_set(e, E_INVAL,
			    "「for:」の行が読めません (the line \"for:\" makes no sense)");
		(void)memcpy(p->ret->id, v.p, v.n);
		p->ret->id[v.n] = 0;
	} else if (field(l, "fingerprint", &v)) {
		if (v.n == 8)
			(void)memcpy(fp, v.p, 8);
		if (!fingerprint_ok(fp))
			return err_set(e, E_INVAL,
			    "「fingerprint:」の行は16進数8桁です"
			    " (the fingerprint has 8 hexadecimal digits)");
		for (int i = 0; i < 8; i++)
			p->ret->fingerprint[i] = (char)(fp[i] | (fp[i] >= 'A' ? 0x20 : 0));
	} else if (field(l, "share", &v)) {
		int r = take_share(p, &v, e);

		if (r < 0)
			return r;
	} else {
		return 0;
	}
	p->part = p->marked ? PART_NONE : PART_KANA;
	return 1;
}

static bool
is_word(const struct line *l, const char *word)
{
	return l->n == strlen(word) && strncasecmp(l->p, word, l->n) == 0;
}

static int
take_line(struct parse *p, const struct line *l, struct err *e)
{
	struct buf *b;
	int r = take_label(p, l, e);

	if (r != 0)
		return r < 0 ? r : 0;
	if (is_word(l, "kana:")) {
		p->part = PART_KANA;
		return 0;
	}
	if (is_word(l, "latin:")) {
		p->part = PART_LATIN;
		return 0;
	}
	if (is_word(l, "end"))
		p->part = PART_NONE;
	if (p->part == PART_NONE)
		return 0;
	b = p->part == PART_KANA ? &p->kana : &p->latin;
	r = buf_put(b, l->p, l->n, e);
	return r == 0 ? buf_str(b, "\n", e) : r;
}

/* Which labels there are decides how the rest is read. */
static void
survey(struct parse *p, const char *s, size_t n)
{
	struct rd r = rd_init(s, n);
	struct line l, v;

	while (next_line(&r, &l)) {
		p->labelled = p->labelled || field(&l, "mamori-key", &v) ||
		    field(&l, "share", &v) || field(&l, "fingerprint", &v);
		p->marked = p->marked || is_word(&l, "kana:") || is_word(&l, "latin:");
	}
}

static bool
blank(const struct buf *b)
{
	for (size_t i = 0; i < b->len; i++) {
		if (b->p[i] != '\n')
			return false;
	}
	return true;
}

/* Either form of the words will do; when both are there and readable they must agree. */
static int
read_words(struct parse *p, uint8_t key[PAPERKEY_LEN], struct err *e)
{
	uint8_t other[PAPERKEY_LEN];
	int a, b;

	if (blank(&p->kana))
		return paperkey_read((const char *)p->latin.p, p->latin.len, key, e);
	a = paperkey_read((const char *)p->kana.p, p->kana.len, key, e);
	if (blank(&p->latin))
		return a;
	b = paperkey_read((const char *)p->latin.p, p->latin.len, other, NULL);
	if (a < 0 && b == 0) {
		(void)memcpy(key, other, PAPERKEY_LEN);
		a = 0;
	} else if (a == 0 && b == 0 && !secret_eq(key, other, PAPERKEY_LEN)) {
		a = err_set(e, E_INVAL,
		    "カナとローマ字が別の鍵を示しています (the kana and the Latin words differ)");
	}
	OPENSSL_cleanse(other, sizeof(other));
	return a;
}

static void
wipe(struct buf *b)
{
	if (b->p)
		OPENSSL_cleanse(b->p, b->cap);
	buf_free(b);
}

static int
parse_file(struct parse *p, const char *s, size_t n, struct err *e)
{
	struct rd r = rd_init(s, n);
	struct line l;
	char fp[9];
	int x = 0;

	/* The most that fits is reserved now: a growing buffer would leave copies behind. */
	if (buf_reserve(&p->kana, MAX_WORDS_TEXT, e) < 0 ||
	    buf_reserve(&p->latin, MAX_WORDS_TEXT, e) < 0)
		return E_NOMEM;
	p->part = p->marked || p->labelled ? PART_NONE : PART_KANA;
	while (x == 0 && next_line(&r, &l))
		x = take_line(p, &l, e);
	if (x == E_LIMIT)
		x = err_set(e, E_INVAL, "鍵の文書ではありません：長すぎます (too long for a key)");
	if (x == 0)
		x = read_words(p, p->ret->key, e);
	if (x == 0 && p->ret->share == 0 && p->ret->fingerprint[0]) {
		paperkey_fingerprint(p->ret->key, fp);
		if (strcmp(fp, p->ret->fingerprint) != 0)
			x = err_set(e, E_INVAL,
			    "語は %s の鍵ですが、文書には %s とあります。別の鍵の語が混ざっています"
			    " (the words are key %s, the text says %s)",
			    fp, p->ret->fingerprint, fp, p->ret->fingerprint);
	}
	return x;
}

int
paperkey_file_get(const char *s, size_t n, struct paperkey_file *ret, struct err *e)
{
	struct paperkey_file got = {0};
	struct parse p = {.ret = &got};
	int r;

	if (n > MAX_FILE)
		return err_set(e, E_INVAL, "鍵の文書ではありません：長すぎます (too long for a key)");
	if (!utf8_ok(s, n)) /* the one message that names the way out */
		return paperkey_read("\xff", 1, got.key, e);
	buf_init(&p.kana, MAX_WORDS_TEXT);
	buf_init(&p.latin, MAX_WORDS_TEXT);
	survey(&p, s, n);
	r = parse_file(&p, s, n, e);
	if (r == 0)
		*ret = got;
	wipe(&p.kana);
	wipe(&p.latin);
	OPENSSL_cleanse(&got, sizeof(got));
	return r;
}
