/* The recovery key as a page for the safe: words, QR code, and what to do on the worst day. One
 * HTML file that needs nothing else. */
#include <qrencode.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "cli/cli_vault.h"

static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"ja\"><head><meta charset=\"utf-8\">\n"
    "<title>守り 復旧鍵 / Mamori recovery key</title>\n<style>\n"
    "@page{size:A4;margin:14mm}\n"
    "body{font-family:'Noto Sans CJK JP','Hiragino Sans','Yu Gothic',sans-serif;font-size:10.5pt;"
    "line-height:1.5;color:#000;background:#fff;max-width:182mm;margin:0 auto}\n"
    "h1{font-size:18pt;margin:0 0 2mm}h2{font-size:12pt;margin:4mm 0 1mm;"
    "border-bottom:1px solid #000}\n"
    "pre{font-family:'Noto Sans Mono CJK JP',monospace;font-size:13pt;line-height:1.55;"
    "margin:1mm 0;"
    "white-space:pre}\npre.latin{font-size:10.5pt}\n.qr{float:right;width:46mm;"
    "margin:0 0 2mm 4mm}\n"
    "table{border-collapse:collapse}td{padding:0 4mm 0 0;vertical-align:top}\n"
    ".warn{clear:both;border:2px solid #000;padding:2mm 3mm;margin:3mm 0}"
    "ol{margin:1mm 0 0 5mm;padding:0}\n"
    "code{font-family:monospace;font-size:9.5pt;word-break:break-all}\n"
    "</style></head><body>\n";

static const char steps[] =
    "<h2>もしものとき（電子カルテが暗号化された・消えた）</h2><ol>\n"
    "<li>あわてて機械を直さないでください。保管庫（バックアップ）の線を、被害を受けた機械から抜きます。</li>\n"
    "<li>きれいな機械（新しく入れた Debian など）に Mamori を入れ、保管庫のディスクをつなぎます。</li>\n"
    "<li>世代を見ます: <code>mamori vault list 保管庫 --key -</code>（このことばを打ち込み、Ctrl-D）</li>\n"
    "<li>空の場所へ戻します: <code>mamori vault restore 保管庫 latest --to /戻す先 --key -</code><br>"
    "途中で止まったら、同じ命令に <code>--resume</code> を付けます。</li>\n"
    "<li>被害の前の世代を選びます（<code>latest</code> の代わりに一覧の番号）。</li></ol>\n"
    "<h2>On the worst day</h2><ol>\n"
    "<li>Unplug the vault from the machines that were hit. Do not repair anything in "
    "a hurry.</li>\n"
    "<li>Put Mamori on a clean machine and connect the vault's disk to it.</li>\n"
    "<li><code>mamori vault list VAULT --key -</code> (type these words, then Ctrl-D)</li>\n"
    "<li><code>mamori vault restore VAULT latest --to /EMPTY/PLACE --key -</code>; if it was "
    "interrupted, the same with <code>--resume</code>. Choose a generation from before the attack."
    "</li></ol>\n</body></html>\n";

/* text(b, s, e): With what HTML would take for its own replaced. */
static int
text(struct buf *b, const char *s, size_t n, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		if (s[i] == '<')
			r = buf_str(b, "&lt;", e);
		else if (s[i] == '&')
			r = buf_str(b, "&amp;", e);
		else
			r = buf_put(b, s + i, 1, e);
	}
	return r;
}

/* qr(b, p, n, e): One path of dark modules in an SVG. */
static int
qr(struct buf *b, const void *p, size_t n, struct err *e)
{
	QRcode *q = QRcode_encodeData((int)n, p, 0, QR_ECLEVEL_M);
	int r;

	if (!q)
		return err_set(e, E_NOMEM, "the QR code could not be made");
	r = buf_fmt(b, e,
	    "<svg class=\"qr\" viewBox=\"-4 -4 %d %d\" shape-rendering=\"crispEdges\" "
	    "role=\"img\" aria-label=\"QR\"><path d=\"",
	    q->width + 8, q->width + 8);
	for (int y = 0; y < q->width && r == 0; y++)
		for (int x = 0; x < q->width && r == 0; x++)
			if (q->data[y * q->width + x] & 1)
				r = buf_fmt(b, e, "M%d %dh1v1h-1z", x, y);
	if (r == 0)
		r = buf_str(b, "\"/></svg>\n", e);
	(void)memset(q->data, 0, (size_t)q->width * (size_t)q->width);
	QRcode_free(q);
	return r;
}

