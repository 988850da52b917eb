#include "vault/overlay_int.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tap.h"

static const uint8_t repo[FMT_ID_LEN] = {1, 2, 3}, gen[FMT_ID_LEN] = {9, 8, 7};

static const struct ov_rec records[] = {
	{OV_DIR, 10, MTREE_ROOT, 0},
	{OV_FILE, 11, 2, 1000000},     /* 8 pieces */
	{OV_FILE, 12, 3, 5},
	{OV_FILE, 13, 4, 131072},
	{OV_DIR, 14, 5, 0},
	{OV_FILLED, 10, 0, 0},
	{OV_HAVE, 11, 2, 3},
	{OV_HAVE, 11, 4, 2},           /* one of them again */
	{OV_WHOLE, 12, 0, 0},
	{OV_TOUCHED, 11, 0, 0},
	{OV_LOST, 13, 0, 0},
	{OV_HAVE, 11, 7, UINT64_MAX},  /* "to the end", however long that is meant */
	{OV_HAVE, 99, 0, 1},           /* of a file nobody knows */
	{OV_FILLED, 98, 0, 0},
	{OV_FILE, 12, 6, 70000},       /* the number is used again */
};

/* journal(out, nrec): The bytes of a journal; returns their length. */
static size_t
journal(uint8_t *out, size_t nrec)
{
	ov_head_put(repo, gen, out);
	for (size_t i = 0; i < nrec; i++)
		ov_rec_put(&records[i], i, out + OV_HEAD + i * OV_REC);
	return OV_HEAD + nrec * OV_REC;
}

static void
store(const void *p, size_t n)
{
	int fd = open("ov/journal", O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, p, n) != (ssize_t)n)
		abort();
	(void)close(fd);
}

static void
known(void)
{
	uint8_t raw[2048];
	struct vault_overlay_state st;
	struct err e = {0};

	store(raw, journal(raw, sizeof(records) / sizeof(records[0])));
	EQ_I(vault_overlay_look("ov", &st, &e), 0, "a journal is read");
	EQ_I((int64_t)st.files_left, 3, "three files are not whole");
	EQ_I((int64_t)st.dirs_left, 1, "one folder nobody looked into");
	EQ_I((int64_t)st.damaged, 1, "one is damaged");
	/* 11: pieces 2 3 4 5 7 of eight; a piece counts as a full one */
	EQ_I((int64_t)st.bytes_left, 1000000 - 5 * 131072 + 131072 + 70000, "bytes to come");
	OK(memcmp(st.gen, gen, FMT_ID_LEN) == 0 && memcmp(st.repo, repo, FMT_ID_LEN) == 0,
	    "of this generation");
	OK(!st.complete, "not complete");
	EQ_I(vault_overlay_finish("ov", "to", &e), E_INVAL, "so it cannot be finished");
	store(raw, journal(raw, 1));
	EQ_I(vault_overlay_look("ov", &st, &e), 0, "the beginning alone");
	EQ_I((int64_t)st.dirs_left, 1, "is one folder");
}

/* Cut anywhere, and each byte wrong: what came before counts, nothing is made up. */
static void
damaged(void)
{
	uint8_t good[2048], raw[2048];
	struct vault_overlay_state st;
	struct err e = {0};
	size_t n = journal(good, 6);
	int bad = 0, told = 0;

	for (size_t cut = 0; cut <= n; cut++) {
		int r;

		store(good, cut);
		r = vault_overlay_look("ov", &st, &e);
		if (cut < OV_HEAD)
			bad += r >= 0;
		else /* three files appear with records 1 to 3 */
			bad += r < 0 || st.files_left != (cut - OV_HEAD) / OV_REC -
			    ((cut - OV_HEAD) / OV_REC > 0) - (cut - OV_HEAD >= 5 * OV_REC) -
			    (cut - OV_HEAD >= 6 * OV_REC);
	}
	EQ_I(bad, 0, "cut at every byte");
	bad = 0;
	for (size_t i = 0; i < n; i++) {
		int r;

		(void)memcpy(raw, good, n);
		raw[i] ^= 0x40;
		store(raw, n);
		r = vault_overlay_look("ov", &st, &e);
		told += r < 0;
		if (r == 0 && i >= OV_HEAD)
			bad += st.files_left > (i - OV_HEAD) / OV_REC;
		else if (r == 0 && (i < 12 || i >= 16)) /* 12..15 are free */
			bad++;
	}
	EQ_I(bad, 0, "each byte wrong");
	OK(told >= OV_HEAD - 4, "a wrong head is refused");
}

static void
foreign(void)
{
	uint8_t raw[OV_HEAD];
	struct vault_overlay_state st;
	struct err e = {0};

	ov_head_put(repo, gen, raw);
	raw[8] = 2;
	store(raw, sizeof(raw));
	EQ_I(vault_overlay_look("ov", &st, &e), E_PROTO, "a newer format");
	OK(strstr(e.msg, "newer") != NULL, "in words");
	store("what is this? what is this? what is this? what is this? what is this?", 64);
	EQ_I(vault_overlay_look("ov", &st, &e), E_PROTO, "another file");
	EQ_I(vault_overlay_look(".", &st, &e), E_NOENT, "no overlay");
	EQ_I(vault_overlay_look("nothing", &st, &e), E_NOENT, "nothing there");
}

/* A record counts at its own place only. */
static void
moved(void)
{
	uint8_t raw[OV_REC];
	struct ov_rec got;

	ov_rec_put(&records[1], 7, raw);
	OK(ov_rec_get(raw, 7, &got) && got.ino == 11 && got.b == 1000000, "a record");
	OK(!ov_rec_get(raw, 8, &got), "not at another place");
}

int
main(void)
{
	char dir[] = "/tmp/mamori-overlay.XXXXXX";

	if (!mkdtemp(dir) || chdir(dir) < 0 || mkdir("ov", 0700) < 0)
		abort();
	known();
	damaged();
	foreign();
	moved();
	(void)unlink("ov/journal");
	(void)rmdir("ov");
	(void)!chdir("/");
	(void)rmdir(dir);
	return tap_done();
}
