#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/time.h"
#include "base/utf8.h"

/* What the process has said so far; a program has one standard output, so this is one per program.
 */
static struct {
	bool json_done;
	struct err last;
	bool failed;
	int64_t progress_at;
	bool progress_shown;
} said;

int
cli_dispatch(struct cli *c, const struct cli_cmd *table, size_t n, int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < n; i++) {
		if (strcmp(argv[1], table[i].name) == 0)
			return table[i].fn(c, argc - 1, argv + 1);
	}
	if (argc > 1)
		fprintf(stderr, "mamori %s: %s: %s\n", argv[0],
		    L(c, "分からない命令です", "unknown command"), argv[1]);
	fprintf(stderr, "%s\n", L(c, "使い方:", "usage:"));
	for (size_t i = 0; i < n; i++)
		fprintf(stderr, "  %s\n      %s\n", table[i].usage, L(c, table[i].ja, table[i].en));
	return CLI_USAGE;
}

static const char *
advice(const struct cli *c, int code)
{
	switch (code) {
	case E_NOMEM:
		return L(c, "メモリーが足りません。ほかの処理を止めて、もう一度お試しください。",
		    "Not enough memory: stop other programs and try again.");
	case E_INVAL:
		return L(c, "書き方を確かめてください（--help で使い方が出ます）。",
		    "Check how it is written (--help shows the usage).");
	case E_NOENT:
		return L(c, "場所（--state など）と名前を確かめてください。",
		    "Check the place (--state) and the name.");
	case E_CORRUPT:
		return L(c, "何も変更していません。この場所をそのまま残し、別の写しを確かめてください。",
		    "Nothing was changed. Keep this place as it is and check another copy.");
	case E_AUTH:
		return L(c, "鍵または権限が違います。正しい鍵、正しい利用者で実行してください。",
		    "The key or the right is missing: use the right key, or the right user.");
	case E_LIMIT:
		return L(c, "上限を超えています。分けて実行してください。",
		    "A limit was reached: do it in smaller parts.");
	case E_PROTO:
		return L(c, "別の種類か、新しい版のデータです。新しい Mamori を使ってください。",
		    "It is of another kind or of a newer version: use a newer Mamori.");
	case E_EXIST:
		return L(c, "すでにあります。何も変更していません。",
		    "It is already there. Nothing was changed.");
	case E_BUSY:
		return L(c, "ほかで使用中です。少し待って、もう一度お試しください。",
		    "It is in use: wait a little and try again.");
	case E_CANCEL:
		return L(c, "中止しました。", "Stopped as asked.");
	case E_NOSPC:
		return L(c, "空き容量がありません。空きを作って、もう一度お試しください。失われたデータはありません。",
		    "The disk is full: make room and try again. Nothing was lost.");
	case E_NET:
		return L(c, "相手の機械・回線・アドレスを確かめて、もう一度お試しください。失われたデータはありません。",
		    "Check the other machine, the line and the address, then try again. "
		    "Nothing was lost.");
	default:
		return L(c, "ディスクや権限を確かめて、もう一度お試しください。",
		    "Check the disk and the permissions, then try again.");
	}
}

int
cli_fail(struct cli *c, const struct err *e, const char *lead)
{
	cli_progress_end(c);
	said.last = *e;
	said.failed = true;
	fprintf(stderr, "mamori: %s%s%s\n", lead ? lead : "", lead ? ": " : "", e->msg);
	fprintf(stderr, "  → %s\n", advice(c, e->code));
	if (e->code == E_INVAL)
		return CLI_USAGE;
	return e->code == E_CORRUPT ? CLI_NO : CLI_FAIL;
}

int
cli_usage(struct cli *c, const char *usage)
{
	fprintf(stderr, "%s %s\n", L(c, "使い方:", "usage:"), usage);
	return CLI_USAGE;
}

void
cli_say(struct cli *c, const char *fmt, ...)
{
	FILE *out = c->json ? stderr : stdout;
	va_list ap;

	cli_progress_end(c);
	va_start(ap, fmt);
	(void)vfprintf(out, fmt, ap);
	va_end(ap);
	fputc('\n', out);
}

void
cli_json(struct cli *c, json_t *obj)
{
	if (c->json && obj && !said.json_done) {
		cli_progress_end(c);
		(void)json_dumpf(obj, stdout, JSON_COMPACT);
		fputc('\n', stdout);
		said.json_done = true;
	}
	json_decref(obj);
}

void
cli_progress(struct cli *c, const char *fmt, ...)
{
	int64_t now = time_mono_us();
	va_list ap;

	(void)c;
	if (getenv("MAMORI_PROGRESS")) { /* for a program that passes it on */
		if (now - said.progress_at < TIME_SEC / 2)
			return;
		fputs("progress: ", stderr);
		va_start(ap, fmt);
		(void)vfprintf(stderr, fmt, ap);
		va_end(ap);
		fputc('\n', stderr);
		said.progress_at = now;
		return;
	}
	if (!isatty(STDERR_FILENO) ||
	    (said.progress_shown && now - said.progress_at < TIME_SEC / 10))
		return;
	fputc('\r', stderr);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputs("\x1b[K", stderr);
	(void)fflush(stderr);
	said.progress_at = now;
	said.progress_shown = true;
}

void
cli_progress_end(struct cli *c)
{
	(void)c;
	if (!said.progress_shown)
		return;
	fputs("\r\x1b[K", stderr);
	(void)fflush(stderr);
	said.progress_shown = false;
}

const char *
cli_bytes(char *buf, uint64_t n)
{
	static const char *const unit[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
	double v = (double)n;
	size_t i = 0;

	while (v >= 999.95 && i + 1 < sizeof(unit) / sizeof(unit[0])) {
		v /= 1000;
		i++;
	}
	(void)snprintf(buf, 24, i == 0 ? "%.0f %s" : "%.1f %s", v, unit[i]);
	return buf;
}

/* A message may hold the bytes of a path; JSON is UTF-8. */
static void
json_failure(struct cli *c, int status)
{
	struct buf text;
	const char *msg = NULL;

	buf_init(&text, 4 * sizeof(said.last.msg) + 1);
	if (utf8_show(&text, said.last.msg, strlen(said.last.msg), NULL) == 0)
		msg = buf_cstr(&text, NULL);
	cli_json(c, json_pack("{s:b,s:i,s:{s:s,s:s}}", "ok", 0, "status", status, "error",
	    "kind", said.failed ? err_name(said.last.code) : "usage", "message", msg ? msg : ""));
	buf_free(&text);
}

int
cli_end(struct cli *c, int status)
{
	cli_progress_end(c);
	if (c->json && !said.json_done && status != CLI_OK)
		json_failure(c, status);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "mamori: %s\n", L(c, "結果を書き出せませんでした。",
		    "The result could not be written."));
		return status == CLI_OK ? CLI_FAIL : status;
	}
	return status;
}