static int
words(struct buf *b, const uint8_t *key, enum paperkey_script script, struct err *e)
{
	struct buf w;
	int r;

	buf_init(&w, 65536);
	r = buf_str(b, script == PAPERKEY_LATIN ? "<pre class=\"latin\">" : "<pre>", e);
	if (r == 0)
		r = paperkey_words(&w, key, script, e);
	if (r == 0)
		r = text(b, (const char *)w.p, w.len, e);
	if (r == 0)
		r = buf_str(b, "</pre>\n", e);
	if (w.p)
		explicit_bzero(w.p, w.cap);
	buf_free(&w);
	return r;
}

static int
about(struct buf *b, const char *id, const char *fingerprint, int share, const char *made,
    struct err *e)
{
	int r = buf_fmt(b, e, "<h1>守り 復旧鍵%s</h1>\n<p>Mamori recovery key%s</p>\n<table>"
	    "<tr><td>保管庫 / vault</td><td><code>%s</code></td></tr>"
	    "<tr><td>指紋 / fingerprint</td><td><code>%s</code></td></tr>"
	    "<tr><td>作成 / made</td><td>%s</td></tr></table>\n", share ? "（分割片）" : "",
	    share ? " (share)" : "", id, fingerprint, made);

	if (r == 0 && share)
		r = buf_fmt(b, e, "<p>3 枚のうち %d 枚目。どれか 2 枚で復旧できます。"
		    "Share %d of 3; any two open the vault.</p>\n", share, share);
	if (r == 0)
		r = buf_str(b,
		    "<p class=\"warn\">この紙があれば、だれでも中身を読めます。無ければ、だれも戻せません。"
		    "金庫に入れ、写真を撮らず、機械に残さないでください。<br>Whoever has this page can read "
		    "everything; without it nobody can restore. Keep it in a safe, take no "
		    "photograph, "
		    "leave no copy on a machine.</p>\n",
		    e);
	return r;
}

int
vault_sheet(struct buf *b, const char *id, const char *fingerprint,
    const uint8_t key[PAPERKEY_LEN], int share, const char *made, struct err *e)
{
	char hex[2 * PAPERKEY_LEN + 1];
	struct buf code;
	int r = buf_str(b, head, e);

	buf_init(&code, 65536);
	/* the QR code holds what a key file holds, in its shortest readable form */
	if (r == 0)
		r = buf_fmt(&code, e, "mamori-key: v1\nfor: %s\n", id);
	if (r == 0 && share)
		r = buf_fmt(&code, e, "share: %d of 3, any 2\n", share);
	if (r == 0)
		r = buf_fmt(&code, e, "fingerprint: %s\nlatin:\n", fingerprint);
	hex_put(hex, key, PAPERKEY_LEN);
	if (r == 0)
		r = buf_str(&code, hex, e);
	explicit_bzero(hex, sizeof(hex));
	if (r == 0)
		r = qr(b, code.p, code.len, e);
	if (r == 0)
		r = about(b, id, fingerprint, share, made, e);
	if (r == 0)
		r = buf_str(b, "<h2>ことば / words</h2>\n", e);
	if (r == 0)
		r = words(b, key, PAPERKEY_KANA, e);
	if (r == 0)
		r = words(b, key, PAPERKEY_LATIN, e);
	if (r == 0)
		r = buf_str(b, steps, e);
	if (code.p)
		explicit_bzero(code.p, code.cap);
	buf_free(&code);
	return r;
}
